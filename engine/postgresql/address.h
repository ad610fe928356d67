// Where a PostgreSQL server is and which schema the tables are in, as the address of a sink says it. Values;
// while starting, main thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/sink_settings.h"

namespace fleet_sim::postgresql {

struct Address {
  std::string text;                                             // without secrets: for people and logs
  std::vector<std::pair<std::string, std::string>> parameters;  // of libpq, with them
  std::string schema = "public";
};

// `//user@host:port/database?schema=NAME&…`, where everything may be missing, and other parameters are
// libpq's. What the address does not say, libpq takes from its environment, such as PGPASSWORD and
// PGPASSFILE; a password file that the settings name counts for more. Throws InvalidInput, which quotes no
// secrets, for an address or a file that cannot be read.
Address address_of(const config::SinkSettings& sink);

}  // namespace fleet_sim::postgresql
