#include <algorithm>
#include <vector>

#include "server/commands/command.hpp"

namespace parley::commands {
namespace {

constexpr const char* exit_statuses = R"(Exit status:
  0    done
  1    something went wrong; a line on standard error says what
  2    an option, argument or setting that cannot be
  3    load: a session was refused or failed
  130  stopped by Ctrl-C before the end)";

// CLI11's sentences may hold line breaks and end without a full stop.
std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  return text;
}

const CLI::App* chosen(const std::vector<Command>& commands) {
  for (const Command& command : commands)
    if (command.options->parsed()) return command.options;
  return nullptr;
}

int refuse(Console& console, const CLI::App* options, const std::string& what) {
  const std::string name = options == nullptr ? "parley" : "parley " + options->get_name();
  console.err << name << ": " << one_line(what) << "; see '" << name << " --help'\n";
  return wrong_usage;
}

}  // namespace

int run(int argc, const char* const* argv, std::span<const AddCommand> add_commands, Console console) {
  CLI::App app{"Parley: real-time voice assistant. Speech in and speech out over one WebSocket.", "parley"};
  const std::string version = "parley " PARLEY_VERSION;
  app.set_version_flag("--version", version, "Print the version and exit");
  app.footer(exit_statuses);
  app.require_subcommand(0, 1);
  std::vector<Command> commands;
  for (const AddCommand& add : add_commands) {
    Command& command = commands.emplace_back(add(app));
    command.options->set_version_flag("--version", version, "Print the version and exit");
    command.options->footer(exit_statuses);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked, console.out, console.err);
  } catch (const CLI::ParseError& error) {
    return refuse(console, chosen(commands), error.what());
  }
  for (Command& command : commands) {
    if (!command.options->parsed()) continue;
    try {
      return command.run(console);
    } catch (const WrongUsage& error) {
      return refuse(console, command.options, error.what());
    } catch (const std::exception& error) {
      console.err << "parley " << command.options->get_name() << ": " << one_line(error.what()) << '\n';
      return failed;
    }
  }
  return refuse(console, nullptr, "a command is expected");
}

}  // namespace parley::commands
