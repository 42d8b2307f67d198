#include "engine/weights/bundle.hpp"

#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;
using weights::Bundle;

TEST_CASE("a bundle names its type, its id and the folders of its parts", "[engine][weights]") {
  const test::TemporaryFolder folder;
  folder.write("ear/config.json", "{}");
  folder.write("bundle.json", R"({"format":1,"type":"starter","id":"small","ear":"ear"})");
  const Bundle bundle = Bundle::open(folder.path());
  CHECK(bundle.type() == "starter");
  CHECK(bundle.id() == "small");
  CHECK(bundle.part("ear") == folder.path() / "ear");
  CHECK_THROWS_WITH(bundle.part("brain"), ContainsSubstring("needs the part \"brain\""));
}

TEST_CASE("a broken bundle.json is refused with the key that is wrong", "[engine][weights]") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(Bundle::open(folder.path()), ContainsSubstring("has no bundle.json"));

  const auto [content, sentence] = GENERATE(table<std::string, std::string>({
      {"{", "is not JSON"},
      {"[]", "should be an object"},
      {R"({"type":"starter","id":"x"})", "\"format\" should be 1, but is missing"},
      {R"({"format":2,"type":"starter","id":"x"})", "\"format\" should be 1, but is 2"},
      {R"({"format":1,"id":"x"})", "\"type\" is missing"},
      {R"({"format":1,"type":"starter","id":7})", "\"id\" should be a name, but is 7"},
      {R"({"format":1,"type":"starter","id":"x","ear":"../ear"})", "\"ear\" should be a folder inside"},
      {R"({"format":1,"type":"starter","id":"x","ear":"/etc"})", "\"ear\" should be a folder inside"},
      {R"({"format":1,"type":"starter","id":"x","ear":"absent"})", "does not exist"},
  }));
  folder.write("bundle.json", content);
  CHECK_THROWS_WITH(Bundle::open(folder.path()), ContainsSubstring(sentence));
}
