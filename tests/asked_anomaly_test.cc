// Anomalies that somebody asks for, and what explanations say of graded ones: the same sensors answer both.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "base/problems.h"
#include "config/load_config.h"
#include "explain/graded.h"
#include "fleet/fleet.h"
#include "fleet/profile_table.h"
#include "model/sensor.h"
#include "run/injection.h"
#include "support/rosters.h"

namespace fleet_sim::asked_anomaly_test {

namespace {

constexpr std::string_view pump = R"(types:
  pump:
    sources:
      run: {kind: load, duty: 0.5}
    channels:
      flow:      {unit: m3/h, base: 5, white: 0.5, terms: {run: 40}}
      bearing:   {unit: "°C", base: 30, white: 0.2, rails: [-20, 150], terms: {run: 9}}
      vibration: {unit: mm/s, scale: log, base: 0.5, white: 0.1, terms: {run: 8}}
      mode:      {kind: state, of: run, at: [0.5], names: [stopped, running]}
  meter:
    channels:
      energy: {unit: Wh, kind: counter, base: 460, per: 1h, resolution: 1}
simulation: {interval: 10s}
)";

// The sensors of a config: one of each declared type, and one of the built-in type.
struct Plant {
  explicit Plant(const std::string& more = "") {
    Problems problems;
    config = config::read_config(std::string(pump) + more, "plant.yaml", problems);
    REQUIRE(problems.text() == "");
    types = fleet::types_under(config, types::built_in_types());
    for (const char* type : {"pump", "meter", "temperature_vibration"}) {
      identity::IdentityRecord record = test::identity_of(std::string("one ") + type);
      record.type = type;
      records.push_back(record);
    }
    roster = test::roster_of(records);
  }

  [[nodiscard]] const types::SensorType& type_of(std::size_t sensor) const {
    return (*types)[records[sensor].type];
  }
  [[nodiscard]] model::ProfileSource source_of(std::size_t sensor) const {
    return fleet::profile_source(roster, roster[static_cast<std::uint32_t>(sensor)], config, type_of(sensor));
  }

  // Why a sensor cannot have it; empty when it can.
  [[nodiscard]] std::string objection(std::size_t sensor, const status::AskedAnomaly& asked) const {
    const types::Schema& schema = type_of(sensor).schema;
    const auto request = run::request_of(asked, schema);
    if (!request) return run::no_such_channel(asked, schema);
    CHECK(request->cause == AnomalyCause::injected);
    const model::ProfileSource source = source_of(sensor);
    return run::objection_to(asked, *request, model::resolve_profile(config, source),
                             fleet::cadence_of(roster, roster[static_cast<std::uint32_t>(sensor)], config));
  }

  [[nodiscard]] std::string check() const {
    Problems problems;
    fleet::check_members(roster, std::vector<std::uint32_t>{0, 1, 2}, config, problems, *types);
    return problems.text();
  }

  config::Config config;
  std::shared_ptr<const types::Catalog> types;
  std::vector<identity::IdentityRecord> records;
  identity::Roster roster;
};
constexpr std::size_t a_pump = 0;
constexpr std::size_t a_meter = 1;
constexpr std::size_t a_built_in = 2;

}  // namespace

