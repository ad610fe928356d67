// The sink of servers that take line protocol over HTTP, such as InfluxDB and VictoriaMetrics: each lot is
// posted in pieces of bounded size, over one connection for each destination of a writer. While the server is
// at work on one, the next is made ready. A reading counts as written when the server has answered with a
// status of 2xx, which means that it has received it.
//
// At least once: a piece that was not settled is posted again with the same bytes. A server that keeps one
// value for each series and time, as InfluxDB does, then has it once all the same. What was sent again
// because no answer came is counted (Answer::resent), and so is what is never answered (part_taken). What the
// server says is wrong with rows is permanent: those rows are counted as rejected, and the first reason is
// logged.
//
// Memory: a destination holds the text of two pieces, each 1 MiB and a line at most, and of one answer, 4 MiB
// at most. Threads as in write/destination.h; no call takes longer than its steps may (Patience).
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
  [[nodiscard]] write::PartTaken part_taken(const write::Lot& lot) const override;
  std::string finish() override;

 private:
  [[nodiscard]] std::string message_of(const Response& response) const;
  // Rows of one kind, and their text.
  struct Piece {
    write::Share rows;
    std::string text;
  };

  void fill(const write::Lot& lot);
  void fill_ahead(const write::Lot& lot);
  void fill(Piece& piece, const write::Lot& lot, const write::Share& before, const write::Share& most);
  template <class Append>
  bool fill_with(Piece& piece, std::size_t& rows, std::size_t most, const Append& append);
  write::Failure settle(const Response& response, write::Answer& answer);
  write::Failure refuse_piece(const Response& response, write::Answer& answer);
  void reject(std::size_t rows, const Response& response, write::Answer& answer);
  write::Failure put_off(const Response& response);
  void piece_is_done();
  void append(std::string& out, const batch::AnomalyEvent& event) const;
  void append(std::string& out, const batch::FleetEvent& event) const;
  void append(std::string& out, const batch::Delivery& delivery) const;

  const SinkContext& context_;
  const std::string name_;
  const types::Schema& schema_;
  format::ReadingFormatter formatter_;
  HttpClient client_;
  std::size_t most_bytes_;  // of a piece; less once the server has found one too large
  std::uint64_t number_ = 0;
  write::Share done_;                     // of the lot with this number: received or rejected …
  write::Share rejected_;                 // … of these
  Piece piece_;                           // the rows behind them
  Piece ahead_;                           // those behind the piece; empty: it is not made yet
  write::Share in_doubt_;                 // the first of the rows behind them were sent, and perhaps received
  std::optional<SteadyTime> not_before_;  // the server wants to be left alone until then
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
