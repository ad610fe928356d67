#include "tables/sensors.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>

#include "base/text.h"
#include "identity/identity_json.h"

namespace fleet_sim::tables {
namespace {

// By sensor, because that is how rows are joined to readings.
constexpr const char* create_sensors = R"sql(
CREATE TABLE IF NOT EXISTS sensors (
  sensor_id TEXT NOT NULL,
  valid_from TEXT NOT NULL,
  type TEXT NOT NULL,
  location TEXT NOT NULL,
  manufacturer TEXT NOT NULL,
  model TEXT NOT NULL,
  firmware_version TEXT NOT NULL,
  serial_number TEXT,
  latitude REAL,
  longitude REAL,
  timezone TEXT,
  readings_per_second REAL,
  interval TEXT,
  normal_parameters TEXT,
  extras TEXT,
  PRIMARY KEY (sensor_id, valid_from)
))sql";

constexpr std::string_view insert_version =
    "INSERT OR REPLACE INTO sensors VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
    "?15)";

// Unless the version in force says the same. Of two runs over the same time the later one counts.
constexpr std::string_view insert_new_version = R"sql(
INSERT OR REPLACE INTO sensors SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15
WHERE NOT EXISTS (SELECT 1 FROM
  (SELECT * FROM sensors WHERE sensor_id = ?1 AND valid_from <= ?2 ORDER BY valid_from DESC LIMIT 1)
  WHERE type = ?3 AND location = ?4 AND manufacturer = ?5 AND model = ?6 AND firmware_version = ?7
    AND serial_number IS ?8 AND latitude IS ?9 AND longitude IS ?10 AND timezone IS ?11
    AND readings_per_second IS ?12 AND interval IS ?13 AND normal_parameters IS ?14 AND extras IS ?15))sql";

class VersionInsert {
 public:
  VersionInsert(Database& database, const identity::Roster& roster) : database_(database), roster_(roster) {}

  // There is nothing to compare with where all hold from one time on, in a new table.
  StorageError prepare(bool same_time) {
    const bool is_empty = database_.query_integer("SELECT 1 FROM sensors LIMIT 1", 0) == 0;
    return database_.prepare(is_empty && same_time ? insert_version : insert_new_version, statement_);
  }

  StorageError write(const SensorVersion& version) {
    const identity::Identity& identity = roster_[version.identity];
    const identity::IdentityOverrides& overrides = roster_.overrides(identity);
    const identity::IdentityDetails& details = roster_.details(identity);
    const std::string since = timestamp_text(version.since);
    const std::string parameters = identity::parameters_json(overrides);
    parameter_ = 0;
    bind(identity.id);
    bind(since);
    for (const identity::Text text : {identity.type, identity.location, identity.manufacturer, identity.model,
                                      identity.firmware_version}) {
      bind(roster_.text(text));
    }
    bind_some(details.serial_number);
    bind_some(details.latitude);
    bind_some(details.longitude);
    bind_some(overrides.time_zone);
    bind_rate(overrides.rate);
    bind_some(parameters);
    bind_some(details.extras);
    return database_.error_of(statement_.run());
  }

 private:
  void bind(std::string_view text) { statement_.bind(++parameter_, text); }

  // NULL where the identity says nothing.
  void bind_some(const std::string& text) {
    ++parameter_;
    text.empty() ? statement_.bind_null(parameter_) : statement_.bind(parameter_, std::string_view(text));
  }
  void bind_some(const std::optional<double>& number) {
    ++parameter_;
    number ? statement_.bind(parameter_, *number) : statement_.bind_null(parameter_);
  }

  // As the identity has it: a rate, or an interval.
  void bind_rate(const std::optional<Rate>& rate) {
    const auto interval = rate ? rate->interval() : std::nullopt;
    interval_ = interval ? interval_text(*interval) : std::string();
    bind_some(rate && !interval ? std::optional(rate->per_second()) : std::nullopt);
    bind_some(interval_);
  }

  Database& database_;
  const identity::Roster& roster_;
  Statement statement_;
  std::string interval_;  // the statement refers to it until it has run
  int parameter_ = 0;
};

}  // namespace

const std::vector<std::string>& sensor_columns() {
  static const std::vector<std::string> columns{
      "sensor_id", "valid_from",          "type",          "location",          "manufacturer",
      "model",     "firmware_version",    "serial_number", "latitude",          "longitude",
      "timezone",  "readings_per_second", "interval",      "normal_parameters", "extras"};
  return columns;
}

StorageError make_sensors(Database& database) {
  return database.execute(create_sensors);
}

// In the order of the table, which then grows at its end: a fleet in one file would otherwise touch a page a
// sensor.
StorageError record_sensors(Database& database, const identity::Roster& roster,
                            std::vector<SensorVersion> versions) {
  if (versions.empty()) return {};
  const auto comes_first = [&](const SensorVersion& a, const SensorVersion& b) {
    return std::tuple(roster[a.identity].id, a.since, a.identity) <
           std::tuple(roster[b.identity].id, b.since, b.identity);
  };
  // Fleets are mostly listed in that order.
  if (!std::ranges::is_sorted(versions, comes_first)) std::ranges::sort(versions, comes_first);
  if (StorageError error = make_sensors(database); !error.ok()) return error;
  VersionInsert insert(database, roster);
  const bool same_time = std::ranges::all_of(
      versions, [&](const SensorVersion& version) { return version.since == versions.front().since; });
  StorageError error = insert.prepare(same_time);
  for (std::size_t i = 0; error.ok() && i < versions.size(); ++i) error = insert.write(versions[i]);
  return error;
}

}  // namespace fleet_sim::tables
