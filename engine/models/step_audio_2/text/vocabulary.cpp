// Tested by test/engine/models/step_audio_2/text/vocabulary_test.cpp.
#include "engine/models/step_audio_2/text/vocabulary.hpp"

#include <stdexcept>
#include <string_view>

namespace parley::step_audio_2 {
namespace {

constexpr int published_vocab_size = 158720;

struct Named {
  int Vocabulary::* id;
  std::string_view name;
  int published_id;  // 0: not known
};
constexpr Named named_tokens[] = {
    {&Vocabulary::begin_of_turn, "<|BOT|>", 0},          {&Vocabulary::end_of_turn, "<|EOT|>", 151665},
    {&Vocabulary::audio_start, "<audio_start>", 151688}, {&Vocabulary::audio_end, "<audio_end>", 151689},
    {&Vocabulary::audio_patch, "<audio_patch>", 151690}, {&Vocabulary::tts_start, "<tts_start>", 151693},
    {&Vocabulary::tts_end, "<tts_end>", 151694},         {&Vocabulary::tts_pad, "<tts_pad>", 0},
    {&Vocabulary::audio_0, "<audio_0>", 151696},         {&Vocabulary::audio_padding, "<audio_6561>", 158257},
};

}  // namespace

Vocabulary Vocabulary::read(const text::ByteLevelBpe& tokenizer, int vocab_size, const std::string& where) {
  Vocabulary vocabulary;
  std::string wrong;
  const auto add = [&wrong](const std::string& what) { wrong += (wrong.empty() ? "" : ", ") + what; };
  for (const Named& token : named_tokens) {
    const std::string name(token.name);
    const std::optional<int> id = tokenizer.id_of(token.name);
    if (!id) {
      add(name + " is missing");
    } else if (vocab_size == published_vocab_size && token.published_id != 0 && *id != token.published_id) {
      add(name + " has the id " + std::to_string(*id) + " instead of " + std::to_string(token.published_id));
    } else if (*id >= vocab_size) {
      add(name + " has the id " + std::to_string(*id) + ", but the model knows " +
          std::to_string(vocab_size));
    } else {
      vocabulary.*token.id = *id;
    }
  }
  if (!wrong.empty())
    throw std::runtime_error(where + ": expected the tokens of Step-Audio 2, but " + wrong +
                             "; convert the checkpoint again with the tokenizer files that belong to it");
  return vocabulary;
}

}  // namespace parley::step_audio_2
