#include "engine/text/incremental_decoder.hpp"

#include "engine/text/utf8.hpp"

namespace parley::text {

std::string IncrementalDecoder::push(int id) {
  std::string text;
  if (tokenizer_->is_special(id)) return text;
  pending_ += tokenizer_->bytes_of(id);
  pending_.erase(0, append_whole_characters(pending_, text));
  return text;
}

std::string IncrementalDecoder::finish() {
  std::string text;
  if (!pending_.empty()) text = replacement_character;
  pending_.clear();
  return text;
}

}  // namespace parley::text
