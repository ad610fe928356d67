#include "export/slice_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/plain_text.h"
#include "base/problems.h"
#include "types/built_in_type.h"

namespace fleet_sim::exports {
namespace {

// What a file does not hold is filled in afterwards.
std::string columns_of(const RowFormatter& format) {
  std::string columns = "id";
  for (std::size_t i = 0; i < format.columns().size(); ++i) {
    const bool is_clean = std::ranges::binary_search(format.clean(), i);
    columns += ", " + (is_clean ? "NULL" : format.columns()[i].name);
  }
  return columns;
}

Cell cell_of(double value, types::Column::Type type) {
  if (type == types::Column::Type::integer) return static_cast<std::int64_t>(value);
  return value;
}

exports::Cell cell_of(const tables::VisitedRow& row, int column) {
  switch (row.type(column)) {
    case SQLITE_NULL:
      return std::monostate{};
    case SQLITE_INTEGER:
      return row.integer(column);
    case SQLITE_FLOAT:
      return row.real(column);
    default:
      return row.text(column);
  }
}

// Of a row that says when it was due; any other has a timestamp that does.
Timestamp due_of(const RowFormatter& format, const ReadingRow& row, Timestamp stamp) {
  const auto column = std::ranges::find(format.columns(), std::string_view("due"), &types::Column::name);
  if (column == format.columns().end()) return stamp;
  const auto* due =
      std::get_if<std::string_view>(&row[static_cast<std::size_t>(column - format.columns().begin())]);
  return due == nullptr ? stamp : parse_timestamp(*due).value_or(stamp);
}

constexpr int sensor_column = 2;  // behind the id and the time

// The texts are valid as long as those of the row that is visited.
void read_row(const tables::VisitedRow& visited, ReadingRow& row) {
  for (std::size_t column = 0; column < row.size(); ++column) {
    row[column] = cell_of(visited, static_cast<int>(column) + 1);
  }
}

// Keeps the lines' texts only, one after the other.
void compact(SliceLines& slice) {
  std::string text;
  for (SliceLines::Line& line : slice.lines) {
    const std::size_t offset = std::exchange(line.offset, text.size());
    text.append(slice.text, offset, line.size);
  }
  slice.text = std::move(text);
}

bool have_same_rows(const data::SourceShard& a, const data::SourceShard& b) {
  return a.schema.readings_name() == b.schema.readings_name() &&
         std::ranges::equal(a.schema.reading_columns(), b.schema.reading_columns());
}

[[noreturn]] void refuse_several(const std::vector<data::SourceShard>& shards, const data::SourceShard& first,
                                 const data::SourceShard& second) {
  constexpr std::string_view any_columns = "--format ndjson or line-protocol takes rows of any columns";
  const std::vector<std::string_view> types = data::type_names(shards);
  if (types.size() > 1) {
    throw InvalidInput(
        fmt::format("a csv file has readings of one type of sensor, and these are of {}: {}; choose one with "
                    "--type. {}",
                    types.size(), printable(fmt::format("{}", fmt::join(types, ", "))), any_columns));
  }
  throw InvalidInput(fmt::format("{}: has different channels than {}; export them one by one. {}",
                                 second.file.string(), first.file.string(), any_columns));
}

void drop_later_half(SliceLines& slice) {
  const auto middle = slice.lines.begin() + static_cast<std::ptrdiff_t>(slice.lines.size() / 2);
  std::ranges::nth_element(slice.lines, middle, {}, &SliceLines::Line::position);
  slice.rest = middle->position;
  slice.lines.erase(middle, slice.lines.end());
  compact(slice);
}

}  // namespace

ShardFormats::ShardFormats(const std::vector<data::SourceShard>& shards, RowFormat format, bool with_clean)
    : format_of_shard_(shards.size(), 0) {
  std::vector<const data::SourceShard*> firsts;  // of each format
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (!shards[i].has_readings) continue;
    const auto known = std::ranges::find_if(
        firsts, [&](const data::SourceShard* first) { return have_same_rows(*first, shards[i]); });
    format_of_shard_[i] = static_cast<std::size_t>(known - firsts.begin());
    if (known != firsts.end()) continue;
    firsts.push_back(&shards[i]);
    formats_.emplace_back(format, shards[i].schema, with_clean);
  }
  if (formats_.empty()) formats_.emplace_back(format, types::built_in_type().schema, with_clean);
  if (format == RowFormat::csv && formats_.size() > 1) refuse_several(shards, *firsts[0], *firsts[1]);
}

