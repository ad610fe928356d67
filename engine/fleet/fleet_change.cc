#include "fleet/fleet_change.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/random.h"

namespace fleet_sim::fleet {
namespace {

// A joiner with what it was before.
struct Mover {
  std::optional<std::uint32_t> from;
  bool to_another_shard;
  Joiner joiner;

  [[nodiscard]] auto order() const {
    return std::tuple(joiner.writer, joiner.cadence, joiner.sensor.phase, joiner.sensor.key);
  }
};

class Planner {
 public:
  Planner(const config::Config& was, std::shared_ptr<ProfileTable> profiles) : was_(was) {
    change_.profiles = std::move(profiles);
    change_.fates.resize(roster().size());
  }

  void add(const WantedSensor& wanted) {
    const identity::Identity& identity = roster()[wanted.to];
    const Cadence cadence = cadence_of(roster(), identity, change_.profiles->config());
    const auto [profile, shared] = change_.profiles->find_or_resolve(identity);
    if (keeps_its_place(wanted, cadence)) {
      change_.fates[*wanted.from] = {profile, wanted.to, Fate::Kind::changes, wanted.to_another_shard,
                                     shared};
      return;
    }
    const std::uint64_t key = hash_text(identity.id);
    const model::Sensor sensor{key,       model::phase_of(key, cadence), profile,
                               wanted.to, model::Sensor::no_ages,        model::Anomaly{},
                               shared};
    placed_.push_back({wanted.from,
                       wanted.to_another_shard,
                       {wanted.writer, cadence, sensor, !wanted.from && !wanted.comes_back, {}}});
  }

  void remove(std::uint32_t identity) { change_.fates[identity].kind = Fate::Kind::leaves; }

  FleetChange take() {
    std::ranges::sort(placed_, {}, &Mover::order);
    for (Mover& one : placed_) {
      const auto index = static_cast<std::uint32_t>(change_.joiners.size());
      if (one.from) {
        change_.fates[*one.from] = {one.joiner.sensor.profile, index, Fate::Kind::rejoins,
                                    one.to_another_shard, one.joiner.sensor.shared};
      }
      change_.joiners.push_back(one.joiner);
    }
    keep_changed_fates();
    return std::move(change_);
  }

 private:
  // A resumed run may have thousands of changes before it, each of a few sensors among many.
  void keep_changed_fates() {
    std::vector<Fate>& fates = change_.fates;
    const auto changes = [](const Fate& fate) { return fate.kind != Fate::Kind::stays; };
    const auto first = std::ranges::find_if(fates, changes);
    const auto end = std::find_if(fates.rbegin(), std::make_reverse_iterator(first), changes).base();
    change_.first_fate = static_cast<std::uint32_t>(first - fates.begin());
    fates = std::vector<Fate>(first, end);
  }

  [[nodiscard]] const identity::Roster& roster() const { return change_.profiles->roster(); }

  [[nodiscard]] bool keeps_its_place(const WantedSensor& wanted, const Cadence& cadence) const {
    return wanted.from && wanted.writer_now == wanted.writer &&
           cadence_of(roster(), roster()[*wanted.from], was_) == cadence;
  }

  const config::Config& was_;
  FleetChange change_;
  std::vector<Mover> placed_;
};

}  // namespace

FleetChange plan_fleet_change(const config::Config& was, std::shared_ptr<ProfileTable> profiles,
                              std::span<const WantedSensor> wanted, std::span<const std::uint32_t> removed) {
  Planner planner(was, std::move(profiles));
  for (const WantedSensor& sensor : wanted) planner.add(sensor);
  for (const std::uint32_t identity : removed) planner.remove(identity);
  return planner.take();
}

}  // namespace fleet_sim::fleet
