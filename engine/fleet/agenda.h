// The agenda: what is to happen to a fleet, each entry at a simulated time. An entry is a reload, which
// changes the fleet, or an injection, which begins an anomaly in one sensor. The scheduler lets no window
// pass the next entry: whatever was due before it is read without it, everything due at its time or later
// with it.
//
// Whoever starts a run puts in what an earlier process of the run has recorded; what comes while the fleet
// runs becomes an entry between two windows. A value; the scheduler's conductor alone touches it once it
// runs. Bounded by those who add: reloads by the reloader, injections by one request at a time.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/timestamp.h"
#include "fleet/fleet_change.h"
#include "fleet/sensor_state.h"

namespace fleet_sim::fleet {

struct PlannedReload {
  std::shared_ptr<FleetChange> change;
  std::function<void()> carried_out;  // once the fleet has changed; must not throw
};

class Agenda {
 public:
  // Entries of one time are carried out in the order they were added, reloads before injections.
  void add(Timestamp at, PlannedReload reload) { reloads_.emplace(at, std::move(reload)); }
  void add(const Injection& injection) {
    injections_.emplace(injection.due, injection);
    awaiting_.insert(injection.sensor);
  }
  // Whether an anomaly is going to begin in the sensor.
  [[nodiscard]] bool awaits_injection(std::uint32_t sensor) const { return awaiting_.contains(sensor); }

  // The first moment after `moment` at which something is to happen; the latest timestamp when there is none.
  [[nodiscard]] Timestamp next_after(Timestamp moment) const {
    const auto reload = reloads_.upper_bound(moment);
    const auto injection = injections_.upper_bound(moment);
    Timestamp next = latest_timestamp;
    if (reload != reloads_.end()) next = std::min(next, reload->first);
    if (injection != injections_.end()) next = std::min(next, injection->first);
    return next;
  }

  // Takes the first reload, or the first injection, that is to happen at `moment` or before; none when there
  // is none left.
  [[nodiscard]] std::optional<PlannedReload> take_reload(Timestamp moment) { return take(reloads_, moment); }
  [[nodiscard]] std::optional<Injection> take_injection(Timestamp moment) {
    const std::optional<Injection> injection = take(injections_, moment);
    if (injection) awaiting_.erase(injection->sensor);
    return injection;
  }

 private:
  template <class Entry>
  static std::optional<Entry> take(std::multimap<Timestamp, Entry>& entries, Timestamp moment) {
    if (entries.empty() || entries.begin()->first > moment) return std::nullopt;
    return std::move(entries.extract(entries.begin()).mapped());
  }

  std::multimap<Timestamp, PlannedReload> reloads_;
  std::multimap<Timestamp, Injection> injections_;
  std::unordered_set<std::uint32_t> awaiting_;  // sensors of these injections
};

}  // namespace fleet_sim::fleet
