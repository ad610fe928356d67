#include "format/reading_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/json_writer.h"
#include "base/random.h"
#include "format/pieces.h"

namespace fleet_sim::format {
namespace {

using Role = types::Column::Role;

constexpr std::size_t kept_texts = 4'096;  // about 150 bytes each
constexpr std::size_t longest_escape = 6;  // of one byte of an id: \u001f

// In the order of the columns.
constexpr std::array<std::string_view, 4> identity_columns{"firmware_version", "model", "manufacturer",
                                                           "location"};
// In that of their names, as line protocol has its tags.
constexpr std::array<std::size_t, 4> tags_in_order{0, 3, 2, 1};

char* put(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

// Bytes that no format escapes.
constexpr std::array<bool, 256> plain_bytes = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = '!'; c <= '~'; ++c) plain[c] = c != '"' && c != '\\' && c != ',' && c != '=';
  return plain;
}();
bool is_plain(char c) {
  return plain_bytes[static_cast<unsigned char>(c)];
}

}  // namespace

ReadingFormatter::ReadingFormatter(RowFormat format, const identity::Roster& roster,
                                   const types::Schema& schema)
    : format_(format),
      roster_(roster),
      header_(RowFormatter(format, schema).header()),
      has_delivery_(schema.has_delivery()),
      about_(kept_texts) {
  describe_states();
  format == RowFormat::line_protocol ? plan_line(schema) : plan_columns(schema);
  measure();
}

// What stands between the values of csv and ndjson. The columns of the state are one piece, and so are those
// of the identity.
void ReadingFormatter::plan_columns(const types::Schema& schema) {
  const bool is_json = format_ == RowFormat::ndjson;
  std::size_t channel = 0;
  for (const types::Column& column : schema.reading_columns()) {
    Piece piece;
    if (!pieces_.empty()) piece.before = ",";
    const std::string name = is_json ? fmt::format("\"{}\":", column.name) : "";
    switch (column.role) {
      case Role::moment:
        piece = {.before = is_json ? "{" + name + '"' : "", .what = Piece::What::moment};
        break;
      case Role::sensor:
        piece = {.before = (is_json ? "\"," : ",") + name, .what = Piece::What::sensor};
        break;
      case Role::channel:
        piece.before += name;
        piece.what = column.type == types::Column::Type::integer ? Piece::What::integer : Piece::What::real;
        piece.index = channel++;
        break;
      case Role::state:
        piece.what = Piece::What::state;
        break;
      case Role::delivery:
        piece = plan_delivery(column);
        break;
      default:
        piece = {.what = Piece::What::about};
    }
    const bool is_continued = !pieces_.empty() && pieces_.back().what == piece.what &&
                              (piece.what == Piece::What::state || piece.what == Piece::What::about);
    if (!is_continued) pieces_.push_back(std::move(piece));
  }
  if (has_delivery_) pieces_.push_back({.before = is_json ? "}\n" : "\n", .what = Piece::What::end});
}

// Columns follow others, and fields are followed by others.
ReadingFormatter::Piece ReadingFormatter::plan_delivery(const types::Column& column) const {
  const bool is_text = column.type == types::Column::Type::text;
  Piece piece;
  if (format_ != RowFormat::line_protocol) piece.before = ",";
  if (format_ == RowFormat::ndjson) piece.before += fmt::format("\"{}\":", column.name);
  if (format_ == RowFormat::line_protocol) piece.before += column.name + "=";
  if (format_ != RowFormat::csv && is_text) piece.before += '"';
  piece.what = !is_text               ? Piece::What::sequence
               : column.name == "due" ? Piece::What::due
                                      : Piece::What::arrived_at;
  return piece;
}

