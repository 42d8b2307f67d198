// Owns the model and the one thread that runs it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/engine_settings.hpp"
#include "engine/speech_model.hpp"
#include "engine/status.hpp"
#include "engine/turn.hpp"

namespace parley::engine {

// Every method may be called from any thread and does not wait for the model. Sinks are called on the
// engine's thread and must not block; a sink that answers false has its turns ended. Destroying the engine
// ends all turns.
class Engine {
 public:
  Engine(std::unique_ptr<SpeechModel> model, const EngineSettings& settings);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const ModelInfo& info() const;

  DialogueId open_dialogue(EventSink sink);
  void close_dialogue(DialogueId dialogue);  // its turns are cancelled, their events dropped

  // 16 kHz mono. False: the engine is too far behind to take it, and the session should end.
  bool hear(DialogueId dialogue, std::string item_id, std::vector<float> pcm);
  void forget(DialogueId dialogue, std::string item_id);

  // Answers at once with the turn's id (the request's own, if it has one); what became of it comes by events
  // and ends with TurnDone. While another turn of the dialogue runs, one that is not out_of_band waits for
  // it.
  TurnId start_turn(TurnRequest request);
  static TurnId next_turn_id();
  void commit_turn(TurnId turn,
                   Clock::time_point turn_end);     // a speculative turn became real: its events are released
  void cancel_turn(TurnId turn);                    // takes effect at the next step
  void report_heard(TurnId turn, double heard_ms);  // playback position, from clients that report it

  // No new turns ("engine_overloaded"); running ones go on. Drained when status().turns_running is 0.
  void drain();

  EngineStatus status() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::engine
