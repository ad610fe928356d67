// A thin layer over SQLite's C interface: connections and statements that close themselves, and errors as
// values, because the write path has no exceptions. A connection belongs to one thread at a time (opened
// without SQLite's own mutex). sqlite3.h is included here and in sqlite.cc only.
#pragma once

#ifdef FLEET_SIM_EXTENSION  // uses the SQLite that loads it
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3
#else
#include <sqlite3.h>
#endif

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/errors.h"

namespace fleet_sim::tables {

// What went wrong, in SQLite's words; ok() when nothing did.
struct StorageError {
  int code = SQLITE_OK;  // extended result code
  std::string message;
  int reason = 0;  // errno of the call behind an I/O error; 0 when it is not known

  [[nodiscard]] bool ok() const { return code == SQLITE_OK; }
  [[nodiscard]] bool busy() const { return (code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED; }

  // Whether the file is not a database, or not one of ours; trying again will not change that.
  [[nodiscard]] bool foreign() const {
    return (code & 0xFF) == SQLITE_NOTADB || (code & 0xFF) == SQLITE_MISMATCH;
  }

  // The class it is counted in; meaningless when nothing went wrong.
  [[nodiscard]] ErrorClass error_class() const;
};

class Statement {
 public:
  Statement() = default;

  [[nodiscard]] bool is_prepared() const { return statement_ != nullptr; }

  // Parameters count from 1. Texts are not copied: they stay valid until the statement has run.
  void bind(int parameter, std::string_view text);
  void bind(int parameter, std::int64_t value);
  void bind(int parameter, double value);
  void bind_null(int parameter);

  // SQLITE_ROW while there are rows, then SQLITE_DONE, or an error code.
  int step();
  int reset();

  // Steps a statement that returns no rows and resets it; SQLITE_OK or an error code.
  int run();

  // Columns count from 0; valid after step() returned SQLITE_ROW.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] int type(
      int column) const;  // SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB or SQLITE_NULL

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// A row that is visited, whose columns count from 0. Its texts are valid during that visit only.
class VisitedRow {
 public:
  explicit VisitedRow(sqlite3_value** columns) : columns_(columns) {}

  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_value_int64(columns_[column]); }
  [[nodiscard]] double real(int column) const { return sqlite3_value_double(columns_[column]); }
  [[nodiscard]] std::string_view text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(columns_[column]));
    if (text == nullptr) return {};
    return {text, static_cast<std::size_t>(sqlite3_value_bytes(columns_[column]))};
  }
  [[nodiscard]] int type(int column) const { return sqlite3_value_type(columns_[column]); }

 private:
  sqlite3_value** columns_;
};

// How far a write-ahead log was copied: wholly, up to where a reader still needs it, or not at all for now.
enum class Copied { all, up_to_reader, not_now };

class Database {
 public:
  // Opens or creates a file for writing. `vfs` names a registered SQLite VFS; empty means the default one.
  StorageError open(const std::string& path, const std::string& vfs = {});

  // The same for a file that must exist already.
  StorageError open_existing(const std::string& path, const std::string& vfs = {});

  // Opens an existing file to look at it, and leaves the folder as it was: a connection that may only read
  // would leave a write-ahead log and its index behind, so this one has permission to write if the system
  // grants it, but does not write. In a folder where nothing can be made, a file without a log is taken not
  // to change. Waits for locks: another connection that closes holds one for a moment.
  StorageError open_to_read(const std::string& path);

  // The same if several connections come and go: each has to be told whether there was a log before the first
  // one came, because the last to close removes the log if there was none.
  StorageError open_to_read(const std::string& path, bool had_log);
  void close() { database_.reset(); }
  [[nodiscard]] bool is_open() const { return database_ != nullptr; }

  // Runs one or more statements without parameters or rows.
  StorageError execute(const char* sql);
  StorageError prepare(std::string_view sql, Statement& statement);

  // Runs one statement that returns no rows, with these values for its parameters ?1, ?2, …
  template <class... Values>
  StorageError run(std::string_view sql, const Values&... values) {
    Statement statement;
    if (StorageError error = prepare(sql, statement); !error.ok()) return error;
    int parameter = 0;
    (statement.bind(++parameter, values), ...);
    return error_of(statement.run());
  }

  // Calls `take` with each row of one statement; where it returns errors, the first one ends that.
  template <class Take, class... Values>
  StorageError query(std::string_view sql, const Take& take, const Values&... values) {
    Statement row;
    if (StorageError error = prepare(sql, row); !error.ok()) return error;
    int parameter = 0;
    (row.bind(++parameter, values), ...);
    int code = SQLITE_OK;
    while ((code = row.step()) == SQLITE_ROW) {
      if constexpr (std::is_void_v<std::invoke_result_t<Take, Statement&>>) {
        take(row);
      } else if (StorageError error = take(row); !error.ok()) {
        return error;
      }
    }
    return error_of(code);
  }

