// What a loaded token2wav, its voices and its streams consist of.
#pragma once

#include "engine/models/step_audio_2/token2wav/fixed_solver.hpp"
#include "engine/models/step_audio_2/token2wav/flow.hpp"
#include "engine/models/step_audio_2/token2wav/hift.hpp"
#include "engine/models/step_audio_2/token2wav/pace.hpp"
#include "engine/models/step_audio_2/token2wav/token2wav.hpp"
#include "engine/models/step_audio_2/token2wav/vocoder_stream.hpp"

namespace parley::step_audio_2 {

struct Token2Wav::Parts {
  Parts(const std::filesystem::path& folder, const Token2WavOptions& options);

  mutable Crew crew;
  Flow flow;
  Hift hift;
  std::unique_ptr<FixedSolver> fixed_solver;  // of `flow`, which does not move; or null
};

struct PreparedVoice {
  std::shared_ptr<const FlowVoice> flow;
};

struct Token2WavStream::State {
  FlowStream flow;
  VocoderStream vocoder;
  ChunkSchedule schedule;
  Pace pace;
  int vocabulary = 0;
  bool wants_mel = false;
};

}  // namespace parley::step_audio_2
