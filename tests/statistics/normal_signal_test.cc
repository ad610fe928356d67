// engine/model/README.md, "Normal reading", with what firmware and location do to it: every reading of a day
// of 2,700 sensors that is not flagged, each against the mean and the standard deviation it should have at
// its hour.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "statistics/book.h"
#include "statistics/estimates.h"
#include "statistics/runs.h"
#include "statistics/spec.h"

namespace fleet_sim::normal_signal_test {

using namespace fleet_sim::statistics;

namespace {

Book book("normal_signal_test");

constexpr std::size_t quarters = 96;  // of an hour, in a day

std::size_t quarter_of(double hour) {
  return std::min(quarters - 1, static_cast<std::size_t>(hour * 4));
}
double middle_of(std::size_t quarter) {
  return (static_cast<double>(quarter) + 0.5) / 4;
}

// What was seen of the normal readings of one sensor, or of many.
struct Seen {
  PerChannel<Moments> z;  // distance from the center in promised standard deviations
  PerChannel<NormalShape> shape;
  PerChannel<double> at_low{};
  PerChannel<double> at_high{};
  std::array<Moments, quarters> raw{};     // temperature
  std::array<Moments, quarters> excess{};  // temperature beyond its center, °C

  void add(const Kind& kind, const batch::Reading& reading) {
    const double hour = hour_of(reading.due);
    for (std::size_t c = 0; c < channel_count; ++c) {
      const double value = reading.values[c];
      const double away = value - center(kind, c, hour);
      const double own = away / deviation(kind, c);
      z[c].add(own);
      shape[c].add(own);
      at_low[c] += value == normal[c].min ? 1 : 0;
      at_high[c] += value == normal[c].max ? 1 : 0;
      if (c != temperature) continue;
      raw[quarter_of(hour)].add(value);
      excess[quarter_of(hour)].add(away);
    }
  }

  void add(const Seen& other) {
    for (std::size_t c = 0; c < channel_count; ++c) {
      z[c].add(other.z[c]);
      shape[c].add(other.shape[c]);
      at_low[c] += other.at_low[c];
      at_high[c] += other.at_high[c];
    }
    for (std::size_t q = 0; q < quarters; ++q) {
      raw[q].add(other.raw[q]);
      excess[q].add(other.excess[q]);
    }
  }
};

using Filter = std::function<bool(const Kind&)>;

// A day of the default fleet, run once for all tests of this file.
class Day {
 public:
  static const Day& get() {
    static const Day day;
    return day;
  }

  [[nodiscard]] const Seen& of_kind(std::size_t kind) const { return kinds_[kind]; }
  [[nodiscard]] Seen of(const Filter& wanted) const {
    Seen sum;
    for (std::size_t k = 0; k < kind_count; ++k) {
      if (wanted(kind_of(k))) sum.add(kinds_[k]);
    }
    return sum;
  }

 private:
  Day() : kinds_(kind_count) {
    const identity::Roster roster = roster_of_kinds(14 * scale());
    std::vector<Seen> sensors(roster.size());
    book.look_at(run_fleet({roster, config_with_period(10), 101, one_day}, [&](const batch::Batch& batch) {
      for (const batch::Reading& reading : batch.readings) {
        if (!reading.anomaly) sensors[reading.sensor].add(kind_of(reading.sensor), reading);
      }
    }));
    for (std::size_t i = 0; i < sensors.size(); ++i) kinds_[i % kind_count].add(sensors[i]);
  }

