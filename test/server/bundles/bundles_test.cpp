#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "server/bundles/choose.hpp"
#include "server/bundles/find.hpp"
#include "server/bundles/inspect.hpp"
#include "server/bundles/report.hpp"
#include "server/bundles/units.hpp"
#include "test/engine/weights/safetensors_bytes.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;

namespace {

// A quantized matrix of 8 weights in 4 bits each, its scale, and a bias.
std::string weights_file() {
  return test::safetensors_bytes(R"({"a.weight":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},)"
                                 R"("a.scale":{"dtype":"F16","shape":[2,1],"data_offsets":[4,8]},)"
                                 R"("a.bias":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
                                 std::string(16, '\0'));
}

void make_bundle(const test::TemporaryFolder& folder, const std::string& name) {
  folder.write(name + "/bundle.json",
               R"({"format":1,"type":"starter","id":")" + name + R"(","brain":"brain"})");
  folder.write(name + "/brain/config.json", "{}");
  folder.write(name + "/brain/model.safetensors", weights_file());
}

std::string inspected(const std::filesystem::path& folder, bool tensors = false) {
  std::ostringstream out;
  bundles::write(out, bundles::inspect(folder), tensors);
  return out.str();
}

}  // namespace

TEST_CASE("bundles are found in a folder of bundles, and each once", "[server][bundles]") {
  const test::TemporaryFolder folder;
  make_bundle(folder, "one");
  make_bundle(folder, "two");
  folder.write("broken/bundle.json", R"({"format":7})");
  folder.write("other/readme.txt", "no bundle");
  std::filesystem::create_directory_symlink(folder.path() / "one", folder.path() / "zlink");

  const std::vector<std::filesystem::path> places{folder.path() / "two", folder.path(),
                                                  folder.path() / "nowhere"};
  const auto found = bundles::find(places);
  REQUIRE(found.size() == 3);
  CHECK(found[0].id == "two");
  CHECK(found[0].type == "starter");
  CHECK(found[0].bytes > 100);
  CHECK_THAT(found[1].error,
             ContainsSubstring("broken/bundle.json") && ContainsSubstring("\"format\" should be 1"));
  CHECK(found[2].folder == folder.path() / "one");

  std::ostringstream out;
  bundles::write(out, found);
  CHECK_THAT(out.str(), ContainsSubstring("two") && ContainsSubstring("broken: "));
  CHECK(bundles::to_json(found)[2]["name"] == "one");
}

TEST_CASE("inspecting counts tensors, bytes by dtype, and parameters of packed matrices",
          "[server][bundles]") {
  const test::TemporaryFolder folder;
  make_bundle(folder, "one");
  const auto inspection = bundles::inspect(folder.path() / "one");
  CHECK(inspection.sound());
  REQUIRE(inspection.parts.size() == 1);
  REQUIRE(inspection.parts[0].tensor_files.size() == 1);
  const auto& file = inspection.parts[0].tensor_files[0];
  CHECK(file.tensors.size() == 3);
  CHECK(file.parameters == 8 + 2);  // two weights a byte, and the bias; the scale is not one
  CHECK(file.bytes == 16);
  CHECK(file.dtypes.at("F32").bytes == 8);
  CHECK_THAT(inspected(folder.path() / "one"), ContainsSubstring("3 tensors, 10 parameters, 16 B") &&
                                                   ContainsSubstring("all files are sound") &&
                                                   !ContainsSubstring("a.bias"));
  CHECK_THAT(inspected(folder.path() / "one", true), ContainsSubstring("a.bias    F32   [2]"));
  CHECK(bundles::to_json(inspection, true)["parts"]["brain"]["weights"][0]["list"].size() == 3);
}

