#include "engine/models/causal_lm/aten/decoder_layers.hpp"

#include <stdexcept>
#include <string>

#include "engine/kernels/weight_memory.hpp"
#include "engine/layers/tensor_of.hpp"

namespace parley::causal_lm {
namespace {

using at::Tensor;

constexpr std::int64_t group = 32;

// float32 [outputs, inputs], or a float matrix in its own type; see scripts/convert/weight_groups.py.
Tensor dequantised(const CheckpointMatrix& matrix) {
  Tensor weight = layers::tensor_of(matrix.weight);
  if (!matrix.scale) return weight;
  const Tensor scale = layers::tensor_of(*matrix.scale).to(at::kFloat).unsqueeze(-1);  // [out, groups, 1]
  if (!matrix.minimum) return (weight.to(at::kFloat).view({matrix.outputs, -1, group}) * scale).flatten(1);
  weight = weight.view({matrix.outputs, -1, group / 2});
  const Tensor levels = at::cat({weight.bitwise_and(15), weight.bitwise_right_shift(4)}, -1).to(at::kFloat);
  const Tensor minimum = layers::tensor_of(*matrix.minimum).to(at::kFloat).unsqueeze(-1);
  return (levels * scale + minimum).flatten(1);
}

// What was copied need not stay in memory beside the copy.
void give_back(const CheckpointMatrix& matrix, const Tensor& copy) {
  for (const weights::TensorView* view :
       {&matrix.weight, matrix.scale ? &*matrix.scale : nullptr, matrix.minimum ? &*matrix.minimum : nullptr})
    if (view != nullptr && view->mapped && copy.data_ptr() != view->bytes.data())
      kernels::give_back_pages(view->bytes);
}

at::ScalarType type_of(Precision precision, at::Device device) {
  switch (precision) {
    case Precision::float32:
      return at::kFloat;
    case Precision::bfloat16:
      return at::kBFloat16;
    case Precision::float16:
      return at::kHalf;
    case Precision::int8:
    case Precision::as_stored:
      break;
  }
  return device.is_cpu() ? at::kFloat : at::kBFloat16;
}

}  // namespace

Tensor Linear::operator()(const Tensor& x) const {
  if (!scale.defined()) return at::linear(x, weight, bias);
  return at::linear(x, (weight.to(x.scalar_type()) * scale.to(x.scalar_type())).flatten(1), bias);
}

Tensor RmsNorm::operator()(const Tensor& x) const {
  const Tensor wide = x.to(at::kFloat);
  return (wide * at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + epsilon)).to(x.scalar_type()) * weight;
}

std::size_t DecoderLayer::bytes() const {
  std::size_t bytes = 0;
  for (const Linear* part : {&q_proj, &k_proj, &v_proj, &o_proj, &gate_proj, &up_proj, &down_proj})
    bytes += part->bytes();
  return bytes;
}

Placing::Placing(Precision precision, at::Device device)
    : in_groups_(precision == Precision::int8),
      options_(at::TensorOptions(device).dtype(type_of(precision, device))) {}

Tensor Placing::matrix(const CheckpointMatrix& matrix) const {
  Tensor tensor = dequantised(matrix).to(options_);
  give_back(matrix, tensor);
  return tensor;
}

Tensor Placing::vector(const std::vector<float>& values) const {
  return at::tensor(values, at::TensorOptions().dtype(at::kFloat)).to(options_);
}

Linear Placing::linear(const CheckpointMatrix& matrix, const std::vector<float>& bias) const {
  Linear result;
  if (in_groups_)
    place_groups(matrix, result);
  else
    result.weight = this->matrix(matrix);
  if (!bias.empty()) result.bias = vector(bias);
  return result;
}

void Placing::place_groups(const CheckpointMatrix& matrix, Linear& to) const {
  if (matrix.inputs % group != 0)
    throw std::runtime_error("the matrix " + matrix.weight.name + " is " + std::to_string(matrix.inputs) +
                             " wide; int8 needs a multiple of 32. Choose another precision");
  Tensor levels, scale;
  if (matrix.scale && !matrix.minimum) {
    levels = layers::tensor_of(matrix.weight).view({matrix.outputs, -1, group});
    scale = layers::tensor_of(*matrix.scale).unsqueeze(-1);
  } else {
    const Tensor floats = dequantised(matrix).to(at::kFloat).view({matrix.outputs, -1, group});
    scale = (floats.abs().amax(-1, /*keepdim=*/true) / 127.0).to(at::kHalf);
    const Tensor step = scale.to(at::kFloat);
    levels =
        at::where(step == 0.0, at::zeros_like(floats), floats / step).round().clamp(-127, 127).to(at::kChar);
  }
  to.weight = levels.to(options_.device());
  to.scale = scale.to(options_.device());
  give_back(matrix, to.weight);
}

DecoderLayer Placing::layer(const CheckpointLayer& from, double epsilon) const {
  return {{vector(from.input_layernorm), epsilon},
          linear(from.q_proj, from.q_bias),
          linear(from.k_proj, from.k_bias),
          linear(from.v_proj, from.v_bias),
          linear(from.o_proj, from.o_bias),
          {vector(from.post_attention_layernorm), epsilon},
          linear(from.gate_proj),
          linear(from.up_proj),
          linear(from.down_proj)};
}

}  // namespace parley::causal_lm
