#include "manual/manual.h"

#include <fmt/format.h>

#include <string_view>

#include "config/config_keys.h"

namespace fleet_sim::manual {
namespace {

constexpr std::string_view plain_ascii = "\"'`^~-\\";

// What roff would take for something else as it is meant: a hyphen that can be copied, no escapes, no
// accents.
std::string_view escaped(char c) {
  switch (c) {
    case '"':
      return "\\(dq";
    case '\'':
      return "\\(aq";
    case '`':
      return "\\(ga";
    case '^':
      return "\\(ha";
    case '~':
      return "\\(ti";
    case '-':
      return "\\-";
    default:
      return "\\e";
  }
}

// The characters of our texts that are not ASCII have names in roff.
std::string with_names(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"°", "\\(de"}, {"²", "\\(S2"}, {"µ", "\\(mc"}, {"×", "\\(mu"}};
  for (const auto& [character, name] : names) {
    for (std::size_t at = 0; (at = text.find(character, at)) != text.npos; at += name.size()) {
      text.replace(at, character.size(), name);
    }
  }
  return text;
}

// Alternatives, between which a line may end: some are longer than a line.
std::string breakable(std::string_view alternatives) {
  constexpr std::string_view may_break = "\\:";
  std::string text;
  for (const char c : alternatives) {
    text += c;
    if (c == '|') text += may_break;
  }
  return text;
}

std::string roff(std::string_view text) {
  std::string escaped_text;
  for (const char c : text) {
    if (plain_ascii.find(c) == plain_ascii.npos) {
      escaped_text += c;
    } else {
      escaped_text += escaped(c);
    }
  }
  return with_names(std::move(escaped_text));
}

// A line of its own that does not begin a request.
std::string text_line(std::string_view text) {
  const std::string line = roff(text);
  return (line.starts_with('.') ? "\\&" + line : line) + '\n';
}

// Lines as they stand.
std::string verbatim(std::string_view text) {
  std::string lines = ".nf\n";
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines += end == begin ? ".sp\n" : text_line(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines + ".fi\n";
}

std::string section(std::string_view name) {
  return fmt::format(".SH {}\n", name);
}

std::string term(const OptionEntry& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
  }
  if (!option.value.empty() && option.value != option.names.front()) {
    names += fmt::format(" \\fI{}\\fR", breakable(roff(option.value)));
  }
  if (option.repeatable) names += " ...";
  return names;
}

std::string paragraph(const OptionEntry& option) {
  return fmt::format(".TP\n{}\n{}", term(option),
                     text_line(option.help + (option.required ? " (required)" : "")));
}

std::string paragraphs(const CommandEntry& command) {
  std::string text;
  for (const OptionEntry& argument : command.arguments) text += paragraph(argument);
  for (const OptionEntry& option : command.options) text += paragraph(option);
  return text;
}

std::string subsection(const CommandEntry& command, const CommandEntry& main) {
  std::string text = fmt::format(".SS {}\n{}", roff(command.name), text_line(command.help + '.'));
  text += paragraphs(command);
  if (command.footer != main.footer) text += ".PP\n" + verbatim(command.footer);
  return text;
}

std::string key_paragraph(const config::ConfigKey& key) {
  return fmt::format(".TP\n\\fB{}\\fR, {}\n{}", roff(key.name), roff(config::environment_name(key.name)),
                     text_line(key.more.empty() ? key.help : key.help + "; " + key.more));
}

}  // namespace

std::string manual_page(const OptionTable& table) {
  std::string page = fmt::format(".TH FLEET\\-SIM 1 \"\" \"fleet\\-sim {}\" \"User Commands\"\n.nh\n.ad l\n",
                                 FLEET_SIM_VERSION);
  page += section("NAME") + "fleet\\-sim \\- simulate a fleet of industrial sensors\n";
  page += section("SYNOPSIS") + ".B fleet\\-sim\n[\\fIcommand\\fR] [\\fIoption\\fR ...]\n";
  page += section("DESCRIPTION") + text_line(table.description);
  page += section("OPTIONS") + "For the run command, which is the default:\n" + paragraphs(table.main);
  page += section("COMMANDS");
  for (const CommandEntry& command : table.commands) page += subsection(command, table.main);
  page += section("CONFIGURATION") + "Config keys and their environment variables:\n";
  for (const config::ConfigKey& key : config::config_keys()) page += key_paragraph(key);
  page += section("NOTES") + verbatim(table.main.footer);
  return page;
}

}  // namespace fleet_sim::manual
