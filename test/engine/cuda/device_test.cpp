#include "engine/cuda/device.hpp"

#include <filesystem>

#include "test/support/catch.hpp"

namespace parley {
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a device's name tells whether it is a GPU", "[cuda]") {
  CHECK(cuda::is_cuda("cuda"));
  CHECK(cuda::is_cuda("cuda:3"));
  CHECK_FALSE(cuda::is_cuda("cpu"));
  CHECK_FALSE(cuda::is_cuda("cudaraka"));
}

TEST_CASE("a GPU that is not there is told in a sentence", "[cuda]") {
  CHECK_THROWS_WITH(cuda::open("cuda:63"), ContainsSubstring("the device \"cuda:63\" cannot be used") &&
                                               (ContainsSubstring("run ./scripts/setup --cuda") ||
                                                ContainsSubstring("NVIDIA GPUs")));
}

TEST_CASE("a GPU that is there says what it is and takes a thread's work", "[cuda][.gpu]") {
  const auto device = cuda::open("cuda");
  CHECK_THAT(device->description(), ContainsSubstring("compute capability"));
  device->use_on_this_thread();
  device->use_on_this_thread();
  device->mark()->wait();
  device->release_unused_memory();
}

}  // namespace parley
