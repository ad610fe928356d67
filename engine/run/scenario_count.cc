#include "run/scenario_count.h"

#include <algorithm>
#include <utility>

#include "run/simulator.h"
#include "timeline/timeline.h"

namespace fleet_sim::run {
namespace {

constexpr Microseconds without_end = 30 * microseconds_per_day;  // how far a run without an end is looked at
constexpr std::uint64_t at_a_time = 100'000;                     // sensors, between two looks at wishes
constexpr timeline::Ahead ahead{std::size_t{1} << 17, 64, std::size_t{1} << 15};

}  // namespace

// What is counted of one fleet: up to where the run is, and up to its end.
class ScenarioCount::Work {
 public:
  Work(const Fleet& fleet, const identity::Roster& roster)
      : so_far_(fleet.script, roster, *fleet.members, ahead),
        to_the_end_(fleet.script, roster, *fleet.members, ahead),
        in_all_(fleet.script->size()) {
    counts_.reached.resize(fleet.script->size());
  }

  // True when there is no more to count until then.
  bool count_until(Timestamp reached) { return count(so_far_, reached, counts_.reached); }

  bool count_in_all(Timestamp end) {
    if (counts_.in_all || counted_ >= most_counted) return true;
    const bool is_all = count(to_the_end_, end, in_all_);
    counted_ += at_a_time;
    if (is_all) counts_.in_all = in_all_;
    return is_all;
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  static bool count(timeline::Timeline& timeline, Timestamp until, std::vector<std::uint64_t>& by_entry) {
    for (std::uint64_t i = 0; i < at_a_time; ++i) {
      const auto moment = timeline.next(until);
      if (!moment) return true;
      ++by_entry[moment->entry];
    }
    return false;
  }

  timeline::Timeline so_far_;
  timeline::Timeline to_the_end_;
  Counts counts_;
  std::vector<std::uint64_t> in_all_;
  std::uint64_t counted_ = 0;
};

ScenarioCount::~ScenarioCount() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const ScenarioCount::Counts> ScenarioCount::of(
    const std::shared_ptr<const timeline::Script>& script,
    const std::shared_ptr<const start::Members>& members) {
  if (!script) return nullptr;
  const std::lock_guard lock(mutex_);
  Fleet fleet{script, members};
  if (fleet != fleet_) {
    fleet_ = std::move(fleet);
    counts_ = nullptr;
  }
  is_asked_ = true;
  asked_.notify_all();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  return counts_;
}

void ScenarioCount::run() {
  Fleet fleet;
  std::unique_ptr<Work> work;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      asked_.wait(lock, [this] { return is_asked_ || stopping_; });
      if (stopping_) return;
      is_asked_ = false;
      if (fleet != fleet_) work = nullptr;
      fleet = fleet_;
    }
    if (!work) work = std::make_unique<Work>(fleet, simulator_.roster());
    const Timestamp reached = simulator_.reached();
    const Timestamp end = simulator_.end() == latest_timestamp ? reached + without_end : simulator_.end();
    bool is_wanted = true;
    while (is_wanted && !work->count_until(reached)) is_wanted = publish(fleet, work->counts());
    while (is_wanted && !work->count_in_all(end)) is_wanted = publish(fleet, work->counts());
    publish(fleet, work->counts());
  }
}

// False when another fleet is asked for by now, or none.
bool ScenarioCount::publish(const Fleet& fleet, Counts counts) {
  auto shared = std::make_shared<const Counts>(std::move(counts));
  const std::lock_guard lock(mutex_);
  if (fleet == fleet_) counts_ = std::move(shared);
  return fleet == fleet_ && !stopping_;
}

}  // namespace fleet_sim::run
