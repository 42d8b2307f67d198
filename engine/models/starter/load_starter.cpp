#include "engine/models/starter/load_starter.hpp"

#include <ATen/Parallel.h>

#include "engine/cuda/device.hpp"
#include "engine/models/starter/starter_model.hpp"

namespace parley::starter {

std::unique_ptr<engine::SpeechModel> load_starter(const weights::Bundle& bundle,
                                                  const models::ModelOptions& options) {
  // LibTorch's own pool spins at its barriers, which collapses as soon as another program wants a core. What
  // is worth sharing among cores goes through kernels::Team.
  at::set_num_threads(1);
  const bool cuda = cuda::is_cuda(options.device);
  std::unique_ptr<cuda::Device> gpu;
  if (cuda) {
    gpu = cuda::open(options.device);
    gpu->use_on_this_thread();  // the weights are copied there
  }
  auto ear =
      whisper::Recognizer::load(bundle.part("ear"), {.threads = options.threads, .device = options.device});
  auto brain = causal_lm::LanguageModel::load(bundle.part("brain"),
                                              {.threads = options.threads, .device = options.device});
  auto voice = voice::Voice::load(bundle.part("voice"), {.cuda = cuda});
  StarterSettings settings{.id = bundle.id(),
                           .language = options.language,
                           .speed = options.speed,
                           .liveliness = options.liveliness};
  if (options.context_tokens > 0) settings.context_tokens = options.context_tokens;
  return std::make_unique<StarterModel>(std::move(ear), std::move(brain), std::move(voice),
                                        std::move(settings), std::move(gpu));
}

}  // namespace parley::starter
