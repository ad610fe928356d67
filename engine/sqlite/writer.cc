#include "sqlite/writer.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/backoff.h"
#include "base/random.h"

namespace fleet_sim::sqlite {
namespace {

constexpr std::size_t batches_per_step = 64;  // so that flushes and deadlines are looked at often
constexpr std::size_t flushes_per_step = 64;
constexpr std::size_t most_log_growth = 4;  // times checkpoint_pages, before the writer copies the log itself
constexpr unsigned retries = 3;
constexpr BackoffPolicy lock_backoff{2'000, 25'000};  // somebody else is writing: knock often
constexpr BackoffPolicy failure_backoff{20'000, 2'000'000};
constexpr auto longest_idle = std::chrono::seconds(1);
constexpr std::size_t most_relays = 8;  // shards whose disk does not answer, without holding up the others
constexpr auto look_for_returned_interval = std::chrono::milliseconds(20);

SteadyTime after(SteadyTime now, Microseconds delay) {
  return now + std::chrono::microseconds(delay);
}

std::int64_t nanoseconds(SteadyTime::duration span) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(span).count();
}

}  // namespace

Writer::Writer(WriterContext context, const std::vector<std::string>& paths, std::size_t queue_capacity)
    : context_(std::move(context)),
      queue_(queue_capacity),
      open_(context_.open_shards),
      waiting_(context_.pending_rows),
      board_(paths.size()) {
  slots_.reserve(paths.size());
  for (const std::string& path : paths) slots_.emplace_back(std::make_unique<Shard>(path, context_.shard));
  const config::SqliteSettings& settings = context_.shard.settings;
  if (settings.retention.is_on() && context_.settings.sink == config::Sink::sqlite) {
    retention_ = std::make_unique<Retention>(settings, context_.shard.vfs, context_.log);
  }
}

void Writer::take_up(std::vector<std::unique_ptr<FoundRows>> found) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const LastIds& last = found[i]->last_ids();
    if (last.reading > 0 || last.event > 0) slots_[i].shard->expect_file(last);
    slots_[i].found = std::move(found[i]);
  }
}

void Writer::add_shards(std::vector<std::string> paths) {
  board_.add_shards(paths.size());
  new_paths_.post(std::move(paths));
}

void Writer::take_new_shards() {
  for (std::vector<std::string>& paths : new_paths_.take()) {
    for (std::string& path : paths) {
      slots_.emplace_back(std::make_unique<Shard>(std::move(path), context_.shard));
    }
  }
}

StorageError Writer::open_ahead(std::uint32_t index) {
  if (context_.settings.sink == config::Sink::null) return {};
  make_room_to_open();
  Slot& slot = slots_[index];
  StorageError error = slot.shard->open();
  // Another process may be making the same file, or a collector be at work: that passes.
  const auto patience = std::chrono::milliseconds(context_.shard.settings.busy_timeout_ms);
  const SteadyTime until = std::chrono::steady_clock::now() + patience;
  while (error.busy() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    error = slot.shard->open();
  }
  note_whether_open(index);
  return error;
}

void Writer::run() {
  const bool writes = context_.settings.sink == config::Sink::sqlite;
  if (writes) checkpointer_ = std::make_unique<Checkpointer>(context_.shard.vfs);
  relay_ =
      std::make_unique<write::Relay>([this] { work(); }, context_.patience.others, writes ? most_relays : 0);
  relay_->run();
  relay_.reset();
}

