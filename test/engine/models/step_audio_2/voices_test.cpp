#include "engine/models/step_audio_2/voices.hpp"

#include <stdexcept>

#include "test/engine/models/step_audio_2/tiny_bundle.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

namespace parley {

using namespace step_audio_2;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("voices are listed with their tags, the first being the default", "[step_audio_2][voices]") {
  const auto files = read_voices(test::tiny_step_audio_2() / "voices");
  REQUIRE(files.size() == 3);
  CHECK(files.front().voice.name == "default_female");
  CHECK(files.front().voice.sex == "female");
}

TEST_CASE("a voice is prepared once", "[step_audio_2][voices]") {
  Voices voices = Voices::load(weights::Bundle::open(test::tiny_step_audio_2()), {.threads = 2});
  const auto one = voices.prepared("default_male");
  CHECK(voices.prepared("default_male") == one);
  CHECK(voices.prepared("") == voices.prepared("default_female"));
  CHECK_THROWS_WITH(voices.prepared("nobody"), ContainsSubstring("nobody"));
}

TEST_CASE("a wrong list of voices is told by file and voice", "[step_audio_2][voices]") {
  const test::TemporaryFolder folder;
  folder.write("voices.json", R"({"name": "x"})");
  CHECK_THROWS_WITH(read_voices(folder.path()), ContainsSubstring("a list of voices"));
  folder.write("voices.json", R"([{"name": "x"}])");
  CHECK_THROWS_WITH(read_voices(folder.path()),
                    ContainsSubstring("voice 1") && ContainsSubstring("\"file\""));
  folder.write("voices.json", R"([{"name": "x", "file": "x.wav"}])");
  CHECK_THROWS_WITH(read_voices(folder.path()),
                    ContainsSubstring("x.wav does not exist") && ContainsSubstring("--voice"));
}

}  // namespace parley
