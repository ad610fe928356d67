#include "fleet/sensor_state.h"

#include <algorithm>

namespace fleet_sim::fleet {
namespace {

bool in_anomaly(const SensorState& state) {
  return model::is_in_anomaly(state.sensor, state.next_due);
}

std::optional<batch::AnomalyEvent> failure_now(const SensorState& state) {
  const model::Profile& profile = *state.sensor.profile;
  for (std::size_t i = 0; i < model::agings_of(profile); ++i) {
    const Timestamp serviced = state.touched.serviced ? (*state.touched.serviced)[i] : model::never_serviced;
    const model::ServiceInterval interval =
        profile.agings->interval(i, state.seed, state.sensor.key, state.next_due, serviced);
    if (!interval.has_failed(state.next_due)) continue;
    return model::describe_aging({interval, 0, std::nullopt}, profile.agings->declared()[i],
                                 profile.aging_names[i], batch::AnomalyEvent::Kind::progressed,
                                 state.sensor.identity);
  }
  return std::nullopt;
}

}  // namespace

std::optional<batch::AnomalyEvent> event_now(const SensorState& state) {
  if (!in_anomaly(state)) return failure_now(state);
  return model::describe_anomaly(state.sensor.anomaly, batch::AnomalyEvent::Kind::progressed,
                                 state.sensor.identity);
}

SensorState state_after(const SensorState& now, std::uint64_t taken) {
  SensorState then = now;
  const Timestamp first_due = now.first_due();
  then.sensor.anomaly = model::Anomaly{};
  then.next_due = first_due + now.cadence.offset(taken);
  if (taken == 0) model::enter_steady_state(then.sensor, then.seed, first_due, then.cadence);
  return then;
}

void replay(SensorState& state, Timestamp until, std::span<const Injection> injections, std::size_t most,
            std::deque<RecentReading>& readings) {
  const Timestamp first_due = state.first_due();
  for (std::uint64_t k = state.taken(); state.next_due < until; ++k) {
    const model::Due due{state.next_due, first_due + state.cadence.offset(k + 1)};
    AddedTo sums;
    model::Circumstances now;
    if (state.touched.serviced) now.serviced = *state.touched.serviced;
    if (!state.touched.added.empty()) {
      add_up(state.touched.added, due.at, sums);
      now.added = std::span(sums).first(state.sensor.profile->channels.size());
    }
    const auto asked_for = std::ranges::find_if(injections, [&](const Injection& one) {
      return one.sensor == state.sensor.identity && one.due == due.at;
    });
    if (asked_for != injections.end())
      model::inject_anomaly(state.sensor, state.seed, asked_for->request, due.at, now);
    const model::Sample taken = model::sample(state.sensor, state.seed, due, {{}, {}, now});
    readings.push_back({{due.at, taken.values, state.sensor.identity, taken.anomaly},
                        state.sensor.anomaly.channel,
                        taken.missing || due.at < state.touched.silent_until,
                        state.sensor.anomaly.cause});
    if (taken.anomaly == AnomalyType::aging) {  // it is in no other
      readings.back().channel = std::nullopt;
      readings.back().cause = AnomalyCause::aging;
    }
    if (readings.size() > most) readings.pop_front();
    state.next_due = due.next;
  }
}

bool continues_alike(const SensorState& a, const SensorState& b) {
  if (a.next_due != b.next_due || in_anomaly(a) != in_anomaly(b)) return false;
  return !in_anomaly(a) || (a.sensor.anomaly.type == b.sensor.anomaly.type &&
                            a.sensor.anomaly.started_at == b.sensor.anomaly.started_at);
}

}  // namespace fleet_sim::fleet
