#include "sqlite/checkpointer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "tables/database.h"
#include "tables/schema.h"

namespace fleet_sim::sqlite {
namespace {

constexpr auto longest_copy = std::chrono::seconds(1);  // before another copies the logs of other files
constexpr std::size_t most_copies = 3;

void copy_log(const Checkpointer::Request& request, const std::string& vfs) {
  tables::Database database;
  if (!database.open_existing(request.path, vfs).ok()) return;
  // The last connection to close would copy again, and remove the log.
  database.keep_log_on_close(true);
  // A connection that has not looked at the file yet does not know of its log.
  if (!database.execute("PRAGMA schema_version").ok()) return;
  // Copied before, because nobody can write to the file while its log is emptied. SQLite waits for the disk
  // when a log begins again, so that is done here as well.
  if (database.copy_log() != tables::Copied::all || !request.empties || !database.empty_log()) return;
  tables::wait_for_disk(database, config::Synchronous::normal);
  tables::commit_nothing(database);
}

}  // namespace

Checkpointer::Checkpointer(std::string vfs)
    : vfs_(std::move(vfs)),
      relay_([this] { work(); }, longest_copy, most_copies),
      thread_([this] { relay_.run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Checkpointer::request(Request request) {
  {
    const std::lock_guard lock(mutex_);
    if (std::ranges::find(requested_, request.path, &Request::path) != requested_.end()) return;
    requested_.push_back(std::move(request));
  }
  changed_.notify_one();
}

void Checkpointer::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !requested_.empty(); });
    if (stopping_) return relay_.end();
    const Request request = std::move(requested_.front());
    requested_.pop_front();
    lock.unlock();
    relay_.leave();
    copy_log(request, vfs_);
    if (!relay_.come_back()) return;
    lock.lock();
  }
}

}  // namespace fleet_sim::sqlite
