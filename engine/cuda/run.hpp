// A pass of a model on its device.
#pragma once

#include <c10/util/Exception.h>

#include "engine/cuda/device.hpp"
#include "engine/speech_model.hpp"

namespace parley::cuda {

// Calls `pass` on the calling thread, which works on `gpu` from then on; null: the processor. Memory that
// runs out there is told as the engine knows it (engine::OutOfDeviceMemory), what is kept for later being
// given back.
template <typename Pass>
void run(Device* gpu, const Pass& pass) {
  if (gpu == nullptr) return pass();
  gpu->use_on_this_thread();
  try {
    pass();
  } catch (const c10::OutOfMemoryError& error) {
    gpu->release_unused_memory();
    throw engine::OutOfDeviceMemory(gpu->description() + ": " + error.what_without_backtrace());
  }
}

}  // namespace parley::cuda
