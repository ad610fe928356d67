// Looks at single sensors of a running fleet for the status API, and injects anomalies into them. A sensor's
// state is copied between two windows of the scheduler; its last readings are worked out from that copy, on
// the caller's thread. HTTP thread only, except for the work that it has done between windows.
//
// Bounds: one piece of work waits for the scheduler at a time, and for at most `longest_question`; then it is
// withdrawn, so work that was reported as not done is not done later. The last `most_watched` sensors are
// remembered, so that looking again costs the readings since; at most `most_replayed` readings are gone
// through for one look. If a sensor's past does not follow from the seed alone (the fleet was reloaded, or
// its anomalies are longer than that), readings are shown from the first look on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/sensor_state.h"
#include "run/injection.h"
#include "run/simulator.h"
#include "status/route.h"

namespace fleet_sim::run {

inline constexpr std::chrono::milliseconds longest_question{200};
inline constexpr std::size_t most_watched = 64;
inline constexpr std::size_t most_recent_readings = 300;
inline constexpr std::uint64_t most_replayed = 100'000;  // about 15 ms
inline constexpr std::size_t most_injections = 10'000;   // remembered, the last ones

class SensorWatch {
 public:
  explicit SensorWatch(Simulator& simulator) : simulator_(simulator) {}

  // The places of these ids in the roster, in order; nothing for an id that does not exist. Goes through the
  // whole fleet, unless only one id is asked for and it is remembered.
  using Places = std::vector<std::optional<std::uint32_t>>;
  [[nodiscard]] Places find(const start::Edition& edition, const std::vector<std::string>& ids) const;

  struct Look {
    fleet::SensorState state;
    std::deque<fleet::RecentReading> readings;  // oldest first
    std::string effective;                      // its numbers, as `explain` has them: JSON
  };
  // Null when the fleet is held up, or the run is over.
  const Look* look(const start::Edition& edition, std::uint32_t sensor);

  // What came of asking for an anomaly in one sensor: the event that begins with its next reading, or why
  // none does. If it cannot have such an anomaly at any moment, none begins in the others either.
  struct Outcome {
    std::string reason = {};  // empty: one begins
    bool is_impossible = false;
    batch::AnomalyEvent event{};
  };
  // Nothing if the fleet is held up: then none begins.
  using Outcomes = std::vector<Outcome>;
  std::optional<Outcomes> inject(const status::AskedAnomaly& asked,
                                 const std::vector<std::uint32_t>& sensors);

 private:
  // Outlives this object where the scheduler still holds work for it.
  struct Exchange {
    std::mutex mutex;  // of all that follows
    std::condition_variable done;
    bool busy = false;
    bool withdrawn = false;  // the work that waits is not to be done
    std::optional<fleet::SensorState> found;
    Outcomes outcomes;
    Spreads spreads;  // to be computed before any begins: that takes longer than a window may wait
    std::deque<fleet::Injection> injections;

    void remember(const fleet::Injection& injection) {
      injections.push_back(injection);
      if (injections.size() > most_injections) injections.pop_front();
    }
  };

  // Has the work done between two windows; false when the fleet is held up: then it is not done at all.
  bool ask(std::function<void(fleet::Fleet&, fleet::Agenda&, Exchange&)> work);
  [[nodiscard]] bool is_idle() const;
  void bring_up_to(const fleet::SensorState& now, Look& look,
                   std::span<const fleet::Injection> injections) const;
  Look& remembered(const start::Edition& edition, const fleet::SensorState& now);
  [[nodiscard]] const Look* known(const start::Edition& edition, std::string_view id) const;

  Simulator& simulator_;
  std::shared_ptr<Exchange> exchange_ = std::make_shared<Exchange>();
  std::list<Look> watched_;    // latest first …
  std::uint64_t edition_ = 0;  // … of the edition with this number
};

}  // namespace fleet_sim::run
