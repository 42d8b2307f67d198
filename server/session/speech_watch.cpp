// Tested by test/server/session/audio_test.cpp.
#include "server/session/speech_watch.hpp"

namespace parley::server {

std::vector<conversation::VoiceActivity> SpeechWatch::push(std::span<const float> pcm, bool judge) {
  constexpr std::size_t window = audio::VoiceActivity::window_samples;
  std::vector<conversation::VoiceActivity> judgements;
  if (!judge) {
    restart();
    judged_until_ += static_cast<conversation::AudioPosition>(pcm.size());
    return judgements;
  }
  unjudged_.insert(unjudged_.end(), pcm.begin(), pcm.end());
  if (unjudged_.size() >= window && !voice_) voice_.emplace(net_);
  std::span<const float> rest = unjudged_;
  for (; rest.size() >= window; rest = rest.subspan(window)) {
    judged_until_ += window;
    judgements.push_back({voice_->probability(rest.first<window>()), judged_until_});
  }
  unjudged_.erase(unjudged_.begin(), unjudged_.end() - static_cast<std::ptrdiff_t>(rest.size()));
  return judgements;
}

void SpeechWatch::restart() {
  judged_until_ += static_cast<conversation::AudioPosition>(unjudged_.size());
  unjudged_.clear();
  if (voice_) voice_->reset();
}

}  // namespace parley::server
