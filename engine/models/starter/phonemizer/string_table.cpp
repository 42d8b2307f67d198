#include "engine/models/starter/phonemizer/string_table.hpp"

namespace parley::phonemizer {

std::string_view StringTable::operator[](std::size_t index) const {
  std::uint32_t begin = index == 0 ? 0 : ends_[index - 1];
  return {reinterpret_cast<const char*>(bytes_.data()) + begin, ends_[index] - begin};
}

std::optional<std::size_t> StringTable::find(std::string_view key) const {
  std::size_t low = 0;
  std::size_t high = size();
  while (low < high) {
    std::size_t middle = low + (high - low) / 2;
    int order = (*this)[middle].compare(key);  // char_traits<char> compares bytes as unsigned
    if (order == 0) return middle;
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

}  // namespace parley::phonemizer
