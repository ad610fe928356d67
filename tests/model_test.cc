// The model against the numbers of engine/model/README.md: every number of every combination of behaviors,
// the signal, the five anomalies, how often they begin, and that a reading is a pure function of seed, sensor
// and time.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/normal.h"
#include "base/random.h"
#include "config/config.h"
#include "model/anomaly.h"
#include "model/profile.h"
#include "model/resolution.h"
#include "model/sensor.h"
#include "model/signal.h"
#include "support/built_in_channels.h"
#include "support/statistics.h"

namespace fleet_sim::model_test {

using namespace fleet_sim::test;

namespace {

constexpr auto spike = index_of(AnomalyType::spike);
constexpr auto trend = index_of(AnomalyType::trend);
constexpr auto pattern = index_of(AnomalyType::pattern);
constexpr auto missing_data = index_of(AnomalyType::missing_data);
constexpr auto noise = index_of(AnomalyType::noise);

constexpr Timestamp midnight = 1'767'225'600'000'000;  // 2026-01-01T00:00Z
constexpr Microseconds hour = 3'600 * microseconds_per_second;
constexpr Microseconds minute = 60 * microseconds_per_second;
constexpr std::uint64_t middle = 1ull << 63;  // the word whose normal draw is 0
constexpr RandomBlock no_deviation{middle, middle, middle, middle};

doctest::Approx near(double value) {
  return doctest::Approx(value).epsilon(1e-12).scale(1e-3);
}

// A sensor that no behavior touches.
model::ProfileSource plain_source(const config::Config& config, double rate = 1) {
  return {"2.0", "Other", "Other", "Office", rate, model::normal_parameters(config)};
}

model::Profile plain_profile(const config::Config& config, double rate = 1) {
  return model::resolve_profile(config, plain_source(config, rate));
}

config::Config only(AnomalyType type, double probability) {
  config::Config config;
  config.anomalies.probability = probability;
  for (auto& settings : config.anomalies.types) settings.enabled = false;
  config.anomalies.types[index_of(type)].enabled = true;
  return config;
}

PerAnomalyType<double> differences(const PerAnomalyType<double>& until) {
  PerAnomalyType<double> parts{};
  std::adjacent_difference(until.begin(), until.end(), parts.begin());
  return parts;
}

double sum_of(const PerAnomalyType<double>& parts) {
  return std::accumulate(parts.begin(), parts.end(), 0.0);
}

double anomaly_share(const config::Config& config, const model::ProfileSource& source) {
  return model::Resolution<model::NoTrail>(config, source).frequency().value();
}

PerAnomalyType<double> shares_of(const PerAnomalyType<double>& weights) {
  PerAnomalyType<double> shares = weights;
  for (double& share : shares) share /= sum_of(weights);
  return shares;
}

// What holds of the five types of the reference; others have a weight of 0 and are not looked at.
template <class T>
std::vector<T> of_five(const PerAnomalyType<T>& values) {
  return {values.begin(), values.begin() + 5};
}

// "What probability means": onset_until and steady_until must give the share f, split by w.
void check_reading_basis(const model::Profile& profile, double f, const PerAnomalyType<double>& w) {
  const PerAnomalyType<double> onset = differences(profile.onset_until);
  const PerAnomalyType<double> steady = differences(profile.steady_until);
  const double unaffected =
      1 - sum_of(onset);  // that a sensor that could start an anomaly has a normal reading
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    CAPTURE(k);
    CHECK(steady[k] == near(f * w[k]));
    CHECK(onset[k] / unaffected == near(f * w[k] / (profile.readings_per_anomaly[k] * (1 - f))));
  }
}

}  // namespace

namespace {

// The table of behaviors, written down once more, independent of config/config.cc.
struct Expected {
  double probability = 0.05;
  double severity = 1;
  PerAnomalyType<double> weights{0.4, 0.2, 0.1, 0.1, 0.2};
  PerChannel<double> spread{1, 1, 1};
  PerChannel<double> channels{1.0 / 3, 1.0 / 3, 1.0 / 3};
  config::Range spike_factor{1.5, 3.0};
  PerChannel<double> noise_factor{0.10, 0.10, 0.10};
  double daily = 1;
  double rise = 0;
};

using Effect = void (*)(Expected&);
struct Choice {
  const char* name;
  Effect effect;
};

void nothing(Expected&) {}

constexpr std::array<Choice, 6> firmwares{{
    {"1.3",
     [](Expected& e) {
       e.probability *= 1.5;
       e.channels = {0.6, 0.2, 0.2};
       e.spike_factor = {1.8, 3.5};
       e.noise_factor = {0.15, 0.15, 0.15};
       e.spread[2] *= 1.5;
     }},
    {"1.3.0", [](Expected& e) { firmwares[0].effect(e); }},
    {"1.4",
     [](Expected& e) {
       e.probability *= 0.7;
       e.spread[2] *= 0.7;
       e.weights[0] *= 0.7;
       e.weights[4] *= 0.8;
     }},
    {"1.4.0.0", [](Expected& e) { firmwares[2].effect(e); }},
    {"1.30", nothing},
    {"2.0", nothing},
}};
constexpr std::array<Choice, 4> models{{{"TempVibe-1000", [](Expected& e) { e.weights[3] *= 2; }},
                                        {"TempVibe-2000", [](Expected& e) { e.weights[2] *= 1.5; }},
                                        {"TempVibe-3000", [](Expected& e) { e.weights[0] *= 1.5; }},
                                        {"tempvibe-3000", nothing}}};
constexpr std::array<Choice, 4> manufacturers{{{"SensorTech", nothing},
                                               {"DataSense",
                                                [](Expected& e) {
                                                  e.probability *= 0.8;
                                                  e.severity *= 1.25;
                                                }},
                                               {"VibrationPlus",
                                                [](Expected& e) {
                                                  e.probability *= 1.2;
                                                  e.noise_factor[1] *= 1.5;
                                                }},
                                               {"Other", nothing}}};
constexpr std::array<Choice, 6> locations{{{"Factory A - Line 1", [](Expected& e) { e.rise += 1; }},
                                           {"Factory", [](Expected& e) { e.rise += 1; }},
                                           {"Warehouse 3 - Dock",
                                            [](Expected& e) {
                                              e.spread[0] *= 0.5;
                                              e.spread[1] *= 1.5;
                                            }},
                                           {"Outdoor Yard", [](Expected& e) { e.daily *= 3; }},
                                           {"The Factory", nothing},
                                           {"", nothing}}};

void check_profile(const model::Profile& profile, const Expected& expected) {
  constexpr PerChannel<double> mean{65, 2.5, 12};
  constexpr PerChannel<double> std_dev{2, 0.5, 0.1};
  constexpr PerChannel<double> min{50, 0.1, 11.5};
  constexpr PerChannel<double> max{80, 10, 12.5};
  for (std::size_t c = 0; c < channel_count; ++c) {
    CAPTURE(c);
    CHECK(profile.channels[c].mean == mean[c]);
    CHECK(profile.channels[c].deviation == near(std_dev[c] * expected.spread[c]));
    CHECK(profile.channels[c].min == min[c]);
    CHECK(profile.channels[c].max == max[c]);
    CHECK(profile.noise_factor[c] == near(expected.noise_factor[c] * expected.severity));
  }
  CHECK(profile.daily_amplitude == near(2 * expected.daily));
  CHECK(profile.work_hours_rise == near(2 * expected.rise));
  CHECK(profile.channel_until[0] == near(expected.channels[0]));
  CHECK(profile.channel_until[1] == near(expected.channels[0] + expected.channels[1]));
  CHECK(profile.channel_until[2] == near(1));
  CHECK(profile.spike_factor.min == near(1 + (expected.spike_factor.min - 1) * expected.severity));
  CHECK(profile.spike_factor.max == near(1 + (expected.spike_factor.max - 1) * expected.severity));
  CHECK(profile.strength[trend] == near(0.5 * expected.severity));
  CHECK(profile.strength[pattern] == near(0.2 * expected.severity));
  CHECK(profile.pattern_period == 60'000'000);
  check_reading_basis(profile, expected.probability, shares_of(expected.weights));
}

}  // namespace

