// The program's commands on files: one answer, a score, a recording, without a server and without a
// scheduler. What each can be told stands in its --help; README, "Files of conversations".
#pragma once

#include "server/commands/command.hpp"

namespace parley::commands {

Command add_generate(CLI::App& app);
Command add_score(CLI::App& app);
Command add_synthesize(CLI::App& app);

}  // namespace parley::commands
