// How long faults last against the distribution that is promised: its quantiles, what lasts at a given
// moment, and how many readings that makes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "base/normal.h"
#include "base/random.h"
#include "model/duration.h"
#include "support/statistics.h"

namespace fleet_sim::duration_test {

using namespace fleet_sim::test;
using model::Duration;
using model::normal_share_below;

namespace {

// The word of a share.
std::uint64_t word(double share) {
  return static_cast<std::uint64_t>(std::ldexp(share, 64));
}

double seconds(Microseconds duration) {
  return static_cast<double>(duration) / 1e6;
}

struct Law {
  double median;
  double min;
  double max;
};

constexpr Law laws[] = {{600, 60, 21'600}, {1800, 600, 604'800},  {180, 60, 600},
                        {600, 30, 7'200},  {600, 600, 700},       {600, 599.9999, 600.001},
                        {0.01, 1e-5, 1e5}, {3600, 1, 3600 * 1e6}, {600, 1, 600}};

Duration duration_of(const Law& law) {
  return {law.median, law.min, law.max};
}

}  // namespace

TEST_CASE("the share of normal draws below a deviate") {
  // Python's statistics.NormalDist().cdf; below 0, math.erfc(-z/√2)/2, which is exact to the last digits.
  constexpr std::pair<double, double> shares[] = {
      {-37, 5.725571222525139e-300},  {-20, 2.7536241186063314e-89},
      {-10, 7.619853024160593e-24},   {-8, 6.220960574271819e-16},
      {-6, 9.865876450377012e-10},    {-5.7, 5.990371401063533e-09},
      {-5.6, 1.0717590258310968e-08}, {-4, 3.1671241833119965e-05},
      {-3, 0.0013498980316300957},    {-1, 0.15865525393145707},
      {-0.68, 0.24825223045357053},   {-0.67, 0.25142889509531013},
      {-0.1, 0.460172162722971},      {0, 0.5},
      {0.3, 0.6179114221889526},      {0.67, 0.7485711049046899},
      {0.68, 0.7517477695464294},     {1, 0.8413447460685429},
      {1.96, 0.9750021048517796},     {3, 0.9986501019683699},
      {5, 0.9999997133484282},        {6, 0.9999999990134123},
      {8, 0.9999999999999993}};
  for (const auto& [deviate, share] : shares) {
    CAPTURE(deviate);
    CHECK(std::fabs(normal_share_below(deviate) - share) < 1e-15);
    CHECK(std::fabs(normal_share_below(deviate) / share - 1) < 1e-12);
  }
  for (int i = 1; i < 10'000; ++i) {
    const double share = i / 10'000.0;
    CHECK(normal_share_below(standard_normal(word(share))) == doctest::Approx(share).epsilon(1e-12));
  }
}

TEST_CASE("a fixed duration is the same for every word") {
  const Duration duration(90.5);
  for (const double share : {0.0, 0.3, 0.999}) {
    CHECK(duration.of(word(share)) == 90'500'000);
    CHECK(duration.of_lasting(word(share)) == 90'500'000);
  }
  CHECK(duration.expected_readings(1) == 91);
  CHECK(duration.expected_readings(1e-3) == 1);
  CHECK(Duration(30).expected_readings(0.1) == 3);
  CHECK(Duration(1e-9).of(0) == 1);
}

TEST_CASE("the logarithm of a random duration is normal between its bounds") {
  for (const Law& law : laws) {
    CAPTURE(law.median);
    CAPTURE(law.max);
    const Duration duration = duration_of(law);
    if (law.max == law.median) {
      CHECK(duration.of(word(0.1)) == static_cast<Microseconds>(law.max * 1e6));
      continue;
    }
    const double sigma = std::log(law.max / law.median) / 3;
    const auto share_below = [&](double x, double shift) {
      return std::erfc((shift - std::log(x / law.median) / sigma) / std::sqrt(2)) / 2;
    };
    const auto expected_share = [&](double x, double shift) {
      const double low = share_below(law.min, shift);
      return (share_below(x, shift) - low) / (share_below(law.max, shift) - low);
    };
    double before = 0;
    double lasting_before = 0;
    for (double share = 0.0005; share < 1; share += 0.001) {
      const double drawn = seconds(duration.of(word(share)));
      const double lasting = seconds(duration.of_lasting(word(share)));
      // A microsecond is a share of the shortest durations.
      const double step = 1e-6 / drawn / sigma;
      CHECK(std::fabs(expected_share(drawn, 0) - share) < 1e-9 + step);
      CHECK(std::fabs(expected_share(lasting, sigma) - share) < 1e-9 + step);
      CHECK(drawn >= before);
      CHECK(lasting >= lasting_before);
      CHECK(lasting >= drawn);
      before = drawn;
      lasting_before = lasting;
    }
    CHECK(seconds(duration.of(0)) == doctest::Approx(law.min).epsilon(1e-6));
    CHECK(seconds(duration.of(UINT64_MAX)) == doctest::Approx(law.max).epsilon(1e-6));
    CHECK(duration.of(UINT64_MAX) <= static_cast<Microseconds>(law.max * 1e6));
    CHECK(duration.of(0) >= static_cast<Microseconds>(law.min * 1e6));
  }
}

TEST_CASE("what lasts at a given moment is drawn as often as it is long") {
  const Duration duration(600, 60, 21'600);
  double time = 0;
  double time_of_long = 0;
  double lasting_long = 0;
  constexpr int draws = 1 << 17;
  for (int i = 0; i < draws; ++i) {
    const std::uint64_t middle = word((i + 0.5) / draws);
    const double drawn = seconds(duration.of(middle));
    time += drawn;
    if (drawn > 1800) time_of_long += drawn;
    if (seconds(duration.of_lasting(middle)) > 1800) ++lasting_long;
  }
  CHECK(lasting_long / draws == doctest::Approx(time_of_long / time).epsilon(1e-4));
}

TEST_CASE("the expected number of readings is that of many faults") {
  for (const Law& law : laws) {
    const Duration duration = duration_of(law);
    for (const double rate : {1e-8, 1.0 / 900, 0.007, 1.0, 3.7, 1000.0}) {
      if (law.max * rate > 1e9) continue;  // too few draws of the rare long ones
      CAPTURE(law.median);
      CAPTURE(law.max);
      CAPTURE(rate);
      double readings = 0;
      constexpr int draws = 1 << 18;
      for (int i = 0; i < draws; ++i) {
        const double drawn = seconds(duration.of(word((i + 0.5) / draws)));
        readings += std::max(1.0, std::ceil(drawn * rate * (1 - 1e-12)));
      }
      CHECK(duration.expected_readings(rate) == doctest::Approx(readings / draws).epsilon(1e-4));
    }
  }
}

TEST_CASE("draws are as expected") {
  const Duration duration(600, 60, 21'600);
  constexpr int draws = 200'000;
  double readings = 0;
  double squares = 0;
  for (std::uint64_t i = 0; i < draws; ++i) {
    const double n = std::ceil(seconds(duration.of(mix_words(1, i))) / 900);
    readings += n;
    squares += n * n;
  }
  const double mean = readings / draws;
  CHECK(std::fabs(mean - duration.expected_readings(1.0 / 900)) <
        mean_bound(squares / draws - mean * mean, draws));
}

}  // namespace fleet_sim::duration_test
