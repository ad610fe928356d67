#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "fleet/fleet.h"
#include "model/sensor.h"
#include "simulation.h"
#include "sqlite/shard_plan.h"
#include "workloads.h"

namespace fleet_sim::bench {
namespace {

constexpr std::size_t sensors = 1'000'000;

// What a million sensors take.
struct Built {
  double bytes = 0;    // per sensor: identity, place among the shards, and hot state
  double seconds = 0;  // without the identities
};

double resident_bytes() {
  std::uint64_t all_pages = 0;
  std::uint64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> all_pages >> resident_pages;
  return static_cast<double>(resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// A failure ends the process, which is a child.
Built build() noexcept {
  malloc_trim(0);
  const double before = resident_bytes();
  const identity::Roster roster = make_roster(sensors);
  const auto began = std::chrono::steady_clock::now();
  const std::vector<std::uint32_t> members = fleet::partition_members(roster, {});
  config::Config config;
  config.sharding = {config::ShardKey::hash, 64};
  const sqlite::ShardPlan plan =
      sqlite::plan_shards(roster, members, std::vector<double>(members.size(), 1.0), config);
  const fleet::Fleet fleet = fleet::build_fleet(roster, members, plan.writer_of, config, 1, start);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return {(resident_bytes() - before) / static_cast<double>(fleet.size()), elapsed.count()};
}

// In a process of its own, whose memory nobody has used and given back before.
Built build_apart() {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    const Built built = build();
    _exit(::write(ends[1], &built, sizeof built) == sizeof built ? 0 : 1);
  }
  ::close(ends[1]);
  Built built;
  const bool reported = ::read(ends[0], &built, sizeof built) == sizeof built;
  ::close(ends[0]);
  waitpid(child, nullptr, 0);
  if (!reported) throw std::runtime_error("the process that builds a million sensors ended early");
  return built;
}

}  // namespace

double sensor_bytes(const Folders&) {
  return build_apart().bytes;
}

double build_seconds(const Folders&) {
  return build_apart().seconds;
}

double hot_bytes(const Folders&) {
  return sizeof(model::Sensor);
}

}  // namespace fleet_sim::bench
