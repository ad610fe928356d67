// What a config says is to happen to a fleet: a list of entries, each of which says when, to which sensors,
// how it spreads among them, and what it does, its one verb. Data only, made when a config is loaded; any
// thread. Who makes one keeps to the bounds below and checks what comes from a user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/anomaly_types.h"
#include "base/timestamp.h"

namespace fleet_sim::scenario {

inline constexpr std::size_t most_entries = 5'000;
inline constexpr std::size_t most_waves = 100;            // of an entry
inline constexpr std::size_t longest_name_bytes = 64;     // of an entry
inline constexpr std::size_t longest_text_bytes = 1'024;  // of a glob, and of what `set` sets
inline constexpr std::size_t most_channels = 64;          // that one `add` changes
inline constexpr std::size_t most_reset = 64;             // things that one `reset` names
inline constexpr Microseconds longest_span = 36'525 * microseconds_per_day;
inline constexpr Microseconds shortest_every = 60 * microseconds_per_second;

// The sensors of which all of it is true. Each text but `event` is a glob, in which * stands for any
// characters and ? for one; an empty one is true of every sensor.
struct Where {
  std::string id;
  std::string type;
  std::string location;
  std::string site;
  std::string manufacturer;
  std::string model;
  std::string firmware_version;
  std::string event;  // of an earlier entry: the sensors that it has reached

  bool operator==(const Where&) const = default;
};

// From `delay` on, an entry reaches this share of its sensors.
struct Wave {
  Microseconds delay = 0;
  double share = 0;

  bool operator==(const Wave&) const = default;
};

enum class Ramp : std::uint8_t { none, linear };  // between two waves

// The verbs.

// What is said of a sensor instead of what its identity says; empty: what it was.
struct Set {
  std::string location;
  std::string manufacturer;
  std::string model;
  std::string firmware_version;

  bool operator==(const Set&) const = default;
};

// No readings.
struct Silence {
  bool operator==(const Silence&) const = default;
};

// By channel: what is added to what it reads.
struct Add {
  std::map<std::string, double, std::less<>> channels;

  bool operator==(const Add&) const = default;
};

// Types of anomalies, which end.
struct Reset {
  std::vector<std::string> what;

  bool operator==(const Reset&) const = default;
};

// An anomaly.
struct Fault {
  AnomalyType type = AnomalyType::spike;
  std::string channel;             // empty: drawn
  std::optional<double> severity;  // none: drawn

  bool operator==(const Fault&) const = default;
};

struct Late {
  double share = 0;
  Microseconds median = 0;

  bool operator==(const Late&) const = default;
};

// How rows arrive.
struct Delivery {
  double drop = 0;       // share of rows that never do
  Late late{};           // share that does later
  double duplicate = 0;  // share that does twice
  Microseconds jitter = 0;

  bool operator==(const Delivery&) const = default;
};

// How they arrive while an entry lasts; what it leaves out is as usual.
struct Deliver {
  std::optional<double> drop{};
  std::optional<Late> late{};
  std::optional<double> duplicate{};
  std::optional<Microseconds> jitter{};
  bool hold = false;  // all wait; afterwards `drain` of them come with each new one
  std::uint64_t drain = 20;

  bool operator==(const Deliver&) const = default;
};

// Before it joins, and once it has left, a sensor is not there.
struct Join {
  bool operator==(const Join&) const = default;
};
struct Leave {
  bool operator==(const Leave&) const = default;
};

using Verb = std::variant<Set, Silence, Add, Reset, Fault, Deliver, Join, Leave>;

// When an entry begins: at a time, or so long after the run.
struct Beginning {
  bool after_start = false;
  std::int64_t time = 0;  // a Timestamp, or Microseconds

  bool operator==(const Beginning&) const = default;
};

// Whether a request added an entry while the run went on. An entry is the same, wherever it comes from.
struct Added {
  bool by_request = false;

  bool operator==(const Added&) const { return true; }
};

struct Entry {
  std::string name;
  Beginning at;
  Microseconds every = 0;  // again and again; 0: once
  Where where;
  std::vector<Wave> waves;  // delays rise, shares do not fall; none: all sensors at once
  Ramp ramp = Ramp::none;
  Microseconds spread = 0;    // each sensor's own delay on top, up to
  Microseconds duration = 0;  // how long it lasts at a sensor; 0: on and on
  Microseconds fade = 0;      // of that, how long it takes to begin, and to end
  Microseconds silent_for = 0;
  double fails = 0;  // share of the sensors at which it does nothing else
  Added added;       // then it stays when the files of the config change
  Verb verb;

  bool operator==(const Entry&) const = default;
};

using Entries = std::vector<Entry>;  // names differ

// How long after the beginning of a turn the last sensor is reached, at most.
inline Microseconds reach_of(const Entry& entry) {
  return (entry.waves.empty() ? 0 : entry.waves.back().delay) + entry.spread;
}

}  // namespace fleet_sim::scenario
