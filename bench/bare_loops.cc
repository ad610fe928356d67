#include "bare_loops.h"

#include <fmt/format.h>

// Boost 1.74 relies on it.
#include <utility>

#include <array>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <charconv>
#include <chrono>
#include <optional>
#include <stdexcept>

#include "base/random.h"
#include "postgresql/fields.h"
#include "simulation.h"

#if FLEET_SIM_POSTGRESQL
#include <libpq-fe.h>
#endif

namespace fleet_sim::bench {
namespace {

constexpr std::size_t chunk = std::size_t{64} << 10;
constexpr std::size_t most_line_bytes = 512;

class Stopwatch {
 public:
  [[nodiscard]] double rate(std::size_t rows) const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began_;
    return static_cast<double>(rows) / elapsed.count();
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

char* put(char* at, std::string_view text) {
  return std::copy(text.begin(), text.end(), at);
}

char* put_number(char* at, auto value) {
  return std::to_chars(at, at + 32, value).ptr;
}

}  // namespace

Written::Written() {
  for (int i = 0; i < 1'000; ++i) {
    identity::IdentityRecord record;
    record.id = "SENSOR_" + std::to_string(i);
    record.location = "Factory A - Line " + std::to_string(i % 10);
    record.firmware_version = i % 2 == 0 ? "1.3" : "1.4";
    roster_.add(record);
  }
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const auto normal = [i](std::uint64_t k, double mean) {
      return uniform(mix_words(i, k), 0.9, 1.1) * mean;
    };
    readings_.push_back({start + i / 1'000 * microseconds_per_second + i % 1'000 * 997,
                         {normal(1, 65), normal(2, 2.5), normal(3, 12)},
                         i % 1'000,
                         i % 20 == 0 ? std::optional(AnomalyType::spike) : std::nullopt});
  }
}

char* BareNdjson::put(char* at, const batch::Reading& reading) {
  const identity::Identity& identity = roster_[reading.sensor];
  const auto number = [&](std::string_view name, double value) {
    at = put_number(bench::put(at, name), value);
  };
  const auto text = [&](std::string_view name, identity::Text value) {
    at = bench::put(bench::put(at, name), roster_.text(value));
  };
  at = bench::put(at, "{\"timestamp\":\"");
  at = bench::put(at, timestamp_.write(reading.due));
  at = bench::put(at, "\",\"sensor_id\":\"");
  at = bench::put(at, identity.id);
  number("\",\"temperature\":", reading.values[0]);
  number(",\"vibration\":", reading.values[1]);
  number(",\"voltage\":", reading.values[2]);
  if (reading.anomaly) {
    at = bench::put(at, ",\"status_code\":1,\"anomaly_flag\":1,\"anomaly_type\":\"");
    at = bench::put(at, name_of(*reading.anomaly));
    *at++ = '"';
  } else {
    at = bench::put(at, ",\"status_code\":0,\"anomaly_flag\":0,\"anomaly_type\":null");
  }
  text(",\"firmware_version\":\"", identity.firmware_version);
  text("\",\"model\":\"", identity.model);
  text("\",\"manufacturer\":\"", identity.manufacturer);
  text("\",\"location\":\"", identity.location);
  return bench::put(at, "\"}\n");
}

double bare_ndjson_rate(std::size_t rows) {
  Written written;
  BareNdjson lines(written.roster());
  std::vector<char> out(chunk + most_line_bytes);
  const Stopwatch watch;
  char* at = out.data();
  for (std::size_t i = 0; i < rows; ++i) {
    at = lines.put(at, written.next());
    if (static_cast<std::size_t>(at - out.data()) >= chunk) at = out.data();
  }
  return watch.rate(rows);
}

// ---- PostgreSQL ----

#if FLEET_SIM_POSTGRESQL
namespace {

class Server {
 public:
  explicit Server(const std::string& address) : connection_(PQconnectdb(address.c_str())) {
    check(is_open());
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { PQfinish(connection_); }

  void execute(const std::string& sql, ExecStatusType expected = PGRES_COMMAND_OK) {
    PGresult* result = PQexec(connection_, sql.c_str());
    const bool is_expected = PQresultStatus(result) == expected;
    PQclear(result);
    check(is_expected);
  }
  void copy(std::string_view piece) {
    check(PQputCopyData(connection_, piece.data(), static_cast<int>(piece.size())) == 1);
  }
  void end_copy() {
    check(PQputCopyEnd(connection_, nullptr) == 1);
    bool is_done = true;
    while (PGresult* result = PQgetResult(connection_)) {
      is_done = is_done && PQresultStatus(result) == PGRES_COMMAND_OK;
      PQclear(result);
    }
    check(is_done);
  }

 private:
  [[nodiscard]] bool is_open() const { return PQstatus(connection_) == CONNECTION_OK; }
  void check(bool holds) const {
    if (!holds) throw std::runtime_error(PQerrorMessage(connection_));
  }

  PGconn* connection_;
};

void put_row(postgresql::Fields& fields, const identity::Roster& roster, const batch::Reading& reading,
             std::int64_t id) {
  const identity::Identity& identity = roster[reading.sensor];
  const std::int32_t flag = reading.anomaly ? 1 : 0;
  fields.number(std::int16_t{14});
  fields.long_integer(id);
  fields.moment(reading.due);
  fields.text(identity.id);
  for (const double value : {reading.values[0], reading.values[1], reading.values[2]}) fields.real(value);
  fields.integer(flag);
  fields.integer(flag);
  reading.anomaly ? fields.text(name_of(*reading.anomaly)) : fields.null();
  fields.text(roster.text(identity.firmware_version));
  fields.text(roster.text(identity.model));
  fields.text(roster.text(identity.manufacturer));
  fields.text(roster.text(identity.location));
  fields.integer(0);
}

}  // namespace

double copy_rate(const std::string& connection, const std::string& schema, std::size_t rows,
                 std::size_t lot) {
  Written written;
  Server server(connection);
  server.execute(fmt::format(
      "CREATE SCHEMA {0}; CREATE TABLE {0}.readings (id bigint NOT NULL, timestamp timestamptz NOT NULL, "
      "sensor_id text "
      "NOT NULL, temperature float8, vibration float8, voltage float8, status_code int, anomaly_flag int, "
      "anomaly_type text, firmware_version text, model text, manufacturer text, location text, synced int); "
      "CREATE TABLE {0}.progress (writer int PRIMARY KEY, rows bigint); INSERT INTO {0}.progress VALUES (0, "
      "0)",
      schema));
  postgresql::Fields piece;
  const Stopwatch watch;
  std::size_t done = 0;
  while (done < rows) {
    server.execute("BEGIN");
    server.execute(fmt::format("COPY {}.readings FROM STDIN (FORMAT binary)", schema), PGRES_COPY_IN);
    piece.clear();
    piece.bytes(std::string_view("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19));
    for (const std::size_t end = done + lot; done < end; ++done) {
      put_row(piece, written.roster(), written.next(), static_cast<std::int64_t>(done + 1));
      if (piece.size() < chunk) continue;
      server.copy(piece.view());
      piece.clear();
    }
    piece.number(std::int16_t{-1});
    server.copy(piece.view());
    server.end_copy();
    server.execute(fmt::format("UPDATE {}.progress SET rows = {} WHERE writer = 0", schema, done));
    server.execute("COMMIT");
  }
  const double rate = watch.rate(done);
  server.execute(fmt::format("SET client_min_messages = warning; DROP SCHEMA {} CASCADE", schema));
  return rate;
}
#else
double copy_rate(const std::string&, const std::string&, std::size_t, std::size_t) {
  throw std::runtime_error("this build has no PostgreSQL");
}
#endif

// ---- line protocol ----

double post_rate(std::string_view host, std::string_view port, const std::string& target, std::size_t rows,
                 std::size_t lot, Timestamp from) {
  namespace beast = boost::beast;
  namespace http = beast::http;
  Written written;
  const identity::Roster& roster = written.roster();
  std::vector<std::string> tags;
  for (std::uint32_t i = 0; i < roster.size(); ++i) {
    std::string location;
    for (const char c : roster.text(roster[i].location)) location += c == ' ' ? "\\ " : std::string(1, c);
    tags.push_back(fmt::format(
        "bare_readings,firmware_version={},location={},manufacturer={},model={},sensor_id={} temperature=",
        roster.text(roster[i].firmware_version), location, roster.text(roster[i].manufacturer),
        roster.text(roster[i].model), roster[i].id));
  }
  boost::asio::io_context io;
  beast::tcp_stream stream(io);
  stream.connect(boost::asio::ip::tcp::resolver(io).resolve(host, port));
  stream.socket().set_option(boost::asio::ip::tcp::no_delay(true));
  beast::flat_buffer buffer;
  std::array<char, most_line_bytes> line;
  const Stopwatch watch;
  std::size_t done = 0;
  while (done < rows) {
    http::request<http::string_body> request{http::verb::post, target, 11};
    request.set(http::field::host, beast::string_view(host.data(), host.size()));
    request.body().reserve(lot * 256);
    for (const std::size_t end = done + lot; done < end; ++done) {
      const batch::Reading& reading = written.next();
      char* at = put(line.data(), tags[reading.sensor]);
      at = put_number(at, reading.values[0]);
      at = put_number(put(at, ",vibration="), reading.values[1]);
      at = put_number(put(at, ",voltage="), reading.values[2]);
      at = put(at, reading.anomaly ? ",status_code=1i,anomaly_flag=1i,anomaly_type=\"spike\" "
                                   : ",status_code=0i,anomaly_flag=0i ");
      at = put_number(at, from + static_cast<Timestamp>(done * 1'000));
      request.body().append(line.data(), put(at, "000\n"));
    }
    request.prepare_payload();
    http::write(stream, request);
    http::response<http::string_body> response;
    http::read(stream, buffer, response);
    if (response.result_int() / 100 != 2)
      throw std::runtime_error(fmt::format("HTTP {}", response.result_int()));
  }
  return watch.rate(done);
}

}  // namespace fleet_sim::bench
