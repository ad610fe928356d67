#include "fleet/profile_table.h"

#include "model/resolution.h"
#include "zones/zone_data.h"

namespace fleet_sim::fleet {

namespace {

std::vector<std::uint32_t> names_of_agings(const identity::Roster& roster, const types::SensorType& type) {
  std::vector<std::uint32_t> names;
  if (!type.signal) return names;
  for (const types::Aging& aging : type.signal->agings)
    names.push_back(static_cast<std::uint32_t>(roster.find_text(aging.name)));
  return names;
}

}  // namespace

types::NormalParameters merged_parameters(const config::Config& config, const types::SensorType& type,
                                          const identity::IdentityOverrides& own) {
  types::NormalParameters merged = model::normal_parameters(config, type);
  for (std::size_t c = 0; c < merged.size(); ++c) {
    const identity::ChannelOverride& channel = own.channel(type.schema.channels()[c].name);
    merged[c] = {channel.mean.value_or(merged[c].mean), channel.std_dev.value_or(merged[c].std_dev),
                 channel.min.value_or(merged[c].min), channel.max.value_or(merged[c].max)};
  }
  return merged;
}

std::shared_ptr<const types::Catalog> types_under(const config::Config& config,
                                                  std::shared_ptr<const types::Catalog> otherwise) {
  if (config.types.empty()) return otherwise;
  return std::make_shared<const types::Catalog>(config.types);
}

Rate rate_of(const identity::Roster& roster, const identity::Identity& identity,
             const config::Config& config) {
  return roster.overrides(identity).rate.value_or(config.simulation.rate);
}

Cadence cadence_of(const identity::Roster& roster, const identity::Identity& identity,
                   const config::Config& config) {
  return Cadence(rate_of(roster, identity, config), config.simulation.phase);
}

model::ProfileSource profile_source(const identity::Roster& roster, const identity::Identity& identity,
                                    const config::Config& config, const types::SensorType& type) {
  const identity::IdentityOverrides& own = roster.overrides(identity);
  return {roster.text(identity.firmware_version),
          roster.text(identity.model),
          roster.text(identity.manufacturer),
          roster.text(identity.location),
          rate_of(roster, identity, config),
          merged_parameters(config, type, own),
          &own,
          &type,
          own.time_zone.empty() ? std::nullopt : zones::find_zone(own.time_zone)};
}

void note_names(identity::Roster& roster, const types::Catalog& types) {
  for (const std::string_view name : types.names()) {
    const auto& signal = types[name].signal;
    if (!signal) continue;
    for (const types::Aging& aging : signal->agings) roster.intern(aging.name);
  }
}

ProfileTable::ProfileTable(const identity::Roster& roster, std::shared_ptr<const config::Config> config,
                           std::shared_ptr<const types::Catalog> types, std::uint64_t seed)
    : roster_(roster), config_(std::move(config)), types_(std::move(types)), seed_(seed) {
  for (const std::string_view name : types_->names())
    aging_names_[&(*types_)[name]] = names_of_agings(roster, (*types_)[name]);
}

ProfileTable::Entry ProfileTable::find_or_resolve(const identity::Identity& identity) {
  const std::lock_guard lock(mutex_);
  const std::string_view location =
      model::location_class(config_->behaviors, roster_.text(identity.location));
  const Key key{identity.type, identity.firmware_version, identity.model, identity.manufacturer,
                location,      identity.overrides};
  const auto [entry, is_new] = known_.try_emplace(key, nullptr);
  if (is_new) {
    const types::SensorType& type = type_of(identity);
    model::ProfileSource source = profile_source(roster_, identity, *config_, type);
    source.spread = spread_of(type);
    source.aging_names = aging_names_[&type];
    model::Profile& resolved = profiles_.emplace_back(model::resolve_profile(*config_, source));
    resolved.firmware = roster_.firmware_number(identity.firmware_version);
    entry->second = &resolved;
    if (model::draws_graded(resolved)) source.spread->compute();  // here, not when a reading waits for it
  }
  const model::Profile& profile = *entry->second;
  return {&profile, profile.signal ? shared_keys(identity, *profile.signal) : nullptr};
}

const std::shared_ptr<const model::TypeSpread>& ProfileTable::spread_of(const types::SensorType& type) {
  std::shared_ptr<const model::TypeSpread>& spread = spreads_[&type];
  if (!spread) spread = model::spread_of(*config_, type);
  return spread;
}

const model::SharedKeys* ProfileTable::shared_keys(const identity::Identity& identity,
                                                   const sources::Signal& signal) {
  if (!signal.sources().has_shared()) return nullptr;
  const auto [entry, is_new] = shared_.try_emplace(Place(identity.type, identity.location));
  const std::string_view location = roster_.text(identity.location);
  if (is_new) entry->second = signal.sources().shared_keys(seed_, location, identity::site_of(location));
  return &entry->second;
}

}  // namespace fleet_sim::fleet
