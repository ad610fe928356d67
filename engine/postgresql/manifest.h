// What a schema keeps of a run beside its rows: its row in `run_info`, the identities that it began with and
// those that reloads brought, and for those who use the data the same as rows of `sensors`, a row for each
// version of a sensor. The destination that comes first records it, within a transaction that it ends; what
// is there already stays. Errors are those of the connection. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/ledger.h"
#include "identity/identity.h"
#include "postgresql/connection.h"
#include "tables/run_reloads.h"
#include "tables/schema.h"

namespace fleet_sim::postgresql {

// The row of the run, its resumption and the identities it began with; `number` becomes what its rows are
// marked with.
SqlError record_run(Connection& connection, const std::string& schema, const tables::RunInfo& run,
                    const identity::Roster& roster, std::int32_t& number);

// A reload with the identities that it brought.
SqlError record_reload(Connection& connection, const std::string& schema, std::int32_t run,
                       const identity::Roster& roster, const tables::RunReload& reload);

// Rows that are not, and will not be, among those of a destination. One with the same reason and beginning is
// brought up to date.
struct LossPlace {
  std::int32_t run;
  std::int32_t writer;
  std::int32_t target;
};
SqlError record_loss(Connection& connection, const std::string& schema, const LossPlace& place,
                     const Loss& loss);

}  // namespace fleet_sim::postgresql
