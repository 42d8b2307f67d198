// The answers given lately, as the tokens that the model made.
//
// A later prompt repeats these tokens: its history is then what the KV cache holds, and what the model was
// trained to see (text and audio tokens as it interleaved them). Writing the text again would lose the sound
// and may split the words differently.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace parley::step_audio_2 {

struct PastAnswer {
  std::string text;      // what was said, tool calls and thinking left out
  std::vector<int> ids;  // without the stop token; of a spoken one, what came after <tts_start>
  bool spoken = false;
  int calls = 0;           // of tools, behind the text
  double ms_a_token = 40;  // of its sound: how long an audio token was heard
};

class PastAnswers {
 public:
  void remember(PastAnswer answer);

  // Looks through the answers in the order in which they were given, as a conversation is gone through.
  class Search {
   public:
    // The next answer that says `text`, or begins with it where it was cut short; failing that, any such
    // answer; null when there is none. An answer without words is found by "".
    const PastAnswer* find(std::string_view text);

   private:
    friend class PastAnswers;
    explicit Search(const std::deque<PastAnswer>& answers) : answers_(&answers) {}
    const std::deque<PastAnswer>* answers_;
    std::size_t next_ = 0;  // of the answers, after the one found last
  };
  Search search() const { return Search(answers_); }

 private:
  static constexpr std::size_t most_answers = 64;
  std::deque<PastAnswer> answers_;  // oldest first
};

// The beginning of a spoken answer's `ids` that was heard: up to its audio token number `audio_tokens`.
// `is_audio` tells audio tokens from others.
template <typename IsAudio>
std::vector<int> heard_part(const std::vector<int>& ids, int audio_tokens, const IsAudio& is_audio) {
  std::vector<int> heard;
  for (const int id : ids) {
    if (is_audio(id) && --audio_tokens < 0) break;
    heard.push_back(id);
  }
  return heard;
}

}  // namespace parley::step_audio_2
