"""One example of each recipe of CONTRIBUTING.md: an anomaly type, a sink, a metric and a config key."""

import json

from recipe import NewFile, RecipeError, Recipe, Replace, expect, insert_after, insert_before

# --- An anomaly type: a surge raises one channel.


def see_kind(program):
    program.history(FLEET_SIM_ANOMALIES_TYPES_SURGE_WEIGHT="2")
    expect(program.run("report", "data"), "surge")
    if program.rows("SELECT count(*) FROM anomaly_events WHERE anomaly_type = 'surge' AND severity BETWEEN 2 AND 4") == [(0,)]:
        raise RecipeError("no surge among the events")
    expect(program.run("explain", "FACTORY_1_NEW", "--identities", program.top / "identities"), "surge")
    expect(program.answers("/metrics")[0], 'type="surge"')
    expect(program.page("configs/README.md"), "anomalies.types.surge.weight")


KIND = Recipe(
    name="kind",
    heading="An anomaly type",
    placeholder="surge",
    most_changed=1,
    unit_test="anomaly_surge_test.cc",
    see=see_kind,
    edits=(
        insert_after("engine/base/anomaly_types.def", '''             "{%} of rows", "some readings are missing")
''', '''
ANOMALY_TYPE(surge, 0, lasting(60), kept, one_channel, graded(2, 4, 0, 1000), "#7a4fbf", "#b79bf0",
             "+{}", "one channel reads too high")
'''),
        NewFile("engine/model/anomaly_surge.cc", '''
// A surge raises one channel.
#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

double raised(const AffectedReading& reading, double level) {
  return level + *reading.anomaly.magnitude;
}

}  // namespace

const AnomalyEffect surge_effect{.graded = GradedEffect{.level = raised}};

}  // namespace fleet_sim::model
'''),
        NewFile("tests/anomaly_surge_test.cc", '''
#include <doctest/doctest.h>

#include "config/config.h"
#include "model/anomaly.h"
#include "model/profile.h"
#include "types/sensor_type.h"

namespace fleet_sim::anomaly_surge_test {

TEST_CASE("a surge raises one channel by a severity times its spread") {
  const config::Config config;
  model::ProfileSource source;
  source.normal_parameters = model::normal_parameters(config);
  const model::Profile profile = model::resolve_profile(config, source);
  const RandomBlock draws{};  // the first channel, the smallest severity
  const model::Anomaly surge = model::begin_anomaly(profile, {AnomalyType::surge}, 0, draws);
  CHECK(*surge.severity == 2);
  CHECK(*surge.magnitude == 2 * *surge.sigma);
  CHECK(model::apply_anomaly({surge, profile, 0, draws}, {65, 2.5, 12}) ==
        batch::Values{65 + *surge.magnitude, 2.5, 12});
}

}  // namespace fleet_sim::anomaly_surge_test
'''),
    ))

# --- A sink that counts.


def see_sink(program):
    expect(program.history("--sink", "count"), "counted ", " readings")
    expect(program.run("check", "--sink", "tape", code=2), "count")
    expect(program.run("--help"), "sqlite|null|count")


