// Tested by test/server/conversation/transcription_test.cpp.
#include "server/conversation/transcriber.hpp"

#include <algorithm>
#include <utility>

namespace parley::conversation {

void Transcriber::want(const std::string& item_id, std::string language, Time now) {
  Item* item = items_.find(item_id);
  if (!item) return;
  if (item->audio_ms <= 0) {  // nothing to listen to
    item->transcription = Transcription::told;
    outbox_.send(protocol::InputAudioTranscriptionCompleted{item_id, 0, "", 0});
    return;
  }
  item->transcription = Transcription::wanted;
  const Time due = settings_.recognizes_first ? now + settings_.transcription_grace : now;
  wanted_.push_back({item_id, std::move(language), due});
}

void Transcriber::covered_by(engine::TurnId turn) {
  if (!settings_.recognizes_first) return;
  for (Wanted& wanted : wanted_) {
    if (wanted.turn == 0) wanted.turn = turn;
  }
}

void Transcriber::on_transcript(const engine::Transcript& transcript) {
  Item* item = items_.find(transcript.item_id);
  if (!item || !item->user_speech()) return;
  if (!std::exchange(item->transcript_known, true)) {
    for (Part& part : item->content) {
      if (part.kind == Part::Kind::input_audio) part.text = transcript.text;
    }
  }
  const auto wanted = std::find_if(wanted_.begin(), wanted_.end(),
                                   [&](const Wanted& w) { return w.item_id == transcript.item_id; });
  if (wanted == wanted_.end()) return;
  item->transcription = Transcription::told;
  outbox_.send(
      protocol::InputAudioTranscriptionCompleted{item->id, 0, transcript.text, item->audio_ms / 1000});
  // A turn that was started for it has no more to tell than its end.
  if (wanted->own) {
    wanted->item_id.clear();
  } else {
    wanted_.erase(wanted);
  }
}

void Transcriber::on_turn_over(engine::TurnId turn, Time now) {
  for (Wanted& wanted : wanted_) {
    if (wanted.turn != turn) continue;
    if (wanted.own && !wanted.item_id.empty()) {
      const auto error = protocol::server_error(protocol::ErrorCode::response_generation_failed,
                                                "The audio could not be transcribed.");
      outbox_.send(protocol::InputAudioTranscriptionFailed{wanted.item_id, 0, error});
      wanted.item_id.clear();
    }
    wanted.turn = 0;
    wanted.due = now;
  }
  std::erase_if(wanted_, [](const Wanted& wanted) { return wanted.turn == 0 && wanted.item_id.empty(); });
}

void Transcriber::forget(std::string_view item_id) {
  for (const Wanted& wanted : wanted_) {
    if (wanted.item_id == item_id && wanted.own) outbox_.perform(CancelTurn{wanted.turn});
  }
  std::erase_if(wanted_, [&](const Wanted& wanted) { return wanted.item_id == item_id; });
}

bool Transcriber::owns(engine::TurnId turn) const {
  return std::any_of(wanted_.begin(), wanted_.end(),
                     [&](const Wanted& wanted) { return wanted.own && wanted.turn == turn; });
}

void Transcriber::advance(Time now, const std::function<engine::TurnId()>& new_turn) {
  for (Wanted& wanted : wanted_) {
    if (wanted.turn != 0 || wanted.due > now) continue;
    const Item* item = items_.find(wanted.item_id);
    if (!item) {
      wanted.item_id.clear();
      continue;
    }
    wanted.turn = new_turn();
    wanted.own = true;
    engine::TurnRequest request;
    request.turn = wanted.turn;
    request.context = {context_item(*item)};
    request.output = engine::Output::transcript;
    request.language = wanted.language;
    request.out_of_band = true;
    request.turn_end = now;
    outbox_.perform(StartTurn{std::move(request)});
  }
  std::erase_if(wanted_, [](const Wanted& wanted) { return wanted.turn == 0 && wanted.item_id.empty(); });
}

std::optional<Time> Transcriber::deadline() const {
  std::optional<Time> deadline;
  for (const Wanted& wanted : wanted_) {
    if (wanted.turn == 0) deadline = std::min(deadline.value_or(wanted.due), wanted.due);
  }
  return deadline;
}

}  // namespace parley::conversation
