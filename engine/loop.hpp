// What the engine's thread does between two waits: applies commands, lets the scheduler choose, runs the
// passes, delivers events. Owns dialogues and turns. Time comes from outside, so a test can be the thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "engine/engine_settings.hpp"
#include "engine/metrics.hpp"
#include "engine/pass_events.hpp"
#include "engine/scheduler.hpp"
#include "engine/slots.hpp"
#include "engine/speech_model.hpp"

namespace parley::engine {

// ---- commands, as Engine's methods post them
struct OpenDialogue {
  DialogueId dialogue;
  EventSink sink;
};
struct CloseDialogue {
  DialogueId dialogue;
};
struct Hear {
  DialogueId dialogue;
  std::string item_id;
  std::vector<float> pcm;  // 16 kHz mono
};
struct Forget {
  DialogueId dialogue;
  std::string item_id;
};
struct StartTurn {
  TurnRequest request;  // with its turn's id
};
struct CommitTurn {
  TurnId turn;
  Clock::time_point turn_end;
};
struct CancelTurn {
  TurnId turn;
};
struct ReportHeard {
  TurnId turn;
  double heard_ms;
};
struct Drain {};
using Command = std::variant<OpenDialogue, CloseDialogue, Hear, Forget, StartTurn, CommitTurn, CancelTurn,
                             ReportHeard, Drain>;

// A turn's way:
//
//   waiting --the dialogue's turn before it ends--> running --last event--> gone
//   waiting --speculative, and speculation is off--> parked --commit--> running
//   running --speculative, and its slot is needed--> parked
//   running --speculative, and finished early--> finished --commit or cancel--> gone
class Loop {
 public:
  using Now = std::function<Clock::time_point()>;
  Loop(SpeechModel& model, const EngineSettings& settings, int slots, Metrics& metrics, Now now);
  ~Loop();

  void apply(Command command);
  // One step over what is ready now. False: there was nothing to do.
  bool step();
  std::optional<Clock::time_point> wake_at() const { return scheduler_.wake_at(); }
  // Ends every turn with TurnDone cancelled: the engine is going away.
  void end();

  // A price that was measured before the first caller came.
  void measured(WorkKind kind, int batch, int units, double ms) {
    scheduler_.measured(kind, batch, units, ms);
  }

 private:
  struct DialogueRecord;
  struct TurnRecord;
  class ModelLimits;

  void on(OpenDialogue command);
  void on(CloseDialogue command);
  void on(Hear command);
  void on(Forget command);
  void on(StartTurn command);
  void on(CommitTurn command);
  void on(CancelTurn command);
  void on(ReportHeard command);
  void on(Drain command);

  void begin(TurnRecord& turn);
  bool take_slot(TurnRecord& turn);
  std::unique_ptr<Turn> begin_in_model(TurnRecord& turn);
  void park(TurnRecord& turn);
  void stop_running(TurnRecord& turn);
  void release_idle();

  void run(const Pass& pass);
  enum class Outcome { ran, threw, short_of_memory };
  Outcome attempt(WorkKind kind, std::span<Turn* const> batch, int units, std::string& error);
  void recover(const Pass& pass, Outcome outcome, std::string error);
  void deliver_pass();
  void refresh(TurnRecord& turn);

  void deliver(TurnRecord& turn, Event event);
  void send(TurnRecord& turn, Event event);
  void finish(TurnRecord& turn, TurnStatus status, std::string error_code = {}, std::string error = {});
  void fail(TurnRecord& turn, std::string error) {
    finish(turn, TurnStatus::failed, "response_generation_failed", std::move(error));
  }
  void erase(TurnRecord& turn);
  void count(const TurnRecord& turn, const TurnDone& done);
  void end_slow_dialogues();
  void close(DialogueRecord& dialogue);
  void publish();

  TurnRecord* find(TurnId turn);

  SpeechModel& model_;
  const EngineSettings settings_;
  Metrics& metrics_;
  const Now now_;
  Clock::time_point moment_{};  // of the command being applied, or of the events being delivered
  const std::unique_ptr<ModelLimits> limits_;
  Scheduler scheduler_;
  Slots slots_;
  bool draining_ = false;

  std::unordered_map<DialogueId, std::unique_ptr<DialogueRecord>> dialogues_;
  std::unordered_map<TurnId, std::unique_ptr<TurnRecord>> turns_;
  std::unordered_map<const Turn*, TurnRecord*> running_;
  std::vector<DialogueId> slow_;  // their sinks answered false in this step
  int waiting_ = 0;

  PassEvents events_;
  std::vector<Turn*> batch_;
  std::vector<TurnId> batch_ids_;
};

}  // namespace parley::engine
