#include "engine/audio_file/audio_file.hpp"

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

// Frames of interleaved channels to one average a frame, in place: the part of `samples` that is used.
std::span<const float> mix_down(std::span<float> samples, sf_count_t frames, int channels) {
  for (sf_count_t frame = 0; frame < frames; ++frame) {
    float sum = 0;
    for (int channel = 0; channel < channels; ++channel) sum += samples[frame * channels + channel];
    samples[frame] = sum / static_cast<float>(channels);
  }
  return samples.first(static_cast<std::size_t>(frames));
}

// Hands `take` the file block by block: long files are never in memory at their own rate.
template <typename Take>
void read_blocks(const std::filesystem::path& path, SNDFILE* file, int channels, const Take& take) {
  constexpr sf_count_t block = 16384;  // frames
  std::vector<float> samples(static_cast<std::size_t>(block) * static_cast<std::size_t>(channels));
  for (sf_count_t frames; (frames = sf_readf_float(file, samples.data(), block)) > 0;) {
    const std::span interleaved(samples.data(), static_cast<std::size_t>(frames * channels));
    if (!std::ranges::all_of(interleaved, [](float sample) { return std::isfinite(sample); }))
      fail(path, "holds samples that are not numbers");
    take(interleaved, frames);
  }
  if (sf_error(file) != SF_ERR_NO_ERROR) fail(path, sf_strerror(file));
}

template <typename Write>
void write_mono(const std::filesystem::path& path, int encoding, int rate_hz, const Write& write) {
  SF_INFO info{};
  info.samplerate = rate_hz;
  info.channels = 1;
  info.format = SF_FORMAT_WAV | encoding;
  const File file = open(path, SFM_WRITE, info);
  if (!write(file.get())) fail(path, sf_strerror(file.get()));
}

File open_recording(const std::filesystem::path& path, SF_INFO& info) {
  if (!std::filesystem::exists(path)) fail(path, "there is no such file");
  File file = open(path, SFM_READ, info);
  if (info.channels < 1 || info.samplerate < 1) fail(path, "tells no channels or no sample rate");
  return file;
}

}  // namespace

std::vector<float> read(const std::filesystem::path& path, int rate_hz) {
  SF_INFO info{};
  const File file = open_recording(path, info);
  engine::Resampler resampler(info.samplerate, rate_hz, 8);
  std::vector<float> pcm;
  read_blocks(path, file.get(), info.channels, [&](std::span<float> samples, sf_count_t frames) {
    const std::vector<float> resampled = resampler.push(mix_down(samples, frames, info.channels));
    pcm.insert(pcm.end(), resampled.begin(), resampled.end());
  });
  const std::vector<float> tail = resampler.finish();
  pcm.insert(pcm.end(), tail.begin(), tail.end());
  if (pcm.empty()) fail(path, "holds no sound");
  return pcm;
}

Sound read_sound(const std::filesystem::path& path) {
  SF_INFO info{};
  const File file = open_recording(path, info);
  Sound sound{info.samplerate, std::vector<std::vector<float>>(static_cast<std::size_t>(info.channels))};
  read_blocks(path, file.get(), info.channels, [&](std::span<const float> samples, sf_count_t) {
    for (std::size_t i = 0; i < samples.size(); ++i)
      sound.channels[i % sound.channels.size()].push_back(samples[i]);
  });
  if (sound.channels.front().empty()) fail(path, "holds no sound");
  return sound;
}

void write_wav(const std::filesystem::path& path, std::span<const std::int16_t> pcm, int rate_hz) {
  const auto frames = static_cast<sf_count_t>(pcm.size());
  write_mono(path, SF_FORMAT_PCM_16, rate_hz,
             [&](SNDFILE* file) { return sf_writef_short(file, pcm.data(), frames) == frames; });
}

void write_float_wav(const std::filesystem::path& path, std::span<const float> pcm, int rate_hz) {
  const auto frames = static_cast<sf_count_t>(pcm.size());
  write_mono(path, SF_FORMAT_FLOAT, rate_hz,
             [&](SNDFILE* file) { return sf_writef_float(file, pcm.data(), frames) == frames; });
}

}  // namespace parley::audio_file
