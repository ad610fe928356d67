// The last 15 minutes of a run, as /api/history tells them, over a clock of the test's.
#include "status/history.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <vector>

#include "base/histogram.h"
#include "base/timestamp.h"
#include "status/status.h"
#include "status/status_json.h"

namespace fleet_sim::history_test {

using nlohmann::json;

namespace {

using Seconds = std::vector<std::int64_t>;

constexpr std::int64_t noon = 1'790'000'000;

struct Rig {
  // What is published at a second and a part of it, counted from noon.
  void add(double second, std::uint64_t rows_waiting = 0) {
    status.rows_waiting = rows_waiting;
    history.add(static_cast<Timestamp>((noon + second) * microseconds_per_second), status);
  }

  json told(std::optional<std::int64_t> since = std::nullopt) {
    if (since) *since += noon;
    return json::parse(history.json(since));
  }

  Seconds seconds(std::optional<std::int64_t> since = std::nullopt) {
    Seconds seconds = told(since)["time"].get<Seconds>();
    for (std::int64_t& one : seconds) one -= noon;
    return seconds;
  }

  status::Status status;
  status::History history;
};

// The path of each number there is; arrays of numbers count as one.
void add_paths(const json& tree, const json::json_pointer& path, std::vector<json::json_pointer>& paths) {
  if (!tree.is_object()) return paths.push_back(path);
  for (const auto& [name, child] : tree.items()) add_paths(child, path / name, paths);
}

}  // namespace

TEST_CASE("each second of the clock has the first status of it") {
  Rig rig;
  CHECK(rig.seconds().empty());
  rig.add(0.2, 10);
  rig.add(0.45, 11);
  rig.add(0.95, 12);
  rig.add(1.2, 13);
  rig.add(2.0, 14);
  CHECK(rig.seconds() == Seconds{0, 1, 2});
  CHECK(rig.told()["queue"]["rows"] == json{10, 13, 14});
}

TEST_CASE("seconds in which nothing was published stay empty") {
  Rig rig;
  for (const double second : {0.0, 1.0, 17.5, 18.5}) rig.add(second);
  CHECK(rig.seconds() == Seconds{0, 1, 17, 18});
}

TEST_CASE("15 minutes are kept, however long the run, and however long it slept") {
  Rig rig;
  for (int second = 0; second < 2'000; ++second) rig.add(second);
  Seconds last(900);
  std::iota(last.begin(), last.end(), 1'100);
  CHECK(rig.seconds() == last);
  rig.add(2'890);
  CHECK(rig.seconds() == Seconds{1'991, 1'992, 1'993, 1'994, 1'995, 1'996, 1'997, 1'998, 1'999, 2'890});
  rig.add(10'000);
  CHECK(rig.seconds() == Seconds{10'000});
}

TEST_CASE("what follows a known second comes alone, everything when it is not known") {
  Rig rig;
  for (const int second : {0, 1, 2, 5}) rig.add(second);
  CHECK(rig.told()["continues"] == false);
  CHECK(rig.told(1)["continues"] == true);
  CHECK(rig.seconds(1) == Seconds{2, 5});
  CHECK(rig.told(1)["queue"]["rows"].size() == 2);
  CHECK(rig.told(5)["continues"] == true);
  CHECK(rig.seconds(5).empty());
  for (const std::int64_t unknown : {-1, 3, 6}) {
    CHECK(rig.told(unknown)["continues"] == false);
    CHECK(rig.seconds(unknown) == Seconds{0, 1, 2, 5});
  }
  rig.add(6);  // all are asked for again after a new one
  CHECK(rig.seconds() == Seconds{0, 1, 2, 5, 6});
}

TEST_CASE("a clock that is set back leaves no second twice and none in the future") {
  Rig rig;
  for (const int second : {0, 1, 2, 3}) rig.add(second, 1);
  rig.add(1.5, 2);
  CHECK(rig.seconds() == Seconds{0, 1});
  CHECK(rig.told()["queue"]["rows"] == json{1, 2});
  CHECK(rig.told(3)["continues"] == false);
}

TEST_CASE("the history has the places and the numbers of the status") {
  Rig rig;
  rig.status.run.readings_per_second = 15;
  rig.status.now.errors[0] = 3;
  rig.status.now.books.anomalies_by_type[1] = 5'000'000;
  rig.add(0);
  Histogram histogram;
  histogram.record(2'000'000);
  rig.status.recent_lag = status::distribution_of(histogram);
  rig.status.run.due_per_second = 150.5;
  rig.status.written_per_second = 14.25;
  rig.add(1);
  const json said = json::parse(status::status_json(rig.status));
  json history = rig.told();
  CHECK(history["recent"]["lag_seconds"]["p99"] == json{nullptr, 2.0});
  CHECK(history["fleet"]["due_per_second"] == json{nullptr, 150.5});
  CHECK(history["anomalies"]["by_type"]["trend"] == json{5'000'000, 5'000'000});
  CHECK(history["anomalies"]["by_type"]["trend"][0].is_number_integer());
  history.erase("time");
  history.erase("continues");
  std::vector<json::json_pointer> paths;
  add_paths(history, json::json_pointer(), paths);
  CHECK(paths.size() > 20);
  for (const json::json_pointer& path : paths) {
    CAPTURE(path.to_string());
    CHECK(history[path].size() == 2);
    CHECK(history[path][1] == said[path]);
  }
}

}  // namespace fleet_sim::history_test
