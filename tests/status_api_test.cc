// The status API without sockets: what route() answers, and the texts it is made of.
#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <variant>

#include "base/errors.h"
#include "base/histogram.h"
#include "base/json_writer.h"
#include "batch/recent_events.h"
#include "status/figures.h"
#include "status/health_probe.h"
#include "status/http_server.h"
#include "status/metrics.h"
#include "status/route.h"
#include "status/status_json.h"
#include "types/built_in_type.h"

namespace fleet_sim::status_api_test {

using nlohmann::json;

namespace {

const std::string token = "0123456789abcdef";

std::shared_ptr<status::Status> some_status() {
  auto status = std::make_shared<status::Status>();
  status->run.run_id = "run";
  status->run.seed = 18'446'744'073'709'551'615u;
  status->now.sensors = 15;
  status->now.shards = 4;
  status->now.books.due = status->now.books.generated = 100;
  status->now.books.written = 90;
  status->now.books.missing = 4;
  status->now.books.lost_by_reason = {1, 2, 0};
  status->now.books.anomalies = 3;
  status->now.books.anomalies_by_type = {1, 0, 2, 0, 0};
  status->shards_degraded = 1;
  status->firmware = {{"1.3", 10, {80, 8, 2, 4.5}, {40, 4, 0, 2}}, {"1.4\"", 5, {20, 1, 0, 1.25}, {}}};
  status->now.errors = {7, 0, 0, 0, 0, 0, 0, 0, 1};
  return status;
}

status::SensorRow sensor_row(const std::string& id) {
  status::SensorRow row;
  row.id = id;
  return row;
}

status::EventRow event_row(const std::string& id) {
  status::EventRow row;
  row.sensor_id = id;
  row.cause = AnomalyCause::injected;
  return row;
}

// Sources that remember what was asked of them.
struct Rig {
  Rig() {
    sources.status = [this] { return status; };
    sources.status_json = [this] { return status::status_json(*status); };
    sources.history = [this](std::optional<std::int64_t> since) {
      asked = since ? std::to_string(*since) : "all";
      return std::string("{}");
    };
    sources.shards = [](std::size_t, std::uint64_t) { return status::Page<status::ShardRow>{}; };
    sources.sensors = [this](std::string_view query, std::size_t limit, std::uint64_t after) {
      asked = std::string(query) + "|" + std::to_string(limit) + "|" + std::to_string(after);
      return status::Page<status::SensorRow>{{sensor_row("a\"b")}, 7, 9};
    };
    sources.sensor = [this](std::string_view id,
                            status::Absence& why) -> std::optional<status::SensorDetail> {
      asked = id;
      why = absence;
      return std::nullopt;
    };
    sources.events = [](std::size_t) { return std::vector<status::EventRow>{}; };
    sources.scenario = [this](std::size_t limit, std::uint64_t after) {
      asked = std::to_string(limit) + "|" + std::to_string(after);
      status::ScenarioRow row{.name = "out", .what = "silence: true", .entry = "{name: out}", .at = 0};
      row.reached = 3;
      return status::Page<status::ScenarioRow>{{row}, std::nullopt, 1};
    };
    sources.add_entry = [this](const std::string& entry) {
      asked = entry;
      return added;
    };
    sources.inject = [this](const status::AskedAnomaly& what, const std::vector<std::string>& ids) {
      asked = std::string(name_of(what.type)) + ":" + ids.back();
      asked_anomaly = what;
      return injected;
    };
    sources.reload = [this] { return reloaded; };
    sources.stop = [this] { stopped = true; };
  }

  status::HttpResponse ask(std::string_view target, std::string_view method = "GET",
                           std::string_view body = {}, std::string_view authorization = {}) {
    return status::route({method, target, host, authorization, body}, sources, {secret, true});
  }

