#include "engine/layers/cpu/stored.hpp"

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

#include "engine/kernels/numbers.hpp"

namespace parley::layers {

kernels::Format format_of(const weights::TensorView& tensor) {
  switch (tensor.dtype) {
    case weights::Dtype::f32:
      return kernels::Format::f32;
    case weights::Dtype::f16:
      return kernels::Format::f16;
    case weights::Dtype::bf16:
      return kernels::Format::bf16;
    default:
      throw std::runtime_error("the tensor " + tensor.name + " is stored as " +
                               std::string(weights::name_of(tensor.dtype)) +
                               "; expected F32, F16 or BF16: convert the model again");
  }
}

std::vector<float> floats_of(const weights::TensorView& tensor) {
  const kernels::Format format = format_of(tensor);
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  if (format == kernels::Format::f32) {
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, &tensor.bytes[2 * i], 2);
    values[i] =
        format == kernels::Format::f16 ? kernels::half_to_float(bits) : kernels::bfloat16_to_float(bits);
  }
  return values;
}

kernels::MatrixView view_of(const weights::TensorView& tensor) {
  const int inputs = static_cast<int>(tensor.shape.back());
  return {.format = format_of(tensor),
          .outputs = static_cast<int>(tensor.elements() / inputs),
          .inputs = inputs,
          .weights = tensor.bytes.data()};
}

std::size_t whole_panels(std::size_t outputs) {
  return (outputs + kernels::panel_rows - 1) / kernels::panel_rows * kernels::panel_rows;
}

}  // namespace parley::layers
