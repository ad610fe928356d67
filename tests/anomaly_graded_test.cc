// Graded anomalies: what each type makes of the readings of one sensor, moment by moment against the same
// sensor without it, by formulas that are written down here once more. Sensors are of a type that has a
// channel of every kind, read once a second; what differs is named in its test.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <numbers>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/normal.h"
#include "base/random.h"
#include "config/config.h"
#include "fleet/profile_table.h"
#include "model/sensor.h"
#include "support/lifelike_types.h"
#include "support/rosters.h"
#include "support/statistics.h"
#include "types/catalog.h"

namespace fleet_sim::anomaly_graded_test {

using namespace fleet_sim::test;
using enum AnomalyType;

namespace {

constexpr std::uint64_t seed = 11;
constexpr Timestamp start = 1'767'268'800 * microseconds_per_second;  // 2026-01-01T12:00

enum : std::uint8_t { level, sound, valve, tank, steady, volume, mode, power };
constexpr std::size_t channel_count = power + 1;

// Nothing but white noise moves the gauges, so that severities count in its deviation, whatever the duration.
constexpr double level_base = 20;
constexpr double level_noise = 2;
constexpr double sound_noise = 0.5;

types::SignalDeclaration rig_signal() {
  types::SignalDeclaration rig;
  rig.sources = {{"run", types::Load{types::Scope::sensor, 0.5, 1, {}}}};
  rig.channels = {
      {"level", types::Gauge{.base = level_base, .white = level_noise, .range = {0, 40}}},
      {"sound", types::Gauge{.scale = types::Gauge::Scale::logarithmic, .base = 10, .white = sound_noise}},
      {"valve", types::Gauge{.base = 90, .white = 3, .rails = {0, 100}, .resolution = 0.5}},
      {"tank", types::Gauge{.base = 5, .white = 0.2, .rails = {.high = 9}}},
      {"steady", types::Gauge{.base = 7}},
      {"volume", types::Counter{.base = 3600, .per = hours(1), .resolution = 0.5}},
      {"mode", types::State{0, {0.5}}},
      {"power", types::Product{{level, tank}}}};
  return rig;
}

void declare(config::Config& config, const std::string& name, types::SignalDeclaration signal) {
  types::DeclaredType type;
  for (const types::SignalChannel& channel : signal.channels) type.columns.push_back({channel.name, "unit"});
  type.signal = std::move(signal);
  config.types[name] = std::move(type);
}

// One due reading of a sensor in an anomaly.
struct Moment {
  Timestamp due;
  batch::Values clean;
  batch::Values read;  // none where it is missing
  bool missing;
};

// A config under which nothing happens by itself, and one sensor at a time.
class Bench {
 public:
  explicit Bench(const std::function<void(config::Config&)>& change = {}, const std::string& type = "rig",
                 const std::function<void(identity::IdentityRecord&)>& change_identity = {}) {
    config_.anomalies.enabled = false;
    declare(config_, "rig", rig_signal());
    if (change) change(config_);
    types_ = fleet::types_under(config_, types::built_in_types());
    identity::IdentityRecord record = identity_of("G-1");
    record.type = type;
    if (change_identity) change_identity(record);
    roster_.add(record);
    table_ = std::make_unique<fleet::ProfileTable>(roster_, std::make_shared<const config::Config>(config_),
                                                   types_, seed);
    profile_ = table_->find_or_resolve(roster_[0]).profile;
  }

  [[nodiscard]] const model::Profile& profile() const { return *profile_; }
  [[nodiscard]] double sigma(std::size_t channel, Microseconds duration) const {
    return profile_->spread->get().sigma(channel, duration);
  }

  [[nodiscard]] model::Sensor sensor(std::uint64_t key = 5) const {
    model::Sensor sensor{};
    sensor.key = key;
    sensor.profile = profile_;
    return sensor;
  }

  // All readings of an anomaly that is asked for.
  std::vector<Moment> moments(const model::AnomalyRequest& request, std::uint64_t key = 5) {
    model::Sensor faulty = sensor(key);
    model::Sensor twin = sensor(key);
    REQUIRE(model::inject_anomaly(faulty, seed, request, start));
    anomaly_ = faulty.anomaly;
    std::vector<Moment> moments;
    const auto period = static_cast<Microseconds>(1e6 / profile_->readings_per_second);
    for (Timestamp due = start; due <= anomaly_.ended_at; due += period) {
      const model::Sample read = model::sample(faulty, seed, {due, due + period});
      const model::Sample clean = model::sample(twin, seed, {due, due + period});
      REQUIRE(read.anomaly == request.type);
      REQUIRE_FALSE(clean.anomaly);
      moments.push_back({due, clean.values, read.values, read.missing});
    }
    after_ = faulty.anomaly;
    return moments;
  }