  status::StatusSources sources;
  std::shared_ptr<status::Status> status = some_status();
  std::string host = "127.0.0.1:8080";
  std::string secret = token;
  std::string asked;
  status::Absence absence = status::Absence::unknown_sensor;
  status::AskedAnomaly asked_anomaly;
  status::Injected injected{.events = {event_row("a"), event_row("b")}};
  bool stopped = false;
  status::AddedEntry added;
  std::optional<std::vector<status::ReloadRecord>> reloaded;
};

}  // namespace

TEST_CASE("a run that fills history is well, and says what it does") {
  Rig rig;
  rig.status->reasons.clear();
  CHECK(json::parse(rig.ask("/healthz").body) == json{{"healthy", true}});
  rig.status->now.history_left = 42;
  CHECK(rig.ask("/healthz").status == 200);
  CHECK(json::parse(rig.ask("/health").body) == json{{"healthy", true}, {"state", "filling history"}});
  CHECK(rig.ask("/readyz").status == 200);
  const json status = json::parse(rig.ask("/status").body);
  CHECK(status["state"] == "filling history");
  CHECK(status["progress"]["history_left_seconds"] == 42);
  CHECK(rig.ask("/metrics").body.find("fleet_sim_filling_history 1\n") != std::string::npos);
  rig.status->reasons = {"a.db: cannot be written"};
  CHECK(rig.ask("/healthz").status == 503);
}

TEST_CASE("the status says what the contract names") {
  const json status = json::parse(status::status_json(*some_status()));
  CHECK(status["run"]["seed"] == "18446744073709551615");
  CHECK(status["state"] == "running");
  CHECK(status["readings"]["pending"] == 3);
  CHECK(status["readings"]["lost"] == 3);
  CHECK(status["readings"]["lost_by_reason"]["storage_failed_at_stop"] == 2);
  json by_type;
  for (const std::string_view name : anomaly_type_names) by_type[std::string(name)] = 0;
  by_type["spike"] = 1;
  by_type["pattern"] = 2;
  CHECK(status["anomalies"]["by_type"] == by_type);
  CHECK(status["progress"]["simulated_total_seconds"].is_null());
  CHECK(status["shards"]["healthy"] == 3);
  CHECK(status["errors"]["busy"] == 7);
  CHECK(status["errors"]["http"] == 1);
  const json& firmware = status["firmware"][0];
  CHECK(firmware["version"] == "1.3");
  CHECK(firmware["sensors"] == 10);
  CHECK(firmware["readings"] == 80);
  CHECK(firmware["injected"] == 2);
  CHECK(firmware["rate"] == 0.1);
  CHECK(firmware["expected"] == 4.5 / 80);
  CHECK(firmware["last_minute"]["expected"] == 0.05);
  CHECK(status["firmware"][1]["last_minute"]["rate"].is_null());
  for (const char* part :
       {"fleet", "lag_seconds", "commit_seconds", "queue", "memory_bytes", "cpu_seconds", "reload"}) {
    CHECK_MESSAGE(status.contains(part), part);
  }
}

TEST_CASE("texts that are no UTF-8 do not break the JSON") {
  CHECK(json::parse(status::sensors_json(
            {{sensor_row("bad \xff id")}, std::nullopt, 1}))["sensors"][0]["id"] == "bad \xef\xbf\xbd id");
}

TEST_CASE("a missing reading has no values") {
  status::SensorDetail detail{sensor_row("a"), "{\"x\": 1}", std::nullopt, {}};
  detail.readings = {{0, {1, 2, 3}, std::nullopt, {}},
                     {1'000'000, {}, AnomalyType::missing_data, {}, true},
                     {2'000'000, {1, 2, 3}, AnomalyType::trend, "voltage", false, AnomalyCause::injected},
                     {3'000'000, {1, 2, 3}, AnomalyType::dropout, {}}};  // which has left it there
  for (const types::ChannelColumn& channel : types::built_in_type().schema.channels()) {
    detail.channels.push_back({channel});
  }
  const json sensor = json::parse(status::sensor_json(detail));
  CHECK(sensor["effective"]["x"] == 1);
  CHECK(sensor["anomaly"].is_null());
  CHECK(sensor["readings"][0] ==
        json::parse(R"({"timestamp": "1970-01-01T00:00:00.000000Z", "temperature": 1.0,
    "vibration": 2.0, "voltage": 3.0, "anomaly_type": null, "channel": null, "cause": null})"));
  CHECK(sensor["readings"][2]["channel"] == "voltage");
  CHECK(sensor["readings"][2]["cause"] == "injected");
  CHECK(sensor["readings"][3]["voltage"] == 3);
  CHECK(sensor["readings"][1]["voltage"].is_null());
  CHECK(sensor["readings"][1]["anomaly_type"] == "missing_data");
}

TEST_CASE("the metrics' buckets add up, and label values are quoted") {
  auto status = some_status();
  Histogram histogram;
  histogram.record(900);
  histogram.record(40'000, 3);
  histogram.record(100'000'000);
  status->lag = status::distribution_of(histogram);
  status->run.partition = "a\"\\\n";
  const std::string text = status::metrics_text(*status);
  const auto has = [&text](const std::string& line) { return text.find(line + "\n") != std::string::npos; };
  CHECK(has("fleet_sim_lag_seconds_bucket{le=\"0.001\"} 1"));
  CHECK(has("fleet_sim_lag_seconds_bucket{le=\"0.025\"} 1"));
  CHECK(has("fleet_sim_lag_seconds_bucket{le=\"0.05\"} 4"));
  CHECK(has("fleet_sim_lag_seconds_bucket{le=\"60\"} 4"));
  CHECK(has("fleet_sim_lag_seconds_bucket{le=\"+Inf\"} 5"));
  CHECK(has("fleet_sim_lag_seconds_sum 100.1209"));
  CHECK(has("fleet_sim_readings_lost_total{reason=\"backlog_full\"} 1"));
  CHECK(has("fleet_sim_firmware_anomalous_readings_total{firmware=\"1.3\"} 8"));
  CHECK(has("fleet_sim_firmware_sensors{firmware=\"1.4\\\"\"} 5"));
  CHECK(text.find("partition=\"a\\\"\\\\\\n\"") != std::string::npos);
}

TEST_CASE("every figure is named by the rules, and is in both answers where it says so") {
  const auto status = some_status();
  const std::string metrics = status::metrics_text(*status);
  const json said = json::parse(status::status_json(*status));
  std::set<std::string_view> names;
  for (const status::Figure& figure : status::figures()) {
    CAPTURE(figure.metric);
    CAPTURE(figure.status);
    CHECK(!(figure.metric.empty() && figure.status.empty()));
    if (!figure.metric.empty()) {
      CHECK(names.insert(figure.metric).second);
      CHECK(figure.help.ends_with('.'));
      CHECK(figure.metric.ends_with("_total") == (figure.type == status::MetricType::counter));
      CHECK(std::holds_alternative<status::ReadFamily>(figure.read) == !figure.label.empty());
      CHECK(metrics.find("\nfleet_sim_" + std::string(figure.metric)) != std::string::npos);
    }
    if (figure.status.empty()) continue;
    std::string pointer = "/" + std::string(figure.status);
    std::ranges::replace(pointer, '.', '/');
    CHECK(said.contains(json::json_pointer(pointer)));
  }
}

TEST_CASE("both answers keep their order") {
  const std::string said = status::status_json(*some_status());
  std::size_t at = 0;
  for (const char* name : {"run",
                           "state",
                           "healthy",
                           "reasons",
                           "fleet",
                           "progress",
                           "readings",
                           "pending",
                           "lost",
                           "lost_by_reason",
                           "written_per_second",
                           "anomalies",
                           "firmware",
                           "lag_seconds",
                           "commit_seconds",
                           "recent",
                           "queue",
                           "shards",
                           "total",
                           "healthy",
                           "retrying",
                           "degraded",
                           "files_written",
                           "deleted",
                           "storage_bytes",
                           "errors",
                           "memory_bytes",
                           "cpu_seconds",
                           "reload",
                           "enabled",
                           "accepted",
                           "rejected",
                           "history"}) {
    CAPTURE(name);
    at = said.find("\"" + std::string(name) + "\":", at);
    REQUIRE(at != std::string::npos);
  }
  const std::string metrics = status::metrics_text(*some_status());
  CHECK(metrics.find("# TYPE fleet_sim_readings_lost_total counter") <
        metrics.find("# TYPE fleet_sim_readings_pending gauge"));
  CHECK(metrics.find("# TYPE fleet_sim_reloads_rejected_total counter") <
        metrics.find("# TYPE fleet_sim_resident_memory_bytes gauge"));
}

TEST_CASE("paths, parameters and methods") {
  Rig rig;
  CHECK(rig.ask("/status").status == 200);
  CHECK(rig.ask("/status?x=1").status == 200);
  CHECK(rig.ask("/api/sensors?query=Line+1%2f&limit=3&after=12").status == 200);
  CHECK(rig.asked == "Line 1/|3|12");
  CHECK(json::parse(rig.ask("/api/sensors").body)["next"] == "7");
  CHECK(rig.ask("/api/history").status == 200);
  CHECK(rig.asked == "all");
  CHECK(rig.ask("/api/history?since=1790000000").status == 200);
  CHECK(rig.asked == "1790000000");
  CHECK(rig.ask("/api/sensors/a%2Fb+c").status == 404);
  CHECK(rig.asked == "a/b+c");
  rig.absence = status::Absence::fleet_held_up;
  CHECK(rig.ask("/api/sensors/a").status == 503);
  for (const char* bad :
       {"", "status", "/%", "/%4", "/%g0", "/api/sensors?limit=0", "/api/sensors?limit=1001",
        "/api/sensors?limit=", "/api/sensors?limit=5x", "/api/sensors?after=-1", "/api/history?since=-1",
        "/api/history?since=now", "/?%zz=1", "/api/shards?after=99999999999999999999"}) {
    CHECK_MESSAGE(rig.ask(bad).status == 400, bad);
  }
  for (const char* absent : {"/x", "/status/", "/api", "/api/", "/api/sensors/", "/healthz/x", "//"}) {
    CHECK_MESSAGE(rig.ask(absent).status == 404, absent);
  }
  CHECK(rig.ask("/status", "DELETE").status == 405);
  CHECK(rig.ask("/status", "POST").allow == "GET, HEAD");
  CHECK(rig.ask("/api/stop").allow == "POST");
}

TEST_CASE("health and readiness") {
  Rig rig;
  CHECK(rig.ask("/healthz").status == 200);
  rig.status->reasons = {"a.db: cannot be written"};
  CHECK(rig.ask("/healthz").status == 503);
  CHECK(json::parse(rig.ask("/health").body)["reasons"][0] == "a.db: cannot be written");
  rig.status->reasons.clear();
  CHECK(rig.ask("/readyz").status == 200);
  rig.status->draining = true;
  CHECK(rig.ask("/healthz").status == 200);
  CHECK(rig.ask("/readyz").status == 503);
  rig.status = nullptr;
  CHECK(rig.ask("/healthz").status == 200);
  CHECK(rig.ask("/readyz").status == 503);
  CHECK(rig.ask("/status").status == 503);
  CHECK(rig.ask("/api/stop", "POST", "", "Bearer " + token).status == 503);
  CHECK(status::route({"GET", "/status", "localhost", "", ""}, {}, {}).status == 503);
}

TEST_CASE("only the token's owner changes something") {
  Rig rig;
  for (const char* wrong :
       {"", "Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0",
        "bearer 0123456789abcdef", "Bearer  0123456789abcdef", "Basic 0123456789abcdef"}) {
    CHECK_MESSAGE(rig.ask("/api/stop", "POST", "", wrong).status == 401, wrong);
  }
  CHECK_FALSE(rig.stopped);
  CHECK(rig.ask("/api/stop", "POST", "", "Bearer " + token).status == 202);
  CHECK(rig.stopped);
  CHECK(rig.ask("/api/reload", "POST", "", "Bearer ").status == 401);
  const std::string body = R"({"type": "noise", "sensors": ["a", "b"]})";
  CHECK(rig.ask("/api/anomalies", "POST", body, "Bearer " + token).status == 202);
  CHECK(rig.asked == "noise:b");
  rig.secret.clear();
  CHECK(rig.ask("/api/stop", "POST", "", "Bearer ").status == 403);
}

TEST_CASE("a reload answers what came of it, or where that will be told") {
  Rig rig;
  const auto answer = [&rig](unsigned status) {
    const status::HttpResponse response = rig.ask("/api/reload", "POST", "", "Bearer " + token);
    CHECK(response.status == status);
    return json::parse(response.body);
  };
  CHECK(answer(202) == json{{"accepted", "reload"}, {"see", "reload.history in /status"}});
  rig.reloaded.emplace();
  CHECK(answer(200) == json{{"reload", "nothing changed"}, {"outcome", json::array()}});
  rig.reloaded->push_back({0, true, "config", "simulation.readings_per_second 1 -> 5"});
  CHECK(answer(200)["reload"] == "changed");
  CHECK(answer(200)["outcome"][0]["detail"] == "simulation.readings_per_second 1 -> 5");
  rig.reloaded->push_back({0, false, "identities", "b.json: no JSON"});
  CHECK(answer(409)["error"] == "identities not reloaded: b.json: no JSON");
  CHECK(answer(409)["outcome"].size() == 2);
  CHECK(rig.ask("/api/reload", "POST", "config.yaml", "Bearer " + token).status == 400);
}

TEST_CASE("a scenario is listed by pages, and takes one more entry from the token's owner") {
  Rig rig;
  const json listed = json::parse(rig.ask("/api/scenario?limit=7&after=2").body);
  CHECK(rig.asked == "7|2");
  CHECK(listed["total"] == 1);
  CHECK(listed["entries"][0]["name"] == "out");
  CHECK(listed["entries"][0]["state"] == "coming");
  CHECK(listed["entries"][0]["at"] == "1970-01-01T00:00:00.000000Z");
  CHECK(listed["entries"][0]["reached"] == 3);
  CHECK(listed["entries"][0]["in_all"].is_null());
  CHECK(rig.ask("/api/scenario?limit=0").status == 400);
  CHECK(rig.ask("/api/scenario", "DELETE").allow == "GET, HEAD, POST");

  const std::string body = R"({"name": "x",
    "at": "+1h", "silence": true})";
  const auto post = [&](std::string_view text, std::string_view key = "Bearer 0123456789abcdef") {
    return rig.ask("/api/scenario", "POST", text, key);
  };
  CHECK(post(body, "Bearer wrong").status == 401);
  rig.asked.clear();
  for (const char* wrong : {"", "[]", "{", "7"}) CHECK(post(wrong).status == 400);
  CHECK(rig.asked.empty());
  rig.added.name = "x";
  CHECK(post(body).status == 202);  // told later
  CHECK(rig.asked == R"({"name":"x","at":"+1h","silence":true})");
  rig.added.outcome = {{0, true, "scenario", "scenario.x from none"}};
  CHECK(post(body).status == 200);
  rig.added.outcome->front().entry = "x";
  rig.added.outcome->front().sensors = 0;
  const json empty = json::parse(post(body).body);
  CHECK(empty["outcome"][0]["sensors"] == 0);
  CHECK(empty["warning"] == "scenario.x meets no sensor: none matches its `where` when it begins");
  rig.added.outcome->front().sensors = 3;
  CHECK_FALSE(json::parse(post(body).body).contains("warning"));
  rig.added.is_turned_away = true;
  CHECK(post(body).status == 429);
  rig.added.is_turned_away = false;
  rig.added.outcome = {{0, false, "scenario", "too late"}};
  CHECK(post(body).status == 409);
  rig.added.mistakes = {"scenario.x.at is wrong", "scenario.x.for is wrong"};
  const status::HttpResponse refused = post(body);
  CHECK(refused.status == 400);
  CHECK(json::parse(refused.body)["error"] == "scenario.x.at is wrong; scenario.x.for is wrong");
  rig.added = {.can_reload = false};
  CHECK(post(body).status == 409);
}

