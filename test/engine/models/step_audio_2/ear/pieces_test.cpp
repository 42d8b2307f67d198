#include "engine/models/step_audio_2/ear/pieces.hpp"

#include <vector>

#include "engine/models/step_audio_2/ear/config.hpp"
#include "test/support/catch.hpp"

using namespace parley::step_audio_2;

TEST_CASE("a piece has as many frames and tokens as the reference counts", "[step_audio_2][ear]") {
  struct Row {
    std::size_t samples;
    int frames, tokens;
  };
  for (const Row& row : std::vector<Row>{
           {8000, 52, 6}, {16000, 102, 13}, {24000, 152, 19}, {80000, 502, 63}, {400000, 2502, 313}}) {
    INFO(row.samples << " samples");
    CHECK(frames_of(row.samples) == row.frames);
    CHECK(tokens_of(row.frames) == row.tokens);
  }
}

TEST_CASE("a tail of 20 ms or less has no token, a longer one has", "[step_audio_2][ear]") {
  for (const std::size_t samples : {0, 1, 160, 320}) CHECK(tokens_of(frames_of(samples)) == 0);
  CHECK(tokens_of(frames_of(321)) == 1);
  CHECK(divide_down(-1, 2) == -1);
  CHECK(divide_down(-2, 2) == -1);
  CHECK(divide_down(3, 2) == 1);
}

TEST_CASE("of 2998 lengths 750 have one token fewer than all of their frames would give",
          "[step_audio_2][ear]") {
  int fewer = 0;
  for (int frames = 3; frames <= 3000; ++frames) {
    const int with_all = divide_down((frames + 1) / 2 / 2 - 1, 2) + 1;  // as others count: every frame valid
    CHECK((with_all == tokens_of(frames) || with_all == tokens_of(frames) + 1));
    CHECK((with_all > tokens_of(frames)) == (frames % 8 == 3 || frames % 8 == 4));
    fewer += with_all > tokens_of(frames) ? 1 : 0;
  }
  CHECK(fewer == 750);
}

TEST_CASE("a piece by itself attends to all of its positions but the last", "[step_audio_2][ear]") {
  for (int frames = 3; frames < 40; ++frames) CHECK(keys_of(frames) == positions_of(frames) - 1);
}

TEST_CASE("in a padded batch a piece attends to what the reference's mask leaves of it",
          "[step_audio_2][ear]") {
  CHECK(keys_of(202, 202) == 100);
  CHECK(keys_of(165, 202) == 81);
  for (int padded = 2; padded < 60; ++padded)
    for (int frames = 2; frames <= padded; ++frames) {
      int keys = 0;
      for (int frame = (padded + 1) % 2; frame < padded; frame += 2) keys += frame < frames - 2 ? 1 : 0;
      CHECK(keys_of(frames, padded) == keys);
    }
}

TEST_CASE("a recording is cut where its piece fills the encoder, at the latest after 25 s",
          "[step_audio_2][ear]") {
  EarConfig config;
  config.n_audio_ctx = 1500;
  CHECK(config.samples_a_piece() == 400000);
  for (const int positions : {4, 50, 110}) {
    config.n_audio_ctx = positions;
    CHECK(positions_of(frames_of(config.samples_a_piece())) == positions);
    CHECK(positions_of(frames_of(config.samples_a_piece() + 1)) == positions + 1);
  }
}
