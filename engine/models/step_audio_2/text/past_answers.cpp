// Tested by test/engine/models/step_audio_2/text/past_answers_test.cpp.
#include "engine/models/step_audio_2/text/past_answers.hpp"

#include <algorithm>
#include <utility>

namespace parley::step_audio_2 {

void PastAnswers::remember(PastAnswer answer) {
  if (answer.ids.empty()) return;
  answers_.push_front(std::move(answer));
  if (answers_.size() > most_answers) answers_.pop_back();
}

const PastAnswer* PastAnswers::find(std::string_view text) const {
  const auto says_it = [text](const PastAnswer& answer) { return answer.text == text; };
  const auto begins_with_it = [text](const PastAnswer& answer) {
    return !text.empty() && std::string_view(answer.text).starts_with(text);
  };
  auto found = std::ranges::find_if(answers_, says_it);
  if (found == answers_.end()) found = std::ranges::find_if(answers_, begins_with_it);
  return found == answers_.end() ? nullptr : &*found;
}

}  // namespace parley::step_audio_2
