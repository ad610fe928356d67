#include "model/anomaly.h"

#include <cmath>

#include "base/math.h"
#include "base/normal.h"

namespace fleet_sim::model {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

Channel pick_channel(const Profile& profile, std::uint64_t word) {
  const double u = uniform(word);
  if (u < profile.channel_until[0]) return Channel::temperature;
  return u < profile.channel_until[1] ? Channel::vibration : Channel::voltage;
}

// 0 at the start, 1 at the end.
double progress(const Anomaly& anomaly, Timestamp due) {
  return static_cast<double>(due - anomaly.started_at) /
         static_cast<double>(anomaly.ended_at + 1 - anomaly.started_at);
}

}  // namespace

Anomaly begin_anomaly(const Profile& profile, AnomalyType type, Timestamp started_at,
                      const RandomBlock& draws) {
  Anomaly anomaly{NoAnomaly{}, started_at, started_at + profile.duration[index_of(type)] - 1, 0, false};
  const Channel channel = pick_channel(profile, draws[0]);
  const bool up = draws[1] >> 63;
  switch (type) {
    case AnomalyType::spike:
      anomaly.kind =
          Spike{uniform(draws[2], profile.spike_factor.min, profile.spike_factor.max), channel, up};
      break;
    case AnomalyType::trend:
      anomaly.kind = Trend{profile.trend_change, channel, up};
      break;
    case AnomalyType::pattern:
      anomaly.kind = Pattern{};
      break;
    case AnomalyType::missing_data:
      anomaly.kind = MissingData{};
      break;
    case AnomalyType::noise:
      anomaly.kind = Noise{};
      break;
  }
  return anomaly;
}

AnomalyType type_of(const Anomaly& anomaly) {
  return static_cast<AnomalyType>(anomaly.kind.index() - 1);
}

bool goes_on_under(const Anomaly& anomaly, const Profile& was, const Profile& is) {
  if (std::holds_alternative<Noise>(anomaly.kind)) return was.noise_factor == is.noise_factor;
  if (!std::holds_alternative<Pattern>(anomaly.kind)) return true;
  return was.pattern_amplitude == is.pattern_amplitude && was.pattern_period == is.pattern_period;
}

batch::Values apply_anomaly(const Anomaly& anomaly, const Profile& profile, const batch::Values& values,
                            Timestamp due, const RandomBlock& noise) {
  batch::Values out = values;
  std::visit(Overloaded{
                 [](const NoAnomaly&) {},
                 [&](const Spike& spike) {
                   double& value = out[index_of(spike.channel)];
                   value = spike.up ? value * spike.factor : value / spike.factor;
                 },
                 [&](const Trend& trend) {
                   const double change = trend.change * progress(anomaly, due);
                   out[index_of(trend.channel)] *= trend.up ? 1 + change : 1 - change;
                 },
                 [&](const Pattern&) {
                   const auto elapsed =
                       static_cast<double>((due - anomaly.started_at) % profile.pattern_period);
                   const double wave = sine_of_turns(elapsed / static_cast<double>(profile.pattern_period));
                   out[index_of(Channel::temperature)] *= 1 + profile.pattern_amplitude * wave;
                   out[index_of(Channel::vibration)] *= 1 - profile.pattern_amplitude * wave;
                 },
                 [](const MissingData&) {},
                 [&](const Noise&) {
                   for (std::size_t c = 0; c < channel_count; ++c) {
                     out[c] += profile.noise_factor[c] * std::fabs(out[c]) * standard_normal(noise[c]);
                   }
                 },
             },
             anomaly.kind);
  return out;
}

batch::AnomalyEvent describe_anomaly(const Anomaly& anomaly, const Profile& profile,
                                     batch::AnomalyEvent::Kind kind, std::uint32_t sensor) {
  batch::AnomalyEvent event{};
  event.started_at = anomaly.started_at;
  event.ended_at = anomaly.ended_at;
  event.sensor = sensor;
  event.readings_affected = anomaly.readings_affected;
  event.type = type_of(anomaly);
  event.injected = anomaly.injected;
  event.kind = kind;
  const auto set = [&event](std::optional<Channel> channel, int direction, std::optional<double> magnitude) {
    event.channel = channel;
    event.direction = static_cast<std::int8_t>(direction);
    event.magnitude = magnitude;
  };
  std::visit(Overloaded{
                 [](const NoAnomaly&) {},
                 [&](const Spike& spike) { set(spike.channel, spike.up ? 1 : -1, spike.factor); },
                 [&](const Trend& trend) { set(trend.channel, trend.up ? 1 : -1, trend.change); },
                 [&](const Pattern&) { set({}, 0, profile.pattern_amplitude); },
                 [](const MissingData&) {},
                 [&](const Noise&) { set({}, 0, profile.noise_factor[index_of(Channel::temperature)]); },
             },
             anomaly.kind);
  return event;
}

}  // namespace fleet_sim::model
