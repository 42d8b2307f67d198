#include "engine/models/step_audio_2/token2wav/kept_frames.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace parley::step_audio_2 {
namespace {

// 0 .. total - 1, of which the middle is left out where there are more than `first` + `last`.
Kept ends_of(int total, int first, int last) {
  Kept kept(static_cast<std::size_t>(std::min(total, first + last)));
  for (int i = 0; i < static_cast<int>(kept.size()); ++i)
    kept[static_cast<std::size_t>(i)] = total > first + last && i >= first ? total - last + i - first : i;
  return kept;
}

}  // namespace

Kept keep_all(int frames, int staged) {
  Kept kept(static_cast<std::size_t>(frames + staged));
  std::iota(kept.begin(), kept.end(), 0);
  return kept;
}

Kept keep_newest(int frames, int staged, int most) {
  const int total = frames + staged;
  Kept kept(static_cast<std::size_t>(std::min(total, most)));
  std::iota(kept.begin(), kept.end(), total - static_cast<int>(kept.size()));
  return kept;
}

Kept keep_newest_in_ring(int frames, int staged, int most, int& next) {
  Kept kept = keep_all(frames, 0);
  for (int frame = frames; frame < frames + staged; ++frame) {
    if (static_cast<int>(kept.size()) < most) {
      kept.push_back(frame);
    } else {
      kept[static_cast<std::size_t>(next)] = frame;
      next = (next + 1) % most;
    }
  }
  return kept;
}

Kept keep_as_reference_estimator(int frames, int staged, int prompt) {
  Kept kept = ends_of(frames + staged, prompt, reference_history);  // in the reference's order: new, then old
  for (int& frame : kept) frame = frame < staged ? frames + frame : frame - staged;
  return kept;
}

Kept keep_as_reference_conformer(int frames, int staged, int prompt) {
  return ends_of(frames + staged, prompt, reference_history);
}

Kept keep_as_reference_tiles(int tokens, int staged, int prompt, int stride) {
  const int total = tokens + staged;
  if (stride * total <= prompt + reference_history) return keep_all(tokens, staged);
  Kept kept = ends_of(stride * total, prompt, reference_history);
  kept.resize(kept.size() / static_cast<std::size_t>(stride));
  for (int& frame : kept) frame %= total;
  return kept;
}

}  // namespace parley::step_audio_2
