// Any bytes as a weights file: it is refused with a sentence, or every tensor that it names can be read.
#include <numeric>
#include <stdexcept>

#include "engine/weights/safetensors.hpp"
#include "test/fuzz/memory_file.hpp"

namespace {

using namespace parley;
using fuzz::require;

void read_all(const weights::Safetensors& file) {
  for (const auto& [name, tensor] : file.tensors()) {
    require(file.find(name) == &tensor && tensor.name == name, "a tensor is found under its name");
    std::uint64_t elements = 1;
    for (const auto extent : tensor.shape) elements *= static_cast<std::uint64_t>(extent);
    require(static_cast<std::uint64_t>(tensor.elements()) == elements, "the shape counts the elements");
    require(elements * weights::size_of(tensor.dtype) == tensor.bytes.size(),
            "the bytes are all of the elements");
    unsigned sum = 0;
    for (const std::byte byte : tensor.bytes) sum += std::to_integer<unsigned>(byte);
    require(sum <= 255 * tensor.bytes.size(), "every byte can be read");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file({data, size});
  try {
    read_all(weights::Safetensors(file.path()));
  } catch (const std::runtime_error& error) {
    require(*error.what() != '\0', "a broken file is refused with a sentence");
  }
  return 0;
}
