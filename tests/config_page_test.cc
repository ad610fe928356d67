// configs/README.md against the tables it describes, so that it can neither forget a key nor misname a
// default.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>

#include "config/behavior_effects.h"
#include "config/behaviors.h"
#include "config/config_changes.h"
#include "config/config_keys.h"

namespace fleet_sim::config_page_test {
namespace {

constexpr const char* page_path = FLEET_SIM_SOURCE_DIR "/configs/README.md";
const std::string begin_of_keys = "<!-- keys -->\n";
const std::string end_of_keys = "<!-- end of keys -->\n";

std::string read_page() {
  std::ifstream file(page_path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string in_a_cell(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return std::regex_replace(text, std::regex(R"(\|)"), "\\|");
}

std::string default_of(const config::ConfigKey& key) {
  const std::string text = in_a_cell(key.get(config::Config()));
  return text.empty() ? "" : "`" + text + "`";
}

std::string row_of(const config::ConfigKey& key) {
  const std::string flag = key.flag.empty() ? "" : "`" + std::string(key.flag) + "`";
  return "| `" + std::string(key.name) + "` | " + flag + " | " + default_of(key) + " | " +
         in_a_cell(std::string(key.help)) + " | " + (config::applies_at_once(key) ? "yes" : "no") + " |\n";
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

}  // namespace

// With the variable FLEET_SIM_WRITE_PAGES the tables are written into the page instead.
TEST_CASE("the page of the config has every key with its flag, default, meaning, and when it applies") {
  const std::string page = read_page();
  const std::size_t begin = page.find(begin_of_keys);
  const std::size_t end = page.find(end_of_keys);
  REQUIRE(begin != page.npos);
  REQUIRE(end > begin);
  const std::size_t first = begin + begin_of_keys.size();
  if (std::getenv("FLEET_SIM_WRITE_PAGES") != nullptr) {
    std::ofstream(page_path) << page.substr(0, first) << tables() << page.substr(end);
    return;
  }
  CHECK_MESSAGE(page.substr(first, end - first) == tables(),
                "run this test with FLEET_SIM_WRITE_PAGES=1 to write the tables anew");
}

TEST_CASE("the page of the config has every effect of a behavior, and no other") {
  std::map<std::string, config::Bounds> effects{{"weights", config::factor_bounds},
                                                {"channels", config::factor_bounds},
                                                {"spike_factor", {1, 1'000}},
                                                {"noise_factor", config::factor_bounds}};
  for (const config::NumberEffect& effect : config::number_effects)
    effects[std::string(effect.name)] = effect.bounds;
  for (const config::ChannelEffect& effect : config::channel_effects)
    effects[std::string(effect.name)] = config::factor_bounds;
  const std::string page = read_page();
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
