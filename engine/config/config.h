// Everything a run can be told, as plain values with the documented defaults. Built once while starting by
// load_config (defaults, then the file, then the environment, then flags); immutable afterwards and shared
// freely.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/terms.h"
#include "base/timestamp.h"

namespace fleet_sim::config {

struct ChannelParameters {
  double mean = 0;
  double std_dev = 0;
  double min = 0;
  double max = 0;

  bool operator==(const ChannelParameters&) const = default;
};
using NormalParameters = PerChannel<ChannelParameters>;  // °C, mm/s², V

// What `probability` means: the long-run share of readings that are anomalous, or the chance that an anomaly
// starts.
enum class AnomalyBasis { reading, event };

struct AnomalyTypeSettings {
  bool enabled = true;
  double weight = 0;
  std::optional<double> duration_seconds;  // none: one reading (the spike's default)

  bool operator==(const AnomalyTypeSettings&) const = default;
};

struct AnomalySettings {
  bool enabled = true;
  double probability = 0.05;
  AnomalyBasis basis = AnomalyBasis::reading;
  double pattern_period_seconds = 60;
  PerAnomalyType<AnomalyTypeSettings> types{
      {{true, 0.4, std::nullopt}, {true, 0.2, 300}, {true, 0.1, 600}, {true, 0.1, 30}, {true, 0.2, 180}}};

  bool operator==(const AnomalySettings&) const = default;
};

struct Range {
  double min = 0;
  double max = 0;

  bool operator==(const Range&) const = default;
};

// What one firmware version, model, manufacturer or location class does to a sensor. Plain numbers multiply
// what the sensor has; the optional ones replace it.
struct Behavior {
  double probability = 1;                         // × chance of an anomaly
  double severity = 1;                            // × excess of every anomaly over normal
  PerChannel<double> spread{1, 1, 1};             // × standard deviation of normal readings
  PerChannel<double> noise{1, 1, 1};              // × noise factor, per channel
  PerAnomalyType<double> weights{1, 1, 1, 1, 1};  // × weight of each anomaly type
  double daily = 1;                               // × amplitude of the daily temperature cycle
  double work_hours_rise = 0;                     // + standard deviations of temperature, 08:00-18:00
  std::optional<PerChannel<double>> channels;     // which channel a spike or trend picks (weights)
  std::optional<Range> spike_factor;              // bounds of the uniform spike factor
  std::optional<double> noise_factor;             // noise as a share of the value

  bool operator==(const Behavior&) const = default;
};

// Firmware is looked up by canonical version (1.3.0 is 1.3), model and manufacturer by name, location by the
// longest key the location starts with. A name without an entry has no effect.
struct Behaviors {
  std::map<std::string, Behavior, std::less<>> firmware;
  std::map<std::string, Behavior, std::less<>> model;
  std::map<std::string, Behavior, std::less<>> manufacturer;
  std::map<std::string, Behavior, std::less<>> location;

  bool operator==(const Behaviors&) const = default;
};
Behaviors default_behaviors();

// `max` fills history as fast as storage takes it; a number is simulated seconds per second.
struct Speed {
  bool max = false;
  double factor = 1;

  bool operator==(const Speed&) const = default;
};

struct Partition {
  std::uint32_t index = 1;  // 1 .. count; 0 while it is left to the environment of the process
  std::uint32_t count = 1;

  bool operator==(const Partition&) const = default;
};

enum class Sink { sqlite, null };
// What happens to readings that are due while the writers cannot keep up: they wait, or are not taken.
enum class Overload { block, skip };
enum class Synchronous { off, normal, full };

enum class ShardKey { none, sensor, location, site, manufacturer, model, firmware, hash };
struct ShardBy {
  ShardKey key = ShardKey::none;
  std::uint32_t hash_count = 0;  // hash:N

  bool operator==(const ShardBy&) const = default;
};

struct SimulationSettings {
  double readings_per_second = 1;
  double run_time_seconds = 3600;  // simulated; 0 runs until stopped
  std::optional<std::uint64_t> seed;
  bool resume = false;  // go on with the run that the data directory holds
  Overload overload = Overload::block;

