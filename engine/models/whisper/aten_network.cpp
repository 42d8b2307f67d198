#include "engine/models/whisper/aten_network.hpp"

#include <ATen/ATen.h>

#include "engine/models/whisper/decoder.hpp"
#include "engine/models/whisper/encoder.hpp"

namespace parley::whisper {
namespace {

using at::Tensor;

struct AtenEncoderState final : EncoderState {
  explicit AtenEncoderState(Tensor left) : x(std::move(left)) {}
  Tensor x;  // [1, positions, width]
};

class AtenNetwork : public Network {
 public:
  AtenNetwork(const Config& config, const weights::Weights& weights, at::Device device)
      : config_(config),
        encoder_(config, weights.scope("model.encoder"), device),
        decoder_(config, weights.scope("model.decoder"), device) {
    weights.finish();
    silence_ = decoder_.sound(
        encoder_.listen_to_silence().slice(1, silence_step / 2, {}, silence_step).contiguous());
  }

  void encode(std::span<EncoderRow> rows, int positions, int first, int count) override {
    at::InferenceMode inference;
    std::vector<Tensor> batch;
    for (const EncoderRow& row : rows)
      batch.push_back(row.state ? static_cast<const AtenEncoderState&>(*row.state).x
                                : encoder_.embed(tensor_of(row.features, positions).unsqueeze(0)));
    Tensor x = encoder_.run(at::cat(batch), first, count);  // [batch, positions, width]
    const bool last = first + count == encoder_.layers();
    if (last) x = encoder_.output(x);
    for (std::int64_t i = 0; i < x.size(0); ++i) {
      EncoderRow& row = rows[static_cast<std::size_t>(i)];
      if (last)
        row.window = followed_by_silence(decoder_.sound(x.narrow(0, i, 1)));
      else
        row.next = std::make_unique<AtenEncoderState>(x.narrow(0, i, 1));
    }
  }

  void decode(std::span<const DecoderRow> rows) override {
    at::InferenceMode inference;
    decoder_(rows);
  }

  std::vector<float> encoder_output(std::span<const float> features, int positions) override {
    at::InferenceMode inference;
    Tensor encoded = encoder_(tensor_of(features, positions).unsqueeze(0)).to(at::kCPU).contiguous();
    const float* values = encoded.const_data_ptr<float>();
    return {values, values + encoded.numel()};
  }

  std::size_t weight_bytes() const override { return parameters(config_) * sizeof(float); }

 private:
  Tensor tensor_of(std::span<const float> features, int positions) const {
    return at::tensor(at::ArrayRef<float>(features.data(), features.size()))
        .view({2 * positions, config_.num_mel_bins});
  }

  std::unique_ptr<WindowState> followed_by_silence(std::vector<KeysValues> sound) const {
    const std::int64_t own = sound[0].keys.size(2);
    const std::int64_t first = (own + silence_step - 1) / silence_step,
                       rest = silence_[0].keys.size(2) - first;
    if (rest <= 0) return std::make_unique<AtenWindow>(std::move(sound), Tensor());
    for (std::size_t layer = 0; layer < sound.size(); ++layer) {
      sound[layer].keys = at::cat({sound[layer].keys, silence_[layer].keys.narrow(2, first, rest)}, 2);
      sound[layer].values = at::cat({sound[layer].values, silence_[layer].values.narrow(2, first, rest)}, 2);
    }
    return std::make_unique<AtenWindow>(std::move(sound),
                                        bias_for_silence(own, rest, silence_[0].keys.options()));
  }

  Config config_;
  Encoder encoder_;
  Decoder decoder_;
  std::vector<KeysValues> silence_;  // of every silence_step-th position of a window of silence
};

}  // namespace

std::unique_ptr<Network> load_aten_network(const Config& config, const weights::Weights& weights,
                                           const std::string& device) {
  at::InferenceMode inference;
  return std::make_unique<AtenNetwork>(config, weights, at::Device(device));
}

}  // namespace parley::whisper
