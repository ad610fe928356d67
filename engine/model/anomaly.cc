#include "model/anomaly.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/math.h"
#include "model/anomaly_effect.h"
#include "sources/lattice.h"

namespace fleet_sim::model {
namespace {

constexpr PerAnomalyType<const AnomalyEffect*> effects{
#define ANOMALY_TYPE(name, ...) &name##_effect,
#include "base/anomaly_types.def"
#undef ANOMALY_TYPE
};

// Which of the words drawn at an onset decides what of a graded anomaly, and how long any anomaly lasts.
constexpr std::size_t channel_draw = 0;
constexpr std::size_t direction_draw = 1;
constexpr std::size_t severity_draw = 2;
constexpr std::size_t duration_draw = 3;

constexpr int stretch_exponent = 22;  // 4.2 seconds

Channel pick_channel(const Profile& profile, std::uint64_t word) {
  const auto& until = profile.channel_until;
  const auto found = std::ranges::upper_bound(until, uniform(word));
  const auto last = until.end() - 1;  // sums of shares may fall short of 1
  return static_cast<Channel>(std::min(found, last) - until.begin());
}

// One of those that the type can affect, by their weights, or equally where all of these are 0. None when it
// can affect none.
std::optional<Channel> pick_affected_channel(const Profile& profile, AnomalyType type, std::uint64_t word) {
  std::array<double, types::most_channels> weights{};
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t c = 0; c < profile.channels.size(); ++c) {
    if (!can_affect(profile, type, Channel(c))) continue;
    weights[c] = profile.channels[c].weight;
    sum += weights[c];
    ++count;
  }
  if (count == 0) return std::nullopt;
  const double u = uniform(word) * (sum > 0 ? sum : static_cast<double>(count));
  double until = 0;
  std::optional<Channel> picked;
  for (std::size_t c = 0; c < profile.channels.size(); ++c) {
    if (!can_affect(profile, type, Channel(c))) continue;
    const double weight = sum > 0 ? weights[c] : 1;
    if (weight == 0) continue;
    picked = Channel(c);
    until += weight;
    if (u < until) break;  // sums may fall short: then it is the last
  }
  return picked;
}

// Whether a graded anomaly of this type can affect a channel.
bool can_grade(const ChannelProfile& channel, AnomalyType type) {
  const std::optional<GradedEffect>& graded = effect_of(type).graded;
  if (!graded) return false;
  switch (graded->channels) {
    case GradedEffect::Channels::gauges:
      return channel.is_gauge;
    case GradedEffect::Channels::with_rails:
      return channel.has_low_rail || channel.has_high_rail;
    case GradedEffect::Channels::all:
      return true;
  }
  return false;
}

double sigma_of(const GradedEffect& effect, const Profile& profile, const Anomaly& anomaly) {
  const auto sigma_after = [&](Microseconds time) {
    return profile.spread->get().sigma(index_of(*anomaly.channel), time);
  };
  switch (effect.sigma_of) {
    case GradedEffect::SigmaOf::duration:
      return sigma_after(anomaly.ended_at + 1 - anomaly.started_at);
    case GradedEffect::SigmaOf::half_period:
      return sigma_after(profile.pattern_period / 2);
    case GradedEffect::SigmaOf::reading:
      return sigma_after(static_cast<Microseconds>(1e6 / profile.readings_per_second));
    case GradedEffect::SigmaOf::nothing:
      break;
  }
  return 1;
}

// What a share of the time or of the readings may be, whatever the behaviors' severity has made of it.
double within_bounds(AnomalyType type, double severity) {
  const Range& bounds = anomaly_types[index_of(type)].severity->bounds;
  return std::clamp(severity, bounds.min, bounds.max);
}

void draw_severity(Anomaly& anomaly, const Profile& profile, const AnomalyRequest& request,
                   const RandomBlock& draws) {
  if (!anomaly_types[index_of(request.type)].severity) return;
  const Range& range = profile.severity[index_of(request.type)];
  anomaly.severity = request.severity.value_or(
      within_bounds(request.type, uniform(draws[severity_draw], range.min, range.max)));
}

void begin_graded(Anomaly& anomaly, const Profile& profile, const AnomalyRequest& request,
                  const RandomBlock& draws) {
  draw_severity(anomaly, profile, request, draws);
  const std::optional<GradedEffect>& effect = effect_of(request.type).graded;
  if (!effect) {  // it takes rows
    anomaly.magnitude = anomaly.severity;
    return;
  }
  anomaly.channel =
      request.channel ? request.channel : pick_affected_channel(profile, request.type, draws[channel_draw]);
  assert(anomaly.channel && can_affect(profile, request.type, *anomaly.channel));
  if (effect->has_direction) anomaly.direction = draws[direction_draw] >> 63 ? 1 : -1;
  if (effect->sigma_of != GradedEffect::SigmaOf::nothing) anomaly.sigma = sigma_of(*effect, profile, anomaly);
  if (!anomaly.severity) return;
  UsualLevel usual{};
  if (anomaly.sigma) {
    const Spread& spread = profile.spread->get();
    const std::size_t channel = index_of(*anomaly.channel);
    usual = {spread.mean(channel), spread.deviation(channel)};
  }
  effect->size(anomaly, profile, usual);
}

// What was drawn at its onset is in the unit of a level, and an intermittent contact relies on its rail.
bool graded_continues(const Anomaly& anomaly, const Profile& was, const Profile& is) {
  if (was.edge != is.edge || !can_affect(is, *anomaly.type, *anomaly.channel)) return false;
  const ChannelProfile& before = was.channels[index_of(*anomaly.channel)];
  const ChannelProfile& after = is.channels[index_of(*anomaly.channel)];
  if (before.is_logarithmic != after.is_logarithmic) return false;
  if (effect_of(*anomaly.type).graded->channels != GradedEffect::Channels::with_rails) return true;
  return anomaly.direction > 0 ? after.has_high_rail : after.has_low_rail;
}

}  // namespace

