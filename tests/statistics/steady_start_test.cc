// engine/model/README.md, "A run starts in this steady state": at the first reading as many sensors are in
// the middle of each anomaly as at any later one. Each sensor is a trial of its own, so every single reading
// gives plain binomial shares.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "statistics/book.h"
#include "statistics/estimates.h"
#include "statistics/runs.h"
#include "statistics/spec.h"

namespace fleet_sim::steady_start_test {

using namespace fleet_sim::statistics;

namespace {

Book book("steady_start_test");

constexpr std::array<std::size_t, 8> looked_at{0, 1, 2, 10, 29, 60, 100, 149};
constexpr double period_seconds = 10;

// One sensor: which type each reading that is looked at lies in, and the anomaly that is open at the first.
struct Start {
  std::array<std::optional<std::uint8_t>, looked_at.size()> types;
  std::optional<batch::AnomalyEvent> open_at_first;
};

// All anomalies of a sensor cover their readings from started_at to ended_at, missing ones too.
void note(Start& start, const batch::AnomalyEvent& event, Timestamp first_due) {
  constexpr auto period = static_cast<Microseconds>(period_seconds * 1e6);
  const auto type = static_cast<std::size_t>(event.type);
  const Microseconds lasts = static_cast<Microseconds>(lasting_seconds(type, period_seconds) * 1e6);
  for (std::size_t i = 0; i < looked_at.size(); ++i) {
    const Timestamp due = first_due + static_cast<Microseconds>(looked_at[i]) * period;
    if (event.started_at <= due && due < event.started_at + lasts)
      start.types[i] = static_cast<std::uint8_t>(type);
  }
  if (event.started_at <= first_due) start.open_at_first = event;
}

struct Starts {
  std::vector<Start> sensors;
  std::vector<Timestamp> first_due;
};

// When a sensor's readings are due follows from any of its rows: only inside missing data are there none, and
// that is over after three readings.
void add_starts(Starts& starts, const Run& run) {
  constexpr auto period = static_cast<Microseconds>(period_seconds * 1e6);
  const std::size_t before = starts.sensors.size();
  starts.sensors.resize(before + run.roster.size());
  starts.first_due.resize(before + run.roster.size());
  std::vector<std::vector<batch::AnomalyEvent>> events(run.roster.size());
  book.look_at(run_fleet(run, [&](const batch::Batch& batch) {
    for (const batch::Reading& reading : batch.readings) {
      starts.first_due[before + reading.sensor] = run_start + (reading.due - run_start) % period;
    }
    for (const batch::AnomalyEvent& event : batch.events) {
      if (event.kind == batch::AnomalyEvent::Kind::opened || event.kind == batch::AnomalyEvent::Kind::whole)
        events[event.sensor].push_back(event);
    }
  }));
  for (std::size_t i = 0; i < events.size(); ++i) {
    for (const batch::AnomalyEvent& event : events[i]) {
      note(starts.sensors[before + i], event, starts.first_due[before + i]);
    }
  }
}

// The same sensors under as many seeds as scale() says.
Starts starts_of(const identity::Roster& roster, double base, std::uint64_t seed, std::size_t readings) {
  config::Config config = config_with_period(period_seconds);
  config.anomalies.probability = base;
  const auto duration = static_cast<Microseconds>(static_cast<double>(readings) * period_seconds * 1e6);
  Starts starts;
  for (std::size_t i = 0; i < scale(); ++i) add_starts(starts, {roster, config, seed + 1'000 * i, duration});
  return starts;
}

// Plain sensors, anomalous 30% of the time, over 150 readings: more than twice the longest anomaly.
constexpr double often = 0.3;
const Starts& plain() {
  static const identity::Roster roster = roster_of_one_kind(plain_kind, 70'000);
  static const Starts starts = starts_of(roster, often, 401, 150);
  return starts;
}

double count(const Starts& starts, std::size_t place, std::size_t type) {
  double sum = 0;
  for (const Start& start : starts.sensors) sum += start.types[place] == type ? 1 : 0;
  return sum;
}

}  // namespace

TEST_CASE("at the first reading, and at any later one, the share of every type is f·w") {
  const auto n = static_cast<double>(plain().sensors.size());
  for (std::size_t k = 0; k < usual_types; ++k) {
    Line line(book, "readings 0 to 149: share of " + std::string(anomaly_type_names[k]));
    const double p = often * mix(plain_kind)[k];
    for (std::size_t i = 0; i < looked_at.size(); ++i) {
      line.compare(share_of(count(plain(), i, k), n, p), p, {0.7 * p, 1.3 * p});
    }
  }
}

TEST_CASE("the first readings have the same mix as the last") {
  const auto n = static_cast<double>(plain().sensors.size());
  Line line(book, "first reading minus last: share, per type");
  for (std::size_t k = 0; k < usual_types; ++k) {
    const double p = often * mix(plain_kind)[k];
    // 150 readings apart, no anomaly reaches from one to the other: independent.
    const double difference = (count(plain(), 0, k) - count(plain(), looked_at.size() - 1, k)) / n;
    line.compare({difference, std::sqrt(2 * p * (1 - p) / n)}, 0, {-0.4 * p, 0.4 * p});
  }
}

TEST_CASE("an anomaly that is open at the first reading is there at any of its readings with equal chance") {
  Line positions(book, "position of the first reading in its anomaly: mean, per type");
  Line onsets(book, "share of those that begin at the first reading, per type");
  for (const std::size_t k : {trend, pattern, missing_data, noise}) {
    const double length = readings_of(k, period_seconds);
    Moments position;
    double at_onset = 0;
    for (std::size_t i = 0; i < plain().sensors.size(); ++i) {
      const auto& event = plain().sensors[i].open_at_first;
      if (!event || static_cast<std::size_t>(event->type) != k) continue;
      const auto passed =
          static_cast<double>(plain().first_due[i] - event->started_at) / (period_seconds * 1e6);
      position.add(std::round(passed));
      at_onset += passed < 0.5 ? 1 : 0;
    }
    const double middle = (length - 1) / 2;
    const double error = std::sqrt((length * length - 1) / 12 / position.n);
    positions.compare({position.mean(), error}, middle, {0, 0.75 * middle, 1.25 * middle, length - 1});
    if (position.n / length < least_expected) continue;
    onsets.compare(share_of(at_onset, position.n, 1 / length), 1 / length, {0, 0.5 / length, 2 / length});
  }
}

TEST_CASE("with the default probability, for every firmware and model") {
  const identity::Roster roster = roster_of_kinds(1'100);
  const Starts starts = starts_of(roster, probability, 403, 4);
  Line shares(book, "first reading: share anomalous, per firmware and manufacturer");
  for (std::size_t f = 0; f < firmwares.size(); ++f) {
    for (std::size_t m = 0; m < manufacturers.size(); ++m) {
      double n = 0;
      double anomalous = 0;
      for (std::size_t i = 0; i < starts.sensors.size(); ++i) {
        if (kind_of(i).firmware != f || kind_of(i).manufacturer != m) continue;
        n += 1;
        anomalous += starts.sensors[i].types[0] ? 1 : 0;
      }
      const double p = share_of_anomalies({f, m, 0, 0});
      shares.compare(share_of(anomalous, n, p), p, {0.4 * p, 1.6 * p});
    }
  }

  Line types(book, "first reading: share of its own type, per model");
  constexpr PerChannel<std::size_t> special{missing_data, pattern, spike};
  for (std::size_t m = 0; m < special.size(); ++m) {
    double expected = 0;
    double n = 0;
    double seen = 0;
    for (std::size_t i = 0; i < starts.sensors.size(); ++i) {
      const Kind kind = kind_of(i);
      if (kind.model != m) continue;
      n += 1;
      expected += share_of_anomalies(kind) * mix(kind)[special[m]];
      seen += starts.sensors[i].types[0] == special[m] ? 1 : 0;
    }
    const double p = expected / n;  // sensors of different chances vary less than this has it
    types.compare(share_of(seen, n, p), p, {0.4 * p, 1.6 * p});
  }
}

// At the highest rate all sensors are due at the same microsecond: only their ids and the seed tell them
// apart.
TEST_CASE("sensors start independently of each other, and of how they start under another seed") {
  const identity::Roster roster = roster_of_one_kind(plain_kind, 20'000 * scale());
  config::Config config = config_with_period(1e-6);
  config.anomalies.probability = often;
  const auto normal_at_first = [&](std::uint64_t seed) {
    std::vector<std::uint8_t> normal_first(roster.size(), 0);
    book.look_at(run_fleet({roster, config, seed, 1}, [&](const batch::Batch& batch) {
      for (const batch::Reading& reading : batch.readings)
        normal_first[reading.sensor] = reading.anomaly ? 0 : 1;
    }));
    return normal_first;
  };
  const std::vector<std::uint8_t> one = normal_at_first(405);
  const std::vector<std::uint8_t> other = normal_at_first(406);
  const auto n = static_cast<double>(roster.size());
  const auto ones = [](const std::vector<std::uint8_t>& flags) {
    return static_cast<double>(std::count(flags.begin(), flags.end(), 1));
  };
  Line shares(book, "all due at once: share that starts without an anomaly, per seed");
  for (const auto& flags : {one, other})
    shares.compare(share_of(ones(flags), n, 0.7), 0.7, {0, 0.65, 0.75, 1});
  double both = 0;
  for (std::size_t i = 0; i < one.size(); ++i) both += one[i] * other[i];
  Line agreement(book, "all due at once: share that does so under both seeds");
  agreement.compare(share_of(both, n, 0.49), 0.49, {0.44, 0.54, 0.7});
}

TEST_CASE("what the start was compared with, in all") {
  book.close();
}

}  // namespace fleet_sim::steady_start_test
