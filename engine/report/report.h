// What a data directory holds, in the figures an analyst asks for first (anomalies by firmware, types by
// model, sync state) and what those alone do not show (the expected rate, how certain a rate is, what is
// missing and why), over all shards together. Plain values; the texts are made from them elsewhere.
//
// A rate is a share of due readings: rows and the readings that anomalies left out. Its interval counts
// sensors, not readings (report/rate.h). Its expected value is the mean of what the runs' config promises for
// each reading; there is none if a shard's runs disagree.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/terms.h"
#include "base/timestamp.h"
#include "course/course.h"
#include "report/duplicates.h"
#include "report/event_tally.h"
#include "report/gaps.h"
#include "report/rate.h"
#include "report/read_shard.h"
#include "report/tally.h"
#include "score/detectability.h"

namespace fleet_sim::report {

// One value of what readings are grouped by: the readings of firmware 1.3.
struct ReportGroup {
  std::string name;
  std::uint64_t sensors = 0;
  std::uint64_t readings = 0;                      // rows
  std::uint64_t missing = 0;                       // readings that anomalies left out
  std::uint64_t synced = 0;                        // rows
  PerAnomalyType<std::uint64_t> anomalous{};       // due readings by type
  std::uint64_t injected = 0;                      // that injected anomalies affected
  std::optional<double> rate;                      // anomalous share of due readings
  std::optional<Interval> interval;                // 95%
  std::optional<PerAnomalyType<double>> expected;  // share of due readings, by type

  [[nodiscard]] std::uint64_t due() const { return readings + missing; }
  [[nodiscard]] std::uint64_t all_anomalous() const;
  [[nodiscard]] std::optional<double> expected_rate() const;
  // Of the rows alone, which is what a query over sensor_readings finds.
  [[nodiscard]] std::optional<double> rate_of_rows() const;
};

struct TimeRange {
  Timestamp first = 0;
  Timestamp last = 0;
};

struct ReportShard {
  std::string file;
  std::string sensor_type;  // empty: the file does not say
  std::uint64_t sensors = 0;
  std::uint64_t readings = 0;
  std::uint64_t missing = 0;
  std::uint64_t synced = 0;
  std::optional<TimeRange> range;  // none without rows
  std::optional<Timestamp> oldest_unsynced;
  std::uint64_t gaps = 0;
  tables::Deletions deleted;        // by retention, and so in no figure
  std::vector<std::string> runs;    // their ids
  std::string expectation_missing;  // why there is none; empty when there is
};

struct UnreadableShard {
  std::string file;
  std::string why;
};

struct MissingData {
  std::uint64_t events = 0;
  std::uint64_t readings = 0;
  std::uint64_t open_events = 0;    // a killed run may have left these with too small a count
  std::uint64_t without_a_row = 0;  // readings of sensors that have no row, and so no known group
};

// A sensor worth looking at: the one of its kind with the most varied anomalies.
struct VariedSensor {
  std::string sensor_id;
  std::string file;
  std::string sensor_type;
  std::string firmware;
  std::string model;
  std::string manufacturer;
  std::string location;
  Microseconds period = 0;            // as seen; 0: not known
  std::uint64_t anomaly_types = 0;    // that it has had
  std::uint64_t rarest_readings = 0;  // of the type it has had least
};

// Normal readings by the hour, of a type of sensor.
struct TypicalDay {
  std::string sensor_type;
  types::ChannelColumn channel;  // that the curves are of
  DailyCurves curves;
};

// Readings of sensors with one firmware in a piece of time.
struct FirmwareShare {
  std::uint64_t readings = 0;  // rows
  std::uint64_t missing = 0;
  std::uint64_t anomalous = 0;         // due readings, as are …
  std::uint64_t injected = 0;          // … these, which injected anomalies affected, …
  double expected = 0;                 // … these, that should be anomalous, …
  std::uint64_t with_expectation = 0;  // … and those of which that is known

  [[nodiscard]] std::uint64_t due() const { return readings + missing; }
  [[nodiscard]] std::optional<double> rate() const;
  [[nodiscard]] std::optional<double> expected_rate() const;
  FirmwareShare& operator+=(const FirmwareShare& other);
};

// A piece of time, with a share for each firmware of the report.
struct ReportSpan {
  Timestamp from = 0;
  Timestamp until = 0;
  std::vector<FirmwareShare> by_firmware;
};

// How anomaly rates went over time.
struct OverTime {
  static constexpr std::size_t most_firmwares = 12;

  std::vector<course::Mark> marks;
  std::size_t marks_left_out = 0;
  std::vector<std::string> firmware;  // that have most readings; the others together are the last, if any
  std::vector<ReportSpan> stretches;  // from change to change of the fleet
  std::vector<ReportSpan> points;     // shorter ones, for a plot
};

struct Report {
  static constexpr std::size_t most_varied_sensors = 12;

  std::string directory;            // or whatever the sources were
  std::vector<ReportShard> shards;  // by file name
  std::vector<UnreadableShard> unreadable;
  std::vector<tables::RunInfo> runs;  // by the time they began, each once; `config` is left empty
  ReportGroup total;
  std::vector<ReportGroup> by_sensor_type;  // each sorted by name
  std::vector<ReportGroup> by_firmware;
  std::vector<ReportGroup> by_model;
  std::vector<ReportGroup> by_manufacturer;
  std::vector<ReportGroup> by_location_class;
  std::vector<VariedSensor>
      varied;                     // the most varied first, then one of each firmware, location class, model
  std::vector<TypicalDay> daily;  // by type of sensor
  OverTime over_time;
  EventTally events;
  MissingData missing;
  GapTally gaps;
  Duplicates duplicates;
  DeliveryTally delivery;
  std::optional<score::Detectability> detectability;  // none without anomalous readings
  std::optional<TimeRange> range;
  std::optional<Timestamp> oldest_unsynced;

  [[nodiscard]] std::uint64_t shards_without_expectation() const;
  // Of all shards; until the latest time of any.
  [[nodiscard]] tables::Deletions deleted() const;
};

// What stands for readings whose column is empty, and for locations that no class covers.
inline constexpr std::string_view no_name = "(none)";
inline constexpr std::string_view other_locations = "other";
inline constexpr std::string_view other_firmware = "other";

// Reads every file of the sources. Those that cannot be read are named in the report, which then covers the
// others.
Report make_report(const data::Sources& sources, ReadProgress& progress);

}  // namespace fleet_sim::report
