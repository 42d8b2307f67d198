#include "engine/models/step_audio_2/speaker/campplus.hpp"

#include "test/engine/models/step_audio_2/speaker/formula_checkpoint.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using namespace parley::step_audio_2;

namespace {

Campplus campplus(const std::string& left_out = "") {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "model.safetensors";
  test::write_formula_checkpoint("campplus", file, left_out);
  const weights::Weights weights = weights::Weights::open(file);
  Campplus network(weights, 80, {});
  weights.finish();
  return network;
}

at::Tensor features(std::int64_t frames) {
  return at::tensor(formula_values(9004, static_cast<std::size_t>(frames) * 80, 3.0F)).view({frames, 80});
}

std::vector<float> values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.contiguous();
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()};
}

}  // namespace

TEST_CASE("a voice has the reference's vector, whether it fills segments or not", "[step_audio_2][speaker]") {
  const c10::InferenceMode inference;
  const Campplus network = campplus();
  for (const int frames : {457, 40}) {
    INFO(frames);
    const at::Tensor expected =
        at::tensor(test::speaker_reference("campplus.embedding" + std::to_string(frames)));
    const at::Tensor found = network(features(frames));
    CHECK(test::largest_difference(values_of(found), values_of(expected)) < 1e-4F);
    CHECK(at::cosine_similarity(found, expected, 0).item<float>() > 0.99999F);
  }
}

TEST_CASE("the front of the voice network is the reference's", "[step_audio_2][speaker]") {
  const c10::InferenceMode inference;
  CHECK(test::largest_difference(values_of(campplus().head(features(40))),
                                 test::speaker_reference("campplus.head40")) < 1e-4F);
}

TEST_CASE("a voice is not told by fewer than three frames", "[step_audio_2][speaker]") {
  const c10::InferenceMode inference;
  const Campplus network = campplus();
  CHECK(network(features(3)).isfinite().all().item<bool>());
  CHECK_THROWS_WITH(network(features(2)), Catch::Matchers::ContainsSubstring("at least 3 are needed"));
}

TEST_CASE("a tensor that the voice network lacks is named", "[step_audio_2][speaker]") {
  const c10::InferenceMode inference;
  for (const std::string name : {"xvector.block2.tdnnd24.cam_layer.linear2.bias", "head.conv1.weight"})
    CHECK_THROWS_WITH(campplus(name), Catch::Matchers::ContainsSubstring(name));
}