  // Prepares `SELECT columns from` for its rows to be visited. For very many rows: they do not leave the
  // query, which is an aggregate that calls whoever takes them, and cost a quarter less than those of
  // query(). No view in a file can call it.
  StorageError prepare_visits(std::string_view columns, std::string_view from, Statement& statement);

  // Calls `take` with each VisitedRow of such a statement, and throws what `take` throws. One that returns
  // false has had enough. One statement at a time.
  template <class Take>
  StorageError visit(Statement& statement, Take take) {
    const auto take_one = [](void* taker, const VisitedRow& row) {
      Take& taking = *static_cast<Take*>(taker);
      if constexpr (std::is_void_v<std::invoke_result_t<Take&, const VisitedRow&>>) {
        taking(row);
        return true;
      } else {
        return taking(row);
      }
    };
    *visitor_ = {&take, take_one};
    return run_visits(statement);
  }

  // Both at once, with these values for the parameters ?1, ?2, …
  template <class Take, class... Values>
  StorageError visit(std::string_view columns, std::string_view from, Take take, const Values&... values) {
    Statement statement;
    if (StorageError error = prepare_visits(columns, from, statement); !error.ok()) return error;
    int parameter = 0;
    (statement.bind(++parameter, values), ...);
    return visit(statement, std::move(take));
  }

  // The first column of the first row, as a number; `otherwise` when there is none.
  std::int64_t query_integer(std::string_view sql, std::int64_t otherwise);

  // False also when the file cannot be read: reading it then reports the error.
  bool has_table(std::string_view name);

  // The id of the row that was inserted last.
  [[nodiscard]] std::int64_t last_inserted_id() const { return sqlite3_last_insert_rowid(database_.get()); }
  // Rows that the last statement changed.
  [[nodiscard]] int changed_rows() const { return sqlite3_changes(database_.get()); }

  [[nodiscard]] StorageError error() const;
  // The same after a call that returned `code`; nothing when that means success, a row or the end of rows.
  [[nodiscard]] StorageError error_of(int code) const;
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

  // Pages in the write-ahead log at this connection's last commit, once count_log_pages() has been called.
  // Takes the place of SQLite's own checkpoints.
  void count_log_pages();
  [[nodiscard]] std::size_t log_pages() const { return log_pages_ ? *log_pages_ : 0; }

  // Copies the write-ahead log into the file as far as possible without waiting for anybody.
  Copied copy_log();

  // Finds out whether the file keeps a write-ahead log, and is not what SQLite makes it by default. Whoever
  // takes an error for a no may have SQLite remove a log whose commits are in no file yet.
  StorageError find_log(bool& keeps_log);

  // Makes the file stop keeping a log: copies the log, removes it, and says so in the file's header, so that
  // the file opens wherever it is taken, even where nothing can be made beside it. Waits for nobody: busy
  // while another connection is open. After an error the file keeps its log.
  StorageError give_up_log();

  // Whether there is a log, and nothing in it.
  [[nodiscard]] bool has_empty_log() const;

  // Copies the log and cuts it to nothing, if nobody is reading or writing. Whether that could be done.
  bool empty_log();

  // Makes a file of a database in memory, as it stands within the transaction in progress, in place of what
  // is there. After an error there is no file of that name.
  enum class Journal : unsigned char { rollback = 1, log = 2 };  // as in the header of a file
  StorageError copy_to(const std::string& path, Journal journal) const;

  // Lets what runs on this connection end with SQLITE_INTERRUPT once somebody asks for that. Borrows it.
  void interrupt_when(const std::atomic<bool>& asked);

  // Leaves the write-ahead log in place when this connection closes, instead of copying it into the file.
  void keep_log_on_close(bool keep);

 private:
  StorageError open_with(const std::string& path, int flags, const char* vfs);

  // Who takes the rows that are visited. No exception may pass through SQLite.
  struct Visitor {
    void* taker = nullptr;
    bool (*take)(void* taker, const VisitedRow& row) = nullptr;
    bool has_enough = false;
    std::exception_ptr thrown{};

    static void step(sqlite3_context* context, int, sqlite3_value** columns) noexcept;
    static void end(sqlite3_context*) noexcept {}
  };
  StorageError run_visits(Statement& statement);

  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<std::size_t> log_pages_;  // SQLite keeps its address, and that of the …
  std::unique_ptr<Visitor> visitor_;        // … visitor, once there is one
  std::unique_ptr<sqlite3, Close> database_;
};

// Whether a file is empty, and no log next to it has its first pages. SQLite makes such a file for any name
// that it is given by mistake, and so does a run that is killed as it begins.
bool is_empty_file(const std::string& path);

// Whether a file keeps no log, by its header alone: because a run has ended there in good order, or has named
// it only once it was whole.
bool is_finished_file(const std::string& path);

// Whether there is a write-ahead log next to a database file.
bool has_log(const std::string& path);

// Settings for the whole process; call once before the first connection is opened.
void configure_sqlite();

}  // namespace fleet_sim::tables