TEST_CASE("every combination of firmware, model, manufacturer and location has the numbers of the page") {
  const config::Config config;
  for (const Choice& firmware : firmwares) {
    for (const Choice& model : models) {
      for (const Choice& manufacturer : manufacturers) {
        for (const Choice& location : locations) {
          Expected expected;
          for (const Choice& choice : {firmware, model, manufacturer, location}) choice.effect(expected);
          const model::ProfileSource source{firmware.name, model.name, manufacturer.name,
                                            location.name, 1,          model::normal_parameters(config)};
          CAPTURE(firmware.name);
          CAPTURE(model.name);
          CAPTURE(manufacturer.name);
          CAPTURE(location.name);
          CHECK(anomaly_share(config, source) == near(expected.probability));
          check_profile(model::resolve_profile(config, source), expected);
        }
      }
    }
  }
}

TEST_CASE("by default 7.5% of readings are anomalous on firmware 1.3, and 3.5% on 1.4") {
  const config::Config config;
  model::ProfileSource source = plain_source(config);
  source.firmware_version = "1.3";
  CHECK(anomaly_share(config, source) == near(0.075));
  source.firmware_version = "1.4";
  CHECK(anomaly_share(config, source) == near(0.035));
}

TEST_CASE("the share of anomalous readings is capped at 95%") {
  config::Config config;
  config.anomalies.probability = 0.9;
  model::ProfileSource source = plain_source(config);
  CHECK(anomaly_share(config, source) == near(0.9));
  source.firmware_version = "1.3";
  CHECK(anomaly_share(config, source) == 0.95);
  check_reading_basis(model::resolve_profile(config, source), 0.95, {0.4, 0.2, 0.1, 0.1, 0.2});
}

