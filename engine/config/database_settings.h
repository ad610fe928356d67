// The section `database`: how rows reach their destination, whatever it is, and what concerns only SQLite's
// files. The structs are followed by the rows of their keys, in the order of the section. Plain values; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/codec.h"
#include "config/key_row.h"

namespace fleet_sim::config {

inline constexpr std::uint32_t most_writers = 64;

struct WriteSettings {
  std::uint32_t writers = 1;
  std::uint32_t batch_size = 5'000;  // rows of a shard that start a transaction
  std::uint32_t flush_interval_ms = 1'000;
  std::uint32_t pending_rows = 4'000'000;  // held in memory per process, over all shards
  std::uint32_t error_limit = 10;  // rounds of one file's retries with no success between that stop the run
  bool memory_fallback = true;     // rows wait in memory for a file that cannot be opened at the start

  bool operator==(const WriteSettings&) const = default;
};

enum class Synchronous { off, normal, full };

// How readings lie in a new file (tables/layout.h); a file that exists keeps its own.
enum class Layout : std::uint8_t { wide, compact };

// Whether a run without pace fills its files sensor by sensor: where that can be done, always, or never.
enum class Bulk : std::uint8_t { automatic, on, off };

// What is deleted from shards, oldest first: nothing, unless an age or a size is given.
struct RetentionSettings {
  double age_seconds = 0;         // before the shard's last reading, from which on readings go; 0: none
  std::uint64_t shard_bytes = 0;  // in use by one file, beyond which readings go; 0: no limit
  bool only_synced = true;        // keep what no collector has marked

  [[nodiscard]] bool is_on() const { return age_seconds > 0 || shard_bytes > 0; }
  bool operator==(const RetentionSettings&) const = default;
};

inline constexpr std::uint32_t least_page_size = 512;
inline constexpr std::uint32_t largest_page_size = 65'536;
inline constexpr std::uint32_t usual_page_size = 16'384;
inline constexpr std::uint32_t page_size_of_turns = 4'096;

struct SqliteSettings {
  std::string path = "data/sensor_data.db";
  std::string data_dir;  // empty: the folder of `path`
  Synchronous synchronous = Synchronous::normal;
  std::optional<std::uint32_t> page_size;  // none: smaller where files take turns (start/open_files.h)
  std::uint32_t cache_kib = 256;
  std::uint32_t checkpoint_pages = 1'000;
  std::uint32_t busy_timeout_ms = 5'000;
  std::uint32_t max_open_shards = 0;  // 0: as many as the descriptor limit allows
  std::uint32_t max_log_mb = 0;  // of one file's write-ahead log, beyond which its rows wait; 0: no limit
  bool unsynced_index = true;
  Layout layout = Layout::wide;
  Bulk bulk = Bulk::automatic;
  RetentionSettings retention;

