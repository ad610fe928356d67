// configs/README.md and configs/reference.yaml against the table of keys, configs/types/README.md and
// configs/scenarios/README.md against the fields of declarations and entries, and engine/export/README.md
// against the reasons of absences, so that they can neither forget a key nor misname a default. With the
// variable FLEET_SIM_WRITE_PAGES they are written from the table instead.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/anomaly_types.h"
#include "base/ledger.h"
#include "config/behavior_effects.h"
#include "config/behaviors.h"
#include "config/config_changes.h"
#include "config/config_keys.h"
#include "config/load_config.h"
#include "declare/declarations.h"
#include "declare/fields.h"
#include "scenario/fields.h"
#include "scenario/scenario.h"
#include "types/declared_type.h"
#include "yaml/text.h"

namespace fleet_sim::config_page_test {
namespace {

// A page, part of which is written from the table.
struct Page {
  std::string path;
  std::string begin;  // the lines around that part
  std::string end;
};
const Page tables_page{FLEET_SIM_SOURCE_DIR "/configs/README.md", "<!-- keys -->\n",
                       "<!-- end of keys -->\n"};
const Page fields_page{FLEET_SIM_SOURCE_DIR "/configs/types/README.md", "<!-- fields -->\n",
                       "<!-- end of fields -->\n"};
const Page limits_page{FLEET_SIM_SOURCE_DIR "/configs/types/README.md", "<!-- limits -->\n",
                       "<!-- end of limits -->\n"};
const Page scenario_page{FLEET_SIM_SOURCE_DIR "/configs/scenarios/README.md", "<!-- keys -->\n",
                         "<!-- end of keys -->\n"};
const Page absences_page{FLEET_SIM_SOURCE_DIR "/engine/export/README.md", "<!-- absences -->\n",
                         "<!-- end of absences -->\n"};
const Page reference_page{FLEET_SIM_SOURCE_DIR "/configs/reference.yaml",
                          "# --- keys, from the table in engine/config; comments of headings are kept ---\n",
                          "# --- end of keys ---\n"};

std::string read_page(const Page& page) {
  std::ifstream file(page.path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// `written` makes the part anew from what it is.
template <class Write>
void check_or_write(const Page& page, const Write& written) {
  const std::string text = read_page(page);
  const std::size_t begin = text.find(page.begin);
  const std::size_t end = text.find(page.end);
  REQUIRE(begin != text.npos);
  REQUIRE(end > begin);
  const std::size_t first = begin + page.begin.size();
  const std::string part = text.substr(first, end - first);
  if (std::getenv("FLEET_SIM_WRITE_PAGES") != nullptr) {
    std::ofstream(page.path) << text.substr(0, first) << written(part) << text.substr(end);
  } else {
    CHECK_MESSAGE(part == written(part), "run this test with FLEET_SIM_WRITE_PAGES=1 to write the page anew");
  }
}

std::string in_a_cell(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return std::regex_replace(text, std::regex(R"(\|)"), "\\|");
}

std::string default_of(const config::ConfigKey& key) {
  const config::Config defaults;
  const std::string text = key.is_spelled(defaults) ? in_a_cell(key.get(defaults)) : "";
  return text.empty() ? "" : "`" + text + "`";
}

std::string row_of(const config::ConfigKey& key) {
  const std::string flag = key.flag.empty() ? "" : "`" + std::string(key.flag) + "`";
  return "| `" + std::string(key.name) + "` | " + flag + " | " + default_of(key) + " | " +
         in_a_cell(std::string(key.help)) + " | " + (key.at_once ? "yes" : "no") + " |\n";
}

// Why a row is not there.
std::string absences_table() {
  std::string text = "| reason | ground truth | counted as |\n| --- | --- | --- |\n";
  for (const RowAbsence& absence : row_absences) {
    text += "| " + std::string(absence.why) + " | `" + std::string(absence.truth) + "` | " +
            std::string(absence.name) + " |\n";
  }
  return text;
}

// A table for each section, in the order of --help.
std::string tables() {
  std::string text;
  std::string_view section;
  for (const config::ConfigKey& key : config::config_keys()) {
    const std::string_view its_section = key.name.substr(0, key.name.find('.'));
    if (its_section != section) {
      section = its_section;
      text += "\n### " + std::string(section) +
              "\n\n| key | flag | default | what it is | at once |\n| --- | --- | --- | --- | --- |\n";
    }
    text += row_of(key);
  }
  return text + '\n';
}

constexpr std::size_t comment_column = 30;

// What stands above and beside the headings of the reference, by path; somebody writes it by hand.
struct HeadingComment {
  std::string above;
  std::string beside;
};

std::map<std::string, HeadingComment> heading_comments(const std::string& yaml) {
  std::map<std::string, HeadingComment> comments;
  std::istringstream lines(yaml);
  std::vector<std::string> path;
  std::string above;
  const std::regex comment("( *)#.*");
  const std::regex heading("( *)(\\w+): *(#.*)?");
  std::smatch found;
  for (std::string line; std::getline(lines, line);) {
    // Comments that are further to the right belong to a key.
    if (std::regex_match(line, found, comment) &&
        static_cast<std::size_t>(found[1].length()) < comment_column) {
      above += line + "\n";
      continue;
    }
    if (std::regex_match(line, found, heading)) {
      path.resize(static_cast<std::size_t>(found[1].length()) / 2);
      const std::string parent = path.empty() ? "" : path.back() + ".";
      path.push_back(parent + found[2].str());
      comments[path.back()] = {above, found[3]};
    }
    above.clear();
  }
  return comments;
}

constexpr std::size_t widest_line = 120;

std::string padded(std::string line) {
  return line + std::string(std::max(line.size() + 2, comment_column) - line.size(), ' ');
}

// The comment of a key, at the right of its line and on as many more as it takes.
std::string with_comment(const std::string& line, const std::string& comment) {
  std::string text = padded(line) + "#";
  std::size_t column = text.size();
  std::istringstream words(comment);
  for (std::string word; words >> word;) {
    if (column + 1 + word.size() > widest_line) {
      text += "\n" + std::string(comment_column, ' ') + "#  ";
      column = comment_column + 3;
    }
    text += " " + word;
    column += 1 + word.size();
  }
  return text + "\n";
}

// Capitals that begin a name stay.
std::string lower_first(std::string text) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() > 1 && is_upper(text[0]) && !is_upper(text[1])) text[0] = static_cast<char>(text[0] + 32);
  return text;
}

std::string comment_of(const config::ConfigKey& key) {
  const bool turns_off = key.flag.starts_with("--no-");
  const std::string flag =
      key.flag.empty() ? "" : "[" + std::string(key.flag) + (turns_off ? ": false] " : "] ");
  return flag + lower_first(key.help) + (key.more.empty() ? "" : "; " + key.more);
}

std::string reference_line(const config::ConfigKey& key, const std::string& indent, const std::string& name) {
  const config::Config defaults;
  const std::string value = key.get(defaults);
  std::string text = key.repeatable && value.empty() ? "[]" : key.is_flow ? value : yaml::scalar(value);
  // Both spellings of one value would be one too many: the line stands for the key and sets nothing.
  if (!key.is_spelled(defaults)) text.clear();
  return with_comment(indent + name + ":" + (text.empty() ? "" : " ") + text, comment_of(key));
}

// What a heading's line says: what a type of anomalies does comes from their table, the rest is kept.
HeadingComment heading_comment(const std::map<std::string, HeadingComment>& kept, const std::string& path) {
  const auto found = kept.find(path);
  HeadingComment comment = found == kept.end() ? HeadingComment{} : found->second;
  const std::string types = "anomalies.types.";
  if (!path.starts_with(types)) return comment;
  const auto type = anomaly_type_of(path.substr(types.size()));
  REQUIRE(type.has_value());
  comment.beside = "# " + std::string(anomaly_types[index_of(*type)].effect);
  return comment;
}

// The sections with their headings' comments, and a line or more for each key.
std::string reference(const std::string& before) {
  const std::map<std::string, HeadingComment> comments = heading_comments(before);
  std::string text;
  std::string open;  // the path of the headings above the key
  for (const config::ConfigKey& key : config::config_keys()) {
    const std::string name(key.name);
    std::string indent;
    std::size_t from = 0;
    for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', from)) {
      const std::string path = name.substr(0, dot);
      if (!(open + ".").starts_with(path + ".")) {
        const HeadingComment comment = heading_comment(comments, path);
        const std::string heading = indent + name.substr(from, dot - from) + ":";
        text += (from == 0 ? "\n" : "") + comment.above +
                (comment.beside.empty() ? heading : padded(heading) + comment.beside) + "\n";
      }
      indent += "  ";
      from = dot + 1;
    }
    open = name.substr(0, from - 1);
    text += reference_line(key, indent, name.substr(from));
  }
  return text + "\n";
}

template <class Kind>
std::string usual_value(const declare::TypeField<Kind>& field) {
  if (field.required) return "required";
  const std::string text = field.text({}, Kind{});
  const bool is_nothing = text == "{}" || text == "[]" || text == "\"\"" || text == "[-.inf, .inf]";
  return is_nothing ? "none" : "`" + text + "`";
}

template <class Kind>
std::string fields_table() {
  const auto& fields = declare::type_fields<Kind>();
  if (fields.empty()) return "It has no keys but `kind`.\n";
  std::string text = "| key | values | default | what it is | at once |\n| --- | --- | --- | --- | --- |\n";
  for (const declare::TypeField<Kind>& field : fields) {
    text += "| `" + std::string(field.name) + "` | " + field.values + " | " + usual_value(field) + " | " +
            in_a_cell(std::string(field.help)) + " | " + (field.at_once ? "yes" : "no") + " |\n";
  }
  return text;
}

template <class Variant, std::size_t n, std::size_t... kinds>
std::string kinds_tables(const std::string& what, const std::array<std::string_view, n>& names,
                         std::index_sequence<kinds...>) {
  const auto table = [&](std::string_view name, const std::string& fields) {
    return "\n### " + what + " of the kind " + std::string(name) + "\n\n" + fields;
  };
  return (table(names[kinds], fields_table<std::variant_alternative_t<kinds, Variant>>()) + ...);
}

std::string fields_tables() {
  using Sources = decltype(types::Source::kind);
  using Channels = decltype(types::SignalChannel::kind);
  return kinds_tables<Sources>("A source", declare::source_kinds,
                               std::make_index_sequence<std::variant_size_v<Sources>>()) +
         "\n### Any channel\n\n" + fields_table<types::ChannelColumn>() +
         kinds_tables<Channels>("A channel", types::channel_kind_names,
                                std::make_index_sequence<std::variant_size_v<Channels>>()) +
         "\n### An aging\n\n" + fields_table<types::Aging>() + "\n";
}

std::string limits_list() {
  return fmt::format(
      "\n- A type has at most {} channels and {} sources, of these {} noises, {} loads and {} white ones, "
      "and {} agings.\n"
      "- A config has at most {} types, which take at most {} KiB together, written out as by `check "
      "--types`.\n",
      types::most_channels, types::most_sources, types::most_noises, types::most_loads, types::most_whites,
      types::most_agings, types::most_types, declare::most_types_bytes / 1'024);
}

// With `goes_with`, a column says which verbs take a key.
template <class Of>
std::string scenario_table(bool goes_with) {
  std::string text = goes_with ? "| key | values | goes with | what it is |\n| --- | --- | --- | --- |\n"
                               : "| key | values | what it is |\n| --- | --- | --- |\n";
  for (const scenario::Field<Of>& field : scenario::fields<Of>()) {
    text += fmt::format("| `{}` | {}{} | ", field.name, field.values, field.required ? "; required" : "");
    if (goes_with)
      text +=
          fmt::format("{} | ", field.verbs.empty() ? "all" : fmt::format("{}", fmt::join(field.verbs, ", ")));
    text += fmt::format("{} |\n", in_a_cell(std::string(field.help)));
  }
  return text;
}

std::string scenario_tables() {
  std::string text = "\n### An entry\n\n" + scenario_table<scenario::Entry>(true) + "\n### Where\n\n" +
                     scenario_table<scenario::Where>(false) +
                     "\n### Verbs\n\n| verb | values | what it does |\n| --- | --- | --- |\n";
  for (const scenario::VerbRow& verb : scenario::verbs())
    text += fmt::format("| `{}` | {} | {} |\n", verb.name, verb.values, in_a_cell(std::string(verb.help)));
  text += "\n### set\n\n" + scenario_table<scenario::Set>(false) + "\n### fault\n\n" +
          scenario_table<scenario::Fault>(false) + "\n### deliver\n\n" +
          scenario_table<scenario::Deliver>(false) + "\n### late, of deliver\n\n" +
          scenario_table<scenario::Late>(false);
  return text +
         fmt::format(
             "\n### Limits\n\nA config has at most {} entries, which take at most {} KiB together.\n\n",
             scenario::most_entries, scenario::most_scenario_bytes / 1'024);
}

}  // namespace

TEST_CASE("the page of scenarios has every key and verb with its values and meaning") {
  check_or_write(scenario_page, [](const std::string&) { return scenario_tables(); });
}

TEST_CASE("the page of the data has every reason why a row is not there") {
  check_or_write(absences_page, [](const std::string&) { return absences_table(); });
}

TEST_CASE("the scenarios that are shipped read back as they are") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(FLEET_SIM_SOURCE_DIR "/configs/scenarios")) {
    if (entry.path().extension() != ".yaml") continue;
    CAPTURE(entry.path().string());
    Problems problems;
    const config::Config config = config::load_config(std::vector{entry.path()}, {}, {}, problems);
    CHECK(problems.text() == "");
    CHECK_FALSE(config.scenario.empty());
    CHECK(config::read_config(config::config_text(config), "again", problems) == config);
    ++files;
  }
  CHECK(files == 6);
}

