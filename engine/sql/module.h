// The virtual tables: `fleet` as a module of SQLite, and through it every table of a place.
//
//   SELECT * FROM fleet('data')                                      the readings, as a function
//   CREATE VIRTUAL TABLE temp.events USING fleet('data', 'anomaly_events')
//   SELECT fleet_open('data')                                        all its tables, as temporary ones
//
// Used by `fleet-sim sql` and, with the API of whichever SQLite loads it, by the extension. On the thread of
// the connection; errors are SQLite's. Nothing can be written through them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "sql/place.h"

namespace fleet_sim::sql {

// The places that connections have open: one for all of its tables.
class Places {
 public:
  explicit Places(const Options& options = {}) : options_(options) {}

  std::shared_ptr<Place> open(const std::string& path);

 private:
  const Options options_;
  std::map<std::string, std::weak_ptr<Place>> places_;
};

// Makes the module and fleet_open known to a connection. Returns SQLite's code.
int add_module(sqlite3* database, std::shared_ptr<Places> places);

// What fleet_open does: makes a temporary table for each of the place's. Throws what Place throws, and
// std::runtime_error.
std::shared_ptr<Place> open_tables(sqlite3* database, Places& places, const std::string& path);

}  // namespace fleet_sim::sql