// One turn. After a step in which another has taken over, nothing of the writer is this thread's to touch.
void Writer::work() {
  if (in_hand_) go_on_without(*std::exchange(in_hand_, std::nullopt));
  for (;;) {
    // Read before the step: what was pushed before finish() is then seen by the step.
    const bool finishing = finishing_.load(std::memory_order_acquire);
    const SteadyTime began = std::chrono::steady_clock::now();
    const std::optional<SteadyTime> deadline = winding_up_ ? wind_up(began) : step(began);
    if (!relay_->has_turn()) return;
    const SteadyTime ended = std::chrono::steady_clock::now();
    busy_nanoseconds_.fetch_add(nanoseconds(ended - began), std::memory_order_relaxed);
    if (!deadline) return relay_->end();
    if (!winding_up_ && finishing && queue_.empty()) {
      winding_up_ = true;
      continue;
    }
    if (*deadline <= ended) continue;
    wait_until(*deadline);
    idle_nanoseconds_.fetch_add(nanoseconds(std::chrono::steady_clock::now() - ended),
                                std::memory_order_relaxed);
  }
}

// When memory is full of rows whose shards wait for their retry, a batch in the queue is no reason to wake
// up.
void Writer::wait_until(SteadyTime deadline) {
  if (waiting_.memory_is_full()) {
    std::this_thread::sleep_until(deadline);
  } else {
    queue_.wait_until(deadline);
  }
}

void Writer::finish() {
  finishing_.store(true, std::memory_order_release);
  queue_.wake();
}

double Writer::busy_share() const {
  const auto busy = static_cast<double>(busy_nanoseconds_.load(std::memory_order_relaxed));
  const auto idle = static_cast<double>(idle_nanoseconds_.load(std::memory_order_relaxed));
  return busy + idle > 0 ? busy / (busy + idle) : 0;
}

SteadyTime Writer::step(SteadyTime now) {
  look_for_returned(now);
  take_batches(now);
  if (!flush_due(now)) return now;
  waiting_shown_.store(waiting_.count(), std::memory_order_relaxed);
  return next_deadline(now);
}

void Writer::take_batches(SteadyTime now) {
  for (std::size_t taken = 0; taken < batches_per_step && !waiting_.memory_is_full(); ++taken) {
    batch::Batch* batch = queue_.pop();
    if (batch == nullptr) return;
    take_new_shards();  // after the batch came: whoever sent it has announced its shards before
    if (context_.settings.sink == config::Sink::null) {
      discard(*batch, now);
    } else {
      deal_out(*batch, now);
      make_backlog_give_way();
    }
    context_.pool.release(batch);
  }
}

// The null sink: everything up to here for real, and then nothing.
void Writer::discard(const batch::Batch& batch, SteadyTime now) {
  if (context_.clock.paced()) {
    for (const auto& reading : batch.readings.heads()) lag_.record(context_.clock.lag(reading.due, now));
  }
  context_.ledger.written(batch.readings.size());
  recent_events_.add(batch.events);
}

void Writer::deal_out(const batch::Batch& batch, SteadyTime now) {
  for (const batch::Row& reading : batch.readings) stage(reading, now);
  for (const batch::AnomalyEvent& event : batch.events) stage(event, now);
}

void Writer::stage(const batch::Row& reading, SteadyTime now) {
  const std::uint32_t index = context_.place_of[reading.sensor].shard;
  Slot& slot = slots_[index];
  if (slot.found && is_found(slot, reading)) return context_.ledger.found(1);
  if (differed_) return context_.ledger.lost(LossReason::rows_differ, 1);
  if (slot.exhausted && waiting_.backlog_is_full()) {
    slot.shard->leave_gap(reading.due);
    return context_.ledger.lost(LossReason::backlog_full, 1);
  }
  waiting_.add(slot.exhausted);
  slot.shard->stage(reading, now);
  if (slot.shard->pending_count() == 1) stand_in_line(index);
  board_.post_waiting(index, slot.pending_count());
  if (slot.shard->pending_readings().size() == context_.settings.batch_size) full_.push_back(index);
}

void Writer::stage(const batch::AnomalyEvent& event, SteadyTime now) {
  const std::uint32_t index = context_.place_of[event.sensor].shard;
  Slot& slot = slots_[index];
  if (slot.found && batch::begins(event.kind) && slot.found->has_event(event)) return;
  if (differed_) return context_.ledger.events_lost(1);
  if (slot.exhausted && waiting_.backlog_is_full()) {
    slot.shard->leave_gap(event.started_at);
    return context_.ledger.events_lost(1);
  }
  waiting_.add(slot.exhausted);
  slot.shard->stage(event, now);
  if (slot.shard->pending_count() == 1) stand_in_line(index);
}

