// Judges a session's audio for speech, window by window.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/audio/voice_activity.hpp"
#include "server/conversation/input.hpp"

namespace parley::server {

class SpeechWatch {
 public:
  explicit SpeechWatch(std::shared_ptr<const audio::VoiceActivityNet> net) : net_(std::move(net)) {}

  // More 16 kHz audio; a judgement for each window that it completes. Without `judge` time passes alone.
  std::vector<conversation::VoiceActivity> push(std::span<const float> pcm, bool judge);

  // What comes has nothing to do with what came.
  void restart();

 private:
  std::shared_ptr<const audio::VoiceActivityNet> net_;
  std::optional<audio::VoiceActivity> voice_;  // made with the first window
  std::vector<float> unjudged_;                // less than a window
  conversation::AudioPosition judged_until_ = 0;
};

}  // namespace parley::server
