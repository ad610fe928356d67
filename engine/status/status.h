// All that the status page, its API and the metrics say about a run, as plain values: published by the run's
// main thread about four times a second, read by the HTTP thread. Nothing in here points to anything that
// moves.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/histogram.h"
#include "base/terms.h"
#include "base/timestamp.h"
#include "batch/values.h"
#include "status/snapshot.h"
#include "types/schema.h"

namespace fleet_sim::status {

struct RunFacts {
  std::string run_id;
  std::uint64_t seed = 0;
  std::string version;
  Timestamp start = 0;
  Timestamp began_at = 0;
  std::string shard_by;
  std::string partition;
  std::string data_directory;
  std::string sink;
  std::string config_hash;
  std::string speed;
  unsigned threads = 0;
  std::size_t writers = 0;
  double readings_per_second = 0;        // nominal, of simulated time
  std::optional<double> due_per_second;  // the same of real time; none at speed max
  std::size_t batches_limit = 0;
  std::size_t rows_limit = 0;
};

// What of a histogram goes over the wire: count, sum, a few percentiles, and how many values are at most each
// bound. The histogram's own buckets are 1/32 apart, so the last of a bound's values may be counted with the
// next bound.
struct Distribution {
  static constexpr std::array<double, 15> bounds_seconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                         0.5,   1,      2.5,   5,    10,    30,   60};
  std::uint64_t count = 0;
  double sum_seconds = 0;
  double p50_seconds = 0;
  double p99_seconds = 0;
  double max_seconds = 0;
  std::array<std::uint64_t, bounds_seconds.size()> up_to{};
};
Distribution distribution_of(const Histogram& histogram);

// A shard's write-ahead log that a reader keeps from being emptied.
struct HeldLog {
  std::string file;
  std::uint64_t bytes = 0;
  double seconds = 0;
};
struct HeldLogs {
  static constexpr std::size_t most_named = 5;

  std::size_t count = 0;
  std::uint64_t most_bytes = 0;
  double most_seconds = 0;
  std::vector<HeldLog> longest;  // by time
};

// Readings by firmware: a row for each version that is counted by itself, and one for all others.
struct FirmwareRow {
  static constexpr std::string_view others = "other";

  std::string version;
  std::uint64_t sensors = 0;  // that have it now
  FirmwareCounts counts;      // of this process
  FirmwareCounts recent;      // of about the last minute

  // Of readings; none without any.
  static std::optional<double> share(double part, const FirmwareCounts& counts) {
    return counts.readings == 0 ? std::nullopt : std::optional(part / static_cast<double>(counts.readings));
  }
};

struct Status {
  RunFacts run;
  Snapshot now;
  bool draining = false;
  std::vector<std::string> reasons;  // why it is not healthy; empty when it is
  double written_per_second = 0;     // over about the last three seconds

  Distribution lag;  // of the whole run
  Distribution commit;
  double recent_seconds = 0;  // about the last ten, of which are …
  Distribution recent_lag;
  Distribution recent_commit;
  std::size_t batches_in_use = 0;
  std::uint64_t rows_waiting = 0;
  std::size_t shards_retrying = 0;
  std::size_t shards_degraded = 0;
  HeldLogs held_logs;
  std::uint64_t storage_bytes = 0;  // of all shard files with their logs; each file is looked at now and then

  std::vector<FirmwareRow> firmware;  // by version

  std::uint64_t memory_bytes = 0;
  std::uint64_t peak_memory_bytes = 0;
  double cpu_seconds = 0;
  bool reloads = false;  // whether it looks for changed files by itself

  [[nodiscard]] bool healthy() const { return reasons.empty(); }
  [[nodiscard]] std::string_view state() const;  // running, filling history or draining
};

// A row of the table of shards.
struct ShardRow {
  std::string name;
  std::string file;
  std::string state;  // healthy, retrying, degraded, or idle as long as nothing was committed
  std::uint64_t rows_written = 0;
  std::uint64_t rows_waiting = 0;
  std::uint64_t bytes = 0;
  std::optional<Timestamp> last_commit;
  std::optional<std::string> error;
  std::uint64_t log_bytes = 0;  // of `bytes`
  double log_held_seconds = 0;
};

struct SensorRow {
  std::string id;
  std::string type;
  std::string location;
  std::string manufacturer;
  std::string model;
  std::string firmware_version;
  std::string shard;
};

