#include "manual/completion.h"

#include <fmt/format.h>

namespace fleet_sim::manual {
namespace {

// The words come apart at '=' and ':' in bash, so `--sink=n` is three of them. An option that waits for its
// value is the word before the one that is typed; the command is the first word that is one and no value.
constexpr std::string_view head = R"(# bash completion for fleet-sim, made by `fleet-sim completion bash`

# What the value of an option may be: f a file, d a folder, and words.
_fleet_sim_value() {
  case $1 in
)";

constexpr std::string_view middle = R"(    *) return 1 ;;
  esac
}

# The options of a command, and after a bar what its arguments may be.
_fleet_sim_command() {
  case $1 in
)";

constexpr std::string_view tail = R"(    *) return 1 ;;
  esac
}

_fleet_sim_offer() {
  local word=$1 kind
  shift
  for kind; do
    case $kind in
      f | d)
        compopt -o filenames
        local -a found
        mapfile -t found < <(if [[ $kind == f ]]; then compgen -f -- "$word"; else compgen -d -- "$word"; fi)
        COMPREPLY+=("${found[@]}")
        ;;
      *:)
        [[ $kind == "$word"* ]] && COMPREPLY+=("$kind") && compopt -o nospace
        ;;
      *) [[ $kind == "$word"* ]] && COMPREPLY+=("$kind") ;;
    esac
  done
}

_fleet_sim() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' i kinds
  COMPREPLY=()
  if [[ $word == = ]]; then
    word=''
  elif [[ $before == = && $COMP_CWORD -gt 1 ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} != -* ]] && _fleet_sim_command "${COMP_WORDS[i]}" > /dev/null || continue
    _fleet_sim_value ":${COMP_WORDS[i - 1]}" > /dev/null && continue
    command=${COMP_WORDS[i]}
    break
  done
  if kinds=$(_fleet_sim_value "$command:$before"); then
    [[ -z $kinds ]] || _fleet_sim_offer "$word" $kinds
    return
  fi
  kinds=$(_fleet_sim_command "$command")
  if [[ $word == -* ]]; then
    _fleet_sim_offer "$word" ${kinds%%|*}
  else
    _fleet_sim_offer "$word" ${kinds#*|}
  fi
}

complete -F _fleet_sim fleet-sim
)";

std::string kinds_of(const OptionEntry& option) {
  std::string kinds;
  if (option.takes_file) {
    kinds += " f";
  } else if (option.takes_folder) {
    kinds += " d";
  }
  for (const std::string& choice : option.choices) kinds += ' ' + choice;
  return kinds.empty() ? kinds : kinds.substr(1);
}

std::string values_of(const CommandEntry& command) {
  std::string lines;
  for (const OptionEntry& option : command.options) {
    if (option.value.empty()) continue;
    for (const std::string& name : option.names) {
      lines += fmt::format("    {}:{}) echo '{}' ;;\n", command.name, name, kinds_of(option));
    }
  }
  return lines;
}

std::string words_of(const CommandEntry& command, const std::string& more) {
  std::string options;
  for (const OptionEntry& option : command.options) {
    for (const std::string& name : option.names) options += name + ' ';
  }
  std::string kinds = more;
  for (const OptionEntry& argument : command.arguments) kinds += kinds_of(argument) + ' ';
  return fmt::format("    '{}') echo '{}| {}' ;;\n", command.name, options, kinds);
}

}  // namespace

std::string bash_completion(const OptionTable& table) {
  std::string values = values_of(table.main);
  std::string commands;
  std::string words;
  for (const CommandEntry& command : table.commands) {
    values += values_of(command);
    words += words_of(command, "");
    commands += command.name + ' ';
  }
  return fmt::format("{}{}{}{}{}{}", head, values, middle, words_of(table.main, commands), words, tail);
}

}  // namespace fleet_sim::manual
