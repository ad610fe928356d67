// The explanation of a sensor against the profile the simulator uses: every number is the profile's, to the
// bit, and following its chain from the start leads to it; and each step names where it comes from.
#include "model/explanation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "explain/explained_sensor.h"
#include "fleet/fleet.h"
#include "start/inputs.h"
#include "support/built_in_channels.h"
#include "support/rosters.h"

namespace fleet_sim::explanation_test {

using namespace fleet_sim::test;

namespace {

constexpr auto spike = index_of(AnomalyType::spike);
constexpr auto trend = index_of(AnomalyType::trend);
constexpr auto pattern = index_of(AnomalyType::pattern);

doctest::Approx near(double value) {
  return doctest::Approx(value).epsilon(1e-12).scale(1e-3);
}

// What the steps of a chain come to for somebody who follows them with a calculator.
double followed(const model::Number<model::Chain>& number) {
  double value = 0;
  for (const model::Step& step : number.trail().steps()) {
    switch (step.operation) {
      case model::Operation::start:
      case model::Operation::replace:
        value = step.value;
        break;
      case model::Operation::multiply:
        value *= step.value;
        break;
      case model::Operation::multiply_excess:
        value = 1 + (value - 1) * step.value;
        break;
      case model::Operation::add:
        value += step.value;
        break;
      case model::Operation::raise:
        value = std::pow(value, step.value);
        break;
      case model::Operation::limit:
        CHECK(value > step.value);
        value = step.value;
        break;
    }
  }
  return value;
}

// The number is the one given, and so is the end of its chain, which starts once, at its beginning.
void check_number(const model::Number<model::Chain>& number, double expected) {
  CHECK(number.value() == expected);
  CHECK(followed(number) == near(expected));
  const std::vector<model::Step>& steps = number.trail().steps();
  REQUIRE(!steps.empty());
  for (const model::Step& step : steps)
    CHECK((step.operation == model::Operation::start) == (&step == &steps.front()));
}

template <class Shares>
void check_shares(const Shares& shares, const Shares& until) {
  double so_far = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) CHECK((so_far += shares[i]) == near(until[i]));
}

void check_types(const model::Explanation& explanation, double readings_per_second) {
  const model::Profile& profile = explanation.profile;
  PerAnomalyType<double> chance{};
  PerAnomalyType<double> steady{};
  double weights = 0;
  for (const model::Number<model::Chain>& weight : explanation.numbers.weights) weights += weight.value();
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const model::TypeExplanation& type = explanation.types[k];
    chance[k] = type.onset_chance;
    steady[k] = type.share_of_readings;
    const model::Number<model::Chain>& weight = explanation.numbers.weights[k];
    check_number(weight, weight.value());
    CHECK(type.share_of_anomalies * weights == near(weight.value()));
    CHECK(type.per_day * profile.readings_per_anomaly[k] ==
          near(type.share_of_readings * readings_per_second * 86'400));
    if (!type.enabled) CHECK(type.onset_chance == 0);
  }
  check_shares(chance, profile.onset_until);
  check_shares(steady, profile.steady_until);
}

// Every number against the profile that the fleet would get.
void check_explanation(const config::Config& config, const model::ProfileSource& source) {
  const model::Explanation explanation = model::explain_profile(config, source);
  const model::Profile profile = model::resolve_profile(config, source);
  const model::ProfileNumbers<model::Chain>& numbers = explanation.numbers;
  check_number(numbers.readings_per_second, source.rate.per_second());
  for (std::size_t c = 0; c < channel_count; ++c) {
    CAPTURE(c);
    check_number(numbers.channels[c].mean, profile.channels[c].mean);
    check_number(numbers.channels[c].deviation, profile.channels[c].deviation);
    check_number(numbers.channels[c].min, profile.channels[c].min);
    check_number(numbers.channels[c].max, profile.channels[c].max);
    check_number(numbers.noise_factor[c], profile.noise_factor[c]);
    check_number(numbers.channel_weights[c], numbers.channel_weights[c].value());
  }
  check_number(numbers.daily_amplitude, profile.daily_amplitude);
  check_number(numbers.work_hours_rise, profile.work_hours_rise);
  check_number(numbers.frequency, model::Resolution<model::NoTrail>(config, source).frequency().value());
  check_number(numbers.spike_factor_min, profile.spike_factor.min);
  check_number(numbers.spike_factor_max, profile.spike_factor.max);
  check_number(numbers.strengths[trend], profile.strength[trend]);
  check_number(numbers.strengths[pattern], profile.strength[pattern]);
  check_number(numbers.severity, numbers.severity.value());
  CHECK(numbers.strengths[trend].value() == near(0.5 * numbers.severity.value()));
  check_shares(explanation.channel_shares, profile.channel_until);
  check_types(explanation, source.rate.per_second());
  CHECK(explanation.profile.onset_until == profile.onset_until);
  CHECK(explanation.profile.readings_per_anomaly == profile.readings_per_anomaly);
  if (config.anomalies.basis == config::AnomalyBasis::reading && profile.steady_until.back() > 0) {
    CHECK(profile.steady_until.back() == near(numbers.frequency.value()));
  }
}

// Behaviors with every effect that the built-in ones lack.
config::Behaviors custom_behaviors() {
  config::Behaviors behaviors = config::default_behaviors();
  config::Behavior loud;
  loud.probability = 3;
  loud.severity = 2;
  loud.spread = {{types::temperature, 1.1}, {types::vibration, 0}, {types::voltage, 3}};
  loud.noise = {{types::temperature, 2}, {types::vibration, 0.5}};
  loud.weights = {0, 2, 1, 1, 3};
  loud.daily = 0.7;
  loud.work_hours_rise = -0.5;
  loud.channels = {{types::temperature, 0}, {types::vibration, 3}};
  loud.spike_factor = config::Range{2, 2.5};
  loud.noise_factor = 0.7;
  behaviors.firmware["1.5"] = loud;
  behaviors.model["Loud"] = loud;
  behaviors.manufacturer["Loud"] = loud;
  behaviors.location["Factory L"] = loud;
  behaviors.location[""].daily = 2;
  return behaviors;
}

const identity::IdentityOverrides& own_numbers() {
  static const identity::IdentityOverrides own = [] {
    identity::IdentityOverrides made;
    made.rate = 0.3;
    made.normal_parameters[std::string(types::temperature)].std_dev = 4;
    made.normal_parameters[std::string(types::voltage)].mean = 24;
    made.normal_parameters[std::string(types::voltage)].max = 30;
    return made;
  }();
  return own;
}

void check_every_combination(const config::Config& config) {
  for (const std::string& id : {std::string("plain"), std::string("own")}) {
    for (const char* firmware : {"1.3", "1.4.0", "1.5", "2.0"}) {
      for (const char* model : {"TempVibe-1000", "TempVibe-2000", "TempVibe-3000", "Loud", "Other"}) {
        for (const char* manufacturer : {"SensorTech", "DataSense", "VibrationPlus", "Loud", "Other"}) {
          for (const char* location : {"Factory A", "Factory L 2", "Warehouse 3", "Outdoor", "Office"}) {
            CAPTURE(id);
            CAPTURE(firmware);
            CAPTURE(model);
            CAPTURE(manufacturer);
            CAPTURE(location);
            identity::IdentityRecord record{id, "t", location, manufacturer, model, firmware, {}};
            if (id == "own") record.overrides = own_numbers();
            const identity::Roster roster = roster_of(std::vector<identity::IdentityRecord>{record});
            check_explanation(config, fleet::profile_source(roster, roster[0], config));
          }
        }
      }
    }
  }
}

identity::IdentityRecord demo_record() {
  return {"S", "temperature_vibration", "Warehouse B - Section 1", "DataSense", "TempVibe-1000", "1.3.0", {}};
}

// A chain as text: "config anomalies.probability start 0.05", …
std::vector<std::string> steps_of(const model::Number<model::Chain>& number) {
  constexpr std::array<const char*, 6> words{"start", "multiply", "excess", "add", "replace", "limit"};
  std::vector<std::string> lines;
  for (const model::Step& step : number.trail().steps()) {
    lines.push_back(step.kind + ' ' + step.name + ' ' + words[static_cast<std::size_t>(step.operation)]);
  }
  return lines;
}

model::Explanation explanation_of(const config::Config& config, const identity::IdentityRecord& record) {
  const identity::Roster roster = roster_of(std::vector<identity::IdentityRecord>{record});
  return model::explain_profile(config, fleet::profile_source(roster, roster[0], config));
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("every number of every combination is the profile's, and its chain leads to it") {
  config::Config config;
  check_every_combination(config);
  config.behaviors = custom_behaviors();
  check_every_combination(config);
}

TEST_CASE("the same with basis event, with types switched off, with everything off, and at the cap") {
  config::Config config;
  config.behaviors = custom_behaviors();
  config.anomalies.basis = config::AnomalyBasis::event;
  config.anomalies.probability = 0.01;
  check_every_combination(config);
  config.anomalies.types[trend].enabled = false;
  config.anomalies.types[spike].duration_seconds = 2.5;
  check_every_combination(config);
  config.anomalies.basis = config::AnomalyBasis::reading;
  config.anomalies.probability = 0.9;
  check_every_combination(config);
  config.anomalies.enabled = false;
  check_every_combination(config);
}

TEST_CASE("each step names where it comes from, in the order it is taken") {
  const config::Config config;
  const model::Explanation explanation = explanation_of(config, demo_record());
  const model::ProfileNumbers<model::Chain>& numbers = explanation.numbers;
  CHECK(steps_of(numbers.frequency) == Lines{"config anomalies.probability start", "firmware 1.3 multiply",
                                             "manufacturer DataSense multiply"});
  CHECK(numbers.frequency.value() == near(0.05 * 1.5 * 0.8));
  CHECK(steps_of(numbers.channels[temperature].deviation) ==
        Lines{"config normal_parameters.temperature.std_dev start", "location Warehouse multiply"});
  CHECK(steps_of(numbers.spike_factor_max) ==
        Lines{"built in  start", "firmware 1.3 replace", "severity  excess"});
  CHECK(numbers.spike_factor_max.value() == near(1 + 2.5 * 1.25));
  CHECK(steps_of(numbers.work_hours_rise) == Lines{"built in  start"});
  CHECK(steps_of(numbers.readings_per_second) == Lines{"config simulation.readings_per_second start"});
}

TEST_CASE("a number of the identity's own says so, and what starts from it does, too") {
  identity::IdentityRecord record = demo_record();
  record.location = "Outdoor";
  record.overrides = own_numbers();
  const model::ProfileNumbers<model::Chain> numbers = explanation_of(config::Config(), record).numbers;
  CHECK(steps_of(numbers.readings_per_second) == Lines{"identity readings_per_second start"});
  CHECK(steps_of(numbers.daily_amplitude) ==
        Lines{"identity normal_parameters.temperature.std_dev start", "location Outdoor multiply"});
  CHECK(numbers.daily_amplitude.value() == 12);
  CHECK(steps_of(numbers.channels[temperature].mean) ==
        Lines{"config normal_parameters.temperature.mean start"});
  CHECK(steps_of(numbers.channels[voltage].max) == Lines{"identity normal_parameters.voltage.max start"});
}

TEST_CASE("what switches anomalies off, and the cap, are the last steps of a chain") {
  config::Config config;
  config.anomalies.probability = 0.9;
  CHECK(steps_of(explanation_of(config, demo_record()).numbers.frequency).back() == "limit  limit");
  config.anomalies.enabled = false;
  config.anomalies.types[trend].enabled = false;
  const model::Explanation explanation = explanation_of(config, demo_record());
  CHECK(steps_of(explanation.numbers.frequency).back() == "config anomalies.enabled replace");
  CHECK(steps_of(explanation.numbers.weights[trend]).back() ==
        "config anomalies.types.trend.enabled replace");
  CHECK(!explanation.types[trend].enabled);
  CHECK(explanation.types[spike].per_day == 0);
}

TEST_CASE("which entry a behavior was found under") {
  config::Config config;
  const auto [firmware, model, manufacturer, location] = explanation_of(config, demo_record()).behaviors;
  CHECK(firmware.entry == "1.3");
  CHECK(model.entry == "TempVibe-1000");
  CHECK(manufacturer.entry == "DataSense");
  CHECK(location.entry == "Warehouse");
  identity::IdentityRecord unknown = demo_record();
  unknown.location = "The Warehouse";
  unknown.firmware_version = "9";
  CHECK(!explanation_of(config, unknown).behaviors[3].entry);
  CHECK(!explanation_of(config, unknown).behaviors[0].entry);
  config.behaviors.location[""] = {};
  CHECK(explanation_of(config, unknown).behaviors[3].entry == "");
}

TEST_CASE("every sensor is in the partition that it is explained to be in") {
  start::Inputs inputs;
  inputs.identities.roster = roster_of(50);
  inputs.config.fleet.partition = {2, 7};
  const std::vector<std::uint32_t> members = fleet::partition_members(inputs.identities.roster, {2, 7});
  for (std::uint32_t i = 0; i < 50; ++i) {
    const explain::ExplainedSensor sensor =
        explain::explain_sensor(inputs.config, inputs.identities.roster, i, 0, *inputs.types);
    const bool is_member = std::find(members.begin(), members.end(), i) != members.end();
    CHECK(sensor.in_this_partition() == is_member);
    CHECK((sensor.partition >= 1 && sensor.partition <= 7));
  }
}

TEST_CASE("text keeps to 100 columns however long the names in a chain are") {
  start::Inputs inputs;
  const std::string name(900, 'M');
  identity::IdentityRecord record = demo_record();
  record.manufacturer = name;
  inputs.config.behaviors.manufacturer[name].noise = {
      {types::temperature, 2}, {types::vibration, 3}, {types::voltage, 4}};
  inputs.config.behaviors.manufacturer[name].probability = 1.234567;
  inputs.identities.roster = roster_of(std::vector<identity::IdentityRecord>{record});
  const std::string text =
      explain::text_of(explain::explain_sensor(inputs.config, inputs.identities.roster, 0, 0, *inputs.types));
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    const std::string line = text.substr(begin, end - begin);
    CAPTURE(line);
    const bool is_name = line.starts_with("  manufacturer ");  // stands whole
    CHECK((is_name ||
           std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }) <= 100));
    CHECK(!line.ends_with(' '));
    begin = end + 1;
  }
  CHECK(text.find("(manufacturer MMM") != std::string::npos);
  CHECK(text.find("× 1.23457 (") != std::string::npos);
}

}  // namespace fleet_sim::explanation_test
