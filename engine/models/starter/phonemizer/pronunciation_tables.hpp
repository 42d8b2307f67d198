// The two pronunciation files of a voice's folder: the large tables mapped and searched in place, the small
// ones read.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/models/starter/phonemizer/normalizer.hpp"
#include "engine/models/starter/phonemizer/string_table.hpp"
#include "engine/models/starter/phonemizer/tagger.hpp"
#include "engine/models/starter/phonemizer/unicode.hpp"
#include "engine/models/starter/phonemizer/unknown_words.hpp"

namespace parley::phonemizer {

// What it gives out are views into the mapping: keep it alive as long as them.
class PronunciationTables {
 public:
  // Throws std::runtime_error with a sentence that names the file and what is wrong with it.
  explicit PronunciationTables(const std::filesystem::path& voice_folder);
  ~PronunciationTables();

  UnicodeTables unicode() const;
  NormalizerTables normalizer() const;
  StringMap exceptions() const;
  TaggerTables tagger() const;
  StringMap gold() const;
  StringMap silver() const;
  UnknownWordsTables unknown_words() const;
  std::vector<std::u32string> titles() const;

 private:
  struct Files;
  std::unique_ptr<Files> files_;
};

}  // namespace parley::phonemizer