SINK = Recipe(
    name="sink",
    heading="A sink",
    placeholder="count",
    most_changed=1,
    unit_test="count_sink_test.cc",
    see=see_sink,
    edits=(
        NewFile("engine/count/count_sink.h", '''
// The count sink: counts the readings it takes, and reports their number when the run ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "write/destination.h"

namespace fleet_sim::count {

class CountSink final : public write::Sink {
 public:
  explicit CountSink(write::Lines log) : log_(std::move(log)) {}

  std::unique_ptr<write::Destination> make(const write::Target& target, write::Reply) override {
    return std::make_unique<Counter>(readings_, target.name);
  }
  void end() override { log_.change("counted " + std::to_string(readings_) + " readings"); }

 private:
  class Counter final : public write::Destination {
   public:
    Counter(std::atomic<std::uint64_t>& readings, std::string name) : readings_(readings), name_(std::move(name)) {}

    [[nodiscard]] const std::string& name() const override { return name_; }
    std::optional<write::Answer> take(const write::Lot& lot) override {
      readings_ += lot.readings.size();
      return write::Answer{};
    }

   private:
    std::atomic<std::uint64_t>& readings_;
    std::string name_;
  };

  write::Lines log_;
  std::atomic<std::uint64_t> readings_{0};
};

}  // namespace fleet_sim::count
'''),
        NewFile("engine/count/count_sink.cc", '''
#include "count/count_sink.h"

#include "write/sinks.h"

namespace fleet_sim::count {

std::unique_ptr<write::Sink> make_sink(const write::SinkParts& parts) {
  return std::make_unique<CountSink>(parts.log);
}

}  // namespace fleet_sim::count
'''),
        insert_after("engine/config/sinks.def", 'SINK(null, true, "", "null", "null", "the null sink", "generated and dropped")\n',
                     'SINK(count, true, "", "count", "count", "the count sink", "generated and counted")\n'),
        Replace("tests/bad_configs/database_values.yaml", "must be sqlite, null, -,", "must be sqlite, null, count, -,"),
        NewFile("tests/count_sink_test.cc", '''
#include "count/count_sink.h"

#include <doctest/doctest.h>

#include "support/writer_rig.h"

namespace fleet_sim::count_sink_test {

TEST_CASE("the count sink counts what it takes, and reports it at the end") {
  std::vector<std::string> log;
  test::WriterRig rig({.sensors = 2, .make_sink = [&log] {
                         write::Lines lines;
                         lines.change = [&log](const std::string& line) { log.push_back(line); };
                         return std::make_unique<count::CountSink>(lines);
                       }});
  rig.send(0, 12);
  rig.send(1, 3);
  rig.finish();
  CHECK(rig.ledger.books().written == 15);
  CHECK(rig.imbalance().empty());
  CHECK(log == std::vector<std::string>{"counted 15 readings"});
}

}  // namespace fleet_sim::count_sink_test
'''),
    ))

# --- A metric.


def see_metric(program):
    metrics, status = program.answers("/metrics", "/status")
    expect(metrics, "# HELP fleet_sim_behind_seconds How far", "# TYPE fleet_sim_behind_seconds gauge", "\nfleet_sim_behind_seconds ")
    if json.loads(status)["progress"]["behind_seconds"] < 0:
        raise RecipeError("a fleet cannot be ahead of its clock")


METRIC = Recipe(
    name="metric",
    heading="A metric",
    most_changed=1,
    unit_test="status_api_test.cc",
    see=see_metric,
    edits=(
        insert_before("engine/status/figures.cc", '      {.metric = "resident_memory_bytes",\n', '''
      {.metric = "behind_seconds",
       .help = "How far the fleet was behind its clock at most.",
       .status = "progress.behind_seconds",
       .read = of(&Snapshot::furthest_behind_seconds)},
'''),
    ))

# --- A config key.


def see_key(program):
    expect(program.run("--help"), "--example-limit N", "An example of a key: 1 to 9")
    for path in ("fleet-sim.1", "fleet-sim.bash"):
        subject = program.run("man") if path.endswith(".1") else program.run("completion", "bash")
        expect(subject.replace("\\-", "-"), "--example-limit")
    where = ["--identities", program.top / "identities"]
    expect(program.run("check", *where, "--example-limit", 10, code=2), "--example-limit: must be a whole number from 1 to 9, not '10'")
    expect(program.run("check", *where, code=2, FLEET_SIM_LOGGING_EXAMPLE_LIMIT="0"), "FLEET_SIM_LOGGING_EXAMPLE_LIMIT")
    (program.folder / "key.yaml").write_text("logging: {example_limit: 3}\n")
    program.history("--config", "key.yaml")
    ((config,),) = program.rows("SELECT config FROM run_info")
    expect(config, "example_limit: 3")
    for page in ("configs/README.md", "configs/reference.yaml"):
        expect(program.page(page), "example_limit")


KEY = Recipe(
    name="key",
    heading="A config key",
    most_changed=1,
    unit_test="config_test.cc",
    see=see_key,
    edits=(
        insert_after("engine/config/process_settings.h", "  bool quiet = false;\n", "  std::uint32_t example_limit = 7;\n"),
        insert_before("engine/config/process_settings.h", "  logging.row(&LoggingSettings::quiet, boolean(),\n", '''
  logging.row(&LoggingSettings::example_limit, count(1u, 9u),
              {.name = "logging.example_limit", .flag = "--example-limit", .value = "N", .help = "An example of a key: {}"});
'''),
    ))

RECIPES = (KIND, SINK, METRIC, KEY)
