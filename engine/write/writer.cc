#include "write/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <system_error>
#include <thread>
#include <utility>

#include "base/cadence.h"
#include "base/faults.h"
#include "base/random.h"

namespace fleet_sim::write {
namespace {

constexpr std::size_t batches_per_step = 64;  // so that flushes and deadlines are looked at often
constexpr std::size_t flushes_per_step = 64;
constexpr auto longest_idle = std::chrono::seconds(1);
constexpr std::size_t most_relays = 8;  // shards that do not answer, without holding up the others
constexpr auto look_for_returned_interval = std::chrono::milliseconds(20);
constexpr auto knock_interval = std::chrono::milliseconds(5);

// Does `work` for each number below `count`, on up to so many threads or as many as the system allows.
template <class Work>
void at_the_same_time(std::size_t count, std::size_t most_threads, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto take_turns = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> others;
  try {
    while (others.size() + 1 < std::min(count, most_threads)) others.emplace_back(take_turns);
  } catch (const std::system_error&) {
  }
  take_turns();
}

// The rows that are no longer, or not surely, those of the writer alone.
Share in_part(const PartTaken& part) {
  return part.taken.with(part.unanswered);
}

std::int64_t nanoseconds(SteadyTime::duration span) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(span).count();
}

}  // namespace

Writer::Writer(WriterContext context, std::unique_ptr<Sink> sink, const std::vector<Target>& targets,
               std::size_t queue_capacity)
    : context_(std::move(context)),
      sink_(std::move(sink)),
      queue_(queue_capacity),
      waiting_(context_.pending_rows),
      board_(targets.size()) {
  for (const Target& target : targets) add_slot(target);
}

void Writer::add_slot(const Target& target) {
  const auto index = static_cast<std::uint32_t>(slots_.size());
  slots_.emplace_back().destination =
      sink_->make(target, [this, index](std::uint64_t attempt, Answer answer) {
        give_back({index, attempt, {std::move(answer), std::chrono::steady_clock::now()}});
      });
}

void Writer::take_up(std::vector<FoundRows> found) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    board_.post_complete(i, found[i].complete_until());
    slots_[i].found = std::make_unique<FoundRows>(std::move(found[i]));
  }
}

void Writer::add_shards(std::vector<Target> targets) {
  board_.add_shards(targets.size());
  new_targets_.post(std::move(targets));
}

void Writer::take_new_shards() {
  for (const std::vector<Target>& targets : new_targets_.take()) {
    for (const Target& target : targets) add_slot(target);
  }
}

// Another process may be making the same file, or a collector be at work: that passes.
Failure Writer::open_ahead(std::uint32_t index) {
  Destination& destination = *slots_[index].destination;
  const SteadyTime until = std::chrono::steady_clock::now() + sink_->lock_timeout();
  Failure failure = destination.open();
  while (failure.occupied() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(knock_interval);
    failure = destination.open();
  }
  return failure;
}

void Writer::run() {
  sink_->begin([this] { return finishing_.load(std::memory_order_acquire) && queue_.empty(); });
  const std::size_t relays = sink_->takes_batches() ? 0 : most_relays;
  relay_ = std::make_unique<Relay>([this] { work(); }, context_.stall_limits.hand_over, relays);
  relay_->run();
  relay_.reset();
}

// One turn. After a step in which another has taken over, nothing of the writer is this thread's to touch.
void Writer::work() {
  if (in_hand_) work_without(*std::exchange(in_hand_, std::nullopt), std::chrono::steady_clock::now());
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

void Writer::stop_waiting() {
  waits_.store(false, std::memory_order_release);
}

double Writer::busy_share() const {
  const auto busy = static_cast<double>(busy_nanoseconds_.load(std::memory_order_relaxed));
  const auto idle = static_cast<double>(idle_nanoseconds_.load(std::memory_order_relaxed));
  return busy + idle > 0 ? busy / (busy + idle) : 0;
}

SteadyTime Writer::step(SteadyTime now) {
  look_for_returned(now);
  give_up_waiting();
  note_settled();
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
    if (sink_->takes_batches()) {
      pass_on(*batch, now);
    } else {
      deal_out(*batch, now);
      make_backlog_give_way();
    }
    context_.pool.release(batch);
  }
}

