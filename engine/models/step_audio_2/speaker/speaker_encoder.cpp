#include "engine/models/step_audio_2/speaker/speaker_encoder.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "engine/audio/kaldi_fbank.hpp"
#include "engine/audio/log_mel.hpp"
#include "engine/audio/sinc_resampler.hpp"
#include "engine/audio/vocoder_mel.hpp"
#include "engine/kernels/team.hpp"
#include "engine/models/step_audio_2/speaker/campplus.hpp"
#include "engine/models/step_audio_2/speaker/s3_tokenizer.hpp"
#include "engine/models/step_audio_2/speaker/token_mel.hpp"

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr int tokenizer_rate_hz = audio::LogMel::sample_rate_hz;
static_assert(tokenizer_rate_hz == audio::fbank_sample_rate_hz);
constexpr std::size_t mel_frames_a_token = 2;

layers::Placement placement_on(const std::string& name) {
  try {
    const at::Device device(name);
    at::empty({1}, at::TensorOptions().device(device));
    return {.device = device, .dtype = at::kFloat};
  } catch (const c10::Error& error) {
    throw std::runtime_error("the speaker encoder cannot run on \"" + name + "\" (" +
                             error.what_without_backtrace() + "); expected cpu, cuda or cuda:N");
  }
}

S3Tokenizer load_tokenizer(const std::filesystem::path& file, const layers::Placement& placement) {
  const weights::Weights weights = weights::Weights::open(file);
  S3Tokenizer tokenizer(weights, placement);
  weights.finish();
  if (tokenizer.encoder.blocks.empty() || tokenizer.encoder.width % Rotation::head_width != 0)
    throw std::runtime_error(file.string() + " holds " + std::to_string(tokenizer.encoder.blocks.size()) +
                             " layers, " + std::to_string(tokenizer.encoder.width) +
                             " wide; at least one layer and a multiple of " +
                             std::to_string(Rotation::head_width) + " are expected: convert the model again");
  return tokenizer;
}

Campplus load_campplus(const std::filesystem::path& file, const layers::Placement& placement) {
  const weights::Weights weights = weights::Weights::open(file);
  Campplus campplus(weights, audio::fbank_bins, placement);
  weights.finish();
  return campplus;
}

void check(const audio_file::Sound& recording) {
  if (recording.rate_hz <= 0 || recording.channels.empty())
    throw std::invalid_argument("a voice recording needs a sample rate and a channel; it has " +
                                std::to_string(recording.rate_hz) + " Hz and " +
                                std::to_string(recording.channels.size()) + " channels");
  const std::size_t samples = recording.channels.front().size();
  for (const std::vector<float>& channel : recording.channels)
    if (channel.size() != samples)
      throw std::invalid_argument("the channels of a voice recording must be equally long; one has " +
                                  std::to_string(samples) + " samples, another " +
                                  std::to_string(channel.size()));
  const double seconds = static_cast<double>(samples) / recording.rate_hz;
  if (seconds >= SpeakerEncoder::shortest_seconds && seconds <= SpeakerEncoder::longest_seconds) return;
  std::ostringstream sentence;
  sentence << "a voice recording of " << seconds << " s is too "
           << (seconds < SpeakerEncoder::shortest_seconds ? "short" : "long") << "; it must last "
           << SpeakerEncoder::shortest_seconds << " to " << SpeakerEncoder::longest_seconds
           << " s, and 3 to 10 s of clean speech serve best";
  throw std::invalid_argument(sentence.str());
}

std::vector<float> mean_of(const std::vector<std::vector<float>>& channels) {
  std::vector<float> mean = channels.front();
  for (std::size_t channel = 1; channel < channels.size(); ++channel)
    for (std::size_t n = 0; n < mean.size(); ++n) mean[n] += channels[channel][n];
  for (float& sample : mean) sample /= static_cast<float>(channels.size());
  return mean;
}

// Each bin keeps only how it differs from its mean over the recording.
void take_off_mean(std::vector<float>& features, std::size_t bins) {
  const std::size_t frames = features.size() / bins;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    double sum = 0;
    for (std::size_t t = 0; t < frames; ++t) sum += features[t * bins + bin];
    const auto mean = static_cast<float>(sum / static_cast<double>(frames));
    for (std::size_t t = 0; t < frames; ++t) features[t * bins + bin] -= mean;
  }
}

