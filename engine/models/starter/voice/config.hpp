// What a voice's folder says about itself (config.json).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace parley::voice {

// Names as in config.json, written by scripts/convert/voice.py.
struct NetworkConfig {
  int symbols = 0;
  int text_blocks = 0;
  int text_kernel = 0;
  int attention_heads = 0;
  int prosody_text_width = 0;
  int prosody_text_passes = 0;
  int prosody_blocks = 0;
  std::vector<int> prosody_dilations;
  int decoder_text_width = 0;
  int decoder_text_passes = 0;
  int decoder_width = 0;
  int decoder_blocks = 0;
  int kernel = 0;
  int frames_per_step = 0;
  int bins = 0;
  float f0_scale = 0;
  float decoder_f0_divisor = 0;

  // How far a step's pitch depends on steps before and after it.
  int prosody_reach() const;
  // How far a frame's spectrum depends on frames before and after it.
  int decoder_reach() const { return (decoder_blocks + 1) * (kernel / 2); }
};

struct SynthesisConfig {
  int sample_rate = 0;
  int n_fft = 0;
  int hop = 0;  // samples a frame; n_fft is four hops
  float voiced_hz = 0;
  float highest_harmonic_hz = 0;
  float largest_log_magnitude = 0;
};

// One way to sound, made from the trained voice.
struct Timbre {
  std::string name;
  std::string sex, age, pitch, mood;
  float f0 = 1;       // times the pitch
  float stretch = 1;  // of the frequency axis; below 1 a longer vocal tract
  float range = 1;    // of the intonation around f0_center_hz
  float speed = 1;
};

struct VoiceConfig {
  // Throws std::runtime_error with a sentence for the operator.
  static VoiceConfig read(const std::filesystem::path& folder);

  std::unordered_map<char32_t, std::int64_t> symbols;
  NetworkConfig network;
  SynthesisConfig synthesis;
  float f0_center_hz = 0;
  std::vector<Timbre> timbres;  // the first is the default
};

}  // namespace parley::voice
