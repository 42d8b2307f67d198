// Numbers for people.
#pragma once

#include <cstdint>
#include <string>

namespace parley::bundles {

std::string in_bytes(std::uintmax_t bytes);  // "92.2 MiB"
std::string in_short(std::uintmax_t count);  // "134.5 M"

}  // namespace parley::bundles
