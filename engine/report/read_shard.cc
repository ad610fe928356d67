#include "report/read_shard.h"

#include <fmt/format.h>
#include <tbb/blocked_range.h>
#include <tbb/parallel_reduce.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/plain_text.h"
#include "data/data_directory.h"
#include "tables/database.h"
#include "tables/deliveries.h"

namespace fleet_sim::report {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view all_events_sql =
    "SELECT sensor_id, started_at, ended_at, readings_affected, anomaly_type, cause, severity, fails_at FROM "
    "anomaly_events";

constexpr std::string_view silences_sql =
    "SELECT sensor_id, started_at, CASE verb WHEN 'leave' THEN NULL WHEN 'silence' THEN ended_at ELSE "
    "silent_until END "
    "FROM fleet_events WHERE silent_until IS NOT NULL OR verb IN ('silence', 'leave')";

constexpr std::string_view due = "coalesce(due, timestamp)";

// The columns of a StoredReading. As a table of the older form has no `synced`, nobody can have marked a row.
std::string row_columns(const types::Schema& schema, bool has_synced) {
  const types::ChannelColumn* daily = daily_channel_of(schema);
  return fmt::format(
      "{}, sensor_id, {}, anomaly_flag, anomaly_type, firmware_version, model, manufacturer, location, {}",
      schema.has_delivery() ? due : "timestamp", daily == nullptr ? "NULL" : daily->name,
      has_synced ? "synced" : "0");
}

// Rows of delivery lie in the order they arrived.
std::string rows_between(const types::Schema& schema) {
  constexpr std::string_view between = "sensor_readings WHERE id BETWEEN ?1 AND ?2";
  return schema.has_delivery() ? fmt::format("FROM (SELECT * FROM {} ORDER BY {})", between, due)
                               : fmt::format("FROM {}", between);
}

// Enough to be worth another connection.
constexpr std::uint64_t fewest_ids_of_a_part = 250'000;

// Ids lie anywhere in 64 bits; an offset from the first one counts them.
struct RowRange {
  std::int64_t first_id = 0;
  std::int64_t last_id = 0;
  std::uint64_t offsets = 0;  // 0: no rows
  std::uint64_t fewest_of_a_part = fewest_ids_of_a_part;
  std::string columns;
  std::string from;

  [[nodiscard]] std::int64_t id_at(std::uint64_t offset) const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(first_id) + offset);
  }
  // Of a part that ends before `offset`.
  [[nodiscard]] std::int64_t last_id_before(std::uint64_t offset) const {
    return offset == offsets ? last_id : id_at(offset - 1);
  }
};

[[noreturn]] void fail(const fs::path& file, const std::string& what) {
  throw std::runtime_error(fmt::format("{}: cannot be read: {}", file.string(), what));
}

bool has_column(tables::Database& shard, std::string_view table, std::string_view column) {
  const std::string sql =
      fmt::format("SELECT count(*) FROM pragma_table_info('{}') WHERE name = '{}'", table, column);
  return shard.query_integer(sql, 0) > 0;
}

RowRange find_rows(tables::Database& shard, const types::Schema& schema, const fs::path& file) {
  if (!has_column(shard, "sensor_readings", "id")) return {};
  const auto ids = data::find_reading_ids(shard, file);
  if (!ids) return {};
  RowRange rows;
  rows.first_id = ids->first;
  rows.last_id = ids->last;
  const auto span = static_cast<std::uint64_t>(rows.last_id) - static_cast<std::uint64_t>(rows.first_id);
  rows.offsets = std::max(span + 1, span);  // all ids there are do not fit into 64 bits
  if (schema.has_delivery()) rows.fewest_of_a_part = rows.offsets;  // sorted as a whole
  rows.columns = row_columns(schema, has_column(shard, "sensor_readings", "synced"));
  rows.from = rows_between(schema);
  return rows;
}

class TimeColumn {
 public:
  explicit TimeColumn(const fs::path& file) : file_(file) {}

  Timestamp read(std::string_view text) {
    const auto moment = reader_.read(text);
    if (!moment) fail(file_, fmt::format("it has {} where a time should be", in_quotes(text)));
    return *moment;
  }

