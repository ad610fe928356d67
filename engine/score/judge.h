// How good the scores or flags of one sensor are. Pure; any thread.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "score/detections.h"
#include "score/ranking.h"
#include "score/truth.h"

namespace fleet_sim::score {

// What readings and events are grouped by.
enum class GroupBy : std::uint8_t { all, kind, severity, cause, firmware, model };

struct Group {
  GroupBy by = GroupBy::all;
  std::size_t rank = 0;  // in the order of its kind; the rest is sorted by name
  std::string name;

  auto operator<=>(const Group&) const = default;
};

// "2 to 3"; the one for events without a severity comes last.
Group severity_group(double severity);

struct Mean {
  double sum = 0;
  std::uint64_t count = 0;

  void add(const std::optional<double>& value) {
    if (!value) return;
    sum += *value;
    ++count;
  }
  Mean& operator+=(const Mean& other) {
    sum += other.sum;
    count += other.count;
    return *this;
  }
  [[nodiscard]] std::optional<double> value() const {
    return count == 0 ? std::nullopt : std::optional(sum / static_cast<double>(count));
  }
};

// By reading: those in an anomaly, those flagged, and both. By event: those that a detection overlaps. Areas
// are means over the sensors that have events.
struct Measures {
  std::uint64_t readings = 0;
  std::uint64_t anomalous = 0;
  std::uint64_t found = 0;         // of the anomalous ones
  std::uint64_t flagged_else = 0;  // normal ones that were flagged
  std::uint64_t events = 0;
  std::vector<float> delays;  // seconds, of the events that were found
  std::uint64_t false_alarms = 0;
  double sensor_days = 0;
  Mean roc_auc;
  Mean average_precision;
  Mean vus_pr;

  Measures& operator+=(const Measures& other);

  [[nodiscard]] std::optional<double> precision() const;
  [[nodiscard]] std::optional<double> recall() const;
  [[nodiscard]] std::optional<double> f1() const;
  [[nodiscard]] std::optional<double> event_recall() const;
  [[nodiscard]] std::optional<double> delay(double share) const;  // of `delays`, which are sorted
  [[nodiscard]] std::optional<double> false_alarms_per_day() const;
};

using GroupedMeasures = std::map<Group, Measures>;

// What a detector says of a sensor, reading by reading.
struct Course {
  std::vector<double> scores;
  std::vector<bool> flagged;
  std::vector<Detection> elsewhere;  // flagged spans and moments of no reading: in order, none overlaps
  std::uint64_t unmatched = 0;       // moments of no reading
};

// Scores and flags come to the readings they mean; what is not mentioned scores 0. With `threshold`, what is
// flagged is what scores as much.
Course course_of(const SensorTruth& truth, const std::vector<Detection>& detections,
                 const std::optional<double>& threshold);

// What each reading counts as. Those that remain within a dropout are left out.
std::vector<Label> labels_of(const SensorTruth& truth);

// For each anomalous reading its event, by place: the one of its kind that began last. SIZE_MAX for others.
std::vector<std::size_t> events_of_readings(const SensorTruth& truth);

struct JudgeOptions {
  bool with_areas = false;
  std::size_t longest_buffer = 100;
};

// `traits`: by their number in the readings.
GroupedMeasures judge(const std::vector<Traits>& traits, const SensorTruth& sensor, const Course& course,
                      const JudgeOptions& options);

}  // namespace fleet_sim::score
