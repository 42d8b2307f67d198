// That answers and scores are the reference's is held by test/system/step_audio_2_chain_test.py.
#include "engine/models/step_audio_2/generator.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "engine/audio_file/audio_file.hpp"
#include "test/engine/models/step_audio_2/tiny_bundle.hpp"
#include "test/support/catch.hpp"
#include "test/support/recordings.hpp"
#include "test/support/temporary_folder.hpp"

namespace parley {
namespace {

using namespace step_audio_2;
using Catch::Matchers::ContainsSubstring;

Generator& generator() {
  static Generator loaded = Generator::load(weights::Bundle::open(test::tiny_step_audio_2()),
                                            {.threads = 2, .precision = causal_lm::Precision::float32});
  return loaded;
}

ConversationFile asks(std::vector<FileItem> items, bool aloud) {
  FileMessage answer{"assistant", {}, !aloud, false};
  if (aloud) answer.content = std::string("<tts_start>");
  return {{{"human", std::move(items), true, false}, std::move(answer)}};
}

FileItem said(const std::string& words, bool score = false) { return {FileText{words}, score}; }

GenerateSettings limited(int tokens, float temperature = 0, std::uint64_t seed = 0) {
  GenerateSettings settings;
  settings.max_new_tokens = tokens;
  settings.sampling = {temperature, 1.0F, 0, 1.0F, seed};
  return settings;
}

}  // namespace

TEST_CASE("an answer brings its tokens, its text and its speech apart", "[step_audio_2][generator]") {
  const Generated answer = generator().generate(asks({said("Hello")}, /*aloud=*/true), limited(50));
  const Vocabulary& vocabulary = generator().core().vocabulary;
  CHECK(answer.prompt_ids.back() == vocabulary.tts_start);
  const auto audio =
      std::ranges::count_if(answer.output_ids, [&](int id) { return vocabulary.is_audio(id); });
  CHECK(audio > 10);
  CHECK(answer.audio_tokens.size() == static_cast<std::size_t>(audio));
  CHECK(std::ranges::all_of(answer.audio_tokens, [](int code) { return code >= 0 && code <= 6561; }));
  CHECK((answer.stop_reason == "stop" || answer.output_ids.size() == 50));
}

TEST_CASE("an answer ends with the first stop string that its text says", "[step_audio_2][generator]") {
  GenerateSettings settings = limited(40);
  const Generated whole = generator().generate(asks({said("Hello")}, false), settings);
  REQUIRE(whole.text.size() > 4);
  settings.stop_strings = {whole.text.substr(2, 2)};
  const Generated cut = generator().generate(asks({said("Hello")}, false), settings);
  CHECK(cut.stop_reason == "stop_string");
  CHECK(cut.output_ids.size() < whole.output_ids.size());
  CHECK(cut.text.find(settings.stop_strings[0]) != std::string::npos);
}

TEST_CASE("an answer in two phases thinks in text and then speaks", "[step_audio_2][generator]") {
  Generator thinker = Generator::load(weights::Bundle::open(test::tiny_step_audio_2("think")),
                                      {.threads = 2, .precision = causal_lm::Precision::float32});
  const Thinking& thinking = *thinker.core().recipe.thinking;
  ConversationFile conversation = asks({said("Hello")}, /*aloud=*/false);
  conversation.messages.back() = {"assistant", thinking.begin, false, false};
  GenerateSettings settings = limited(2'000, 0.7F, 1);
  settings.thinking = TwoPhases{thinking.end, thinking.then_speech};
  const Generated answer = thinker.generate(conversation, settings);
  CHECK_THAT(answer.thinking, ContainsSubstring("</think>"));
  CHECK_FALSE(answer.audio_tokens.empty());
}

TEST_CASE("what is drawn follows from the seed", "[step_audio_2][generator]") {
  const auto answer = [](std::uint64_t seed) {
    return generator().generate(asks({said("Hello")}, true), limited(40, 1.0F, seed)).output_ids;
  };
  CHECK(answer(1) == answer(1));
  CHECK(answer(1) != answer(2));
}

TEST_CASE("the stages have the shapes that the length of the sound implies", "[step_audio_2][generator]") {
  const test::TemporaryFolder folder;
  const std::vector<float> pcm(16'000 * 26, 0.01F);
  audio_file::write_float_wav(folder.path() / "a.wav", pcm, 16'000);
  GenerateSettings settings = limited(1);
  settings.stages = true;
  const Generated answer =
      generator().generate(asks({{FileAudio{folder.path() / "a.wav"}, false}}, false), settings);
  REQUIRE(answer.pieces.size() == 2);
  CHECK(answer.pieces[0].frames == 2502);
  CHECK(answer.pieces[1].frames == 102);
  const auto hidden = static_cast<std::size_t>(generator().core().ear.hidden());
  CHECK(answer.pieces[0].adaptor_out.size() == 313 * hidden);
  CHECK(answer.pieces[1].adaptor_out.size() == 13 * hidden);
  CHECK(answer.first_logits.size() == static_cast<std::size_t>(generator().core().brain.info().vocabulary));
}

TEST_CASE("only what is marked is scored, and a probability is one", "[step_audio_2][generator]") {
  const auto no_sound = [](std::span<const float>) { return std::vector<int>(); };
  const auto conversation = asks({said("Hello"), said(" you there", true)}, false);
  const Scored scored = generator().score(conversation, no_sound);
  const auto part = generator().core().tokenizer.encode(" you there");
  REQUIRE(scored.tokens.size() == part.size());
  for (std::size_t i = 0; i < part.size(); ++i) {
    CHECK(scored.tokens[i].id == part[i]);
    CHECK(scored.tokens[i].log_probability < 0);
  }
  CHECK_FALSE(scored.audio_mean);
  CHECK_THROWS_WITH(generator().score(asks({said("Hello")}, false), no_sound),
                    ContainsSubstring("\"score\": true"));
}

TEST_CASE("recordings are scored as their audio tokens", "[step_audio_2][generator]") {
  const test::TemporaryFolder folder;
  audio_file::write_float_wav(folder.path() / "a.wav", std::vector<float>(8'000), 8'000);
  std::size_t samples = 0;
  const Scored scored = generator().score(asks({{FileAudio{folder.path() / "a.wav"}, true}}, false),
                                          [&](std::span<const float> pcm) {
                                            samples = pcm.size();
                                            return std::vector<int>{7, 8};
                                          });
  CHECK(samples == 16'000);
  REQUIRE(scored.tokens.size() == 2);
  CHECK(scored.tokens[0].id == generator().core().vocabulary.audio_0 + 7);
  CHECK(scored.audio_mean == Approx(scored.mean));
}

TEST_CASE("what cannot be answered is told in a sentence", "[step_audio_2][generator]") {
  CHECK_THROWS_WITH(generator().generate(asks({{FileAudio{"/nowhere/a.wav"}, false}}, false), limited(1)),
                    ContainsSubstring("/nowhere/a.wav"));
  CHECK_THROWS_WITH(generator().generate(asks({{FileTokens{{1'000'000}}, false}}, false), limited(1)),
                    ContainsSubstring("1000000"));
  CHECK_THROWS_WITH(precision_of("float8"), ContainsSubstring("float8") && ContainsSubstring("int8"));
}

}  // namespace parley
