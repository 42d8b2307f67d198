#include "engine/layers/time_conv.hpp"

namespace parley::layers {

TimeConv::TimeConv(const weights::Weights& weights, int in, int out, int taps_, int stride_,
                   const Placement& placement)
    : weight(place(weights, "weight", {out, in, taps_}, placement).transpose(1, 2).flatten(1).contiguous()),
      bias(place(weights, "bias", {out}, placement)),
      taps(taps_),
      stride(stride_) {}

at::Tensor TimeConv::operator()(const at::Tensor& x) const {
  const at::Tensor frames = x.contiguous();
  const std::int64_t batch = frames.size(0), time = frames.size(1), in = frames.size(2);
  const std::int64_t places = (time - taps) / stride + 1;
  const at::Tensor rows =
      frames.as_strided({batch, places, taps * in}, {time * in, stride * in, 1}, frames.storage_offset());
  return at::linear(rows, weight, bias);
}

at::Tensor pad_time(const at::Tensor& x, int before, int after) {
  return at::constant_pad_nd(x, {0, 0, before, after});
}

}  // namespace parley::layers
