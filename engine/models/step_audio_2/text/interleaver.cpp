// Tested by test/engine/models/step_audio_2/text/interleaver_test.cpp.
#include "engine/models/step_audio_2/text/interleaver.hpp"

#include <algorithm>

namespace parley::step_audio_2 {
namespace {

constexpr std::size_t audio_a_group = 4;

}  // namespace

Interleaver::Kind Interleaver::read(int id) {
  if (id == vocabulary_.tts_start) {
    speaking_ = true;
  } else if (id == vocabulary_.tts_end) {
    spoke_ = spoke_ || speaking_;
    speaking_ = false;
  } else if (vocabulary_.is_speech_code(id)) {
    return Kind::audio;
  } else if (vocabulary_.is_text(id)) {
    return spoke_ && !speaking_ ? Kind::aside : Kind::text;
  }
  return Kind::nothing;
}

std::vector<int> interleave(const Vocabulary& vocabulary, std::span<const int> text,
                            std::span<const int> audio) {
  const std::size_t groups = std::max((audio.size() + audio_a_group - 1) / audio_a_group, text.size());
  std::vector<int> ids{vocabulary.tts_start};
  for (std::size_t group = 0; group < groups; ++group) {
    ids.push_back(group < text.size() ? text[group] : vocabulary.tts_pad);
    for (std::size_t i = audio_a_group * group; i < audio_a_group * (group + 1); ++i)
      ids.push_back(i < audio.size() ? audio[i] : vocabulary.audio_padding);
  }
  ids.push_back(vocabulary.tts_end);
  return ids;
}

}  // namespace parley::step_audio_2
