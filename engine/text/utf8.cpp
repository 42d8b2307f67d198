#include "engine/text/utf8.hpp"

namespace parley::text {
namespace {

int length_by_lead(unsigned char lead) {  // 0: no character begins so
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // continuation, or the long way to write ASCII
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

// The second byte is where overlong forms, surrogates and what lies above U+10FFFF show.
bool may_follow(unsigned char lead, std::size_t place, unsigned char byte) {
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (place == 1) {
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  return low <= byte && byte <= high;
}

}  // namespace

Utf8Unit first_unit(std::string_view text) {
  using enum Utf8Unit::State;
  const auto lead = static_cast<unsigned char>(text[0]);
  const auto length = static_cast<std::size_t>(length_by_lead(lead));
  if (length == 1) return {1, whole, lead};
  if (length == 0) return {1, broken, 0};
  char32_t code_point = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {i, unfinished, 0};
    const auto byte = static_cast<unsigned char>(text[i]);
    if (!may_follow(lead, i, byte)) return {i, broken, 0};
    code_point = code_point << 6U | (byte & 0x3FU);
  }
  return {length, whole, code_point};
}

std::size_t append_whole_characters(std::string_view text, std::string& out) {
  std::size_t copied = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Utf8Unit unit = first_unit(text.substr(at));
    if (unit.state == Utf8Unit::State::unfinished) break;
    if (unit.state == Utf8Unit::State::broken) {
      out.append(text.substr(copied, at - copied)).append(replacement_character);
      copied = at + unit.size;
    }
    at += unit.size;
  }
  out.append(text.substr(copied, at - copied));
  return at;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Unit unit = first_unit(text.substr(at));
    if (unit.state != Utf8Unit::State::whole) return false;
    at += unit.size;
  }
  return true;
}

std::string repaired_utf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  if (append_whole_characters(text, repaired) < text.size()) repaired += replacement_character;
  return repaired;
}

void append_utf8(char32_t code_point, std::string& out) {
  const auto continuation = [&](unsigned shift) {
    out += static_cast<char>(0x80U | (code_point >> shift & 0x3FU));
  };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0U | code_point >> 6U);
    continuation(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0U | code_point >> 12U);
    continuation(6);
    continuation(0);
  } else {
    out += static_cast<char>(0xF0U | code_point >> 18U);
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

}  // namespace parley::text
