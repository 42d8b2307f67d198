// The sizes of the audio encoder and the adaptor: `audio_encoder_config` of the checkpoint's config.json,
// with its field names.
#pragma once

#include <filesystem>

#include "engine/models/step_audio_2/ear/pieces.hpp"

namespace parley::step_audio_2 {

struct EarConfig {
  int n_mels = 0;
  int n_audio_ctx = 0;  // positions, 20 ms each, that a piece may have
  int n_audio_state = 0;
  int n_audio_head = 0;
  int n_audio_layer = 0;
  int llm_dim = 0;
  int kernel_size = 0;
  int adapter_stride = 0;

  AdaptorStep adaptor_step() const { return {kernel_size, adapter_stride}; }
  // Samples that a recording is cut into: 25 s, or what fits into n_audio_ctx.
  std::size_t samples_a_piece() const;

  // Of `folder`/config.json. Throws std::runtime_error with a sentence that names the file.
  static EarConfig read(const std::filesystem::path& folder);
};

}  // namespace parley::step_audio_2
