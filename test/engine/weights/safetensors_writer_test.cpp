#include "engine/weights/safetensors_writer.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using namespace parley::weights;

TEST_CASE("what is written is read back, name by name", "[engine][weights]") {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "stages.safetensors";
  const std::array<float, 6> mel{0.0F, 1.5F, -2.0F, 3.25F, 4.0F, 5.0F};
  const std::array<std::int32_t, 2> tokens{7, 4218};

  write_safetensors(file, {{"mel", {Dtype::f32, {2, 3}, std::as_bytes(std::span(mel))}},
                           {"prompt_tokens", {Dtype::i32, {2}, std::as_bytes(std::span(tokens))}},
                           {"nothing", {Dtype::f32, {0, 3}, {}}}});

  const Safetensors opened(file);
  REQUIRE(opened.tensors().size() == 3);
  CHECK(opened.at("mel").shape == std::vector<std::int64_t>{2, 3});
  CHECK(std::memcmp(opened.at("mel").bytes.data(), mel.data(), sizeof mel) == 0);
  CHECK(opened.at("prompt_tokens").dtype == Dtype::i32);
  CHECK(std::memcmp(opened.at("prompt_tokens").bytes.data(), tokens.data(), sizeof tokens) == 0);
  CHECK(opened.at("nothing").bytes.empty());
}

TEST_CASE("a tensor whose bytes do not fit its shape is not written", "[engine][weights]") {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "stages.safetensors";
  const std::array<float, 5> five{};
  CHECK_THROWS_AS(write_safetensors(file, {{"mel", {Dtype::f32, {2, 3}, std::as_bytes(std::span(five))}}}),
                  std::invalid_argument);
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("a file that cannot be written is named", "[engine][weights]") {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "no such folder" / "stages.safetensors";
  CHECK_THROWS_WITH(write_safetensors(file, {}), Catch::Matchers::ContainsSubstring(file.string()));
}
