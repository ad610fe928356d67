// The ground truth as labels for anomaly detectors: for every sensor the spans of time in which it has an
// anomaly, as JSON. A sensor without one is listed with none, so that what it reads counts as normal.
//
// An event that has no end, because the run stopped inside it, ends at its sensor's last reading in that run;
// missing data and dropout, which may have none, and of a sensor that has failed of age and may be silent, at
// the last reading of the shard in that run. A run lasts in a shard until the next one's start. An event that
// had begun before a run's first reading, as some have when a run starts, begins with its sensor's first
// reading in it, or as missing data with the run. If nothing is known of an event after its beginning, it
// ends there. Spans are cut to the time that is asked for. A sensor is at a location when it has readings
// from there.
//
// Holds all events in memory, and passes over the readings once, or twice where events have no end. Throws as
// source.h says.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "data/source.h"

namespace fleet_sim::exports {

// Both ends belong to it.
struct Label {
  Timestamp start = 0;
  Timestamp end = 0;
  std::string type;
  std::string channel;            // empty: several
  std::string direction;          // a JSON value
  std::string magnitude;          // a JSON value, as are …
  std::string severity = "null";  // … this, and …
  std::string sigma = "null";     // … what it counts in
  std::string cause = "drawn";    // AnomalyCause
  std::string scenario{};         // empty: none
  std::optional<Timestamp> fails_at{};
  std::string ended_at{};    // empty while it is open
  std::string started_at{};  // as recorded, as is ended_at
};

// By sensor; sorted by start.
using Labels = std::map<std::string, std::vector<Label>>;

Labels read_labels(const std::vector<data::SourceShard>& shards, const data::Selection& selection);

// {"SENSOR": [["START", "END"], ...], ...}: the form of the Numenta Anomaly Benchmark's
// combined_windows.json. Readings of a sensor that ages are no anomalies until it fails.
std::string windows_json(const Labels& labels);

// {"SENSOR": [{"type": ..., "channel": ..., "direction": ..., "magnitude": ..., "severity": ..., "sigma":
// ..., "cause": ..., "scenario": ..., "fails_at": ..., "start": ..., "end": ...}, ...], ...}
std::string events_json(const Labels& labels);

// For those who train on how long a sensor has left: a line of CSV for each time that one aged, below a line
// with the names of the columns: sensor_id,aging,started_at,fails_at,ended_at. Times are as recorded; the
// last one is empty where the run has not come to it. A sensor whose rows went on in another file has a line
// for each file, with the same failure.
std::string life_csv(const Labels& labels);

}  // namespace fleet_sim::exports
