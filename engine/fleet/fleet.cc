#include "fleet/fleet.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_sort.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "base/random.h"
#include "fleet/story.h"
#include "model/anomaly.h"
#include "model/resolution.h"

namespace fleet_sim::fleet {
namespace {

// A sensor on its way into a cohort, small: a million of them are on their way at once.
struct Placed {
  std::uint32_t writer;
  std::uint32_t identity;
  std::uint64_t key;
  Microseconds phase;
  const Cadence* cadence;
  ProfileTable::Entry entry;

  // Cohorts are runs of this order: one writer, one cadence, as much to remember of each sensor, rising
  // phase. The key breaks ties, so that the order does not depend on the order of the files.
  [[nodiscard]] auto order() const { return std::tuple(cohort(), phase, key); }
  [[nodiscard]] std::tuple<std::uint32_t, Cadence, std::size_t, std::size_t> cohort() const {
    return {writer, *cadence, model::knot_words(*entry.profile), model::agings_of(*entry.profile)};
  }
  [[nodiscard]] model::Sensor sensor() const {
    return {
        .key = key, .phase = phase, .profile = entry.profile, .identity = identity, .shared = entry.shared};
  }
};

// With the cadences that they have between them.
std::vector<Placed> place_sensors(const identity::Roster& roster, std::span<const std::uint32_t> members,
                                  std::span<const std::uint32_t> writer_of, const config::Config& config,
                                  ProfileTable& profiles, std::set<Cadence>& cadences) {
  std::vector<Placed> placed;
  placed.reserve(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const identity::Identity& identity = roster[members[i]];
    const Cadence& cadence = *cadences.insert(cadence_of(roster, identity, config)).first;
    const std::uint64_t key = hash_text(identity.id);
    placed.push_back({writer_of[i], members[i], key, model::phase_of(key, cadence), &cadence,
                      profiles.find_or_resolve(identity)});
  }
  tbb::parallel_sort(placed, [](const Placed& a, const Placed& b) { return a.order() < b.order(); });
  return placed;
}

// Those that belong together, in parts of at most so many.
std::vector<std::span<const Placed>> into_cohorts(std::span<const Placed> placed, std::size_t most) {
  std::vector<std::span<const Placed>> parts;
  while (!placed.empty()) {
    const auto belongs = [&](const Placed& one) { return one.cohort() == placed.front().cohort(); };
    const auto end = std::ranges::find_if_not(placed.first(std::min(placed.size(), most)), belongs);
    parts.push_back(placed.first(static_cast<std::size_t>(end - placed.begin())));
    placed = placed.subspan(parts.back().size());
  }
  return parts;
}

Cohort cohort_of(std::span<const Placed> placed, Timestamp start, std::uint64_t seed) {
  std::vector<model::Sensor> sensors;
  sensors.reserve(placed.size());
  for (const Placed& one : placed) sensors.push_back(one.sensor());
  return {std::move(sensors), *placed.front().cadence, start, seed, placed.front().writer};
}

}  // namespace

Fleet::Fleet(std::shared_ptr<ProfileTable> profiles, std::vector<Cohort> cohorts, Timestamp start,
             std::uint64_t seed)
    : profiles_(std::move(profiles)), cohorts_(std::move(cohorts)), start_(start), seed_(seed) {
  count_sensors();
}

void Fleet::count_sensors() {
  size_ = 0;
  readings_per_second_ = 0;
  for (const Cohort& cohort : cohorts_) {
    size_ += cohort.size();
    readings_per_second_ += cohort.readings_per_second();
  }
}

std::uint64_t Fleet::due_before(Timestamp until) const {
  std::uint64_t due = due_elsewhere_;
  for (const Cohort& cohort : cohorts_) due += cohort.due_before(until);
  return due;
}

// In strides that double, then by halves.
Timestamp Fleet::moment_of(std::uint64_t nth, Timestamp from) const {
  Timestamp low = from;  // fewer than nth are due before it
  Microseconds stride = microseconds_per_second;
  for (; due_before(low + stride) < nth; stride *= 2) {
    low += stride;
    if (low > latest_timestamp - 2 * stride) return latest_timestamp;
  }
  Timestamp high = low + stride;  // nth or more are due before it
  while (high - low > 1) {
    const Timestamp middle = low + (high - low) / 2;
    (due_before(middle) < nth ? low : high) = middle;
  }
  return low;
}

void Fleet::follow(std::shared_ptr<const timeline::Script> script) {
  script_ = std::move(script);
  tbb::parallel_for(std::size_t{0}, cohorts_.size(), [&](std::size_t i) {
    cohorts_[i].follow({script_, profiles_});
  });
}

void Fleet::go_on(std::shared_ptr<const timeline::Script> script, Timestamp moment,
                  const PastStories& stories) {
  script_ = std::move(script);
  if (!script_) return;
  for (Cohort& cohort : cohorts_) cohort.follow({script_, profiles_}, moment, stories);
}

void Fleet::resume_at(Timestamp moment, const PastAnomalies& past, const Lives& lives) {
  for (Cohort& cohort : cohorts_) cohort.resume_at(moment, past, lives);
}

void Fleet::deliver(const scenario::Delivery& usual) {
  delivery_ = usual;
  for (Cohort& cohort : cohorts_) cohort.deliver(usual);
}

void Fleet::resume_delivery(const LateSeats& seats) {
  for (const auto& [key, arrives_at] : seats) {
    for (Cohort& cohort : cohorts_) cohort.take_seat(key, arrives_at);
  }
}

void Fleet::apply(FleetChange& change, Timestamp moment) {
  if (change.script) {
    script_ = script_ ? std::make_shared<const timeline::Script>(change.script->after(*script_, moment))
                      : std::make_shared<const timeline::Script>(change.script->after({}, moment));
  }
  const StoryOf story{script_, change.profiles};
  PastStories pasts;
  for (Cohort& cohort : cohorts_) due_elsewhere_ += cohort.apply(change, moment, story, pasts);
  std::erase_if(cohorts_, [](const Cohort& cohort) { return cohort.size() == 0; });
  seat(change.joiners, moment, story, pasts);
  count_sensors();
  profiles_.swap(change.profiles);
  keep_profiles(change.profiles);
}

// What was held is read again with the profiles of then.
void Fleet::keep_profiles(const std::shared_ptr<ProfileTable>& before) {
  if (!std::ranges::any_of(cohorts_, &Cohort::holds_any)) {
    former_profiles_.clear();
  } else if (before != nullptr && before != profiles_ && std::ranges::count(former_profiles_, before) == 0) {
    former_profiles_.push_back(before);
  }
}

// Fills the cohorts that have room, then makes more.
void Fleet::seat(std::span<Joiner> joiners, Timestamp moment, const StoryOf& story,
                 const PastStories& pasts) {
  using Group = std::pair<std::uint32_t, Cadence>;
  std::map<Group, std::vector<std::size_t>> with_room;
  for (std::size_t i = 0; i < cohorts_.size() && !joiners.empty(); ++i) {
    const Cohort& cohort = cohorts_[i];
    if (cohort.size() < Cohort::most_sensors) with_room[{cohort.writer(), cohort.cadence()}].push_back(i);
  }
  while (!joiners.empty()) {
    const Group group(joiners.front().writer, joiners.front().cadence);
    std::vector<std::size_t>& seats = with_room[group];
    if (seats.empty()) {
      seats.push_back(cohorts_.size());
      cohorts_.emplace_back(group.second, start_, seed_, group.first);
      if (delivery_) cohorts_.back().deliver(*delivery_);
    }
    Cohort& cohort = cohorts_[seats.back()];
    seats.pop_back();
    const std::span<Joiner> fitting = joiners.first(std::min(joiners.size(), cohort.room()));
    const auto others = std::ranges::find_if(
        fitting, [&](const Joiner& joiner) { return Group(joiner.writer, joiner.cadence) != group; });
    const auto count = static_cast<std::size_t>(others - fitting.begin());
    due_elsewhere_ -= cohort.join(joiners.first(count), moment, story, pasts);
    joiners = joiners.subspan(count);
  }
}

std::uint32_t partition_of(std::string_view id, std::uint32_t count) {
  const std::uint64_t word = mix_words(hash_text(id), static_cast<std::uint64_t>(Stream::partition));
  return static_cast<std::uint32_t>(uniform_below(word, count)) + 1;
}

std::vector<std::uint32_t> partition_members(const identity::Roster& roster, config::Partition partition) {
  std::vector<std::uint32_t> members;
  members.reserve(roster.size() / partition.count + 1);
  for (std::uint32_t i = 0; i < roster.size(); ++i) {
    if (partition_of(roster[i].id, partition.count) == partition.index) members.push_back(i);
  }
  return members;
}

namespace {

// The anomalies that a config asks for, although there are none by default.
std::vector<AnomalyType> asked_for(const config::AnomalySettings& anomalies) {
  std::vector<AnomalyType> asked;
  for (std::size_t k = 0; anomalies.enabled && k < anomaly_type_count; ++k) {
    const config::AnomalyTypeSettings& settings = anomalies.types[k];
    if (anomaly_types[k].weight == 0 && settings.enabled && settings.weight > 0)
      asked.push_back(static_cast<AnomalyType>(k));
  }
  return asked;
}

// Whether the behaviors of a sensor leave it any of these anomalies.
bool may_have(const identity::Roster& roster, const identity::Identity& identity,
              const config::Config& config, const types::SensorType& type, AnomalyType anomaly) {
  const model::ProfileSource source = profile_source(roster, identity, config, type);
  const model::FourBehaviors behaviors = model::find_behaviors(config.behaviors, source);
  return std::ranges::all_of(behaviors, [&](const model::FoundBehavior& found) {
    return found.behavior->weights[index_of(anomaly)] > 0;
  });
}

// Anomalies that are asked for, of sensors that have no channel for them. A line for each type of sensor.
void check_anomalies(const identity::Roster& roster, std::span<const std::uint32_t> members,
                     const config::Config& config, Problems& problems, const types::Catalog& types) {
  for (const AnomalyType anomaly : asked_for(config.anomalies)) {
    std::map<identity::Text, bool> is_settled;  // by type: it has such a channel, or has been reported
    for (const std::uint32_t member : members) {
      const identity::Identity& identity = roster[member];
      const types::SensorType& type = types[roster.text(identity.type)];
      const auto [entry, is_new] = is_settled.try_emplace(identity.type);
      if (is_new) entry->second = model::can_happen(config, type, anomaly);
      if (entry->second || !may_have(roster, identity, config, type, anomaly)) continue;
      entry->second = true;
      const std::string weight = fmt::format("anomalies.types.{}.weight", name_of(anomaly));
      problems.add(weight, fmt::format("must be 0 for sensors of the type '{}' (such as '{}'), which have no "
                                       "{}; give a channel of the type rails, set the weight to 0, or let a "
                                       "behavior of these sensors multiply it by 0",
                                       type.schema.type(), identity.id, model::affected_channel(anomaly)));
    }
  }
}

}  // namespace

void check_members(const identity::Roster& roster, std::span<const std::uint32_t> members,
                   const config::Config& config, Problems& problems, const types::Catalog& types) {
  check_anomalies(roster, members, config, problems, types);
  for (const std::uint32_t member : members) {
    const identity::Identity& identity = roster[member];
    if (identity.overrides == identity::Identity::no_overrides) continue;
    const types::SensorType& type = types[roster.text(identity.type)];
    const types::NormalParameters merged = merged_parameters(config, type, roster.overrides(identity));
    for (std::size_t c = 0; c < merged.size(); ++c) {
      const std::string wrong = types::problem_of(merged[c]);
      if (wrong.empty()) continue;
      problems.add(fmt::format("sensor '{}'", identity.id),
                   fmt::format("normal_parameters.{}.{} once the config's values are filled in",
                               type.schema.channels()[c].name, wrong));
    }
  }
}

Fleet build_fleet(const identity::Roster& roster, std::span<const std::uint32_t> members,
                  std::span<const std::uint32_t> writer_of, const config::Config& config, std::uint64_t seed,
                  Timestamp start, std::shared_ptr<const types::Catalog> types, std::size_t most_in_cohort) {
  auto profiles = std::make_shared<ProfileTable>(roster, std::make_shared<const config::Config>(config),
                                                 std::move(types), seed);
  std::vector<std::optional<Cohort>> built;
  {
    std::set<Cadence> cadences;
    const std::vector<Placed> placed = place_sensors(roster, members, writer_of, config, *profiles, cadences);
    const auto parts = into_cohorts(placed, most_in_cohort);
    built.resize(parts.size());
    tbb::parallel_for(std::size_t{0}, parts.size(),
                      [&](std::size_t i) { built[i].emplace(cohort_of(parts[i], start, seed)); });
  }
  std::vector<Cohort> cohorts;
  cohorts.reserve(built.size());
  for (std::optional<Cohort>& one : built) cohorts.push_back(std::move(*one));
  Fleet fleet(std::move(profiles), std::move(cohorts), start, seed);
  if (config::delivers(config)) fleet.deliver(config.delivery);
  return fleet;
}

}  // namespace fleet_sim::fleet