TEST_CASE("durations become readings: at least one, and those due before the end") {
  const config::Config config;
  using Readings = std::vector<double>;
  const auto readings_at = [&](double rate) {
    return of_five(plain_profile(config, rate).readings_per_anomaly);
  };
  CHECK(readings_at(1) == Readings{1, 300, 600, 30, 180});
  CHECK(readings_at(10) == Readings{1, 3'000, 6'000, 300, 1'800});
  CHECK(readings_at(0.1) == Readings{1, 30, 60, 3, 18});
  CHECK(readings_at(0.3) == Readings{1, 90, 180, 9, 54});
  // A trend of fewer than eight readings would not show, nor a pattern of less than a period of as many.
  CHECK(readings_at(0.01) == Readings{1, 8, 8, 1, 2});
  CHECK(readings_at(1e-8) == Readings{1, 8, 8, 1, 1});
  const model::Profile profile = plain_profile(config, 4);
  const std::vector<Microseconds> expected{250'000, 300'000'000, 600'000'000, 30'000'000, 180'000'000};
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK(profile.duration[k].of(0) == expected[k]);
  config::Config longer;
  longer.anomalies.types[spike].duration_seconds = 2.5;
  CHECK(plain_profile(longer, 1).readings_per_anomaly[spike] == 3);
  CHECK(plain_profile(longer, 1).duration[spike].of(0) == 2'500'000);
  longer.anomalies.types[spike].duration_seconds = 0.07;  // times 100 is a little over 7 in doubles
  CHECK(plain_profile(longer, 100).readings_per_anomaly[spike] == 7);
}

TEST_CASE("shares hold at every rate, with every probability, and with types switched off") {
  for (const double rate : {1e-8, 0.01, 0.3, 1.0, 50.0, 1e6}) {
    for (const double probability : {0.0001, 0.05, 0.5, 0.95}) {
      config::Config config;
      config.anomalies.probability = probability;
      check_reading_basis(plain_profile(config, rate), probability, {0.4, 0.2, 0.1, 0.1, 0.2});
      config.anomalies.types[pattern].enabled = false;
      config.anomalies.types[noise].weight = 0;
      check_reading_basis(plain_profile(config, rate), probability, {4.0 / 7, 2.0 / 7, 0, 1.0 / 7, 0});
    }
  }
}

TEST_CASE("spikes alone at the cap begin at 95 of 100 readings") {
  const model::Profile profile = plain_profile(only(AnomalyType::spike, 0.95));
  CHECK(profile.onset_until == every_anomaly_type(profile.onset_until[0]));
  CHECK(profile.onset_until[spike] == near(0.95));
  CHECK(profile.steady_until[spike] == near(0.95));
}

TEST_CASE("with basis event, probability is the chance that an anomaly starts") {
  config::Config config;
  config.anomalies.basis = config::AnomalyBasis::event;
  config.anomalies.probability = 0.01;
  const model::Profile profile = plain_profile(config);
  const PerAnomalyType<double> w{0.4, 0.2, 0.1, 0.1, 0.2};
  const PerAnomalyType<double> n{1, 300, 600, 30, 180};
  double affected = 0;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) affected += 0.01 * w[k] * n[k];
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    CHECK(differences(profile.onset_until)[k] == near(0.01 * w[k]));
    CHECK(differences(profile.steady_until)[k] == near(0.01 * w[k] * n[k] / (1 - 0.01 + affected)));
  }
}

TEST_CASE("anomalies switched off never begin") {
  config::Config config;
  config.anomalies.enabled = false;
  CHECK(anomaly_share(config, plain_source(config)) == 0);
  CHECK(plain_profile(config).onset_until == PerAnomalyType<double>{});
  CHECK(plain_profile(config).steady_until == PerAnomalyType<double>{});
  config::Config none;
  for (auto& type : none.anomalies.types) type.enabled = false;
  CHECK(plain_profile(none).onset_until == PerAnomalyType<double>{});
  config::Config zero;
  zero.anomalies.probability = 0;
  CHECK(plain_profile(zero).steady_until == PerAnomalyType<double>{});
}

TEST_CASE("behaviors of the config multiply, and the first that names a replacement wins") {
  config::Config config;
  const auto behavior = [](double probability, double severity, double daily, double rise,
                           double noise_factor) {
    config::Behavior made;
    made.probability = probability;
    made.severity = severity;
    made.daily = daily;
    made.work_hours_rise = rise;
    made.noise_factor = noise_factor;
    return made;
  };
  config.behaviors.firmware["1.5"] = behavior(2, 2, 2, 1, 0.3);
  config.behaviors.model["X"] = behavior(3, 0.5, 5, 2, 0.4);
  config.behaviors.model["X"].spike_factor = config::Range{2, 5};
  config.behaviors.location["Fac"].spike_factor = config::Range{7, 9};
  const model::Profile profile =
      model::resolve_profile(config, {"1.5.0", "X", "None", "Facade", 1, model::normal_parameters(config)});
  CHECK(profile.steady_until.back() == near(0.05 * 6));
  CHECK(profile.daily_amplitude == near(2 * 10));
  CHECK(profile.work_hours_rise == near(2 * 3));
  CHECK(profile.noise_factor[0] == near(0.3));
  CHECK(profile.spike_factor.min == near(2));
  CHECK(profile.spike_factor.max == near(5));
}

TEST_CASE("a location belongs to the longest class it starts with") {
  config::Behaviors behaviors = config::default_behaviors();
  CHECK(model::location_class(behaviors, "Factory A - Line 1") == "Factory");
  CHECK(model::location_class(behaviors, "factory a") == "");
  CHECK(model::location_class(behaviors, "Fact") == "");
  behaviors.location["Factory A"] = {};
  CHECK(model::location_class(behaviors, "Factory A - Line 1") == "Factory A");
  CHECK(model::location_class(behaviors, "Factory B") == "Factory");
  behaviors.location[""] = {};
  CHECK(model::location_class(behaviors, "Anywhere") == "");
  CHECK(model::location_class(behaviors, "Outdoor") == "Outdoor");
}

TEST_CASE("the day is warmest at 15:00 and coldest at 03:00, local time") {
  for (const Microseconds offset : {Microseconds{0}, 2 * hour, -5 * hour - 30 * minute}) {
    config::Config config;
    config.clock.zone = zones::Zone(offset);
    const model::Profile profile = plain_profile(config);
    const auto warmth = [&](Microseconds of_local_day) {
      return model::normal_values(profile, midnight + of_local_day - offset, no_deviation)[temperature];
    };
    CHECK(warmth(15 * hour) == near(67));
    CHECK(warmth(3 * hour) == near(63));
    CHECK(warmth(9 * hour) == near(65));
    CHECK(warmth(21 * hour) == near(65));
    CHECK(warmth(10 * hour) == near(65 + 2 * std::sin(2 * std::numbers::pi / 24)));
    for (Microseconds of_day = 0; of_day < 24 * hour; of_day += 10 * minute) {
      const double h = static_cast<double>(of_day) / static_cast<double>(hour);
      CHECK(warmth(of_day) == near(65 + 2 * std::sin(2 * std::numbers::pi * (h - 9) / 24)));
    }
  }
}

TEST_CASE("the daily cycle is three times as strong outdoors and touches temperature only") {
  const config::Config config;
  model::ProfileSource source = plain_source(config);
  source.location = "Outdoor Yard";
  const batch::Values afternoon =
      model::normal_values(model::resolve_profile(config, source), midnight + 15 * hour, no_deviation);
  CHECK(afternoon[temperature] == near(65 + 3 * 2));
  CHECK(afternoon[vibration] == near(2.5));
  CHECK(afternoon[voltage] == near(12));
}

TEST_CASE("local_hour also counts before 1970") {
  CHECK(model::local_hour(midnight, 0) == 0);
  CHECK(model::local_hour(midnight + 90 * minute, 0) == near(1.5));
  CHECK(model::local_hour(midnight + 90 * minute, -2 * hour) == near(23.5));
  CHECK(model::local_hour(-hour, 0) == near(23));
  CHECK(model::local_hour(midnight - 1, 0) < 24);
}

TEST_CASE("work hours ramp up from 08:00 and down to 18:00 along raised cosines of an hour") {
  for (const double h : {0.0, 3.0, 7.99, 8.0, 18.0, 18.01, 23.9})
    CHECK(std::abs(model::work_hours_share(h)) < 1e-12);
  for (const double h : {9.0, 9.01, 12.0, 16.99, 17.0}) CHECK(model::work_hours_share(h) == near(1));
  for (const double into : {0.1, 0.25, 0.5, 0.75, 0.9}) {
    const double expected = 0.5 - 0.5 * std::cos(std::numbers::pi * into);
    CHECK(model::work_hours_share(8 + into) == near(expected));
    CHECK(model::work_hours_share(18 - into) == near(expected));
  }
}

TEST_CASE("a factory is one standard deviation warmer during work hours") {
  const config::Config config;
  model::ProfileSource source = plain_source(config);
  const model::Profile elsewhere = model::resolve_profile(config, source);
  source.location = "Factory B";
  const model::Profile factory = model::resolve_profile(config, source);
  const auto rise = [&](Microseconds of_day) {
    return model::normal_values(factory, midnight + of_day, no_deviation)[temperature] -
           model::normal_values(elsewhere, midnight + of_day, no_deviation)[temperature];
  };
  CHECK(std::abs(rise(7 * hour)) < 1e-12);
  CHECK(rise(8 * hour + 30 * minute) == near(1));
  CHECK(rise(13 * hour) == near(2));
  CHECK(rise(17 * hour + 30 * minute) == near(1));
  CHECK(std::abs(rise(19 * hour)) < 1e-12);
}

TEST_CASE("a normal reading is mean plus deviation times its own draw, clamped") {
  const config::Config config;
  const model::Profile profile = plain_profile(config);
  const Timestamp at_nine = midnight + 9 * hour;  // no daily offset
  const RandomBlock draws{middle + (middle >> 2), middle - (middle >> 3), middle + (middle >> 5), 0};
  const batch::Values values = model::normal_values(profile, at_nine, draws);
  CHECK(values[temperature] == near(65 + 2 * standard_normal(draws[0])));
  CHECK(values[vibration] == near(2.5 + 0.5 * standard_normal(draws[1])));
  CHECK(values[voltage] == near(12 + 0.1 * standard_normal(draws[2])));
  // The outermost draws are 8.2 standard deviations away, beyond every limit but vibration's upper one.
  CHECK(model::normal_values(profile, at_nine, RandomBlock{0, 0, 0, 0}) == batch::Values{50, 0.1, 11.5});
  const batch::Values high =
      model::normal_values(profile, at_nine, RandomBlock{UINT64_MAX, UINT64_MAX, UINT64_MAX, 0});
  CHECK(high[temperature] == 80);
  CHECK(high[vibration] == near(2.5 - 0.5 * standard_normal(0)));
  CHECK(high[voltage] == 12.5);
}

TEST_CASE("each channel and the onset have a random word of their own, further channels in further blocks") {
  const RandomBlock first = draw_block(7, 11, Stream::reading, 13);
  const model::Draws draws(7, 11, Stream::reading, 13, types::most_channels);
  for (std::size_t c = 0; c < 3; ++c) CHECK(draws.channel(c) == first[c]);
  CHECK(draws.onset() == first[3]);
  CHECK(draws.channel(3) == draw_block(7, 11, Stream::reading, 13, 1)[0]);
  std::set<std::uint64_t> words{draws.onset()};
  for (std::size_t c = 0; c < types::most_channels; ++c) words.insert(draws.channel(c));
  CHECK(words.size() == types::most_channels + 1);
}

TEST_CASE("normal readings have the mean and spread of their profile") {
  config::Config config;
  config.anomalies.enabled = false;
  // Far limits and no daily cycle: what is left is mean and deviation.
  config.normal_parameters = {{65, 2, -1e6, 1e6}, {2.5, 0.5, -1e6, 1e6}, {12, 0.1, -1e6, 1e6}};
  config.behaviors.location["Office"].daily = 0;
  config.behaviors.location["Office"].spread = {
      {types::temperature, 0.5}, {types::vibration, 1.5}, {types::voltage, 3}};
  const model::Profile profile = plain_profile(config);
  model::Sensor sensor{hash_text("moments"), 0, &profile, 0};
  constexpr double n = 100'000;
  PerChannel<std::vector<double>> z;
  constexpr PerChannel<double> mean{65, 2.5, 12};
  constexpr PerChannel<double> deviation{1, 0.75, 0.3};
  for (Timestamp i = 0; i < 100'000; ++i) {
    const model::Sample taken =
        model::sample(sensor, 7, {midnight + i * 1'000'000, midnight + (i + 1) * 1'000'000});
    for (std::size_t c = 0; c < channel_count; ++c)
      z[c].push_back((taken.values[c] - mean[c]) / deviation[c]);
  }
  for (std::size_t c = 0; c < channel_count; ++c) {
    std::vector<double> squares;
    for (double value : z[c]) squares.push_back(value * value);
    CHECK(std::abs(mean_of(z[c])) < mean_bound(1, n));
    CHECK(std::abs(mean_of(squares) - 1) < mean_bound(2, n));
    CHECK(std::abs(correlation(z[c], z[(c + 1) % channel_count])) < correlation_bound(n));
    const std::vector<double> later(z[c].begin() + 1, z[c].end());
    const std::vector<double> earlier(z[c].begin(), z[c].end() - 1);
    CHECK(std::abs(correlation(earlier, later)) < correlation_bound(n - 1));
  }
}

namespace {

const batch::Values normal{65, 2.5, 12};

model::Anomaly anomaly_of(AnomalyType type, Timestamp started_at, Microseconds duration) {
  model::Anomaly anomaly;
  anomaly.type = type;
  anomaly.started_at = started_at;
  anomaly.ended_at = started_at + duration - 1;
  anomaly.readings_affected = 1;
  return anomaly;
}

model::Anomaly one_channel(model::Anomaly anomaly, double magnitude, Channel channel, bool up) {
  anomaly.magnitude = magnitude;
  anomaly.channel = channel;
  anomaly.direction = up ? 1 : -1;
  return anomaly;
}

model::Anomaly spike_of(double factor, Channel channel, bool up) {
  return one_channel(anomaly_of(AnomalyType::spike, midnight, 1'000'000), factor, channel, up);
}

batch::Values applied(const model::Anomaly& anomaly, const model::Profile& profile, Timestamp due) {
  return model::apply_anomaly({anomaly, profile, due, no_deviation}, normal);
}

}  // namespace

TEST_CASE("a spike multiplies or divides one channel") {
  const model::Profile profile = plain_profile(config::Config());
  CHECK(applied(spike_of(2.5, Channel{temperature}, true), profile, midnight) ==
        batch::Values{65 * 2.5, 2.5, 12});
  CHECK(applied(spike_of(2.5, Channel{temperature}, false), profile, midnight) ==
        batch::Values{65 / 2.5, 2.5, 12});
  CHECK(applied(spike_of(2, Channel{vibration}, true), profile, midnight) == batch::Values{65, 5, 12});
  CHECK(applied(spike_of(2, Channel{voltage}, false), profile, midnight) == batch::Values{65, 2.5, 6});
}

TEST_CASE("a trend grows linearly with time to its full change, in one direction") {
  const model::Profile profile = plain_profile(config::Config());
  for (const bool up : {true, false}) {
    const model::Anomaly anomaly =
        one_channel(anomaly_of(AnomalyType::trend, midnight, 300'000'000), 0.5, Channel{vibration}, up);
    for (int step = 0; step <= 10; ++step) {
      const double progress = step / 10.0;
      const batch::Values values = applied(anomaly, profile, midnight + step * 30'000'000);
      CHECK(values[vibration] == near(2.5 * (1 + (up ? 0.5 : -0.5) * progress)));
      CHECK(values[temperature] == 65);
      CHECK(values[voltage] == 12);
    }
  }
}

TEST_CASE("a pattern sways temperature and vibration in opposition, once a period") {
  config::Config config;
  config.anomalies.pattern_period_seconds = 40;
  const model::Profile profile = plain_profile(config);
  const model::Anomaly anomaly = anomaly_of(AnomalyType::pattern, midnight + 123, 600'000'000);
  for (Microseconds elapsed = 0; elapsed < 100'000'000; elapsed += 1'234'567) {
    const double wave = std::sin(2 * std::numbers::pi * static_cast<double>(elapsed) / 40e6);
    const batch::Values values = applied(anomaly, profile, midnight + 123 + elapsed);
    CHECK(values[temperature] == near(65 * (1 + 0.2 * wave)));
    CHECK(values[vibration] == near(2.5 * (1 - 0.2 * wave)));
    CHECK(values[voltage] == 12);
  }
}

TEST_CASE("a slow sensor's patterns and trends last until its readings show them") {
  const config::Config config;
  for (const double rate : {1.0, 1 / 5.0, 1 / 20.0, 1 / 30.0, 1 / 60.0, 1 / 3600.0, 1e-8}) {
    CAPTURE(rate);
    const model::Profile profile = plain_profile(config, rate);
    const double period = 1e6 / rate;
    CHECK(static_cast<double>(profile.pattern_period) >= near(std::max(60e6, 8 * period)));
    CHECK(profile.duration[index_of(AnomalyType::pattern)].of(0) >= profile.pattern_period);
    CHECK(profile.readings_per_anomaly[index_of(AnomalyType::pattern)] >= 8);
    CHECK(profile.readings_per_anomaly[index_of(AnomalyType::trend)] >= 8);
  }
  // Readings of a pattern show a swing up and a swing down, wherever they lie in its period.
  for (const double period : {20.0, 30.0, 60.0, 90.0}) {
    CAPTURE(period);
    const model::Profile profile = plain_profile(config, 1 / period);
    const model::Anomaly anomaly = anomaly_of(AnomalyType::pattern, midnight, 600'000'000);
    double highest = 1;
    double lowest = 1;
    for (int k = 0; k < 8; ++k) {
      const auto due = midnight + static_cast<Timestamp>(k * period * 1e6);
      const double factor = applied(anomaly, profile, due)[temperature] / 65;
      highest = std::max(highest, factor);
      lowest = std::min(lowest, factor);
    }
    CHECK(highest > 1.18);
    CHECK(lowest < 0.82);
  }
  // What is fast enough stays as configured.
  CHECK(plain_profile(config, 8.0 / 60).pattern_period == 60'000'000);
  CHECK(plain_profile(config, 8.0 / 300).duration[index_of(AnomalyType::trend)].of(0) == 300'000'000);
}

TEST_CASE("noise adds to every channel a normal draw in proportion to its value") {
  config::Config config;
  model::ProfileSource source = plain_source(config);
  source.manufacturer = "VibrationPlus";
  const model::Profile profile = model::resolve_profile(config, source);
  const model::Anomaly anomaly = anomaly_of(AnomalyType::noise, midnight, 180'000'000);
  const RandomBlock draws{middle + (middle >> 1), middle - (middle >> 1), middle >> 4, 0};
  const batch::Values noisy = model::apply_anomaly({anomaly, profile, midnight, draws}, {65, -2.5, 12});
  CHECK(noisy[temperature] == near(65 + 0.10 * 65 * standard_normal(draws[0])));
  CHECK(noisy[vibration] == near(-2.5 + 0.15 * 2.5 * standard_normal(draws[1])));
  CHECK(noisy[voltage] == near(12 + 0.10 * 12 * standard_normal(draws[2])));
}

TEST_CASE("an anomaly begins with parameters drawn at onset and described in full") {
  const model::Profile profile = plain_profile(config::Config());
  const RandomBlock up{middle, middle, middle, 0};  // vibration, up, the middle of the factors
  const RandomBlock down{0, middle - 1, 0, 0};      // temperature, down, the smallest factor
  const auto begun = [&](AnomalyType type, const RandomBlock& draws) {
    const model::Anomaly anomaly = model::begin_anomaly(profile, {type}, midnight, draws);
    CHECK(anomaly.active());
    CHECK(anomaly.type == type);
    CHECK(anomaly.started_at == midnight);
    CHECK(anomaly.ended_at == midnight + profile.duration[index_of(type)].of(0) - 1);
    CHECK(anomaly.readings_affected == 0);
    const batch::AnomalyEvent event = model::describe_anomaly(anomaly, batch::AnomalyEvent::Kind::closed, 17);
    CHECK(event.type == type);
    CHECK(event.kind == batch::AnomalyEvent::Kind::closed);
    CHECK(event.sensor == 17);
    CHECK(event.started_at == midnight);
    CHECK(event.ended_at == anomaly.ended_at);
    return event;
  };

  const batch::AnomalyEvent high = begun(AnomalyType::spike, up);
  CHECK(high.channel == Channel{vibration});
  CHECK(high.direction == 1);
  CHECK(*high.magnitude == near(2.25));
  const batch::AnomalyEvent low = begun(AnomalyType::spike, down);
  CHECK(low.channel == Channel{temperature});
  CHECK(low.direction == -1);
  CHECK(*low.magnitude == near(1.5));
  const batch::AnomalyEvent rising = begun(AnomalyType::trend, up);
  CHECK(rising.channel == Channel{vibration});
  CHECK(rising.direction == 1);
  CHECK(*rising.magnitude == near(0.5));
  CHECK(begun(AnomalyType::trend, down).direction == -1);
  const batch::AnomalyEvent swaying = begun(AnomalyType::pattern, up);
  CHECK(swaying.channel == std::nullopt);
  CHECK(swaying.direction == 0);
  CHECK(*swaying.magnitude == near(0.2));
  const batch::AnomalyEvent gap = begun(AnomalyType::missing_data, up);
  CHECK(gap.channel == std::nullopt);
  CHECK(gap.direction == 0);
  CHECK(gap.magnitude == std::nullopt);
  const batch::AnomalyEvent noisy = begun(AnomalyType::noise, up);
  CHECK(noisy.channel == std::nullopt);
  CHECK(noisy.direction == 0);
  CHECK(*noisy.magnitude == near(0.1));
}

TEST_CASE("spikes pick channels, directions and factors as often as their profile says") {
  config::Config config;
  model::ProfileSource source = plain_source(config);
  source.firmware_version = "1.3";
  const model::Profile profile = model::resolve_profile(config, source);
  constexpr double n = 50'000;
  PerChannel<double> channels{};
  double up = 0;
  std::vector<double> factors;
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    const RandomBlock draws = draw_block(3, 4, Stream::onset, i);
    const model::Anomaly drawn = model::begin_anomaly(profile, {AnomalyType::spike}, midnight, draws);
    channels[index_of(*drawn.channel)] += 1;
    up += drawn.direction > 0 ? 1 : 0;
    factors.push_back((*drawn.magnitude - 1.8) / (3.5 - 1.8));
  }
  CHECK(std::abs(channels[temperature] / n - 0.6) < share_bound(0.6, n));
  CHECK(std::abs(channels[vibration] / n - 0.2) < share_bound(0.2, n));
  CHECK(std::abs(channels[voltage] / n - 0.2) < share_bound(0.2, n));
  CHECK(std::abs(up / n - 0.5) < share_bound(0.5, n));
  CHECK(distance_from_uniform(factors) < uniformity_bound);
}

