// That the lifelike types read like the machines whose numbers they have: autocorrelation, spectrum, how much
// of a reading is new, how often it repeats, the day, how channels go together, and the structure function
// √S(h), the usual change over a span h. A few sensors and seeds are fixed; the ranges are those of the
// public data that the numbers come from, or a little wider where the data has one value.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <complex>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "base/normal.h"
#include "base/random.h"
#include "sources/signal.h"
#include "support/lifelike_types.h"
#include "support/statistics.h"

namespace fleet_sim::realism_test {

using namespace fleet_sim::test;
using namespace fleet_sim::sources;

namespace {

constexpr Timestamp start = 1'767'225'600'000'000;  // 2026-01-01T00:00Z
constexpr std::uint64_t seed = 3;

using Series = std::vector<double>;
// By channel: of each sensor.
using Readings = std::vector<std::vector<Series>>;

Readings readings(const types::SignalDeclaration& type, std::uint64_t sensors, Microseconds interval,
                  int count) {
  const Signal signal(type, {});
  const std::size_t channels = signal.channels();
  Readings all(channels, std::vector<Series>(sensors));
  std::vector<double> values(channels);
  for (std::uint64_t id = 0; id < sensors; ++id) {
    const std::uint64_t who = mix_words(id, 77);
    std::vector<std::uint32_t> knots(signal.knot_words(), no_knot);
    for (int i = 0; i < count; ++i) {
      const Timestamp at = start + i * interval;
      const RandomBlock words = draw_block(seed, who, Stream::reading, static_cast<std::uint64_t>(at));
      std::array<double, 4> z{};
      for (std::size_t c = 0; c < z.size(); ++c) z[c] = standard_normal(words[c]);
      signal.levels({sensor_key(seed, who), {}}, at, std::span(z).first(signal.deviates()), knots, values);
      signal.read(values);
      for (std::size_t c = 0; c < channels; ++c) all[c][id].push_back(values[c]);
    }
  }
  return all;
}

double variance_of(const Series& x) {
  const double mean = mean_of(x);
  double sum = 0;
  for (const double value : x) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(x.size());
}

double autocovariance(const Series& x, std::size_t lag) {
  const double mean = mean_of(x);
  double sum = 0;
  for (std::size_t i = lag; i < x.size(); ++i) sum += (x[i] - mean) * (x[i - lag] - mean);
  return sum / static_cast<double>(x.size());
}

double autocorrelation(const Series& x, std::size_t lag) {
  return autocovariance(x, lag) / autocovariance(x, 0);
}

// What 20 readings before cannot tell of the next, as a share of the variance: Levinson and Durbin.
double innovation_share(const Series& x) {
  constexpr std::size_t order = 20;
  std::array<double, order + 1> r{};
  for (std::size_t k = 0; k <= order; ++k) r[k] = autocovariance(x, k);
  std::array<double, order + 1> a{};
  double error = r[0];
  for (std::size_t m = 1; m <= order; ++m) {
    double sum = r[m];
    for (std::size_t j = 1; j < m; ++j) sum -= a[j] * r[m - j];
    const double reflection = sum / error;
    auto next = a;
    next[m] = reflection;
    for (std::size_t j = 1; j < m; ++j) next[j] = a[j] - reflection * a[m - j];
    a = next;
    error *= 1 - reflection * reflection;
  }
  return error / r[0];
}

double repeats(const Series& x) {
  int same = 0;
  for (std::size_t i = 1; i < x.size(); ++i) same += x[i] == x[i - 1] ? 1 : 0;
  return same / static_cast<double>(x.size() - 1);
}

// The amplitude of a sine of this period, as a share of the standard deviation.
double amplitude_share(const Series& x, double period) {
  const double mean = mean_of(x);
  std::complex<double> sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += (x[i] - mean) * std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(i) / period);
  }
  return 2 * std::abs(sum) / static_cast<double>(x.size()) / std::sqrt(variance_of(x));
}

double root_of_structure(const std::vector<Series>& sensors, std::size_t lag) {
  double sum = 0;
  double count = 0;
  for (const Series& x : sensors) {
    for (std::size_t i = lag; i < x.size(); ++i) {
      sum += 0.5 * (x[i] - x[i - lag]) * (x[i] - x[i - lag]);
      ++count;
    }
  }
  return std::sqrt(sum / count);
}

using Spectrum = std::vector<std::complex<double>>;

// In place, for a power of two.
void transform(Spectrum& x) {
  const std::size_t n = x.size();
  if (n == 1) return;
  Spectrum even(n / 2);
  Spectrum odd(n / 2);
  for (std::size_t i = 0; i < n / 2; ++i) {
    even[i] = x[2 * i];
    odd[i] = x[2 * i + 1];
  }
  transform(even);
  transform(odd);
  for (std::size_t k = 0; k < n / 2; ++k) {
    const auto turned =
        odd[k] * std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n));
    x[k] = even[k] + turned;
    x[k + n / 2] = even[k] - turned;
  }
}

