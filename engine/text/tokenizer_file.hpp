// Hugging Face's tokenizer.json, read and checked; only byte-level BPE is known.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/text/added_tokens.hpp"
#include "engine/text/merges.hpp"
#include "engine/text/word_splitter.hpp"

namespace parley::text {

struct TokenizerFile {
  std::vector<std::string> bytes;  // by id, what a token stands for; "" for unused ids
  std::vector<int> byte_tokens;    // [256] the token of each byte; -1: there is none, and the byte is lost
  std::vector<Merge> merges;
  std::vector<AddedToken> added;
  std::vector<WordSplitter::Step> steps;
  bool compose = false;      // normalizer NFC
  bool whole_words = false;  // "ignore_merges": a word that is a token is not merged

  // Throws std::runtime_error with a sentence that names the file and what is wrong with it. "post_processor"
  // and "decoder" are not looked at: what stands around a text is the template's business.
  static TokenizerFile read(const std::filesystem::path& path);
};

}  // namespace parley::text
