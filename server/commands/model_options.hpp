// The options of every command that opens a model: which one, and settings.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "engine/weights/bundle.hpp"
#include "server/settings/server_settings.hpp"

namespace parley::commands {

// As given on the command line.
struct SettingsChoice {
  std::string config;            // a file of settings
  std::vector<std::string> set;  // key=value
  std::optional<std::string> model, device;
  std::optional<int> threads;  // of the model
};

void add_settings_options(CLI::App& command, SettingsChoice& choice);

// Defaults, then the file, then --set, then the options that are settings with a name of their own: later
// ones win. `model` must be bound to `settings` already. Throws WrongUsage with a sentence that names the
// key, what was expected and what came.
void apply(const SettingsChoice& choice, config::Settings& settings, server::ModelSettings& model);

// The bundle that model.bundle means. Throws std::runtime_error with a sentence.
weights::Bundle open_bundle(const server::ModelSettings& model);

}  // namespace parley::commands
