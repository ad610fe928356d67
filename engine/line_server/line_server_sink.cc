#include "line_server/line_server_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/plain_text.h"
#include "base/terms.h"
#include "format/pieces.h"
#include "write/sinks.h"

namespace fleet_sim::line_server {
namespace {

constexpr std::size_t usual_bytes = 1 << 20;
constexpr auto longest_put_off = std::chrono::seconds(300);

constexpr std::size_t longest_quote = 300;
constexpr std::size_t longest_sample = 60;  // of what is no HTTP

bool is_success(unsigned status) {
  return status >= 200 && status < 300;
}

bool is_redirection(unsigned status) {
  return status >= 300 && status < 400;
}

// Of a secret that goes on where the text ends.
void blank_beginning(std::string& text, std::string_view secret, std::string_view instead) {
  constexpr std::size_t telling = 3;  // characters: fewer are there by chance
  for (std::size_t size = secret.size(); size-- > telling;) {
    if (!text.ends_with(secret.substr(0, size))) continue;
    text.replace(text.size() - size, size, instead);
    return;
  }
}

std::string without(std::string text, const std::vector<std::string>& secrets) {
  constexpr std::string_view instead = "…";
  for (const std::string& secret : secrets) {
    for (std::size_t at = text.find(secret); at != text.npos; at = text.find(secret, at + instead.size()))
      text.replace(at, secret.size(), instead);
    blank_beginning(text, secret, instead);
  }
  return text;
}

// Without a user and a query, which may have secrets in a form that we do not know.
std::string_view place_of(std::string_view location) {
  location = location.substr(0, location.find_first_of("?#"));
  const std::size_t slashes = location.find("//");
  const std::size_t at = location.rfind('@');
  return slashes < at && at != location.npos ? location.substr(at + 1) : location;
}

// What somebody has to change; empty for what passes.
std::string remedy_for(unsigned status) {
  if (is_redirection(status)) return "; give the address that takes lines itself";
  switch (status) {
    case 401:
    case 403:
      return "; put a user into the address and the password, or a token, into sink.password_file";
    case 400:
    case 404:
      return "; correct the path, or create the database that the address names";
    case 413:
      return "; raise the server's limit on the size of a request";
    default:
      return {};
  }
}

// It may have acted on the request all the same: no answer, a proxy's that got none, or that of a server that
// failed on the way. InfluxDB says 500 when its disk is full or a shard took too long, and may have the rows.
// 503 comes before anything is done.
bool is_unclear(const Response& response) {
  constexpr std::array unclear{0u, 500u, 502u, 504u};
  return response.was_sent && std::ranges::find(unclear, response.status) != unclear.end();
}

bool is_passing(unsigned status) {
  return status >= 500 || status == 408 || status == 425 || status == 429;
}

std::size_t count_of(std::string_view word, std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + word.size())) ++count;
  return count;
}

// "partial write: … dropped=3", or a line about each one that cannot be read: the other rows of the piece
// were taken.
std::optional<std::size_t> dropped_rows(std::string_view text) {
  constexpr std::string_view mark = "dropped=";
  if (text.find("partial write") == text.npos) return std::nullopt;
  std::size_t count = 0;
  if (const std::size_t at = text.rfind(mark); at != text.npos)
    std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), count);
  count += count_of("unable to parse", text);
  if (count == 0) return std::nullopt;
  return count;
}

// A field of nanoseconds.
void append_moment(std::string& out, std::string_view name, Timestamp at) {
  out += ',';
  out += name;
  out += '=';
  format::append_nanoseconds(out, at);
  out += 'i';
}

void end_line(std::string& out, Timestamp at) {
  out += ' ';
  format::append_nanoseconds(out, at);
  out += '\n';
}

}  // namespace

LineServerDestination::LineServerDestination(const SinkContext& context, const write::Target& target)
    : context_(context),
      name_(target.name),
      schema_(*target.schema),
      formatter_(format::RowFormat::line_protocol, context.roster, *target.schema),
      client_(context.address, context.patience),
      most_bytes_(usual_bytes) {}

// Many say 400 to nothing, and take lines all the same. InfluxDB without a database, and VictoriaMetrics
// where the path is none, would say so to lines, too.
write::Failure LineServerDestination::open() {
  using Kind = write::Failure::Kind;
  const Response response = client_.post({});
  const auto says = [&](std::string_view words) { return response.text.find(words) != response.text.npos; };
  const bool wants_lines = response.status == 400 && !says("is required") && !says("unsupported path");
  if (is_success(response.status) || wants_lines) return {};
  const Kind kind = is_passing(response.status) ? Kind::unreachable : Kind::foreign;
  return {kind, ErrorClass::io, message_of(response) + remedy_for(response.status)};
}