const AnomalyEffect& effect_of(AnomalyType type) {
  return *effects[index_of(type)];
}

std::string_view affected_channel(AnomalyType type) {
  constexpr std::array<std::string_view, 3> words{"gauge", "gauge with rails", "channel"};
  const std::optional<GradedEffect>& graded = effect_of(type).graded;
  return words[static_cast<std::size_t>(graded ? graded->channels : GradedEffect::Channels::all)];
}

const std::optional<Strength>& strength_of(AnomalyType type) {
  static const std::optional<Strength> none;
  const std::optional<RelativeEffect>& relative = effect_of(type).relative;
  return relative ? relative->strength : none;
}

double strength_of(const Anomaly& anomaly, const Profile& profile) {
  return profile.strength[index_of(*anomaly.type)];
}

void aim_at_one_channel(Anomaly& anomaly, const Profile& profile, const RandomBlock& draws) {
  anomaly.channel = pick_channel(profile, draws[channel_draw]);
  anomaly.direction = draws[direction_draw] >> 63 ? 1 : -1;
}

double progress(const AffectedReading& reading) {
  const Anomaly& anomaly = reading.anomaly;
  return static_cast<double>(reading.due - anomaly.started_at) /
         static_cast<double>(anomaly.ended_at + 1 - anomaly.started_at);
}

double envelope(const AffectedReading& reading) {
  const double edge = reading.profile.edge;
  if (edge <= 0) return 1;
  const double done = progress(reading);
  return raised_cosine(std::min(done, 1 - done) / edge);
}

bool happens(double share, std::uint64_t seed, std::uint64_t key, Timestamp due) {
  const auto stretch = static_cast<std::uint64_t>(sources::cell_at(key, stretch_exponent, due).number);
  return uniform(draw_block(seed, key, Stream::fault_stretch, stretch)[0]) < share;
}

bool can_affect(const Profile& profile, AnomalyType type, Channel channel) {
  if (index_of(channel) >= profile.channels.size()) return false;
  if (!is_graded(profile, type)) return anomaly_types[index_of(type)].touches == Touches::one_channel;
  return can_grade(profile.channels[index_of(channel)], type);
}

bool can_happen(const Profile& profile, const AnomalyRequest& request) {
  if (!is_drawn(request.type)) return false;
  const AnomalyTypeRow& row = anomaly_types[index_of(request.type)];
  if (request.channel) return can_affect(profile, request.type, *request.channel);
  if (!is_graded(profile, request.type) || row.rows != AffectedRows::kept) return true;
  for (std::size_t c = 0; c < profile.channels.size(); ++c) {
    if (can_affect(profile, request.type, Channel(c))) return true;
  }
  return false;
}

