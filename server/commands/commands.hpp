// The commands of `parley`, one a file.
#pragma once

#include <functional>
#include <memory>

#include "engine/models/load_model.hpp"
#include "server/commands/command.hpp"

namespace parley::commands {

// How a bundle becomes a model: models::load_model in the program, something without tensors in tests.
using OpenModel =
    std::function<std::unique_ptr<engine::SpeechModel>(const weights::Bundle&, const models::ModelOptions&)>;

Command add_serve(CLI::App& app, OpenModel open_model);
Command add_converse(CLI::App& app, OpenModel open_model);
Command add_models(CLI::App& app);
Command add_inspect(CLI::App& app);
Command add_load(CLI::App& app);

}  // namespace parley::commands
