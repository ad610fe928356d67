#include "line_server/line_server_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/terms.h"
#include "format/pieces.h"
#include "write/sinks.h"

namespace fleet_sim::line_server {
namespace {

constexpr std::size_t usual_bytes = 1 << 20;
constexpr auto longest_put_off = std::chrono::seconds(300);

bool is_success(unsigned status) {
  return status >= 200 && status < 300;
}

write::Share sum_of(const write::Share& a, const write::Share& b) {
  return {a.readings + b.readings, a.events + b.events, a.fleet_events + b.fleet_events};
}

std::string message_of(const Response& response) {
  if (response.status == 0) return response.text;
  return fmt::format("the server answers {}{}{}", response.status, response.text.empty() ? "" : ": ",
                     response.text);
}

// What somebody has to change; empty for what passes.
std::string remedy_for(unsigned status) {
  switch (status) {
    case 401:
    case 403:
      return "; put a user into the address and the password, or a token, into sink.password_file";
    case 404:
      return "; correct the path, or create the database that the address names";
    default:
      return {};
  }
}

// "partial write: … dropped=3": the other rows of the piece were taken.
std::optional<std::size_t> dropped_rows(std::string_view text) {
  constexpr std::string_view mark = "dropped=";
  const std::size_t at = text.find(mark);
  std::size_t count = 0;
  if (text.find("partial write") == text.npos || at == text.npos) return std::nullopt;
  const char* const begin = text.data() + at + mark.size();
  if (std::from_chars(begin, text.data() + text.size(), count).ec != std::errc()) return std::nullopt;
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

// A server that only wants lines says 400.
write::Failure LineServerDestination::open() {
  using Kind = write::Failure::Kind;
  const Response response = client_.post({});
  if (is_success(response.status) || response.status == 400) return {};
  return {Kind::foreign, ErrorClass::io, message_of(response) + remedy_for(response.status)};
}

std::optional<write::Answer> LineServerDestination::take(const write::Lot& lot) {
  if (std::exchange(number_, lot.number) != lot.number) done_ = rejected_ = in_doubt_ = {};
  const write::Share all = lot.share();
  // Of rows that were offered before, some may have been dropped since.
  done_ = {std::min(done_.readings, all.readings), std::min(done_.events, all.events),
           std::min(done_.fleet_events, all.fleet_events)};
  write::Answer answer;
  if (not_before_ && std::chrono::steady_clock::now() < *not_before_ && !lot.is_stopping) {
    answer.failure = {write::Failure::Kind::unreachable, ErrorClass::busy,
                      "the server asked to be left alone"};
    return answer;
  }
  while (answer.failure.ok() && done_ != all) {
    const Piece piece = fill(lot);
    answer.failure = settle(piece, client_.post(body_), answer);
  }
  if (answer.failure.ok()) answer.rejected = rejected_;
  return answer;
}

// Readings first, then events of either kind: a piece has one kind of rows.
LineServerDestination::Piece LineServerDestination::fill(const write::Lot& lot) {
  Piece piece;
  body_.clear();
  while (done_.readings + piece.rows.readings < lot.readings.size()) {
    if (body_.size() >= most_bytes_) return piece;
    formatter_.append(body_, lot.readings[done_.readings + piece.rows.readings++]);
  }
  if (piece.rows.readings > 0) return piece;
  while (done_.events + piece.rows.events < lot.events.size() && body_.size() < most_bytes_)
    append_event(lot.events[done_.events + piece.rows.events++]);
  if (piece.rows.events > 0) return piece;
  while (done_.fleet_events + piece.rows.fleet_events < lot.fleet_events.size() && body_.size() < most_bytes_)
    append_event(lot.fleet_events[done_.fleet_events + piece.rows.fleet_events++]);
  return piece;
}

write::Failure LineServerDestination::settle(const Piece& piece, const Response& response,
                                             write::Answer& answer) {
  resent_ += std::min(std::exchange(in_doubt_, {}).readings, piece.rows.readings);
  if (is_success(response.status)) {
    done_ = sum_of(done_, piece.rows);
    return {};
  }
  if (response.status == 0 && response.was_sent) in_doubt_ = piece.rows;
  const bool is_at_fault =
      response.status >= 400 && response.status < 500 && response.status != 408 && response.status != 429;
  return is_at_fault ? refuse_piece(piece, response, answer) : put_off(response);
}

write::Failure LineServerDestination::refuse_piece(const Piece& piece, const Response& response,
                                                   write::Answer& answer) {
  const bool is_too_large = response.status == 413;
  if (is_too_large && piece.rows.rows() > 1) {
    most_bytes_ = std::max<std::size_t>(1, body_.size() / 2);
    return {};
  }
  if (response.status != 400 && response.status != 422 && !is_too_large)
    return {write::Failure::Kind::failing, ErrorClass::schema,
            message_of(response) + remedy_for(response.status)};
  const std::optional<std::size_t> dropped = dropped_rows(response.text);
  const std::size_t count = dropped.value_or(piece.rows.rows());
  reject({std::min(count, piece.rows.readings), std::min(count, piece.rows.events),
          std::min(count, piece.rows.fleet_events)},
         response, answer);
  done_ = sum_of(done_, piece.rows);
  return {};
}

void LineServerDestination::reject(write::Share rows, const Response& response, write::Answer& answer) {
  rejected_ = sum_of(rejected_, rows);
  if (std::exchange(has_rejected_, true)) return;
  answer.incidents.push_back(
      {fmt::format("rows were rejected, and are counted as lost: {}", message_of(response)),
       ErrorClass::schema});
}

write::Failure LineServerDestination::put_off(const Response& response) {
  not_before_.reset();
  if (response.retry_after) {
    not_before_ = std::chrono::steady_clock::now() +
                  std::min<std::chrono::seconds>(*response.retry_after, longest_put_off);
  }
  return {write::Failure::Kind::unreachable, ErrorClass::io, message_of(response)};
}

std::string LineServerDestination::finish() {
  client_.close();
  if (resent_ > 0) {
    context_.log.change(
        fmt::format("{}: {} readings were sent again, because an answer was lost (resent)", name_, resent_));
  }
  if (in_doubt_.readings == 0) return {};
  return fmt::format("{} readings were sent and never answered (unconfirmed)", in_doubt_.readings);
}

// The measurement `anomaly_events`, at the time of the event's beginning.
void LineServerDestination::append_event(const batch::AnomalyEvent& event) {
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
void LineServerDestination::append_event(const batch::FleetEvent& event) {
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
  return std::make_unique<LineServerSink>(
      SinkContext{parts.roster, http_address_of(parts.config.sink), parts.log});
}

}  // namespace fleet_sim::line_server
