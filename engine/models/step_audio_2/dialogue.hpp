// What the model keeps of one conversation between its turns.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/models/causal_lm/token_model.hpp"
#include "engine/models/step_audio_2/ear/ear.hpp"
#include "engine/models/step_audio_2/text/past_answers.hpp"
#include "engine/speech_model.hpp"

namespace parley::step_audio_2 {

// One utterance of the user: its sound while it may grow, and what was made of it. Encoded rows are kept, so
// a later turn reads them again at no cost.
struct HeardItem {
  struct Piece {
    causal_lm::EmbeddedRows rows;
    int tokens = 0;  // that it had when it was encoded: the last piece may have grown since
  };
  std::optional<Listening> sound;  // until it is over and encoded
  std::vector<Piece> pieces;

  // The first piece that has no rows yet, or grew since it was encoded; nothing when all are up to date.
  std::optional<int> next_to_encode() const {
    if (!sound) return std::nullopt;
    for (int piece = 0; piece < sound->pieces(); ++piece) {
      const auto index = static_cast<std::size_t>(piece);
      if (index >= pieces.size() || pieces[index].tokens != sound->tokens(piece)) return piece;
    }
    return std::nullopt;
  }
  std::vector<int> piece_tokens() const {
    std::vector<int> tokens;
    for (const Piece& piece : pieces) tokens.push_back(piece.rows.count());
    return tokens;
  }
};

struct StepAudio2Dialogue final : engine::Dialogue {
  std::map<std::string, HeardItem, std::less<>> heard;  // by item id
  PastAnswers answers;
  std::optional<causal_lm::KvSlot>
      slot;  // what was read and said; empty until the first turn, and when released
};

}  // namespace parley::step_audio_2
