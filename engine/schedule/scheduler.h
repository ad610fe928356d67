// The scheduler: moves the fleet through simulated time on a pool of threads, and hands what the cohorts
// produce to the writers' queues. It advances in windows of at most one second of simulated time; no cohort
// enters a window before all have left the last, so within a shard timestamps never go back by more than that
// second, at any speed and with any number of threads. One conductor strand decides about windows; each due
// cohort is one task of the pool. A window ends at the next entry of the agenda at the latest.
//
// A reading is a function of its time, so a fleet without pace may just as well be gone through sensor by
// sensor: each cohort from the start to the end, and then the next one. Each shard must then belong to one
// cohort; the batch with its last rows says so (Batch::last_of). What takes the place of a window is a round:
// about as many readings, of as many cohorts as that takes, or of parts of some. Nothing may change the fleet
// on the way, for part of it has been there already.
//
// When no batch is free the tasks wait: the pool of batches is the back-pressure, and the lag grows. A paced
// fleet may be told to skip what is due instead; what becomes of anomalies is then handed over later.
//
// A run that ends after a count of readings ends at a moment like any other: counting is arithmetic, so the
// moment at which the last of them is due is known beforehand, and is found again whenever the fleet changes.
// The last window is that moment alone, in which only those sensors read whose turn it is by their ids.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <queue>
#include <span>
#include <utility>
#include <vector>

#include "base/cadence.h"
#include "base/clock.h"
#include "base/ledger.h"
#include "base/mailbox.h"
#include "batch/batch_queue.h"
#include "config/config.h"
#include "fleet/agenda.h"
#include "fleet/fleet.h"

namespace fleet_sim::schedule {

struct Schedule {
  SimulationClock& clock;
  Timestamp start;
  Timestamp end;  // readings due at or after it are not taken
  unsigned threads = 1;
  config::Overload overload = config::Overload::block;
  // Readings due from the start on, after which the run ends before `end`: by time, and by the sensor's id
  // where several are due at once.
  std::optional<std::uint64_t> count = std::nullopt;
  // Sensor by sensor; not with a count, an agenda, or without an end. Those in `whole`, by their indices into
  // the roster, have been read to the end by an earlier process.
  bool by_sensor = false;
  std::vector<bool> whole = {};
};

class Scheduler {
 public:
  // `queues` has one queue per writer. Everything is borrowed and outlives the scheduler.
  Scheduler(const Schedule& schedule, fleet::Fleet& fleet, batch::BatchPool& pool,
            std::span<batch::BatchQueue* const> queues, Ledger& ledger);
  // Waits for tasks in progress, which wait for batches, so somebody must still be emptying the queues.
  ~Scheduler();

  // What happens from the start on. To be used before start(), and afterward only within the work of
  // between_windows.
  [[nodiscard]] fleet::Agenda& agenda() { return agenda_; }

  void start();

  // Ends the run after the window in progress. Any thread, any number of times.
  void request_stop();

  // Runs `work` while no cohort is being ticked, so that it may look at the whole fleet or change it. Soon,
  // but not before the tasks in progress have found batches for their readings; work that comes after the
  // last window is dropped. Any thread; `work` runs on one of the pool's and must not throw.
  void between_windows(std::function<void()> work);

  // Carries out a reload now, from within such work only: at a moment before which every reading has been
  // taken and after which none, which it returns. What becomes of anomalies goes to the writers. A reload
  // that has a time of its own is an entry of the agenda.
  Timestamp change_fleet(fleet::FleetChange& change);

  // Waits until everything has been handed to the queues, but not longer than this. True if it has.
  [[nodiscard]] bool wait_for(std::chrono::milliseconds at_most);

  // Every reading due before this moment has been taken. Any thread.
  [[nodiscard]] Timestamp reached() const { return reached_.load(std::memory_order_acquire); }

  // Readings due at or after this moment are not taken, as the fleet is now. Any thread.
  [[nodiscard]] Timestamp end() const { return end_.load(std::memory_order_acquire); }
  // How many of the readings that have come due since the start have been taken or left out, by arithmetic
  // alone; at a stop that is all of them. Once everything has been handed over.
  [[nodiscard]] std::uint64_t due() const;

