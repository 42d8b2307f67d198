// Tested by test/engine/models/step_audio_2/text/past_answers_test.cpp.
#include "engine/models/step_audio_2/text/past_answers.hpp"

#include <algorithm>
#include <utility>

namespace parley::step_audio_2 {

void PastAnswers::remember(PastAnswer answer) {
  if (answer.ids.empty()) return;
  answers_.push_back(std::move(answer));
  if (answers_.size() > most_answers) answers_.pop_front();
}

const PastAnswer* PastAnswers::Search::find(std::string_view text) {
  const auto says_it = [text](const PastAnswer& answer) { return answer.text == text; };
  const auto begins_with_it = [text](const PastAnswer& answer) {
    return !text.empty() && std::string_view(answer.text).starts_with(text);
  };
  const auto end = answers_->end();
  for (const std::size_t from : {next_, std::size_t{0}}) {
    const auto begin = answers_->begin() + static_cast<std::ptrdiff_t>(from);
    auto found = std::find_if(begin, end, says_it);
    if (found == end) found = std::find_if(begin, end, begins_with_it);
    if (found == end) continue;
    next_ = static_cast<std::size_t>(found - answers_->begin()) + 1;
    return &*found;
  }
  return nullptr;
}

}  // namespace parley::step_audio_2
