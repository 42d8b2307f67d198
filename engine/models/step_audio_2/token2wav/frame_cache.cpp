#include "engine/models/step_audio_2/token2wav/frame_cache.hpp"

#include <cstddef>
#include <utility>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

// Frames that lie at another place than they shall, in runs: to.narrow(first, length) = from at `source`.
struct Run {
  int first, source, length;
};

std::vector<Run> runs_of(const Kept& kept, bool moved_only) {
  std::vector<Run> runs;
  for (int i = 0; i < static_cast<int>(kept.size()); ++i) {
    const int source = kept[static_cast<std::size_t>(i)];
    if (moved_only && source == i) continue;
    if (!runs.empty() && runs.back().first + runs.back().length == i &&
        runs.back().source + runs.back().length == source)
      ++runs.back().length;
    else
      runs.push_back({i, source, 1});
  }
  return runs;
}

void copy_runs(const std::vector<Run>& runs, const Tensor& from, const Tensor& to) {
  for (const Run& run : runs)
    to.narrow(-2, run.first, run.length).copy_(from.narrow(-2, run.source, run.length));
}

}  // namespace

FrameCache::FrameCache(std::vector<std::int64_t> leading, int heads, int head_width, int capacity,
                       const at::TensorOptions& options) {
  leading.insert(leading.end(), {heads, capacity, head_width});
  keys = at::empty(leading, options);
  values = at::empty(leading, options);
}

void FrameCache::make_room(int staged) {
  if (frames_ + staged <= capacity()) return;
  std::vector<std::int64_t> shape = keys.sizes().vec();
  shape[shape.size() - 2] = frames_ + staged + capacity() / 2;  // rarely, where nothing bounds the cache
  const Tensor wider_keys = at::empty(shape, keys.options());
  const Tensor wider_values = at::empty(shape, values.options());
  wider_keys.narrow(-2, 0, frames_).copy_(filled_keys());
  wider_values.narrow(-2, 0, frames_).copy_(filled_values());
  keys = wider_keys;
  values = wider_values;
}

FrameCache::Change FrameCache::plan(Kept kept) const {
  Change change{.kept = std::move(kept), .keys = {}, .values = {}};
  const int places = static_cast<int>(change.kept.size());
  bool among_each_other = false;  // a frame's new place may hold one that is still to be moved
  for (int i = 0; i < places; ++i) {
    const int source = change.kept[static_cast<std::size_t>(i)];
    if (source != i && source < places) among_each_other = true;
  }
  if (!among_each_other) return change;
  const std::vector<Run> runs = runs_of(change.kept, /*moved_only=*/false);
  change.keys = at::empty_like(keys);
  change.values = at::empty_like(values);
  copy_runs(runs, keys, change.keys);
  copy_runs(runs, values, change.values);
  return change;
}

void FrameCache::apply(Change change) {
  if (change.keys.defined()) {
    keys = std::move(change.keys);
    values = std::move(change.values);
  } else {
    const std::vector<Run> runs = runs_of(change.kept, /*moved_only=*/true);
    copy_runs(runs, keys, keys);
    copy_runs(runs, values, values);
  }
  frames_ = static_cast<int>(change.kept.size());
}

}  // namespace parley::step_audio_2
