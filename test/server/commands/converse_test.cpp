#include <nlohmann/json.hpp>

#include "engine/audio_file/audio_file.hpp"
#include "test/server/commands/fixture.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;
using test::run_parley;

namespace {

// A bundle and a question to put to it.
struct Scene {
  Scene() {
    folder.write("bundle/bundle.json", R"({"format":1,"type":"starter","id":"mine","brain":"brain"})");
    folder.write("bundle/brain/config.json", "{}");
    audio_file::write_wav(in, std::vector<std::int16_t>(44'100, 1000), 44'100);
  }
  test::Outcome converse(std::vector<std::string> more, test::Opened* opened = nullptr) const {
    more.insert(more.begin(), {"converse", in, "--model", (folder.path() / "bundle").string()});
    return run_parley(more, {}, opened);
  }
  test::TemporaryFolder folder;
  std::string in = (folder.path() / "in.wav").string();
  std::string out = (folder.path() / "out.wav").string();
};

}  // namespace

TEST_CASE("converse prints one object a run, and no warm-up", "[server][commands]") {
  const Scene scene;
  const auto outcome = scene.converse({"--json", "--runs", "2"});
  CHECK(outcome.status == 0);
  std::istringstream lines(outcome.out);
  int runs = 0;
  for (std::string line; std::getline(lines, line); ++runs) {
    const auto run = nlohmann::json::parse(line);
    CHECK(run.size() == 8);
    CHECK(run["heard"].get<std::string>().starts_with("1000 ms "));
    CHECK(run["tokens"] == 5);
    CHECK(run["audio_s"] == 0.8);
  }
  CHECK(runs == 2);
}

TEST_CASE("converse writes the answer at 24 kHz", "[server][commands]") {
  const Scene scene;
  const auto outcome = scene.converse({"--out", scene.out});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, ContainsSubstring("heard  1000 ms") && ContainsSubstring("first audio"));
  CHECK(audio_file::read(scene.out, 24'000).size() == 5 * 4 * test::ScriptedModel::samples_per_token);
}

TEST_CASE("what is chosen about the model reaches it", "[server][commands]") {
  const Scene scene;
  test::Opened opened;
  const auto outcome = scene.converse({"--threads", "3", "--device", "cuda:1", "--set", "model.language=de",
                                       "--set", "model.speed=1.5", "--voice", "other"},
                                      &opened);
  CHECK(outcome.status == 0);
  CHECK(opened.bundle == "mine");
  CHECK(opened.options.threads == 3);
  CHECK(opened.options.device == "cuda:1");
  CHECK(opened.options.language == "de");
  CHECK(opened.options.speed == 1.5F);
}

TEST_CASE("an unknown voice is wrong usage that names those there are", "[server][commands]") {
  const auto outcome = Scene().converse({"--voice", "tenor"});
  CHECK(outcome.status == 2);
  CHECK_THAT(outcome.err, ContainsSubstring("no voice 'tenor'; it has default, other"));
}
