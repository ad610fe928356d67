// What delivery did to readings as rows of `deliveries`, which are written once and stay as they are. Several
// thousand of them are one statement. Belongs to one destination; one thread at a time. Errors are those of
// the connection.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "batch/reading.h"
#include "identity/identity.h"
#include "postgresql/arrays.h"
#include "postgresql/connection.h"

namespace fleet_sim::postgresql {

class InsertDeliveries {
 public:
  // Borrows the roster.
  explicit InsertDeliveries(const identity::Roster& roster);

  SqlError apply(Connection& connection, const std::string& table, std::int32_t run,
                 std::span<const batch::Delivery> deliveries);

 private:
  void add(const batch::Delivery& delivery);

  const identity::Roster& roster_;
  Arrays rows_;
};

}  // namespace fleet_sim::postgresql