namespace {

// A sensor on its own timeline, one reading after the other.
class Timeline {
 public:
  Timeline(const model::Profile& profile, std::uint64_t seed, std::uint64_t key, double rate = 1)
      : cadence_(rate), seed_(seed), sensor_{key, model::phase_of(key, cadence_), &profile, 0, {}} {}

  void enter_steady() { model::enter_steady_state(sensor_, seed_, due(0), cadence_); }
  void skip_to(std::uint64_t k) { k_ = k; }
  [[nodiscard]] Timestamp due(std::uint64_t k) const { return midnight + sensor_.phase + cadence_.offset(k); }
  [[nodiscard]] const model::Anomaly& anomaly() const { return sensor_.anomaly; }

  model::Sample next() {
    const model::Sample taken = model::sample(sensor_, seed_, {due(k_), due(k_ + 1)});
    ++k_;
    return taken;
  }

 private:
  Cadence cadence_;
  std::uint64_t seed_;
  model::Sensor sensor_;
  std::uint64_t k_ = 0;
};

// The variance of a long-run share over n readings (renewal-reward): a cycle is one normal reading or one
// anomaly; `counts` says which anomalies count toward the share.
double variance_of_share(const model::Profile& profile, double share, const PerAnomalyType<bool>& counts) {
  const PerAnomalyType<double> onset = differences(profile.onset_until);
  const double idle = 1 - sum_of(onset);
  double length = idle;
  double squares = idle * share * share;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const auto n = profile.readings_per_anomaly[k];
    const double excess = n * ((counts[k] ? 1 : 0) - share);
    length += onset[k] * n;
    squares += onset[k] * excess * excess;
  }
  return squares / length;
}

