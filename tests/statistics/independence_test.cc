// engine/model/README.md: sensors, channels, successive readings and seeds know nothing of each other, in
// their values and in when their anomalies begin.
#include <doctest/doctest.h>
#include <oneapi/tbb/parallel_for.h>

#include <array>
#include <vector>

#include "statistics/book.h"
#include "statistics/estimates.h"
#include "statistics/runs.h"
#include "statistics/spec.h"

namespace fleet_sim::independence_test {

using namespace fleet_sim::statistics;

namespace {

Book book("independence_test");

constexpr std::size_t sensors = 300;
constexpr std::array<std::uint64_t, 2> seeds{501, 502};
constexpr std::size_t series_count = sensors * seeds.size();  // series i and i + sensors are the same sensor

std::size_t length() {
  return 2'400 * scale();
}

// One number per reading of one sensor and seed.
using Series = std::vector<float>;

// Which reading of its sensor this is.
std::size_t place_of(Timestamp due, double period_seconds) {
  return static_cast<std::size_t>(static_cast<double>(due - run_start) / (period_seconds * 1e6));
}

// Correlation with the expectations taken for known to be 0; for series of length one.
double product(const Series& a, const Series& b) {
  std::array<float, 8> sums{};
  const std::size_t whole = a.size() / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += a[i + j] * b[i + j];
  }
  double sum = 0;
  for (const float part : sums) sum += static_cast<double>(part);
  for (std::size_t i = whole; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

void scale_to_one(std::vector<Series>& all) {
  for (Series& series : all) {
    const auto norm = static_cast<float>(std::sqrt(product(series, series)));
    for (float& value : series) value /= norm;
  }
}

// Every pair of series once. Correlations of independent series of length one and of unit norm are themselves
// uncorrelated, with variance 1/length.
struct Pairs {
  double count = 0;
  double sum = 0;
  double squares = 0;
  double largest = 0;

  void add(double r) {
    count += 1;
    sum += r;
    squares += r * r;
    largest = std::max(largest, std::abs(r));
  }
  void add(const Pairs& other) {
    count += other.count;
    sum += other.sum;
    squares += other.squares;
    largest = std::max(largest, other.largest);
  }
};

Pairs all_pairs(const std::vector<Series>& all) {
  std::vector<Pairs> rows(all.size());
  tbb::parallel_for(std::size_t{0}, all.size(), [&](std::size_t a) {
    for (std::size_t b = 0; b < a; ++b) rows[a].add(product(all[a], all[b]));
  });
  Pairs sum;
  for (const Pairs& row : rows) sum.add(row);
  return sum;
}

void compare_pairs(const std::string& what, const std::vector<Series>& all) {
  const Pairs pairs = all_pairs(all);
  const auto n = static_cast<double>(all.front().size());
  Line mean(book, what + ": mean correlation of all pairs of sensors and seeds");
  mean.compare({pairs.sum / pairs.count, 1 / std::sqrt(pairs.count * n)}, 0, {-0.001, 0.001});
  Line squares(book, what + ": mean square of their correlations, of promised");
  squares.compare({pairs.squares * n / pairs.count, std::sqrt(2 / pairs.count)}, 1, {0.95, 1.05});
  Line largest(book, what + ": largest correlation of any pair, times the root of the readings");
  largest.compare_largest(pairs.largest * std::sqrt(n), pairs.count);
  Line seeds_apart(book, what + ": correlation of a sensor with itself under the next seed");
  Line neighbors(book, what + ": correlation of sensors with neighboring ids");
  double same = 0;
  double next = 0;
  for (std::size_t i = 0; i < sensors; ++i) same += product(all[i], all[i + sensors]);
  for (std::size_t i = 1; i < all.size(); ++i) next += product(all[i - 1], all[i]);
  seeds_apart.compare({same / sensors, 1 / std::sqrt(sensors * n)}, 0, {-0.02, 0.02});
  const auto steps = static_cast<double>(all.size() - 1);
  neighbors.compare({next / steps, 1 / std::sqrt(steps * n)}, 0, {-0.02, 0.02});
}

// Values of both seeds in promised standard deviations, without anomalies, so that no reading is missing.
const PerChannel<std::vector<Series>>& values() {
  static const PerChannel<std::vector<Series>> all = [] {
    PerChannel<std::vector<Series>> taken;
    taken.fill(std::vector<Series>(series_count, Series(length())));
    const identity::Roster roster = roster_of_one_kind(plain_kind, sensors);
    config::Config config = config_with_period(1);
    config.anomalies.enabled = false;
    const auto duration = static_cast<Microseconds>(length()) * microseconds_per_second;
    for (std::size_t s = 0; s < seeds.size(); ++s) {
      book.look_at(run_fleet({roster, config, seeds[s], duration}, [&](const batch::Batch& batch) {
        for (const batch::Reading& reading : batch.readings) {
          const double hour = hour_of(reading.due);
          for (std::size_t c = 0; c < channel_count; ++c) {
            const double z = (reading.values[c] - center(plain_kind, c, hour)) / deviation(plain_kind, c);
            taken[c][reading.sensor + s * sensors][place_of(reading.due, 1)] = static_cast<float>(z);
          }
        }
      }));
    }
    return taken;
  }();
  return all;
}

// Mean product of two channels, the second one `lag` readings later.
Estimate lagged(std::size_t a, std::size_t b, std::size_t lag) {
  double sum = 0;
  double n = 0;
  for (std::size_t i = 0; i < series_count; ++i) {
    const Series& first = values()[a][i];
    const Series& second = values()[b][i];
    for (std::size_t k = lag; k < first.size(); ++k) {
      sum += static_cast<double>(first[k - lag]) * static_cast<double>(second[k]);
    }
    n += static_cast<double>(first.size() - lag);
  }
  return {sum / n, 1 / std::sqrt(n)};
}

// The onsets of the default fleet, per moment and per sensor, against what was to be expected of the sensors
// that were free to begin one. Each free reading is a trial of its own.
struct Onsets {
  std::vector<double> seen;
  std::vector<double> expected;
  std::vector<double> variance;

  explicit Onsets(std::size_t n) : seen(n), expected(n), variance(n) {}

  void add(std::size_t i, double begun, double chance) {
    seen[i] += begun;
    expected[i] += chance;
    variance[i] += chance * (1 - chance);
  }

  [[nodiscard]] double away(std::size_t i) const { return (seen[i] - expected[i]) / std::sqrt(variance[i]); }

  // Σ of squares: as large as the number of terms when onsets neither cluster nor avoid each other. The
  // square of a count of rare events, e of them expected, has the variance 2 + 1/e.
  [[nodiscard]] Estimate dispersion() const {
    double squares = 0;
    double square_variance = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      squares += away(i) * away(i);
      square_variance += 2 + 1 / expected[i];
    }
    const auto n = static_cast<double>(seen.size());
    return {squares / n, std::sqrt(square_variance) / n};
  }
};

struct OnsetRun {
  Onsets by_moment;
  Onsets by_sensor;
};

constexpr std::size_t moments = 2'000;  // readings of each sensor
constexpr double onset_period_seconds = 10;
// Long enough that nothing of the steady start is left, whose onsets lie before the run.
constexpr std::size_t first_moment = 60;

struct OnsetCourse {
  std::vector<std::uint16_t> begun;   // moments at which an anomaly began
  std::vector<std::uint16_t> normal;  // moments without
};

OnsetRun onsets_of(const identity::Roster& roster, std::uint64_t seed) {
  std::vector<OnsetCourse> courses(roster.size());
  const auto duration = static_cast<Microseconds>(moments * onset_period_seconds * 1e6);
  book.look_at(run_fleet(
      {roster, config_with_period(onset_period_seconds), seed, duration}, [&](const batch::Batch& batch) {
        for (const batch::Reading& reading : batch.readings) {
          const auto moment = static_cast<std::uint16_t>(place_of(reading.due, onset_period_seconds));
          if (!reading.anomaly) courses[reading.sensor].normal.push_back(moment);
        }
        for (const batch::AnomalyEvent& event : batch.events) {
          const bool begins = event.kind == batch::AnomalyEvent::Kind::opened ||
                              event.kind == batch::AnomalyEvent::Kind::whole;
          if (!begins || event.started_at < run_start) continue;
          courses[event.sensor].begun.push_back(
              static_cast<std::uint16_t>(place_of(event.started_at, onset_period_seconds)));
        }
      }));

  OnsetRun run{Onsets(moments - first_moment), Onsets(roster.size())};
  for (std::size_t i = 0; i < courses.size(); ++i) {
    const PerAnomalyType<double> rates =
        onsets_per_normal_reading(kind_of(i), probability, onset_period_seconds);
    const double per_normal = std::accumulate(rates.begin(), rates.end(), 0.0);
    const double chance = per_normal / (1 + per_normal);  // per free reading
    const auto free_at = [&](std::uint16_t moment, double begun) {
      if (moment < first_moment) return;
      run.by_moment.add(moment - first_moment, begun, chance);
      run.by_sensor.add(i, begun, chance);
    };
    for (const std::uint16_t moment : courses[i].normal) free_at(moment, 0);
    for (const std::uint16_t moment : courses[i].begun) free_at(moment, 1);
  }
  return run;
}

}  // namespace

TEST_CASE("values of different sensors, and of one sensor under another seed, are independent") {
  for (const std::size_t c : {temperature, vibration, voltage}) {
    std::vector<Series> all = values()[c];
    scale_to_one(all);
    compare_pairs(std::string(channel_names[c]), all);
  }
}

TEST_CASE("channels are independent of each other, and readings of those before") {
  Line same(book, "values: correlation between channels of one reading");
  Line before(book, "values: correlation with each channel 1, 2, 3, 10, 60 readings before");
  for (std::size_t a = 0; a < channel_count; ++a) {
    for (std::size_t b = 0; b < channel_count; ++b) {
      if (a < b) same.compare(lagged(a, b, 0), 0, {-0.02, 0.02});
      for (const std::size_t lag : {1, 2, 3, 10, 60}) before.compare(lagged(a, b, lag), 0, {-0.02, 0.02});
    }
  }
}

// A spike lasts one reading, so with spikes alone every reading is a trial of its own.
TEST_CASE("no sensor shares its anomalies with another one, or with itself under another seed") {
  const identity::Roster roster = roster_of_one_kind(plain_kind, sensors);
  constexpr double share = 0.2;
  config::Config config = config_with_period(1);
  config.anomalies.probability = share;
  for (const std::size_t k : {trend, pattern, missing_data, noise}) config.anomalies.types[k].enabled = false;
  const auto deviation_of = [](double value) { return (value - share) / std::sqrt(share * (1 - share)); };
  std::vector<Series> all(series_count, Series(length()));
  const auto duration = static_cast<Microseconds>(length()) * microseconds_per_second;
  for (std::size_t s = 0; s < seeds.size(); ++s) {
    book.look_at(run_fleet({roster, config, seeds[s], duration}, [&](const batch::Batch& batch) {
      for (const batch::Reading& reading : batch.readings) {
        all[reading.sensor + s * sensors][place_of(reading.due, 1)] =
            static_cast<float>(deviation_of(reading.anomaly ? 1 : 0));
      }
    }));
  }
  Line successive(book, "onsets: correlation of successive readings");
  double sum = 0;
  for (const Series& series : all) {
    for (std::size_t i = 1; i < series.size(); ++i) {
      sum += static_cast<double>(series[i - 1]) * static_cast<double>(series[i]);
    }
  }
  const auto n = static_cast<double>(series_count * (length() - 1));
  successive.compare({sum / n, 1 / std::sqrt(n)}, 0, {-0.02, 0.02});
  scale_to_one(all);
  compare_pairs("onsets", all);
}

TEST_CASE("onsets of all types fall at random: neither together nor apart, in time and in a sensor") {
  const identity::Roster roster = roster_of_kinds(10 * scale());
  std::array<OnsetRun, 2> runs{onsets_of(roster, 503), onsets_of(roster, 504)};
  Line moments_line(book, "onsets of the fleet per moment: variance, of promised");
  Line sensors_line(book, "onsets per sensor: variance, of promised");
  Line following(book, "onsets of the fleet: correlation of successive moments");
  Line across(book, "onsets of the fleet: correlation of two seeds");
  for (const OnsetRun& run : runs) {
    moments_line.compare(run.by_moment.dispersion(), 1, {0.5, 1.5});
    sensors_line.compare(run.by_sensor.dispersion(), 1, {0.5, 1.5});
    double product_sum = 0;
    const auto n = static_cast<double>(run.by_moment.seen.size() - 1);
    for (std::size_t i = 1; i < run.by_moment.seen.size(); ++i) {
      product_sum += run.by_moment.away(i - 1) * run.by_moment.away(i);
    }
    following.compare({product_sum / n, 1 / std::sqrt(n)}, 0, {-0.3, 0.3});
  }
  double product_sum = 0;
  const auto n = static_cast<double>(runs[0].by_moment.seen.size());
  for (std::size_t i = 0; i < runs[0].by_moment.seen.size(); ++i) {
    product_sum += runs[0].by_moment.away(i) * runs[1].by_moment.away(i);
  }
  across.compare({product_sum / n, 1 / std::sqrt(n)}, 0, {-0.3, 0.3});
}

TEST_CASE("what was compared to tell dependence, in all") {
  book.close();
}

}  // namespace fleet_sim::independence_test
