// Rows and columns of a matrix of floats change places.
#pragma once

#include <cstddef>
#include <vector>

namespace parley::weights {

// [rows, columns] -> [columns, rows]. `values` must be a whole number of rows.
inline std::vector<float> transposed(const std::vector<float>& values, std::size_t rows) {
  const std::size_t columns = rows == 0 ? 0 : values.size() / rows;
  std::vector<float> turned(values.size());
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column)
      turned[column * rows + row] = values[row * columns + column];
  return turned;
}

}  // namespace parley::weights
