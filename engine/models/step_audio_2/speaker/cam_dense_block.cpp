#include "engine/models/step_audio_2/speaker/cam_dense_block.hpp"

#include <string>

#include "engine/models/step_audio_2/speaker/extent.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr std::int64_t segment_frames = 100;

}  // namespace

CamLayer::CamLayer(const weights::Weights& weights, std::int64_t in, int dilation_,
                   const layers::Placement& placement)
    : linear_local(layers::place(weights.scope("linear_local"), "weight",
                                 {weights::any_size, in, weights::any_size}, placement)),
      linear1(weights.scope("linear1"), in, placement),
      linear2(weights.scope("linear2"), linear1.out(), placement),
      dilation(dilation_) {}

Tensor CamLayer::operator()(const Tensor& x) const {
  const std::int64_t padding = (linear_local.size(2) - 1) / 2 * dilation;
  const Tensor local =
      at::conv1d(x.unsqueeze(0), linear_local, {}, /*stride=*/1, padding, dilation).squeeze(0);
  const Tensor segments = at::avg_pool1d(x.unsqueeze(0), segment_frames, segment_frames, /*padding=*/0,
                                         /*ceil_mode=*/true)
                              .squeeze(0);  // [in, segments]
  const Tensor context = segments + x.mean(1, /*keepdim=*/true);
  const Tensor mask = linear2(linear1(context).relu_()).sigmoid_();  // [out, segments]
  return local * mask.repeat_interleave(segment_frames, 1).slice(1, 0, x.size(1));
}

CamDenseLayer::CamDenseLayer(const weights::Weights& weights, std::int64_t in, int dilation,
                             const layers::Placement& placement)
    : nonlinear1(weights.scope("nonlinear1"), in, placement),
      linear1(weights.scope("linear1"), in, placement),
      cam_layer(weights.scope("cam_layer"), linear1.out(), dilation, placement) {}

CamDenseBlock::CamDenseBlock(const weights::Weights& weights, std::int64_t in, int dilation,
                             const layers::Placement& placement)
    : out_(in) {
  const int count = count_layers(weights, "tdnnd", "linear1.weight", 1);
  for (int i = 1; i <= count; ++i) {
    tdnnd.emplace_back(weights.scope("tdnnd" + std::to_string(i)), out_, dilation, placement);
    out_ += tdnnd.back().cam_layer.linear2.out();
  }
}

Tensor CamDenseBlock::operator()(const Tensor& x) const {
  Tensor all = at::empty({out_, x.size(1)}, x.options());
  std::int64_t known = x.size(0);
  all.slice(0, 0, known).copy_(x);
  for (const CamDenseLayer& layer : tdnnd) {
    const Tensor added = layer(all.slice(0, 0, known));
    all.slice(0, known, known + added.size(0)).copy_(added);
    known += added.size(0);
  }
  return all;
}

}  // namespace parley::step_audio_2