TEST_CASE("shards are read through their index, and spare files by themselves", "[server][bundles]") {
  const test::TemporaryFolder folder;
  folder.write("b/bundle.json", R"({"format":1,"type":"starter","id":"b","ear":"ear"})");
  folder.write("b/ear/model-1.safetensors", weights_file());
  folder.write("b/ear/spare.safetensors", weights_file());
  folder.write("b/ear/model.safetensors.index.json",
               R"({"weight_map":{"a.weight":"model-1.safetensors",)"
               R"("a.scale":"model-1.safetensors","a.bias":"model-1.safetensors"}})");
  const auto inspection = bundles::inspect(folder.path() / "b");
  CHECK(inspection.sound());
  REQUIRE(inspection.parts[0].tensor_files.size() == 2);
  CHECK(inspection.parts[0].tensor_files[0].tensors.size() == 3);
  CHECK(inspection.parts[0].tensor_files[1].file.filename() == "spare.safetensors");
}

TEST_CASE("whatever is wrong with a part is told at once", "[server][bundles]") {
  const test::TemporaryFolder folder;
  make_bundle(folder, "one");
  folder.write("one/brain/model.safetensors", weights_file().substr(0, 100));
  folder.write("one/brain/config.json", "{");
  std::filesystem::create_symlink("nowhere.json", folder.path() / "one/brain/link.json");
  const auto inspection = bundles::inspect(folder.path() / "one");
  CHECK_FALSE(inspection.sound());
  REQUIRE(inspection.parts[0].errors.size() == 3);
  const std::string text = inspected(folder.path() / "one");
  CHECK_THAT(text, ContainsSubstring("WRONG: ") && ContainsSubstring("config.json") &&
                       ContainsSubstring("model.safetensors") && ContainsSubstring("leads nowhere") &&
                       ContainsSubstring("cannot be used"));
}

TEST_CASE("a folder that is no bundle is refused", "[server][bundles]") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(bundles::inspect(folder.path()), ContainsSubstring("is not a bundle"));
}

TEST_CASE("numbers are written for people", "[server][bundles]") {
  CHECK(bundles::in_bytes(1023) == "1023 B");
  CHECK(bundles::in_bytes(96651144) == "92.2 MiB");
  CHECK(bundles::in_short(134515008) == "134.5 M");
}

TEST_CASE("a bundle is chosen by its folder, or by its name in the first place that has it",
          "[server][bundles]") {
  const test::TemporaryFolder folder;
  make_bundle(folder, "near/one");
  make_bundle(folder, "far/one");
  make_bundle(folder, "far/two");
  folder.write("near/one/bundle.json", R"({"format":1,"type":"starter","id":"one","brain":"brain"})");
  folder.write("far/one/bundle.json", R"({"format":1,"type":"starter","id":"one","brain":"brain"})");
  folder.write("far/two/bundle.json", R"({"format":1,"type":"starter","id":"one","brain":"brain"})");
  using namespace std::chrono_literals;
  std::filesystem::last_write_time(
      folder.path() / "far/one/bundle.json",
      std::filesystem::last_write_time(folder.path() / "far/two/bundle.json") + 1h);
  const auto near = folder.path() / "near", far = folder.path() / "far";
  CHECK(bundles::choose((far / "two").string(), {}) == far / "two");
  CHECK(bundles::choose("one", std::vector{near, far}) == near / "one");
  CHECK(bundles::choose("one", std::vector{far, near}) == far / "one");  // the one made last
  CHECK_THROWS_WITH(bundles::choose("three", std::vector{near, far}),
                    ContainsSubstring("no bundle is called 'three' in " + near.string()) &&
                        ContainsSubstring("./scripts/setup"));
  CHECK_THROWS_WITH(bundles::choose(near.string(), {}), ContainsSubstring("is not a bundle"));
}

TEST_CASE("the bundles of the checkout that a program was built in come first", "[server][bundles]") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / ".deps");
  const auto places = bundles::usual_places(folder.path() / "build/release/parley");
  REQUIRE(places.size() >= 4);
  CHECK(places[0] == folder.path() / "models");
  CHECK(places[1] == folder.path() / ".deps");
  CHECK(places[2] == "models");
}
