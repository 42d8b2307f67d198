// Decides what the engine does next: which turns share which passes, how long the pieces are, what may wait.
//
// The listener consumes sound at one second a second; the engine makes it in bursts. Each step goes where
// silence would be heard first. A turn's *deadline* is the moment that happens: before its first sound the
// end of the user's turn plus a goal, after it the moment its audio runs out. Work falls into three classes,
// and a step takes from the first that has any:
//
//   urgent       hungry responses: less than target_lead of audio ahead of the listener, made or ready to be
//   made speculative  turns that may be thrown away, until they have target_lead of audio ahead responses
//   that are well fed, until max_lead
//
// A step is the chunks that are due, then one decode pass over all that want it, then pieces of prefill,
// encoding and recognition for what is left of the step's time, unless a turn that is due before theirs is
// about to make its first sound. The decode pass is padded to its bucket with turns of the later classes,
// which cost nothing there.
//
// Sees ids, counts and times; no tensors, no clock. One thread.
#pragma once

#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/engine_settings.hpp"
#include "engine/load.hpp"
#include "engine/playback.hpp"
#include "engine/speech_model.hpp"
#include "engine/step_prices.hpp"

namespace parley::engine {

// One run() of the model: these turns, this kind, at most `units` of it for each.
struct Pass {
  WorkKind kind;
  int units = 1;
  std::vector<TurnId> turns;  // by deadline
};

// What the model's passes may be like. Called for every pass that is planned.
class PassLimits {
 public:
  virtual ~PassLimits() = default;
  virtual int max_batch(WorkKind kind) const = 0;
  virtual int bucket(WorkKind kind, int batch) const = 0;
};

class Scheduler {
 public:
  Scheduler(const SchedulerSettings& settings, const PassLimits& limits)
      : settings_(settings), limits_(limits) {}

  struct Terms {
    bool speaks = true;  // its answer is sound
    bool speculative = false;
    Clock::time_point turn_end;
  };
  void add(TurnId turn, const Terms& terms);
  void commit(TurnId turn, Clock::time_point turn_end);
  void remove(TurnId turn);

  // After each pass: what the turn can do now, and how far it is.
  void update(TurnId turn, const WorkList& ready, const Turn::Progress& progress);
  void served(TurnId turn, double ms);                           // its share of a pass
  void told(TurnId turn, Clock::time_point now);                 // text left the engine
  void rendered(TurnId turn, double ms, Clock::time_point now);  // audio did
  void heard(TurnId turn, double heard_ms,
             Clock::time_point now);  // its client reports the playback position

  // The passes of the next step, valid until the next call; none when nothing may be done now.
  std::span<const Pass> choose(Clock::time_point now);
  // When a turn that is too far ahead now may go on, if there is one.
  std::optional<Clock::time_point> wake_at() const;

  void measured(WorkKind kind, int batch, int units, double ms) { prices_.measured(kind, batch, units, ms); }
  void stepped(Clock::time_point from, Clock::time_point to) { load_.stepped(from, to, urgent_step_); }

  // Speculation pays only with time and slots to spare, and when pauses mostly are ends of turns.
  bool may_speculate(Clock::time_point now, bool slots_full);
  void speculated(bool kept, Clock::time_point now) { speculations_.ended(kept, now); }
  bool overloaded(Clock::time_point now) const { return load_.at(now) >= settings_.refuse_load; }
  double load(Clock::time_point now) const { return load_.at(now); }

  const Playback* playback(TurnId turn) const;
  std::size_t turns() const { return turns_.size(); }

 private:
  enum class Urgency { urgent, speculative, ahead };
  struct Running {
    TurnId turn;
    Terms terms;
    WorkList ready;
    Turn::Progress progress;
    Playback playback;
    Clock::time_point told_at{};
    double served_ms = 0;  // before its first sound
  };
  struct Candidate {
    Clock::time_point deadline;
    TurnId turn;
    Work work;
    Urgency urgency;
    bool sounded;  // or has nothing to sound
    bool heavy;    // took more than an ordinary turn does already
  };

  Running* find(TurnId turn);
  static double excess_ms(const Running& turn);
  Clock::time_point deadline(const Running& turn) const;
  void list_candidates(Clock::time_point now);
  void list_candidates_of(const Running& turn, Clock::time_point now, double target_lead_ms,
                          double chunk_lead_ms);
  double step_budget_ms(Clock::time_point now) const;
  double choose_chunks(Urgency urgency, double budget_ms);
  double choose_decode(Urgency urgency);
  bool ordinary_work_is_urgent() const;
  Clock::time_point first_about_to_sound(Urgency urgency) const;
  void choose_pieces(Urgency urgency, double budget_ms, Clock::time_point latest_deadline);
  Pass& new_pass(WorkKind kind, int units);

  SchedulerSettings settings_;
  const PassLimits& limits_;
  StepPrices prices_;
  Load load_;
  SpeculationRecord speculations_;

  std::vector<Running> turns_;
  std::unordered_map<TurnId, std::size_t> index_;  // into turns_
  int committed_ = 0;
  bool urgent_step_ = false;

  // kept between steps so that choosing allocates nothing
  std::array<std::vector<Candidate>, work_kinds> candidates_;  // by kind, by deadline
  std::vector<Pass> passes_;
  std::size_t passes_used_ = 0;
};

}  // namespace parley::engine
