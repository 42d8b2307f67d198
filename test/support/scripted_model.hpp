// A SpeechModel without tensors, for tests: it hears, reads, answers and speaks by rule, so that every byte
// of a turn is a function of what that turn was given, and a crossing between turns or sessions cannot go
// unseen.
//
//   heard speech       -> its transcript: Script::transcript, or "<n> ms <fingerprint of the samples>"
//   the last item      -> the answer: Script::answer, or "You said <text>."
//   the answer, word by word, one text token and then four audio tokens of 40 ms each (for speech)
//   (all of the context, voice, answer, position) -> each sample
//
// Work it asks for: encode and recognize (speech in the last item), prefill (a token a word, what the
// dialogue has read before is reused), decode (a token a step), detokenize (chunks of 5, then 10, then 25
// audio tokens).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/speech_model.hpp"

namespace parley::test {

// What the model does where a test wants something else. The functions are called on the engine's thread.
struct Script {
  engine::ModelInfo info{"scripted", {{"default", "", "", "", ""}, {"other", "", "", "", ""}}, 4096, 0, true};
  int max_batch = 64;
  bool graph_buckets = false;  // decode passes cost what the next power of two costs

  // The transcript of a speech item's samples (16 kHz).
  std::function<std::string(std::span<const float>)> transcript = nullptr;
  // The answer to the request, whose last item says `said`.
  std::function<std::string(const engine::TurnRequest&, const std::string& said)> answer = nullptr;
  // A call in place of an answer; its `turn` is ignored.
  std::function<std::optional<engine::ToolCall>(const engine::TurnRequest&, const std::string& said)>
      tool_call = nullptr;

  // Before each pass, with how many turns and units it has: costs (advance a fake clock), waits, observation.
  std::function<void(engine::WorkKind, int batch, int units)> before_pass = nullptr;
  // For each turn of a pass, before anything changes: may throw. `tokens` were decoded so far.
  std::function<void(const engine::TurnRequest&, engine::WorkKind, int tokens)> fault = nullptr;
  // True: this turn's logits are NaN at that token.
  std::function<bool(const engine::TurnRequest&, int tokens)> not_a_number = nullptr;
};

class ScriptedModel final : public engine::SpeechModel {
 public:
  explicit ScriptedModel(Script script = {}) : script_(std::move(script)) {}

  const engine::ModelInfo& info() const override { return script_.info; }
  std::unique_ptr<engine::Dialogue> open() override;
  void hear(engine::Dialogue& dialogue, std::string_view item_id, std::span<const float> pcm) override;
  void forget(engine::Dialogue& dialogue, std::string_view item_id) override;
  std::unique_ptr<engine::Turn> begin(engine::Dialogue& dialogue,
                                      const engine::TurnRequest& request) override;
  engine::WorkList ready(const engine::Turn& turn) const override;
  int max_batch(engine::WorkKind kind) const override;
  int bucket(engine::WorkKind kind, int batch) const override;
  void run(engine::WorkKind kind, std::span<engine::Turn* const> batch, int units,
           engine::StepEvents& events) override;
  engine::Usage usage(const engine::Turn& turn) const override;
  void release(engine::Dialogue& dialogue) override;
  bool holds_slot(const engine::Dialogue& dialogue) const override;

  static constexpr int samples_per_token = 960;  // at speed 1, 24 kHz
  static constexpr double ms_per_token = 40;

 private:
  Script script_;
};

}  // namespace parley::test
