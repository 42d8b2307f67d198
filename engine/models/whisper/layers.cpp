#include "engine/models/whisper/layers.hpp"

#include "engine/layers/tensor_of.hpp"

namespace parley::whisper {
namespace {

at::Tensor floats(const weights::Weights& weights, const char* name, const std::vector<std::int64_t>& shape,
                  at::Device device) {
  return layers::float_tensor_of(weights.get(name, shape)).to(device);
}

}  // namespace

Linear::Linear(const weights::Weights& weights, int in, int out, at::Device device, bool has_bias)
    : weight(floats(weights, "weight", {out, in}, device)) {
  if (has_bias) bias = floats(weights, "bias", {out}, device);
}

LayerNorm::LayerNorm(const weights::Weights& weights, int width, at::Device device)
    : weight(floats(weights, "weight", {width}, device)), bias(floats(weights, "bias", {width}, device)) {}

TimeConv::TimeConv(const weights::Weights& weights, int in, int out, int stride_, at::Device device)
    : weight(floats(weights, "weight", {out, in, 3}, device).transpose(1, 2).flatten(1).contiguous()),
      bias(floats(weights, "bias", {out}, device)),
      stride(stride_) {}

at::Tensor TimeConv::operator()(const at::Tensor& x) const {
  std::int64_t batch = x.size(0), time = x.size(1), in = x.size(2);
  at::Tensor padded = at::constant_pad_nd(x, {0, 0, 1, 1}).contiguous();  // [batch, time + 2, in]
  at::Tensor rows = padded.as_strided({batch, time / stride, 3 * in}, {(time + 2) * in, stride * in, 1});
  return at::linear(rows, weight, bias);
}

Attention::Attention(const weights::Weights& weights, int width, int heads_, at::Device device)
    : q_proj(weights.scope("q_proj"), width, width, device),
      k_proj(weights.scope("k_proj"), width, width, device, /*has_bias=*/false),
      v_proj(weights.scope("v_proj"), width, width, device),
      out_proj(weights.scope("out_proj"), width, width, device),
      heads(heads_) {}

}  // namespace parley::whisper
