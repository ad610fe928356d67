// Reads slices of time from their shards into formatted lines, sorted. Never holds more than twice the
// allowed rows and bytes of a slice: beyond that, it drops the later half and says where to continue. Any
// thread, several at once. Keeps the connections of some shards open, because opening one costs as much as
// reading some hundred rows. Throws std::runtime_error for a shard that cannot be read.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/block_index.h"
#include "data/source.h"
#include "export/clean_readings.h"
#include "format/row_format.h"

namespace fleet_sim::exports {

using format::Cell;
using format::ReadingRow;
using format::RowFormat;
using format::RowFormatter;

// A reading's place in the order of an export.
struct Position {
  Timestamp at = 0;
  std::uint32_t shard = 0;
  std::int64_t id = 0;

  auto operator<=>(const Position&) const = default;
};

struct SliceLimits {
  std::size_t rows = 0;
  std::size_t bytes = 0;
};

struct SliceLines {
  struct Line {
    Position position;
    std::size_t offset = 0;  // in `text`
    std::size_t size = 0;    // 0 for a reading of which the format can say nothing
  };

  std::string text;
  std::vector<Line> lines;       // in order
  std::optional<Position> rest;  // where the part begins that was too much
};

// How the readings of each shard become lines: those of each type have columns of their own. A format whose
// first line names the columns takes one type only. Immutable.
class ShardFormats {
 public:
  // Throws InvalidInput for several types in such a format.
  ShardFormats(const std::vector<data::SourceShard>& shards, RowFormat format, bool with_clean);

  // What comes before the first line.
  [[nodiscard]] std::string header() const { return formats_.front().header(); }
  [[nodiscard]] const RowFormatter& of(std::size_t shard) const { return formats_[format_of_shard_[shard]]; }

 private:
  std::vector<RowFormatter> formats_;  // that of the built-in type where no shard has readings
  std::vector<std::size_t> format_of_shard_;
};

class SliceReader {
 public:
  // Borrows what it is given. `clean`: none, unless clean values are wanted beside the readings.
  SliceReader(const std::vector<data::SourceShard>& shards, const data::Selection& selection,
              RowFormat format, const CleanReadings* clean, SliceLimits limits)
      : shards_(shards),
        selection_(selection),
        formats_(shards, format, clean != nullptr),
        clean_(clean),
        limits_(limits),
        most_idle_(std::min(most_idle, data::affordable_shards() / 2)),
        idle_(shards.size()) {}

  // What comes before the first line.
  [[nodiscard]] std::string header() const { return formats_.header(); }

  // The readings of the slice that do not come before `begin`.
  [[nodiscard]] SliceLines read(const data::Slice& slice, const Position& begin) const;

 private:
  // An open shard, with the statement that visits its rows.
  struct Connection {
    tables::Database database;
    tables::Statement rows;  // is destroyed before it
  };

  static constexpr std::size_t most_idle = 64;  // connections

  void read_shard(std::span<const data::IdRange> ranges, const data::Slice& slice, const Position& begin,
                  SliceLines& into) const;
  [[nodiscard]] std::unique_ptr<Connection> connect(std::uint32_t shard) const;
  void give_back(std::uint32_t shard, std::unique_ptr<Connection> connection) const;
  void add_clean(const RowFormatter& format, const CleanReadings::Row& of, ReadingRow& row) const;
  void add(const RowFormatter& format, const ReadingRow& row, const Position& position,
           SliceLines& into) const;

  const std::vector<data::SourceShard>& shards_;
  const data::Selection& selection_;
  ShardFormats formats_;
  const CleanReadings* clean_;
  SliceLimits limits_;
  std::size_t most_idle_;
  mutable std::mutex mutex_;
  mutable std::vector<std::vector<std::unique_ptr<Connection>>> idle_;  // by shard
  mutable std::size_t idle_count_ = 0;
};

}  // namespace fleet_sim::exports
