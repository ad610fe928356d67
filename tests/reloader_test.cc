// The reloader with real files under a real scheduler, and nothing written: its bounds, and what it counts
// and remembers.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "run/reloader.h"
#include "sqlite/shard_plan.h"
#include "start/describe_run.h"
#include "support/rosters.h"
#include "support/temporary_folder.h"

namespace fleet_sim::reloader_test {

using namespace fleet_sim::test;
using namespace std::chrono_literals;

namespace {

// Files that are replaced whole, so that none is ever read half-written.
class Files {
 public:
  Files() {
    write_config("");
    write_identities({"a", "b"});
  }

  void write_config(const std::string& more) const {
    replace("config.yaml",
            "config_reload: {check_interval_seconds: 0.01}\ndatabase: {sink: 'null'}\n"
            "simulation: {readings_per_second: 100}\nfleet: {identities: [" +
                folder_ / "fleet.jsonl" + "]}\n" + more);
  }
  void write_identities(const std::vector<std::string>& ids) const {
    std::string lines;
    for (const std::string& id : ids) lines += "{\"id\": \"" + id + "\"}\n";
    replace("fleet.jsonl", lines);
  }

  [[nodiscard]] start::Inputs read() const { return start::read_inputs({{folder_ / "config.yaml"}, {}}); }

 private:
  void replace(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / "next", std::ios::binary) << text;
    std::filesystem::rename(folder_ / "next", folder_ / name);
  }

  TemporaryFolder folder_;
};

// A paced fleet whose readings go nowhere, and its reloader.
class ReloadedFleet {
 public:
  ReloadedFleet(start::Inputs inputs, run::ReloadLimits limits, Timestamp not_before = earliest_timestamp)
      : inputs_(std::move(inputs)) {
    run_.start = start_;
    editions_.begin({std::make_shared<const config::Config>(inputs_.config),
                     start::readings_config_hash(inputs_.config),
                     std::make_shared<const start::Members>(inputs_.members),
                     std::make_shared<const write::Targets>(plan_.targets), plan_.shard_count,
                     fleet_.readings_per_second(), 0});
    scheduler_ = std::make_unique<schedule::Scheduler>(
        schedule::Schedule{clock_, start_, latest_timestamp, 2}, fleet_, pool_,
        std::span<batch::BatchQueue* const>(&borrowed_, 1), ledger_);
    reloader_ =
        std::make_unique<run::Reloader>(run::ReloadTargets{inputs_,
                                                           inputs_.identities.roster,
                                                           plan_.place_of,
                                                           editions_,
                                                           {},
                                                           fleet_,
                                                           *scheduler_,
                                                           run_,
                                                           reloads_,
                                                           errors_,
                                                           log_,
                                                           not_before,
                                                           limits},
                                        start::LatestEdition{*editions_.current(), fleet_.profiles()});
    consumer_ = std::thread([this] { consume(); });
    scheduler_->start();
    reloader_->start();
  }
  ~ReloadedFleet() {
    reloader_->stop();
    scheduler_->request_stop();
    CHECK(scheduler_->wait_for(60s));
    CHECK(ledger_.books().due == fleet_.due_before(scheduler_->reached()));
    handed_over_ = true;
    consumer_.join();
  }
  ReloadedFleet(const ReloadedFleet&) = delete;
  ReloadedFleet& operator=(const ReloadedFleet&) = delete;

  [[nodiscard]] status::ReloadHistory history() const { return reloader_->history(); }
  // Adds an entry that silences some sensors for good.
  status::AddedEntry add(const std::string& name, const std::string& ids,
                         std::chrono::milliseconds at_most = 30s) {
    scenario::Entry entry;
    entry.name = name;
    entry.at = {true, microseconds_per_day};
    entry.where.id = ids;
    entry.verb = scenario::Silence{};
    return reloader_->add(std::move(entry), at_most);
  }
  [[nodiscard]] std::uint64_t errors(ErrorClass error_class) const {
    return errors_.counts()[static_cast<std::size_t>(error_class)];
  }
  [[nodiscard]] std::size_t sensors() const { return editions_.current()->members->size(); }
  [[nodiscard]] Timestamp reached() const { return scheduler_->reached(); }
  [[nodiscard]] std::size_t roster_size() const { return inputs_.identities.roster.size(); }

  void wait_for(std::uint64_t accepted, std::uint64_t rejected) const {
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (history().accepted < accepted || history().rejected < rejected) {
      if (std::chrono::steady_clock::now() > until) break;
      std::this_thread::sleep_for(1ms);
    }
    CHECK(history().accepted == accepted);
    CHECK(history().rejected == rejected);
  }

