// The five anomalies. An Anomaly is what a sensor is in the middle of: its kind with every parameter drawn at
// onset, so that a trend cannot change its direction half-way. A sixth kind does not compile until each visit
// below handles it. Pure values, trivially copyable; owned by the sensor.
#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>

#include "base/random.h"
#include "base/terms.h"
#include "base/timestamp.h"
#include "batch/reading.h"
#include "model/profile.h"

namespace fleet_sim::model {

struct NoAnomaly {};
struct Spike {
  double factor;  // multiplies the channel when up, divides it when down
  Channel channel;
  bool up;
};
struct Trend {
  double change;  // relative, at the end of the anomaly
  Channel channel;
  bool up;
};
struct Pattern {};
struct MissingData {};
struct Noise {};

struct Anomaly {
  std::variant<NoAnomaly, Spike, Trend, Pattern, MissingData, Noise> kind;
  Timestamp started_at = 0;
  Timestamp ended_at = 0;               // its last microsecond
  std::uint32_t readings_affected = 0;  // by this run
  bool injected = false;                // asked for, not drawn

  [[nodiscard]] bool active() const { return kind.index() != 0; }
};
static_assert(std::is_trivially_copyable_v<Anomaly>);

// An anomaly of type `type` that starts at `started_at`; `draws` decide its channel, direction and factor.
Anomaly begin_anomaly(const Profile& profile, AnomalyType type, Timestamp started_at,
                      const RandomBlock& draws);

// The type of an active anomaly.
AnomalyType type_of(const Anomaly& anomaly);

// Whether an anomaly goes on as it was recorded when the sensor's profile becomes another: what was drawn at
// its onset does, a pattern or noise takes its strength from the profile.
bool goes_on_under(const Anomaly& anomaly, const Profile& was, const Profile& is);

// What the sensor reads at `due` instead of `values`. `noise` is used by noise only. Not for missing data,
// which reads nothing.
batch::Values apply_anomaly(const Anomaly& anomaly, const Profile& profile, const batch::Values& values,
                            Timestamp due, const RandomBlock& noise);

// The anomaly as a row of ground truth.
batch::AnomalyEvent describe_anomaly(const Anomaly& anomaly, const Profile& profile,
                                     batch::AnomalyEvent::Kind kind, std::uint32_t sensor);

}  // namespace fleet_sim::model
