#include "postgresql/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/clock.h"
#include "base/plain_text.h"
#include "postgresql/fields.h"

namespace fleet_sim::postgresql {
namespace {

constexpr std::uint32_t int4_type = 23;
constexpr std::uint32_t int8_type = 20;
constexpr std::uint32_t timestamptz_type = 1184;

// One line, without the line break at its end.
std::string message_in(const char* text) {
  std::string message = text == nullptr ? "" : text;
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.pop_back();
  for (char& character : message) {
    if (character == '\n' || character == '\t') character = ' ';
  }
  return message.empty() ? "the server closed the connection" : printable(message);
}

template <class Integer>
std::string in_bytes(Integer value) {
  Fields fields;
  fields.number(value);
  return std::string(fields.view());
}

template <class Integer>
Integer number_in(const char* bytes) {
  Integer value;
  std::memcpy(&value, bytes, sizeof value);
  return in_network_order(value);
}

}  // namespace

Parameters& Parameters::add(std::string bytes, std::uint32_t type, bool is_binary) {
  values_.push_back({std::move(bytes), type, is_binary, false});
  return *this;
}

Parameters& Parameters::text_or_null(std::string_view value) {
  text(value);
  values_.back().is_null = value.empty();
  return *this;
}

Parameters& Parameters::long_integer(std::int64_t value) {
  return add(in_bytes(value), int8_type, true);
}

Parameters& Parameters::long_integer_or_null(std::optional<std::uint64_t> value) {
  long_integer(static_cast<std::int64_t>(value.value_or(0)));
  values_.back().is_null = !value;
  return *this;
}

Parameters& Parameters::integer(std::int32_t value) {
  return add(in_bytes(value), int4_type, true);
}

Parameters& Parameters::moment(std::optional<Timestamp> at) {
  add(in_bytes(at.value_or(epoch) - epoch), timestamptz_type, true);
  values_.back().is_null = !at;
  return *this;
}

// One dimension, which may hold NULLs, counted from 1.
Parameters& Parameters::array(std::uint32_t element_type, std::size_t count, std::string_view elements) {
  Fields header;
  header.number(std::int32_t{1});
  header.number(std::int32_t{1});
  header.number(static_cast<std::int32_t>(element_type));
  header.number(static_cast<std::int32_t>(count));
  header.number(std::int32_t{1});
  std::string bytes(header.view());
  bytes += elements;
  return add(std::move(bytes), 0, true);
}

bool AnswerRow::is_null(int column) const {
  return PQgetisnull(&result_, row_, column) != 0;
}

std::string_view AnswerRow::text(int column) const {
  return {PQgetvalue(&result_, row_, column), static_cast<std::size_t>(PQgetlength(&result_, row_, column))};
}

std::int64_t AnswerRow::integer(int column) const {
  const std::string_view bytes = text(column);
  if (bytes.size() == 8) return number_in<std::int64_t>(bytes.data());
  if (bytes.size() == 4) return number_in<std::int32_t>(bytes.data());
  if (bytes.size() == 2) return number_in<std::int16_t>(bytes.data());
  return 0;
}

double AnswerRow::real(int column) const {
  return std::bit_cast<double>(integer(column));
}

bool AnswerRow::boolean(int column) const {
  return text(column) == std::string_view("\1", 1);
}

Timestamp AnswerRow::moment(int column) const {
  return integer(column) + epoch;
}

void Connection::Finish::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

void Connection::Clear::operator()(pg_result* result) const {
  PQclear(result);
}

SqlError Connection::open(const Address& address) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  const auto add = [&](const char* name, const char* value) {
    names.push_back(name);
    values.push_back(value);
  };
  // What the address says counts for more than these.
  add("fallback_application_name", "fleet-sim");
  add("keepalives_idle", "30");
  add("tcp_user_timeout", "60000");
  for (const auto& [name, value] : address.parameters) add(name.c_str(), value.c_str());
  add("client_encoding", "UTF8");
  add(nullptr, nullptr);
  connection_.reset(PQconnectStartParams(names.data(), values.data(), 0));
  if (connection_ == nullptr) return {"memory is full", {}};
  PQsetNoticeReceiver(
      connection_.get(), [](void*, const PGresult*) {}, nullptr);  // it would print them
  if (PQstatus(connection_.get()) == CONNECTION_BAD) return lost();
  return finish_opening();
}

SqlError Connection::finish_opening() {
  const SteadyTime until = std::chrono::steady_clock::now() + patience_.connect;
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;
       next = PQconnectPoll(connection_.get())) {
    if (next == PGRES_POLLING_FAILED) return turned_away();
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (SqlError error = wait(next == PGRES_POLLING_WRITING, left); !error.ok()) return error;
  }
  if (PQsetnonblocking(connection_.get(), 1) != 0) return lost();
  return {};
}

SqlError Connection::turned_away() {
  const bool is_about_password =
      PQconnectionNeedsPassword(connection_.get()) != 0 || PQconnectionUsedPassword(connection_.get()) != 0;
  SqlError error = lost();
  if (is_about_password)
    error.message += "; the password comes from PGPASSWORD, PGPASSFILE or sink.password_file";
  return error;
}

