// How hard the anomalies of a data directory are to find, and whether it has the flaws for which sets of
// labeled data are known: detectors of one line each (one_liners.h) are run over whole series of some
// sensors. Takes about as long for any number of readings, but for looking for those of the chosen sensors.
// Any thread. Throws std::runtime_error for a file that cannot be read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/anomaly_types.h"
#include "data/source.h"
#include "score/truth.h"

namespace fleet_sim::score {

struct Detectability {
  // Anomalies of a kind and of about the same severity.
  struct Row {
    AnomalyType kind;
    std::string severity;
    std::uint64_t readings = 0;  // in such anomalies
    std::string_view detector;   // the best one
    double roc_auc = 0;          // by sensor and channel, weighted by readings
    bool is_trivial = false;     // one threshold per sensor finds all of them with no false alarm

    // "hidden" below 0.6, "hard" below 0.85, "fair" below 0.95, else "easy"; or "trivial".
    [[nodiscard]] std::string_view verdict() const;
  };

  std::uint64_t sensors = 0;          // that were looked at: some of those with anomalies
  std::uint64_t trivial_sensors = 0;  // all of whose anomalies one threshold of one detector finds
  std::uint64_t readings = 0;
  std::uint64_t anomalous = 0;
  std::uint64_t events = 0;
  double position_sum = 0;  // of events in the series of their sensors: 0 at the start, 1 at the end
  std::vector<Row> rows;    // by kind and severity

  [[nodiscard]] double trivial_share() const {
    return static_cast<double>(trivial_sensors) / static_cast<double>(sensors);
  }
  [[nodiscard]] double density() const {
    return static_cast<double>(anomalous) / static_cast<double>(readings);
  }
  [[nodiscard]] std::optional<double> position() const {
    return events == 0 ? std::nullopt : std::optional(position_sum / static_cast<double>(events));
  }
};

// Beyond this mean position, events lie so late that guessing the end of a series finds them.
inline constexpr double late_position = 0.65;
inline constexpr double dense = 0.1;  // more anomalous readings than this are no longer rare

inline constexpr std::uint64_t readings_looked_at = 200'000;  // about; a sensor is looked at as a whole

// Nothing if there is no sensor with an anomalous reading. `readings_per_sensor` is about how many they have.
std::optional<Detectability> detectability_of(const std::vector<data::SourceShard>& shards,
                                              std::uint64_t readings_per_sensor);

// A table and a sentence below it, for reports; and an object, in one line.
std::string detectability_text(const Detectability& found);
std::string detectability_json(const Detectability& found);

}  // namespace fleet_sim::score
