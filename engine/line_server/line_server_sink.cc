#include "line_server/line_server_sink.h"

#include <fmt/format.h>

#include <algorithm>
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

bool is_success(unsigned status) {
  return status >= 200 && status < 300;
}

bool is_redirection(unsigned status) {
  return status >= 300 && status < 400;
}

std::string without(std::string text, const std::vector<std::string>& secrets) {
  constexpr std::string_view instead = "…";
  for (const std::string& secret : secrets) {
    for (std::size_t at = text.find(secret); at != text.npos; at = text.find(secret, at + instead.size()))
      text.replace(at, secret.size(), instead);
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
    default:
      return {};
  }
}

// It may have acted on the request all the same: no answer, or a proxy's that got none.
bool is_unclear(const Response& response) {
  return response.was_sent && (response.status == 0 || response.status == 502 || response.status == 504);
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

std::optional<write::Answer> LineServerDestination::take(const write::Lot& lot) {
  if (std::exchange(number_, lot.number) != lot.number) {
    done_ = rejected_ = piece_ = {};
    is_in_doubt_ = false;
  }
  write::Answer answer;
  if (not_before_ && std::chrono::steady_clock::now() < *not_before_ && !lot.is_stopping) {
    answer.failure = {write::Failure::Kind::held, ErrorClass::busy, "the server asked to be left alone"};
    return answer;
  }
  while (answer.failure.ok() && done_ != lot.share()) {
    fill(lot);
    answer.failure = settle(client_.post(body_), answer);
  }
  if (answer.failure.ok()) answer.rejected = rejected_;
// Without secrets, which the server may have quoted. A redirection is not followed: it could lead to somebody
// who should not get any of this.
std::string LineServerDestination::message_of(const Response& response) const {
  const auto quoted = [&](std::string_view text) {
    return printable(without(std::string(text), context_.address.secrets), longest_quote);
  };
  if (response.status == 0) return response.text;
  if (is_redirection(response.status)) {
    const std::string place = quoted(place_of(response.location));
    return fmt::format("the server answers {}{}{}", response.status, place.empty() ? "" : " and refers to ",
                       place);
  }
  const std::string text = quoted(response.text);
  return fmt::format("the server answers {}{}{}", response.status, text.empty() ? "" : ": ", text);
}

  return answer;
}

write::PartTaken LineServerDestination::part_taken(const write::Lot& lot) const {
  if (number_ != lot.number) return {};
  return {done_, rejected_, is_in_doubt_ ? piece_ : write::Share()};
}

// Readings first, then ground truth: a piece has one kind of rows. One that was not settled has the same rows
// as before, whatever has come since.
void LineServerDestination::fill(const write::Lot& lot) {
  const write::Share left = lot.share().without(done_);
  const write::Share most = piece_.rows() > 0 ? piece_.within(left) : left;
  piece_ = {};
  body_.clear();
  const auto append_from = [this](const auto& rows, std::size_t first) {
    return [this, &rows, first](std::size_t i) { append(rows[first + i]); };
  };
  const auto reading = [&](std::size_t i) { formatter_.append(body_, lot.readings[done_.readings + i]); };
  static_cast<void>(
      fill_with(piece_.readings, most.readings, reading) ||
      fill_with(piece_.events, most.events, append_from(lot.events, done_.events)) ||
      fill_with(piece_.fleet_events, most.fleet_events, append_from(lot.fleet_events, done_.fleet_events)) ||
      fill_with(piece_.deliveries, most.deliveries, append_from(lot.deliveries, done_.deliveries)));
}

// False when there are none of this kind.
template <class Append>
bool LineServerDestination::fill_with(std::size_t& rows, std::size_t most, const Append& append_row) {
  while (rows < most && body_.size() < most_bytes_) append_row(rows++);
  return rows > 0;
}

write::Failure LineServerDestination::settle(const Response& response, write::Answer& answer) {
  if (is_in_doubt_ && response.was_sent) answer.resent += piece_.readings;
  if (is_success(response.status)) {
    piece_is_done();
    return {};
  }
  is_in_doubt_ = is_in_doubt_ || is_unclear(response);
  const bool may_pass = response.status == 0 || is_passing(response.status);
  return may_pass ? put_off(response) : refuse_piece(response, answer);
}

write::Failure LineServerDestination::refuse_piece(const Response& response, write::Answer& answer) {
  const bool is_too_large = response.status == 413;
  if (is_too_large && piece_.rows() > 1) {
    most_bytes_ = std::max<std::size_t>(1, body_.size() / 2);
    piece_ = {};
    is_in_doubt_ = false;
    return {};
  }
  if (response.status != 400 && response.status != 422 && !is_too_large)
    return {write::Failure::Kind::failing, ErrorClass::schema,
            message_of(response) + remedy_for(response.status)};
  reject(dropped_rows(response.text).value_or(piece_.rows()), response, answer);
  piece_is_done();
  return {};
}

void LineServerDestination::reject(std::size_t rows, const Response& response, write::Answer& answer) {
  rejected_ = rejected_.with({std::min(rows, piece_.readings), std::min(rows, piece_.events),
                              std::min(rows, piece_.fleet_events), std::min(rows, piece_.deliveries)});
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
  done_ = done_.with(std::exchange(piece_, {}));
  is_in_doubt_ = false;
}

std::string LineServerDestination::finish() {
  client_.close();
  return {};
}

// The measurement `anomaly_events`, at the time of the event's beginning.
void LineServerDestination::append(const batch::AnomalyEvent& event) {
  const identity::Identity& identity = context_.roster[event.sensor];
  body_ += "anomaly_events";
  format::append_tag(body_, "anomaly_type", name_of(event.type));
  format::append_tag(body_, "cause", name_of(event.cause));
  format::append_tag(body_, "channel", schema_.name_of(event.channel).value_or(std::string()));
  format::append_tag(body_, "location", context_.roster.text(identity.location));
  format::append_tag(body_, "sensor_id", identity.id);
  body_ += " readings_affected=";
  format::append_number(body_, static_cast<std::int64_t>(event.readings_affected));
  body_ += 'i';
  const auto real = [&](std::string_view name, const std::optional<double>& value) {
    if (!value) return;
    body_ += ',';
    body_ += name;
    body_ += '=';
    format::append_number(body_, *value);
  };
  real("magnitude", event.magnitude);
  real("severity", event.severity);
  real("sigma", event.sigma);
  if (batch::ends(event.kind)) append_moment("ended_at", event.ended_at);
  end_line(event.started_at);
}

// The measurement `fleet_events`, at the time when the entry of a scenario reached the sensor.
void LineServerDestination::append(const batch::FleetEvent& event) {
  const identity::Identity& identity = context_.roster[event.sensor];
  const auto text = [this](std::uint32_t handle) {
    return context_.roster.text(static_cast<identity::Text>(handle));
  };
  body_ += "fleet_events";
  format::append_tag(body_, "location", context_.roster.text(identity.location));
  format::append_tag(body_, "name", text(event.name));
  format::append_tag(body_, "sensor_id", identity.id);
  format::append_tag(body_, "verb", batch::name_of(event.verb));
  body_ += " what=";
  format::append_quoted(body_, text(event.what));
  body_ += event.failed ? ",failed=1i" : ",failed=0i";
  if (event.ended_at) append_moment("ended_at", *event.ended_at);
  if (event.silent_until) append_moment("silent_until", *event.silent_until);
  end_line(event.started_at);
}

// The measurement `deliveries`, at the time when the reading was due.
void LineServerDestination::append(const batch::Delivery& delivery) {
  const identity::Identity& identity = context_.roster[delivery.sensor];
  body_ += "deliveries";
  format::append_tag(body_, "kind", batch::name_of(delivery.kind));
  format::append_tag(body_, "location", context_.roster.text(identity.location));
  format::append_tag(body_, "sensor_id", identity.id);
  body_ += " readings=";
  format::append_number(body_, static_cast<std::int64_t>(delivery.readings));
  body_ += "i,sequence=";
  format::append_number(body_, static_cast<std::int64_t>(delivery.sequence));
  body_ += 'i';
  if (delivery.arrived_at) append_moment("arrived_at", *delivery.arrived_at);
  end_line(delivery.due);
}

// A field of nanoseconds.
void LineServerDestination::append_moment(std::string_view name, Timestamp at) {
  body_ += ',';
  body_ += name;
  body_ += '=';
  format::append_nanoseconds(body_, at);
  body_ += 'i';
}

void LineServerDestination::end_line(Timestamp at) {
  body_ += ' ';
  format::append_nanoseconds(body_, at);
  body_ += '\n';
}

std::unique_ptr<write::Sink> make_sink(const write::SinkParts& parts) {
  return std::make_unique<LineServerSink>(SinkContext{parts.roster, http_address_of(parts.config.sink)});
}

}  // namespace fleet_sim::line_server
