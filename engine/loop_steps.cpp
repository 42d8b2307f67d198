// One step: the passes that the scheduler chose, and what is done when one fails.
#include <spdlog/fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "engine/loop_records.hpp"

namespace parley::engine {

bool Loop::step() {
  const auto from = now_();
  auto passes = scheduler_.choose(from);
  if (passes.empty()) return false;
  for (const Pass& pass : passes) run(pass);
  moment_ = now_();
  scheduler_.stepped(from, moment_);
  end_slow_dialogues();
  publish();
  return true;
}

void Loop::run(const Pass& pass) {
  batch_.clear();
  batch_ids_.clear();
  for (TurnId id : pass.turns) {
    TurnRecord* turn = find(id);
    if (!turn || turn->state != TurnRecord::State::running) continue;  // ended by a pass before this one
    batch_.push_back(turn->turn.get());
    batch_ids_.push_back(id);
  }
  if (batch_.empty()) return;

  const auto from = now_();
  std::string error;
  Outcome outcome = attempt(pass.kind, batch_, pass.units, error);
  if (outcome == Outcome::ran) {
    const double took = seconds(now_() - from);
    scheduler_.measured(pass.kind, static_cast<int>(batch_.size()), pass.units, took * 1000);
    for (TurnId id : batch_ids_) scheduler_.served(id, took * 1000 / static_cast<double>(batch_.size()));
    metrics_.step_seconds[static_cast<int>(pass.kind)].add(took);
    metrics_.batch_size[static_cast<int>(pass.kind)].add(static_cast<double>(batch_.size()));
    spdlog::trace("engine: {} of {} for turns {} took {:.1f} ms", name(pass.kind), pass.units,
                  fmt::join(batch_ids_, " "), took * 1000);
  } else {
    recover(pass, outcome, std::move(error));
  }
  deliver_pass();
  for (TurnId id : batch_ids_) {
    TurnRecord* turn = find(id);
    if (turn && turn->state == TurnRecord::State::running) refresh(*turn);
  }
}

// A pass that does not run tells nothing and leaves its turns as they were.
Loop::Outcome Loop::attempt(WorkKind kind, std::span<Turn* const> batch, int units, std::string& error) {
  const auto mark = events_.mark();
  try {
    model_.run(kind, batch, units, events_);
    return Outcome::ran;
  } catch (const OutOfDeviceMemory& thrown) {
    events_.rewind(mark);
    error = thrown.what();
    return Outcome::short_of_memory;
  } catch (const std::exception& thrown) {
    events_.rewind(mark);
    error = thrown.what();
    return Outcome::threw;
  }
}

// Short of memory: what idle dialogues hold goes first; when that is not enough, the newest turn of the pass
// does, and the others have its memory at the next step. Any other fault: one by one, so that only those at
// fault fail.
void Loop::recover(const Pass& pass, Outcome outcome, std::string error) {
  if (outcome == Outcome::short_of_memory) {
    spdlog::warn("engine: idle conversations lose their state for lack of device memory: {}", error);
    release_idle();
    outcome = attempt(pass.kind, batch_, pass.units, error);
  }
  if (outcome == Outcome::short_of_memory) {
    auto newest = std::max_element(batch_ids_.begin(), batch_ids_.end(), [this](TurnId a, TurnId b) {
      return std::pair(find(a)->started_at, a) < std::pair(find(b)->started_at, b);
    });
    events_.fail(*find(*newest)->turn, "The device is out of memory: " + error);
  } else if (outcome == Outcome::threw) {
    if (batch_.size() > 1) {
      spdlog::warn("engine: a {} pass over {} turns failed and is tried one by one: {}", name(pass.kind),
                   batch_.size(), error);
    }
    for (Turn* turn : batch_) {
      if (attempt(pass.kind, {&turn, 1}, pass.units, error) != Outcome::ran) events_.fail(*turn, error);
    }
  }
}

void Loop::deliver_pass() {
  moment_ = now_();
  for (auto& [id, event] : events_.events) {
    if (TurnRecord* turn = find(id)) deliver(*turn, std::move(event));
  }
  events_.events.clear();
  for (auto& [id, error] : events_.failures) {
    TurnRecord* turn = find(id);
    if (!turn || turn->state != TurnRecord::State::running) continue;
    spdlog::warn("engine: turn {} failed: {}", id, error);
    fail(*turn, std::move(error));
  }
  events_.failures.clear();
}

// Asks what the turn can do next; ends it when there is nothing more.
void Loop::refresh(TurnRecord& turn) {
  try {
    Turn::Progress progress = turn.turn->progress();
    WorkList ready = progress.finished ? WorkList{} : model_.ready(*turn.turn);
    if (ready.empty()) return finish(turn, progress.status);
    scheduler_.update(turn.id, ready, progress);
  } catch (const std::exception& error) {
    spdlog::error("engine: turn {} cannot say what it needs next: {}", turn.id, error.what());
    fail(turn, error.what());
  }
}

}  // namespace parley::engine
