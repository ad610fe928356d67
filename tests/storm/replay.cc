#include "storm/replay.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <string_view>

#include "base/random.h"
#include "fleet/fleet.h"
#include "fleet/fleet_change.h"
#include "fleet/profile_table.h"
#include "identity/identity_changes.h"
#include "model/sensor.h"
#include "sqlite/shard_key.h"
#include "storm/weather.h"
#include "timeline/plan.h"
#include "timeline/script.h"

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

// A fleet that lives through everything, and what comes of it.
class WholeFleet {
 public:
  WholeFleet(const config::ShardBy& sharding, const identity::Roster& roster, const tables::RunInfo& run,
             const Edition& first)
      : sharding_(sharding), roster_(roster), run_(run), now_(first), fleet_(built(first)) {
    for (const std::uint32_t member : first.members) ids_.insert(roster[member].id);
    if (first.config->scenario.empty()) return;
    timeline::Plan plan = timeline::plan_of(first.config->scenario, run.start);
    fleet_.follow(std::make_shared<const timeline::Script>(std::move(plan), roster, run.seed));
  }

  void live(Timestamp until) {
    for (fleet::Cohort& cohort : fleet_.cohorts()) {
      while (cohort.next_due() < until) {
        cohort.tick(until, batch_);
        take_batch();
      }
      while (!cohort.carry_out(until, batch_)) take_batch();
      take_batch();
    }
  }

  void become(const Edition& next) {
    auto profiles =
        next.config == now_.config
            ? fleet_.profiles()
            : std::make_shared<fleet::ProfileTable>(
                  roster_, next.config, fleet::types_under(*next.config, types::built_in_types()), run_.seed);
    const identity::IdentityChanges changes =
        identity::compare_identities(roster_, now_.members, roster_, next.members);
    std::vector<fleet::WantedSensor> wanted;
    for (const std::uint32_t added : changes.added)
      wanted.push_back({{}, added, {}, 0, false, !ids_.insert(roster_[added].id).second});
    for (const auto& [from, to] : changes.changed) wanted.push_back({from, to, 0, 0, moves(from, to), false});
    for (const std::uint32_t member : next.members) {
      if (next.config != now_.config) wanted.push_back({member, member, 0, 0, false, false});
    }
    fleet::FleetChange change = fleet::plan_fleet_change(*now_.config, profiles, wanted, changes.removed);
    fleet_.apply(change, next.from);
    for (const auto& [writer, event] : change.anomalies) note(event);
    now_ = next;
  }

  Replay end() {
    for (const fleet::Cohort& cohort : fleet_.cohorts()) {
      for (const batch::AnomalyEvent& event : cohort.open_anomalies()) note(event);
    }
    for (auto& [key, taken] : replay_.readings) {
      if (!taken.reading.anomaly) continue;
      auto event = replay_.events.upper_bound(key);
      while (event != replay_.events.begin() && (--event)->second.last.type != *taken.reading.anomaly) {
      }
      taken.anomaly_since = event->first.second;
    }
    return std::move(replay_);
  }

 private:
  [[nodiscard]] fleet::Fleet built(const Edition& first) const {
    const std::vector<std::uint32_t> writers(first.members.size(), 0);
    return fleet::build_fleet(roster_, first.members, writers, *first.config, run_.seed, run_.start,
                              fleet::types_under(*first.config, types::built_in_types()));
  }

  [[nodiscard]] bool moves(std::uint32_t from, std::uint32_t to) const {
    return sqlite::shard_key(sharding_, roster_, roster_[from]) !=
           sqlite::shard_key(sharding_, roster_, roster_[to]);
  }

  [[nodiscard]] std::string id_of(std::uint32_t sensor) const { return std::string(roster_[sensor].id); }

  void take_batch() {
    for (const batch::Reading& reading : batch_.readings) {
      const auto [known, is_new] = replay_.readings.try_emplace(
          SensorTime(id_of(reading.sensor), reading.due), Replay::Taken{reading, 0});
      if (!is_new) ++known->second.copies;
    }
    for (const batch::AnomalyEvent& event : batch_.events) note(event);
    for (const batch::FleetEvent& event : batch_.fleet_events)
      replay_.truth.insert(truth_text(id_of(event.sensor), roster_.text(identity::Text{event.name}),
                                      event.started_at, event.failed ? 1 : 0, event.ended_at));
    for (const batch::Delivery& one : batch_.deliveries)
      replay_.truth.insert(
          truth_text(id_of(one.sensor), batch::name_of(one.kind), one.due, one.sequence, one.arrived_at));
    batch_.clear();
  }

  void note(const batch::AnomalyEvent& event) {
    const auto [expected, is_new] = replay_.events.try_emplace(
        SensorTime(id_of(event.sensor), event.started_at), Replay::Expected{event, {}});
    if (is_new) return;
    if (batch::ends(expected->second.last.kind))
      expected->second.earlier_end = expected->second.last.ended_at;
    expected->second.last = event;
  }

  const config::ShardBy& sharding_;
  const identity::Roster& roster_;
  const tables::RunInfo& run_;
  Edition now_;
  fleet::Fleet fleet_;
  std::set<std::string_view> ids_;  // of all who have been in the fleet
  batch::Batch batch_;
  Replay replay_;
};

}  // namespace

std::string truth_text(std::string_view sensor_id, std::string_view what, Timestamp at,
                       std::uint64_t sequence, std::optional<Timestamp> until) {
  return std::string(sensor_id) + " " + std::string(what) + " " + timestamp_text(at) + " " +
         std::to_string(sequence) + " " + (until ? timestamp_text(*until) : "");
}

Replay replay(const config::ShardBy& sharding, const identity::Roster& roster, const tables::RunInfo& run,
              std::span<const Edition> editions, Timestamp until) {
  if (is_disturbed(*editions.front().config)) {
    WholeFleet fleet(sharding, roster, run, editions.front());
    for (const Edition& next : editions.subspan(1)) {
      fleet.live(next.from);
      fleet.become(next);
    }
    fleet.live(until);
    return fleet.end();
  }
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
