// What a type of anomaly does to the readings of a sensor. Each row of base/anomaly_types.def has an effect,
// NAME_effect, defined in anomaly_NAME.cc; where the file is missing, the linker names it. An effect is a few
// pure functions, each with a default for types that do not need it. Constants; any thread. Called for
// anomalous readings only, so a call through a pointer is cheap enough.
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

// An affected reading on its way.
struct AffectedReading {
  const Anomaly& anomaly;
  const Profile& profile;
  Timestamp due;
  const Draws& noise;  // zeros unless the type draws noise
};

// How strong a type is, before the behaviors' severity multiplies it, and how explanations speak of that.
struct Strength {
  double usual;
  std::string_view key;   // in JSON: trend_change
  std::string_view word;  // in text: change
  std::string_view of;    // what it is a share of: of the value at the end
};

struct AnomalyEffect {
  // Sets what the anomaly keeps to its end: channel, direction and magnitude, which are what ground truth
  // says of it. Type and times are set already.
  void (*begin)(Anomaly& anomaly, const Profile& profile,
                const RandomBlock& draws) = [](Anomaly&, const Profile&, const RandomBlock&) {};

  // Changes what the sensor would normally read. Not called for types that take rows.
  void (*apply)(const AffectedReading& reading, batch::Values& values) = [](const AffectedReading&,
                                                                            batch::Values&) {};

  // Whether it continues as recorded when the profile becomes another.
  bool (*continues)(const Profile& was, const Profile& is) = [](const Profile&, const Profile&) {
    return true;
  };

  bool draws_noise = false;  // for each reading

  // An anomaly that is over before its readings show it would be a label on nothing: it lasts for so many
  // readings at least …
  double fewest_readings = 0;
  bool lasts_a_period = false;  // … and for the period of a pattern

  std::optional<Strength> strength =
      std::nullopt;  // none for types that have none, or keys of their own for it
};

#define ANOMALY_TYPE(name, ...) extern const AnomalyEffect name##_effect;
#include "base/anomaly_types.def"
#undef ANOMALY_TYPE

const AnomalyEffect& effect_of(AnomalyType type);

// The strength that the profile gives to anomalies of this type.
double strength_of(const Anomaly& anomaly, const Profile& profile);

// For `begin` of types that affect one channel: draws it and the direction, from the first two words.
void aim_at_one_channel(Anomaly& anomaly, const Profile& profile, const RandomBlock& draws);

// How far the anomaly has come: 0 at its start, 1 at its end.
double progress(const AffectedReading& reading);

}  // namespace fleet_sim::model
