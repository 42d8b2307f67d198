// What a Whisper bundle says of itself: config.json and generation.json.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace parley::whisper {

struct Config {  // field names of the official config.json
  int d_model = 0;
  int num_mel_bins = 0;
  int vocab_size = 0;
  int max_source_positions = 0;  // of the encoder's output, 20 ms each
  int max_target_positions = 0;  // tokens, the prompt's included
  int encoder_layers = 0;
  int decoder_layers = 0;
  int encoder_attention_heads = 0;
  int decoder_attention_heads = 0;
  int encoder_ffn_dim = 0;
  int decoder_ffn_dim = 0;

  // Both throw std::runtime_error with a sentence that names the file and what is wrong in it.
  static Config read(const std::filesystem::path& folder);
};

std::size_t parameters(const Config& config);  // numbers in the matrices of the network

// Ids of the tokens that mean something to the decoder.
struct Generation {
  int start_of_transcript = 0;
  int end_of_text = 0;
  int no_timestamps = 0;
  int no_speech = 0;
  std::optional<int> transcribe;           // English-only models have no tasks and no languages
  std::vector<int> suppress_tokens;        // never chosen
  std::vector<int> begin_suppress_tokens;  // not chosen as the first
  std::map<std::string, int> languages;    // ISO 639-1 code -> token

  static Generation read(const std::filesystem::path& folder, const Config& config);
};

}  // namespace parley::whisper
