#include "sqlite/shard.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/clock.h"
#include "sqlite/insert.h"
#include "sqlite/naming.h"
#include "sqlite/set_aside.h"
#include "tables/complete_run.h"
#include "tables/deliveries.h"
#include "tables/run_losses.h"
#include "tables/run_resumptions.h"

namespace fleet_sim::sqlite {
namespace {

constexpr std::string_view last_reading_sql =
    "SELECT sensor_id, timestamp FROM sensor_readings ORDER BY id DESC LIMIT 1";
constexpr std::string_view last_event_sql =
    "SELECT sensor_id, started_at FROM anomaly_events ORDER BY id DESC LIMIT 1";
constexpr std::string_view last_fleet_event_sql =
    "SELECT sensor_id, started_at FROM fleet_events ORDER BY id DESC LIMIT 1";
constexpr std::string_view last_delivery_sql =
    "SELECT sensor_id, due, kind FROM deliveries ORDER BY id DESC LIMIT 1";

// Whether the query's one row, if it has one, is about this sensor and moment.
tables::StorageError ask_whether(tables::Database& database, std::string_view sql, std::string_view sensor,
                                 Timestamp moment, std::string_view kind, bool& answer) {
  tables::Statement row;
  if (tables::StorageError error = database.prepare(sql, row); !error.ok()) return error;
  const int code = row.step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return database.error();
  answer = code == SQLITE_ROW && row.text(0) == sensor && row.text(1) == timestamp_text(moment) &&
           (kind.empty() || row.text(2) == kind);
  return {};
}

// For a file, and what its name takes in the folder. What is kept for root, or by ext4 for itself, is no
// room.
bool has_no_room(const struct statvfs& system) {
  constexpr fsblkcnt_t blocks_of_a_file = 4;
  return system.f_bavail < blocks_of_a_file;
}

}  // namespace

// An open file with its statements, which hold on to the database and so are destroyed before it.
struct Shard::Connection {
  Connection(const ShardContext& context, const types::Schema& schema)
      : readings(database, context.roster, schema),
        events(database, context.roster, schema),
        fleet_events(database, context.roster, context.run.run_id),
        deliveries(database, context.run.run_id) {}

  // A transaction has been undone.
  void note_undone() {
    readings.note_undone();
    fleet_events.note_undone();
  }

  tables::Database database;
  bool is_log_new = false;  // with nothing committed yet
  ReadingInsert readings;
  EventInsert events;
  FleetEventInsert fleet_events;
  tables::DeliveryInsert deliveries;
};

Shard::Workbench::Workbench() = default;
Shard::Workbench::~Workbench() = default;
Shard::Workbench::Workbench(Workbench&&) noexcept = default;
Shard::Workbench& Shard::Workbench::operator=(Workbench&&) noexcept = default;

Shard::Shard(const write::Target& target, const ShardContext& context, SensorsOf sensors)
    : path_(target.name),
      place_(target.name),
      schema_(target.schema),
      context_(&context),
      sensors_(std::move(sensors)) {}
Shard::~Shard() = default;
Shard::Shard(Shard&&) noexcept = default;

tables::StorageError Shard::open() {
  tables::StorageError error = is_open() ? tables::StorageError{} : try_to_open();
  find_reason(error);
  return error;
}

tables::StorageError Shard::try_to_open() {
  auto connection = std::make_unique<Connection>(*context_, *schema_);
  tables::Database& database = connection->database;
  const bool had_log = tables::has_log(place_);
  if (tables::StorageError error = connect(database); !error.ok()) return error;
  if (tables::StorageError error = prepare(database); !error.ok()) return error;
  database.count_log_pages();
  connection->is_log_new = !had_log && database.has_empty_log();
  if (!schema_accepted_) {
    if (tables::StorageError error = continue_ids(database); !error.ok()) return error;
  }
  if (page_bytes_ == 0)
    page_bytes_ =
        static_cast<std::size_t>(database.query_integer("PRAGMA page_size", config::usual_page_size));
  schema_accepted_ = was_ours_ = true;
  connection_ = std::move(connection);
  note_file();
  return {};
}

tables::StorageError Shard::prepare(tables::Database& database) const {
  if (is_nameless_) return tables::prepare_nameless(database, context_->settings, *schema_);
  return schema_accepted_ ? tables::prepare_connection(database, context_->settings)
                          : tables::prepare_schema(database, context_->settings, *schema_);
}

// Above all that the file has, and above those that an earlier run was to go on from when it began the file
// anew, of which it may have left no row: otherwise it would seem to have begun after those that follow it.
tables::StorageError Shard::continue_ids(tables::Database& database) {
  tables::LastIds found;
  tables::LastIds begun;
  tables::StorageError error = tables::read_last_ids(database, found);
  if (error.ok()) error = tables::read_ids_before_runs(database, begun);
  if (!error.ok()) return error;
  if (begun.reading > found.reading) before_.reading = std::max(before_.reading, begun.reading);
  if (begun.event > found.event) before_.event = std::max(before_.event, begun.event);
  last_ = {std::max({last_.reading, found.reading, before_.reading}),
           std::max({last_.event, found.event, before_.event})};
  return {};
}

std::optional<Shard::FileIdentity> Shard::identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino};
}

