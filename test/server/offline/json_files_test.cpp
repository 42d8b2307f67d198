#include "server/offline/json_files.hpp"

#include <stdexcept>

#include "engine/weights/json_file.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("what is written can be read, broken UTF-8 being replaced", "[offline]") {
  const test::TemporaryFolder folder;
  commands::write_json(folder.path() / "a.json", {{"text", "a\xE4"}, {"ids", {1, 2}}});
  const auto read = weights::read_json_file(folder.path() / "a.json");
  CHECK(read.at("text") == "a\xEF\xBF\xBD");
  CHECK(read.at("ids") == nlohmann::json({1, 2}));
  CHECK_THROWS_WITH(commands::write_json(folder.path() / "nowhere/a.json", {}),
                    ContainsSubstring("nowhere/a.json cannot be written"));
}

TEST_CASE("tokens are a list of whole numbers, and what else a file holds is told", "[offline]") {
  const test::TemporaryFolder folder;
  CHECK(commands::read_tokens(folder.write("a.json", "[3, 0, 6561]")) == std::vector<int>{3, 0, 6561});
  CHECK_THROWS_WITH(commands::read_tokens(folder.write("a.json", "{}")),
                    ContainsSubstring("a.json should be a list"));
  CHECK_THROWS_WITH(commands::read_tokens(folder.write("a.json", "[1, 2.5]")),
                    ContainsSubstring("holds 2.5"));
}
