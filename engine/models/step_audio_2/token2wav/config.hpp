// The sizes of token2wav's flow, as its config.json gives them. The vocoder's are in its tensors' shapes.
#pragma once

#include <filesystem>

namespace parley::step_audio_2 {

// Field names are those of the checkpoint's flow.yaml.
struct FlowEncoderConfig {
  int input_size = 0;
  int output_size = 0;
  int pre_lookahead_len = 0;  // tokens that the encoder sees past the one it encodes
  int num_blocks = 0;
  int num_up_blocks = 0;
  int up_stride = 0;  // mel frames a token
  int attention_heads = 0;
  int linear_units = 0;
};

struct DitConfig {
  int in_channels = 0;
  int out_channels = 0;
  double mlp_ratio = 0;
  int depth = 0;
  int num_heads = 0;
  int head_dim = 0;
  int hidden_size = 0;
};

struct FlowConfig {
  // Reads {"flow": {...}} of FOLDER/config.json. Throws std::runtime_error with a sentence that names the
  // file.
  static FlowConfig read(const std::filesystem::path& folder);

  int input_size = 0;
  int output_size = 0;  // mel bins
  int spk_embed_dim = 0;
  int vocab_size = 0;
  FlowEncoderConfig encoder;
  double inference_cfg_rate = 0;
  DitConfig estimator;
};

}  // namespace parley::step_audio_2