void check_long_run(const config::Config& config, double rate, const PerAnomalyType<double>& expected) {
  const model::Profile profile = plain_profile(config, rate);
  constexpr std::uint64_t sensors = 20;
  constexpr std::uint64_t readings = 50'000;
  constexpr double n = sensors * readings;
  PerAnomalyType<double> counts{};
  for (std::uint64_t key = 0; key < sensors; ++key) {
    Timeline timeline(profile, 11, mix_words(key, 5), rate);
    timeline.enter_steady();
    for (std::uint64_t i = 0; i < readings; ++i) {
      if (const auto type = timeline.next().anomaly) counts[index_of(*type)] += 1;
    }
  }
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    CAPTURE(k);
    PerAnomalyType<bool> just_this{};
    just_this[k] = true;
    const double variance = variance_of_share(profile, expected[k], just_this);
    CHECK(std::abs(counts[k] / n - expected[k]) <= mean_bound(variance, n));
  }
  const double f = sum_of(expected);
  const double variance = variance_of_share(profile, f, every_anomaly_type(true));
  CHECK(std::abs(sum_of(counts) / n - f) <= mean_bound(variance, n));
}

}  // namespace

TEST_CASE("simulated long enough, the share of anomalous readings is f, split by the weights") {
  SUBCASE("defaults") {
    check_long_run(config::Config(), 1, {0.02, 0.01, 0.005, 0.005, 0.01});
  }
  SUBCASE("slow sensors") {
    check_long_run(config::Config(), 0.01, {0.02, 0.01, 0.005, 0.005, 0.01});
  }
  SUBCASE("an awkward rate") {
    check_long_run(config::Config(), 0.3, {0.02, 0.01, 0.005, 0.005, 0.01});
  }
  SUBCASE("mostly anomalous") {
    config::Config config;
    config.anomalies.probability = 0.8;
    check_long_run(config, 1, {0.32, 0.16, 0.08, 0.08, 0.16});
  }
  SUBCASE("spikes only, at the cap") {
    check_long_run(only(AnomalyType::spike, 0.95), 1, {0.95, 0, 0, 0, 0});
  }
  SUBCASE("missing data only, at the cap") {
    check_long_run(only(AnomalyType::missing_data, 0.95), 1, {0, 0, 0, 0.95, 0});
  }
  SUBCASE("basis event") {
    config::Config config;
    config.anomalies.basis = config::AnomalyBasis::event;
    config.anomalies.probability = 0.01;
    const double cycle = 0.99 + 0.01 * (0.4 + 0.2 * 300 + 0.1 * 600 + 0.1 * 30 + 0.2 * 180);
    check_long_run(config, 1, {0.004 / cycle, 0.6 / cycle, 0.6 / cycle, 0.03 / cycle, 0.36 / cycle});
  }
}