  // The simulated time that has been covered: up to where it has been reached, or the like share of it when
  // the fleet is gone through sensor by sensor. Any thread.
  [[nodiscard]] Microseconds covered() const;

  // Every reading of the count has been taken. Any thread.
  [[nodiscard]] bool has_counted() const { return has_counted_.load(std::memory_order_acquire); }

 private:
  using NextDue = std::pair<Timestamp, fleet::Cohort*>;
  // Of a round: a cohort, and how far it goes in it.
  struct Part {
    fleet::Cohort* cohort;
    Timestamp until;
  };

  void advance();
  void do_requested();
  void take_in_cohorts();
  void change_by_agenda();
  void inject_by_agenda();
  void inject(const fleet::Injection& injection);
  void apply(fleet::FleetChange& change, Timestamp moment);
  void find_end();
  [[nodiscard]] Timestamp next_stop() const;
  [[nodiscard]] Timestamp window_end() const;
  void sleep_until_due();
  void take_due_cohorts(Timestamp until);
  [[nodiscard]] bool worth_sharing() const;
  void tick_here(Timestamp until);
  void tick_last(Timestamp until);
  void tick_in_pool(Timestamp until);
  void tick_alone(fleet::Cohort& cohort, Timestamp until);
  void leave_window(Timestamp until);
  void line_up_cohorts();
  void fill();
  void take_round();
  void add_part(fleet::Cohort& cohort, std::uint64_t& readings);
  void fill_in_pool();
  void fill_part(const Part& part);
  void end_cohort(fleet::Cohort& cohort, Timestamp until, batch::Batch*& batch);
  void leave_round();
  void end_begun();
  void settle_owed();
  void carry_out(fleet::Cohort& cohort, Timestamp until);
  void finish();
  batch::Batch* batch_for(fleet::Cohort& cohort, Timestamp until);
  void hand_over_full(std::uint32_t writer, std::size_t events);
  batch::Batch& room_for(std::uint32_t writer, std::size_t events);
  void hand_over(std::uint32_t writer, batch::Batch* batch);
  void hand_over_carried();
  void count(const fleet::Tally& tally);

  Schedule schedule_;
  fleet::Fleet& fleet_;
  batch::BatchPool& pool_;
  std::vector<batch::BatchQueue*> queues_;
  Ledger& ledger_;
  Microseconds window_;  // simulated time between two looks at the clock and at wishes to stop

  boost::asio::thread_pool threads_;
  boost::asio::strand<boost::asio::thread_pool::executor_type> conductor_;
  std::atomic<Timestamp> reached_;
  std::atomic<Timestamp> end_;
  std::atomic<bool> has_counted_{false};
  std::atomic<bool> stop_requested_{false};
  std::atomic<std::size_t> cohorts_in_window_{0};
  Mailbox<std::function<void()>> requested_;
  std::promise<void> finished_;
  std::future<void> finish_;

  // Touched by the conductor only.
  boost::asio::steady_timer timer_;
  std::priority_queue<NextDue, std::vector<NextDue>, std::greater<>> next_due_;
  std::vector<fleet::Cohort*> due_cohorts_;
  fleet::Agenda agenda_;
  std::uint64_t counted_until_ = 0;           // of all that is due since the fleet began
  Timestamp last_moment_ = latest_timestamp;  // at which the last of the count is due; then the run ends
  std::vector<batch::Batch*> carried_;        // per writer: a batch that small windows share
  std::uint64_t due_before_start_ = 0;

  // Sensor by sensor. The conductor's, but for what the tasks of a round add up.
  std::vector<fleet::Cohort*> to_fill_;  // those that have not begun, the next one last
  std::vector<Part> begun_;              // that a round has not brought to the end, and how far it has
  std::vector<Part> round_;
  std::uint64_t due_in_all_ = 0;
  std::atomic<std::uint64_t> due_so_far_{0};
  std::atomic<std::uint64_t> due_of_ended_{0};  // by arithmetic, of the cohorts that have ended
};

}  // namespace fleet_sim::schedule
