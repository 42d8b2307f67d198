#include "engine/models/step_audio_2/speaker/s3_tokenizer.hpp"

#include "engine/models/step_audio_2/speaker/token_mel.hpp"
#include "test/engine/models/step_audio_2/speaker/formula_checkpoint.hpp"
#include "test/engine/models/step_audio_2/speaker/token_agreement.hpp"
#include "test/support/recordings.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using namespace parley::step_audio_2;

namespace {

// Of the reference's weights of that name.
S3Tokenizer tokenizer(const std::string& name) {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "model.safetensors";
  test::write_formula_checkpoint(name, file);
  const weights::Weights weights = weights::Weights::open(file);
  S3Tokenizer loaded(weights, {});
  weights.finish();
  return loaded;
}

at::Tensor mel_of(const std::vector<float>& values) {
  return at::tensor(values, at::TensorOptions().dtype(at::kFloat)).view({-1, 128});
}

std::vector<float> values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.contiguous();
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()};
}

}  // namespace

TEST_CASE("speech has the reference's tokens", "[step_audio_2][speaker]") {
  const c10::InferenceMode inference;
  kernels::Team team(GENERATE(1, 2, 3));
  const at::Tensor mel = mel_of(token_mel(test::raw_pcm("something.raw"), 128));
  const at::Tensor levels = tokenizer("s3_small").levels(mel, TimeSlices(&team));
  CHECK(test::largest_difference(values_of(levels), test::speaker_reference("s3_small.levels")) < 1e-4F);
  test::check_tokens(S3Tokenizer::tokens(levels), values_of(levels),
                     test::speaker_reference<int>("s3_small.tokens"), 1e-4F);
}

TEST_CASE("a layer of the official width has the reference's tokens", "[step_audio_2][speaker]") {
  const c10::InferenceMode inference;
  kernels::Team team(2);
  const at::Tensor mel = mel_of(formula_values(9002, std::size_t{150 * 128}, 1.0F));
  const at::Tensor levels = tokenizer("s3_official").levels(mel, TimeSlices(&team));
  CHECK(test::largest_difference(values_of(levels), test::speaker_reference("s3_official.levels")) < 1e-4F);
  test::check_tokens(S3Tokenizer::tokens(levels), values_of(levels),
                     test::speaker_reference<int>("s3_official.tokens"), 1e-4F);
}

TEST_CASE("a long recording is read in windows as the reference does", "[step_audio_2][speaker]") {
  const c10::InferenceMode inference;
  kernels::Team team(2);
  const at::Tensor mel = mel_of(formula_values(9003, std::size_t{5230 * 128}, 1.0F));
  const at::Tensor levels = tokenizer("s3_small").levels(mel, TimeSlices(&team));
  test::check_tokens(S3Tokenizer::tokens(levels), values_of(levels),
                     test::speaker_reference<int>("s3_small.long_tokens"), 1e-4F);
}

TEST_CASE("windows overlap by four seconds, of which each keeps two", "[step_audio_2][speaker]") {
  using Windows = std::vector<TokenWindow>;
  CHECK(token_windows(0).empty());
  CHECK((token_windows(1) == Windows{{0, 1, 0, 1}}));
  CHECK((token_windows(3000) == Windows{{0, 3000, 0, 750}}));
  CHECK((token_windows(3001) == Windows{{0, 3000, 0, 700}, {2600, 3001, 50, 101}}));
  // what is left for the last lies in the overlap: nothing of it is kept, and the one before is cut all the
  // same
  CHECK((token_windows(5230) == Windows{{0, 3000, 0, 700}, {2600, 5230, 50, 608}, {5200, 5230, 8, 8}}));
}

TEST_CASE("a token has the digits of its levels, the first the smallest", "[step_audio_2][speaker]") {
  CHECK(S3Tokenizer::tokens(mel_of(std::vector<float>(128, 0.4F)).view({-1, 8})) ==
        std::vector<int>(16, 3280));
  const std::vector<float> levels{0.51F, -0.51F, 0.5F, -0.5F, -0.9F, -0.9F, -0.9F, 0.9F};
  CHECK(S3Tokenizer::tokens(at::tensor(levels).view({1, 8})) == std::vector<int>{2 + 0 + 9 + 27 + 2 * 2187});
}
