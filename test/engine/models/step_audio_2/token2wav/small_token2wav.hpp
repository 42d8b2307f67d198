// The small token2wav of test/parity/step_audio_2/token2wav.safetensors, as a folder that can be loaded, and
// the inputs that scripts/parity/token2wav.py makes by formula.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/models/step_audio_2/speaker_prompt.hpp"
#include "engine/models/step_audio_2/token2wav/token2wav.hpp"
#include "engine/weights/safetensors.hpp"

namespace parley::test {

const weights::Safetensors& token2wav_reference();
at::Tensor reference_tensor(const std::string& name);     // a copy
std::string reference_metadata(const std::string& name);  // JSON

// A folder with config.json, flow.safetensors and hift.safetensors; it lives as long as the program.
const std::filesystem::path& small_token2wav();

inline constexpr float unit_noise = 1.7320508075688772F;  // evenly distributed over this has variance 1
at::Tensor formula_tensor(std::uint32_t seed, std::vector<std::int64_t> shape, float scale);
step_audio_2::SpeakerPrompt small_prompt(int tokens, std::uint32_t seed);
std::vector<int> small_tokens(int count, std::uint32_t seed);
std::vector<float> flow_noise(int frames);
std::vector<float> source_noise(int call, int frames);  // [480 * frames, 9]

// Weights of official width as a reference's metadata describes them.
weights::Safetensors formula_checkpoint(const std::string& recipe, const std::filesystem::path& file);

}  // namespace parley::test
