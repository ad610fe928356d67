#include "model/aging.h"

#include <algorithm>
#include <limits>
#include <variant>

#include "base/math.h"
#include "base/random.h"
#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

constexpr double steepness = 4;
constexpr std::int64_t wear_begins_within = 10;  // the first tenth of an interval

// Blocks of draws: of the sensor, and of each of its intervals.
constexpr std::uint64_t stagger_block = 1;
constexpr std::uint64_t interval_block = 0;

std::int64_t floor_divided(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

double seconds(Microseconds span) {
  return static_cast<double>(span) * 1e-6;
}

Duration law_of(const types::Life& life) {
  return life.min == life.max ? Duration(seconds(life.median))
                              : Duration(seconds(life.median), seconds(life.min), seconds(life.max));
}

// On a logarithmic scale, what multiplies the value is added to the level.
std::vector<types::Wear> of_levels(std::vector<types::Wear> wear,
                                   const std::vector<types::SignalChannel>& channels) {
  for (types::Wear& one : wear) {
    const auto& gauge = std::get<types::Gauge>(channels[one.channel].kind);
    if (gauge.scale == types::Gauge::Scale::logarithmic) one.amount = natural_log(one.amount);
  }
  return wear;
}

// How much of what it changes has changed.
double worn_share(const ServiceInterval& interval, Timestamp at) {
  const double since = static_cast<double>(at - interval.onset);
  const double life = static_cast<double>(interval.fails_at - interval.onset);
  const double x = std::clamp(since / life, 0.0, 1.0);
  return (exponential(steepness * x) - 1) / (exponential(steepness) - 1);
}

}  // namespace

// Age is no anomaly that a sensor is in the middle of, so there is nothing that such an anomaly does.
const AnomalyEffect aging_effect{};

Agings::Agings(const types::SignalDeclaration& declaration) : declared_(declaration.agings) {
  for (const types::Aging& aging : declared_) {
    agings_.push_back({hash_text(aging.name), aging.every, law_of(aging.life),
                       aging.then == types::Aging::Then::silent,
                       of_levels(aging.terms, declaration.channels)});
  }
}

ServiceInterval Agings::interval(std::size_t aging, std::uint64_t seed, std::uint64_t key, Timestamp at,
                                 Timestamp serviced) const {
  const Part& part = agings_[aging];
  std::uint64_t who = mix_words(key, part.name);
  const auto every = static_cast<std::uint64_t>(part.every);
  const RandomBlock of_sensor = draw_block(seed, who, Stream::aging, 0, stagger_block);
  auto earlier = static_cast<Microseconds>(uniform_below(of_sensor[0], every));
  if (serviced != never_serviced && at >= serviced) {
    earlier = -serviced;
    who = mix_words(who, static_cast<std::uint64_t>(serviced));
  }
  const std::int64_t number = floor_divided(at + earlier, part.every);
  const RandomBlock draws =
      draw_block(seed, who, Stream::aging, static_cast<std::uint64_t>(number), interval_block);
  ServiceInterval interval;
  interval.begins = number * part.every - earlier;
  interval.onset =
      interval.begins + static_cast<Microseconds>(uniform_below(draws[0], every / wear_begins_within));
  interval.fails_at = interval.onset + part.life.of(draws[1]);
  interval.ends = interval.begins + part.every;
  return interval;
}

Agings::Intervals Agings::intervals(std::uint64_t seed, std::uint64_t key, Timestamp at,
                                    std::span<const Timestamp> serviced) const {
  Intervals all;
  for (std::size_t i = 0; i < size(); ++i)
    all[i] = interval(i, seed, key, at, serviced.empty() ? never_serviced : serviced[i]);
  return all;
}

bool Agings::has_failed(const Intervals& intervals, Timestamp at) const {
  return std::any_of(intervals.begin(), intervals.begin() + static_cast<std::ptrdiff_t>(size()),
                     [at](const ServiceInterval& one) { return one.has_failed(at); });
}

bool Agings::is_silent(const Intervals& intervals, Timestamp at) const {
  for (std::size_t i = 0; i < size(); ++i) {
    if (agings_[i].is_silent && intervals[i].has_failed(at)) return true;
  }
  return false;
}

Microseconds Agings::time_to_failure(const Intervals& intervals, Timestamp at) const {
  Microseconds least = std::numeric_limits<Microseconds>::max();
  for (std::size_t i = 0; i < size(); ++i)
    least = std::min(least, std::max<Microseconds>(0, intervals[i].fails_at - at));
  return least;
}

void Agings::wear(const Intervals& intervals, Timestamp at, std::span<double> levels) const {
  for (std::size_t i = 0; i < size(); ++i) {
    if (at <= intervals[i].onset) continue;
    const double share = worn_share(intervals[i], at);
    for (const types::Wear& one : agings_[i].wear) levels[one.channel] += share * one.amount;
  }
}

Agings::Since Agings::stuck_since(const Intervals& intervals, Timestamp at) const {
  Since since{};
  for (std::size_t i = 0; i < size(); ++i) {
    if (agings_[i].is_silent || !intervals[i].has_failed(at)) continue;
    for (const types::Wear& one : agings_[i].wear) {
      std::optional<Timestamp>& first = since[one.channel];
      first = std::min(first.value_or(latest_timestamp), intervals[i].fails_at);
    }
  }
  return since;
}

void note_reading(AgingState& state, const Agings& agings, std::size_t aging, std::uint64_t seed,
                  std::uint64_t key, Timestamp at, Timestamp next, Timestamp serviced) {
  if (!state.interval.contains(at))
    state = {agings.interval(aging, seed, key, at, serviced), 0, std::nullopt};
  state.event.reset();
  if (at < state.interval.onset) return;
  const bool first = state.readings++ == 0;
  const bool last = next >= state.interval.ends;
  using Kind = batch::AnomalyEvent::Kind;
  if (first || last) state.event = first && last ? Kind::whole : first ? Kind::opened : Kind::closed;
}

batch::AnomalyEvent describe_aging(const AgingState& state, const types::Aging& aging, std::uint32_t name,
                                   batch::AnomalyEvent::Kind kind, std::uint32_t sensor) {
  batch::AnomalyEvent event{};
  event.started_at = state.interval.onset;
  event.ended_at = std::min(state.interval.ends - 1, latest_timestamp);
  event.sensor = sensor;
  event.readings_affected = state.readings;
  event.type = AnomalyType::aging;
  event.kind = kind;
  if (aging.terms.size() == 1) event.channel = Channel(aging.terms.front().channel);
  event.cause = AnomalyCause::aging;
  event.scenario = name;
  event.fails_at = std::min(state.interval.fails_at, latest_timestamp);
  return event;
}

}  // namespace fleet_sim::model
