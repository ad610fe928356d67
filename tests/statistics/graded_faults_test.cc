// engine/model/README.md, graded anomalies: how often they begin and how much of the time they take with
// each basis, how long they last, how severe they are, which channels they take, what they make of readings
// against a twin fleet without anomalies, and that a severity counts in what the channel itself changes.
// Everything stands here once more, from the page: of the engine's own numbers only those that ground truth
// records are read.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/spread.h"
#include "statistics/book.h"
#include "statistics/estimates.h"
#include "statistics/runs.h"
#include "statistics/spec.h"
#include "statistics/twins.h"
#include "support/lifelike_types.h"
#include "types/catalog.h"

namespace fleet_sim::graded_faults_test {

using namespace fleet_sim::statistics;

namespace {

Book book("graded_faults_test");

enum : std::size_t { offset = 5, drift, gain, stuck, quantise, clip, intermittent, dropout, drawn_types };
constexpr std::size_t valve = 3;
constexpr std::size_t hours = 4;
constexpr std::size_t mode = 5;
constexpr std::size_t load = 6;

constexpr double valve_low = 0;
constexpr double valve_high = 9;

// A channel of every kind. Those of the built-in type's names, so that its behaviors choose among them.
types::SignalDeclaration machine_signal() {
  using namespace types;
  constexpr double e_to_0_3 = 1.3498588075760032;
  SignalDeclaration machine;
  machine.sources = {{"run", Load{Scope::sensor, 0.5, 1, {}}},
                     {"wander", Noise{Scope::sensor, test::seconds(60), test::hours(8), 0.4}}};
  machine.channels = {
      {"temperature", Gauge{.base = 65, .white = 0.5, .terms = {{1, 3}}}},
      {"vibration",
       Gauge{.scale = Gauge::Scale::logarithmic, .base = 2.5, .white = 0.1, .terms = {{1, e_to_0_3}}}},
      {"voltage", Gauge{.base = 12, .white = 0.1}},
      {"valve", Gauge{.base = 5, .white = 0.2, .rails = {valve_low, valve_high}}},
      {"hours", Counter{.rate = {{0, 1}}, .per = test::hours(1), .resolution = 1e-4}},
      {"mode", State{0, {0.5}}},
      {"load", Product{{0, 2}}}};
  return machine;
}

void declare(config::Config& config, types::SignalDeclaration signal) {
  types::DeclaredType type;
  for (const types::SignalChannel& channel : signal.channels) type.columns.push_back({channel.name, "unit"});
  type.signal = std::move(signal);
  config.types = {{types::built_in_type().schema.type(), std::move(type)}};
}

// How long each type lasts, in seconds: median, shortest, longest. With readings 30 s apart, at least eight
// or three of them.
struct Law {
  double median;
  double min;
  double max;

