// The sections `fleet`, `simulation`, `sharding`, `clock` and `delivery`: which sensors there are, how long
// and how fast they are simulated, how they are spread over files, and how their rows get there. Each struct
// is followed by the rows of its keys. Plain values; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cadence.h"
#include "base/timestamp.h"
#include "config/codec.h"
#include "config/key_row.h"
#include "scenario/entry.h"
#include "yaml/forms.h"
#include "zones/zone.h"

namespace fleet_sim::config {

struct Partition {
  std::uint32_t index = 1;  // 1 .. count; 0 while it is left to the environment of the process
  std::uint32_t count = 1;

  bool operator==(const Partition&) const = default;
};
inline constexpr std::uint32_t most_partitions = 1'000'000;
std::string parse_partition(std::string_view text, Partition& partition);  // K/N | auto/N
std::string partition_text(const Partition& partition);

struct FleetSettings {
  std::vector<std::string> identities;
  std::string identity;  // a single-sensor run
  Partition partition;
  std::uint32_t threads = 0;  // 0: one per core
  bool skip_invalid = false;

  bool operator==(const FleetSettings&) const = default;
};

template <class Section>
void fleet_keys(Section fleet) {
  fleet.row(&FleetSettings::identities, paths(),
            {.name = "fleet.identities",
             .flag = "--identities",
             .value = "PATH",
             .help = "Folder, .json or .jsonl file of sensors; repeatable",
             .more = "one path or a list; in the environment, paths joined by ':'",
             .repeatable = true});
  fleet.row(&FleetSettings::identity, path(),
            {.name = "fleet.identity",
             .flag = "--identity",
             .value = "FILE",
             .help = "Identity file of a single sensor",
             .more = "cannot be combined with identities"});
  fleet.row(&FleetSettings::partition,
            Codec<Partition>{parse_partition, partition_text, count_text(most_partitions)},
            {.name = "fleet.partition",
             .flag = "--partition",
             .value = "K/N|auto/N",
             .help = "Simulate only part K of N, N up to {}; auto derives K from JOB_COMPLETION_INDEX, or "
                     "from the number at the end of POD_NAME or HOSTNAME",
             .decides = Decides::place});
  fleet.row(&FleetSettings::threads, count(0u, 1'024u),
            {.name = "fleet.threads",
             .flag = "--threads",
             .value = "N",
             .help = "Threads that generate readings: {}",
             .zero = "one per core"});
  fleet.row(&FleetSettings::skip_invalid, boolean(),
            {.name = "fleet.skip_invalid",
             .flag = "--skip-invalid",
             .help = "Leave out sensors whose identity is invalid",
             .more = "by default, such an identity is an error"});
}

// What happens to readings that are due while the writers cannot keep up: they wait, or are not taken.
enum class Overload { block, skip };

struct SimulationSettings {
  Rate rate = 1;  // of each sensor without its own
  Phase phase = Phase::staggered;
  double run_time_seconds = 3600;  // simulated; 0 runs until stopped
  std::uint64_t count = 0;         // of readings due, after which the run ends; 0: none
  std::optional<std::uint64_t> seed;
  bool resume = false;  // continue the run that the data directory holds
  bool append = false;  // even where the data directory has readings of the same sensors and time
  Overload overload = Overload::block;

  bool operator==(const SimulationSettings&) const = default;
};

inline constexpr std::uint64_t most_counted = 1'000'000'000'000'000;

template <class Section>
void simulation_keys(Section simulation) {
  constexpr std::uint64_t largest_seed = std::numeric_limits<std::int64_t>::max();
  simulation.row(&SimulationSettings::rate, readings_per_second(),
                 {.name = "simulation.readings_per_second",
                  .flag = "--rate",
                  .value = "R",
                  .help = "Readings per second of each sensor without its own rate: {}",
                  .decides = Decides::readings,
                  .at_once = true,
                  .other_spelling = "simulation.interval"});
  simulation.row(
      &SimulationSettings::rate, interval(),
      {.name = "simulation.interval",
       .flag = "--interval",
       .value = "TIME",
       .help = "Instead of a rate, the time between two readings of a sensor, such as 60s or 1h30m: {}",
       .more = "exact to the microsecond, however long the run",
       .decides = Decides::readings,
       .at_once = true,
       .other_spelling = "simulation.readings_per_second"});
  simulation.row(
      &SimulationSettings::phase, words<Phase>({"staggered", "aligned"}),
      {.name = "simulation.phase",
       .value = "WORD",
       .help = "When in its interval a sensor is read: staggered (each at its own moment) or aligned "
               "(all at multiples of the interval since 1970 UTC, such as full minutes)",
       .decides = Decides::readings,
       .at_once = true});
  simulation.row(&SimulationSettings::run_time_seconds, duration({0, longest_duration_seconds}),
                 {.name = "simulation.run_time_seconds",
                  .flag = "--duration",
                  .value = "TIME",
                  .help = "Simulated time to run, such as 90, 10m, 1h30m or 30d: {}",
                  .zero = "until stopped"});
  simulation.row(&SimulationSettings::count, count<std::uint64_t>(0, most_counted),
                 {.name = "simulation.count",
                  .flag = "--count",
                  .value = "N",
                  .help = "Stop after exactly N due readings, in order of time and sensor id: {}",
                  .zero = "no limit",
                  .more = "unless run_time_seconds is set too, nothing else ends the run; not with a "
                          "partition, which cannot count the others' readings"});
  simulation.row(&SimulationSettings::seed, or_word("random", count<std::uint64_t>(0, largest_seed)),
                 {.name = "simulation.seed",
                  .flag = "--seed",
                  .value = "N",
                  .help = "Seed of all random numbers: {}, or random (the default)",
                  .decides = Decides::place});
  simulation.row(&SimulationSettings::resume, boolean(),
                 {.name = "simulation.resume",
                  .flag = "--resume",
                  .help = "Resume the run in the data directory; if there is none, start a new one"});
  simulation.row(&SimulationSettings::append, boolean(),
                 {.name = "simulation.append",
                  .flag = "--append",
                  .help = "Write even if the data directory already has readings of these sensors for the "
                          "run's time span",
                  .more = "they are then stored twice; without it, such a run exits with 2"});
  simulation.row(&SimulationSettings::overload, words<Overload>({"block", "skip"}),
                 {.name = "simulation.overload",
                  .value = "WORD",
                  .help = "If writing cannot keep up with the clock: block (readings wait) or skip (readings "
                          "are left out and counted)",
                  .more = "block lets lag grow, skip lets anomalies continue; at --speed max and while "
                          "filling history, readings always wait"});
}

enum class ShardKey { none, sensor, location, site, manufacturer, model, firmware, hash };
struct ShardBy {
  ShardKey key = ShardKey::none;
  std::uint32_t hash_count = 0;  // hash:N

  bool operator==(const ShardBy&) const = default;
};
inline constexpr std::uint32_t most_hash_shards = 100'000;
std::string parse_shard_by(std::string_view text, ShardBy& by);  // a word, or hash:N
std::string shard_by_text(const ShardBy& by);

// The section is a single value.
template <class Section>
void sharding_keys(Section sharding) {
  sharding.row(Codec<ShardBy>{parse_shard_by, shard_by_text, count_range_text(1, most_hash_shards)},
               {.name = "sharding.by",
                .flag = "--shard-by",
                .value = "none|sensor|location|site|manufacturer|model|firmware|hash:N",
                .help = "Split readings into files: none (one file), hash:N (N files), or one file per "
                        "sensor (or node), location, site, manufacturer, model or firmware",
                .more = "site is the location up to \" - \"; N is {}",
                .decides = Decides::place});
}

// `max` fills history as fast as storage allows; a number is simulated seconds per second.
struct Speed {
  bool max = false;
  double factor = 1;

  bool operator==(const Speed&) const = default;
};
inline constexpr Bounds speed_factors{1e-6, 1e6, true};
std::string parse_speed(std::string_view text, Speed& speed);  // max, or a factor
std::string speed_text(const Speed& speed);

inline constexpr double longest_backfill_seconds = 18'262.0 * 86'400;  // 50 years: starts are from 1970

struct ClockSettings {
  Speed speed;
  std::optional<Timestamp> start;  // none: now, or as long ago as the history that is filled
  double backfill_seconds = 0;     // of history, which is filled before the run continues at the clock's pace
  zones::Zone zone;                // of daily patterns, unless a sensor has its own

  bool operator==(const ClockSettings&) const = default;
};

template <class Section>
void clock_keys(Section clock) {
  clock.row(&ClockSettings::speed, Codec<Speed>{parse_speed, speed_text, range_text(speed_factors)},
            {.name = "clock.speed",
             .flag = "--speed",
             .value = "N|max",
             .help = "Simulated seconds per real second: {}, or max (as fast as storage allows)"});
  clock.row(&ClockSettings::start,
            or_word("now", Codec<Timestamp>{parse_start, timestamp_text, start_range_text()}),
            {.name = "clock.start",
             .flag = "--start",
             .value = "TIME",
             .help = "Simulated start time, such as 2026-01-31 or 2026-01-31T12:30:05Z, or now (the default)",
             .more = "{}; if unset, a run at --speed max ends now and starts its --duration ago",
             .decides = Decides::place});
  clock.row(
      &ClockSettings::backfill_seconds, duration({0, longest_backfill_seconds}),
      {.name = "clock.backfill_seconds",
       .flag = "--backfill",
       .value = "TIME",
       .help =
           "Start this long ago, fill that history as fast as storage allows, then continue in real time: {}",
       .zero = "none",
       .more = "--duration counts from the launch; excludes --start and any speed other than 1",
       .decides = Decides::place});
  clock.row(&ClockSettings::zone, utc_offset(),
            {.name = "clock.utc_offset",
             .value = "OFFSET",
             .help = "Time zone of daily patterns: UTC, or {}",
             .decides = Decides::readings,
             .other_spelling = "clock.time_zone"});
  clock.row(
      &ClockSettings::zone, time_zone(),
      {.name = "clock.time_zone",
       .value = "NAME",
       .help = "Instead of an offset, the IANA name of a time zone, such as Europe/Berlin; daily patterns "
               "follow its daylight saving",
       .more = "a sensor whose identity has a timezone follows that",
       .decides = Decides::readings,
       .other_spelling = "clock.utc_offset"});
}

// `late` adds the rows of what is below it.
template <class Section, class LateSection>
void delivery_keys(Section delivery, LateSection late) {
  delivery.row(&scenario::Delivery::drop, form(yaml::share()),
               {.name = "delivery.drop",
                .value = "SHARE",
                .help = "Share of the rows that never arrives, such as 0.1%: {}",
                .decides = Decides::place});
  late.row(&scenario::Late::share, form(yaml::share()),
           {.name = "delivery.late.share",
            .value = "SHARE",
            .help = "Share of the rows that arrives late: {}",
            .decides = Decides::place});
  late.row(&scenario::Late::median, form(yaml::span(0, scenario::longest_span)),
           {.name = "delivery.late.median",
            .value = "TIME",
            .help = "How late half of them are, at most: {}",
            .more = "lognormal, with a sigma of 1 and at most 100 times the median",
            .decides = Decides::place});
  delivery.row(&scenario::Delivery::duplicate, form(yaml::share()),
               {.name = "delivery.duplicate",
                .value = "SHARE",
                .help = "Share of the rows that arrives twice: {}",
                .decides = Decides::place});
  delivery.row(&scenario::Delivery::jitter, form(yaml::span(0, scenario::longest_span)),
               {.name = "delivery.jitter",
                .value = "TIME",
                .help = "How far the timestamp of a row may be off, either way: {}",
                .decides = Decides::place});
}

}  // namespace fleet_sim::config
