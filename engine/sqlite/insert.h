// The two inserts of the write path: readings, many rows to a statement, and anomaly events. Belong to one
// open shard and its writer's thread; prepared when first needed; errors are SQLite result codes, the message
// is the database's.
#pragma once

#include <array>
#include <cstddef>

#include "base/timestamp.h"
#include "batch/rows.h"
#include "identity/identity.h"
#include "sqlite/sqlite.h"
#include "types/schema.h"

namespace fleet_sim::sqlite {

class ReadingInsert {
 public:
  // Borrows all three.
  ReadingInsert(Database& database, const identity::Roster& roster, const types::Schema& schema)
      : database_(database), roster_(roster), schema_(schema) {}

  // Inserts the rows from number `first` on, in their order; SQLITE_OK or the code of the first failure.
  int insert(const batch::Rows& readings, std::size_t first);

  // The same into a table whose highest id is below `last_id`: the readings' ids follow that one.
  int insert_after(std::int64_t last_id, const batch::Rows& readings, std::size_t first);

 private:
  // Beyond 32 rows a statement only grows; what does not fill one goes into the smaller ones.
  static constexpr std::array<std::size_t, 3> rows_per_statement{32, 8, 1};

  int insert_some(Statement& statement, const batch::Rows& readings, std::size_t first, std::size_t rows);
  int bind(Statement& statement, int parameter, std::size_t row, const batch::Row& reading);
  int prepare(Statement& statement, std::size_t rows);

  Database& database_;
  const identity::Roster& roster_;
  const types::Schema& schema_;
  std::array<Statement, rows_per_statement.size()> statements_;
  TimestampWriter timestamp_writer_;
  std::array<TimestampText, rows_per_statement.front()>
      timestamps_{};  // the statement refers to them until it has run
};

class EventInsert {
 public:
  EventInsert(Database& database, const identity::Roster& roster, const types::Schema& schema)
      : database_(database), roster_(roster), schema_(schema) {}

  // Inserts an event that shows for the first time, completes one that has ended, or brings an open one up to
  // date. `last_id` is 0, or the highest id of the file that this one has been begun in place of: new ids are
  // above it, and an event whose row was lost with that file gets another.
  int apply(const batch::AnomalyEvent& event, std::int64_t last_id);

 private:
  int begin(const batch::AnomalyEvent& event, std::int64_t last_id);
  int update(const batch::AnomalyEvent& event, Statement& statement, std::string_view sql);
  int mark_injected();

  Database& database_;
  const identity::Roster& roster_;
  const types::Schema& schema_;
  Statement begin_;
  Statement update_;
  Statement update_ended_;
};

}  // namespace fleet_sim::sqlite
