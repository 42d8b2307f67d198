#include "engine/models/step_audio_2/token2wav/packed_conv.hpp"

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>
#include <string_view>
#include <vector>

#include "engine/models/step_audio_2/token2wav/packed_linear.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

using ReorderConv = Tensor(const Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, std::int64_t,
                           at::OptionalIntArrayRef);
using ConvPointwise = Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, at::IntArrayRef,
                             at::IntArrayRef, at::IntArrayRef, std::int64_t, std::string_view,
                             c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

template <typename Signature>
auto conv_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

constexpr std::int64_t usual_frames = 512;  // that the packing is made for; others work as well

}  // namespace

PackedConv::PackedConv(const weights::Weights& weights, int dilation, const layers::Placement& placement)
    : dilation_(dilation) {
  const Tensor weight =
      layers::place(weights, "weight", {weights::any_size, weights::any_size, weights::any_size}, placement);
  out_ = static_cast<int>(weight.size(0));
  in_ = static_cast<int>(weight.size(1));
  padding_ = dilation * (static_cast<int>(weight.size(2)) - 1) / 2;
  bias_ = layers::place(weights, "bias", {out_}, placement);
  weight_ = weight.unsqueeze(2).contiguous(at::MemoryFormat::ChannelsLast);
  if (!has_onednn(weight)) return;
  static const auto reorder = conv_operator<ReorderConv>("mkldnn::_reorder_convolution_weight");
  const std::vector<std::int64_t> input{1, in_, 1, usual_frames};
  weight_ = reorder.call(weight_, {0, padding_}, {1, 1}, {1, dilation_}, /*groups=*/1, input);
}

Tensor PackedConv::operator()(const Tensor& x) const {
  // frames one after the other are an image of one row, channels last
  const Tensor image = x.contiguous().t().unsqueeze(0).unsqueeze(2);  // [1, in, 1, time]
  Tensor out;
  if (weight_.is_mkldnn()) {
    static const auto pointwise = conv_operator<ConvPointwise>("mkldnn::_convolution_pointwise");
    out = pointwise.call(image, weight_, bias_, {0, padding_}, {1, 1}, {1, dilation_}, /*groups=*/1, "none",
                         c10::List<std::optional<at::Scalar>>(), std::nullopt);
  } else {
    const std::int64_t padding[] = {0, padding_}, dilation[] = {1, dilation_};
    out =
        at::conv2d(image, weight_, bias_, /*stride=*/1, at::IntArrayRef(padding), at::IntArrayRef(dilation));
  }
  return out.squeeze(2).squeeze(0).t().contiguous();  // [time, out]
}

}  // namespace parley::step_audio_2