// To a sink for which nothing needs to be gathered: which shard the rows belong to makes no difference.
void Writer::pass_on(const batch::Batch& batch, SteadyTime now) {
  slots_.front().destination->take({.readings = batch.readings,
                                    .events = batch.events,
                                    .fleet_events = batch.fleet_events,
                                    .deliveries = batch.deliveries});
  record_lag(batch.readings, batch.readings.size(), now);
  context_.ledger.written(batch.readings.size());
  recent_events_.add(batch.events);
}

void Writer::deal_out(const batch::Batch& batch, SteadyTime now) {
  for (const batch::Row& reading : batch.readings) stage(reading, now);
  for (const batch::AnomalyEvent& event : batch.events) stage(event, now);
  for (const batch::FleetEvent& event : batch.fleet_events) stage(event, now);
  for (const batch::Delivery& delivery : batch.deliveries) stage(delivery, now);
  if (batch.last_of) note_filled(context_.place_of[*batch.last_of].shard);
}

void Writer::note_filled(std::uint32_t index) {
  slots_[index].filled = Slot::Filled::wholly;
  full_.push_back(index);
}

void Writer::note_settled() {
  const std::uint64_t settled = sink_->settled();
  context_.ledger.written(settled - std::exchange(settled_, settled));
}

// After the sink's end: what has not settled by then will not.
void Writer::lose_unsettled() {
  note_settled();
  context_.ledger.lost(LossReason::storage_failed_at_stop, std::exchange(to_settle_, settled_) - settled_);
}

void Writer::stage(const batch::Row& reading, SteadyTime now) {
  const std::uint32_t index = context_.place_of[reading.sensor].shard;
  Slot& slot = slots_[index];
  if (slot.found && is_found(slot, reading)) return context_.ledger.found(1);
  if (differed_) return context_.ledger.lost(LossReason::rows_differ, 1);
  ShardRows& rows = slot.at_hand();
  const bool in_backlog = is_exhausted(slot.condition);
  if (in_backlog && waiting_.backlog_is_full()) {
    rows.lose_reading(reading.due);
    return context_.ledger.lost(LossReason::backlog_full, 1);
  }
  waiting_.add(in_backlog);
  rows.stage(reading, now);
  if (rows.size() == 1) stand_in_line(index);
  board_.post_waiting(index, slot.size());
  if (rows.readings().size() == context_.settings.batch_size) full_.push_back(index);
}

void Writer::stage(const batch::AnomalyEvent& event, SteadyTime now) {
  const std::uint32_t index = context_.place_of[event.sensor].shard;
  const Slot& slot = slots_[index];
  if (slot.found && batch::begins(event.kind) && slot.found->has_event(event)) return;
  if (slot.found && (slot.found->has_end(event) || slot.found->is_outdated(event))) return;
  stage_truth(index, event, event.started_at, now);
}

void Writer::stage(const batch::FleetEvent& event, SteadyTime now) {
  const std::uint32_t index = context_.place_of[event.sensor].shard;
  const Slot& slot = slots_[index];
  const auto name = static_cast<identity::Text>(event.name);
  if (slot.found && slot.found->has_fleet_event(event, context_.roster.text(name))) return;
  stage_truth(index, event, event.started_at, now);
}

void Writer::stage(const batch::Delivery& delivery, SteadyTime now) {
  const std::uint32_t index = context_.place_of[delivery.sensor].shard;
  const Slot& slot = slots_[index];
  if (slot.found && slot.found->has_delivery(delivery)) return;
  stage_truth(index, delivery, delivery.due, now);
}

