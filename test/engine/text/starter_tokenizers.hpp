// The tokenizers of the starter bundle, where it is there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "engine/text/byte_level_bpe.hpp"
#include "test/support/catch.hpp"

namespace parley::test {

// Nothing, and a warning in the test's output, without the bundle (scripts/fetch_starter makes it).
inline std::optional<text::ByteLevelBpe> starter_tokenizer(const std::string& part) {
  const auto file = std::filesystem::path(PARLEY_SOURCE_DIR) / ".deps/starter" / part / "tokenizer.json";
  if (std::filesystem::exists(file)) return text::ByteLevelBpe::open(file);
  WARN(file << " is not there: run ./scripts/fetch_starter; the test has not compared anything");
  return std::nullopt;
}

}  // namespace parley::test
