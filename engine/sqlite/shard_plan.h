// Which sensor goes to which file, and which file to which writer. Worked out once while starting: files from
// the shard key of each member, writers by dealing out the files so that each writer gets about the same
// number of rows. A file of an earlier version keeps its name, so making the plan looks whether there is one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/problems.h"
#include "config/config.h"
#include "identity/identity.h"
#include "sqlite/shard_key.h"
#include "types/catalog.h"
#include "write/places.h"

namespace fleet_sim::sqlite {

struct ShardPlan {
  write::Targets targets;
  write::Places place_of;                // per roster index; meaningful for members
  std::vector<std::uint32_t> writer_of;  // per member
  std::size_t shard_count = 0;
};

// The file of a sensor of this roster: that of its shard key and type. The one that an earlier version made,
// where there is no other.
std::string shard_path(const config::Config& config, const identity::Roster& roster,
                       const identity::Identity& identity);

// `rates` gives the readings per second of each member, the weight of its shard. Borrows the types.
ShardPlan plan_shards(const identity::Roster& roster, std::span<const std::uint32_t> members,
                      std::span<const double> rates, const config::Config& config,
                      const types::Catalog& types = *types::built_in_types());

// Where sensors go that come to a running fleet: to the file of their shard key and type where there is one,
// else to a new one of the writer that has fewest. One thread.
class ShardPlaces {
 public:
  // `targets` has the files there are. Borrows the config and the types.
  ShardPlaces(const write::Targets& targets, const config::Config& config,
              const types::Catalog& types = *types::built_in_types());

  // The places of these identities, by their order, and the files that would be new. Changes nothing.
  struct Proposal {
    std::vector<write::Place> places;
    write::Targets new_targets;
  };
  [[nodiscard]] Proposal propose(const identity::Roster& roster,
                                 std::span<const std::uint32_t> identities) const;

  // From now on the proposed files are there. The latest proposal only.
  void accept(const Proposal& proposal);

  [[nodiscard]] std::size_t size() const { return place_of_path_.size(); }

 private:
  [[nodiscard]] const write::Place* find(const FileKey& key) const;

  const config::Config& config_;
  const types::Catalog& types_;
  std::unordered_map<std::string, write::Place> place_of_path_;
  std::vector<std::uint32_t> counts_;  // per writer
};

// What files hold before the run.
struct ExistingFiles {
  // A database that SQLite can no longer read.
  struct Corrupt {
    std::string path;
    std::string message;
  };

  std::uint64_t files = 0;
  std::uint64_t rows = 0;
  std::vector<Corrupt> corrupt;
};

// Looks at those files that exist already, without changing them, and reports the ones that cannot be
// appended to: those of somebody else, and those whose readings have other channels.
ExistingFiles check_shard_files(const write::Targets& targets, Problems& problems);

}  // namespace fleet_sim::sqlite
