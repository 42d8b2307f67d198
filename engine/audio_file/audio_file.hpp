// Recordings on disk: WAV, FLAC, Ogg and what else libsndfile reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace parley::audio_file {

// The whole file as mono at `rate_hz`, -1..1: channels are averaged, the rate is changed where it differs.
// Throws std::runtime_error with a sentence that names the file when it cannot be read, holds no sound, or
// holds values that are not numbers.
std::vector<float> read(const std::filesystem::path& file, int rate_hz);

// A recording as it is: its own rate, its channels apart.
struct Sound {
  int rate_hz = 0;
  std::vector<std::vector<float>> channels;  // one or more, equally long, -1..1
};

// Throws like read().
Sound read_sound(const std::filesystem::path& file);

// Mono, 16 bit. Throws std::runtime_error with a sentence when the file cannot be written.
void write_wav(const std::filesystem::path& file, std::span<const std::int16_t> pcm, int rate_hz);
// Mono, 32-bit float: nothing is rounded or clipped.
void write_float_wav(const std::filesystem::path& file, std::span<const float> pcm, int rate_hz);

}  // namespace parley::audio_file