// Each sensor is an independent trial, so at every single reading the shares are plain binomials.
TEST_CASE("a run starts in the steady state: its first readings have the mix of the long run") {
  config::Config config;
  config.anomalies.probability = 0.3;
  const model::Profile profile = plain_profile(config, 0.1);
  const PerAnomalyType<double> expected{0.12, 0.06, 0.03, 0.03, 0.06};
  constexpr std::uint64_t sensors = 30'000;
  const std::set<std::uint64_t> looked_at{0, 1, 2, 10, 29, 60, 100};
  std::map<std::uint64_t, PerAnomalyType<double>> counts;
  for (std::uint64_t i = 0; i < sensors; ++i) {
    Timeline timeline(profile, 19, mix_words(i, 99), 0.1);
    timeline.enter_steady();
    for (std::uint64_t k = 0; k <= *looked_at.rbegin(); ++k) {
      const auto type = timeline.next().anomaly;
      if (type && looked_at.contains(k)) counts[k][index_of(*type)] += 1;
    }
  }
  for (const std::uint64_t k : looked_at) {
    CAPTURE(k);
    for (std::size_t type = 0; type < anomaly_type_count; ++type) {
      CAPTURE(type);
      CHECK(std::abs(counts[k][type] / sensors - expected[type]) <= share_bound(expected[type], sensors));
    }
  }
}