// A name that cannot be looked at says nothing about the file.
bool Shard::was_removed(const std::string& path, const FileIdentity& file) {
  const std::optional<FileIdentity> there = identity_of(path);
  return there ? *there != file : errno == ENOENT || errno == ENOTDIR;
}

void Shard::note_file() {
  if (const auto there = identity_of(place_)) file_ = there;
}

void Shard::note_log() {
  const auto log = identity_of(place_ + "-wal");
  const auto index = identity_of(place_ + "-shm");
  if (log && index) log_ = LogIdentity{*log, *index};
}

void Shard::expect_file(const tables::LastIds& last) {
  last_ = last;
  note_file();
}

// What an earlier process has left there is nobody's.
void Shard::begin_nameless() {
  is_nameless_ = true;
  place_ = nameless_path(path_);
  std::error_code ignored;
  std::filesystem::remove(place_, ignored);
}

tables::StorageError Shard::record_run() {
  const batch::Rows none;
  if (tables::StorageError error = flush({.readings = none}); !error.ok()) return error;
  copy_log();
  const std::string folder = std::filesystem::path(path_).parent_path().string();
  const std::error_code error = sync_all(folder.empty() ? "." : folder);
  if (!error) return {};
  return {SQLITE_IOERR_FSYNC, error.message(), error.value()};
}

// A data directory that has been deleted, or could not be made at the start, is made again.
template <class Open>
tables::StorageError Shard::open_in_folder(const Open& open) const {
  tables::StorageError error = open();
  if ((error.code & 0xFF) != SQLITE_CANTOPEN) return error;
  std::error_code not_made;
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  if (!folder.empty() && std::filesystem::create_directories(folder, not_made)) return open();
  // SQLite tries to read what it may not make, and reports only that it is not there.
  const bool is_missing =
      error.reason == ENOENT && ::access(folder.empty() ? "." : folder.c_str(), W_OK) != 0;
  if (is_missing) error.reason = errno;
  return error;
}

tables::StorageError Shard::connect(tables::Database& database) const {
  return open_in_folder([&] { return database.open(place_, context_->vfs); });
}

// For a file that cannot be made, be it a log, SQLite reports that it is not there.
void Shard::find_reason(tables::StorageError& error) const {
  if ((error.code & 0xFF) != SQLITE_CANTOPEN) return;
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  struct statvfs system {};
  if (::statvfs(folder.empty() ? "." : folder.c_str(), &system) != 0) return;
  if (system.f_files > 0 && system.f_favail == 0) {
    error.message = "the file system has no inodes left";
  } else if (error.reason == ENOENT && has_no_room(system)) {
    error.message = "the file system has no room for another file";
  } else {
    return;
  }
  error.reason = ENOSPC;
}

bool Shard::has_moved() const {
  return file_ && was_removed(place_, *file_);
}

bool Shard::has_lost_log() const {
  return log_ && (was_removed(place_ + "-wal", log_->log) || was_removed(place_ + "-shm", log_->index));
}

// SQLite finds the log by its name and the file by its descriptor. A file that was renamed gets what its log
// holds while the two are still together; a file that is begun under the old name must not meet that log.
void Shard::leave_moved_file() {
  if (is_open()) connection_->database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
  close(Close::for_now);
  std::error_code ignored;
  if (!std::filesystem::exists(place_, ignored) &&
      (tables::has_log(place_) || std::filesystem::exists(place_ + "-shm", ignored))) {
    set_aside(place_, "left", system_now(), ignored);
  }
  forget_file();
}

