// The ground floor: randomness, time, books, histograms, and the words of error messages.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/cadence.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/ledger.h"
#include "base/math.h"
#include "base/nearest.h"
#include "base/normal.h"
#include "base/problems.h"
#include "base/random.h"
#include "base/terms.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "support/statistics.h"
#include "write/backoff.h"

namespace fleet_sim::base_test {

using namespace fleet_sim::test;

namespace {

constexpr double machine_epsilon = std::numeric_limits<double>::epsilon();

// The word whose normal draw is the quantile of `share`.
std::uint64_t word_of_share(double share) {
  return static_cast<std::uint64_t>(share * 0x1p64);
}

double normal_density(double z) {
  return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
}
double normal_share_below(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

// The i-th of a fixed sequence of random words.
std::uint64_t word(std::uint64_t i, std::uint64_t who = 1) {
  return draw_block(2026, who, Stream::generate, i / 4)[i % 4];
}

}  // namespace

TEST_CASE("Philox4x64-10 gives the published words for a zero key and counter") {
  CHECK(draw_block(0, 0, Stream::reading, 0) ==
        RandomBlock{0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b});
}

// Worked out with a second implementation, in Python's unbounded integers.
TEST_CASE("a draw's place in key and counter does not change") {
  CHECK(draw_block(42, hash_text("SENSOR_001"), Stream::noise, 1'767'225'600'000'000) ==
        RandomBlock{0xd72d2abee08a0758, 0x1120e9a1f059e99c, 0xbbbee84220456fe0, 0x16e3447d77ebbe54});
  CHECK(draw_block(UINT64_MAX, UINT64_MAX, Stream::generate, UINT64_MAX) ==
        RandomBlock{0x0b4a36f023f60612, 0x23a3f81291d5e2dc, 0x63d5bde4a2d3d570, 0x2f661645065af813});
}

TEST_CASE("every part of a draw's key and counter matters") {
  std::set<RandomBlock> blocks;
  for (std::uint64_t seed : {1u, 2u}) {
    for (std::uint64_t who : {1u, 2u}) {
      for (Stream stream : {Stream::reading, Stream::onset}) {
        for (std::uint64_t counter : {1u, 2u}) blocks.insert(draw_block(seed, who, stream, counter));
      }
    }
  }
  CHECK(blocks.size() == 16);
}

TEST_CASE("uniform draws lie in [0, 1) and are uniform") {
  CHECK(uniform(0) == 0.0);
  CHECK(uniform(UINT64_MAX) == 1.0 - 0x1p-53);
  CHECK(uniform(0, -2, 6) == -2.0);
  CHECK(uniform(1ull << 63, -2, 6) == 2.0);
  std::vector<double> draws;
  for (std::uint64_t i = 0; i < 100'000; ++i) draws.push_back(uniform(word(i)));
  CHECK(distance_from_uniform(draws) < uniformity_bound);
}

TEST_CASE("uniform_below stays below its bound and reaches both ends") {
  CHECK(uniform_below(0, 10) == 0);
  CHECK(uniform_below(UINT64_MAX, 10) == 9);
  CHECK(uniform_below(UINT64_MAX, 1) == 0);
  CHECK(uniform_below(1ull << 63, 10) == 5);
  CHECK(uniform_below(UINT64_MAX, UINT64_MAX) == UINT64_MAX - 1);
}

TEST_CASE("standard_normal meets the published quantiles") {
  struct Quantile {
    double share;
    double z;
  };
  constexpr std::array<Quantile, 9> published{{{0.5, 0},
                                               {0.75, 0.6744897501960817},
                                               {0.9, 1.2815515655446004},
                                               {0.95, 1.6448536269514722},
                                               {0.975, 1.959963984540054},
                                               {0.99, 2.3263478740408408},
                                               {0.999, 3.090232306167813},
                                               {1e-6, -4.753424308822899},
                                               {1e-9, -5.997807015007686}}};
  for (const auto& [share, z] : published) {
    CAPTURE(share);
    // A word names a slice of the distribution 2^-52 wide; beyond that only rounding is left.
    const double slice = 0x1p-52 / normal_density(z);
    CHECK(std::abs(standard_normal(word_of_share(share)) - z) <= slice + 16 * machine_epsilon * std::abs(z));
  }
}

// Φ(z) has the relative error z² of its argument's, which is a few units in the last place.
TEST_CASE("standard_normal is the inverse of the normal distribution down to its last slice") {
  for (int power = 1; power <= 52; ++power) {
    for (std::uint64_t i = 0; i < 50; ++i) {
      const std::uint64_t low = (word(i) | 1ull << 63) >> power;
      const double share = (static_cast<double>(low >> 12) + 0.5) * 0x1p-52;
      const double z = standard_normal(low);
      CAPTURE(share);
      CHECK(std::abs(normal_share_below(z) / share - 1) <= 16 * machine_epsilon * (1 + z * z));
      CHECK(standard_normal(~low) == -z);
    }
  }
  CHECK(standard_normal(0) > -8.3);
  CHECK(standard_normal(0) < -8.2);
}

TEST_CASE("an exponential is right to the last bits, and stops growing before it overflows") {
  long double worst = 0;
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    const double range = i % 2 == 0 ? 708 : 1;
    const double x = uniform(word(i, 5), -range, range);
    const long double exact = std::exp(static_cast<long double>(x));
    worst = std::max(worst, std::abs(static_cast<long double>(exponential(x)) / exact - 1));
  }
  CHECK(worst < 6e-16L);
  CHECK(exponential(0) == 1);
  CHECK(exponential(-0.0) == 1);
  CHECK(exponential(1e-300) == 1);
  for (const double x : {709.0, 710.0, 1e9, std::numeric_limits<double>::infinity()}) {
    CHECK(exponential(x) == exponential(709));
    CHECK(exponential(-x) == exponential(-708));
  }
  CHECK(std::isfinite(exponential(709)));
  CHECK(exponential(-708) > std::numeric_limits<double>::min());
}

// Worked out with a second implementation, in Python. Another bit in a reading is another digest.
TEST_CASE("normals, logarithms and sines have the same bits everywhere") {
  CHECK(standard_normal(0x4000000000000000) == -0x1.5956b87528a44p-1);
  CHECK(standard_normal(0x8123456789abcdef) == 0x1.6d0fcf0ac5badp-7);
  CHECK(standard_normal(0xf800000000000000) == 0x1.dcdbfee3cb027p+0);
  CHECK(standard_normal(0x0123456789abcdef) == -0x1.4ee2dc0a9e003p+1);
  CHECK(standard_normal(0x000000000fffffff) == -0x1.a9aa9501d8d2bp+2);
  CHECK(natural_log(0.1) == -0x1.26bb1bbb55515p+1);
  CHECK(natural_log(3.0) == 0x1.193ea7aad030ap+0);
  CHECK(natural_log(1e-300) == -0x1.5963447f87fb5p+9);
  CHECK(natural_log(12'345.678) == 0x1.2d79559791e31p+3);
  CHECK(sine_of_turns(0.1) == 0x1.2cf2304755a5ep-1);
  CHECK(sine_of_turns(0.7) == -0x1.e6f0e13445504p-1);
  CHECK(sine_of_turns(-3.21) == -0x1.efea21d101eefp-1);
  CHECK(sine_of_turns(123'456.789) == -0x1.f0b46ee9c0d1dp-1);
}

TEST_CASE("standard_normal has the moments of a standard normal") {
  constexpr double n = 1e6;
  std::array<double, 5> sums{};
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    const double z = standard_normal(word(i, 2));
    double power = 1;
    for (double& sum : sums) sum += std::exchange(power, power * z);
  }
  // The variance of z^m is E[z^2m] - E[z^m]^2: 1, 2, 15 and 96.
  CHECK(std::abs(sums[1] / n) < mean_bound(1, n));
  CHECK(std::abs(sums[2] / n - 1) < mean_bound(2, n));
  CHECK(std::abs(sums[3] / n) < mean_bound(15, n));
  CHECK(std::abs(sums[4] / n - 3) < mean_bound(96, n));
}

TEST_CASE("standard_normal has the tails of a standard normal") {
  constexpr double n = 1e6;
  for (const double limit : {-4.0, -3.0, -2.0, 2.0, 3.0, 4.0}) {
    std::uint64_t beyond = 0;
    for (std::uint64_t i = 0; i < 1'000'000; ++i) {
      const double z = standard_normal(word(i, 3));
      beyond += limit < 0 ? z < limit : z > limit;
    }
    CAPTURE(limit);
    const double expected = normal_share_below(-std::abs(limit));
    CHECK(std::abs(static_cast<double>(beyond) / n - expected) < share_bound(expected, n));
  }
}

TEST_CASE("natural_log keeps its promised relative error") {
  const auto check = [](double x) {
    const long double exact = std::log(static_cast<long double>(x));
    CAPTURE(x);
    CHECK(std::abs(static_cast<long double>(natural_log(x)) - exact) <= 1e-15L * std::abs(exact));
  };
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    // Any mantissa with any normal exponent.
    const std::uint64_t exponent = 1 + uniform_below(word(2 * i), 2046);
    check(std::bit_cast<double>(exponent << 52 | word(2 * i + 1) >> 12));
    check(uniform(word(i), 0.5, 2));
  }
  for (int power = 1; power <= 52; ++power) {
    check(1 + std::ldexp(1, -power));
    check(1 - std::ldexp(1, -power));
  }
  CHECK(natural_log(1) == 0);
  check(std::numeric_limits<double>::min());
  check(std::numeric_limits<double>::max());
  check(std::numbers::sqrt2);
}

TEST_CASE("sine_of_turns keeps its promised absolute error") {
  constexpr long double tau = 2 * std::numbers::pi_v<long double>;
  for (const double width : {0.25, 1.0, 1'000.0, 1e9}) {
    for (std::uint64_t i = 0; i < 10'000; ++i) {
      const double turns = uniform(word(i), -width, width);
      const long double folded =
          static_cast<long double>(turns) - std::floor(static_cast<long double>(turns));
      CAPTURE(turns);
      CHECK(std::abs(static_cast<long double>(sine_of_turns(turns)) - std::sin(tau * folded)) < 1e-13L);
    }
  }
  CHECK(sine_of_turns(0) == 0);
  CHECK(std::abs(sine_of_turns(0.25) - 1) < 1e-13);
  CHECK(std::abs(sine_of_turns(-0.25) + 1) < 1e-13);
  CHECK(std::abs(sine_of_turns(0x1p50 + 0.25) - 1) < 1e-13);
  CHECK(std::abs(sine_of_turns(-0x1p50 - 0.5)) < 1e-13);
}

// A changed hash would give every sensor other readings and every hash:N shard other members.
TEST_CASE("hash_text and mix_words are stable") {
  CHECK(hash_text("") == 0x292f3a1075f4cce4);
  CHECK(hash_text("a") == 0x5b6f2d27cf86d4db);
  CHECK(hash_text("SENSOR_001") == 0x1c8e3769d1b55f0c);
  CHECK(hash_text("\xff\xfe") == 0x9e0a5a74b8c159bc);
  CHECK(hash_text("Köln") == 0x09e986e5d38b2402);
  CHECK(mix_words(1, 2) == 0xf8f76353b6d877c5);
  CHECK(mix_words(2, 1) == 0xe85028e6b31f8e7a);
}

TEST_CASE("hash_text tells 200,000 sequential ids apart and spreads them evenly") {
  std::set<std::uint64_t> hashes;
  std::vector<double> places;
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t hash = hash_text("sensor-" + std::to_string(i));
    hashes.insert(hash);
    places.push_back(uniform(hash));
  }
  CHECK(hashes.size() == 200'000);
  CHECK(distance_from_uniform(places) < uniformity_bound);
}

TEST_CASE("timestamps are written in their fixed width") {
  CHECK(timestamp_text(0) == "1970-01-01T00:00:00.000000Z");
  CHECK(timestamp_text(-1) == "1969-12-31T23:59:59.999999Z");
  CHECK(timestamp_text(1'795'434'120'123'456) == "2026-11-23T11:42:00.123456Z");
  CHECK(timestamp_text(951'782'400'000'000) == "2000-02-29T00:00:00.000000Z");
  CHECK(timestamp_text(earliest_timestamp) == "0001-01-01T00:00:00.000000Z");
  CHECK(timestamp_text(latest_timestamp) == "9999-12-31T23:59:59.000000Z");
}

TEST_CASE("a TimestampWriter that goes back and forth writes what a fresh one writes") {
  TimestampWriter writer;
  Timestamp at = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    // Small steps stay within a second, large ones leave the century.
    at += static_cast<Timestamp>(uniform(word(i), -1, 1) * std::pow(10, static_cast<double>(i % 16)));
    const std::string text(writer.write(at));
    CHECK(text == timestamp_text(at));
    CHECK(text.size() == timestamp_width);
    CHECK(parse_timestamp(text) == at);
  }
}

TEST_CASE("texts of timestamps sort as the times do") {
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const auto any = [](std::uint64_t draw) {
      const auto span = static_cast<std::uint64_t>(latest_timestamp - earliest_timestamp);
      return earliest_timestamp + static_cast<Timestamp>(uniform_below(draw, span));
    };
    const Timestamp a = any(word(2 * i));
    const Timestamp b = any(word(2 * i + 1));
    CHECK((a < b) == (timestamp_text(a) < timestamp_text(b)));
    CHECK(parse_timestamp(timestamp_text(a)) == a);
  }
}

TEST_CASE("a TimestampReader reads what parse_timestamp reads, whatever it read before") {
  TimestampReader reader;
  CHECK_FALSE(reader.read(std::string(20, '\0') + "123456Z"));
  CHECK_FALSE(reader.read(std::string(16, '\0') + ":05.000000Z"));
  for (const std::string_view text :
       {"2026-01-31T12:00:05.000001Z", "2026-01-31T12:00:05.999999Z", "2026-01-31T12:00:05.1+02:00",
        "2026-01-31T12:00:05.123456Z", "2026-01-31T12:00:05.12345xZ", "2026-01-31T12:00:05.123456+",
        "2026-01-31T12:00:06.123456Z", "2026-01-31", "2026-01-31T12:00:06.5Z", "1969-12-31T23:59:59.250000Z",
        "1969-12-31T23:59:59.750000Z", "0001-01-01T00:00:00.000001Z", "", "noon"}) {
    CAPTURE(text);
    CHECK(reader.read(text) == parse_timestamp(text));
    CHECK(reader.read(text) == parse_timestamp(text));
  }
}

TEST_CASE("parse_timestamp reads the shorter forms and zones") {
  constexpr Timestamp noon = 1'769'860'800'000'000;  // 2026-01-31T12:00Z
  CHECK(parse_timestamp("2026-01-31") == noon - 12 * 3'600 * microseconds_per_second);
  CHECK(parse_timestamp("2026-01-31T12:00") == noon);
  CHECK(parse_timestamp("2026-01-31 12:00") == noon);
  CHECK(parse_timestamp("2026-01-31T12:00:00Z") == noon);
  CHECK(parse_timestamp("2026-01-31T12:00:05.5") == noon + 5'500'000);
  CHECK(parse_timestamp("2026-01-31T12:00:00.000001Z") == noon + 1);
  CHECK(parse_timestamp("2026-01-31T14:00+02:00") == noon);
  CHECK(parse_timestamp("2026-01-31T06:30:00-05:30") == noon);
  CHECK(parse_timestamp("2000-02-29") == 951'782'400'000'000);
  CHECK(parse_timestamp("0001-01-01") == earliest_timestamp);
  CHECK(parse_timestamp("9999-12-31T23:59:59") == latest_timestamp);
}

TEST_CASE("parse_timestamp refuses every other text") {
  for (const char* text : {"",
                           "2026",
                           "2026-01",
                           "2026-1-31",
                           "2026-13-01",
                           "2026-00-10",
                           "2026-01-00",
                           "2026-01-32",
                           "2026-04-31",
                           "2025-02-29",
                           "1900-02-29",
                           "0000-01-01",
                           "-001-01-01",
                           "12026-01-01",
                           "2026-01-31T",
                           "2026-01-31T12",
                           "2026-01-31T24:00",
                           "2026-01-31T12:60",
                           "2026-01-31T12:00:60",
                           "2026-01-31T12:00:00.",
                           "2026-01-31T12:00:00.1234567",
                           "2026-01-31T12:00:00,5",
                           "2026-01-31T12:00z",
                           "2026-01-31T12:00ZZ",
                           "2026-01-31T12:00+2",
                           "2026-01-31T12:00+02",
                           "2026-01-31T12:00+0200",
                           "2026-01-31T12:00+15:00",
                           "2026-01-31T12:00+02:60",
                           "2026-01-31T12:00 +02:00",
                           " 2026-01-31",
                           "2026-01-31 ",
                           "2026/01/31",
                           "2026-01-31T+1:00",
                           "now"}) {
    CAPTURE(text);
    CHECK(parse_timestamp(text) == std::nullopt);
  }
}

namespace {

// A rate as a fraction: `readings` per `microseconds`.
struct ExactRate {
  double rate;
  std::uint64_t readings;
  std::uint64_t microseconds;
};
constexpr std::array<ExactRate, 7> exact_rates{{{1, 1, 1'000'000},
                                                {3, 3, 1'000'000},
                                                {0.1, 1, 10'000'000},
                                                {7, 7, 1'000'000},
                                                {1e6, 1, 1},
                                                {1e-8, 1, 100'000'000'000'000},
                                                {0.3, 3, 10'000'000}}};

}  // namespace

TEST_CASE("a cadence meets the exact due times of a rational rate, rounded down") {
  for (const auto& [rate, readings, microseconds] : exact_rates) {
    const Cadence cadence(rate);
    CAPTURE(rate);
    for (std::uint64_t k = 0; k < 50'000; ++k) {
      const auto exact = static_cast<Microseconds>(k * microseconds / readings);
      if (exact > 20 * 365 * microseconds_per_day) break;
      REQUIRE(cadence.offset(k) == exact);
    }
  }
  CHECK(Cadence(0.3).count_before(10 * microseconds_per_second) == 3);
}

// The period keeps 40 binary places: besides the 35 years, one microsecond may come with every 2^40 readings.
TEST_CASE("a cadence is never early, and within 35 years at most a microsecond late") {
  for (const auto& [rate, readings, microseconds] : exact_rates) {
    const Cadence cadence(rate);
    for (std::uint64_t i = 0; i < 1'000; ++i) {
      const auto span = static_cast<std::uint64_t>(35 * 365 * microseconds_per_day);
      const std::uint64_t k = uniform_below(word(i), span / microseconds * readings + 1);
      const auto exact = static_cast<Microseconds>(k * microseconds / readings);
      CAPTURE(rate);
      CAPTURE(k);
      CHECK(cadence.offset(k) >= exact);
      CHECK(cadence.offset(k) <= exact + 1 + static_cast<Microseconds>(k >> 40));
    }
  }
}

TEST_CASE("an interval of whole microseconds is kept to the microsecond, however long") {
  for (const Microseconds interval :
       {Microseconds{1}, Microseconds{3}, Microseconds{333'333}, Microseconds{700'001},
        60 * microseconds_per_second, Microseconds{59'999'999}, longest_interval}) {
    const Cadence cadence(Rate::every(interval));
    CAPTURE(interval);
    CHECK(cadence.period() == interval);
    const auto in_a_century = static_cast<std::uint64_t>(36'525 * microseconds_per_day / interval);
    for (const std::uint64_t k : {std::uint64_t{1}, std::uint64_t{7}, in_a_century / 3, in_a_century}) {
      CHECK(cadence.offset(k) == static_cast<Microseconds>(k) * interval);
      CHECK(cadence.count_before(cadence.offset(k)) == k);
      CHECK(cadence.count_before(cadence.offset(k) + 1) == k + 1);
    }
  }
}

TEST_CASE("aligned readings are due at multiples of the period since 1970") {
  const Timestamp start = 1'767'225'600'123'456;
  const auto origin = [](const Rate& rate, Timestamp from) {
    return Cadence(rate, Phase::aligned).origin(from);
  };
  const Timestamp minute = 60 * microseconds_per_second;
  CHECK(origin(Rate::every(minute), start) == 1'767'225'660'000'000);
  CHECK(origin(Rate::every(minute), 1'767'225'660'000'000) == 1'767'225'660'000'000);
  CHECK(origin(Rate::every(minute), 1'767'225'660'000'001) == 1'767'225'720'000'000);
  for (const Microseconds interval : {Microseconds{7}, Microseconds{700'001}, 7 * minute}) {
    const Timestamp first = origin(Rate::every(interval), start);
    CHECK(first % interval == 0);
    CHECK(first >= start);
    CHECK(first < start + interval);
  }
  // Of a rate, too, although no double is exactly a tenth.
  CHECK(origin(1, start) == 1'767'225'601'000'000);
  CHECK(origin(0.1, start) == 1'767'225'610'000'000);
  CHECK(origin(10, start) == 1'767'225'600'200'000);
  CHECK(origin(3, start) == 1'767'225'600'333'333);
  CHECK(origin(3, 1'767'225'600'333'334) == 1'767'225'600'666'667);
  CHECK(origin(1e6, start) == start);
  CHECK(origin(0.3, start) == 1'767'225'603'333'333);
  CHECK(Cadence(0.1).origin(start) == start);
}

TEST_CASE("intervals are durations of whole microseconds") {
  CHECK(read_duration("1h30m") == 5'400.0);
  CHECK(read_duration("1w") == 604'800.0);
  CHECK(read_duration("500ms") == 0.5);
  for (const char* text : {"", "s", "1h30", "1h -5m", "60 s", "1/60"}) CHECK_FALSE(read_duration(text));
  for (const Microseconds interval :
       {Microseconds{1}, Microseconds{700'001}, 60 * microseconds_per_second, longest_interval}) {
    const std::string text = interval_text(interval);
    CAPTURE(text);
    REQUIRE(read_duration(text));
    CHECK(interval_of(*read_duration(text)) == interval);
  }
  CHECK(interval_text(60 * microseconds_per_second) == "60s");
  CHECK(interval_text(250'000) == "0.25s");
  CHECK_FALSE(interval_of(0));
  CHECK_FALSE(interval_of(-1));
  CHECK_FALSE(interval_of(1.0000005));
  CHECK_FALSE(interval_of(1e9));
}

TEST_CASE("count_before is what counting gives") {
  std::vector<double> rates{1, 3, 0.1, 7, 1e6, 0.3, 1e-8, 999'999.5};
  for (std::uint64_t i = 0; i < 50; ++i) rates.push_back(std::pow(10, uniform(word(i), -3, 6)));
  for (const double rate : rates) {
    const Cadence cadence(rate);
    CAPTURE(rate);
    std::uint64_t k = 0;
    for (; k < 500; ++k) {
      const Microseconds at = cadence.offset(k);
      // The k-th reading is counted from the microsecond after it on, and is the only one that is.
      REQUIRE(cadence.offset(k + 1) > at);
      REQUIRE(cadence.count_before(at) == k);
      REQUIRE(cadence.count_before(at + 1) == k + 1);
    }
  }
  CHECK(Cadence(1).count_before(0) == 0);
  CHECK(Cadence(1).count_before(-5) == 0);
  CHECK(Cadence(1e6).period() == 1);
  CHECK(Cadence(1e-8).period() == 100'000'000'000'000);
}

TEST_CASE("a histogram's percentiles lie within 1/32 above the true ones") {
  constexpr std::size_t n = 16'384;  // a power of two, so that rank / n is exact
  Histogram histogram;
  std::vector<Microseconds> values;
  for (std::size_t i = 0; i < n; ++i) {
    values.push_back(static_cast<Microseconds>(std::pow(2, uniform(word(i), 0, 31.9))) - 1);
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  CHECK(histogram.count() == n);
  CHECK(histogram.max() == values.back());
  for (std::size_t rank = 1; rank <= n; ++rank) {
    const Microseconds exact = values[rank - 1];
    const Microseconds answer = histogram.percentile(static_cast<double>(rank) / n);
    CAPTURE(exact);
    REQUIRE(answer >= exact);
    REQUIRE(static_cast<double>(answer) <= static_cast<double>(exact) * (1 + 1.0 / 32));
  }
}

TEST_CASE("a histogram is exact for small values, and bounded at both ends") {
  Histogram histogram;
  CHECK(histogram.percentile(0.5) == 0);
  for (Microseconds value = 0; value < 64; ++value) histogram.record(value);
  for (int value = 0; value < 64; ++value) CHECK(histogram.percentile((value + 1) / 64.0) == value);
  CHECK(histogram.percentile(0) == 0);

  Histogram ends;
  ends.record(-5);
  CHECK(ends.percentile(1) == 0);
  ends.record(1ll << 40);
  CHECK(ends.max() == 1ll << 40);
  CHECK(ends.percentile(1) == (1ll << 32) - 1);
}

TEST_CASE("a merged histogram is the one that recorded everything") {
  Histogram all;
  Histogram even;
  Histogram odd;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    const auto value = static_cast<Microseconds>(uniform_below(word(i), 1 << 20));
    all.record(value, 3);
    (i % 2 == 0 ? even : odd).record(value, 3);
  }
  all.record(1 << 21, 3);
  odd.record(1 << 21, 3);
  even.merge(odd);
  CHECK(even.count() == 3'003);
  CHECK(even.max() == all.max());
  for (int i = 0; i <= 100; ++i) CHECK(even.percentile(i / 100.0) == all.percentile(i / 100.0));
}

TEST_CASE("balanced books say nothing") {
  Ledger ledger;
  CHECK(ledger.books().imbalance(0, 0).empty());
  ledger.due(100);
  ledger.generated(100);
  ledger.missing(10);
  ledger.written(70);
  ledger.anomalies({1, 0, 3, 0, 0});
  ledger.lost(LossReason::backlog_full, 12);
  ledger.lost(LossReason::storage_failed_at_stop, 5);
  const Books books = ledger.books();
  CHECK(books.lost() == 17);
  CHECK(books.lost_by_reason[0] == 12);
  CHECK(books.lost_by_reason[1] == 5);
  CHECK(books.pending() == 3);
  CHECK(books.anomalies == 4);
  CHECK(books.anomalies_by_type[index_of(AnomalyType::pattern)] == 3);
  CHECK(books.imbalance(100, 3).empty());
}

TEST_CASE("unbalanced books name the equation that does not hold") {
  Ledger ledger;
  ledger.due(100);
  ledger.generated(90);
  ledger.written(60);
  ledger.missing(7);
  ledger.lost(LossReason::backlog_full, 20);
  Books books = ledger.books();
  CHECK(books.imbalance(101, 3) == "due 100, but by arithmetic 101");
  CHECK(books.imbalance(100, 3) == "due 100 != generated 90 + skipped 0 + silent 0");
  books.skipped = 10;
  CHECK(books.imbalance(100, 3).empty());
  CHECK(books.imbalance(100, 0) == "generated 90 != written 60 + missing 7 + pending 0 + lost 20 + found 0");
  ledger.found(3);
  CHECK(ledger.books().found == 3);
  CHECK(ledger.books().pending() == 0);
  books.found = 3;
  CHECK(books.imbalance(100, 0).empty());
}

TEST_CASE("several threads keep exact books") {
  Ledger ledger;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&ledger] {
      for (int i = 0; i < 10'000; ++i) {
        ledger.due(3);
        ledger.lost(LossReason::backlog_full, 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(ledger.books().due == 120'000);
  CHECK(ledger.books().lost() == 40'000);
}

TEST_CASE("a back-off doubles up to its cap, with jitter between a half and the whole") {
  constexpr write::BackoffPolicy policy{20'000, 2'000'000};
  for (unsigned attempt = 1; attempt <= 12; ++attempt) {
    const Microseconds whole = std::min<Microseconds>(20'000ll << (attempt - 1), 2'000'000);
    CAPTURE(attempt);
    CHECK(write::backoff_delay(policy, attempt, 0) == whole / 2);
    CHECK(write::backoff_delay(policy, attempt, 1ull << 63) == whole / 4 * 3);
    CHECK(write::backoff_delay(policy, attempt, UINT64_MAX) >= whole - 1);
    CHECK(write::backoff_delay(policy, attempt, UINT64_MAX) <= whole);
  }
  CHECK(write::backoff_delay(policy, 0, UINT64_MAX) <= 20'000);
  for (const unsigned attempt : {64u, 65u, 1'000'000u, UINT32_MAX}) {
    CHECK(write::backoff_delay(policy, attempt, UINT64_MAX) <= 2'000'000);
    CHECK(write::backoff_delay(policy, attempt, 0) == 1'000'000);
  }
}

TEST_CASE("the nearest word is the one a user meant, or none") {
  constexpr std::array<std::string_view, 5> words{"batch_size", "busy_timeout_ms", "path", "page_size",
                                                  "sink"};
  CHECK(nearest_word("batch_size", words) == "batch_size");
  CHECK(nearest_word("bacth_size", words) == "batch_size");  // a swap of neighbors is one step
  CHECK(nearest_word("paht", words) == "path");
  CHECK(nearest_word("batchsize", words) == "batch_size");
  CHECK(nearest_word("batch_sizes", words) == "batch_size");
  CHECK(nearest_word("pagesize", words) == "page_size");
  CHECK(nearest_word("sing", words) == "sink");
  CHECK(nearest_word("snki", words).empty());  // two steps are more than a third of four letters
  CHECK(nearest_word("flush_interval", words).empty());
  CHECK(nearest_word("", words).empty());
  CHECK(nearest_word(std::string(65, 'a'), words).empty());
  CHECK(nearest_word("path", {}).empty());
  const std::string longest(64, 'b');
  const std::array<std::string_view, 1> one{longest};
  CHECK(nearest_word(std::string(63, 'b') + 'c', one) == longest);
  CHECK(did_you_mean("pth", words) == " (did you mean 'path'?)");
  CHECK(did_you_mean("zebra", words).empty());
  CHECK(did_you_mean_or_takes("pth", words) == " (did you mean 'path'?)");
  CHECK(did_you_mean_or_takes("zebra", std::span(words).first(2)) ==
        "; it takes " + std::string(words[0]) + ", " + std::string(words[1]));
  CHECK(did_you_mean_or_takes("zebra", {}).empty());
}

TEST_CASE("problems are shown up to twenty and counted beyond") {
  Problems problems;
  CHECK(problems.empty());
  CHECK(problems.text().empty());
  std::string twenty;
  for (int i = 1; i <= 20; ++i) {
    problems.add("a.json:" + std::to_string(i), "bad");
    twenty += (i == 1 ? "a.json:" : "\na.json:") + std::to_string(i) + ": bad";
  }
  CHECK(problems.text() == twenty);
  problems.add("a.json:21", "bad");
  problems.add("a.json:22", "bad");
  CHECK(problems.count() == 22);
  CHECK(problems.text() == twenty + "\n... and 2 more");
}

TEST_CASE("appended problems keep their order and their number") {
  Problems first;
  Problems second;
  for (int i = 0; i < 15; ++i) first.add("first", std::to_string(i));
  for (int i = 0; i < 25; ++i) second.add("second", std::to_string(i));
  first.append(second);
  CHECK(first.count() == 40);
  const std::string text = first.text();
  CHECK(text.find("first: 14\nsecond: 0\n") != std::string::npos);
  CHECK(text.find("second: 4\n... and 20 more") != std::string::npos);
}

TEST_CASE("problems come from many threads") {
  Problems problems;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&problems] {
      for (int i = 0; i < 1'000; ++i) problems.add("place", "text");
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(problems.count() == 4'000);
}

TEST_CASE("a paced clock runs at its speed, both ways") {
  using namespace std::chrono_literals;
  constexpr Timestamp start = 1'767'225'600'000'000;
  const SteadyTime began{100h};
  for (const double speed : {1.0, 10.0, 0.25, 3'600.0}) {
    const SimulationClock clock(start, began, speed);
    CAPTURE(speed);
    CHECK(clock.paced());
    CHECK(clock.simulated(began) == start);
    CHECK(clock.simulated(began + 8s) == start + static_cast<Microseconds>(8e6 * speed));
    CHECK(clock.simulated(began - 4s) == start - static_cast<Microseconds>(4e6 * speed));
    CHECK(clock.real(start) == began);
    CHECK(clock.real(start + static_cast<Microseconds>(8e6 * speed)) == began + 8s);
    for (std::uint64_t i = 0; i < 1'000; ++i) {
      const Timestamp due = start + static_cast<Timestamp>(uniform_below(word(i), 1ull << 42));
      // At its real moment a simulated moment has come, give or take the rounding of doubles.
      CHECK(clock.simulated(clock.real(due)) >= due - 1);
      CHECK(clock.simulated(clock.real(due) - 2us) <= due + static_cast<Timestamp>(speed));
    }
  }
}

TEST_CASE("lag is real time since a reading was due, never negative") {
  using namespace std::chrono_literals;
  constexpr Timestamp start = 1'767'225'600'000'000;
  const SteadyTime began{100h};
  const SimulationClock tenfold(start, began, 10);
  CHECK(tenfold.lag(start + 10'000'000, began + 1s) == 0);
  CHECK(tenfold.lag(start + 10'000'000, began + 1500ms) == 500'000);
  CHECK(tenfold.lag(start + 10'000'000, began) == 0);
  CHECK(SimulationClock(start, began, std::nullopt).lag(start, began + 100h) == 0);
}

TEST_CASE("what is due until a fleet has caught up with its clock is history, and never again") {
  using namespace std::chrono_literals;
  constexpr Timestamp launch = 1'767'225'600'000'000;
  const SteadyTime launched{100h};
  SimulationClock behind(launch, launched, 1.0, launch - 60'000'000);
  CHECK(behind.fills_history());
  CHECK_FALSE(behind.paced());
  CHECK(behind.history_until() == latest_timestamp);
  CHECK(behind.simulated(launched + 2s) == launch + 2'000'000);
  behind.caught_up(launch + 3'000'000);
  CHECK(behind.paced());
  CHECK_FALSE(behind.fills_history());
  behind.caught_up(launch + 9'000'000);
  CHECK(behind.history_until() == launch + 3'000'000);

  const SimulationClock on_time(launch, launched, 1.0);
  CHECK(on_time.paced());
  CHECK(on_time.history_until() == launch);
  SimulationClock unpaced(launch, launched, std::nullopt);
  unpaced.caught_up(launch);
  CHECK_FALSE(unpaced.paced());
  CHECK_FALSE(unpaced.fills_history());
}

TEST_CASE("an unpaced clock says that every moment has come, and no clock passes the last one") {
  using namespace std::chrono_literals;
  const SteadyTime began{100h};
  const SimulationClock unpaced(0, began, std::nullopt);
  CHECK_FALSE(unpaced.paced());
  CHECK(unpaced.simulated(began) == latest_timestamp);
  CHECK(unpaced.simulated(began - 1h) == latest_timestamp);
  const SimulationClock fast(latest_timestamp - 1'000'000, began, 1e12);
  CHECK(fast.simulated(began + 1h) == latest_timestamp);
}

TEST_CASE("the system's clock is UTC in microseconds") {
  const auto before = std::chrono::system_clock::now().time_since_epoch();
  const Timestamp now = system_now();
  const auto after = std::chrono::system_clock::now().time_since_epoch();
  CHECK(now >= std::chrono::floor<std::chrono::microseconds>(before).count());
  CHECK(now <= std::chrono::ceil<std::chrono::microseconds>(after).count());
}

TEST_CASE("terms have the names of keys and columns") {
  CHECK(name_of(AnomalyType::spike) == "spike");
  CHECK(name_of(AnomalyType::trend) == "trend");
  CHECK(name_of(AnomalyType::pattern) == "pattern");
  CHECK(name_of(AnomalyType::missing_data) == "missing_data");
  CHECK(name_of(AnomalyType::noise) == "noise");
}

TEST_CASE("every type of anomaly has a row of its own, which its name finds") {
  const auto is_color = [](std::string_view text) {
    return text.size() == 7 && text[0] == '#' &&
           text.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
  };
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const AnomalyTypeRow& row = anomaly_types[k];
    CAPTURE(row.name);
    CHECK(anomaly_type_of(row.name) == static_cast<AnomalyType>(k));
    CHECK(row.weight.value_or(0) >= 0);
    CHECK(is_drawn(static_cast<AnomalyType>(k)) == row.weight.has_value());
    CHECK(row.duration_seconds.value_or(1).min > 0);
    CHECK(is_color(row.color));
    CHECK(is_color(row.color_on_dark));
    CHECK_FALSE(row.effect.empty());
  }
  CHECK(anomaly_type_of("flood") == std::nullopt);
}

namespace {

// Of a color such as "#c24a08": how light it is (WCAG 2).
double luminance(std::string_view color) {
  constexpr std::array weights{0.2126, 0.7152, 0.0722};
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double part = std::stoi(std::string(color.substr(1 + 2 * i, 2)), nullptr, 16) / 255.0;
    sum += weights[i] * (part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4));
  }
  return sum;
}

double contrast(std::string_view a, std::string_view b) {
  const auto [dark, light] = std::minmax({luminance(a), luminance(b)});
  return (light + 0.05) / (dark + 0.05);
}

}  // namespace

TEST_CASE("the names of types are legible in their colors, and no two types look alike") {
  std::set<std::string_view> colors;
  for (const AnomalyTypeRow& row : anomaly_types) {
    CAPTURE(row.name);
    CHECK(contrast(row.color, "#fbfaf8") >= 4.5);
    CHECK(contrast(row.color_on_dark, "#1c2127") >= 4.5);
    colors.insert(row.color);
    colors.insert(row.color_on_dark);
  }
  CHECK(colors.size() == 2 * anomaly_type_count);
}

TEST_CASE("types that take rows are listed, and the table is JSON for pages") {
  CHECK(takes_rows(AnomalyType::missing_data));
  CHECK_FALSE(takes_rows(AnomalyType::spike));
  CHECK_FALSE(takes_rows(std::nullopt));
  CHECK(row_leaving_types_text() == "missing_data, dropout, aging");
  const std::string json = anomaly_types_json();
  CHECK(json.starts_with(R"([{"name":"spike","takes_rows":false,"touches":"one_channel","color":"#)"));
  CHECK(json.find(R"("name":"missing_data","takes_rows":true,"touches":"all_channels")") !=
        std::string::npos);
  CHECK(json.find(R"("name":"dropout","takes_rows":true)") != std::string::npos);
  CHECK(json.find(R"("name":"aging","takes_rows":false)") != std::string::npos);
}

TEST_CASE("a recent histogram forgets what is older than its span") {
  RecentHistogram memory;
  Histogram whole;
  const auto recent = [&](double now) {
    auto copy = std::make_unique<Histogram>();
    copy->merge(whole);
    const double span = memory.keep_recent(now, *copy);
    return std::pair(span, std::move(copy));
  };
  whole.record(5'000'000, 3);
  CHECK(recent(0.25).second->count() == 3);
  for (double now = 1; now <= 60; now += 0.25) {
    whole.record(1'000);
    const auto [span, counted] = recent(now);
    if (now < 10) {
      CHECK(span == now);
    } else {
      CHECK(span >= RecentHistogram::span_seconds);
      CHECK(span < RecentHistogram::span_seconds + RecentHistogram::step_seconds);
    }
    if (now < 11) continue;
    // Four a second, and nothing left of the long ones.
    CHECK(counted->count() == static_cast<std::uint64_t>(span / 0.25));
    CHECK(counted->percentile(0.99) < 1'100);
    CHECK(counted->max() < 1'100);
  }
  CHECK(whole.max() == 5'000'000);
}

}  // namespace fleet_sim::base_test
