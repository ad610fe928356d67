// A shard: one SQLite file, to which lots are committed. A flush writes all of a lot in one transaction or
// none. Touched by one thread at a time; errors are values. It holds no rows and decides nothing: when to
// flush, close and retry is up to its owner (sqlite_sink.h).
//
// The file may disappear while the run continues: deleted, renamed or replaced by somebody, or set aside
// because it is corrupt. Then another is begun under its name, and ids continue above the last.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/timestamp.h"
#include "config/config.h"
#include "identity/identity.h"
#include "tables/database.h"
#include "tables/run_reloads.h"
#include "tables/schema.h"
#include "tables/sensors.h"
#include "types/schema.h"
#include "write/lot.h"
#include "write/places.h"

namespace fleet_sim::sqlite {

// What all shards of a run have in common. Borrowed; outlives them.
struct ShardContext {
  const identity::Roster& roster;
  const config::SqliteSettings& settings;
  const tables::RunInfo& run;
  std::string vfs;  // empty: SQLite's default
};

// The sensors of a file as its run began (entry 0) and as its reloads changed them (1, 2, …): those of the
// entries from the first on, before the end.
using SensorsOf = std::function<std::vector<tables::SensorVersion>(std::size_t first, std::size_t end)>;

class Shard {
  struct Connection;

 public:
  // Borrows the target's schema. Without `sensors` the file does not say who they are.
  Shard(const write::Target& target, const ShardContext& context, SensorsOf sensors = {});
  ~Shard();
  Shard(Shard&&) noexcept;

  [[nodiscard]] const std::string& path() const { return path_; }

  // The file that is there has these ids and is the one to go on with: should it go before it is opened, it
  // counts as one that has moved.
  void expect_file(const tables::LastIds& last);

  // The file, which is not there yet, is filled without a name (naming.h): it keeps no log, waits for no
  // disk, and is to be named by somebody else once it is whole. Before it is opened.
  void begin_nameless();
  [[nodiscard]] bool is_nameless() const { return is_nameless_; }

  // What files without names are made on, one after the other: a database in memory with all that the files
  // of one schema begin with, and statements that stay prepared, because to prepare them for each file takes
  // longer than to fill it. One thread at a time.
  class Workbench {
   public:
    Workbench();
    ~Workbench();
    Workbench(Workbench&&) noexcept;
    Workbench& operator=(Workbench&&) noexcept;

   private:
    friend class Shard;
    std::unique_ptr<Connection> connection_;  // none before the first file, and after a failure
  };

  // Makes a file without a name of a lot that has all its rows, as `flush` and `close` would. After an error
  // there is none, and nothing has been recorded.
  tables::StorageError make_whole(const write::Lot& lot, Workbench& bench);

  // Makes a file of a run that begins, without rows, in a fraction of the time that a first flush takes for
  // it. It lies at nameless_path until somebody gives it its name, which is then to be noted.
  tables::StorageError make_ahead(Workbench& bench);
  void note_made();

  // Nothing lies in its place, neither a file nor what belongs to one; and nothing has, in this run.
  [[nodiscard]] bool is_still_to_be_made() const;

  [[nodiscard]] const types::Schema& schema() const { return *schema_; }

  // Records the run in the file, with nothing else, so that it outlasts even a power failure.
  tables::StorageError record_run();

  // Commits the lot, opening the file if need be. After an error the file is as it was before; but where a
  // commit failed when it was in the log already, the next flush finds that out. A gap is noted in the file,
  // once.
  tables::StorageError flush(const write::Lot& lot);

  // How long the write-ahead log was at the last flush, and copying it into the file.
  [[nodiscard]] std::size_t log_pages() const;
  [[nodiscard]] std::size_t page_bytes() const { return page_bytes_; }
  tables::Copied copy_log();
  // In bytes; and cutting it to nothing, which nobody is waited for. Whether that could be done.
  [[nodiscard]] std::uint64_t log_bytes() const;
  bool empty_log();

  [[nodiscard]] bool is_open() const { return connection_ != nullptr; }
  tables::StorageError open();

  // Closes the connection. `for_good` copies the write-ahead log into the file first, so that the file stands
  // alone; `for_now` leaves the log for the next opening.
  enum class Close { for_now, for_good };
  void close(Close how);

