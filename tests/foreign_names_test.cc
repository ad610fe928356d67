// What other simulators call things: each message about a name of theirs says ours, with the value converted
// where units differ, and every name in the table leads to something that is there.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/problems.h"
#include "config/config_keys.h"
#include "config/load_config.h"
#include "convert/converted_config.h"
#include "foreign/names.h"
#include "start/foreign_variables.h"

namespace fleet_sim::foreign_names_test {

namespace {

std::string problems_of(const std::string& yaml) {
  Problems problems;
  config::read_config(yaml, "c.yaml", problems);
  return problems.text();
}

std::string key(const std::string& path, const std::string& value) {
  const auto found = foreign::equivalent_of_key(path, value);
  return found ? found->ours + "=" + found->value : "?";
}

std::string warnings_of(std::vector<const char*> variables) {
  variables.push_back(nullptr);
  std::string text;
  for (const std::string& line : start::foreign_variable_warnings(variables.data())) text += line + "\n";
  return text;
}

convert::ConvertedConfig converted(const std::string& yaml) {
  Problems problems;
  convert::ConvertedConfig found = convert::convert_config(yaml, "theirs.yaml", problems);
  CHECK(problems.text() == "");
  return found;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a key of another simulator is an error that names ours, and converts the value") {
  CHECK(problems_of("anomalies: {base_probability: 0.01}") ==
        "c.yaml:1: unknown key 'anomalies.base_probability' (called 'anomalies.probability' here)");
  CHECK(problems_of("logging:\n  max_size_mb: 2.5") ==
        "c.yaml:2: unknown key 'logging.max_size_mb' (called 'logging.file_bytes' here, with the value "
        "2500000)");
  CHECK(problems_of("monitoring: {port: 9090}") ==
        "c.yaml:1: unknown key 'monitoring.port' (called 'monitoring.address' here, with the value "
        "127.0.0.1:9090)");
  CHECK(problems_of("simulation: {interval_seconds: 5}") ==
        "c.yaml:1: unknown key 'simulation.interval_seconds' (called 'simulation.interval' here)");
  CHECK(
      problems_of("replicas: {count: 5, prefix: A}") ==
      "c.yaml:1: unknown key 'replicas' (fleet-sim has no equivalent: `fleet-sim generate --count N` makes a "
      "fleet; `fleet-sim convert` makes this one)");
}

TEST_CASE("a section that is called otherwise is named key by key") {
  CHECK(problems_of("dynamic_reloading:\n  enabled: true\n  check_interval_seconds: 5\n  watch: inotify") ==
        "c.yaml:2: unknown key 'dynamic_reloading.enabled' (called 'config_reload.enabled' here)\n"
        "c.yaml:3: unknown key 'dynamic_reloading.check_interval_seconds' (called "
        "'config_reload.check_interval_seconds' here)\n"
        "c.yaml:4: unknown key 'dynamic_reloading.watch'");
}

TEST_CASE("a slip in a key of ours still gets the key that may be meant") {
  CHECK(problems_of("simulation: {reading_per_second: 1}") ==
        "c.yaml:1: unknown key 'simulation.reading_per_second' (did you mean 'readings_per_second'?)");
}

TEST_CASE("values are converted exactly, and not at all where they are no numbers") {
  CHECK(key("simulation.interval_seconds", "60") == "simulation.interval=60");
  CHECK(key("logging.max_size_mb", "ten") == "logging.file_bytes=");
  CHECK(key("database.batch_timeout", "0.25") == "database.flush_interval_ms=250");
  CHECK(key("parameters.temperature.min", "50") == "normal_parameters.temperature.min=50");
  CHECK(key("monitoring.host", "::") == "monitoring.address=:::8080");
  CHECK(key("parameters", "") == "?");
  CHECK(key("database.batch_size", "100") == "?");
}

TEST_CASE("variables of another simulator are named at the start, unless ours is set too") {
  CHECK(warnings_of({"SENSOR_INTERVAL=4", "HOME=/root", "SENSOR_ID=A", "SENSOR_MODEL=M"}) ==
        "ignoring SENSOR_INTERVAL=4 (called FLEET_SIM_SIMULATION_INTERVAL here)\n"
        "ignoring SENSOR_MODEL=M (fleet-sim has no equivalent: set it in the sensor's identity file)\n");
  CHECK(warnings_of({"SENSOR_FOO=1", "SENSOR_SERVICE_HOST=1.2.3.4", "SENSOR_PORT_80_TCP=x", "LOG_LEVEL="}) ==
        "ignoring SENSOR_FOO=1 (fleet-sim reads SENSOR_ID and SENSOR_LOCATION, and its own variables begin "
        "with "
        "FLEET_SIM_)\n");
  CHECK(warnings_of({"SENSOR_LOCATION=a", "SENSOR_CONFIG=a", "SENSOR_IDENTITY_FILE=a"}).empty());
}

TEST_CASE("a config of another simulator becomes ours, with what it was called") {
  const convert::ConvertedConfig found = converted(R"(
version: 2
simulation: {readings_per_second: 3, start_delay_seconds: 1}
parameters: {temperature: {min: 40, max: 90}}
anomalies: {base_probability: 0.01}
logging: {max_size_mb: 10, format: "%(message)s"}
monitoring: {host: 0.0.0.0, port: 9090}
)");
  CHECK(found.text ==
        "# Converted from theirs.yaml by fleet-sim convert.\n"
        "simulation:\n"
        "  readings_per_second: 3\n"
        "normal_parameters:\n"
        "  temperature:\n"
        "    min: 40  # was parameters.temperature.min: 40\n"
        "    max: 90  # was parameters.temperature.max: 90\n"
        "anomalies:\n"
        "  probability: 0.01  # was anomalies.base_probability: 0.01\n"
        "logging:\n"
        "  file_bytes: 10000000  # was logging.max_size_mb: 10\n"
        "monitoring:\n"
        "  address: \"0.0.0.0:9090\"  # was monitoring.host: 0.0.0.0, monitoring.port: 9090\n");
  CHECK(found.settings == 6);
  CHECK(found.translated == 5);
  CHECK(found.left_out ==
        std::vector<std::string>{"theirs.yaml:2: version: leave it out",
                                 "theirs.yaml:3: simulation.start_delay_seconds: a run starts at once; "
                                 "clock.start sets its simulated "
                                 "time",
                                 "theirs.yaml:6: logging.format: must be text or json, not '%(message)s'"});
}

TEST_CASE("what cannot be in one config is no conversion, and a config of ours stays as it is") {
  Problems problems;
  convert::convert_config("normal_parameters: {voltage: {min: 13, max: 12}}", "t.yaml", problems);
  CHECK(holds(problems.text(), "normal_parameters.voltage.min 13 must not be above max 12"));
  const convert::ConvertedConfig ours =
      converted("simulation: {seed: 7}\nbehaviors: {firmware: {'1.5': {daily: 2}}}");
  CHECK(ours.left_out.empty());
  CHECK(ours.translated == 0);
  CHECK(holds(ours.text, "  seed: 7\n"));
  CHECK(holds(ours.text, "\"1.5\":\n      "));
  CHECK(holds(converted("anomalies: {probability: 0.1, base_probability: 0.2}").left_out.at(0),
              "another key in the file already sets anomalies.probability"));
}

}  // namespace fleet_sim::foreign_names_test
