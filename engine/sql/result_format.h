// The rows of a result as text: a table for people, CSV (RFC 4180) or JSON, in pieces as they come. Values
// keep their types: a REAL has a point, NULL is an empty field of CSV, where an empty text is "", and null in
// JSON. A table's columns are as wide as its first rows need; wider values come after that as they are.
// Bounded: a table waits for 1,000 rows or 1 MB, everything else for one row. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/plan.h"

namespace fleet_sim::sql {

// A value of a result. Bytes are those of a BLOB.
struct Cell {
  enum class Type : std::uint8_t { null, integer, real, text, blob } type = Type::null;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view bytes{};
};

class ResultFormat {
 public:
  virtual ~ResultFormat() = default;

  // Each appends to a text of the caller's.
  virtual void begin(const std::vector<std::string>& columns, std::string& out) = 0;
  virtual void row(const std::vector<Cell>& cells, std::string& out) = 0;
  virtual void end(std::string& out) = 0;
};

inline constexpr std::string_view format_names[] = {"table", "csv", "json"};

// One of format_names; throws InvalidInput for any other. `widest` is how many characters of a value a table
// shows; it has no limit elsewhere.
std::unique_ptr<ResultFormat> make_format(std::string_view name, std::size_t widest = std::string::npos);

}  // namespace fleet_sim::sql
