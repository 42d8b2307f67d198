// One query or a few that share keys, over keys and values in pieces (attention.hpp).
#pragma once

#include "engine/kernels/attention.hpp"
#include "engine/kernels/body/shared.hpp"
#include "engine/kernels/functions.hpp"
#include "engine/kernels/lanes.hpp"

namespace parley::kernels::PARLEY_LANES {

// One vector as 16-bit levels with the same scale for all; answers the scale.
float quantize_whole(const float* x, int width, std::int16_t* levels) {
  F8 largest = F8::zero();
  F8 broken = F8::zero();
  for (int i = 0; i < width; i += 8) {
    largest = max(largest, abs(F8::load(x + i)));
    broken = fma(F8::load(x + i), F8::zero(), broken);
  }
  const float most = largest_of(largest) + sum_of(broken);
  const float step = most > 0.0F ? 32767.0F / most : 0.0F;
  for (int i = 0; i < width; i += 8) store_i16(round(F8::load(x + i) * F8::all(step)), levels + i);
  return most / 32767.0F;
}

struct PieceLayout {
  explicit PieceLayout(int head_width)
      : values(2 * piece_positions * head_width),
        key_scales(2 * values),
        value_scales(key_scales + 4 * piece_positions) {}
  int values;  // bytes from the start of a piece
  int key_scales;
  int value_scales;
};

void append(std::byte* piece, int place, const float* key, const float* value, int head_width) {
  const PieceLayout layout(head_width);
  auto* keys = reinterpret_cast<std::int16_t*>(piece);
  auto* values = reinterpret_cast<std::int16_t*>(piece + layout.values) + place * head_width;
  auto* key_scales = reinterpret_cast<float*>(piece + layout.key_scales);
  auto* value_scales = reinterpret_cast<float*>(piece + layout.value_scales);
  // the value's place takes the key's levels first: they must be spread out
  key_scales[place] = quantize_whole(key, head_width, values);
  for (int i = 0; i < head_width; ++i) keys[i * piece_positions + place] = values[i];
  value_scales[place] = quantize_whole(value, head_width, values);
}

// So many pieces are scored, and so many times sixteen dimensions mixed, side by side: each sum waits for its
// own last fma, and others grow meanwhile. No more than stay in registers.
#if defined(__AVX512F__)
constexpr int pieces_at_once(int heads) { return heads <= 2 ? 4 : 2; }
constexpr int dimensions_at_once(int) { return 64; }
#elif defined(__AVX2__)
constexpr int pieces_at_once(int heads) { return 4 / heads; }
constexpr int dimensions_at_once(int heads) { return 16 * pieces_at_once(heads); }
#else
constexpr int pieces_at_once(int) { return 1; }
constexpr int dimensions_at_once(int) { return 16; }
#endif

// The past of several conversations is larger than a processor's cache, and the pieces of one head lie far
// apart, where the machine does not foresee them. So they are asked for so many pieces ahead. Further gains a
// little with a long past and loses with a short one, whose first pieces nobody asks for.
constexpr int pieces_ahead = 3;

// What to ask for while the keys of `piece` are read: a later piece's keys or, when those are over, the first
// values, which are as long. Asks for the later piece's scales itself.
PARLEY_INLINE const std::byte* ahead_of_keys(const PastView& past, int pieces, int piece,
                                             const PieceLayout& layout) {
  const int next = piece + pieces_ahead;
  if (next >= pieces) return past.pieces[next - pieces < pieces ? next - pieces : pieces - 1] + layout.values;
  prefetch(past.pieces[next] + layout.key_scales);
  prefetch(past.pieces[next] + layout.value_scales);
  return past.pieces[next];
}

// Scores of `together` pieces' positions, from piece `first` on, for each query [heads, pieces * 16].
template <int heads, int together>
PARLEY_INLINE void score_pieces(const PastView& past, int pieces, int first, const float* queries,
                                int head_width, float* scores) {
  const PieceLayout layout(head_width);
  const std::int16_t* keys[together];
  const std::byte* ahead[together];
  Sums<heads> sums[together];
#pragma GCC unroll 4
  for (int at = 0; at < together; ++at) {
    keys[at] = reinterpret_cast<const std::int16_t*>(past.pieces[first + at]);
    ahead[at] = ahead_of_keys(past, pieces, first + at, layout);
#pragma GCC unroll 4
    for (int head = 0; head < heads; ++head) sums[at].of[head] = F16::zero();
  }
#pragma GCC unroll 2
  for (int i = 0; i < head_width; ++i) {
#pragma GCC unroll 4
    for (int at = 0; at < together; ++at) {
      if (i % 2 == 0) prefetch(ahead[at] + i * 2 * piece_positions);
      const F16 some = F16::load_i16(keys[at] + i * piece_positions);
#pragma GCC unroll 4
      for (int head = 0; head < heads; ++head)
        sums[at].of[head] = fma(some, F16::all(queries[head * head_width + i]), sums[at].of[head]);
    }
  }
#pragma GCC unroll 4
  for (int at = 0; at < together; ++at) {
    const auto* scales = reinterpret_cast<const float*>(past.pieces[first + at] + layout.key_scales);
#pragma GCC unroll 4
    for (int head = 0; head < heads; ++head)
      (sums[at].of[head] * F16::load(scales))
          .store(scores + (static_cast<std::ptrdiff_t>(head) * pieces + first + at) * piece_positions);
  }
}

// Scores of one query become weights that add up to one: e^(score - largest) / sum. Weights of places past
// the end are zero.
void softmax(float* scores, const PastView& past, int padded, float factor) {
  const int length = past.length;
  for (int i = length; i < padded; ++i) scores[i] = scores[0];
  F8 largest = F8::load(scores);
  for (int i = 8; i < padded; i += 8) largest = max(largest, F8::load(scores + i));
  const F8 top = F8::all(largest_of(largest));
  for (int i = 0; i < padded; i += 8) exp((F8::load(scores + i) - top) * F8::all(factor)).store(scores + i);
  for (int i = past.many_from; i < padded; i += 8)
    (F8::load(scores + i) * F8::all(past.as_many)).store(scores + i);
  for (int i = length; i < padded; ++i) scores[i] = 0.0F;
  F8 sum = F8::zero();
  for (int i = 0; i < padded; i += 8) sum = sum + F8::load(scores + i);
  const F8 inverse = F8::all(1.0F / sum_of(sum));
  for (int i = 0; i < padded; i += 8) (F8::load(scores + i) * inverse).store(scores + i);
}

void softmax_all(float* scores, int count) {
  const int whole = count / 8 * 8;
  float top = scores[0];
  F8 largest = F8::all(top);
  for (int i = 0; i < whole; i += 8) largest = max(largest, F8::load(scores + i));
  top = largest_of(largest);
  for (int i = whole; i < count; ++i) top = scores[i] > top ? scores[i] : top;
  F8 sums = F8::zero();
  for (int i = 0; i < whole; i += 8) {
    const F8 some = exp(F8::load(scores + i) - F8::all(top));
    some.store(scores + i);
    sums = sums + some;
  }
  float sum = sum_of(sums);
  for (int i = whole; i < count; ++i) sum += scores[i] = __builtin_expf(scores[i] - top);
  const float inverse = 1.0F / sum;
  for (int i = 0; i < whole; i += 8) (F8::load(scores + i) * F8::all(inverse)).store(scores + i);
  for (int i = whole; i < count; ++i) scores[i] *= inverse;
}

// out [heads, head_width], `dimensions` of them from `first` on: the sum of values by their weights.
template <int heads, int dimensions>
PARLEY_INLINE void mix(const PastView& past, int pieces, const float* weights, int head_width, int first,
                       float* out) {
  constexpr int sixteens = dimensions / 16;
  const int values = PieceLayout(head_width).values;
  const std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(pieces) * piece_positions;
  const auto values_of = [&](int piece) {
    return reinterpret_cast<const std::int16_t*>(past.pieces[piece] + values) + first;
  };
  Sums<heads> sums[sixteens];
#pragma GCC unroll 4
  for (int some = 0; some < sixteens; ++some) {
#pragma GCC unroll 4
    for (int head = 0; head < heads; ++head) sums[some].of[head] = F16::zero();
  }
  for (int piece = 0; piece < pieces; ++piece) {
    const std::int16_t* from = values_of(piece);
    const std::int16_t* ahead = values_of(piece + pieces_ahead < pieces ? piece + pieces_ahead : pieces - 1);
    const int start = piece * piece_positions;
    const int positions = past.length - start < piece_positions ? past.length - start : piece_positions;
    for (int place = 0; place < positions; ++place, from += head_width, ahead += head_width) {
#pragma GCC unroll 2
      for (int line = 0; line < dimensions; line += 32) prefetch(ahead + line);
#pragma GCC unroll 4
      for (int some = 0; some < sixteens; ++some) {
        const F16 value = F16::load_i16(from + 16 * some);
#pragma GCC unroll 4
        for (int head = 0; head < heads; ++head)
          sums[some].of[head] =
              fma(value, F16::all(weights[head * stride + start + place]), sums[some].of[head]);
      }
    }
  }
#pragma GCC unroll 4
  for (int some = 0; some < sixteens; ++some) {
#pragma GCC unroll 4
    for (int head = 0; head < heads; ++head)
      sums[some].of[head].store(out + head * head_width + first + 16 * some);
  }
}

template <int heads>
void attend_heads(const float* queries, int head_width, const PastView& past, float* scores, float* out) {
  const int pieces = (past.length + piece_positions - 1) / piece_positions;
  const int padded = pieces * piece_positions;
  constexpr int together = pieces_at_once(heads);
  int scored = 0;
  for (; scored + together <= pieces; scored += together)
    score_pieces<heads, together>(past, pieces, scored, queries, head_width, scores);
  for (; scored < pieces; ++scored) score_pieces<heads, 1>(past, pieces, scored, queries, head_width, scores);
  const float factor = 1.0F / __builtin_sqrtf(static_cast<float>(head_width));
  for (int head = 0; head < heads; ++head) softmax(scores + head * padded, past, padded, factor);
  for (int piece = 0; piece < pieces; ++piece) {  // the values' own scales go into their weights
    const auto* scales =
        reinterpret_cast<const float*>(past.pieces[piece] + PieceLayout(head_width).value_scales);
    for (int head = 0; head < heads; ++head) {
      float* weights = scores + head * padded + piece * piece_positions;
      (F8::load(weights) * F8::load(scales)).store(weights);
      (F8::load(weights + 8) * F8::load(scales + 8)).store(weights + 8);
    }
  }
  constexpr int dimensions = dimensions_at_once(heads);
  int first = 0;
  for (; first + dimensions <= head_width; first += dimensions)
    mix<heads, dimensions>(past, pieces, scores, head_width, first, out);
  for (; first < head_width; first += 16) mix<heads, 16>(past, pieces, scores, head_width, first, out);
}

void attend(const float* queries, int heads, int head_width, const PastView& past, float* scores,
            float* out) {
  for (; heads > 0; heads -= 4, queries += 4 * head_width, out += 4 * head_width) {
    switch (heads) {
      case 1:
        return attend_heads<1>(queries, head_width, past, scores, out);
      case 2:
        return attend_heads<2>(queries, head_width, past, scores, out);
      case 3:
        return attend_heads<3>(queries, head_width, past, scores, out);
      default:
        attend_heads<4>(queries, head_width, past, scores, out);
    }
  }
}

}  // namespace parley::kernels::PARLEY_LANES
