#include "test/engine/models/turn_driver.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace parley::test {

using namespace engine;

void TurnDriver::start(Dialogue& dialogue, const TurnRequest& request) {
  turns_[request.turn] = model_.begin(dialogue, request);
  told_[request.turn];
}

void TurnDriver::drop(TurnId turn) { turns_.erase(turn); }

bool TurnDriver::finished(TurnId turn) const { return turns_.at(turn)->progress().finished; }

bool TurnDriver::step(const std::function<std::size_t(std::size_t)>& choose) {
  struct Kind {
    WorkKind kind;
    int shape, units;
    std::vector<Turn*> turns;
  };
  std::vector<Kind> ready;
  for (auto& [id, turn] : turns_) {
    if (turn->progress().finished || !told_[id].failure.empty()) continue;
    for (const Work& work : model_.ready(*turn)) {
      auto same = std::find_if(ready.begin(), ready.end(), [&](const Kind& other) {
        return other.kind == work.kind && other.shape == work.shape &&
               static_cast<int>(other.turns.size()) < model_.max_batch(work.kind);
      });
      if (same == ready.end()) same = ready.insert(ready.end(), {work.kind, work.shape, work.units, {}});
      same->turns.push_back(turn.get());
    }
  }
  if (ready.empty()) return false;
  Kind& chosen = ready[choose(ready.size())];
  model_.run(chosen.kind, chosen.turns, chosen.kind == WorkKind::decode ? 1 : chosen.units, *this);
  return true;
}

void TurnDriver::run_to_end() {
  while (step([](std::size_t) { return std::size_t{0}; })) {
  }
}

TurnId TurnDriver::id_of(const Turn& turn) const {
  for (const auto& [id, known] : turns_) {
    if (known.get() == &turn) return id;
  }
  throw std::logic_error("an event of a turn that is gone");
}

void TurnDriver::emit(const Turn& turn, Event event) {
  Told& told = told_[id_of(turn)];
  std::string kind;
  if (auto* transcript = std::get_if<Transcript>(&event)) {
    kind = "transcript";
    told.transcripts[transcript->item_id] = transcript->text;
  } else if (auto* text = std::get_if<TextDelta>(&event)) {
    kind = "text";
    told.text += text->text;
  } else if (auto* audio = std::get_if<AudioChunk>(&event)) {
    kind = "audio";
    told.pcm.insert(told.pcm.end(), audio->pcm.begin(), audio->pcm.end());
    told.text_cursor = audio->text_cursor;
  } else if (auto* call = std::get_if<ToolCall>(&event)) {
    kind = "call";
    told.calls.push_back(*call);
  }
  if (std::find(told.order.begin(), told.order.end(), kind) == told.order.end()) told.order.push_back(kind);
}

void TurnDriver::fail(const Turn& turn, std::string error) { told_[id_of(turn)].failure = std::move(error); }

ContextItem user_says(std::string id, std::string text) {
  ContextItem item;
  item.id = std::move(id);
  item.text = std::move(text);
  return item;
}

ContextItem user_speaks(std::string id, std::string transcript) {
  ContextItem item = user_says(std::move(id), std::move(transcript));
  item.speech = true;
  return item;
}

ContextItem assistant_said(std::string id, std::string text) {
  ContextItem item = user_says(std::move(id), std::move(text));
  item.role = Role::assistant;
  return item;
}

TurnRequest asks(TurnId turn, std::vector<ContextItem> context, int tokens) {
  TurnRequest request;
  request.turn = turn;
  request.instructions = "You are a helpful voice assistant. Answer in one short sentence.";
  request.context = std::move(context);
  request.sampling = Sampling{};
  request.max_output_tokens = tokens;
  return request;
}

}  // namespace parley::test
