#include "format/row_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json_writer.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "format/pieces.h"

namespace fleet_sim::format {
namespace {

// ---- csv ----

struct AppendCsv {
  std::string& out;

  void operator()(std::monostate) const {}
  void operator()(std::int64_t number) const { append_number(out, number); }
  void operator()(double number) const { append_number(out, number); }
  void operator()(std::string_view text) const { append_csv_text(out, text); }
};

// ---- ndjson ----

struct AppendJson {
  JsonWriter& json;

  void operator()(std::monostate) const { json.value(std::nullopt); }
  void operator()(std::int64_t number) const { json.value(number); }
  void operator()(std::string_view text) const { json.value(text); }
  void operator()(double number) const { json.value(number); }
};

// ---- line protocol ----

// A field with its value, and the comma that the last one's space before the timestamp replaces; nothing
// where the value is not of the column's type.
void append_field(std::string& out, const types::Column& column, const Cell& cell) {
  using Type = types::Column::Type;
  const double* real = std::get_if<double>(&cell);
  const std::int64_t* integer = std::get_if<std::int64_t>(&cell);
  const std::string_view* text = std::get_if<std::string_view>(&cell);
  const auto append_named = [&](const auto& append_value) {
    out += column.name;
    out += '=';
    append_value();
    out += ',';
  };
  if (column.type == Type::real && real != nullptr && std::isfinite(*real)) {
    append_named([&] { append_number(out, *real); });
  } else if (column.type == Type::integer && integer != nullptr) {
    append_named([&] { append_number(out, *integer), out += 'i'; });
  } else if (column.type == Type::text && text != nullptr) {
    append_named([&] { append_quoted(out, *text); });
  }
}

types::Column clean_column(const types::Column& channel, const types::Schema& schema) {
  const std::string name = "clean_" + channel.name;
  if (!schema.find_channel(name)) return {name, channel.type, channel.role};
  throw InvalidInput(
      fmt::format("--clean: the type {} has a channel of the name {}", in_quotes(schema.type()), name));
}

bool is_tag(const types::Column& column) {
  return column.role == types::Column::Role::sensor || column.role == types::Column::Role::identity;
}

bool is_field(const types::Column& column) {
  return column.role == types::Column::Role::channel || column.role == types::Column::Role::state ||
         column.role == types::Column::Role::delivery;
}

}  // namespace

RowFormatter::RowFormatter(RowFormat format, const types::Schema& schema, bool with_clean)
    : format_(format), measurement_(measurement_text(schema.readings_name())) {
  for (const types::Column& column : schema.reading_columns()) {
    columns_.push_back(column);
    if (!with_clean || column.role != types::Column::Role::channel) continue;
    clean_.push_back(columns_.size());
    columns_.push_back(clean_column(column, schema));
  }
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (is_tag(columns_[i])) tags_.push_back(i);
    if (is_field(columns_[i])) fields_.push_back(i);
  }
  std::ranges::sort(tags_, {}, [this](std::size_t i) { return std::string_view(columns_[i].name); });
}

std::string RowFormatter::header() const {
  if (format_ != RowFormat::csv) return {};
  std::string header;
  for (const types::Column& column : columns_) header += (header.empty() ? "" : ",") + column.name;
  return header + '\n';
}

void RowFormatter::append(std::string& out, const ReadingRow& row, Timestamp at) const {
  switch (format_) {
    case RowFormat::csv:
      return append_csv(out, row);
    case RowFormat::ndjson:
      return append_json(out, row);
    case RowFormat::line_protocol:
      return append_line(out, row, at);
  }
}

void RowFormatter::append_csv(std::string& out, const ReadingRow& row) const {
  for (std::size_t column = 0; column < row.size(); ++column) {
    if (column > 0) out += ',';
    std::visit(AppendCsv{out}, row[column]);
  }
  out += '\n';
}

void RowFormatter::append_json(std::string& out, const ReadingRow& row) const {
  JsonWriter json(out, JsonLayout::compact, JsonReals::plain);
  json.begin('{');
  for (std::size_t column = 0; column < row.size(); ++column) {
    json.key(columns_[column].name);
    std::visit(AppendJson{json}, row[column]);
  }
  json.end('}');
  json.end_line();
}

void RowFormatter::append_line(std::string& out, const ReadingRow& row, Timestamp at) const {
  const std::size_t start = out.size();
  out += measurement_;
  for (const std::size_t tag : tags_) {
    const std::string_view* text = std::get_if<std::string_view>(&row[tag]);
    if (text != nullptr) append_tag(out, columns_[tag].name, *text);
  }
  out += ' ';
  const std::size_t before_fields = out.size();
  for (const std::size_t field : fields_) append_field(out, columns_[field], row[field]);
  if (out.size() == before_fields) return out.resize(start);
  out.back() = ' ';
  append_nanoseconds(out, at);
  out += '\n';
}

}  // namespace fleet_sim::format
