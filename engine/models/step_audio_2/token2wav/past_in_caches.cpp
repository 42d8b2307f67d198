#include "engine/models/step_audio_2/token2wav/past_in_caches.hpp"

#include <vector>

#include "engine/models/step_audio_2/token2wav/attend.hpp"

namespace parley::step_audio_2 {

using at::Tensor;

Tensor DitRows::at(const Tensor& tensor, int step, int block) const {
  return tensor.select(0, tensor.size(0) == 1 ? 0 : step).select(0, block).narrow(0, first, count);
}

Tensor PastInCaches::look_back(const Tensor& queries, const Tensor& keys, const Tensor& values, int step,
                               int block) const {
  const std::int64_t heads = queries.size(1), staged = queries.size(2);
  std::vector<Tensor> mixed;
  std::int64_t row = 0;
  for (const DitRows& stream : streams_) {
    const FrameCache& cache = stream.cache->attention;
    const Tensor own_keys = stream.at(cache.keys, step, block);
    const Tensor own_values = stream.at(cache.values, step, block);
    own_keys.narrow(2, cache.frames(), staged).copy_(keys.narrow(0, row, stream.count));
    own_values.narrow(2, cache.frames(), staged).copy_(values.narrow(0, row, stream.count));
    std::vector<Segment> segments;
    const std::int64_t seen = cache.frames() + staged;
    if (stream.prompt)
      segments.push_back({stream.at(stream.prompt->keys, step, block).flatten(0, 1),
                          stream.at(stream.prompt->values, step, block).flatten(0, 1), Tensor()});
    segments.push_back(
        {own_keys.narrow(2, 0, seen).flatten(0, 1), own_values.narrow(2, 0, seen).flatten(0, 1), Tensor()});
    mixed.push_back(attend(queries.narrow(0, row, stream.count).flatten(0, 1), segments)
                        .unflatten(0, {stream.count, heads}));
    row += stream.count;
  }
  return mixed.size() == 1 ? mixed.front() : at::cat(mixed);
}

void PastInCaches::lead_in(const Tensor& frames, int which, int step, int block) const {
  std::int64_t row = 0;
  for (const DitRows& stream : streams_) {
    const std::int64_t before = stream.cache->tails.size(-2), time = frames.size(1) - before;
    const Tensor own = frames.narrow(0, row, stream.count);
    own.narrow(1, 0, before).copy_(stream.at(stream.cache->tails, step, block).select(1, which));
    stream.at(stream.cache->new_tails, step, block).select(1, which).copy_(own.narrow(1, time, before));
    row += stream.count;
  }
}

}  // namespace parley::step_audio_2
