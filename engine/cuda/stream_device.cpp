// The device behind device.hpp, in LibTorch's CUDA interface: compiled everywhere, run where there is a GPU.
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/cuda/MemPool.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>

#include "engine/cuda/device.hpp"

namespace parley::cuda {
namespace {

class CapturedGraph final : public Graph {
 public:
  CapturedGraph(const std::function<void()>& work, c10::cuda::MempoolId_t pool) {
    // Others may allocate on their own streams meanwhile.
    graph_.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      end_failed_capture();
      throw;
    }
    graph_.capture_end();
  }

  void replay() override { graph_.replay(); }

 private:
  // What work() threw says more than that its capture is incomplete.
  void end_failed_capture() {
    try {
      graph_.capture_end();
    } catch (const std::exception&) {  // as expected
    }
  }

  at::cuda::CUDAGraph graph_;
};

class RecordedEvent final : public Event {
 public:
  explicit RecordedEvent(const c10::cuda::CUDAStream& stream) {
    // Nobody measures time by it, and who waits for it sleeps.
    C10_CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming | cudaEventBlockingSync));
    C10_CUDA_CHECK(cudaEventRecord(event_, stream));
  }
  RecordedEvent(const RecordedEvent&) = delete;
  RecordedEvent& operator=(const RecordedEvent&) = delete;
  ~RecordedEvent() override { C10_CUDA_CHECK_WARN(cudaEventDestroy(event_)); }

  void wait() override { C10_CUDA_CHECK(cudaEventSynchronize(event_)); }

 private:
  cudaEvent_t event_ = nullptr;
};

class StreamDevice final : public Device {
 public:
  StreamDevice(c10::DeviceIndex index, Priority priority)
      : index_(index), stream_(c10::cuda::getStreamFromPool(priority == Priority::high, index)) {}

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

  std::unique_ptr<Graph> capture(const std::function<void()>& work) override {
    use_on_this_thread();
    stream_.synchronize();
    if (!graph_pool_) graph_pool_.emplace(/*allocator=*/nullptr, /*is_user_created=*/false);
    try {
      return std::make_unique<CapturedGraph>(work, graph_pool_->id());
    } catch (const c10::OutOfMemoryError&) {
      throw;  // there may be some when others have given theirs back
    } catch (const std::exception& error) {
      std::fprintf(stderr, "a CUDA graph could not be captured, the work goes on without one: %s\n",
                   error.what());
      return nullptr;
    }
  }

  std::unique_ptr<Event> mark() override { return std::make_unique<RecordedEvent>(stream_); }

  void release_unused_memory() override {
    stream_.synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();
  }

 private:
  c10::DeviceIndex index_;
  c10::cuda::CUDAStream stream_;
  // Held: a pool whose last graph goes cannot be captured into again.
  std::optional<at::cuda::MemPool> graph_pool_;
};

}  // namespace
}  // namespace parley::cuda

// Null and a sentence in `error` where there is no such device.
extern "C" parley::cuda::Device* parley_open_cuda_device(int index, parley::cuda::Priority priority,
                                                         std::string& error) {
  try {
    const int devices = c10::cuda::device_count();
    if (index < devices)
      return new parley::cuda::StreamDevice(static_cast<c10::DeviceIndex>(index), priority);
    error = "this machine has " + std::to_string(devices) + " NVIDIA GPUs that can be used";
  } catch (const std::exception& thrown) {
    error = thrown.what();
  }
  return nullptr;
}
