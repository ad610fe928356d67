#include "manifest/read_manifest.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <iterator>

#include "base/problems.h"
#include "yaml/tree.h"

namespace fleet_sim::manifest {
namespace {

// The values of run.json by name. JSON is YAML.
class Values {
 public:
  Values(const yaml::Node& map, const std::filesystem::path& path) : map_(map), path_(path) {}

  [[nodiscard]] std::string text(std::string_view name) const {
    const yaml::Node* value = yaml::find_value(map_, name);
    return value == nullptr ? std::string() : value->text;
  }
  [[nodiscard]] std::uint64_t number(std::string_view name) const {
    const std::string digits = text(name);
    std::uint64_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) refuse(name);
    return value;
  }
  [[nodiscard]] Timestamp moment(std::string_view name) const {
    const auto at = parse_timestamp(text(name));
    if (!at) refuse(name);
    return *at;
  }

 private:
  [[noreturn]] void refuse(std::string_view name) const {
    throw InvalidInput(fmt::format("{}: {} cannot be read", path_.string(), name));
  }

  const yaml::Node& map_;
  const std::filesystem::path& path_;
};

constexpr std::string_view version_begins = "{\"valid_from\":\"";
constexpr std::string_view version_continues = "\",\"identity\":";
constexpr std::string_view removal_begins = "{\"valid_until\":\"";
constexpr std::string_view removal_continues = "\",\"id\":";

// What stands behind the two texts and the moment between them, up to the closing bracket.
std::optional<std::string_view> rest_of(std::string_view line, std::string_view begins,
                                        std::string_view continues, Timestamp& at) {
  const std::size_t before = begins.size() + timestamp_width + continues.size();
  if (line.size() <= before || !line.starts_with(begins) || !line.ends_with('}')) return std::nullopt;
  if (line.substr(begins.size() + timestamp_width, continues.size()) != continues) return std::nullopt;
  const auto moment = parse_timestamp(line.substr(begins.size(), timestamp_width));
  if (!moment) return std::nullopt;
  at = *moment;
  return line.substr(before, line.size() - before - 1);
}

}  // namespace

std::optional<RecordedRun> find_run(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Problems problems;
  const auto root = yaml::parse(text, yaml::FileProblems(path.string(), problems));
  if (!root || !problems.empty() || !root->is(yaml::Node::Kind::map))
    throw InvalidInput(fmt::format("{}: is no manifest of a run; move it away", path.string()));
  const Values values(*root, path);
  RecordedRun recorded;
  tables::RunInfo& run = recorded.run;
  run.run_id = values.text("run_id");
  run.version = values.text("version");
  run.seed = values.number("seed");
  run.start = values.moment("start");
  run.began_at = values.moment("began_at");
  if (!values.text("resumed_at").empty()) run.resumed_at = values.moment("resumed_at");
  run.fleet_size = values.number("fleet_size");
  run.partition = values.text("partition");
  run.shard_by = values.text("shard_by");
  run.config = values.text("config");
  run.config_hash = values.text("config_hash");
  run.fleet_hash = values.text("fleet_hash");
  run.zone_data = values.text("zone_data");
  recorded.sink = values.text("sink");
  const yaml::Node* books = yaml::find_value(*root, "books");
  recorded.has_ended = books != nullptr && books->is(yaml::Node::Kind::map);
  if (!recorded.has_ended) return recorded;
  const Values numbers(*books, path);
  if (!numbers.text("until").empty()) recorded.until = numbers.moment("until");
  recorded.due = numbers.number("due");
  recorded.skipped = numbers.number("skipped");
  recorded.written = numbers.number("written");
  recorded.lost = numbers.number("lost");
  if (!numbers.text("lost_at_stop").empty()) recorded.lost_at_stop = numbers.number("lost_at_stop");
  if (!numbers.text("rejected").empty()) recorded.rejected = numbers.number("rejected");
  if (!numbers.text("unconfirmed").empty()) recorded.unconfirmed = numbers.number("unconfirmed");
  return recorded;
}

void read_sensors(const std::filesystem::path& path, const std::function<void(const SensorLine&)>& take) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) throw InvalidInput(fmt::format("{}: cannot be opened", path.string()));
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    SensorLine one;
    if (const auto identity = rest_of(line, version_begins, version_continues, one.at)) {
      one.identity = *identity;
    } else if (const auto id = rest_of(line, removal_begins, removal_continues, one.at)) {
      one.removed_id = *id;
    } else {
      throw InvalidInput(fmt::format("{}:{}: is no line of a manifest", path.string(), number));
    }
    take(one);
  }
}

}  // namespace fleet_sim::manifest
