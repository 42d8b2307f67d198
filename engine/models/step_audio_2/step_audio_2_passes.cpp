// The passes of the model: one kind of work for many turns at once.
// Tested by test/engine/models/step_audio_2/step_audio_2_model_test.cpp.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/cuda/run.hpp"
#include "engine/models/step_audio_2/step_audio_2_model.hpp"

namespace parley::step_audio_2 {

using namespace engine;
using Phase = StepAudio2Turn::Phase;

namespace {

// Full scale is 32767, what is beyond is cut, and fractions are dropped, as the reference makes its samples.
std::vector<std::int16_t> samples_of(const std::vector<float>& pcm) {
  std::vector<std::int16_t> samples(pcm.size());
  for (std::size_t i = 0; i < pcm.size(); ++i)
    samples[i] = static_cast<std::int16_t>(std::clamp(pcm[i], -1.0F, 1.0F) * 32767.0F);
  return samples;
}

}  // namespace

void StepAudio2Model::run(WorkKind kind, std::span<Turn* const> batch, int units, StepEvents& events) {
  cuda::run(gpu_.get(), [&] { pass(kind, batch, units, events); });
}

void StepAudio2Model::pass(WorkKind kind, std::span<Turn* const> batch, int units, StepEvents& events) {
  switch (kind) {
    case WorkKind::encode:
      return encode(batch, units, events);
    case WorkKind::recognize:
      return;  // there is none of its own: the language model hears
    case WorkKind::prefill:
      return prefill(batch, units);
    case WorkKind::decode:
      return decode(batch, events);
    case WorkKind::detokenize:
      return detokenize(batch, events);
  }
}

// A unit is one position in one layer.
void StepAudio2Model::encode(std::span<Turn* const> batch, int units, StepEvents& events) {
  std::vector<Encoding*> encodings;
  for (Turn* turn : batch) encodings.push_back(&*as_step_audio_2(*turn).encoding);
  core_->ear.encode(encodings, std::max(1, units / encodings.front()->positions()));
  for (Turn* one : batch) {
    StepAudio2Turn& turn = as_step_audio_2(*one);
    if (!turn.encoding->finished()) continue;
    const auto heard = turn.dialogue.heard.find(turn.unheard->item_id);
    if (heard != turn.dialogue.heard.end()) {
      const auto rows = turn.encoding->rows();
      auto& pieces = heard->second.pieces;
      const auto index = static_cast<std::size_t>(turn.unheard->piece);
      if (pieces.size() <= index) pieces.resize(index + 1);
      pieces[index] = {causal_lm::EmbeddedRows({rows.begin(), rows.end()}, core_->ear.hidden()),
                       turn.encoding->tokens()};
    }
    try {
      hear_next(turn);
    } catch (const std::exception& error) {  // its prompt cannot be made; the others were heard
      events.fail(turn, error.what());
    }
  }
}

void StepAudio2Model::prefill(std::span<Turn* const> batch, int units) {
  std::vector<causal_lm::PrefillRow> rows;
  for (Turn* one : batch) {
    StepAudio2Turn& turn = as_step_audio_2(*one);
    const auto piece = static_cast<std::size_t>(std::min(std::max(1, units), turn.to_prefill()));
    rows.push_back({&turn.slot(), std::span(turn.unread).first(piece)});
  }
  core_->brain.prefill(rows);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    std::vector<int>& unread = as_step_audio_2(*batch[i]).unread;
    unread.erase(unread.begin(), unread.begin() + static_cast<std::ptrdiff_t>(rows[i].ids.size()));
  }
}

// On a GPU a token is told one step after the one that chose it: the next step is started first.
void StepAudio2Model::decode(std::span<Turn* const> batch, StepEvents& events) {
  std::vector<causal_lm::AdvanceRow> rows;
  rows.reserve(batch.size());
  for (Turn* one : batch) {
    StepAudio2Turn& turn = as_step_audio_2(*one);
    if (turn.phase == Phase::reading) begin_answering(turn, events);
    const bool last_is_under_way = turn.answer->is_under_way() && turn.tokens + 1 >= turn.token_limit;
    rows.push_back({&turn.slot(), &*turn.answer, /*starts=*/!last_is_under_way});
  }
  const auto decoded = core_->brain.advance(rows);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    StepAudio2Turn& turn = as_step_audio_2(*batch[i]);
    if (!decoded[i]) continue;
    if (decoded[i]->finite) {
      take_token(turn, decoded[i]->token, events);
    } else {
      events.fail(turn, "The language model's logits are not numbers after token " +
                            std::to_string(turn.tokens) + " of the answer.");
    }
  }
}

void StepAudio2Model::detokenize(std::span<Turn* const> batch, StepEvents& events) {
  std::vector<Token2WavStream*> streams;
  for (Turn* one : batch) streams.push_back(&*as_step_audio_2(*one).speech);
  const std::vector<SpeechChunk> chunks = voices_.token2wav().render(streams);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    StepAudio2Turn& turn = as_step_audio_2(*batch[i]);
    turn.rendered_samples += static_cast<std::int64_t>(chunks[i].pcm.size());
    if (!chunks[i].pcm.empty()) {
      const bool all = (turn.decoded || turn.speech_ended) && turn.speech->finished();
      const std::uint32_t cursor = turn.spoken_text.cursor(turn.progress().rendered_ms * turn.speed, all);
      events.emit(turn, AudioChunk{0, samples_of(chunks[i].pcm), cursor});
    }
    if (turn.decoded && turn.speech->finished()) turn.phase = Phase::over;
  }
}

}  // namespace parley::step_audio_2
