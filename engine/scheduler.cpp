#include "engine/scheduler.hpp"

#include <algorithm>
#include <tuple>

namespace parley::engine {
namespace {

double ms(milliseconds duration) { return static_cast<double>(duration.count()); }

// The part of a step that prefill may use however long the decode pass took, so that a new turn always moves.
constexpr double least_share_for_pieces = 0.25;
// What hearing, reading and beginning an ordinary question takes on a laptop's processor, and some more.
constexpr double ordinary_service_ms = 600;
// With a step's budget under this, passes would cost more in overhead than they save in delay.
constexpr double shortest_budget_ms = 4;

}  // namespace

void Scheduler::add(TurnId turn, const Terms& terms) {
  index_[turn] = turns_.size();
  turns_.push_back({turn, terms, {}, {}, {}, {}});
  committed_ += terms.speculative ? 0 : 1;
}

void Scheduler::commit(TurnId turn, Clock::time_point turn_end) {
  Running* found = find(turn);
  if (!found || !found->terms.speculative) return;
  found->terms.speculative = false;
  found->terms.turn_end = turn_end;
  ++committed_;
}

void Scheduler::remove(TurnId turn) {
  auto found = index_.find(turn);
  if (found == index_.end()) return;
  committed_ -= turns_[found->second].terms.speculative ? 0 : 1;
  std::size_t hole = found->second;
  index_.erase(found);
  if (hole + 1 != turns_.size()) {
    turns_[hole] = std::move(turns_.back());
    index_[turns_[hole].turn] = hole;
  }
  turns_.pop_back();
}

Scheduler::Running* Scheduler::find(TurnId turn) {
  auto found = index_.find(turn);
  return found == index_.end() ? nullptr : &turns_[found->second];
}

const Playback* Scheduler::playback(TurnId turn) const {
  auto found = index_.find(turn);
  return found == index_.end() ? nullptr : &turns_[found->second].playback;
}

void Scheduler::update(TurnId turn, const WorkList& ready, const Turn::Progress& progress) {
  if (Running* found = find(turn)) {
    found->ready = ready;
    found->progress = progress;
  }
}

void Scheduler::served(TurnId turn, double ms) {
  Running* found = find(turn);
  if (found && !found->playback.started()) found->served_ms += ms;
}

void Scheduler::told(TurnId turn, Clock::time_point now) {
  if (Running* found = find(turn)) found->told_at = now;
}

void Scheduler::rendered(TurnId turn, double rendered_ms, Clock::time_point now) {
  if (Running* found = find(turn)) found->playback.rendered(rendered_ms, now);
}

void Scheduler::heard(TurnId turn, double heard_ms, Clock::time_point now) {
  if (Running* found = find(turn)) found->playback.reported(heard_ms, now);
}

double Scheduler::excess_ms(const Running& turn) {
  return turn.playback.started() ? 0 : std::max(0.0, turn.served_ms - ordinary_service_ms);
}

// When silence would be heard (or, without sound, when the reader would wait). It may lie in the past, and is
// not moved on by waiting: a late turn goes before all that are less late, so none starves. It is moved on by
// what the turn took beyond an ordinary one: who brings minutes of speech or pages of text lets those pass
// who come meanwhile.
Clock::time_point Scheduler::deadline(const Running& turn) const {
  if (turn.playback.started()) return turn.playback.dry_at();
  const auto excess = std::chrono::duration_cast<Clock::duration>(Milliseconds(excess_ms(turn)));
  if (turn.terms.speaks) return turn.terms.turn_end + settings_.first_audio_goal + excess;
  return std::max(turn.terms.turn_end, turn.told_at) + settings_.text_goal + excess;
}

bool Scheduler::may_speculate(Clock::time_point now, bool slots_full) {
  return !slots_full && committed_ < limits_.max_batch(WorkKind::decode) &&
         load_.at(now) < settings_.no_speculation_load && speculations_.pays(now);
}

std::optional<Clock::time_point> Scheduler::wake_at() const {
  std::optional<Clock::time_point> earliest;
  for (const Running& turn : turns_) {
    if (turn.ready.empty() || turn.terms.speculative || !turn.playback.started()) continue;
    auto at = turn.playback.dry_at() - settings_.max_lead;
    if (!earliest || at < *earliest) earliest = at;
  }
  return earliest;
}

std::span<const Pass> Scheduler::choose(Clock::time_point now) {
  passes_used_ = 0;
  list_candidates(now);
  for (Urgency urgency : {Urgency::urgent, Urgency::speculative, Urgency::ahead}) {
    auto of_this_class = [urgency](const auto& list) {
      return std::any_of(list.begin(), list.end(),
                         [urgency](const Candidate& c) { return c.urgency == urgency; });
    };
    if (std::none_of(candidates_.begin(), candidates_.end(), of_this_class)) continue;
    const double budget_ms = step_budget_ms(now);
    const auto about_to_sound = first_about_to_sound(urgency);
    double spent_ms = choose_chunks(urgency, budget_ms);
    spent_ms += choose_decode(urgency);
    choose_pieces(urgency, std::max(budget_ms - spent_ms, budget_ms * least_share_for_pieces),
                  about_to_sound);
    urgent_step_ = urgency == Urgency::urgent && ordinary_work_is_urgent();
    break;
  }
  return {passes_.data(), passes_used_};
}

void Scheduler::list_candidates(Clock::time_point now) {
  for (auto& list : candidates_) list.clear();
  // When it gets tight: chunks wait until they are large, then responses with the largest lead skip steps.
  const double load = load_.at(now);
  const double chunk_lead_ms = ms(settings_.chunk_lead) * (load >= settings_.large_chunks_load ? 0.4 : 1.0);
  const double target_lead_ms = ms(settings_.target_lead) * (load >= settings_.skip_steps_load ? 0.4 : 1.0);
  for (const Running& turn : turns_) {
    if (!turn.ready.empty()) list_candidates_of(turn, now, target_lead_ms, chunk_lead_ms);
  }
  for (auto& list : candidates_) {
    std::sort(list.begin(), list.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(a.urgency, a.deadline, a.turn) < std::tie(b.urgency, b.deadline, b.turn);
    });
  }
}

