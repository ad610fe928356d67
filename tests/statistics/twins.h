// A fleet and its twin without anomalies, in lockstep. Randomness is drawn per sensor and due time, so the
// twin has the same normal readings: what an anomaly did to a reading is the difference between the two.
// Calls back per reading and per anomaly, a cohort on one thread at a time.
#pragma once

#include <oneapi/tbb/parallel_for.h>

#include <deque>
#include <optional>
#include <vector>

#include "statistics/runs.h"
#include "statistics/spec.h"

namespace fleet_sim::statistics {

// One anomaly: as it was announced, and as it was closed, with the due readings that were seen to lie in it.
struct Episode {
  batch::AnomalyEvent event;
  std::optional<batch::AnomalyEvent> closed;
  std::uint32_t readings = 0;
};

// What one due reading would have been and what it was. No row: `actual` is null. No anomaly: `episode` is.
struct Pair {
  std::uint32_t sensor;
  Timestamp due;
  const batch::Values& clean;
  const batch::Reading* actual;
  const Episode* episode;
};

// How long each type lasts by promise, in microseconds; 0: as long as each event says.
using Durations = PerAnomalyType<Microseconds>;
inline Durations promised_durations(double period_seconds) {
  Durations durations{};
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    durations[k] = static_cast<Microseconds>(lasting_seconds(k, period_seconds) * 1e6);
  }
  return durations;
}

// The anomalies of one sensor that have been announced and are not over by the promised duration.
class Episodes {
 public:
  void add(const batch::AnomalyEvent& event) {
    using enum batch::AnomalyEvent::Kind;
    if (event.kind == opened || event.kind == whole) open_.push_back({event, std::nullopt, 0});
    if (event.kind == closed || event.kind == whole) open_.back().closed = event;
  }

  // The one that `due` lies in; calls ended(episode) for those that are over by then.
  template <class Ended>
  Episode* at(Timestamp due, const Durations& durations, const Ended& ended) {
    while (!open_.empty() && end_of(open_.front(), durations) <= due) {
      ended(open_.front());
      open_.pop_front();
    }
    return open_.empty() || open_.front().event.started_at > due ? nullptr : &open_.front();
  }

 private:
  static Timestamp end_of(const Episode& episode, const Durations& durations) {
    const Microseconds duration = durations[static_cast<std::size_t>(episode.event.type)];
    return duration > 0 ? episode.event.started_at + duration : episode.event.ended_at + 1;
  }

  std::deque<Episode> open_;
};

// The readings of one cohort before `until`, and the events on the way there.
struct Window {
  std::vector<batch::Reading> readings;
  std::vector<batch::AnomalyEvent> events;

  void take(fleet::Cohort& cohort, Timestamp until) {
    readings.clear();
    events.clear();
    batch::Batch batch;
    while (cohort.next_due() < until) {
      cohort.tick(until, batch);
      readings.insert(readings.end(), batch.readings.begin(), batch.readings.end());
      events.insert(events.end(), batch.events.begin(), batch.events.end());
      batch.clear();
    }
  }
};

// Runs both. Every sensor has the config's rate. Calls observer.reading(pair) for every due reading, and
// observer.ended(sensor, episode) for every anomaly that is over before the run is. Returns the readings that
// were looked at, in both fleets.
template <class Observer>
std::uint64_t run_twins(const Run& run, const Durations& durations, Observer& observer) {
  Run calm = run;
  calm.config.anomalies.enabled = false;
  fleet::Fleet fleet = fleet_of(run);
  fleet::Fleet twin = fleet_of(calm);
  const Timestamp until = run_start + run.duration;
  const auto step = static_cast<Microseconds>(16e6 / run.config.simulation.rate.per_second());
  std::vector<Episodes> episodes(run.roster.size());
  std::vector<std::uint64_t> looked_at(fleet.cohorts().size());

  tbb::parallel_for(std::size_t{0}, looked_at.size(), [&](std::size_t c) {
    Window actual;
    Window clean;
    for (Timestamp to = run_start; to < until;) {
      to = std::min(to + step, until);
      actual.take(fleet.cohorts()[c], to);
      clean.take(twin.cohorts()[c], to);
      for (const batch::AnomalyEvent& event : actual.events) episodes[event.sensor].add(event);
      std::size_t next = 0;
      for (const batch::Reading& reading : clean.readings) {
        Episode* episode = episodes[reading.sensor].at(
            reading.due, durations, [&](const Episode& over) { observer.ended(reading.sensor, over); });
        if (episode) ++episode->readings;
        const bool there = next < actual.readings.size() && actual.readings[next].sensor == reading.sensor &&
                           actual.readings[next].due == reading.due;
        observer.reading(Pair{reading.sensor, reading.due, reading.values,
                              there ? &actual.readings[next++] : nullptr, episode});
      }
      looked_at[c] += actual.readings.size() + clean.readings.size();
      // Nothing in the fleet that its twin does not have.
      if (next != actual.readings.size()) observer.unmatched(actual.readings[next].sensor);
    }
  });
  return std::accumulate(looked_at.begin(), looked_at.end(), std::uint64_t{0});
}

}  // namespace fleet_sim::statistics
