#include "engine/models/step_audio_2/load_step_audio_2.hpp"

#include <ATen/Parallel.h>

#include <stdexcept>

#include "engine/cuda/device.hpp"
#include "engine/models/step_audio_2/step_audio_2_model.hpp"

namespace parley::step_audio_2 {
namespace {

// The first chunk is heard early, the second bridges the time until there are tokens for a long one.
ChunkSettings chunks_of(const models::ModelOptions& options) {
  const int first = std::min(options.first_chunk_tokens, options.chunk_tokens);
  return {.tokens = {first, std::min(first + first / 2, options.chunk_tokens), options.chunk_tokens}};
}

}  // namespace

std::unique_ptr<engine::SpeechModel> load_step_audio_2(const weights::Bundle& bundle,
                                                       const models::ModelOptions& options) {
  at::set_num_threads(1);  // what is worth sharing among cores goes through kernels::Team
  std::unique_ptr<cuda::Device> gpu;
  if (cuda::is_cuda(options.device)) {
    // Of the two streams, the other being the language model's, that of sound which is waited for.
    gpu = cuda::open(options.device, cuda::Priority::high);
    gpu->use_on_this_thread();  // the weights are copied there
  }
  auto core = Core::load(bundle, {.device = options.device,
                                  .threads = options.threads,
                                  .precision = precision_of(options.dtype),
                                  .cuda_graphs = gpu != nullptr && options.cuda_graphs,
                                  .decode_ahead = gpu != nullptr});
  if (gpu) gpu->use_on_this_thread();  // again: the language model has a stream of its own
  auto voices = Voices::load(bundle, {.device = options.device,
                                      .threads = options.threads,
                                      .dit_dtype = gpu ? "bfloat16" : "float32",
                                      .graphs = gpu != nullptr && options.cuda_graphs,
                                      .gpu = gpu.get()});
  if (voices.list().empty())
    throw std::runtime_error(bundle.folder().string() +
                             " has no voice to speak in: convert the checkpoint again with --voice "
                             "NAME=RECORDING.wav");
  return std::make_unique<StepAudio2Model>(std::move(core), std::move(voices),
                                           StepAudio2Settings{.id = bundle.id(),
                                                              .context_tokens = options.context_tokens,
                                                              .speed = options.speed,
                                                              .chunks = chunks_of(options)},
                                           std::move(gpu));
}

}  // namespace parley::step_audio_2