TEST_CASE("what can be asked of a sensor, and why something cannot") {
  const Plant plant;
  using Asked = status::AskedAnomaly;
  const auto type = [](AnomalyType kind) { return Asked{.type = kind}; };
  CHECK(plant.objection(a_pump, {.type = AnomalyType::offset, .channel = "flow", .severity = 3}) == "");
  CHECK(plant.objection(a_pump, {.type = AnomalyType::intermittent, .channel = "bearing"}) == "");
  CHECK(plant.objection(a_pump, {.type = AnomalyType::stuck, .channel = "mode"}) == "");
  CHECK(plant.objection(a_meter, type(AnomalyType::dropout)) == "");
  CHECK(plant.objection(a_built_in, {.type = AnomalyType::trend, .channel = "voltage"}) == "");

  CHECK(
      plant.objection(a_pump, {.type = AnomalyType::offset, .channel = "flows"}) ==
      "its type 'pump' has no channel 'flows' (did you mean 'flow'?); it has flow, bearing, vibration, mode");
  CHECK(plant.objection(a_pump, {.type = AnomalyType::offset, .channel = "mode"}) ==
        "its channel 'mode' is no gauge, which offset anomalies need");
  CHECK(plant.objection(a_pump, {.type = AnomalyType::intermittent, .channel = "flow"}) ==
        "its channel 'flow' is no gauge with rails, which intermittent anomalies need");
  CHECK(plant.objection(a_built_in, type(AnomalyType::intermittent)) ==
        "it has no gauge with rails, which intermittent anomalies need");
  CHECK(plant.objection(a_meter, type(AnomalyType::spike)) == "it has no gauge, which spike anomalies need");
  CHECK(plant.objection(a_built_in, {.type = AnomalyType::spike, .severity = 3}) ==
        "its spike anomalies have no severity; leave it out, or set anomalies.severity to graded");
  CHECK(plant.objection(a_built_in, {.type = AnomalyType::noise, .channel = "voltage"}) ==
        "its noise anomalies affect several channels; leave out the channel, or set anomalies.severity to "
        "graded");
  CHECK(plant.objection(a_pump, {.type = AnomalyType::drift, .duration = 10'000'000}) == "");
  CHECK(plant.objection(a_pump, {.type = AnomalyType::drift, .duration = 9'000'000}) ==
        "9 s is shorter than the time between its readings, 10 s");

  const Plant graded("anomalies: {severity: graded}\n");
  CHECK(graded.objection(a_built_in, {.type = AnomalyType::noise, .channel = "voltage", .severity = 2}) ==
        "");
}

TEST_CASE("what is listed as possible is what nothing speaks against") {
  for (const char* more : {"", "anomalies: {severity: graded}\n"}) {
    const Plant plant(more);
    for (std::size_t sensor = 0; sensor < plant.records.size(); ++sensor) {
      const types::Schema& schema = plant.type_of(sensor).schema;
      const auto listed =
          run::possible_anomalies(model::resolve_profile(plant.config, plant.source_of(sensor)), schema);
      for (std::size_t k = 0; k < anomaly_type_count; ++k) {
        const auto type = static_cast<AnomalyType>(k);
        CAPTURE(anomaly_type_names[k]);
        const auto found = std::ranges::find(listed, type, &status::PossibleAnomaly::type);
        CHECK((found != listed.end()) == plant.objection(sensor, {.type = type}).empty());
        for (const std::string_view channel : schema.channel_names()) {
          const bool is_possible =
              !takes_rows(type) && plant.objection(sensor, {type, std::string(channel), {}, {}}).empty();
          CHECK((found != listed.end() && std::ranges::count(found->channels, channel) > 0) == is_possible);
        }
        if (found == listed.end() || !anomaly_types[k].severity) continue;
        CHECK(found->severity.has_value() ==
              plant.objection(sensor, {.type = type, .severity = anomaly_types[k].severity->bounds.max})
                  .empty());
      }
    }
  }
}

TEST_CASE("a sensor has what was asked of it, and says so") {
  const Plant plant;
  const model::Profile profile = model::resolve_profile(plant.config, plant.source_of(a_pump));
  model::Sensor sensor{7, 0, &profile, 0};
  const model::AnomalyRequest request{.type = AnomalyType::offset,
                                      .channel = Channel{1},
                                      .severity = 3.5,
                                      .duration = 90'000'000,
                                      .cause = AnomalyCause::injected};
  REQUIRE(model::inject_anomaly(sensor, 5, request, 1'000'000));
  const batch::AnomalyEvent event =
      model::describe_anomaly(sensor.anomaly, batch::AnomalyEvent::Kind::whole, 0);
  CHECK(event.channel == Channel{1});
  CHECK(event.severity == 3.5);
  CHECK(event.ended_at - event.started_at + 1 == 90'000'000);
  CHECK(event.cause == AnomalyCause::injected);
  CHECK(*event.magnitude == doctest::Approx(3.5 * *event.sigma));
}

