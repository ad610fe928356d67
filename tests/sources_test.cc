// What sources are: noise with its mean, variance and kurtosis, loads whose work is what they did, what lags
// behind them, cycles and schedules by the local clock, and whose each is.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "base/random.h"
#include "sources/cycle.h"
#include "sources/keys.h"
#include "sources/lag.h"
#include "sources/lattice.h"
#include "sources/load.h"
#include "sources/noise.h"
#include "sources/schedule.h"
#include "sources/source_set.h"
#include "support/lifelike_types.h"
#include "support/statistics.h"
#include "support/zone_of.h"

namespace fleet_sim::sources_test {

using namespace fleet_sim::test;
using namespace fleet_sim::sources;
using types::Scope;

namespace {

constexpr Timestamp start = 1'767'225'600'000'000;  // 2026-01-01T00:00Z, a Thursday
constexpr Microseconds minute = 60 * microseconds_per_second;
constexpr std::uint64_t seed = 7;

// Berlin in 2026, and before.
constexpr Timestamp summer_begins = 1'774'746'000'000'000;  // 2026-03-29T01:00Z, a Sunday
constexpr Timestamp summer_ends = 1'792'890'000'000'000;    // 2026-10-25T01:00Z, a Sunday
const zones::Zone berlin = zone_of(hours(1), {{summer_begins, hours(2)}, {summer_ends, hours(1)}});
const zones::Zone utc{};

// Moments without any pattern, anywhere in a hundred years.
Timestamp any_moment(std::uint64_t i) {
  return start + static_cast<Timestamp>(uniform_below(mix_words(i, 0xA11), std::uint64_t{1} << 51));
}

std::uint64_t any_key(std::uint64_t i) {
  return sensor_key(seed, mix_words(i, 0xB0B));
}

std::vector<double> noise_values(const types::Noise& noise, std::size_t place, std::uint64_t count,
                                 std::uint64_t first_key) {
  Noises noises;
  noises.add(place, noise);
  std::vector<double> values;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t key = any_key(first_key + i);
    const Timestamp at = any_moment(i);
    values.push_back(noises.fast(key, at)[place] + noises.slow(key, at)[place]);
  }
  return values;
}

double mean_power(const std::vector<double>& values, int power) {
  double sum = 0;
  for (const double value : values) sum += std::pow(value, power);
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("an octave is the nearest even power of two, by ratio") {
  CHECK(octave_of(seconds(4)) == 22);
  CHECK(octave_of(hours(4)) == 34);
  CHECK(octave_of(days(16)) == 40);
  for (int e = lowest_octave; e <= highest_octave; e += 2) {
    const Microseconds length = Microseconds{1} << e;
    CHECK(octave_of(length) == e);
    CHECK(octave_of(length / 2) == e);
    CHECK(octave_of(2 * length - 1) == e);
  }
  CHECK(octave_of(1) == lowest_octave);
  CHECK(octave_of(std::numeric_limits<Microseconds>::max()) == highest_octave);
}

// A hat of height 3(2U - 1) has fourth moment 81/25 and so has each octave, in units of its weight; the sum's
// lies between that of one and a normal's 3.
TEST_CASE("noise has mean 0, variance 1 and a kurtosis between 3 and 3.24") {
  constexpr std::uint64_t count = 100'000;
  constexpr double n = count;
  for (const types::Noise& noise : {types::Noise{Scope::sensor, seconds(4), hours(4), 0.3},
                                    types::Noise{Scope::sensor, seconds(0.01), seconds(0.02), 0.5},
                                    types::Noise{Scope::sensor, hours(12), days(16), 0.9},
                                    types::Noise{Scope::sensor, seconds(0.001), days(365), 0.1}}) {
    const double octaves = (octave_of(noise.to) - octave_of(noise.from)) / 2 + 1;
    double fourths = 0;  // Σ w⁴, with Σ w² = 1
    double squares = 0;
    for (double k = 0; k < octaves; ++k) squares += std::exp2(4 * noise.roughness * k);
    for (double k = 0; k < octaves; ++k) fourths += std::exp2(8 * noise.roughness * k) / (squares * squares);
    const double kurtosis = 3 + 0.24 * fourths;
    for (std::size_t place = 0; place < Noises::most; ++place) {
      CAPTURE(noise.from);
      CAPTURE(place);
      const auto values = noise_values(noise, place, count, 1'000'000 * place);
      CHECK(std::fabs(mean_of(values)) < mean_bound(1, n));
      CHECK(std::fabs(mean_power(values, 2) - 1) < mean_bound(kurtosis - 1, n));
      // The eighth moment is at most a normal's, 105.
      CHECK(std::fabs(mean_power(values, 4) - kurtosis) < mean_bound(105 - kurtosis * kurtosis, n));
    }
  }
}

TEST_CASE("rough noise is mostly its slow parts, and fast parts are what changes at once") {
  const double smooth = 0.05;
  const double rough = 0.8;
  std::array<double, 2> squares{};
  for (const double roughness : {smooth, rough}) {
    Noises noises;
    noises.add(0, {Scope::sensor, seconds(1), days(12), roughness});
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      const double fast = noises.fast(any_key(i), any_moment(i))[0];
      squares[roughness == rough] += fast * fast / 20'000;
    }
  }
  // The octaves below the slow ones, of 20 .. 40.
  const auto share = [](double h) {
    double fast = 0;
    double all = 0;
    for (int e = 20; e <= 40; e += 2) {
      all += std::exp2(2 * h * e);
      if (e < lowest_slow_octave) fast += std::exp2(2 * h * e);
    }
    return fast / all;
  };
  CHECK(std::fabs(squares[0] / share(smooth) - 1) < mean_bound(2.3, 20'000));
  CHECK(std::fabs(squares[1] / share(rough) - 1) < mean_bound(2.3, 20'000));
}

// Worked out with a second implementation, in Python, with fractions and long integers.
TEST_CASE("sources are what they are defined as") {
  enum : std::size_t { first, second, third, fourth, fifth, sixth, run, warm };
  const types::Noise fast{Scope::sensor, seconds(4), hours(4), 0.3};
  const types::Noise slow{Scope::sensor, hours(12), days(16), 0.5};
  const std::vector<types::Source> declared{{"first", fast},
                                            {"second", fast},
                                            {"third", fast},
                                            {"fourth", slow},
                                            {"fifth", slow},
                                            {"sixth", fast},
                                            {"run", types::Load{Scope::sensor, 0.28, 1.3, {}}},
                                            {"warm", types::Lag{run, seconds(9000)}}};
  const SourceSet set(declared, utc);
  const Keys keys{sensor_key(7, 42), {}};
  CHECK(keys.sensor == 0x8ed45cb8b4cf1f86);
  struct Expected {
    Timestamp at;
    double first;
    double fourth;
    double sixth;
    Microseconds work;
    double on;
    double warm;
  };
  for (const Expected& expected :
       {Expected{start, -0.8138426633347294, -0.972796437637301, 0.2239065847056122, 495'065'853'790'227, 1,
                 0.1698457183274495},
        Expected{start + 123'456'789'012'345, 0.17182349187274423, -0.74317176245566, -0.9641527884265546,
                 529'528'711'315'012, 0, 0.0026897929013612425},
        Expected{-98'765'432'109'876, 0.3092540429845617, 0.5586354185570792, -0.1061706168807734,
                 -27'431'599'778'325, 0, 0.2649399154162673}}) {
    CAPTURE(expected.at);
    const auto value = [&](std::size_t source) { return set.value(source, keys, expected.at); };
    CHECK(value(first) == doctest::Approx(expected.first).epsilon(1e-12));
    CHECK(value(fourth) == doctest::Approx(expected.fourth).epsilon(1e-12));
    CHECK(value(sixth) == doctest::Approx(expected.sixth).epsilon(1e-12));
    CHECK(set.load(run).at(set.load_key(run, keys), expected.at).work == expected.work);
    CHECK(value(run) == expected.on);
    CHECK(value(warm) == doctest::Approx(expected.warm).epsilon(1e-12));
  }
}

TEST_CASE("noise has no jumps") {
  Noises noises;
  noises.add(2, {Scope::sensor, seconds(4), hours(4), 0.3});
  const std::uint64_t key = any_key(1);
  // The steepest hat rises by 3 in half a cell, and the weights of seven octaves add up to less than √7.
  const double most = 2 * 3 * std::sqrt(7.0) / static_cast<double>(length_of_cell(22));
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    // Around the ends of cells, too.
    const Timestamp at = i % 2 == 0 ? any_moment(i) : (any_moment(i) >> 22 << 22) - shift_of(key, 22) - 1;
    CHECK(std::fabs(noises.fast(key, at + 1)[2] - noises.fast(key, at)[2]) <= most);
    CHECK(std::fabs(noises.slow(key, at + 1)[2] - noises.slow(key, at)[2]) <= most);
  }
}

TEST_CASE("all noises of a sensor are unrelated, and so are those of two sensors") {
  std::vector<types::Source> declared;
  for (std::size_t i = 0; i < types::most_noises; ++i) {
    declared.push_back({"n" + std::to_string(i), types::Noise{Scope::sensor, seconds(4), hours(4), 0.3}});
  }
  const SourceSet set(declared, utc);
  constexpr std::uint64_t count = 4'000;
  std::vector<std::vector<double>> values(types::most_noises + 1);
  for (std::uint64_t i = 0; i < count; ++i) {
    for (std::size_t s = 0; s < types::most_noises; ++s) {
      values[s].push_back(set.value(s, {any_key(1), {}}, start + static_cast<Timestamp>(i) * days(1)));
    }
    values.back().push_back(set.value(0, {any_key(2), {}}, start + static_cast<Timestamp>(i) * days(1)));
  }
  for (std::size_t a = 0; a < values.size(); ++a) {
    CHECK(std::fabs(mean_power(values[a], 2) - 1) < mean_bound(2.24, count));
    for (std::size_t b = a + 1; b < values.size(); ++b) {
      CAPTURE(a);
      CAPTURE(b);
      CHECK(std::fabs(correlation(values[a], values[b])) < correlation_bound(count));
    }
  }
}

namespace {

// Moments at which something may change: where cells of all sizes begin, and others.
template <class Check>
void at_changes(std::uint64_t key, const Check& check) {
  for (std::uint64_t i = 0; i < 300; ++i) {
    const Timestamp at = any_moment(i);
    check(at);
    for (int e = Load::leaf_exponent; e <= Load::root_exponent; ++e) {
      const Timestamp begin = ((at >> e) << e) - shift_of(key, Load::root_exponent);
      check(begin - 1);
      check(begin);
    }
  }
}

}  // namespace

TEST_CASE("the work of a load is the time that it has been on, to the microsecond") {
  for (const double duty : {0.0, 1e-9, 0.28, 0.5, 0.93, 1.0}) {
    for (const double burst : {0.0, 0.7, 1.3, 100.0}) {
      CAPTURE(duty);
      CAPTURE(burst);
      const Load load({Scope::sensor, duty, burst, {}}, utc);
      const std::uint64_t key = any_key(3);
      bool holds = true;
      at_changes(key, [&](Timestamp at) {
        const Load::Moment now = load.at(key, at);
        holds = holds && load.at(key, at + 1).work - now.work == (now.on ? 1 : 0);
      });
      CHECK(holds);
      // … and a whole root cell's is its share.
      const Microseconds root = length_of_cell(Load::root_exponent);
      const auto share = static_cast<Microseconds>(duty * static_cast<double>(root) + 0.5);
      CHECK(load.at(key, start + root).work - load.at(key, start).work <= 2 * share);
      const Timestamp begin = ((start >> 40) << 40) - shift_of(key, 40);
      CHECK(load.at(key, begin + root).work - load.at(key, begin).work == share);
      CHECK(load.work_before_root(key, begin + root - 1) == load.at(key, begin).work);
    }
  }
}

TEST_CASE("a load never has more work in a span than the span lasts, nor less than none") {
  const Load load({Scope::sensor, 0.28, 1.3, {}}, utc);
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    const Timestamp at = any_moment(i);
    const auto span = static_cast<Microseconds>(1 + (mix_words(i, 1) >> (24 + i % 40)));
    const Microseconds work = load.at(any_key(4), at + span).work - load.at(any_key(4), at).work;
    CHECK(work >= 0);
    CHECK(work <= span);
  }
}

TEST_CASE("without bursts each leaf has its share, with bursts some have all and some none") {
  const auto shares = [](double burst) {
    const Load load({Scope::sensor, 0.3, burst, {}}, utc);
    const std::uint64_t key = any_key(5);
    const Microseconds leaf = length_of_cell(Load::leaf_exponent);
    const Timestamp first = ((start >> 28) << 28) - shift_of(key, 40);
    std::vector<double> each;
    for (int i = 0; i < 4'096; ++i) {
      const Microseconds work =
          load.at(key, first + (i + 1) * leaf).work - load.at(key, first + i * leaf).work;
      each.push_back(static_cast<double>(work) / static_cast<double>(leaf));
    }
    return each;
  };
  for (const double share : shares(0)) CHECK(std::fabs(share - 0.3) < 1e-6);
  int idle = 0;
  int busy = 0;
  for (const double share : shares(1.3)) {
    idle += share < 0.01 ? 1 : 0;
    busy += share > 0.99 ? 1 : 0;
  }
  CHECK(idle > 400);
  CHECK(busy > 100);
}

TEST_CASE("the loads of a sensor are unrelated") {
  std::vector<types::Source> declared;
  for (std::size_t i = 0; i < types::most_loads; ++i) {
    declared.push_back({"l" + std::to_string(i), types::Load{Scope::sensor, 0.5, 1.3, {}}});
  }
  const SourceSet set(declared, utc);
  constexpr std::uint64_t count = 3'000;
  std::vector<std::vector<double>> on(types::most_loads);
  for (std::uint64_t i = 0; i < count; ++i) {
    // One moment in each root cell, whose halves are unrelated to others'.
    const Timestamp at = start + static_cast<Timestamp>(i) * length_of_cell(40) + any_moment(i) % hours(200);
    for (std::size_t l = 0; l < on.size(); ++l) on[l].push_back(set.value(l, {any_key(1), {}}, at));
  }
  for (std::size_t a = 0; a < on.size(); ++a) {
    CHECK(std::fabs(mean_of(on[a]) - 0.5) < share_bound(0.5, count));
    for (std::size_t b = a + 1; b < on.size(); ++b) {
      CAPTURE(a);
      CAPTURE(b);
      CHECK(std::fabs(correlation(on[a], on[b])) < correlation_bound(count));
    }
  }
}

// The body that heats up, minute by minute: its exact answer to what the load did on average in the minute.
TEST_CASE("a lag is what a heated body becomes, within 0.6% over 278 days") {
  for (const Microseconds tau : {minute * 20, seconds(9000), hours(12)}) {
    CAPTURE(tau);
    const Load load({Scope::sensor, 0.28, 1.3, {}}, utc);
    const Lag lag(tau);
    const std::uint64_t key = any_key(6);
    const Microseconds step = minute;
    const double keeps = std::exp(-static_cast<double>(step) / static_cast<double>(tau));
    double heat = 0;
    std::vector<double> kept;
    std::vector<double> computed;
    Load::Moment before = load.at(key, start);
    for (int i = 1; i <= 278 * 24 * 60; ++i) {
      const Timestamp at = start + i * step;
      const Load::Moment now = load.at(key, at);
      const double share = static_cast<double>(now.work - before.work) / static_cast<double>(step);
      heat = share + (heat - share) * keeps;
      before = now;
      if (i * step < 20 * tau || i % 30 != 0) continue;  // until it has forgotten that it was cold
      kept.push_back(heat);
      computed.push_back(lag.at(load, key, at, now));
    }
    double squares = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) squares += std::pow(kept[i] - computed[i], 2);
    CHECK(correlation(kept, computed) >= 0.9998);
    CHECK(std::sqrt(squares / static_cast<double>(kept.size())) <= 0.006);
  }
}

TEST_CASE("a lag is 0 behind a load that is never on, and 1 behind one that always is") {
  const Lag lag(seconds(9000));
  for (const double duty : {0.0, 1.0}) {
    const Load load({Scope::sensor, duty, 1, {}}, utc);
    CHECK(std::fabs(lag.at(load, 1, start, load.at(1, start)) - duty) < 1e-12);
  }
}

namespace {

// Day shifts, and one that lies over the hour at which clocks change, to the end of the week.
const std::vector<types::Hours> shifts{{hours(6), hours(22)},
                                       {hours(24 + 6), hours(24 + 22)},
                                       {hours(48 + 7.5), hours(48 + 7.75)},
                                       {hours(6 * 24 - 2), hours(6 * 24 + 6)},
                                       {hours(6 * 24 + 20), hours(7 * 24)}};

// Whether a local week's time lies in a shift, by hours and minutes.
bool is_open(Timestamp at, const zones::Zone& zone) {
  const Microseconds since = at + zone.offset_at(at) - days(4);
  const Microseconds of_week = ((since % days(7)) + days(7)) % days(7);
  for (const types::Hours& shift : shifts) {
    if (of_week >= shift.from && of_week < shift.until) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a schedule's clock goes on when it is open and only then, over any change of the zone") {
  for (const zones::Zone& zone : {utc, berlin, zones::Zone(-hours(7) - seconds(1))}) {
    const Schedule schedule(shifts, zone);
    const auto check = [&](Timestamp at) {
      const Schedule::Moment now = schedule.at(at);
      REQUIRE(now.open == is_open(at, zone));
      REQUIRE(schedule.at(at + 1).elapsed - now.elapsed == (now.open ? 1 : 0));
    };
    for (std::uint64_t i = 0; i < 20'000; ++i) check(any_moment(i) - days(365 * 60));
    // Each half hour of the year, and the moment before.
    for (Timestamp at = start; at < start + days(366); at += minute * 30) {
      check(at);
      check(at - 1);
    }
  }
}

TEST_CASE("hours that a zone's change repeats count twice, those that it skips not at all") {
  const Schedule schedule(shifts, berlin);
  const auto elapsed = [&](Timestamp from, Timestamp until) {
    return schedule.at(until).elapsed - schedule.at(from).elapsed;
  };
  const Microseconds around = hours(12);
  // Saturday 22:00 to Sunday 06:00: eight hours, seven in March, nine in October.
  CHECK(elapsed(summer_begins - around, summer_begins + around) == hours(7));
  CHECK(elapsed(summer_ends - around, summer_ends + around) == hours(9));
  CHECK(elapsed(summer_begins - days(7) - around, summer_begins - days(7) + around) == hours(8));
  // Years before the first change and after the last are as they always are.
  CHECK(elapsed(start + days(7'000), start + days(7'000 + 7 * 52)) == 52 * hours(16 + 16 + 0.25 + 8 + 4));
}

TEST_CASE("a schedule's clock has an inverse, which is exact") {
  const Schedule schedule(shifts, berlin);
  const Microseconds first = schedule.at(start).elapsed;
  const Microseconds last = schedule.at(start + days(366)).elapsed;
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    const Microseconds wanted =
        first + 1 +
        static_cast<Microseconds>(uniform_below(mix_words(i, 2), static_cast<std::uint64_t>(last - first)));
    // The first moment by which so much has elapsed.
    Timestamp low = start;
    Timestamp high = start + days(366);
    while (low < high) {
      const Timestamp middle = low + (high - low) / 2;
      if (schedule.at(middle).elapsed >= wanted) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    REQUIRE(schedule.at(low).elapsed == wanted);
    REQUIRE(schedule.at(low - 1).elapsed == wanted - 1);
    REQUIRE(is_open(low - 1, berlin));
  }
}

TEST_CASE("a load with a schedule works in its hours only, and its duty is that of the hours") {
  const types::Load declared{Scope::sensor, 0.6, 1.3, shifts};
  const Load load(declared, berlin);
  const std::uint64_t key = any_key(8);
  const double open_share = (16 + 16 + 0.25 + 8 + 4) / 168.0;
  CHECK(load.mean() == doctest::Approx(0.6 * open_share).epsilon(1e-9));
  for (Timestamp at = start; at < start + days(366); at += minute * 7) {
    const Load::Moment now = load.at(key, at);
    REQUIRE((!now.on || is_open(at, berlin)));
    REQUIRE(load.at(key, at + 1).work - now.work == (now.on ? 1 : 0));
  }
  // Over many weeks all but the two root cells at the ends have exactly their share.
  const Microseconds span = days(7 * 5'000);
  const auto work = static_cast<double>(load.at(key, start + span).work - load.at(key, start).work);
  const auto ends = 2 * static_cast<double>(length_of_cell(Load::root_exponent));
  CHECK(std::fabs(work - load.mean() * static_cast<double>(span)) < ends);
}

TEST_CASE("a cycle is highest at its peak, by the clock on the wall") {
  const auto at_local = [](int day, double hour, Microseconds offset) {
    return start + days(day) + hours(hour) - offset;
  };
  using Shape = types::Cycle::Shape;
  const Cycle sine({Shape::sine, days(1), hours(15)}, berlin);
  for (const auto& [day, offset] : {std::pair{10, hours(1)}, {150, hours(2)}, {330, hours(1)}}) {
    CHECK(std::fabs(sine.at(at_local(day, 15, offset)) - 1) < 1e-12);
    CHECK(std::fabs(sine.at(at_local(day, 3, offset)) + 1) < 1e-12);
    CHECK(std::fabs(sine.at(at_local(day, 9, offset))) < 1e-12);
    CHECK(sine.at(at_local(day, 17, offset)) ==
          doctest::Approx(std::cos(2 * std::numbers::pi * 2 / 24)).epsilon(1e-12));
  }
  const Cycle saw({Shape::saw, days(1), hours(15)}, utc);
  CHECK(saw.at(at_local(1, 15, 0)) == 1);
  CHECK(saw.at(at_local(1, 15, 0) + 1) < -0.9999);
  CHECK(saw.at(at_local(1, 3, 0)) == doctest::Approx(0));
  CHECK(saw.at(at_local(1, 14.9, 0)) > 0.98);
  const Cycle square({Shape::square, seconds(60), 0}, utc);
  CHECK(square.at(start) == 1);
  CHECK(square.at(start + seconds(15) - 1) == 1);
  CHECK(square.at(start + seconds(15)) == -1);
  CHECK(square.at(start + seconds(45) - 1) == -1);
  CHECK(square.at(start + seconds(45)) == 1);
  CHECK(square.at(-start - seconds(10)) == 1);  // long before 1970
}

TEST_CASE("sensors of a place share what the place has, and no more") {
  const std::vector<types::Source> declared{{"own", types::Noise{Scope::sensor, hours(1), days(1), 0.5}},
                                            {"room", types::Noise{Scope::location, hours(1), days(1), 0.5}},
                                            {"weather", types::Noise{Scope::site, hours(1), days(1), 0.5}},
                                            {"grid", types::Noise{Scope::fleet, hours(1), days(1), 0.5}},
                                            {"draft", types::Noise{Scope::site, hours(1), days(1), 0.5}},
                                            {"shift", types::Load{Scope::site, 0.5, 1.3, {}}}};
  const SourceSet set(declared, utc);
  struct Sensor {
    std::uint64_t key;
    std::vector<std::uint64_t> shared;
  };
  const auto sensor = [&](std::uint64_t i, const char* location, const char* site) {
    return Sensor{any_key(i), set.shared_keys(seed, location, site)};
  };
  const Sensor a = sensor(1, "hall 1", "Ulm");
  const Sensor b = sensor(2, "hall 1", "Ulm");
  const Sensor c = sensor(3, "hall 2", "Ulm");
  const Sensor d = sensor(4, "Ulm", "hall 1");  // names of other scopes
  constexpr std::uint64_t count = 3'000;
  const auto values = [&](const Sensor& of, std::size_t source) {
    std::vector<double> all;
    for (std::uint64_t i = 0; i < count; ++i) {
      all.push_back(
          set.value(source, {of.key, of.shared}, start + static_cast<Timestamp>(i) * length_of_cell(40)));
    }
    return all;
  };
  const auto unrelated = [&](const std::vector<double>& x, const std::vector<double>& y) {
    return std::fabs(correlation(x, y)) < correlation_bound(count);
  };
  CHECK(unrelated(values(a, 0), values(b, 0)));
  CHECK(values(a, 1) == values(b, 1));
  CHECK(unrelated(values(a, 1), values(c, 1)));
  CHECK(values(a, 2) == values(c, 2));
  CHECK(unrelated(values(a, 2), values(d, 2)));
  CHECK(values(a, 3) == values(d, 3));
  CHECK(values(a, 5) == values(c, 5));
  CHECK(unrelated(values(a, 5), values(d, 5)));
  // A place's two sources are as unrelated as two places, or two scopes.
  CHECK(unrelated(values(a, 2), values(a, 4)));
  CHECK(unrelated(values(a, 1), values(d, 2)));
  CHECK(unrelated(values(a, 0), values(a, 2)));
  // Another seed is another world.
  CHECK(shared_key(1, Scope::site, "Ulm", "weather") != shared_key(2, Scope::site, "Ulm", "weather"));
}

}  // namespace fleet_sim::sources_test
