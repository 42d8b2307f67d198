#include "engine/models/whisper/cpu_network.hpp"

#include "engine/kernels/attention.hpp"
#include "engine/kernels/functions.hpp"
#include "engine/kernels/team.hpp"
#include "engine/models/whisper/cpu_decoder.hpp"
#include "engine/models/whisper/cpu_encoder.hpp"

namespace parley::whisper {
namespace {

struct CpuEncoderState final : EncoderState {
  explicit CpuEncoderState(std::span<const float> left) : x(left.begin(), left.end()) {}
  std::vector<float> x;  // [positions, width]
};

class CpuNetwork : public Network {
 public:
  CpuNetwork(const Config& config, const weights::Weights& weights, int threads)
      : team_(threads),
        encoder_(team_, config, weights.scope("model.encoder")),
        decoder_(team_, config, weights.scope("model.decoder")) {
    weights.finish();
    decoder_.listen_to_silence(encoder_, encoder_.listen_to_silence());
  }

  void encode(std::span<EncoderRow> rows, int positions, int first, int count) override {
    const int windows = static_cast<int>(rows.size());
    encoder_.begin(windows, positions);
    for (int i = 0; i < windows; ++i) {
      const EncoderRow& row = rows[static_cast<std::size_t>(i)];
      if (row.state)
        encoder_.resume(i, static_cast<const CpuEncoderState&>(*row.state).x);
      else
        encoder_.embed(i, row.features);
    }
    encoder_.run(first, count);
    const Rows* encoded = first + count == encoder_.layers() ? &encoder_.output() : nullptr;
    for (int i = 0; i < windows; ++i) {
      EncoderRow& row = rows[static_cast<std::size_t>(i)];
      if (encoded)
        row.window = decoder_.window(encoder_, *encoded, i * positions, positions);
      else
        row.next = std::make_unique<CpuEncoderState>(encoder_.x(i));
    }
  }

  void decode(std::span<const DecoderRow> rows) override { decoder_(rows); }

  std::vector<float> encoder_output(std::span<const float> features, int positions) override {
    return encoder_.output_of(features, positions);
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
