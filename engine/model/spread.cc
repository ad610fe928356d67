#include "model/spread.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>
#include <variant>

#include "base/math.h"
#include "base/normal.h"
#include "base/random.h"
#include "batch/values.h"
#include "model/draws.h"
#include "model/profile.h"
#include "model/signal.h"
#include "sources/signal.h"

namespace fleet_sim::model {
namespace {

// Every σ is this many times what the sample says: enough for an offset of severity 6 that lasts 300 s to be
// found in the temperature of configs/types/lifelike.yaml (tests/statistics/detectability_test.cc).
constexpr double sigma_scale = 1;

// A walk is what one sensor reads at a moment and 2^21, 2^22 … 2^44 µs after it. It has two pairs of levels
// for each duration D: the first level and the one 2D later, and that one and the one 4D after the first.
constexpr std::size_t pairs = 4096;
constexpr std::size_t pairs_per_walk = 2;
constexpr std::size_t walks = pairs / pairs_per_walk;
constexpr std::size_t steps = Spread::durations + 2;

// The walks begin throughout a year. The number of its days is odd, so they begin at 2,048 times of day, as
// far from each other as from the next.
constexpr Timestamp first_walk = 1'767'225'600 * microseconds_per_second;  // 2026-01-01
constexpr Microseconds year = 365 * microseconds_per_day;

constexpr Timestamp beginning(std::size_t walk) {
  return first_walk + static_cast<Microseconds>(walk) * (year / static_cast<Microseconds>(walks));
}
constexpr Microseconds time_of_step(std::size_t step) {
  return step == 0 ? 0 : Microseconds{1} << (Spread::shortest + step);
}

constexpr std::uint64_t seed = 0;

std::uint64_t key_of(std::size_t walk) {
  return mix_words(hash_text("spread"), walk);
}

// Levels of a sensor of a declared type.
class DeclaredLevels {
 public:
  DeclaredLevels(const types::SignalDeclaration& declaration, const types::NormalParameters& normal)
      : signal_(with(declaration, normal), zones::Zone{}),
        knots_(signal_.knot_words()),
        shared_(signal_.sources().shared_keys(seed, {}, {}).size()) {}

  void begin(std::uint64_t key) {
    key_ = key;
    for (std::size_t i = 0; i < shared_.size(); ++i) shared_[i] = mix_words(key, i);
    std::ranges::fill(knots_, sources::no_knot);
  }

  batch::Values at(Timestamp at) {
    const Draws draws(seed, key_, Stream::reading, static_cast<std::uint64_t>(at), signal_.deviates());
    std::array<double, most_deviates> deviates;
    for (const std::uint8_t i : signal_.drawn_deviates()) deviates[i] = standard_normal(draws.channel(i));
    batch::Values levels(signal_.channels());
    signal_.levels({sources::sensor_key(seed, key_), shared_}, at,
                   std::span(deviates).first(signal_.deviates()), knots_, levels);
    return levels;
  }

 private:
  static types::SignalDeclaration with(types::SignalDeclaration declaration,
                                       const types::NormalParameters& normal) {
    for (std::size_t c = 0; c < normal.size(); ++c) {
      auto* const gauge = std::get_if<types::Gauge>(&declaration.channels[c].kind);
      if (gauge == nullptr) continue;
      gauge->base = normal[c].mean;
      gauge->white = normal[c].std_dev;
      gauge->range = {normal[c].min, normal[c].max};
    }
    return declaration;
  }

  sources::Signal signal_;
  std::vector<std::uint32_t> knots_;
  std::vector<std::uint64_t> shared_;
  std::uint64_t key_ = 0;
};

// … and of the built-in one, to which the day is all that happens.
class BuiltInLevels {
 public:
  BuiltInLevels(const types::SensorType& type, const types::NormalParameters& normal) {
    for (const types::ChannelParameters& channel : normal) {
      profile_.channels.push_back({channel.mean, channel.std_dev, channel.min, channel.max});
    }
    if (!type.daily_channel) return;
    ChannelProfile& daily = profile_.channels[index_of(*type.daily_channel)];
    daily.daily = 1;
    profile_.daily_amplitude = daily.deviation;
  }

  void begin(std::uint64_t key) { key_ = key; }

  batch::Values at(Timestamp at) const {
    const auto counter = static_cast<std::uint64_t>(at);
    return normal_values(profile_, at, Draws(seed, key_, Stream::reading, counter, profile_.channels.size()));
  }

 private:
  Profile profile_;
  std::uint64_t key_ = 0;
};

// What a channel's sample comes to, summed from the channel's first level, so that a large mean costs no
// digits.
struct Sums {
  double origin = 0;
  double levels = 0;
  double squares = 0;
  std::array<double, Spread::durations> differences{};  // their squares

  void add(const std::array<batch::Values, steps>& walk, std::size_t channel) {
    for (const batch::Values& level : walk) {
      const double from_origin = level[channel] - origin;
      levels += from_origin;
      squares += from_origin * from_origin;
    }
    for (std::size_t d = 0; d < differences.size(); ++d) {
      const double first = walk[d + 1][channel] - walk[0][channel];
      const double second = walk[d + 2][channel] - walk[d + 1][channel];
      differences[d] += first * first + second * second;
    }
  }
};

template <class Levels>
std::vector<Sums> sums_of(Levels levels, std::size_t channels) {
  std::vector<Sums> sums(channels);
  std::array<batch::Values, steps> walk;
  for (std::size_t w = 0; w < walks; ++w) {
    levels.begin(key_of(w));
    for (std::size_t s = 0; s < steps; ++s) walk[s] = levels.at(beginning(w) + time_of_step(s));
    for (std::size_t c = 0; c < channels; ++c) {
      if (w == 0) sums[c].origin = walk[0][c];
      sums[c].add(walk, c);
    }
  }
  return sums;
}

std::vector<Sums> sums_of(const types::SensorType& type, const types::NormalParameters& normal) {
  return type.signal ? sums_of(DeclaredLevels(*type.signal, normal), normal.size())
                     : sums_of(BuiltInLevels(type, normal), normal.size());
}

}  // namespace

Spread::Spread(const types::SensorType& type, const types::NormalParameters& normal_parameters)
    : channels_(normal_parameters.size()) {
  const std::vector<Sums> sums = sums_of(type, normal_parameters);
  constexpr double count = walks * steps;
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    if (!type.has_normal_parameters(c)) continue;
    Channel& channel = channels_[c];
    for (std::size_t d = 0; d < durations; ++d) {
      channel.sigma[d] = sigma_scale * std::sqrt(sums[c].differences[d] / (2 * pairs));
    }
    const double mean = sums[c].levels / count;
    channel.mean = sums[c].origin + mean;
    channel.deviation = std::sqrt(std::max(0.0, sums[c].squares / count - mean * mean));
  }
}

double Spread::sigma(std::size_t channel, Microseconds duration) const {
  constexpr Microseconds least = Microseconds{1} << shortest;
  constexpr Microseconds most = Microseconds{1} << longest;
  const auto length = static_cast<std::uint64_t>(std::clamp(duration, least, most));
  const auto octave = static_cast<std::size_t>(std::bit_width(length)) - 1;
  const double share =
      natural_log(static_cast<double>(length) / static_cast<double>(1ull << octave)) / std::numbers::ln2;
  const std::array<double, durations>& sigma = channels_[channel].sigma;
  const std::size_t d = octave - shortest;
  return d + 1 < durations ? sigma[d] + (sigma[d + 1] - sigma[d]) * share : sigma[d];
}

}  // namespace fleet_sim::model
