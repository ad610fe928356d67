#include "audit/remake.h"

#include <algorithm>
#include <span>

#include "fleet/added.h"
#include "model/sensor.h"

namespace fleet_sim::audit {

Remade remake(const history::RebuiltRun& run, const Track& track, Timestamp due,
              const history::Memories::Memory& memory) {
  Remade remade{.due = due, .values = {}, .anomaly = {}};
  const history::RebuiltRun::Life& life = *track.life;
  const history::RebuiltRun::Stretch* const stretch = run.find(life, due);
  if (stretch == nullptr) return remade;
  remade.profile = stretch->profile;
  remade.identity = stretch->identity;
  remade.overlay = stretch->overlay;
  model::Sensor sensor{.key = track.key,
                       .phase = 0,
                       .profile = stretch->profile,
                       .identity = stretch->identity,
                       .shared = stretch->shared};
  if (const model::Anomaly* const anomaly = track.anomaly_at(due)) sensor.anomaly = *anomaly;
  fleet::AddedTo sums;
  fleet::Serviced serviced;
  model::Circumstances then;
  const auto channels = std::span(sums).first(stretch->profile->channels.size());
  if (life.add_up(due, channels)) then.added = channels;
  if (!life.serviced.empty()) {
    serviced.fill(model::never_serviced);
    for (const auto& [at, aging] : life.serviced) {
      if (at <= due) serviced[aging] = at;
    }
    then.serviced = serviced;
  }
  model::Sample sample =
      model::sample(sensor, run.seed(), {due, due + 1}, {memory.knots(*stretch), {}, then});
  remade.values = sample.values;
  remade.anomaly = sample.anomaly;
  return remade;
}

Remade reading_of(const history::RebuiltRun& run, const Track& track, std::uint64_t number,
                  const history::Memories::Memory& memory) {
  Remade remade = remake(run, track, track.due(number), memory);
  if (track.odd.empty()) return remade;
  const auto odd = std::ranges::lower_bound(track.odd, number, {}, [](const auto& one) { return one.first; });
  if (odd != track.odd.end() && odd->first == number) remade.values = odd->second;
  return remade;
}

}  // namespace fleet_sim::audit
