// Tested by test/server/conversation/turn_detector_test.cpp.
#include "server/conversation/turn_detector.hpp"

#include <algorithm>
#include <utility>

namespace parley::conversation {

void TurnDetector::count_run(float probability, AudioPosition start) {
  if (probability >= settings_.threshold) {
    if (run_++ == 0) onset_ = start;
    unclear_ = 0;
    return;
  }
  const bool silence = probability < std::max(settings_.threshold - settings_.hysteresis, 0.01F);
  const bool begun = run_ < settings_.min_speech_windows;
  if (silence || (begun && ++unclear_ >= 2)) run_ = unclear_ = 0;
}

std::vector<SpeechChange> TurnDetector::on_window(float probability, AudioPosition start, AudioPosition end) {
  std::vector<SpeechChange> changes;
  count_run(probability, start);
  const bool talking = run_ >= settings_.min_speech_windows;
  if (talking) {
    silence_ = 0;
    if (!std::exchange(speaking_, true)) changes.push_back({SpeechChange::Kind::speech_started, onset_});
    if (std::exchange(pausing_, false)) changes.push_back({SpeechChange::Kind::resumed, end});
  } else if (speaking_) {
    // A click inside a pause is part of the silence, but while it may still grow into speech nothing is
    // decided.
    silence_ += end - start;
    if (run_ > 0) return changes;
    if (silence_ >= samples_of_ms(settings_.silence_ms)) {
      reset();
      changes.push_back({SpeechChange::Kind::speech_stopped, end});
    } else if (!pausing_ && silence_ >= samples_of_ms(settings_.speculation_ms)) {
      pausing_ = true;
      changes.push_back({SpeechChange::Kind::pausing, end});
    }
  }
  return changes;
}

void TurnDetector::reset() {
  speaking_ = pausing_ = false;
  run_ = unclear_ = 0;
  silence_ = 0;
}

}  // namespace parley::conversation
