// One process of a storm: fleet, pool and writers as the simulator wires them, moved step by step on one
// thread by a clock that only the storm turns, among faults of the disk and a collector that takes locks. It
// stops as a process should, or dies: then every connection is dropped where it stands. Reloads belong in
// Process::disturb, beside what happens there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "batch/batch_queue.h"
#include "config/config.h"
#include "fleet/fleet.h"
#include "identity/identity.h"
#include "storage/shard_plan.h"
#include "storage/writer.h"
#include "storm/dice.h"
#include "storm/replay.h"
#include "storm/weather.h"
#include "support/faulty_vfs.h"

namespace fleet_sim::test {

// What the storm has found out about the engine.
struct Found : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline void demand(bool holds, const std::string& what) {
  if (!holds) throw Found(what);
}

// What outlives a process.
struct Ground {
  const Config& config;
  const Roster& roster;
  FaultyVfs& vfs;
  Dice& dice;
};

// A run, over all processes that have been at work on it.
struct StormRun {
  RunInfo info;
  Timestamp until = 0;  // no reading due from then on has been taken
  std::uint64_t lost = 0;
  std::uint64_t events_lost = 0;
};

class Process {
 public:
  Process(const Ground& ground, StormRun& run, bool goes_on, const Fortune& fortune);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Until it has stopped, or died. Throws Found.
  void live();

  // Ends all connections, where they stand. What is asked about the process stays.
  void drop_connections();

  [[nodiscard]] bool died() const { return died_; }
  [[nodiscard]] Books books() const { return ledger_.books(); }
  // Readings that waited in shards at the end or were counted as lost, and may have reached a file all the
  // same: those whose commit failed when everything was in the log already.
  [[nodiscard]] std::uint64_t in_doubt() const { return held_ + books().lost(); }
  // Those which the writers took a flush interval before their last step, or earlier.
  [[nodiscard]] std::vector<SensorTime> overdue() const;
  // Every reading due before this moment has been taken.
  [[nodiscard]] Timestamp reached() const { return reached_; }
  [[nodiscard]] const ShardPlan& plan() const { return plan_; }

 private:
  struct Died {};
  struct Collector {
    Database database;
    SteadyTime until;
  };
  struct Handed {
    SensorTime reading;
    std::optional<SteadyTime> taken;
  };

  void take_up();
  void build_writers();
  void run_steps();
  void stop();
  void disturb();
  void break_disk();
  void send_collector();
  void end_collection(bool commits);
  void tick();
  Batch& room_for(std::uint32_t writer, std::size_t events);
  void wait_for_batch();
  void hand_over(std::uint32_t writer);
  void step();
  void pass_time(SteadyTime now);
  [[nodiscard]] std::uint64_t count_held() const;
  void check_losses(const Books& before) const;
  void check_memory() const;

  Ground ground_;
  StormRun& run_;
  Fortune fortune_;
  ShardPlan plan_;
  BatchPool pool_;
  Ledger ledger_;
  ErrorCounts errors_;
  ShardContext shard_context_;
  std::unique_ptr<Fleet> fleet_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<Batch*> carried_;
  std::vector<std::size_t> queued_;          // batches per writer that may be in its queue
  std::vector<std::vector<Handed>> handed_;  // per writer
  std::vector<SteadyTime> stepped_;          // per writer, the last time
  std::optional<Collector> collector_;
  SteadyTime now_;
  SteadyTime disk_heals_;
  Timestamp start_ = 0;
  Timestamp reached_ = 0;
  std::uint64_t events_handed_ = 0;
  std::size_t largest_batch_ = 0;  // readings
  std::uint64_t held_ = 0;
  bool gave_up_ = false;
  bool died_ = false;
};

}  // namespace fleet_sim::test
