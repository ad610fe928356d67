// The rows of a table that a query asks for, of one file after the other. A file gets the query's conditions,
// columns and order as a statement of its own, so that its indexes are used and nothing else is read; a file
// whose `sensors` say that it cannot have such rows is left out. One file is open at a time, unless rows are
// to come in order from all of them.
//
// A file that is being written is read as it was when its turn came; one that has disappeared by then has no
// rows. One thread; borrows the place and the table. Throws what Place::report throws, and Interrupted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "sql/place.h"
#include "sql/plan.h"

namespace fleet_sim::sql {

struct Interrupted {};

struct Condition {
  Term term;
  std::vector<Value> values;  // one, or those of a list
};

struct Request {
  std::vector<std::size_t> columns;  // of Table::columns, ascending
  std::vector<Condition> conditions;
  std::optional<Order> order{};            // of the rows of a file
  std::optional<std::size_t> only_file{};  // of the place
};

class Scan {
 public:
  // Over the files, or rows that are kept of them.
  Scan(Place& place, const Table& table, Request request, KeptRows* kept = nullptr);
  ~Scan();
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  // The first row too; false after the last.
  bool next();

  // Of the row, valid until the next one.
  [[nodiscard]] const tables::Statement& row() const { return row_; }
  [[nodiscard]] int position_of(std::size_t column) const { return positions_[column]; }
  // Unique in the table. Throws std::runtime_error if an id is too large for that.
  [[nodiscard]] std::int64_t number() const;

 private:
  bool open_next();
  bool open(const ShardFile& file);
  [[nodiscard]] bool may_have_rows(const ShardFile& file) const;
  bool sensors_may_match(const ShardFile& file);
  void prepare(const std::string& sql);
  void put_back_statement();
  [[nodiscard]] std::string select(const std::vector<std::string>& columns, const std::string& id,
                                   const std::string& from) const;
  bool step();
  [[nodiscard]] bool is_new_key();
  [[nodiscard]] std::string problem(const tables::StorageError& error) const;

  Place& place_;
  const Table& table_;
  const Request request_;
  std::vector<int> positions_;  // of Table::columns and Table::file_column, in a row
  KeptRows* const kept_;
  std::size_t next_file_;  // the one after that of the row
  const std::size_t end_of_files_;
  tables::Database shard_;
  tables::Statement row_;
  std::string sql_;
  std::unordered_set<std::uint64_t> keys_;  // that have been, of a table without ids
};

// The rows of all files in the request's order, which each file's index gives: whoever wants the first ones
// only does not wait for the rest. All files that have rows are open at a time, so they must be few.
class MergedScan {
 public:
  MergedScan(Place& place, const Table& table, const Request& request);

  // The first row too; nothing after the last. Valid until the next call.
  const Scan* next();

 private:
  [[nodiscard]] bool is_after(const Scan& a, const Scan& b) const;

  const Order order_;
  std::vector<std::unique_ptr<Scan>> scans_;  // those with a row, as a heap; the last one gave the row before
  bool has_given_ = false;
};

}  // namespace fleet_sim::sql
