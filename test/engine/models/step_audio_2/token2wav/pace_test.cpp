#include "engine/models/step_audio_2/token2wav/pace.hpp"

#include <vector>

#include "test/support/catch.hpp"

namespace parley {
namespace {

using at::Tensor;
using step_audio_2::Pace;

// A ramp: frame n holds n.
Tensor ramp(int frames) { return at::arange(frames, at::kFloat).unsqueeze(1); }

std::vector<float> paced(double speed, const Tensor& mel, const std::vector<int>& cuts) {
  Pace pace(speed);
  std::vector<float> values;
  int from = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const int end = i < cuts.size() ? cuts[i] : static_cast<int>(mel.size(0));
    Pace::Paced next = pace.next(mel.slice(0, from, end), i == cuts.size());
    const Tensor some = next.mel.contiguous();
    values.insert(values.end(), some.const_data_ptr<float>(), some.const_data_ptr<float>() + some.numel());
    pace = std::move(next.after);
    from = end;
  }
  return values;
}

}  // namespace

TEST_CASE("at its own pace speech is left as it is", "[step_audio_2][pace]") {
  const Tensor mel = ramp(10);
  CHECK(Pace(1.0).next(mel, false).mel.data_ptr() == mel.data_ptr());
}

TEST_CASE("twice as fast there are half as many frames, half as fast twice as many", "[step_audio_2][pace]") {
  CHECK(paced(2.0, ramp(6), {}) == std::vector<float>{0, 2, 4});
  CHECK(paced(0.5, ramp(3), {}) == std::vector<float>{0, 0.5F, 1, 1.5F, 2, 2});
}

TEST_CASE("cut in chunks speech has the same frames", "[step_audio_2][pace]") {
  for (const double speed : {0.25, 0.7, 0.999, 1.3, 1.5}) {
    INFO("speed " << speed);
    const std::vector<float> whole = paced(speed, ramp(60), {});
    CHECK(static_cast<double>(whole.size()) == Approx(60 / speed).margin(1));
    CHECK(paced(speed, ramp(60), {16, 40, 41}) == whole);
  }
}

}  // namespace parley
