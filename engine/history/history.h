// The history of a run: what its fleet was from when to when, built from the record in its shards
// (run_record.h). An immutable value once built, by one thread; sensors are their ids, and an identity is an
// index into the roster that was built with it, which has every identity of the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/timestamp.h"
#include "config/config.h"
#include "data/run_record.h"
#include "identity/identity.h"
#include "tables/run_reloads.h"
#include "tables/schema.h"

namespace fleet_sim::history {

using Members = std::vector<std::uint32_t>;  // indices into the roster

// A sensor that joined with a reload, or became another.
struct Became {
  std::optional<std::uint32_t> from;  // none: it joined
  std::uint32_t to = 0;
  bool comes_back = false;  // and had been in the fleet before
};

struct PastReload {
  tables::RunReload reload;
  std::shared_ptr<const config::Config> config;  // from then on
  bool changes_config = false;
  std::vector<Became> became;
};

// The config that the row of run_info tells, with its seed and start. Throws InvalidInput if it cannot be
// read.
config::Config recorded_config(const tables::RunInfo& run);

// The names of the tables that the readings of a run are in, wherever each type has one of its own: that of
// the built-in type first.
std::vector<std::string> readings_tables(const tables::RunInfo& run, const data::RunRecord& record);

// `process` with the settings of `other` that decide readings.
config::Config with_readings_of(const config::Config& process, const config::Config& other);

class History {
 public:
  // A run without a reload so far, whose sensors are these of the roster.
  History(Timestamp start, std::shared_ptr<const config::Config> began_under, Members began_with);

  // Builds the roster too. Configs are what `process`, the config of this process, becomes under those
  // recorded. Throws InvalidInput for a config that cannot be read.
  static History of_record(const data::RunRecord& record, Timestamp start, const config::Config& process,
                           const config::Config& began_under, identity::Roster& roster);

  [[nodiscard]] Timestamp start() const { return start_; }
  [[nodiscard]] const Members& began_with() const { return began_with_; }
  [[nodiscard]] const std::vector<PastReload>& reloads() const { return reloads_; }

  // After this many of the reloads.
  [[nodiscard]] const std::shared_ptr<const config::Config>& config_after(std::size_t reloads) const {
    return reloads == 0 ? began_under_ : reloads_[reloads - 1].config;
  }
  [[nodiscard]] Members members_after(std::size_t reloads) const;
  // The same, after one more reload.
  [[nodiscard]] static Members members_after(const Members& members, const PastReload& next);

  // How many reloads are at `moment` or before.
  [[nodiscard]] std::size_t reloads_until(Timestamp moment) const;

  // Every identity that any sensor has had.
  [[nodiscard]] Members everyone() const;

 private:
  Timestamp start_;
  std::shared_ptr<const config::Config> began_under_;
  Members began_with_;
  std::vector<PastReload> reloads_;
};

// The lives of the sensors, one after another.
class LifeTable {
 public:
  // A time in which a sensor was in the fleet and neither its identity nor the config changed.
  struct Piece {
    Timestamp from;
    Timestamp to;
    std::uint32_t identity;
    std::size_t reloads;  // the config is that after so many
    bool joins;           // the sensor was not in the fleet before …
    bool comes_back;      // … but earlier
  };

  // Borrows both.
  LifeTable(const History& history, const identity::Roster& roster);

  // Each sensor, by the first of its identities.
  [[nodiscard]] const std::vector<std::uint32_t>& sensors() const { return sensors_; }
  // The first identity of the sensor that has this one; indices beyond its end are their own.
  [[nodiscard]] const std::shared_ptr<const std::vector<std::uint32_t>>& first_of() const {
    return first_of_;
  }

  // Those pieces of the sensor's life that end after `since`, in order. Several may be of no length.
  [[nodiscard]] std::vector<Piece> pieces(std::uint32_t sensor, Timestamp since) const;

  [[nodiscard]] Timestamp first_joined(std::uint32_t sensor) const { return turns_[sensor].front().at; }
  // The piece with which the sensor, which is in the fleet at `moment`, joined it for the last time.
  [[nodiscard]] Piece last_joined(std::uint32_t sensor, Timestamp moment) const;

 private:
  // From then on the sensor is this, or not in the fleet.
  struct Turn {
    Timestamp at;
    std::size_t reloads;
    std::optional<std::uint32_t> identity;
    bool joins;
    bool comes_back;
  };

  void add(std::uint32_t identity, Turn turn);
  void split(const Turn& turn, Timestamp to, std::size_t reloads_end, Timestamp since,
             std::vector<Piece>& pieces) const;

  const History& history_;
  std::shared_ptr<const std::vector<std::uint32_t>> first_of_;
  std::vector<std::uint32_t> sensors_;
  std::vector<std::vector<Turn>> turns_;     // by first identity
  std::vector<std::size_t> config_reloads_;  // their places among the reloads, rising
};

}  // namespace fleet_sim::history