  bool operator==(const SqliteSettings&) const = default;
};

template <class Write, class Sqlite>
void database_keys(Write write, Sqlite sqlite) {
  sqlite.row(&SqliteSettings::path, file_path(),
             {.name = "database.path",
              .value = "FILE",
              .help = "Database file of an unsharded run; its folder is the data directory"});
  sqlite.row(&SqliteSettings::data_dir, path(),
             {.name = "database.data_dir",
              .flag = "--data-dir",
              .value = "DIR",
              .help = "Data directory, instead of the folder of database.path"});
  write.row(&WriteSettings::writers, count(1u, most_writers),
            {.name = "database.writers",
             .flag = "--writers",
             .value = "N",
             .help = "Writer threads, each with its own files: {}"});
  write.row(&WriteSettings::batch_size, count(1u, 1'000'000u),
            {.name = "database.batch_size",
             .value = "N",
             .help = "Rows of one file that trigger a transaction: {}"});
  write.row(&WriteSettings::flush_interval_ms, count(1u, 3'600'000u),
            {.name = "database.flush_interval_ms",
             .value = "MS",
             .help = "Longest time a row waits for its transaction: {} ms"});
  write.row(&WriteSettings::pending_rows, count(1u, 100'000'000u),
            {.name = "database.pending_rows",
             .value = "N",
             .help = "Maximum number of rows in memory, over all files: {}"});
  sqlite.row(&SqliteSettings::synchronous, words<Synchronous>({"off", "normal", "full"}),
             {.name = "database.synchronous",
              .value = "WORD",
              .help = "SQLite's protection against power loss: {}"});
  sqlite.row(&SqliteSettings::page_size, or_word("auto", power_of_two(least_page_size, largest_page_size)),
             {.name = "database.page_size",
              .value = "BYTES",
              .help = "Page size of new files: {} bytes, or auto",
              .more = "auto is 16384, and 4096 where there are more files than can be open at once"});
  sqlite.row(&SqliteSettings::cache_kib, count(16u, 4'194'304u),
             {.name = "database.cache_kib", .value = "KIB", .help = "Page cache of each open file: {} KiB"});
  sqlite.row(&SqliteSettings::checkpoint_pages, count(1u, 1'000'000u),
             {.name = "database.checkpoint_pages",
              .value = "N",
              .help = "Copy the write-ahead log into the file after this many pages: {}"});
  sqlite.row(&SqliteSettings::max_log_mb, count(0u, 1'000'000u),
             {.name = "database.max_log_mb",
              .value = "MB",
              .help = "Size of one file's write-ahead log at which its rows wait in memory: {} MB",
              .zero = "no limit",
              .more = "a log grows while a reader keeps it from being emptied; once memory is full, "
                      "simulation.overload decides"});
  sqlite.row(&SqliteSettings::busy_timeout_ms, count(0u, 600'000u),
             {.name = "database.busy_timeout_ms",
              .value = "MS",
              .help = "Longest wait for a collector's lock: {} ms"});
  sqlite.row(&SqliteSettings::max_open_shards, count(0u, 1'000'000u),
             {.name = "database.max_open_shards",
              .value = "N",
              .help = "Maximum number of files open at once: {}",
              .zero = "as many as the system allows"});
  sqlite.row(&SqliteSettings::unsynced_index, boolean(),
             {.name = "database.unsynced_index",
              .value = "BOOL",
              .help = "Whether files have an index of unsynced rows, for collectors"});
  sqlite.row(&SqliteSettings::layout, words<Layout>({"wide", "compact"}),
             {.name = "database.layout",
              .value = "WORD",
              .help = "How new files store readings: {}",
              .more = "compact files are smaller and faster to write; sensor_readings is a view in them"});
  sqlite.row(
      &SqliteSettings::bulk, words<Bulk>({"auto", "on", "off"}),
      {.name = "database.bulk",
       .value = "WORD",
       .help = "Whether a run with --shard-by sensor, --speed max and a finite duration fills its files "
               "sensor by sensor: {}",
       .more = "new files get their names once they are whole, so a kill loses those of the last "
               "seconds until --resume makes them again"});
  write.row(&WriteSettings::error_limit, count(1u, 1'000'000u),
            {.name = "database.error_limit",
             .value = "N",
             .help = "Stop the run when one file's retries run out this many times with no successful write "
                     "in between: {}",
             .more = "on a full disk, only times when the backlog is full count"});
  write.row(&WriteSettings::memory_fallback, boolean(),
            {.name = "database.memory_fallback",
             .value = "BOOL",
             .help = "Whether rows wait in memory if files cannot be opened at the start",
             .more = "up to pending_rows; with false the run exits with 3"});
}

template <class Retention>
void retention_keys(Retention retention) {
  constexpr std::uint64_t largest_file = 281'000'000'000'000;  // that SQLite can make
  retention.row(&RetentionSettings::age_seconds, duration({0, longest_duration_seconds}),
                {.name = "database.retention.age_seconds",
                 .value = "TIME",
                 .help = "Delete readings this much older than the last one in their file: {}",
                 .zero = "never",
                 .more = "the last three seconds always stay"});
  retention.row(&RetentionSettings::shard_bytes, count<std::uint64_t>(0, largest_file),
                {.name = "database.retention.shard_bytes",
                 .value = "BYTES",
                 .help = "Delete the oldest readings when one file's rows exceed this size: {}",
                 .zero = "no limit",
                 .more = "freed space is reused, but the file does not shrink; its log adds up to four times "
                         "checkpoint_pages"});
  retention.row(&RetentionSettings::only_synced, boolean(),
                {.name = "database.retention.only_synced",
                 .value = "BOOL",
                 .help = "Whether to delete only readings that a collector has marked",
                 .more = "an unmarked reading also keeps all later ones"});
}

}  // namespace fleet_sim::config
