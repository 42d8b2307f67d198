// Where the starter voice lies for tests: set-up makes it with scripts/convert/voice.py.
#pragma once

#include <filesystem>
#include <stdexcept>

namespace parley::test {

inline std::filesystem::path voice_folder() {
  std::filesystem::path folder = PARLEY_SOURCE_DIR "/.deps/starter/voice";
  if (!std::filesystem::exists(folder / "config.json"))
    throw std::runtime_error(folder.string() + " is missing; run ./scripts/setup");
  return folder;
}

}  // namespace parley::test
