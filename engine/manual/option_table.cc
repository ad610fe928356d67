#include "manual/option_table.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

#include "files/home_folder.h"

namespace fleet_sim::manual {
namespace {

// The parts of "N|max".
std::vector<std::string> parts_of(std::string_view value) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= value.size();) {
    const std::size_t end = std::min(value.find('|', begin), value.size());
    parts.emplace_back(value.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// A word as it is written stands in lower case; what is in capitals stands for something else, and of
// "hash:N" the first part is such a word.
std::string word_in(const std::string& part) {
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  return std::string(part.begin(), std::ranges::find_if(part, is_capital));
}

OptionEntry entry_of(const CLI::Option& option) {
  OptionEntry entry;
  for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
  if (entry.names.empty()) entry.names.push_back(option.get_name(true));
  entry.help = option.get_description();
  entry.required = option.get_required();
  entry.repeatable = option.get_expected_max() > 1;
  if (option.get_type_size_max() == 0) return entry;
  // CLI11's word for any text; the name of an argument says more.
  const std::string type = option.get_type_name();
  entry.value = option.get_positional() && type == "TEXT" ? entry.names.front() : type;
  for (const std::string& part : parts_of(entry.value)) {
    if (const std::string word = word_in(part); !word.empty()) entry.choices.push_back(word);
    entry.takes_file = entry.takes_file || part == "FILE" || part == "PATH";
    entry.takes_folder = entry.takes_folder || part == "DIR";
  }
  return entry;
}

CommandEntry entry_of(const CLI::App& command) {
  CommandEntry entry{command.get_name(), command.get_description(), command.get_footer(), {}, {}};
  for (const CLI::Option* option : command.get_options()) {
    (option->get_positional() ? entry.arguments : entry.options).push_back(entry_of(*option));
  }
  return entry;
}

}  // namespace

void expand_homes(CLI::App& app) {
  const auto expand = [](std::string& path) { return files::expand_home(std::string(path), path); };
  for (CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    const OptionEntry entry = entry_of(*option);
    if (entry.takes_file || entry.takes_folder) option->transform(CLI::Validator(expand, ""));
  }
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) expand_homes(*command);
}

OptionTable read_option_table(const CLI::App& app) {
  OptionTable table{app.get_description(), entry_of(app), {}};
  table.main.name.clear();
  for (const CLI::App* command : app.get_subcommands(nullptr)) table.commands.push_back(entry_of(*command));
  return table;
}

}  // namespace fleet_sim::manual
