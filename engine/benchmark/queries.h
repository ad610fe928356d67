// A person with questions: asks a shard, one after the other, what people ask of such data. One thread at a
// time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/histogram.h"
#include "benchmark/visitors.h"
#include "tables/database.h"

namespace fleet_sim::benchmark {

struct Query {
  std::string_view name;  // as in results
  std::string_view what;  // it asks
  std::string_view sql;   // {} stands for the channel; ?1, if it is there, for a sensor
};

// The first three are those with which users of such a fleet begin.
inline constexpr std::array<Query, 7> queries{
    {{"anomalies_by_firmware", "anomalies by firmware",
      "SELECT firmware_version, count(*), sum(CASE WHEN anomaly_flag = 1 THEN 1 ELSE 0 END) FROM "
      "sensor_readings GROUP BY firmware_version"},
     {"anomalies_by_model", "kinds of anomalies by model",
      "SELECT model, anomaly_type, count(*), round(100.0 * count(*) / sum(count(*)) OVER (PARTITION BY "
      "model), 2) "
      "FROM sensor_readings WHERE anomaly_flag = 1 GROUP BY model, anomaly_type"},
     {"synced_by_firmware", "synced rows by firmware",
      "SELECT firmware_version, count(*), sum(CASE WHEN synced = 1 THEN 1 ELSE 0 END) FROM sensor_readings "
      "GROUP BY firmware_version"},
     {"last_by_sensor", "the last value of each sensor",
      "SELECT sensor_id, max(timestamp), {} FROM sensor_readings GROUP BY sensor_id"},
     {"hour_of_sensor", "an hour of one sensor",
      "SELECT timestamp, {} FROM sensor_readings WHERE sensor_id = ?1 AND timestamp > "
      "strftime('%Y-%m-%dT%H:%M:%f', (SELECT timestamp FROM sensor_readings ORDER BY id DESC LIMIT 1), '-1 "
      "hour')"},
     {"day_by_location", "a day's mean of each location",
      "SELECT location, avg({}) FROM sensor_readings WHERE timestamp > strftime('%Y-%m-%dT%H:%M:%f', (SELECT "
      "timestamp FROM sensor_readings ORDER BY id DESC LIMIT 1), '-1 day') GROUP BY location"},
     {"unsynced", "how many rows are not synced", "SELECT count(*) FROM sensor_readings WHERE synced = 0"}}};

struct QueryTally {
  std::uint64_t errors = 0;  // queries that failed, for instance because of a lock
  std::string first_error;
  std::array<Histogram, queries.size()> latency;  // from asking to the last row

  void add(const QueryTally& other);
};

class Asker {
 public:
  using Tally = QueryTally;

  Asker(std::string path, std::string channel) : path_(std::move(path)), channel_(std::move(channel)) {}

  // Asks the next question.
  void visit(QueryTally& tally);

 private:
  bool connect();
  bool ask(std::size_t query, QueryTally& tally);

  std::string path_;
  std::string channel_;
  tables::Database database_;
  std::array<tables::Statement, queries.size()> statements_;  // are destroyed before it
  std::string sensor_;
  std::size_t next_ = 0;
};

using Askers = Visitors<Asker>;

}  // namespace fleet_sim::benchmark