// How steeply the power falls with the frequency: Welch's spectrum over all sensors, in 20 bins of equal
// ratio, a straight line through their logarithms.
double slope_of_spectrum(const std::vector<Series>& sensors) {
  constexpr std::size_t length = 4'096;
  constexpr std::size_t bins = 20;
  std::vector<double> power(length / 2, 0);
  for (const Series& x : sensors) {
    for (std::size_t first = 0; first + length <= x.size(); first += length / 2) {
      double mean = 0;
      for (std::size_t i = 0; i < length; ++i) mean += x[first + i] / length;
      Spectrum segment(length);
      for (std::size_t i = 0; i < length; ++i) {
        const double window = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / length);
        segment[i] = (x[first + i] - mean) * window;
      }
      transform(segment);
      for (std::size_t k = 1; k < length / 2; ++k) power[k] += std::norm(segment[k]);
    }
  }
  std::array<double, bins> sum{};
  std::array<double, bins> count{};
  std::array<double, bins> place{};
  for (std::size_t k = 1; k < length / 2; ++k) {
    const double octaves = std::log(static_cast<double>(k)) / std::log(length / 2.0);
    const auto bin = static_cast<std::size_t>(octaves * bins);
    sum[bin] += power[k];
    place[bin] += std::log(static_cast<double>(k));
    ++count[bin];
  }
  Series frequency;
  Series level;
  for (std::size_t b = 0; b < bins; ++b) {
    if (count[b] == 0) continue;
    frequency.push_back(place[b] / count[b]);
    level.push_back(std::log(sum[b] / count[b]));
  }
  return -correlation(frequency, level) * std::sqrt(variance_of(level) / variance_of(frequency));
}

template <class Statistic>
double average(const std::vector<Series>& sensors, const Statistic& statistic) {
  double sum = 0;
  for (const Series& x : sensors) sum += statistic(x);
  return sum / static_cast<double>(sensors.size());
}

double average_autocorrelation(const std::vector<Series>& sensors, std::size_t lag) {
  return average(sensors, [lag](const Series& x) { return autocorrelation(x, lag); });
}

void check_within(const std::string& what, double value, double low, double high) {
  CAPTURE(what);
  CHECK(value >= low);
  CHECK(value <= high);
}

}  // namespace

TEST_CASE("the motor, every 15 minutes for 83 days, has the statistics of the machine it is like") {
  const Readings all = readings(motor(), 24, hours(0.25), 8'000);
  const auto& temperature = all[0];
  check_within("temperature: lag 1", average_autocorrelation(temperature, 1), 0.995, 0.999);
  check_within("temperature: lag 60", average_autocorrelation(temperature, 60), 0.50, 0.61);
  check_within("temperature: slope", slope_of_spectrum(temperature), 1.8, 2.0);
  check_within("temperature: innovation", average(temperature, innovation_share), 0.0015, 0.005);
  check_within("temperature: day",
               average(temperature, [](const Series& x) { return amplitude_share(x, 96); }), 0.14, 0.24);
  const std::array spans{1, 4, 16, 64, 259, 1'027};  // 15 min, 1 h, 4 h, 16 h, 2.7 d, 10.7 d
  const std::array structure{0.25, 0.69, 1.80, 3.62, 4.84, 5.00};
  for (std::size_t i = 0; i < spans.size(); ++i) {
    check_within("temperature: structure", root_of_structure(temperature, static_cast<std::size_t>(spans[i])),
                 0.9 * structure[i], 1.1 * structure[i]);
  }

  const auto& vibration = all[1];
  check_within("vibration: lag 1", average_autocorrelation(vibration, 1), 0.73, 0.94);
  check_within("vibration: lag 60", average_autocorrelation(vibration, 60), 0.20, 0.47);
  check_within("vibration: slope", slope_of_spectrum(vibration), 0.86, 1.4);
  check_within("vibration: innovation", average(vibration, innovation_share), 0.07, 0.40);
  check_within("vibration: repeats", average(vibration, repeats), 0.27, 0.35);
  double together = 0;
  for (std::size_t id = 0; id < temperature.size(); ++id) {
    Series logarithm;
    for (const double value : vibration[id]) logarithm.push_back(std::log(std::max(value, 1.0)));
    together += correlation(temperature[id], logarithm) / static_cast<double>(temperature.size());
  }
  check_within("temperature with the logarithm of vibration", together, 0.68, 0.78);
}

TEST_CASE("the pump on a test stand, every second for 6 hours, has the statistics of the one it is like") {
  const Readings all = readings(test_stand(), 32, seconds(1), 6 * 3'600);
  for (const auto& channel : all) {
    check_within("lag 1", average_autocorrelation(channel, 1), 0.90, 0.98);
    check_within("lag 60", average_autocorrelation(channel, 60), 0.70, 0.88);
    check_within("innovation", average(channel, innovation_share), 0.04, 0.12);
  }
}

}  // namespace fleet_sim::realism_test