// What happened to readings, beside these themselves.
template <class Truth>
void Writer::stage_truth(std::uint32_t index, const Truth& truth, Timestamp at, SteadyTime now) {
  Slot& slot = slots_[index];
  if (differed_) return context_.ledger.events_lost(1);
  ShardRows& rows = slot.at_hand();
  const bool in_backlog = is_exhausted(slot.condition);
  if (in_backlog && waiting_.backlog_is_full()) {
    rows.lose_truth(at);
    return context_.ledger.events_lost(1);
  }
  waiting_.add(in_backlog);
  rows.stage(truth, now);
  if (rows.size() == 1) stand_in_line(index);
}

// A row that says something else means that this is another model, or that somebody has changed the data:
// nothing that could be resumed, and nothing more is written.
bool Writer::is_found(Slot& slot, const batch::Row& reading) {
  const FoundRows::Verdict verdict = slot.found->take(reading);
  if (verdict == FoundRows::Verdict::different && !differed_) {
    differed_ = true;
    context_.log.change(slot.destination->name() + ": the row of sensor '" +
                        std::string(context_.roster[reading.sensor].id) + "' at " +
                        timestamp_text(reading.due) + " differs from what this run would write; stopping");
    context_.give_up();
  }
  return verdict != FoundRows::Verdict::absent;
}

// The shard with the most rows first, by halves, so that each keeps its oldest; and one row, with which it
// keeps its place among those that are tried again.
void Writer::make_backlog_give_way() {
  while (const std::uint64_t excess = waiting_.excess()) {
    const auto rows_of = [this](std::uint32_t index) {
      Slot& slot = slots_[index];
      if (!is_exhausted(slot.condition)) return Share();
      const Share all = slot.at_hand().share();
      return all.without(in_part(part_taken(slot)).within(all));
    };
    const std::uint32_t index =
        *std::ranges::max_element(sick_, {}, [&](std::uint32_t one) { return rows_of(one).rows(); });
    const Share free = rows_of(index);
    if (free.rows() == 0) return;  // what there is of the backlog is in calls that hang
    ShardRows& largest = slots_[index].at_hand();
    const Share kept = largest.share().without(free);
    const Share dropped = largest.forget_newest(std::min<std::uint64_t>(excess, (free.rows() + 1) / 2), kept);
    if (dropped.rows() == 0) return;
    context_.ledger.lost(LossReason::backlog_full, dropped.readings);
    context_.ledger.events_lost(dropped.truth());
    waiting_.remove(dropped.rows(), true);
  }
}

// Nothing while a call has not come back, which has the lot for itself.
PartTaken Writer::part_taken(const Slot& slot) const {
  return is_away(slot.condition) ? PartTaken() : slot.destination->part_taken(slot.rows.lot());
}

void Writer::stand_in_line(std::uint32_t index) {
  if (is_working(slots_[index].condition)) line_.emplace(slots_[index].rows.since(), index);
}

void Writer::leave_line(std::uint32_t index) {
  line_.erase({slots_[index].rows.since(), index});
}

// In line, or among the sick, or among those of them that are away.
bool Writer::stands_in_one_place(std::uint32_t index) const {
  const Slot& slot = slots_[index];
  const bool in_line = line_.contains({slot.rows.since(), index});
  const bool is_sick = std::ranges::count(sick_, index) == 1;
  const bool is_in_call = std::ranges::count(away_, index) == 1;
  if (is_working(slot.condition)) return !is_sick && !is_in_call && in_line == !slot.rows.empty();
  return is_sick && !in_line && is_in_call == is_away(slot.condition);
}

// A shard may stand here twice, such as with a lot's worth of rows that turn out to be its last ones. False
// when another has taken over meanwhile.
bool Writer::flush_full(SteadyTime now) {
  while (!full_.empty()) {
    const std::uint32_t index = full_.front();
    full_.pop_front();
    const Slot& slot = slots_[index];
    const bool has_more = !slot.rows.empty() || slot.filled == Slot::Filled::wholly;
    if (has_more && is_working(slot.condition) && !flush(index, now)) return false;
  }
  return true;
}

bool Writer::flush_due(SteadyTime now) {
  if (!flush_full(now)) return false;
  const auto interval = std::chrono::milliseconds(context_.settings.flush_interval_ms);
  for (std::size_t flushed = 0; flushed < flushes_per_step && !line_.empty(); ++flushed) {
    const auto [since, index] = *line_.begin();
    if (now - since < interval && !waiting_.memory_is_full()) break;
    if (!flush(index, now)) return false;
  }
  return flush_sick(now);
}