TEST_CASE("what an anomaly counts in is computed by who asks for it") {
  const Plant plant;
  const model::Profile profile = model::resolve_profile(plant.config, plant.source_of(a_pump));
  const model::Profile built_in = model::resolve_profile(plant.config, plant.source_of(a_built_in));
  run::Spreads spreads;
  for (const AnomalyType type : {AnomalyType::dropout, AnomalyType::stuck, AnomalyType::intermittent})
    CHECK_FALSE(run::awaits_spread(profile, type, spreads));
  CHECK_FALSE(run::awaits_spread(built_in, AnomalyType::spike, spreads));
  CHECK(spreads.empty());
  CHECK(run::awaits_spread(profile, AnomalyType::spike, spreads));
  CHECK(run::awaits_spread(profile, AnomalyType::clip, spreads));
  REQUIRE(spreads == run::Spreads{profile.spread});
  spreads.front()->compute();
  CHECK_FALSE(run::awaits_spread(profile, AnomalyType::spike, spreads));
}

TEST_CASE("an anomaly that a file says began where none can is not gone on with") {
  const Plant plant;
  const model::Profile profile = model::resolve_profile(plant.config, plant.source_of(a_pump));
  CHECK(profile.channels[2].is_logarithmic);
  CHECK_FALSE(profile.channels[0].is_logarithmic);
  model::Sensor sensor{hash_text("one pump"), 0, &profile, 0};
  const model::AnomalyRequest request{
      .type = AnomalyType::intermittent, .channel = Channel{0}, .cause = AnomalyCause::injected};
  model::return_to_anomaly(sensor, 1, request, 0);
  CHECK_FALSE(sensor.anomaly.active());
  model::return_to_anomaly(sensor, 1, {.type = AnomalyType::intermittent, .channel = Channel{1}}, 0);
  CHECK(sensor.anomaly.active());
}

TEST_CASE("an anomaly that may not begin before a moment begins with the first reading after it") {
  const Cadence cadence(Rate(0.1));
  const Timestamp first = 3'000'000;
  CHECK(run::due_from(earliest_timestamp, first + 40'000'000, first, cadence) == first + 40'000'000);
  CHECK(run::due_from(first + 50'000'000, first + 40'000'000, first, cadence) == first + 50'000'000);
  CHECK(run::due_from(first + 50'000'001, first + 40'000'000, first, cadence) == first + 60'000'000);
}

