#include "format/reading_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "base/json_writer.h"
#include "format/pieces.h"

namespace fleet_sim::format {
namespace {

using Role = types::Column::Role;

struct IdentityColumn {
  std::string_view name;
  identity::Text identity::Identity::*text;
};
constexpr std::array<IdentityColumn, 4> identity_columns{
    {{"firmware_version", &identity::Identity::firmware_version},
     {"model", &identity::Identity::model},
     {"manufacturer", &identity::Identity::manufacturer},
     {"location", &identity::Identity::location}}};

identity::Text identity::Identity::*text_of_column(std::string_view name) {
  return std::ranges::find(identity_columns, name, &IdentityColumn::name)->text;
}

}  // namespace

ReadingFormatter::ReadingFormatter(RowFormat format, const identity::Roster& roster,
                                   const types::Schema& schema)
    : format_(format), roster_(roster), header_(RowFormatter(format, schema).header()) {
  describe_states();
  format == RowFormat::line_protocol ? plan_line(schema) : plan_columns(schema);
}

// What stands between the values of csv and ndjson. The columns of the state are one piece.
void ReadingFormatter::plan_columns(const types::Schema& schema) {
  const bool is_json = format_ == RowFormat::ndjson;
  std::size_t channel = 0;
  bool has_state = false;
  for (const types::Column& column : schema.reading_columns()) {
    if (column.role == Role::state && has_state) continue;
    Piece piece;
    const std::string_view separator = pieces_.empty() ? (is_json ? "{" : "") : ",";
    piece.before = separator;
    if (is_json && column.role != Role::state) piece.before += fmt::format("\"{}\":", column.name);
    switch (column.role) {
      case Role::moment:
        piece.what = Piece::What::moment;
        if (is_json) piece.before += '"';
        break;
      case Role::sensor:
        piece.what = Piece::What::sensor;
        if (is_json) piece.before.insert(0, 1, '"');
        break;
      case Role::channel:
        piece.what = column.type == types::Column::Type::integer ? Piece::What::integer : Piece::What::real;
        piece.index = channel++;
        break;
      case Role::state:
        piece.what = Piece::What::state;
        has_state = true;
        break;
      default:
        piece.what = Piece::What::identity;
        piece.text = text_of_column(column.name);
    }
    pieces_.push_back(std::move(piece));
  }
  end_ = is_json ? "}\n" : "\n";
}

// Tags in the order of their names, as InfluxDB would have them, then fields, each with a comma behind it.
void ReadingFormatter::plan_line(const types::Schema& schema) {
  std::vector<std::string_view> tags{"sensor_id"};
  for (const IdentityColumn& column : identity_columns) tags.push_back(column.name);
  std::ranges::sort(tags);
  for (const std::string_view tag : tags) {
    Piece piece{.what = tag == "sensor_id" ? Piece::What::sensor : Piece::What::identity, .tag = tag};
    if (piece.what == Piece::What::identity) piece.text = text_of_column(tag);
    pieces_.push_back(std::move(piece));
  }
  pieces_.front().before = measurement_text(schema.readings_name());
  std::size_t channel = 0;
  std::string space = " ";
  for (const types::Column& column : schema.reading_columns()) {
    if (column.role != Role::channel) continue;
    const bool is_code = column.type == types::Column::Type::integer;
    pieces_.push_back({.before = std::exchange(space, "") + column.name + "=",
                       .what = is_code ? Piece::What::integer : Piece::What::real,
                       .index = channel++});
  }
  pieces_.push_back({.before = space, .what = Piece::What::state});
  pieces_.push_back({.what = Piece::What::nanoseconds});
  end_ = "\n";
}

void ReadingFormatter::describe_states() {
  for (std::size_t k = 0; k < states_.size(); ++k) {
    const bool is_anomalous = k < anomaly_type_count;
    const int flag = is_anomalous ? 1 : 0;
    const std::string_view name = is_anomalous ? anomaly_type_names[k] : std::string_view();
    std::string type;
    switch (format_) {
      case RowFormat::csv:
        states_[k] = fmt::format("{},{},{}", flag, flag, name);
        break;
      case RowFormat::ndjson:
        states_[k] = fmt::format("\"status_code\":{},\"anomaly_flag\":{},\"anomaly_type\":{}", flag, flag,
                                 is_anomalous ? fmt::format("\"{}\"", name) : "null");
        break;
      case RowFormat::line_protocol:
        states_[k] = fmt::format("status_code={}i,anomaly_flag={}i,", flag, flag);
        if (is_anomalous) states_[k] += fmt::format("anomaly_type=\"{}\",", name);
    }
  }
}

void ReadingFormatter::append(std::string& out, const batch::Row& reading) {
  const identity::Identity& identity = roster_[reading.sensor];
  for (const Piece& piece : pieces_) {
    switch (piece.what) {
      case Piece::What::moment:
        out += piece.before;
        out += timestamp_.write(reading.due);
        break;
      case Piece::What::sensor:
        out += piece.before;
        piece.tag.empty() ? append_text(out, identity.id) : append_tag(out, piece.tag, identity.id);
        break;
      case Piece::What::real:
      case Piece::What::integer:
        append_value(out, piece, reading.values[piece.index]);
        break;
      case Piece::What::state:
        out += piece.before;
        out += states_[reading.anomaly ? index_of(*reading.anomaly) : anomaly_type_count];
        break;
      case Piece::What::identity:
        out += piece.before;
        append_identity(out, piece, identity.*piece.text);
        break;
      case Piece::What::nanoseconds:
        out.back() = ' ';
        append_nanoseconds(out, reading.due);
    }
  }
  out += end_;
}

void ReadingFormatter::append_value(std::string& out, const Piece& piece, double value) const {
  const bool is_line = format_ == RowFormat::line_protocol;
  const bool is_finite = std::isfinite(value);
  if (is_line && !is_finite) {
    if (piece.before.front() == ' ') out += ' ';
    return;
  }
  out += piece.before;
  if (piece.what == Piece::What::integer) {
    append_number(out, static_cast<std::int64_t>(value));
    if (is_line) out += 'i';
  } else if (format_ == RowFormat::ndjson && !is_finite) {
    out += "null";
  } else {
    append_number(out, value);
  }
  if (is_line) out += ',';
}

void ReadingFormatter::append_text(std::string& out, std::string_view text) const {
  format_ == RowFormat::csv ? append_csv_text(out, text) : append_json_text(out, text);
}

void ReadingFormatter::append_identity(std::string& out, const Piece& piece, identity::Text text) {
  const auto index = static_cast<std::size_t>(text);
  if (index >= texts_.size()) {
    texts_.resize(index + 1);
    has_text_.resize(index + 1);
  }
  std::string& written = texts_[index];
  if (!has_text_[index]) {
    has_text_[index] = true;
    if (piece.tag.empty()) {
      append_text(written, roster_.text(text));
    } else {
      append_tag(written, "", roster_.text(text));
      // ",=value": the name differs from column to column.
      if (!written.empty()) written.erase(0, 1);
    }
  }
  if (piece.tag.empty()) {
    out += written;
  } else if (!written.empty()) {
    out += ',';
    out += piece.tag;
    out += written;
  }
}

}  // namespace fleet_sim::format