std::string Shard::set_aside_corrupt(std::error_code& error) {
  close(Close::for_now);
  std::string name = set_aside(place_, "corrupt", system_now(), error);
  if (!error) forget_file();
  return name;
}

void Shard::forget_file() {
  file_.reset();
  schema_accepted_ = run_recorded_ = false;
  skips_recorded_.reset();
  reloads_recorded_ = sensors_recorded_ = page_bytes_ = 0;
  before_ = last_;
}

tables::StorageError Shard::flush(const write::Lot& lot) {
  keep_offered(lot.offered);
  if (tables::StorageError error = open(); !error.ok()) return error;
  tables::Database& database = connection_->database;
  const std::size_t reloads_so_far = reloads();
  // The write lock is taken at once: to meet a lock half-way through would mean writing everything twice.
  tables::LastIds last = last_;
  const config::Synchronous synchronous = context_->settings.synchronous;
  const bool begins_log = std::exchange(connection_->is_log_new, false);
  tables::StorageError error =
      begins_log ? tables::begin_log(database, synchronous) : database.execute("BEGIN IMMEDIATE");
  if (error.ok()) error = settle_doubt();
  if (error.ok() && !run_recorded_) error = begin_run();
  if (error.ok()) error = add(lot, last, reloads_so_far);
  if (error.ok()) {
    error = database.execute("COMMIT");
    if (!error.ok()) {
      in_doubt_ = lot.share();
      doubtful_ = last_row(lot);
    }
  }
  if (database.in_transaction()) database.execute("ROLLBACK");
  if (begins_log) tables::wait_for_disk(database, synchronous);
  if (error.ok()) {
    if (!log_) note_log();
    note_recorded(reloads_so_far);
    if (context_->run.reloads != nullptr) context_->run.reloads->end_recording(database);
    last_ = last;
    skips_recorded_ = lot.skipped;
    in_doubt_ = already_there_ = {};
    doubtful_.reset();
    return {};
  }
  if (context_->run.reloads != nullptr) context_->run.reloads->end_recording(database);
  connection_->note_undone();
  find_reason(error);
  // Whatever happened to the file, the next opening looks at it afresh.
  if (!error.busy()) {
    schema_accepted_ = run_recorded_ = false;
    skips_recorded_.reset();
  }
  return error;
}

// What has been recorded with this commit.
void Shard::note_recorded(std::size_t reloads_so_far) {
  const tables::RunReloads* reloads = context_->run.reloads;
  if (reloads != nullptr && !run_recorded_) reloads->note_recorded(0, connection_->database);
  for (std::size_t i = reloads_recorded_; i < reloads_so_far; ++i)
    reloads->note_recorded((*reloads)[i].number, connection_->database);
  run_recorded_ = true;
  reloads_recorded_ = reloads_so_far;
  sensors_recorded_ = reloads_so_far + 1;
}

std::string Shard::file_name() const {
  return std::filesystem::path(path_).filename().string();
}

std::size_t Shard::reloads() const {
  return context_->run.reloads == nullptr ? 0 : context_->run.reloads->size();
}

bool Shard::is_still_to_be_made() const {
  if (was_ours_ || file_ || last_.reading > 0 || last_.event > 0) return false;
  return std::ranges::none_of(std::array{"", "-wal", "-journal"},
                              [&](const char* part) { return ::access((path_ + part).c_str(), F_OK) == 0; });
}

tables::StorageError Shard::make_ahead(Workbench& bench) {
  if (!bench.connection_) {
    if (tables::StorageError error = set_up(bench); !error.ok()) return error;
  }
  connection_ = std::move(bench.connection_);
  tables::Database& database = connection_->database;
  tables::StorageError error = database.execute("BEGIN");
  if (error.ok()) error = record_sensors(reloads());
  if (error.ok()) {
    error = open_in_folder(
        [&] { return database.copy_to(nameless_path(path_), tables::Database::Journal::log); });
  }
  if (database.execute("ROLLBACK").ok()) bench.connection_ = std::move(connection_);
  connection_.reset();
  return error;
}

void Shard::note_made() {
  schema_accepted_ = was_ours_ = true;
  note_file();
}

