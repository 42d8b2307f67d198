// A weight matrix [out, in], packed once for the kernels of multiply.hpp.
//
// Formats are those of checkpoints and of scripts/convert/weight_groups.py. Packing keeps every number as it
// is unless it is asked for another format: only their order changes. Sixteen rows make a panel, in which the
// numbers that a kernel needs together lie together, so that a product reads each panel once from its
// beginning to its end:
//
//   floats    for each input: 16 weights, one a row
//   groups8   for each 32 inputs: for each pair of inputs, 16 rows x 2 weights of 8 bits; then 16 scales
//   groups4   for each 32 inputs: for each 8 inputs, 16 rows x 4 pairs of 4 bits; then 16 scales, 16 minima
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/kernels/functions.hpp"
#include "engine/kernels/team.hpp"

namespace parley::kernels {

// A matrix as a checkpoint holds it, row after row. Nothing needs to be aligned.
struct MatrixView {
  Format format = Format::f32;
  int outputs = 0;
  int inputs = 0;
  const std::byte* weights = nullptr;
  const std::byte* scales = nullptr;  // f16 [outputs, inputs / 32], of grouped formats
  const std::byte* minima = nullptr;  // f16 [outputs, inputs / 32], of groups4
  bool mapped = false;  // all of these in a file's mapping: pages are given back as soon as they are packed
};

class Matrix {
 public:
  Matrix() = default;  // [0, 0]

  // The rows of all parts, one part after the other: what reads the same input is multiplied together.
  // Parts in different formats become float32. `format` f16, bf16 or groups8 rounds floats to it on the way,
  // row by row; parts that are in groups already keep them. The views are not needed afterwards.
  // Throws std::invalid_argument when widths differ, or a grouped part is no multiple of 32 wide.
  static Matrix pack(Team& team, std::span<const MatrixView> parts, std::optional<Format> format = {});
  static Matrix pack(Team& team, const MatrixView& part, std::optional<Format> format = {}) {
    return pack(team, {&part, 1}, format);
  }

  // Eight rows of `gate`, eight of `up`, and so on: a panel then holds both factors of eight gated outputs
  // (Then::gate). Both have the same shape.
  static Matrix pack_gated(Team& team, const MatrixView& gate, const MatrixView& up,
                           std::optional<Format> format = {});

  Format format() const { return format_; }
  int outputs() const { return outputs_; }  // of a gated matrix, both halves counted
  int inputs() const { return inputs_; }
  bool gated() const { return gated_; }
  int panels() const { return (outputs_ + panel_rows - 1) / panel_rows; }
  std::size_t panel_bytes() const { return panel_bytes_; }
  std::size_t bytes() const { return panel_bytes_ * static_cast<std::size_t>(panels()); }
  PanelView panel(int index) const {
    return {format_, memory_.get() + panel_bytes_ * static_cast<std::size_t>(index), inputs_,
            index * panel_rows, outputs_};
  }

  // One row as floats [inputs], exactly as the kernels see it.
  void row(int output, float* values) const;

 private:
  struct Row {  // where a packed row comes from; no view: zeros
    const MatrixView* view = nullptr;
    int index = 0;
  };
  static void give_back(std::span<const Row> packed);
  static Matrix pack_rows(Team& team, const std::vector<Row>& rows, Format format);
  void pack_panel(std::span<const Row, panel_rows> rows, std::byte* panel) const;

  Format format_ = Format::f32;
  int outputs_ = 0;
  int inputs_ = 0;
  bool gated_ = false;
  std::size_t panel_bytes_ = 0;
  std::shared_ptr<std::byte> memory_;
};

// Rounds a float matrix to groups of 8 bits; the view lives as long as the result.
struct Rounded {
  std::vector<std::int8_t> weights;
  std::vector<std::uint16_t> scales;
  MatrixView view;
};
Rounded round_to_groups8(Team& team, const MatrixView& floats);

}  // namespace parley::kernels
