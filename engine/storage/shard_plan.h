// Which sensor goes to which file, and which file to which writer. Worked out once while starting: files from
// the shard key of each member, writers by dealing out the files so that each writer gets about the same
// number of rows. Pure, but for check_shard_files, which looks at the files there are.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "config/config.h"
#include "identity/identity.h"

namespace fleet_sim {

struct ShardPlan {
  // Where a sensor's rows go: a writer, and a file among that writer's.
  struct Place {
    std::uint32_t writer = 0;
    std::uint32_t shard = 0;
  };

  std::vector<std::vector<std::string>> paths;  // per writer
  std::vector<Place> place_of;                  // per roster index; meaningful for members
  std::vector<std::uint32_t> writer_of;         // per member
  std::size_t shard_count = 0;
};

// The file of the sensors with this shard key.
std::string shard_path(const Config& config, std::string_view key);

// `rates` gives the readings per second of each member, the weight of its shard.
ShardPlan plan_shards(const Roster& roster, std::span<const std::uint32_t> members,
                      std::span<const double> rates, const Config& config);

// What the plan's files hold before the run.
struct ExistingFiles {
  // A database that SQLite cannot make out any more.
  struct Corrupt {
    std::string path;
    std::string message;
  };

  std::uint64_t files = 0;
  std::uint64_t rows = 0;
  std::vector<Corrupt> corrupt;
};

// Looks at the files of the plan that exist already, without changing them, and reports those that cannot be
// appended to: those of somebody else.
ExistingFiles check_shard_files(const ShardPlan& plan, Problems& problems);

}  // namespace fleet_sim
