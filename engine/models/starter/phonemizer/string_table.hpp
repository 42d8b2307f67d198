// A sorted list of strings that is searched where it lies (in a mapped file), and one with a value string
// each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace parley::phonemizer {

// Strings in ascending order of their bytes, without duplicates. A view: whoever maps the file keeps it
// alive.
class StringTable {
 public:
  StringTable() = default;
  // String i is bytes[ends[i - 1], ends[i]).
  StringTable(std::span<const std::uint8_t> bytes, std::span<const std::uint32_t> ends)
      : bytes_(bytes), ends_(ends) {}

  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t index) const;
  std::optional<std::size_t> find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key).has_value(); }

 private:
  std::span<const std::uint8_t> bytes_;
  std::span<const std::uint32_t> ends_;
};

// Keys with a value each, both in the keys' order.
class StringMap {
 public:
  StringMap() = default;
  StringMap(StringTable keys, StringTable values) : keys_(keys), values_(values) {}

  std::size_t size() const { return keys_.size(); }
  std::string_view key(std::size_t index) const { return keys_[index]; }
  std::optional<std::string_view> find(std::string_view key) const {
    auto index = keys_.find(key);
    if (!index) return std::nullopt;
    return values_[*index];
  }

 private:
  StringTable keys_;
  StringTable values_;
};

}  // namespace parley::phonemizer
