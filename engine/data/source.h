// What an export reads: the shards of a data directory, and which of their rows are wanted. Shards are opened
// briefly, with only a few descriptors at a time however many there are, and left as they were. Any thread.
// Throws InvalidInput for a directory without shards and for a sensor or location that is in none of them,
// and std::runtime_error, naming the file, for a file that is not a shard or cannot be read.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "data/data_directory.h"
#include "types/built_in_type.h"

namespace fleet_sim::data {

struct Selection {
  Timestamp from = earliest_timestamp;
  Timestamp to = latest_timestamp + microseconds_per_second;  // the first moment that is not asked for
  std::vector<std::string> sensors;                           // none: all
  std::vector<std::string> locations;                         // none: all
};

struct SourceShard {
  std::filesystem::path file;
  bool had_log = false;  // before the first of our connections
  bool has_readings = false;
  bool has_events = false;
  types::Schema schema = types::built_in_type().schema;  // of its readings
};

tables::Database open(const SourceShard& shard);

// How many shards may be open at once before the process runs out of descriptors; 0 where those are few.
std::size_t affordable_shards();

// The shard has no more readings than this: how far their ids reach. Throws std::runtime_error.
std::uint64_t most_readings_of(const SourceShard& shard);

// One file, looked at.
SourceShard look_at(const std::filesystem::path& file);

// Every file of the sources, looked at and found to hold readings.
std::vector<SourceShard> find_source(const Sources& sources);

// The types of sensor whose readings the shards hold, as far as their files tell; sorted.
std::vector<std::string_view> type_names(const std::vector<SourceShard>& shards);

// The shards with readings of these types; all when none is named. Throws InvalidInput for a type of which
// there are none.
std::vector<SourceShard> only_types(std::vector<SourceShard> shards, const std::vector<std::string>& types);

// A sensor of a shard and a location it has readings from; no location for a sensor with only events.
using Place = std::pair<std::string, std::string>;

// Every sensor and location of each shard that is asked for. Costs a pass over all readings; memory for as
// many places.
std::vector<std::set<Place>> find_places(const std::vector<SourceShard>& shards, const Selection& selection);

// The part of a condition that asks for the sensors and locations, and its parameters, from number `first`.
std::string condition_of(const Selection& selection, int first);
void bind(tables::Statement& statement, const Selection& selection, int first);

[[noreturn]] void refuse_time(std::int64_t reading, std::string_view time, const SourceShard& shard);

// When a reading was due, from a row that begins with its id and timestamp. Throws std::runtime_error.
template <class Row>
Timestamp moment_of_reading(const Row& row, TimestampReader& reader, const SourceShard& shard) {
  const auto at = reader.read(row.text(1));
  if (!at) refuse_time(row.integer(0), row.text(1), shard);
  return *at;
}

}  // namespace fleet_sim::data
