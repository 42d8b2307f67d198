// The device behind device.hpp, in LibTorch's CUDA interface: compiled everywhere, run where there is a GPU.
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <cstdio>

#include "engine/cuda/device.hpp"

namespace parley::cuda {
namespace {

class StreamDevice final : public Device {
 public:
  // Of high priority: where others share the GPU, sound that is waited for goes first.
  explicit StreamDevice(c10::DeviceIndex index)
      : index_(index), stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, index)) {}

  std::string description() const override {
    cudaDeviceProp device{};
    C10_CUDA_CHECK(cudaGetDeviceProperties(&device, index_));
    constexpr double gib = 1024.0 * 1024.0 * 1024.0;
    char text[400];
    std::snprintf(text, sizeof text, "%s, %.1f GiB, compute capability %d.%d", device.name,
                  static_cast<double>(device.totalGlobalMem) / gib, device.major, device.minor);
    return text;
  }

  void use_on_this_thread() override {
    if (c10::cuda::current_device() != index_) c10::cuda::set_device(index_);
    if (c10::cuda::getCurrentCUDAStream(index_) != stream_) c10::cuda::setCurrentCUDAStream(stream_);
  }

  void release_unused_memory() override {
    stream_.synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();
  }

 private:
  c10::DeviceIndex index_;
  c10::cuda::CUDAStream stream_;
};

}  // namespace
}  // namespace parley::cuda

// Null and a sentence in `error` where there is no such device.
extern "C" parley::cuda::Device* parley_open_cuda_device(int index, std::string& error) {
  try {
    const int devices = c10::cuda::device_count();
    if (index < devices) return new parley::cuda::StreamDevice(static_cast<c10::DeviceIndex>(index));
    error = "this machine has " + std::to_string(devices) + " NVIDIA GPUs that can be used";
  } catch (const std::exception& thrown) {
    error = thrown.what();
  }
  return nullptr;
}
