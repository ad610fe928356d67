#include "sqlite/sqlite_sink.h"

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/random.h"
#include "base/text.h"

namespace fleet_sim::sqlite {
namespace {

constexpr std::size_t most_log_growth = 4;  // times checkpoint_pages, before a log is copied by who writes it
constexpr std::size_t log_of_turn_bytes =
    512 * 1'024;  // of a file that is closed while others have their turn
constexpr std::size_t most_copied_at_once = 16;
constexpr std::size_t open_to_one_copied = 4;          // one that is copied is open, too
constexpr std::size_t most_made_in_memory = 50'000;    // readings of one file
constexpr auto usual_cycle = std::chrono::seconds(2);  // of a log, from too long to empty
constexpr auto usual_knocks =
    std::chrono::seconds(1);  // until a full log can be emptied beside our own copies
constexpr auto usual_hold = std::chrono::seconds(10);  // of a log by a reader, beyond which it is said

write::Failure failure_of(const tables::StorageError& error) {
  using Kind = write::Failure::Kind;
  if (error.ok()) return {};
  const Kind kind = error.busy() ? Kind::occupied : error.foreign() ? Kind::foreign : Kind::failing;
  return {kind, error.error_class(), error.message};
}

}  // namespace

// While a file is in use it is not closed to make room for another.
class SqliteDestination::InUse {
 public:
  explicit InUse(const SqliteDestination& destination)
      : destination_(destination), was_open_(destination.sink_.take_into_use(destination)) {}
  ~InUse() {
    if (!was_open_ && destination_.is_open()) destination_.say("opened");
    destination_.sink_.leave(destination_);
  }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  const SqliteDestination& destination_;
  const bool was_open_;
};

SqliteDestination::SqliteDestination(SqliteSink& sink, std::uint32_t index, const write::Target& target)
    : sink_(sink), index_(index), shard_(target, sink.context_, sink.sensors_of(index)) {}

void SqliteDestination::say(std::string_view what) const {
  sink_.log_.detail(fmt::format("{}: {}", name(), what));
}

write::Failure SqliteDestination::open() {
  const InUse in_use(*this);
  // Since a run that goes on has looked at it.
  if (shard_.has_moved()) shard_.leave_moved_file();
  if (!sink_.naming_) return failure_of(shard_.open());
  place_is_chosen_ = true;
  return failure_of(shard_.record_run());
}

// A file that is there goes on as it is.
void SqliteDestination::choose_place() {
  if (!sink_.naming_ || std::exchange(place_is_chosen_, true)) return;
  if (shard_.is_still_to_be_made()) shard_.begin_nameless();
}

// A lot that is the first and the last, and empty, makes no file.
void SqliteDestination::settle(const write::Lot& lot, write::Answer& answer) {
  if (!shard_.is_nameless()) return;
  answer.settles_later = true;
  nameless_readings_ += lot.readings.size();
  if (!lot.is_last || !shard_.was_ours()) return;
  shard_.close(Shard::Close::for_good);
  say("filled");
  sink_.naming_->add({shard_.path(), nameless_readings_});
}

// A file that somebody has deleted or put elsewhere is let go: what is written to it would be for nobody.
std::optional<write::Answer> SqliteDestination::take(const write::Lot& lot) {
  const InUse in_use(*this);
  write::Answer answer;
  choose_place();
  let_go_if_moved(answer);
  look_for_log(answer);
  if (!lot.is_at_end && is_log_full(answer)) return answer;
  const tables::StorageError error = write(lot);
  if (!error.ok()) {
    refused(error, answer);
  } else {
    note_log(answer);
    set_aside_ = false;
    if (sink_.retention_) sink_.retention_->request(shard_.path());
    settle(lot, answer);
  }
  return answer;
}

tables::StorageError SqliteDestination::write(const write::Lot& lot) {
  if (lot.empty()) return {};
  const bool is_all = lot.is_last && !shard_.was_ours();
  if (!shard_.is_nameless() || !is_all || lot.readings.size() > most_made_in_memory) return shard_.flush(lot);
  Shard::Workbench bench = sink_.take_bench(shard_.schema());
  const tables::StorageError error = shard_.make_whole(lot, bench);
  sink_.give_back(shard_.schema(), std::move(bench));
  return error;
}

void SqliteDestination::let_go_if_moved(write::Answer& answer) {
  if (!shard_.has_moved()) return;
  shard_.leave_moved_file();
  nameless_readings_ = 0;
  log_ = {};
  log_held_ = false;
  answer.incidents.push_back(
      {"was deleted, renamed or replaced while in use; starting a new file", ErrorClass::io});
}

void SqliteDestination::look_for_log(write::Answer& answer) {
  const bool was_lost = std::exchange(log_lost_, shard_.has_lost_log());
  if (was_lost || !log_lost_) return;
  answer.incidents.push_back(
      {"its write-ahead log was deleted or replaced while in use; do not open the file until this run ends, "
       "or it may be damaged",
       ErrorClass::io});
}

bool SqliteDestination::is_log_full(write::Answer& answer) {
  const std::uint64_t most = std::uint64_t{sink_.context_.settings.max_log_mb} * 1'000'000;
  if (most == 0 || log_.bytes < most) return false;
  if (shard_.empty_log()) {
    log_.bytes = 0;
    full_since_.reset();
    return false;
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!full_since_) full_since_ = now;
  if (!log_.held_since) log_.held_since = now;
  answer.failure = {write::Failure::Kind::held, ErrorClass::busy,
                    "its write-ahead log has reached its limit"};
  if (now - *full_since_ < usual_knocks || std::exchange(log_held_, true)) return true;
  answer.incidents.push_back({fmt::format(
      "its write-ahead log has grown to {}, beyond database.max_log_mb; rows wait in memory until "
      "the program that is reading the file ends its transaction",
      bytes_text(log_.bytes))});
  return true;
}

// A log that is longer than asked for at one commit after the other is not emptied in between.
void SqliteDestination::note_log(write::Answer& answer) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::size_t limit = sink_.pages_of_log(*this);
  log_.bytes = shard_.log_bytes();
  if (shard_.log_pages() < limit) {
    // The checkpointer does that where files take turns.
    const bool was_long = log_.held_since && now - *log_.held_since >= usual_cycle;
    cut_log_ = cut_log_ || (was_long && !sink_.files_take_turns());
    log_.held_since.reset();
    // It has begun anew, and the file would stay as long as it was.
    if (cut_log_) cut_log_ = !shard_.empty_log();
    if (std::exchange(log_held_, false))
      answer.incidents.push_back({"its write-ahead log could be emptied again"});
    return;
  }
  if (!log_.held_since) log_.held_since = now;
  if (log_held_ || now - *log_.held_since < usual_hold) return;
  const tables::Copied copied = shard_.copy_log();
  // One that is written faster than it is copied is in nobody's way.
  if (copied == tables::Copied::all) log_.held_since.reset();
  if (copied != tables::Copied::up_to_reader) return;
  log_held_ = true;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *log_.held_since).count();
  answer.incidents.push_back({fmt::format(
      "its write-ahead log has grown to {}: a program has been reading the file for {} s without "
      "ending its transaction",
      bytes_text(log_.bytes), seconds)});
}