  std::vector<Seen> kinds_;
};

Filter in_place(std::size_t place) {
  return [place](const Kind& kind) { return kind.place == place; };
}

// Where the limits lie, in standard deviations from the center. For the temperature, whose center moves,
// where they lie at most 4.5 off: that changes its mean and spread by less than a hundredth of what is
// measured.
ClampedNormal clamped(const Kind& kind, std::size_t channel) {
  const NormalSpec& spec = normal[channel];
  const double sigma = deviation(kind, channel);
  return clamped_normal((spec.min - spec.mean) / sigma, (spec.max - spec.mean) / sigma);
}

// Expected number of readings at a limit, for readings spread like those that were seen.
double expected_at(double limit, const Kind& kind, std::size_t channel, const Seen& seen) {
  double expected = 0;
  for (std::size_t q = 0; q < quarters; ++q) {
    const double away = std::abs(limit - center(kind, channel, middle_of(q))) / deviation(kind, channel);
    expected += seen.raw[q].n * upper_tail(away);
  }
  return expected;
}

void compare_count(Line& line, double count, double n, double expected) {
  if (expected >= 2 * least_expected) {
    const double p = expected / n;
    line.compare(share_of(count, n, p), p, {0.5 * p, 1.5 * p});
  } else {
    line.compare_rare(static_cast<std::uint64_t>(count), expected);
  }
}

using DayCurve = std::function<double(double hour)>;

// Whether some quarter of an hour tells the curve `wrong` from the promised one.
bool tells_apart(const Seen& seen, const DayCurve& promised, const DayCurve& wrong, double sigma) {
  for (std::size_t q = 0; q < quarters; ++q) {
    double apart = 0;  // averaged over the quarter
    for (int i = 0; i < 9; ++i) {
      const double hour = static_cast<double>(q) / 4 + (i + 0.5) / 36;
      apart += (wrong(hour) - promised(hour)) / 9;
    }
    const double bound = standard_errors_allowed() * sigma / std::sqrt(seen.excess[q].n);
    if (std::abs(apart) > 2 * bound) return true;
  }
  return false;
}

// Amplitude and peak of the daily wave: the promised wave plus what the residuals have of its sine and
// cosine.
struct Wave {
  Estimate amplitude;
  Estimate peak_hour;
};
Wave measured_wave(const Seen& seen, double amplitude, double sigma) {
  double along = 0;
  double across = 0;
  double n = 0;
  for (std::size_t q = 0; q < quarters; ++q) {
    const double turn = 2 * std::numbers::pi * (middle_of(q) - 15) / 24;
    along += 2 * std::cos(turn) * seen.excess[q].sum;
    across += 2 * std::sin(turn) * seen.excess[q].sum;
    n += seen.excess[q].n;
  }
  const double a = amplitude + along / n;
  const double b = across / n;
  const double error = sigma * std::sqrt(2 / n);
  const double hours_per_radian = 24 / (2 * std::numbers::pi);
  return {{std::hypot(a, b), error},
          {15 + std::atan2(b, a) * hours_per_radian, error / amplitude * hours_per_radian}};
}

Moments around(const Seen& seen, std::size_t first, std::size_t quarter_count) {
  Moments sum;
  for (std::size_t q = first; q < first + quarter_count; ++q) sum.add(seen.raw[q]);
  return sum;
}

}  // namespace

TEST_CASE("mean and spread of every channel, for every kind of sensor") {
  const Day& day = Day::get();
  for (std::size_t c = 0; c < channel_count; ++c) {
    const std::string name(channel_names[c]);
    Line means(book, name + ": mean, per kind");
    Line spreads(book, name + ": spread, per kind");
    for (std::size_t k = 0; k < kind_count; ++k) {
      const Kind kind = kind_of(k);
      const double sigma = deviation(kind, c);
      const ClampedNormal promised = clamped(kind, c);
      const Moments& z = day.of_kind(k).z[c];
      const double mean = normal[c].mean + sigma * promised.mean;
      const double variance = promised.square - promised.mean * promised.mean;
      means.compare({normal[c].mean + sigma * z.mean(), sigma * std::sqrt(variance / z.n)}, mean,
                    {mean - 0.05 * sigma, mean + 0.05 * sigma});
      const double root = std::sqrt(promised.square);
      const double error =
          std::sqrt((promised.fourth - promised.square * promised.square) / z.n) / (2 * root);
      spreads.compare({sigma * std::sqrt(z.squares / z.n), sigma * error}, sigma * root,
                      {0.95 * sigma * root, 1.05 * sigma * root});
    }
  }
}

TEST_CASE("normal readings have the shape of a normal distribution") {
  const Day& day = Day::get();
  Line line(book, "normal readings: shape in quarters of a standard deviation");
  const std::array<Filter, channel_count> unclamped{
      [](const Kind& kind) { return kind.place != 2; },
      [](const Kind& kind) { return kind.place_spec().vibration_spread == 1; },
      [](const Kind& kind) { return kind.firmware != 0; }};
  for (std::size_t c = 0; c < channel_count; ++c) {
    for (std::size_t f = 0; f < firmwares.size(); ++f) {
      if (c == voltage && f == 0) continue;
      const Seen seen = day.of([&](const Kind& kind) { return unclamped[c](kind) && kind.firmware == f; });
      line.compare_standard(seen.shape[c].away_from_normal());
    }
  }
}

TEST_CASE("values are clamped to min and max, as often as a normal distribution lies beyond") {
  const Day& day = Day::get();
  for (std::size_t c = 0; c < channel_count; ++c) {
    Line line(book, std::string(channel_names[c]) + ": readings at min and at max");
    for (std::size_t f = 0; f < firmwares.size(); ++f) {
      for (std::size_t p = 0; p < places.size(); ++p) {
        const Kind kind{f, 0, 0, p};
        const Seen seen = day.of([&](const Kind& k) { return k.firmware == f && k.place == p; });
        const double n = seen.z[c].n;
        compare_count(line, seen.at_low[c], n, expected_at(normal[c].min, kind, c, seen));
        compare_count(line, seen.at_high[c], n, expected_at(normal[c].max, kind, c, seen));
      }
    }
  }
}

TEST_CASE("the temperature of every quarter of an hour, in every place") {
  const Day& day = Day::get();
  for (std::size_t p = 0; p < places.size(); ++p) {
    const PlaceSpec& place = places[p];
    Line line(book, "temperature in " + std::string(place.location) + ", per quarter of an hour");
    const Seen seen = day.of(in_place(p));
    const double sigma = normal[temperature].std_dev * place.temperature_spread;
    for (const Moments& quarter : seen.excess) {
      line.compare({quarter.mean(), sigma / std::sqrt(quarter.n)}, 0);
    }

    const double unit = normal[temperature].std_dev;
    const DayCurve promised = [&](double hour) { return unit * warmth(place, hour); };
    const auto apart = [&](const DayCurve& wrong) { return tells_apart(seen, promised, wrong, sigma); };
    CHECK_FALSE(apart(promised));
    for (const double later : {-1.0, -0.25, 0.25, 1.0}) {
      CHECK(apart([&](double hour) {
        return promised(hour) + unit * place.daily * (daily_wave(hour - later) - daily_wave(hour));
      }));
    }
    for (const double more : {-0.1, 0.1}) {
      CHECK(
          apart([&](double hour) { return promised(hour) + more * unit * place.daily * daily_wave(hour); }));
    }
    // Work hours where there are none, or none where there are.
    const double other = place.work_hours_rise == 0 ? 1 : -1;
    CHECK(apart([&](double hour) { return promised(hour) + other * unit * work_share(hour); }));
    if (place.work_hours_rise == 0) continue;
    const auto with_work_share = [&](const DayCurve& share) {
      return apart([&](double hour) { return promised(hour) + unit * (share(hour) - work_share(hour)); });
    };
    CHECK(with_work_share([](double hour) { return 0.9 * work_share(hour); }));
    CHECK(with_work_share([](double hour) { return hour >= 8 && hour < 18 ? 1.0 : 0.0; }));
    CHECK(with_work_share([](double hour) { return std::clamp(std::min(hour - 8, 18 - hour), 0.0, 1.0); }));
    CHECK(with_work_share([](double hour) { return work_share(hour - (hour < 13 ? 0.25 : 0)); }));
    CHECK(with_work_share([](double hour) { return work_share(hour - (hour < 13 ? 0 : -0.25)); }));
  }
}

TEST_CASE("the daily wave peaks at 15:00, has its trough at 03:00 and an amplitude of one std_dev") {
  const Day& day = Day::get();
  Line peaks(book, "daily wave: hour of the peak, per place");
  Line amplitudes(book, "daily wave: amplitude, per place");
  Line highs(book, "temperature from 14:45 to 15:15, where nobody works");
  Line lows(book, "temperature from 02:45 to 03:15, per place");
  for (std::size_t p = 0; p < places.size(); ++p) {
    const PlaceSpec& place = places[p];
    const Seen seen = day.of(in_place(p));
    const double sigma = normal[temperature].std_dev * place.temperature_spread;
    const double amplitude = normal[temperature].std_dev * place.daily;
    const Wave wave = measured_wave(seen, amplitude, sigma);
    peaks.compare(wave.peak_hour, 15, {14, 14.9, 15.1, 16});
    amplitudes.compare(wave.amplitude, amplitude, {0.9 * amplitude, 1.1 * amplitude});
    // The mean of half an hour around the extreme of a wave is 0.9993 of it.
    const double extreme = 0.9993 * amplitude;
    const Moments low = around(seen, 11, 2);
    lows.compare({low.mean(), sigma / std::sqrt(low.n)}, 65 - extreme,
                 {65 - 0.9 * extreme, 65 - 1.1 * extreme});
    if (place.work_hours_rise != 0) continue;
    const Moments high = around(seen, 59, 2);
    highs.compare({high.mean(), sigma / std::sqrt(high.n)}, 65 + extreme,
                  {65 + 0.9 * extreme, 65 + 1.1 * extreme});
  }
}

TEST_CASE("a factory is one std_dev warmer from 09:00 to 17:00 and no warmer from 18:00 to 08:00") {
  const Day& day = Day::get();
  const Seen factory = day.of(in_place(0));
  const Seen laboratory = day.of(in_place(3));
  const auto rise = [&](std::size_t first, std::size_t count) {
    const Moments a = around(factory, first, count);
    const Moments b = around(laboratory, first, count);
    return Estimate{a.mean() - b.mean(), normal[temperature].std_dev * std::sqrt(1 / a.n + 1 / b.n)};
  };
  Line line(book, "work hours: factory minus laboratory");
  line.compare(rise(36, 32), 2, {0, 1.8, 2.2});
  line.compare(rise(0, 32), 0, {-0.2, 0.2});
  line.compare(rise(72, 24), 0, {-0.2, 0.2});
  line.compare(rise(32, 4), 1, {0, 0.8, 1.2, 2});  // half of it on average of a ramp
  line.compare(rise(68, 4), 1, {0, 0.8, 1.2, 2});
}

// A sensor with limits of its own, so tight that every hour has readings at both: the day's course is added
// before the value is clamped, and scales with the sensor's own std_dev.
TEST_CASE("offsets come before the limits, and scale with the sensor's own std_dev") {
  constexpr NormalSpec own{40, 4, 36, 45};
  identity::Roster roster;
  for (std::size_t i = 0; i < 96 * scale(); ++i) {
    identity::IdentityRecord record = identity_of({2, 3, 3, 0}, i);
    record.overrides.normal_parameters[channel_names[temperature]] = {own.mean, own.std_dev, own.min,
                                                                      own.max};
    roster.add(record);
  }
  struct Hours {
    std::array<double, 24> n{};
    std::array<double, 24> at_low{};
    std::array<double, 24> at_high{};
  };
  std::vector<Hours> sensors(roster.size());
  book.look_at(run_fleet({roster, config_with_period(10), 103, one_day}, [&](const batch::Batch& batch) {
    for (const batch::Reading& reading : batch.readings) {
      if (reading.anomaly) continue;
      Hours& hours = sensors[reading.sensor];
      const auto hour = static_cast<std::size_t>(hour_of(reading.due));
      hours.n[hour] += 1;
      hours.at_low[hour] += reading.values[temperature] == own.min ? 1 : 0;
      hours.at_high[hour] += reading.values[temperature] == own.max ? 1 : 0;
    }
  }));

  // The share beyond a limit, averaged over an hour.
  const auto promised = [&](std::size_t hour, double limit, int side) {
    double share = 0;
    for (int i = 0; i < 60; ++i) {
      const double at = static_cast<double>(hour) + (i + 0.5) / 60;
      share += upper_tail(side * (limit - own.mean - own.std_dev * warmth(places[0], at)) / own.std_dev) / 60;
    }
    return share;
  };
  Line line(book, "own limits: readings at min and at max, per hour");
  for (std::size_t hour = 0; hour < 24; ++hour) {
    double n = 0;
    double low = 0;
    double high = 0;
    for (const Hours& sensor : sensors) {
      n += sensor.n[hour];
      low += sensor.at_low[hour];
      high += sensor.at_high[hour];
    }
    const double below = promised(hour, own.min, -1);
    const double above = promised(hour, own.max, 1);
    compare_count(line, low, n, n * below);
    compare_count(line, high, n, n * above);
  }
}

TEST_CASE("the hour is local: the peak moves with clock.utc_offset") {
  Line line(book, "daily wave with utc_offset +05:30: UTC hour of the peak");
  const Kind outdoor{2, 3, 3, 2};
  const identity::Roster roster = roster_of_one_kind(outdoor, 64 * scale());
  config::Config config = config_with_period(10);
  config.clock.zone = zones::Zone(5 * one_hour + one_hour / 2);
  struct Sums {
    double cosine = 0;
    double sine = 0;
    double n = 0;
  };
  std::vector<Sums> sensors(roster.size());
  book.look_at(run_fleet({roster, config, 105, one_day}, [&](const batch::Batch& batch) {
    for (const batch::Reading& reading : batch.readings) {
      if (reading.anomaly) continue;
      const double hour = hour_of(reading.due);
      const double away = reading.values[temperature] - 65 - 6 * daily_wave(hour + 5.5);
      Sums& sums = sensors[reading.sensor];
      sums.cosine += 2 * away * std::cos(2 * std::numbers::pi * (hour - 9.5) / 24);
      sums.sine += 2 * away * std::sin(2 * std::numbers::pi * (hour - 9.5) / 24);
      sums.n += 1;
    }
  }));
  Sums all;
  for (const Sums& sums : sensors) {
    all.cosine += sums.cosine;
    all.sine += sums.sine;
    all.n += sums.n;
  }
  const double peak =
      9.5 + std::atan2(all.sine / all.n, 6 + all.cosine / all.n) * 24 / (2 * std::numbers::pi);
  const double error = 2 * std::sqrt(2 / all.n) / 6 * 24 / (2 * std::numbers::pi);
  line.compare({peak, error}, 9.5, {9.4, 9.6, 10.5, 15, 20.5});
}

TEST_CASE("what the normal readings were compared with, in all") {
  book.close();
}

}  // namespace fleet_sim::normal_signal_test
