#include "engine/models/starter/phonemizer/unicode.hpp"

#include <algorithm>

namespace parley::phonemizer {
namespace {

// The row of `width` numbers that starts with `key`, in a table sorted by that first number.
const std::uint32_t* find_row(std::span<const std::uint32_t> table, std::size_t width, std::uint32_t key) {
  std::size_t low = 0;
  std::size_t high = table.size() / width;
  while (low < high) {
    std::size_t middle = low + (high - low) / 2;
    if (table[middle * width] < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low * width >= table.size() || table[low * width] != key) return nullptr;
  return &table[low * width];
}

}  // namespace

bool Unicode::all(std::u32string_view text, int classes) const {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char32_t c) { return is(c, classes); });
}

bool Unicode::is_lower(std::u32string_view text) const {
  bool some = std::any_of(text.begin(), text.end(), [&](char32_t c) { return is(c, lower); });
  return some && std::none_of(text.begin(), text.end(), [&](char32_t c) { return is(c, upper); });
}

bool Unicode::is_upper(std::u32string_view text) const {
  bool some = std::any_of(text.begin(), text.end(), [&](char32_t c) { return is(c, upper); });
  return some && std::none_of(text.begin(), text.end(), [&](char32_t c) { return is(c, lower); });
}

char32_t Unicode::to_lower(char32_t c) const {
  const auto* row = find_row(tables_.lower, 2, c);
  return row ? row[1] : c;
}

char32_t Unicode::to_upper(char32_t c) const {
  const auto* row = find_row(tables_.upper, 2, c);
  return row ? row[1] : c;
}

std::u32string Unicode::to_lower(std::u32string_view text) const {
  std::u32string out(text);
  for (char32_t& c : out) c = to_lower(c);
  return out;
}

std::u32string Unicode::to_upper(std::u32string_view text) const {
  std::u32string out(text);
  for (char32_t& c : out) c = to_upper(c);
  return out;
}

std::u32string Unicode::capitalized(std::u32string_view text) const {
  std::u32string out = to_lower(text);
  if (!out.empty()) out[0] = to_upper(out[0]);
  return out;
}

std::optional<int> Unicode::digit_value(char32_t c) const {
  if (c >= U'0' && c <= U'9') return static_cast<int>(c - U'0');
  const auto* row = find_row(tables_.digits, 2, c);
  if (!row) return std::nullopt;
  return static_cast<int>(row[1]);
}

std::optional<char32_t> Unicode::composed(char32_t first, char32_t second) const {
  const auto* row = find_row(tables_.composed, 3, first);
  const auto* end = tables_.composed.data() + tables_.composed.size();
  for (; row && row != end && row[0] == first; row += 3)
    if (row[1] == second) return row[2];
  return std::nullopt;
}

std::u32string Unicode::compatible(std::u32string_view text) const {
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x80; })) return std::u32string(text);
  std::u32string parts;
  for (char32_t c : text) {
    auto points = tables_.decomposed_points;
    auto at = std::lower_bound(points.begin(), points.end(), static_cast<std::uint32_t>(c));
    if (at == points.end() || *at != c) {
      parts += c;
      continue;
    }
    auto row = static_cast<std::size_t>(at - points.begin());
    std::uint32_t begin = row == 0 ? 0 : tables_.decomposed_ends[row - 1];
    for (std::uint32_t i = begin; i < tables_.decomposed_ends[row]; ++i)
      parts += static_cast<char32_t>(tables_.decomposed_text[i]);
  }
  std::u32string out;
  for (char32_t c : parts) {
    if (!out.empty()) {
      if (auto whole = composed(out.back(), c)) {
        out.back() = *whole;
        continue;
      }
    }
    out += c;
  }
  return out;
}

std::u32string decode_utf8(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    auto byte = static_cast<unsigned char>(text[i]);
    std::size_t more = byte < 0x80 ? 0 : byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    bool whole = (byte < 0x80 || byte >= 0xC2) && byte < 0xF5 && i + more < text.size();
    char32_t point = more == 0 ? byte : byte & (0x3FU >> more);
    for (std::size_t k = 1; whole && k <= more; ++k) {
      auto next = static_cast<unsigned char>(text[i + k]);
      whole = (next & 0xC0) == 0x80;
      point = point << 6 | (next & 0x3FU);
    }
    bool overlong = (more == 2 && point < 0x800) || (more == 3 && point < 0x10000);
    whole = whole && !overlong && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
    out += whole ? point : U'\xFFFD';
    i += whole ? 1 + more : 1;
  }
  return out;
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char32_t c : text) {
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xC0 | c >> 6);
      out += static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      out += static_cast<char>(0xE0 | c >> 12);
      out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
      out += static_cast<char>(0x80 | (c & 0x3F));
    } else {
      out += static_cast<char>(0xF0 | c >> 18);
      out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
      out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
      out += static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  return out;
}

}  // namespace parley::phonemizer
