// What the reference computed (scripts/parity/speaker.py), and how far from it something is.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "engine/weights/safetensors.hpp"
#include "test/support/catch.hpp"

namespace parley::test {

constexpr std::size_t kept_frame_step = 5;  // of spectra the reference keeps every fifth frame

inline const weights::Safetensors& speaker_reference() {
  static const weights::Safetensors file(PARLEY_SOURCE_DIR "/test/parity/step_audio_2/speaker.safetensors");
  return file;
}

template <typename Number = float>
std::vector<Number> speaker_reference(const std::string& name) {
  const weights::TensorView& view = speaker_reference().at(name);
  std::vector<Number> values(view.bytes.size() / sizeof(Number));
  std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
  return values;
}

inline float largest_difference(std::span<const float> found, std::span<const float> expected) {
  REQUIRE(found.size() == expected.size());
  float largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    REQUIRE(std::isfinite(found[i]));
    largest = std::max(largest, std::abs(found[i] - expected[i]));
  }
  return largest;
}

// The frames of a spectrum [frames, bins] that the reference keeps.
inline std::vector<float> kept_frames(std::span<const float> spectrum, std::size_t bins) {
  std::vector<float> kept;
  for (std::size_t at = 0; at < spectrum.size(); at += kept_frame_step * bins)
    kept.insert(kept.end(), spectrum.begin() + static_cast<std::ptrdiff_t>(at),
                spectrum.begin() + static_cast<std::ptrdiff_t>(at + bins));
  return kept;
}

}  // namespace parley::test
