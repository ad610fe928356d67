// A reading as a line of text, in the three formats that pipelines take. Columns come from a database file
// that any program may have written: a value may have another type than its column, and a text need not be
// UTF-8. What a format cannot express is left out or replaced, as described below; nothing fails. Pure; any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/timestamp.h"
#include "types/schema.h"

namespace fleet_sim::format {

// csv: RFC 4180 with "\n" as the line's end. NULL is an empty field, an empty text is "".
// ndjson: an object per line; NULL and infinity are null.
// line_protocol: InfluxDB's, with a measurement for each type (Schema::readings_name), identity columns as
// tags and a timestamp in nanoseconds. NULL, infinity and a value of another type than its field are left
// out, and so is a tag that is empty. Line breaks become spaces; backslashes at a tag's end, which the
// protocol cannot express, are cut off. In all of them a byte that is not UTF-8 becomes U+FFFD, and a
// floating-point number has the fewest digits that are read back as the same one.
enum class RowFormat : std::uint8_t { csv, ndjson, line_protocol };
inline constexpr std::array<std::string_view, 3> row_format_names{"csv", "ndjson", "line-protocol"};

// NULL, a whole number, a floating-point number, or a text.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string_view>;
using ReadingRow = std::vector<Cell>;

// Writes the readings of one type. Their columns are the schema's reading columns, without `id`, which is a
// shard's own, and `synced`, which belongs to the collectors; behind each channel, where that is wanted, what
// it would have read without anomalies: clean_CHANNEL.
class RowFormatter {
 public:
  // Throws InvalidInput where such a column would have the name of another.
  RowFormatter(RowFormat format, const types::Schema& schema, bool with_clean = false);

  [[nodiscard]] const std::vector<types::Column>& columns() const { return columns_; }
  // The places of the clean columns among them, in the order of the channels; none where they are not wanted.
  [[nodiscard]] const std::vector<std::size_t>& clean() const { return clean_; }

  // What comes before the first row: in csv, the line of column names.
  [[nodiscard]] std::string header() const;

  // Appends the row as a line with its end. `at` is what its timestamp column says. Appends nothing for a row
  // that the format cannot express: line protocol has no line without a field.
  void append(std::string& out, const ReadingRow& row, Timestamp at) const;

 private:
  void append_csv(std::string& out, const ReadingRow& row) const;
  void append_json(std::string& out, const ReadingRow& row) const;
  void append_line(std::string& out, const ReadingRow& row, Timestamp at) const;

  RowFormat format_;
  std::string measurement_;  // as line protocol writes it
  std::vector<types::Column> columns_;
  std::vector<std::size_t> clean_;
  std::vector<std::size_t>
      tags_;  // of line protocol, as places of columns; sorted, as InfluxDB would have them
  std::vector<std::size_t> fields_;  // likewise, in their order
};

}  // namespace fleet_sim::format
