#include "engine/models/step_audio_2/token2wav/kept_frames.hpp"

#include <algorithm>

#include "test/support/catch.hpp"

using namespace parley::step_audio_2;

namespace {

// A cache of named frames: the prompt's are 1000, 1001, ..., the stream's 0, 1, ...
struct NamedFrames {
  std::vector<int> names;
  int made = 0;

  explicit NamedFrames(int prompt) {
    for (int i = 0; i < prompt; ++i) names.push_back(1000 + i);
  }
  template <typename Policy>
  void chunk(int frames, const Policy& policy) {
    std::vector<int> all = names;
    for (int i = 0; i < frames; ++i) all.push_back(made++);
    const Kept kept = policy(static_cast<int>(names.size()), frames);
    names.clear();
    for (const int source : kept) names.push_back(all.at(static_cast<std::size_t>(source)));
  }
};

std::vector<int> range(int first, int end) {
  std::vector<int> names;
  for (int name = first; name < end; ++name) names.push_back(name);
  return names;
}

std::vector<int> joined(std::initializer_list<std::vector<int>> parts) {
  std::vector<int> all;
  for (const std::vector<int>& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

TEST_CASE("the reference's estimator keeps the newest frames and the prompt's last hundred",
          "[token2wav][kept_frames]") {
  const int prompt = 120;
  NamedFrames cache(prompt);
  auto policy = [&](int frames, int staged) { return keep_as_reference_estimator(frames, staged, prompt); };
  for (int chunk = 0; chunk < 2; ++chunk) cache.chunk(50, policy);
  CHECK(cache.names == joined({range(50, 100), range(0, 50), range(1000, 1120)}));
  cache.chunk(50, policy);
  CHECK(cache.names == joined({range(100, 150), range(50, 100), range(0, 20), range(1020, 1120)}));
  cache.chunk(50, policy);
  CHECK(cache.names == joined({range(150, 200), range(100, 150), range(50, 70), range(1020, 1120)}));
}

TEST_CASE("with a short prompt the reference's estimator also keeps some of the first frames for ever",
          "[token2wav][kept_frames]") {
  const int prompt = 80;
  NamedFrames cache(prompt);
  for (int chunk = 0; chunk < 5; ++chunk)
    cache.chunk(50,
                [&](int frames, int staged) { return keep_as_reference_estimator(frames, staged, prompt); });
  CHECK(cache.names == joined({range(200, 250), range(150, 180), range(30, 50), range(1000, 1080)}));
}

TEST_CASE("the reference's upper conformer layers keep the prompt and the newest hundred",
          "[token2wav][kept_frames]") {
  const int prompt = 80;
  NamedFrames cache(prompt);
  for (int chunk = 0; chunk < 4; ++chunk)
    cache.chunk(50,
                [&](int frames, int staged) { return keep_as_reference_conformer(frames, staged, prompt); });
  CHECK(cache.names == joined({range(1000, 1080), range(100, 200)}));
}

TEST_CASE("the reference's lower conformer layers stay as they were when the limit was reached",
          "[token2wav][kept_frames]") {
  const int prompt_tokens = 60;
  NamedFrames cache(prompt_tokens);
  for (int chunk = 0; chunk < 6; ++chunk)
    cache.chunk(25, [&](int tokens, int staged) {
      return keep_as_reference_tiles(tokens, staged, 2 * prompt_tokens, /*stride=*/2);
    });
  CHECK(cache.names == joined({range(1000, 1060), range(0, 50)}));
}

TEST_CASE("with a prompt of 40 tokens the reference's lower layers keep some tokens twice",
          "[token2wav][kept_frames]") {
  const Kept kept = keep_as_reference_tiles(/*tokens=*/90, /*staged=*/25, /*prompt=*/80, /*stride=*/2);
  // 115 tokens, tiled to 230 frames, of which the first 80 and the last 100 are kept and 90 are read back
  CHECK(kept == joined({range(0, 80), range(15, 25)}));
}

TEST_CASE("a bounded cache keeps the newest frames in order", "[token2wav][kept_frames]") {
  NamedFrames cache(0);
  for (const int frames : {16, 24, 50, 50, 6})
    cache.chunk(frames, [](int cached, int staged) { return keep_newest(cached, staged, 100); });
  CHECK(cache.names == range(46, 146));
}

TEST_CASE("a ring holds the newest frames in any order and moves few", "[token2wav][kept_frames]") {
  const int most = GENERATE(7, 20, 100);
  NamedFrames cache(0);
  int next = 0;
  for (const int frames : {16, 24, 50, 50, 6, 31}) {
    cache.chunk(frames, [&](int cached, int staged) {
      const Kept kept = keep_newest_in_ring(cached, staged, most, next);
      for (std::size_t i = 0; i < kept.size(); ++i)
        CHECK((kept[i] == static_cast<int>(i) || kept[i] >= cached));  // what stays does not move
      return kept;
    });
    std::vector<int> sorted = cache.names;
    std::ranges::sort(sorted);
    CHECK(sorted == range(std::max(0, cache.made - most), cache.made));
  }
}
