// Tested by test/engine/models/starter/starter_dialogue_test.cpp.
#include "engine/models/starter/starter_dialogue.hpp"

#include <algorithm>

namespace parley::starter {

void AnswerMemory::remember(std::string text, std::vector<int> ids) {
  if (text.empty()) return;
  answers_.push_front({std::move(text), std::move(ids)});
  if (answers_.size() > most_answers) answers_.pop_back();
}

std::vector<int> AnswerMemory::ids_of(std::string_view text, const text::ByteLevelBpe& tokenizer) const {
  const auto answer = std::find_if(answers_.begin(), answers_.end(), [text](const Answer& candidate) {
    return !text.empty() && std::string_view(candidate.text).starts_with(text);
  });
  if (answer == answers_.end()) return {};
  std::size_t bytes = 0;
  auto end = answer->ids.begin();
  for (; end != answer->ids.end(); ++end) {
    const std::size_t with_next = bytes + (tokenizer.is_special(*end) ? 0 : tokenizer.bytes_of(*end).size());
    if (with_next > text.size()) break;
    bytes = with_next;
  }
  std::vector<int> ids(answer->ids.begin(), end);
  if (bytes < text.size()) {
    const std::vector<int> rest = tokenizer.encode(text.substr(bytes));
    ids.insert(ids.end(), rest.begin(), rest.end());
  }
  return ids;
}

const std::string* StarterDialogue::transcript_of(std::string_view item_id) const {
  const auto found = heard.find(item_id);
  if (found == heard.end()) return nullptr;
  const Heard& item = found->second;
  const bool all_of_it =
      item.transcript && (!item.utterance || item.utterance->samples() == item.transcribed_samples);
  return all_of_it ? &*item.transcript : nullptr;
}

}  // namespace parley::starter
