#include "postgresql/postgresql_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <string_view>
#include <utility>

#include "base/cadence.h"
#include "postgresql/manifest.h"
#include "postgresql/schema_tables.h"
#include "write/sinks.h"

namespace fleet_sim::postgresql {
namespace {

// A connection that the server loses sight of in the middle of a transaction does not keep its locks for
// long. Servers that only speak the protocol may not know all of these.
constexpr std::array settings{"SET idle_in_transaction_session_timeout = '60s'", "SET lock_timeout = '5s'",
                              "SET client_min_messages = warning"};

constexpr std::string_view taken_over = "FS001";  // our own state: not the server's

std::int64_t random_session() {
  std::random_device random;
  return static_cast<std::int64_t>((std::uint64_t{random()} << 31) | (random() >> 1));
}

// What somebody has to change, where the message does not say it.
std::string remedy_for(const SqlError& error, std::string_view schema, std::string_view user) {
  if (error.state == "25006")
    return "; give the address of the primary server, or list several hosts with "
           "target_session_attrs=read-write";
  if (error.state == "42501" && error.message.find("an administrator") == std::string::npos)
    return fmt::format(
        "; have an administrator run: GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {} TO {}",
        quoted_name(schema), user);
  return {};
}

write::Failure failure_of(const SqlError& error, const std::string& remedy) {
  using Kind = write::Failure::Kind;
  if (error.ok()) return {};
  const auto as = [&](Kind kind, ErrorClass error_class) {
    return write::Failure{kind, error_class, error.message + remedy};
  };
  if (error.state.empty()) return as(Kind::unreachable, ErrorClass::io);
  if (error.state == "53100") return as(Kind::failing, ErrorClass::full);
  if (error.state == "55P03" || error.is_class("40")) return as(Kind::occupied, ErrorClass::busy);
  if (error.state == "42501" || error.state == "25006") return as(Kind::failing, ErrorClass::read_only);
  if (error.is_class("42") || error.is_class("3")) return as(Kind::failing, ErrorClass::schema);
  return as(Kind::failing, ErrorClass::io);
}

}  // namespace

PostgresqlDestination::PostgresqlDestination(const SinkContext& context, std::int32_t number,
                                             const write::Target& target)
    : context_(context),
      number_(number),
      schema_(*target.schema),
      name_(target.name),
      session_(random_session()),
      connection_(context.patience),
      readings_(context.roster, schema_),
      events_(context.roster, schema_),
      fleet_events_(context.roster),
      deliveries_(context.roster) {}

std::string PostgresqlDestination::table(std::string_view name) const {
  return qualified(context_.address.schema, name);
}

write::Failure PostgresqlDestination::failure_for(const SqlError& error) const {
  return failure_of(error, remedy_for(error, context_.address.schema, user_));
}

std::size_t PostgresqlDestination::reloads() const {
  return context_.run.reloads == nullptr ? 0 : context_.run.reloads->size();
}

write::Failure PostgresqlDestination::open() {
  const SqlError error = connect();
  if (error.ok()) return {};
  write::Failure failure = failure_for(error);
  if (!failure.occupied()) failure.kind = write::Failure::Kind::foreign;
  return failure;
}

SqlError PostgresqlDestination::connect() {
  if (connection_.is_open()) return {};
  SqlError error = connection_.open(context_.address);
  if (error.ok()) user_ = connection_.quoted_user();
  if (error.ok()) error = set_up();
  if (error.ok() && run_ == 0) error = begin_run();
  if (error.ok() && in_doubt_) error = settle_doubt();
  if (!error.ok()) connection_.close();
  return error;
}

SqlError PostgresqlDestination::set_up() {
  for (const char* setting : settings) {
    const SqlError error = connection_.execute(setting);
    if (!error.ok() && error.state.empty()) return error;
  }
  return {};
}

// Everything that has to be there before the first row. To be had again, if its commit is not answered.
SqlError PostgresqlDestination::begin_run() {
  std::int32_t number = 0;
  const std::size_t reloads_so_far = reloads();
  const std::array schemas{&schema_};
  SqlError error = connection_.execute("BEGIN");
  if (error.ok()) error = prepare_tables(connection_, context_.address.schema, schemas);
  if (error.ok())
    error = record_run(connection_, context_.address.schema, context_.run, context_.roster, number);
  run_ = number;
  if (error.ok()) error = record_reloads(reloads_so_far);
  if (error.ok()) {
    error = connection_.run(
        fmt::format(
            "INSERT INTO {} (run, writer, type, target, session, lot, readings, events, updated_at) "
            "VALUES ($1, $2, $3, $4, $5, 0, 0, 0, clock_timestamp()) ON CONFLICT (run, writer, type, target) "
            "DO UPDATE SET session = excluded.session, lot = 0",
            table("sink_progress")),
        Parameters()
            .integer(run_)
            .integer(static_cast<std::int32_t>(context_.writer))
            .text(schema_.type())
            .integer(number_)
            .long_integer(session_));
  }
  if (error.ok()) error = connection_.execute("COMMIT");
  if (error.ok()) {
    reloads_recorded_ = reloads_so_far;
  } else {
    run_ = 0;
  }
  return error;
}

// Waits for whoever still has the row, which may be the server with our last commit.
SqlError PostgresqlDestination::settle_doubt() {
  std::optional<std::int64_t> session;
  std::int64_t lots = 0;
  const SqlError error = connection_.run(
      fmt::format("SELECT session, lot FROM {} WHERE run = $1 AND writer = $2 AND type = $3 AND target = $4 "
                  "FOR UPDATE",
                  table("sink_progress")),
      Parameters()
          .integer(run_)
          .integer(static_cast<std::int32_t>(context_.writer))
          .text(schema_.type())
          .integer(number_),
      [&](const AnswerRow& row) {
        session = row.integer(0);
        lots = row.integer(1);
      });
  if (!error.ok()) return error;
  if (session != session_) return {"another process has resumed this run", std::string(taken_over)};
  if (lots > lots_) {
    lots_ = lots;
    already_there_ = *in_doubt_;
  }
  in_doubt_.reset();
  return {};
}

std::optional<write::Answer> PostgresqlDestination::take(const write::Lot& lot) {
  SqlError error = connect();
  const bool is_there = already_there_ == lot.share() && !lot.lost && lot.skipped == skips_recorded_;
  if (error.ok() && !is_there) error = transact(lot);
  if (error.ok()) already_there_ = {};
  return write::Answer{.failure = failure_for(error)};
}

write::PartTaken PostgresqlDestination::part_taken(const write::Lot&) const {
  const write::Share doubtful = in_doubt_ ? in_doubt_->without(already_there_) : write::Share();
  return {already_there_, {}, doubtful};
}

SqlError PostgresqlDestination::transact(const write::Lot& lot) {
  const std::size_t reloads_so_far = reloads();
  SqlError error = connection_.execute("BEGIN");
  if (error.ok()) error = send(lot, reloads_so_far);
  if (error.ok()) {
    error = connection_.execute("COMMIT");
    // The server has said neither yes nor no.
    if (!error.ok() && error.state.empty()) in_doubt_ = lot.share();
  }
  if (error.ok()) {
    ++lots_;
    skips_recorded_ = lot.skipped;
    reloads_recorded_ = reloads_so_far;
    return {};
  }
  const bool is_usable = connection_.is_open() && connection_.execute("ROLLBACK").ok();
  if (!is_usable) connection_.close();
  return error;
}

SqlError PostgresqlDestination::send(const write::Lot& lot, std::size_t reloads_so_far) {
  SqlError error = advance(lot);
  if (error.ok()) error = record_reloads(reloads_so_far);
  if (error.ok()) error = record_losses(lot);
  if (error.ok())
    error =
        events_.apply(connection_, table("anomaly_events"), run_, lot.events.subspan(already_there_.events));
  if (error.ok()) {
    error = fleet_events_.apply(connection_, table("fleet_events"), run_,
                                lot.fleet_events.subspan(already_there_.fleet_events));
  }
  if (error.ok()) {
    error = deliveries_.apply(connection_, table("deliveries"), run_,
                              lot.deliveries.subspan(already_there_.deliveries));
  }
  if (error.ok() && lot.readings.size() > already_there_.readings) {
    error = readings_.copy(connection_, table(schema_.readings_name()), run_, lot.readings,
                           already_there_.readings);
  }
  return error;
}

// A run writes its readings in windows of at most a second, one after the other, by when they arrive.
SqlError PostgresqlDestination::advance(const write::Lot& lot) {
  std::optional<Timestamp> last;
  std::optional<Timestamp> complete_until;
  if (!lot.readings.empty()) {
    last = lot.readings.back().arrives_at();
    complete_until = *last - longest_window;
  }
  const std::size_t events =
      lot.share().rows() - already_there_.rows() - (lot.readings.size() - already_there_.readings);
  std::uint64_t advanced = 0;
  SqlError error = connection_.run(
      fmt::format(
          "UPDATE {} SET lot = lot + 1, readings = readings + $1, events = events + $2, last_reading = "
          "greatest(last_reading, $3), complete_until = greatest(complete_until, $4), updated_at = "
          "clock_timestamp() WHERE run = $5 AND writer = $6 AND type = $7 AND target = $8 AND session = $9 "
          "AND lot = $10",
          table("sink_progress")),
      Parameters()
          .long_integer(static_cast<std::int64_t>(lot.readings.size() - already_there_.readings))
          .long_integer(static_cast<std::int64_t>(events))
          .moment(last)
          .moment(complete_until)
          .integer(run_)
          .integer(static_cast<std::int32_t>(context_.writer))
          .text(schema_.type())
          .integer(number_)
          .long_integer(session_)
          .long_integer(lots_),
      {}, &advanced);
  if (error.ok() && advanced != 1) {
    error = {
        "the row of this run in sink_progress is not as this process left it: another process has resumed "
        "the run, or somebody has changed the table",
        std::string(taken_over)};
  }
  return error;
}

SqlError PostgresqlDestination::record_reloads(std::size_t reloads_so_far) {
  SqlError error;
  for (std::size_t i = reloads_recorded_; error.ok() && i < reloads_so_far; ++i) {
    error = record_reload(connection_, context_.address.schema, run_, context_.roster,
                          (*context_.run.reloads)[i]);
  }
  return error;
}

// What is recorded already stays.
SqlError PostgresqlDestination::record_losses(const write::Lot& lot) {
  const LossPlace place{run_, static_cast<std::int32_t>(context_.writer), number_};
  SqlError error;
  if (lot.lost) error = record_loss(connection_, context_.address.schema, place, *lot.lost);
  if (error.ok() && lot.skipped && lot.skipped != skips_recorded_)
    error = record_loss(connection_, context_.address.schema, place, *lot.skipped);
  return error;
}

std::string PostgresqlDestination::finish() {
  connection_.close();
  return {};
}

std::unique_ptr<write::Sink> make_sink(const write::SinkParts& parts) {
  return std::make_unique<PostgresqlSink>(
      SinkContext{parts.roster, parts.run, parts.writer, address_of(parts.config.sink)});
}

}  // namespace fleet_sim::postgresql
