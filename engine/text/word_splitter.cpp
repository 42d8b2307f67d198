#include "engine/text/word_splitter.hpp"

#include <utility>

namespace parley::text {

WordSplitter::Words::Words(const WordSplitter& splitter) : splitter_(&splitter) {
  for (const Step& step : splitter.steps_) {
    searches_.emplace_back();
    if (step.pattern) searches_.back().emplace(*step.pattern);
  }
}

const std::vector<std::string_view>& WordSplitter::Words::of(std::string_view text) {
  spaced_.clear();
  pieces_.clear();
  if (text.empty()) return pieces_;
  pieces_.push_back(text);
  for (std::size_t i = 0; i < searches_.size(); ++i) {
    const Step& step = splitter_->steps_[i];
    if (step.leading_space)
      for (std::string_view& piece : pieces_)
        if (!piece.starts_with(' ')) piece = spaced_.emplace_back(" ").append(piece);
    if (!searches_[i]) continue;
    next_pieces_.clear();
    for (const std::string_view piece : pieces_) cut(step, *searches_[i], piece);
    std::swap(pieces_, next_pieces_);
  }
  return pieces_;
}

void WordSplitter::Words::cut(const Step& step, Pattern::Search& search, std::string_view piece) {
  std::size_t told = 0;
  std::size_t from = 0;
  while (const auto match = search.find(piece, from)) {
    if (match->begin > told && step.keep_rest)
      next_pieces_.push_back(piece.substr(told, match->begin - told));
    if (match->end > match->begin)
      next_pieces_.push_back(piece.substr(match->begin, match->end - match->begin));
    told = match->end;
    from = match->end;
    if (match->end > match->begin) continue;
    if (from == piece.size()) break;
    do ++from;  // past an empty match, to the next character
    while (from < piece.size() && (static_cast<unsigned char>(piece[from]) & 0xC0U) == 0x80U);
  }
  if (told < piece.size() && step.keep_rest) next_pieces_.push_back(piece.substr(told));
}

}  // namespace parley::text