// Without secrets, which the server may have quoted. A redirection is not followed: it could lead to somebody
// who should not get any of this.
std::string LineServerDestination::message_of(const Response& response) const {
  const auto quoted = [&](std::string_view text, std::size_t most = longest_quote) {
    return printable(without(std::string(text), context_.address.secrets), most);
  };
  if (!response.instead.empty()) {
    return fmt::format(
        "what answers is no HTTP server: \"{}\"; give the address of a server that takes line protocol over "
        "HTTP",
        quoted(response.instead, longest_sample));
  }
  if (response.status == 0) return response.text;
  if (is_redirection(response.status)) {
    const std::string place = quoted(place_of(response.location));
    return fmt::format("the server answers {}{}{}", response.status, place.empty() ? "" : " and refers to ",
                       place);
  }
  const std::string text = quoted(response.text);
  return fmt::format("the server answers {}{}{}", response.status, text.empty() ? "" : ": ", text);
}

std::optional<write::Answer> LineServerDestination::take(const write::Lot& lot) {
  if (std::exchange(number_, lot.number) != lot.number) {
    done_ = rejected_ = in_doubt_ = piece_.rows = {};
  }
  write::Answer answer;
  if (not_before_ && std::chrono::steady_clock::now() < *not_before_ && !lot.is_stopping) {
    answer.failure = {write::Failure::Kind::held, ErrorClass::busy, "the server asked to be left alone"};
    return answer;
  }
  ahead_.rows = {};
  while (answer.failure.ok() && done_ != lot.share()) {
    fill(lot);
    client_.send(piece_.text);
    fill_ahead(lot);
    answer.failure = settle(client_.answer(), answer);
  }
  if (answer.failure.ok()) answer.rejected = rejected_;
  return answer;
}

write::PartTaken LineServerDestination::part_taken(const write::Lot& lot) const {
  if (number_ != lot.number) return {};
  return {done_, rejected_, in_doubt_};
}

// Readings first, then ground truth: a piece has one kind of rows. One that was not settled has the same rows
// as before, whatever has come since.
void LineServerDestination::fill(const write::Lot& lot) {
  if (piece_.rows.rows() == 0 && ahead_.rows.rows() > 0) {
    std::swap(piece_, ahead_);
    ahead_.rows = {};
    return;
  }
  const write::Share left = lot.share().without(done_);
  fill(piece_, lot, done_, piece_.rows.rows() > 0 ? piece_.rows.within(left) : left);
}

// While the piece is on its way.
void LineServerDestination::fill_ahead(const write::Lot& lot) {
  const write::Share before = done_.with(piece_.rows);
  fill(ahead_, lot, before, lot.share().without(before));
}

// As many as a piece takes of the rows behind those before, and no more than `most`.
void LineServerDestination::fill(Piece& piece, const write::Lot& lot, const write::Share& before,
                                 const write::Share& most) {
  piece.rows = {};
  piece.text.clear();
  const auto append_from = [&](const auto& rows, std::size_t first) {
    return [this, &piece, &rows, first](std::size_t i) { append(piece.text, rows[first + i]); };
  };
  const auto reading = [&](std::size_t i) {
    formatter_.append(piece.text, lot.readings[before.readings + i]);
  };
  write::Share& rows = piece.rows;
  static_cast<void>(
      fill_with(piece, rows.readings, most.readings, reading) ||
      fill_with(piece, rows.events, most.events, append_from(lot.events, before.events)) ||
      fill_with(piece, rows.fleet_events, most.fleet_events,
                append_from(lot.fleet_events, before.fleet_events)) ||
      fill_with(piece, rows.deliveries, most.deliveries, append_from(lot.deliveries, before.deliveries)));
}

// False when there are none of this kind.
template <class Append>
bool LineServerDestination::fill_with(Piece& piece, std::size_t& rows, std::size_t most,
                                      const Append& append_row) {
  while (rows < most && piece.text.size() < most_bytes_) append_row(rows++);
  return rows > 0;
}

write::Failure LineServerDestination::settle(const Response& response, write::Answer& answer) {
  if (response.was_sent) answer.resent += piece_.rows.within(in_doubt_).readings;
  if (is_success(response.status)) {
    piece_is_done();
    return {};
  }
  if (is_unclear(response)) in_doubt_ = in_doubt_.with(piece_.rows.without(piece_.rows.within(in_doubt_)));
  const bool may_pass = response.status == 0 || is_passing(response.status);
  return may_pass ? put_off(response) : refuse_piece(response, answer);
}

