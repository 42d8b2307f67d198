// parley serve: the server, until a signal ends it.
#include "server/serve/serve.hpp"

#include <iomanip>
#include <memory>
#include <nlohmann/json.hpp>

#include "server/commands/commands.hpp"
#include "server/commands/model_options.hpp"
#include "server/settings/register.hpp"
#include "server/web/web_files.hpp"

namespace parley::commands {
namespace {

struct ServeOptions {
  std::string listen;
  SettingsChoice settings;
  bool explain = false;
};

std::optional<server::PageFile> page(std::string_view path) {
  const web::WebFile* file = web::find(path);
  if (file == nullptr) return std::nullopt;
  return server::PageFile{file->content_type, file->bytes, file->etag};
}

// Every setting, as it would be now: a key and its value, then what it means and what is allowed.
void explain(const config::Settings& settings, std::ostream& out) {
  for (const auto& setting : settings.describe())
    out << setting.key << '=' << setting.value.dump() << "\n    " << setting.meaning << "; "
        << setting.expected << '\n';
}

int serve_by(ServeOptions& options, const OpenModel& open_model, Console& console) {
  server::ServerSettings server;
  config::Settings settings;
  server::register_settings(settings, server);
  apply(options.settings, settings, server.model);
  if (!options.listen.empty()) server.listen = options.listen;
  if (options.explain) {
    explain(settings, console.out);
    return ok;
  }
  try {
    server::check(server);
  } catch (const std::runtime_error& error) {
    throw WrongUsage(error.what());
  }
  const weights::Bundle bundle = open_bundle(server.model);
  server::ServerParts parts{open_model(bundle, server.model.options),
                            audio::VoiceActivityNet::load(bundle.part("vad")), page};
  return server::serve(std::move(server), std::move(parts));
}

}  // namespace

Command add_serve(CLI::App& app, OpenModel open_model) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command =
      app.add_subcommand("serve", "Serve conversations, and the page to hold them in a browser");
  command
      ->add_option(
          "--listen", options->listen,
          "Where; [::1]:PORT and 0.0.0.0:PORT work too, and port 0 takes a free one  [127.0.0.1:8080]")
      ->type_name("HOST:PORT");
  add_settings_options(*command, options->settings);
  command->add_flag("--explain", options->explain,
                    "Print every setting with its value and meaning, and exit");
  return {command, [options, open_model = std::move(open_model)](Console& console) {
            return serve_by(*options, open_model, console);
          }};
}

}  // namespace parley::commands