void SqliteDestination::refused(const tables::StorageError& error, write::Answer& answer) {
  answer.failure = failure_of(error);
  answer.obstacle_removed = set_aside_corrupt(error, answer);
  if (!answer.obstacle_removed && !error.busy()) close_for_now();
}

// Once until something has been committed again: on a disk that makes every file corrupt, more of them are no
// remedy. What never was ours is somebody else's file, and stays.
bool SqliteDestination::set_aside_corrupt(const tables::StorageError& error, write::Answer& answer) {
  if (error.error_class() != ErrorClass::corrupt || set_aside_) return false;
  if (error.foreign() && !shard_.was_ours()) return false;
  std::error_code not_renamed;
  const std::string name = shard_.set_aside_corrupt(not_renamed);
  nameless_readings_ = 0;
  answer.incidents.push_back(
      {not_renamed ? fmt::format("is corrupt ({}) and could not be set aside: {}", error.message,
                                 not_renamed.message())
                   : fmt::format("is corrupt ({}) and was set aside as {}; starting a new file",
                                 error.message, name)});
  set_aside_ = true;
  return !not_renamed;
}

void SqliteDestination::close_for_now() {
  if (!shard_.is_open()) return;
  shard_.close(Shard::Close::for_now);
  say("closed for now");
}