void Scheduler::list_candidates_of(const Running& turn, Clock::time_point now, double target_lead_ms,
                                   double chunk_lead_ms) {
  const bool speculative = turn.terms.speculative;
  // Nobody listens to a speculation yet: all that it made is its lead.
  const double lead_ms = speculative ? turn.progress.rendered_ms : turn.playback.lead_ms(now);
  const auto can = [&turn](WorkKind kind) {
    return std::any_of(turn.ready.begin(), turn.ready.end(),
                       [kind](const Work& work) { return work.kind == kind; });
  };
  const bool decodes = can(WorkKind::decode);
  // What is too little for a chunk keeps nobody from falling silent.
  const double in_hand_ms = lead_ms + (can(WorkKind::detokenize) ? turn.progress.pending_ms : 0);
  const bool hungry = !turn.terms.speaks || in_hand_ms < target_lead_ms;
  if (speculative ? !hungry && lead_ms >= chunk_lead_ms : lead_ms >= ms(settings_.max_lead)) return;

  for (const Work& work : turn.ready) {
    bool wanted = hungry;
    if (work.kind == WorkKind::detokenize) {
      // Small chunks cost more a second: with some lead, a chunk waits for the tokens that make it larger,
      // unless no more are coming.
      if (lead_ms >= chunk_lead_ms && decodes && hungry) continue;
      wanted = lead_ms < chunk_lead_ms || (hungry && !decodes);
    }
    Urgency urgency = speculative ? Urgency::speculative : wanted ? Urgency::urgent : Urgency::ahead;
    if (speculative && !wanted) continue;
    const bool sounded = turn.playback.started() || !turn.terms.speaks;
    candidates_[static_cast<int>(work.kind)].push_back(
        {deadline(turn), turn.turn, work, urgency, sounded, excess_ms(turn) > 0});
  }
}

// Among the turns that have read their prompt and made no sound yet, the earliest deadline. Such a turn is a
// few short steps from being heard, and each of them would last as long as a piece of another turn's prompt
// beside it: three turns that end together would all be answered when the last one is. So those that are due
// later begin when it has sounded.
Clock::time_point Scheduler::first_about_to_sound(Urgency urgency) const {
  auto first = Clock::time_point::max();
  for (WorkKind kind : {WorkKind::decode, WorkKind::detokenize}) {
    for (const Candidate& candidate : candidates_[static_cast<int>(kind)]) {
      if (candidate.urgency == urgency && !candidate.sounded) first = std::min(first, candidate.deadline);
    }
  }
  return first;
}

// One who brings an hour of speech keeps the engine busy; that is no reason to turn others away.
bool Scheduler::ordinary_work_is_urgent() const {
  return std::any_of(candidates_.begin(), candidates_.end(), [](const auto& list) {
    return std::any_of(list.begin(), list.end(), [](const Candidate& candidate) {
      return candidate.urgency == Urgency::urgent && !candidate.heavy;
    });
  });
}

// While others speak, a step is at most half of the time until the first of them falls silent.
double Scheduler::step_budget_ms(Clock::time_point now) const {
  double budget = ms(settings_.step_budget);
  for (const Running& turn : turns_) {
    double lead_ms = turn.playback.lead_ms(now);
    if (lead_ms > 0 && !turn.ready.empty() && !turn.terms.speculative) budget = std::min(budget, lead_ms / 2);
  }
  return std::max(budget, shortest_budget_ms);
}

