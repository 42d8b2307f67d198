#include "engine/models/step_audio_2/ear/aten_network.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>

#include "engine/models/step_audio_2/ear/adaptor.hpp"
#include "engine/models/step_audio_2/ear/audio_encoder.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

struct AtenPiece : PieceState {
  explicit AtenPiece(Tensor x_) : x(std::move(x_)) {}
  Tensor x;  // [positions, width], on the network's device
};

layers::Placement placement_of(const weights::Weights& weights, const std::string& device,
                               const std::string& dtype) {
  layers::Placement placement{.device = at::Device(device)};
  if (dtype == "bfloat16" ||
      (dtype.empty() && weights.get("encoder.conv1.bias", {weights::any_size}).dtype == weights::Dtype::bf16))
    placement.dtype = at::kBFloat16;
  else if (!dtype.empty() && dtype != "float32")
    throw std::invalid_argument("the ear cannot compute in \"" + dtype +
                                "\"; expected \"float32\", \"bfloat16\", or \"\" for the weights' own type");
  return placement;
}

std::vector<float> floats_in(const Tensor& x) {
  const Tensor there = x.to(at::kCPU, at::kFloat).contiguous();
  return {there.const_data_ptr<float>(), there.const_data_ptr<float>() + there.numel()};
}

class AtenEarNetwork : public EarNetwork {
 public:
  AtenEarNetwork(const EarConfig& config, const weights::Weights& weights, const layers::Placement& placement)
      : placement_(placement),
        mels_(config.n_mels),
        encoder_(config, weights.scope("encoder"), placement),
        adapter_(config, weights.scope("adapter"), placement) {}

  void encode(std::span<PieceRow> pieces, int first, int count) override {
    c10::InferenceMode guard;
    std::vector<Tensor> each;
    std::vector<int> keys;
    for (PieceRow& piece : pieces) {
      // A piece's convolutions end where it ends, whoever is in the batch.
      each.push_back(first == 0 ? encoder_.embed(features_of(piece)).squeeze(0)
                                : static_cast<const AtenPiece&>(*piece.state).x);
      keys.push_back(piece.keys);
    }
    std::int64_t longest = 0;
    for (const Tensor& x : each) longest = std::max(longest, x.size(0));
    std::vector<Tensor> padded;
    for (const Tensor& x : each) padded.push_back(at::constant_pad_nd(x, {0, 0, 0, longest - x.size(0)}));
    const Tensor batch = encoder_.run(at::stack(padded), keys, first, count);
    for (std::size_t i = 0; i < pieces.size(); ++i)
      pieces[i].state =
          std::make_unique<AtenPiece>(batch[static_cast<std::int64_t>(i)].narrow(0, 0, each[i].size(0)));
  }

  HeardPiece finish(const PieceState& piece, int tokens, int encoded) override {
    c10::InferenceMode guard;
    const Tensor pooled = encoder_.pool(static_cast<const AtenPiece&>(piece).x.unsqueeze(0));
    return {.rows = floats_in(adapter_(pooled)[0].narrow(0, 0, tokens)),
            .encoded = floats_in(pooled[0].narrow(0, 0, encoded))};
  }

 private:
  Tensor features_of(const PieceRow& piece) const {
    return at::from_blob(const_cast<float*>(piece.features.data()), {1, piece.frames, mels_}, at::kFloat)
        .to(placement_.device, placement_.dtype);
  }

  layers::Placement placement_;
  int mels_;
  AudioEncoder encoder_;
  Adaptor adapter_;
};

}  // namespace

std::unique_ptr<EarNetwork> load_aten_network(const EarConfig& config, const weights::Weights& weights,
                                              const std::string& device, const std::string& dtype) {
  c10::InferenceMode guard;
  return std::make_unique<AtenEarNetwork>(config, weights, placement_of(weights, device, dtype));
}

}  // namespace parley::step_audio_2
