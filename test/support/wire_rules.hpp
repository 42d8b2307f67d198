// What every message to a client must look like, as protocol.md 5 and 6 have it: the members of each event,
// their types, and where null is allowed. Written from the paper alone and over parsed text, so that it
// checks the encoder rather than repeats it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace parley::test {

// What is wrong with a server event, in words; empty when nothing is.
std::vector<std::string> wire_violations(const nlohmann::json& event);

}  // namespace parley::test
