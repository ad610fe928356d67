// What a detector says, from a CSV file: rows of sensor_id, timestamp and score or flag, or both (then the
// flag decides and the score ranks); or of sensor_id, started_at and ended_at. Other columns are ignored. One
// thread. Throws InvalidInput as `file:line: what, and what to do`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "files/csv_reader.h"
#include "files/moment.h"

namespace fleet_sim::score {

// A moment or a span of time of a sensor that a detector says something of.
struct Detection {
  Timestamp from;
  Timestamp until;    // of a moment: the same …
  Microseconds unit;  // … and what was meant lies less than this from it
  double score;       // 1 where only a flag says it, or a span
  std::uint32_t sensor;
  bool is_flagged;  // by its flag, or as a span
  bool is_span;
};

// Names of columns by ours, for those that are called otherwise.
using ColumnNames = std::map<std::string, std::string, std::less<>>;

// Reads OURS=THEIRS into the names; throws InvalidInput for a column that detections do not have.
void add_column_name(ColumnNames& names, std::string_view text);

class DetectionReader {
 public:
  // Reads the header. Borrows the reader.
  DetectionReader(files::CsvReader& csv, const ColumnNames& names);

  [[nodiscard]] bool has_scores() const { return score_.has_value(); }
  [[nodiscard]] bool has_flags() const { return flag_ || ended_at_; }

  // The next row, but for its sensor, which is a text until the next.
  std::optional<Detection> next();
  [[nodiscard]] std::string_view sensor() const { return csv_[*sensor_]; }
  [[noreturn]] void fail(std::string_view what) const { csv_.fail(what); }

 private:
  using Column = std::optional<std::size_t>;

  [[nodiscard]] Column find(std::string_view ours, const ColumnNames& names) const;
  [[noreturn]] void fail_without(std::string_view what, const ColumnNames& names) const;
  [[nodiscard]] files::Moment moment(std::size_t column) const;
  [[nodiscard]] double score() const;
  [[nodiscard]] bool flag() const;
  [[nodiscard]] std::string named(std::size_t column) const;  // "timestamp 'x'"

  files::CsvReader& csv_;
  Column sensor_;
  Column timestamp_;
  Column score_;
  Column flag_;
  Column started_at_;
  Column ended_at_;
};

}  // namespace fleet_sim::score
