// Decides from speech probabilities when the user starts to talk, pauses, goes on, and has finished.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace parley::conversation {

// Positions on the input's audio clock: samples at 16 kHz since the session's first sample.
using AudioPosition = std::int64_t;
inline constexpr int input_sample_rate_hz = 16000;

constexpr AudioPosition samples_of_ms(double ms) {
  return static_cast<AudioPosition>(ms * input_sample_rate_hz / 1000);
}
constexpr int ms_of_samples(AudioPosition samples) {
  return static_cast<int>(samples * 1000 / input_sample_rate_hz);
}

struct TurnDetectorSettings {
  float threshold = 0.5F;      // probability from which a window counts as speech
  float hysteresis = 0.15F;    // windows between threshold - hysteresis and threshold change nothing
  int silence_ms = 500;        // silence that ends the turn
  int speculation_ms = 160;    // silence after which the turn may be about to end
  int min_speech_windows = 2;  // windows of speech that start a turn or end a pause: one alone is a click
};

// What the user did. `at`: speech_started, the start of the first window of speech (no padding); pausing and
// resumed, the end of the window that told; speech_stopped, where the utterance ends, its silence included.
struct SpeechChange {
  enum class Kind { speech_started, pausing, resumed, speech_stopped } kind;
  AudioPosition at;
  bool operator==(const SpeechChange&) const = default;
};

// A window of speech is one with a probability of at least `threshold`; of silence, one below
// threshold - hysteresis. One window in between does not break a run of speech that has just begun, two do;
// within a pause they count as silence.
//
//   quiet --min_speech_windows of speech, no silence between--> speaking          speech_started
//   speaking --silence for speculation_ms--> pausing                              pausing
//   pausing --min_speech_windows of speech--> speaking                            resumed
//   speaking, pausing --silence for silence_ms--> quiet                           speech_stopped
//
// A pause that is shorter than speculation_ms is not told. Where silence_ms <= speculation_ms only
// speech_stopped is told.
class TurnDetector {
 public:
  explicit TurnDetector(const TurnDetectorSettings& settings = {}) : settings_(settings) {}

  // The next window: its speech probability, and where it starts and ends. Windows come in order; one that
  // starts later than the last one ended is taken as if time had stood still in between.
  std::vector<SpeechChange> on_window(float probability, AudioPosition start, AudioPosition end);

  // The silence that ends the turn from now on; may be changed during a pause (semantic end of turn).
  void require_silence(int ms) { settings_.silence_ms = ms; }
  int required_silence_ms() const { return settings_.silence_ms; }

  bool speaking() const { return speaking_; }  // between speech_started and speech_stopped
  bool pausing() const { return pausing_; }    // between pausing and resumed or speech_stopped
  int silence_ms() const { return speaking_ ? ms_of_samples(silence_) : 0; }

  // Other parameters; what was heard so far stays.
  void configure(const TurnDetectorSettings& settings) { settings_ = settings; }

  // Forgets what was heard: the next window finds it quiet.
  void reset();

 private:
  void count_run(float probability, AudioPosition start);

  TurnDetectorSettings settings_;
  bool speaking_ = false;
  bool pausing_ = false;
  int run_ = 0;                // windows of speech since the last one of silence
  int unclear_ = 0;            // windows between the thresholds since the last one of speech
  AudioPosition onset_ = 0;    // start of the first of them
  AudioPosition silence_ = 0;  // samples since speech was last heard; 0: none since
};

}  // namespace parley::conversation