// A row that says something else means that this is another model, or that somebody has changed the data:
// nothing that could be gone on with, and nothing more is written.
bool Writer::is_found(const Slot& slot, const batch::Row& reading) {
  const FoundRows::Verdict verdict = slot.found->judge(reading);
  if (verdict == FoundRows::Verdict::different && !differed_) {
    differed_ = true;
    context_.log(slot.shard->path() + ": the row of sensor '" +
                 std::string(context_.shard.roster[reading.sensor].id) + "' at " +
                 timestamp_text(reading.due) + " is not what this run would write there; stopping");
    context_.give_up();
  }
  return verdict != FoundRows::Verdict::absent;
}

// The shard with the most rows first, by halves, so that each keeps its oldest; and one row, with which it
// keeps its place among those that are tried again.
void Writer::make_backlog_give_way() {
  while (const std::uint64_t excess = waiting_.excess()) {
    const auto rows_of = [this](std::uint32_t index) {
      return slots_[index].exhausted ? slots_[index].shard->pending_count() : 0;
    };
    Shard& largest = *slots_[*std::ranges::max_element(sick_, {}, rows_of)].shard;
    const Shard::Share gone =
        largest.forget_newest(std::min<std::uint64_t>(excess, largest.pending_count() / 2));
    if (gone.readings + gone.events == 0) return;
    context_.ledger.lost(LossReason::backlog_full, gone.readings);
    context_.ledger.events_lost(gone.events);
    waiting_.remove(gone.readings + gone.events, true);
  }
}

void Writer::stand_in_line(std::uint32_t index) {
  if (!slots_[index].sick) line_.emplace(slots_[index].shard->pending_since(), index);
}

void Writer::leave_line(std::uint32_t index) {
  line_.erase({slots_[index].shard->pending_since(), index});
}

// False when another has taken over meanwhile.
bool Writer::flush_due(SteadyTime now) {
  while (!full_.empty()) {
    const std::uint32_t index = full_.front();
    full_.pop_front();
    if (!slots_[index].sick && !flush(index, now)) return false;
  }
  const auto interval = std::chrono::milliseconds(context_.settings.flush_interval_ms);
  for (std::size_t flushed = 0; flushed < flushes_per_step && !line_.empty(); ++flushed) {
    const auto [since, index] = *line_.begin();
    if (now - since < interval && !waiting_.memory_is_full()) break;
    if (!flush(index, now)) return false;
  }
  for (const std::uint32_t index : std::vector(sick_)) {
    if (slots_[index].retry_at <= now && !flush(index, now)) return false;
  }
  return true;
}

// False when it took so long that another has taken over, who then hears of the outcome.
bool Writer::flush(std::uint32_t index, SteadyTime now) {
  Shard& shard = *slots_[index].shard;
  if (!shard.is_open()) make_room_to_open();
  // Whose readings those were is not known here, and how their anomalies went may not be in the file yet.
  if (const auto since = context_.ledger.skipped_since()) shard.leave_gap(*since);
  if (!relay_) {
    conclude(index, attempt(shard), now);
    return true;
  }
  in_hand_ = index;
  relay_->leave();
  const Outcome outcome = attempt(shard);
  if (!relay_->come_back()) {
    returned_.post({index, outcome});
    return false;
  }
  in_hand_.reset();
  conclude(index, outcome, now);
  return true;
}

