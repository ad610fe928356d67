#include "data/source.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string_view>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "tables/schema.h"

namespace fleet_sim::data {
namespace {

std::set<Place> places_of(const SourceShard& shard) {
  std::set<Place> places;
  if (!shard.has_readings) return places;
  tables::Database database = open(shard);
  std::string sql = "SELECT DISTINCT sensor_id, location FROM sensor_readings";
  if (shard.has_events) sql += " UNION SELECT sensor_id, NULL FROM anomaly_events";
  tables::Statement row = prepare_query(database, sql, shard.file);
  while (next_row(row, database, shard.file)) places.emplace(row.text(0), row.text(1));
  return places;
}

bool asks_for(const std::vector<std::string>& wanted, const std::string& text) {
  return wanted.empty() || std::ranges::find(wanted, text) != wanted.end();
}

// A name that is nowhere is a mistake, not an empty result.
void check_known(std::string_view option, const std::vector<std::string>& wanted,
                 const std::set<std::string_view>& known) {
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  Problems problems;
  for (const std::string& name : wanted) {
    if (known.contains(name)) continue;
    problems.add(std::string(option), fmt::format("no shard has readings of {}{}", in_quotes(name),
                                                  did_you_mean(name, candidates)));
  }
  if (!problems.empty()) throw InvalidInput(problems.text());
}

void check_known(const Selection& selection, std::span<const std::set<Place>> places) {
  std::set<std::string_view> sensors;
  std::set<std::string_view> locations;
  for (const std::set<Place>& of_shard : places) {
    for (const auto& [sensor, location] : of_shard) {
      sensors.insert(sensor);
      locations.insert(location);
    }
  }
  check_known("--sensor", selection.sensors, sensors);
  check_known("--location", selection.locations, locations);
}

std::string list_of_parameters(std::size_t count, int first) {
  std::string list = "(";
  for (std::size_t i = 0; i < count; ++i) {
    list += fmt::format("{}{}", i > 0 ? ", ?" : "?", static_cast<std::size_t>(first) + i);
  }
  return list + ")";
}

}  // namespace

tables::Database open(const SourceShard& shard) {
  return open_shard(shard.file, shard.had_log);
}

SourceShard look_at(const std::filesystem::path& file) {
  SourceShard shard{file, has_log(file)};
  tables::Database database = open(shard);
  shard.schema = read_schema(database, file);
  shard.has_readings = has_table(database, "sensor_readings", file);
  shard.has_events = has_table(database, "anomaly_events", file);
  return shard;
}

std::vector<SourceShard> find_source(const Sources& sources) {
  const std::vector<std::filesystem::path>& files = sources.files;
  std::vector<SourceShard> shards(files.size());
  tbb::parallel_for(std::size_t{0}, files.size(), [&](std::size_t i) { shards[i] = look_at(files[i]); });
  return shards;
}

std::vector<std::string_view> type_names(const std::vector<SourceShard>& shards) {
  std::set<std::string_view> names;
  for (const SourceShard& shard : shards) {
    if (shard.has_readings && !shard.schema.type().empty()) names.insert(shard.schema.type());
  }
  return {names.begin(), names.end()};
}

std::vector<SourceShard> only_types(std::vector<SourceShard> shards, const std::vector<std::string>& types) {
  const std::vector<std::string_view> known = type_names(shards);
  for (const std::string& type : types) {
    if (std::ranges::find(known, type) != known.end()) continue;
    throw InvalidInput(fmt::format("--type: there are no readings of {}{}; there are readings of {}",
                                   in_quotes(type), did_you_mean(type, known),
                                   printable(fmt::format("{}", fmt::join(known, ", ")))));
  }
  std::erase_if(shards, [&](const SourceShard& shard) { return !asks_for(types, shard.schema.type()); });
  return shards;
}

std::vector<std::set<Place>> find_places(const std::vector<SourceShard>& shards, const Selection& selection) {
  std::vector<std::set<Place>> places(shards.size());
  tbb::parallel_for(std::size_t{0}, shards.size(), [&](std::size_t i) { places[i] = places_of(shards[i]); });
  check_known(selection, places);
  for (std::set<Place>& of_shard : places) {
    std::erase_if(of_shard, [&](const Place& place) {
      return !asks_for(selection.sensors, place.first) || !asks_for(selection.locations, place.second);
    });
  }
  return places;
}

std::size_t affordable_shards() {
  constexpr rlim_t kept_for_others = 32;
  constexpr rlim_t files_of_a_shard = 3;  // the database, its log and the log's index
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<std::size_t>((std::max(limit.rlim_cur, kept_for_others) - kept_for_others) /
                                  files_of_a_shard);
}

std::uint64_t most_readings_of(const SourceShard& shard) {
  if (!shard.has_readings) return 0;
  tables::Database database = open(shard);
  const auto ids = find_reading_ids(database, shard.file);
  if (!ids) return 0;
  return static_cast<std::uint64_t>(ids->last) - static_cast<std::uint64_t>(ids->first) + 1;
}

std::string condition_of(const Selection& selection, int first) {
  const auto& [from, to, sensors, locations] = selection;
  std::string condition;
  if (!sensors.empty())
    condition += fmt::format(" AND sensor_id IN {}", list_of_parameters(sensors.size(), first));
  first += static_cast<int>(sensors.size());
  if (!locations.empty())
    condition += fmt::format(" AND location IN {}", list_of_parameters(locations.size(), first));
  return condition;
}

void bind(tables::Statement& statement, const Selection& selection, int first) {
  for (const std::string& sensor : selection.sensors) statement.bind(first++, sensor);
  for (const std::string& location : selection.locations) statement.bind(first++, location);
}

void refuse_time(std::int64_t reading, std::string_view time, const SourceShard& shard) {
  throw std::runtime_error(fmt::format("{}: reading {} has {} where a time should be", shard.file.string(),
                                       reading, in_quotes(time)));
}

}  // namespace fleet_sim::data
