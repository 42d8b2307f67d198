// What a load run came to, for the terminal or for machines.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>

#include "client/load.hpp"

namespace parley::client {

void write(std::ostream& out, const LoadResult& result);
// Times in ms with a tenth. "turn_end" is the server's `speech_stopped` as it arrived; percentiles of nothing
// are null.
nlohmann::ordered_json to_json(const LoadResult& result);

// One line while it runs, without a line break.
std::string progress_line(const LoadResult& result);

}  // namespace parley::client
