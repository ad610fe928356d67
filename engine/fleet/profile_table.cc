#include "fleet/profile_table.h"

namespace fleet_sim::fleet {

config::NormalParameters merged_parameters(const config::NormalParameters& normal,
                                           const identity::IdentityOverrides& own) {
  config::NormalParameters merged = normal;
  for (std::size_t c = 0; c < channel_count; ++c) {
    const identity::ChannelOverride& channel = own.normal_parameters[c];
    merged[c] = {channel.mean.value_or(normal[c].mean), channel.std_dev.value_or(normal[c].std_dev),
                 channel.min.value_or(normal[c].min), channel.max.value_or(normal[c].max)};
  }
  return merged;
}

double rate_of(const identity::Roster& roster, const identity::Identity& identity,
               const config::Config& config) {
  return roster.overrides(identity).readings_per_second.value_or(config.simulation.readings_per_second);
}

model::ProfileSource profile_source(const identity::Roster& roster, const identity::Identity& identity,
                                    const config::Config& config) {
  const identity::IdentityOverrides& own = roster.overrides(identity);
  return {roster.text(identity.firmware_version),
          roster.text(identity.model),
          roster.text(identity.manufacturer),
          roster.text(identity.location),
          rate_of(roster, identity, config),
          merged_parameters(config.normal_parameters, own),
          &own};
}

const model::Profile* ProfileTable::find_or_resolve(const identity::Identity& identity) {
  const std::string_view location =
      model::location_class(config_->behaviors, roster_.text(identity.location));
  const Key key{identity.firmware_version, identity.model, identity.manufacturer, location,
                identity.overrides};
  const auto [entry, is_new] = known_.try_emplace(key, nullptr);
  if (is_new) {
    entry->second = &profiles_.emplace_back(
        model::resolve_profile(*config_, profile_source(roster_, identity, *config_)));
  }
  return entry->second;
}

}  // namespace fleet_sim::fleet
