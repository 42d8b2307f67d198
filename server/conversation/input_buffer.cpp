// Tested by test/server/conversation/input_buffer_test.cpp.
#include "server/conversation/input_buffer.hpp"

#include <algorithm>
#include <cmath>

namespace parley::conversation {

void InputBuffer::append(std::span<const float> pcm, double ms) {
  for (float sample : pcm) {
    const float scaled = std::isfinite(sample) ? std::clamp(sample, -1.0F, 1.0F) * 32767.0F : 0.0F;
    held_.push_back(static_cast<std::int16_t>(std::lround(scaled)));
  }
  end_ += static_cast<AudioPosition>(pcm.size());
  uncommitted_ms_ += ms;
}

std::vector<float> InputBuffer::take_until(AudioPosition position) {
  const auto count =
      static_cast<std::size_t>(std::clamp<AudioPosition>(position - begin(), 0, end_ - begin()));
  std::vector<float> pcm(count);
  std::transform(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count), pcm.begin(),
                 [](std::int16_t sample) { return static_cast<float>(sample) / 32767.0F; });
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count));
  return pcm;
}

void InputBuffer::drop_until(AudioPosition position) {
  const auto count = std::clamp<AudioPosition>(position - begin(), 0, end_ - begin());
  held_.erase(held_.begin(), held_.begin() + count);
  uncommitted_ms_ = std::max(0.0, uncommitted_ms_ - static_cast<double>(count) * 1000 / input_sample_rate_hz);
}

void InputBuffer::commit_until(AudioPosition position) {
  const auto count = std::clamp<AudioPosition>(position - begin(), 0, end_ - begin());
  held_.erase(held_.begin(), held_.begin() + count);
  uncommitted_ms_ = static_cast<double>(held_.size()) * 1000 / input_sample_rate_hz;
}

void InputBuffer::clear() {
  std::deque<std::int16_t>().swap(held_);  // gives the memory back
  uncommitted_ms_ = 0;
}

}  // namespace parley::conversation
