// Tested by test/engine/models/step_audio_2/text/spoken_text_test.cpp.
#include "engine/models/step_audio_2/text/spoken_text.hpp"

#include <algorithm>

#include "engine/text/utf8.hpp"

namespace parley::step_audio_2 {
namespace {

constexpr double letter_ms = 65;
constexpr double ideograph_ms = 220;

bool is_ideograph(char32_t code_point) {
  return (code_point >= 0x2E80 && code_point < 0xA000) || (code_point >= 0xAC00 && code_point < 0xD7B0) ||
         (code_point >= 0xF900 && code_point < 0xFB00) || (code_point >= 0x20000 && code_point < 0x32000);
}

}  // namespace

void SpokenText::write(std::string_view text, double audio_ms) {
  while (!text.empty()) {
    const text::Utf8Unit unit = text::first_unit(text);
    text.remove_prefix(unit.size);
    said_ms_ = std::max(said_ms_, audio_ms) + (is_ideograph(unit.code_point) ? ideograph_ms : letter_ms);
    waiting_.push_back({static_cast<float>(said_ms_), static_cast<float>(audio_ms)});
  }
}

std::uint32_t SpokenText::cursor(double audio_ms, bool rendered_all) {
  const auto is_spoken = [&](const Character& character) {
    return rendered_all || (character.said_ms <= audio_ms && character.written_ms <= audio_ms);
  };
  const auto first_waiting = std::find_if_not(waiting_.begin(), waiting_.end(), is_spoken);
  spoken_ += static_cast<std::uint32_t>(first_waiting - waiting_.begin());
  waiting_.erase(waiting_.begin(), first_waiting);
  return spoken_;
}

}  // namespace parley::step_audio_2
