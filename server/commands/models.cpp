// parley models: which bundles there are on this machine.
#include <memory>
#include <nlohmann/json.hpp>

#include "server/bundles/find.hpp"
#include "server/bundles/report.hpp"
#include "server/commands/commands.hpp"

namespace parley::commands {
namespace {

struct ModelsOptions {
  std::vector<std::filesystem::path> places;
  bool json = false;
};

int list(const ModelsOptions& options, Console& console) {
  const auto places = options.places.empty() ? bundles::usual_places() : options.places;
  const auto found = bundles::find(places);
  if (options.json) {
    console.out << bundles::to_json(found).dump(2) << '\n';
  } else if (found.empty()) {
    console.out << "no bundles; ./scripts/setup makes the starter, scripts/fetch_starter others\n";
  } else {
    bundles::write(console.out, found);
  }
  return ok;
}

}  // namespace

Command add_models(CLI::App& app) {
  auto options = std::make_shared<ModelsOptions>();
  CLI::App* command = app.add_subcommand("models", "List the bundles on this machine");
  command->add_option(
      "places", options->places,
      "Bundles, or folders of bundles; otherwise models/ and .deps/ of the checkout and of the "
      "current folder, and the cache");
  command->add_flag("--json", options->json, "For machines: an array of objects");
  return {command, [options](Console& console) { return list(*options, console); }};
}

}  // namespace parley::commands
