// parley inspect: what a bundle is made of, and whether its files are sound.
#include "server/bundles/inspect.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "server/bundles/choose.hpp"
#include "server/bundles/find.hpp"
#include "server/bundles/report.hpp"
#include "server/commands/commands.hpp"

namespace parley::commands {
namespace {

struct InspectOptions {
  std::string bundle;
  bool json = false;
  bool tensors = false;
};

int inspect(const InspectOptions& options, Console& console) {
  const auto inspection = bundles::inspect(bundles::choose(options.bundle, bundles::usual_places()));
  if (options.json)
    console.out << bundles::to_json(inspection, options.tensors).dump(2) << '\n';
  else
    bundles::write(console.out, inspection, options.tensors);
  return inspection.sound() ? ok : failed;
}

}  // namespace

Command add_inspect(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = app.add_subcommand(
      "inspect", "Show the parts, files and weights of a bundle; fails when a file is not sound");
  command->add_option("bundle", options->bundle, "A bundle's folder or name")->required();
  command->add_flag("--json", options->json, "For machines: an object");
  command->add_flag("--tensors", options->tensors, "Name every tensor");
  return {command, [options](Console& console) { return inspect(*options, console); }};
}

}  // namespace parley::commands