// For the server to say something or, if asked, for room to say something to it.
SqlError Connection::wait(bool to_write, std::chrono::milliseconds at_most) {
  const SteadyTime until = std::chrono::steady_clock::now() + at_most;
  pollfd watched{PQsocket(connection_.get()), static_cast<short>(POLLIN | (to_write ? POLLOUT : 0)), 0};
  int ready = -1;
  do {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    ready = ::poll(&watched, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
  } while (ready < 0 && errno == EINTR);
  if (ready > 0) return {};
  close();
  return {fmt::format("no answer from the server in {} s", at_most.count() > 0 ? at_most.count() / 1'000 : 0),
          {}};
}

SqlError Connection::lost() {
  SqlError error{message_in(PQerrorMessage(connection_.get())), {}};
  close();
  return error;
}

SqlError Connection::error_of(const pg_result& result) const {
  const char* state = PQresultErrorField(&result, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(&result, PG_DIAG_MESSAGE_PRIMARY);
  return {message_in(primary != nullptr ? primary : PQresultErrorMessage(&result)),
          state == nullptr ? "" : state};
}

// Until the server has taken all that was given to libpq: nothing more gathers here.
SqlError Connection::flush() {
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left < 0) return lost();
    if (left == 0) return {};
    if (SqlError error = wait(true, patience_.silence); !error.ok()) return error;
    // A server that does not get rid of what it says would not listen either.
    if (PQconsumeInput(connection_.get()) == 0) return lost();
  }
}

// Null after the last one.
SqlError Connection::next_result(Result& result) {
  if (SqlError error = flush(); !error.ok()) return error;
  while (PQisBusy(connection_.get()) != 0) {
    if (SqlError error = wait(false, patience_.silence); !error.ok()) return error;
    if (PQconsumeInput(connection_.get()) == 0) return lost();
  }
  result.reset(PQgetResult(connection_.get()));
  return {};
}

// All of them, so that the connection is free for the next statement. The first error counts.
SqlError Connection::take_results(const OnRow& on_row, std::uint64_t* affected) {
  SqlError first;
  for (Result result;;) {
    if (SqlError error = next_result(result); !error.ok()) return error;
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
      return {"a statement that copies is no statement to execute", "XX000"};
    const bool is_good =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
    if (!is_good && first.ok()) first = error_of(*result);
    if (!is_good) continue;
    for (int row = 0; on_row && row < PQntuples(result.get()); ++row) on_row(AnswerRow(*result, row));
    const std::string_view count = PQcmdTuples(result.get());
    if (affected != nullptr) std::from_chars(count.data(), count.data() + count.size(), *affected);
  }
  if (PQstatus(connection_.get()) == CONNECTION_BAD) close();
  if (!is_open()) first.state.clear();
  return first;
}

SqlError Connection::execute(const std::string& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return lost();
  return take_results({}, nullptr);
}

SqlError Connection::run(const std::string& sql, const Parameters& parameters, const OnRow& on_row,
                         std::uint64_t* affected) {
  constexpr int binary = 1;
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const Parameters::Value& value : parameters.values()) {
    types.push_back(value.type);
    values.push_back(value.is_null ? nullptr : value.bytes.c_str());
    lengths.push_back(static_cast<int>(value.bytes.size()));
    formats.push_back(value.is_binary ? binary : 0);
  }
  if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), types.data(),
                        values.data(), lengths.data(), formats.data(), binary) == 0) {
    return lost();
  }
  if (on_row) PQsetSingleRowMode(connection_.get());
  return take_results(on_row, affected);
}

// Statements before the COPY may stand in `sql` too.
SqlError Connection::begin_copy(const std::string& sql) {
  return begin_copying(sql, false);
}

SqlError Connection::begin_copy_out(const std::string& sql) {
  return begin_copying(sql, true);
}

SqlError Connection::begin_copying(const std::string& sql, bool out) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return lost();
  for (Result result;;) {
    if (SqlError error = next_result(result); !error.ok()) return error;
    if (result == nullptr) return {"the server did not begin to copy", "XX000"};
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == (out ? PGRES_COPY_OUT : PGRES_COPY_IN)) return {};
    if (status == PGRES_COMMAND_OK) continue;
    SqlError error = error_of(*result);
    const SqlError rest = take_results({}, nullptr);
    return rest.ok() || !rest.state.empty() ? error : rest;
  }
}

SqlError Connection::copy(std::string_view piece) {
  if (PQputCopyData(connection_.get(), piece.data(), static_cast<int>(piece.size())) != 1) return lost();
  return flush();
}

SqlError Connection::end_copy() {
  if (PQputCopyEnd(connection_.get(), nullptr) != 1) return lost();
  return take_results({}, nullptr);
}

SqlError Connection::read_copy(std::string& piece) {
  piece.clear();
  for (;;) {
    char* bytes = nullptr;
    const int size = PQgetCopyData(connection_.get(), &bytes, 1);
    const std::unique_ptr<char, decltype(&PQfreemem)> kept(bytes, &PQfreemem);
    if (size > 0) piece.assign(bytes, static_cast<std::size_t>(size));
    if (size > 0) return {};
    if (size == -1) return take_results({}, nullptr);
    if (size < 0) return lost();
    if (SqlError error = wait(false, patience_.silence); !error.ok()) return error;
    if (PQconsumeInput(connection_.get()) == 0) return lost();
  }
}

std::string Connection::quoted_user() const {
  return printable(quoted_name(PQuser(connection_.get())));
}

int Connection::server_version() const {
  return PQserverVersion(connection_.get());
}

std::string quoted_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char character : name) {
    if (character == '"') quoted += '"';
    quoted += character;
  }
  return quoted + '"';
}

}  // namespace fleet_sim::postgresql
