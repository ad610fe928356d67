// Anomaly events as rows of `anomaly_events`: one that shows for the first time is inserted, and each later
// state brings its row up to date. Several thousand events are one statement. Belongs to one destination; one
// thread at a time. Errors are those of the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/timestamp.h"
#include "batch/reading.h"
#include "identity/identity.h"
#include "postgresql/arrays.h"
#include "postgresql/connection.h"
#include "types/schema.h"

namespace fleet_sim::postgresql {

class UpsertEvents {
 public:
  // Borrows the roster and the schema of the type.
  UpsertEvents(const identity::Roster& roster, const types::Schema& schema);

  SqlError apply(Connection& connection, const std::string& table, std::int32_t run,
                 std::span<const batch::AnomalyEvent> events);

 private:
  struct State {
    const batch::AnomalyEvent* event = nullptr;
    std::optional<Microseconds> duration = {};
  };

  SqlError apply_some(Connection& connection, const std::string& table, std::int32_t run,
                      std::span<const batch::AnomalyEvent> events);
  void add(const State& state);

  const identity::Roster& roster_;
  const types::Schema& schema_;
  Arrays rows_;
};

}  // namespace fleet_sim::postgresql
