// The rows of a server's table of readings as CSV, piece by piece, for whoever reads rows as text. Each table
// is a text of its own, as in data/table_text.h, on a connection of its own; the server prints it (COPY … TO
// STDOUT). Of a table that says in which run each row was made, as those of the sink do, only the rows of the
// runs that are asked for. Holds one piece. Changes nothing. One thread. Throws InvalidInput for a server
// that cannot be reached, a table that is not there or cannot be read, and what breaks off.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "postgresql/address.h"
#include "postgresql/connection.h"

namespace fleet_sim::postgresql {

// Those of the tables that the server has, which is at least one.
std::vector<std::string> tables_there(const Address& address, const std::vector<std::string>& tables);

class TableText {
 public:
  // With the ids of the runs.
  TableText(const Address& address, const std::string& table, const std::vector<std::string>& runs);

  // Puts the next bytes where it is told, at most so many; 0 at the end.
  std::size_t read(char* into, std::size_t most);

 private:
  void find_runs(const std::vector<std::string>& runs);
  bool has_run(const std::string& table);
  std::vector<std::string> columns_of(const std::string& table);
  void check(const SqlError& error) const;
  [[noreturn]] void fail(const std::string& what) const;

  Address address_;
  Connection connection_;
  std::string runs_;  // their numbers in the column run; empty: all
  bool at_end_ = false;
  std::string piece_;      // that has not been read …
  std::size_t taken_ = 0;  // … from here on
};

}  // namespace fleet_sim::postgresql
