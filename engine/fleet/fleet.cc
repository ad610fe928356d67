#include "fleet/fleet.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "base/random.h"

namespace fleet_sim {
namespace {

NormalParameters merged_parameters(const NormalParameters& normal, const IdentityOverrides& overrides) {
  NormalParameters merged = normal;
  for (std::size_t c = 0; c < channel_count; ++c) {
    const ChannelOverride& own = overrides.normal_parameters[c];
    merged[c] = {own.mean.value_or(normal[c].mean), own.std_dev.value_or(normal[c].std_dev),
                 own.min.value_or(normal[c].min), own.max.value_or(normal[c].max)};
  }
  return merged;
}

// One profile per distinct combination of what decides it.
class ProfileTable {
 public:
  ProfileTable(const Roster& roster, const Config& config) : roster_(roster), config_(config) {}

  const Profile* find_or_resolve(const Identity& identity) {
    const std::string_view location = location_class(config_.behaviors, roster_.text(identity.location));
    const Key key{identity.firmware_version, identity.model, identity.manufacturer, location,
                  identity.overrides};
    const auto [entry, is_new] = known_.try_emplace(key, nullptr);
    if (is_new) {
      entry->second =
          &profiles_.emplace_back(resolve_profile(config_, profile_source(roster_, identity, config_)));
    }
    return entry->second;
  }

  std::deque<Profile> take() { return std::move(profiles_); }

 private:
  using Key = std::tuple<Text, Text, Text, std::string_view, std::uint32_t>;

  const Roster& roster_;
  const Config& config_;
  std::map<Key, const Profile*> known_;
  std::deque<Profile> profiles_;
};

// A sensor on its way into a cohort.
struct Placed {
  std::uint32_t writer;
  double rate;
  Sensor sensor;

  // Cohorts are runs of this order: one writer, one rate, rising phase. The key breaks ties, so that the
  // order does not depend on the order of the files.
  [[nodiscard]] auto order() const { return std::tuple(writer, rate, sensor.phase, sensor.key); }
};

std::vector<Placed> place_sensors(const Roster& roster, std::span<const std::uint32_t> members,
                                  std::span<const std::uint32_t> writer_of, const Config& config,
                                  ProfileTable& profiles) {
  std::vector<Placed> placed;
  placed.reserve(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Identity& identity = roster[members[i]];
    const double rate = rate_of(roster, identity, config);
    const std::uint64_t key = hash_text(identity.id);
    const Profile* profile = profiles.find_or_resolve(identity);
    placed.push_back(
        {writer_of[i], rate, {key, phase_of(key, Cadence(rate)), profile, members[i], Anomaly{}}});
  }
  std::sort(placed.begin(), placed.end(),
            [](const Placed& a, const Placed& b) { return a.order() < b.order(); });
  return placed;
}

}  // namespace

Fleet::Fleet(std::deque<Profile> profiles, std::vector<Cohort> cohorts)
    : profiles_(std::move(profiles)), cohorts_(std::move(cohorts)) {
  for (const Cohort& cohort : cohorts_) {
    size_ += cohort.size();
    readings_per_second_ += cohort.readings_per_second();
  }
}

std::uint64_t Fleet::due_before(Timestamp until) const {
  std::uint64_t due = 0;
  for (const Cohort& cohort : cohorts_) due += cohort.due_before(until);
  return due;
}

void Fleet::go_on_at(Timestamp moment, const PastAnomalies& past) {
  for (Cohort& cohort : cohorts_) cohort.go_on_at(moment, past);
}

std::uint32_t partition_of(std::string_view id, std::uint32_t count) {
  const std::uint64_t word = mix_words(hash_text(id), static_cast<std::uint64_t>(Stream::partition));
  return static_cast<std::uint32_t>(uniform_below(word, count)) + 1;
}

std::vector<std::uint32_t> partition_members(const Roster& roster, Partition partition) {
  std::vector<std::uint32_t> members;
  members.reserve(roster.size() / partition.count + 1);
  for (std::uint32_t i = 0; i < roster.size(); ++i) {
    if (partition_of(roster[i].id, partition.count) == partition.index) members.push_back(i);
  }
  return members;
}

double rate_of(const Roster& roster, const Identity& identity, const Config& config) {
  return roster.overrides(identity).readings_per_second.value_or(config.simulation.readings_per_second);
}

ProfileSource profile_source(const Roster& roster, const Identity& identity, const Config& config) {
  const IdentityOverrides& own = roster.overrides(identity);
  return {roster.text(identity.firmware_version),
          roster.text(identity.model),
          roster.text(identity.manufacturer),
          roster.text(identity.location),
          rate_of(roster, identity, config),
          merged_parameters(config.normal_parameters, own),
          &own};
}

void check_members(const Roster& roster, std::span<const std::uint32_t> members, const Config& config,
                   Problems& problems) {
  for (const std::uint32_t member : members) {
    const Identity& identity = roster[member];
    if (identity.overrides == Identity::no_overrides) continue;
    const NormalParameters merged = merged_parameters(config.normal_parameters, roster.overrides(identity));
    for (std::size_t c = 0; c < channel_count; ++c) {
      if (merged[c].min <= merged[c].max) continue;
      problems.add("sensor '" + std::string(identity.id) + "'",
                   "normal_parameters." + std::string(channel_names[c]) + ": min " +
                       std::to_string(merged[c].min) + " is above max " + std::to_string(merged[c].max) +
                       " once the config's values fill in; give both min and max");
    }
  }
}

Fleet build_fleet(const Roster& roster, std::span<const std::uint32_t> members,
                  std::span<const std::uint32_t> writer_of, const Config& config, std::uint64_t seed,
                  Timestamp start) {
  ProfileTable profiles(roster, config);
  const std::vector<Placed> placed = place_sensors(roster, members, writer_of, config, profiles);

  std::vector<Cohort> cohorts;
  std::vector<Sensor> sensors;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    sensors.push_back(placed[i].sensor);
    const bool last = i + 1 == placed.size() || placed[i + 1].writer != placed[i].writer ||
                      placed[i + 1].rate != placed[i].rate || sensors.size() == Cohort::most_sensors;
    if (!last) continue;
    cohorts.emplace_back(std::move(sensors), Cadence(placed[i].rate), start, seed, placed[i].writer);
    sensors.clear();
  }
  return Fleet(profiles.take(), std::move(cohorts));
}

}  // namespace fleet_sim
