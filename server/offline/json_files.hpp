// The JSON files that offline commands read and write.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

namespace parley::commands {

// Replaces the file. Bytes that are no UTF-8 become U+FFFD. Throws std::runtime_error with a sentence.
void write_json(const std::filesystem::path& file, const nlohmann::json& value);

// A list of whole numbers. Throws std::runtime_error with a sentence.
std::vector<int> read_tokens(const std::filesystem::path& file);

}  // namespace parley::commands