  bool operator==(const SimulationSettings&) const = default;
};

struct FleetSettings {
  std::vector<std::string> identities;
  std::string identity;  // a single-sensor run
  Partition partition;
  std::uint32_t threads = 0;  // 0: one per core
  bool skip_invalid = false;

  bool operator==(const FleetSettings&) const = default;
};

struct ClockSettings {
  Speed speed;
  std::optional<Timestamp> start;  // none: now
  Microseconds utc_offset = 0;

  bool operator==(const ClockSettings&) const = default;
};

// What is deleted from shards, oldest first: nothing, unless an age or a size is given.
struct RetentionSettings {
  double age_seconds = 0;         // before the shard's last reading, from which on readings go; 0: none
  std::uint64_t shard_bytes = 0;  // in use by one file, beyond which readings go; 0: no limit
  bool only_synced = true;        // keep what no collector has marked

  [[nodiscard]] bool is_on() const { return age_seconds > 0 || shard_bytes > 0; }
  bool operator==(const RetentionSettings&) const = default;
};

// How rows travel to where they are kept, whatever that is.
struct WriteSettings {
  Sink sink = Sink::sqlite;
  std::uint32_t writers = 1;
  std::uint32_t batch_size = 5'000;  // rows of a shard that start a transaction
  std::uint32_t flush_interval_ms = 1'000;
  std::uint32_t pending_rows = 4'000'000;  // held in memory per process, over all shards
  std::uint32_t error_limit = 10;  // rounds of one file's retries with no success between that stop the run
  bool memory_fallback = true;     // rows wait in memory for a file that cannot be opened at the start

  bool operator==(const WriteSettings&) const = default;
};

// What only SQLite's files know.
struct SqliteSettings {
  std::string path = "data/sensor_data.db";
  std::string data_dir;  // empty: the folder of `path`
  Synchronous synchronous = Synchronous::normal;
  std::uint32_t page_size = 16'384;
  std::uint32_t cache_kib = 256;
  std::uint32_t checkpoint_pages = 1'000;
  std::uint32_t busy_timeout_ms = 5'000;
  std::uint32_t max_open_shards = 0;  // 0: as many as the descriptor limit allows
  bool unsynced_index = true;
  RetentionSettings retention;

  bool operator==(const SqliteSettings&) const = default;
};

enum class LogFormat { text, json };

struct LoggingSettings {
  std::string level = "INFO";
  std::string file = "data/fleet-sim.log";
  std::uint32_t file_bytes = 10'000'000;  // of one log file, before the next is begun
  std::uint32_t kept_files = 3;           // earlier log files
  LogFormat format = LogFormat::text;
  double summary_interval_seconds = 60;  // 0: no summaries
  bool console_output = true;
  bool quiet = false;

  bool operator==(const LoggingSettings&) const = default;
};

struct ConfigReloadSettings {
  bool enabled = true;
  double check_interval_seconds = 60;

  bool operator==(const ConfigReloadSettings&) const = default;
};

// The HTTP status page and its API.
struct MonitoringSettings {
  bool enabled = true;
  std::string address;  // HOST:PORT; empty: 127.0.0.1:8080, and none where that is taken
  std::string token;    // that calls which change something bring along; empty: nobody may

  bool operator==(const MonitoringSettings&) const = default;
};

struct Config {
  SimulationSettings simulation;
  NormalParameters normal_parameters{
      {{65.0, 2.0, 50.0, 80.0}, {2.5, 0.5, 0.1, 10.0}, {12.0, 0.1, 11.5, 12.5}}};
  AnomalySettings anomalies;
  Behaviors behaviors = default_behaviors();
  FleetSettings fleet;
  ShardBy sharding;
  ClockSettings clock;
  WriteSettings write;  // both are the section `database` of a file
  SqliteSettings sqlite;
  LoggingSettings logging;
  ConfigReloadSettings config_reload;
  MonitoringSettings monitoring;

  // The folder that holds the shards: database.data_dir, or the folder of database.path.
  [[nodiscard]] std::string data_directory() const;

  // logging.file; where nobody has named one but a data directory has been, fleet-sim.log in that.
  [[nodiscard]] std::string log_file() const;

  bool operator==(const Config&) const = default;
};

// `1.3.0` and `1.3` are the same firmware: trailing `.0` parts do not count.
std::string_view canonical_firmware(std::string_view version);

}  // namespace fleet_sim::config