  // How many anomalies that began before `moment` identities from `first` to before `end` have shown.
  [[nodiscard]] std::size_t shown_from_before(Timestamp moment, std::size_t first, std::size_t end) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(begun_, [&](const batch::AnomalyEvent& event) {
      return event.sensor >= first && event.sensor < end && event.started_at < moment;
    }));
  }

  // Long enough for several looks at files that are to change nothing more.
  void look_again() const { std::this_thread::sleep_for(100ms); }

 private:
  void consume() {
    while (!handed_over_) {
      while (batch::Batch* batch = queue_.pop()) {
        const std::lock_guard lock(mutex_);
        for (const batch::AnomalyEvent& event : batch->events) {
          if (batch::begins(event.kind)) begun_.push_back(event);
        }
        pool_.release(batch);
      }
      queue_.wait_until(std::chrono::steady_clock::now() + 1ms);
    }
  }

  start::Inputs inputs_;
  Timestamp start_ = system_now();
  SimulationClock clock_{start_, std::chrono::steady_clock::now(), 1.0};
  sqlite::ShardPlan plan_ =
      sqlite::plan_shards(inputs_.identities.roster, inputs_.members,
                          std::vector<double>(inputs_.members.size(), 1.0), inputs_.config);
  fleet::Fleet fleet_ = fleet::build_fleet(inputs_.identities.roster, inputs_.members, plan_.writer_of,
                                           inputs_.config, 7, start_);
  batch::BatchPool pool_{8};
  batch::BatchQueue queue_{8};
  batch::BatchQueue* borrowed_ = &queue_;
  Ledger ledger_;
  tables::RunInfo run_;
  tables::RunReloads reloads_;
  start::Editions editions_;
  ErrorCounts errors_;
  log::Log log_{log::LogSettings(), "", [](spdlog::level::level_enum, const std::string&) {}};
  std::unique_ptr<schedule::Scheduler> scheduler_;
  std::unique_ptr<run::Reloader> reloader_;
  std::mutex mutex_;
  std::vector<batch::AnomalyEvent> begun_;  // under mutex_
  std::atomic<bool> handed_over_{false};
  std::thread consumer_;
};

}  // namespace

TEST_CASE("reloads and refusals are counted apart, and the last twenty are remembered") {
  const Files files;
  ReloadedFleet fleet(files.read(), {});
  CHECK(fleet.history().last.empty());

  const std::string warmer = "normal_parameters: {temperature: {mean: 70}}\n";
  const Timestamp began = system_now();
  files.write_config(warmer);
  fleet.wait_for(1, 0);
  status::ReloadRecord record = fleet.history().last.at(0);
  CHECK(record.accepted);
  CHECK(record.what == "config");
  CHECK(record.detail == "normal_parameters.temperature.mean 65 -> 70");
  CHECK(record.at >= began);

  files.write_config(warmer + "nonsense: 1\n");
  fleet.wait_for(1, 1);
  fleet.look_again();
  fleet.wait_for(1, 1);  // the same content is refused once
  record = fleet.history().last.at(1);
  CHECK_FALSE(record.accepted);
  CHECK(record.what == "config");
  CHECK(record.detail.find("nonsense") != std::string::npos);

  files.write_identities({"a", "a"});
  fleet.wait_for(1, 2);
  CHECK(fleet.history().last.at(2).what == "identities");
  CHECK(fleet.history().refused_files == 1);
  CHECK(fleet.errors(ErrorClass::config) == 1);
  CHECK(fleet.errors(ErrorClass::identity) == 1);

  // Back to what is running is no change.
  files.write_config(warmer);
  files.write_identities({"b", "a"});
  fleet.look_again();
  fleet.wait_for(1, 2);

  for (std::uint64_t i = 0; i < 20; ++i) {
    files.write_identities({"a", "b", "c" + std::to_string(i)});
    fleet.wait_for(2 + i, 2);
  }
  const status::ReloadHistory history = fleet.history();
  CHECK(history.last.size() == status::ReloadHistory::kept);
  CHECK(history.last.front().detail == "1 added (c0)");
  CHECK(history.last.back().detail == "1 added (c19), 1 removed (c18)");
  CHECK(fleet.sensors() == 3);
}

TEST_CASE("beyond so many reloads the fleet goes on as it is") {
  const Files files;
  ReloadedFleet fleet(files.read(), {.reloads = 2});
  files.write_identities({"a", "b", "c"});
  fleet.wait_for(1, 0);
  files.write_config("anomalies: {probability: 0.1}\n");
  fleet.wait_for(2, 0);
  const std::size_t roster_size = fleet.roster_size();

  files.write_identities({"a", "b", "c", "d"});
  fleet.wait_for(2, 1);
  CHECK(fleet.history().last.back().detail ==
        "this run was already reloaded 2 times; restart it to apply more changes");
  files.write_config("anomalies: {probability: 0.2}\n");
  fleet.wait_for(2, 2);
  fleet.look_again();
  fleet.wait_for(2, 2);
  CHECK(fleet.sensors() == 3);
  CHECK(fleet.roster_size() == roster_size);  // however often what was refused is looked at

  // What changes no reading is taken up still.
  files.write_config("anomalies: {probability: 0.1}\nlogging: {level: ERROR}\n");
  fleet.wait_for(3, 2);
}

