// What channels make of sources: gauges on both scales and what their device shows, counters, states and
// products; and that all of it is a function of the moment, whatever was computed before.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "sources/lattice.h"
#include "sources/signal.h"
#include "support/lifelike_types.h"
#include "support/random_types.h"
#include "support/statistics.h"
#include "support/zone_of.h"

namespace fleet_sim::signal_test {

using namespace fleet_sim::test;
using namespace fleet_sim::sources;
using types::Gauge;
using types::Scope;

namespace {

constexpr Timestamp start = 1'767'225'600'000'000;  // 2026-01-01T00:00Z
constexpr std::uint64_t seed = 11;
constexpr int knot_exponent = 26;
const zones::Zone utc{};

// A sensor of a signal, read as the tick reads it.
class Sensor {
 public:
  Sensor(const Signal& signal, std::uint64_t id)
      : signal_(signal),
        shared_(signal.sources().shared_keys(seed, "hall", "Ulm")),
        key_(sensor_key(seed, id)),
        knots_(signal.knot_words(), no_knot) {}

  [[nodiscard]] Keys keys() const { return {key_, shared_}; }

  std::vector<double> levels(Timestamp at) {
    std::vector<double> levels(signal_.channels(), std::nan(""));
    signal_.levels(keys(), at, deviates(at), knots_, levels);
    return levels;
  }
  std::vector<double> cold_levels(Timestamp at) const {
    std::vector<double> levels(signal_.channels(), std::nan(""));
    signal_.levels(keys(), at, deviates(at), levels);
    return levels;
  }
  std::vector<double> read(Timestamp at) {
    std::vector<double> values = levels(at);
    signal_.read(values);
    return values;
  }

  // Those that matter, made from the moment; a signal that looked at another would read NaN.
  [[nodiscard]] std::vector<double> deviates(Timestamp at) const {
    std::vector<double> deviates(signal_.deviates(), std::nan(""));
    for (const std::uint8_t i : signal_.drawn_deviates()) {
      deviates[i] = 4 * uniform(mix_words(key_ + i, static_cast<std::uint64_t>(at))) - 2;
    }
    return deviates;
  }

