#include "engine/models/whisper/cpu_layers.hpp"

#include <string_view>

#include "engine/layers/cpu/stored.hpp"

namespace parley::whisper {

using layers::floats_of;
using layers::view_of;
using layers::whole_panels;

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

}  // namespace parley::whisper
