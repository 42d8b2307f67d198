// Turns tokens into text as they come, never cutting a character in two.
#pragma once

#include <string>

#include "engine/text/byte_level_bpe.hpp"

namespace parley::text {

// One answer's state; the tokenizer must outlive it. push() gives the text that became complete with this
// token, which may be "" : the bytes of an unfinished UTF-8 sequence wait for the next token. All that push()
// and finish() gave, put together, is ByteLevelBpe::decode() of all tokens. Special tokens give no text.
class IncrementalDecoder {
 public:
  explicit IncrementalDecoder(const ByteLevelBpe& tokenizer) : tokenizer_(&tokenizer) {}

  std::string push(int id);
  std::string finish();  // U+FFFD for a sequence that never ended

 private:
  const ByteLevelBpe* tokenizer_;
  std::string pending_;  // the beginning of a UTF-8 sequence: at most 3 bytes
};

}  // namespace parley::text