// Copying the log is the only part of writing that waits for the disk, so it is left to the checkpointer.
void SqliteDestination::tidy() {
  const InUse in_use(*this);
  const std::size_t limit = sink_.pages_of_log(*this);
  if (shard_.log_pages() < limit) return;
  const bool far_behind = shard_.log_pages() >= most_log_growth * limit;
  const bool empties = sink_.files_take_turns();
  if (!sink_.checkpointers_.empty() && !far_behind) {
    sink_.request_copy(*this);
  } else if (shard_.copy_log() == tables::Copied::all && empties) {
    shard_.empty_log();
  }
}

bool SqliteDestination::make_ahead() {
  if (!shard_.is_still_to_be_made()) return false;
  Shard::Workbench bench = sink_.take_bench(shard_.schema());
  const bool is_made = shard_.make_ahead(bench).ok();
  sink_.give_back(shard_.schema(), std::move(bench));
  return is_made;
}

std::string SqliteDestination::finish() {
  const InUse in_use(*this);
  const bool was_open = shard_.is_open();
  const tables::StorageError error = shard_.finish();
  if (was_open) say("closed");
  if (error.ok()) return {};
  return fmt::format("left with a write-ahead log, which must stay with the file: {}",
                     error.busy() ? "another program has it open" : error.message);
}

SqliteSink::SqliteSink(ShardContext context, std::size_t most_open, write::Lines log, ExpectedFiles expected,
                       std::optional<SensorPlaces> places, Filling filling)
    : context_(std::move(context)),
      log_(std::move(log)),
      expected_(std::move(expected)),
      most_open_(most_open),
      open_(most_open) {
  if (places && context_.run.reloads != nullptr) {
    sensors_.emplace(*context_.run.reloads, places->places, places->writer);
  }
  if (context_.settings.retention.is_on()) {
    retention_ = std::make_unique<Retention>(context_.settings, context_.vfs, log_.change);
  }
  if (filling == Filling::by_sensor) naming_ = std::make_unique<Naming>(log_);
}

std::unique_ptr<write::Destination> SqliteSink::make(const write::Target& target, write::Reply) {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<std::uint32_t>(destinations_.size());
  auto destination = std::make_unique<SqliteDestination>(*this, index, target);
  destinations_.push_back(destination.get());
  const auto expected = expected_.find(target.name);
  if (expected != expected_.end()) destination->expect_file(expected->second);
  return destination;
}

// The index of a destination is that of its file among the writer's.
SensorsOf SqliteSink::sensors_of(std::uint32_t index) {
  if (!sensors_) return {};
  return [this, index](std::size_t first, std::size_t end) {
    const std::lock_guard lock(mutex_);
    return sensors_->of(index, first, end);
  };
}

SteadyTime::duration SqliteSink::lock_timeout() const {
  return std::chrono::milliseconds(context_.settings.busy_timeout_ms);
}

void SqliteSink::begin(const std::function<bool()>& is_over) {
  if (files_take_turns()) make_files_ahead(is_over);
  const std::size_t count =
      files_take_turns() ? std::clamp<std::size_t>(most_open_ / open_to_one_copied, 1, most_copied_at_once)
                         : 1;
  while (checkpointers_.size() < count)
    checkpointers_.push_back(std::make_unique<Checkpointer>(context_.vfs));
}

// Each copy waits for the disk, which makes many waits into one.
void SqliteSink::request_copy(const SqliteDestination& destination) {
  Checkpointer& checkpointer = *checkpointers_[destination.index() % checkpointers_.size()];
  checkpointer.request({destination.name(), files_take_turns()});
}