Pass& Scheduler::new_pass(WorkKind kind, int units) {
  if (passes_used_ == passes_.size()) passes_.emplace_back();
  Pass& pass = passes_[passes_used_++];
  pass.kind = kind;
  pass.units = units;
  pass.turns.clear();
  return pass;
}

// Chunks by deadline; those of equal shape share a pass. At least one pass, more while the budget lasts.
double Scheduler::choose_chunks(Urgency urgency, double budget_ms) {
  auto& due = candidates_[static_cast<int>(WorkKind::detokenize)];
  const auto most = static_cast<std::size_t>(limits_.max_batch(WorkKind::detokenize));
  double spent_ms = 0;
  for (std::size_t first = 0; first < due.size(); ++first) {
    if (due[first].turn == 0 || due[first].urgency != urgency) continue;
    if (spent_ms >= budget_ms) break;
    const Work work = due[first].work;
    Pass& pass = new_pass(WorkKind::detokenize, work.units);
    for (std::size_t i = first; i < due.size() && pass.turns.size() < most; ++i) {
      if (due[i].turn == 0 || due[i].urgency != urgency || due[i].work.shape != work.shape) continue;
      pass.turns.push_back(due[i].turn);
      due[i].turn = 0;  // taken
    }
    spent_ms += prices_.cost(WorkKind::detokenize, static_cast<int>(pass.turns.size()), work.units);
  }
  return spent_ms;
}

double Scheduler::choose_decode(Urgency urgency) {
  const auto& ready = candidates_[static_cast<int>(WorkKind::decode)];
  // Sorted by class, then deadline. None of the class: nobody to decode for, and no padding either.
  if (std::none_of(ready.begin(), ready.end(),
                   [urgency](const Candidate& c) { return c.urgency == urgency; }))
    return 0;
  const auto most = static_cast<std::size_t>(limits_.max_batch(WorkKind::decode));
  Pass& pass = new_pass(WorkKind::decode, 1);
  for (const Candidate& candidate : ready) {
    if (pass.turns.size() == most) break;
    if (candidate.urgency == urgency) pass.turns.push_back(candidate.turn);
  }
  const auto padded = std::min(
      most, static_cast<std::size_t>(limits_.bucket(WorkKind::decode, static_cast<int>(pass.turns.size()))));
  for (Urgency later : {Urgency::ahead, Urgency::speculative}) {
    for (const Candidate& candidate : ready) {
      if (pass.turns.size() >= padded) break;
      if (candidate.urgency == later && later != urgency) pass.turns.push_back(candidate.turn);
    }
  }
  return prices_.cost(WorkKind::decode, static_cast<int>(pass.turns.size()), 1);
}

// What comes before the first token, by deadline over all kinds. A piece is as long as the budget allows;
// turns with the same shape join while the pass still fits.
void Scheduler::choose_pieces(Urgency urgency, double budget_ms, Clock::time_point latest_deadline) {
  constexpr WorkKind piecewise[] = {WorkKind::encode, WorkKind::recognize, WorkKind::prefill};
  bool first = true;
  while (first || budget_ms > 0) {
    const Candidate* next = nullptr;
    for (WorkKind kind : piecewise) {
      for (const Candidate& candidate : candidates_[static_cast<int>(kind)]) {
        if (candidate.turn == 0 || candidate.urgency != urgency) continue;
        const auto before = next ? next->deadline : latest_deadline;
        if (candidate.deadline < before || (!next && candidate.deadline == before)) next = &candidate;
        break;  // the list is in order
      }
    }
    if (!next) return;
    const Work work = next->work;
    const int smallest = std::max(settings_.min_piece, work.grain);
    int units = prices_.units_within(work.kind, 1, work.units, budget_ms, smallest);
    if (units < work.units) units -= units % work.grain;
    if (!first && prices_.cost(work.kind, 1, units) > budget_ms) return;
    Pass& pass = new_pass(work.kind, units);
    const int most = limits_.max_batch(work.kind);
    for (Candidate& candidate : candidates_[static_cast<int>(work.kind)]) {
      if (candidate.turn == 0 || candidate.urgency != urgency || candidate.work.shape != work.shape ||
          candidate.deadline > latest_deadline)
        continue;
      const int batch = static_cast<int>(pass.turns.size());
      if (batch == most || (batch > 0 && prices_.cost(work.kind, batch + 1, units) > budget_ms)) break;
      pass.turns.push_back(candidate.turn);
      candidate.turn = 0;  // taken
    }
    budget_ms -= prices_.cost(work.kind, static_cast<int>(pass.turns.size()), units);
    first = false;
  }
}

}  // namespace parley::engine
