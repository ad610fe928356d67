#include "run/sensor_watch.h"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "explain/explained_sensor.h"
#include "run/injection.h"

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

// Why no anomaly can begin with the sensor's next reading; empty when one can. `planned` has the sensors of
// the same request in which one will.
std::string_view obstacle(const fleet::Cohort::Found& found, const fleet::Cohort* cohort,
                          const fleet::Agenda& agenda, const std::unordered_set<std::uint32_t>& planned) {
  if (found.sensor == nullptr) return "it has left the fleet";
  if (!found.is_there) return "the scenario has taken it away, or has yet to bring it";
  if (model::has_failed(*found.sensor, cohort->seed(), found.next_due, found.now))
    return "it has failed of age";
  if (model::is_in_anomaly(*found.sensor, found.next_due)) return "it is in an anomaly";
  const std::uint32_t sensor = found.sensor->identity;
  if (agenda.awaits_injection(sensor) || planned.contains(sensor))
    return "an injected anomaly is about to start";
  return {};
}

// A sensor in which an anomaly is asked for.
struct Candidate {
  std::uint64_t key;
  std::optional<model::AnomalyRequest> request;
  std::string objection;  // why there is no request
};

// What the sensor will say of the anomaly, if nothing comes between.
batch::AnomalyEvent event_of(model::Sensor sensor, std::uint64_t seed, const fleet::Injection& injection) {
  model::inject_anomaly(sensor, seed, injection.request, injection.due);
  return model::describe_anomaly(sensor.anomaly, batch::AnomalyEvent::Kind::whole, injection.sensor);
}

// What was said of the anomaly beside its type.
void add_details(log::LogFields& fields, const status::AskedAnomaly& asked) {
  if (asked.channel) fields.emplace_back("channel", *asked.channel);
  if (asked.severity) fields.emplace_back("severity", *asked.severity);
  if (asked.duration)
    fields.emplace_back("duration", duration_text(static_cast<double>(*asked.duration) * 1e-6));
}

void log_injections(const Simulator& simulator, const status::AskedAnomaly& asked,
                    std::span<const fleet::Injection> injections, std::size_t asked_for) {
  log::Log& log = simulator.log();
  for (const fleet::Injection& injection : injections) {
    if (!log.is_detailed()) break;
    log.debug("agenda", "an anomaly will start",
              {{"type", name_of(asked.type)},
               {"sensor", simulator.roster()[injection.sensor].id},
               {"at", timestamp_text(injection.due)}});
  }
  log::LogFields fields{{"type", name_of(asked.type)}};
  add_details(fields, asked);
  fields.emplace_back("sensors", injections.size());
  fields.emplace_back("asked_for", asked_for);
  log.info("injected", "anomalies injected; sensors already in an anomaly were passed over", fields);
}

}  // namespace

SensorWatch::Places SensorWatch::find(const start::Edition& edition,
                                      const std::vector<std::string>& ids) const {
  if (ids.size() == 1) {
    if (const Look* look = known(edition, ids.front())) return {look->state.sensor.identity};
  }
  std::unordered_map<std::string_view, std::optional<std::uint32_t>> place;
  for (const std::string& id : ids) place.emplace(id, std::nullopt);
  for (const std::uint32_t member : *edition.members) {
    const auto wanted = place.find(simulator_.roster()[member].id);
    if (wanted != place.end()) wanted->second = member;
  }
  Places places;
  for (const std::string& id : ids) places.push_back(place.at(id));
  return places;
}

const SensorWatch::Look* SensorWatch::known(const start::Edition& edition, std::string_view id) const {
  if (edition.number != edition_) return nullptr;
  const auto found = std::ranges::find(
      watched_, id, [this](const Look& look) { return simulator_.roster()[look.state.sensor.identity].id; });
  return found == watched_.end() ? nullptr : &*found;
}

// `work` has the exchange locked.
bool SensorWatch::ask(std::function<void(fleet::Fleet&, fleet::Agenda&, Exchange&)> work) {
  if (!is_idle()) return false;
  {
    const std::lock_guard lock(exchange_->mutex);
    exchange_->busy = true;
    exchange_->withdrawn = false;
  }
  simulator_.between_windows(
      [exchange = exchange_, work = std::move(work)](fleet::Fleet& fleet, fleet::Agenda& agenda) {
        {
          const std::lock_guard lock(exchange->mutex);
          if (!exchange->withdrawn) work(fleet, agenda, *exchange);
          exchange->busy = false;
        }
        exchange->done.notify_one();
      });
  std::unique_lock lock(exchange_->mutex);
  exchange_->withdrawn =
      !exchange_->done.wait_for(lock, longest_question, [this] { return !exchange_->busy; });
  return !exchange_->withdrawn;
}

// Whether no earlier piece of work is still with the scheduler.
bool SensorWatch::is_idle() const {
  const std::lock_guard lock(exchange_->mutex);
  return !exchange_->busy;
}

const SensorWatch::Look* SensorWatch::look(const start::Edition& edition, std::uint32_t sensor) {
  const std::uint64_t key = hash_text(simulator_.roster()[sensor].id);
  const tables::RunInfo& run = simulator_.info();
  const auto copy = [key, start = run.start, seed = run.seed](fleet::Fleet& fleet, fleet::Agenda&,
                                                              Exchange& exchange) {
    const fleet::Cohort* cohort = nullptr;
    const fleet::Cohort::Found found = find_in(fleet, key, cohort);
    exchange.found.reset();
    if (found.sensor != nullptr) {
      exchange.found = fleet::SensorState{*found.sensor, cohort->cadence(), start,
                                          seed,          found.next_due,    cohort->touched(found)};
    }
  };
  if (!ask(copy)) return nullptr;
  const std::lock_guard lock(exchange_->mutex);
  if (!exchange_->found) return nullptr;
  const std::vector<fleet::Injection> injections(exchange_->injections.begin(), exchange_->injections.end());
  Look& look = remembered(edition, *exchange_->found);
  bring_up_to(*exchange_->found, look, injections);
  return &look;
}

