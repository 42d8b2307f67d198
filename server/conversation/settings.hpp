// What can be chosen about conversations. One for the whole server; the session fills it from its settings.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "server/conversation/input.hpp"

namespace parley::conversation {

using std::chrono::milliseconds;

struct ConversationSettings {
  bool recognizes_first = false;  // engine::ModelInfo: a transcript comes with every answer
  // A client's voice name to ours, aliases included; an unknown one to the default. Empty: as it is.
  std::function<std::string(std::string_view)> local_voice = {};

  bool speculate = true;
  milliseconds speculation_silence{160};  // pause after which the answer is started on trial
  milliseconds semantic_silence{500};     // semantic_vad: silence that ends a finished sentence
  milliseconds transcript_wait{1000};     // and how long it waits to be told whether it is one
  milliseconds eagerness_low{8000}, eagerness_medium{4000}, eagerness_high{2000};  // if it is not

  milliseconds flush_answer{400};        // for native.playback.flushed, before the position is estimated
  milliseconds truncate_tolerance{100};  // beyond what was sent: clients round
  milliseconds transcription_grace{
      200};  // a committed item waits so long for a response that would transcribe it
  milliseconds response_limit{120'000};  // a response may take this, plus the length of what it says
  milliseconds session_limit{3'600'000};
  milliseconds drain_limit{10'000};

  std::size_t items = 500;        // of a conversation; the oldest go first
  int out_of_band_responses = 2;  // at once
  int errors = 50;                // in `error_window`, and the connection is closed
  milliseconds error_window{10'000};
  int opus_preskip = 312;                                    // 48 kHz units: the Opus encoder's delay
  Budget budget{10'000, 10'000, 10'000'000, 10'000'000, 0};  // until one is told
};

}  // namespace parley::conversation
