// The small default model, for a laptop's processor: an ear (Whisper), a brain (an instruct language model)
// and a voice, run as one SpeechModel.
//
//   speech -> log-mel, made while the user talks -> encoder -> transcript, token by token
//          -> prompt -> prefill (what earlier turns read is reused) -> decode steps
//          -> text -> phonemes with durations, word by word -> chunks of sound
//
// What belongs to one turn alone lies in StarterTurn, what belongs to one conversation in StarterDialogue.
#pragma once

#include <memory>
#include <string>

#include "engine/cuda/device.hpp"
#include "engine/models/causal_lm/language_model.hpp"
#include "engine/models/causal_lm/prefix_cache.hpp"
#include "engine/models/starter/starter_turn.hpp"
#include "engine/models/starter/voice/speaker.hpp"
#include "engine/models/whisper/recognizer.hpp"
#include "engine/speech_model.hpp"

namespace parley::starter {

struct StarterSettings {
  std::string id = "starter";
  std::string language = "en";  // of the user's speech where the session names none; "": detected
  float speed = 1;              // of the voice, beside what a session asks for
  float liveliness = 1;
  int context_tokens = 4096;         // longest conversation that is read, where the brain could read more
  std::size_t shared_prefixes = 16;  // instructions whose keys and values are kept for new conversations
};

class StarterModel final : public engine::SpeechModel {
 public:
  // `gpu`: the device of the three; null: the processor.
  StarterModel(whisper::Recognizer ear, causal_lm::LanguageModel brain,
               std::shared_ptr<const voice::Voice> voice, StarterSettings settings,
               std::unique_ptr<cuda::Device> gpu = nullptr);
  ~StarterModel() override;

  const engine::ModelInfo& info() const override { return info_; }
  std::unique_ptr<engine::Dialogue> open() override;
  void hear(engine::Dialogue& dialogue, std::string_view item_id, std::span<const float> pcm) override;
  void forget(engine::Dialogue& dialogue, std::string_view item_id) override;
  std::unique_ptr<engine::Turn> begin(engine::Dialogue& dialogue,
                                      const engine::TurnRequest& request) override;
  engine::WorkList ready(const engine::Turn& turn) const override;
  int max_batch(engine::WorkKind kind) const override;
  void run(engine::WorkKind kind, std::span<engine::Turn* const> batch, int units,
           engine::StepEvents& events) override;
  engine::Usage usage(const engine::Turn& turn) const override;
  void release(engine::Dialogue& dialogue) override;
  bool holds_slot(const engine::Dialogue& dialogue) const override;

 private:
  void begin_next_recognition(StarterTurn& turn) const;
  void end_recognition(StarterTurn& turn, engine::StepEvents& events);
  void begin_reading(StarterTurn& turn);
  void begin_speaking(StarterTurn& turn, engine::StepEvents& events);
  void take_token(StarterTurn& turn, int token, engine::StepEvents& events);
  void take_text(StarterTurn& turn, std::string_view text, engine::StepEvents& events);
  void say(StarterTurn& turn, const std::string& text, engine::StepEvents& events);
  void call(StarterTurn& turn, text::ToolCallText call, engine::StepEvents& events);
  void end_answer(StarterTurn& turn, engine::StepEvents& events);

  void pass(engine::WorkKind kind, std::span<engine::Turn* const> batch, int units,
            engine::StepEvents& events);
  void encode(std::span<engine::Turn* const> batch, int units);
  void recognize(std::span<engine::Turn* const> batch, int units, engine::StepEvents& events);
  void prefill(std::span<engine::Turn* const> batch, int units, engine::StepEvents& events);
  void decode(std::span<engine::Turn* const> batch, engine::StepEvents& events);
  void detokenize(std::span<engine::Turn* const> batch, engine::StepEvents& events);

  std::unique_ptr<cuda::Device> gpu_;  // before all that lies on it
  whisper::Recognizer ear_;
  causal_lm::LanguageModel brain_;
  std::shared_ptr<const voice::Voice> voice_;
  StarterSettings settings_;
  engine::ModelInfo info_;
  causal_lm::PrefixCache prefixes_;  // after brain_, which its slots must not outlive
};

}  // namespace parley::starter
