// The passes of the starter: one kind of work for many turns at once.
// Tested by test/engine/models/starter/starter_model_test.cpp.
#include <algorithm>
#include <string>
#include <vector>

#include "engine/cuda/run.hpp"
#include "engine/models/starter/starter_model.hpp"

namespace parley::starter {

using namespace engine;
using Phase = StarterTurn::Phase;

void StarterModel::run(WorkKind kind, std::span<Turn* const> batch, int units, StepEvents& events) {
  cuda::run(gpu_.get(), [&] { pass(kind, batch, units, events); });
}

void StarterModel::pass(WorkKind kind, std::span<Turn* const> batch, int units, StepEvents& events) {
  switch (kind) {
    case WorkKind::encode:
      return encode(batch, units);
    case WorkKind::recognize:
      return recognize(batch, units, events);
    case WorkKind::prefill:
      return prefill(batch, units, events);
    case WorkKind::decode:
      return decode(batch, events);
    case WorkKind::detokenize:
      return detokenize(batch, events);
  }
}

// A unit is one position in one layer.
void StarterModel::encode(std::span<Turn* const> batch, int units) {
  std::vector<whisper::Recognition*> recognitions;
  for (Turn* turn : batch) recognitions.push_back(&*as_starter(*turn).recognition);
  ear_.encode(recognitions, std::max(1, units / ear_.shape(*recognitions.front())));
}

// Up to `units` tokens for each; those that finish, or need another window encoded, leave the pass.
void StarterModel::recognize(std::span<Turn* const> batch, int units, StepEvents& events) {
  std::vector<whisper::Recognition*> going;
  for (Turn* turn : batch) {
    if (auto& recognition = as_starter(*turn).recognition) going.push_back(&*recognition);
  }
  const auto needs_no_step = [this](const whisper::Recognition* recognition) {
    return recognition->finished() || ear_.shape(*recognition) > 0;
  };
  std::erase_if(going, needs_no_step);  // silence may be known as such before the first token
  for (int unit = 0; unit < std::max(1, units) && !going.empty(); ++unit) {
    ear_.step(going);
    std::erase_if(going, needs_no_step);
  }
  for (Turn* one : batch) {
    StarterTurn& turn = as_starter(*one);
    if (turn.recognition && !turn.recognition->finished()) continue;
    try {
      end_recognition(turn, events);
    } catch (const std::exception& error) {  // its prompt cannot be made; the others' recognitions stand
      events.fail(turn, error.what());
    }
  }
}

void StarterModel::prefill(std::span<Turn* const> batch, int units, StepEvents&) {
  for (Turn* one : batch) {
    StarterTurn& turn = as_starter(*one);
    const int piece = std::min(std::max(1, units), turn.to_read());
    const auto ids = std::span(turn.prompt.ids).subspan(static_cast<std::size_t>(turn.read));
    brain_.prefill(turn.slot(), ids.first(static_cast<std::size_t>(piece)));
    turn.read += piece;
  }
}

void StarterModel::decode(std::span<Turn* const> batch, StepEvents& events) {
  std::vector<causal_lm::DecodeRow> rows;
  rows.reserve(batch.size());
  for (Turn* one : batch) {
    StarterTurn& turn = as_starter(*one);
    if (turn.phase == Phase::reading) begin_speaking(turn, events);
    rows.push_back({&turn.slot(), turn.next_token, &turn.sampler});
  }
  const std::vector<causal_lm::Decoded> decoded = brain_.decode(rows);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    StarterTurn& turn = as_starter(*batch[i]);
    if (decoded[i].finite) {
      take_token(turn, decoded[i].token, events);
    } else {
      events.fail(turn, "The language model's logits are not numbers after token " +
                            std::to_string(turn.answer_ids.size()) + " of the answer.");
    }
  }
}

void StarterModel::detokenize(std::span<Turn* const> batch, StepEvents& events) {
  std::vector<voice::SpeechStream*> streams;
  for (Turn* one : batch) streams.push_back(&*as_starter(*one).speech);
  std::vector<voice::SpeechChunk> chunks = voice::SpeechStream::render(streams);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    StarterTurn& turn = as_starter(*batch[i]);
    if (!chunks[i].pcm.empty()) {
      events.emit(turn, AudioChunk{0, std::move(chunks[i].pcm), chunks[i].text_cursor});
    }
    if (turn.decoded && turn.speech->finished()) turn.phase = Phase::over;
  }
}

}  // namespace parley::starter
