// The kernels, written once over lanes.hpp; kernels_<instruction set>.cpp include this file.
//
// Whatever else is multiplied in the same call, one row's numbers are computed by the same operations in the
// same order: a conversation's result does not depend on its company.
#pragma once

#include "engine/kernels/attention.hpp"
#include "engine/kernels/functions.hpp"
#include "engine/kernels/lanes.hpp"

#define PARLEY_INLINE inline __attribute__((always_inline))

namespace parley::kernels::PARLEY_LANES {

// ---- activations

void quantize(const float* x, int inputs, std::int16_t* levels, float* scales, float* sums) {
  for (int group = 0; group < inputs / group_size; ++group, x += group_size, levels += group_size) {
    F8 largest = F8::zero();
    F8 broken = F8::zero();  // becomes NaN with a NaN or an infinity, and then so does the scale
    for (int i = 0; i < group_size; i += 8) {
      const F8 some = F8::load(x + i);
      largest = max(largest, abs(some));
      broken = fma(some, F8::zero(), broken);
    }
    const float most = largest_of(largest) + sum_of(broken);
    const float step = most > 0.0F ? 32767.0F / most : 0.0F;
    F8 sum = F8::zero();
    for (int i = 0; i < group_size; i += 8) {
      const F8 level = round(F8::load(x + i) * F8::all(step));
      store_i16(level, levels + i);
      sum = sum + level;  // whole numbers: exact
    }
    scales[group] = most / 32767.0F;
    sums[group] = scales[group] * sum_of(sum);
  }
}

// ---- products

// Weights come from main memory once, with the first rows; so far ahead they are asked for: a memory's time
// to answer at the speed at which one row goes through them.
constexpr int prefetch_distance = 8192;

template <int bytes>
PARLEY_INLINE void prefetch_ahead(const std::byte* weights) {
#pragma GCC unroll 10
  for (int line = 0; line < bytes; line += 64) prefetch(weights + prefetch_distance + line);
}

// So many rows that their sums, and what they are made of, stay in registers.
#if defined(__AVX512F__)
constexpr int float_rows_at_once = 8;
constexpr int grouped_rows_at_once = 8;
#else
constexpr int float_rows_at_once = 6;
constexpr int grouped_rows_at_once = 4;
#endif

template <int rows>
struct Sums {  // [rows, 16]
  F16 of[rows];
};

template <int rows>
struct IntegerSums {
  I16 of[rows];
};

template <int rows>
PARLEY_INLINE void add_pair(IntegerSums<rows>& sums, S32 weights, const std::int16_t* const* x, int input) {
#pragma GCC unroll 8
  for (int row = 0; row < rows; ++row)
    sums.of[row] = add_products(sums.of[row], weights, S32::pair(x[row] + input));
}

template <int rows>
PARLEY_INLINE IntegerSums<rows> zero_sums() {
  IntegerSums<rows> sums;
#pragma GCC unroll 8
  for (int row = 0; row < rows; ++row) sums.of[row] = I16::zero();
  return sums;
}

// Sums of one group of 4-bit weights, exact: 32 products of 15 * 32767 fit into 24 bits.
template <int rows>
PARLEY_INLINE IntegerSums<rows> group4(const std::byte* weights, const std::int16_t* const* x, int first) {
  IntegerSums<rows> sums = zero_sums<rows>();
#pragma GCC unroll 4
  for (int eight = 0; eight < group_size / 8; ++eight) {
    const S32 pairs = S32::load(weights + eight * 64);
    const int input = first + eight * 8;
    add_pair<rows>(sums, pairs.template nibble<0>(), x, input);
    add_pair<rows>(sums, pairs.template nibble<4>(), x, input + 2);
    add_pair<rows>(sums, pairs.template nibble<8>(), x, input + 4);
    add_pair<rows>(sums, pairs.template nibble<12>(), x, input + 6);
  }
  return sums;
}

template <int rows>
PARLEY_INLINE IntegerSums<rows> group8(const std::byte* weights, const std::int16_t* const* x, int first) {
  IntegerSums<rows> sums = zero_sums<rows>();
#pragma GCC unroll 16
  for (int pair = 0; pair < group_size / 2; ++pair)
    add_pair<rows>(sums, S32::load_i8(weights + pair * 32), x, first + 2 * pair);
  return sums;
}

template <Format format, int rows>
Sums<rows> grouped_product(const std::byte* panel, int inputs, const Activations& x, int first_row) {
  constexpr bool with_minimum = format == Format::groups4;
  constexpr int weight_bytes = panel_weight_bytes(format);
  constexpr int stride = panel_group_bytes(format);
  const int groups = inputs / group_size;
  const std::int16_t* levels[rows];
  const float* scales[rows];
  const float* sums[rows];
  Sums<rows> result;
#pragma GCC unroll 8
  for (int row = 0; row < rows; ++row) {
    levels[row] = x.levels + static_cast<std::ptrdiff_t>(first_row + row) * inputs;
    scales[row] = x.scales + static_cast<std::ptrdiff_t>(first_row + row) * groups;
    sums[row] = x.sums + static_cast<std::ptrdiff_t>(first_row + row) * groups;
    result.of[row] = F16::zero();
  }
  for (int group = 0; group < groups; ++group, panel += stride) {
    if (first_row == 0) prefetch_ahead<stride>(panel);
    IntegerSums<rows> products;
    if constexpr (with_minimum)
      products = group4<rows>(panel, levels, group * group_size);
    else
      products = group8<rows>(panel, levels, group * group_size);
    const auto* halves = reinterpret_cast<const std::uint16_t*>(panel + weight_bytes);
    const F16 weight_scales = F16::load_f16(halves);
#pragma GCC unroll 8
    for (int row = 0; row < rows; ++row)
      result.of[row] =
          fma(products.of[row].to_float(), weight_scales * F16::all(scales[row][group]), result.of[row]);
    if constexpr (with_minimum) {
      const F16 minima = F16::load_f16(halves + panel_rows);
#pragma GCC unroll 8
      for (int row = 0; row < rows; ++row)
        result.of[row] = fma(minima, F16::all(sums[row][group]), result.of[row]);
    }
  }
  return result;
}

template <Format format>
PARLEY_INLINE F16 load_weights(const std::byte* panel) {
  if constexpr (format == Format::f32) return F16::load(reinterpret_cast<const float*>(panel));
  if constexpr (format == Format::f16) return F16::load_f16(reinterpret_cast<const std::uint16_t*>(panel));
  if constexpr (format == Format::bf16) return F16::load_bf16(reinterpret_cast<const std::uint16_t*>(panel));
}

template <Format format, int rows>
Sums<rows> float_product(const std::byte* panel, int inputs, const Activations& x, int first_row) {
  const float* values[rows];
  Sums<rows> sums;
#pragma GCC unroll 8
  for (int row = 0; row < rows; ++row) {
    values[row] = x.floats + static_cast<std::ptrdiff_t>(first_row + row) * inputs;
    sums.of[row] = F16::zero();
  }
  constexpr int input_bytes = panel_rows * (format == Format::f32 ? 4 : 2);
  for (int input = 0; input < inputs; ++input, panel += input_bytes) {
    if (first_row == 0) prefetch_ahead<input_bytes>(panel);
    const F16 weights = load_weights<format>(panel);
#pragma GCC unroll 8
    for (int row = 0; row < rows; ++row)
      sums.of[row] = fma(weights, F16::all(values[row][input]), sums.of[row]);
  }
  return sums;
}

PARLEY_INLINE F8 silu(F8 x) { return x / (F8::all(1.0F) + exp(F8::zero() - x)); }

// Writes the first `count` of eight.
PARLEY_INLINE void write(F8 values, float* to, int count, bool add) {
  if (count >= 8) {
    (add ? F8::load(to) + values : values).store(to);
    return;
  }
  float some[8];
  values.store(some);
  for (int i = 0; i < count; ++i) to[i] = add ? to[i] + some[i] : some[i];
}

void finish(F8 low, F8 high, const PanelView& panel, const Destination& to, int row) {
  const int first = panel.first;
  const int outputs = panel.outputs;
  if (to.bias != nullptr) {
    low = low + F8::load(to.bias + first);
    high = high + F8::load(to.bias + first + 8);
  }
  if (to.then == Then::gate) {
    const int width = outputs / 2;
    float* out = to.values + static_cast<std::ptrdiff_t>(row) * width + first / 2;
    write(silu(low) * high, out, width - first / 2, false);
    return;
  }
  float* out = to.values + static_cast<std::ptrdiff_t>(row) * outputs + first;
  write(low, out, outputs - first, to.then == Then::add);
  if (outputs - first > 8) write(high, out + 8, outputs - first - 8, to.then == Then::add);
}

template <Format format, int rows>
void some_rows(const PanelView& panel, const Activations& x, const Destination& to, int first) {
  Sums<rows> sums;
  if constexpr (is_grouped(format))
    sums = grouped_product<format, rows>(panel.weights, panel.inputs, x, first);
  else
    sums = float_product<format, rows>(panel.weights, panel.inputs, x, first);
  for (int row = 0; row < rows; ++row)
    finish(sums.of[row].low(), sums.of[row].high(), panel, to, first + row);
}

template <Format format>
void panel_product(const PanelView& panel, const Activations& x, const Destination& to) {
  constexpr int at_once = is_grouped(format) ? grouped_rows_at_once : float_rows_at_once;
  int first = 0;
  for (; first + at_once <= x.rows; first += at_once) some_rows<format, at_once>(panel, x, to, first);
  switch (x.rows - first) {
    case 7:
      if constexpr (at_once > 7) some_rows<format, 7>(panel, x, to, first);
      break;
    case 6:
      if constexpr (at_once > 6) some_rows<format, 6>(panel, x, to, first);
      break;
    case 5:
      if constexpr (at_once > 5) some_rows<format, 5>(panel, x, to, first);
      break;
    case 4:
      if constexpr (at_once > 4) some_rows<format, 4>(panel, x, to, first);
      break;
    case 3:
      some_rows<format, 3>(panel, x, to, first);
      break;
    case 2:
      some_rows<format, 2>(panel, x, to, first);
      break;
    case 1:
      some_rows<format, 1>(panel, x, to, first);
      break;
    default:
      break;
  }
}

void multiply_panel(const PanelView& panel, const Activations& x, const Destination& to) {
  switch (panel.format) {
    case Format::f32:
      return panel_product<Format::f32>(panel, x, to);
    case Format::f16:
      return panel_product<Format::f16>(panel, x, to);
    case Format::bf16:
      return panel_product<Format::bf16>(panel, x, to);
    case Format::groups8:
      return panel_product<Format::groups8>(panel, x, to);
    case Format::groups4:
      return panel_product<Format::groups4>(panel, x, to);
  }
}

// ---- products of many rows (strips.hpp)

// A tile of sums as large as the registers hold, beside what they are made of: the larger it is, the more
// multiplications come to each load.
#if defined(__AVX512F__)
constexpr int strip_rows = 14;
constexpr int strip_panels = 2;
#else
constexpr int strip_rows = 6;
constexpr int strip_panels = 1;
#endif
static_assert(strip_rows <= most_strip_rows && strip_panels <= most_strip_panels);

template <int panels>
void strip_product(const float* x, const float* weights, std::ptrdiff_t panel_step, int inputs,
                   const TileView& to) {
  F16 sums[strip_rows][panels];
#pragma GCC unroll 16
  for (int row = 0; row < strip_rows; ++row) {
#pragma GCC unroll 2
    for (int panel = 0; panel < panels; ++panel) {
      sums[row][panel] = F16::zero();
      prefetch(to.values + row * to.row_step + panel * to.panel_step);  // needed at the end
    }
  }
#pragma GCC unroll 4
  for (int input = 0; input < inputs; ++input) {
    F16 some[panels];
#pragma GCC unroll 2
    for (int panel = 0; panel < panels; ++panel)
      some[panel] = F16::load(weights + panel * panel_step + input * panel_rows);
#pragma GCC unroll 16
    for (int row = 0; row < strip_rows; ++row) {
      const F16 value = F16::all(x[input * strip_rows + row]);
#pragma GCC unroll 2
      for (int panel = 0; panel < panels; ++panel)
        sums[row][panel] = fma(some[panel], value, sums[row][panel]);
    }
  }
#pragma GCC unroll 16
  for (int row = 0; row < strip_rows; ++row) {
#pragma GCC unroll 2
    for (int panel = 0; panel < panels; ++panel) {
      float* out = to.values + row * to.row_step + panel * to.panel_step;
      (F16::load(out) + sums[row][panel]).store(out);
    }
  }
}

void multiply_strip(const float* x, const float* weights, std::ptrdiff_t panel_step, int panels, int inputs,
                    const TileView& to) {
  if (panels == strip_panels) return strip_product<strip_panels>(x, weights, panel_step, inputs, to);
  for (int panel = 0; panel < panels; ++panel)
    strip_product<1>(x, weights + panel * panel_step, panel_step, inputs,
                     {to.values + panel * to.panel_step, to.row_step, to.panel_step});
}

template <Format format>
void widen_all(const std::byte* weights, int count, float* out) {
  constexpr int bytes = format == Format::f32 ? 4 : 2;
  for (int i = 0; i < count; i += panel_rows) load_weights<format>(weights + i * bytes).store(out + i);
}

void widen(Format format, const std::byte* weights, int count, float* out) {
  switch (format) {
    case Format::f32:
      return widen_all<Format::f32>(weights, count, out);
    case Format::f16:
      return widen_all<Format::f16>(weights, count, out);
    case Format::bf16:
      return widen_all<Format::bf16>(weights, count, out);
    case Format::groups8:
    case Format::groups4:
      return;  // have scales beside their numbers
  }
}

void softmax_columns(float* scores, int count) {
  for (int half = 0; half < panel_rows; half += 8) {
    float* column = scores + half;
    F8 top = F8::load(column);
    for (int i = 1; i < count; ++i) top = max(top, F8::load(column + i * panel_rows));
    F8 sum = F8::zero();
    for (int i = 0; i < count; ++i) {
      const F8 some = exp(F8::load(column + i * panel_rows) - top);
      some.store(column + i * panel_rows);
      sum = sum + some;
    }
    const F8 inverse = F8::all(1.0F) / sum;
    for (int i = 0; i < count; ++i)
      (F8::load(column + i * panel_rows) * inverse).store(column + i * panel_rows);
  }
}

// ---- norm and rotation

void rms_norm(const float* x, const float* weight, float epsilon, int width, float* out) {
  F8 squares = F8::zero();
  int i = 0;
  for (; i + 8 <= width; i += 8) {
    const F8 some = F8::load(x + i);
    squares = fma(some, some, squares);
  }
  float sum = sum_of(squares);
  for (int rest = i; rest < width; ++rest) sum += x[rest] * x[rest];
  const float factor = 1.0F / __builtin_sqrtf(sum / static_cast<float>(width) + epsilon);
  for (i = 0; i + 8 <= width; i += 8)
    (F8::load(x + i) * F8::all(factor) * F8::load(weight + i)).store(out + i);
  for (; i < width; ++i) out[i] = x[i] * factor * weight[i];
}

void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, int width,
                float* out) {
  F8 sums = F8::zero();
  int i = 0;
  for (; i + 8 <= width; i += 8) sums = sums + F8::load(x + i);
  float sum = sum_of(sums);
  for (; i < width; ++i) sum += x[i];
  const float mean = sum / static_cast<float>(width);
  F8 squares = F8::zero();
  for (i = 0; i + 8 <= width; i += 8) {
    const F8 some = F8::load(x + i) - F8::all(mean);
    squares = fma(some, some, squares);
  }
  float square = sum_of(squares);
  for (; i < width; ++i) square += (x[i] - mean) * (x[i] - mean);
  const float factor = 1.0F / __builtin_sqrtf(square / static_cast<float>(width) + epsilon);
  for (i = 0; i + 8 <= width; i += 8)
    fma((F8::load(x + i) - F8::all(mean)) * F8::all(factor), F8::load(weight + i), F8::load(bias + i))
        .store(out + i);
  for (; i < width; ++i) out[i] = (x[i] - mean) * factor * weight[i] + bias[i];
}

