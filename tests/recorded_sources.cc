// The same sources and channels from every build: evaluates each kind and holds its hash against the one
// recorded below. CMake builds this with several optimization levels and for this machine's own processor.
//
// Whoever changes what a kind is on purpose records the hash that this prints.
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/math.h"
#include "base/random.h"
#include "sources/signal.h"
#include "support/lifelike_types.h"
#include "support/random_types.h"
#include "support/zone_of.h"

namespace fleet_sim {
namespace {

constexpr std::uint64_t seed = 20'261'128;
constexpr Timestamp start = 1'767'225'600'000'000;

// Berlin in 2026.
const zones::Zone zone = test::zone_of(
    test::hours(1), {{1'774'746'000'000'000, test::hours(2)}, {1'792'890'000'000'000, test::hours(1)}});

class Hash {
 public:
  void add(double number) { value_ = mix_words(value_, std::bit_cast<std::uint64_t>(number)); }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

// Moments at all distances: most of them within a year, some centuries away.
Timestamp moment(std::uint64_t i) {
  const int bits = i % 5 == 0 ? 54 : 45;
  return start - (Timestamp{1} << (bits - 1)) + static_cast<Timestamp>(mix_words(i, 4) >> (64 - bits));
}

std::uint64_t exponentials() {
  Hash hash;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const double x = uniform(mix_words(i, 1), -720, 720);
    hash.add(exponential(x));
    hash.add(natural_log(exponential(x)));
  }
  return hash.value();
}

std::uint64_t source(std::vector<types::Source> declared) {
  const sources::SourceSet set(declared, zone);
  const auto shared = set.shared_keys(seed, "Factory A - Line 1", "Factory A");
  Hash hash;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    const sources::Keys keys{sources::sensor_key(seed, i % 10), shared};
    hash.add(set.value(declared.size() - 1, keys, moment(i)));
  }
  return hash.value();
}

// Levels and readings, of a sensor that is read every 37 seconds and of others at any moment.
std::uint64_t signal(const types::SignalDeclaration& type) {
  const sources::Signal signal(type, zone);
  const auto shared = signal.sources().shared_keys(seed, "Factory A - Line 1", "Factory A");
  std::vector<std::uint32_t> knots(signal.knot_words(), sources::no_knot);
  std::vector<double> deviates(signal.deviates());
  std::vector<double> values(signal.channels());
  Hash hash;
  const auto add = [&](std::uint64_t sensor, Timestamp at, std::span<std::uint32_t> remembered) {
    for (std::size_t i = 0; i < deviates.size(); ++i) {
      deviates[i] = uniform(mix_words(i, static_cast<std::uint64_t>(at)), -3, 3);
    }
    signal.levels({sources::sensor_key(seed, sensor), shared}, at, deviates, remembered, values);
    for (const double level : values) hash.add(level);
    signal.read(values);
    for (const double reading : values) hash.add(reading);
  };
  for (int i = 0; i < 2'000; ++i) add(1, start + i * test::seconds(37), knots);
  for (std::uint64_t i = 0; i < 500; ++i) {
    std::vector<std::uint32_t> forgotten(signal.knot_words(), sources::no_knot);
    add(i, moment(i), forgotten);
  }
  return hash.value();
}

std::uint64_t random_types() {
  std::uint64_t hash = 0;
  for (std::uint64_t i = 0; i < 20; ++i) hash = mix_words(hash, signal(test::RandomType(i).make()));
  return hash;
}

struct Recorded {
  std::string_view what;
  std::uint64_t hash;
  std::uint64_t recorded;
};

bool all_are_as_recorded() {
  using types::Cycle, types::Lag, types::Load, types::Noise, types::Scope;
  const std::vector<types::Hours> shifts{{test::hours(6), test::hours(22)},
                                         {test::hours(142), test::hours(150)}};
  const types::Source run{"run", Load{Scope::sensor, 0.28, 1.3, {}}};
  const std::array all{
      Recorded{"exponential", exponentials(), 0x80cf126e247f42da},
      Recorded{"noise", source({{"n", Noise{Scope::sensor, test::seconds(0.01), test::days(16), 0.3}}}),
               0x3286cda4ecfb54dc},
      Recorded{"noise of a site", source({{"n", Noise{Scope::site, test::hours(1), test::days(16), 0.5}}}),
               0x8752a164a4f94a09},
      Recorded{"load", source({run}), 0x6a61cc4e357ff218},
      Recorded{"load with a schedule", source({{"l", Load{Scope::sensor, 0.6, 1.3, shifts}}}),
               0xcf0e73b365f9e8c3},
      Recorded{"lag", source({run, {"l", Lag{0, test::hours(2.5)}}}), 0x3ba086e3dde50a5e},
      Recorded{"sine", source({{"c", Cycle{Cycle::Shape::sine, test::days(1), test::hours(15)}}}),
               0x74112f171f1e9017},
      Recorded{"saw", source({{"c", Cycle{Cycle::Shape::saw, test::seconds(90), 0}}}), 0x1f2b4f5b2128d070},
      Recorded{"square", source({{"c", Cycle{Cycle::Shape::square, test::hours(7), 0}}}), 0xe0bf6093fa751471},
      Recorded{"motor", signal(test::motor()), 0xaeac947919f03e8d},
      Recorded{"test stand", signal(test::test_stand()), 0xf719619b681e543b},
      Recorded{"every kind", signal(test::every_kind()), 0xab5ba2ce8ef881f8},
      Recorded{"random types", random_types(), 0xc8c2ea5bd873302a},
  };
  bool same = true;
  for (const Recorded& one : all) {
    std::printf("%-22s 0x%016llx%s\n", std::string(one.what).c_str(),
                static_cast<unsigned long long>(one.hash),
                one.hash == one.recorded ? "" : " is not as recorded");
    same = same && one.hash == one.recorded;
  }
  return same;
}

}  // namespace
}  // namespace fleet_sim

int main() {
  return fleet_sim::all_are_as_recorded() ? 0 : 1;
}