SensorWatch::Look& SensorWatch::remembered(const start::Edition& edition, const fleet::SensorState& now) {
  if (edition.number != edition_) watched_.clear();
  edition_ = edition.number;
  const auto known = std::ranges::find(watched_, now.sensor.identity,
                                       [](const Look& look) { return look.state.sensor.identity; });
  const std::uint64_t taken = now.taken();
  if (known != watched_.end() && taken - known->state.taken() <= most_replayed) {
    watched_.splice(watched_.begin(), watched_, known);
    return watched_.front();
  }
  if (known != watched_.end()) watched_.erase(known);
  const bool past_is_known =
      edition.number == 0 && now.touched.at == earliest_timestamp && now.touched.is_there;
  const std::uint64_t from = taken > most_replayed ? taken - most_replayed : 0;
  const auto types = fleet::types_under(*edition.config, simulator_.inputs().types);
  watched_.push_front(
      {past_is_known ? fleet::state_after(now, from) : now,
       {},
       explain::json_of(
           explain::explain_sensor(*edition.config, simulator_.roster(), now.sensor.identity, now.next_due,
                                   *types, explain::no_origins, now.sensor.profile->spread),
           false)});
  if (watched_.size() > most_watched) watched_.pop_back();
  return watched_.front();
}

void SensorWatch::bring_up_to(const fleet::SensorState& now, Look& look,
                              std::span<const fleet::Injection> injections) const {
  // What a scenario has made of it since the last look is not worked out again.
  const bool is_other = !now.touched.is_there || look.state.touched.at != now.touched.at;
  if (is_other) {
    look.readings.clear();
    look.state = now;
    return;
  }
  fleet::replay(look.state, now.next_due, injections, most_recent_readings, look.readings);
  if (!fleet::continues_alike(look.state, now)) look.readings.clear();
  look.state = now;
}

// The outcomes for all are known before the first of them becomes an entry of the agenda, at the next reading
// of its sensor. What they count in is computed here, not between two windows; then all is asked again.
std::optional<SensorWatch::Outcomes> SensorWatch::inject(const status::AskedAnomaly& asked,
                                                         const std::vector<std::uint32_t>& sensors) {
  std::vector<Candidate> candidates;
  for (const std::uint32_t sensor : sensors) {
    const types::Schema& schema = simulator_.type_of(sensor).schema;
    Candidate& candidate =
        candidates.emplace_back(Candidate{hash_text(simulator_.roster()[sensor].id), {}, {}});
    candidate.request = request_of(asked, schema);
    if (!candidate.request) candidate.objection = no_such_channel(asked, schema);
  }
  const auto add_all = [&simulator = simulator_, start = simulator_.info().start,
                        not_before = simulator_.all_new_from(), asked, candidates = std::move(candidates)](
                           fleet::Fleet& fleet, fleet::Agenda& agenda, Exchange& exchange) {
    std::vector<fleet::Injection> injections;
    std::unordered_set<std::uint32_t> planned;
    exchange.outcomes.clear();
    exchange.spreads.clear();
    for (const Candidate& candidate : candidates) {
      const fleet::Cohort* cohort = nullptr;
      const fleet::Cohort::Found found = find_in(fleet, candidate.key, cohort);
      Outcome outcome;
      outcome.reason = candidate.objection;
      if (found.sensor != nullptr && outcome.reason.empty()) {
        outcome.reason = objection_to(asked, *candidate.request, *found.sensor->profile, cohort->cadence());
      }
      outcome.is_impossible = !outcome.reason.empty();
      if (!outcome.is_impossible) outcome.reason = obstacle(found, cohort, agenda, planned);
      if (outcome.reason.empty() && !awaits_spread(*found.sensor->profile, asked.type, exchange.spreads)) {
        const Timestamp first_due = cohort->cadence().origin(start) + found.sensor->phase;
        const Timestamp due = due_from(not_before, found.next_due, first_due, cohort->cadence());
        injections.push_back({found.sensor->identity, *candidate.request, due});
        planned.insert(found.sensor->identity);
        outcome.event = event_of(*found.sensor, cohort->seed(), injections.back());
      }
      exchange.outcomes.push_back(std::move(outcome));
    }
    const bool is_impossible = std::ranges::any_of(exchange.outcomes, &Outcome::is_impossible);
    if (is_impossible) exchange.spreads.clear();
    if (is_impossible || !exchange.spreads.empty()) return;
    for (const fleet::Injection& injection : injections) {
      agenda.add(injection);
      exchange.remember(injection);
    }
    for (const Outcome& outcome : exchange.outcomes) {
      if (outcome.reason.empty()) simulator.note_injection(outcome.event);
    }
    log_injections(simulator, asked, injections, candidates.size());
  };
  while (ask(add_all)) {
    Spreads spreads;
    {
      const std::lock_guard lock(exchange_->mutex);
      if (exchange_->spreads.empty()) return exchange_->outcomes;
      spreads.swap(exchange_->spreads);
    }
    for (const auto& spread : spreads) spread->compute();
  }
  return std::nullopt;
}

}  // namespace fleet_sim::run
