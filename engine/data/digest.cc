#include "data/digest.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "base/random.h"
#include "data/data_directory.h"

namespace fleet_sim::data {
namespace {

constexpr std::string_view event_columns =
    "sensor_id, anomaly_type, channel, direction, magnitude, started_at, ended_at, readings_affected, "
    "severity, sigma, scenario, fails_at";
constexpr int event_column_count = 12;
// Those that came with schema version 4 count where they say something, so that digests of before stay.
constexpr int first_new_event_column = 8;

constexpr std::string_view fleet_event_columns =
    "name, sensor_id, verb, what, started_at, ended_at, silent_until, failed";
constexpr int fleet_event_column_count = 8;

// The type takes part, so that NULL, 0 and '0' differ.
std::uint64_t hash_column(const tables::Statement& row, int column) {
  switch (row.type(column)) {
    case SQLITE_INTEGER:
      return mix_words(1, static_cast<std::uint64_t>(row.integer(column)));
    case SQLITE_FLOAT:
      return mix_words(2, std::bit_cast<std::uint64_t>(row.real(column)));
    case SQLITE_NULL:
      return 3;
    default:
      return mix_words(4, hash_text(row.text(column)));
  }
}

struct TableDigest {
  std::uint64_t rows = 0;
  std::uint64_t hash = 0;
};

// A table that a run has not come to make has no rows.
TableDigest digest_table(tables::Database& shard, std::string_view table, std::string_view columns,
                         int column_count, int first_new_column, const std::filesystem::path& file) {
  TableDigest digest;
  if (!has_table(shard, table, file)) return digest;
  tables::Statement row = prepare_query(shard, fmt::format("SELECT {} FROM {}", columns, table), file);
  while (next_row(row, shard, file)) {
    std::uint64_t hash = 0;
    for (int column = 0; column < column_count; ++column) {
      if (column < first_new_column) {
        hash = mix_words(hash, hash_column(row, column));
      } else if (row.type(column) != SQLITE_NULL) {
        hash = mix_words(hash, mix_words(static_cast<std::uint64_t>(column), hash_column(row, column)));
      }
    }
    ++digest.rows;
    digest.hash += hash;
  }
  return digest;
}

struct DigestedFile {
  ShardDigest digest;
  std::vector<RecordedRun> runs;
};

DigestedFile digest_file(const std::filesystem::path& file, const std::string& name) {
  tables::Database shard = open_shard(file);
  const types::Schema schema = read_schema(shard, file);
  const auto columns = schema.reading_columns();
  const auto column_count = static_cast<int>(columns.size());
  const TableDigest readings =
      digest_table(shard, "sensor_readings", listed(columns), column_count, column_count, file);
  const TableDigest events =
      digest_table(shard, "anomaly_events", event_columns, event_column_count, first_new_event_column, file);
  const TableDigest fleet_events =
      digest_table(shard, "fleet_events", fleet_event_columns, fleet_event_column_count, 0, file);
  return {{name, readings.rows, events.rows, fleet_events.rows, readings.hash,
           events.hash + fleet_events.hash, read_deletions(shard, file)},
          read_runs(shard, file)};
}

}  // namespace

std::string DirectoryDigest::text() const {
  return fmt::format("{:016x}{:016x}", total.readings_hash, total.events_hash);
}

DirectoryDigest digest_of(const Sources& sources) {
  const std::vector<std::filesystem::path>& files = sources.files;
  std::vector<DigestedFile> digested(files.size());
  tbb::parallel_for(std::size_t{0}, files.size(),
                    [&](std::size_t i) { digested[i] = digest_file(files[i], sources.name_of(files[i])); });

  DirectoryDigest all;
  std::ranges::sort(digested, {},
                    [](const DigestedFile& file) { return std::string_view(file.digest.file); });
  std::map<std::pair<Timestamp, std::string>, tables::RunInfo> runs;
  for (DigestedFile& file : digested) {
    all.total.readings += file.digest.readings;
    all.total.events += file.digest.events;
    all.total.fleet_events += file.digest.fleet_events;
    all.total.readings_hash += file.digest.readings_hash;
    all.total.events_hash += file.digest.events_hash;
    all.total.deleted.readings += file.digest.deleted.readings;
    all.total.deleted.events += file.digest.deleted.events;
    for (const RecordedRun& run : file.runs) runs.try_emplace({run.began_at, run.run_id}, run);
    all.shards.push_back(std::move(file.digest));
  }
  for (auto& [order, run] : runs) all.runs.push_back(std::move(run));
  return all;
}

}  // namespace fleet_sim::data
