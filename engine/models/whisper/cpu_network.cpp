#include "engine/models/whisper/cpu_network.hpp"

#include "engine/kernels/attention.hpp"
#include "engine/kernels/functions.hpp"
#include "engine/kernels/team.hpp"
#include "engine/models/whisper/cpu_decoder.hpp"
#include "engine/models/whisper/cpu_encoder.hpp"

namespace parley::whisper {
namespace {

class CpuNetwork : public Network {
 public:
  CpuNetwork(const Config& config, const weights::Weights& weights, int threads)
      : team_(threads),
        encoder_(team_, config, weights.scope("model.encoder")),
        decoder_(team_, config, weights.scope("model.decoder")) {
    weights.finish();
    decoder_.listen_to_silence(encoder_, encoder_.listen_to_silence());
  }

  std::vector<std::unique_ptr<WindowState>> encode(std::span<const std::span<const float>> features,
                                                   int positions) override {
    const Rows& encoded = encoder_(features, positions);
    std::vector<std::unique_ptr<WindowState>> windows;
    for (std::size_t i = 0; i < features.size(); ++i)
      windows.push_back(decoder_.window(encoder_, encoded, static_cast<int>(i) * positions, positions));
    return windows;
  }

  void decode(std::span<const DecoderRow> rows) override { decoder_(rows); }

  std::vector<float> encoder_output(std::span<const float> features, int positions) override {
    return encoder_.output(features, positions);
  }

  std::size_t weight_bytes() const override { return encoder_.weight_bytes() + decoder_.weight_bytes(); }

 private:
  kernels::Team team_;
  CpuEncoder encoder_;
  CpuDecoder decoder_;
};

}  // namespace

bool cpu_network_supports(const Config& config) {
  const auto whole = [](int size) { return size % kernels::group_size == 0; };
  return whole(config.d_model) && whole(config.encoder_ffn_dim) && whole(config.decoder_ffn_dim) &&
         kernels::attention_supports(config.d_model / config.decoder_attention_heads);
}

std::unique_ptr<Network> load_cpu_network(const Config& config, const weights::Weights& weights,
                                          int threads) {
  return std::make_unique<CpuNetwork>(config, weights, threads);
}

}  // namespace parley::whisper
