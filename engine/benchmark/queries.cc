#include "benchmark/queries.h"

#include <fmt/format.h>

namespace fleet_sim::benchmark {
namespace {

constexpr std::string_view select_sensor = "SELECT sensor_id FROM sensor_readings LIMIT 1";

}  // namespace

void QueryTally::add(const QueryTally& other) {
  if (errors == 0) first_error = other.first_error;
  errors += other.errors;
  for (std::size_t i = 0; i < latency.size(); ++i) latency[i].merge(other.latency[i]);
}

void Asker::visit(QueryTally& tally) {
  if (!database_.is_open() && !connect()) return;
  if (ask(std::exchange(next_, (next_ + 1) % queries.size()), tally)) return;
  if (tally.errors++ == 0) tally.first_error = database_.error().message;
}

bool Asker::connect() {
  if (!open_when_ready(path_, database_)) return false;
  const auto take_sensor = [this](const tables::Statement& row) {
    sensor_ = row.text(0);
    return tables::StorageError{};
  };
  bool is_ready = database_.query(select_sensor, take_sensor).ok() && !sensor_.empty();
  for (std::size_t i = 0; i < queries.size() && is_ready; ++i) {
    is_ready = database_.prepare(fmt::format(fmt::runtime(queries[i].sql), channel_), statements_[i]).ok();
    if (is_ready && queries[i].sql.find("?1") != std::string_view::npos) statements_[i].bind(1, sensor_);
  }
  if (is_ready) return true;
  for (tables::Statement& statement : statements_) statement = {};
  database_.close();
  return false;
}

bool Asker::ask(std::size_t query, QueryTally& tally) {
  tables::Statement& statement = statements_[query];
  const Stopwatch watch;
  int code = SQLITE_OK;
  while ((code = statement.step()) == SQLITE_ROW) {
  }
  statement.reset();
  tally.latency[query].record(watch.elapsed());
  return code == SQLITE_DONE;
}

}  // namespace fleet_sim::benchmark
