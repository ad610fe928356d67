// fleet_sim.so: what SQLite calls when it loads the extension, by a name that it makes of the file's. Only
// this and the module are built into it, against the API of the SQLite that loads it.
#ifdef FLEET_SIM_EXTENSION

#include <exception>
#include <memory>

#include "sql/module.h"
#include "tables/database.h"

SQLITE_EXTENSION_INIT1

namespace fleet_sim::sql {
namespace {

// The newest of what we call: sqlite3_vtab_in.
constexpr int oldest_sqlite = 3'038'000;

int load(sqlite3* database, char** message) {
  if (sqlite3_libversion_number() < oldest_sqlite) {
    *message = sqlite3_mprintf("fleet_sim needs SQLite 3.38 or later, and this is %s", sqlite3_libversion());
    return SQLITE_ERROR;
  }
  return add_module(database, std::make_shared<Places>());
}

}  // namespace
}  // namespace fleet_sim::sql

extern "C" __attribute__((visibility("default"))) int sqlite3_fleetsim_init(sqlite3* database, char** message,
                                                                            const sqlite3_api_routines* api) {
  SQLITE_EXTENSION_INIT2(api)
  try {
    return fleet_sim::sql::load(database, message);
  } catch (const std::exception&) {
    return SQLITE_NOMEM;
  }
}

#endif
