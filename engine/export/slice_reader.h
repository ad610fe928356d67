// Reads one slice of time from its shards into formatted lines, sorted. Never holds more than twice the
// allowed rows and bytes: beyond that, it drops the later half and says where to continue. One thread; a few
// descriptors at a time. Throws std::runtime_error for a shard that cannot be read.
#pragma once

#include <compare>
#include <cstdint>
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
        limits_(limits) {}

  // What comes before the first line.
  [[nodiscard]] std::string header() const { return formats_.header(); }

  // The readings of the slice that do not come before `begin`.
  [[nodiscard]] SliceLines read(const data::Slice& slice, const Position& begin) const;

 private:
  void read_shard(std::span<const data::IdRange> ranges, const data::Slice& slice, const Position& begin,
                  SliceLines& into) const;
  void add_clean(const RowFormatter& format, const CleanReadings::Row& of, ReadingRow& row) const;
  void add(const RowFormatter& format, const ReadingRow& row, const Position& position,
           SliceLines& into) const;

  const std::vector<data::SourceShard>& shards_;
  const data::Selection& selection_;
  ShardFormats formats_;
  const CleanReadings* clean_;
  SliceLimits limits_;
};

}  // namespace fleet_sim::exports
