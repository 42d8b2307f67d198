#include "server/offline/stages_file.hpp"

#include <cstring>
#include <stdexcept>

#include "engine/weights/safetensors.hpp"
#include "engine/weights/transposed.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;

TEST_CASE("stages are tensors by their names, in a folder that is made for them", "[offline]") {
  const test::TemporaryFolder folder;
  commands::StagesFile stages;
  stages.add("mel", std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
  stages.add("prompt_tokens", std::vector<std::int32_t>{7, 8}, {2});
  stages.write(folder.path() / "made/here");
  const weights::Safetensors file(folder.path() / "made/here/stages.safetensors");
  CHECK(file.tensors().size() == 2);
  CHECK(file.at("mel").shape == std::vector<std::int64_t>{2, 3});
  CHECK(file.at("prompt_tokens").dtype == weights::Dtype::i32);
  float last = 0;
  std::memcpy(&last, file.at("mel").bytes.data() + 20, 4);
  CHECK(last == 6.0F);
}

TEST_CASE("values that do not fill their shape are no stage", "[offline]") {
  const test::TemporaryFolder folder;
  commands::StagesFile stages;
  stages.add("mel", std::vector<float>{1, 2, 3}, {2, 3});
  CHECK_THROWS_AS(stages.write(folder.path()), std::invalid_argument);
}

TEST_CASE("rows and columns change places", "[offline]") {
  CHECK(weights::transposed({1, 2, 3, 4, 5, 6}, 2) == std::vector<float>{1, 4, 2, 5, 3, 6});
}
