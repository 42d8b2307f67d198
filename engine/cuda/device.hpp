// A GPU as the engine uses it. No CUDA in this header: the program runs without.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace parley::cuda {

// Work that was captured once and can be started again with one call.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual void replay() = 0;  // on the thread and the stream that captured it; does not wait
};

// A place in a device's work.
class Event {
 public:
  virtual ~Event() = default;
  virtual void wait() = 0;  // until the device has come there; others use the processor meanwhile
};

// Whose work goes first where a device has more than it can do at once.
enum class Priority { usual, high };

class Device {
 public:
  virtual ~Device() = default;

  // "NVIDIA L4, 22.0 GiB, compute capability 8.9"
  virtual std::string description() const = 0;
  // From here on tensor work of the calling thread goes to this device, on the engine's own stream there.
  // Cheap when it is so already.
  virtual void use_on_this_thread() = 0;
  // Gives back what LibTorch's allocator keeps for later: memory in pieces of the wrong size is no use to a
  // pass that lacks some. Waits for the device.
  virtual void release_unused_memory() = 0;
  // What `work` does on this device's stream, as a graph. It runs not now but with each replay, on the memory
  // that its tensors have now; it must not wait for the device. Tensors that it makes live in memory which
  // all of this device's graphs share, so what one leaves is good until another is replayed. Null, and the
  // reason on the standard error, where it cannot be captured: the work then runs without.
  virtual std::unique_ptr<Graph> capture(const std::function<void()>& work) = 0;
  // The end of what this device's stream was given until now.
  virtual std::unique_ptr<Event> mark() = 0;
};

// Whether a device's name ("cpu", "cuda", "cuda:1") is that of a GPU.
bool is_cuda(const std::string& name);

// Loads the part of LibTorch that runs on GPUs, and ours, from beside the program. Once for each model,
// before any tensor is made on the device; each has a stream of its own, so that they work at the same time.
// Throws std::runtime_error with a sentence when there is no such GPU, no driver or no CUDA libraries.
std::unique_ptr<Device> open(const std::string& name, Priority priority = Priority::usual);

}  // namespace parley::cuda
