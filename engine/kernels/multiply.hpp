// Products of activations with packed matrices, on a team of threads.
//
// Grouped weights meet activations rounded to 16-bit integers, each 32 with a scale of their own: the
// products of a group are then added exactly, and what the rounding changes is some 1e-5 of a result. On
// machines without 8-bit dot products that costs no more than 8-bit activations would, which lose a hundred
// times as much. Float weights meet float activations.
//
// A row's result is the same, bit for bit, whatever rows are multiplied with it and on how many threads.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/kernels/functions.hpp"
#include "engine/kernels/matrix.hpp"
#include "engine/kernels/team.hpp"

namespace parley::kernels {

// Memory that products use again and again; one for each thread that calls multiply.
class Workspace {
 public:
  // x [rows, inputs] as `format` wants it. Valid until the next call; floats are not copied.
  Activations prepare(Team& team, Format format, const float* x, int rows, int inputs);

 private:
  std::vector<std::int16_t> levels_;
  std::vector<float> scales_;
  std::vector<float> sums_;
};

// x [rows, inputs], to.values [rows, outputs], or [rows, outputs / 2] with Then::gate; both dense.
void multiply(Team& team, const Matrix& matrix, const float* x, int rows, const Destination& to,
              Workspace& workspace);

}  // namespace parley::kernels