// Where there are hundreds of files, to make the tables of each when its first rows come would take a fleet's
// first minute. In groups, each of which waits for the disk once before its files get their names, so that no
// power failure leaves a part of a file. What cannot be made is left to the first rows, and so is what a run
// that goes on lacks. Not past another's file system. It may take minutes on a busy disk, which a run that is
// stopped does not wait for.
void SqliteSink::make_files_ahead(const std::function<bool()>& is_over) {
  const bool is_possible = !naming_ && context_.vfs.empty() && !context_.run.resumed_at;
  if (!is_possible || destinations_.size() > most_made_ahead) return;
  std::vector<SqliteDestination*> group;
  for (std::size_t i = 0; i < destinations_.size() && !is_over(); ++i) {
    if (destinations_[i]->make_ahead()) group.push_back(destinations_[i]);
    if (group.size() == files_of_group) name_group(group);
  }
  name_group(group);
}

// And forgets them.
void SqliteSink::name_group(std::vector<SqliteDestination*>& group) {
  if (group.empty()) return;
  const std::string folder = std::filesystem::path(group.front()->name()).parent_path().string();
  const bool are_safe = !sync_all(folder.empty() ? "." : folder);
  for (SqliteDestination* const made : group) {
    if (are_safe && !give_name(made->name())) {
      made->note_made();
    } else {
      std::remove(nameless_path(made->name()).c_str());
    }
  }
  group.clear();
}

// Who closes a file last copies its log and removes it; that shall be us.
void SqliteSink::end() {
  if (naming_) naming_->finish();
  if (retention_) retention_->stop();
  checkpointers_.clear();
}

// More than there are cores: finishing mostly waits for the disk, which makes many waits into one. A process
// that keeps to one thread, so that it does the same each time, does so here.
std::size_t SqliteSink::most_finishing() const {
  constexpr std::size_t most_threads = 16;
  const bool is_alone = tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism) == 1;
  return is_alone ? 1 : std::min(most_open_, most_threads);
}

write::RowsDeleted SqliteSink::deleted() const {
  if (!retention_) return {};
  return {retention_->readings_deleted(), retention_->events_deleted()};
}

std::uint64_t SqliteSink::settled() const {
  return naming_ ? naming_->settled() : 0;
}

bool SqliteSink::files_take_turns() {
  const std::lock_guard lock(mutex_);
  return destinations_.size() > most_open_;
}

// Where files take turns, a log is read whole whenever its file is opened again, and there are many of them.
// All of them grow alike; so that they are not all to be copied at the same time, they are of different
// lengths, from half of the longest on.
std::size_t SqliteSink::pages_of_log(const SqliteDestination& destination) {
  const std::size_t usual = context_.settings.checkpoint_pages;
  if (!files_take_turns()) return usual;
  const std::size_t longest = log_of_turn_bytes / std::max<std::size_t>(1, destination.page_bytes());
  const std::size_t shorter = uniform_below(mix_words(destination.index(), longest), longest / 2 + 1);
  return std::clamp<std::size_t>(longest - shorter, 1, usual);
}

// Another one, while somebody else is at work at that of the schema.
Shard::Workbench SqliteSink::take_bench(const types::Schema& schema) {
  const std::lock_guard lock(mutex_);
  return std::exchange(benches_[&schema], {});
}

// If another has been given back meanwhile, that one goes, once nobody has to wait for it.
void SqliteSink::give_back(const types::Schema& schema, Shard::Workbench bench) {
  const std::lock_guard lock(mutex_);
  std::swap(benches_[&schema], bench);
}

bool SqliteSink::take_into_use(const SqliteDestination& destination) {
  const std::lock_guard lock(mutex_);
  open_.closed(destination.index());
  // On a slow disk there are many in use at once, and each of them may be open.
  ++in_use_;
  while (!destination.is_open() && open_.leave_no_room_for(in_use_)) {
    const std::uint32_t longest_unused = open_.longest_unused();
    destinations_[longest_unused]->close_for_now();
    open_.closed(longest_unused);
  }
  return destination.is_open();
}

void SqliteSink::leave(const SqliteDestination& destination) {
  const std::lock_guard lock(mutex_);
  --in_use_;
  if (destination.is_open()) open_.used(destination.index());
}

}  // namespace fleet_sim::sqlite