TEST_CASE("an injection that is asked for wrongly is told what is wrong") {
  Rig rig;
  const auto error_of = [&rig](const std::string& body) {
    const status::HttpResponse answer = rig.ask("/api/anomalies", "POST", body, "Bearer " + token);
    CHECK(answer.status == 400);
    return json::parse(answer.body)["error"].get<std::string>();
  };
  CHECK(error_of("{") == "the body is not JSON");
  CHECK(error_of("[]") == "the body must be a JSON object, not a list of 0");
  CHECK(error_of("{}") == "the body lacks \"type\"; the body lacks \"sensors\"");
  CHECK(error_of(R"({"type": "spike"})") == "the body lacks \"sensors\"");
  CHECK(error_of(R"({"type": "spike", "sensor": ["a"]})") ==
        "the body has an unknown field 'sensor' (did you mean 'sensors'?); it takes type, sensors, channel, "
        "severity, duration; the body lacks \"sensors\"");
  const std::string types = fmt::format("{}", fmt::join(drawn_anomaly_type_names, ", "));
  CHECK(error_of(R"({"type": 5, "sensors": ["a"]})") ==
        "\"type\" must be one of " + types + ", not a number");
  CHECK(error_of(R"({"type": "spikes", "sensors": ["a"]})") ==
        "\"type\" must be one of " + types + ", not 'spikes' (did you mean 'spike'?)");
  CHECK(error_of(R"({"type": "spike", "sensors": "a"})") ==
        "\"sensors\" must be a list of 1 to 1000 ids, not a string");
  CHECK(error_of(R"({"type": "spike", "sensors": []})") ==
        "\"sensors\" must be a list of 1 to 1000 ids, not a list of 0");
  CHECK(error_of(R"({"type": "spike", "sensors": ["a", 7]})") ==
        "\"sensors\" must be a list of ids in quotes; number 2 of them is a number");
  CHECK(error_of(R"({"type": null, "sensors": {"id": "a"}, "at": 5})") ==
        "the body has an unknown field 'at'; it takes type, sensors, channel, severity, duration; \"type\" "
        "must be "
        "one of " +
            types + ", not null; \"sensors\" must be a list of 1 to 1000 ids, not an object");
  CHECK(rig.asked.empty());
}

