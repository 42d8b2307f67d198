// What a command of `parley` is: options that it adds to the command line, and what it does with them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <stdexcept>

#include "server/commands/console.hpp"

namespace parley::commands {

// What the shell is told. README and --help show this table.
enum ExitStatus : int {
  ok = 0,
  failed = 1,       // something went wrong while running; a sentence on standard error says what
  wrong_usage = 2,  // an option, argument or setting that cannot be
  not_served = 3,   // load: a session was refused or failed
  stopped = 130,    // by Ctrl-C, before the end
};

// A setting given on the command line that cannot be; the sentence names it.
class WrongUsage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One command. `run` is called at most once, after its options were parsed, and answers an ExitStatus; what
// it throws is told as a sentence and ends in `failed`.
struct Command {
  CLI::App* options;
  std::function<int(Console&)> run;
};

using AddCommand = std::function<Command(CLI::App&)>;

// Parses the command line, runs the command that it names, and answers the exit status. Everything that goes
// wrong is told on console.err here, in one line.
int run(int argc, const char* const* argv, std::span<const AddCommand> commands, Console console);

}  // namespace parley::commands
