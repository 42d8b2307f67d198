// Tested by test/server/conversation/turn_taking_test.cpp.
#include "server/conversation/turn_taking.hpp"

#include <algorithm>
#include <utility>

namespace parley::conversation {

using Kind = TurnSignal::Kind;

TurnTaking::TurnTaking(const TurnTakingSettings& settings, std::function<std::string()> new_item_id)
    : settings_(settings), new_item_id_(std::move(new_item_id)), detector_(settings.detector) {}

void TurnTaking::hear_until(AudioPosition position, TurnSignals& signals) {
  if (item_id_.empty()) {
    item_id_ = new_item_id_();
    item_begin_ = buffer_.begin();
  }
  auto pcm = buffer_.take_until(position);
  if (!pcm.empty()) signals.push_back({Kind::hear, item_id_, buffer_.begin(), std::move(pcm)});
}

TurnSignals TurnTaking::on_audio(std::span<const float> pcm, double ms) {
  TurnSignals signals;
  const double limit = settings_.detect ? longest_utterance_ms + kept_silence_ms : longest_manual_ms;
  if (buffer_.uncommitted_ms() + ms > limit) {
    if (!std::exchange(overrun_, true)) signals.push_back({Kind::overrun, item_id_, buffer_.end(), {}});
    return signals;
  }
  buffer_.append(pcm, ms);
  if (!settings_.detect && !pcm.empty()) hear_until(buffer_.end(), signals);
  return signals;
}

TurnSignals TurnTaking::on_voice_activity(float probability, AudioPosition end) {
  TurnSignals signals;
  if (!settings_.detect) return signals;
  end = std::min(end, buffer_.end());
  for (const auto& change : detector_.on_window(probability, std::max<AudioPosition>(end - window, 0), end)) {
    on_change(change, signals);
  }
  if (detector_.speaking()) {
    if (!held_) hear_until(end, signals);
    if (static_cast<double>(end - item_begin_) >= samples_of_ms(longest_utterance_ms)) stop(end, signals);
  } else if (item_id_.empty()) {
    buffer_.drop_until(end - samples_of_ms(std::max<double>(kept_silence_ms, settings_.prefix_padding_ms)));
  }
  return signals;
}

void TurnTaking::on_change(const SpeechChange& change, TurnSignals& signals) {
  switch (change.kind) {
    case SpeechChange::Kind::speech_started:
      buffer_.drop_until(change.at - samples_of_ms(settings_.prefix_padding_ms));
      item_id_ = new_item_id_();
      item_begin_ = buffer_.begin();
      signals.push_back({Kind::speech_started, item_id_, item_begin_, {}});
      break;
    case SpeechChange::Kind::pausing:
      hear_until(change.at, signals);
      signals.push_back({Kind::pausing, item_id_, change.at, {}});
      break;
    case SpeechChange::Kind::resumed:
      held_ = false;
      signals.push_back({Kind::resumed, item_id_, change.at, {}});
      break;
    case SpeechChange::Kind::speech_stopped:
      stop(change.at, signals);
      break;
  }
}

void TurnTaking::stop(AudioPosition end, TurnSignals& signals) {
  if (!held_) hear_until(end, signals);
  detector_.reset();
  item_end_ = end;
  signals.push_back({Kind::speech_stopped, item_id_, end, {}});
}

TurnSignals TurnTaking::on_gap() {
  TurnSignals signals;
  if (detector_.speaking()) stop(buffer_.end(), signals);
  return signals;
}

TurnSignals TurnTaking::configure(const TurnTakingSettings& settings) {
  TurnSignals signals;
  const bool switched = settings.detect != settings_.detect;
  settings_ = settings;
  detector_.configure(settings.detector);
  if (!switched) return signals;
  detector_.reset();
  held_ = false;
  if (settings.detect && !item_id_.empty()) {
    signals = clear();
  } else if (!settings.detect && buffer_.uncommitted_ms() > 0) {
    hear_until(buffer_.end(), signals);
  }
  return signals;
}

Utterance TurnTaking::commit(TurnSignals& signals) {
  const bool stopped = item_end_ != 0;
  const AudioPosition end = stopped ? item_end_ : buffer_.end();
  if (!stopped) hear_until(end, signals);
  Utterance utterance{item_id_, item_begin_, end, 0};
  utterance.ms = settings_.detect ? static_cast<double>(end - item_begin_) * 1000 / input_sample_rate_hz
                                  : buffer_.uncommitted_ms();
  buffer_.commit_until(end);
  if (!stopped) detector_.reset();
  item_id_.clear();
  item_end_ = 0;
  held_ = overrun_ = false;
  return utterance;
}

TurnSignals TurnTaking::clear() {
  TurnSignals signals;
  if (!item_id_.empty()) signals.push_back({Kind::forget, std::exchange(item_id_, {}), buffer_.end(), {}});
  buffer_.clear();
  detector_.reset();
  item_end_ = 0;
  held_ = overrun_ = false;
  return signals;
}

}  // namespace parley::conversation