TEST_CASE("the page of the types has every key of every kind with its values, default and meaning") {
  check_or_write(fields_page, [](const std::string&) { return fields_tables(); });
}

TEST_CASE("the page of the types has the limits") {
  check_or_write(limits_page, [](const std::string&) { return limits_list(); });
}

TEST_CASE("the types that are shipped are one each, and read back as they are") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(FLEET_SIM_SOURCE_DIR "/configs/types")) {
    if (entry.path().extension() != ".yaml") continue;
    CAPTURE(entry.path().string());
    Problems problems;
    const config::Config config = config::load_config(std::vector{entry.path()}, {}, {}, problems);
    CHECK(problems.text() == "");
    REQUIRE(config.types.size() == 1);
    const std::string name = entry.path().stem().string();
    CHECK(config.types.begin()->first == (name == "lifelike" ? "temperature_vibration" : name));
    CHECK(config::read_config(config::config_text(config), "again", problems) == config);
    ++files;
  }
  CHECK(files == 6);
}

TEST_CASE("the page of the config has every key with its flag, default, meaning, and when it applies") {
  check_or_write(tables_page, [](const std::string&) { return tables(); });
}

TEST_CASE("the reference has every key with its default, flag, range and meaning") {
  check_or_write(reference_page, reference);
}

