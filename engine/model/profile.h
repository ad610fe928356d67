// The numbers of one kind of sensor: normal parameters, behaviors of its firmware, model, manufacturer and
// location class, and its rate, all resolved into what the tick needs. Sensors alike share one profile; the
// tick compares no strings. Built while starting and reloading; immutable afterwards; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/cadence.h"
#include "base/terms.h"
#include "base/timestamp.h"
#include "config/config.h"
#include "identity/identity.h"
#include "model/aging.h"
#include "model/duration.h"
#include "model/spread.h"
#include "sources/signal.h"
#include "types/built_in_type.h"
#include "zones/zone.h"

namespace fleet_sim::model {

// What a profile is resolved from.
struct ProfileSource {
  std::string_view firmware_version;
  std::string_view model;
  std::string_view manufacturer;
  std::string_view location;
  Rate rate = 1;
  types::NormalParameters normal_parameters{};
  const identity::IdentityOverrides* own =
      nullptr;  // which of the numbers are the identity's; only explanations ask
  const types::SensorType* type = &types::built_in_type();
  std::optional<zones::Zone> zone = {};           // its own; none: the config's
  std::vector<std::uint32_t> aging_names = {};    // texts of the Roster, by aging; none: nothing says them
  std::shared_ptr<const TypeSpread> spread = {};  // of its type under the config; none: one of its own
};

struct ChannelProfile {
  double mean = 0;
  double deviation = 0;  // standard deviation with the spread applied
  double min = 0;
  double max = 0;
  double pattern = 0;  // which way a pattern takes it first: 1, -1, or 0 for not at all
  double daily = 0;    // how much of what the time of day adds is added here: all, 1, or nothing
  double weight = 1;   // how often graded anomalies pick it, beside the others that they can affect
  bool is_gauge = true;
  bool is_product = false;      // computed from the readings of other channels
  bool is_logarithmic = false;  // whether its level is the logarithm of what it reads
  bool has_low_rail = false;    // whether the device shows nothing below some value, or …
  bool has_high_rail = false;   // … above
};

// That of a channel of a type, with what the type alone decides.
ChannelProfile kind_of(const types::SensorType& type, std::size_t channel);

struct Profile {
  std::vector<ChannelProfile> channels;
  std::uint8_t firmware = 0;   // its number in the Roster, by which readings are counted
  double daily_amplitude = 0;  // in the unit of the channel that the day acts on, as is …
  double work_hours_rise = 0;  // … this
  zones::Zone zone;  // of the sensor's clock, which the day follows: a table, so that a reading stays a
                     // function of its due time
  std::shared_ptr<const sources::Signal> signal;  // of a declared type; none: white noise around the means
  std::shared_ptr<const Agings> agings;           // of a type that has any
  std::vector<std::uint32_t> aging_names;         // in the Roster, as many as there are agings

  // Cumulative over the anomaly types: a uniform draw below entry k, and not below entry k-1, means type k.
  PerAnomalyType<double> onset_until{};           // that an unaffected sensor starts one at its next reading
  PerAnomalyType<double> steady_until{};          // that a reading of the long run lies in one
  PerAnomalyType<double> readings_per_anomaly{};  // in the mean
  PerAnomalyType<Duration> duration{};
  double readings_per_second = 1;

  bool graded = false;                       // whether anomalies that could be relative are graded
  PerAnomalyType<Range> severity{};          // of those that are graded, with that of the behaviors applied
  std::shared_ptr<const TypeSpread> spread;  // what severities count in
  double edge = 0;          // share of its duration in which a graded anomaly comes, and goes
  bool keep_noise = false;  // whether a stuck channel keeps its white noise

  std::vector<double> channel_until;  // cumulative: which channel a relative spike or trend picks
  config::Range spike_factor;         // with the severity applied
  PerAnomalyType<double> strength{};  // of types whose effect has one, with the severity applied
  Microseconds pattern_period = 0;
  std::vector<double> noise_factor;  // by channel: standard deviation as a share of the value
};

// The largest share of anomalous readings; beyond it a sensor would hardly ever be normal.
inline constexpr double highest_anomaly_share = 0.95;

// The longest key of behaviors.location that the location starts with; empty when there is none.
std::string_view location_class(const config::Behaviors& behaviors, std::string_view location);

// What the channels of a type normally read unless an identity says otherwise: what the config says of the
// built-in type, and what any other declares.
const types::NormalParameters& normal_parameters(const config::Config& config,
                                                 const types::SensorType& type = types::built_in_type());

// Whether anomalies of a type of sensor that could be relative are graded.
bool is_graded(const config::Config& config, const types::SensorType& type);

// Whether anomalies that need the spread of the type begin in sensors of the profile.
bool draws_graded(const Profile& profile);

// Whether the severity of such an anomaly counts in the spread of the type.
bool counts_in_spread(const Profile& profile, AnomalyType type);

// What severities count in, for the sensors of a type.
std::shared_ptr<const TypeSpread> spread_of(const config::Config& config, const types::SensorType& type);

// Whether sensors of both wear out alike.
bool same_agings(const Profile& a, const Profile& b);

// How many readings an anomaly of this length affects.
double readings_in(double seconds, double readings_per_second);

// How many readings a swing or a drift takes to be seen, and how many the repetition of a value.
inline constexpr double fewest_readings_to_show = 8;
inline constexpr double fewest_readings_to_repeat = 3;

// How long anomalies last and how long a pattern's swing takes, in seconds.
struct AnomalyTimes {
  PerAnomalyType<DurationRange> duration{};
  double pattern_period = 0;

  bool operator==(const AnomalyTimes&) const = default;
};

// As the config has them …
AnomalyTimes configured_times(const config::Config& config, const Rate& rate);

// … and as they are at this rate: a slow sensor's are longer, so that its readings show what they are
// labeled as.
AnomalyTimes resolve_times(const config::Config& config, const Rate& rate);

Profile resolve_profile(const config::Config& config, const ProfileSource& source);

}  // namespace fleet_sim::model
