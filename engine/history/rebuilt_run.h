// A run as its files record it, built again: what each sensor was at every moment, and so what it would have
// read. For commands that ask that of a run which has ended or goes on elsewhere. An immutable value, built
// by one thread; afterwards any thread asks. Owns the identities and profiles of the run; takes as much
// memory as these did in the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/timestamp.h"
#include "batch/values.h"
#include "data/run_record.h"
#include "fleet/added.h"
#include "fleet/profile_table.h"
#include "history/history.h"
#include "identity/identity.h"
#include "model/profile.h"
#include "model/sensor.h"
#include "tables/schema.h"
#include "types/catalog.h"

namespace fleet_sim::history {

class RebuiltRun {
 public:
  // `files` are all that the run wrote to, or those that are left of them. Throws InvalidInput for a run
  // whose record is not whole, and std::runtime_error for a file that cannot be read.
  RebuiltRun(const std::vector<std::filesystem::path>& files, const tables::RunInfo& run);
  // From its record, and no further than `until`.
  RebuiltRun(const data::RunRecord& record, const tables::RunInfo& run, Timestamp until);
  RebuiltRun(const RebuiltRun&) = delete;
  RebuiltRun& operator=(const RebuiltRun&) = delete;

  // Whether the sensor was in the fleet at that moment.
  [[nodiscard]] bool had(std::string_view sensor, Timestamp at) const;

  // What the sensor reads at that moment if nothing is wrong with it, as a scenario has made it; nothing
  // where it was not in the fleet.
  [[nodiscard]] std::optional<batch::Values> clean_values(std::string_view sensor, Timestamp at) const;

  // A time in which a sensor stayed what it was: from `from` to before `to`.
  struct Stretch {
    Timestamp from;
    Timestamp to;
    const model::Profile* profile;
    const model::SharedKeys* shared;
    std::uint32_t identity;
    identity::OverlayIndex overlay;
  };
  // A part of the sensor was replaced out of turn.
  struct Service {
    Timestamp at;
    std::size_t aging;
  };
  // What was added to its readings, until it ended or the entry's next turn took its place.
  struct PastAddition {
    fleet::Added added;
    Timestamp gone;
    Timestamp all_gone;  // this one, and all before it
  };
  struct Life {
    std::vector<Stretch> stretches;  // in order, as is all else
    std::vector<PastAddition> additions;
    std::vector<Service> serviced;

    // The sum for each channel at that moment, in `sums`; false: nothing is added.
    [[nodiscard]] bool add_up(Timestamp at, std::span<double> sums) const;
  };
  // Null for a sensor that the run never had.
  [[nodiscard]] const Life* find(std::string_view sensor) const {
    const auto life = lives_.find(sensor);
    return life == lives_.end() ? nullptr : &life->second;
  }
  [[nodiscard]] const Stretch* find(const Life& life, Timestamp at) const;

  // How many words are remembered of the signal of any sensor, at most (memories.h).
  [[nodiscard]] std::size_t most_knot_words() const;

  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] const identity::Roster& roster() const { return roster_; }
  [[nodiscard]] const History& history() const { return *history_; }
  [[nodiscard]] const LifeTable& life_table() const { return *life_table_; }
  [[nodiscard]] const std::shared_ptr<const types::Catalog>& types() const { return types_; }

 private:
  using Tables = std::unordered_map<const config::Config*, std::shared_ptr<fleet::ProfileTable>>;

  const std::shared_ptr<fleet::ProfileTable>& table_of(const std::shared_ptr<const config::Config>& config);
  void follow_scenario(Timestamp until);
  void note_service(std::uint32_t sensor, Timestamp at, const std::vector<std::string>& what);

  std::uint64_t seed_;
  identity::Roster roster_;
  std::optional<History> history_;       // once the record has been read
  std::optional<LifeTable> life_table_;  // borrows it
  Tables tables_;                        // by config, which each shares
  std::shared_ptr<const types::Catalog> types_;
  std::unordered_map<std::string_view, Life> lives_;  // by id, of the roster's
};

}  // namespace fleet_sim::history
