#include "engine/models/starter/phonemizer/sentence_splitter.hpp"

#include <algorithm>

namespace parley::phonemizer {
namespace {

bool is_end_mark(char32_t c) { return c == U'.' || c == U'!' || c == U'?' || c == U'…'; }
bool is_closing(char32_t c) { return std::u32string_view(U"\"”’)]").find(c) != std::u32string_view::npos; }

}  // namespace

void SentenceSplitter::push(std::u32string_view text) {
  pending_ += text;
  scan();
}

void SentenceSplitter::finish() {
  finished_ = true;
  scan();
  complete(pending_.size(), pending_.size(), pending_.size());
}

Sentence SentenceSplitter::take() {
  Sentence sentence = std::move(complete_.front());
  complete_.pop_front();
  return sentence;
}

Sentence SentenceSplitter::open() const {
  return {pending_, position_, position_ + static_cast<std::uint32_t>(pending_.size())};
}

// The open sentence is pending_[0, text_end); what follows it starts at `next`.
void SentenceSplitter::complete(std::size_t text_end, std::size_t end, std::size_t next) {
  while (text_end > 0 && phonemizer_->is_space(pending_[text_end - 1])) --text_end;
  if (text_end > 0)
    complete_.push_back({pending_.substr(0, text_end), position_,
                         position_ + static_cast<std::uint32_t>(std::max(end, text_end))});
  while (next < pending_.size() && phonemizer_->is_space(pending_[next])) ++next;
  pending_.erase(0, next);
  position_ += static_cast<std::uint32_t>(next);
  scanned_ = 0;
}

// Behind a comma or the like in the last quarter of what is allowed, else at a space, else anywhere.
std::size_t SentenceSplitter::break_place() const {
  std::size_t place = 0;
  for (std::size_t i = longest_sentence; i > longest_sentence / 4 * 3; --i) {
    if (!phonemizer_->is_space(pending_[i])) continue;
    if (place == 0) place = i;
    if (std::u32string_view(U",;:—").find(pending_[i - 1]) != std::u32string_view::npos) return i;
  }
  return place == 0 ? longest_sentence : place;
}

std::size_t SentenceSplitter::waiting_signs() const {
  std::size_t signs = pending_.size();
  for (const Sentence& sentence : complete_) signs += sentence.text.size();
  return signs;
}

void SentenceSplitter::scan() {
  if (!pending_.empty() && phonemizer_->is_space(pending_[0])) complete(0, 0, 0);
  while (scanned_ < pending_.size()) {
    std::size_t at = scanned_;
    if (at >= longest_sentence) {
      std::size_t end = break_place();
      complete(end, end, end);
      continue;
    }
    if (pending_[at] == U'\n') {
      complete(at, at, at + 1);
      continue;
    }
    if (is_end_mark(pending_[at])) {
      std::size_t closed = at + 1;
      while (closed < pending_.size() && is_closing(pending_[closed])) ++closed;
      std::size_t next = closed;
      while (next < pending_.size() && pending_[next] != U'\n' && phonemizer_->is_space(pending_[next]))
        ++next;
      if (next == pending_.size()) return;  // what follows decides
      if (next > closed && pending_[next] != U'\n' &&
          phonemizer_->ends_sentence(pending_, at + 1, pending_[next])) {
        complete(at + 1, closed, next);
        continue;
      }
    }
    ++scanned_;
  }
}

}  // namespace parley::phonemizer
