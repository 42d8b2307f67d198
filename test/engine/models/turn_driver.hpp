// Runs turns through a SpeechModel without an engine: every pass that is ready, for whoever is ready.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/speech_model.hpp"

namespace parley::test {

// What one turn told, put together.
struct Told {
  std::vector<std::string> order;  // "transcript", "text", "audio", "call", as they came; repeats left out
  std::map<std::string, std::string> transcripts;
  std::string text;
  std::vector<std::int16_t> pcm;
  std::uint32_t text_cursor = 0;
  std::vector<engine::ToolCall> calls;
  std::string failure;
};

class TurnDriver final : public engine::StepEvents {
 public:
  explicit TurnDriver(engine::SpeechModel& model) : model_(model) {}

  void start(engine::Dialogue& dialogue, const engine::TurnRequest& request);
  // One pass of a kind that some turns are ready for, over all of these: `choose` picks among the kinds.
  // False: nothing is ready.
  bool step(const std::function<std::size_t(std::size_t)>& choose);
  void run_to_end();
  // Destroys the turn, finished or not.
  void drop(engine::TurnId turn);

  bool finished(engine::TurnId turn) const;
  const Told& told(engine::TurnId turn) const { return told_.at(turn); }
  engine::Turn& turn(engine::TurnId turn) { return *turns_.at(turn); }
  engine::Usage usage(engine::TurnId turn) const { return model_.usage(*turns_.at(turn)); }

  void emit(const engine::Turn& turn, engine::Event event) override;
  void fail(const engine::Turn& turn, std::string error) override;

 private:
  engine::TurnId id_of(const engine::Turn& turn) const;

  engine::SpeechModel& model_;
  std::map<engine::TurnId, std::unique_ptr<engine::Turn>> turns_;
  std::map<engine::TurnId, Told> told_;
};

engine::ContextItem user_says(std::string id, std::string text);
engine::ContextItem user_speaks(std::string id, std::string transcript = "");
engine::ContextItem assistant_said(std::string id, std::string text);
// Greedy, and no longer than tests have patience for.
engine::TurnRequest asks(engine::TurnId turn, std::vector<engine::ContextItem> context, int tokens = 12);

}  // namespace parley::test
