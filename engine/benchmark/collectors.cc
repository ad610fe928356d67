#include "benchmark/collectors.h"

#include <chrono>
#include <filesystem>
#include <system_error>

#include "tables/database.h"

namespace fleet_sim::benchmark {
namespace {

constexpr std::size_t rows_per_poll = 100;
constexpr std::string_view poll_sql =
    "SELECT * FROM sensor_readings WHERE synced = 0 ORDER BY timestamp ASC LIMIT 100";
constexpr const char* wait_for_locks = "PRAGMA busy_timeout = 5000";
constexpr std::chrono::milliseconds between_visits{1};  // so that a collector is not a loop that eats a core

using SteadyTime = std::chrono::steady_clock::time_point;

Microseconds since(SteadyTime began) {
  const auto span = std::chrono::steady_clock::now() - began;
  return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
}

std::string mark_sql(std::size_t rows) {
  std::string sql = "UPDATE sensor_readings SET synced = 1 WHERE id IN (?";
  for (std::size_t row = 1; row < rows; ++row) sql += ", ?";
  return sql + ')';
}

// One collector's connection to one shard.
class Visitor {
 public:
  explicit Visitor(std::string path) : path_(std::move(path)) {}

  void visit(CollectorTally& tally) {
    if (!database_.is_open() && !connect()) return;
    if (!poll(tally)) return note_error(tally);
    if (!ids_.empty() && !mark(tally)) note_error(tally);
  }

 private:
  // A shard that is only being made is none yet. It has a write-ahead log from its first row on; opening it
  // earlier would stand in its writer's way.
  bool connect() {
    std::error_code ignored;
    if (!std::filesystem::exists(path_ + "-wal", ignored)) return false;
    const bool ready = database_.open(path_).ok() && database_.execute(wait_for_locks).ok() &&
                       database_.prepare(poll_sql, poll_).ok();
    if (!ready) database_.close();
    return ready;
  }

  bool poll(CollectorTally& tally) {
    ids_.clear();
    const SteadyTime began = std::chrono::steady_clock::now();
    int code = SQLITE_OK;
    while ((code = poll_.step()) == SQLITE_ROW) ids_.push_back(poll_.integer(0));
    poll_.reset();
    tally.poll.record(since(began));
    return code == SQLITE_DONE;
  }

  bool mark(CollectorTally& tally) {
    tables::Statement partial;
    tables::Statement& mark = ids_.size() == rows_per_poll ? mark_ : partial;
    const SteadyTime began = std::chrono::steady_clock::now();
    if (!mark.is_prepared() && !database_.prepare(mark_sql(ids_.size()), mark).ok()) return false;
    int parameter = 0;
    for (const std::int64_t id : ids_) mark.bind(++parameter, id);
    const bool marked = mark.run() == SQLITE_OK;
    tally.mark.record(since(began));
    if (marked) tally.collected += ids_.size();
    return marked;
  }

  void note_error(CollectorTally& tally) {
    if (tally.errors++ == 0) tally.first_error = database_.error().message;
  }

  std::string path_;
  tables::Database database_;
  tables::Statement poll_;
  tables::Statement mark_;  // of a full poll
  std::vector<std::int64_t> ids_;
};

}  // namespace

void CollectorTally::add(const CollectorTally& other) {
  seconds += other.seconds;
  collected += other.collected;
  if (errors == 0) first_error = other.first_error;
  errors += other.errors;
  poll.merge(other.poll);
  mark.merge(other.mark);
}

Collectors::~Collectors() {
  stop();
}

void Collectors::start(const std::vector<std::string>& paths, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    auto collector = std::make_unique<Collector>();
    for (std::size_t p = i % paths.size(); p < paths.size(); p += count) collector->paths.push_back(paths[p]);
    collectors_.push_back(std::move(collector));
    threads_.emplace_back([this, collector = collectors_.back().get()] { run(*collector); });
  }
}

void Collectors::stop() {
  request_stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Collectors::add_to(CollectorTally& tally) const {
  for (const auto& collector : collectors_) tally.add(collector->tally);
}

void Collectors::run(Collector& collector) const {
  std::vector<std::unique_ptr<Visitor>> visitors;
  for (const std::string& path : collector.paths) visitors.push_back(std::make_unique<Visitor>(path));
  while (true) {
    for (const auto& visitor : visitors) {
      if (stop_.load(std::memory_order_relaxed)) return;
      visitor->visit(collector.tally);
      std::this_thread::sleep_for(between_visits);
    }
  }
}

}  // namespace fleet_sim::benchmark