 private:
  const fs::path& file_;
  TimestampReader reader_;
};

AnomalyType type_named(std::string_view name, const fs::path& file) {
  if (const auto type = anomaly_type_of(name)) return *type;
  fail(file, fmt::format("it has an anomaly of the unknown type {}", in_quotes(name)));
}

// An event that takes rows and is open lasts until the next run begins, or is not over yet.
Timestamp open_until(const std::vector<Timestamp>& run_starts, Timestamp from) {
  const auto next = std::ranges::upper_bound(run_starts, from);
  return next == run_starts.end() ? latest_timestamp : *next;
}

void read_events(tables::Database& shard, const fs::path& file, ReadShard& read, TallyContext& context) {
  tables::Statement row = data::prepare_query(shard, all_events_sql, file);
  TimeColumn times(file);
  while (data::next_row(row, shard, file)) {
    const AnomalyType type = type_named(row.text(4), file);
    const AnomalyCause cause = anomaly_cause_of(row.text(5)).value_or(AnomalyCause::drawn);
    read.events.add(type, cause, row.type(6) != SQLITE_NULL ? std::optional(row.real(6)) : std::nullopt);
    const bool may_fail = row.type(7) != SQLITE_NULL;
    if (!takes_rows(type) && !is_requested(cause) && !may_fail) continue;
    const bool is_open = row.type(2) == SQLITE_NULL;
    const Timestamp from = times.read(row.text(1));
    const Timestamp until = is_open ? open_until(context.run_starts, from) : times.read(row.text(2));
    const auto readings = std::clamp<std::int64_t>(row.integer(3), 0, UINT32_MAX);
    const EventSpan span{0, static_cast<std::uint32_t>(readings), from, until, type};
    if (is_requested(cause)) context.injected.add(row.text(0), span);
    // A sensor that has failed may fall silent; how many readings that took, nothing says.
    if (may_fail) context.missing.add(row.text(0), {0, 0, times.read(row.text(7)), until, type});
    if (!takes_rows(type)) continue;
    context.missing.add(row.text(0), span);
    ++read.missing_events;
    read.open_missing_events += is_open ? 1 : 0;
  }
  context.missing.sort();
  context.injected.sort();
}

// A sensor that a scenario keeps silent, or away, should have no readings then: none is missing.
void read_silences(tables::Database& shard, const fs::path& file, TallyContext& context) {
  tables::Statement row = data::prepare_query(shard, silences_sql, file);
  TimeColumn times(file);
  while (data::next_row(row, shard, file)) {
    const Timestamp until = row.type(2) != SQLITE_NULL ? times.read(row.text(2)) : latest_timestamp;
    context.missing.add(row.text(0), {0, 0, times.read(row.text(1)), until, AnomalyType::missing_data});
  }
}

// A row that was dropped, or is late, is no gap.
void read_deliveries(tables::Database& shard, const fs::path& file, ReadShard& read, TallyContext& context) {
  using Kind = batch::Delivery::Kind;
  constexpr Microseconds past_it = 4;  // and before the next one (gaps.h)
  const tables::StorageError error =
      tables::read_deliveries(shard, "", [&](const tables::FoundDelivery& delivery) {
        ++read.delivery.of_kind[static_cast<std::size_t>(delivery.kind)];
        if (delivery.kind == Kind::drained) read.delivery.held += delivery.readings;
        if (delivery.kind != Kind::drop && delivery.kind != Kind::late) return;
        context.undelivered.add(delivery.sensor_id,
                                {0, 1, delivery.due, delivery.due + past_it, AnomalyType::missing_data});
      });
  if (!error.ok()) fail(file, error.message);
  context.undelivered.sort();
}

