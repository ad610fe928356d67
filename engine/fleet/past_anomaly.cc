#include "fleet/past_anomaly.h"

#include <algorithm>
#include <ranges>

#include "base/anomaly_types.h"
#include "model/sensor.h"

namespace fleet_sim::fleet {
namespace {

// Of a sensor with this key, had the run begun with the stretch's cadence.
Timestamp first_due(const Stretch& stretch, std::uint64_t key, Timestamp start) {
  return stretch.cadence.origin(start) + model::phase_of(key, stretch.cadence);
}

// Due of a sensor with this key in a stretch.
std::uint64_t due_between(const Stretch& stretch, std::uint64_t key, Timestamp start, Timestamp from,
                          Timestamp to) {
  if (to <= from) return 0;
  const Timestamp first = first_due(stretch, key, start);
  return stretch.cadence.count_before(to - first) - stretch.cadence.count_before(from - first);
}

// Walks a sensor's anomaly through its stretches.
class Walk {
 public:
  Walk(Timestamp moment, std::uint64_t key, std::span<const Stretch> stretches, RunSeed run)
      : moment_(moment), key_(key), stretches_(stretches), run_(run) {}

  [[nodiscard]] bool has_read() const {
    return std::ranges::any_of(stretches_, [this](const Stretch& one) {
      return due_between(one, one.from, std::min(one.to, moment_)) > 0;
    });
  }

  // As the sensor joined the fleet.
  void begin_in_steady_state() {
    const Stretch& first = stretches_.front();
    const std::uint64_t before = first.cadence.count_before(first.from - first_due(first));
    sensor_ = sensor_of(first);
    model::enter_steady_state(sensor_, run_.seed, first_due(first) + first.cadence.offset(before),
                              first.cadence);
    go_through(0, first.from);
  }

  void begin_with(const PastAnomaly& past, bool begins_at_onset) {
    if (past.started_at < stretches_.front().from) return begin_in_steady_state();
    std::size_t at = 0;
    while (at + 1 < stretches_.size() && stretches_[at + 1].from <= past.started_at) ++at;
    if (begins_at_onset) at = 0;
    sensor_ = sensor_of(stretches_[at]);
    AddedTo sums;
    model::Circumstances then;
    if (!past.added.empty()) {
      add_up(past.added, past.started_at, sums);
      then.added = std::span(sums).first(sensor_.profile->channels.size());
    }
    if (past.serviced) then.serviced = *past.serviced;
    model::return_to_anomaly(sensor_, run_.seed, past.request, past.started_at, then);
    go_through(at, past.started_at);
  }

  [[nodiscard]] const model::Anomaly& anomaly() const { return sensor_.anomaly; }

 private:
  [[nodiscard]] Timestamp first_due(const Stretch& stretch) const {
    return fleet::first_due(stretch, key_, run_.start);
  }
  [[nodiscard]] Timestamp next_due(const Stretch& stretch, Timestamp at) const {
    const Timestamp first = first_due(stretch);
    return first + stretch.cadence.offset(stretch.cadence.count_before(at - first));
  }
  [[nodiscard]] std::uint64_t due_between(const Stretch& stretch, Timestamp from, Timestamp to) const {
    return fleet::due_between(stretch, key_, run_.start, from, to);
  }
  [[nodiscard]] model::Sensor sensor_of(const Stretch& stretch) const {
    return {key_,
            model::phase_of(key_, stretch.cadence),
            stretch.profile,
            0,
            model::Sensor::no_ages,
            model::Anomaly{},
            stretch.shared};
  }

  void go_through(std::size_t at, Timestamp from) {
    for (;; ++at, from = stretches_[at].from) {
      const Stretch& here = stretches_[at];
      const Timestamp to = std::min({here.to, moment_, sensor_.anomaly.ended_at + 1});
      model::count_taken(sensor_, run_.seed, next_due(here, from), here.cadence, due_between(here, from, to));
      if (!sensor_.anomaly.active() || at + 1 == stretches_.size() || here.to > moment_) return;
      change_to(here, stretches_[at + 1]);
    }
  }

  void change_to(const Stretch& was, const Stretch& is) {
    model::Anomaly& anomaly = sensor_.anomaly;
    const bool is_over = anomaly.active() && (is.ends >> index_of(*anomaly.type) & 1) != 0;
    const bool may_continue =
        !is_over && !is.in_another_shard && model::continues_under(anomaly, *was.profile, *is.profile);
    const bool was_open = anomaly.has_shown && next_due(was, is.from) <= anomaly.ended_at;
    const bool has_more = next_due(is, is.from) <= anomaly.ended_at;
    if (!outlasts_change(may_continue, has_more, was_open)) anomaly = model::Anomaly{};
  }

  Timestamp moment_;
  std::uint64_t key_;
  std::span<const Stretch> stretches_;
  RunSeed run_;
  model::Sensor sensor_{};
};

}  // namespace

EndedTypes types_named(std::span<const std::string> names) {
  EndedTypes types = 0;
  for (const std::string& name : names) {
    if (const auto type = anomaly_type_of(name)) types |= EndedTypes{1} << index_of(*type);
  }
  return types;
}

std::uint64_t readings_since(Timestamp since, Timestamp moment, std::uint64_t key,
                             std::span<const Stretch> stretches, Timestamp start) {
  std::uint64_t readings = 0;
  for (const Stretch& stretch : stretches) {
    if (stretch.in_another_shard) readings = 0;
    readings += due_between(stretch, key, start, std::max(since, stretch.from), std::min(moment, stretch.to));
  }
  return readings;
}

std::optional<Timestamp> last_due(Timestamp moment, std::uint64_t key, std::span<const Stretch> stretches,
                                  Timestamp start) {
  for (const Stretch& stretch : std::views::reverse(stretches)) {
    const Timestamp to = std::min(moment, stretch.to);
    if (due_between(stretch, key, start, stretch.from, to) > 0) {
      const Timestamp first = first_due(stretch, key, start);
      return first + stretch.cadence.offset(stretch.cadence.count_before(to - first) - 1);
    }
    if (stretch.in_another_shard) break;
  }
  return std::nullopt;
}

model::Anomaly anomaly_at(Timestamp moment, std::uint64_t key, std::span<const Stretch> stretches,
                          bool begins_new, const PastAnomaly* latest, RunSeed run, bool begins_at_onset) {
  Walk walk(moment, key, stretches, run);
  if (begins_new && !walk.has_read()) {
    walk.begin_in_steady_state();
  } else if (latest != nullptr) {
    walk.begin_with(*latest, begins_at_onset);
  }
  return walk.anomaly();
}

}  // namespace fleet_sim::fleet
