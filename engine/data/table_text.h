// The rows of a table of readings in a SQLite file as CSV, piece by piece, for whoever reads rows as text:
// the collectors' central database, or what another program has made of the rows. Each table is a text of its
// own: what one lacks, another may have. Holds one row and a piece of text. Changes nothing. One thread.
// Throws InvalidInput for a file or a table that is not there or cannot be read.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tables/database.h"

namespace fleet_sim::data {

// Those of the tables that the file has, which is at least one.
std::vector<std::string> tables_there(const std::string& file, const std::vector<std::string>& tables);

class TableText {
 public:
  TableText(const std::string& file, const std::string& table);

  // Puts the next bytes where it is told, at most so many; 0 at the end.
  std::size_t read(char* into, std::size_t most);

 private:
  bool append_row();
  [[noreturn]] void fail(const std::string& what) const;

  std::string file_;
  tables::Database database_;
  tables::Statement row_;
  int columns_ = 0;
  bool at_end_ = false;
  std::string text_;       // that has not been read …
  std::size_t taken_ = 0;  // … from here on
};

}  // namespace fleet_sim::data