// Everything but the rows, as one moment has it.
RowRange read_surroundings(const fs::path& file, data::RunConfigs& configs, ReadShard& read,
                           TallyContext& context) {
  tables::Database shard = data::open_shard(file);
  read.schema = data::read_schema(shard, file);
  if (const tables::StorageError error = shard.execute("BEGIN"); !error.ok()) fail(file, error.message);
  if (has_column(shard, "run_info", "run_id")) {
    read.runs = data::read_runs(shard, file);
    data::read_reloads(shard, read.runs, file);
  }
  read.deleted = data::read_deletions(shard, file);
  for (const tables::RunInfo& run : read.runs) context.run_starts.push_back(run.start);
  std::ranges::sort(context.run_starts);
  read.config = configs.config_of(read.runs);
  context.config = read.config.config;
  context.eras.clear();
  for (const data::ConfigEra& era : read.config.eras) context.eras.push_back(era.from);
  if (has_column(shard, "fleet_events", "silent_until")) read_silences(shard, file, context);
  if (has_column(shard, "anomaly_events", "id")) read_events(shard, file, read, context);
  read_deliveries(shard, file, read, context);
  return find_rows(shard, read.schema, file);
}

// Tallies parts of the rows that follow each other; what another thread has tallied of later ones is joined.
class PartTally {
 public:
  PartTally(const fs::path& file, const RowRange& rows, const TallyContext& context, ReadProgress& progress)
      : file_(file), rows_(rows), context_(context), progress_(progress), tally_(context) {}
  PartTally(PartTally& other, tbb::split)
      : PartTally(other.file_, other.rows_, other.context_, other.progress_) {}

  void operator()(const tbb::blocked_range<std::uint64_t>& offsets) {
    tables::Database shard = data::open_shard(file_);
    // Nearly every page is read once, and sooner into a cache that fits into the processor's own.
    if (const tables::StorageError error = shard.execute("PRAGMA cache_size = -512"); !error.ok())
      fail(file_, error.message);
    TimeColumn times(file_);
    std::uint64_t readings = 0;
    const auto take = [&](const tables::VisitedRow& row) {
      tally_.add(reading_of(row, times));
      if (++readings % progress_step == 0) progress_.readings += progress_step;
    };
    const tables::StorageError error = shard.visit(
        rows_.columns, rows_.from, take, rows_.id_at(offsets.begin()), rows_.last_id_before(offsets.end()));
    if (!error.ok()) fail(file_, error.message);
    progress_.readings += readings % progress_step;
  }

  void join(PartTally& later) { tally_.append(later.tally_); }

  ReadingTally take() { return std::move(tally_); }

 private:
  static constexpr std::uint64_t progress_step = 1 << 16;

  StoredReading reading_of(const tables::VisitedRow& row, TimeColumn& times) const {
    StoredReading reading{times.read(row.text(0)),
                          row.text(1),
                          {},
                          row.integer(3) == 0 ? std::nullopt : std::optional(type_named(row.text(4), file_)),
                          {row.text(5), row.text(6), row.text(7), row.text(8)},
                          row.integer(9) != 0};
    if (row.type(2) == SQLITE_FLOAT || row.type(2) == SQLITE_INTEGER) reading.daily_value = row.real(2);
    return reading;
  }

  const fs::path& file_;
  const RowRange& rows_;
  const TallyContext& context_;
  ReadProgress& progress_;
  ReadingTally tally_;
};

}  // namespace

DeliveryTally& DeliveryTally::operator+=(const DeliveryTally& other) {
  for (std::size_t i = 0; i < of_kind.size(); ++i) of_kind[i] += other.of_kind[i];
  held += other.held;
  return *this;
}

ReadShard read_shard(const fs::path& file, data::RunConfigs& configs, const std::vector<Timestamp>& slots,
                     ReadProgress& progress) {
  auto context = std::make_unique<TallyContext>();
  context->slots = slots;
  ReadShard read{{}, {}, {}, ReadingTally(*context), {}, 0, 0, {}, {}};
  const RowRange rows = read_surroundings(file, configs, read, *context);
  if (rows.offsets > 0) {
    PartTally parts(file, rows, *context, progress);
    // Waiting for the parts must not begin another shard, with more open files.
    tbb::this_task_arena::isolate([&] {
      tbb::parallel_reduce(tbb::blocked_range<std::uint64_t>(0, rows.offsets, rows.fewest_of_a_part), parts);
    });
    read.tally = parts.take();
  }
  read.context = std::move(context);
  return read;
}

}  // namespace fleet_sim::report
