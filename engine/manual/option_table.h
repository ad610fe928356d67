// The command line as plain data, read from what CLI11 has been told: the one table behind --help, the shell
// completion and the man page. Main thread; values.
#pragma once

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace fleet_sim::manual {

struct OptionEntry {
  std::vector<std::string> names;    // "--rate"; for an argument without a flag its name, "DIR"
  std::string value;                 // "R"; empty when the option takes none
  std::vector<std::string> choices;  // words that the value may be
  bool takes_file = false;
  bool takes_folder = false;
  bool required = false;
  bool repeatable = false;
  std::string help;
};

struct CommandEntry {
  std::string name;  // empty: what stands without a command
  std::string help;
  std::string footer;
  std::vector<OptionEntry> arguments;  // without a flag
  std::vector<OptionEntry> options;
};

struct OptionTable {
  std::string description;
  CommandEntry main;
  std::vector<CommandEntry> commands;
};

OptionTable read_option_table(const CLI::App& app);

// Expands a leading `~` in every option and argument that is a path, in all commands.
void expand_homes(CLI::App& app);

}  // namespace fleet_sim::manual
