// What a fuzz target is given, read from the front: numbers, choices, pieces. When the bytes run out every
// number is 0, so any input is a whole one and each of its prefixes too.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace parley::fuzz {

class BytesReader {
 public:
  BytesReader(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  bool empty() const { return rest_.empty(); }

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  std::uint16_t word() {
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8U | byte());
  }
  bool flag() { return (byte() & 1U) != 0; }

  // One of 0 .. count - 1.
  std::size_t index(std::size_t count) { return byte() % count; }
  template <typename T, std::size_t count>
  const T& pick(const std::array<T, count>& choices) {
    return choices[index(count)];
  }

  // The next bytes, fewer where the input ends.
  std::span<const std::uint8_t> take(std::size_t count) {
    const auto taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::string text(std::size_t count) {
    const auto taken = take(count);
    return {taken.begin(), taken.end()};
  }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace parley::fuzz
