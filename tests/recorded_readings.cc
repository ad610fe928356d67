// The same readings from every build: draws them for every combination of behaviors and holds their hash
// against the one recorded below. CMake builds this with several optimization levels and for this machine's
// own processor.
//
// Whoever changes the model on purpose records the hash that this prints.
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "base/cadence.h"
#include "base/random.h"
#include "config/config.h"
#include "model/profile.h"
#include "model/sensor.h"

namespace fleet_sim {
namespace {

constexpr std::uint64_t recorded = 0x5fd1789039d4c637;
constexpr std::uint64_t seed = 20'261'123;
constexpr Timestamp start = 1'767'225'600'000'000;
constexpr int readings_per_sensor = 3'000;

class Hash {
 public:
  void add(std::uint64_t word) { value_ = mix_words(value_, word); }
  void add(double number) { add(std::bit_cast<std::uint64_t>(number)); }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

void add_sensor(Hash& hash, const model::Profile& profile, double rate, std::uint64_t key) {
  const Cadence cadence(rate);
  model::Sensor sensor{key, model::phase_of(key, cadence), &profile, 0, model::Anomaly{}};
  const Timestamp first = start + sensor.phase;
  model::enter_steady_state(sensor, seed, first, cadence);
  for (int k = 0; k < readings_per_sensor; ++k) {
    const auto i = static_cast<std::uint64_t>(k);
    const model::Sample taken =
        model::sample(sensor, seed, {first + cadence.offset(i), first + cadence.offset(i + 1)});
    hash.add(taken.anomaly ? 1 + index_of(*taken.anomaly) : 0);
    // A missing reading was recorded as zeros.
    const batch::Values values = taken.missing() ? batch::Values{0, 0, 0} : taken.values;
    for (const double value : values) hash.add(value);
    if (!taken.event) continue;
    const batch::AnomalyEvent event = model::describe_anomaly(sensor.anomaly, *taken.event, 0);
    hash.add(static_cast<std::uint64_t>(event.started_at));
    hash.add(static_cast<std::uint64_t>(event.ended_at));
    hash.add(event.magnitude.value_or(0));
  }
}

std::uint64_t hash_of_all() {
  config::Config config;
  config.anomalies.probability = 0.2;
  config.clock.zone = zones::Zone(90LL * 60 * microseconds_per_second);
  Hash hash;
  std::uint64_t key = 0;
  for (const std::string_view firmware : {"1.3", "1.4", "2"}) {
    for (const std::string_view model : {"TempVibe-1000", "TempVibe-2000", "TempVibe-3000"}) {
      for (const std::string_view manufacturer : {"SensorTech", "DataSense", "VibrationPlus"}) {
        for (const std::string_view location : {"Factory A", "Warehouse", "Outdoor", "Laboratory"}) {
          const double rate = std::array{1.0, 0.01, 3.7, 250.0}[key % 4];
          const model::Profile profile = model::resolve_profile(
              config, {firmware, model, manufacturer, location, rate, model::normal_parameters(config)});
          add_sensor(hash, profile, rate, ++key);
        }
      }
    }
  }
  return hash.value();
}

}  // namespace
}  // namespace fleet_sim

int main() {
  const std::uint64_t hash = fleet_sim::hash_of_all();
  std::printf("%016llx, recorded %016llx\n", static_cast<unsigned long long>(hash),
              static_cast<unsigned long long>(fleet_sim::recorded));
  return hash == fleet_sim::recorded ? 0 : 1;
}