bool can_happen(const config::Config& config, const types::SensorType& sensor_type, AnomalyType type) {
  const AnomalyEffect& effect = effect_of(type);
  if (!effect.graded || (effect.relative && !is_graded(config, sensor_type))) return true;
  for (std::size_t c = 0; c < sensor_type.schema.channels().size(); ++c) {
    if (can_grade(kind_of(sensor_type, c), type)) return true;
  }
  return false;
}

bool is_graded(const Profile& profile, AnomalyType type) {
  return profile.graded || !effect_of(type).relative;
}

bool is_graded(const Anomaly& anomaly) {
  const AnomalyEffect& effect = effect_of(*anomaly.type);
  return effect.graded && (!effect.relative || anomaly.severity);
}

Anomaly begin_anomaly(const Profile& profile, const AnomalyRequest& request, Timestamp started_at,
                      const RandomBlock& draws, Microseconds longest) {
  Anomaly anomaly;
  anomaly.type = request.type;
  anomaly.cause = request.cause;
  anomaly.started_at = started_at;
  const Microseconds duration =
      request.duration.value_or(profile.duration[index_of(request.type)].of(draws[duration_draw]));
  anomaly.ended_at = started_at + std::min(duration, longest) - 1;
  if (is_graded(profile, request.type)) {
    begin_graded(anomaly, profile, request, draws);
  } else {
    effect_of(request.type).relative->begin(anomaly, profile, draws);
    if (request.channel && anomaly.channel) anomaly.channel = request.channel;
  }
  return anomaly;
}

bool needs_onset_level(const Anomaly& anomaly) {
  return is_graded(anomaly) && effect_of(*anomaly.type).graded->needs_onset_level;
}

void set_onset_level(Anomaly& anomaly, double level) {
  effect_of(*anomaly.type).graded->onset(anomaly, level);
}

bool continues_under(const Anomaly& anomaly, const Profile& was, const Profile& is) {
  if (!anomaly.active()) return true;
  if (!same_agings(was, is)) return false;
  if (is_graded(anomaly)) return graded_continues(anomaly, was, is);
  const std::optional<RelativeEffect>& relative = effect_of(*anomaly.type).relative;
  return !relative || relative->continues(was, is);
}

bool draws_noise(const Anomaly& anomaly) {
  assert(anomaly.active());
  const AnomalyEffect& effect = effect_of(*anomaly.type);
  if (is_graded(anomaly)) return effect.graded->draws_noise;
  return effect.relative && effect.relative->draws_noise;
}

bool takes_reading(const Anomaly& anomaly, std::uint64_t seed, std::uint64_t key, Timestamp due) {
  assert(anomaly.active());
  switch (anomaly_types[index_of(*anomaly.type)].rows) {
    case AffectedRows::kept:
    case AffectedRows::perhaps:
      return false;
    case AffectedRows::taken:
      return true;
    case AffectedRows::thinned:
      break;
  }
  return happens(*anomaly.severity, seed, key, due);
}

batch::Values apply_anomaly(const AffectedReading& reading, const batch::Values& values) {
  const Anomaly& anomaly = reading.anomaly;
  assert(anomaly.active());
  batch::Values affected = values;
  if (is_graded(anomaly)) {
    double& value = affected[index_of(*anomaly.channel)];
    value = apply_graded(reading, value);
  } else if (const auto& relative = effect_of(*anomaly.type).relative) {
    relative->apply(reading, affected);
  }
  return affected;
}

double apply_graded(const AffectedReading& reading, double level) {
  assert(is_graded(reading.anomaly));
  return effect_of(*reading.anomaly.type).graded->level(reading, level);
}

batch::AnomalyEvent describe_anomaly(const Anomaly& anomaly, batch::AnomalyEvent::Kind kind,
                                     std::uint32_t sensor) {
  assert(anomaly.active());
  batch::AnomalyEvent event{};
  event.started_at = anomaly.started_at;
  event.ended_at = anomaly.ended_at;
  event.sensor = sensor;
  event.readings_affected = anomaly.readings_affected;
  event.type = *anomaly.type;
  event.cause = anomaly.cause;
  event.kind = kind;
  event.channel = anomaly.channel;
  event.direction = anomaly.direction;
  event.magnitude = anomaly.magnitude;
  event.severity = anomaly.severity;
  event.sigma = anomaly.sigma;
  return event;
}

}  // namespace fleet_sim::model
