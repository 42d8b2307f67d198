#include <nlohmann/json.hpp>

#include "test/engine/weights/safetensors_bytes.hpp"
#include "test/server/commands/fixture.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;
using test::run_parley;

namespace {

std::string make_bundle(const test::TemporaryFolder& folder, const std::string& name) {
  folder.write(name + "/bundle.json",
               R"({"format":1,"type":"starter","id":")" + name + R"(","brain":"brain"})");
  folder.write(name + "/brain/model.safetensors",
               test::safetensors_bytes(R"({"a.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                                       std::string(8, '\0')));
  return (folder.path() / name).string();
}

}  // namespace

TEST_CASE("models lists bundles for people and machines", "[server][commands]") {
  const test::TemporaryFolder folder;
  make_bundle(folder, "one");
  make_bundle(folder, "two");
  const auto listed = run_parley({"models", folder.path().string()});
  CHECK(listed.status == 0);
  CHECK_THAT(listed.out,
             ContainsSubstring("one") && ContainsSubstring("two") && ContainsSubstring("starter"));

  const auto json = nlohmann::json::parse(run_parley({"models", "--json", folder.path().string()}).out);
  REQUIRE(json.size() == 2);
  CHECK(json[1]["name"] == "two");

  const test::TemporaryFolder empty;
  CHECK_THAT(run_parley({"models", empty.path().string()}).out, ContainsSubstring("./scripts/setup"));
}

TEST_CASE("inspect shows a bundle, with its tensors when asked", "[server][commands]") {
  const test::TemporaryFolder folder;
  const std::string bundle = make_bundle(folder, "one");
  const auto shown = run_parley({"inspect", bundle});
  CHECK(shown.status == 0);
  CHECK_THAT(shown.out, ContainsSubstring("all files are sound") && !ContainsSubstring("a.bias"));
  CHECK_THAT(run_parley({"inspect", bundle, "--tensors"}).out, ContainsSubstring("a.bias"));
  CHECK(nlohmann::json::parse(run_parley({"inspect", bundle, "--json"}).out)["sound"] == true);
}

TEST_CASE("inspect fails for a bundle with a broken file, and tells it", "[server][commands]") {
  const test::TemporaryFolder folder;
  const std::string bundle = make_bundle(folder, "one");
  folder.write("one/brain/model.safetensors", "short");
  const auto shown = run_parley({"inspect", bundle});
  CHECK(shown.status == 1);
  CHECK_THAT(shown.out, ContainsSubstring("WRONG: "));
}

TEST_CASE("inspect says what to do when there is no such bundle", "[server][commands]") {
  const auto by_path = run_parley({"inspect", "/nowhere/bundle"});
  CHECK(by_path.status == 1);
  CHECK(by_path.err ==
        "parley inspect: /nowhere/bundle is not a bundle: it holds no bundle.json, as there is no such "
        "folder\n");
  const auto by_name = run_parley({"inspect", "no-such-bundle"});
  CHECK(by_name.status == 1);
  CHECK_THAT(by_name.err, ContainsSubstring("no bundle is called 'no-such-bundle' in") &&
                              ContainsSubstring("./scripts/setup"));
}