// Of a 60-reading pattern that shows at the first reading, 1 .. 60 readings are left with equal chance.
TEST_CASE("an anomaly of the steady start is found at any of its readings with equal chance") {
  const model::Profile profile = plain_profile(only(AnomalyType::pattern, 0.5), 0.1);
  std::vector<double> left;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    Timeline timeline(profile, 23, mix_words(i, 7), 0.1);
    timeline.enter_steady();
    if (!timeline.next().anomaly) continue;
    const model::Anomaly& anomaly = timeline.anomaly();
    CHECK(anomaly.started_at <= timeline.due(0));
    CHECK(anomaly.ended_at >= timeline.due(0));
    const auto passed = static_cast<double>(timeline.due(0) - anomaly.started_at) / 10e6;
    // Spread the 60 places over [0, 1) evenly.
    left.push_back((std::round(passed) + uniform(mix_words(i, 8))) / 60);
  }
  CHECK(std::abs(static_cast<double>(left.size()) / 20'000 - 0.5) < share_bound(0.5, 20'000));
  CHECK(distance_from_uniform(left) < uniformity_bound);
}

TEST_CASE("events frame the readings of an anomaly, one at a time") {
  config::Config config;
  config.anomalies.probability = 0.5;
  config.anomalies.types[spike].weight = 0.05;
  const model::Profile profile = plain_profile(config, 0.1);
  Timeline timeline(profile, 29, 31, 0.1);
  std::optional<AnomalyType> open;
  std::uint64_t readings = 0;
  PerAnomalyType<int> seen{};
  for (int i = 0; i < 20'000; ++i) {
    const model::Sample taken = timeline.next();
    if (!taken.anomaly) {
      CHECK_FALSE(open);
      CHECK_FALSE(taken.event);
      continue;
    }
    const bool begins = !open;
    open = taken.anomaly;
    if (begins) readings = 0;
    ++readings;
    const auto expected = static_cast<std::uint64_t>(profile.readings_per_anomaly[index_of(*open)]);
    const bool ends = readings == expected;
    using Kind = batch::AnomalyEvent::Kind;
    const std::optional<Kind> kind = begins && ends ? std::optional(Kind::whole)
                                     : begins       ? std::optional(Kind::opened)
                                     : ends         ? std::optional(Kind::closed)
                                                    : std::nullopt;
    REQUIRE(taken.event == kind);
    REQUIRE(taken.anomaly == open);
    REQUIRE(timeline.anomaly().readings_affected == readings);
    if (!ends) continue;
    ++seen[index_of(*open)];
    open.reset();
  }
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (config.anomalies.types[k].weight > 0) CHECK(seen[k] > 20);
  }
}

TEST_CASE("a trend keeps its channel and direction from onset to end") {
  const model::Profile profile = plain_profile(only(AnomalyType::trend, 0.5));
  Timeline timeline(profile, 37, 41);
  std::optional<model::Anomaly> drawn;
  int trends = 0;
  for (int i = 0; i < 20'000; ++i) {
    const model::Sample taken = timeline.next();
    if (!taken.anomaly) continue;
    const model::Anomaly now = timeline.anomaly();
    if (taken.event == batch::AnomalyEvent::Kind::opened) {
      drawn = now;
      ++trends;
    }
    REQUIRE(drawn.has_value());
    CHECK(now.channel == drawn->channel);
    CHECK(now.direction == drawn->direction);
  }
  CHECK(trends > 20);
}

