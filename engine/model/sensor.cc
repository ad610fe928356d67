#include "model/sensor.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "base/math.h"
#include "base/normal.h"
#include "base/random.h"
#include "model/signal.h"

namespace fleet_sim::model {
namespace {

std::uint64_t counter(Timestamp at) {
  return static_cast<std::uint64_t>(at);
}

// Which type a uniform draw falls on; none when it lies beyond the last.
std::optional<AnomalyType> pick_type(const PerAnomalyType<double>& until, double u) {
  if (u >= until.back()) return std::nullopt;
  const auto found = std::upper_bound(until.begin(), until.end(), u);
  return static_cast<AnomalyType>(found - until.begin());
}

Draws reading_draws(const Sensor& sensor, std::uint64_t seed, Timestamp at) {
  const Profile& profile = *sensor.profile;
  const std::size_t deviates = profile.signal ? profile.signal->deviates() : profile.channels.size();
  return {seed, sensor.key, Stream::reading, counter(at), deviates};
}

sources::Keys keys_of(const Sensor& sensor, std::uint64_t seed) {
  static const SharedKeys none;
  return {sources::sensor_key(seed, sensor.key), sensor.shared ? *sensor.shared : none};
}

// A level on a logarithmic scale is the logarithm of what is added to.
void add_to(const Profile& profile, std::span<const double> added, batch::Values& levels) {
  for (std::size_t c = 0; c < added.size(); ++c) {
    if (added[c] == 0) continue;
    if (profile.channels[c].is_logarithmic) {
      const double sum = exponential(levels[c]) + added[c];
      levels[c] = natural_log(std::max(sum, std::numeric_limits<double>::min()));
    } else {
      levels[c] += added[c];
    }
  }
}

// Of the built-in type, which keeps to its bounds.
batch::Values values_with(const Profile& profile, Timestamp at, const Draws& draws,
                          std::span<const double> added) {
  batch::Values values = normal_values(profile, at, draws);
  for (std::size_t c = 0; c < added.size(); ++c)
    values[c] = std::clamp(values[c] + added[c], profile.channels[c].min, profile.channels[c].max);
  return values;
}

// What its channels are at while nothing is wrong: of a declared type, levels that are still to be read.
batch::Values usual_levels(const Sensor& sensor, std::uint64_t seed, Timestamp at, const Draws& draws,
                           sources::KnotWords knots, std::span<const double> added) {
  if (!sensor.profile->signal) return values_with(*sensor.profile, at, draws, added);
  const sources::Signal& signal = *sensor.profile->signal;
  const sources::Keys keys = keys_of(sensor, seed);
  std::array<double, most_deviates> drawn;
  for (const std::uint8_t i : signal.drawn_deviates()) drawn[i] = standard_normal(draws.channel(i));
  const std::span<const double> deviates = std::span(drawn).first(signal.deviates());
  batch::Values levels(signal.channels());
  if (knots.empty()) {
    signal.levels(keys, at, deviates, levels);
  } else {
    signal.levels(keys, at, deviates, knots, levels);
  }
  add_to(*sensor.profile, added, levels);
  return levels;
}

// The same with what has worn off, evaluated cold: nothing is remembered.
batch::Values worn_levels(const Sensor& sensor, std::uint64_t seed, Timestamp at, const Circumstances& then) {
  batch::Values levels = usual_levels(sensor, seed, at, reading_draws(sensor, seed, at), {}, then.added);
  if (const Agings* const agings = sensor.profile->agings.get())
    agings->wear(agings->intervals(seed, sensor.key, at, then.serviced), at, levels);
  return levels;
}

double onset_level(const Sensor& sensor, std::uint64_t seed, const Circumstances& then) {
  const Anomaly& anomaly = sensor.anomaly;
  batch::Values values = worn_levels(sensor, seed, anomaly.started_at, then);
  if (sensor.profile->channels[index_of(*anomaly.channel)].is_product) sensor.profile->signal->read(values);
  return values[index_of(*anomaly.channel)];
}

Microseconds time_to_failure(const Sensor& sensor, std::uint64_t seed, Timestamp at,
                             std::span<const Timestamp> serviced) {
  const Agings* const agings = sensor.profile->agings.get();
  if (agings == nullptr) return std::numeric_limits<Microseconds>::max();
  return agings->time_to_failure(agings->intervals(seed, sensor.key, at, serviced), at);
}

// One thing at a time: an anomaly lasts until the sensor fails of age at most, and none begins in one that
// has failed.
void start_anomaly(Sensor& sensor, std::uint64_t seed, const AnomalyRequest& request, Timestamp at,
                   const Circumstances& then) {
  sensor.anomaly = Anomaly{};
  const Microseconds longest = time_to_failure(sensor, seed, at, then.serviced);
  if (longest == 0) return;
  const RandomBlock draws = draw_block(seed, sensor.key, Stream::onset, counter(at));
  sensor.anomaly = begin_anomaly(*sensor.profile, request, at, draws, longest);
  if (needs_onset_level(sensor.anomaly)) set_onset_level(sensor.anomaly, onset_level(sensor, seed, then));
}

// Ends an anomaly that is over, and begins one where the words of the reading say so.
inline void go_on(Sensor& sensor, std::uint64_t seed, Timestamp at, const Draws& draws,
                  const Circumstances& now) {
  if (sensor.anomaly.active() && at > sensor.anomaly.ended_at) sensor.anomaly = Anomaly{};
  if (sensor.anomaly.active()) return;
  if (const auto type = pick_type(sensor.profile->onset_until, uniform(draws.onset())))
    start_anomaly(sensor, seed, {*type}, at, now);
}

// A sample of the anomaly that the sensor is in, without values.
Sample marked(Sensor& sensor, std::uint64_t seed, Due due) {
  Anomaly& anomaly = sensor.anomaly;
  Sample affected{{}, anomaly.type, std::nullopt};
  affected.missing = takes_reading(anomaly, seed, sensor.key, due.at);
  if (affected.missing || !takes_rows(anomaly.type)) ++anomaly.readings_affected;
  const bool first = !anomaly.has_shown;
  const bool last = due.next > anomaly.ended_at;
  anomaly.has_shown = true;
  using Kind = batch::AnomalyEvent::Kind;
  if (first || last) affected.event = first && last ? Kind::whole : first ? Kind::opened : Kind::closed;
  return affected;
}

// The words of Stream::noise for a reading of an anomaly that takes any.
Draws noise_draws(const Sensor& sensor, std::uint64_t seed, Timestamp at) {
  if (!draws_noise(sensor.anomaly)) return RandomBlock{};
  return {seed, sensor.key, Stream::noise, counter(at), sensor.profile->channels.size()};
}

// The white noise of the channel that the anomaly affects.
double white_of(const Anomaly& anomaly, const Draws& draws) {
  return anomaly.channel ? standard_normal(draws.channel(index_of(*anomaly.channel))) : 0;
}

// What a sensor of a declared type reads in an anomaly: that of a product acts on what is read, any other on
// the level.
[[gnu::noinline]] void affect(const Sensor& sensor, std::uint64_t seed, Timestamp at, const Draws& draws,
                              batch::Values& levels) {
  const Anomaly& anomaly = sensor.anomaly;
  const sources::Signal& signal = *sensor.profile->signal;
  const Draws noise = noise_draws(sensor, seed, at);
  const AffectedReading reading{anomaly,    *sensor.profile,         at, noise, seed,
                                sensor.key, white_of(anomaly, draws)};
  const bool has_level = !sensor.profile->channels[index_of(*anomaly.channel)].is_product;
  double& value = levels[index_of(*anomaly.channel)];
  if (has_level) value = apply_graded(reading, value);
  signal.read(levels);
  if (!has_level) value = apply_graded(reading, value);
}

// Where the reading lies in the life of each part. The ages take note of it, if there are any.
Agings::Intervals intervals_at(const Sensor& sensor, std::uint64_t seed, Due due, const Memory& memory) {
  const Agings& agings = *sensor.profile->agings;
  const std::span<AgingState> ages = memory.ages;
  const std::span<const Timestamp> serviced = memory.now.serviced;
  if (ages.empty()) return agings.intervals(seed, sensor.key, due.at, serviced);
  Agings::Intervals intervals;
  for (std::size_t i = 0; i < ages.size(); ++i) {
    note_reading(ages[i], agings, i, seed, sensor.key, due.at, due.next,
                 serviced.empty() ? never_serviced : serviced[i]);
    intervals[i] = ages[i].interval;
  }
  return intervals;
}

// Of a sensor that has failed of age. A channel that is stuck keeps the level at which it got stuck, but for
// what a scenario added then; the other ones go on.
Sample failed_sample(const Sensor& sensor, std::uint64_t seed, Timestamp at, const Draws& draws,
                     const Agings::Intervals& intervals, const Memory& memory) {
  const Agings& agings = *sensor.profile->agings;
  Sample taken{{}, AnomalyType::aging, std::nullopt};
  taken.missing = agings.is_silent(intervals, at);
  if (taken.missing) return taken;
  taken.values = usual_levels(sensor, seed, at, draws, memory.knots, memory.now.added);
  agings.wear(intervals, at, taken.values);
  const Agings::Since since = agings.stuck_since(intervals, at);
  for (std::size_t c = 0; c < taken.values.size(); ++c) {
    if (since[c]) taken.values[c] = worn_levels(sensor, seed, *since[c], {{}, memory.now.serviced})[c];
  }
  sensor.profile->signal->read(taken.values);
  return taken;
}

// Of a sensor of a declared type. Apart, so that the built-in type does not pay for it.
[[gnu::noinline]] Sample declared_sample(Sensor& sensor, std::uint64_t seed, Due due, const Memory& memory) {
  const Draws draws = reading_draws(sensor, seed, due.at);
  const Agings* const agings = sensor.profile->agings.get();
  Agings::Intervals intervals;
  if (agings != nullptr) {
    intervals = intervals_at(sensor, seed, due, memory);
    if (agings->has_failed(intervals, due.at))
      return failed_sample(sensor, seed, due.at, draws, intervals, memory);
  }
  go_on(sensor, seed, due.at, draws, memory.now);
  Sample taken;
  if (sensor.anomaly.active()) {
    taken = marked(sensor, seed, due);
    if (taken.missing) return taken;
  }
  taken.values = usual_levels(sensor, seed, due.at, draws, memory.knots, memory.now.added);
  if (agings != nullptr) agings->wear(intervals, due.at, taken.values);
  if (sensor.anomaly.active() && is_graded(sensor.anomaly)) {
    affect(sensor, seed, due.at, draws, taken.values);
  } else {
    sensor.profile->signal->read(taken.values);
  }
  return taken;
}

// Of a sensor in an anomaly. Apart, because few readings come here.
[[gnu::noinline]] Sample affected_sample(Sensor& sensor, std::uint64_t seed, Due due, const Draws& draws,
                                         std::span<const double> added) {
  const Profile& profile = *sensor.profile;
  const Anomaly& anomaly = sensor.anomaly;
  Sample affected = marked(sensor, seed, due);
  if (affected.missing) return affected;

  const Draws noise = noise_draws(sensor, seed, due.at);
  affected.values =
      apply_anomaly({anomaly, profile, due.at, noise, seed, sensor.key, white_of(anomaly, draws)},
                    values_with(profile, due.at, draws, added));
  return affected;
}

// Of a sensor of the built-in type to which a scenario adds something.
[[gnu::noinline]] Sample added_sample(Sensor& sensor, std::uint64_t seed, Due due, const Circumstances& now) {
  const Draws draws = reading_draws(sensor, seed, due.at);
  go_on(sensor, seed, due.at, draws, now);
  if (sensor.anomaly.active()) return affected_sample(sensor, seed, due, draws, now.added);
  return {values_with(*sensor.profile, due.at, draws, now.added), std::nullopt, std::nullopt};
}

}  // namespace

Microseconds phase_of(std::uint64_t key, const Cadence& cadence) {
  if (cadence.is_aligned()) return 0;
  const std::uint64_t word = mix_words(key, static_cast<std::uint64_t>(Stream::phase));
  return static_cast<Microseconds>(uniform_below(word, static_cast<std::uint64_t>(cadence.period())));
}

void enter_steady_state(Sensor& sensor, std::uint64_t seed, Timestamp first_due, const Cadence& cadence) {
  const Profile& profile = *sensor.profile;
  const RandomBlock draws = draw_block(seed, sensor.key, Stream::steady_start, counter(first_due));
  const auto type = pick_type(profile.steady_until, uniform(draws[0]));
  if (!type) return;
  // A moment lies in a long anomaly more likely than in a short one. Each of its readings is equally likely
  // to be the one that is due now. Its onset is left to sample(), which gives it the same chance there as at
  // any later reading.
  const Duration& law = profile.duration[index_of(*type)];
  const Microseconds duration = law.of_lasting(draws[2]);
  const double readings =
      law.is_fixed() ? profile.readings_per_anomaly[index_of(*type)]
                     : readings_in(static_cast<double>(duration) * 1e-6, profile.readings_per_second);
  const std::uint64_t position = uniform_below(draws[1], static_cast<std::uint64_t>(readings));
  if (position == 0) return;
  start_anomaly(sensor, seed, {.type = *type, .duration = duration}, first_due - cadence.offset(position),
                {});
}

void return_to_anomaly(Sensor& sensor, std::uint64_t seed, const AnomalyRequest& request,
                       Timestamp started_at, const Circumstances& then) {
  if (can_happen(*sensor.profile, request)) start_anomaly(sensor, seed, request, started_at, then);
}

void count_taken(Sensor& sensor, std::uint64_t seed, Timestamp first_due, const Cadence& cadence,
                 std::uint64_t count) {
  Anomaly& anomaly = sensor.anomaly;
  if (!anomaly.active() || count == 0) return;
  anomaly.has_shown = true;
  if (!takes_rows(anomaly.type) || takes_all_rows(*anomaly.type)) {
    anomaly.readings_affected += static_cast<std::uint32_t>(count);
    return;
  }
  for (std::uint64_t k = 0; k < count; ++k) {
    if (takes_reading(anomaly, seed, sensor.key, first_due + cadence.offset(k))) ++anomaly.readings_affected;
  }
}

bool has_failed(const Sensor& sensor, std::uint64_t seed, Timestamp at, const Circumstances& now) {
  return time_to_failure(sensor, seed, at, now.serviced) == 0;
}

bool is_in_anomaly(const Sensor& sensor, Timestamp next_due) {
  return sensor.anomaly.active() && next_due <= sensor.anomaly.ended_at;
}

bool inject_anomaly(Sensor& sensor, std::uint64_t seed, const AnomalyRequest& request, Timestamp next_due,
                    const Circumstances& now) {
  if (is_in_anomaly(sensor, next_due) || !can_happen(*sensor.profile, request)) return false;
  start_anomaly(sensor, seed, request, next_due, now);
  return sensor.anomaly.active();
}

Sample sample(Sensor& sensor, std::uint64_t seed, Due due) {
  const Profile& profile = *sensor.profile;
  if (profile.signal) [[unlikely]]
    return declared_sample(sensor, seed, due, {});
  const Draws draws(seed, sensor.key, Stream::reading, counter(due.at), profile.channels.size());
  go_on(sensor, seed, due.at, draws, {});
  if (!sensor.anomaly.active()) return {normal_values(profile, due.at, draws), std::nullopt, std::nullopt};
  return affected_sample(sensor, seed, due, draws, {});
}

Sample sample(Sensor& sensor, std::uint64_t seed, Due due, const Memory& memory) {
  if (sensor.profile->signal) return declared_sample(sensor, seed, due, memory);
  return memory.now.added.empty() ? sample(sensor, seed, due) : added_sample(sensor, seed, due, memory.now);
}

Sample pass(Sensor& sensor, std::uint64_t seed, Due due, const Memory& memory) {
  if (const Agings* const agings = sensor.profile->agings.get()) {
    const Agings::Intervals intervals = intervals_at(sensor, seed, due, memory);
    if (agings->has_failed(intervals, due.at))
      return {{}, AnomalyType::aging, std::nullopt, agings->is_silent(intervals, due.at)};
  }
  go_on(sensor, seed, due.at, reading_draws(sensor, seed, due.at), memory.now);
  return sensor.anomaly.active() ? marked(sensor, seed, due) : Sample{};
}

batch::Values clean_values(const Sensor& sensor, std::uint64_t seed, Timestamp at,
                           const Circumstances& then) {
  batch::Values values = usual_levels(sensor, seed, at, reading_draws(sensor, seed, at), {}, then.added);
  if (sensor.profile->signal) sensor.profile->signal->read(values);
  return values;
}

}  // namespace fleet_sim::model
