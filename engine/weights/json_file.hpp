// Reads the JSON files of a bundle: config.json, tokenizer.json and the like.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace parley::weights {

// Throws std::runtime_error with a sentence that names the file when it is missing or not JSON.
nlohmann::json read_json_file(const std::filesystem::path& path);

}  // namespace parley::weights
