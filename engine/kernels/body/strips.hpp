// Products of many rows, whose sums fill the registers (strips.hpp).
#pragma once

#include "engine/kernels/body/shared.hpp"
#include "engine/kernels/functions.hpp"
#include "engine/kernels/lanes.hpp"

namespace parley::kernels::PARLEY_LANES {

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

}  // namespace parley::kernels::PARLEY_LANES
