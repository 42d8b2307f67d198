// Which frames a cache keeps after a chunk. Each function answers with the new content of the cache: at each
// place, the number of the frame that it holds from now on, where 0 .. frames - 1 are the cached frames as
// they lie and frames .. frames + staged - 1 those of the chunk.
#pragma once

#include <vector>

namespace parley::step_audio_2 {

using Kept = std::vector<int>;

Kept keep_all(int frames, int staged);

// The newest `most`, the oldest of them first.
Kept keep_newest(int frames, int staged, int most);

// The newest `most` in places of their own: a new frame takes the place of the oldest, so that few frames
// move. `next` is the place of the oldest, 0 at first.
Kept keep_newest_in_ring(int frames, int staged, int most, int& next);

// The reference puts the chunk before its estimator's cache and, where more than prompt + 100 frames lie
// there, keeps the first `prompt` and the last 100.
Kept keep_as_reference_estimator(int frames, int staged, int prompt);

// The reference puts the chunk behind the conformer's cache and keeps the first `prompt` and the last 100.
Kept keep_as_reference_conformer(int frames, int staged, int prompt);

// The same of the lower layers, which have one frame a token: their caches are tiled `stride` times over to
// be as long as the upper ones', cut like them, and read back as the first part of what is left.
Kept keep_as_reference_tiles(int tokens, int staged, int prompt, int stride);

inline constexpr int reference_history = 100;  // frames

}  // namespace parley::step_audio_2
