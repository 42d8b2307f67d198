#include "engine/audio/resampler.hpp"

#include <speex/speex_resampler.h>

#include <new>
#include <stdexcept>
#include <string>

namespace parley::engine {

void Resampler::Destroy::operator()(SpeexResamplerState_* state) const { speex_resampler_destroy(state); }

Resampler::Resampler(int from_hz, int to_hz, int quality)
    : from_hz_(from_hz), to_hz_(to_hz), quality_(quality) {
  if (from_hz <= 0 || to_hz <= 0)
    throw std::invalid_argument("resampler: rates must be positive, got " + std::to_string(from_hz) +
                                " and " + std::to_string(to_hz) + " Hz");
}
Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

void Resampler::open() {
  int error = RESAMPLER_ERR_SUCCESS;
  state_.reset(speex_resampler_init(1, static_cast<spx_uint32_t>(from_hz_), static_cast<spx_uint32_t>(to_hz_),
                                    quality_, &error));
  if (error == RESAMPLER_ERR_ALLOC_FAILED) throw std::bad_alloc();
  if (!state_) throw std::runtime_error(std::string("resampler: ") + speex_resampler_strerror(error));
  speex_resampler_skip_zeros(state_.get());  // drops the filter's own delay, so that the streams line up
}

std::vector<float> Resampler::push(std::span<const float> pcm) {
  if (from_hz_ == to_hz_) return {pcm.begin(), pcm.end()};
  if (pcm.empty()) return {};
  if (!state_) open();
  // One input sample makes at most to/from output samples, rounded up, and one more by the phase it starts
  // at.
  std::vector<float> out(pcm.size() * static_cast<std::size_t>(to_hz_) / static_cast<std::size_t>(from_hz_) +
                         2);
  std::size_t read = 0;
  std::size_t written = 0;
  while (read < pcm.size() && written < out.size()) {
    auto in_length = static_cast<spx_uint32_t>(pcm.size() - read);
    auto out_length = static_cast<spx_uint32_t>(out.size() - written);
    speex_resampler_process_float(state_.get(), 0, pcm.data() + read, &in_length, out.data() + written,
                                  &out_length);
    read += in_length;
    written += out_length;
    if (in_length == 0 && out_length == 0) break;
  }
  out.resize(written);
  return out;
}

std::vector<float> Resampler::push(std::span<const std::int16_t> pcm) {
  std::vector<float> scaled(pcm.size());
  for (std::size_t i = 0; i < pcm.size(); ++i) scaled[i] = static_cast<float>(pcm[i]) / 32768.0F;
  if (from_hz_ == to_hz_) return scaled;
  return push(scaled);
}

std::vector<float> Resampler::finish() {
  if (!state_) return {};
  const std::vector<float> silence(static_cast<std::size_t>(speex_resampler_get_input_latency(state_.get())));
  auto tail = push(silence);
  state_.reset();
  return tail;
}

void Resampler::reset() { state_.reset(); }

std::vector<float> resample(std::span<const float> pcm, int from_hz, int to_hz, int quality) {
  Resampler resampler(from_hz, to_hz, quality);
  auto out = resampler.push(pcm);
  const auto tail = resampler.finish();
  out.insert(out.end(), tail.begin(), tail.end());
  return out;
}

}  // namespace parley::engine
