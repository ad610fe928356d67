// What a type of sensor declares of its signal: sources, which are numbers that vary with time, and channels,
// which are made of them. `sources/signal.h` computes them. Data only, made when a type is loaded; any
// thread.
//
// Sources and channels refer to each other by their place in the declaration. Who makes one keeps to the
// bounds below and checks what comes from a user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "base/timestamp.h"

namespace fleet_sim::types {

// As far from 0 as any channel reads, whatever behaviors do to it: in steps of the finest resolution, it is
// still a number.
inline constexpr double greatest_reading = 1e260;

inline constexpr std::size_t most_noises = 8;  // of a type, as are …
inline constexpr std::size_t most_loads = 4;
inline constexpr std::size_t most_whites = 4;
inline constexpr std::size_t most_sources = 32;  // … of all kinds together
inline constexpr std::size_t most_agings = 4;

// Whose a source is: each sensor's own, or that of all sensors of a place.
enum class Scope : std::uint8_t { sensor, location, site, fleet };

// Wanders with mean 0 and variance 1. It has parts that last about `from` to about `to`, 1 ms to 8 years;
// `roughness` is above 0, and the higher it is, the more the slow parts outweigh the fast ones.
struct Noise {
  Scope scope = Scope::sensor;
  Microseconds from = 0;
  Microseconds to = 0;
  double roughness = 0.5;

  bool operator==(const Noise&) const = default;
};

// Hours of a week in local time, as time since Monday 00:00.
struct Hours {
  Microseconds from = 0;
  Microseconds until = 0;  // exclusive

  bool operator==(const Hours&) const = default;
};

// Work that goes on and off: 1 or 0. It is on for `duty`, 0 to 1, of the time, the more unevenly the higher
// `burst` is, 0 to 100. With a schedule, of the scheduled time; the hours are in order and do not overlap.
struct Load {
  Scope scope = Scope::sensor;
  double duty = 0.5;
  double burst = 1;
  std::vector<Hours> schedule;  // empty: always

  bool operator==(const Load&) const = default;
};

// What a load heats up, 0 to 1: follows it with the time constant `tau`, 5 minutes or more.
struct Lag {
  std::size_t of = 0;  // a load
  Microseconds tau = 0;

  bool operator==(const Lag&) const = default;
};

// Repeats every `period`, from -1 to 1, in local time. It is highest `peak` after 1970-01-01 00:00 and a
// period later; a saw falls at once from there, a square is high for half a period around it.
struct Cycle {
  enum class Shape : std::uint8_t { sine, saw, square };
  Shape shape = Shape::sine;
  Microseconds period = 0;
  Microseconds peak = 0;

  bool operator==(const Cycle&) const = default;
};

// A standard normal number, new for each reading, for channels that share it.
struct White {
  bool operator==(const White&) const = default;
};

struct Source {
  std::string name;
  std::variant<Noise, Load, Lag, Cycle, White> kind;

  bool operator==(const Source&) const = default;
};

struct Term {
  std::size_t source = 0;
  double gain = 0;  // of a logarithmic channel: the factor that the source is the exponent of, above 0

  bool operator==(const Term&) const = default;
};

struct Limits {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();

  bool operator==(const Limits&) const = default;
};

// base + Σ gain·source + white·z, within `range`, seen through a device that has `rails` and a `resolution`.
// Of a logarithmic channel, which reads above 0, this is the logarithm, and base and gains are factors.
struct Gauge {
  enum class Scale : std::uint8_t { linear, logarithmic };
  Scale scale = Scale::linear;
  double base = 0;
  double white = 0;  // standard deviation; of a logarithmic channel, of the logarithm
  Limits range{};
  Limits rails{};
  double resolution = 0;  // 0: none
  std::vector<Term> terms{};

  bool operator==(const Gauge&) const = default;
};

inline constexpr Timestamp counters_begin = 1'735'689'600 * microseconds_per_second;  // 2025-01-01

// What a rate has come to since `since`, and a hashed number before. The rate, in units per `per`, is
// base + Σ gain·load, none of which is negative. The count stays below 2^53 steps of the resolution.
struct Counter {
  double base = 0;
  std::vector<Term> rate{};
  Microseconds per = 0;
  double resolution = 0;  // above 0
  Timestamp since = counters_begin;
  double wrap = 0;  // where it starts again at 0; 0: nowhere

  bool operator==(const Counter&) const = default;
};

// How many of the thresholds, which rise, the source has reached: 0, 1, 2 …
struct State {
  std::size_t of = 0;
  std::vector<double> at;

  bool operator==(const State&) const = default;
};

// Of what other channels read; no product may depend on itself.
struct Product {
  std::vector<std::size_t> of;
  double resolution = 0;  // 0: none

  bool operator==(const Product&) const = default;
};

struct SignalChannel {
  std::string name;
  std::variant<Gauge, Counter, State, Product> kind;

  bool operator==(const SignalChannel&) const = default;
};

// How long something lasts: lognormal around the median, within bounds, or always the same.
struct Life {
  Microseconds median = 0;
  Microseconds min = 0;
  Microseconds max = 0;

  bool operator==(const Life&) const = default;
};

// How much a gauge has changed when the sensor fails: by so much, or, on a logarithmic scale, this many
// times.
struct Wear {
  std::size_t channel = 0;
  double amount = 0;  // above 0 on a logarithmic scale

  bool operator==(const Wear&) const = default;
};

// A part that wears out. It is replaced every so often; in the first tenth of each of these intervals it
// begins to wear, faster and faster, until it fails at the end of its life. Then the sensor is silent, or the
// channels that it affects are stuck, until the interval ends. No life is longer than nine tenths of an
// interval, so that each interval has a failure.
struct Aging {
  enum class Then : std::uint8_t { silent, stuck };

  std::string name;
  Microseconds every = 0;
  Life life{};
  std::vector<Wear> terms{};
  Then then = Then::silent;

  bool operator==(const Aging&) const = default;
};

struct SignalDeclaration {
  std::vector<Source> sources;
  std::vector<SignalChannel> channels;
  std::vector<Aging> agings{};

  bool operator==(const SignalDeclaration&) const = default;
};

}  // namespace fleet_sim::types
