#include "engine/models/step_audio_2/token2wav/chunk_schedule.hpp"

#include <stdexcept>

#include "test/support/catch.hpp"

using namespace parley::step_audio_2;

namespace {

constexpr int lookahead = 3, least = 4;

std::vector<int> numbered(int count) {
  std::vector<int> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(i);
  return tokens;
}

// Sizes of all chunks of a speech that is there as a whole; the last one's is negative.
std::vector<int> sizes(ChunkSettings settings, int count) {
  ChunkSchedule schedule(std::move(settings), lookahead, least);
  schedule.push(numbered(count));
  schedule.finish();
  std::vector<int> sizes;
  int spoken = 0;
  while (!schedule.done()) {
    const ChunkSchedule::Chunk chunk = schedule.next();
    const int size = static_cast<int>(chunk.tokens.size());
    CHECK(chunk.tokens.front() == spoken);
    spoken += chunk.last ? size : size - lookahead;
    sizes.push_back(chunk.last ? -size : size);
    schedule.rendered(chunk);
  }
  CHECK(spoken == count);
  return sizes;
}

}  // namespace

TEST_CASE("the reference's schedule renders 28 tokens while there are so many, then the rest",
          "[token2wav][chunk_schedule]") {
  CHECK(sizes(ChunkSettings::as_reference(), 140) == std::vector<int>{28, 28, 28, 28, 28, -15});
  CHECK(sizes(ChunkSettings::as_reference(), 28) == std::vector<int>{28, -3});
  CHECK(sizes(ChunkSettings::as_reference(), 27) == std::vector<int>{-27});
  CHECK(sizes(ChunkSettings::as_reference(), 1) == std::vector<int>{-1});
  CHECK(sizes(ChunkSettings::as_reference(), 0).empty());
}

TEST_CASE("chunks grow as they are set, and what is left at the end is rendered at once",
          "[token2wav][chunk_schedule]") {
  CHECK(sizes({.tokens = {8, 12, 25}}, 98) == std::vector<int>{11, 15, 28, 28, -28});
  CHECK(sizes({.tokens = {8, 12, 25}}, 99) == std::vector<int>{11, 15, 28, 28, 28, -4});
  CHECK(sizes({.tokens = {8, 12, 25}}, 11) == std::vector<int>{-11});
  CHECK(sizes({.tokens = {8}, .join_last = false}, 11) == std::vector<int>{11, -3});
}

TEST_CASE("a chunk is ready when its look-ahead is there, or when the speech has ended",
          "[token2wav][chunk_schedule]") {
  ChunkSchedule schedule({.tokens = {8, 12}}, lookahead, least);
  schedule.push(numbered(10));
  CHECK_FALSE(schedule.ready());
  schedule.push(std::vector<int>{10});
  REQUIRE(schedule.ready());
  const ChunkSchedule::Chunk first = schedule.next();
  CHECK_FALSE(first.last);
  schedule.rendered(first);
  CHECK(schedule.waiting() == lookahead);
  CHECK_FALSE(schedule.ready());
  schedule.finish();
  REQUIRE(schedule.ready());
  CHECK(schedule.next().last);
  CHECK(schedule.next().tokens == std::vector<int>{8, 9, 10});
  CHECK_THROWS_AS(schedule.push(numbered(1)), std::logic_error);
  schedule.rendered(schedule.next());
  CHECK(schedule.done());
}

TEST_CASE("chunks too short for the vocoder are refused", "[token2wav][chunk_schedule]") {
  CHECK_THROWS_AS(ChunkSchedule({.tokens = {3, 25}}, lookahead, least), std::invalid_argument);
  CHECK_THROWS_AS(ChunkSchedule({.tokens = {}}, lookahead, least), std::invalid_argument);
  CHECK(ChunkSchedule({.tokens = {4, 25}}, lookahead, least).largest() == 28);
}
