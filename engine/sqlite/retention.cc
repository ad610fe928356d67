#include "sqlite/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tables/schema.h"

namespace fleet_sim::sqlite {
namespace {

constexpr auto between_turns = std::chrono::seconds(1);
// After each transaction, at least; beyond that, twice as long as it took.
constexpr std::chrono::steady_clock::duration shortest_pause = std::chrono::milliseconds(5);

// In a row, after which a shard is let be until its next turn: a second or two.
constexpr unsigned most_refusals = 50;

// Debian's SQLite overwrites what it deletes, which makes every freed page go through the log.
constexpr const char* retention_pragmas = "PRAGMA busy_timeout = 10; PRAGMA secure_delete = OFF";

}  // namespace

Retention::Retention(const config::SqliteSettings& settings, std::string vfs,
                     std::function<void(const std::string&)> log)
    : settings_(settings), vfs_(std::move(vfs)), log_(std::move(log)), thread_([this] { run(); }) {}

Retention::~Retention() {
  stop();
}

void Retention::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Retention::request(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    if (!requested_.insert(path).second) return;
  }
  changed_.notify_one();
}

void Retention::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait(lock, [this] { return stopping_ || !requested_.empty(); });
    const std::set<std::string> paths = std::exchange(requested_, {});
    lock.unlock();
    for (auto path = paths.begin(); path != paths.end() && !is_stopping(); ++path) take_turn(*path);
    pause(between_turns);
    lock.lock();
  }
}

bool Retention::is_stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

// Whether to go on afterwards.
bool Retention::pause(std::chrono::steady_clock::duration span) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, span, [this] { return stopping_; });
}

// A file that cannot be opened is the writer's to tell of.
void Retention::take_turn(const std::string& path) {
  tables::Database shard;
  if (!shard.open_existing(path, vfs_).ok()) return;
  // The last connection to close would copy the log, and remove it.
  shard.keep_log_on_close(true);
  bool held_back = false;
  tables::StorageError error = tables::prepare_connection(shard, settings_);
  if (error.ok()) error = shard.execute(retention_pragmas);
  if (error.ok()) error = delete_from(shard, held_back);
  if (!error.busy()) note_state(path, error, held_back);
}

tables::StorageError Retention::delete_from(tables::Database& shard, bool& held_back) {
  for (unsigned refused = 0;;) {
    DeletedRows deleted;
    const auto began = std::chrono::steady_clock::now();
    tables::StorageError error = delete_oldest(shard, settings_.retention, deleted);
    if (!error.ok() && (!error.busy() || ++refused == most_refusals)) return error;
    if (error.ok()) {
      refused = 0;
      readings_.fetch_add(deleted.readings, std::memory_order_relaxed);
      events_.fetch_add(deleted.events, std::memory_order_relaxed);
      held_back = deleted.held_back;
      if (deleted.readings == 0) return {};
    }
    if (!pause(std::max(shortest_pause, 2 * (std::chrono::steady_clock::now() - began)))) return {};
  }
}

void Retention::note_state(const std::string& path, const tables::StorageError& error, bool held_back) {
  if (error.ok()) {
    failing_.erase(path);
  } else if (failing_.insert(path).second) {
    log_(fmt::format("{}: could not delete old rows: {}", path, error.message));
  }
  if (!held_back) {
    held_back_.erase(path);
  } else if (held_back_.insert(path).second) {
    log_(fmt::format("{}: keeping old rows because they are not synced", path));
  }
}

}  // namespace fleet_sim::sqlite
