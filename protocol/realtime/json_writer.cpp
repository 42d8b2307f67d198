#include "protocol/realtime/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "protocol/base64/base64.hpp"

namespace parley::protocol {
namespace {

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

// Printable ASCII but for the quotation mark and the backslash goes through as it is.
constexpr auto plain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x7F; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

// Length of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7), 0 if there is
// none.
std::size_t utf8_sequence(std::string_view text) {
  const auto at = [text](std::size_t i) -> unsigned { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = at(0);
  std::size_t length = 0;
  unsigned low = 0x80;   // bounds of the second byte: they rule out overlong forms,
  unsigned high = 0xBF;  // surrogates and what lies beyond U+10FFFF
  if (lead >= 0xC2 && lead <= 0xDF) length = 2;
  if (lead >= 0xE0 && lead <= 0xEF) length = 3;
  if (lead >= 0xF0 && lead <= 0xF4) length = 4;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  if (length == 0 || text.size() < length) return 0;
  if (at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (at(i) < 0x80 || at(i) > 0xBF) return 0;
  return length;
}

}  // namespace

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  out_ += '"';
  out_ += name;
  out_ += "\":";
  follows_ = false;
  return *this;
}

JsonWriter& JsonWriter::open_key(std::string_view name) {
  value(name);
  out_ += ':';
  follows_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  out_ += '"';
  append_escaped(text);
  out_ += '"';
  follows_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  raw(text);
  if (text.find_first_of(".e") == std::string_view::npos) out_ += ".0";
  return *this;
}

JsonWriter& JsonWriter::value(const std::vector<std::string>& texts) {
  begin_array();
  for (const std::string& text : texts) value(std::string_view(text));
  return end_array();
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  follows_ = true;
  return *this;
}

JsonWriter& JsonWriter::base64(ByteView bytes) {
  separate();
  out_ += '"';
  base64::encode(bytes, out_);
  out_ += '"';
  follows_ = true;
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return raw(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  follows_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  follows_ = true;
  return *this;
}

void JsonWriter::separate() {
  if (follows_) out_ += ',';
}

void JsonWriter::append_escaped(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && plain[static_cast<unsigned char>(text[run])]) ++run;
    out_ += text.substr(0, run);
    text.remove_prefix(run);
    if (text.empty()) return;

    const auto c = static_cast<unsigned char>(text[0]);
    std::size_t taken = 1;
    if (c >= 0x80) {
      taken = utf8_sequence(text);
      out_ += taken > 0 ? text.substr(0, taken) : replacement_character;
      if (taken == 0) taken = 1;
    } else if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += static_cast<char>(c);
    } else if (c == '\n') {
      out_ += "\\n";
    } else if (c == 0x7F) {
      out_ += static_cast<char>(c);
    } else {
      out_ += "\\u00";
      out_ += hex[c >> 4U];
      out_ += hex[c & 15U];
    }
    text.remove_prefix(taken);
  }
}

}  // namespace parley::protocol
