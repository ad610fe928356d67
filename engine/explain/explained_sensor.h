// All that `explain` has to say about one sensor, before it is text or JSON: who it is, when and where its
// readings appear, and the explanation of its numbers. Worked out by the functions a run uses. Borrows the
// inputs; main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "config/config_file.h"
#include "config/config_keys.h"
#include "identity/identity.h"
#include "model/explanation.h"
#include "types/catalog.h"

namespace fleet_sim::explain {

inline const config::Origins no_origins;

struct ExplainedSensor {
  const config::Config& config;
  const config::Origins& origins;
  std::string_view id;
  std::string_view type;
  std::string declared_at = {};  // the file and line where the type is declared; empty: not known
  std::string_view location;
  std::string_view manufacturer;
  std::string_view model;
  std::string_view firmware_version;
  Microseconds period = 0;
  bool is_aligned = false;             // it is read at multiples of the period since 1970
  std::optional<Microseconds> phase;   // from the start to its first reading; none: the start decides it
  std::optional<Timestamp> first_due;  // where the config names a start
  std::uint32_t partition = 1;         // that has the sensor, of as many as the config names
  std::optional<std::string> file;     // none with the null sink
  bool has_own_zone = false;           // its identity names one
  Timestamp now = 0;                   // at which the offset of its clock is shown
  model::Explanation explanation;
  // Of a type that has agings, the intervals in which they are now; none where nothing names the seed.
  std::optional<model::Agings::Intervals> intervals = {};
  std::vector<double> clipped = {};  // by channel: the share of normal readings beyond min or max

  // The keys that decide readings and are not at their default, in the order of the table, with their
  // origins.
  [[nodiscard]] std::vector<std::pair<const config::ConfigKey*, const config::Origin*>> set_keys() const;

  std::optional<double> reading_nanoseconds = {};  // where it has been measured

  [[nodiscard]] bool in_this_partition() const { return partition == config.fleet.partition.index; }
};

// Whether anomalies of type `k` are worth a line: those that start, and those that do unless a config says
// otherwise.
inline bool is_shown(const model::Explanation& explanation, std::size_t k) {
  return explanation.numbers.weights[k].value() > 0 || anomaly_types[k].weight.value_or(0) > 0;
}

// `index` is the sensor's in the roster. Borrows the types, as it does all else. `origins` says where the
// keys of the config were set; `spread` is that of the sensor's type where it is already known.
ExplainedSensor explain_sensor(const config::Config& config, const identity::Roster& roster,
                               std::uint32_t index, Timestamp now, const types::Catalog& types,
                               const config::Origins& origins = no_origins,
                               const std::shared_ptr<const model::TypeSpread>& spread = {});

// Which key has named the zone whose clock the sensor follows.
inline std::string_view zone_source(const ExplainedSensor& sensor) {
  if (sensor.has_own_zone) return "identity timezone";
  return sensor.explanation.profile.zone.is_named() ? "config clock.time_zone" : "config clock.utc_offset";
}

// About forty lines of at most 100 columns.
std::string text_of(const ExplainedSensor& sensor);

// The same as one JSON object, every number with its chain: on one line, or indented for people.
std::string json_of(const ExplainedSensor& sensor, bool indented = true);

}  // namespace fleet_sim::explain
