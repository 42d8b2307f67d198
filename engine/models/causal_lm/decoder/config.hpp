// What config.json says of a decoder's architecture, with the field names of Hugging Face's own files.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace parley::causal_lm {

// How positions beyond those of the first training are made out of smaller ones.
struct RopeScaling {
  enum class Kind { none, linear, llama3 } kind = Kind::none;
  double factor = 1.0;
  double low_freq_factor = 1.0;   // llama3
  double high_freq_factor = 4.0;  // llama3
  double original_max_position_embeddings = 8192.0;
};

struct DecoderConfig {
  int vocab_size = 0;
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;
  int max_position_embeddings = 0;
  float rms_norm_eps = 1e-6F;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  std::vector<float> rope_frequency_factors;  // [head_dim / 2] or empty: divide the frequencies
  bool tie_word_embeddings = false;
  bool qkv_bias = false;
  bool output_bias = false;  // of o_proj

  int query_width() const { return num_attention_heads * head_dim; }
  int kv_width() const { return num_key_value_heads * head_dim; }
  int heads_a_kv_head() const { return num_attention_heads / num_key_value_heads; }

  // Of the types llama, qwen2 and step_audio_2, whose language model is a Qwen2 that stands in "text_config"
  // or, in some files, among the other fields.
  // Throws std::runtime_error with a sentence that begins with `where` and names the field.
  static DecoderConfig read(const nlohmann::json& config, const std::string& where);
};

}  // namespace parley::causal_lm
