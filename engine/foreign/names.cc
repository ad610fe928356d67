#include "foreign/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <span>

namespace fleet_sim::foreign {
namespace {

// How a value of theirs becomes one of ours.
enum class Change { none, megabytes, seconds, host, port, debug };

// A key stands for those below it too, whose ends are the same here.
struct Name {
  std::string_view theirs;
  std::string_view ours = {};
  Change change = Change::none;
  std::string_view note = {};
};

constexpr std::string_view in_identity = "set it in the sensor's identity file";
constexpr std::string_view other_channels = "sensors here read temperature, vibration and voltage";
constexpr std::string_view location_in_identity =
    "a location belongs to an identity; `fleet-sim generate --mix FILE` draws them";
constexpr std::string_view make_fleet = "`fleet-sim generate --count N` makes a fleet";
constexpr std::string_view backups = "back files up with SQLite's .backup, even while the fleet runs";
constexpr std::string_view always_appended =
    "files are always appended to; choose another data directory to start afresh";
constexpr std::string_view always_logged = "a run always uses write-ahead logs";
constexpr std::string_view no_version = "leave it out";
constexpr std::string_view retention_spares =
    "readings that no collector has marked stay, unless database.retention.only_synced is false";

constexpr Name keys[] = {
    {"version", {}, Change::none, no_version},
    {"sensor", {}, Change::none, "write an identity file; `fleet-sim convert` makes one from this section"},
    {"replicas",
     {},
     Change::none,
     "`fleet-sim generate --count N` makes a fleet; `fleet-sim convert` makes this one"},
    {"random_location", {}, Change::none, location_in_identity},
    {"valid_configurations", {}, Change::none, "every manufacturer, model and firmware version is valid"},
    {"seed", "simulation.seed"},
    {"random_seed", "simulation.seed"},
    {"simulation.random_seed", "simulation.seed"},
    {"simulation.interval_seconds", "simulation.interval"},
    {"simulation.duration", "simulation.run_time_seconds"},
    {"simulation.duration_seconds", "simulation.run_time_seconds"},
    {"simulation.start_delay_seconds",
     {},
     Change::none,
     "a run starts at once; clock.start sets its simulated time"},
    {"simulation.replicas_count", {}, Change::none, make_fleet},
    {"simulation.random_location_enabled", {}, Change::none, location_in_identity},
    {"simulation.latitude_range", {}, Change::none, location_in_identity},
    {"simulation.longitude_range", {}, Change::none, location_in_identity},
    {"simulation.location_update_interval", {}, Change::none, "a sensor stays where its identity says"},
    {"simulation.dynamic_reload_enabled", "config_reload.enabled"},
    {"simulation.reload_check_interval", "config_reload.check_interval_seconds"},
    {"dynamic_reloading.enabled", "config_reload.enabled"},
    {"dynamic_reloading.check_interval_seconds", "config_reload.check_interval_seconds"},
    {"normal_parameters.humidity", {}, Change::none, other_channels},
    {"normal_parameters.pressure", {}, Change::none, other_channels},
    {"parameters.temperature", "normal_parameters.temperature"},
    {"parameters.vibration", "normal_parameters.vibration"},
    {"parameters.voltage", "normal_parameters.voltage"},
    {"parameters.humidity", {}, Change::none, other_channels},
    {"parameters.pressure", {}, Change::none, other_channels},
    {"parameters.anomalies_enabled", "anomalies.enabled"},
    {"parameters.anomaly_probability", "anomalies.probability"},
    {"parameters.anomaly_types", "anomalies.types"},
    {"anomalies.base_probability", "anomalies.probability"},
    {"anomalies.anomaly_probability", "anomalies.probability"},
    {"database.batch_timeout", "database.flush_interval_ms", Change::seconds},
    {"database.batch_timeout_seconds", "database.flush_interval_ms", Change::seconds},
    {"database.flush_interval_seconds", "database.flush_interval_ms", Change::seconds},
    {"database.max_size_mb", "database.retention.shard_bytes", Change::megabytes, retention_spares},
    {"database.preserve_existing_db", {}, Change::none, always_appended},
    {"database.wal", {}, Change::none, always_logged},
    {"database.wal_mode", {}, Change::none, always_logged},
    {"database.wal_enabled", {}, Change::none, always_logged},
    {"database.journal_mode", {}, Change::none, always_logged},
    {"database.backup_enabled", {}, Change::none, backups},
    {"database.backup_interval_hours", {}, Change::none, backups},
    {"database.backup_interval_seconds", {}, Change::none, backups},
    {"database.backup_path", {}, Change::none, backups},
    {"database.max_backups", {}, Change::none, backups},
    {"database.max_backup_size_mb", {}, Change::none, backups},
    {"database.compression_enabled", {}, Change::none, backups},
    {"logging.max_size_mb", "logging.file_bytes", Change::megabytes},
    {"logging.max_file_size_mb", "logging.file_bytes", Change::megabytes},
    {"logging.max_bytes", "logging.file_bytes"},
    {"logging.backup_count", "logging.kept_files"},
    {"logging.console", "logging.console_output"},
    {"log_level", "logging.level"},
    {"log_file", "logging.file"},
    {"monitoring.host", "monitoring.address", Change::host},
    {"monitoring.port", "monitoring.address", Change::port},
    {"monitoring.metrics_interval_seconds",
     {},
     Change::none,
     "metrics are up to date whenever they are read"},
    {"monitoring_enabled", "monitoring.enabled"},
    {"monitoring_host", "monitoring.address", Change::host},
    {"monitoring_port", "monitoring.address", Change::port},
};

constexpr Name variables[] = {
    {"SENSOR_INTERVAL", "simulation.interval"},
    {"READINGS_PER_SECOND", "simulation.readings_per_second"},
    {"RUN_TIME_SECONDS", "simulation.run_time_seconds"},
    {"SIMULATION_DURATION", "simulation.run_time_seconds"},
    {"ANOMALY_PROBABILITY", "anomalies.probability"},
    {"ANOMALY_ENABLED", "anomalies.enabled"},
    {"ANOMALIES_ENABLED", "anomalies.enabled"},
    {"LOG_LEVEL", "logging.level"},
    {"LOG_FILE", "logging.file"},
    {"DEBUG_MODE", "logging.level", Change::debug},
    {"SQLITE_PATH", "database.path"},
    {"DATABASE_PATH", "database.path"},
    {"DB_PATH", "database.path"},
    {"SENSOR_DB_PATH", "database.path"},
    {"PRESERVE_EXISTING_DB", {}, Change::none, always_appended},
    {"SENSOR_WAL", {}, Change::none, always_logged},
    {"MONITORING_ENABLED", "monitoring.enabled"},
    {"MONITORING_HOST", "monitoring.address", Change::host},
    {"MONITORING_PORT", "monitoring.address", Change::port},
    {"SENSOR_TYPE", {}, Change::none, in_identity},
    {"SENSOR_MANUFACTURER", {}, Change::none, in_identity},
    {"SENSOR_MODEL", {}, Change::none, in_identity},
    {"SENSOR_FIRMWARE", {}, Change::none, in_identity},
    {"SENSOR_FIRMWARE_VERSION", {}, Change::none, in_identity},
    {"SENSOR_COUNT", {}, Change::none, make_fleet},
    {"SENSOR_REPLICAS", {}, Change::none, make_fleet},
    {"NUM_SENSORS", {}, Change::none, make_fleet},
};

struct Option {
  std::string_view theirs;
  std::string_view ours;
};

// Those of TSBS, of iot-benchmark, of loaders and of other simulators.
constexpr Option options[] = {
    {"--port", "--status-address HOST:PORT"},
    {"--host", "--status-address HOST:PORT"},
    {"--shards", "--shard-by hash:N"},
    {"--output", "--data-dir DIR"},
    {"--out", "--data-dir DIR"},
    {"--db", "--data-dir DIR"},
    {"--db-path", "--data-dir DIR"},
    {"--database", "--data-dir DIR"},
    {"--sqlite-path", "--data-dir DIR"},
    {"--sensors", "fleet-sim generate --count N"},
    {"--num-sensors", "fleet-sim generate --count N"},
    {"--sensor-count", "fleet-sim generate --count N"},
    {"--devices", "fleet-sim generate --count N"},
    {"--scale", "fleet-sim generate --count N"},
    {"--scale-var", "fleet-sim generate --count N"},
    {"--replicas", "fleet-sim generate --count N"},
    {"--generate-identity", "fleet-sim generate --preset demo"},
    {"--sensor", "--identity FILE"},
    {"--workers", "--threads N or --writers N"},
    {"--num-workers", "--threads N or --writers N"},
    {"--clients", "--threads N or --writers N"},
    {"--batch-size", "FLEET_SIM_DATABASE_BATCH_SIZE=N"},
    {"--verbose", "--log-level debug"},
    {"--debug", "--log-level debug"},
    {"--log-file", "FLEET_SIM_LOGGING_FILE=FILE"},
    {"--time", "--duration TIME"},
    {"--run-time", "--duration TIME"},
    {"--log-interval", "--interval TIME"},
    {"--frequency", "--rate R, in readings per second"},
    {"--timestamp-start", "--start TIME"},
    {"--start-time", "--start TIME"},
    {"--timestamp-end", "--start TIME and --duration TIME"},
    {"--end", "--start TIME and --duration TIME"},
    {"--end-time", "--start TIME and --duration TIME"},
    {"--random-seed", "--seed N"},
    {"--max-rps", "--speed N or --rate R"},
    {"--format", "fleet-sim export DIR --format WORD"},
    {"--output-schema", "engine/export/README.md, which has the tables"},
};

const Name* find(std::span<const Name> names, std::string_view theirs) {
  const auto found = std::ranges::find(names, theirs, &Name::theirs);
  return found == names.end() ? nullptr : &*found;
}

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  if (!whole || !std::isfinite(value) || value <= 0) return std::nullopt;
  return value;
}

bool is_yes(std::string_view text) {
  return text == "true" || text == "True" || text == "yes" || text == "on" || text == "1";
}

std::string times(std::string_view value, double factor) {
  const auto number = number_in(value);
  return number ? fmt::format("{:.0f}", *number * factor) : std::string();
}

std::string changed(Change change, std::string_view value) {
  switch (change) {
    case Change::none:
      return std::string(value);
    case Change::megabytes:
      return times(value, 1e6);
    case Change::seconds:
      return times(value, 1e3);
    case Change::host:
      return value.empty() ? std::string() : fmt::format("{}:8080", value);
    case Change::port:
      return value.empty() ? std::string() : fmt::format("127.0.0.1:{}", value);
    case Change::debug:
      return is_yes(value) ? "debug" : "info";
  }
  return {};
}

Equivalent equivalent(const Name& name, std::string_view end, std::string_view value) {
  return {std::string(name.ours) + (name.ours.empty() ? "" : std::string(end)), changed(name.change, value),
          name.change == Change::none, name.note};
}

}  // namespace

