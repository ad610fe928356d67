#include "run/sensor_watch.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/random.h"
#include "explain/explained_sensor.h"

namespace fleet_sim::run {
namespace {

fleet::Cohort::Found find_in(fleet::Fleet& fleet, std::uint64_t key, const fleet::Cohort*& where) {
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    if (const fleet::Cohort::Found found = cohort.find(key); found.sensor != nullptr) {
      where = &cohort;
      return found;
    }
  }
  return {};
}

}  // namespace

std::optional<std::vector<std::uint32_t>> SensorWatch::find(const RunningFleet& fleet,
                                                            const std::vector<std::string>& ids) const {
  if (ids.size() == 1) {
    if (const Look* look = known(fleet, ids.front())) return {{look->state.sensor.identity}};
  }
  std::unordered_map<std::string_view, std::uint32_t> place;
  for (const std::string& id : ids) place.emplace(id, UINT32_MAX);
  for (const std::uint32_t member : *fleet.members) {
    const auto wanted = place.find(parts_.inputs.identities.roster[member].id);
    if (wanted != place.end()) wanted->second = member;
  }
  std::vector<std::uint32_t> sensors;
  for (const std::string& id : ids) sensors.push_back(place.at(id));
  if (std::ranges::find(sensors, UINT32_MAX) != sensors.end()) return std::nullopt;
  return sensors;
}

const SensorWatch::Look* SensorWatch::known(const RunningFleet& fleet, std::string_view id) const {
  if (fleet.edition != edition_) return nullptr;
  const auto found = std::ranges::find(watched_, id, [this](const Look& look) {
    return parts_.inputs.identities.roster[look.state.sensor.identity].id;
  });
  return found == watched_.end() ? nullptr : &*found;
}

// `work` has the exchange locked.
void SensorWatch::ask(std::function<void(Exchange&)> work) {
  {
    const std::lock_guard lock(exchange_->mutex);
    exchange_->busy = true;
  }
  parts_.scheduler.between_windows([exchange = exchange_, work = std::move(work)] {
    {
      const std::lock_guard lock(exchange->mutex);
      work(*exchange);
      exchange->busy = false;
    }
    exchange->done.notify_one();
  });
}

bool SensorWatch::answered() const {
  std::unique_lock lock(exchange_->mutex);
  return exchange_->done.wait_for(lock, longest_question, [this] { return !exchange_->busy; });
}

const SensorWatch::Look* SensorWatch::look(const RunningFleet& fleet, std::uint32_t sensor) {
  if (!answered()) return nullptr;  // an earlier piece of work
  const std::uint64_t key = hash_text(parts_.inputs.identities.roster[sensor].id);
  ask([&sensors = parts_.fleet, key, start = parts_.run.start, seed = parts_.run.seed](Exchange& exchange) {
    const fleet::Cohort* cohort = nullptr;
    const fleet::Cohort::Found found = find_in(sensors, key, cohort);
    exchange.found.reset();
    if (found.sensor != nullptr) {
      exchange.found = fleet::SensorState{*found.sensor, cohort->cadence(), start, seed, found.next_due};
    }
  });
  if (!answered()) return nullptr;
  const std::lock_guard lock(exchange_->mutex);
  if (!exchange_->found) return nullptr;
  const std::vector<fleet::Injection> injections(exchange_->injections.begin(), exchange_->injections.end());
  Look& look = remembered(fleet, *exchange_->found);
  bring_up_to(*exchange_->found, look, injections);
  return &look;
}

SensorWatch::Look& SensorWatch::remembered(const RunningFleet& fleet, const fleet::SensorState& now) {
  if (fleet.edition != edition_) watched_.clear();
  edition_ = fleet.edition;
  const auto known = std::ranges::find(watched_, now.sensor.identity,
                                       [](const Look& look) { return look.state.sensor.identity; });
  const std::uint64_t taken = now.taken();
  if (known != watched_.end() && taken - known->state.taken() <= most_replayed) {
    watched_.splice(watched_.begin(), watched_, known);
    return watched_.front();
  }
  if (known != watched_.end()) watched_.erase(known);
  const bool past_is_known = fleet.edition == 0;
  const std::uint64_t from = taken > most_replayed ? taken - most_replayed : 0;
  watched_.push_front(
      {past_is_known ? fleet::state_after(now, from) : now,
       {},
       explain::json_of(
           explain::explain_sensor(*fleet.config, parts_.inputs.identities.roster, now.sensor.identity),
           false)});
  if (watched_.size() > most_watched) watched_.pop_back();
  return watched_.front();
}

void SensorWatch::bring_up_to(const fleet::SensorState& now, Look& look,
                              std::span<const fleet::Injection> injections) const {
  fleet::replay(look.state, now.next_due, injections, most_recent_readings, look.readings);
  if (!fleet::goes_on_alike(look.state, now)) look.readings.clear();
  look.state = now;
}

bool SensorWatch::inject(AnomalyType type, const std::vector<std::uint32_t>& sensors) {
  if (!answered()) return false;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> keys;
  for (const std::uint32_t sensor : sensors) {
    keys.emplace_back(sensor, hash_text(parts_.inputs.identities.roster[sensor].id));
  }
  ask([&fleet = parts_.fleet, &log = parts_.log, seed = parts_.run.seed, type, keys](Exchange& exchange) {
    std::size_t begun = 0;
    for (const auto& [sensor, key] : keys) {
      const fleet::Cohort* cohort = nullptr;
      const fleet::Cohort::Found found = find_in(fleet, key, cohort);
      if (found.sensor == nullptr || !model::inject_anomaly(*found.sensor, seed, type, found.next_due))
        continue;
      ++begun;
      exchange.injections.push_back({found.sensor->identity, type, found.next_due});
      if (exchange.injections.size() > most_injections) exchange.injections.pop_front();
    }
    log.info("injected", "anomalies injected; sensors that are in one already were passed over",
             {{"type", name_of(type)}, {"sensors", begun}, {"asked_for", keys.size()}});
  });
  return true;
}

}  // namespace fleet_sim::run
