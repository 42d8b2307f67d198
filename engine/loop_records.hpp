// What the loop knows of each dialogue and each turn. Part of loop.cpp and loop_steps.cpp alone.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/loop.hpp"

namespace parley::engine {

inline double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

struct Loop::DialogueRecord {
  DialogueId id;
  EventSink sink;  // empty: it answered false
  std::unique_ptr<Dialogue> state;
  TurnId main = 0;                   // the turn that uses the dialogue's own KV cache
  std::vector<TurnId> waiting;       // for it to end, oldest first
  std::vector<TurnId> turns;         // all of the dialogue's
  std::vector<std::string> unheard;  // speech items whose audio the model could not take
};

struct Loop::TurnRecord {
  enum class State { waiting, parked, running, finished };
  TurnId id;
  DialogueRecord& dialogue;
  TurnRequest request;
  State state = State::waiting;
  std::unique_ptr<Turn> turn;      // while running
  std::vector<Event> held;         // of a speculative turn, until its commit
  Clock::time_point started_at{};  // first begun: a speculation's head start counts from here
  bool sounded = false;            // its first audio has left
  bool speculated = false;         // started as a speculation
};

class Loop::ModelLimits final : public PassLimits {
 public:
  explicit ModelLimits(const SpeechModel& model) : model_(model) {}
  int max_batch(WorkKind kind) const override { return std::max(1, model_.max_batch(kind)); }
  int bucket(WorkKind kind, int batch) const override { return model_.bucket(kind, batch); }

 private:
  const SpeechModel& model_;
};

}  // namespace parley::engine