bool Writer::flush_sick(SteadyTime now) {
  for (const std::uint32_t index : std::vector(sick_)) {
    if (retry_at(index) <= now && !flush(index, now)) return false;
  }
  return true;
}

// False when it took so long that another has taken over, who then hears of the outcome.
bool Writer::flush(std::uint32_t index, SteadyTime now) {
  Slot& slot = slots_[index];
  Lot lot = slot.rows.lot(++slot.attempts);
  // Whose readings those were is not known here, and how their anomalies went may not be written yet.
  lot.skipped = context_.ledger.skips();
  lot.is_stopping = !waits_.load(std::memory_order_acquire);
  lot.is_at_end = lot.is_stopping || finishing_.load(std::memory_order_acquire);
  lot.is_last = slot.is_last_offered = slot.filled == Slot::Filled::wholly;
  Destination& destination = *slot.destination;
  slot.offered_at = std::chrono::steady_clock::now();
  in_hand_ = index;
  if (relay_) relay_->leave();
  const std::optional<Outcome> outcome = offer(destination, lot);
  if (relay_ && !relay_->come_back()) {
    if (outcome) give_back({index, lot.attempt, *outcome});
    return false;
  }
  in_hand_.reset();
  if (outcome) {
    conclude(index, *outcome, now);
  } else {
    work_without(index, now);
  }
  return true;
}

// All that may wait for a disk or a server while the fleet runs. Touches the destination and its lot only,
// for it may run beside another's turn. None: the answer comes later.
std::optional<Writer::Outcome> Writer::offer(Destination& destination, const Lot& lot) {
  std::optional<Answer> answer = lot.empty() && !lot.is_last ? Answer{} : destination.take(lot);
  if (!answer) return std::nullopt;
  Outcome outcome{std::move(*answer), std::chrono::steady_clock::now()};
  if (outcome.answer.failure.ok()) destination.tidy();
  return outcome;
}

