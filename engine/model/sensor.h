// The hot half of a sensor: what the tick reads and writes, small and trivially copyable so that a million of
// them sit in under 100 MB. Its cold half is the Identity under the same index. Owned by a cohort, touched by
// one thread at a time; nothing here looks at a clock: time is an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "base/cadence.h"
#include "base/timestamp.h"
#include "batch/reading.h"
#include "model/aging.h"
#include "model/anomaly.h"
#include "model/profile.h"
#include "sources/signal.h"

namespace fleet_sim::model {

using SharedKeys = std::vector<std::uint64_t>;

// How much is remembered of a sensor's signal between its readings (sources/signal.h).
inline std::size_t knot_words(const Profile& profile) {
  return profile.signal ? profile.signal->knot_words() : 0;
}

struct Sensor {
  static constexpr std::uint32_t no_ages = UINT32_MAX;

  std::uint64_t key;             // hash of the sensor's id: with the seed, all its randomness
  Microseconds phase;            // its first reading is due this long after the origin of its cadence
  const Profile* profile;        // borrowed from the fleet
  std::uint32_t identity;        // index into the Roster
  std::uint32_t ages = no_ages;  // where its cohort keeps what it remembers of the sensor's agings
  Anomaly anomaly{};
  const SharedKeys* shared = nullptr;  // of its sources that others share; borrowed from the fleet
};
static_assert(std::is_trivially_copyable_v<Sensor>);
static_assert(sizeof(Sensor) <= 96);

// How many agings a sensor has.
inline std::size_t agings_of(const Profile& profile) {
  return profile.agings ? profile.agings->size() : 0;
}

// What a scenario has made of a sensor, that its readings depend on.
struct Circumstances {
  std::span<const double> added{};        // to what each channel reads; none: nothing
  std::span<const Timestamp> serviced{};  // when the part of each aging was last replaced out of turn; none:
                                          // never
};

// What is remembered of a sensor between its readings. Without knots a reading takes longer; without ages it
// is the same, but nothing is said of the intervals of its agings.
struct Memory {
  sources::KnotWords knots{};       // knot_words() of it, or none
  std::span<AgingState> ages = {};  // agings_of() of it, or none
  Circumstances now{};
};

// When a reading is due, and the sensor's next one.
struct Due {
  Timestamp at;
  Timestamp next;
};

// What came of one due reading. There is no row when the anomaly takes it; `event` is set when the anomaly
// that the sensor is in the middle of shows for the first or the last time. Those of its agings stand with
// its ages.
struct Sample {
  batch::Values values;
  std::optional<AnomalyType> anomaly;
  std::optional<batch::AnomalyEvent::Kind> event;
  bool missing = false;
};

// Where in its period the sensor is read, from its id alone: sensors spread over the period, and stay where
// they are whatever the rest of the fleet does. Aligned ones are all at its beginning.
Microseconds phase_of(std::uint64_t key, const Cadence& cadence);

// Puts the sensor where the long run has it just before its first reading: perhaps in the middle of an
// anomaly.
void enter_steady_state(Sensor& sensor, std::uint64_t seed, Timestamp first_due, const Cadence& cadence);

// Puts the sensor where an earlier process left it: into the anomaly that it began at `started_at`. What the
// request leaves open is drawn as it was then.
void return_to_anomaly(Sensor& sensor, std::uint64_t seed, const AnomalyRequest& request,
                       Timestamp started_at, const Circumstances& then = {});

// Counts readings in its anomaly that an earlier process has taken: `count` of them, the first due at
// `first_due`.
void count_taken(Sensor& sensor, std::uint64_t seed, Timestamp first_due, const Cadence& cadence,
                 std::uint64_t count);

// Whether a part of the sensor has worn out and has not been replaced.
bool has_failed(const Sensor& sensor, std::uint64_t seed, Timestamp at, const Circumstances& now = {});

// Whether the sensor's next reading lies in the anomaly it has begun.
bool is_in_anomaly(const Sensor& sensor, Timestamp next_due);

// Begins an anomaly with the next reading, as if it had been drawn there but for what the request says.
// False, and nothing happens, when the sensor is in the middle of one, has failed of age, or cannot have such
// an anomaly.
bool inject_anomaly(Sensor& sensor, std::uint64_t seed, const AnomalyRequest& request, Timestamp next_due,
                    const Circumstances& now = {});

// Takes the reading that is due: a pure function of the seed, the sensor and the time. Called for every due
// reading of the sensor, in order.
Sample sample(Sensor& sensor, std::uint64_t seed, Due due);

// The same, with what is remembered of the sensor.
Sample sample(Sensor& sensor, std::uint64_t seed, Due due, const Memory& memory);

// The same without values, for a reading that nobody needs, or not yet.
Sample pass(Sensor& sensor, std::uint64_t seed, Due due, const Memory& memory);

// What the sensor reads at that moment if nothing is wrong with it: it is in no anomaly, and nothing has worn
// off; what a scenario adds is nothing wrong. Bit for bit what sample() gives for such a sensor. Pure.
batch::Values clean_values(const Sensor& sensor, std::uint64_t seed, Timestamp at,
                           const Circumstances& then = {});

}  // namespace fleet_sim::model
