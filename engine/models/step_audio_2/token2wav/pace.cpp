// Tested by test/engine/models/step_audio_2/token2wav/pace_test.cpp.
#include "engine/models/step_audio_2/token2wav/pace.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace parley::step_audio_2 {

// Frame n of what is given is read at n * speed.
Pace::Paced Pace::next(const at::Tensor& mel, bool last) const {
  if (speed_ == 1.0) return {mel, *this};
  const at::Tensor frames = before_.defined() ? at::cat({before_, mel}) : mel;
  const std::int64_t first = read_ - (before_.defined() ? 1 : 0);  // of the stream, that `frames` begins with
  const std::int64_t newest = frames.size(0) - 1;
  Pace after = *this;
  std::vector<std::int64_t> earlier;
  std::vector<float> parts;  // of the later frame
  for (;; ++after.given_) {
    const double at = static_cast<double>(after.given_) * speed_ - static_cast<double>(first);
    if (at >= static_cast<double>(newest + 1) || (!last && at > static_cast<double>(newest))) break;
    const auto whole = std::min(static_cast<std::int64_t>(std::floor(at)), newest);
    earlier.push_back(whole);
    parts.push_back(whole == newest ? 0.0F : static_cast<float>(at - static_cast<double>(whole)));
  }
  after.read_ += mel.size(0);
  after.before_ = frames.narrow(0, newest, 1).clone();
  const at::Tensor here = at::tensor(earlier, at::kLong).to(mel.device());
  const at::Tensor there = (here + 1).clamp_max(newest);
  const at::Tensor part = at::tensor(parts, at::kFloat).to(mel.device()).unsqueeze(1);
  return {at::lerp(frames.index_select(0, here), frames.index_select(0, there), part), std::move(after)};
}

}  // namespace parley::step_audio_2
