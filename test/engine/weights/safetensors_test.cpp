#include "engine/weights/safetensors.hpp"

#include <cstring>

#include "test/engine/weights/safetensors_bytes.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary_folder.hpp"

using namespace parley;
using namespace parley::weights;
using test::safetensors_bytes;

namespace {

std::string failure(const std::filesystem::path& path) {
  try {
    const Safetensors opened(path);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no failure";
}

bool says(const std::string& sentence, std::string_view part) {
  return sentence.find(part) != std::string::npos;
}

constexpr std::string_view two_tensors = R"({"__metadata__":{"format":"pt"},)"
                                         R"("a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},)"
                                         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";

}  // namespace

TEST_CASE("a safetensors file gives its tensors without copying them", "[engine][weights]") {
  const test::TemporaryFolder folder;
  const float b = 1.5F;
  std::string data = "wxyz";
  data.append(reinterpret_cast<const char*>(&b), sizeof b);
  const Safetensors opened(folder.write("t.safetensors", safetensors_bytes(two_tensors, data)));

  REQUIRE(opened.tensors().size() == 2);
  CHECK(opened.metadata().at("format") == "pt");
  const TensorView* a = opened.find("a");
  REQUIRE(a != nullptr);
  CHECK(a->dtype == Dtype::u8);
  CHECK(a->shape == std::vector<std::int64_t>{2, 2});
  CHECK(std::memcmp(a->bytes.data(), "wxyz", 4) == 0);
  float found = 0;
  std::memcpy(&found, opened.find("b")->bytes.data(), sizeof found);
  CHECK(found == b);
  CHECK(opened.find("c") == nullptr);
}

TEST_CASE("a view keeps its file mapped after the reader is gone", "[engine][weights]") {
  const test::TemporaryFolder folder;
  const auto file = folder.write("t.safetensors", safetensors_bytes(two_tensors, "wxyz1234"));
  const TensorView view = *Safetensors(file).find("a");
  CHECK(view.bytes[3] == std::byte{'z'});
}

TEST_CASE("a broken safetensors file is refused with a sentence that names it", "[engine][weights]") {
  const test::TemporaryFolder folder;
  const auto broken = [&](std::string_view header, std::string_view data) {
    return failure(folder.write("broken.safetensors", safetensors_bytes(header, data)));
  };
  const auto one = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return "{\"a\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":" + std::string(shape) +
           ",\"data_offsets\":" + std::string(offsets) + "}}";
  };

  CHECK(says(failure(folder.path() / "absent.safetensors"), "cannot read"));
  CHECK(says(failure(folder.write("empty.safetensors", "")), "too few for a header"));
  CHECK(says(failure(folder.write("short.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}")),
             "its header should have"));
  CHECK(says(broken("{\"a\":", ""), "not a JSON object"));
  CHECK(says(broken("[]", ""), "not a JSON object"));
  CHECK(says(broken(two_tensors, "wxyz123"), "the file is truncated"));
  CHECK(says(broken(two_tensors, "wxyz12345"), "1 bytes at the end belong to no tensor"));
  CHECK(says(broken(one("Q4", "[4]", "[0,4]"), "wxyz"), "\"Q4\", which is not known here"));
  CHECK(says(broken(one("U8", "[5]", "[0,4]"), "wxyz"), "so 5 bytes, but its range holds 4"));
  CHECK(says(broken(one("U8", "[-1]", "[0,4]"), "wxyz"), "not a count: -1"));
  CHECK(says(broken(one("U8", "[4]", "[4,0]"), "wxyz"), "ends before it begins"));
  CHECK(says(broken(one("U8", "[4]", "[0]"), "wxyz"), "needs two offsets"));
  CHECK(says(broken(one("U8", "[4]", "[1,5]"), "vwxyz"), "belong to none"));
  CHECK(says(broken(one("F64", "[4294967296,4294967296]", "[0,4]"), "wxyz"), "larger than memory can be"));
  CHECK(says(broken(R"({"a":{"dtype":"U8","shape":[4]}})", "wxyz"), "lacks dtype, shape or data_offsets"));
  CHECK(says(broken(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                    R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
                    "wxyz"),
             "tensor \"b\" overlaps its neighbour"));
  CHECK(says(broken("{}", "wxyz"), "broken.safetensors"));
}

TEST_CASE("a folder with an index opens all its shards as one", "[engine][weights]") {
  const test::TemporaryFolder folder;
  folder.write("model-1.safetensors",
               safetensors_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x"));
  folder.write("model-2.safetensors",
               safetensors_bytes(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "y"));
  const auto index = [&](std::string_view map) {
    folder.write("model.safetensors.index.json", "{\"weight_map\":" + std::string(map) + "}");
  };

  index(R"({"a":"model-1.safetensors","b":"model-2.safetensors"})");
  const Safetensors opened(folder.path());
  CHECK(opened.find("a") != nullptr);
  CHECK(opened.find("b") != nullptr);

  index(R"({"a":"model-1.safetensors","c":"model-2.safetensors"})");
  CHECK(says(failure(folder.path()), "\"c\" is not in model-2.safetensors"));
  index(R"({"a":"model-3.safetensors"})");
  CHECK(says(failure(folder.path()), "cannot read"));
  index(R"({"a":"../model-1.safetensors"})");
  CHECK(says(failure(folder.path()), "no plain file name"));
  index("[]");
  CHECK(says(failure(folder.path()), "no weight_map"));
}