// The transaction in which a file is made is undone once the file has been written, so that the next one
// finds the workbench as it was.
tables::StorageError Shard::make_whole(const write::Lot& lot, Workbench& bench) {
  if (!bench.connection_) {
    if (tables::StorageError error = set_up(bench); !error.ok()) return error;
  }
  connection_ = std::move(bench.connection_);
  tables::Database& database = connection_->database;
  const std::size_t reloads_so_far = reloads();
  tables::LastIds last;
  tables::StorageError error = database.execute("BEGIN");
  if (error.ok()) error = tables::record_start(database, context_->run, context_->roster);
  if (error.ok()) error = add(lot, last, reloads_so_far);
  if (error.ok())
    error = open_in_folder([&] { return database.copy_to(place_, tables::Database::Journal::rollback); });
  if (error.ok()) note_recorded(reloads_so_far);
  if (context_->run.reloads != nullptr) context_->run.reloads->end_recording(database);
  const bool is_undone = database.execute("ROLLBACK").ok();
  connection_->note_undone();
  if (is_undone) bench.connection_ = std::move(connection_);
  connection_.reset();
  find_reason(error);
  was_ours_ = was_ours_ || error.ok();
  return error;
}

tables::StorageError Shard::set_up(Workbench& bench) const {
  auto connection = std::make_unique<Connection>(*context_, *schema_);
  tables::Database& database = connection->database;
  tables::StorageError error = database.open(":memory:");
  if (error.ok()) error = tables::prepare_nameless(database, context_->settings, *schema_);
  if (error.ok()) error = tables::record_run(database, context_->run);
  if (error.ok() && context_->run.resumed_at)
    error = tables::record_resumption(database, context_->run.run_id, *context_->run.resumed_at);
  if (error.ok() && sensors_ && context_->run.reloads != nullptr) error = tables::make_sensors(database);
  if (error.ok()) bench.connection_ = std::move(connection);
  return error;
}

// What a lot adds to a file, within a transaction.
tables::StorageError Shard::add(const write::Lot& lot, tables::LastIds& last, std::size_t reloads_so_far) {
  tables::Database& database = connection_->database;
  tables::StorageError error = add_rows(lot, last);
  for (std::size_t i = reloads_recorded_; error.ok() && i < reloads_so_far; ++i) {
    error = tables::record_reload(database, context_->run, context_->roster, (*context_->run.reloads)[i]);
  }
  if (error.ok()) error = record_sensors(reloads_so_far);
  for (const std::optional<Loss>& loss : {lot.lost, lot.skipped}) {
    if (error.ok() && loss && loss != skips_recorded_)
      error = tables::record_loss(database, context_->run.run_id, file_name(), *loss);
  }
  return error;
}

tables::StorageError Shard::add_rows(const write::Lot& lot, tables::LastIds& last) {
  tables::Database& database = connection_->database;
  if (insert_readings(lot) != SQLITE_OK) return database.error();
  if (lot.readings.size() > already_there_.readings) last.reading = database.last_inserted_id();
  for (const batch::AnomalyEvent& event : lot.events.subspan(already_there_.events)) {
    if (connection_->events.apply(event, before_.event) != SQLITE_OK) return database.error();
    if (batch::begins(event.kind)) last.event = database.last_inserted_id();
  }
  for (const batch::FleetEvent& event : lot.fleet_events.subspan(already_there_.fleet_events)) {
    if (connection_->fleet_events.insert(event) != SQLITE_OK) return database.error();
  }
  for (const batch::Delivery& delivery : lot.deliveries.subspan(already_there_.deliveries)) {
    const std::string_view sensor_id = context_->roster[delivery.sensor].id;
    if (connection_->deliveries.insert(delivery, sensor_id) != SQLITE_OK) return database.error();
  }
  return {};
}

tables::StorageError Shard::begin_run() {
  tables::Database& database = connection_->database;
  if (tables::StorageError error = tables::record_run(database, context_->run, before_); !error.ok())
    return error;
  const bool is_first_time = database.changed_rows() > 0;
  const bool has_start = !is_first_time && database.has_table("sensors");
  if (has_start) sensors_recorded_ = std::max<std::size_t>(sensors_recorded_, 1);
  if (const auto resumed_at = context_->run.resumed_at) {
    tables::StorageError error = tables::record_resumption(database, context_->run.run_id, *resumed_at);
    if (!error.ok()) return error;
  }
  if (tables::StorageError error = tables::record_start(database, context_->run, context_->roster);
      !error.ok())
    return error;
  return is_first_time ? tables::complete_run_before(database, context_->run.run_id) : tables::StorageError{};
}

