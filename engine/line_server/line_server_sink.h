// The sink of servers that take line protocol over HTTP, such as InfluxDB and VictoriaMetrics: each lot is
// posted in pieces of bounded size, over one connection for each destination of a writer. A reading counts as
// written when the server has answered with a status of 2xx, which means that it has received it.
//
// At least once: a piece whose answer was lost is posted again. A server that keeps one value for each series
// and time, as InfluxDB does, then has it once all the same. What was sent again is counted, and so is what
// was sent and never answered when the run ends; the log says so at the end. What the server says is wrong
// with rows is permanent: those rows are counted as rejected, and the first reason is logged.
//
// Memory: a destination holds the text of one piece, 1 MiB, twice while it is sent. Threads as in
// write/destination.h; no call takes longer than its steps may (Patience).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/timestamp.h"
#include "batch/reading.h"
#include "format/reading_format.h"
#include "identity/identity.h"
#include "line_server/http_address.h"
#include "line_server/http_client.h"
#include "types/schema.h"
#include "write/destination.h"
#include "write/places.h"

namespace fleet_sim::line_server {

// What the destinations of one writer have in common. Borrows the roster.
struct SinkContext {
  const identity::Roster& roster;
  HttpAddress address;
  write::Lines log = {};
  Patience patience = {};
};

class LineServerDestination final : public write::Destination {
 public:
  // Borrows the context and the target's schema.
  LineServerDestination(const SinkContext& context, const write::Target& target);

  [[nodiscard]] const std::string& name() const override { return name_; }
  // Posts nothing, which shows whether the server would let us. What it refuses is permanent: the message
  // says what to do.
  write::Failure open() override;
  std::optional<write::Answer> take(const write::Lot& lot) override;
  std::string finish() override;

 private:
  // Rows from the first that has not been settled on, as one text.
  struct Piece {
    write::Share rows;
    bool is_cut = false;  // more of the same kind could follow
  };

  Piece fill(const write::Lot& lot);
  write::Failure settle(const Piece& piece, const Response& response, write::Answer& answer);
  write::Failure refuse_piece(const Piece& piece, const Response& response, write::Answer& answer);
  void reject(write::Share rows, const Response& response, write::Answer& answer);
  write::Failure put_off(const Response& response);
  void append_event(const batch::AnomalyEvent& event);
  void append_event(const batch::FleetEvent& event);
  void append_moment(std::string_view name, Timestamp at);
  void end_line(Timestamp at);

  const SinkContext& context_;
  const std::string name_;
  const types::Schema& schema_;
  format::ReadingFormatter formatter_;
  HttpClient client_;
  std::string body_;
  std::size_t most_bytes_;  // of a piece; less once the server has found one too large
  std::uint64_t number_ = 0;
  write::Share done_;                     // of the lot with this number: received or rejected …
  write::Share rejected_;                 // … of these
  write::Share in_doubt_;                 // of the piece behind them: sent, and not answered
  std::optional<SteadyTime> not_before_;  // the server wants to be left alone until then
  std::uint64_t resent_ = 0;              // readings
  bool has_rejected_ = false;             // and that was said
};

class LineServerSink final : public write::Sink {
 public:
  explicit LineServerSink(SinkContext context) : context_(std::move(context)) {}

  std::unique_ptr<write::Destination> make(const write::Target& target, write::Reply) override {
    return std::make_unique<LineServerDestination>(context_, target);
  }

 private:
  SinkContext context_;
};

}  // namespace fleet_sim::line_server
