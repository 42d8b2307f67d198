// Byte-level byte-pair encoding as Hugging Face's tokenizer.json describes it (GPT-2, Whisper, SmolLM2,
// Qwen2, Llama 3).
//
// Text is split into words by the file's own patterns; a word's bytes are then merged pair by pair, the
// earliest merge of the list first (Sennrich et al. 2016, on bytes as in GPT-2). Each token stands for bytes,
// not characters: a token may end in the middle of a UTF-8 sequence, so text is put together by
// IncrementalDecoder or decode().
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley::text {

// What "<|im_end|>" in a text means. Only text that we wrote ourselves (templates) may contain special
// tokens; what a user said or typed never does, or they could put words into the system's mouth.
enum class SpecialTokens { as_text, parsed };

// Immutable once open: any number of threads may use one.
class ByteLevelBpe {
 public:
  // Throws std::runtime_error with a sentence when the file is missing, broken, or of a kind not known here.
  static ByteLevelBpe open(const std::filesystem::path& tokenizer_json);
  ~ByteLevelBpe();
  ByteLevelBpe(ByteLevelBpe&&) noexcept;
  ByteLevelBpe& operator=(ByteLevelBpe&&) noexcept;

  // `text` should be UTF-8; what is not is read as U+FFFD.
  std::vector<int> encode(std::string_view text, SpecialTokens special = SpecialTokens::as_text) const;

  // The tokens' bytes put together, broken UTF-8 replaced by U+FFFD. Special tokens are left out, or shown.
  std::string decode(std::span<const int> ids, bool show_special = false) const;

  int size() const;                         // ids are 0 .. size() - 1; some may be unused
  std::string_view bytes_of(int id) const;  // "" for unused ids
  bool is_special(int id) const;
  std::optional<int> id_of(std::string_view added_token) const;  // "<|im_end|>"; nothing for ordinary tokens

 private:
  struct Model;
  explicit ByteLevelBpe(std::unique_ptr<const Model> model);
  std::unique_ptr<const Model> model_;
};

}  // namespace parley::text
