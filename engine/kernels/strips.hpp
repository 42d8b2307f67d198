// Products of many rows with float matrices, as encoders need them: hundreds of rows meet every weight.
//
// With few rows a product is as fast as the weights come from memory (multiply.hpp). With many it is as fast
// as the processor multiplies, so the registers hold as large a tile of the result as they can, 14 rows by 32
// columns with AVX-512, 6 by 16 with AVX2, and rows lie in strips: for each input, the numbers of all rows of
// a strip side by side. A tile then reads two arrays from their beginning to their end. (The scheme is that
// of Goto & van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication".) 16-bit weights are
// widened, exactly, a few panels at a time.
//
// A row's result is the same, bit for bit, whatever rows are multiplied with it and on how many threads.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/kernels/functions.hpp"
#include "engine/kernels/matrix.hpp"
#include "engine/kernels/team.hpp"

namespace parley::kernels {

// Rows of activations [rows, inputs] on their way into a product. Memory is kept from one product to the
// next.
class Strips {
 public:
  Strips() : strip_rows_(functions().strip_rows) {}

  void resize(int rows, int inputs);  // what they hold is undefined then, until each strip is filled
  int rows() const { return rows_; }
  int inputs() const { return inputs_; }
  int count() const { return (rows_ + strip_rows_ - 1) / strip_rows_; }
  int first_row(int strip) const { return strip * strip_rows_; }
  int rows_of(int strip) const;  // the last strip may be short

  // Takes the strip's rows, rows_of(strip) of them, `step` floats apart. Different strips may be filled on
  // different threads.
  void fill(int strip, const float* rows, std::ptrdiff_t step);
  const float* strip(int index) const {  // [inputs, strip_rows]
    return numbers_.data() + static_cast<std::ptrdiff_t>(first_row(index)) * inputs_;
  }

 private:
  int strip_rows_;
  int rows_ = 0;
  int inputs_ = 0;
  std::vector<float> numbers_;
};

// x [rows, inputs] -> to.values [rows, outputs], dense. Then::store and Then::add; a matrix in a float
// format. Throws std::invalid_argument for others, and where x is not as wide as the matrix.
void multiply(Team& team, const Matrix& matrix, const Strips& x, const Destination& to);

// One strip by itself: out [inputs, strip_rows], of `count` rows, the missing ones zeros.
void fill_strip(int strip_rows, const float* rows, std::ptrdiff_t step, int count, int inputs, float* out);

}  // namespace parley::kernels
