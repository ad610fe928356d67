#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "fleet/fleet.h"
#include "simulation.h"
#include "timeline/plan.h"
#include "timeline/script.h"
#include "workloads.h"

namespace fleet_sim::bench {

namespace {

double rate_under(const config::Config& config) {
  constexpr Timestamp end = start + 2'000 * microseconds_per_second;
  identity::Roster roster = make_roster(1'000);
  const std::vector<std::uint32_t> members = fleet::partition_members(roster, {});
  const std::vector<std::uint32_t> writer_of(members.size(), 0);
  fleet::Fleet fleet = fleet::build_fleet(roster, members, writer_of, config, 1, start);
  if (!config.scenario.empty()) {
    timeline::note_texts(roster, config.scenario);
    fleet.follow(
        std::make_shared<const timeline::Script>(timeline::plan_of(config.scenario, start), roster, 1));
  }
  batch::Batch batch;
  std::uint64_t due = 0;
  const auto began = std::chrono::steady_clock::now();
  for (fleet::Cohort& cohort : fleet.cohorts()) {
    while (cohort.next_due() < end) {
      due += cohort.tick(end, batch).due;
      batch.clear();
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(due) / elapsed.count();
}

scenario::Entry entry(const char* name, Microseconds after, scenario::Verb verb, double share) {
  scenario::Entry entry;
  entry.name = name;
  entry.at = {true, after};
  entry.verb = std::move(verb);
  entry.waves = {{0, share}};
  return entry;
}

// A rollout, an outage whose rows come afterwards, and warm days.
scenario::Entries eventful() {
  constexpr Microseconds second = microseconds_per_second;
  scenario::Set set;
  set.firmware_version = "1.5";
  scenario::Deliver hold;
  hold.hold = true;
  scenario::Entries entries{entry("rollout", 300 * second, set, 1), entry("outage", 800 * second, hold, 0.2),
                            entry("heat", 1'200 * second, scenario::Add{{{"temperature", 5.0}}}, 0.2)};
  entries[0].spread = 700 * second;
  entries[1].duration = 200 * second;
  entries[2].duration = 500 * second;
  entries[2].fade = 60 * second;
  return entries;
}

}  // namespace

double tick_rate(const Folders&) {
  return rate_under({});
}

double tick_told_rate(const Folders&) {
  config::Config config;
  config.scenario = eventful();
  config.delivery = {
      .drop = 0.001, .late = {0.01, 8 * microseconds_per_second}, .duplicate = 0.0003, .jitter = 20'000};
  return rate_under(config);
}

}  // namespace fleet_sim::bench
