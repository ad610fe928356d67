#include "data/data_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>

#include "base/plain_text.h"
#include "base/problems.h"
#include "tables/run_losses.h"
#include "types/built_in_type.h"

namespace fleet_sim::data {
namespace {

constexpr std::string_view usual_table = "sensor_readings";

// The columns of run_info that each version of the schema has, in the order of the later ones.
std::string select_runs(std::int64_t schema_version) {
  return fmt::format(
      "SELECT run_id, version, seed, start, began_at, fleet_size, partition, shard_by, config, config_hash, "
      "{}, {}, {} FROM run_info ORDER BY rowid",
      schema_version < 2 ? "NULL, 1, 1" : "fleet_hash, first_reading_id, first_event_id",
      schema_version < 3 ? "NULL" : "zone_data", schema_version < 4 ? "NULL" : "spread");
}

Timestamp time_in(std::string_view text, std::string_view table, const std::filesystem::path& file) {
  const auto moment = parse_timestamp(text);
  if (!moment) {
    throw std::runtime_error(
        fmt::format("{}: {} has {} where a time should be", file.string(), table, in_quotes(text)));
  }
  return *moment;
}

RecordedRun read_run(const tables::Statement& row, const std::filesystem::path& file) {
  RecordedRun run;
  run.run_id = row.text(0);
  run.version = row.text(1);
  run.seed = static_cast<std::uint64_t>(row.integer(2));
  run.start = time_in(row.text(3), "run_info", file);
  run.began_at = time_in(row.text(4), "run_info", file);
  run.fleet_size = static_cast<std::uint64_t>(row.integer(5));
  run.partition = row.text(6);
  run.shard_by = row.text(7);
  run.config = row.text(8);
  run.config_hash = row.text(9);
  run.fleet_hash = row.text(10);
  run.first_reading_id = row.integer(11);
  run.first_event_id = row.integer(12);
  run.zone_data = row.text(13);
  run.spread = row.text(14);
  return run;
}

// The file of a shard, or the central database and the table in it that the path leads to.
struct FileAndTable {
  std::filesystem::path file;
  std::string table = std::string(usual_table);
};

FileAndTable place_of(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  std::error_code ignored;
  const bool leads_into_a_file =
      name.starts_with(usual_table) && std::filesystem::is_regular_file(path.parent_path(), ignored);
  return leads_into_a_file ? FileAndTable{path.parent_path(), name} : FileAndTable{path};
}

// A file that cannot be read stays one: who reads it says why.
std::vector<std::filesystem::path> shards_in(const std::filesystem::path& file) {
  tables::Database database;
  std::vector<std::string> tables;
  if (!database.open_to_read(file.string()).ok() || !find_central_readings(database, tables).ok())
    return {file};
  if (tables.empty() || (tables.size() == 1 && tables.front() == usual_table)) return {file};
  std::vector<std::filesystem::path> shards;
  for (const std::string& table : tables) shards.push_back(file / table);
  return shards;
}

std::vector<std::filesystem::path> files_at(const std::filesystem::path& place) {
  if (std::filesystem::is_directory(place)) return find_shards(place);
  if (!std::filesystem::exists(place)) throw InvalidInput(place.string() + ": no such file or directory");
  if (!std::filesystem::is_regular_file(place))
    throw InvalidInput(place.string() + ": is not a file of readings");
  if (tables::is_empty_file(place.string())) throw InvalidInput(place.string() + ": is empty");
  return {place};
}

}  // namespace

void fail(const std::filesystem::path& file, const tables::StorageError& error) {
  throw std::runtime_error(fmt::format("{}: cannot be read: {}", file.string(), error.message));
}

bool has_shard_name(const std::filesystem::path& file) {
  return file.extension() == ".db";
}

std::vector<std::filesystem::path> list_shards(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unknown;
    if (!has_shard_name(entry->path()) || !entry->is_regular_file(unknown)) continue;
    if (!tables::is_empty_file(entry->path().string())) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::filesystem::path> find_shards(const std::filesystem::path& directory) {
  if (!std::filesystem::is_directory(directory))
    throw InvalidInput(fmt::format("{}: no such directory", directory.string()));
  const std::filesystem::directory_iterator listed(directory);  // throws, and says why, where it cannot be
  std::vector<std::filesystem::path> files = list_shards(directory);
  if (files.empty())
    throw InvalidInput(fmt::format("{}: has no .db files, or only empty ones", directory.string()));
  return files;
}

Sources::Sources(const std::vector<std::filesystem::path>& places) {
  std::set<std::filesystem::path> known;
  for (const std::filesystem::path& place : places) {
    for (const std::filesystem::path& file : files_at(place)) {
      if (!known.insert(std::filesystem::weakly_canonical(file)).second) continue;
      std::ranges::move(shards_in(file), std::back_inserter(files));
    }
    text += text.empty() ? place.string() : ", " + place.string();
  }
  if (places.size() == 1 && std::filesystem::is_directory(places.front())) folder = places.front();
}

std::string Sources::name_of(const std::filesystem::path& file) const {
  return folder.empty() ? file.string() : file.lexically_relative(folder).string();
}

tables::Database open_shard(const std::filesystem::path& file) {
  return open_shard(file, has_log(file));
}

bool has_log(const std::filesystem::path& file) {
  return tables::has_log(place_of(file).file.string());
}

tables::Database open_shard(const std::filesystem::path& file, bool had_log) {
  tables::Database shard;
  const FileAndTable place = place_of(file);
  if (const tables::StorageError error = shard.open_to_read(place.file.string(), had_log); !error.ok()) {
    throw std::runtime_error(fmt::format("{}: cannot be opened: {}", file.string(), error.message));
  }
  if (const tables::StorageError error = tables::present_as_shard(shard, place.table); !error.ok())
    fail(file, error);
  return shard;
}

void check_shard(tables::Database& shard, const std::filesystem::path& file) {
  if (const tables::StorageError error = tables::check_schema(shard); !error.ok()) fail(file, error);
}

types::Schema read_schema(tables::Database& shard, const std::filesystem::path& file) {
  types::Schema schema = types::built_in_type().schema;
  if (const tables::StorageError error = tables::read_schema(shard, schema); !error.ok()) fail(file, error);
  return schema;
}

tables::Statement prepare_query(tables::Database& shard, std::string_view sql,
                                const std::filesystem::path& file) {
  tables::Statement query;
  if (const tables::StorageError error = shard.prepare(sql, query); !error.ok()) fail(file, error);
  return query;
}

bool next_row(tables::Statement& query, const tables::Database& shard, const std::filesystem::path& file) {
  const int code = query.step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail(file, shard.error());
  return code == SQLITE_ROW;
}

bool has_table(tables::Database& shard, std::string_view table, const std::filesystem::path& file) {
  tables::Statement row = prepare_query(
      shard,
      "SELECT 1 FROM main.sqlite_schema WHERE type IN ('table', 'view') AND name = ?1 UNION ALL "
      "SELECT 1 FROM temp.sqlite_schema WHERE name = ?1",
      file);
  row.bind(1, table);
  return next_row(row, shard, file);
}

// Two queries, because only one end at a time is found without reading all rows.
std::optional<ReadingIds> find_reading_ids(tables::Database& shard, const std::filesystem::path& file) {
  tables::Statement row = prepare_query(
      shard, "SELECT (SELECT min(id) FROM sensor_readings), (SELECT max(id) FROM sensor_readings)", file);
  if (!next_row(row, shard, file) || row.type(0) == SQLITE_NULL) return std::nullopt;
  return ReadingIds{row.integer(0), row.integer(1)};
}

tables::Deletions read_deletions(tables::Database& shard, const std::filesystem::path& file) {
  tables::Deletions deletions;
  if (const tables::StorageError error = tables::read_deletions(shard, deletions); !error.ok())
    fail(file, error);
  return deletions;
}

std::vector<RecordedRun> read_runs(tables::Database& shard, const std::filesystem::path& file) {
  // A process that was killed while it made the file has left it without tables.
  if (!has_table(shard, "run_info", file)) return {};
  tables::Statement row =
      prepare_query(shard, select_runs(shard.query_integer("PRAGMA user_version", 0)), file);
  std::vector<RecordedRun> runs;
  while (next_row(row, shard, file)) runs.push_back(read_run(row, file));
  for (RecordedRun& run : runs) {
    const tables::StorageError error = tables::has_losses(shard, run.run_id, run.has_losses);
    if (!error.ok()) fail(file, error);
  }
  const tables::Deletions deletions = read_deletions(shard, file);
  for (RecordedRun& run : runs) {
    if (deletions.readings > 0 && deletions.last_reading_id >= run.first_reading_id) {
      run.deleted_until = time_in(deletions.until, "deletions", file);
    }
  }
  return runs;
}

void read_reloads(tables::Database& shard, std::vector<RecordedRun>& runs,
                  const std::filesystem::path& file) {
  for (RecordedRun& run : runs) {
    const tables::StorageError error = tables::read_reloads(shard, run.run_id, run.reloads);
    if (!error.ok()) fail(file, error);
  }
}

}  // namespace fleet_sim::data
