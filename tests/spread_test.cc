// The unit of severity against what is known of signals: white noise, a sine, octaves of noise, the built-in
// type; and that it is the type's own.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/spread.h"
#include "support/lifelike_types.h"
#include "support/statistics.h"
#include "types/built_in_type.h"
#include "types/catalog.h"

namespace fleet_sim::spread_test {

using namespace fleet_sim::test;
using model::Spread;
using types::Gauge;
using types::Scope;

namespace {

constexpr double pairs = 4096;

types::SensorType type_of(types::SignalDeclaration declaration) {
  types::DeclaredType type;
  for (const types::SignalChannel& channel : declaration.channels) {
    type.columns.push_back({channel.name, "unit"});
  }
  type.signal = std::move(declaration);
  const types::Catalog catalog(types::DeclaredTypes{{"made", std::move(type)}});
  return *catalog.find("made");
}

types::SensorType type_of(std::vector<types::Source> sources, std::vector<Gauge> gauges) {
  types::SignalDeclaration declaration{std::move(sources), {}};
  for (const Gauge& gauge : gauges) {
    declaration.channels.push_back({"c" + std::to_string(declaration.channels.size()), gauge});
  }
  return type_of(std::move(declaration));
}

Spread spread_of(const types::SensorType& type) {
  return {type, type.normal_parameters};
}

constexpr Microseconds power(int exponent) {
  return Microseconds{1} << exponent;
}

// Of a standard deviation estimated from so many independent pairs.
double deviation_bound(double deviation) {
  return standard_errors * deviation / std::sqrt(2 * pairs);
}

}  // namespace

TEST_CASE("the spread of white noise is its standard deviation, however long a fault lasts") {
  const Spread spread = spread_of(type_of({}, {Gauge{.base = 1e9, .white = 3}}));
  for (int e = Spread::shortest; e <= Spread::longest; ++e) {
    CHECK(std::fabs(spread.sigma(0, power(e)) - 3) < deviation_bound(3));
  }
  CHECK(std::fabs(spread.mean(0) - 1e9) < mean_bound(9, 25 * pairs / 2));
  CHECK(std::fabs(spread.deviation(0) - 3) < deviation_bound(3));
}

TEST_CASE("a sine's spread follows from how far it gets, at all hours alike") {
  const Gauge gauge{.base = 20, .terms = {{0, 5}}};
  const Spread spread =
      spread_of(type_of({{"day", types::Cycle{types::Cycle::Shape::sine, days(1), hours(15)}}}, {gauge}));
  for (int e = Spread::shortest; e <= Spread::longest; ++e) {
    const double turns = std::ldexp(2.0, e) / static_cast<double>(microseconds_per_day);
    const double expected = 5 * std::fabs(std::sin(std::numbers::pi * turns));
    // A knot remembers single precision, and joins the sine's points by straight lines.
    CHECK(spread.sigma(0, power(e)) == doctest::Approx(expected).epsilon(1e-3).scale(5e-3));
  }
  CHECK(spread.mean(0) == doctest::Approx(20).epsilon(1e-4));
  CHECK(spread.deviation(0) == doctest::Approx(5 / std::numbers::sqrt2).epsilon(1e-4));
}

TEST_CASE("an octave of noise has all its variance beyond its length, and a slope within") {
  constexpr int octave = 32;  // 72 minutes
  const types::Noise noise{Scope::sensor, power(octave), power(octave), 0.5};
  const Spread spread = spread_of(type_of({{"noise", noise}}, {Gauge{.terms = {{0, 2}}}}));
  for (int e = octave; e <= Spread::longest; ++e) {
    // Pairs of a walk share a level, and hats are not normal; both cost less than another factor 2.
    CHECK(std::fabs(spread.sigma(0, power(e)) - 2) < 2 * deviation_bound(2));
  }
  for (int e = Spread::shortest; e <= octave - 7; ++e) {
    // Heights of variance 3, reached in half a cell.
    const double expected = 2 * std::sqrt(6.0) * std::ldexp(1.0, e + 1 - octave);
    CHECK(spread.sigma(0, power(e)) == doctest::Approx(expected).epsilon(0.06));
  }
}

TEST_CASE("what sensors share is nobody's in the sample, whatever the scope") {
  for (const Scope scope : {Scope::sensor, Scope::location, Scope::site, Scope::fleet}) {
    const types::Noise noise{scope, days(2000), days(2000), 0.5};  // longer than the sample
    const Spread spread = spread_of(type_of({{"noise", noise}}, {Gauge{.base = 7, .terms = {{0, 1}}}}));
    CHECK(std::fabs(spread.mean(0) - 7) < mean_bound(1, pairs / 2));
    CHECK(std::fabs(spread.deviation(0) - 1) < standard_errors / std::sqrt(pairs));
  }
  const types::Noise shared{Scope::fleet, days(2000), days(2000), 0.5};
  const Gauge one{.terms = {{0, 1}}};
  const Gauge other{.terms = {{1, 1}}};
  const Spread apart = spread_of(type_of({{"a", shared}, {"b", shared}}, {one, other}));
  CHECK(apart.mean(0) != apart.mean(1));
}

TEST_CASE("a logarithmic channel is measured by its logarithm") {
  const Gauge gauge{
      .scale = Gauge::Scale::logarithmic, .base = std::exp(2.0), .white = 0.5, .range = {0, 1e6}};
  const Spread spread = spread_of(type_of({}, {gauge}));
  CHECK(std::fabs(spread.sigma(0, hours(1)) - 0.5) < deviation_bound(0.5));
  CHECK(std::fabs(spread.mean(0) - 2) < mean_bound(0.25, 25 * pairs / 2));
}

TEST_CASE("the range and the parameters of a channel count, its rails and resolution do not") {
  const Gauge shown{.white = 1, .rails = {-0.1, 0.1}, .resolution = 4};
  const Gauge kept{.white = 1, .range = {0, 0}};
  types::SensorType type = type_of({}, {shown, kept, shown});
  type.normal_parameters[2] = {50, 4, 0, 100};
  const Spread spread = spread_of(type);
  CHECK(std::fabs(spread.sigma(0, hours(1)) - 1) < deviation_bound(1));
  CHECK(spread.sigma(1, hours(1)) == 0);
  CHECK(std::fabs(spread.sigma(2, hours(1)) - 4) < deviation_bound(4));
  CHECK(std::fabs(spread.mean(2) - 50) < mean_bound(16, 25 * pairs / 2));
}

TEST_CASE("channels that are no gauges have no spread") {
  const types::SensorType type = type_of(every_kind());
  const Spread spread = spread_of(type);
  for (std::size_t c = 0; c < type.signal->channels.size(); ++c) {
    CAPTURE(type.signal->channels[c].name);
    const bool is_gauge = std::holds_alternative<Gauge>(type.signal->channels[c].kind);
    CHECK((spread.sigma(c, hours(1)) > 0) == is_gauge);
    CHECK((spread.mean(c) != 0) == is_gauge);
    CHECK((spread.deviation(c) > 0) == is_gauge);
  }
}

TEST_CASE("the built-in type varies by white noise and the day") {
  const types::SensorType& type = types::built_in_type();
  const Spread spread = spread_of(type);
  // Temperature: 2 °C of each.
  const auto temperature = [](int e) {
    const double turns = std::ldexp(2.0, e) / static_cast<double>(microseconds_per_day);
    return 2 * std::hypot(1, std::sin(std::numbers::pi * turns));
  };
  for (int e = Spread::shortest; e <= Spread::longest; ++e) {
    CHECK(std::fabs(spread.sigma(0, power(e)) - temperature(e)) < deviation_bound(temperature(e)));
    CHECK(std::fabs(spread.sigma(1, power(e)) - 0.5) < deviation_bound(0.5));
    CHECK(std::fabs(spread.sigma(2, power(e)) - 0.1) < deviation_bound(0.1));
  }
  CHECK(spread.deviation(0) == doctest::Approx(std::sqrt(6.0)).epsilon(0.02));
  CHECK(spread.mean(1) == doctest::Approx(2.5).epsilon(0.01));

  types::NormalParameters colder = type.normal_parameters;
  colder[0] = {10, 0, -20, 40};
  const Spread cold(type, colder);
  CHECK(cold.sigma(0, hours(6)) == 0);  // no noise, and so no day
  CHECK(cold.mean(0) == 10);
}

TEST_CASE("between the durations of the sample, the spread is straight in their logarithm") {
  const Spread spread = spread_of(type_of(motor()));
  for (std::size_t c = 0; c < 3; ++c) {
    for (int e = Spread::shortest; e < Spread::longest; ++e) {
      const double low = spread.sigma(c, power(e));
      const double high = spread.sigma(c, power(e + 1));
      const auto middle = static_cast<Microseconds>(std::ldexp(std::numbers::sqrt2, e));
      CHECK(spread.sigma(c, middle) == doctest::Approx((low + high) / 2).epsilon(1e-6));
      CHECK(spread.sigma(c, power(e + 1) - 1) == doctest::Approx(high).epsilon(1e-5));
    }
    CHECK(spread.sigma(c, 1) == spread.sigma(c, power(Spread::shortest)));
    CHECK(spread.sigma(c, days(5000)) == spread.sigma(c, power(Spread::longest)));
  }
}

TEST_CASE("the longer a fault of a machine lasts, the more it has to stand out from") {
  const Spread spread = spread_of(type_of(motor()));
  for (int e = Spread::shortest; e < 36; ++e) {
    CHECK(spread.sigma(0, power(e)) < spread.sigma(0, power(e + 1)));
  }
}

}  // namespace fleet_sim::spread_test
