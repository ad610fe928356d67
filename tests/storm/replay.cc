#include "storm/replay.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <string_view>

#include "base/random.h"
#include "fleet/profile_table.h"
#include "model/sensor.h"
#include "sqlite/shard_key.h"

namespace fleet_sim::test {
namespace {

using Made = fleet::ProfileTable::Entry;

// One sensor, from the moment it is in the fleet until it leaves.
class Life {
 public:
  Life(const tables::RunInfo& run, const identity::Roster& roster, Replay& replay)
      : run_(run), roster_(roster), replay_(replay) {}

  // One that was in the fleet before is in no anomaly from before.
  void begin(std::uint32_t identity, const Made& made, const Cadence& cadence, Timestamp moment,
             bool is_new) {
    sensor_.key = hash_text(roster_[identity].id);
    become(identity, made, cadence, moment);
    if (is_new) model::enter_steady_state(sensor_, run_.seed, due(next_), *cadence_);
  }

  void become(std::uint32_t identity, const Made& made, const Cadence& cadence, Timestamp moment) {
    cadence_ = cadence;
    sensor_.phase = model::phase_of(sensor_.key, *cadence_);
    sensor_.profile = made.profile;
    sensor_.shared = made.shared;
    sensor_.identity = identity;
    next_ = cadence_->count_before(moment - due(0));
  }

  // Its identity, profile or cadence change. An anomaly goes on where it may and where readings are left for
  // it.
  void change(std::uint32_t identity, const Made& made, const Cadence& cadence, Timestamp moment,
              bool moves) {
    const Life before = *this;
    const model::Anomaly& anomaly = sensor_.anomaly;
    const bool may_continue = !moves && model::continues_under(anomaly, *sensor_.profile, *made.profile);
    become(identity, made, cadence, moment);
    const bool has_more = due(next_) <= anomaly.ended_at;
    if (may_continue && (has_more || !before.is_in_anomaly())) return;
    if (before.is_in_anomaly() || (has_more && anomaly.has_shown)) {
      before.note(batch::AnomalyEvent::Kind::closed, moment - 1);
    }
    sensor_.anomaly = model::Anomaly{};
  }
  [[nodiscard]] const identity::Identity& identity() const { return roster_[sensor_.identity]; }

  void take(Timestamp until) {
    for (; due(next_) < until; ++next_) {
      const model::Sample taken = model::sample(sensor_, run_.seed, {due(next_), due(next_ + 1)});
      if (taken.event) note(*taken.event, sensor_.anomaly.ended_at);
      if (taken.missing) continue;
      const batch::Reading reading{due(next_), taken.values, sensor_.identity, taken.anomaly};
      replay_.readings.emplace(SensorTime(identity().id, reading.due),
                               Replay::Taken{reading, sensor_.anomaly.started_at});
    }
  }

  void leave(Timestamp moment) const {
    if (is_in_anomaly()) note(batch::AnomalyEvent::Kind::closed, moment - 1);
  }

  void end() const {
    if (is_in_anomaly()) note(batch::AnomalyEvent::Kind::progressed, sensor_.anomaly.ended_at);
  }

 private:
  [[nodiscard]] Timestamp due(std::uint64_t k) const {
    return cadence_->origin(run_.start) + sensor_.phase + cadence_->offset(k);
  }
  [[nodiscard]] bool is_in_anomaly() const {
    const model::Anomaly& anomaly = sensor_.anomaly;
    return anomaly.active() && anomaly.has_shown && due(next_) <= anomaly.ended_at;
  }
  void note(batch::AnomalyEvent::Kind kind, Timestamp ended_at) const {
    batch::AnomalyEvent event = model::describe_anomaly(sensor_.anomaly, kind, sensor_.identity);
    event.ended_at = ended_at;
    const auto [expected, is_new] =
        replay_.events.try_emplace(SensorTime(identity().id, event.started_at), Replay::Expected{event, {}});
    if (is_new) return;
    if (batch::ends(expected->second.last.kind))
      expected->second.earlier_end = expected->second.last.ended_at;
    expected->second.last = event;
  }

  const tables::RunInfo& run_;
  const identity::Roster& roster_;
  Replay& replay_;
  model::Sensor sensor_{};
  std::optional<Cadence> cadence_;
  std::uint64_t next_ = 0;  // reading
};

}  // namespace

Replay replay(const config::ShardBy& sharding, const identity::Roster& roster, const tables::RunInfo& run,
              std::span<const Edition> editions, Timestamp until) {
  Replay replay;
  std::map<std::string_view, Life> lives;
  std::set<std::string_view> ids;            // of all who have been in the fleet
  std::deque<fleet::ProfileTable> profiles;  // sensors point into those of the edition before, too
  for (std::size_t e = 0; e < editions.size(); ++e) {
    const Edition& edition = editions[e];
    const Timestamp end = e + 1 < editions.size() ? editions[e + 1].from : until;
    profiles.emplace_back(roster, edition.config,
                          fleet::types_under(*edition.config, types::built_in_types()), run.seed);
    std::map<std::string_view, Life> before;
    before.swap(lives);
    for (const std::uint32_t member : edition.members) {
      const identity::Identity& identity = roster[member];
      const Made made = profiles.back().find_or_resolve(identity);
      const Cadence cadence = fleet::cadence_of(roster, identity, *edition.config);
      if (auto known = before.extract(identity.id)) {
        Life& life = lives.insert(std::move(known)).position->second;
        const bool moves = sqlite::shard_key(sharding, roster, life.identity()) !=
                           sqlite::shard_key(sharding, roster, identity);
        life.change(member, made, cadence, edition.from, moves);
      } else {
        Life& life = lives.try_emplace(identity.id, run, roster, replay).first->second;
        life.begin(member, made, cadence, edition.from, ids.insert(identity.id).second);
      }
    }
    for (auto& [id, sensor] : before) sensor.leave(edition.from);
    for (auto& [id, life] : lives) life.take(end);
  }
  for (auto& [id, life] : lives) life.end();
  return replay;
}

}  // namespace fleet_sim::test
