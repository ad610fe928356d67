#include "storage/shard.h"

#include <utility>

#include "storage/insert.h"

namespace fleet_sim {

// An open file with its statements, which hold on to the database and so are destroyed before it.
struct Shard::Connection {
  explicit Connection(const Roster& roster) : readings(database, roster), events(database, roster) {}

  Database database;
  ReadingInsert readings;
  EventInsert events;
};

Shard::Shard(std::string path, const ShardContext& context) : path_(std::move(path)), context_(&context) {}
Shard::~Shard() = default;
Shard::Shard(Shard&&) noexcept = default;

void Shard::stage(const Reading& reading, SteadyTime now) {
  if (!has_pending()) pending_since_ = now;
  readings_.push_back(reading);
}

void Shard::stage(const AnomalyEvent& event, SteadyTime now) {
  if (!has_pending()) pending_since_ = now;
  events_.push_back(event);
}

StorageError Shard::open() {
  if (is_open()) return {};
  auto connection = std::make_unique<Connection>(context_->roster);
  Database& database = connection->database;
  if (StorageError error = database.open(path_, context_->vfs); !error.ok()) {
    return error;
  }
  const auto prepare = schema_accepted_ ? prepare_connection : prepare_schema;
  if (StorageError error = prepare(database, context_->settings); !error.ok()) return error;
  database.count_log_pages();
  schema_accepted_ = true;
  connection_ = std::move(connection);
  return {};
}

StorageError Shard::flush() {
  if (!has_pending()) return {};
  if (StorageError error = open(); !error.ok()) return error;
  Database& database = connection_->database;
  // The write lock is taken at once: to meet a lock half-way through would mean writing everything twice.
  StorageError error = database.execute("BEGIN IMMEDIATE");
  if (error.ok()) error = write_pending();
  if (error.ok()) error = database.execute("COMMIT");
  if (error.ok()) {
    run_recorded_ = true;
    return {};
  }
  if (database.in_transaction()) database.execute("ROLLBACK");
  // Whatever happened to the file, the next opening looks at it afresh.
  if (!error.busy()) schema_accepted_ = false;
  return error;
}

StorageError Shard::write_pending() {
  Database& database = connection_->database;
  if (!run_recorded_) {
    if (StorageError error = record_run(database, context_->run); !error.ok()) return error;
  }
  if (connection_->readings.insert(readings_) != SQLITE_OK) return database.error();
  for (const AnomalyEvent& event : events_) {
    if (connection_->events.apply(event) != SQLITE_OK) return database.error();
  }
  return {};
}

void Shard::forget_pending() {
  // A shard that has gathered much while it was sick gives the memory back.
  constexpr std::size_t worth_keeping = 16'384;
  if (readings_.capacity() > worth_keeping) readings_ = {};
  if (events_.capacity() > worth_keeping) events_ = {};
  readings_.clear();
  events_.clear();
}

std::size_t Shard::log_pages() const {
  return is_open() ? connection_->database.log_pages() : 0;
}

void Shard::copy_log() {
  connection_->database.copy_log();
}

void Shard::close(Close how) {
  if (!is_open()) return;
  connection_->database.keep_log_on_close(how == Close::for_now);
  connection_.reset();
}

}  // namespace fleet_sim
