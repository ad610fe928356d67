// A data directory as its readers see it: its shards, and the runs recorded in them. Nothing here changes a
// file. Any thread. Throws InvalidInput for a place that is not a data directory, and std::runtime_error,
// naming the file, for a shard that cannot be read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tables/database.h"
#include "tables/deletions.h"
#include "tables/run_reloads.h"
#include "tables/schema.h"

namespace fleet_sim::data {

// Whether a file is a shard by its name: one that was set aside is not (set_aside.h).
bool has_shard_name(const std::filesystem::path& file);

// Every shard of the directory, sorted by name; none if there is no directory, or it cannot be listed. An
// empty file is not a shard: a run that is killed as it begins leaves such files.
std::vector<std::filesystem::path> list_shards(const std::filesystem::path& directory);

// The same for a reader, which needs at least one. Throws InvalidInput if there is none.
std::vector<std::filesystem::path> find_shards(const std::filesystem::path& directory);

// What to read: the shards of data directories, and single files with any name, such as backups and what
// scripts/collect has made. A central database with readings of several types is a shard for each of them, as
// if it were a folder of its tables: `central.sqlite/sensor_readings_pump`. Throws InvalidInput for a place
// where there is nothing to read.
struct Sources {
  Sources(const std::filesystem::path& place) : Sources(std::vector{place}) {}
  explicit Sources(const std::vector<std::filesystem::path>& places);

  // What a file is called: its name in the one directory, otherwise its path.
  [[nodiscard]] std::string name_of(const std::filesystem::path& file) const;

  std::string text;                          // the places, for a headline
  std::filesystem::path folder;              // the one directory, of all files; otherwise empty
  std::vector<std::filesystem::path> files;  // each once; of a central database, its tables
};

// Opens a shard to read it; use the second form if several connections to it come and go (sqlite.h). A
// central database looks like a shard (present_as_shard).
tables::Database open_shard(const std::filesystem::path& file);
tables::Database open_shard(const std::filesystem::path& file, bool had_log);
bool has_log(const std::filesystem::path& file);

// Refuses a file that is not a shard, or was written by a newer fleet-sim.
void check_shard(tables::Database& shard, const std::filesystem::path& file);

// The channels that a shard's readings have; none in a file without readings yet.
types::Schema read_schema(tables::Database& shard, const std::filesystem::path& file);

// Whether a shard has a table of that name: a file that a run has only just made has none.
bool has_table(tables::Database& shard, std::string_view table, const std::filesystem::path& file);

// The statement, prepared on a shard that open_shard returned.
tables::Statement prepare_query(tables::Database& shard, std::string_view sql,
                                const std::filesystem::path& file);

// What retention has deleted from a shard.
tables::Deletions read_deletions(tables::Database& shard, const std::filesystem::path& file);

[[noreturn]] void fail(const std::filesystem::path& file, const tables::StorageError& error);

// Steps to the next row; false after the last.
bool next_row(tables::Statement& query, const tables::Database& shard, const std::filesystem::path& file);

// Calls `take` with each row of a statement that tables::Database::prepare_visits() has prepared.
template <class Take>
void visit_rows(tables::Statement& query, tables::Database& shard, Take take,
                const std::filesystem::path& file) {
  if (const tables::StorageError error = shard.visit(query, std::move(take)); !error.ok()) fail(file, error);
}

// The lowest and the highest id of a shard's readings; nothing when it has none.
struct ReadingIds {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
std::optional<ReadingIds> find_reading_ids(tables::Database& shard, const std::filesystem::path& file);

// A run as a shard records it.
struct RecordedRun : tables::RunInfo {
  std::int64_t first_reading_id = 1;  // in this shard
  std::int64_t first_event_id = 1;
  bool has_losses = false;                      // rows of it are missing here (run_losses.h)
  std::optional<Timestamp> deleted_until;       // rows of it due by then may have been deleted (deletions.h)
  std::vector<tables::RunReload> reloads = {};  // only with read_reloads
};

// The runs that have written to a shard, first to last.
std::vector<RecordedRun> read_runs(tables::Database& shard, const std::filesystem::path& file);

// Adds the reloads that changed what the runs read, as far as this shard tells, without identities.
void read_reloads(tables::Database& shard, std::vector<RecordedRun>& runs, const std::filesystem::path& file);

}  // namespace fleet_sim::data
