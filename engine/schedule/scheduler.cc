#include "schedule/scheduler.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "base/faults.h"
#include "base/random.h"
#include "model/sensor.h"

namespace fleet_sim::schedule {
namespace {

Microseconds window_of(const fleet::Fleet& fleet) {
  const double seconds = readings_per_window / fleet.readings_per_second();
  return seconds >= 1 ? longest_window : std::max<Microseconds>(1, static_cast<Microseconds>(seconds * 1e6));
}

// Fewer sensors than this are ticked faster here than they are handed to other threads.
constexpr std::size_t worth_a_task = 1'024;

}  // namespace

Scheduler::Scheduler(const Schedule& schedule, fleet::Fleet& fleet, batch::BatchPool& pool,
                     std::span<batch::BatchQueue* const> queues, Ledger& ledger)
    : schedule_(schedule),
      fleet_(fleet),
      pool_(pool),
      queues_(queues.begin(), queues.end()),
      ledger_(ledger),
      window_(window_of(fleet)),
      threads_(schedule.threads),
      conductor_(boost::asio::make_strand(threads_)),
      reached_(schedule.start),
      end_(schedule.end),
      finish_(finished_.get_future()),
      timer_(conductor_),
      carried_(queues.size(), nullptr) {
  take_in_cohorts();
  if (schedule_.count) counted_until_ = fleet_.due_before(schedule_.start) + *schedule_.count;
  find_end();
  due_before_start_ = fleet_.due_before(schedule_.start);
  if (schedule_.by_sensor) line_up_cohorts();
}

Scheduler::~Scheduler() {
  threads_.stop();
  threads_.join();
}

void Scheduler::start() {
  boost::asio::post(conductor_, [this] { schedule_.by_sensor ? fill() : advance(); });
}

void Scheduler::request_stop() {
  stop_requested_.store(true, std::memory_order_release);
  boost::asio::post(conductor_, [this] { timer_.cancel(); });
}

void Scheduler::between_windows(std::function<void()> work) {
  requested_.post(std::move(work));
  boost::asio::post(conductor_, [this] { timer_.cancel(); });
}

bool Scheduler::wait_for(std::chrono::milliseconds at_most) {
  return finish_.wait_for(at_most) == std::future_status::ready;
}

// The scheduler's story: window after window, until the end or a stop. It returns whenever somebody else goes
// on: the timer when nothing is due yet, the last task of a window when the pool ticks it.
void Scheduler::advance() {
  while (reached() < end() && !stop_requested_.load(std::memory_order_acquire)) {
    change_by_agenda();  // first: what is asked for meanwhile comes after what has a time
    do_requested();
    Timestamp until = window_end();
    if (next_due_.top().first >= until && until == next_stop()) {
      reached_.store(until, std::memory_order_release);  // nothing is due before the stop
      continue;
    }
    if (until < end() && next_due_.top().first >= until) return sleep_until_due();
    inject_by_agenda();  // last: a reload that comes at the same time has its say first
    until = std::min(until, next_stop());
    take_due_cohorts(until);
    if (reached() == last_moment_) {
      tick_last(until);
    } else if (worth_sharing()) {
      return tick_in_pool(until);
    } else {
      tick_here(until);
    }
  }
  change_by_agenda();
  finish();
}

void Scheduler::do_requested() {
  for (const std::function<void()>& work : requested_.take()) work();
}

void Scheduler::take_in_cohorts() {
  next_due_ = {};
  for (fleet::Cohort& cohort : fleet_.cohorts()) next_due_.emplace(cohort.next_due(), &cohort);
}

// The fleet may have had nothing due for long: who joins it joins now, not where it has got to.
Timestamp Scheduler::change_fleet(fleet::FleetChange& change) {
  const Timestamp now = schedule_.clock.simulated(std::chrono::steady_clock::now());
  const Timestamp moment = std::max(reached(), std::min({next_due_.top().first, now, end()}));
  reached_.store(moment, std::memory_order_release);
  apply(change, moment);
  return moment;
}

void Scheduler::apply(fleet::FleetChange& change, Timestamp moment) {
  settle_owed();  // before the last words on these anomalies
  for (fleet::Cohort& cohort : fleet_.cohorts()) carry_out(cohort, moment);
  fleet_.apply(change, moment);
  for (const auto& [writer, event] : change.anomalies) room_for(writer, 1).events.push_back(event);
  window_ = window_of(fleet_);
  take_in_cohorts();
  find_end();
}

// What the fleet has read so far has been counted whatever it becomes; what is to come depends on what it is.
void Scheduler::find_end() {
  if (!schedule_.count) return;
  const Timestamp last = *schedule_.count == 0 ? reached() - 1 : fleet_.moment_of(counted_until_, reached());
  last_moment_ = last < schedule_.end ? last : latest_timestamp;
  end_.store(std::min(schedule_.end, last + 1), std::memory_order_release);
}

void Scheduler::change_by_agenda() {
  while (const auto reload = agenda_.take_reload(reached())) {
    apply(*reload->change, reached());
    reload->carried_out();
  }
}

void Scheduler::inject_by_agenda() {
  while (const auto injection = agenda_.take_injection(reached())) inject(*injection);
}

// A reload may have moved the sensor's next reading: then the injection waits for that. It comes to nothing
// when the sensor has left the fleet, or is in an anomaly by then. What a scenario has in store for it by
// then comes first.
void Scheduler::inject(const fleet::Injection& injection) {
  const std::uint64_t key = hash_text(fleet_.profiles()->roster()[injection.sensor].id);
  for (fleet::Cohort& cohort : fleet_.cohorts()) {
    fleet::Cohort::Found found = cohort.find(key);
    if (found.sensor == nullptr) continue;
    if (found.next_due == reached()) carry_out(cohort, found.next_due + 1);
    found = cohort.find(key);
    if (!found.is_there) return;
    if (found.next_due == reached()) {
      model::inject_anomaly(*found.sensor, cohort.seed(), injection.request, found.next_due, found.now);
    } else {
      agenda_.add({injection.sensor, injection.request, found.next_due});
    }
    return;
  }
}

// The next moment that no window passes: an entry of the agenda, or the last one of a count.
Timestamp Scheduler::next_stop() const {
  const Timestamp entry = agenda_.next_after(reached());
  return reached() < last_moment_ ? std::min(entry, last_moment_) : entry;
}

Timestamp Scheduler::window_end() const {
  // Stretches without a reading are passed over in one step.
  const Timestamp from = std::max(reached(), std::min(next_due_.top().first, end()));
  const Timestamp until = std::min({from + window_, end(), next_stop()});
  return std::min(until, schedule_.clock.simulated(std::chrono::steady_clock::now()));
}

// To have to wait is to have caught up.
void Scheduler::sleep_until_due() {
  hand_over_carried();
  schedule_.clock.caught_up(reached());
  const Timestamp wake_for = std::min({next_due_.top().first + 1, end(), next_stop()});
  const auto earliest = std::chrono::steady_clock::now() + wake_interval;
  timer_.expires_at(std::max(schedule_.clock.real(wake_for), earliest));
  timer_.async_wait([this](const boost::system::error_code&) { advance(); });
}

void Scheduler::take_due_cohorts(Timestamp until) {
  due_cohorts_.clear();
  while (!next_due_.empty() && next_due_.top().first < until) {
    due_cohorts_.push_back(next_due_.top().second);
    next_due_.pop();
  }
}

bool Scheduler::worth_sharing() const {
  if (schedule_.threads == 1 || due_cohorts_.size() < 2) return false;
  std::size_t sensors = 0;
  for (const fleet::Cohort* cohort : due_cohorts_) sensors += cohort->size();
  return sensors >= worth_a_task;
}

void Scheduler::tick_here(Timestamp until) {
  for (fleet::Cohort* cohort : due_cohorts_) {
    while (cohort->next_due() < until) {
      hand_over_full(cohort->writer(), 1);
      batch::Batch*& batch = carried_[cohort->writer()];
      if (batch == nullptr) batch = batch_for(*cohort, until);
      if (batch == nullptr) break;
      count(cohort->tick(until, *batch));
    }
  }
  leave_window(until);
}

// The readings of the last moment, as many of them as the count still has.
void Scheduler::tick_last(Timestamp until) {
  const identity::Roster& roster = fleet_.profiles()->roster();
  std::vector<std::string_view> ids;
  for (fleet::Cohort* cohort : due_cohorts_) {
    for (const model::Sensor& sensor : cohort->due_next()) ids.push_back(roster[sensor.identity].id);
  }
  std::ranges::sort(ids);
  const std::uint64_t left = counted_until_ - fleet_.due_before(reached());
  ensure(left > 0 && left <= ids.size(), "the count ends at its last moment");
  const std::string_view last = ids[left - 1];
  const auto is_late = [&](std::uint32_t sensor) { return roster[sensor].id > last; };
  for (fleet::Cohort* cohort : due_cohorts_) cohort->put_off(is_late);
  tick_here(until);
  has_counted_.store(true, std::memory_order_release);
}

void Scheduler::tick_in_pool(Timestamp until) {
  hand_over_carried();
  cohorts_in_window_.store(due_cohorts_.size(), std::memory_order_release);
  for (fleet::Cohort* cohort : due_cohorts_) {
    boost::asio::post(threads_, [this, cohort, until] {
      tick_alone(*cohort, until);
      const std::size_t in_window = cohorts_in_window_.fetch_sub(1, std::memory_order_acq_rel);
      ensure(in_window > 0, "a cohort leaves a window once");
      if (in_window != 1) return;
      boost::asio::post(conductor_, [this, until] {
        leave_window(until);
        advance();
      });
    });
  }
}

void Scheduler::tick_alone(fleet::Cohort& cohort, Timestamp until) {
  while (cohort.next_due() < until) {
    batch::Batch* batch = batch_for(cohort, until);
    if (batch == nullptr) return;
    count(cohort.tick(until, *batch));
    hand_over(cohort.writer(), batch);
  }
}

// A free batch for what is due, or none when all of it has been skipped because there was no free batch.
batch::Batch* Scheduler::batch_for(fleet::Cohort& cohort, Timestamp until) {
  const bool may_skip = schedule_.overload == config::Overload::skip && schedule_.clock.paced();
  if (!may_skip) return pool_.acquire();
  if (batch::Batch* batch = pool_.try_acquire()) return batch;
  const Timestamp since = cohort.next_due();
  fleet::Tally tally;
  const bool all = cohort.skip(until, tally);
  ledger_.skips(since, cohort.next_due() - 1);
  count(tally);
  return all ? nullptr : pool_.acquire();
}

void Scheduler::leave_window(Timestamp until) {
  ensure(until >= reached(), "simulated time does not go back");
  for (fleet::Cohort* cohort : due_cohorts_) {
    ensure(cohort->next_due() >= until, "a cohort leaves a window with nothing due in it");
    next_due_.emplace(cohort->next_due(), cohort);
  }
  reached_.store(until, std::memory_order_release);
}

// In turns of the writers, so that all of them have something to do.
void Scheduler::line_up_cohorts() {
  std::vector<std::vector<fleet::Cohort*>> of_writer(queues_.size());
  for (fleet::Cohort& cohort : fleet_.cohorts()) {
    const std::uint32_t sensor = cohort.due_next().front().identity;
    if (sensor < schedule_.whole.size() && schedule_.whole[sensor]) continue;
    of_writer[cohort.writer()].push_back(&cohort);
    due_in_all_ += cohort.due_before(end()) - cohort.due_before(reached());
  }
  std::size_t most = 0;
  for (const auto& cohorts : of_writer) most = std::max(most, cohorts.size());
  for (std::size_t turn = most; turn-- > 0;) {
    for (const auto& cohorts : of_writer) {
      if (turn < cohorts.size()) to_fill_.push_back(cohorts[turn]);
    }
  }
}

// The same story, sensor by sensor: round after round.
void Scheduler::fill() {
  while ((!to_fill_.empty() || !begun_.empty()) && !stop_requested_.load(std::memory_order_acquire)) {
    do_requested();
    take_round();
    if (schedule_.threads > 1 && round_.size() > 1) return fill_in_pool();
    for (const Part& part : round_) fill_part(part);
    leave_round();
  }
  end_begun();
  if (to_fill_.empty() && begun_.empty()) reached_.store(end(), std::memory_order_release);
  finished_.set_value();
}

// First those that have begun: there are never more of them than threads.
void Scheduler::take_round() {
  round_.clear();
  std::uint64_t readings = 0;
  for (const Part& part : begun_) add_part(*part.cohort, readings);
  begun_.clear();
  while (!to_fill_.empty() && readings < readings_per_window) {
    add_part(*to_fill_.back(), readings);
    to_fill_.pop_back();
  }
}

void Scheduler::add_part(fleet::Cohort& cohort, std::uint64_t& readings) {
  const std::uint64_t most = readings_per_window / schedule_.threads;
  const Timestamp next = cohort.next_due();
  const std::uint64_t left = next < end() ? cohort.due_before(end()) - cohort.due_before(next) : 0;
  const Timestamp until = left <= most ? end() : next + cohort.cadence().offset(most);
  round_.push_back({&cohort, until});
  readings += std::min(left, most);
}

void Scheduler::fill_in_pool() {
  cohorts_in_window_.store(round_.size(), std::memory_order_release);
  for (const Part& part : round_) {
    boost::asio::post(threads_, [this, part] {
      fill_part(part);
      if (cohorts_in_window_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
      boost::asio::post(conductor_, [this] {
        leave_round();
        fill();
      });
    });
  }
}

void Scheduler::fill_part(const Part& part) {
  fleet::Cohort& cohort = *part.cohort;
  batch::Batch* batch = pool_.acquire();
  while (cohort.next_due() < part.until) {
    if (batch->full()) {
      hand_over(cohort.writer(), batch);
      batch = pool_.acquire();
    }
    const fleet::Tally tally = cohort.tick(part.until, *batch);
    due_so_far_.fetch_add(tally.due, std::memory_order_relaxed);
    count(tally);
  }
  if (part.until >= end()) end_cohort(cohort, part.until, batch);
  hand_over(cohort.writer(), batch);
}

// As finish() does for all cohorts at once.
void Scheduler::end_cohort(fleet::Cohort& cohort, Timestamp until, batch::Batch*& batch) {
  const auto renew = [&] {
    hand_over(cohort.writer(), batch);
    batch = pool_.acquire();
  };
  while (!cohort.settle_owed(*batch)) renew();
  while (!cohort.carry_out(until, *batch)) renew();
  for (const batch::AnomalyEvent& event : cohort.open_anomalies()) {
    if (batch->events.size() >= batch::Batch::capacity) renew();
    batch->events.push_back(event);
  }
  batch->last_of = cohort.due_next().front().identity;
  due_of_ended_.fetch_add(cohort.due_before(until) - cohort.due_before(schedule_.start),
                          std::memory_order_acq_rel);
}

void Scheduler::leave_round() {
  for (const Part& part : round_) {
    if (part.until < end()) begun_.push_back(part);
  }
}

// What a stop has cut off ends where it is.
void Scheduler::end_begun() {
  for (const Part& part : begun_) {
    batch::Batch* batch = pool_.acquire();
    end_cohort(*part.cohort, part.until, batch);
    hand_over(part.cohort->writer(), batch);
  }
}

std::uint64_t Scheduler::due() const {
  return schedule_.by_sensor ? due_of_ended_.load(std::memory_order_acquire)
                             : fleet_.due_before(reached()) - due_before_start_;
}

Microseconds Scheduler::covered() const {
  if (!schedule_.by_sensor || due_in_all_ == 0) return reached() - schedule_.start;
  const auto so_far = static_cast<double>(due_so_far_.load(std::memory_order_relaxed));
  return std::llround(static_cast<double>(end() - schedule_.start) *
                      (so_far / static_cast<double>(due_in_all_)));
}

void Scheduler::settle_owed() {
  for (fleet::Cohort& cohort : fleet_.cohorts()) {
    while (!cohort.settle_owed(room_for(cohort.writer(), 1))) {
    }
  }
}

// What a scenario has in store up to here comes about, although no reading follows.
void Scheduler::carry_out(fleet::Cohort& cohort, Timestamp until) {
  while (!cohort.carry_out(until, room_for(cohort.writer(), batch::Batch::most_events_of_a_reading))) {
  }
}

void Scheduler::finish() {
  settle_owed();
  for (fleet::Cohort& cohort : fleet_.cohorts()) carry_out(cohort, reached());
  for (fleet::Cohort& cohort : fleet_.cohorts()) {
    for (const batch::AnomalyEvent& event : cohort.open_anomalies())
      room_for(cohort.writer(), 1).events.push_back(event);
  }
  hand_over_carried();
  finished_.set_value();
}

// Hands over the batch that small windows of this writer share, unless it has room for at least one reading
// and `events` events.
void Scheduler::hand_over_full(std::uint32_t writer, std::size_t events) {
  batch::Batch*& batch = carried_[writer];
  if (batch == nullptr || (!batch->full() && batch->events.size() + events <= batch::Batch::capacity)) return;
  hand_over(writer, batch);
  batch = nullptr;
}

batch::Batch& Scheduler::room_for(std::uint32_t writer, std::size_t events) {
  hand_over_full(writer, events);
  batch::Batch*& batch = carried_[writer];
  if (batch == nullptr) batch = pool_.acquire();
  return *batch;
}

void Scheduler::hand_over(std::uint32_t writer, batch::Batch* batch) {
  queues_[writer]->push(batch);
}

void Scheduler::hand_over_carried() {
  for (std::uint32_t writer = 0; writer < carried_.size(); ++writer) {
    batch::Batch* const batch = std::exchange(carried_[writer], nullptr);
    if (batch == nullptr) continue;
    batch->empty() ? pool_.release(batch) : hand_over(writer, batch);
  }
}

// Counted before the hand-over: after it the writer may already have written the rows.
void Scheduler::count(const fleet::Tally& tally) {
  ledger_.due(tally.due);
  ledger_.skipped(tally.skipped);
  ledger_.silent(tally.silent);
  ledger_.generated(tally.due - tally.skipped - tally.silent);
  ledger_.missing(tally.missing);
  ledger_.dropped(tally.dropped);
  ledger_.duplicates(tally.duplicates);
  ledger_.undelivered(tally.undelivered);
  ledger_.anomalies(tally.anomalies);
  ledger_.taken(tally.by_firmware);
}

}  // namespace fleet_sim::schedule