TEST_CASE("beyond so many new identities the fleet goes on as it is") {
  const Files files;
  ReloadedFleet fleet(files.read(), {.new_identities = 3});
  files.write_identities({"a", "b", "c", "d"});
  fleet.wait_for(1, 0);
  files.write_identities({"a", "b", "c", "d", "e", "f"});
  fleet.wait_for(1, 1);
  CHECK(fleet.history().last.back().detail ==
        "more than 3 identities were added or changed since the start; restart to apply more changes");
  fleet.look_again();
  CHECK(fleet.sensors() == 4);
  CHECK(fleet.roster_size() == 4);

  files.write_identities({"a", "b", "c", "e"});  // to leave is free
  fleet.wait_for(2, 1);
  CHECK(fleet.sensors() == 4);
}

TEST_CASE("the answer to an entry says how many sensors it meets") {
  const Files files;
  files.write_identities({"a1", "a2", "b"});
  ReloadedFleet fleet(files.read(), {});
  for (const auto& [ids, sensors] : {std::pair("a*", 2U), std::pair("c*", 0U)}) {
    const status::AddedEntry added = fleet.add(std::string("off ") + ids, ids);
    CHECK_FALSE(added.is_turned_away);
    REQUIRE(added.outcome.has_value());
    REQUIRE(added.outcome->size() == 1);
    CHECK(added.outcome->front().accepted);
    CHECK(added.outcome->front().sensors == sensors);
    CHECK(fleet.history().last.back().sensors == sensors);
  }
  // What becomes of the files meanwhile is another matter.
  files.write_config("nonsense: 1\n");
  const status::AddedEntry added = fleet.add("off", "b");
  REQUIRE(added.outcome.has_value());
  CHECK(std::ranges::all_of(*added.outcome, &status::ReloadRecord::accepted));
}

TEST_CASE("whom an entry has reached among too many is not known later either") {
  const Files files;
  const auto write_entries = [&](const std::vector<std::string>& entries) {
    std::string scenario = "scenario:\n";
    for (const std::string& entry : entries) scenario += "- {at: +1d, silence: true, " + entry + "}\n";
    files.write_config(scenario);
  };
  std::vector<std::string> entries{"name: first", "name: second", "name: later, where: {event: second}"};
  while (entries.size() <= timeline::most_remembered)
    entries.push_back("name: e" + std::to_string(entries.size()));
  write_entries(entries);
  ReloadedFleet fleet(files.read(), {});
  entries.resize(3);
  write_entries(entries);
  fleet.wait_for(1, 0);
  entries.push_back("name: new");
  write_entries(entries);
  fleet.wait_for(2, 0);
  write_entries({entries[0], entries[1], entries[2], entries[3], "name: x, where: {event: first}"});
  fleet.wait_for(2, 1);
  CHECK(fleet.history().last.back().detail.find("has or had more than 100 entries") != std::string::npos);
  // Of others it is.
  write_entries({entries[0], entries[1], entries[2], entries[3], "name: x, where: {event: second}",
                 "name: y, where: {event: new}"});
  fleet.wait_for(3, 1);
  // One that begins anew has reached nobody yet.
  write_entries({entries[1], entries[2]});
  fleet.wait_for(4, 1);
  write_entries({entries[0], entries[1], entries[2], "name: x, where: {event: first}"});
  fleet.wait_for(5, 1);
}

TEST_CASE("only so many entries wait to be added") {
  const Files files;
  ReloadedFleet fleet(files.read(), {.waiting_entries = 2}, latest_timestamp);
  for (const char* const name : {"one", "two"}) {
    const status::AddedEntry added = fleet.add(name, "a", 0ms);
    CHECK_FALSE(added.is_turned_away);
    CHECK_FALSE(added.outcome.has_value());  // they wait
  }
  CHECK(fleet.history().turned_away == 0);
  const status::AddedEntry one_more = fleet.add("three", "a");
  CHECK(one_more.is_turned_away);
  CHECK(fleet.history().turned_away == 1);
}

TEST_CASE("who leaves and comes back is in no anomaly from before; who is new may be") {
  const Files files;
  files.write_config("anomalies: {probability: 0.9}\n");
  std::vector<std::string> ids{"a"};
  const auto add = [&ids](const std::string& name) {
    for (int i = 0; i < 60; ++i) ids.push_back(name + std::to_string(i));
  };
  add("b");
  files.write_identities(ids);
  ReloadedFleet fleet(files.read(), {});
  files.write_identities({"a"});
  fleet.wait_for(1, 0);
  const Timestamp away = fleet.reached();
  const std::size_t coming_back = fleet.roster_size();
  files.write_identities(ids);
  fleet.wait_for(2, 0);
  add("c");
  const Timestamp before_new_ones = fleet.reached();
  const std::size_t new_ones = fleet.roster_size();
  files.write_identities(ids);
  fleet.wait_for(3, 0);
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (fleet.shown_from_before(before_new_ones, new_ones, SIZE_MAX) <= 10) {
    REQUIRE(std::chrono::steady_clock::now() < until);
    fleet.look_again();
  }
  CHECK(fleet.shown_from_before(away, coming_back, new_ones) == 0);
}

}  // namespace fleet_sim::reloader_test
