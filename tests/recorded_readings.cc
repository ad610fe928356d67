// The same readings from every build: draws them for every combination of behaviors and holds their hash
// against the one recorded below; and so for the numbers that faults are made of. CMake builds this with
// several optimization levels and for this machine's own processor.
//
// Whoever changes the model on purpose records the hash that this prints.
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include "base/cadence.h"
#include "base/random.h"
#include "config/config.h"
#include "model/duration.h"
#include "model/profile.h"
#include "model/sensor.h"
#include "model/spread.h"
#include "support/lifelike_types.h"
#include "types/catalog.h"

namespace fleet_sim {
namespace {

constexpr std::uint64_t recorded_of_fast = 0x71264ec9e9b5f272;  // of the usual rates
constexpr std::uint64_t recorded_of_slow = 0xa54ca3cd5f71dc4b;  // of a reading every 100 s
constexpr std::uint64_t recorded_of_spread = 0x354a51962ebf9e2a;
constexpr std::uint64_t recorded_of_duration = 0x0c9f4bc3c8ffa7af;
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
  model::Sensor sensor{key, model::phase_of(key, cadence), &profile, 0};
  const Timestamp first = start + sensor.phase;
  model::enter_steady_state(sensor, seed, first, cadence);
  for (int k = 0; k < readings_per_sensor; ++k) {
    const auto i = static_cast<std::uint64_t>(k);
    const model::Sample taken =
        model::sample(sensor, seed, {first + cadence.offset(i), first + cadence.offset(i + 1)});
    hash.add(taken.anomaly ? 1 + index_of(*taken.anomaly) : 0);
    // A missing reading was recorded as zeros.
    const batch::Values values = taken.missing ? batch::Values{0, 0, 0} : taken.values;
    for (const double value : values) hash.add(value);
    if (!taken.event) continue;
    const batch::AnomalyEvent event = model::describe_anomaly(sensor.anomaly, *taken.event, 0);
    hash.add(static_cast<std::uint64_t>(event.started_at));
    hash.add(static_cast<std::uint64_t>(event.ended_at));
    hash.add(event.magnitude.value_or(0));
  }
}

struct Hashes {
  Hash fast;
  Hash slow;
};

Hashes hashes_of_all() {
  config::Config config;
  config.anomalies.probability = 0.2;
  config.clock.zone = zones::Zone(90LL * 60 * microseconds_per_second);
  Hashes hashes;
  std::uint64_t key = 0;
  for (const std::string_view firmware : {"1.3", "1.4", "2"}) {
    for (const std::string_view model : {"TempVibe-1000", "TempVibe-2000", "TempVibe-3000"}) {
      for (const std::string_view manufacturer : {"SensorTech", "DataSense", "VibrationPlus"}) {
        for (const std::string_view location : {"Factory A", "Warehouse", "Outdoor", "Laboratory"}) {
          const double rate = std::array{1.0, 0.01, 3.7, 250.0}[key % 4];
          const model::Profile profile = model::resolve_profile(
              config, {firmware, model, manufacturer, location, rate, model::normal_parameters(config)});
          add_sensor(rate < 1 ? hashes.slow : hashes.fast, profile, rate, ++key);
        }
      }
    }
  }
  return hashes;
}

Hash hash_of_spread() {
  Hash hash;
  types::DeclaredTypes declared;
  for (const auto& [name, signal] : {std::pair("motor", test::motor()), {"mixed", test::every_kind()}}) {
    declared[name].signal = signal;
    for (const types::SignalChannel& channel : signal.channels) {
      declared[name].columns.push_back({channel.name, "unit"});
    }
  }
  const types::Catalog catalog(declared);
  for (const std::string_view name : {"motor", "mixed", "temperature_vibration"}) {
    const types::SensorType& type = catalog[name];
    const model::Spread spread(type, type.normal_parameters);
    for (std::size_t c = 0; c < type.normal_parameters.size(); ++c) {
      hash.add(spread.mean(c));
      hash.add(spread.deviation(c));
      for (int e = 18; e < 45; ++e) hash.add(spread.sigma(c, (Microseconds{1} << e) + 12'345));
    }
  }
  return hash;
}

Hash hash_of_duration() {
  Hash hash;
  for (const double longest : {600.0, 700.0, 21'600.0, 6e8}) {
    const model::Duration duration(600, 60, longest);
    for (const double rate : {1e-3, 0.7, 250.0}) hash.add(duration.expected_readings(rate));
    for (std::uint64_t i = 0; i < 5'000; ++i) {
      hash.add(static_cast<std::uint64_t>(duration.of(mix_words(i, 1))));
      hash.add(static_cast<std::uint64_t>(duration.of_lasting(mix_words(i, 2))));
    }
  }
  return hash;
}

bool is_as_recorded(const char* name, std::uint64_t hash, std::uint64_t recorded) {
  std::printf("%s %016llx, recorded %016llx\n", name, static_cast<unsigned long long>(hash),
              static_cast<unsigned long long>(recorded));
  return hash == recorded;
}

}  // namespace
}  // namespace fleet_sim

int main() {
  using namespace fleet_sim;
  const Hashes hashes = hashes_of_all();
  const bool fast = is_as_recorded("fast", hashes.fast.value(), recorded_of_fast);
  const bool slow = is_as_recorded("slow", hashes.slow.value(), recorded_of_slow);
  const bool spread = is_as_recorded("spread", hash_of_spread().value(), recorded_of_spread);
  const bool duration = is_as_recorded("duration", hash_of_duration().value(), recorded_of_duration);
  return fast && slow && spread && duration ? 0 : 1;
}
