#include "engine/models/step_audio_2/ear/cpu_layers.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "engine/layers/cpu/stored.hpp"

namespace parley::step_audio_2 {
namespace {

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

CpuLinear::CpuLinear(kernels::Team& team, const weights::Weights& weights,
                     std::initializer_list<const char*> names, int in, int out) {
  std::vector<weights::TensorView> tensors;  // keep the views' bytes
  std::vector<kernels::MatrixView> views;
  for (const char* name : names) {
    const weights::Weights layer = weights.scope(name);
    tensors.push_back(layer.get("weight", {out, in}));
    views.push_back(layers::view_of(tensors.back()));
    std::vector<float> part(static_cast<std::size_t>(out), 0.0F);
    if (std::string(name) != "key") part = layers::floats_of(layer.get("bias", {out}));
    bias.insert(bias.end(), part.begin(), part.end());
  }
  matrix = kernels::Matrix::pack(team, views);
  bias.resize(layers::whole_panels(bias.size()));
}

CpuTimeConv::CpuTimeConv(kernels::Team& team, const weights::Weights& weights, int in_, int out, int taps_,
                         int stride_)
    : in(in_), taps(taps_), stride(stride_), bias(layers::floats_of(weights.get("bias", {out}))) {
  const weights::TensorView weight = weights.get("weight", {out, in, taps});
  const std::vector<std::byte> turned = taps_before_channels(weight);
  matrix = kernels::Matrix::pack(
      team,
      {.format = layers::format_of(weight), .outputs = out, .inputs = inputs(), .weights = turned.data()});
  bias.resize(layers::whole_panels(bias.size()));
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

}  // namespace parley::step_audio_2
