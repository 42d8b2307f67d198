#include "engine/kernels/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "engine/kernels/numbers.hpp"
#include "engine/kernels/weight_memory.hpp"

namespace parley::kernels {
namespace {

constexpr std::size_t alignment = 64;  // a cache line
constexpr std::size_t slice_bytes = std::size_t{16} << 20;

std::uint16_t read_u16(const std::byte* from, std::size_t index) {
  std::uint16_t value;
  std::memcpy(&value, from + 2 * index, sizeof value);
  return value;
}

float read_float(const MatrixView& view, std::size_t index) {
  switch (view.format) {
    case Format::f16:
      return half_to_float(read_u16(view.weights, index));
    case Format::bf16:
      return bfloat16_to_float(read_u16(view.weights, index));
    default: {
      float value;
      std::memcpy(&value, view.weights + sizeof(float) * index, sizeof value);
      return value;
    }
  }
}

unsigned level4(const std::byte* group, int input) {  // one of 32 in 16 bytes
  const auto byte = std::to_integer<unsigned>(group[input % 16]);
  return input < 16 ? byte & 15U : byte >> 4;
}

// One element of any view as a float.
float element(const MatrixView& view, int row, int input) {
  const std::size_t at =
      static_cast<std::size_t>(row) * static_cast<std::size_t>(view.inputs) + static_cast<std::size_t>(input);
  if (!is_grouped(view.format)) return read_float(view, at);
  const std::size_t group = at / group_size;
  const float scale = half_to_float(read_u16(view.scales, group));
  if (view.format == Format::groups8)
    return scale * static_cast<float>(static_cast<std::int8_t>(view.weights[at]));
  const float level = static_cast<float>(level4(view.weights + group * 16, input % group_size));
  return scale * level + half_to_float(read_u16(view.minima, group));
}

// ---- the order of a panel; body/products.hpp reads it

std::size_t panel_size(Format format, int inputs) {
  const auto width = static_cast<std::size_t>(inputs);
  std::size_t bytes = 0;
  if (is_grouped(format))
    bytes = width / group_size * static_cast<std::size_t>(panel_group_bytes(format));
  else
    bytes = width * panel_rows * (format == Format::f32 ? 4 : 2);
  return (bytes + alignment - 1) / alignment * alignment;
}

struct Nibble {
  int byte;
  int shift;
};

// Of an input 0 .. 31 in a group of 4 bits: 8 inputs take 32 bytes for rows 0 to 7 and 32 for rows 8 to 15,
// as 16-bit words of two inputs a row; the four pairs of inputs are the four nibbles of these words.
Nibble place_of_level4(int lane, int input) {
  const int word = 2 * (lane % 8) + input % 2;
  const int pair = input % 8 / 2;
  return {input / 8 * 64 + lane / 8 * 32 + 2 * word + pair / 2, pair % 2 * 4};
}

// Of an input 0 .. 31 in a group of 8 bits: two inputs of a row lie together, then those of the next row.
int place_of_level8(int lane, int input) { return input / 2 * 2 * panel_rows + 2 * lane + input % 2; }

void pack_groups4(const MatrixView& view, int row, int lane, std::byte* panel) {
  const std::size_t groups = static_cast<std::size_t>(view.inputs / group_size);
  for (std::size_t group = 0; group < groups; ++group, panel += panel_group_bytes(Format::groups4)) {
    const std::size_t from = static_cast<std::size_t>(row) * groups + group;
    for (int input = 0; input < group_size; ++input) {
      const Nibble place = place_of_level4(lane, input);
      panel[place.byte] |= static_cast<std::byte>(level4(view.weights + from * 16, input) << place.shift);
    }
    std::byte* scales = panel + panel_weight_bytes(Format::groups4);
    std::memcpy(scales + 2 * lane, view.scales + 2 * from, 2);
    std::memcpy(scales + 2 * (panel_rows + lane), view.minima + 2 * from, 2);
  }
}

void pack_groups8(const std::byte* levels, const std::byte* scales, int inputs, int lane, std::byte* panel) {
  for (int group = 0; group < inputs / group_size; ++group, panel += panel_group_bytes(Format::groups8)) {
    for (int input = 0; input < group_size; ++input)
      panel[place_of_level8(lane, input)] = levels[group * group_size + input];
    std::memcpy(panel + panel_weight_bytes(Format::groups8) + 2 * lane, scales + 2 * group, 2);
  }
}

// One row of floats as groups of 8 bits: levels [inputs], scales [inputs / 32] in float16.
void round_row(const MatrixView& floats, int row, std::int8_t* levels, std::uint16_t* scales) {
  std::array<float, group_size> values{};
  for (int group = 0; group < floats.inputs / group_size; ++group, levels += group_size) {
    float largest = 0.0F;
    for (int i = 0; i < group_size; ++i) {
      const float value = element(floats, row, group * group_size + i);
      values[static_cast<std::size_t>(i)] = value;
      largest = std::max(largest, std::fabs(value));
    }
    scales[group] = float_to_half(largest / 127.0F);
    const float step = half_to_float(scales[group]);
    for (std::size_t i = 0; i < group_size; ++i)
      levels[i] =
          step == 0.0F
              ? std::int8_t{0}
              : static_cast<std::int8_t>(std::clamp(std::nearbyint(values[i] / step), -127.0F, 127.0F));
  }
}

void pack_rounded8(const MatrixView& floats, int row, int lane, std::byte* panel) {
  std::vector<std::int8_t> levels(static_cast<std::size_t>(floats.inputs));
  std::vector<std::uint16_t> scales(static_cast<std::size_t>(floats.inputs / group_size));
  round_row(floats, row, levels.data(), scales.data());
  pack_groups8(reinterpret_cast<const std::byte*>(levels.data()),
               reinterpret_cast<const std::byte*>(scales.data()), floats.inputs, lane, panel);
}

void pack_floats(const MatrixView& view, int row, int lane, Format format, std::byte* panel) {
  const std::size_t start = static_cast<std::size_t>(row) * static_cast<std::size_t>(view.inputs);
  const std::byte* same = view.format == format && format != Format::f32 ? view.weights + 2 * start : nullptr;
  for (int input = 0; input < view.inputs; ++input) {
    const int place = input * panel_rows + lane;
    if (same != nullptr) {
      std::memcpy(panel + 2 * place, same + 2 * input, 2);
      continue;
    }
    const float value = element(view, row, input);
    if (format == Format::f32) {
      std::memcpy(panel + 4 * place, &value, 4);
    } else {
      const std::uint16_t bits = format == Format::f16 ? float_to_half(value) : float_to_bfloat16(value);
      std::memcpy(panel + 2 * place, &bits, 2);
    }
  }
}

// Rows first .. end - 1 of a view were packed.
void give_back_rows(const MatrixView& view, int first, int end) {
  const auto part = [&](const std::byte* from, std::size_t row_bytes) {
    if (from != nullptr)
      give_back_pages({from + row_bytes * static_cast<std::size_t>(first),
                       row_bytes * static_cast<std::size_t>(end - first)});
  };
  const auto width = static_cast<std::size_t>(view.inputs);
  switch (view.format) {
    case Format::f32:
      return part(view.weights, 4 * width);
    case Format::f16:
    case Format::bf16:
      return part(view.weights, 2 * width);
    case Format::groups8:
    case Format::groups4:
      part(view.weights, view.format == Format::groups8 ? width : width / 2);
      part(view.scales, 2 * width / group_size);
      part(view.minima, 2 * width / group_size);
  }
}

float packed_element(Format format, const std::byte* panel, int lane, int input) {
  const auto place = static_cast<std::size_t>(input * panel_rows + lane);
  if (format == Format::f32) {
    float value;
    std::memcpy(&value, panel + 4 * place, 4);
    return value;
  }
  if (format == Format::f16) return half_to_float(read_u16(panel, place));
  if (format == Format::bf16) return bfloat16_to_float(read_u16(panel, place));
  const std::byte* group = panel + input / group_size * panel_group_bytes(format);
  const std::byte* scales = group + panel_weight_bytes(format);
  const float scale = half_to_float(read_u16(scales, static_cast<std::size_t>(lane)));
  if (format == Format::groups8)
    return scale *
           static_cast<float>(static_cast<std::int8_t>(group[place_of_level8(lane, input % group_size)]));
  const Nibble at = place_of_level4(lane, input % group_size);
  const float level = static_cast<float>((std::to_integer<unsigned>(group[at.byte]) >> at.shift) & 15U);
  return scale * level + half_to_float(read_u16(scales, static_cast<std::size_t>(panel_rows + lane)));
}

Format common_format(std::span<const MatrixView> parts, std::optional<Format> wanted) {
  const bool all_floats =
      std::ranges::none_of(parts, [](const MatrixView& part) { return is_grouped(part.format); });
  if (wanted && all_floats) return *wanted;
  const bool same =
      std::ranges::all_of(parts, [&](const MatrixView& part) { return part.format == parts.front().format; });
  return same ? parts.front().format : Format::f32;
}

void check(std::span<const MatrixView> parts, std::optional<Format> wanted = {}) {
  if (wanted == Format::groups4)
    throw std::invalid_argument("floats are not rounded to groups of 4 bits here");
  for (const MatrixView& part : parts) {
    if (part.inputs != parts.front().inputs)
      throw std::invalid_argument("matrices that are packed together must be of one width, not " +
                                  std::to_string(parts.front().inputs) + " and " +
                                  std::to_string(part.inputs));
    if ((is_grouped(part.format) || wanted == Format::groups8) && part.inputs % group_size != 0)
      throw std::invalid_argument("a matrix of groups of 32 cannot be " + std::to_string(part.inputs) +
                                  " wide");
  }
}

}  // namespace

std::string_view name_of(Format format) {
  switch (format) {
    case Format::f32:
      return "float32";
    case Format::f16:
      return "float16";
    case Format::bf16:
      return "bfloat16";
    case Format::groups8:
      return "8-bit groups";
    case Format::groups4:
      return "4-bit groups";
  }
  return "";
}

Matrix Matrix::pack(Team& team, std::span<const MatrixView> parts, std::optional<Format> format) {
  check(parts, format);
  std::vector<Row> rows;
  for (const MatrixView& part : parts)
    for (int row = 0; row < part.outputs; ++row) rows.push_back({&part, row});
  return pack_rows(team, rows, common_format(parts, format));
}

Matrix Matrix::pack_gated(Team& team, const MatrixView& gate, const MatrixView& up,
                          std::optional<Format> format) {
  constexpr int half = panel_rows / 2;
  const std::array<MatrixView, 2> parts{gate, up};
  check(parts, format);
  if (gate.outputs != up.outputs) throw std::invalid_argument("a gate needs as many rows as what it gates");
  std::vector<Row> rows;
  for (int first = 0; first < gate.outputs; first += half)
    for (const MatrixView* part : {&gate, &up})
      for (int row = first; row < first + half; ++row)
        rows.push_back(row < gate.outputs ? Row{part, row} : Row{});
  Matrix matrix = pack_rows(team, rows, common_format(parts, format));
  matrix.gated_ = true;
  matrix.outputs_ = 2 * gate.outputs;
  return matrix;
}

Matrix Matrix::pack_rows(Team& team, const std::vector<Row>& rows, Format format) {
  Matrix matrix;
  if (rows.empty()) return matrix;
  matrix.format_ = format;
  matrix.outputs_ = static_cast<int>(rows.size());
  matrix.inputs_ = rows.front().view->inputs;
  matrix.panel_bytes_ = panel_size(format, matrix.inputs_);
  const int panels = matrix.panels();
  matrix.memory_ = weight_memory(matrix.panel_bytes_ * static_cast<std::size_t>(panels));
  // In slices, so that of a file's mapping little more than one is in memory beside what was packed.
  const int slice = std::max(1, static_cast<int>(slice_bytes / matrix.panel_bytes_));
  for (int first = 0; first < panels; first += slice) {
    const int end = std::min(panels, first + slice);
    team.run(end - first, [&](int task, int) {
      const auto index = static_cast<std::size_t>(first + task);
      std::array<Row, panel_rows> some{};
      for (std::size_t row = 0; row < some.size(); ++row)
        if (index * panel_rows + row < rows.size()) some[row] = rows[index * panel_rows + row];
      matrix.pack_panel(some, matrix.memory_.get() + matrix.panel_bytes_ * index);
    });
    give_back(std::span(rows).subspan(static_cast<std::size_t>(first) * panel_rows,
                                      std::min(rows.size(), static_cast<std::size_t>(end) * panel_rows) -
                                          static_cast<std::size_t>(first) * panel_rows));
  }
  return matrix;
}

// Rows of one view that follow each other are given back together.
void Matrix::give_back(std::span<const Row> packed) {
  for (std::size_t begin = 0, end = 0; begin < packed.size(); begin = end) {
    const Row& first = packed[begin];
    for (end = begin + 1; end < packed.size() && packed[end].view == first.view &&
                          packed[end].index == first.index + static_cast<int>(end - begin);)
      ++end;
    if (first.view != nullptr && first.view->mapped)
      give_back_rows(*first.view, first.index, first.index + static_cast<int>(end - begin));
  }
}

void Matrix::pack_panel(std::span<const Row, panel_rows> rows, std::byte* panel) const {
  for (int lane = 0; lane < panel_rows; ++lane) {
    const Row& row = rows[static_cast<std::size_t>(lane)];
    if (row.view == nullptr) continue;
    const MatrixView& view = *row.view;
    const std::size_t groups =
        static_cast<std::size_t>(row.index) * static_cast<std::size_t>(view.inputs / group_size);
    if (format_ == Format::groups4)
      pack_groups4(view, row.index, lane, panel);
    else if (format_ == Format::groups8 && is_grouped(view.format))
      pack_groups8(view.weights + groups * group_size, view.scales + 2 * groups, view.inputs, lane, panel);
    else if (format_ == Format::groups8)
      pack_rounded8(view, row.index, lane, panel);
    else
      pack_floats(*row.view, row.index, lane, format_, panel);
  }
}

void Matrix::row(int output, float* values) const {
  int packed = output;
  if (gated_) {  // eight of the first half, eight of the second, and so on
    const int half = outputs_ / 2;
    packed = output % half / 8 * panel_rows + output % half % 8 + output / half * 8;
  }
  const std::byte* from = panel(packed / panel_rows).weights;
  const int lane = packed % panel_rows;
  for (int input = 0; input < inputs_; ++input) values[input] = packed_element(format_, from, lane, input);
}

Rounded round_to_groups8(Team& team, const MatrixView& floats) {
  check({&floats, 1});
  if (floats.inputs % group_size != 0)
    throw std::invalid_argument("a matrix of groups of 32 cannot be " + std::to_string(floats.inputs) +
                                " wide");
  const std::size_t size = static_cast<std::size_t>(floats.outputs) * static_cast<std::size_t>(floats.inputs);
  Rounded rounded;
  rounded.weights.resize(size);
  rounded.scales.resize(size / group_size);
  team.run(floats.outputs, [&](int row, int) {
    const std::size_t at = static_cast<std::size_t>(row) * static_cast<std::size_t>(floats.inputs);
    round_row(floats, row, rounded.weights.data() + at, rounded.scales.data() + at / group_size);
  });
  rounded.view = {Format::groups8,
                  floats.outputs,
                  floats.inputs,
                  reinterpret_cast<const std::byte*>(rounded.weights.data()),
                  reinterpret_cast<const std::byte*>(rounded.scales.data()),
                  nullptr,
                  /*mapped=*/false};
  return rounded;
}

}  // namespace parley::kernels
