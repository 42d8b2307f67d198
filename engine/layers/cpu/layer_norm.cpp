#include "engine/layers/cpu/layer_norm.hpp"

#include "engine/kernels/functions.hpp"
#include "engine/layers/cpu/stored.hpp"

namespace parley::layers {
namespace {

constexpr float epsilon = 1e-5F;  // as PyTorch's default

}  // namespace

CpuLayerNorm::CpuLayerNorm(const weights::Weights& weights, int width)
    : weight(floats_of(weights.get("weight", {width}))), bias(floats_of(weights.get("bias", {width}))) {}

void CpuLayerNorm::operator()(const float* x, float* out) const {
  kernels::functions().layer_norm(x, weight.data(), bias.data(), epsilon, static_cast<int>(weight.size()),
                                  out);
}

}  // namespace parley::layers