  // The anomaly of the last moments as it began, and at their end.
  [[nodiscard]] const model::Anomaly& anomaly() const { return anomaly_; }
  [[nodiscard]] const model::Anomaly& after() const { return after_; }

 private:
  config::Config config_;
  std::shared_ptr<const types::Catalog> types_;
  identity::Roster roster_;
  std::unique_ptr<fleet::ProfileTable> table_;
  const model::Profile* profile_ = nullptr;
  model::Anomaly anomaly_;
  model::Anomaly after_;
};

model::AnomalyRequest request_of(AnomalyType type, std::uint8_t channel, std::optional<double> severity,
                                 Microseconds duration) {
  return {.type = type, .channel = Channel{channel}, .severity = severity, .duration = duration};
}

doctest::Approx near(double value) {
  return doctest::Approx(value).epsilon(1e-11);
}

// Half a cosine from 0 to 1 in the first quarter, and back in the last.
double envelope(double progress, double edge = 0.25) {
  const double into = std::min({progress, 1 - progress, edge}) / edge;
  return 0.5 - 0.5 * std::cos(std::numbers::pi * into);
}

// Channels beside the affected one, and products of it.
void check_others_untouched(const std::vector<Moment>& moments, std::size_t channel) {
  for (const Moment& moment : moments) {
    for (std::size_t c = 0; c < moment.clean.size(); ++c) {
      const bool follows =
          c == power && moment.clean.size() == channel_count && (channel == level || channel == tank);
      if (c != channel && !follows) CHECK(moment.read[c] == moment.clean[c]);
    }
  }
}

// Calls check(direction, moments) for a sensor in which the anomaly goes up and for one in which it goes
// down.
template <class Check>
void in_both_directions(Bench& bench, const model::AnomalyRequest& request, const Check& check) {
  std::set<int> seen;
  for (std::uint64_t key = 1; key <= 20 && seen.size() < 2; ++key) {
    const std::vector<Moment> moments = bench.moments(request, key);
    if (!seen.insert(bench.anomaly().direction).second) continue;
    check(bench.anomaly().direction, moments);
  }
  CHECK(seen == std::set{-1, 1});
}

// In which stretch of 2^22 µs of this sensor's a moment lies, and whether what takes such a share of them
// takes this one.
bool is_taken(double share, std::uint64_t key, Timestamp due) {
  constexpr std::uint64_t weyl = 0x9E3779B97F4A7C15;
  const auto shift = static_cast<Microseconds>((key * (weyl + 2 * 22)) >> 42);
  const auto cell = static_cast<std::uint64_t>((due + shift) >> 22);
  return uniform(draw_block(seed, key, Stream::fault_stretch, cell)[0]) < share;
}

}  // namespace

TEST_CASE("a million sensors still fit into 100 MB") {
  CHECK(sizeof(model::Sensor) <= 96);
}

TEST_CASE("an offset comes along half a cosine, stays, and goes") {
  Bench bench;
  const double full = 3 * bench.sigma(level, seconds(80));
  CHECK(full == doctest::Approx(3 * level_noise).epsilon(0.06));  // σ of 4,096 pairs
  in_both_directions(
      bench, request_of(offset, level, 3, seconds(80)), [&](int direction, const auto& moments) {
        REQUIRE(moments.size() == 80);
        const auto away = [&](std::size_t k) { return moments[k].read[level] - moments[k].clean[level]; };
        CHECK(away(0) == near(0).scale(1));
        CHECK(away(5) == near(direction * full * 0.14644660940672624));
        CHECK(away(10) == near(direction * full / 2));
        CHECK(away(15) == near(direction * full * 0.85355339059327376));
        for (std::size_t k = 20; k <= 60; ++k) CHECK(away(k) == near(direction * full));
        CHECK(away(70) == near(direction * full / 2));
        for (const Moment& m : moments) CHECK(m.read[power] == near(m.read[level] * m.read[tank]));
        check_others_untouched(moments, level);
      });
  CHECK(bench.anomaly().channel == Channel{level});
  CHECK(*bench.anomaly().severity == 3);
  CHECK(*bench.anomaly().sigma == bench.sigma(level, seconds(80)));
  CHECK(*bench.anomaly().magnitude == near(full));
  CHECK(bench.after().readings_affected == 80);
}

TEST_CASE("how long an offset comes and goes is up to the config") {
  for (const double edge : {0.0, 0.1, 0.5}) {
    Bench bench([edge](config::Config& config) { config.anomalies.edge = edge; });
    const std::vector<Moment> moments = bench.moments(request_of(offset, level, 2, seconds(40)));
    for (std::size_t k = 0; k < moments.size(); ++k) {
      const double share = edge > 0 ? envelope(static_cast<double>(k) / 40, edge) : 1;
      CHECK(moments[k].read[level] - moments[k].clean[level] ==
            near(*bench.anomaly().magnitude * bench.anomaly().direction * share).scale(1));
    }
  }
}

TEST_CASE("a fault of a logarithmic channel is a factor") {
  Bench bench;
  const double full = 2 * bench.sigma(sound, seconds(80));
  CHECK(full == doctest::Approx(2 * sound_noise).epsilon(0.06));
  in_both_directions(
      bench, request_of(offset, sound, 2, seconds(80)), [&](int direction, const auto& moments) {
        CHECK(moments[40].read[sound] == near(moments[40].clean[sound] * std::exp(direction * full)));
        CHECK(moments[10].read[sound] == near(moments[10].clean[sound] * std::exp(direction * full / 2)));
        check_others_untouched(moments, sound);
      });
}

TEST_CASE("a fault acts before the device: its rails and steps are kept, the range of the signal is not") {
  Bench bench;
  in_both_directions(
      bench, request_of(offset, valve, 6, seconds(80)), [&](int direction, const auto& moments) {
        for (std::size_t k = 20; k <= 60; ++k) {
          const double value = moments[k].read[valve];
          CHECK(value * 2 == std::round(value * 2));
          if (direction > 0) CHECK(value == 100);  // 90 + 18
          // Both are rounded to steps.
          if (direction < 0 && moments[k].clean[valve] < 100)
            CHECK(std::fabs(moments[k].clean[valve] - *bench.anomaly().magnitude - value) <= 0.5);
        }
      });
  in_both_directions(bench, request_of(offset, level, 20, seconds(80)),
                     [&](int direction, const auto& moments) {
                       CHECK(moments[40].read[level] ==
                             near(moments[40].clean[level] + direction * *bench.anomaly().magnitude));
                       CHECK(std::fabs(moments[40].read[level] - 20) > 20);
                     });
}

TEST_CASE("a spike moves one reading") {
  Bench bench;
  in_both_directions(bench, request_of(spike, level, 4, seconds(1)), [&](int direction, const auto& moments) {
    REQUIRE(moments.size() == 1);
    CHECK(moments[0].read[level] - moments[0].clean[level] ==
          near(direction * 4 * bench.sigma(level, seconds(1))));
    check_others_untouched(moments, level);
  });
}

TEST_CASE("a trend and a drift grow from nothing to their full size at the end") {
  for (const AnomalyType type : {trend, drift}) {
    Bench bench;
    in_both_directions(bench, request_of(type, level, 3, seconds(50)),
                       [&](int direction, const auto& moments) {
                         const double full = 3 * bench.sigma(level, seconds(50));
                         for (std::size_t k = 0; k < 50; ++k)
                           CHECK(moments[k].read[level] - moments[k].clean[level] ==
                                 near(direction * full * static_cast<double>(k) / 50).scale(1));
                         check_others_untouched(moments, level);
                       });
  }
}

TEST_CASE("a pattern sways by what changes within half its period") {
  // A sine of a day: what changes within half a period differs from what changes over the duration.
  const auto with_day = [](config::Config& config) {
    config.anomalies.pattern_period_seconds = 7'200;
    config.simulation.rate = Rate::every(seconds(600));
    types::SignalDeclaration signal;
    signal.sources = {{"day", types::Cycle{types::Cycle::Shape::sine, days(1), hours(15)}}};
    signal.channels = {{"level", types::Gauge{.base = 20, .terms = {{0, 5}}}}};
    declare(config, "rig", signal);
  };
  Bench bench(with_day);
  const std::vector<Moment> moments = bench.moments(request_of(pattern, level, 2, seconds(28'800)));
  REQUIRE(moments.size() == 48);
  const double full = 2 * bench.sigma(level, seconds(3'600));
  CHECK(full == doctest::Approx(2 * 5 * std::sin(2 * std::numbers::pi / 24)).epsilon(0.05));
  CHECK(*bench.anomaly().magnitude == near(full));
  CHECK(bench.anomaly().direction == 0);
  const auto away = [&](std::size_t k) { return moments[k].read[level] - moments[k].clean[level]; };
  CHECK(away(0) == near(0).scale(1));
  CHECK(away(3) == near(full * 0.14644660940672624).scale(1));  // a quarter of a turn, a quarter of the edge
  CHECK(away(15) == near(full).scale(1));
  CHECK(away(18) == near(0).scale(1));
  CHECK(away(21) == near(-full).scale(1));
  CHECK(away(27) == near(full).scale(1));
  CHECK(away(45) == near(-full * 0.14644660940672624).scale(1));
}

TEST_CASE("noise makes the change from one reading to the next so many times as large") {
  Bench bench;
  const std::vector<Moment> moments = bench.moments(request_of(noise, level, 2, seconds(4'000)));
  const double sigma = bench.sigma(level, seconds(1));
  double squares = 0;
  for (const Moment& moment : moments) {
    const RandomBlock words = draw_block(seed, 5, Stream::noise, static_cast<std::uint64_t>(moment.due));
    CHECK(moment.read[level] - moment.clean[level] ==
          near(std::sqrt(3.0) * sigma * standard_normal(words[level])).scale(1));
    squares += (moment.read[level] - level_base) * (moment.read[level] - level_base);
  }
  check_others_untouched(moments, level);
  const double deviation = std::sqrt(squares / 4'000);
  CHECK(deviation == doctest::Approx(2 * level_noise).epsilon(0.06));
  CHECK(*bench.anomaly().magnitude == near(std::sqrt(3.0) * sigma));
  for (const Moment& moment : bench.moments(request_of(noise, level, 1, seconds(10))))
    CHECK(moment.read[level] == moment.clean[level]);
}

TEST_CASE("noise of the fourth channel has a word of its own") {
  Bench bench;
  const std::vector<Moment> moments = bench.moments(request_of(noise, tank, 2, seconds(100)));
  for (const Moment& moment : moments) {
    // The fourth channel: the onset has the fourth word, so it takes the first of the next block.
    const RandomBlock words = draw_block(seed, 5, Stream::noise, static_cast<std::uint64_t>(moment.due), 1);
    const double expected = moment.clean[tank] + *bench.anomaly().magnitude * standard_normal(words[0]);
    CHECK(moment.read[tank] == near(std::min(expected, 9.0)));
  }
}

TEST_CASE("a gain spreads a channel around its mean, or narrows it") {
  Bench bench;
  const model::Spread& spread = bench.profile().spread->get();
  const double mean = spread.mean(level);
  CHECK(mean == doctest::Approx(level_base).epsilon(0.01));
  for (const double severity : {0.5, 3.0}) {
    in_both_directions(
        bench, request_of(gain, level, severity, seconds(80)), [&](int direction, const auto& moments) {
          double share = severity * spread.sigma(level, seconds(80)) / spread.deviation(level);
          if (direction < 0) share = std::min(share, 1.0);
          CHECK(*bench.anomaly().magnitude == near(share));
          for (std::size_t k = 0; k < 80; ++k) {
            const double factor = 1 + direction * share * envelope(static_cast<double>(k) / 80);
            CHECK(moments[k].read[level] == near(mean + (moments[k].clean[level] - mean) * factor));
          }
          if (direction < 0 && severity == 3) CHECK(moments[40].read[level] == near(mean));
          check_others_untouched(moments, level);
        });
  }
  for (const Moment& moment : bench.moments(request_of(gain, steady, 3, seconds(80))))
    CHECK(moment.read[steady] == 7);
}

TEST_CASE("a stuck channel of any kind repeats what it read at the start") {
  Bench slow([](config::Config& config) { config.simulation.rate = 1.0 / 60; });
  for (std::uint8_t c = 0; c < channel_count; ++c) {
    CAPTURE(int(c));
    // Days in which the rig goes on and off, and its counter advances.
    const std::vector<Moment> moments = slow.moments(request_of(stuck, c, std::nullopt, days(6)));
    bool changes = false;
    for (const Moment& moment : moments) {
      REQUIRE(moment.read[c] == moments[0].clean[c]);
      changes = changes || moment.clean[c] != moments[0].clean[c];
    }
    CHECK(changes == (c != steady));
    check_others_untouched(std::vector(moments.begin(), moments.begin() + 100), c);
    CHECK(slow.anomaly().direction == 0);
    CHECK_FALSE(slow.anomaly().severity);
    CHECK_FALSE(slow.anomaly().magnitude);
  }
  Bench bench;
  for (const Moment& moment : bench.moments(request_of(stuck, level, std::nullopt, seconds(30))))
    CHECK(moment.read[power] == near(moment.read[level] * moment.clean[tank]));
}

TEST_CASE("a stuck gauge can keep its white noise") {
  Bench bench([](config::Config& config) { config.anomalies.keep_noise = true; });
  const std::vector<Moment> moments = bench.moments(request_of(stuck, level, std::nullopt, seconds(60)));
  for (const Moment& moment : moments)
    CHECK(moment.read[level] == near(moments[0].clean[level] + (moment.clean[level] - level_base)));
  const std::vector<Moment> loud = bench.moments(request_of(stuck, sound, std::nullopt, seconds(60)));
  for (const Moment& moment : loud)
    CHECK(moment.read[sound] == near(loud[0].clean[sound] * moment.clean[sound] / 10));
  for (const std::uint8_t c : {volume, mode, power}) {
    const std::vector<Moment> still = bench.moments(request_of(stuck, c, std::nullopt, seconds(600)));
    for (const Moment& moment : still) CHECK(moment.read[c] == still[0].clean[c]);
  }
}

TEST_CASE("a quantised channel reads in steps that are √12 deviations of its noise") {
  Bench bench;
  const double step = 2 * std::sqrt(12.0) * bench.sigma(level, seconds(1));
  CHECK(step == doctest::Approx(2 * std::sqrt(12.0) * level_noise).epsilon(0.06));
  const std::vector<Moment> moments = bench.moments(request_of(quantise, level, 2, seconds(500)));
  for (const Moment& moment : moments)
    CHECK(moment.read[level] == near(std::round(moment.clean[level] / step) * step));
  check_others_untouched(moments, level);
  CHECK(*bench.anomaly().magnitude == near(step));
  const double factor = 3 * std::sqrt(12.0) * bench.sigma(sound, seconds(1));
  for (const Moment& moment : bench.moments(request_of(quantise, sound, 3, seconds(100))))
    CHECK(moment.read[sound] == near(std::exp(std::round(std::log(moment.clean[sound]) / factor) * factor)));
  for (const Moment& moment : bench.moments(request_of(quantise, steady, 3, seconds(20))))
    CHECK(moment.read[steady] == 7);
}

TEST_CASE("a clipped channel stays below its level at the start, less the severity") {
  Bench bench;
  for (const double severity : {-1.0, 0.0, 1.0}) {
    const std::vector<Moment> moments = bench.moments(request_of(clip, level, severity, seconds(300)));
    const double limit = moments[0].clean[level] - severity * bench.sigma(level, seconds(300));
    for (const Moment& moment : moments)
      CHECK(moment.read[level] == near(std::min(moment.clean[level], limit)));
    check_others_untouched(moments, level);
    const std::vector<Moment> loud = bench.moments(request_of(clip, sound, severity, seconds(300)));
    const double most = loud[0].clean[sound] * std::exp(-severity * bench.sigma(sound, seconds(300)));
    for (const Moment& moment : loud) CHECK(moment.read[sound] == near(std::min(moment.clean[sound], most)));
  }
}

TEST_CASE("an intermittent channel is at a rail in a share of the stretches of four seconds") {
  Bench bench;
  constexpr double share = 0.3;
  in_both_directions(bench, request_of(intermittent, valve, share, hours(1)),
                     [&](int direction, const auto& moments) {
                       double at_rail = 0;
                       for (const Moment& moment : moments) {
                         const double rail = direction > 0 ? 100 : 0;
                         CHECK((moment.read[valve] == rail || moment.read[valve] == moment.clean[valve]));
                         at_rail += moment.read[valve] == rail ? 1 : 0;
                       }
                       CHECK(std::fabs(at_rail / 3600 - share) < share_bound(share, 3600 / 4.194304));
                       check_others_untouched(moments, valve);
                     });
  for (const double always : {0.0, 1.0}) {
    for (const Moment& moment : bench.moments(request_of(intermittent, tank, always, seconds(100))))
      CHECK(moment.read[tank] == (always == 1 ? 9 : moment.clean[tank]));
  }
}

TEST_CASE("a channel with one rail jumps there, whatever was drawn") {
  Bench bench;
  for (std::uint64_t key = 1; key <= 12; ++key) {
    for (const Moment& moment : bench.moments(request_of(intermittent, tank, 0.5, seconds(60)), key)) {
      CHECK(moment.read[tank] == (is_taken(0.5, key, moment.due) ? 9 : moment.clean[tank]));
    }
    CHECK(bench.anomaly().direction == 1);
    CHECK(*bench.anomaly().magnitude == 0.5);
    CHECK_FALSE(bench.anomaly().sigma);
  }
  Bench low([](config::Config& config) {
    types::SignalDeclaration signal;
    signal.channels = {{"level", types::Gauge{.base = 20, .white = 1, .rails = {.low = 2}}}};
    declare(config, "rig", signal);
  });
  for (std::uint64_t key = 1; key <= 12; ++key) {
    for (const Moment& moment : low.moments(request_of(intermittent, 0, 0.5, seconds(60)), key))
      CHECK(moment.read[0] == (is_taken(0.5, key, moment.due) ? 2 : moment.clean[0]));
    CHECK(low.anomaly().direction == -1);
  }
}

TEST_CASE("a dropout leaves out readings in a share of the stretches, and counts those") {
  Bench bench;
  for (const double share : {0.0, 0.4, 1.0}) {
    const std::vector<Moment> moments =
        bench.moments({.type = dropout, .severity = share, .duration = hours(1)});
    std::uint32_t missing = 0;
    for (const Moment& moment : moments) {
      CHECK(moment.missing == is_taken(share, 5, moment.due));
      if (!moment.missing) CHECK(moment.read == moment.clean);
      missing += moment.missing ? 1 : 0;
    }
    CHECK(bench.after().readings_affected == missing);
    CHECK(std::fabs(missing / 3600.0 - share) <= share_bound(share, 3600 / 4.194304));
    CHECK_FALSE(bench.anomaly().channel);
    CHECK(*bench.anomaly().magnitude == share);
  }
}

TEST_CASE("the built-in type is graded if the config says so, by what it reads within its bounds") {
  const auto graded = [](config::Config& config) {
    config.anomalies.severity = config::AnomalySeverity::graded;
    config.anomalies.keep_noise = true;
  };
  Bench bench(graded, std::string(identity::IdentityRecord().type));
  constexpr std::uint8_t voltage = 2;
  CHECK(bench.sigma(voltage, seconds(300)) == doctest::Approx(0.1).epsilon(0.06));
  in_both_directions(
      bench, request_of(offset, voltage, 9, seconds(80)), [&](int direction, const auto& moments) {
        const double full = 9 * bench.sigma(voltage, seconds(80));
        CHECK(moments[40].read[voltage] == near(moments[40].clean[voltage] + direction * full));
        CHECK(std::fabs(moments[40].read[voltage] - 12) > 0.5);  // outside its bounds
        check_others_untouched(moments, voltage);
      });
  const std::vector<Moment> shaken = bench.moments(request_of(noise, voltage, 2, seconds(50)));
  for (const Moment& moment : shaken) {
    const RandomBlock words = draw_block(seed, 5, Stream::noise, static_cast<std::uint64_t>(moment.due));
    CHECK(moment.read[voltage] ==
          near(moment.clean[voltage] +
               std::sqrt(3.0) * bench.sigma(voltage, seconds(1)) * standard_normal(words[voltage])));
  }
  check_others_untouched(shaken, voltage);
  const std::vector<Moment> held = bench.moments(request_of(stuck, voltage, std::nullopt, seconds(50)));
  for (const Moment& moment : held) {
    if (std::fabs(moment.clean[voltage] - 12) < 0.49)
      CHECK(moment.read[voltage] == near(held[0].clean[voltage] + moment.clean[voltage] - 12));
  }
  check_others_untouched(held, voltage);
  for (const AnomalyType type : {trend, pattern, gain, quantise, clip}) {
    const std::vector<Moment> moments = bench.moments(request_of(type, voltage, 3, seconds(80)));
    check_others_untouched(moments, voltage);
    CHECK(std::ranges::any_of(moments, [](const Moment& m) { return m.read[voltage] != m.clean[voltage]; }));
    CHECK(bench.anomaly().sigma);
  }
}

TEST_CASE("new types are graded even where the others are relative") {
  Bench bench({}, std::string(identity::IdentityRecord().type));
  bench.moments(request_of(offset, 2, 3, seconds(80)));
  CHECK(*bench.anomaly().sigma == bench.sigma(2, seconds(80)));
  bench.moments({.type = trend, .channel = Channel{2}, .duration = seconds(80)});
  CHECK_FALSE(bench.anomaly().sigma);
  CHECK_FALSE(bench.anomaly().severity);
  CHECK(*bench.anomaly().magnitude == 0.5);
}

TEST_CASE("severity counts in what a channel changes over the duration, the half period or one reading") {
  const auto with_day = [](config::Config& config) {
    types::SignalDeclaration signal;
    signal.sources = {{"day", types::Cycle{types::Cycle::Shape::sine, days(1), hours(15)}}};
    signal.channels = {
        {"level", types::Gauge{.base = 20, .white = 0.1, .rails = {0, 99}, .terms = {{0, 5}}}}};
    declare(config, "rig", signal);
  };
  Bench bench(with_day);
  const auto sigma_of = [&](AnomalyType type, Microseconds duration) -> std::optional<double> {
    bench.moments(request_of(
        type, 0, anomaly_types[index_of(type)].severity ? std::optional(1.0) : std::nullopt, duration));
    return bench.anomaly().sigma;
  };
  CHECK(bench.sigma(0, hours(1)) > 10 * bench.sigma(0, seconds(1)));
  for (const AnomalyType type : {spike, trend, offset, drift, gain, clip})
    CHECK(sigma_of(type, hours(1)) == bench.sigma(0, hours(1)));
  for (const AnomalyType type : {noise, quantise})
    CHECK(sigma_of(type, hours(1)) == bench.sigma(0, seconds(1)));
  CHECK(sigma_of(pattern, hours(1)) == bench.sigma(0, seconds(30)));
  for (const AnomalyType type : {stuck, intermittent}) CHECK(sigma_of(type, hours(1)) == std::nullopt);
}

TEST_CASE("behaviors multiply the range of severities, shares stay shares and noise stays noise") {
  const auto strong = [](config::Config& config) {
    config.behaviors.manufacturer["Loud"].severity = 4;
    config.behaviors.manufacturer["Quiet"].severity = 0.25;
  };
  const auto severities = [&](const char* manufacturer, AnomalyType type, std::uint64_t word) {
    Bench bench(strong, "rig", [&](identity::IdentityRecord& record) { record.manufacturer = manufacturer; });
    const RandomBlock draws{0, 0, word, 0};
    return *model::begin_anomaly(bench.profile(), {type}, start, draws).severity;
  };
  constexpr std::uint64_t middle = 1ull << 63;
  CHECK(severities("Plain", offset, 0) == 2);
  CHECK(severities("Plain", offset, middle) == 3);
  CHECK(severities("Loud", offset, 0) == 8);
  CHECK(severities("Loud", offset, middle) == 12);
  CHECK(severities("Quiet", offset, middle) == 0.75);
  CHECK(severities("Plain", intermittent, middle) == near(0.275));
  CHECK(severities("Loud", intermittent, middle) == 1);  // 4 · 0.275
  CHECK(severities("Loud", dropout, middle) == 1);
  CHECK(severities("Quiet", noise, middle) == 1);  // 0.25 · 2.1
  CHECK(severities("Quiet", clip, 0) == -0.25);
}

TEST_CASE("a graded fault takes a channel by the behaviors' weights, or any if they speak of another type") {
  const auto picked = [](const types::ChannelFactors& weights, AnomalyType type) {
    Bench bench([&](config::Config& config) { config.behaviors.firmware["7"].channels = weights; }, "rig",
                [](identity::IdentityRecord& record) { record.firmware_version = "7"; });
    std::vector<double> counts(channel_count, 0);
    constexpr std::uint64_t n = 4'000;
    for (std::uint64_t i = 0; i < n; ++i) {
      const RandomBlock draws{i << 52, 0, 0, 0};  // evenly
      counts[index_of(*model::begin_anomaly(bench.profile(), {type}, start, draws).channel)] += 1.0 / 4096;
    }
    return counts;
  };
  types::ChannelFactors named;
  named.set("level", 6);
  named.set("steady", 2);
  named.set("sound", 0);
  named.set("valve", 0);
  named.set("tank", 0);
  const std::vector<double> weighted = picked(named, offset);
  CHECK(weighted[level] == doctest::Approx(0.75).epsilon(0.01));
  CHECK(weighted[sound] == 0);
  types::ChannelFactors other;
  other.set("level", 6);
  other.set("temperature", 2);
  const std::vector<double> equal = picked(other, offset);
  for (const std::uint8_t c : {level, sound, valve, tank})
    CHECK(equal[c] == doctest::Approx(0.2).epsilon(0.01));
  CHECK(equal[volume] + equal[mode] + equal[power] == 0);
  // Of those named, none can be stuck at a rail: both that can are equally likely.
  const std::vector<double> rails = picked(named, intermittent);
  CHECK(rails[valve] == doctest::Approx(0.5).epsilon(0.01));
  CHECK(rails[valve] + rails[tank] == doctest::Approx(4000.0 / 4096));
  const std::vector<double> any = picked(other, stuck);
  for (const double share : any) CHECK(share > 0.1);
}

TEST_CASE("slow sensors have anomalies that are long enough to show") {
  Bench bench([](config::Config& config) { config.simulation.rate = Rate::every(hours(6)); });
  const auto readings = [&](AnomalyType type) {
    return bench.profile().readings_per_anomaly[index_of(type)];
  };
  for (const AnomalyType type : {trend, offset, gain, pattern}) CHECK(readings(type) == 8);
  for (const AnomalyType type : {stuck, quantise, clip}) CHECK(readings(type) == 3);
  for (const AnomalyType type : {spike, intermittent, missing_data, noise, dropout})
    CHECK(readings(type) == 1);
  CHECK(readings(drift) == doctest::Approx(12).epsilon(0.01));  // 2 days at least, up to a week
}

TEST_CASE("a request that a sensor cannot have changes nothing") {
  Bench bench;
  const auto refused = [&](const model::AnomalyRequest& request) {
    model::Sensor sensor = bench.sensor();
    const bool began = model::inject_anomaly(sensor, seed, request, start);
    CHECK(began == sensor.anomaly.active());
    CHECK(began == model::can_happen(bench.profile(), request));
    return !began;
  };
  for (const std::uint8_t c : {volume, mode, power}) {
    for (const AnomalyType type :
         {spike, trend, pattern, noise, offset, drift, gain, quantise, clip, intermittent})
      CHECK(refused({.type = type, .channel = Channel{c}}));
    CHECK_FALSE(refused({.type = stuck, .channel = Channel{c}}));
  }
  CHECK(refused({.type = intermittent, .channel = Channel{level}}));
  CHECK_FALSE(refused({.type = intermittent, .channel = Channel{tank}}));
  CHECK(refused({.type = offset, .channel = Channel{channel_count}}));
  CHECK(refused({.type = stuck, .channel = Channel{channel_count}}));
  CHECK(refused({.type = dropout, .channel = Channel{level}}));
  CHECK(refused({.type = missing_data, .channel = Channel{level}}));
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const auto type = static_cast<AnomalyType>(k);
    CHECK(refused({.type = type}) == !is_drawn(type));
  }

  model::Sensor busy = bench.sensor();
  REQUIRE(model::inject_anomaly(busy, seed, request_of(offset, level, 2, seconds(80)), start));
  CHECK_FALSE(
      model::inject_anomaly(busy, seed, request_of(stuck, tank, std::nullopt, seconds(80)), start + 1));
  CHECK(busy.anomaly.type == offset);
}

TEST_CASE("types of anomaly that have no channel in a sensor are left to others") {
  const auto without_rails = [](config::Config& config) {
    config.anomalies.enabled = true;
    config.anomalies.probability = 0.5;
    config.anomalies.types[index_of(intermittent)].weight = 10;
    types::SignalDeclaration signal;
    signal.sources = {{"run", types::Load{types::Scope::sensor, 0.5, 1, {}}}};
    signal.channels = {{"volume", types::Counter{.base = 3600, .per = hours(1), .resolution = 0.5}},
                       {"mode", types::State{0, {0.5}}}};
    declare(config, "rig", signal);
  };
  Bench bench(without_rails);
  std::set<AnomalyType> seen;
  for (std::uint64_t key = 1; key <= 20; ++key) {
    model::Sensor sensor = bench.sensor(key);
    model::enter_steady_state(sensor, seed, start, Cadence(1));
    for (Timestamp due = start; due < start + seconds(600); due += seconds(1)) {
      const model::Sample read = model::sample(sensor, seed, {due, due + seconds(1)});
      if (read.anomaly) seen.insert(*read.anomaly);
    }
  }
  CHECK(seen == std::set{missing_data});
}

TEST_CASE("an anomaly ends when its level comes to mean something else, or its rail goes") {
  model::Profile was;
  was.graded = true;
  was.channels.push_back({.has_low_rail = true, .has_high_rail = true});
  model::Profile is = was;
  model::Anomaly anomaly;
  anomaly.type = AnomalyType::stuck;
  anomaly.channel = Channel{0};
  CHECK(model::continues_under(anomaly, was, is));
  is.channels[0].is_logarithmic = true;
  CHECK_FALSE(model::continues_under(anomaly, was, is));
  is = was;
  anomaly.type = AnomalyType::intermittent;
  anomaly.severity = 0.5;
  anomaly.direction = -1;
  CHECK(model::continues_under(anomaly, was, is));
  is.channels[0].has_low_rail = false;
  CHECK_FALSE(model::continues_under(anomaly, was, is));
  anomaly.direction = 1;
  CHECK(model::continues_under(anomaly, was, is));
}

}  // namespace fleet_sim::anomaly_graded_test
