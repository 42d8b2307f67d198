// A code is a sign, a segment of three bits and a step of four bits within it; steps double from segment to
// segment (A-law: the first two segments share a step). Mu-law codes are sent inverted, A-law codes with
// every other bit inverted, so that silence has edges for the line to lock on. Encoding searches the decoded
// levels: their order follows the codes of one sign, so the nearest one is found by bisection and no second
// formula is needed.

#include "protocol/g711/g711.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace parley::protocol::g711 {
namespace {

constexpr unsigned sign_bit = 0x80;

// Levels of 16-bit samples for the 128 codes of positive sign, ascending.
using Levels = std::array<int, 128>;

constexpr Levels mu_levels = [] {
  constexpr int bias = 132;  // 33 of 14-bit samples: makes every segment start at a power of two
  Levels levels{};
  for (int code = 0; code < 128; ++code)
    levels[static_cast<std::size_t>(code)] = ((((code & 15) << 3) + bias) << (code >> 4)) - bias;
  return levels;
}();

constexpr Levels a_levels = [] {
  Levels levels{};
  for (int code = 0; code < 128; ++code) {
    const int segment = code >> 4;
    const int middle = ((code & 15) << 4) + 8;  // of the step
    levels[static_cast<std::size_t>(code)] = segment == 0 ? middle : (middle + 256) << (segment - 1);
  }
  return levels;
}();

struct Table {
  Levels levels;
  unsigned inverted;       // bits that travel inverted
  unsigned positive_sign;  // of a code before inversion
};
constexpr Table mu_table = {mu_levels, 0xFF, 0};
constexpr Table a_table = {a_levels, 0x55, sign_bit};

constexpr std::array<std::int16_t, 256> decoded(const Table& table) {
  std::array<std::int16_t, 256> samples{};
  for (unsigned sent = 0; sent < 256; ++sent) {
    const unsigned code = sent ^ table.inverted;
    const int level = table.levels[code & 127U];
    samples[sent] = static_cast<std::int16_t>((code & sign_bit) == table.positive_sign ? level : -level);
  }
  return samples;
}
constexpr auto mu_samples = decoded(mu_table);
constexpr auto a_samples = decoded(a_table);

std::byte encode_sample(const Table& table, int sample) {
  const bool negative = sample < 0;
  const int magnitude = negative ? -sample : sample;
  const Levels& levels = table.levels;
  auto above = std::lower_bound(levels.begin(), levels.end(), magnitude);
  if (above == levels.end() || (above != levels.begin() && magnitude - above[-1] < *above - magnitude))
    --above;
  const auto level = static_cast<unsigned>(above - levels.begin());
  const unsigned sign = negative ? table.positive_sign ^ sign_bit : table.positive_sign;
  return static_cast<std::byte>((sign | level) ^ table.inverted);
}

}  // namespace

std::vector<std::int16_t> decode(Law law, ByteView codes) {
  const auto& samples = law == Law::mu ? mu_samples : a_samples;
  std::vector<std::int16_t> pcm;
  pcm.reserve(codes.size());
  for (const std::byte code : codes) pcm.push_back(samples[std::to_integer<std::size_t>(code)]);
  return pcm;
}

Bytes encode(Law law, std::span<const std::int16_t> pcm) {
  const Table& table = law == Law::mu ? mu_table : a_table;
  Bytes codes;
  codes.reserve(pcm.size());
  for (const std::int16_t sample : pcm) codes.push_back(encode_sample(table, sample));
  return codes;
}

}  // namespace parley::protocol::g711
