#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "data/data_directory.h"
#include "simulation.h"
#include "sql/session.h"
#include "tables/database.h"
#include "workloads.h"

namespace fleet_sim::bench {
namespace {

constexpr std::size_t rows = 5'000'000;  // due; of which prepare_shards writes as many

// How often each firmware is anomalous.
constexpr const char* question =
    "SELECT firmware_version, count(*), sum(CASE WHEN anomaly_flag = 1 THEN 1 ELSE 0 END) "
    "FROM sensor_readings GROUP BY firmware_version";

template <class Ask>
double rate_of(const Ask& ask) {
  const auto began = std::chrono::steady_clock::now();
  ask();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(rows) / elapsed.count();
}

}  // namespace

void prepare_one_file(const std::filesystem::path& input) {
  simulate({.rows = rows, .unsynced_index = true, .sharding = {config::ShardKey::none, 0}}, input);
}

double sql_rate(const Folders& folders) {
  return rate_of([&] {
    const auto ignore = [](std::string_view) {};
    sql::Session session({.place = folders.input.string()}, ignore, ignore);
    session.take_line(question);
    session.finish();
  });
}

double sql_one_rate(const Folders& folders) {
  return rate_of([&] {
    tables::Database database = data::open_shard(data::find_shards(folders.input).front());
    std::int64_t counted = 0;
    const tables::StorageError error =
        database.query(question, [&](const tables::Statement& row) { counted += row.integer(1); });
    if (!error.ok() || counted == 0) throw std::runtime_error("no rows: " + error.message);
  });
}

}  // namespace fleet_sim::bench