// The error function by Abramowitz and Stegun's 7.1.26: right to 1.5e-7.
PARLEY_INLINE F8 gelu_of(F8 x) {
  const F8 z = abs(x) * F8::all(0.70710678118654752F);
  const F8 t = F8::all(1.0F) / fma(z, F8::all(0.3275911F), F8::all(1.0F));
  F8 p = F8::all(1.061405429F);
  p = fma(p, t, F8::all(-1.453152027F));
  p = fma(p, t, F8::all(1.421413741F));
  p = fma(p, t, F8::all(-0.284496736F));
  p = fma(p, t, F8::all(0.254829592F));
  const F8 beyond = p * t * exp(F8::zero() - z * z);  // 1 - erf(|x| / sqrt(2))
  return max(x, F8::zero()) - F8::all(0.5F) * abs(x) * beyond;
}

void gelu(const float* x, int count, float* out) {
  int i = 0;
  for (; i + 8 <= count; i += 8) gelu_of(F8::load(x + i)).store(out + i);
  if (i == count) return;
  float some[8] = {};
  for (int rest = i; rest < count; ++rest) some[rest - i] = x[rest];
  gelu_of(F8::load(some)).store(some);
  for (int rest = i; rest < count; ++rest) out[rest] = some[rest - i];
}

void rotate(const float* x, const float* cosines, const float* sines, int width, float* out) {
  const int half = width / 2;
  for (int i = 0; i + 8 <= half; i += 8) {
    const F8 a = F8::load(x + i);
    const F8 b = F8::load(x + half + i);
    const F8 cosine = F8::load(cosines + i);
    const F8 sine = F8::load(sines + i);
    (a * cosine - b * sine).store(out + i);
    (b * cosine + a * sine).store(out + half + i);
  }
}

