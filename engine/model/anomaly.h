// An Anomaly is what a sensor is in the middle of: its type, and everything drawn at its onset, so that a
// trend cannot change its direction half-way. What each type draws and does is its AnomalyEffect
// (anomaly_effect.h), in a file of its own. Pure values, trivially copyable; owned by the sensor.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

#include "base/random.h"
#include "base/terms.h"
#include "base/timestamp.h"
#include "batch/reading.h"
#include "model/draws.h"
#include "model/profile.h"

namespace fleet_sim::model {

struct Anomaly {
  Timestamp started_at = 0;
  Timestamp ended_at = 0;               // its last microsecond
  std::optional<double> magnitude;      // a spike's factor, a trend's change; none when it has no size
  std::uint32_t readings_affected = 0;  // by this run
  std::optional<AnomalyType> type;      // none: the sensor reads normally
  std::optional<Channel> channel;       // that it affects; none when that are several
  std::int8_t direction = 0;            // 1 up, -1 down, 0 neither
  bool injected = false;                // asked for, not drawn

  [[nodiscard]] bool active() const { return type.has_value(); }
};
static_assert(std::is_trivially_copyable_v<Anomaly>);

// An anomaly of type `type` that starts at `started_at`; `draws` decide its channel, direction and magnitude.
Anomaly begin_anomaly(const Profile& profile, AnomalyType type, Timestamp started_at,
                      const RandomBlock& draws);

// Whether an anomaly, if there is one, continues as it was recorded when the sensor's profile becomes
// another: what was drawn at its onset does, a pattern or noise takes its strength from the profile.
bool continues_under(const Anomaly& anomaly, const Profile& was, const Profile& is);

// Whether an active anomaly draws words of Stream::noise for each of its readings.
bool draws_noise(const Anomaly& anomaly);

// What the sensor reads at `due` instead of `values`. `noise` is used by types that draw it only. Not for
// types that take rows, which read nothing.
batch::Values apply_anomaly(const Anomaly& anomaly, const Profile& profile, const batch::Values& values,
                            Timestamp due, const Draws& noise);

// An active anomaly as a row of ground truth.
batch::AnomalyEvent describe_anomaly(const Anomaly& anomaly, batch::AnomalyEvent::Kind kind,
                                     std::uint32_t sensor);

}  // namespace fleet_sim::model