std::optional<Equivalent> equivalent_of_key(std::string_view path, std::string_view value) {
  for (std::size_t end = path.size(); end != std::string_view::npos && end > 0;) {
    if (const Name* name = find(keys, path.substr(0, end))) {
      return equivalent(*name, path.substr(end), value);
    }
    end = path.rfind('.', end - 1);
  }
  return std::nullopt;
}

std::optional<Equivalent> equivalent_of_variable(std::string_view name, std::string_view value) {
  const Name* found = find(variables, name);
  if (found == nullptr) return std::nullopt;
  return equivalent(*found, {}, value);
}

std::string_view equivalent_of_option(std::string_view option) {
  const auto* found = std::ranges::find(options, option, &Option::theirs);
  return found == std::end(options) ? std::string_view() : found->ours;
}

bool knows_keys_in(std::string_view section) {
  return std::ranges::any_of(keys, [&](const Name& name) {
    return name.theirs.size() > section.size() && name.theirs.starts_with(section) &&
           name.theirs[section.size()] == '.';
  });
}

std::string hint(const Equivalent& equivalent, std::string_view ours) {
  if (equivalent.ours.empty()) return fmt::format(" (fleet-sim has no equivalent: {})", equivalent.note);
  std::string text = fmt::format(" (called {} here", ours);
  if (!equivalent.same_value && !equivalent.value.empty()) {
    text += fmt::format(", with the value {}", equivalent.value);
  }
  if (!equivalent.note.empty()) text += fmt::format("; {}", equivalent.note);
  return text + ")";
}

}  // namespace fleet_sim::foreign
