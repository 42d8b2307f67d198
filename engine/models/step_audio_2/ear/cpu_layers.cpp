#include "engine/models/step_audio_2/ear/cpu_layers.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

#include "engine/kernels/functions.hpp"
#include "engine/kernels/numbers.hpp"

namespace parley::step_audio_2 {
namespace {

constexpr float norm_epsilon = 1e-5F;

std::size_t up_to_whole_panels(std::size_t outputs) {
  return (outputs + kernels::panel_rows - 1) / kernels::panel_rows * kernels::panel_rows;
}

kernels::Format float_format_of(const weights::TensorView& tensor) {
  switch (tensor.dtype) {
    case weights::Dtype::f32:
      return kernels::Format::f32;
    case weights::Dtype::f16:
      return kernels::Format::f16;
    case weights::Dtype::bf16:
      return kernels::Format::bf16;
    default:
      throw std::runtime_error("the tensor " + tensor.name + " of the ear is stored as " +
                               std::string(weights::name_of(tensor.dtype)) +
                               "; expected F32, F16 or BF16: convert the model again");
  }
}

// [out, in, taps] -> [out, taps, in], whatever the elements are
std::vector<std::byte> taps_before_channels(const weights::TensorView& weight) {
  const auto out = static_cast<std::size_t>(weight.shape[0]), in = static_cast<std::size_t>(weight.shape[1]),
             taps = static_cast<std::size_t>(weight.shape[2]), size = weights::size_of(weight.dtype);
  std::vector<std::byte> turned(weight.bytes.size());
  for (std::size_t o = 0; o < out; ++o)
    for (std::size_t i = 0; i < in; ++i)
      for (std::size_t tap = 0; tap < taps; ++tap)
        std::memcpy(&turned[((o * taps + tap) * in + i) * size],
                    &weight.bytes[((o * in + i) * taps + tap) * size], size);
  return turned;
}

}  // namespace

std::vector<float> floats_of(const weights::TensorView& tensor) {
  const kernels::Format format = float_format_of(tensor);
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
  std::vector<kernels::MatrixView> views;
  for (const char* name : names) {
    const weights::Weights layer = weights.scope(name);
    tensors.push_back(layer.get("weight", {out, in}));
    views.push_back({.format = float_format_of(tensors.back()),
                     .outputs = out,
                     .inputs = in,
                     .weights = tensors.back().bytes.data()});
    std::vector<float> part(static_cast<std::size_t>(out), 0.0F);
    if (std::string(name) != "key") part = floats_of(layer.get("bias", {out}));
    bias.insert(bias.end(), part.begin(), part.end());
  }
  matrix = kernels::Matrix::pack(team, views);
  bias.resize(up_to_whole_panels(bias.size()));
}

CpuTimeConv::CpuTimeConv(kernels::Team& team, const weights::Weights& weights, int in_, int out, int taps_,
                         int stride_)
    : in(in_), taps(taps_), stride(stride_), bias(floats_of(weights.get("bias", {out}))) {
  const weights::TensorView weight = weights.get("weight", {out, in, taps});
  const std::vector<std::byte> turned = taps_before_channels(weight);
  matrix = kernels::Matrix::pack(
      team,
      {.format = float_format_of(weight), .outputs = out, .inputs = inputs(), .weights = turned.data()});
  bias.resize(up_to_whole_panels(bias.size()));
}

void CpuTimeConv::gather(const float* x, int frames, int place, float* row) const {
  const int first = stride * place - 1;
  for (int frame = first; frame < first + taps; ++frame, row += in) {
    if (frame < 0 || frame >= frames)
      std::fill_n(row, in, 0.0F);
    else
      std::copy_n(x + static_cast<std::ptrdiff_t>(frame) * in, in, row);
  }
}

CpuLayerNorm::CpuLayerNorm(const weights::Weights& weights, int width)
    : weight(floats_of(weights.get("weight", {width}))), bias(floats_of(weights.get("bias", {width}))) {}

void CpuLayerNorm::operator()(const float* x, float* out) const {
  kernels::functions().layer_norm(x, weight.data(), bias.data(), norm_epsilon,
                                  static_cast<int>(weight.size()), out);
}

}  // namespace parley::step_audio_2