  [[nodiscard]] bool is_fixed() const { return min == max; }
  [[nodiscard]] double sigma() const { return std::log(max / median) / 3; }
  // The share of durations below one; of those that go on at a given moment with `lasting`, whose logarithm
  // is normal around another mean.
  [[nodiscard]] double share_below(double seconds, bool lasting) const {
    const double shift = lasting ? sigma() * sigma() : 0;
    const auto below = [&](double x) { return 1 - upper_tail((std::log(x / median) - shift) / sigma()); };
    return (below(seconds) - below(min)) / (below(max) - below(min));
  }
  // The mean of max(1, ceil(D / period)), from 20,000 durations that are equally likely.
  [[nodiscard]] double mean_readings(double period) const {
    if (is_fixed()) return std::max(1.0, std::ceil(median / period - 1e-9));
    constexpr int count = 20'000;
    double sum = 0;
    double low = min;
    for (int i = 0; i < count; ++i) {
      double high = max;
      double from = low;
      for (int step = 0; step < 50; ++step) {
        const double middle = std::sqrt(from * high);
        (share_below(middle, false) < (i + 0.5) / count ? from : high) = middle;
      }
      low = from;
      sum += std::max(1.0, std::ceil(from / period - 1e-9));
    }
    return sum / count;
  }
};

constexpr double period = 30;
constexpr PerAnomalyType<Law> laws{{{30, 30, 30},
                                    {600, 300, 1'800},
                                    {900, 900, 900},
                                    {300, 60, 900},
                                    {400, 120, 2'000},
                                    {600, 300, 7'200},
                                    {1'200, 600, 21'600},
                                    {900, 900, 900},
                                    {180, 120, 600},
                                    {600, 200, 3'000},
                                    {450, 450, 450},
                                    {900, 300, 3'600},
                                    {600, 120, 7'200}}};
constexpr PerAnomalyType<double> shares{3, 1, 1, 1, 1, 2, 1, 1, 2, 1, 1, 1, 2};  // weights

struct Severities {
  double low;
  double high;
};
constexpr PerAnomalyType<Severities> severities{{{3, 6},
                                                 {2, 4},
                                                 {1, 3},
                                                 {0, 0},
                                                 {1.5, 3},
                                                 {2, 4},
                                                 {2, 4},
                                                 {2, 4},
                                                 {0, 0},
                                                 {1, 4},
                                                 {-1, 1},
                                                 {0.05, 0.5},
                                                 {0.2, 0.7}}};
constexpr bool has_severity(std::size_t k) {
  return k != missing_data && k != stuck;
}
constexpr double swing_seconds = 300;  // of a pattern

config::Config machines(config::AnomalyBasis basis) {
  config::Config config = config_with_period(period);
  declare(config, machine_signal());
  config.anomalies.basis = basis;
  config.anomalies.pattern_period_seconds = swing_seconds;
  for (std::size_t k = 0; k < drawn_types; ++k) {
    const Law& law = laws[k];
    config::AnomalyTypeSettings& type = config.anomalies.types[k];
    type.weight = shares[k];
    type.duration_seconds = DurationRange{law.median, law.min, law.max};
    type.severity = {severities[k].low, severities[k].high};
  }
  return config;
}

// Some with channel weights, some with severe faults, some with neither.
constexpr std::array<Kind, 3> groups{{plain_kind, {0, 3, 3, 3}, {2, 1, 3, 3}}};
constexpr std::size_t plain = 0;
constexpr std::size_t choosy = 1;
constexpr std::size_t severe = 2;

identity::Roster roster_of_groups(std::size_t of_each) {
  identity::Roster roster;
  for (std::size_t i = 0; i < of_each * groups.size(); ++i)
    roster.add(identity_of(groups[i % groups.size()], i));
  return roster;
}
double frequency(std::size_t group) {
  return groups[group].firmware_spec().probability * groups[group].manufacturer_spec().probability;
}

double weight_sum() {
  double sum = 0;
  for (const double share : shares) sum += share;
  return sum;
}

double seconds_of(const batch::AnomalyEvent& event) {
  return static_cast<double>(event.ended_at + 1 - event.started_at) / 1e6;
}

// What one sensor did.
struct Course {
  Timestamp first_due = 0;
  double due = 0;
  PerAnomalyType<double> begun{};
  PerAnomalyType<double> inside{};  // due readings, missing ones too
  double dropped = 0;               // of those in dropouts
  double to_drop = 0;               // … by their severity
  std::optional<batch::AnomalyEvent> at_start;
  std::vector<batch::AnomalyEvent> events;
};

// Due readings at `first`, `first` + period …, before `until`, that lie in the event.
double readings_in(const batch::AnomalyEvent& event, Timestamp first, Timestamp until, double seconds) {
  const auto step = static_cast<Microseconds>(seconds * 1e6);
  const Timestamp end = std::min(event.ended_at + 1, until);
  const Timestamp from = std::max(event.started_at, first);
  const auto before = [&](Timestamp at) { return at <= first ? 0 : (at - first + step - 1) / step; };
  return static_cast<double>(before(end) - before(from));
}

std::vector<Course> courses_of(const Run& run, double seconds) {
  const auto step = static_cast<Microseconds>(seconds * 1e6);
  std::vector<Course> courses(run.roster.size());
  std::vector<Timestamp> first(run.roster.size(), 0);
  std::vector<std::map<Timestamp, std::uint32_t>> dropped(run.roster.size());
  const std::uint64_t due = run_fleet(run, [&](const batch::Batch& batch) {
    for (const batch::Reading& reading : batch.readings) {
      if (first[reading.sensor] == 0) first[reading.sensor] = run_start + (reading.due - run_start) % step;
    }
    for (const batch::AnomalyEvent& event : batch.events) {
      if (batch::begins(event.kind)) courses[event.sensor].events.push_back(event);
      const Microseconds since_due = ((event.started_at - run_start) % step + step) % step;
      if (first[event.sensor] == 0) first[event.sensor] = run_start + since_due;  // no row has come yet
      if (static_cast<std::size_t>(event.type) == dropout)
        dropped[event.sensor][event.started_at] = event.readings_affected;
    }
  });
  book.look_at(due);
  const Timestamp until = run_start + run.duration;
  for (std::size_t i = 0; i < courses.size(); ++i) {
    Course& course = courses[i];
    course.first_due = first[i];
    course.due = static_cast<double>(run.duration) / static_cast<double>(step);
    for (const batch::AnomalyEvent& event : course.events) {
      const auto k = static_cast<std::size_t>(event.type);
      if (event.started_at >= run_start) course.begun[k] += 1;
      if (event.started_at <= first[i]) course.at_start = event;
      course.inside[k] += readings_in(event, first[i], until, seconds);
      // One that is over: then its last state has been told.
      if (k != dropout || event.started_at < first[i] || event.ended_at >= until) continue;
      course.dropped += dropped[i][event.started_at];
      course.to_drop += *event.severity * readings_in(event, first[i], until, seconds);
    }
  }
  return courses;
}

const std::vector<Course>& by_reading() {
  static const identity::Roster roster = roster_of_groups(500 * scale());
  static const std::vector<Course> courses = [] {
    config::Config config = machines(config::AnomalyBasis::reading);
    config.anomalies.probability = 0.3;
    return courses_of({roster, config, 601, one_day}, period);
  }();
  return courses;
}

const std::vector<Course>& by_rate() {
  static const identity::Roster roster = roster_of_groups(500 * scale());
  static const std::vector<Course> courses = [] {
    config::Config config = machines(config::AnomalyBasis::rate);
    config.anomalies.per_day = 12;
    return courses_of({roster, config, 603, one_day}, period);
  }();
  return courses;
}

double sum_of(const PerAnomalyType<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum;
}

// With both bases.
template <class Use>
void for_courses(const Use& use) {
  for (const std::vector<Course>* courses : {&by_reading(), &by_rate()}) {
    for (std::size_t i = 0; i < courses->size(); ++i) use(i % groups.size(), (*courses)[i]);
  }
}

template <class Use>
void for_events(const Use& use) {
  for_courses([&](std::size_t group, const Course& course) {
    for (const batch::AnomalyEvent& event : course.events) use(group, event);
  });
}

}  // namespace

TEST_CASE("basis reading: the share of time in each type is f·w, with durations that vary") {
  for (std::size_t k = 0; k < drawn_types; ++k) {
    Line line(book, "basis reading: readings in " + std::string(anomaly_type_names[k]) + ", of promised");
    ShareOverSensors share;
    for (std::size_t i = 0; i < by_reading().size(); ++i) {
      const double f = std::min(highest_share, 0.3 * frequency(i % groups.size()));
      share.add(by_reading()[i].inside[k], by_reading()[i].due * f * shares[k] / weight_sum());
    }
    line.compare(share.estimate(), 1, {0.5, 1.5});
  }
  Line line(book, "basis reading: share of readings in any, per group");
  for (std::size_t g = 0; g < groups.size(); ++g) {
    ShareOverSensors share;
    for (std::size_t i = g; i < by_reading().size(); i += groups.size())
      share.add(sum_of(by_reading()[i].inside), by_reading()[i].due);
    const double f = 0.3 * frequency(g);
    line.compare(share.estimate(), f, {0.8 * f, 1.2 * f});
  }
}

TEST_CASE("basis reading: types begin as often as their share and their mean length say") {
  Line line(book, "basis reading: anomalies begun, per type, of promised");
  for (std::size_t k = 0; k < drawn_types; ++k) {
    const double length = laws[k].mean_readings(period);
    ShareOverSensors share;
    for (std::size_t i = 0; i < by_reading().size(); ++i) {
      const double f = 0.3 * frequency(i % groups.size());
      share.add(by_reading()[i].begun[k], by_reading()[i].due * f * shares[k] / weight_sum() / length);
    }
    line.compare(share.estimate(), 1, {0.6, 1.4});
  }
}

TEST_CASE("basis rate: so many begin per day, times the behaviors' probability, by weight") {
  Line all(book, "basis rate: anomalies begun per day, per group");
  for (std::size_t g = 0; g < groups.size(); ++g) {
    ShareOverSensors begun;
    for (std::size_t i = g; i < by_rate().size(); i += groups.size())
      begun.add(sum_of(by_rate()[i].begun), 1);
    const double promised = 12 * frequency(g);
    all.compare(begun.estimate(), promised, {0.8 * promised, 1.2 * promised});
  }
  Line types(book, "basis rate: anomalies begun per type, of promised");
  for (std::size_t k = 0; k < drawn_types; ++k) {
    ShareOverSensors begun;
    for (std::size_t i = 0; i < by_rate().size(); ++i)
      begun.add(by_rate()[i].begun[k], 12 * frequency(i % groups.size()) * shares[k] / weight_sum());
    types.compare(begun.estimate(), 1, {0.6, 1.4});
  }
}

TEST_CASE("basis rate: how often a sensor is read does not matter") {
  Line line(book, "basis rate: anomalies begun per day, a reading every 5 s to 300 s");
  for (const double seconds : {5.0, 60.0, 300.0}) {
    const identity::Roster roster = roster_of_one_kind(plain_kind, 600 * scale());
    config::Config config = machines(config::AnomalyBasis::rate);
    config.simulation.rate = 1 / seconds;
    config.anomalies.per_day = 6;
    const Microseconds time = seconds < 30 ? 4 * one_hour : one_day;
    ShareOverSensors begun;
    for (const Course& course : courses_of({roster, config, 605, time}, seconds))
      begun.add(sum_of(course.begun), static_cast<double>(time) / static_cast<double>(one_day));
    line.compare(begun.estimate(), 6, {3, 9});
  }
}

TEST_CASE("durations are lognormal between their bounds, or always the same") {
  for (std::size_t k = 0; k < drawn_types; ++k) {
    const Law& law = laws[k];
    std::vector<double> places;
    std::uint64_t seen = 0;
    std::uint64_t outside = 0;
    for_events([&](std::size_t, const batch::AnomalyEvent& event) {
      if (static_cast<std::size_t>(event.type) != k) return;
      ++seen;
      const double seconds = seconds_of(event);
      outside += seconds < law.min - 2e-6 || seconds > law.max + 2e-6 ? 1 : 0;
      // Those that were there at the start have another law.
      if (event.started_at >= run_start && !law.is_fixed())
        places.push_back(std::clamp(law.share_below(seconds, false), 0.0, 1.0));
    });
    check_all("durations of " + std::string(anomaly_type_names[k]) + " within their bounds", seen, outside);
    if (places.empty()) continue;
    Line line(book, "durations of " + std::string(anomaly_type_names[k]) + ": distance from lognormal");
    CHECK(0.15 * std::sqrt(static_cast<double>(places.size())) > 2 * distance_allowed());
    line.compare_uniform(std::move(places));
  }
}

TEST_CASE("what goes on at the start is as long as what goes on at any moment, and anywhere in its course") {
  const identity::Roster roster = roster_of_one_kind(plain_kind, 60'000 * scale());
  Line lengths(book, "first reading: durations, distance from the lognormal of those that go on, per type");
  Line places(book, "first reading: place in the anomaly, distance from uniform, per type");
  Line types(book, "first reading: share of each type");
  config::Config config = machines(config::AnomalyBasis::reading);
  config.anomalies.probability = 0.9;
  const std::vector<Course> courses =
      courses_of({roster, config, 607, static_cast<Microseconds>(period * 1e6)}, period);
  PerAnomalyType<std::vector<double>> lasting;
  PerAnomalyType<std::vector<double>> place;
  PerAnomalyType<double> count{};
  for (std::size_t i = 0; i < courses.size(); ++i) {
    const auto& event = courses[i].at_start;
    if (!event) continue;
    const auto k = static_cast<std::size_t>(event->type);
    count[k] += 1;
    lasting[k].push_back(std::clamp(laws[k].share_below(seconds_of(*event), true), 0.0, 1.0));
    const double n = std::max(1.0, std::ceil(seconds_of(*event) / period - 1e-6));
    const double position =
        std::round(static_cast<double>(courses[i].first_due - event->started_at) / (period * 1e6));
    const double between = uniform(draw_block(1, i, Stream::phase, k)[0]);  // readings are whole numbers
    place[k].push_back((position + between) / n);
  }
  for (std::size_t k = 0; k < drawn_types; ++k) {
    const double p = 0.9 * shares[k] / weight_sum();
    types.compare(share_of(count[k], static_cast<double>(courses.size()), p), p, {0.7 * p, 1.3 * p});
    if (!laws[k].is_fixed()) {
      // The law of those that begin would be as far away as this.
      const double apart =
          laws[k].share_below(laws[k].median, false) - laws[k].share_below(laws[k].median, true);
      CHECK(apart * std::sqrt(count[k]) > 2 * distance_allowed());
      lengths.compare_uniform(std::move(lasting[k]));
    }
    places.compare_uniform(std::move(place[k]));
  }
}

TEST_CASE("severities are uniform over their range, which the behaviors' severity stretches") {
  Line line(book, "severity: distance from uniform, per type and group");
  for (std::size_t k = 0; k < drawn_types; ++k) {
    std::array<std::vector<double>, groups.size()> places;
    std::uint64_t without = 0;
    for_events([&](std::size_t g, const batch::AnomalyEvent& event) {
      if (static_cast<std::size_t>(event.type) != k) return;
      if (event.severity) {
        const double severity = *event.severity / (g == severe ? 1.25 : 1);
        places[g].push_back((severity - severities[k].low) / (severities[k].high - severities[k].low));
      } else {
        ++without;
      }
    });
    CHECK((without == 0) == has_severity(k));
    if (!has_severity(k)) continue;
    for (std::vector<double>& group : places) {
      CHECK(0.3 * std::sqrt(static_cast<double>(group.size())) > 2 * distance_allowed());
      line.compare_uniform(std::move(group));
    }
  }
}

namespace {

// Types that choose among the same channels.
struct Chooser {
  std::string name;
  std::vector<std::size_t> types;
  std::vector<std::size_t> channels;
};
const std::vector<std::size_t> gauges{temperature, vibration, voltage, valve};
const std::array<Chooser, 4> choosers{
    {{"spike", {spike}, gauges},
     {"others that take a gauge", {trend, pattern, noise, offset, drift, gain, quantise, clip}, gauges},
     {"stuck", {stuck}, {temperature, vibration, voltage, valve, hours, mode, load}},
     {"intermittent", {intermittent}, {valve}}}};

}  // namespace

TEST_CASE("each takes one of the channels it can affect: by the weights of the behaviors, or equally") {
  for (const Chooser& chooser : choosers) {
    Line line(book, "choice of channel, per group: " + chooser.name);
    std::array<std::array<double, 7>, groups.size()> counts{};
    std::uint64_t seen = 0;
    std::uint64_t wrong = 0;
    for_events([&](std::size_t g, const batch::AnomalyEvent& event) {
      if (std::ranges::find(chooser.types, static_cast<std::size_t>(event.type)) == chooser.types.end())
        return;
      ++seen;
      const bool possible = event.channel && std::ranges::find(chooser.channels, index_of(*event.channel)) !=
                                                 chooser.channels.end();
      wrong += possible ? 0 : 1;
      if (possible) counts[g][index_of(*event.channel)] += 1;
    });
    check_all(chooser.name + ": a channel that can be affected", seen, wrong);
    if (chooser.channels.size() == 1) continue;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      // Firmware 1.3 names three channels; what it does not name weighs 1.
      const auto weight = [&](std::size_t c) { return g == choosy && c < 3 ? firmwares[0].channels[c] : 1; };
      double n = 0;
      double sum = 0;
      for (const std::size_t c : chooser.channels) {
        n += counts[g][c];
        sum += weight(c);
      }
      for (const std::size_t c : chooser.channels) {
        const double p = weight(c) / sum;
        line.compare(share_of(counts[g][c], n, p), p, {0.4 * p, 1.6 * p});
      }
    }
  }
  std::uint64_t seen = 0;
  std::uint64_t wrong = 0;
  for_events([&](std::size_t, const batch::AnomalyEvent& event) {
    if (event.type != AnomalyType::missing_data && event.type != AnomalyType::dropout) return;
    ++seen;
    wrong += event.channel || event.direction != 0 ? 1 : 0;
  });
  check_all("what takes rows names no channel", seen, wrong);
}

TEST_CASE("half of those with a direction go up") {
  Line line(book, "share that goes up, per type");
  for (std::size_t k = 0; k < drawn_types; ++k) {
    double n = 0;
    double up = 0;
    for_events([&](std::size_t, const batch::AnomalyEvent& event) {
      if (static_cast<std::size_t>(event.type) != k || event.direction == 0) return;
      n += 1;
      up += event.direction > 0 ? 1 : 0;
    });
    const bool has_direction =
        k == spike || k == trend || k == offset || k == drift || k == gain || k == intermittent;
    CHECK((n > 0) == has_direction);
    if (has_direction) line.compare(share_of(up, n, 0.5), 0.5, {0.35, 0.65});
  }
}

TEST_CASE("dropouts leave out the share of readings that their severity says") {
  Line line(book, "readings left out in dropouts, of promised");
  ShareOverSensors share;
  for_courses([&](std::size_t, const Course& course) { share.add(course.dropped, course.to_drop); });
  line.compare(share.estimate(), 1, {0.9, 1.1});
}

// A severity counts in how much the channel changes over twice the duration, and that can be seen in what the
// sensors read while nothing is wrong.
TEST_CASE("σ is what the channel changes, measured at many sensors") {
  constexpr Microseconds step = 600 * microseconds_per_second;
  constexpr std::size_t readings = 2'880;  // 20 days
  config::Config config = config_with_period(600);
  declare(config, machine_signal());
  config.anomalies.enabled = false;
  const identity::Roster roster = roster_of_one_kind(plain_kind, 500 * scale());
  std::vector<std::vector<std::array<double, channel_count>>> levels(roster.size());
  const auto take = [&](const batch::Batch& batch) {
    for (const batch::Reading& reading : batch.readings)
      levels[reading.sensor].push_back(
          {reading.values[temperature], std::log(reading.values[vibration]), reading.values[voltage]});
  };
  book.look_at(run_fleet({roster, config, 609, readings * step}, take));

  const types::Catalog catalog(config.types);
  const types::SensorType& type = *catalog.find(types::built_in_type().schema.type());
  const model::Spread spread(type, type.normal_parameters);
  Line line(book, "half the mean square of changes in 2D, of σ(D)², per channel and duration");
  for (const std::size_t lag : {2, 12, 144}) {  // 20 minutes, 2 hours, a day
    for (std::size_t c = 0; c < channel_count; ++c) {
      ShareOverSensors squares;
      Moments all;
      for (const auto& course : levels) {
        Moments of_sensor;
        for (std::size_t i = 0; i + lag < course.size(); i += 7) {
          const double change = course[i + lag][c] - course[i][c];
          of_sensor.add(change * change / 2);
        }
        squares.add(of_sensor.sum, of_sensor.n);
        all.add(of_sensor);
      }
      // The engine's own sample has 4,096 pairs. The two of a walk share a level, so their squares correlate
      // by less than a half.
      const Estimate measured = squares.estimate();
      const double variance = all.squares / all.n - all.mean() * all.mean();
      const double error = std::hypot(measured.standard_error, std::sqrt(1.5 * variance / 4'096));
      const double sigma = spread.sigma(c, static_cast<Microseconds>(lag) * step / 2);
      line.compare({measured.value / (sigma * sigma), error / measured.value}, 1, {0.5, 2});
    }
  }
}

namespace {

// Against a twin fleet: every reading of every anomaly.
struct Sight {
  std::uint64_t untouched = 0;
  std::uint64_t untouched_wrong = 0;
  PerAnomalyType<std::uint64_t> readings{};
  PerAnomalyType<std::uint64_t> wrong{};
  Moments noise;
  NormalShape noise_shape;
  std::optional<double> at_onset;
  double at_rail = 0;  // readings in intermittent contacts, and how many there …
  double to_rail = 0;  // … are to be by severity
};

class Watch {
 public:
  Watch(std::size_t sensors, const model::Spread& spread, double swing)
      : spread_(spread), swing_(swing), sights_(sensors) {}

  void reading(const Pair& pair) {
    Sight& sight = sights_[pair.sensor];
    if (!pair.episode) {
      ++sight.untouched;
      const bool same = pair.actual && !pair.actual->anomaly && pair.actual->values == pair.clean;
      sight.untouched_wrong += same ? 0 : 1;
      return;
    }
    const auto k = static_cast<std::size_t>(pair.episode->event.type);
    if (pair.episode->readings == 1 && pair.episode->event.started_at == pair.due)
      sight.at_onset =
          pair.episode->event.channel ? std::optional(level(pair.clean, channel_of(pair))) : std::nullopt;
    else if (pair.episode->readings == 1)
      sight.at_onset = std::nullopt;  // it began before the run
    ++sight.readings[k];
    sight.wrong[k] += as_promised(sight, pair, k) ? 0 : 1;
  }
  void ended(std::uint32_t, const Episode&) {}
  void unmatched(std::uint32_t sensor) { ++sights_[sensor].untouched_wrong; }

  [[nodiscard]] const std::vector<Sight>& sights() const { return sights_; }

 private:
  static std::size_t channel_of(const Pair& pair) { return index_of(*pair.episode->event.channel); }
  static double level(const batch::Values& values, std::size_t c) {
    return c == vibration ? std::log(values[c]) : values[c];
  }
  static bool close(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(b)); }

  [[nodiscard]] double promised_sigma(const batch::AnomalyEvent& event, std::size_t k) const {
    const std::size_t c = index_of(*event.channel);
    if (k == noise || k == quantise) return spread_.sigma(c, static_cast<Microseconds>(period * 1e6));
    if (k == pattern) return spread_.sigma(c, static_cast<Microseconds>(swing_ * 5e5));
    return spread_.sigma(c, event.ended_at + 1 - event.started_at);
  }

  bool as_promised(Sight& sight, const Pair& pair, std::size_t k) {
    const batch::AnomalyEvent& event = pair.episode->event;
    if (k == missing_data) return !pair.actual;
    if (k == dropout) return !pair.actual || pair.actual->values == pair.clean;
    if (!pair.actual || pair.actual->anomaly != event.type) return false;
    const std::size_t c = channel_of(pair);
    for (std::size_t other = 0; other < pair.clean.size(); ++other) {
      const bool follows = other == load && (c == temperature || c == voltage);
      if (other != c && !follows && pair.actual->values[other] != pair.clean[other]) return false;
    }
    if (c != load &&
        !close(pair.actual->values[load], pair.actual->values[temperature] * pair.actual->values[voltage]))
      return false;
    const double is = level(pair.actual->values, c);
    const double was = level(pair.clean, c);
    if (k == stuck) return !sight.at_onset || is == *sight.at_onset;
    if (k == intermittent) {
      const double rail = event.direction > 0 ? valve_high : valve_low;
      sight.at_rail += is == rail ? 1 : 0;
      sight.to_rail += *event.severity;
      return is == rail || is == was;
    }
    const double sigma = *event.sigma;
    if (sigma != promised_sigma(event, k)) return false;
    const double m = *event.severity;
    const double lasts = static_cast<double>(event.ended_at + 1 - event.started_at);
    const double done = static_cast<double>(pair.due - event.started_at) / lasts;
    const double into = std::min({done, 1 - done, 0.25}) / 0.25;
    const double edge = (1 - std::cos(std::numbers::pi * into)) / 2;
    const int sign = event.direction;
    double to = was;
    if (k == spike) to += sign * m * sigma;
    if (k == trend || k == drift) to += sign * m * sigma * done;
    if (k == offset) to += sign * m * sigma * edge;
    if (k == pattern)
      to +=
          m * sigma * edge *
          std::sin(2 * std::numbers::pi * static_cast<double>(pair.due - event.started_at) / (swing_ * 1e6));
    if (k == gain) {
      double share = m * sigma / spread_.deviation(c);
      if (sign < 0) share = std::min(share, 1.0);
      to = spread_.mean(c) + (was - spread_.mean(c)) * (1 + sign * share * edge);
    }
    if (k == quantise) {
      const double step = m * std::sqrt(12.0) * sigma;
      to = std::round(was / step) * step;
    }
    if (k == clip) {
      if (!sight.at_onset) return true;
      to = std::min(was, *sight.at_onset - m * sigma);
    }
    if (k == noise) {
      const bool reaches_rail = c == valve && (is == valve_low || is == valve_high);
      const double z = (is - was) / (std::sqrt(m * m - 1) * sigma);
      if (c != valve) {
        sight.noise.add(z);
        sight.noise_shape.add(z);
      }
      return reaches_rail || is != was;
    }
    if (c == valve) to = std::clamp(to, valve_low, valve_high);
    return close(is, to);
  }

  const model::Spread& spread_;
  double swing_;
  std::vector<Sight> sights_;
};

}  // namespace

TEST_CASE("every reading of every graded anomaly is as promised, against a fleet without any") {
  const identity::Roster roster = roster_of_groups(160 * scale());
  config::Config config = machines(config::AnomalyBasis::reading);
  config.anomalies.probability = 0.5;
  const types::Catalog catalog(config.types);
  const types::SensorType& type = *catalog.find(types::built_in_type().schema.type());
  const model::Spread spread(type, type.normal_parameters);
  Watch watch(roster.size(), spread, swing_seconds);
  book.look_at(run_twins({roster, config, 611, one_day}, Durations{}, watch));

  Sight all;
  ShareOverSensors at_rail;
  for (const Sight& sight : watch.sights()) {
    all.untouched += sight.untouched;
    all.untouched_wrong += sight.untouched_wrong;
    for (std::size_t k = 0; k < drawn_types; ++k) {
      all.readings[k] += sight.readings[k];
      all.wrong[k] += sight.wrong[k];
    }
    all.noise.add(sight.noise);
    all.noise_shape.add(sight.noise_shape);
    at_rail.add(sight.at_rail, sight.to_rail);
  }
  check_all("readings outside graded anomalies, bit by bit", all.untouched, all.untouched_wrong);
  for (std::size_t k = 0; k < drawn_types; ++k)
    check_all("readings of graded " + std::string(anomaly_type_names[k]), all.readings[k], all.wrong[k]);
  Line rails(book, "readings at a rail in intermittent contacts, of promised");
  rails.compare(at_rail.estimate(), 1, {0.85, 1.15});
  Line sizes(book, "graded noise: deviation, of √(m² - 1) of what changes between readings");
  sizes.compare(spread_of_normals(all.noise), 1, {0.9, 1.1});
  Line means(book, "graded noise: mean");
  means.compare(mean_of_normals(all.noise), 0, {-0.1, 0.1});
  Line shapes(book, "graded noise: shape in quarters of a standard deviation");
  shapes.compare_standard(all.noise_shape.away_from_normal());
}

TEST_CASE("what graded anomalies were compared with, in all") {
  book.close();
}

}  // namespace fleet_sim::graded_faults_test
