#include "server/commands/model_options.hpp"

#include "server/bundles/choose.hpp"
#include "server/bundles/find.hpp"
#include "server/commands/command.hpp"

namespace parley::commands {
namespace {

bool is_device(const std::string& device) {
  const bool numbered = device.starts_with("cuda:") && device.size() > 5 &&
                        device.find_first_not_of("0123456789", 5) == std::string::npos;
  return device == "cpu" || device == "cuda" || numbered;
}

}  // namespace

void add_settings_options(CLI::App& command, SettingsChoice& choice) {
  command.add_option("--config", choice.config, "A file of settings, as JSON")->type_name("FILE");
  command
      .add_option("--model", choice.model,
                  "A bundle's folder, or the name of one that 'parley models' lists  [starter]")
      ->type_name("BUNDLE");
  command.add_option("--device", choice.device, "cpu, cuda or cuda:N  [cpu]");
  command
      .add_option("--threads", choice.threads, "Of the model on a CPU; 0: as many as there are cores  [0]")
      ->check(CLI::Range(0, 1024));
  command.add_option("--set", choice.set, "A setting; 'parley serve --explain' lists them")
      ->type_name("KEY=VALUE")
      ->expected(1, -1)
      ->allow_extra_args(false);
}

void apply(const SettingsChoice& choice, config::Settings& settings, server::ModelSettings& model) {
  try {
    if (!choice.config.empty()) settings.load(std::filesystem::path(choice.config));
    for (const std::string& assignment : choice.set) settings.set(assignment);
  } catch (const std::runtime_error& error) {
    throw WrongUsage(error.what());
  }
  if (choice.model) model.bundle = *choice.model;
  if (choice.device) model.options.device = *choice.device;
  if (choice.threads) model.options.threads = *choice.threads;
  if (!is_device(model.options.device))
    throw WrongUsage("model.device: expected cpu, cuda or cuda:N, got \"" + model.options.device + "\"");
}

weights::Bundle open_bundle(const server::ModelSettings& model) {
  return weights::Bundle::open(bundles::choose(model.bundle, bundles::usual_places()));
}

}  // namespace parley::commands
