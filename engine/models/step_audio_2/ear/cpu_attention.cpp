#include "engine/models/step_audio_2/ear/cpu_attention.hpp"

#include <algorithm>
#include <cmath>

#include "engine/kernels/functions.hpp"
#include "engine/kernels/strips.hpp"

namespace parley::step_audio_2 {
namespace {

using kernels::panel_rows;

std::size_t numbers_in(int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); }

void grow_to(std::vector<float>& vector, std::size_t size) {
  if (vector.size() < size) vector.resize(size);
}

}  // namespace

CpuAttention::CpuAttention(kernels::Team& team, int width, int heads)
    : team_(team),
      width_(width),
      heads_(heads),
      head_width_(width / heads),
      scratch_(static_cast<std::size_t>(team.size())) {}

void CpuAttention::operator()(const std::vector<Piece>& pieces) {
  team_.run(static_cast<int>(pieces.size()) * heads_, [&](int task, int worker) {
    attend(pieces[static_cast<std::size_t>(task / heads_)], task % heads_,
           scratch_[static_cast<std::size_t>(worker)]);
  });
}

void CpuAttention::attend(const Piece& piece, int head, Scratch& scratch) const {
  const kernels::Functions& kernel = kernels::functions();
  const int rows = kernel.strip_rows, panels = kernel.strip_panels, keys = piece.keys;
  const int key_strips = (keys + rows - 1) / rows, value_strips = (head_width_ + rows - 1) / rows;
  const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(3) * width_;
  const float* query = piece.qkv + static_cast<std::ptrdiff_t>(head) * head_width_;
  const float* key = query + width_;
  const float* value = key + width_;

  grow_to(scratch.keys, numbers_in(key_strips * rows, head_width_));
  for (int strip = 0; strip < key_strips; ++strip)
    kernels::fill_strip(rows, key + strip * rows * step, step, std::min(rows, keys - strip * rows),
                        head_width_, scratch.keys.data() + numbers_in(strip * rows, head_width_));
  // values the other way round: a strip's rows are dimensions, its inputs positions
  grow_to(scratch.values, numbers_in(value_strips * rows, keys));
  for (int strip = 0; strip < value_strips; ++strip) {
    const int first = strip * rows, count = std::min(rows, head_width_ - first);
    float* to = scratch.values.data() + numbers_in(first, keys);
    for (int position = 0; position < keys; ++position, to += rows) {
      std::copy_n(value + position * step + first, count, to);
      std::fill(to + count, to + rows, 0.0F);
    }
  }

  const float scale = 1.0F / std::sqrt(static_cast<float>(head_width_));
  const int score_rows = key_strips * rows, at_once = panels * panel_rows;
  grow_to(scratch.queries, numbers_in(head_width_, at_once));
  grow_to(scratch.scores, numbers_in(score_rows, at_once));
  grow_to(scratch.mixed, numbers_in(rows, at_once));
  for (int first = 0; first < piece.positions; first += at_once) {
    const int count = std::min(at_once, piece.positions - first);
    for (int i = 0; i < at_once; ++i) {  // columns without a query repeat the last one
      const float* from = query + (first + std::min(i, count - 1)) * step;
      float* to =
          scratch.queries.data() + numbers_in(i / panel_rows * panel_rows, head_width_) + i % panel_rows;
      for (int d = 0; d < head_width_; ++d) to[d * panel_rows] = from[d] * scale;
    }
    std::fill_n(scratch.scores.data(), numbers_in(score_rows, at_once), 0.0F);
    const auto panel_step = static_cast<std::ptrdiff_t>(score_rows) * panel_rows;
    for (int strip = 0; strip < key_strips; ++strip)
      kernel.strip(scratch.keys.data() + numbers_in(strip * rows, head_width_), scratch.queries.data(),
                   static_cast<std::ptrdiff_t>(head_width_) * panel_rows, panels, head_width_,
                   {scratch.scores.data() + numbers_in(strip * rows, panel_rows), panel_rows, panel_step});
    for (int panel = 0; panel < panels; ++panel)
      kernel.softmax_columns(scratch.scores.data() + panel * panel_step, keys);
    for (int strip = 0; strip < value_strips; ++strip) {
      std::fill_n(scratch.mixed.data(), numbers_in(rows, at_once), 0.0F);
      kernel.strip(scratch.values.data() + numbers_in(strip * rows, keys), scratch.scores.data(), panel_step,
                   panels, keys, {scratch.mixed.data(), at_once, panel_rows});
      const int dimensions = std::min(rows, head_width_ - strip * rows);
      for (int i = 0; i < count; ++i) {
        float* to = piece.mixed + numbers_in(first + i, width_) + head * head_width_ + strip * rows;
        for (int d = 0; d < dimensions; ++d)
          to[d] = scratch.mixed[numbers_in(d, at_once) + static_cast<std::size_t>(i)];
      }
    }
  }
}

}  // namespace parley::step_audio_2
