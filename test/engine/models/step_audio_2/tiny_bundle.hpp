// The tiny random checkpoints that the build makes with scripts/make_tiny_bundle.py.
#pragma once

#include <filesystem>
#include <string>

namespace parley::test {

// variant: "mini", "think", or "endless", which never ends an answer by itself
inline std::filesystem::path tiny_step_audio_2(const std::string& variant = "mini") {
  return std::filesystem::path(PARLEY_TINY_STEP_AUDIO_2) / variant / "bundle";
}

}  // namespace parley::test