// All that waits for the disk while the fleet runs. Touches the shard only, for it may run beside another's
// turn. A file that somebody has deleted or put elsewhere is let go: what goes on in it would be written for
// nobody.
Writer::Outcome Writer::attempt(Shard& shard) {
  Outcome outcome;
  outcome.had_moved = shard.has_moved();
  if (outcome.had_moved) shard.leave_moved_file();
  outcome.had_lost_log = shard.has_lost_log();
  outcome.began = std::chrono::steady_clock::now();
  outcome.error = shard.flush();
  outcome.ended = std::chrono::steady_clock::now();
  if (outcome.error.ok()) keep_log_short(shard);
  return outcome;
}

void Writer::conclude(std::uint32_t index, const Outcome& outcome, SteadyTime now) {
  Slot& slot = slots_[index];
  if (outcome.had_moved) {
    slot.log_left = false;
    context_.errors.add(ErrorClass::io);
    context_.log(slot.shard->path() +
                 ": was deleted, renamed or replaced while in use; beginning a new file");
  }
  if (outcome.had_lost_log && !slot.log_lost) {
    context_.errors.add(ErrorClass::io);
    context_.log(slot.shard->path() +
                 ": its write-ahead log was deleted or replaced while in use; until this run has ended, "
                 "another program that opens the file may damage it");
  }
  slot.log_lost = outcome.had_lost_log;
  note_whether_open(index);
  if (!outcome.error.ok()) return failed(index, outcome.error, now);
  const auto took = outcome.ended - outcome.began;
  commit_time_.record(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  committed(index, outcome.ended);
  if (retention_) retention_->request(slot.shard->path());
}

void Writer::committed(std::uint32_t index, SteadyTime at) {
  Slot& slot = slots_[index];
  const batch::Rows& readings = slot.shard->pending_readings();
  if (context_.clock.paced()) {
    for (const auto& reading : readings.heads()) lag_.record(context_.clock.lag(reading.due, at));
  }
  context_.ledger.written(readings.size());
  board_.post_commit(index, readings.size());
  recent_events_.add(slot.shard->pending_events());
  waiting_.remove(slot.shard->pending_count(), slot.exhausted);
  if (!slot.written) files_written_.fetch_add(1, std::memory_order_relaxed);
  slot.written = true;
  slot.set_aside = false;
  if (slot.exhausted || slot.unanswered) context_.log(slot.shard->path() + ": works again, backlog written");
  if (slot.sick) {
    std::erase(sick_, index);
    if (slot.failures > 0 || slot.unanswered) board_.post_recovery(index);
    slot.sick = slot.exhausted = false;
    slot.failures = 0;
  } else {
    leave_line(index);
  }
  ++commits_;
  slot.shard->forget_pending();
}

// The copy is the only part of writing that waits for the disk, so it is left to the checkpointer.
void Writer::keep_log_short(Shard& shard) {
  const std::size_t limit = context_.shard.settings.checkpoint_pages;
  if (shard.log_pages() < limit) return;
  const bool far_behind = shard.log_pages() >= most_log_growth * limit;
  if (checkpointer_ && !far_behind) {
    checkpointer_->request(shard.path());
  } else {
    shard.copy_log();
  }
}

// The disk keeps the thread that was writing this shard, and this one goes on with the others. What comes for
// the shard meanwhile waits beside it.
void Writer::go_on_without(std::uint32_t index) {
  Slot& slot = slots_[index];
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!slot.sick) fall_sick(index, now);
  auto meanwhile = std::make_unique<Shard>(slot.shard->path(), context_.shard);
  slot.away = std::exchange(slot.shard, std::move(meanwhile));
  slot.away_since = now;
  slot.retry_at = SteadyTime::max();
  note_whether_open(index);
  away_.push_back(index);
}

void Writer::look_for_returned(SteadyTime now) {
  if (away_.empty()) return;
  for (const Returned& one : returned_.take()) take_back(one.index, one.outcome, now);
  for (const std::uint32_t index : away_) {
    const Slot& slot = slots_[index];
    if (!slot.unanswered && now - slot.away_since >= context_.patience.degraded) does_not_answer(index);
  }
}

