// The rows of a SQLite file's tables of readings as CSV, piece by piece, for whoever reads rows as text: the
// collectors' central database, or what another program has made of the rows. Such tables are called
// sensor_readings, with or without a type's name behind it; another one is asked for by its name. Several
// have one header, with the columns of all. Holds one row and a piece of text. Changes nothing. One thread.
// Throws InvalidInput for a file or a table that is not there or cannot be read.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tables/database.h"

namespace fleet_sim::data {

class TableText {
 public:
  // `table`: empty for all tables of readings.
  TableText(const std::string& file, const std::string& table);

  // Puts the next bytes where it is told, at most so many; 0 at the end.
  std::size_t read(char* into, std::size_t most);

 private:
  void find_tables(const std::string& table);
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
