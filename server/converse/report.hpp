// What a turn came to, for the terminal or for machines.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>

#include "server/converse/spoken_turn.hpp"

namespace parley::converse {

// heard, said, asr_ms, first_token_ms, first_audio_ms, total_ms, audio_s, tokens: the keys that pipelines of
// separate programs are measured with. What did not happen is 0.
nlohmann::ordered_json to_json(const Answer& answer);

void write(std::ostream& out, const Answer& answer);

}  // namespace parley::converse