void Writer::take_back(std::uint32_t index, const Outcome& outcome, SteadyTime now) {
  Slot& slot = slots_[index];
  std::erase(away_, index);
  const std::unique_ptr<Shard> meanwhile = std::exchange(slot.shard, std::move(slot.away));
  const std::size_t came = meanwhile->pending_count();
  if (slot.exhausted) waiting_.take_from_backlog(came);
  conclude(index, outcome, now);
  slot.unanswered = false;
  slot.shard->take_over(*meanwhile);
  if (slot.exhausted) waiting_.move_to_backlog(came);
  if (slot.shard->has_pending()) stand_in_line(index);
  board_.post_waiting(index, slot.pending_count());
}

void Writer::does_not_answer(std::uint32_t index) {
  Slot& slot = slots_[index];
  slot.unanswered = true;
  context_.errors.add(ErrorClass::io);
  context_.log(slot.shard->path() + ": the disk does not answer, rows wait in memory");
  board_.post_trouble(index, true, "the disk does not answer");
  if (!context_.clock.paced() || slot.exhausted) return;
  slot.exhausted = true;
  waiting_.move_to_backlog(slot.pending_count());
}

void Writer::fall_sick(std::uint32_t index, SteadyTime now) {
  leave_line(index);
  slots_[index].sick = true;
  slots_[index].sick_since = now;
  sick_.push_back(index);
}

void Writer::failed(std::uint32_t index, const StorageError& error, SteadyTime now) {
  Slot& slot = slots_[index];
  if (!slot.sick) fall_sick(index, now);
  const std::uint64_t word =
      mix_words(index, static_cast<std::uint64_t>(nanoseconds(now.time_since_epoch())));
  const auto patience = std::chrono::milliseconds(context_.shard.settings.busy_timeout_ms);
  if (error.busy() && now - slot.sick_since < patience) {
    // Somebody else holds the write lock, which collectors do all the time: not an error until it lasts.
    slot.retry_at = after(now, backoff_delay(lock_backoff, 4, word));
    return;
  }
  context_.errors.add(error.error_class());
  if (set_aside_corrupt(index, error)) {
    slot.retry_at = now;
    return;
  }
  slot.retry_at = after(now, backoff_delay(failure_backoff, ++slot.failures, word));
  if (!error.busy()) close_for_now(index);
  board_.post_trouble(index, slot.exhausted || slot.failures > retries, error.message);
  const bool round_is_over = slot.failures % (1 + retries) == 0;
  if (round_is_over) retries_ran_out(index, error);
}

void Writer::retries_ran_out(std::uint32_t index, const StorageError& error) {
  Slot& slot = slots_[index];
  if (!slot.exhausted) {
    context_.log(slot.shard->path() + ": cannot be written, rows wait in memory: " + error.message);
    slot.exhausted = true;
    waiting_.move_to_backlog(slot.shard->pending_count());
  }
  if (slot.fruitless_since != commits_) slot.fruitless = 0;
  slot.fruitless_since = commits_;
  if (error.error_class() == ErrorClass::full && !waiting_.backlog_is_full()) return;
  if (++slot.fruitless < context_.settings.error_limit || gave_up_) return;
  gave_up_ = true;
  context_.log("error limit reached: " + std::to_string(slot.fruitless) +
               " rounds of retries with no success between");
  context_.give_up();
}

// Once until something has been committed again: on a disk that makes every file corrupt, more of them are no
// remedy. What is no database and never was ours is somebody else's file, and stays.
bool Writer::set_aside_corrupt(std::uint32_t index, const StorageError& error) {
  Slot& slot = slots_[index];
  if (error.error_class() != ErrorClass::corrupt || slot.set_aside) return false;
  if ((error.code & 0xFF) == SQLITE_NOTADB && !slot.shard->was_ours()) return false;
  std::error_code not_renamed;
  const std::string name = slot.shard->set_aside_corrupt(not_renamed);
  note_whether_open(index);
  const std::string what = slot.shard->path() + ": is corrupt (" + error.message + ") ";
  context_.log(not_renamed ? what + "and cannot be set aside: " + not_renamed.message()
                           : what + "and was set aside as " + name + "; beginning a new file");
  slot.set_aside = true;
  slot.log_left = static_cast<bool>(not_renamed);
  return !not_renamed;
}