// As many frames as wanted: the last is repeated, or the rest is cut off.
void set_frames(std::vector<float>& mel, std::size_t frames, std::size_t bins) {
  const std::vector<float> last(mel.end() - static_cast<std::ptrdiff_t>(bins), mel.end());
  while (mel.size() < frames * bins) mel.insert(mel.end(), last.begin(), last.end());
  mel.resize(frames * bins);
}

std::vector<float> floats_of(const Tensor& tensor) {
  const Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* begin = values.const_data_ptr<float>();
  return {begin, begin + values.numel()};
}

}  // namespace

struct SpeakerEncoder::Impl {
  Impl(const std::filesystem::path& folder, const SpeakerOptions& options)
      : placement(placement_on(options.device)),
        tokenizer(load_tokenizer(folder / "s3_tokenizer.safetensors", placement)),
        campplus(load_campplus(folder / "campplus.safetensors", placement)) {
    if (placement.device.is_cpu()) team.emplace(options.threads);
  }

  Tensor placed(const std::vector<float>& rows, std::int64_t width) const {
    return at::tensor(at::ArrayRef<float>(rows.data(), rows.size())).view({-1, width}).to(placement.device);
  }

  Tensor levels(std::span<const float> pcm) {
    const Tensor mel = placed(token_mel(pcm, tokenizer.encoder.mels), tokenizer.encoder.mels);
    return tokenizer.levels(mel, TimeSlices(team ? &*team : nullptr));
  }

  layers::Placement placement;
  S3Tokenizer tokenizer;
  Campplus campplus;
  std::mutex mutex;  // of the team, which one thread uses at a time
  std::optional<kernels::Team> team;
};

SpeakerEncoder::SpeakerEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SpeakerEncoder::~SpeakerEncoder() = default;
SpeakerEncoder::SpeakerEncoder(SpeakerEncoder&&) noexcept = default;
SpeakerEncoder& SpeakerEncoder::operator=(SpeakerEncoder&&) noexcept = default;

SpeakerEncoder SpeakerEncoder::load(const std::filesystem::path& speaker_folder,
                                    const SpeakerOptions& options) {
  const c10::InferenceMode inference;
  return SpeakerEncoder(std::make_unique<Impl>(speaker_folder, options));
}

SpeakerPrompt SpeakerEncoder::encode(const audio_file::Sound& recording) const {
  check(recording);
  const std::vector<float> pcm_16k =
      audio::resample_by_sinc(recording.channels.front(), recording.rate_hz, tokenizer_rate_hz);
  SpeakerPrompt prompt{.tokens = tokens_of(pcm_16k), .embedding = embedding_of(pcm_16k), .mel = {}};
  prompt.mel = audio::vocoder_mel(
      audio::resample_by_sinc(mean_of(recording.channels), recording.rate_hz, audio::vocoder_sample_rate_hz));
  set_frames(prompt.mel, mel_frames_a_token * prompt.tokens.size(), audio::vocoder_mels);
  return prompt;
}

std::vector<int> SpeakerEncoder::tokens_of(std::span<const float> pcm_16k) const {
  const c10::InferenceMode inference;
  const std::scoped_lock lock(impl_->mutex);
  return S3Tokenizer::tokens(impl_->levels(pcm_16k));
}

std::vector<float> SpeakerEncoder::embedding_of(std::span<const float> pcm_16k) const {
  const c10::InferenceMode inference;
  std::vector<float> features = audio::kaldi_fbank(pcm_16k);
  take_off_mean(features, audio::fbank_bins);
  return floats_of(impl_->campplus(impl_->placed(features, audio::fbank_bins)));
}

std::vector<float> SpeakerEncoder::token_levels_of(std::span<const float> pcm_16k) const {
  const c10::InferenceMode inference;
  const std::scoped_lock lock(impl_->mutex);
  return floats_of(impl_->levels(pcm_16k));
}

}  // namespace parley::step_audio_2