SliceLines SliceReader::read(const data::Slice& slice, const Position& begin) const {
  SliceLines lines;
  for (auto first = slice.ranges.begin(); first != slice.ranges.end();) {
    const auto last = std::find_if(first, slice.ranges.end(),
                                   [&](const data::IdRange& range) { return range.shard != first->shard; });
    read_shard({first, last}, slice, begin, lines);
    first = last;
  }
  std::ranges::sort(lines.lines, {}, &SliceLines::Line::position);
  return lines;
}

void SliceReader::read_shard(std::span<const data::IdRange> ranges, const data::Slice& slice,
                             const Position& begin, SliceLines& into) const {
  const std::uint32_t number = ranges.front().shard;
  const data::SourceShard& shard = shards_[number];
  const RowFormatter& format = formats_.of(number);
  std::unique_ptr<Connection> connection = connect(number);
  TimestampReader reader;
  ReadingRow cells(format.columns().size());
  const auto take = [&](const tables::VisitedRow& row) {
    const Position position{moment_of_reading(row, reader, shard), number, row.integer(0)};
    if (position.at < slice.from || position.at >= slice.to || position < begin) return;
    if (into.rest && position >= *into.rest) return;
    read_row(row, cells);
    if (clean_ != nullptr) {
      const Timestamp due = due_of(format, cells, position.at);
      add_clean(format, {number, position.id, row.text(sensor_column), due}, cells);
    }
    add(format, cells, position, into);
  };
  for (const data::IdRange& range : ranges) {
    connection->rows.bind(1, range.first);
    connection->rows.bind(2, range.last);
    data::visit_rows(connection->rows, connection->database, take, shard.file);
  }
  give_back(number, std::move(connection));
}

std::unique_ptr<SliceReader::Connection> SliceReader::connect(std::uint32_t shard) const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_[shard].empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_[shard].back());
      idle_[shard].pop_back();
      --idle_count_;
      return connection;
    }
  }
  auto connection = std::make_unique<Connection>();
  connection->database = data::open(shards_[shard]);
  const std::string from = "FROM sensor_readings WHERE id BETWEEN ?1 AND ?2" + condition_of(selection_, 3);
  const tables::StorageError error =
      connection->database.prepare_visits(columns_of(formats_.of(shard)), from, connection->rows);
  if (!error.ok()) data::fail(shards_[shard].file, error);
  data::bind(connection->rows, selection_, 3);
  return connection;
}

// One that has read all its rows holds no lock.
void SliceReader::give_back(std::uint32_t shard, std::unique_ptr<Connection> connection) const {
  const std::lock_guard lock(mutex_);
  if (idle_count_ == most_idle_) return;
  idle_[shard].push_back(std::move(connection));
  ++idle_count_;
}

void SliceReader::add_clean(const RowFormatter& format, const CleanReadings::Row& of, ReadingRow& row) const {
  const batch::Values values = clean_->values_of(of);
  if (values.size() != format.clean().size()) {
    throw InvalidInput(fmt::format("--clean: {}: the run of {} says that it has other channels",
                                   shards_[of.shard].file.string(), in_quotes(of.sensor)));
  }
  for (std::size_t c = 0; c < values.size(); ++c) {
    const std::size_t place = format.clean()[c];
    row[place] = cell_of(values[c], format.columns()[place].type);
  }
}

void SliceReader::add(const RowFormatter& format, const ReadingRow& row, const Position& position,
                      SliceLines& into) const {
  const std::size_t offset = into.text.size();
  format.append(into.text, row, position.at);
  into.lines.push_back({position, offset, into.text.size() - offset});
  const bool too_much = into.lines.size() > 2 * limits_.rows || into.text.size() > 2 * limits_.bytes;
  if (too_much && into.lines.size() > 1) drop_later_half(into);
}

}  // namespace fleet_sim::exports
