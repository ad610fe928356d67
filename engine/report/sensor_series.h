// A stretch of one sensor's readings to plot, with its anomalies: where they are most varied, no longer than
// a person can take in, thinned out to what a screen can show. Reads the shard again; any thread. Throws
// std::runtime_error, naming the file, where that fails.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/terms.h"
#include "base/timestamp.h"
#include "batch/values.h"
#include "report/report.h"
#include "types/schema.h"

namespace fleet_sim::report {

// A moment and the values of the channels; none where readings are absent, so that a line breaks off.
struct SeriesPoint {
  Timestamp at = 0;
  std::optional<batch::Values> values;
};

struct SeriesAnomaly {
  std::string type;
  std::string channel;  // empty: several
  Timestamp from = 0;
  Timestamp until = 0;
  std::uint64_t readings = 0;
  bool is_open = false;
  std::optional<double> severity;
  std::string cause;
};

struct SensorSeries {
  static constexpr std::size_t most_points = 2'400;
  static constexpr std::size_t most_anomalies = 300;

  VariedSensor sensor;
  std::vector<types::ChannelColumn> channels;
  Timestamp from = 0;
  Timestamp until = 0;
  std::uint64_t readings = 0;            // in the stretch
  std::vector<SeriesPoint> points;       // beyond most_points readings: the extremes of as many short spans
  std::vector<SeriesAnomaly> anomalies;  // of the stretch, by time
};

// Of every sensor that the report chose; one that has no reading in its stretch is left out.
std::vector<SensorSeries> read_series(const std::filesystem::path& directory, const Report& report);

// At most SensorSeries::most_points and the breaks between them. `readings` all have values and are in order.
std::vector<SeriesPoint> thinned(const std::vector<SeriesPoint>& readings);

}  // namespace fleet_sim::report