// A server to which one row is too large takes none: that is no fault of the row. Whatever it says of this
// request, it may have taken an earlier one with the same rows, to which no answer came.
write::Failure LineServerDestination::refuse_piece(const Response& response, write::Answer& answer) {
  if (response.status == 413 && piece_.rows.rows() > 1) {
    most_bytes_ = std::max<std::size_t>(1, std::min(most_bytes_, piece_.text.size()) / 2);
    piece_.rows = ahead_.rows = {};
    return {};
  }
  if (response.status != 400 && response.status != 422) {
    most_bytes_ = usual_bytes;
    return {write::Failure::Kind::failing, ErrorClass::schema,
            message_of(response) + remedy_for(response.status)};
  }
  reject(dropped_rows(response.text).value_or(piece_.rows.rows()), response, answer);
  piece_is_done();
  return {};
}

void LineServerDestination::reject(std::size_t rows, const Response& response, write::Answer& answer) {
  const write::Share& piece = piece_.rows;
  rejected_ = rejected_.with({std::min(rows, piece.readings), std::min(rows, piece.events),
                              std::min(rows, piece.fleet_events), std::min(rows, piece.deliveries)});
  if (std::exchange(has_rejected_, true)) return;
  answer.incidents.push_back(
      {fmt::format("rows were rejected: {}", message_of(response)), ErrorClass::schema});
}

write::Failure LineServerDestination::put_off(const Response& response) {
  not_before_.reset();
  if (response.retry_after) {
    not_before_ = std::chrono::steady_clock::now() +
                  std::min<std::chrono::seconds>(*response.retry_after, longest_put_off);
  }
  return {write::Failure::Kind::unreachable, ErrorClass::io, message_of(response)};
}

void LineServerDestination::piece_is_done() {
  in_doubt_ = in_doubt_.without(piece_.rows.within(in_doubt_));
  done_ = done_.with(std::exchange(piece_.rows, {}));
}

std::string LineServerDestination::finish() {
  client_.close();
  return {};
}

// The measurement `anomaly_events`, at the time of the event's beginning.
void LineServerDestination::append(std::string& out, const batch::AnomalyEvent& event) const {
  const identity::Identity& identity = context_.roster[event.sensor];
  out += "anomaly_events";
  format::append_tag(out, "anomaly_type", name_of(event.type));
  format::append_tag(out, "cause", name_of(event.cause));
  format::append_tag(out, "channel", schema_.name_of(event.channel).value_or(std::string()));
  format::append_tag(out, "location", context_.roster.text(identity.location));
  format::append_tag(out, "sensor_id", identity.id);
  out += " readings_affected=";
  format::append_number(out, static_cast<std::int64_t>(event.readings_affected));
  out += 'i';
  const auto real = [&](std::string_view name, const std::optional<double>& value) {
    if (!value) return;
    out += ',';
    out += name;
    out += '=';
    format::append_number(out, *value);
  };
  real("magnitude", event.magnitude);
  real("severity", event.severity);
  real("sigma", event.sigma);
  if (batch::ends(event.kind)) append_moment(out, "ended_at", event.ended_at);
  end_line(out, event.started_at);
}

// The measurement `fleet_events`, at the time when the entry of a scenario reached the sensor.
void LineServerDestination::append(std::string& out, const batch::FleetEvent& event) const {
  const identity::Identity& identity = context_.roster[event.sensor];
  const auto text = [this](std::uint32_t handle) {
    return context_.roster.text(static_cast<identity::Text>(handle));
  };
  out += "fleet_events";
  format::append_tag(out, "location", context_.roster.text(identity.location));
  format::append_tag(out, "name", text(event.name));
  format::append_tag(out, "sensor_id", identity.id);
  format::append_tag(out, "verb", batch::name_of(event.verb));
  out += " what=";
  format::append_quoted(out, text(event.what));
  out += event.failed ? ",failed=1i" : ",failed=0i";
  if (event.ended_at) append_moment(out, "ended_at", *event.ended_at);
  if (event.silent_until) append_moment(out, "silent_until", *event.silent_until);
  end_line(out, event.started_at);
}

// The measurement `deliveries`, at the time when the reading was due.
void LineServerDestination::append(std::string& out, const batch::Delivery& delivery) const {
  const identity::Identity& identity = context_.roster[delivery.sensor];
  out += "deliveries";
  format::append_tag(out, "kind", batch::name_of(delivery.kind));
  format::append_tag(out, "location", context_.roster.text(identity.location));
  format::append_tag(out, "sensor_id", identity.id);
  out += " readings=";
  format::append_number(out, static_cast<std::int64_t>(delivery.readings));
  out += "i,sequence=";
  format::append_number(out, static_cast<std::int64_t>(delivery.sequence));
  out += 'i';
  if (delivery.arrived_at) append_moment(out, "arrived_at", *delivery.arrived_at);
  end_line(out, delivery.due);
}

std::unique_ptr<write::Sink> make_sink(const write::SinkParts& parts) {
  return std::make_unique<LineServerSink>(SinkContext{parts.roster, http_address_of(parts.config.sink)});
}

}  // namespace fleet_sim::line_server
