#include "server/audio_file/audio_file.hpp"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>

#include "engine/audio/resampler.hpp"

namespace parley::audio_file {
namespace {

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using File = std::unique_ptr<SNDFILE, Close>;

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& what) {
  throw std::runtime_error(file.string() + ": " + what);
}

File open(const std::filesystem::path& path, int mode, SF_INFO& info) {
  File file(sf_open(path.c_str(), mode, &info));
  if (!file) {
    std::string reason = sf_strerror(nullptr);
    while (!reason.empty() && (reason.back() == '.' || reason.back() == '\n')) reason.pop_back();
    fail(path, std::string(mode == SFM_READ ? "cannot be read as sound" : "cannot be written") + " (" +
                   reason + (mode == SFM_READ ? "); a WAV, FLAC or Ogg file is expected" : ")"));
  }
  return file;
}

// Frames of interleaved channels to one average a frame, in place: returns how much of `samples` is used.
std::size_t mix_down(std::vector<float>& samples, sf_count_t frames, int channels) {
  for (sf_count_t frame = 0; frame < frames; ++frame) {
    float sum = 0;
    for (int channel = 0; channel < channels; ++channel) sum += samples[frame * channels + channel];
    samples[frame] = sum / static_cast<float>(channels);
  }
  return static_cast<std::size_t>(frames);
}

}  // namespace

std::vector<float> read(const std::filesystem::path& path, int rate_hz) {
  if (!std::filesystem::exists(path)) fail(path, "there is no such file");
  SF_INFO info{};
  const File file = open(path, SFM_READ, info);
  if (info.channels < 1 || info.samplerate < 1) fail(path, "tells no channels or no sample rate");

  engine::Resampler resampler(info.samplerate, rate_hz, 8);
  std::vector<float> pcm;
  constexpr sf_count_t block =
      16384;  // frames read at a time: long files are never in memory at their own rate
  std::vector<float> samples(static_cast<std::size_t>(block) * info.channels);
  for (sf_count_t frames; (frames = sf_readf_float(file.get(), samples.data(), block)) > 0;) {
    const std::span<const float> mono(samples.data(), mix_down(samples, frames, info.channels));
    if (!std::ranges::all_of(mono, [](float sample) { return std::isfinite(sample); }))
      fail(path, "holds samples that are not numbers");
    const std::vector<float> resampled = resampler.push(mono);
    pcm.insert(pcm.end(), resampled.begin(), resampled.end());
  }
  if (sf_error(file.get()) != SF_ERR_NO_ERROR) fail(path, sf_strerror(file.get()));
  const std::vector<float> tail = resampler.finish();
  pcm.insert(pcm.end(), tail.begin(), tail.end());
  if (pcm.empty()) fail(path, "holds no sound");
  return pcm;
}

void write_wav(const std::filesystem::path& path, std::span<const std::int16_t> pcm, int rate_hz) {
  SF_INFO info{};
  info.samplerate = rate_hz;
  info.channels = 1;
  info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  const File file = open(path, SFM_WRITE, info);
  const auto frames = static_cast<sf_count_t>(pcm.size());
  if (sf_writef_short(file.get(), pcm.data(), frames) != frames) fail(path, sf_strerror(file.get()));
}

}  // namespace parley::audio_file