TEST_CASE("an explanation says of graded anomalies what sensors then have") {
  const Plant plant(R"(anomalies:
  types:
    offset: {weight: 1, severity: [2, 6], duration_seconds: {median: 10m, min: 1m, max: 6h}}
behaviors:
  firmware:
    "9": {channels: {flow: 1, bearing: 3, vibration: 0}}
)");
  model::ProfileSource source = plant.source_of(a_pump);
  source.firmware_version = "9";
  const model::Explanation explanation = model::explain_profile(plant.config, source);
  const auto offset = explain::graded_type(explanation, AnomalyType::offset);
  REQUIRE(offset);
  CHECK(offset->severity == 4);
  CHECK(offset->seconds == 600);
  REQUIRE(offset->channels.size() == 3);
  CHECK(offset->channels[0].share == 0.25);
  CHECK(offset->channels[1].share == 0.75);
  CHECK(offset->channels[2].share == 0);
  CHECK(offset->channels[1].unit == "°C");
  CHECK(offset->channels[2].unit == "ln");
  CHECK(*offset->channels[1].magnitude == doctest::Approx(4 * *offset->channels[1].sigma));
  CHECK(*offset->channels[1].sigma ==
        explanation.profile.spread->get().sigma(1, 600 * microseconds_per_second));

  // What sensors draw: as often, as severe, and no others.
  std::vector<double> picked(4, 0);
  constexpr int drawn = 20'000;
  for (int i = 0; i < drawn; ++i) {
    const model::Anomaly anomaly =
        model::begin_anomaly(explanation.profile, {AnomalyType::offset}, 0,
                             draw_block(3, 4, Stream::onset, static_cast<std::uint64_t>(i)));
    picked[index_of(*anomaly.channel)] += 1;
    CHECK(*anomaly.severity >= explanation.numbers.least_severity[index_of(AnomalyType::offset)].value());
    CHECK(*anomaly.severity <= explanation.numbers.most_severity[index_of(AnomalyType::offset)].value());
  }
  for (const explain::GradedChannel& channel : offset->channels) {
    const double bound = 5 * std::sqrt(channel.share * (1 - channel.share) / drawn);
    CHECK(std::fabs(picked[channel.channel] / drawn - channel.share) <= bound);
  }

  const auto stuck = explain::graded_type(explanation, AnomalyType::stuck);
  REQUIRE(stuck);
  CHECK_FALSE(stuck->severity);
  CHECK(stuck->channels.size() == 4);
  CHECK(stuck->channels[3].share == 0.2);
  CHECK_FALSE(stuck->channels[0].sigma);
  CHECK(stuck->channels[0].unit.empty());
  const auto intermittent = explain::graded_type(explanation, AnomalyType::intermittent);
  REQUIRE(intermittent);
  CHECK(intermittent->channels[0].magnitude);
  CHECK(intermittent->channels[0].unit.empty());  // it is a share
  CHECK(explain::graded_type(explanation, AnomalyType::dropout)->channels.empty());
  const model::Explanation built_in = model::explain_profile(plant.config, plant.source_of(a_built_in));
  CHECK_FALSE(explain::graded_type(built_in, AnomalyType::spike));
  CHECK(explain::graded_type(built_in, AnomalyType::offset));
}

TEST_CASE("the size of a graded anomaly is written in the unit of its channel") {
  CHECK(explain::graded_magnitude_text(AnomalyType::offset, 0.42, "°C") == "±0.42 °C");
  CHECK(explain::graded_magnitude_text(AnomalyType::spike, 3, "") == "±3");
  CHECK(explain::graded_magnitude_text(AnomalyType::trend, 0.42, "bar") == "up to ±0.42 bar");
  CHECK(explain::graded_magnitude_text(AnomalyType::gain, 0.4, "bar") == "±40% of what it varies");
  CHECK(explain::graded_magnitude_text(AnomalyType::quantise, 0.5, "V") == "steps of 0.5 V");
  CHECK(explain::graded_magnitude_text(AnomalyType::intermittent, 0.2, "V") == "20% of the time");
}

TEST_CASE("anomalies that a type has no channel for never start, and are refused if they are asked for") {
  const Plant plant;
  CHECK(plant.check() == "");
  const model::Profile meter = model::resolve_profile(plant.config, plant.source_of(a_meter));
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    CAPTURE(anomaly_type_names[k]);
    const double chance = meter.onset_until[k] - (k > 0 ? meter.onset_until[k - 1] : 0);
    CHECK((chance > 0) == (static_cast<AnomalyType>(k) == AnomalyType::missing_data));
  }

  const std::string asked = "anomalies: {types: {intermittent: {weight: 0.1}}}\n";
  const std::string refused = Plant(asked).check();
  CHECK(
      refused.find("anomalies.types.intermittent.weight: must be 0 for sensors of the type 'meter' (such as "
                   "'one meter'), which have no gauge with rails") != std::string::npos);
  CHECK(refused.find("'temperature_vibration'") != std::string::npos);
  CHECK(refused.find("'pump'") == std::string::npos);
  Plant excused(asked);
  excused.config.behaviors.firmware["9"].weights[index_of(AnomalyType::intermittent)] = 0;
  CHECK(excused.check() != "");
  for (identity::IdentityRecord& record : excused.records) record.firmware_version = "9";
  excused.roster = test::roster_of(excused.records);
  CHECK(excused.check() == "");
}

}  // namespace fleet_sim::asked_anomaly_test
