#include "convert/convert.h"

#include <fmt/format.h>

#include <functional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/plain_text.h"
#include "base/problems.h"
#include "config/load_config.h"
#include "convert/converted_config.h"
#include "files/new_file.h"
#include "files/text_file.h"
#include "identity/identity_json.h"
#include "identity/load_identities.h"
#include "types/catalog.h"

namespace fleet_sim::convert {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 1'000;  // of a sensor each; more sensors share one
constexpr std::size_t longest_file_name = 200;
constexpr std::size_t lines_at_once = 1 << 20;

void demand(const Problems& problems) {
  if (!problems.empty()) throw InvalidInput(problems.text());
}

void demand_empty(const fs::path& out) {
  std::error_code error;
  const fs::file_status status = fs::status(out, error);
  if (status.type() == fs::file_type::not_found) return;
  const bool is_empty = fs::is_directory(status) && fs::is_empty(out, error) && !error;
  if (is_empty) return;
  throw InvalidInput(
      fmt::format("--out: {} exists and is not an empty folder; choose another", printable(out.string())));
}

ConvertedConfig read_config(const fs::path& file) {
  Problems problems;
  ConvertedConfig converted;
  if (const auto text = files::read_text_file(file, config::largest_config_file_bytes, problems)) {
    converted = convert_config(*text, file.string(), problems);
  }
  demand(problems);
  return converted;
}

identity::Roster read_identities(const std::vector<fs::path>& paths, const types::Catalog& types) {
  if (paths.empty()) return {};
  Problems problems;
  identity::LoadedIdentities loaded = identity::load_identities(paths, problems, types);
  demand(problems);
  return std::move(loaded.roster);
}

// The fleet to write: so many sensors, of which `record` makes each.
struct Fleet {
  std::size_t size = 0;
  std::function<identity::IdentityRecord(std::size_t)> record;
};

Fleet replicas_of(const identity::IdentityRecord& sensor, const Replicas& replicas) {
  return {replicas.count, [sensor, replicas](std::size_t i) {
            identity::IdentityRecord record = sensor;
            record.id = fmt::format("{}_{:03}", replicas.prefix, replicas.first + i);
            return record;
          }};
}

// The identities where there are some, else the sensor that the config describes; replicas are of one sensor.
Fleet fleet_of(ConvertedConfig& config, const identity::Roster& roster) {
  std::optional<identity::IdentityRecord> one = config.sensor;
  if (one && roster.size() > 0) config.left_out.emplace_back("sensor: the identities replace it");
  if (roster.size() == 1) one = roster.record(roster[0]);
  if (config.replicas && roster.size() > 1) {
    config.left_out.emplace_back("replicas: there is more than one identity, so each is one sensor");
    config.replicas.reset();
  }
  if (config.replicas) return replicas_of(one.value_or(identity::IdentityRecord()), *config.replicas);
  if (roster.size() > 0) {
    return {roster.size(), [&roster](std::size_t i) { return roster.record(roster[i]); }};
  }
  if (one && one->id.empty()) return replicas_of(*one, {});
  if (one) return {1, [one](std::size_t) { return *one; }};
  return {};
}

void write_file(const fs::path& path, std::string_view text) {
  files::NewFile file(path);
  file.write(text);
  file.publish();
}

// The id where it can be a name, and a number behind it where another sensor has that.
std::string file_name(const std::string& id, std::set<std::string>& taken) {
  std::string name = id.substr(0, longest_file_name);
  for (char& c : name) {
    const bool is_safe = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         c == '.' || c == '_' || c == '-';
    if (!is_safe) c = '_';
  }
  if (name.starts_with('.')) name.front() = '_';
  std::string free = name;
  for (std::size_t n = 2; !taken.insert(free).second; ++n) free = fmt::format("{}-{}", name, n);
  return free + ".json";
}

void write_folder(const Fleet& fleet, const fs::path& folder) {
  files::make_folder(folder);
  std::set<std::string> taken;
  for (std::size_t i = 0; i < fleet.size; ++i) {
    const identity::IdentityRecord record = fleet.record(i);
    std::string text;
    identity::append_pretty_json(text, record);
    write_file(folder / file_name(record.id, taken), text + '\n');
  }
}

void write_lines(const Fleet& fleet, const fs::path& path) {
  files::NewFile file(path);
  std::string lines;
  for (std::size_t i = 0; i < fleet.size; ++i) {
    identity::append_json_line(lines, fleet.record(i));
    lines += '\n';
    if (lines.size() >= lines_at_once || i + 1 == fleet.size) file.write(std::exchange(lines, {}));
  }
  file.publish();
}

}  // namespace

Conversion convert(const Request& request) {
  demand_empty(request.out);
  ConvertedConfig config;
  if (request.config) config = read_config(*request.config);
  const identity::Roster roster = read_identities(request.identities, types::Catalog(config.types));
  const Fleet fleet = fleet_of(config, roster);
  files::make_folder(request.out);
  Conversion conversion;
  if (request.config) {
    conversion.config = (request.out / "config.yaml").string();
    write_file(conversion.config, config.text);
  }
  if (fleet.size > 0) {
    const bool as_files = fleet.size <= most_files;
    const fs::path path = request.out / (as_files ? "identities" : "identities.jsonl");
    as_files ? write_folder(fleet, path) : write_lines(fleet, path);
    conversion.identities = path.string();
  }
  conversion.settings = config.settings;
  conversion.translated = config.translated;
  conversion.sensors = fleet.size;
  conversion.left_out = std::move(config.left_out);
  return conversion;
}

}  // namespace fleet_sim::convert
