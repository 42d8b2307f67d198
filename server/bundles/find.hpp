// The bundles that can be found on this machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace parley::bundles {

struct Found {
  std::filesystem::path folder;  // as it was come by: links are kept
  std::string id, type;          // empty where `error` is not
  std::uintmax_t bytes = 0;      // of all its files
  std::string error;             // why it cannot be used, as a sentence
};

// Where bundles are looked for when nobody says: models/ and .deps/ of the checkout that `program` was built
// in and of the current folder, and the cache that set-up fills ($PARLEY_CACHE, otherwise ~/.cache/parley).
// The program's own come first: its converters made them. By default it is the one that runs.
std::vector<std::filesystem::path> usual_places(const std::filesystem::path& program = {});

// Each place is a bundle itself or a folder of bundles. A bundle that several links lead to is told once,
// under the first; a place that does not exist holds none. Sorted by place, then name.
std::vector<Found> find(std::span<const std::filesystem::path> places);

}  // namespace parley::bundles
