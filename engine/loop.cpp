// Commands, the life of a turn, and the delivery of its events. Steps are in loop_steps.cpp.
#include "engine/loop.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

#include "engine/loop_records.hpp"

namespace parley::engine {

namespace {

constexpr double output_rate_hz = 24'000;
constexpr double audible_underrun_ms = 100;

}  // namespace

Loop::Loop(SpeechModel& model, const EngineSettings& settings, int slots, Metrics& metrics, Now now)
    : model_(model),
      settings_(settings),
      metrics_(metrics),
      now_(std::move(now)),
      limits_(std::make_unique<ModelLimits>(model)),
      scheduler_(settings.scheduler, *limits_),
      slots_(slots),
      events_([this](const Turn& turn) {
        auto found = running_.find(&turn);
        return found == running_.end() ? 0 : found->second->id;
      }) {
  publish();
}

Loop::~Loop() = default;

Loop::TurnRecord* Loop::find(TurnId turn) {
  auto found = turns_.find(turn);
  return found == turns_.end() ? nullptr : found->second.get();
}

// ---- commands

void Loop::apply(Command command) {
  moment_ = now_();
  std::visit([this](auto& one) { on(std::move(one)); }, command);
  end_slow_dialogues();
  publish();
}

void Loop::on(OpenDialogue command) {
  auto dialogue = std::make_unique<DialogueRecord>();
  dialogue->id = command.dialogue;
  dialogue->sink = std::move(command.sink);
  try {
    dialogue->state = model_.open();
  } catch (const std::exception& error) {
    // Its turns will say so.
    spdlog::error("engine: dialogue {} could not be opened: {}", command.dialogue, error.what());
  }
  dialogues_[command.dialogue] = std::move(dialogue);
}

void Loop::on(CloseDialogue command) {
  auto found = dialogues_.find(command.dialogue);
  if (found == dialogues_.end()) return;
  close(*found->second);
  slots_.closed(command.dialogue);
  dialogues_.erase(found);
}

void Loop::on(Hear command) {
  auto found = dialogues_.find(command.dialogue);
  if (found == dialogues_.end() || !found->second->state) return;
  DialogueRecord& dialogue = *found->second;
  try {
    model_.hear(*dialogue.state, command.item_id, command.pcm);
  } catch (const std::exception& error) {
    spdlog::error("engine: dialogue {} could not hear item {}: {}", dialogue.id, command.item_id,
                  error.what());
    dialogue.unheard.push_back(std::move(command.item_id));
  }
}

void Loop::on(Forget command) {
  auto found = dialogues_.find(command.dialogue);
  if (found == dialogues_.end() || !found->second->state) return;
  std::erase(found->second->unheard, command.item_id);
  try {
    model_.forget(*found->second->state, command.item_id);
  } catch (const std::exception& error) {
    spdlog::error("engine: dialogue {} could not forget item {}: {}", command.dialogue, command.item_id,
                  error.what());
  }
}

void Loop::on(StartTurn command) {
  auto found = dialogues_.find(command.request.dialogue);
  if (found == dialogues_.end() || !found->second->sink) return;  // nobody to tell
  if (turns_.contains(command.request.turn)) {
    spdlog::error("engine: turn {} was started twice; the second start is dropped", command.request.turn);
    return;
  }
  DialogueRecord& dialogue = *found->second;
  const TurnId id = command.request.turn;
  auto owned =
      std::make_unique<TurnRecord>(TurnRecord{id, dialogue, std::move(command.request), {}, {}, {}, {}});
  TurnRecord& turn = *owned;
  turns_[id] = std::move(owned);
  dialogue.turns.push_back(id);
  ++waiting_;
  turn.started_at = moment_;
  if (turn.request.turn_end == Clock::time_point{}) turn.request.turn_end = turn.started_at;
  if (turn.request.speculative) {
    turn.speculated = true;
    metrics_.speculations_started.add();
  }

  if (draining_) {
    finish(turn, TurnStatus::failed, "engine_overloaded",
           "The server is shutting down and takes no new turns.");
  } else if (!dialogue.state) {
    fail(turn, "The conversation's state could not be allocated.");
  } else if (turn.request.out_of_band) {
    begin(turn);
  } else if (dialogue.main != 0) {
    dialogue.waiting.push_back(id);
  } else {
    dialogue.main = id;
    begin(turn);
  }
}

void Loop::on(CommitTurn command) {
  TurnRecord* turn = find(command.turn);
  if (!turn || !turn->request.speculative) return;
  const auto now = moment_;
  turn->request.speculative = false;
  turn->request.turn_end = command.turn_end;
  scheduler_.speculated(/*kept=*/true, now);
  scheduler_.commit(command.turn, command.turn_end);
  using State = TurnRecord::State;
  if (turn->state == State::running || turn->state == State::finished) {
    metrics_.speculations_kept.add();
    metrics_.speculation_saved_seconds = metrics_.speculation_saved_seconds + seconds(now - turn->started_at);
  }
  const bool finished = turn->state == State::finished;
  const bool parked = turn->state == State::parked;
  for (Event& event : std::exchange(turn->held, {})) deliver(*turn, std::move(event));
  if (finished) erase(*turn);
  if (parked) begin(*turn);
}

void Loop::on(CancelTurn command) {
  TurnRecord* turn = find(command.turn);
  if (!turn) return;
  if (turn->request.speculative) {
    scheduler_.speculated(/*kept=*/false, moment_);
    metrics_.speculations_thrown_away.add();
    turn->request.speculative = false;  // of what it told, only the end is delivered
    turn->held.clear();
  }
  finish(*turn, TurnStatus::cancelled);
}

void Loop::on(ReportHeard command) { scheduler_.heard(command.turn, command.heard_ms, moment_); }

void Loop::on(Drain) { draining_ = true; }

void Loop::end() {
  moment_ = now_();
  draining_ = true;
  for (auto& [id, dialogue] : dialogues_) dialogue->waiting.clear();
  while (!turns_.empty()) {
    TurnRecord& turn = *turns_.begin()->second;
    turn.request.speculative = false;
    turn.held.clear();
    finish(turn, TurnStatus::cancelled);
  }
  publish();
}

// ---- the start of a turn

void Loop::begin(TurnRecord& turn) {
  for (const ContextItem& item : turn.request.context) {
    const auto& unheard = turn.dialogue.unheard;
    if (item.speech && std::find(unheard.begin(), unheard.end(), item.id) != unheard.end()) {
      return fail(turn, "The speech of item " + item.id + " could not be processed.");
    }
  }
  const bool slots_full = slots_.busy() >= slots_.total();
  if (turn.request.speculative && !scheduler_.may_speculate(moment_, slots_full)) return park(turn);
  if (!take_slot(turn)) {
    metrics_.refused_turns.add();
    return finish(
        turn, TurnStatus::failed, "engine_overloaded",
        "All " + std::to_string(slots_.total()) + " slots of the engine are speaking; try again shortly.");
  }
  try {
    turn.turn = begin_in_model(turn);
  } catch (const std::length_error& error) {
    slots_.give_back(turn.request.out_of_band ? 0 : turn.dialogue.id,
                     model_.holds_slot(*turn.dialogue.state));
    return finish(turn, TurnStatus::failed, "context_overflow", error.what());
  } catch (const std::exception& error) {
    slots_.give_back(turn.request.out_of_band ? 0 : turn.dialogue.id,
                     model_.holds_slot(*turn.dialogue.state));
    spdlog::warn("engine: turn {} could not begin: {}", turn.id, error.what());
    return fail(turn, error.what());
  }
  if (turn.state == TurnRecord::State::waiting || turn.state == TurnRecord::State::parked) --waiting_;
  turn.state = TurnRecord::State::running;
  running_[turn.turn.get()] = &turn;
  scheduler_.add(turn.id,
                 {turn.request.output == Output::speech, turn.request.speculative, turn.request.turn_end});
  refresh(turn);
}

std::unique_ptr<Turn> Loop::begin_in_model(TurnRecord& turn) {
  try {
    return model_.begin(*turn.dialogue.state, turn.request);
  } catch (const OutOfDeviceMemory&) {
    release_idle();
    return model_.begin(*turn.dialogue.state, turn.request);
  }
}

// A free slot, or that of the dialogue that was idle longest, or a speculation's.
bool Loop::take_slot(TurnRecord& turn) {
  const DialogueId dialogue = turn.request.out_of_band ? 0 : turn.dialogue.id;
  auto release = [this](DialogueId idle) { model_.release(*dialogues_.at(idle)->state); };
  if (slots_.take(dialogue, release)) return true;
  if (turn.request.speculative) return false;
  for (auto& [state, other] : running_) {
    if (!other->request.speculative) continue;
    TurnRecord& speculation = *other;
    stop_running(speculation);
    park(speculation);
    return slots_.take(dialogue, release);
  }
  return false;
}

// The speculation is not run before its commit. What it told before is forgotten: it will tell it again.
void Loop::park(TurnRecord& turn) {
  metrics_.speculations_parked.add();
  if (turn.state != TurnRecord::State::waiting) ++waiting_;
  turn.state = TurnRecord::State::parked;
  turn.held.clear();
}

// Takes the turn out of the model, the scheduler and its slot.
void Loop::stop_running(TurnRecord& turn) {
  if (!turn.turn) return;
  running_.erase(turn.turn.get());
  scheduler_.remove(turn.id);
  turn.turn.reset();
  slots_.give_back(turn.request.out_of_band ? 0 : turn.dialogue.id, model_.holds_slot(*turn.dialogue.state));
}

void Loop::release_idle() {
  slots_.release_idle([this](DialogueId idle) { model_.release(*dialogues_.at(idle)->state); });
}

// ---- events

// To the sink, or to the turn's own store while it is a speculation.
void Loop::deliver(TurnRecord& turn, Event event) {
  std::visit([&turn](auto& one) { one.turn = turn.id; }, event);
  if (turn.request.speculative) {
    turn.held.push_back(std::move(event));
  } else {
    send(turn, std::move(event));
  }
}

void Loop::send(TurnRecord& turn, Event event) {
  const auto now = moment_;
  if (const auto* chunk = std::get_if<AudioChunk>(&event)) {
    scheduler_.rendered(turn.id, static_cast<double>(chunk->pcm.size()) / output_rate_hz * 1000, now);
    if (const Playback* playback = scheduler_.playback(turn.id)) {
      metrics_.lead_seconds.add(playback->lead_ms(now) / 1000);
    }
    if (!std::exchange(turn.sounded, true)) {
      metrics_.first_audio_seconds.add(std::max(0.0, seconds(now - turn.request.turn_end)));
    }
  } else if (const auto* done = std::get_if<TurnDone>(&event)) {
    count(turn, *done);
  } else {
    scheduler_.told(turn.id, now);
  }
  EventSink& sink = turn.dialogue.sink;
  if (!sink) return;
  bool taken = false;
  try {
    taken = sink(std::move(event));
  } catch (const std::exception& error) {
    spdlog::error("engine: the sink of dialogue {} threw: {}", turn.dialogue.id, error.what());
  }
  if (taken) return;
  sink = nullptr;
  slow_.push_back(turn.dialogue.id);
}

// The one place where a turn ends. Its TurnDone is the last that is told of it.
void Loop::finish(TurnRecord& turn, TurnStatus status, std::string error_code, std::string error) {
  using State = TurnRecord::State;
  TurnDone done{turn.id, status, std::move(error_code), std::move(error), {}};
  if (turn.turn) {
    try {
      done.usage = model_.usage(*turn.turn);
    } catch (const std::exception& thrown) {
      spdlog::error("engine: turn {} cannot say what it used: {}", turn.id, thrown.what());
    }
  }
  if (turn.state == State::waiting || turn.state == State::parked) --waiting_;
  deliver(turn, std::move(done));
  stop_running(turn);
  turn.state = State::finished;
  DialogueRecord& dialogue = turn.dialogue;
  const bool was_main = dialogue.main == turn.id;
  std::erase(dialogue.waiting, turn.id);
  if (!turn.request.speculative) erase(turn);
  if (!was_main) return;
  dialogue.main = 0;
  // Those that waited come next. The dialogue's own turn is set before begin(), which may end it at once.
  if (!dialogue.waiting.empty() && dialogue.sink) {
    dialogue.main = dialogue.waiting.front();
    dialogue.waiting.erase(dialogue.waiting.begin());
    begin(*find(dialogue.main));
  }
}

void Loop::erase(TurnRecord& turn) {
  std::erase(turn.dialogue.turns, turn.id);
  turns_.erase(turn.id);
}

void Loop::count(const TurnRecord& turn, const TurnDone& done) {
  metrics_.turns[static_cast<std::size_t>(done.status)].add();
  const Usage& usage = done.usage;
  const int reused = usage.cached_text_tokens + usage.cached_audio_tokens;
  const int input = usage.input_text_tokens + usage.input_audio_tokens;
  metrics_.prefill_tokens_reused.add(static_cast<std::uint64_t>(std::max(0, reused)));
  metrics_.prefill_tokens_new.add(static_cast<std::uint64_t>(std::max(0, input - reused)));
  if (!turn.sounded) return;
  // A speculation that was complete at its commit has left the scheduler: it came without a gap.
  const Playback* playback = scheduler_.playback(turn.id);
  const double underrun_ms = playback ? playback->longest_underrun_ms() : 0;
  metrics_.underrun_seconds.add(underrun_ms / 1000);
  (underrun_ms <= audible_underrun_ms ? metrics_.continuous : metrics_.interrupted).add();
}

// Their clients cannot keep up. Done between passes, when nothing walks over turns.
void Loop::end_slow_dialogues() {
  for (DialogueId id : std::exchange(slow_, {})) {
    auto found = dialogues_.find(id);
    if (found == dialogues_.end()) continue;
    metrics_.slow_sinks.add();
    close(*found->second);
  }
}

// Ends the dialogue's turns without telling.
void Loop::close(DialogueRecord& dialogue) {
  dialogue.sink = nullptr;
  dialogue.waiting.clear();
  while (!dialogue.turns.empty()) {
    TurnRecord& turn = *find(dialogue.turns.back());
    turn.request.speculative = false;
    finish(turn, TurnStatus::cancelled);
  }
}

void Loop::publish() {
  metrics_.slots = slots_.total();
  metrics_.slots_held = slots_.held();
  metrics_.turns_running = static_cast<int>(turns_.size());
  metrics_.turns_waiting = waiting_;
  metrics_.dialogues = static_cast<int>(dialogues_.size());
  metrics_.draining = draining_;
  metrics_.load = scheduler_.load(moment_);
  metrics_.accepting = !draining_ && slots_.busy() < slots_.total() && !scheduler_.overloaded(moment_);
}

}  // namespace parley::engine