void Writer::conclude(std::uint32_t index, const Outcome& outcome, SteadyTime now) {
  for (const Incident& incident : outcome.answer.incidents) {
    if (incident.error_class) context_.errors.add(*incident.error_class);
    context_.log.change(name_of(index) + ": " + incident.what);
  }
  post_log(index, outcome.ended);
  context_.ledger.resent(outcome.answer.resent);
  if (!outcome.answer.failure.ok()) {
    failed(index, outcome.answer, now);
  } else {
    const auto took = outcome.ended - slots_[index].offered_at;
    commit_time_.record(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    taken(index, outcome.answer, outcome.ended);
  }
  assert(stands_in_one_place(index));
}

void Writer::taken(std::uint32_t index, const Answer& answer, SteadyTime at) {
  Slot& slot = slots_[index];
  const std::size_t taken = slot.rows.readings().size() - answer.untaken.readings;
  const std::size_t written = taken - answer.rejected.readings;
  record_lag(slot.rows.readings(), taken, at);
  if (answer.settles_later) {
    to_settle_ += written;
  } else {
    context_.ledger.written(written);
  }
  context_.ledger.rejected(answer.rejected.readings);
  context_.ledger.events_lost(answer.rejected.truth());
  board_.post_commit(index, written);
  if (taken > 0) board_.post_complete(index, slot.rows.readings()[taken - 1].arrives_at() - longest_window);
  if (answer.has_ended) reader_has_left(index, answer.untaken);
  recent_events_.add(slot.rows.events());
  waiting_.remove(slot.rows.size(), is_exhausted(slot.condition));
  if (!slot.written && !slot.rows.empty()) {
    files_written_.fetch_add(1, std::memory_order_relaxed);
    slot.written = true;
  }
  is_working(slot.condition) ? leave_line(index) : recover(index);
  ++lots_taken_;
  slot.rows.settle();
  if (!slot.is_last_offered) return;
  slot.filled = Slot::Filled::and_told;
  slot.rows = {};  // there may be many shards, and this one needs its memory no more
}

void Writer::reader_has_left(std::uint32_t index, const Share& untaken) {
  context_.ledger.lost(LossReason::reader_left, untaken.readings);
  context_.ledger.events_lost(untaken.truth());
  if (std::exchange(reader_left_, true)) return;
  context_.log.change(name_of(index) + ": nobody reads any more; ending the run");
  context_.reader_left();
}

// A log that is to be emptied at the next opportunity is the usual case, and nothing to tell.
void Writer::post_log(std::uint32_t index, SteadyTime at) {
  constexpr auto usual = std::chrono::seconds(1);
  Slot& slot = slots_[index];
  const LogState log = slot.destination->log();
  const bool is_held = log.held_since && at - *log.held_since >= usual;
  if (is_held) {
    board_.post_held_log(index, {log.bytes, *log.held_since});
  } else if (slot.has_held_log) {
    board_.post_emptied_log(index);
  }
  slot.has_held_log = is_held;
}

void Writer::record_lag(const batch::Rows& readings, std::size_t count, SteadyTime at) {
  const Timestamp history_until = context_.clock.history_until();
  if (history_until == latest_timestamp) return;
  const bool is_delivered = !readings.arrivals().empty();
  for (std::size_t i = 0; i < count; ++i) {
    const Timestamp came = is_delivered ? readings.arrivals()[i].at : readings.heads()[i].due;
    if (came >= history_until) lag_.record(context_.clock.lag(came, at));
  }
}

void Writer::recover(std::uint32_t index) {
  Slot& slot = slots_[index];
  const auto& failing = std::get<Failing>(slot.condition);
  const bool was_announced = failing.standing != Failing::Standing::retrying;
  if (was_announced) context_.log.change(name_of(index) + ": works again; backlog written");
  if (was_announced || failing.failures > 0) board_.post_recovery(index);
  std::erase(sick_, index);
  slot.condition = Working{};
}

// The call keeps the thread that made it, and this one works on with the other shards. What comes for the
// shard meanwhile waits beside it.
void Writer::work_without(std::uint32_t index, SteadyTime now) {
  Slot& slot = slots_[index];
  if (is_working(slot.condition)) fall_sick(index, now);
  slot.condition = left(slot.condition, now);
  slot.meanwhile = std::make_unique<ShardRows>();
  away_.push_back(index);
  assert(stands_in_one_place(index));
}

// On a thread whose turn it is not.
void Writer::give_back(Returned returned) {
  returned_.post(std::move(returned));
  queue_.wake();
}

void Writer::look_for_returned(SteadyTime now) {
  for (const Returned& one : returned_.take()) take_back(one, now);
  for (const std::uint32_t index : away_) {
    const auto& away = std::get<Away>(slots_[index].condition);
    const bool is_late = now - away.since >= context_.stall_limits.overdue;
    if (is_late && away.answer == Away::Answer::awaited) is_overdue(index);
  }
}

// An attempt is answered once; whatever else is said about it comes too late.
void Writer::take_back(const Returned& returned, SteadyTime now) {
  const std::uint32_t index = returned.index;
  Slot& slot = slots_[index];
  const Away* away = std::get_if<Away>(&slot.condition);
  if (away == nullptr || slot.attempts != returned.attempt) return;
  slot.condition = came_back(*away);
  std::erase(away_, index);
  const std::unique_ptr<ShardRows> meanwhile = std::move(slot.meanwhile);
  const std::size_t came = meanwhile->size();
  if (is_exhausted(slot.condition)) waiting_.take_from_backlog(came);
  conclude(index, returned.outcome, now);
  const bool was_empty = slot.rows.empty();
  slot.rows.append(*meanwhile);
  if (is_exhausted(slot.condition)) waiting_.move_to_backlog(came);
  if (was_empty && !slot.rows.empty()) stand_in_line(index);
  const bool is_full = slot.rows.readings().size() >= context_.settings.batch_size;
  if (is_full || slot.filled == Slot::Filled::wholly) full_.push_back(index);
  board_.post_waiting(index, slot.size());
  assert(stands_in_one_place(index));
}

void Writer::is_overdue(std::uint32_t index) {
  Slot& slot = slots_[index];
  const bool was_exhausted = is_exhausted(slot.condition);
  slot.condition = overdue(std::get<Away>(slot.condition), context_.clock.paced());
  context_.errors.add(ErrorClass::io);
  context_.log.change(name_of(index) + ": does not respond; rows wait in memory");
  board_.post_trouble(index, true, "does not respond");
  if (!was_exhausted && is_exhausted(slot.condition)) waiting_.move_to_backlog(slot.size());
}

void Writer::fall_sick(std::uint32_t index, SteadyTime now) {
  leave_line(index);
  slots_[index].condition = fallen_sick(now);
  sick_.push_back(index);
}

void Writer::failed(std::uint32_t index, const Answer& answer, SteadyTime now) {
  Slot& slot = slots_[index];
  if (is_working(slot.condition)) fall_sick(index, now);
  const Attempt attempt{now, sink_->lock_timeout(),
                        mix_words(index, static_cast<std::uint64_t>(nanoseconds(now.time_since_epoch())))};
  const auto& [kind, next] = refused(std::get<Failing>(slot.condition), answer, attempt);
  slot.condition = next;
  slot.rows.keep_offered();
  context_.log.detail(
      fmt::format("{}: write failed, retrying soon: {}", name_of(index), answer.failure.message));
  if (kind == Setback::Kind::waits) return;
  context_.errors.add(answer.failure.error_class);
  if (kind == Setback::Kind::obstacle_removed) return;
  const bool is_degraded = is_exhausted(slot.condition) || next.failures > retries;
  board_.post_trouble(index, is_degraded, answer.failure.message);
  if (kind == Setback::Kind::round_is_over) retries_ran_out(index, answer.failure);
}

void Writer::retries_ran_out(std::uint32_t index, const Failure& failure) {
  Slot& slot = slots_[index];
  if (waits_for_help(slot, failure)) return wait_for_help(index, failure);
  if (!is_exhausted(slot.condition)) {
    context_.log.change(name_of(index) + ": cannot be written; rows wait in memory: " + failure.message);
    exhaust(index);
  }
  if (slot.fruitless_since != lots_taken_) slot.fruitless = 0;
  slot.fruitless_since = lots_taken_;
  if (failure.may_pass() && !waiting_.backlog_is_full()) return;
  if (++slot.fruitless >= context_.settings.error_limit && !gave_up_) reach_error_limit(slot);
}

// A fleet without pace loses nothing by waiting. What is the backlog already stays it.
bool Writer::waits_for_help(const Slot& slot, const Failure& failure) const {
  return failure.may_pass() && !context_.clock.paced() && waits_.load(std::memory_order_acquire) &&
         !is_exhausted(slot.condition);
}

void Writer::wait_for_help(std::uint32_t index, const Failure& failure) {
  auto& failing = std::get<Failing>(slots_[index].condition);
  if (!awaits_help(failing)) {
    const bool is_full = failure.error_class == ErrorClass::full;
    context_.log.change(fmt::format("{}: waiting for {}: {}", name_of(index),
                                    is_full ? "space on the disk" : "an answer", failure.message));
  }
  failing = awaiting_help(failing);
}

void Writer::exhaust(std::uint32_t index) {
  Slot& slot = slots_[index];
  slot.condition = exhausted(std::get<Failing>(slot.condition));
  waiting_.move_to_backlog(slot.rows.size());
}

// What has waited for help becomes the backlog, so that the fleet can come to its end.
void Writer::give_up_waiting() {
  if (waits_.load(std::memory_order_acquire)) return;
  for (const std::uint32_t index : sick_) {
    const Failing* failing = std::get_if<Failing>(&slots_[index].condition);
    if (failing != nullptr && awaits_help(*failing)) exhaust(index);
  }
}

void Writer::reach_error_limit(const Slot& slot) {
  gave_up_ = true;
  context_.log.change(
      fmt::format("error limit reached: {} rounds of retries without a successful write", slot.fruitless));
  context_.give_up();
}

std::optional<SteadyTime> Writer::wind_up(SteadyTime now) {
  look_for_returned(now);
  give_up_waiting();
  note_settled();
  if (!flush_full(now)) return now;
  while (!line_.empty()) {
    if (!flush(line_.begin()->second, now)) return now;
  }
  SteadyTime next = SteadyTime::max();
  for (const std::uint32_t index : std::vector(sick_)) {
    if (!last_round_of(index, now)) return now;
    next = std::min(next, retry_at(index));
  }
  if (!away_.empty()) next = std::min(next, now + look_for_returned_interval);
  if (!sick_.empty()) return next;
  sink_->end();
  lose_unsettled();
  finish_all();
  return std::nullopt;
}

// What is due of it. False when another has taken over meanwhile.
bool Writer::last_round_of(std::uint32_t index, SteadyTime now) {
  Condition& condition = slots_[index].condition;
  const auto failing = [&condition] { return std::get_if<Failing>(&condition); };
  if (failing() != nullptr && failing()->round != Failing::Round::last && !awaits_help(*failing())) {
    condition = begin_last_round(*failing(), now);
  }
  if (retry_at(index) <= now && !flush(index, now)) return false;
  // Also when an attempt has come back only now.
  if (failing() != nullptr && is_past_saving(*failing())) give_up_on(index);
  return true;
}

void Writer::give_up_on(std::uint32_t index) {
  Slot& slot = slots_[index];
  ensure(is_exhausted(slot.condition), "only what is the backlog is given up");
  const Share all = slot.rows.share();
  const PartTaken part = part_taken(slot);
  const Share left = all.without(in_part(part).within(all));
  const std::uint64_t written = part.taken.readings - part.rejected.readings;
  context_.ledger.written(written);
  context_.ledger.rejected(part.rejected.readings);
  context_.ledger.unconfirmed(part.unanswered.readings);
  context_.ledger.lost(LossReason::storage_failed_at_stop, left.readings);
  context_.ledger.events_unconfirmed(part.unanswered.truth());
  context_.ledger.events_lost(left.truth() + part.rejected.truth());
  if (part.taken.readings > 0) board_.post_commit(index, written);
  waiting_.remove(slot.rows.size(), true);
  std::erase(sick_, index);
  slot.condition = Working{};
  slot.rows.settle();
}

// That may wait for the disk a few times for each, so it is done for several at once.
void Writer::finish_all() {
  std::vector<std::string> left(slots_.size());
  at_the_same_time(slots_.size(), sink_->most_finishing(),
                   [&](std::size_t i) { left[i] = slots_[i].destination->finish(); });
  for (std::uint32_t i = 0; i < left.size(); ++i) {
    if (!left[i].empty()) unfinished_[left[i]].push_back(name_of(i));
  }
}

std::uint64_t Writer::held() const {
  std::uint64_t held = 0;
  for (const Slot& slot : slots_) {
    held += slot.rows.readings().size() + (slot.meanwhile ? slot.meanwhile->readings().size() : 0);
  }
  return held;
}

// Never, for one that works or is away.
SteadyTime Writer::retry_at(std::uint32_t index) const {
  const Failing* failing = std::get_if<Failing>(&slots_[index].condition);
  return failing != nullptr ? failing->retry_at : SteadyTime::max();
}

SteadyTime Writer::next_deadline(SteadyTime now) const {
  if (!queue_.empty() && !waiting_.memory_is_full()) return now;
  SteadyTime deadline = now + longest_idle;
  if (!line_.empty()) {
    const auto interval = std::chrono::milliseconds(context_.settings.flush_interval_ms);
    deadline = waiting_.memory_is_full() ? now : std::min(deadline, line_.begin()->first + interval);
  }
  if (!away_.empty()) deadline = std::min(deadline, now + look_for_returned_interval);
  for (const std::uint32_t index : sick_) deadline = std::min(deadline, retry_at(index));
  return deadline;
}

}  // namespace fleet_sim::write
