// Types of one channel and of seven, made in code, from the fleet to everything that reads its files back:
// nothing on the way may know how many channels there are, or what they are called.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "data/digest.h"
#include "data/found_shard.h"
#include "data/source.h"
#include "export/export_readings.h"
#include "fleet/fleet.h"
#include "identity/load_identities.h"
#include "log/console.h"
#include "log/log.h"
#include "model/draws.h"
#include "report/report.h"
#include "report/report_html.h"
#include "report/report_json.h"
#include "report/sensor_series.h"
#include "run/simulator.h"
#include "run/stop_signals.h"
#include "status/status_json.h"
#include "support/made_type.h"
#include "support/rosters.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"

namespace fleet_sim::channels_test {

using namespace fleet_sim::test;
using nlohmann::json;

namespace {

constexpr Timestamp start = 1'767'225'600'000'000;
constexpr std::uint64_t seed = 11;
constexpr std::uint64_t seconds = 600;
constexpr std::size_t sensors = 5;

config::Config config_in(const TemporaryFolder& folder) {
  config::Config config;
  config.simulation.seed = seed;
  config.simulation.run_time_seconds = seconds;
  config.clock.start = start;
  config.clock.speed.max = true;
  config.anomalies.probability = 0.2;
  config.sqlite.data_dir = folder.path().string();
  config.sharding = {config::ShardKey::none, 1};
  return config;
}

void simulate(const TemporaryFolder& folder, const types::SensorType& type) {
  start::Inputs inputs;
  inputs.config = config_in(folder);
  inputs.identities.roster = roster_of(sensors, type.schema.type());
  inputs.members = all_of(inputs.identities.roster);
  inputs.types = catalog_of(type);
  run::StopSignals signals;
  log::Console console(false);
  log::Log log({}, "", [](auto, const std::string&) {});
  ErrorCounts errors;
  run::Simulator(std::move(inputs), console, log, errors).drive(signals);
}

std::string only_shard(const TemporaryFolder& folder) {
  return data::find_shards(folder.path()).at(0).string();
}

std::vector<std::string> names_of(const types::SensorType& type) {
  std::vector<std::string> names;
  for (const types::ChannelColumn& channel : type.schema.channels()) names.push_back(channel.name);
  return names;
}

// The readings that the model gives, once more and in memory.
std::vector<batch::Reading> readings_of(const identity::Roster& roster, const config::Config& config,
                                        const types::SensorType& type) {
  const std::vector<std::uint32_t> writer_of(roster.size(), 0);
  fleet::Fleet fleet =
      fleet::build_fleet(roster, all_of(roster), writer_of, config, seed, start, catalog_of(type));
  const Timestamp end = start + static_cast<Timestamp>(seconds) * microseconds_per_second;
  std::vector<batch::Reading> readings;
  batch::Batch batch;
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    for (; cohort.next_due() < end; batch.clear()) {
      cohort.tick(end, batch);
      readings.insert(readings.end(), batch.readings.begin(), batch.readings.end());
    }
  }
  return readings;
}

// The values in the file, by sensor and time, as a fresh connection reads them.
std::map<std::pair<std::string, std::string>, std::vector<double>> values_in(const std::string& file,
                                                                             const types::SensorType& type) {
  tables::Database database = opened(file);
  tables::Statement row;
  const std::string sql =
      "SELECT sensor_id, timestamp, " + listed(type.schema.channels()) + " FROM sensor_readings";
  REQUIRE(database.prepare(sql, row).ok());
  std::map<std::pair<std::string, std::string>, std::vector<double>> found;
  while (row.step() == SQLITE_ROW) {
    std::vector<double>& values = found[{std::string(row.text(0)), std::string(row.text(1))}];
    for (std::size_t c = 0; c < type.schema.channels().size(); ++c) {
      REQUIRE(row.type(static_cast<int>(c) + 2) == SQLITE_FLOAT);
      values.push_back(row.real(static_cast<int>(c) + 2));
    }
  }
  return found;
}

void check_table(const std::string& file, const types::SensorType& type) {
  std::vector<std::string> expected{"id", "timestamp", "sensor_id"};
  for (const std::string& name : names_of(type)) expected.push_back(name);
  for (const char* name : {"status_code", "anomaly_flag", "anomaly_type", "firmware_version", "model",
                           "manufacturer", "location", "synced"}) {
    expected.emplace_back(name);
  }
  CHECK(query(file, "SELECT name FROM pragma_table_info('sensor_readings')") == expected);
  const std::vector<std::string> names = names_of(type);
  for (const std::string& name :
       query(file, "SELECT DISTINCT channel FROM anomaly_events WHERE channel IS NOT NULL")) {
    CHECK(std::ranges::find(names, name) != names.end());
  }
}

// The rows are the model's, bit for bit; and a run that goes on would find each of them there.
void check_rows(const std::string& file, const TemporaryFolder& folder, const types::SensorType& type) {
  const identity::Roster roster = roster_of(sensors, type.schema.type());
  const std::vector<batch::Reading> readings = readings_of(roster, config_in(folder), type);
  const auto found = values_in(file, type);
  REQUIRE(found.size() == readings.size());
  const std::string run = query(file, "SELECT run_id FROM run_info").at(0);
  const data::FoundFile shard(file, run, [&](std::string_view id) -> std::optional<std::uint32_t> {
    return static_cast<std::uint32_t>(std::stoul(std::string(id.substr(id.find('-') + 1))));
  });
  const write::FoundRows& rows = shard.rows();
  using Verdict = write::FoundRows::Verdict;
  for (batch::Reading reading : readings) {
    REQUIRE(reading.values.size() == type.schema.channels().size());
    const std::string id(roster[reading.sensor].id);
    REQUIRE(batch::Values(found.at({id, timestamp_text(reading.due)})) == reading.values);
    REQUIRE(rows.judge(reading) == Verdict::present);
    if (reading.due < rows.complete_until()) continue;
    reading.values[reading.values.size() - 1] += 1;
    CHECK(rows.judge(reading) == Verdict::different);
  }
}

// Every value counts for the digest: one that is changed changes it.
void check_digest(const std::string& file, const TemporaryFolder& folder, const types::SensorType& type) {
  const std::string digest = data::digest_of(folder.path()).text();
  CHECK(data::digest_of(folder.path()).total.readings == values_in(file, type).size());
  for (const std::string& name : names_of(type)) {
    run_sql(file, "UPDATE sensor_readings SET " + name + " = " + name + " + 1 WHERE id = 1");
    CHECK(data::digest_of(folder.path()).text() != digest);
    run_sql(file, "UPDATE sensor_readings SET " + name + " = " + name + " - 1 WHERE id = 1");
  }
}

std::string exported(const TemporaryFolder& folder, exports::RowFormat format) {
  std::string text;
  const auto counts = exports::export_readings(data::find_source(folder.path()), {}, format,
                                               [&](std::string_view lines, const auto&) { text += lines; });
  CHECK(counts.rows > 0);
  CHECK(counts.left_out == 0);
  return text;
}

void check_exports(const TemporaryFolder& folder, const types::SensorType& type) {
  std::string header = "timestamp,sensor_id";
  for (const std::string& name : names_of(type)) header += ',' + name;
  header += ",status_code,anomaly_flag,anomaly_type,firmware_version,model,manufacturer,location\n";
  CHECK(exported(folder, exports::RowFormat::csv).starts_with(header));

  const std::string lines = exported(folder, exports::RowFormat::ndjson);
  const json first = json::parse(lines.substr(0, lines.find('\n')));
  for (const std::string& name : names_of(type)) CHECK_MESSAGE(first[name].is_number_float(), name);
  CHECK(first.size() == names_of(type).size() + 9);

  const std::string protocol = exported(folder, exports::RowFormat::line_protocol);
  const std::string line = protocol.substr(0, protocol.find('\n'));
  CHECK(std::ranges::count(line, '=') == static_cast<std::ptrdiff_t>(names_of(type).size()) +
                                             (line.find("anomaly_type=") == std::string::npos ? 2 : 3) +
                                             std::ranges::count(line.substr(0, line.find(' ')), '='));
  for (const std::string& name : names_of(type)) {
    CHECK_MESSAGE((line.find(' ' + name + '=') != std::string::npos ||
                   line.find(',' + name + '=') != std::string::npos),
                  name);
  }
}

void check_report(const TemporaryFolder& folder, const types::SensorType& type) {
  report::ReadProgress progress;
  const report::Report report = report::make_report(folder.path(), progress);
  CHECK(report.unreadable.empty());
  const json daily = json::parse(report::report_json(report))["daily"];
  REQUIRE(daily.size() == 1);
  CHECK(daily[0]["hours"][0]["c0"].get<double>() == doctest::Approx(1'000).epsilon(0.01));

  const std::vector<report::SensorSeries> series = report::read_series(folder.path(), report);
  REQUIRE_FALSE(series.empty());
  REQUIRE(series.front().channels.size() == names_of(type).size());
  const auto last = names_of(type).size() - 1;
  CHECK(series.front().channels[last].name == names_of(type)[last]);
  for (const report::SeriesPoint& point : series.front().points) {
    if (point.values) CHECK(point.values->size() == names_of(type).size());
  }
  const std::string page = report::report_html(report, series);
  CHECK(page.find("{\"name\":\"c" + std::to_string(last) + "\"") != std::string::npos);
}

void check_status(const types::SensorType& type) {
  status::SensorDetail detail;
  detail.effective = "{}";
  for (const types::ChannelColumn& channel : type.schema.channels()) detail.channels.push_back({channel});
  batch::Values values(type.schema.channels().size());
  std::ranges::fill(values, 2.5);
  detail.readings = {{start, values, AnomalyType::spike, type.schema.name_of(Channel{0})}};
  const json sensor = json::parse(status::sensor_json(detail));
  REQUIRE(sensor["channels"].size() == names_of(type).size());
  for (std::size_t c = 0; c < names_of(type).size(); ++c) {
    CHECK(sensor["channels"][c]["name"] == names_of(type)[c]);
    CHECK(sensor["channels"][c]["unit"] == type.schema.channels()[c].unit);
    CHECK(sensor["readings"][0][names_of(type)[c]] == 2.5);
  }
  CHECK(sensor["readings"][0]["channel"] == "c0");
}

}  // namespace

TEST_CASE("a type of one channel and one of seven go through everything") {
  for (const std::size_t channels : {1, 7}) {
    CAPTURE(channels);
    const TemporaryFolder folder;
    const types::SensorType type = type_of(channels);
    simulate(folder, type);
    const std::string file = only_shard(folder);
    check_table(file, type);
    check_rows(file, folder, type);
    check_digest(file, folder, type);
    check_exports(folder, type);
    check_report(folder, type);
    check_status(type);
  }
}

TEST_CASE("spikes and trends pick every channel, and every channel has noise of its own") {
  const TemporaryFolder folder;
  const types::SensorType type = type_of(7);
  simulate(folder, type);
  const std::string file = only_shard(folder);
  std::set<std::string> picked;
  for (const std::string& name :
       query(file, "SELECT DISTINCT channel FROM anomaly_events WHERE channel IS NOT NULL")) {
    picked.insert(name);
  }
  CHECK(picked.size() == 7);
  // Two channels that shared a word would move together.
  std::vector<std::string> away;
  for (std::size_t c = 0; c < 7; ++c) {
    away.push_back("(c" + std::to_string(c) + " - " + std::to_string(1'000 * (c + 1)) + ")");
  }
  for (std::size_t a = 1; a < 7; ++a) {
    for (std::size_t b = a + 1; b < 7; ++b) {
      const std::string product = query(file, "SELECT avg(" + away[a] + " * " + away[b] +
                                                  ") FROM sensor_readings WHERE anomaly_flag = 0")
                                      .at(0);
      CHECK_MESSAGE(std::abs(std::stod(product)) < 0.2, a << " and " << b);
    }
  }
}

TEST_CASE("identities and behaviors speak of any type's channels by name") {
  const types::SensorType type = type_of(7);
  const TemporaryFolder folder;
  std::ofstream(folder / "fleet.json") << R"({"id": "own", "type": "made", "normal_parameters":
      {"c6": {"mean": 5, "std_dev": 2, "min": 0}, "temperature": {"mean": 1}}})";
  Problems problems;
  const identity::LoadedIdentities loaded =
      identity::load_identities({folder / "fleet.json"}, problems, *catalog_of(type));
  REQUIRE(loaded.roster.size() == 1);
  CHECK(loaded.unknown_keys == std::vector<std::string>{"normal_parameters.temperature"});

  config::Config config;
  config.behaviors = {};
  config::Behavior& firmware = config.behaviors.firmware["1.3"];
  firmware.spread = {{"c6", 3}};
  firmware.noise = {{"c1", 4}};
  firmware.channels = {{"c0", 2}, {"c2", 0}};
  const model::Profile profile =
      model::resolve_profile(config, fleet::profile_source(loaded.roster, loaded.roster[0], config, type));
  CHECK(profile.channels[6].mean == 5);
  CHECK(profile.channels[6].deviation == 6);
  CHECK(profile.channels[6].min == 0);
  CHECK(profile.channels[6].max == 7'100);
  CHECK(profile.channels[5].mean == 6'000);
  CHECK(profile.channels[5].deviation == 1);
  CHECK(profile.noise_factor[1] == 4 * profile.noise_factor[0]);
  CHECK(profile.noise_factor[6] == profile.noise_factor[0]);
  CHECK(profile.channel_until[0] == doctest::Approx(2.0 / 7));
  CHECK(profile.channel_until[2] == profile.channel_until[1]);
  CHECK(profile.channel_until[6] == doctest::Approx(1));
}

TEST_CASE("a file of other channels is not written to, and says so") {
  const TemporaryFolder folder;
  simulate(folder, type_of(7));
  CHECK_THROWS_WITH_AS(simulate(folder, type_of(1)), doctest::Contains("different columns"), std::exception);
}

TEST_CASE("names that are no channels") {
  const auto problem = [](const std::vector<types::ChannelColumn>& channels) {
    return types::Schema::problem_of(channels);
  };
  CHECK(problem({{"a", ""}, {"b_2", ""}}).empty());
  CHECK_FALSE(problem({{"a", ""}, {"A", ""}}).empty());
  CHECK_FALSE(problem({{"Location", ""}}).empty());
  CHECK_FALSE(problem({{"id", ""}}).empty());
  CHECK_FALSE(problem({{"", ""}}).empty());
  CHECK_FALSE(problem({{"2a", ""}}).empty());
  CHECK_FALSE(problem({{"a b", ""}}).empty());
  CHECK_FALSE(problem({{"a\"", ""}}).empty());
  std::vector<types::ChannelColumn> many;
  for (std::size_t c = 0; c <= types::most_channels; ++c) many.push_back({"c" + std::to_string(c), ""});
  CHECK_FALSE(problem(many).empty());
  CHECK_THROWS_AS(types::Schema("many", many), std::invalid_argument);
}

}  // namespace fleet_sim::channels_test
