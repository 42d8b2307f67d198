// Panels of weights times the activations of a few conversations (multiply.hpp).
#pragma once

#include "engine/kernels/body/shared.hpp"
#include "engine/kernels/functions.hpp"
#include "engine/kernels/lanes.hpp"

namespace parley::kernels::PARLEY_LANES {

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

}  // namespace parley::kernels::PARLEY_LANES