 private:
  const Signal& signal_;
  std::vector<std::uint64_t> shared_;
  std::uint64_t key_;
  std::vector<std::uint32_t> knots_;
};

types::SignalChannel gauge(std::vector<types::Term> terms, double base = 0) {
  return {"gauge", Gauge{.base = base, .terms = std::move(terms)}};
}

// The levels are those of a gauge with one term: the source as the channel sees it.
Signal one_term(types::Source source, double gain = 1) {
  return {{{std::move(source)}, {gauge({{0, gain}})}}, utc};
}

Timestamp knot_before(const Keys& keys, Timestamp at) {
  return at - cell_at(keys.sensor, knot_exponent, at).into;
}

using Bits = std::vector<std::uint64_t>;

Bits bits(const std::vector<double>& values) {
  Bits bits;
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

}  // namespace

TEST_CASE("levels are the same cold, continued, backwards and thinned out") {
  const zones::Zone zone = zone_of(hours(1), {{start + hours(20), hours(2)}});
  std::vector<types::SignalDeclaration> declared{every_kind(), motor(), test_stand()};
  for (std::uint64_t i = 0; i < 20; ++i) declared.push_back(RandomType(i).make());
  for (std::size_t type = 0; type < declared.size(); ++type) {
    CAPTURE(type);
    const Signal signal(declared[type], zone);
    for (const Microseconds step :
         {seconds(0.25), seconds(1), seconds(37), seconds(67.108864), hours(0.25), days(2)}) {
      CAPTURE(step);
      constexpr int count = 400;
      Sensor forwards(signal, 5);
      std::vector<Bits> levels;
      for (int i = 0; i < count; ++i) levels.push_back(bits(forwards.levels(start + i * step)));
      Sensor backwards(signal, 5);
      Sensor thinned(signal, 5);
      Sensor jumping(signal, 5);
      bool same = true;
      for (int i = 0; i < count; ++i) {
        const auto at = [&](int k) { return start + k * step; };
        const int back = count - 1 - i;
        const int jump = static_cast<int>(uniform_below(mix_words(3, static_cast<std::uint64_t>(i)), count));
        same = same && bits(backwards.levels(at(back))) == levels[static_cast<std::size_t>(back)];
        same = same && bits(jumping.levels(at(jump))) == levels[static_cast<std::size_t>(jump)];
        same = same && bits(forwards.cold_levels(at(i))) == levels[static_cast<std::size_t>(i)];
        if (i % 7 == 0) same = same && bits(thinned.levels(at(i))) == levels[static_cast<std::size_t>(i)];
      }
      CHECK(same);
      CHECK(std::ranges::none_of(forwards.read(start), [](double value) { return std::isnan(value); }));
    }
  }
}

TEST_CASE("a gauge is its base and the sum of its terms, at knots exactly and on straight lines between") {
  const types::SignalDeclaration declared{
      {{"slow", types::Noise{Scope::sensor, hours(1), days(3), 0.5}},
       {"run", types::Load{Scope::sensor, 0.4, 1.3, {}}},
       {"warm", types::Lag{1, hours(1)}},
       {"day", types::Cycle{types::Cycle::Shape::sine, days(1), hours(15)}},
       {"fast", types::Noise{Scope::sensor, seconds(1), seconds(10), 0.5}},
       {"beat", types::Cycle{types::Cycle::Shape::sine, seconds(90), 0}}},
      {gauge({{0, 2}, {1, 0.5}, {2, -3}, {3, 0.25}}, 1e6), gauge({{4, 0.5}, {5, 2}}, -1)}};
  const Signal signal(declared, utc);
  Sensor sensor(signal, 1);
  const auto expected = [&](Timestamp at) {
    const auto source = [&](std::size_t s) { return signal.sources().value(s, sensor.keys(), at); };
    return std::pair{1e6 + 2 * source(0) + 0.5 * source(1) - 3 * source(2) + 0.25 * source(3),
                     -1 + 0.5 * source(4) + 2 * source(5)};
  };
  for (int i = 0; i < 500; ++i) {
    const Timestamp near = knot_before(sensor.keys(), start + i * hours(1.3));
    const Timestamp far = near + length_of_cell(knot_exponent);
    const double from = sensor.levels(near)[0];
    const double to = sensor.levels(far)[0];
    // A float keeps 24 bits of what is added to the base, however large that is.
    CHECK(std::fabs(from - expected(near).first) < 10 * 0x1p-24);
    for (const double share : {0.25, 0.5, 0.9}) {
      const auto into = static_cast<Microseconds>(share * static_cast<double>(far - near));
      const double on_line = from + (to - from) * static_cast<double>(into) / static_cast<double>(far - near);
      CHECK(std::fabs(sensor.levels(near + into)[0] - on_line) < 1e-9);
      CHECK(std::fabs(sensor.levels(near + into)[1] - expected(near + into).second) < 1e-12);
    }
  }
}

TEST_CASE("no two sensors have their knots at the same moments") {
  std::vector<double> shares;
  for (std::uint64_t id = 0; id < 5'000; ++id) {
    shares.push_back(
        static_cast<double>(cell_at(sensor_key(seed, mix_words(1, id)), knot_exponent, start).into) *
        0x1p-26);
  }
  CHECK(distance_from_uniform(shares) < uniformity_bound);
}

TEST_CASE("white noise is the channel's own deviate or one that channels share") {
  types::SignalDeclaration declared;
  declared.sources = {{"hiss", types::White{}}, {"hum", types::White{}}};
  declared.channels = {{"a", Gauge{.base = 1, .white = 0.5}},
                       {"b", Gauge{.base = 2, .terms = {{0, 3}}}},
                       {"c", Gauge{.base = 4, .white = 2, .terms = {{0, -1}, {1, 5}}}}};
  const Signal signal(declared, utc);
  CHECK(signal.knot_words() == 0);
  REQUIRE(signal.deviates() == 5);
  std::vector<std::uint8_t> drawn(signal.drawn_deviates().begin(), signal.drawn_deviates().end());
  CHECK(drawn == std::vector<std::uint8_t>{0, 2, 3, 4});
  Sensor sensor(signal, 1);
  const std::vector<double> z = sensor.deviates(start);
  const std::vector<double> levels = sensor.levels(start);
  CHECK(levels[0] == doctest::Approx(1 + 0.5 * z[0]));
  CHECK(levels[1] == doctest::Approx(2 + 3 * z[3]));
  CHECK(levels[2] == doctest::Approx(4 + 2 * z[2] - z[3] + 5 * z[4]));
}

TEST_CASE("a logarithmic channel multiplies, stays in its range and reads in its unit") {
  const types::Source white{"hiss", types::White{}};
  Gauge gauge{.scale = Gauge::Scale::logarithmic, .base = 0.3, .range = {0.1, 2.5}, .terms = {{0, 4}}};
  const Signal signal({{white}, {{"vibration", gauge}}}, utc);
  const auto read = [](const Signal& of, double z) {
    std::vector<double> deviates{std::nan(""), z};
    std::vector<double> values(1);
    of.levels({1, {}}, start, deviates, values);
    of.read(values);
    return values[0];
  };
  CHECK(read(signal, 0) == doctest::Approx(0.3).epsilon(1e-14));
  CHECK(read(signal, 1) == doctest::Approx(1.2).epsilon(1e-14));
  CHECK(read(signal, -0.5) == doctest::Approx(0.15).epsilon(1e-14));
  for (const double z : {1.6, 3.0, 1e6}) {
    CHECK(read(signal, z) <= 2.5);
    CHECK(read(signal, z) == doctest::Approx(2.5).epsilon(1e-14));
    CHECK(read(signal, -z) >= 0.1);
    CHECK(read(signal, -z) == doctest::Approx(0.1).epsilon(1e-14));
  }
  // Limits of all sizes hold, though neither logarithm nor power is exact.
  for (const double limit : {1e-9, 0.7, 1.0, 1.0000001, 3.0, 97.3, 1e9}) {
    gauge.base = limit;
    gauge.range = {limit, limit * 10};
    CHECK(read(Signal({{white}, {{"above", gauge}}}, utc), -1) >= limit);
    gauge.range = {limit / 10, limit};
    CHECK(read(Signal({{white}, {{"below", gauge}}}, utc), 1) <= limit);
  }
}

TEST_CASE("readings stay finite, whatever an anomaly has made of the levels") {
  types::SignalDeclaration declared;
  declared.channels = {{"plain", Gauge{}},
                       {"fine", Gauge{.scale = Gauge::Scale::logarithmic, .base = 1, .resolution = 1e-9}},
                       {"low", Gauge{.rails = {-types::greatest_reading * 10, 3}}},
                       {"all", types::Product{.of = {0, 1, 2}}}};
  const Signal signal(declared, utc);
  for (const double level : {1e300, 5e3, 700.0, -5e3, -1e300, std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity()}) {
    CAPTURE(level);
    std::vector<double> values(4, level);
    signal.read(values);
    for (const double value : values) CHECK(std::fabs(value) <= types::greatest_reading * (1 + 1e-12));
  }
}

TEST_CASE("a linear channel stays in its range, a device in its rails, and shows steps as decimals") {
  types::SignalDeclaration declared;
  declared.sources = {{"hiss", types::White{}}};
  declared.channels = {{"plain", Gauge{.terms = {{0, 1}}}},
                       {"range", Gauge{.range = {-1, 2}, .terms = {{0, 1}}}},
                       {"tenth", Gauge{.rails = {-0.7, 0.7}, .resolution = 0.1, .terms = {{0, 1}}}},
                       {"sixteenth", Gauge{.resolution = 0.0625, .terms = {{0, 1}}}},
                       {"dozen", Gauge{.resolution = 12, .terms = {{0, 100}}}},
                       {"millionth", Gauge{.resolution = 1e-6, .terms = {{0, 1}}}},
                       {"odd", Gauge{.resolution = 0.3, .terms = {{0, 1}}}}};
  const Signal signal(declared, utc);
  const auto read = [&](double z) {
    std::vector<double> deviates(8, std::nan(""));
    deviates[7] = z;
    std::vector<double> values(7);
    signal.levels({1, {}}, start, deviates, values);
    signal.read(values);
    return values;
  };
  CHECK(read(0.34) == std::vector<double>{0.34, 0.34, 0.3, 0.3125, 36, 0.34, 0.3});
  CHECK(read(-1.72) == std::vector<double>{-1.72, -1, -0.7, -1.75, -168, -1.72, -1.8});
  CHECK(read(5) == std::vector<double>{5, 2, 0.7, 5, 504, 5, 5.1});
  CHECK(read(0.123456789)[5] == 0.123457);
  // No negative zero.
  CHECK(!std::signbit(read(-0.01)[2]));
}

TEST_CASE("a state is how many thresholds its source has reached") {
  types::SignalDeclaration declared;
  declared.sources = {{"hiss", types::White{}}};
  declared.channels = {{"state", types::State{0, {-1, 0, 2}}}};
  const Signal signal(declared, utc);
  const auto code = [&](double z) {
    const std::vector<double> deviates{std::nan(""), z};
    std::vector<double> values(1);
    signal.levels({1, {}}, start, deviates, values);
    signal.read(values);
    return values[0];
  };
  CHECK(code(-1.001) == 0);
  CHECK(code(-1) == 1);
  CHECK(code(-0.001) == 1);
  CHECK(code(0) == 2);
  CHECK(code(1.999) == 2);
  CHECK(code(2) == 3);
}

TEST_CASE("the state of a load is on where the load is, but for the minute around a change") {
  const Signal signal(
      {{{"run", types::Load{Scope::sensor, 0.4, 1.3, {}}}}, {{"mode", types::State{0, {0.5}}}}}, utc);
  Sensor sensor(signal, 3);
  int on = 0;
  for (int i = 0; i < 5'000; ++i) {
    const Timestamp knot = knot_before(sensor.keys(), start + i * seconds(500));
    const double now = signal.sources().value(0, sensor.keys(), knot);
    const double later = signal.sources().value(0, sensor.keys(), knot + length_of_cell(knot_exponent));
    on += now == 1 ? 1 : 0;
    if (now == later) REQUIRE(sensor.read(knot + seconds(30))[0] == now);
  }
  CHECK(on > 1'000);
  CHECK(on < 3'000);
}

namespace {

types::SignalDeclaration meter(types::Counter counter) {
  return {{{"run", types::Load{Scope::sensor, 0.4, 1.3, {{hours(6), hours(22)}, {hours(54), hours(70)}}}},
           {"boost", types::Load{Scope::site, 0.2, 1, {}}}},
          {{"volume", std::move(counter)}}};
}

const types::Counter volume{.base = 2, .rate = {{0, 48}, {1, 7.3}}, .per = hours(1), .resolution = 0.01};

}  // namespace

TEST_CASE("a counter never falls and is the integral of its rate to one step, at any rate and over years") {
  const Signal signal(meter(volume), utc);
  Sensor sensor(signal, 4);
  const auto work = [&](std::size_t load, Timestamp at) {
    return signal.sources().load(load).at(signal.sources().load_key(load, sensor.keys()), at).work;
  };
  for (const Microseconds step : {Microseconds{1}, seconds(0.01), seconds(1), hours(0.25), days(3)}) {
    CAPTURE(step);
    const Timestamp first = start + hours(7);
    const double zero = sensor.read(first)[0];
    double before = zero;
    bool rises = true;
    bool equals = true;
    for (int i = 1; i <= 3'000; ++i) {
      const Timestamp at = first + i * step;
      const double count = sensor.read(at)[0];
      rises = rises && count >= before;
      before = count;
      const double integral =
          (2.0 * static_cast<double>(at - first) + 48.0 * static_cast<double>(work(0, at) - work(0, first)) +
           7.3 * static_cast<double>(work(1, at) - work(1, first))) /
          3.6e9;
      equals = equals && std::fabs(count - zero - integral) <= 0.01 + 1e-6;
    }
    CHECK(rises);
    CHECK(equals);
  }
}

TEST_CASE("a counter does not fall where cells of its load begin") {
  const Signal signal(meter({.rate = {{1, 1e6}}, .per = seconds(1), .resolution = 1}), utc);
  Sensor sensor(signal, 4);
  const std::uint64_t key = signal.sources().load_key(1, sensor.keys());
  for (std::uint64_t i = 0; i < 500; ++i) {
    for (int e = Load::leaf_exponent; e <= Load::root_exponent; ++e) {
      const Timestamp any = start + static_cast<Timestamp>(mix_words(i, 9) >> 14);
      const Timestamp begin = ((any >> e) << e) - shift_of(key, Load::root_exponent);
      // A step for each microsecond of work.
      const double rise = sensor.read(begin + 1)[0] - sensor.read(begin - 1)[0];
      REQUIRE(rise >= 0);
      REQUIRE(rise <= 2);
    }
  }
}

TEST_CASE("a counter begins with a hashed number up to about a year's, and wraps where it is to") {
  const double year = 365 * 24 * (2 + 48 * 0.4 * 32 / 168 + 7.3 * 0.2);
  const double fortnight = 14 * 24 * (48 + 7.3);  // what a load may have done of its root cell
  const Signal plain(meter(volume), utc);
  types::Counter wrapping = volume;
  wrapping.wrap = 1'000;
  const Signal wraps(meter(wrapping), utc);
  std::vector<double> first;
  for (std::uint64_t id = 0; id < 300; ++id) {
    Sensor sensor(plain, mix_words(5, id));
    Sensor wrapped(wraps, mix_words(5, id));
    const double begins = sensor.read(types::counters_begin)[0];
    CHECK(begins >= 0);
    CHECK(begins < year + fortnight);
    first.push_back(begins / year);
    for (const Timestamp at :
         {types::counters_begin, start, start + days(400), types::counters_begin - days(9'000)}) {
      const double value = wrapped.read(at)[0];
      CHECK(value >= 0);
      CHECK(value < 1'000);
      const double rest = std::fmod(sensor.read(at)[0] - value, 1'000);
      CHECK(std::min(std::fabs(rest), 1'000 - std::fabs(rest)) < 1e-6);
    }
  }
  const auto [least, most] = std::ranges::minmax(first);
  CHECK(least < 0.1);
  CHECK(most > 0.9);
}

TEST_CASE("a product is that of what its factors read, also of other products") {
  const Signal signal(every_kind(), utc);
  Sensor sensor(signal, 6);
  for (int i = 0; i < 300; ++i) {
    const std::vector<double> values = sensor.read(start + i * seconds(977));
    CHECK(values[5] == values[0] * values[6]);
    CHECK(std::fabs(values[2] - values[5] * values[0] * values[4]) <= 0.25 + 1e-9);
    CHECK(std::fmod(values[2], 0.5) == 0);
  }
}

TEST_CASE("a product that depends on itself is refused") {
  types::SignalDeclaration declared;
  declared.channels = {gauge({}, 1), {"a", types::Product{{0, 2}}}, {"b", types::Product{{1}}}};
  CHECK_THROWS_AS(Signal(declared, utc), std::invalid_argument);
  declared.channels[1] = {"a", types::Product{{1}}};
  CHECK_THROWS_AS(Signal(declared, utc), std::invalid_argument);
}

TEST_CASE("sensors of a site follow the same weather, those of two sites do not") {
  const Signal signal = one_term({"weather", types::Noise{Scope::site, hours(12), days(3), 0.5}}, 2);
  const auto keys_of = [&](const char* site) { return signal.sources().shared_keys(seed, "hall", site); };
  const auto ulm = keys_of("Ulm");
  const auto bonn = keys_of("Bonn");
  constexpr std::uint64_t count = 1'500;
  const auto series = [&](std::uint64_t id, const std::vector<std::uint64_t>& site) {
    std::vector<double> values;
    for (std::uint64_t i = 0; i < count; ++i) {
      values.resize(i + 1);
      const std::vector<double> deviates(1);
      signal.levels({sensor_key(seed, id), site}, start + static_cast<Timestamp>(i) * days(7), deviates,
                    std::span(&values[i], 1));
    }
    return values;
  };
  // They see it at knots of their own, so it is the same but for a minute's change.
  CHECK(correlation(series(1, ulm), series(2, ulm)) > 0.9999);
  CHECK(std::fabs(correlation(series(1, ulm), series(1, bonn))) < correlation_bound(count));
}

}  // namespace fleet_sim::signal_test