// Of the start, and of reloads since.
tables::StorageError Shard::record_sensors(std::size_t reloads_so_far) {
  const std::size_t end = reloads_so_far + 1;
  if (!sensors_ || context_->run.reloads == nullptr || sensors_recorded_ == end) return {};
  return tables::record_sensors(connection_->database, context_->roster, sensors_(sensors_recorded_, end));
}

int Shard::insert_readings(const write::Lot& lot) {
  const std::size_t first = already_there_.readings;
  if (first == lot.readings.size()) return SQLITE_OK;
  const bool first_of_new_file = before_.reading > 0 && last_.reading == before_.reading;
  return first_of_new_file ? connection_->readings.insert_after(last_.reading, lot.readings, first)
                           : connection_->readings.insert(lot.readings, first);
}

// A commit that fails when its last page is in the log, while waiting for the disk, is undone in this
// connection but stands for the next one. Its last row tells; what it has only brought up to date may be
// written again.
tables::StorageError Shard::settle_doubt() {
  if (!doubtful_) return {};
  bool there = false;
  tables::Database& database = connection_->database;
  const bool may_be_there = doubtful_->table.empty() || database.has_table(doubtful_->table);
  tables::StorageError error;
  if (may_be_there)
    error = ask_whether(database, doubtful_->sql, context_->roster[doubtful_->sensor].id, doubtful_->at,
                        doubtful_->kind, there);
  if (!error.ok()) return error;
  if (there) already_there_ = in_doubt_;
  in_doubt_ = {};
  doubtful_.reset();
  if (!there) return {};
  return tables::commit_nothing(database);  // because what is there is not safe yet
}

// Of rows that were offered before, some may have been dropped since.
void Shard::keep_offered(const write::Share& offered) {
  for (write::Share* share : {&in_doubt_, &already_there_}) *share = share->within(offered);
}

std::optional<Shard::LastRow> Shard::last_row(const write::Lot& lot) {
  if (!lot.readings.empty()) {
    const batch::Row last = lot.readings.back();
    return LastRow{last_reading_sql, last.sensor, last.stamp()};
  }
  const auto begun = std::find_if(lot.events.rbegin(), lot.events.rend(),
                                  [](const batch::AnomalyEvent& e) { return batch::begins(e.kind); });
  if (begun != lot.events.rend()) return LastRow{last_event_sql, begun->sensor, begun->started_at};
  if (!lot.fleet_events.empty()) {
    const batch::FleetEvent& last = lot.fleet_events.back();
    return LastRow{last_fleet_event_sql, last.sensor, last.started_at, "fleet_events"};
  }
  if (lot.deliveries.empty()) return std::nullopt;
  const batch::Delivery& last = lot.deliveries.back();
  return LastRow{last_delivery_sql, last.sensor, last.due, tables::deliveries_table,
                 batch::name_of(last.kind)};
}

std::size_t Shard::log_pages() const {
  return is_open() ? connection_->database.log_pages() : 0;
}

std::uint64_t Shard::log_bytes() const {
  constexpr std::uint64_t bytes_around_page = 24;
  return log_pages() * (page_bytes_ + bytes_around_page);
}

bool Shard::empty_log() {
  return open().ok() && connection_->database.empty_log();
}

tables::Copied Shard::copy_log() {
  return connection_->database.copy_log();
}

tables::StorageError Shard::finish() {
  if (is_nameless_) {
    close(Close::for_good);
    return {};
  }
  tables::StorageError error;
  if (!is_open()) return finish_closed();
  if (!has_moved()) error = connection_->database.give_up_log();
  find_reason(error);
  close(Close::for_good);
  return error;
}

// One that this run has not written to yet, or no longer writes to, may have its log from an earlier one.
tables::StorageError Shard::finish_closed() const {
  if (!identity_of(place_) || has_moved()) return {};
  tables::Database database;
  tables::StorageError error = database.open_existing(place_, context_->vfs);
  if (error.ok() && !was_ours_) error = tables::check_schema(database, *schema_);
  if (error.ok()) error = database.give_up_log();
  find_reason(error);
  return was_ours_ ? error : tables::StorageError{};
}

void Shard::close(Close how) {
  if (!is_open()) return;
  // A log without a name nobody would find again.
  connection_->database.keep_log_on_close(how == Close::for_now && !has_lost_log());
  connection_.reset();
  log_.reset();
}

}  // namespace fleet_sim::sqlite
