// The table `deliveries`: ground truth of what delivery has done to the readings of a shard's sensors. One
// row for each reading that was dropped, late or delivered twice, and two for each hold of a sensor. Rows are
// added, never changed, and go only with the readings, by retention. Made with the columns of delivery, so a
// run without delivery has none. Functions of a connection; errors are values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/timestamp.h"
#include "batch/reading.h"
#include "tables/database.h"

namespace fleet_sim::tables {

inline constexpr std::string_view deliveries_table = "deliveries";
inline constexpr std::string_view create_deliveries =
    "CREATE TABLE IF NOT EXISTS deliveries (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, sensor_id TEXT NOT "
    "NULL, kind TEXT NOT NULL, sequence INTEGER NOT NULL, due TEXT NOT NULL, arrived_at TEXT, readings "
    "INTEGER "
    "NOT NULL);";

// Inserts rows of a run. Belongs to one open shard and its writer's thread; borrows both.
class DeliveryInsert {
 public:
  DeliveryInsert(Database& database, const std::string& run_id) : database_(database), run_id_(run_id) {}

  // SQLITE_OK, or the code of the failure.
  int insert(const batch::Delivery& delivery, std::string_view sensor_id);

 private:
  Database& database_;
  const std::string& run_id_;
  Statement insert_;
};

// A row that is there.
struct FoundDelivery {
  std::string_view sensor_id;  // valid while it is being taken
  batch::Delivery::Kind kind;
  Timestamp due;
  std::optional<Timestamp> arrived_at;
  std::uint64_t readings;
  std::uint64_t sequence;
};

// Calls `take` with each row of the run, or of all runs if it is empty, in order. A row that is not ours is a
// SQLITE_MISMATCH.
using TakeDelivery = std::function<void(const FoundDelivery&)>;
StorageError read_deliveries(Database& database, const std::string& run_id, const TakeDelivery& take);

// The same of some rows: those about readings that were due or arrived at `moment` or later; and those that
// tell what waited then, which are all holds, and the late readings that arrived then or later.
StorageError read_deliveries_since(Database& database, const std::string& run_id, Timestamp moment,
                                   const TakeDelivery& take);
StorageError read_waiting(Database& database, const std::string& run_id, Timestamp moment,
                          const TakeDelivery& take);

// Deletes rows about readings that had arrived before `until`, or never will, if they are among the first
// `most_rows`; a hold once it has been drained. The last row stays, because new ids follow the highest.
StorageError delete_deliveries(Database& database, std::string_view until, std::uint32_t most_rows);

}  // namespace fleet_sim::tables
