#include "engine/models/whisper/cpu_layers.hpp"

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "engine/kernels/functions.hpp"
#include "engine/kernels/numbers.hpp"

namespace parley::whisper {
namespace {

constexpr float epsilon = 1e-5F;  // of the norms, as PyTorch's default

std::size_t whole_panels(std::size_t outputs) {
  return (outputs + kernels::panel_rows - 1) / kernels::panel_rows * kernels::panel_rows;
}

kernels::Format format_of(weights::Dtype dtype) {
  switch (dtype) {
    case weights::Dtype::f32:
      return kernels::Format::f32;
    case weights::Dtype::f16:
      return kernels::Format::f16;
    case weights::Dtype::bf16:
      return kernels::Format::bf16;
    default:
      throw std::runtime_error("a Whisper tensor is stored as " + std::string(weights::name_of(dtype)) +
                               "; expected F32, F16 or BF16: convert the model again");
  }
}

}  // namespace

kernels::MatrixView view_of(const weights::TensorView& tensor) {
  const int inputs = static_cast<int>(tensor.shape.back());
  return {.format = format_of(tensor.dtype),
          .outputs = static_cast<int>(tensor.elements() / inputs),
          .inputs = inputs,
          .weights = tensor.bytes.data()};
}

std::vector<float> floats_of(const weights::TensorView& tensor) {
  const kernels::Format format = format_of(tensor.dtype);
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (format == kernels::Format::f32) {
      std::memcpy(&values[i], &tensor.bytes[4 * i], 4);
      continue;
    }
    std::uint16_t bits;
    std::memcpy(&bits, &tensor.bytes[2 * i], 2);
    values[i] =
        format == kernels::Format::f16 ? kernels::half_to_float(bits) : kernels::bfloat16_to_float(bits);
  }
  return values;
}

CpuLinear::CpuLinear(kernels::Team& team, const weights::Weights& weights,
                     std::initializer_list<const char*> names, int in, int out) {
  std::vector<weights::TensorView> tensors;  // keep the views' bytes
  std::vector<kernels::Rounded> rounded;
  std::vector<kernels::MatrixView> views;
  for (const char* name : names) {
    const weights::Weights layer = weights.scope(name);
    tensors.push_back(layer.get("weight", {out, in}));
    rounded.push_back(kernels::round_to_groups8(team, view_of(tensors.back())));
    std::vector<float> part(static_cast<std::size_t>(out), 0.0F);
    if (!std::string_view(name).ends_with("k_proj")) part = floats_of(layer.get("bias", {out}));
    bias.insert(bias.end(), part.begin(), part.end());
  }
  for (const kernels::Rounded& part : rounded) views.push_back(part.view);
  matrix = kernels::Matrix::pack(team, views);
  bias.resize(whole_panels(bias.size()));
}

CpuLinear::CpuLinear(kernels::Team& team, const std::vector<float>& weight, std::vector<float> bias_, int in,
                     int out)
    : bias(std::move(bias_)) {
  const kernels::MatrixView view{.format = kernels::Format::f32,
                                 .outputs = out,
                                 .inputs = in,
                                 .weights = reinterpret_cast<const std::byte*>(weight.data())};
  matrix = in % kernels::group_size == 0
               ? kernels::Matrix::pack(team, kernels::round_to_groups8(team, view).view)
               : kernels::Matrix::pack(team, view);
  bias.resize(whole_panels(bias.size()));
}

CpuLayerNorm::CpuLayerNorm(const weights::Weights& weights, int width)
    : weight(floats_of(weights.get("weight", {width}))), bias(floats_of(weights.get("bias", {width}))) {}

void CpuLayerNorm::operator()(const float* x, float* out) const {
  kernels::functions().layer_norm(x, weight.data(), bias.data(), epsilon, static_cast<int>(weight.size()),
                                  out);
}

}  // namespace parley::whisper
