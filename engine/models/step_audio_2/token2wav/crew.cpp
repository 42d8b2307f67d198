#include "engine/models/step_audio_2/token2wav/crew.hpp"

#include <ATen/Parallel.h>

namespace parley::step_audio_2 {

Crew::Crew(at::Device device, int threads)
    : team_(device.is_cpu() ? std::make_unique<kernels::Team>(threads) : nullptr) {}

// LibTorch and the libraries under it keep a number of threads for each thread that calls them. A worker's is
// that of the machine until it is told otherwise.
void Crew::use_one_thread() {
  thread_local bool told = false;
  if (told) return;
  at::set_num_threads(1);
  told = true;
}

}  // namespace parley::step_audio_2
