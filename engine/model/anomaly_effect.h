// What a type of anomaly does to the readings of a sensor. Each row of base/anomaly_types.def has an effect,
// NAME_effect, defined in anomaly_NAME.cc; where the file is missing, the linker names it. An effect is
// relative, graded, or either: relative ones change values by shares of themselves, graded ones change the
// level of one channel by multiples of how much it changes while nothing is wrong. Both are a few pure
// functions, each with a default for types that do not need it. Constants; any thread. Called for anomalous
// readings only, so a call through a pointer is cheap enough.
#pragma once

#include <optional>
#include <string_view>

#include "base/anomaly_types.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "batch/reading.h"
#include "model/anomaly.h"
#include "model/profile.h"

namespace fleet_sim::model {

// How strong a type is, before the behaviors' severity multiplies it, and how explanations speak of that.
struct Strength {
  double usual;
  std::string_view key;   // in JSON: trend_change
  std::string_view word;  // in text: change
  std::string_view of;    // what it is a share of: of the value at the end
};

// Mean and standard deviation of a channel while nothing is wrong (spread.h).
struct UsualLevel {
  double mean;
  double deviation;
};

struct RelativeEffect {
  // Sets what the anomaly keeps to its end: channel, direction and magnitude, which are what ground truth
  // says of it. Type and times are set already.
  void (*begin)(Anomaly& anomaly, const Profile& profile,
                const RandomBlock& draws) = [](Anomaly&, const Profile&, const RandomBlock&) {};

  // Changes what the sensor would normally read.
  void (*apply)(const AffectedReading& reading, batch::Values& values) = [](const AffectedReading&,
                                                                            batch::Values&) {};

  // Whether it continues as recorded when the profile becomes another.
  bool (*continues)(const Profile& was, const Profile& is) = [](const Profile&, const Profile&) {
    return true;
  };

  bool draws_noise = false;  // for each reading

  std::optional<Strength> strength =
      std::nullopt;  // none for types that have none, or keys of their own for it
};

struct GradedEffect {
  // After how long the change of a channel is what severity counts in (Spread::sigma): the length of the
  // anomaly, half a period of a pattern, or the time from one reading to the next.
  enum class SigmaOf { nothing, duration, half_period, reading };
  SigmaOf sigma_of = SigmaOf::duration;

  // Which channels it can affect: gauges, those of a device with rails, or any.
  enum class Channels { gauges, with_rails, all };
  Channels channels = Channels::gauges;

  bool has_direction = false;
  bool draws_noise = false;        // for each reading
  bool needs_onset_level = false;  // Anomaly::reference begins as the level at the onset

  // Sets magnitude, and reference where it is not the level at the onset. All else is set already.
  void (*size)(Anomaly& anomaly, const Profile& profile,
               const UsualLevel& usual) = [](Anomaly& anomaly, const Profile&, const UsualLevel&) {
    anomaly.magnitude = *anomaly.severity * *anomaly.sigma;
  };
  // Sets the reference to what follows from the level at the onset.
  void (*onset)(Anomaly& anomaly, double at_onset) = [](Anomaly& anomaly, double at_onset) {
    anomaly.reference = at_onset;
  };

  // The level instead of `level`.
  double (*level)(const AffectedReading& reading, double usual);
};

struct AnomalyEffect {
  std::optional<RelativeEffect> relative = std::nullopt;
  std::optional<GradedEffect> graded = std::nullopt;  // neither: it takes rows

  // An anomaly that is over before its readings show it would be a label on nothing: it lasts for so many
  // readings at least …
  double fewest_readings = 0;
  bool lasts_a_period = false;  // … and for the period of a pattern
};

#define ANOMALY_TYPE(name, ...) extern const AnomalyEffect name##_effect;
#include "base/anomaly_types.def"
#undef ANOMALY_TYPE

const AnomalyEffect& effect_of(AnomalyType type);

// What a channel must be for a graded anomaly of the type to affect it: "gauge with rails".
std::string_view affected_channel(AnomalyType type);

// How strong relative anomalies of the type are; none for types that have no strength.
const std::optional<Strength>& strength_of(AnomalyType type);
// The strength that the profile gives to anomalies of this type.
double strength_of(const Anomaly& anomaly, const Profile& profile);

// For `begin` of types that affect one channel: draws it and the direction, from the first two words.
void aim_at_one_channel(Anomaly& anomaly, const Profile& profile, const RandomBlock& draws);

// How far the anomaly has come: 0 at its start, 1 at its end.
double progress(const AffectedReading& reading);

// Along half a cosine from 0 to 1 in the first part of the anomaly, the edge, and back in the last.
double envelope(const AffectedReading& reading);

// Whether something that happens in a share of the time, in stretches of 4 seconds, happens at `due`.
bool happens(double share, std::uint64_t seed, std::uint64_t key, Timestamp due);

}  // namespace fleet_sim::model
