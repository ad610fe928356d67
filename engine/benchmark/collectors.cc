#include "benchmark/collectors.h"

namespace fleet_sim::benchmark {
namespace {

constexpr std::size_t rows_per_poll = 100;
constexpr std::string_view poll_sql =
    "SELECT * FROM sensor_readings WHERE synced = 0 ORDER BY timestamp ASC LIMIT 100";

std::string mark_sql(std::size_t rows) {
  std::string sql = "UPDATE sensor_readings SET synced = 1 WHERE id IN (?";
  for (std::size_t row = 1; row < rows; ++row) sql += ", ?";
  return sql + ')';
}

}  // namespace

void CollectorTally::add(const CollectorTally& other) {
  seconds += other.seconds;
  collected += other.collected;
  if (errors == 0) first_error = other.first_error;
  errors += other.errors;
  poll.merge(other.poll);
  mark.merge(other.mark);
}

void Collector::visit(CollectorTally& tally) {
  if (!database_.is_open() && !connect()) return;
  if (!poll(tally)) return note_error(tally);
  if (!ids_.empty() && !mark(tally)) note_error(tally);
}

bool Collector::connect() {
  if (!open_when_ready(path_, database_)) return false;
  const bool is_ready = database_.prepare(poll_sql, poll_).ok();
  if (!is_ready) database_.close();
  return is_ready;
}

bool Collector::poll(CollectorTally& tally) {
  ids_.clear();
  const Stopwatch watch;
  int code = SQLITE_OK;
  while ((code = poll_.step()) == SQLITE_ROW) ids_.push_back(poll_.integer(0));
  poll_.reset();
  tally.poll.record(watch.elapsed());
  return code == SQLITE_DONE;
}

bool Collector::mark(CollectorTally& tally) {
  tables::Statement partial;
  tables::Statement& mark = ids_.size() == rows_per_poll ? mark_ : partial;
  const Stopwatch watch;
  if (!mark.is_prepared() && !database_.prepare(mark_sql(ids_.size()), mark).ok()) return false;
  int parameter = 0;
  for (const std::int64_t id : ids_) mark.bind(++parameter, id);
  const bool is_marked = mark.run() == SQLITE_OK;
  tally.mark.record(watch.elapsed());
  if (is_marked) tally.collected += ids_.size();
  return is_marked;
}

void Collector::note_error(CollectorTally& tally) {
  if (tally.errors++ == 0) tally.first_error = database_.error().message;
}

}  // namespace fleet_sim::benchmark