// ---- attention

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

// ---- logits

int argmax(const float* values, int count, float* largest) {
  F8 most = F8::all(values[0]);
  F8 broken = F8::zero();
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    most = max(most, F8::load(values + i));
    broken = fma(F8::load(values + i), F8::zero(), broken);
  }
  float top = largest_of(most);
  float wrong = sum_of(broken);
  for (; i < count; ++i) {
    top = values[i] > top ? values[i] : top;
    wrong += values[i] * 0.0F;
  }
  *largest = top;
  if (!(wrong == 0.0F)) return -1;
  int index = 0;
  while (values[index] != top) ++index;
  return index;
}

float exp_sum(const float* x, int count, float shift, float factor, float* out) {
  F8 sum = F8::zero();
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    const F8 some = exp((F8::load(x + i) - F8::all(shift)) * F8::all(factor));
    some.store(out + i);
    sum = sum + some;
  }
  float total = sum_of(sum);
  for (; i < count; ++i) {
    out[i] = __builtin_expf((x[i] - shift) * factor);
    total += out[i];
  }
  return total;
}

constexpr Functions table(std::string_view name) {
  return {name,        quantize,     multiply_panel, rms_norm, layer_norm,     gelu,
          softmax_all, rotate,       append,         attend,   argmax,         exp_sum,
          strip_rows,  strip_panels, multiply_strip, widen,    softmax_columns};
}

}  // namespace parley::kernels::PARLEY_LANES