void Writer::note_whether_open(std::uint32_t index) {
  slots_[index].shard->is_open() ? open_.used(index) : open_.closed(index);
}

void Writer::make_room_to_open() {
  while (open_.is_full()) close_for_now(open_.longest_unused());
}

void Writer::close_for_now(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (!slot.shard->is_open()) return;
  slot.shard->close(Shard::Close::for_now);
  slot.log_left = true;
  note_whether_open(index);
}

std::optional<SteadyTime> Writer::wind_up(SteadyTime now) {
  look_for_returned(now);
  while (!line_.empty()) {
    if (!flush(line_.begin()->second, now)) return now;
  }
  SteadyTime next = SteadyTime::max();
  for (const std::uint32_t index : std::vector(sick_)) {
    Slot& slot = slots_[index];
    if (!slot.last_round && !slot.away) begin_last_round(index, now);
    if (slot.retry_at <= now && !flush(index, now)) return now;
    // Also when an attempt has come back only now.
    if (slot.last_round && slot.failures > retries && !slot.away) give_up_on(index);
    if (slot.sick) next = std::min(next, slot.retry_at);
  }
  if (!away_.empty()) next = std::min(next, now + look_for_returned_interval);
  if (!sick_.empty()) return next;
  if (retention_) retention_->stop();
  checkpointer_.reset();  // who closes last copies the log and removes it; that shall be us
  close_all();
  return std::nullopt;
}

// Every file gets its write-ahead log copied in. That waits for the disk a few times per file, so it is done
// for several files at once; each thread has at most one more file open.
void Writer::close_all() {
  tbb::parallel_for(std::size_t{0}, slots_.size(), [this](std::size_t index) {
    Slot& slot = slots_[index];
    if (slot.log_left && !slot.shard->has_moved()) {
      if (const StorageError error = slot.shard->open(); !error.ok()) {
        context_.log(slot.shard->path() + ": its write-ahead log stays beside it: " + error.message);
        return;
      }
    }
    slot.shard->close(Shard::Close::for_good);
  });
}

// As though it had only begun to fail: a lock has its time to end, and any other trouble a round of retries.
void Writer::begin_last_round(std::uint32_t index, SteadyTime now) {
  Slot& slot = slots_[index];
  slot.last_round = true;
  slot.failures = 0;
  slot.sick_since = slot.retry_at = now;
}

void Writer::give_up_on(std::uint32_t index) {
  Slot& slot = slots_[index];
  const std::size_t readings = slot.shard->pending_readings().size();
  context_.ledger.lost(LossReason::storage_failed_at_stop, readings);
  context_.ledger.events_lost(slot.shard->pending_count() - readings);
  waiting_.remove(slot.shard->pending_count(), true);
  std::erase(sick_, index);
  slot.sick = slot.exhausted = false;
  slot.shard->forget_pending();
}

std::uint64_t Writer::held() const {
  std::uint64_t held = 0;
  for (const Slot& slot : slots_) held += slot.shard->pending_readings().size();
  return held;
}

SteadyTime Writer::next_deadline(SteadyTime now) const {
  if (!queue_.empty() && !waiting_.memory_is_full()) return now;
  SteadyTime deadline = now + longest_idle;
  if (!line_.empty()) {
    const auto interval = std::chrono::milliseconds(context_.settings.flush_interval_ms);
    deadline = waiting_.memory_is_full() ? now : std::min(deadline, line_.begin()->first + interval);
  }
  if (!away_.empty()) deadline = std::min(deadline, now + look_for_returned_interval);
  for (const std::uint32_t index : sick_) deadline = std::min(deadline, slots_[index].retry_at);
  return deadline;
}

}  // namespace fleet_sim::sqlite
