#include "engine/weights/weights.hpp"

#include "test/engine/weights/safetensors_bytes.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using Catch::Matchers::ContainsSubstring;
using namespace parley::weights;

namespace {

Weights sample(const test::TemporaryFolder& folder) {
  return Weights::open(folder.write(
      "model.safetensors",
      test::safetensors_bytes(R"({"layers.0.weight":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},)"
                              R"("layers.0.bias":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})",
                              "wxyzuv")));
}

}  // namespace

TEST_CASE("a model that asks for every tensor in its shape finishes loading", "[engine][weights]") {
  const test::TemporaryFolder folder;
  const Weights weights = sample(folder);
  const Weights layer = weights.scope("layers").scope("0");
  CHECK(layer.prefix() == "layers.0.");
  CHECK(layer.has("weight"));
  CHECK_FALSE(layer.has("scale"));
  CHECK(layer.get("weight", {2, 2}).bytes[0] == std::byte{'w'});
  CHECK(layer.get("bias", {any_size}).shape == std::vector<std::int64_t>{2});
  CHECK_NOTHROW(weights.finish());
}

TEST_CASE("missing, misshaped and spare tensors are reported together, with what was expected and found",
          "[engine][weights]") {
  const test::TemporaryFolder folder;
  const Weights weights = sample(folder);
  CHECK(weights.get("layers.0.weight", {4, 1}).shape == std::vector<std::int64_t>{4, 1});  // zeros stand in
  CHECK(weights.get("norm.weight", {3}).elements() == 3);
  CHECK_THROWS_WITH(weights.finish(),
                    ContainsSubstring("missing (1):\n    norm.weight [3]") &&
                        ContainsSubstring("layers.0.weight: expected [4, 1], found [2, 2]") &&
                        ContainsSubstring("not known to the model (1):\n    layers.0.bias [2]"));
}

TEST_CASE("an ignored tensor is not spare", "[engine][weights]") {
  const test::TemporaryFolder folder;
  const Weights weights = sample(folder);
  weights.get("layers.0.weight", {2, 2});
  weights.scope("layers.0").ignore("bias");
  CHECK_NOTHROW(weights.finish());
}
