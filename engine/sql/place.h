// A data directory, or a file of one, as a single database: which tables its files have together, with which
// columns, and which files there are now. A table whose rows have numbers (`id INTEGER PRIMARY KEY`) has the
// rows of every file; any other table, such as run_info or sensors, says the same in several files and has
// each of its keys once. What the files hold decides, so a table of a later version appears by itself.
//
// One thread at a time, that of the connection that asks. Changes no file. Throws InvalidInput for a place
// that is not a data directory, and std::runtime_error, naming the file, for a file that cannot be read,
// unless such files are to be skipped.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tables/database.h"
#include "types/schema.h"

namespace fleet_sim::sql {

struct Column {
  std::string name;
  std::string type;  // INTEGER, REAL, TEXT, BLOB or NUMERIC
};

std::string type_name(types::Column::Type type);

struct Table {
  std::string name;                   // in a query
  std::string name_in_file;           // differs for the readings of a declared type
  std::string readings = {};          // of files with these readings only; empty: of every file
  std::vector<Column> columns = {};   // of all files; NULL in a file that lacks it
  std::vector<std::size_t> key = {};  // columns; each key appears once
  bool has_ids = false;               // then the key is the first of `key`, and unique in a file only
  double rows = 0;                    // roughly

  // The column that all tables with ids have beside those: the name of the row's file. Not part of `*`.
  static constexpr std::string_view file_column = "shard";
};

struct ShardFile {
  std::filesystem::path path;
  std::string name;        // in the directory
  bool had_log = false;    // before our first connection
  std::string readings{};  // the table that its readings belong to; empty while it has none
};

struct Options {
  bool skip_unreadable = false;
  const std::atomic<bool>* interrupt = nullptr;  // set from outside to stop a query
};

// What reading has come to; for people, and for tests.
struct Effort {
  std::uint64_t rows = 0;
  std::uint64_t files_read = 0;
  std::uint64_t files_left_out = 0;  // that cannot have what is asked for, or are gone
};

// Rows that a query looks up again and again, in a temporary database (kept_rows.h).
struct KeptRows;

class Place {
 public:
  Place(const std::filesystem::path& path, const Options& options);
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] const std::vector<Table>& tables() const { return tables_; }
  [[nodiscard]] const Table* find_table(std::string_view name) const;
  // For a message about a name that is no table.
  [[nodiscard]] std::string table_names() const;

  // While somebody reads, the list of files stays the same. Whoever comes first finds those that are there.
  class Use {
   public:
    explicit Use(std::shared_ptr<Place> place);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    std::shared_ptr<Place> place_;
  };
  [[nodiscard]] const std::vector<ShardFile>& files() const { return files_; }

  // Rows kept for one kind of lookup of the statements that are running.
  KeptRows& kept(const std::string& lookup);

  // Ends the reading of a file: throws what is wrong with it, unless such files are skipped.
  void report(const std::string& problem);
  // What was skipped, each file's problem once, since this was last asked.
  std::vector<std::string> take_problems();

  Effort& effort() { return effort_; }
  [[nodiscard]] const std::atomic<bool>* interrupt() const { return options_.interrupt; }

 private:
  struct Shape;
  using ShapePointer = std::shared_ptr<const Shape>;

  void find_files();
  void refresh();
  ShapePointer look_at(ShardFile& file);
  void look_at_all();
  void add(const Shape& shape);
  Table& table_of(const Shape& shape, const std::string& name_in_file, bool has_ids);
  void finish_tables();

  std::filesystem::path path_;
  Options options_;
  std::vector<ShardFile> files_;
  std::vector<Table> tables_;
  std::map<std::string, ShapePointer> shapes_;  // by the text of a file's schema
  std::map<std::string, std::unique_ptr<KeptRows>> kept_;
  std::size_t uses_ = 0;
  std::set<std::string> known_problems_;
  std::vector<std::string> new_problems_;
  Effort effort_;
};

}  // namespace fleet_sim::sql
