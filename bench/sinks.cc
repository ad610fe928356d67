#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

#include "bare_loops.h"
#include "base/clock.h"
#include "benchmark/target.h"
#include "line_server/http_address.h"
#include "simulation.h"
#include "text/text_sink.h"
#include "types/built_in_type.h"
#include "workloads.h"

namespace fleet_sim::bench {
namespace {

constexpr std::size_t rows = 2'000'000;

std::size_t usual_lot() {
  return config::WriteSettings().batch_size;
}

// Servers keep what they were sent, and may drop the old: times go on from one measurement to the next.
Timestamp next_times() {
  static Timestamp from = system_now() - microseconds_per_day;
  return from += 3'600 * microseconds_per_second;
}

double rate_into(const config::SinkSettings& sink, std::size_t count, Timestamp from,
                 const Folders& folders) {
  Simulation simulation{.rows = count};
  simulation.sink = sink;
  simulation.from = from - from % microseconds_per_second;
  return simulate(simulation, folders.output);
}

}  // namespace

double ndjson_rate(const Folders&) {
  Written written;
  batch::Rows readings;
  for (std::size_t i = 0; i < usual_lot(); ++i) readings.push_back(written.next());
  text::TextSink sink({{format::RowFormat::ndjson, {.path = "/dev/null"}}, "/dev/null"}, written.roster());
  const auto lines = sink.make({"/dev/null", &types::built_in_type().schema}, {});
  const auto began = std::chrono::steady_clock::now();
  write::Lot lot{.readings = readings};
  while (lot.number * readings.size() < rows) {
    ++lot.number;
    if (const auto answer = lines->take(lot); !answer->failure.ok())
      throw std::runtime_error(answer->failure.message);
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(lot.number * readings.size()) / elapsed.count();
}

double ndjson_run_rate(const Folders& folders) {
  return rate_into({{config::Sink::text, "ndjson", "/dev/null"}, "", ""}, rows, start, folders);
}

double ndjson_bare_rate(const Folders&) {
  return bare_ndjson_rate(rows);
}

double server_rate(const Folders& folders, const config::SinkAddress& server) {
  benchmark::BenchTarget target({server, "", ""});
  const double rate = rate_into(target.sink(), rows, next_times(), folders);
  if (const std::string left = target.remove(); !left.empty()) throw std::runtime_error(left);
  return rate;
}

double server_bare_rate(const Folders&, const config::SinkAddress& server) {
  if (server.sink == config::Sink::postgresql) {
    const std::string connection = fmt::format("postgresql:{}", server.target);
    return copy_rate(connection, "fleet_sim_bare_loop", rows, usual_lot());
  }
  const line_server::HttpAddress address = line_server::http_address_of({server, "", ""});
  return post_rate(address.host, address.port, address.target, rows, usual_lot(), next_times());
}

}  // namespace fleet_sim::bench
