// What a run says of itself: the readings of its sensors and what was wrong with them, sensor by sensor. Rows
// come in order of time over all sensors, and there may be a billion of them, so they are sorted by sensor in
// a temporary file, in portions of about a million readings. Memory: a portion, a hundred bytes a sensor, and
// 40 bytes an event; a sensor with more readings than a portion makes its portion larger.
//
// Built by several threads, then only read; any thread. Throws as data/source.h and partitioned_file.h say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/anomaly_types.h"
#include "base/timestamp.h"
#include "data/source.h"
#include "score/partitioned_file.h"

namespace fleet_sim::score {

inline constexpr std::int8_t several_channels = -1;

// Both ends belong to it. One that comes with age begins when its sensor fails.
struct Event {
  Timestamp from;
  Timestamp until;  // before the next run while it is open
  double severity;  // NaN: it has none
  std::uint32_t sensor;
  AnomalyType type;
  AnomalyCause cause;
  std::int8_t channel = several_channels;  // its place in the sensor's type
};

// A row.
struct Reading {
  Timestamp at;
  std::uint32_t sensor;
  std::uint32_t traits;
  std::optional<AnomalyType> anomaly;
  std::uint16_t values;  // of its channels, where they were asked for
};

// What the row says of the sensor.
struct Traits {
  std::string firmware;
  std::string model;
};

struct SensorTruth {
  std::uint32_t sensor;
  std::vector<Reading> readings;  // in order of time, one for each moment
  std::vector<Event> events;      // by their start
  std::vector<double> values;     // of one reading after the other, where asked for; NaN where there is none

  [[nodiscard]] std::size_t channels() const {
    return readings.empty() ? 0 : values.size() / readings.size();
  }
};

// Told how many readings have been read, now and then, on one thread at a time.
using Progress = std::function<void(std::uint64_t readings)>;

// How much of the shards is read.
struct TruthOptions {
  bool with_values = false;
  data::Selection selection = {};  // of sensors and locations
  std::uint64_t most_readings_per_shard = std::numeric_limits<std::uint64_t>::max();  // as a query finds them
};

class Truth {
 public:
  Truth(const std::vector<data::SourceShard>& shards, const TruthOptions& options, const Progress& progress);

  [[nodiscard]] std::uint64_t readings() const { return readings_; }
  [[nodiscard]] std::size_t sensors() const { return sensors_.size(); }
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view sensor) const;
  [[nodiscard]] const std::string& sensor_id(std::uint32_t sensor) const { return *sensors_[sensor].id; }
  // Of the readings of the sensor.
  [[nodiscard]] const types::Schema& schema_of(std::uint32_t sensor) const {
    return shards_[sensors_[sensor].shard].schema;
  }
  [[nodiscard]] const std::vector<Traits>& traits() const { return traits_; }
  [[nodiscard]] std::string nearest_sensor(std::string_view sensor) const;  // " (did you mean …?)" or nothing

  [[nodiscard]] std::size_t partitions() const { return partitions_; }
  [[nodiscard]] std::size_t partition_of(std::uint32_t sensor) const { return sensors_[sensor].partition; }
  // The sensors of a partition, sorted by id.
  [[nodiscard]] std::vector<SensorTruth> read(std::size_t partition) const;

 private:
  class ShardReader;
  struct Sensor {
    const std::string* id;  // in numbers_
    std::uint32_t shard;    // where it was seen first
    std::uint32_t partition;
    std::uint64_t readings = 0;
  };
  struct HashOfText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Numbers = std::unordered_map<std::string, std::uint32_t, HashOfText, std::equal_to<>>;

  std::uint32_t number_of_sensor(std::string_view id, std::uint32_t shard);
  std::uint32_t number_of_traits(std::string_view firmware, std::string_view model);
  [[nodiscard]] std::span<const Event> events_of(std::uint32_t sensor) const;

  const std::vector<data::SourceShard>& shards_;
  TruthOptions options_;
  std::mutex mutex_;
  Numbers numbers_;
  std::vector<Sensor> sensors_;
  Numbers numbers_of_traits_;
  std::vector<Traits> traits_;
  std::vector<Event> events_;  // by sensor and start
  std::uint64_t readings_ = 0;
  std::size_t partitions_;
  PartitionedFile rows_;
};

}  // namespace fleet_sim::score
