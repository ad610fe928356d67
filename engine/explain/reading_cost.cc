#include "explain/reading_cost.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/random.h"
#include "identity/identity.h"
#include "model/sensor.h"
#include "sources/signal.h"

namespace fleet_sim::explain {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int measurements = 5;
constexpr std::chrono::milliseconds measured_for{2};                     // of each
constexpr int readings_at_once = 64;                                     // between two looks at the clock
constexpr Timestamp begin_at = 1'767'225'600 * microseconds_per_second;  // 2026-01-01

// A sensor that is read as the fleet reads it, one reading after the other.
class ReadSensor {
 public:
  ReadSensor(const model::Profile& profile, std::string_view location, Microseconds period)
      : period_(period), knots_(model::knot_words(profile), sources::no_knot) {
    if (profile.signal)
      shared_ = profile.signal->sources().shared_keys(0, location, identity::site_of(location));
    sensor_.key = hash_text("cost");
    sensor_.profile = &profile;
    sensor_.shared = &shared_;
  }
  ReadSensor(const ReadSensor&) = delete;
  ReadSensor& operator=(const ReadSensor&) = delete;

  double nanoseconds() {
    const Clock::time_point begin = Clock::now();
    std::int64_t readings = 0;
    while (Clock::now() - begin < measured_for) {
      for (int i = 0; i < readings_at_once; ++i) read();
      readings += readings_at_once;
    }
    const std::chrono::duration<double, std::nano> taken = Clock::now() - begin;
    return taken.count() / static_cast<double>(readings);
  }

 private:
  void read() {
    const model::Sample sample = model::sample(sensor_, 0, {at_, at_ + period_}, {knots_, {}});
    if (sample.values.size() > 0) kept_ = sample.values[0];  // or the compiler might leave it out
    at_ += period_;
  }

  Microseconds period_;
  std::vector<std::uint32_t> knots_;
  model::SharedKeys shared_;
  model::Sensor sensor_{};
  Timestamp at_ = begin_at;
  volatile double kept_ = 0;
};

}  // namespace

double measure_reading(const model::Profile& profile, std::string_view location, Microseconds period) {
  ReadSensor sensor(profile, location, period);
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < measurements; ++i) least = std::min(least, sensor.nanoseconds());
  return least;
}

}  // namespace fleet_sim::explain
