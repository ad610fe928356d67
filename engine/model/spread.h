// How much the channels of a type vary over a duration: the unit in which the severity of a fault is counted,
// so that a severity is about as hard to see on one channel as on another. Of a channel with the level η
// (sources/signal.h; of the built-in type, its value), a fault that lasts D is measured by
//
//   σ(D) = √(½⟨(η(t + 2D) - η(t))²⟩)
//
// It is estimated from a sample: 4,096 pairs of levels for each of 23 durations, from a second to 51 days.
// The sample is the type's own, whoever its sensors are: seed 0, keys and moments that never change, UTC, no
// behaviors. Each level has white noise of its own; sources that sensors share are shared by nobody here.
//
// Making it takes some hundredths of a second; immutable afterwards; any thread. The same bits from every
// build.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "types/sensor_type.h"

namespace fleet_sim::model {

class Spread {
 public:
  // `normal_parameters` are what the type's channels normally read, one for each. Throws
  // std::invalid_argument when a product depends on itself, as sources::Signal does.
  Spread(const types::SensorType& type, const types::NormalParameters& normal_parameters);

  // In the unit of the channel's level: of a logarithmic channel, of the logarithm. Between the durations of
  // the sample straight in the logarithm of the duration, and beyond them that of the nearest. 0 for channels
  // that are no gauges.
  [[nodiscard]] double sigma(std::size_t channel, Microseconds duration) const;

  // Mean and standard deviation of all levels of the sample; 0 for channels that are no gauges.
  [[nodiscard]] double mean(std::size_t channel) const { return channels_[channel].mean; }
  [[nodiscard]] double deviation(std::size_t channel) const { return channels_[channel].deviation; }

  // The durations of the sample are 2^shortest to 2^longest microseconds.
  static constexpr int shortest = 20;
  static constexpr int longest = 42;
  static constexpr std::size_t durations = longest - shortest + 1;

 private:
  struct Channel {
    std::array<double, durations> sigma{};
    double mean = 0;
    double deviation = 0;
  };

  std::vector<Channel> channels_;
};

// The spread of a type of sensor, computed when it is first needed: when a fleet is built whose sensors of
// the type draw graded anomalies, else when the first one is asked for. Shared by the profiles of a type; any
// thread.
class TypeSpread {
 public:
  // `parameters` are what the type's channels normally read under the config.
  TypeSpread(const types::SensorType& type, types::NormalParameters parameters)
      : type_(type), parameters_(std::move(parameters)) {}
  TypeSpread(const TypeSpread&) = delete;
  TypeSpread& operator=(const TypeSpread&) = delete;

  [[nodiscard]] const Spread& get() const {
    compute();
    return *spread_;
  }
  // What nobody waits for may happen early.
  void compute() const {
    std::call_once(once_, [this] {
      spread_ = std::make_unique<const Spread>(type_, parameters_);
      is_computed_ = true;
    });
  }
  [[nodiscard]] bool is_computed() const { return is_computed_; }

 private:
  types::SensorType type_;
  types::NormalParameters parameters_;
  mutable std::once_flag once_;
  mutable std::atomic<bool> is_computed_ = false;
  mutable std::unique_ptr<const Spread> spread_;
};

}  // namespace fleet_sim::model
