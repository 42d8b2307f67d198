// The Step-Audio 2 family as a SpeechModel: one language model hears, thinks and speaks.
//
//   speech -> log-mel, made while the user talks -> audio encoder, adaptor -> rows in the prompt
//          -> prefill (what earlier turns read is reused) -> decode steps: text and audio tokens in turn
//          -> audio tokens -> flow matching -> vocoder, chunk by chunk
//
// What belongs to one turn alone lies in StepAudio2Turn, what belongs to one conversation in
// StepAudio2Dialogue.
#pragma once

#include <memory>
#include <string>

#include "engine/cuda/device.hpp"
#include "engine/models/causal_lm/prefix_cache.hpp"
#include "engine/models/step_audio_2/core.hpp"
#include "engine/models/step_audio_2/step_audio_2_turn.hpp"
#include "engine/models/step_audio_2/voices.hpp"
#include "engine/speech_model.hpp"

namespace parley::step_audio_2 {

struct StepAudio2Settings {
  std::string id = "step-audio-2";
  int context_tokens = 0;            // longest conversation that is read; 0: as long as the model can
  double speed = 1;                  // of every voice, beside what a session asks for
  ChunkSettings chunks = {};         // of speech: how much is rendered at a time
  std::size_t shared_prefixes = 16;  // instructions whose keys and values are kept for new conversations
};

class StepAudio2Model final : public engine::SpeechModel {
 public:
  // `gpu`: the device of all parts; null: the processor. Throws std::runtime_error with a sentence when the
  // bundle has no voice.
  StepAudio2Model(std::unique_ptr<Core> core, Voices voices, StepAudio2Settings settings,
                  std::unique_ptr<cuda::Device> gpu = nullptr);
  ~StepAudio2Model() override;

  const engine::ModelInfo& info() const override { return info_; }
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

 private:
  void hear_next(StepAudio2Turn& turn);
  void begin_reading(StepAudio2Turn& turn);
  void begin_answering(StepAudio2Turn& turn, engine::StepEvents& events);
  void take_token(StepAudio2Turn& turn, int token, engine::StepEvents& events);
  void think(StepAudio2Turn& turn, int token);
  void take_text(StepAudio2Turn& turn, std::string_view text, bool aloud, engine::StepEvents& events);
  void say(StepAudio2Turn& turn, const std::string& text, engine::StepEvents& events);
  void call(StepAudio2Turn& turn, std::string_view block, engine::StepEvents& events);
  void end_answer(StepAudio2Turn& turn, engine::StepEvents& events);

  void pass(engine::WorkKind kind, std::span<engine::Turn* const> batch, int units,
            engine::StepEvents& events);
  void encode(std::span<engine::Turn* const> batch, int units, engine::StepEvents& events);
  void prefill(std::span<engine::Turn* const> batch, int units);
  void decode(std::span<engine::Turn* const> batch, engine::StepEvents& events);
  void detokenize(std::span<engine::Turn* const> batch, engine::StepEvents& events);

  std::unique_ptr<cuda::Device> gpu_;  // before all that lies on it
  std::unique_ptr<Core> core_;
  Voices voices_;
  StepAudio2Settings settings_;
  engine::ModelInfo info_;
  causal_lm::PrefixCache prefixes_;  // after core_, whose slots must not outlive it
};

}  // namespace parley::step_audio_2
