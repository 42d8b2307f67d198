// The kernels behind multiply.hpp and the others, one table for each instruction set. Tests compare the
// tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace parley::kernels {

enum class Format {
  f32,
  f16,
  bf16,
  groups8,  // 32 signed bytes share a scale:                   w = scale * q
  groups4,  // 32 levels 0 .. 15 share a scale and a minimum:   w = scale * q + minimum
};
std::string_view name_of(Format format);

inline constexpr int group_size = 32;
inline constexpr int panel_rows = 16;

constexpr bool is_grouped(Format format) { return format == Format::groups8 || format == Format::groups4; }

// Bytes that 32 inputs take in a panel of a grouped format: weights first, then scales, then minima.
constexpr int panel_weight_bytes(Format format) {
  return group_size * panel_rows / (format == Format::groups4 ? 2 : 1);
}
constexpr int panel_group_bytes(Format format) {
  return panel_weight_bytes(format) + panel_rows * (format == Format::groups4 ? 4 : 2);
}

// Rows of activations [rows, inputs]: floats for float matrices; for grouped ones 16-bit integers, each 32 of
// a row with their scale and with the sum that a minimum of the weights is multiplied by:
//   x = scale * q,   sum = scale * (q[0] + ... + q[31])
struct Activations {
  int rows = 0;
  const float* floats = nullptr;         // [rows, inputs]
  const std::int16_t* levels = nullptr;  // [rows, inputs]
  const float* scales = nullptr;         // [rows, inputs / 32]
  const float* sums = nullptr;           // [rows, inputs / 32]
};

enum class Then {
  store,  // out = x W^T + bias
  add,    // out += x W^T + bias
  gate,   // out = silu(x G^T) * (x U^T), of a gated matrix; half as many outputs
};

struct Destination {
  float* values = nullptr;      // [rows, outputs]
  const float* bias = nullptr;  // [outputs rounded up to 16], or null
  Then then = Then::store;
};

// Sixteen rows of a matrix, as packed (matrix.hpp).
struct PanelView {
  Format format = Format::f32;
  const std::byte* weights = nullptr;
  int inputs = 0;
  int first = 0;    // the panel's first row in its matrix
  int outputs = 0;  // rows of the whole matrix
};

// Where attention reads one token's past; see attention.hpp for the layout of a piece.
struct PastView {
  const std::byte* const* pieces = nullptr;  // of this layer and head, one for each 16 positions
  int length = 0;                            // positions, the token's own included
  // Positions from `many_from` on, a multiple of 8, stand for `as_many` like them each.
  int many_from = std::numeric_limits<int>::max();
  float as_many = 1.0F;
};

// Where the results of a strip (strips.hpp) go: its rows, `row_step` floats apart, times panels of sixteen
// columns, `panel_step` floats apart.
struct TileView {
  float* values = nullptr;
  std::ptrdiff_t row_step = 0;
  std::ptrdiff_t panel_step = 0;
};
inline constexpr int most_strip_rows = 16;
inline constexpr int most_strip_panels = 2;

struct Functions {
  std::string_view name;
  // Rows first_row .. of `x` [rows, inputs] as 16-bit levels.
  void (*quantize)(const float* x, int inputs, std::int16_t* levels, float* scales, float* sums);
  // One panel times all rows of x: sixteen columns of the result, eight of a gated one.
  void (*panel)(const PanelView& panel, const Activations& x, const Destination& to);
  // out = x / sqrt(mean(x^2) + epsilon) * weight
  void (*rms_norm)(const float* x, const float* weight, float epsilon, int width, float* out);
  // out = (x - mean) / sqrt(variance + epsilon) * weight + bias; x and out may be the same
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float epsilon, int width,
                     float* out);
  // out = x * (1 + erf(x / sqrt(2))) / 2; x and out may be the same
  void (*gelu)(const float* x, int count, float* out);
  // Scores become weights that add up to one.
  void (*softmax)(float* scores, int count);
  // Turns the pairs (x[i], x[i + width / 2]) by the angles whose cosines and sines are given [width / 2].
  void (*rotate)(const float* x, const float* cosines, const float* sines, int width, float* out);
  void (*append)(std::byte* piece, int place, const float* key, const float* value, int head_width);
  // `heads` queries [heads, head_width] that share one head of keys and values; `scores` has room for
  // heads x length rounded up to 16.
  void (*attend)(const float* queries, int heads, int head_width, const PastView& past, float* scores,
                 float* out);
  // Largest of `count` logits and the lowest index that has it; NaN or infinity anywhere gives index -1.
  int (*argmax)(const float* values, int count, float* largest);
  // out = exp((x - shift) * factor), and the sum of them
  float (*exp_sum)(const float* x, int count, float shift, float factor, float* out);

  // Products of many rows (strips.hpp): so many rows make a strip, which meets so many panels at a time.
  int strip_rows = 0;
  int strip_panels = 0;
  // to += x^T W: x [inputs, strip_rows] times `panels` matrices [inputs, 16], `panel_step` floats apart.
  void (*strip)(const float* x, const float* weights, std::ptrdiff_t panel_step, int panels, int inputs,
                const TileView& to);
  // `count` numbers of a float format, a multiple of 8, as float32.
  void (*widen)(Format format, const std::byte* weights, int count, float* out);
  // Each of the sixteen columns of scores [count, 16] becomes weights that add up to one.
  void (*softmax_columns)(float* scores, int count);
};

const Functions& functions();                         // the best of this machine
std::vector<const Functions*> available_functions();  // that this machine can run; portable first

}  // namespace parley::kernels
