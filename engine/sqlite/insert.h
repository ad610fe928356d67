// The two inserts of the write path: readings, many rows to a statement, and anomaly events. Belong to one
// open shard and its writer's thread; prepared when first needed; errors are SQLite result codes, the message
// is the database's.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "base/timestamp.h"
#include "batch/rows.h"
#include "config/database_settings.h"
#include "identity/identity.h"
#include "sqlite/sensor_numbers.h"
#include "tables/database.h"
#include "types/schema.h"

namespace fleet_sim::sqlite {

class ReadingInsert {
 public:
  // Borrows all three.
  ReadingInsert(tables::Database& database, const identity::Roster& roster, const types::Schema& schema)
      : database_(database), roster_(roster), schema_(schema), numbers_(database, roster) {}

  // Inserts the rows from number `first` on, in their order; SQLITE_OK or the code of the first failure.
  int insert(const batch::Rows& readings, std::size_t first);

  // The same into a table whose highest id is below `last_id`: the readings' ids follow that one.
  int insert_after(std::int64_t last_id, const batch::Rows& readings, std::size_t first);

  // For when the transaction has been undone.
  void note_undone() { numbers_.forget(); }

 private:
  // Beyond 32 rows a statement only grows; what does not fill one goes into the smaller ones.
  static constexpr std::array<std::size_t, 3> rows_per_statement{32, 8, 1};

  int insert_some(tables::Statement& statement, const batch::Rows& readings, std::size_t first,
                  std::size_t rows);
  int insert_in_order(const batch::Rows& readings, std::size_t first);
  int bind(tables::Statement& statement, int& parameter, std::size_t row, const batch::Row& reading);
  int bind_sensor(tables::Statement& statement, int parameter, const batch::Row& reading);
  void bind_anomaly(tables::Statement& statement, int& parameter, const batch::Row& reading);
  void bind_identity(tables::Statement& statement, int& parameter, const batch::Row& reading);
  void bind_time(tables::Statement& statement, int parameter, Timestamp at, TimestampText& text);
  int prepare(tables::Statement& statement, std::size_t rows);
  int look_at_file();

  tables::Database& database_;
  const identity::Roster& roster_;
  const types::Schema& schema_;
  std::optional<config::Layout> layout_;  // of the file; unknown before the first row
  SensorNumbers numbers_;                 // of a compact one
  std::array<tables::Statement, rows_per_statement.size()> statements_;
  TimestampWriter timestamp_writer_;
  // Of one row; the statement refers to them until it has run.
  struct Times {
    TimestampText stamp;
    TimestampText due;
    TimestampText arrived_at;
  };
  std::array<Times, rows_per_statement.front()> times_{};
};

class EventInsert {
 public:
  EventInsert(tables::Database& database, const identity::Roster& roster, const types::Schema& schema)
      : database_(database), roster_(roster), schema_(schema) {}

  // Inserts an event that shows for the first time, completes one that has ended, or brings an open one up to
  // date. `last_id` is 0, or the highest id of the file that this one replaces: new ids are above it, and an
  // event whose row was lost with that file gets a new one.
  int apply(const batch::AnomalyEvent& event, std::int64_t last_id);

 private:
  int begin(const batch::AnomalyEvent& event, std::int64_t last_id);
  int update(const batch::AnomalyEvent& event, tables::Statement& statement, std::string_view sql);
  int note_injected(const batch::AnomalyEvent& event);

  tables::Database& database_;
  const identity::Roster& roster_;
  const types::Schema& schema_;
  tables::Statement begin_;
  tables::Statement update_;
  tables::Statement update_ended_;
};

// Makes the table, which files without a scenario do not need, with the first event.
class FleetEventInsert {
 public:
  FleetEventInsert(tables::Database& database, const identity::Roster& roster, const std::string& run_id)
      : database_(database), roster_(roster), run_id_(run_id) {}

  int insert(const batch::FleetEvent& event);

  // For when the transaction has been undone, and perhaps the table with it.
  void note_undone() { insert_ = {}; }

 private:
  tables::Database& database_;
  const identity::Roster& roster_;
  const std::string& run_id_;
  tables::Statement insert_;
};

}  // namespace fleet_sim::sqlite