TEST_CASE("nothing is clamped after an anomaly") {
  const config::Config config = only(AnomalyType::spike, 0.5);
  const model::Profile profile = plain_profile(config);
  Timeline timeline(profile, 43, 47);
  double highest = 0;
  double lowest = 1e9;
  for (int i = 0; i < 1'000; ++i) {
    const model::Sample taken = timeline.next();
    if (taken.anomaly) {
      highest = std::max(highest, taken.values[temperature]);
      lowest = std::min(lowest, taken.values[temperature]);
    } else {
      CHECK(taken.values[temperature] <= 80);
      CHECK(taken.values[temperature] >= 50);
    }
  }
  CHECK(highest > 130);
  CHECK(lowest < 30);
}

namespace {

bool same(const model::Sample& a, const model::Sample& b) {
  return a.anomaly == b.anomaly && a.event == b.event && (a.missing || a.values == b.values);
}

}  // namespace

TEST_CASE("a reading depends on seed, sensor and time alone") {
  config::Config config;
  config.anomalies.probability = 0.4;
  const model::Profile profile = plain_profile(config, 0.1);
  std::vector<model::Sample> whole;
  std::vector<bool> free;  // whether nothing was open before this reading
  Timeline first(profile, 53, 59, 0.1);
  for (int k = 0; k < 3'000; ++k) {
    const bool last_ended =
        !first.anomaly().active() || first.anomaly().ended_at < first.due(static_cast<std::uint64_t>(k));
    free.push_back(last_ended);
    whole.push_back(first.next());
  }

  // Started again at any moment outside an anomaly, a sensor that knows nothing of the past goes on in the
  // same way.
  int starts = 0;
  for (std::size_t from = 0; from < whole.size(); ++from) {
    if (!free[from] || uniform_below(mix_words(from, 1), 20) != 0) continue;
    ++starts;
    Timeline later(profile, 53, 59, 0.1);
    later.skip_to(from);
    for (std::size_t k = from; k < std::min(from + 300, whole.size()); ++k) {
      CAPTURE(k);
      REQUIRE(same(later.next(), whole[k]));
    }
  }
  CHECK(starts > 20);
}

TEST_CASE("another seed, another sensor or another time gives another reading") {
  config::Config config;
  config.anomalies.enabled = false;
  const model::Profile profile = plain_profile(config);
  const auto first_value = [&](std::uint64_t seed, std::uint64_t key, Timestamp at) {
    model::Sensor sensor{key, 0, &profile, 0};
    return model::sample(sensor, seed, {at, at + 1'000'000}).values[vibration];
  };
  const double value = first_value(1, 2, midnight);
  CHECK(first_value(1, 2, midnight) == value);
  CHECK(first_value(2, 2, midnight) != value);
  CHECK(first_value(1, 3, midnight) != value);
  CHECK(first_value(1, 2, midnight + 1) != value);
}

TEST_CASE("two sensors, and two seeds, are independent in values and in anomalies") {
  config::Config config = only(AnomalyType::spike, 0.2);
  const model::Profile profile = plain_profile(config);
  struct Course {
    std::vector<double> values;
    std::vector<double> anomalous;
  };
  constexpr double n = 50'000;
  const auto course = [&](std::uint64_t seed, std::string_view id) {
    Course taken;
    model::Sensor sensor{hash_text(id), 0, &profile, 0};
    for (Timestamp i = 0; i < 50'000; ++i) {
      const Timestamp at = midnight + i * 1'000'000;
      const model::Sample one = model::sample(sensor, seed, {at, at + 1'000'000});
      // Spikes touch one channel; the draw is read off the signal itself.
      taken.values.push_back(model::normal_values(
          profile, at,
          draw_block(seed, sensor.key, Stream::reading, static_cast<std::uint64_t>(at)))[vibration]);
      taken.anomalous.push_back(one.anomaly ? 1 : 0);
    }
    return taken;
  };
  const std::array<Course, 4> courses{course(1, "sensor-1"), course(1, "sensor-2"), course(2, "sensor-1"),
                                      course(2, "sensor-2")};
  for (std::size_t a = 0; a < courses.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      CAPTURE(a);
      CAPTURE(b);
      CHECK(std::abs(correlation(courses[a].values, courses[b].values)) < correlation_bound(n));
      CHECK(std::abs(correlation(courses[a].anomalous, courses[b].anomalous)) < correlation_bound(n));
      CHECK(std::abs(correlation(courses[a].values, courses[b].anomalous)) < correlation_bound(n));
    }
    CHECK(std::abs(correlation(courses[a].values, courses[a].anomalous)) < correlation_bound(n));
  }
}

TEST_CASE("sensors spread evenly over their period") {
  for (const double rate : {0.001, 1.0, 100.0}) {
    const Cadence cadence(rate);
    std::vector<double> places;
    for (int i = 0; i < 50'000; ++i) {
      const Microseconds phase = model::phase_of(hash_text("sensor-" + std::to_string(i)), cadence);
      REQUIRE(phase >= 0);
      REQUIRE(phase < cadence.period());
      // Within its microsecond, anywhere.
      const double within = uniform(mix_words(static_cast<std::uint64_t>(i), 3));
      places.push_back((static_cast<double>(phase) + within) / static_cast<double>(cadence.period()));
    }
    CAPTURE(rate);
    CHECK(distance_from_uniform(places) < uniformity_bound);
  }
  CHECK(model::phase_of(hash_text("x"), Cadence(1e6)) == 0);
}

TEST_CASE("with anomalies off or one type off, none of them ever shows") {
  config::Config off;
  off.anomalies.enabled = false;
  const model::Profile calm = plain_profile(off);
  config::Config no_gaps;
  no_gaps.anomalies.probability = 0.5;
  no_gaps.anomalies.types[missing_data].enabled = false;
  const model::Profile gapless = plain_profile(no_gaps);
  for (std::uint64_t key = 0; key < 20; ++key) {
    Timeline quiet(calm, 1, key);
    Timeline busy(gapless, 1, key);
    quiet.enter_steady();
    busy.enter_steady();
    bool any = false;
    for (int i = 0; i < 1'000; ++i) {
      CHECK_FALSE(quiet.next().anomaly.has_value());
      const model::Sample taken = busy.next();
      CHECK_FALSE(taken.missing);
      any = any || taken.anomaly;
    }
    CHECK(any);
  }
}

}  // namespace fleet_sim::model_test
