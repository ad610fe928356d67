#include "model/anomaly.h"

#include <algorithm>
#include <cassert>

#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

constexpr PerAnomalyType<const AnomalyEffect*> effects{
#define ANOMALY_TYPE(name, ...) &name##_effect,
#include "base/anomaly_types.def"
#undef ANOMALY_TYPE
};

Channel pick_channel(const Profile& profile, std::uint64_t word) {
  const auto& until = profile.channel_until;
  const auto found = std::ranges::upper_bound(until, uniform(word));
  const auto last = until.end() - 1;  // sums of shares may fall short of 1
  return static_cast<Channel>(std::min(found, last) - until.begin());
}

}  // namespace

const AnomalyEffect& effect_of(AnomalyType type) {
  return *effects[index_of(type)];
}

double strength_of(const Anomaly& anomaly, const Profile& profile) {
  return profile.strength[index_of(*anomaly.type)];
}

void aim_at_one_channel(Anomaly& anomaly, const Profile& profile, const RandomBlock& draws) {
  anomaly.channel = pick_channel(profile, draws[0]);
  anomaly.direction = draws[1] >> 63 ? 1 : -1;
}

double progress(const AffectedReading& reading) {
  const Anomaly& anomaly = reading.anomaly;
  return static_cast<double>(reading.due - anomaly.started_at) /
         static_cast<double>(anomaly.ended_at + 1 - anomaly.started_at);
}

Anomaly begin_anomaly(const Profile& profile, AnomalyType type, Timestamp started_at,
                      const RandomBlock& draws) {
  Anomaly anomaly;
  anomaly.type = type;
  anomaly.started_at = started_at;
  anomaly.ended_at = started_at + profile.duration[index_of(type)] - 1;
  effect_of(type).begin(anomaly, profile, draws);
  return anomaly;
}

bool continues_under(const Anomaly& anomaly, const Profile& was, const Profile& is) {
  return !anomaly.active() || effect_of(*anomaly.type).continues(was, is);
}

bool draws_noise(const Anomaly& anomaly) {
  assert(anomaly.active());
  return effect_of(*anomaly.type).draws_noise;
}

batch::Values apply_anomaly(const Anomaly& anomaly, const Profile& profile, const batch::Values& values,
                            Timestamp due, const Draws& noise) {
  assert(anomaly.active() && !takes_rows(anomaly.type));
  batch::Values affected = values;
  effect_of(*anomaly.type).apply({anomaly, profile, due, noise}, affected);
  return affected;
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
  event.injected = anomaly.injected;
  event.kind = kind;
  event.channel = anomaly.channel;
  event.direction = anomaly.direction;
  event.magnitude = anomaly.magnitude;
  return event;
}

}  // namespace fleet_sim::model
