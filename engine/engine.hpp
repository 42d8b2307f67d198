// Owns the model and the one thread that runs it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/speech_model.hpp"
#include "engine/turn.hpp"

namespace parley::engine {

struct EngineSettings;  // config/settings.hpp gives the values; see engine_settings.hpp
struct EngineStatus;    // slots, queue lengths, prices; a snapshot for /readyz and /metrics

// Every method may be called from any thread and does not wait for the model. Sinks are called on the engine's
// thread and must not block; a sink that answers false has its turns ended. Destroying the engine ends all turns.
class Engine {
 public:
  Engine(std::unique_ptr<SpeechModel> model, const EngineSettings& settings);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const ModelInfo& info() const;

  DialogueId open_dialogue(EventSink sink);
  void close_dialogue(DialogueId dialogue);  // its turns are cancelled, their events dropped

  void hear(DialogueId dialogue, std::string item_id, std::vector<float> pcm);  // 16 kHz mono
  void forget(DialogueId dialogue, std::string item_id);

  // Answers at once with the turn's id; what became of it comes by events and ends with TurnDone.
  TurnId start_turn(TurnRequest request);
  void commit_turn(TurnId turn, Clock::time_point turn_end);  // a speculative turn became real
  void cancel_turn(TurnId turn);                              // takes effect at the next step
  void report_heard(TurnId turn, double heard_ms);            // playback position, from clients that report it

  EngineStatus status() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::engine
