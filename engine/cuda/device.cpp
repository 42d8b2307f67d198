// Tested by test/engine/cuda/device_test.cpp.
#include "engine/cuda/device.hpp"

#include <dlfcn.h>

#include <filesystem>
#include <stdexcept>

namespace parley::cuda {
namespace {

using OpenDevice = Device*(int index, Priority priority, std::string& error);

std::filesystem::path library_beside_program() {
  std::error_code unreadable;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unreadable);
  return program.parent_path() / PARLEY_CUDA_LIBRARY;
}

// Stays loaded: LibTorch registers its operators for good.
OpenDevice* load(const std::string& name) {
  const auto file = library_beside_program();
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    const std::string reason = dlerror();
    throw std::runtime_error(
        "the device \"" + name + "\" cannot be used: the CUDA libraries do not load (" + reason +
        "); run ./scripts/setup --cuda on a machine with an NVIDIA GPU, or use the device \"cpu\"");
  }
  return reinterpret_cast<OpenDevice*>(dlsym(library, "parley_open_cuda_device"));
}

// "cuda" is the first one.
int index_of(const std::string& name) {
  const auto colon = name.find(':');
  return colon == std::string::npos ? 0 : std::stoi(name.substr(colon + 1));
}

}  // namespace

bool is_cuda(const std::string& name) { return name == "cuda" || name.starts_with("cuda:"); }

std::unique_ptr<Device> open(const std::string& name, Priority priority) {
  std::string error;
  std::unique_ptr<Device> device(load(name)(index_of(name), priority, error));
  if (!device) throw std::runtime_error("the device \"" + name + "\" cannot be used: " + error);
  return device;
}

}  // namespace parley::cuda
