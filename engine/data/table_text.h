// The rows of a SQLite file's tables of readings as CSV, piece by piece, for whoever reads rows as text: the
// collectors' central database, or what another program has made of the rows. Tables are chosen by their
// names. Several have one header, with the columns of all. Holds one row and a piece of text. Changes
// nothing. One thread. Throws InvalidInput for a file or a table that is not there or cannot be read.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tables/database.h"

namespace fleet_sim::data {

class TableText {
 public:
  // Those of the tables that are there.
  TableText(const std::string& file, const std::vector<std::string>& tables);

  // Puts the next bytes where it is told, at most so many; 0 at the end.
  std::size_t read(char* into, std::size_t most);

 private:
  void find_tables(const std::vector<std::string>& tables);
  std::vector<std::string> columns_of(const std::string& table);
  bool open_next();
  bool append_row();
  [[noreturn]] void fail(const std::string& what) const;

  std::string file_;
  tables::Database database_;
  std::vector<std::string> tables_;
  std::vector<std::string> columns_;  // of all
  std::size_t next_table_ = 0;
  tables::Statement row_;
  std::string text_;       // that has not been read …
  std::size_t taken_ = 0;  // … from here on
};

}  // namespace fleet_sim::data
