#include "server/offline/model_choice.hpp"

#include <ATen/Parallel.h>

#include <stdexcept>

#include "server/bundles/choose.hpp"
#include "server/bundles/find.hpp"

namespace parley::commands {

void add_model_choice(CLI::App& command, ModelChoice& choice, const std::vector<std::string>& dtypes) {
  command
      .add_option("BUNDLE", choice.bundle,
                  "A Step-Audio 2 bundle's folder, or the name of one that 'parley models' lists")
      ->required()
      ->type_name("BUNDLE");
  command.add_option("--device", choice.device, "cpu, cuda or cuda:N")->capture_default_str();
  command.add_option("--threads", choice.threads, "On a CPU; 0: as many as there are cores")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  command.add_option("--dtype", choice.dtype, "What is computed in; otherwise as the bundle stores it")
      ->check(CLI::IsMember(dtypes));
}

weights::Bundle open_step_audio_2(const ModelChoice& choice) {
  weights::Bundle bundle = weights::Bundle::open(bundles::choose(choice.bundle, bundles::usual_places()));
  if (bundle.type() != "step_audio_2")
    throw std::runtime_error(bundle.folder().string() + " is a bundle of the type \"" + bundle.type() +
                             "\"; this command needs one of the type \"step_audio_2\", which "
                             "scripts/convert_step_audio_2.py makes of a checkpoint.");
  return bundle;
}

std::unique_ptr<cuda::Device> open_device(const ModelChoice& choice) {
  at::set_num_threads(1);  // what is worth sharing among cores goes through kernels::Team
  if (!cuda::is_cuda(choice.device)) return nullptr;
  auto device = cuda::open(choice.device);
  device->use_on_this_thread();
  return device;
}

}  // namespace parley::commands
