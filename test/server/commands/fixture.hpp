// The command line as a shell sees it, in this process: what it answers, prints and complains about.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "server/commands/commands.hpp"
#include "test/support/scripted_model.hpp"

namespace parley::test {

struct Outcome {
  int status;
  std::string out, err;
};

// Every command that needs a model gets a ScriptedModel; what it was opened with goes to `opened`.
struct Opened {
  std::string bundle;
  models::ModelOptions options;
};

inline Outcome run_parley(std::vector<std::string> words, const Script& script = {},
                          Opened* opened = nullptr) {
  const auto open = [&](const weights::Bundle& bundle, const models::ModelOptions& options) {
    if (opened != nullptr) *opened = {bundle.id(), options};
    return std::make_unique<ScriptedModel>(script);
  };
  const std::vector<commands::AddCommand> all{
      [&](CLI::App& app) { return commands::add_serve(app, open); },
      [&](CLI::App& app) { return commands::add_converse(app, open); }, commands::add_load,
      commands::add_models, commands::add_inspect};
  std::vector<const char*> arguments{"parley"};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  std::ostringstream out, err;
  const int status = commands::run(static_cast<int>(arguments.size()), arguments.data(), all, {out, err});
  return {status, out.str(), err.str()};
}

}  // namespace parley::test
