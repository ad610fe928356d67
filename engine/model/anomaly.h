// An Anomaly is what a sensor is in the middle of: its type, and everything drawn at its onset, so that a
// trend cannot change its direction half-way. What each type draws and does is its AnomalyEffect
// (anomaly_effect.h), in a file of its own. Pure values, trivially copyable; owned by the sensor.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

#include "base/random.h"
#include "base/terms.h"
#include "base/timestamp.h"
#include "batch/compact_optional.h"
#include "batch/reading.h"
#include "model/draws.h"
#include "model/profile.h"

namespace fleet_sim::model {

// What somebody who asks for an anomaly may say of it; what is not said is drawn.
struct AnomalyRequest {
  AnomalyType type;
  std::optional<Channel> channel = {};  // one that can have it: can_affect
  std::optional<double> severity = {};
  std::optional<Microseconds> duration = {};
  AnomalyCause cause = AnomalyCause::drawn;
};

struct Anomaly {
  Timestamp started_at = 0;
  Timestamp ended_at = 0;                    // its last microsecond
  batch::CompactOptional<double> magnitude;  // a spike's factor, a trend's change; none when it has no size
  batch::CompactOptional<double> severity;   // of a graded one
  batch::CompactOptional<double> sigma;      // what its severity counts in
  double reference = 0;                      // which level a graded one takes to be right, by its type
  std::uint32_t readings_affected = 0;       // by this run
  batch::CompactOptional<AnomalyType> type;  // none: the sensor reads normally
  batch::CompactOptional<Channel> channel;   // that it affects; none when that are several
  std::int8_t direction = 0;                 // 1 up, -1 down, 0 neither
  AnomalyCause cause : 7 = AnomalyCause::drawn;
  bool has_shown : 1 = false;  // whether a reading of this run has been due in it

  [[nodiscard]] bool active() const { return type.has_value(); }
};
static_assert(std::is_trivially_copyable_v<Anomaly>);

// Whether an anomaly of this type can affect that channel of a sensor.
bool can_affect(const Profile& profile, AnomalyType type, Channel channel);

// Whether such an anomaly can begin in a sensor: it has a channel for it.
bool can_happen(const Profile& profile, const AnomalyRequest& request);

// Whether any sensor of a type has a channel for anomalies of this type, or they need none.
bool can_happen(const config::Config& config, const types::SensorType& sensor_type, AnomalyType type);

// Whether anomalies of this type are graded in sensors of this profile, rather than relative.
bool is_graded(const Profile& profile, AnomalyType type);

// An anomaly of the requested type that starts at `started_at`; `draws` decide what the request leaves open:
// channel, direction, size and how long it lasts. It lasts for at most `longest`, which is when the sensor
// fails of age.
Anomaly begin_anomaly(const Profile& profile, const AnomalyRequest& request, Timestamp started_at,
                      const RandomBlock& draws,
                      Microseconds longest = std::numeric_limits<Microseconds>::max());

// Whether it depends on what its channel would have read as it began; if so, it is to be told at once: the
// level of a gauge, state or counter (sources/signal.h), the reading of a product.
bool needs_onset_level(const Anomaly& anomaly);
void set_onset_level(Anomaly& anomaly, double level);

// Whether an anomaly, if there is one, continues as it was recorded when the sensor's profile becomes
// another. What was drawn at its onset is kept. What is not ends it when it changes: the strength of a
// relative pattern or noise, the edge of anything graded, the scale of its channel, a rail that it needs, the
// agings.
bool continues_under(const Anomaly& anomaly, const Profile& was, const Profile& is);

// Whether an active anomaly draws words of Stream::noise for each of its readings.
bool draws_noise(const Anomaly& anomaly);

// Whether the reading at `due`, which lies in the anomaly, is not there. `key` is its sensor's, with the
// run's seed the source of its randomness.
bool takes_reading(const Anomaly& anomaly, std::uint64_t seed, std::uint64_t key, Timestamp due);

// A reading in an anomaly on its way.
struct AffectedReading {
  const Anomaly& anomaly;
  const Profile& profile;
  Timestamp due;
  const Draws& noise;      // zeros unless the type draws noise
  std::uint64_t seed = 0;  // of the run, and the …
  std::uint64_t key = 0;   // … sensor's
  double white = 0;        // the standard normal number that the channel drew for this reading
};

// What the sensor reads instead of `values`. Not for types that take rows.
batch::Values apply_anomaly(const AffectedReading& reading, const batch::Values& values);

// What a graded anomaly makes of the level of its channel, or of the reading of a product.
double apply_graded(const AffectedReading& reading, double level);
bool is_graded(const Anomaly& anomaly);

// An active anomaly as a row of ground truth.
batch::AnomalyEvent describe_anomaly(const Anomaly& anomaly, batch::AnomalyEvent::Kind kind,
                                     std::uint32_t sensor);

}  // namespace fleet_sim::model
