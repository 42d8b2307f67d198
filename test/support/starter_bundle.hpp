// Where the starter bundle lies for tests: set-up makes it with scripts/fetch_starter.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace parley::test {

inline std::filesystem::path starter_bundle() {
  std::filesystem::path folder = PARLEY_SOURCE_DIR "/.deps/starter";
  if (!std::filesystem::exists(folder / "bundle.json"))
    throw std::runtime_error(folder.string() + " is missing; run ./scripts/setup");
  return folder;
}

}  // namespace parley::test