  // The end: closes the file, open or not, and has it keep no log, so that it opens wherever it is taken.
  // After an error, such as that another program has it open, it keeps its log, and is whole with it.
  tables::StorageError finish();

  // Whether the file that was opened last is no longer the one of that name. Costs one look at the folder.
  [[nodiscard]] bool has_moved() const;

  // Whether a file here has been found or made to be ours in this run.
  [[nodiscard]] bool was_ours() const { return was_ours_; }

  // Whether the write-ahead log of an open file, or the log's index, was deleted or replaced. This connection
  // keeps those it has, and its rows reach the file when it closes; a program that opens the file before that
  // works on others, and may damage it.
  [[nodiscard]] bool has_lost_log() const;

  // Lets go of a file that has moved, whole if that can be had, and takes a log that was left behind out of
  // the way of the next file of that name.
  void leave_moved_file();

  // Renames the file with all that belongs to it. Returns the new name; empty, with `error`, when it stays.
  std::string set_aside_corrupt(std::error_code& error);

 private:
  // A file, whatever its name.
  struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileIdentity&) const = default;
  };

  // The write-ahead log and its index.
  struct LogIdentity {
    FileIdentity log;
    FileIdentity index;
  };

  // The last row that a lot adds.
  struct LastRow {
    std::string_view sql;  // finds the last one there is
    std::uint32_t sensor = 0;
    Timestamp at = 0;
    std::string_view table = {};  // which need not be there
    std::string_view kind = {};   // of a delivery
  };

  tables::StorageError try_to_open();
  tables::StorageError connect(tables::Database& database) const;
  template <class Open>
  tables::StorageError open_in_folder(const Open& open) const;
  tables::StorageError set_up(Workbench& bench) const;
  tables::StorageError add(const write::Lot& lot, tables::LastIds& last, std::size_t reloads_so_far);
  tables::StorageError add_rows(const write::Lot& lot, tables::LastIds& last);
  tables::StorageError prepare(tables::Database& database) const;
  tables::StorageError continue_ids(tables::Database& database);
  [[nodiscard]] tables::StorageError finish_closed() const;
  tables::StorageError begin_run();
  tables::StorageError record_sensors(std::size_t reloads_so_far);
  tables::StorageError settle_doubt();
  void keep_offered(const write::Share& offered);
  static std::optional<LastRow> last_row(const write::Lot& lot);
  int insert_readings(const write::Lot& lot);
  [[nodiscard]] std::size_t reloads() const;
  [[nodiscard]] std::string file_name() const;
  void note_recorded(std::size_t reloads_so_far);
  static std::optional<FileIdentity> identity_of(const std::string& path);
  void find_reason(tables::StorageError& error) const;
  static bool was_removed(const std::string& path, const FileIdentity& file);
  void note_file();
  void note_log();
  void forget_file();

  std::string path_;
  std::string place_;  // where the file lies: there, unless it has no name yet
  bool is_nameless_ = false;
  const types::Schema* schema_;
  const ShardContext* context_;
  SensorsOf sensors_;
  std::unique_ptr<Connection> connection_;
  write::Share
      in_doubt_;  // the lot's first rows, of a commit that failed, which may be in the log all the same …
  std::optional<LastRow> doubtful_;   // … if this is there
  write::Share already_there_;        // the lot's first rows, of a commit that turned out to be
  std::optional<FileIdentity> file_;  // none before the first opening, and once the file has been let go
  std::optional<LogIdentity> log_;    // while open, once something was committed
  tables::LastIds last_;              // highest ids under this name, as far as they are known
  // Of the file in whose place this one was begun, by this process or an earlier one; zero for the first.
  tables::LastIds before_;
  bool schema_accepted_ = false;  // the file has been found or made to be ours
  bool run_recorded_ = false;
  std::optional<Loss> skips_recorded_;
  bool was_ours_ = false;
  std::size_t reloads_recorded_ = 0;
  std::size_t sensors_recorded_ = 0;  // entries
  std::size_t page_bytes_ = 0;        // of the file that was opened last; none: unknown
};

}  // namespace fleet_sim::sqlite
