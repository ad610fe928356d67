// Readings as COPY … (FORMAT binary) takes them, sent in pieces of bounded size. Belongs to one destination;
// one thread at a time. Errors are those of the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "batch/rows.h"
#include "identity/identity.h"
#include "postgresql/connection.h"
#include "postgresql/fields.h"
#include "types/schema.h"

namespace fleet_sim::postgresql {

inline constexpr std::size_t piece_bytes = 128 * 1024;  // of which libpq may hold another one

class CopyRows {
 public:
  // Borrows the roster and the schema of the type.
  CopyRows(const identity::Roster& roster, const types::Schema& schema);

  // Sends the readings from number `first` on, in their order, as rows of this run.
  SqlError copy(Connection& connection, const std::string& table, std::int32_t run,
                const batch::Rows& readings, std::size_t first);

  // Appends what a COPY begins with, a row, and what it ends with.
  static void header(Fields& fields);
  void row(Fields& fields, const batch::Row& reading, std::int32_t run) const;
  static void trailer(Fields& fields);

 private:
  const identity::Roster& roster_;
  const types::Schema& schema_;
  std::vector<bool> is_code_;  // by channel: its column holds whole numbers
  Fields piece_;
};

}  // namespace fleet_sim::postgresql