// An entry of the scenario that runs. Sensors count once a turn.
struct ScenarioRow {
  // Ignored: a reload added it when its time had passed.
  enum class State : std::uint8_t { coming, under_way, over, ignored };

  std::string name;
  std::string what;                     // its verb: "silence: true"
  std::string entry;                    // as a config has it
  Timestamp at = 0;                     // when it begins …
  std::optional<Timestamp> until = {};  // … and when the last of it is over; none: as long as the run
  State state = State::coming;
  std::optional<std::uint64_t> reached{};  // sensors so far …
  std::optional<std::uint64_t> in_all{};   // … and by the end; both are counted in the background
};
std::string_view name_of(ScenarioRow::State state);

// What became of an entry that somebody adds to the scenario.
struct AddedEntry {
  std::vector<std::string> mistakes = {};              // not empty: it is none, or cannot be one
  bool can_reload = true;                              // whether the run can take one at all
  bool is_turned_away = false;                         // because too many wait to be added
  std::optional<std::vector<ReloadRecord>> outcome{};  // none: not known yet
  std::string name = {};
};

// Part of a list. `next` is where the following part begins.
template <class Row>
struct Page {
  std::vector<Row> rows;
  std::optional<std::uint64_t> next;
  std::uint64_t total = 0;
};

struct EventRow {
  std::string sensor_id;
  AnomalyType type{};
  std::optional<std::string> channel;  // none when it touches several
  int direction = 0;
  std::optional<double> magnitude;
  Timestamp started_at = 0;
  std::optional<Timestamp> ended_at;    // none: still open
  std::optional<double> severity = {};  // of a graded one …
  std::optional<double> sigma = {};     // … and what it counts in
  std::string unit = {};  // of sigma, and of magnitude but for a gain, which is a share; empty: none
  AnomalyCause cause = AnomalyCause::drawn;
};

struct ChannelRow {
  types::ChannelColumn column;
  bool in_pattern = false;  // a pattern takes it too
};

struct ReadingRow {
  Timestamp due = 0;
  batch::Values values;  // of the channels of its sensor's type
  std::optional<AnomalyType> anomaly;
  std::optional<std::string> channel;        // that the anomaly touches; none when it touches several
  bool missing = false;                      // the anomaly has taken it: the values mean nothing
  AnomalyCause cause = AnomalyCause::drawn;  // of the anomaly
};

// An anomaly that can be asked for.
struct PossibleAnomaly {
  AnomalyType type{};
  std::vector<std::string> channels = {};  // that can be named for it
  std::optional<Range> severity = {};      // that can be named for it: from, to …
  std::optional<Range> usual = {};         // … and what else is drawn
};

struct SensorDetail {
  SensorRow sensor;
  std::string effective;  // JSON, as `explain --json` prints it
  std::optional<EventRow> anomaly;
  std::vector<ReadingRow> readings;       // oldest first
  std::vector<ChannelRow> channels = {};  // of its type
  std::vector<PossibleAnomaly> possible = {};
  bool continues = false;  // the readings follow the one given as `since`
};

// Figures of several seconds: for each a number per second, NaN where there is none.
struct HistoryColumns {
  bool continues = false;          // the seconds follow the one given as `since`
  std::vector<std::int64_t> time;  // seconds since 1970, UTC
  std::vector<std::pair<std::string, std::vector<double>>> values;  // by their paths in /status
};

// A sensor's state comes from between two windows; a fleet that is held up does not get there.
enum class Absence { unknown_sensor, fleet_held_up };

// An anomaly that somebody asks for. What is not said is drawn.
struct AskedAnomaly {
  AnomalyType type{};
  std::optional<std::string> channel = {};  // by its name, which not every type of sensor has
  std::optional<double> severity = {};      // within the bounds of the type
  std::optional<Microseconds> duration = {};
};

// What came of asking for anomalies. All of the sensors exist, can have one and are in reach, or none begins.
struct Injected {
  struct PassedOver {
    std::string sensor;
    std::string reason;
  };
  std::optional<Absence> absence = {};
  std::vector<EventRow> events = {};  // that begin, each with the next reading of its sensor
  std::vector<PassedOver> passed_over = {};
  bool is_impossible = false;  // for those passed over, whatever the moment
};

}  // namespace fleet_sim::status
