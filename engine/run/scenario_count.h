// How many sensors the entries of the running scenario have reached, and how many they will: worked out from
// the script alone, on a thread of its own, because a million sensors and thousands of entries take a while.
// Any thread asks, and gets what is known; asking has the thread bring it up to date. Borrows the simulator.
//
// Bounds: two timelines over the whole fleet (timeline/timeline.h), and `most_counted` sensors ahead; beyond
// them it is not known how many will be reached.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/timestamp.h"
#include "start/edition.h"
#include "timeline/script.h"

namespace fleet_sim::run {

class Simulator;

class ScenarioCount {
 public:
  static constexpr std::uint64_t most_counted = 5'000'000;

  // By entry. A sensor counts once a turn.
  struct Counts {
    std::vector<std::uint64_t> reached;
    std::optional<std::vector<std::uint64_t>> in_all;  // by the end of the run; none: not known
  };

  explicit ScenarioCount(const Simulator& simulator) : simulator_(simulator) {}
  ~ScenarioCount();
  ScenarioCount(const ScenarioCount&) = delete;
  ScenarioCount& operator=(const ScenarioCount&) = delete;

  // Of the fleet with these members. Null while nothing is known of it.
  std::shared_ptr<const Counts> of(const std::shared_ptr<const timeline::Script>& script,
                                   const std::shared_ptr<const start::Members>& members);

 private:
  struct Fleet {
    std::shared_ptr<const timeline::Script> script;
    std::shared_ptr<const start::Members> members;

    bool operator==(const Fleet&) const = default;
  };
  class Work;

  void run();
  bool publish(const Fleet& fleet, Counts counts);

  const Simulator& simulator_;
  std::mutex mutex_;
  std::condition_variable asked_;
  bool is_asked_ = false;                 // under mutex_, as is …
  bool stopping_ = false;                 // … this, …
  Fleet fleet_;                           // … that was asked for, …
  std::shared_ptr<const Counts> counts_;  // … and what is known of it
  std::thread thread_;                    // begins with the first question
};

}  // namespace fleet_sim::run
