// Keys and values of the past, and attention over them.
//
// A piece holds 16 positions of one head of one layer as 16-bit integers, each position with a scale of its
// own: as small as float16, and sixteen times as fine. Keys lie with the positions side by side, values with
// the dimensions side by side, as each is read:
//
//   keys [head_width, 16] i16, values [16, head_width] i16, key scales [16] f32, value scales [16] f32
#pragma once

#include <cstddef>
#include <cstdint>

namespace parley::kernels {

inline constexpr int piece_positions = 16;

inline constexpr int heads_at_once = 4;  // queries that read one piece together

// Heads as wide as these kernels can take: a multiple of 16.
inline constexpr bool attention_supports(int head_width) { return head_width > 0 && head_width % 16 == 0; }

inline constexpr std::size_t piece_bytes(int head_width) {
  return static_cast<std::size_t>(piece_positions) * (4 * static_cast<std::size_t>(head_width) + 8);
}

}  // namespace parley::kernels