// Tags in the order of their names, then fields, each with a comma behind it.
void ReadingFormatter::plan_line(const types::Schema& schema) {
  pieces_.push_back({.before = measurement_text(schema.readings_name()), .what = Piece::What::about});
  pieces_.push_back({.what = Piece::What::sensor});
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
  for (const types::Column& column : schema.reading_columns()) {
    if (column.role == Role::delivery) pieces_.push_back(plan_delivery(column));
  }
  pieces_.push_back({.what = Piece::What::nanoseconds});
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

// A short text is written with what lies behind it.
void ReadingFormatter::measure() {
  most_bytes_ = 0;
  for (Piece& piece : pieces_) {
    most_bytes_ += piece.before.size() + short_text + longest_number;
    if (piece.before.size() <= short_text) piece.before.copy(piece.padded.data(), short_text);
  }
  std::size_t longest_state = 0;
  for (const std::string& state : states_) longest_state = std::max(longest_state, state.size());
  most_bytes_ += longest_state;
}

void ReadingFormatter::append(std::string& out, const batch::Row& reading) {
  line_.clear();
  append(line_, reading);
  out += line_.view();
}

void ReadingFormatter::append(LineBuffer& out, const batch::Row& reading) {
  const identity::Identity& identity = roster_[reading.sensor];
  const std::string& what_else =
      reading.overlay == 0 ? about(identity) : about(roster_.shown(reading.sensor, reading.overlay));
  const std::size_t most =
      most_bytes_ + what_else.size() + longest_escape * identity.id.size() + longest_number;
  char* at = out.room(most);
  for (const Piece& piece : pieces_) {
    switch (piece.what) {
      case Piece::What::moment:
        at = put_before(at, piece);
        std::memcpy(at, timestamp_.write(reading.stamp()).data(), timestamp_width);
        at += timestamp_width;
        break;
      case Piece::What::sensor:
        at = put_sensor(put_before(at, piece), identity.id);
        break;
      case Piece::What::real:
      case Piece::What::integer:
        at = put_value(at, piece, reading.values[piece.index]);
        break;
      case Piece::What::state:
        at = put(put_before(at, piece),
                 states_[reading.anomaly ? index_of(*reading.anomaly) : anomaly_type_count]);
        break;
      case Piece::What::about:
        at = put(put_before(at, piece), what_else);
        break;
      case Piece::What::sequence:
      case Piece::What::due:
      case Piece::What::arrived_at:
        at = put_arrival(put_before(at, piece), piece, reading);
        break;
      case Piece::What::end:
        at = put_before(at, piece);
        break;
      case Piece::What::nanoseconds:
        at[-1] = ' ';
        at = put_number(at, reading.stamp());
        at = put(at, reading.stamp() != 0 ? "000\n" : "\n");
    }
  }
  out.end_at(at);
}

char* ReadingFormatter::put_value(char* at, const Piece& piece, double value) const {
  const bool is_line = format_ == RowFormat::line_protocol;
  const bool is_finite = std::isfinite(value);
  if (is_line && !is_finite) return put(at, piece.before.front() == ' ' ? " " : "");
  at = put_before(at, piece);
  if (piece.what == Piece::What::integer) {
    at = put_number(at, static_cast<std::int64_t>(value));
    if (is_line) *at++ = 'i';
  } else if (format_ == RowFormat::ndjson && !is_finite) {
    at = put(at, "null");
  } else {
    at = put_number(at, value);
  }
  if (is_line) *at++ = ',';
  return at;
}

// Nearly all ids are plain in all formats.
char* ReadingFormatter::put_sensor(char* at, std::string_view id) const {
  const bool is_plain_id = !id.empty() && std::ranges::all_of(id, is_plain);
  std::string other;
  switch (format_) {
    case RowFormat::csv:
      if (is_plain_id) return put(at, id);
      append_csv_text(other, id);
      break;
    case RowFormat::ndjson:
      if (is_plain_id) return put(put(put(at, "\""), id), "\"");
      append_json_text(other, id);
      break;
    case RowFormat::line_protocol:
      if (is_plain_id) return put(put(at, ",sensor_id="), id);
      append_tag(other, "sensor_id", id);
  }
  return put(at, other);
}

char* ReadingFormatter::put_arrival(char* at, const Piece& piece, const batch::Row& reading) {
  const bool is_line = format_ == RowFormat::line_protocol;
  assert(reading.arrival != nullptr);
  if (piece.what == Piece::What::sequence) {
    at = put_number(at, static_cast<std::int64_t>(reading.arrival->sequence));
    return put(at, is_line ? "i," : "");
  }
  at = put(at, timestamp_.write(piece.what == Piece::What::due ? reading.due : reading.arrival->at));
  return put(at, is_line ? "\"," : format_ == RowFormat::ndjson ? "\"" : "");
}

const std::string& ReadingFormatter::about(const identity::Identity& identity) {
  const Texts texts{identity.firmware_version, identity.model, identity.manufacturer, identity.location};
  const auto both = [](identity::Text high, identity::Text low) {
    return static_cast<std::uint64_t>(high) << 32 | static_cast<std::uint64_t>(low);
  };
  About& kept = about_[mix_words(both(texts[0], texts[1]), both(texts[2], texts[3])) % kept_texts];
  if (kept.of != texts) kept = {texts, written_about(texts)};
  return kept.text;
}

std::string ReadingFormatter::written_about(const Texts& texts) const {
  std::string written;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (format_ == RowFormat::line_protocol) {
      const std::size_t tag = tags_in_order[i];
      append_tag(written, identity_columns[tag], roster_.text(texts[tag]));
      continue;
    }
    written += ',';
    if (format_ == RowFormat::ndjson) {
      written += fmt::format("\"{}\":", identity_columns[i]);
      append_json_text(written, roster_.text(texts[i]));
    } else {
      append_csv_text(written, roster_.text(texts[i]));
    }
  }
  if (format_ != RowFormat::line_protocol && !has_delivery_)
    written += format_ == RowFormat::ndjson ? "}\n" : "\n";
  return written;
}

}  // namespace fleet_sim::format
