#include "model/sensor.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/random.h"
#include "model/normal.h"
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

void start_anomaly(Sensor& sensor, std::uint64_t seed, AnomalyType type, Timestamp at) {
  const RandomBlock draws = draw_block(seed, sensor.key, Stream::onset, counter(at));
  sensor.anomaly = begin_anomaly(*sensor.profile, type, at, draws);
}

// Ends an anomaly that is over, and begins one where the words of the reading say so.
inline void go_on(Sensor& sensor, std::uint64_t seed, Timestamp at, const Draws& draws) {
  if (sensor.anomaly.active() && at > sensor.anomaly.ended_at) sensor.anomaly = Anomaly{};
  if (sensor.anomaly.active()) return;
  if (const auto type = pick_type(sensor.profile->onset_until, uniform(draws.onset())))
    start_anomaly(sensor, seed, *type, at);
}

// What a sensor of a declared type reads.
batch::Values signal_values(const Sensor& sensor, std::uint64_t seed, Timestamp at, const Draws& draws,
                            sources::KnotWords knots) {
  static const SharedKeys none;
  const sources::Signal& signal = *sensor.profile->signal;
  const sources::Keys keys{sources::sensor_key(seed, sensor.key), sensor.shared ? *sensor.shared : none};
  std::array<double, most_deviates> drawn;
  for (const std::uint8_t i : signal.drawn_deviates()) drawn[i] = standard_normal(draws.channel(i));
  const std::span<const double> deviates = std::span(drawn).first(signal.deviates());
  batch::Values values(signal.channels());
  if (knots.empty()) {
    signal.levels(keys, at, deviates, values);
  } else {
    signal.levels(keys, at, deviates, knots, values);
  }
  signal.read(values);
  return values;
}

// A sample of the anomaly that the sensor is in, without values.
Sample marked(Anomaly& anomaly, Due due) {
  Sample affected{{}, anomaly.type, std::nullopt};
  const bool first = anomaly.readings_affected++ == 0;
  const bool last = due.next > anomaly.ended_at;
  using Kind = batch::AnomalyEvent::Kind;
  if (first || last) affected.event = first && last ? Kind::whole : first ? Kind::opened : Kind::closed;
  return affected;
}

// Of a sensor of a declared type, whose anomalies take its rows. Apart, so that the built-in type does not
// pay for it.
[[gnu::noinline]] Sample declared_sample(Sensor& sensor, std::uint64_t seed, Due due,
                                         sources::KnotWords knots) {
  const Draws draws(seed, sensor.key, Stream::reading, counter(due.at), sensor.profile->signal->deviates());
  go_on(sensor, seed, due.at, draws);
  if (sensor.anomaly.active()) return marked(sensor.anomaly, due);
  return {signal_values(sensor, seed, due.at, draws, knots), std::nullopt, std::nullopt};
}

// Of a sensor in an anomaly. Apart, because few readings come here.
[[gnu::noinline]] Sample affected_sample(Sensor& sensor, std::uint64_t seed, Due due, const Draws& draws) {
  const Profile& profile = *sensor.profile;
  const Anomaly& anomaly = sensor.anomaly;
  Sample affected = marked(sensor.anomaly, due);
  if (affected.missing()) return affected;

  const std::size_t channels = profile.channels.size();
  const Draws noise = draws_noise(anomaly) ? Draws(seed, sensor.key, Stream::noise, counter(due.at), channels)
                                           : Draws(RandomBlock{});
  affected.values = apply_anomaly(anomaly, profile, normal_values(profile, due.at, draws), due.at, noise);
  return affected;
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
  // Each of an anomaly's readings is equally likely to be the one that is due now. Its onset is left to
  // sample(), which gives it the same chance there as at any later reading.
  const std::uint64_t position = uniform_below(draws[1], profile.readings_per_anomaly[index_of(*type)]);
  if (position == 0) return;
  start_anomaly(sensor, seed, *type, first_due - cadence.offset(position));
}

void return_to_anomaly(Sensor& sensor, std::uint64_t seed, AnomalyType type, Timestamp started_at,
                       std::uint32_t readings_affected) {
  start_anomaly(sensor, seed, type, started_at);
  sensor.anomaly.readings_affected = readings_affected;
}

bool is_in_anomaly(const Sensor& sensor, Timestamp next_due) {
  return sensor.anomaly.active() && next_due <= sensor.anomaly.ended_at;
}

bool inject_anomaly(Sensor& sensor, std::uint64_t seed, AnomalyType type, Timestamp next_due) {
  if (is_in_anomaly(sensor, next_due)) return false;
  start_anomaly(sensor, seed, type, next_due);
  sensor.anomaly.injected = true;
  return true;
}

Sample sample(Sensor& sensor, std::uint64_t seed, Due due) {
  const Profile& profile = *sensor.profile;
  if (profile.signal) [[unlikely]]
    return declared_sample(sensor, seed, due, {});
  const Draws draws(seed, sensor.key, Stream::reading, counter(due.at), profile.channels.size());
  go_on(sensor, seed, due.at, draws);
  if (!sensor.anomaly.active()) return {normal_values(profile, due.at, draws), std::nullopt, std::nullopt};
  return affected_sample(sensor, seed, due, draws);
}

Sample sample(Sensor& sensor, std::uint64_t seed, Due due, sources::KnotWords knots) {
  return knots.empty() ? sample(sensor, seed, due) : declared_sample(sensor, seed, due, knots);
}

}  // namespace fleet_sim::model
