// From the user's audio to utterances: which samples belong to which item, and when one is finished.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/conversation/input_buffer.hpp"
#include "server/conversation/turn_detector.hpp"

namespace parley::conversation {

struct TurnTakingSettings {
  bool detect = true;  // false: push to talk; the client commits
  TurnDetectorSettings detector{};
  int prefix_padding_ms = 300;
};

// What follows from some audio, to be done in this order.
struct TurnSignal {
  enum class Kind {
    speech_started,  // item_id, at: where the item's audio begins
    hear,            // item_id, pcm: more audio of the item
    pausing,         // the utterance may be about to end
    resumed,         // it was not
    speech_stopped,  // at: where the utterance ends; commit() is due
    forget,          // item_id: its audio will never be committed
    overrun          // the buffer is full, audio is dropped from here on
  } kind;
  std::string item_id;
  AudioPosition at = 0;
  std::vector<float> pcm;
};
using TurnSignals = std::vector<TurnSignal>;

// A finished stretch of user audio that becomes an item.
struct Utterance {
  std::string item_id;
  AudioPosition begin = 0;
  AudioPosition end = 0;
  double ms = 0;
};

// With detection, audio waits in the buffer until the detector has judged it: silence is kept for a while, as
// it may turn out to be the padding before speech, and speech is passed on window by window. With push to
// talk everything is passed on as it comes. The item's id is made when its first sample is passed on.
class TurnTaking {
 public:
  TurnTaking(const TurnTakingSettings& settings, std::function<std::string()> new_item_id);

  TurnSignals on_audio(std::span<const float> pcm, double ms);
  // The speech probability of the 512 samples that end at `end`.
  TurnSignals on_voice_activity(float probability, AudioPosition end);
  TurnSignals on_gap();  // the client's audio stopped for long: what was being said has ended

  // Detection switched on or off, or other parameters. Speech being heard stays open; without detection it
  // becomes an uncommitted buffer.
  TurnSignals configure(const TurnTakingSettings& settings);

  // Makes an item of the uncommitted audio, whether or not speech was detected. Signals: what is still to be
  // heard of it.
  Utterance commit(TurnSignals& signals);
  TurnSignals clear();

  // While set, a pause's audio is not passed on: a speculative turn answers what was heard before it. What
  // waited follows when the user goes on, and is dropped when the turn ends.
  void hold(bool held) { held_ = held; }
  void require_silence(int ms) { detector_.require_silence(ms); }

  bool speaking() const { return detector_.speaking(); }
  bool pausing() const { return detector_.pausing(); }
  int silence_ms() const { return detector_.silence_ms(); }
  const std::string& open_item() const { return item_id_; }  // "" when none
  double uncommitted_ms() const { return buffer_.uncommitted_ms(); }
  AudioPosition now() const { return buffer_.end(); }

  static constexpr AudioPosition window = 512;
  static constexpr double longest_manual_ms = 600'000;
  static constexpr double longest_utterance_ms = 120'000;  // longer speech is cut into several turns
  static constexpr double kept_silence_ms = 10'000;

 private:
  void hear_until(AudioPosition position, TurnSignals& signals);
  void on_change(const SpeechChange& change, TurnSignals& signals);
  void stop(AudioPosition end, TurnSignals& signals);

  TurnTakingSettings settings_;
  std::function<std::string()> new_item_id_;
  TurnDetector detector_;
  InputBuffer buffer_;
  std::string item_id_;
  AudioPosition item_begin_ = 0;
  AudioPosition item_end_ = 0;  // where a stopped utterance ends; 0 while none waits for its commit
  bool held_ = false;
  bool overrun_ = false;
};

}  // namespace parley::conversation
