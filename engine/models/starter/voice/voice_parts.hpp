// What a loaded voice consists of.
#pragma once

#include "engine/models/starter/phonemizer/phonemizer.hpp"
#include "engine/models/starter/voice/network.hpp"
#include "engine/models/starter/voice/speaker.hpp"
#include "engine/models/starter/voice/synthesis.hpp"

namespace parley::voice {

struct Voice::Parts {
  Parts(const std::filesystem::path& folder, const SpeakerSettings& with);

  const Timbre* timbre(std::string_view name) const;  // nullptr: unknown

  SpeakerSettings settings;
  VoiceConfig config;
  phonemizer::Phonemizer phonemizer;
  Network network;
  Synthesis synthesis;
  std::vector<TimbreInfo> timbres;
};

}  // namespace parley::voice