TEST_CASE("an injection may name channel, severity and duration, where the type has them") {
  Rig rig;
  const auto ask = [&rig](const std::string& details) {
    const status::HttpResponse answer =
        rig.ask("/api/anomalies", "POST", R"({"sensors": ["a"], )" + details + "}", "Bearer " + token);
    const json body = json::parse(answer.body);
    return answer.status == 202 ? std::string("202") : body["error"].get<std::string>();
  };
  CHECK(ask(R"("type": "offset", "channel": "flow", "severity": 3.5, "duration": "1h30m")") == "202");
  CHECK(rig.asked_anomaly.type == AnomalyType::offset);
  CHECK(rig.asked_anomaly.channel == "flow");
  CHECK(rig.asked_anomaly.severity == 3.5);
  CHECK(rig.asked_anomaly.duration == 5'400'000'000);
  CHECK(ask(R"("type": "missing_data", "duration": 0.25)") == "202");
  CHECK_FALSE(rig.asked_anomaly.channel);
  CHECK_FALSE(rig.asked_anomaly.severity);
  CHECK(rig.asked_anomaly.duration == 250'000);
  CHECK(ask(R"("type": "clip", "channel": null, "severity": null, "duration": null)") == "202");
  CHECK_FALSE(rig.asked_anomaly.channel);
  CHECK_FALSE(rig.asked_anomaly.severity);
  CHECK_FALSE(rig.asked_anomaly.duration);

  rig.asked.clear();
  CHECK(ask(R"("type": "stuck", "severity": 3)") ==
        "stuck anomalies have no severity; leave out \"severity\"");
  CHECK(ask(R"("type": "intermittent", "severity": 1.5)") ==
        "\"severity\" of intermittent anomalies must be a number from 0 to 1, not 1.5");
  CHECK(ask(R"("type": "noise", "severity": "3")") ==
        "\"severity\" of noise anomalies must be a number from 1 to 1000, not a string");
  CHECK(ask(R"("type": "offset", "channel": 2)") ==
        "\"channel\" must be the name of a channel, not a number");
  CHECK(ask(R"("type": "dropout", "channel": "flow")") ==
        "dropout anomalies affect all channels; leave out \"channel\"");
  CHECK(ask(R"("type": "spike", "duration": 0)") == "\"duration\" must be greater than 0, not '0'");
  CHECK(ask(R"("type": "spike", "duration": "101y")").starts_with("\"duration\" must be a duration such as"));
  CHECK(ask(R"("type": "spike", "duration": "40000d")").starts_with("\"duration\" must be at most"));
  CHECK(ask(R"("type": "spike", "duration": [1])") ==
        "\"duration\" must be a time such as \"10m\", or seconds, not a list of 1");
  CHECK(rig.asked.empty());
}

TEST_CASE("an injection that one of the sensors can never have begins in none") {
  Rig rig;
  rig.injected = {.passed_over = {{"b", "its type 'pump' has no channel 'flw'"}}, .is_impossible = true};
  const status::HttpResponse answer =
      rig.ask("/api/anomalies", "POST", R"({"type": "spike", "sensors": ["a", "b"], "channel": "flw"})",
              "Bearer " + token);
  CHECK(answer.status == 400);
  const json said = json::parse(answer.body);
  CHECK(said["error"].get<std::string>().starts_with("nothing was injected"));
  CHECK(said["passed_over"][0]["reason"] == "its type 'pump' has no channel 'flw'");
}

TEST_CASE("a parameter that is wrong is told what it must be, and what it was") {
  Rig rig;
  const auto error_of = [&rig](const char* target, const char* method = "GET", const char* body = "") {
    const status::HttpResponse answer = rig.ask(target, method, body, "Bearer " + token);
    CHECK(answer.status == 400);
    return json::parse(answer.body)["error"].get<std::string>();
  };
  CHECK(error_of("/api/sensors?limit=5x") == "limit must be a whole number from 1 to 1000, not '5x'");
  CHECK(error_of("/api/events?limit=0") == "limit must be a whole number from 1 to 1000, not '0'");
  CHECK(error_of("/api/shards?limit=&after=-1") ==
        "limit must be a whole number from 1 to 1000, not ''; after must be the `next` of the previous page, "
        "not '-1'");
  CHECK(error_of("/api/sensors?qurey=a") ==
        "there is no parameter 'qurey' (did you mean 'query'?); this path takes query, limit, after");
  CHECK(error_of("/api/history?since=now&x=1") ==
        "there is no parameter 'x'; this path takes since; since must be a Unix time in seconds, such as the "
        "last "
        "`time` of the previous answer, not 'now'");
  CHECK(error_of("/api/sensors/a?since=1") ==
        "since must be the timestamp of a reading, such as 1970-01-01T00:00:00.000000Z, not '1'");
  CHECK(error_of("/api/stop", "POST", R"({"sensors": ["a"]})") == "this path takes no body");
  CHECK(error_of("/api/stop?sensor=a", "POST") == "there is no parameter 'sensor'; this path takes none");
  CHECK_FALSE(rig.stopped);
  CHECK(rig.asked.empty());
  CHECK(rig.ask("/api/stop", "POST", " {}\n", "Bearer " + token).status == 202);
}

TEST_CASE("an injection is told which sensors it reached, and why it did not reach the others") {
  Rig rig;
  const auto answer = [&rig](unsigned status) {
    const status::HttpResponse response =
        rig.ask("/api/anomalies", "POST", R"({"type": "spike", "sensors": ["a", "b"]})", "Bearer " + token);
    CHECK(response.status == status);
    return json::parse(response.body);
  };
  rig.injected = {.events = {event_row("a")}, .passed_over = {{"b", "it is in an anomaly"}}};
  status::EventRow& begun = rig.injected.events[0];
  begun.channel = "flow";
  begun.severity = 3;
  begun.sigma = 0.5;
  begun.magnitude = 1.5;
  begun.unit = "m3/h";
  begun.ended_at = 1'000'000;
  const json b_passed_over = json::parse(R"([{"sensor": "b", "reason": "it is in an anomaly"}])");
  json said = answer(202);
  const json& accepted = said["accepted"];
  CHECK(accepted["type"] == "spike");
  CHECK(accepted["sensors"] == json{"a"});
  const json event = accepted["events"][0];
  CHECK(event["sensor_id"] == "a");
  CHECK(event["channel"] == "flow");
  CHECK(event["severity"] == 3);
  CHECK(event["sigma"] == 0.5);
  CHECK(event["magnitude"] == 1.5);
  CHECK(event["unit"] == "m3/h");
  CHECK(event["cause"] == "injected");
  CHECK(event["injected"] == true);
  CHECK(event["ended_at"] == "1970-01-01T00:00:01.000000Z");
  CHECK(said["passed_over"] == b_passed_over);
  rig.injected.events.clear();
  said = answer(409);
  CHECK_FALSE(said.contains("accepted"));
  CHECK(said["passed_over"] == b_passed_over);
  rig.injected.absence = status::Absence::unknown_sensor;
  CHECK(answer(404)["passed_over"] == b_passed_over);
  rig.injected.absence = status::Absence::fleet_held_up;
  answer(503);
}

TEST_CASE("an answer that cannot be made is an error of the run") {
  ErrorCounts errors;
  status::HttpServer server("127.0.0.1:0", 4, {}, errors);
  status::StatusSources sources;
  sources.status = []() -> std::shared_ptr<const status::Status> { throw std::runtime_error("broken"); };
  server.answer_from(sources);
  CHECK_THROWS(status::ask_health(server.address()));
  CHECK(errors.counts()[static_cast<std::size_t>(ErrorClass::http)] == 1);
  CHECK(total_of(errors.counts()) == 1);
  server.answer_from({});
}

TEST_CASE("secrets are equal or not") {
  CHECK(status::equal_secrets("abc", "abc"));
  CHECK_FALSE(status::equal_secrets("abd", "abc"));
  CHECK_FALSE(status::equal_secrets("ab", "abc"));
  CHECK_FALSE(status::equal_secrets("abcabc", "abc"));
  CHECK_FALSE(status::equal_secrets("", "abc"));
}

TEST_CASE("a name that somebody rebound to this machine is not answered") {
  Rig rig;
  for (const char* own :
       {"localhost", "localhost:8080", "127.0.0.1", "127.0.0.9:1", "[::1]:8080", "[::1]", ""}) {
    rig.host = own;
    CHECK_MESSAGE(rig.ask("/status").status == 200, own);
  }
  for (const char* foreign :
       {"example.org", "localhost.example.org", "127.example.org", "[::2]:1", "[", "x127.0.0.1"}) {
    rig.host = foreign;
    CHECK_MESSAGE(rig.ask("/status").status == 403, foreign);
  }
}

TEST_CASE("recent events are the last ones, in their latest state") {
  batch::RecentEvents recent;
  batch::AnomalyEvent event{};
  event.kind = batch::AnomalyEvent::Kind::opened;
  std::vector<batch::AnomalyEvent> many;
  for (std::uint32_t i = 0; i < batch::RecentEvents::most + 10; ++i) {
    event.sensor = i;
    many.push_back(event);
  }
  recent.add(std::span(many).first(20));
  CHECK(recent.newest().size() == 20);
  CHECK(recent.newest().front().sensor == 19);
  recent.add(std::span(many).subspan(20));
  const auto newest = recent.newest();
  CHECK(newest.size() == batch::RecentEvents::most);
  CHECK(newest.front().sensor == batch::RecentEvents::most + 9);
  CHECK(newest.back().sensor == 10);
  event.kind = batch::AnomalyEvent::Kind::closed;
  recent.add(std::span(&event, 1));
  CHECK(recent.newest().front().kind == batch::AnomalyEvent::Kind::closed);
  event.sensor = 3;  // has left the ring
  recent.add(std::span(&event, 1));
  CHECK(recent.newest().size() == batch::RecentEvents::most);
  CHECK(recent.newest().front().sensor == batch::RecentEvents::most + 9);
}

TEST_CASE("readings that follow a known one come alone, others with everything there is") {
  Rig rig;
  const auto detail_of = [&](std::string_view target) {
    rig.sources.sensor = [](std::string_view, status::Absence&) {
      status::SensorDetail detail{sensor_row("a"), "{\"x\": 1}", std::nullopt, {}};
      for (Timestamp due : {1'000'000, 2'000'000, 3'000'000})
        detail.readings.push_back({due, {0, 0, 0}, {}, {}});
      return std::optional(detail);
    };
    return json::parse(rig.ask(target).body);
  };
  const json all = detail_of("/api/sensors/a");
  CHECK(all["continues"] == false);
  CHECK(all["readings"].size() == 3);
  const json following = detail_of("/api/sensors/a?since=1970-01-01T00:00:02.000000Z");
  CHECK(following["continues"] == true);
  CHECK_FALSE(following.contains("effective"));
  REQUIRE(following["readings"].size() == 1);
  CHECK(following["readings"][0]["timestamp"] == "1970-01-01T00:00:03.000000Z");
  CHECK(detail_of("/api/sensors/a?since=1970-01-01T00:00:03Z")["readings"].empty());
  for (const char* unknown : {"0.5", "2.5", "9"}) {
    const json anew = detail_of(std::string("/api/sensors/a?since=1970-01-01T00:00:0") + unknown);
    CHECK_MESSAGE(anew["continues"] == false, unknown);
    CHECK_MESSAGE(anew["readings"].size() == 3, unknown);
    CHECK_MESSAGE(anew.contains("effective"), unknown);
  }
  CHECK(rig.ask("/api/sensors/a?since=yesterday").status == 400);
}

TEST_CASE("percentiles of the last seconds stand beside those of the run, and there are none of nothing") {
  auto status = some_status();
  Histogram histogram;
  histogram.record(2'000'000);
  status->lag = status::distribution_of(histogram);
  status->recent_seconds = 9.5;
  const json said = json::parse(status::status_json(*status));
  CHECK(said["lag_seconds"]["max"] == 2.0);
  CHECK(said["recent"]["span_seconds"] == 9.5);
  CHECK(said["recent"]["lag_seconds"]["count"] == 0);
  CHECK(said["recent"]["lag_seconds"]["p99"].is_null());
}

TEST_CASE("JSON is written as others read it") {
  std::string text;
  JsonWriter writer(text);
  writer.begin('{');
  writer.member("texts", "");
  writer.key("nested");
  writer.begin('[');
  writer.value("a\"b\\c\n\x01 \u00fc \xff");
  writer.value(0.1);
  writer.value(1e300);
  writer.value(std::numeric_limits<double>::quiet_NaN());
  writer.value(-std::numeric_limits<double>::infinity());
  writer.value(UINT64_MAX);
  writer.value(INT64_MIN);
  writer.value(true);
  writer.begin('{');
  writer.end('}');
  writer.value(std::optional<int>());
  writer.end(']');
  writer.key("as_it_stands");
  writer.put("[1, 2]");
  writer.end('}');
  CHECK(json::parse(text) == json{{"texts", ""},
                                  {"nested",
                                   {"a\"b\\c\n\x01 \u00fc \xef\xbf\xbd", 0.1, 1e300, nullptr, nullptr,
                                    UINT64_MAX, INT64_MIN, true, json::object(), nullptr}},
                                  {"as_it_stands", {1, 2}}});
}

}  // namespace fleet_sim::status_api_test