TEST_CASE("the page of the config has every effect of a behavior, and no other") {
  std::map<std::string, config::Bounds> effects{
      {"weights", config::factor_bounds}, {"channels", config::factor_bounds},
      {"spike_factor", {1, 1'000}},       {"noise_factor", config::factor_bounds},
      {"gain", config::gain_bounds},      {"shift", config::shift_bounds}};
  for (const config::NumberEffect& effect : config::number_effects)
    effects[std::string(effect.name)] = effect.bounds;
  for (const config::ChannelEffect& effect : config::channel_effects)
    effects[std::string(effect.name)] = config::factor_bounds;
  const std::string page = read_page(tables_page);
  const std::string section = page.substr(page.find("## Behaviors"));
  std::map<std::string, std::string> ranges;
  const std::regex row("\n\\| `(\\w+)` \\|[^|\n]*\\| ([^|,\n]*)[^|\n]* \\|");
  for (std::sregex_iterator found(section.begin(), section.end(), row), none; found != none; ++found) {
    ranges[(*found)[1]] = (*found)[2];
  }
  CHECK(ranges.size() == effects.size());
  for (const auto& [name, bounds] : effects) {
    CAPTURE(name);
    CHECK(ranges[name] == config::number_text(bounds.min) + " to " + config::number_text(bounds.max));
  }
}

}  // namespace fleet_sim::config_page_test
