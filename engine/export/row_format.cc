#include "export/row_format.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/json_writer.h"
#include "base/plain_text.h"

namespace fleet_sim::exports {
namespace {

enum Column : std::size_t {
  timestamp,
  sensor_id,
  temperature,
  vibration,
  voltage,
  status_code,
  anomaly_flag,
  anomaly_type,
  firmware_version,
  model,
  manufacturer,
  location
};

// A text that is UTF-8: the one given, or its repaired copy.
class CleanText {
 public:
  explicit CleanText(std::string_view text) : text_(text) {
    if (is_utf8(text)) return;
    repaired_ = repaired_utf8(text);
    text_ = repaired_;
  }
  CleanText(const CleanText&) = delete;
  CleanText& operator=(const CleanText&) = delete;

  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string repaired_;
  std::string_view text_;
};

void append_number(std::string& out, std::int64_t number) {
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), number);
}

void append_number(std::string& out, double number) {
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), number);
}

// ---- csv ----

bool needs_quotes(char c) {
  return c == ',' || c == '"' || c == '\r' || c == '\n';
}

void append_csv_text(std::string& out, std::string_view text) {
  if (!text.empty() && std::ranges::none_of(text, needs_quotes)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

struct AppendCsv {
  std::string& out;

  void operator()(std::monostate) const {}
  void operator()(std::int64_t number) const { append_number(out, number); }
  void operator()(double number) const { append_number(out, number); }
  void operator()(std::string_view text) const { append_csv_text(out, CleanText(text).text()); }
};

void append_csv(std::string& out, const ReadingRow& row) {
  for (std::size_t column = 0; column < row.size(); ++column) {
    if (column > 0) out += ',';
    std::visit(AppendCsv{out}, row[column]);
  }
  out += '\n';
}

// ---- ndjson ----

struct AppendJson {
  JsonWriter& json;

  void operator()(std::monostate) const { json.value(std::nullopt); }
  void operator()(std::int64_t number) const { json.value(number); }
  void operator()(std::string_view text) const { json.value(text); }
  void operator()(double number) const { json.value(number); }
};

void append_json(std::string& out, const ReadingRow& row) {
  JsonWriter json(out, JsonLayout::compact, JsonReals::plain);
  json.begin('{');
  for (std::size_t column = 0; column < row.size(); ++column) {
    json.key(row_columns[column]);
    std::visit(AppendJson{json}, row[column]);
  }
  json.end('}');
  json.end_line();
}

// ---- line protocol ----

// Sorted, as InfluxDB would have them.
constexpr std::array<Column, 5> tags{firmware_version, location, manufacturer, model, sensor_id};

bool is_line_break(char c) {
  return c == '\n' || c == '\r';
}

// Nothing is left of a text of backslashes alone.
std::string_view tag_value(std::string_view text) {
  return text.substr(0, text.find_last_not_of('\\') + 1);
}

void append_tag(std::string& out, Column column, std::string_view text) {
  const std::string_view value = tag_value(text);
  if (value.empty()) return;
  out += ',';
  out += row_columns[column];
  out += '=';
  for (const char c : value) {
    if (c == ',' || c == '=' || c == ' ' || is_line_break(c)) out += '\\';
    out += is_line_break(c) ? ' ' : c;
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += is_line_break(c) ? ' ' : c;
  }
  out += '"';
}

// Each field is followed by a comma; the last one's becomes the space before the timestamp.
void append_field_name(std::string& out, Column column) {
  out += row_columns[column];
  out += '=';
}

void append_float_field(std::string& out, Column column, const Cell& cell) {
  const double* number = std::get_if<double>(&cell);
  if (number == nullptr || !std::isfinite(*number)) return;
  append_field_name(out, column);
  append_number(out, *number);
  out += ',';
}

void append_integer_field(std::string& out, Column column, const Cell& cell) {
  const std::int64_t* number = std::get_if<std::int64_t>(&cell);
  if (number == nullptr) return;
  append_field_name(out, column);
  append_number(out, *number);
  out += "i,";
}

void append_text_field(std::string& out, Column column, const Cell& cell) {
  const std::string_view* text = std::get_if<std::string_view>(&cell);
  if (text == nullptr) return;
  append_field_name(out, column);
  append_quoted(out, CleanText(*text).text());
  out += ',';
}

// Thousandths of a 64-bit count of microseconds may not fit: the digits are put down one after the other.
void append_nanoseconds(std::string& out, Timestamp at) {
  append_number(out, at);
  if (at != 0) out += "000";
}

void append_line(std::string& out, const ReadingRow& row, Timestamp at) {
  const std::size_t start = out.size();
  out += "sensor_readings";
  for (const Column column : tags) {
    const std::string_view* text = std::get_if<std::string_view>(&row[column]);
    if (text != nullptr) append_tag(out, column, CleanText(*text).text());
  }
  out += ' ';
  const std::size_t fields = out.size();
  for (const Column column : {temperature, vibration, voltage}) append_float_field(out, column, row[column]);
  for (const Column column : {status_code, anomaly_flag}) append_integer_field(out, column, row[column]);
  append_text_field(out, anomaly_type, row[anomaly_type]);
  if (out.size() == fields) return out.resize(start);
  out.back() = ' ';
  append_nanoseconds(out, at);
  out += '\n';
}

}  // namespace

std::string header_of(RowFormat format) {
  if (format != RowFormat::csv) return {};
  return fmt::format("{}\n", fmt::join(row_columns, ","));
}

void append_row(std::string& out, RowFormat format, const ReadingRow& row, Timestamp at) {
  switch (format) {
    case RowFormat::csv:
      return append_csv(out, row);
    case RowFormat::ndjson:
      return append_json(out, row);
    case RowFormat::line_protocol:
      return append_line(out, row, at);
  }
}

}  // namespace fleet_sim::exports
