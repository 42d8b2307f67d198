// The program `parley`: its commands, and the models that they open.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <iostream>

#include "engine/models/load_model.hpp"
#include "server/commands/commands.hpp"
#include "server/offline/offline_commands.hpp"

int main(int argc, char** argv) {
  using namespace parley;
  spdlog::set_default_logger(spdlog::stderr_color_mt("parley"));  // standard output is for results
  spdlog::set_level(spdlog::level::warn);                         // `serve` has a setting for it
  const std::array<commands::AddCommand, 8> all{
      [](CLI::App& app) { return commands::add_serve(app, models::load_model); },
      [](CLI::App& app) { return commands::add_converse(app, models::load_model); },
      commands::add_load,
      commands::add_generate,
      commands::add_synthesize,
      commands::add_score,
      commands::add_models,
      commands::add_inspect,
  };
  return commands::run(argc, argv, all, {std::cout, std::cerr, ::isatty(STDERR_FILENO) != 0});
}
