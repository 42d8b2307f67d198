// Which bundle an operator means by a name or a path.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace parley::bundles {

// The folder of the bundle `model`: a path that holds one, otherwise the id of a bundle in `places`, earlier
// places first and within a place the one made last. Throws std::runtime_error with a sentence that says
// where was looked and what to do.
std::filesystem::path choose(const std::string& model, std::span<const std::filesystem::path> places);

}  // namespace parley::bundles
