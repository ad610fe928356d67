#include "config/config_keys.h"

#include <algorithm>
#include <deque>
#include <limits>

#include "base/cadence.h"
#include "config/codec.h"

namespace fleet_sim::config {
namespace {

constexpr Bounds any_value{-1e9, 1e9};
constexpr Bounds any_width{0, 1e9};
constexpr Bounds any_weight{0, 1e6};
constexpr Bounds probability{0, 1};
constexpr Bounds sensor_rate{lowest_rate, highest_rate, true};
constexpr Bounds run_time{0, longest_duration_seconds};
constexpr Bounds span{0.001, longest_duration_seconds, true};
constexpr Bounds check_interval{0.01, 86'400, true};
constexpr Bounds summary_interval{0, 86'400};
constexpr Bounds age{0, longest_duration_seconds};
constexpr std::uint64_t largest_shard = 281'000'000'000'000;  // that SQLite can make
constexpr std::uint64_t largest_seed = std::numeric_limits<std::int64_t>::max();

struct Label {
  std::string_view name;
  std::string_view flag;
  std::string_view value;
  std::string_view help;
};

// `field` returns the member of a Config, const or not, that the key stands for.
template <class Field, class T>
ConfigKey key(const Label& label, Field field, Codec<T> codec) {
  return {label.name,
          label.flag,
          label.value,
          label.help,
          [field, codec](Config& config, std::string_view text) { return codec.parse(text, field(config)); },
          [field, codec](const Config& config) { return codec.text(field(config)); }};
}

// A macro, because what follows the dot is no value that could be passed on.
// NOLINTBEGIN(cppcoreguidelines-macro-usage, bugprone-macro-parentheses)
#define FIELD(member)         \
  [](auto& config) -> auto& { \
    return config.member;     \
  }
// NOLINTEND(cppcoreguidelines-macro-usage, bugprone-macro-parentheses)

using Keys = std::vector<ConfigKey>;

void add(Keys& keys, Keys more) {
  for (ConfigKey& one : more) keys.push_back(std::move(one));
}

// Names built from parts need a place that outlives the table's views of them.
std::string_view lasting(std::string text) {
  static std::deque<std::string> texts;
  return texts.emplace_back(std::move(text));
}

Keys simulation_keys() {
  return {
      key({"simulation.readings_per_second", "--rate", "R",
           "Readings per second of each sensor that has no rate of its own: above 0 to 1000000"},
          FIELD(simulation.readings_per_second), number(sensor_rate)),
      key({"simulation.run_time_seconds", "--duration", "TIME",
           "Simulated time to run, such as 90, 10m, 1.5h or 30d: 0 (until stopped) to 36525d"},
          FIELD(simulation.run_time_seconds), duration(run_time)),
      key({"simulation.seed", "--seed", "N",
           "Start of all randomness: 0 to 9223372036854775807, or random (the default)"},
          FIELD(simulation.seed), or_word("random", count<std::uint64_t>(0, largest_seed))),
      key({"simulation.resume", "--resume", "",
           "Go on with the run that the data directory holds, if it holds one, instead of beginning another"},
          FIELD(simulation.resume), boolean()),
      key({"simulation.overload", "", "WORD",
           "When a paced fleet's rows cannot be written fast enough: block (readings wait) or skip (they are "
           "left out and counted)"},
          FIELD(simulation.overload), words<Overload>(std::array<std::string_view, 2>{"block", "skip"})),
  };
}

ConfigKey channel_key(std::size_t channel, std::string_view name, double ChannelParameters::*member,
                      std::string_view what, Bounds bounds) {
  constexpr PerChannel<std::string_view> units{"°C", "mm/s²", "V"};
  const std::string channel_name(channel_names[channel]);
  const std::string_view help =
      lasting(std::string(what) + " " + channel_name + ", " + std::string(units[channel]) + ": " +
              number_text(bounds.min) + " to " + number_text(bounds.max));
  const std::string_view full_name = lasting("normal_parameters." + channel_name + "." + std::string(name));
  return key(
      {full_name, "", "X", help},
      [=](auto& config) -> auto& { return config.normal_parameters[channel].*member; }, number(bounds));
}

Keys normal_parameter_keys() {
  Keys keys;
  for (std::size_t i = 0; i < channel_count; ++i) {
    keys.push_back(channel_key(i, "mean", &ChannelParameters::mean, "Mean of normal", any_value));
    keys.push_back(
        channel_key(i, "std_dev", &ChannelParameters::std_dev, "Standard deviation of normal", any_width));
    keys.push_back(channel_key(i, "min", &ChannelParameters::min, "Lowest normal", any_value));
    keys.push_back(channel_key(i, "max", &ChannelParameters::max, "Highest normal", any_value));
  }
  return keys;
}

Keys anomaly_type_keys(std::size_t type) {
  const std::string name(anomaly_type_names[type]);
  const auto named = [&](std::string_view leaf) {
    return lasting("anomalies.types." + name + "." + std::string(leaf));
  };
  const auto help = [&](std::string_view before, std::string_view after) {
    return lasting(std::string(before) + " " + name + std::string(after));
  };
  return {
      key(
          {named("enabled"), "", "BOOL", help("Whether sensors show", " anomalies")},
          [=](auto& config) -> auto& { return config.anomalies.types[type].enabled; }, boolean()),
      key(
          {named("weight"), "", "X",
           help("Share of", " among all anomalies, relative to the others: 0 to 1000000")},
          [=](auto& config) -> auto& { return config.anomalies.types[type].weight; }, number(any_weight)),
      key(
          {named("duration_seconds"), "", "TIME",
           help("How long a", " anomaly lasts: 0.001 to 36525d, or one_reading")},
          [=](auto& config) -> auto& { return config.anomalies.types[type].duration_seconds; },
          or_word("one_reading", duration(span))),
  };
}

Keys anomaly_keys() {
  Keys keys{
      key({"anomalies.enabled", "", "BOOL", "Whether there are anomalies at all"}, FIELD(anomalies.enabled),
          boolean()),
      key({"anomalies.probability", "", "P",
           "How often sensors are anomalous, in the sense of the basis: 0 to 1"},
          FIELD(anomalies.probability), number(probability)),
      key({"anomalies.basis", "", "WORD",
           "What probability counts: reading (share of readings) or event (chance that one starts)"},
          FIELD(anomalies.basis), words<AnomalyBasis>(std::array<std::string_view, 2>{"reading", "event"})),
      key({"anomalies.pattern_period_seconds", "", "TIME", "Period of pattern anomalies: 0.001 to 36525d"},
          FIELD(anomalies.pattern_period_seconds), duration(span)),
  };
  for (std::size_t i = 0; i < anomaly_type_count; ++i) add(keys, anomaly_type_keys(i));
  return keys;
}

Keys fleet_keys() {
  Keys keys{
      key({"fleet.identities", "--identities", "PATH",
           "Folder, .json or .jsonl file with the sensors; can be given several times"},
          FIELD(fleet.identities), Codec<std::vector<std::string>>{parse_lines, lines_text}),
      key({"fleet.identity", "--identity", "FILE", "Identity file of a single sensor"}, FIELD(fleet.identity),
          text_of(parse_text)),
      key({"fleet.partition", "--partition", "K/N|auto/N",
           "Simulate only the K-th of N parts of the fleet, N up to 1000000; auto takes K from "
           "JOB_COMPLETION_INDEX, or from the ordinal that ends POD_NAME or HOSTNAME"},
          FIELD(fleet.partition), Codec<Partition>{parse_partition, partition_text}),
      key({"fleet.threads", "--threads", "N", "Threads that generate readings: 0 (one per core) to 1024"},
          FIELD(fleet.threads), count(0u, 1'024u)),
      key({"fleet.skip_invalid", "--skip-invalid", "", "Run without the sensors whose identity is invalid"},
          FIELD(fleet.skip_invalid), boolean()),
  };
  keys.front().repeatable = true;
  return keys;
}

Keys sharding_and_clock_keys() {
  return {
      key({"sharding.by", "--shard-by", "none|sensor|location|site|manufacturer|model|firmware|hash:N",
           "One file per: none (a single file), sensor (or node), location, site, manufacturer, model, "
           "firmware, or N files"},
          FIELD(sharding), Codec<ShardBy>{parse_shard_by, shard_by_text}),
      key({"clock.speed", "--speed", "N|max",
           "Simulated seconds per second: 0.000001 to 1000000, or max (as fast as storage takes it)"},
          FIELD(clock.speed), Codec<Speed>{parse_speed, speed_text}),
      key({"clock.start", "--start", "TIME",
           "First simulated moment, such as 2026-01-31 or 2026-01-31T12:30:05Z, or now (the default)"},
          FIELD(clock.start), or_word("now", Codec<Timestamp>{parse_start, timestamp_text})),
      key({"clock.utc_offset", "", "OFFSET", "Time zone of daily patterns: UTC, or -14:00 to +14:00"},
          FIELD(clock.utc_offset), Codec<Microseconds>{parse_utc_offset, utc_offset_text}),
  };
}

Keys database_keys() {
  return {
      key({"database.path", "", "FILE",
           "Database file of an unsharded run; its folder is the data directory"},
          FIELD(sqlite.path), text_of(parse_file_name)),
      key({"database.data_dir", "--data-dir", "DIR",
           "Folder of the database files, instead of the folder of the path"},
          FIELD(sqlite.data_dir), text_of(parse_text)),
      key({"database.sink", "--sink", "sqlite|null",
           "Where readings go: sqlite, or null (generated and dropped)"},
          FIELD(write.sink), words<Sink>(std::array<std::string_view, 2>{"sqlite", "null"})),
      key({"database.writers", "--writers", "N", "Threads that write, each its own files: 1 to 64"},
          FIELD(write.writers), count(1u, 64u)),
      key({"database.batch_size", "", "N", "Rows of one file that start a transaction: 1 to 1000000"},
          FIELD(write.batch_size), count(1u, 1'000'000u)),
      key({"database.flush_interval_ms", "", "MS",
           "Longest wait of a row for its transaction: 1 to 3600000 ms"},
          FIELD(write.flush_interval_ms), count(1u, 3'600'000u)),
      key({"database.pending_rows", "", "N", "Rows held in memory over all files: 1 to 100000000"},
          FIELD(write.pending_rows), count(1u, 100'000'000u)),
      key({"database.synchronous", "", "WORD", "SQLite's care for power loss: off, normal or full"},
          FIELD(sqlite.synchronous),
          words<Synchronous>(std::array<std::string_view, 3>{"off", "normal", "full"})),
      key({"database.page_size", "", "BYTES",
           "Page size of new files: a power of two from 512 to 65536 bytes"},
          FIELD(sqlite.page_size),
          Codec<std::uint32_t>{parse_page_size, [](auto n) { return std::to_string(n); }}),
      key({"database.cache_kib", "", "KIB", "Page cache of each open file: 16 to 4194304 KiB"},
          FIELD(sqlite.cache_kib), count(16u, 4'194'304u)),
      key({"database.checkpoint_pages", "", "N",
           "Pages in the write-ahead log after which it is copied into the file: 1 to 1000000"},
          FIELD(sqlite.checkpoint_pages), count(1u, 1'000'000u)),
      key({"database.busy_timeout_ms", "", "MS",
           "Longest wait for a lock that a collector holds: 0 to 600000 ms"},
          FIELD(sqlite.busy_timeout_ms), count(0u, 600'000u)),
      key({"database.max_open_shards", "", "N", "Files open at once: 0 (what the system allows) to 1000000"},
          FIELD(sqlite.max_open_shards), count(0u, 1'000'000u)),
      key({"database.unsynced_index", "", "BOOL",
           "Whether an index serves collectors that read unsynced rows"},
          FIELD(sqlite.unsynced_index), boolean()),
      key({"database.error_limit", "", "N",
           "Times that one file's retries run out, with no success between, that stop the run: 1 to 1000000"},
          FIELD(write.error_limit), count(1u, 1'000'000u)),
      key({"database.memory_fallback", "", "BOOL",
           "Whether rows wait in memory when files cannot be opened at the start, instead of ending the run"},
          FIELD(write.memory_fallback), boolean()),
      key({"database.retention.age_seconds", "", "TIME",
           "Age at which readings are deleted, before the last one of their file: 0 (never) to 36525d"},
          FIELD(sqlite.retention.age_seconds), duration(age)),
      key({"database.retention.shard_bytes", "", "BYTES",
           "Size of one file's rows beyond which its oldest are deleted: 0 (no limit) to 281000000000000"},
          FIELD(sqlite.retention.shard_bytes), count<std::uint64_t>(0, largest_shard)),
      key({"database.retention.only_synced", "", "BOOL",
           "Whether only readings that a collector has marked are deleted"},
          FIELD(sqlite.retention.only_synced), boolean()),
  };
}

Keys logging_and_reload_keys() {
  return {
      key({"logging.level", "--log-level", "debug|info|warning|error|critical|off",
           "Least severe messages that are logged; also trace"},
          FIELD(logging.level), text_of(parse_log_level)),
      key({"logging.file", "", "FILE", "Log file, rotated; empty for none"}, FIELD(logging.file),
          text_of(parse_text)),
      key({"logging.file_bytes", "", "BYTES", "Size at which the next log file is begun: 1000 to 4000000000"},
          FIELD(logging.file_bytes), count(1'000u, 4'000'000'000u)),
      key({"logging.kept_files", "", "N", "Earlier log files that are kept: 0 to 1000"},
          FIELD(logging.kept_files), count(0u, 1'000u)),
      key({"logging.format", "", "WORD", "How log lines look: text, or json (one object per line)"},
          FIELD(logging.format), words<LogFormat>(std::array<std::string_view, 2>{"text", "json"})),
      key({"logging.summary_interval_seconds", "", "TIME",
           "Time between summaries of the run in the log: 0 (none) to 86400"},
          FIELD(logging.summary_interval_seconds), duration(summary_interval)),
      key({"logging.console_output", "", "BOOL", "Whether log messages also go to the console"},
          FIELD(logging.console_output), boolean()),
      key({"logging.quiet", "--quiet", "",
           "No progress and no information on the console; warnings and the summary stay"},
          FIELD(logging.quiet), boolean()),
      key({"config_reload.enabled", "", "BOOL",
           "Whether config and identity files are looked at while running; a SIGHUP has them looked at "
           "anyway"},
          FIELD(config_reload.enabled), boolean()),
      key({"config_reload.check_interval_seconds", "", "TIME",
           "Time between looks at the files: 0.01 to 86400"},
          FIELD(config_reload.check_interval_seconds), duration(check_interval)),
  };
}

Keys monitoring_keys() {
  return {
      key({"monitoring.enabled", "--no-status", "", "Run without the HTTP status page and API"},
          FIELD(monitoring.enabled), boolean()),
      key({"monitoring.address", "--status-address", "HOST:PORT",
           "Where the status page listens; by default 127.0.0.1:8080 when that is free"},
          FIELD(monitoring.address), text_of(parse_address)),
      key({"monitoring.token", "", "TEXT",
           "Bearer token of HTTP calls that change something: 16 to 256 printable characters; empty forbids "
           "them"},
          FIELD(monitoring.token), text_of(parse_token)),
  };
}

#undef FIELD

// In the order in which --help shows their flags: what is simulated, where it goes, how long and how fast.
// Keys of one section stand together: config_text writes a section's heading once.
Keys all_keys() {
  Keys keys = fleet_keys();
  add(keys, simulation_keys());
  add(keys, sharding_and_clock_keys());
  add(keys, database_keys());
  add(keys, normal_parameter_keys());
  add(keys, anomaly_keys());
  add(keys, logging_and_reload_keys());
  add(keys, monitoring_keys());
  return keys;
}

}  // namespace

std::span<const ConfigKey> config_keys() {
  static const Keys keys = all_keys();
  return keys;
}

const ConfigKey* find_config_key(std::string_view name) {
  const auto keys = config_keys();
  const auto found = std::ranges::find(keys, name, &ConfigKey::name);
  return found == keys.end() ? nullptr : &*found;
}

bool is_secret(const ConfigKey& key) {
  return key.name == "monitoring.token";
}

bool decides_readings(const ConfigKey& key) {
  return key.name == "simulation.readings_per_second" || key.name == "clock.utc_offset" ||
         key.name.starts_with("normal_parameters.") || key.name.starts_with("anomalies.");
}

std::string environment_name(std::string_view key_name) {
  std::string name = "FLEET_SIM_";
  for (char c : key_name) {
    if (c == '.') c = '_';
    name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

}  // namespace fleet_sim::config
