// Reads the files that test/parity/text/make_tokens.py writes.
#pragma once

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace parley::test {

struct ReferenceTokens {
  std::vector<int> parsed;   // with special tokens
  std::vector<int> as_text;  // the same text without
};

struct ReferenceText {
  std::string text;
  std::vector<ReferenceTokens> by_tokenizer;
};

inline std::filesystem::path parity_file(std::string_view name) {
  return std::filesystem::path(PARLEY_SOURCE_DIR) / "test/parity/text" / name;
}

inline std::string unescaped(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    int byte = 0;
    std::from_chars(text.data() + i + 2, text.data() + i + 4, byte, 16);
    bytes += static_cast<char>(byte);
    i += 3;
  }
  return bytes;
}

inline std::vector<int> numbers(const std::string& text) {
  std::istringstream words(text);
  std::vector<int> all;
  for (int number = 0; words >> number;) all.push_back(number);
  return all;
}

inline std::vector<ReferenceText> read_reference(std::string_view name) {
  std::ifstream file(parity_file(name), std::ios::binary);
  if (!file) throw std::runtime_error(parity_file(name).string() + " is missing");
  std::vector<ReferenceText> references;
  for (std::string line; std::getline(file, line);) {
    std::size_t tab = line.find('\t');
    ReferenceText reference{unescaped(line.substr(0, tab)), {}};
    while (tab != std::string::npos) {
      const std::size_t begin = tab + 1;
      tab = line.find('\t', begin);
      const std::string field = line.substr(begin, tab - begin);
      const auto bar = field.find('|');
      ReferenceTokens tokens{numbers(field.substr(0, bar)), {}};
      tokens.as_text = bar == std::string::npos ? tokens.parsed : numbers(field.substr(bar + 1));
      reference.by_tokenizer.push_back(std::move(tokens));
    }
    references.push_back(std::move(reference));
  }
  return references;
}

}  // namespace parley::test
