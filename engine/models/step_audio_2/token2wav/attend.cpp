#include "engine/models/step_audio_2/token2wav/attend.hpp"

#include <algorithm>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr std::int64_t queries_at_once = 256;  // bounds the scores of a long offline pass

Tensor attend_some(const Tensor& queries, std::span<const Segment> segments, std::int64_t first) {
  std::int64_t frames = 0;
  for (const Segment& segment : segments) frames += segment.keys.size(1);
  Tensor scores = at::empty({queries.size(0), queries.size(1), frames}, queries.options());
  std::int64_t begin = 0;
  for (const Segment& segment : segments) {
    Tensor part = scores.narrow(2, begin, segment.keys.size(1));
    const Tensor keys = segment.keys.transpose(1, 2);
    if (segment.bias.defined())
      at::baddbmm_out(part, segment.bias.narrow(1, first, queries.size(1)), queries, keys);
    else
      at::bmm_out(part, queries, keys);
    begin += segment.keys.size(1);
  }
  const Tensor shares = at::softmax(scores, -1);
  Tensor mixed;
  begin = 0;
  for (const Segment& segment : segments) {
    const Tensor part = shares.narrow(2, begin, segment.keys.size(1));
    if (mixed.defined())
      mixed.baddbmm_(part, segment.values);
    else
      mixed = at::bmm(part, segment.values);
    begin += segment.keys.size(1);
  }
  return mixed;
}

}  // namespace

Tensor attend(const Tensor& queries, std::span<const Segment> segments) {
  const std::int64_t count = queries.size(1);
  if (count <= queries_at_once) return attend_some(queries, segments, 0);
  std::vector<Tensor> parts;
  for (std::int64_t first = 0; first < count; first += queries_at_once)
    parts.push_back(
        attend_some(queries.narrow(1, first, std::min(queries_at_once, count - first)), segments, first));
  return at::cat(parts, 1);
}

}  // namespace parley::step_audio_2
