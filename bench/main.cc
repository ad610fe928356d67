// fleet_bench: named workloads, each measured over interleaved rounds and given as median, spread and ratio
// to the references of the same round. Speed is measured here and nowhere in the tests; README.md says how to
// read it.
//
//   fleet_bench             every workload of the menu
//   fleet_bench e2e tick    those
//   fleet_bench --list      the menu
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "results.h"
#include "rounds.h"
#include "scratch.h"
#include "simulation.h"
#include "tables/database.h"
#include "workloads.h"

namespace fleet_sim::bench {
namespace {

using Servers = std::vector<config::SinkAddress>;

Workload insert(const char* name, const char* what, const ReferenceLoad& load) {
  const auto rate = [load](const Folders& folders) { return insert_rate(folders, load); };
  return {.name = name, .what = what, .unit = "rows/s", .measure = rate, .compared = load};
}

Workload end_to_end(const char* name, const char* what, const Simulation& simulation) {
  const auto rate = [simulation](const Folders& folders) { return simulate(simulation, folders.output); };
  const ReferenceLoad same{simulation.rows, simulation.unsynced_index, simulation.writers};
  return {.name = name, .what = what, .unit = "rows/s", .measure = rate, .compared = same};
}

// Beside R_files.
Workload by_sensor(const char* name, const char* what, const Simulation& simulation) {
  const auto rate = [simulation](const Folders& folders) { return simulate(simulation, folders.output); };
  const ReferenceLoad same{simulation.rows, simulation.unsynced_index, simulation.writers,
                           simulation.sensors};
  const auto bare = [same](const Folders& folders) { return files_rows_per_second(folders.output, same); };
  return {.name = name, .what = what, .unit = "rows/s", .measure = rate, .bare = bare};
}

// A sink that is a server, by the word its address begins with; measured if one was given.
Workload server(const char* name, const char* what, const char* scheme, const Servers& servers) {
  const auto address = std::ranges::find(servers, scheme, &config::SinkAddress::scheme);
  Workload workload{.name = name, .what = what, .unit = "rows/s", .measure = {}};
  if (address == servers.end()) return workload;
  workload.measure = [to = *address](const Folders& folders) { return server_rate(folders, to); };
  workload.bare = [to = *address](const Folders& folders) { return server_bare_rate(folders, to); };
  return workload;
}

// The menu.
std::vector<Workload> menu(const Servers& servers) {
  constexpr std::size_t rows = 2'000'000;
  const Simulation file_per_sensor{.sensors = 10'000,
                                   .rows = 6'000'000,
                                   .unsynced_index = true,
                                   .writers = 2,
                                   .sharding = {config::ShardKey::sensor, 0}};
  return {
      {"load", "100,000 identity files loaded and validated, warm cache", "s", load_seconds,
       prepare_identity_files},
      {"load_jsonl", "the same with 1,000,000 identities in one .jsonl", "s", load_seconds,
       prepare_identity_lines},
      {"sensors", "resident memory of a million sensors: identity, place, hot state", "B/sensor",
       sensor_bytes},
      {"sensors_hot", "of that, what the tick touches", "B/sensor", hot_bytes},
      {"sensors_build", "time to plan and build that fleet", "s", build_seconds},
      {"tick", "generate readings into batches; one thread, no storage", "readings/s", tick_rate},
      {"tick_told", "the same with a scenario and imperfect delivery", "readings/s", tick_told_rate},
      {"queue", "full batches from pool to queue to another thread and back", "ns/row", queue_nanoseconds},
      insert("insert", "Shard::flush of prepared readings; 16 shards, one thread, no index", {rows}),
      insert("insert_index", "the same with the collector's index", {rows, true}),
      end_to_end("e2e", "cohort to closed files: 1,000 sensors, 16 shards, one writer, no index",
                 {.rows = rows}),
      end_to_end("e2e_index", "the same with the collector's index", {.rows = rows, .unsynced_index = true}),
      end_to_end("e2e_compact", "one writer, compact files, no index",
                 {.rows = rows, .layout = config::Layout::compact}),
      end_to_end("e2e_compact_index", "one writer, compact files with the index",
                 {.rows = rows, .unsynced_index = true, .layout = config::Layout::compact}),
      end_to_end("e2e_2", "two writers, no index", {.rows = rows, .writers = 2}),
      end_to_end("e2e_3", "three writers, no index", {.rows = rows, .writers = 3}),
      end_to_end("e2e_3_index", "three writers with the index",
                 {.rows = rows, .unsynced_index = true, .writers = 3}),
      by_sensor("by_sensor",
                "10,000 sensors, a new file each, 600 readings each, two writers, with the index",
                file_per_sensor),
      {.name = "ndjson",
       .what = "prepared readings as lines of NDJSON to /dev/null, one thread",
       .unit = "rows/s",
       .measure = ndjson_rate,
       .bare = ndjson_bare_rate},
      {.name = "e2e_ndjson",
       .what = "cohort to lines of NDJSON to /dev/null: 1,000 sensors, one writer",
       .unit = "rows/s",
       .measure = ndjson_run_rate,
       .bare = ndjson_bare_rate},
      server("postgresql", "cohort to PostgreSQL: 1,000 sensors, one writer; --server postgresql://...",
             "postgresql", servers),
      server("lines_http", "the same to a server of line protocol; --server lines+http://...", "lines+http",
             servers),
      {"report", "what `report` reads, 5 million rows with the index", "rows/s", report_rate, prepare_shards},
      {"export", "what `export` writes as CSV, the same rows", "rows/s", export_rate, prepare_shards},
      {"sql", "grouping the same rows by `sql`, in 16 files", "rows/s", sql_rate, prepare_shards},
      {"sql_one", "the same query by SQLite alone, on as many rows in one file", "rows/s", sql_one_rate,
       prepare_one_file},
  };
}

constexpr int exit_bad_arguments = 2;

struct Options {
  std::vector<std::string> names;  // none: all
  unsigned rounds = 5;
  bool list = false;
  bool alone = false;
  std::string commit;
  std::string json_file;
  std::vector<std::string> servers;
};

Servers servers_of(const Options& options) {
  Servers servers;
  for (const std::string& text : options.servers) {
    const std::string problem = config::parse_sink_address(text, servers.emplace_back());
    if (!problem.empty()) throw std::runtime_error("--server " + problem);
  }
  return servers;
}

void add_options(CLI::App& app, Options& options) {
  std::vector<std::string> names;
  for (const Workload& workload : menu({})) names.push_back(workload.name);
  app.add_option("WORKLOAD", options.names, "Workloads to run (default: all); --list names them")
      ->check(CLI::Validator(CLI::IsMember(names)).description(""));
  app.add_flag("--list", options.list, "List the workloads and exit");
  app.add_option("--rounds", options.rounds, "Rounds of each workload (default 5)")
      ->type_name("N")
      ->check(CLI::Validator(CLI::Range(1u, 1'000u)).description(""));
  app.add_flag("--alone", options.alone, "Leave out the references, for profiling");
  app.add_option(
         "--server", options.servers,
         "Address of a server, as for --sink; repeatable. Readings go to a schema of their own, which is "
         "dropped, or stay there")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  app.add_option("--json", options.json_file, "Also write every round as JSON to FILE")->type_name("FILE");
  app.add_option("--commit", options.commit, "Commit to name in the results")->type_name("TEXT");
}

void list() {
  for (const Workload& workload : menu({}))
    fmt::print("{:<14} {} ({})\n", workload.name, workload.what, workload.unit);
}

void show(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

std::vector<Measurement> measure_all(const Options& options) {
  const Scratch scratch;
  std::vector<Measurement> measurements;
  for (const Workload& workload : menu(servers_of(options))) {
    const bool all = options.names.empty();
    if (!all && std::ranges::find(options.names, workload.name) == options.names.end()) continue;
    if (!workload.measure && all) continue;
    if (!workload.measure) throw std::runtime_error(workload.name + ": give an address with --server");
    measurements.push_back(measure(workload, options.rounds, options.alone, scratch));
    show(table_row(measurements.back()));
  }
  return measurements;
}

// The file is opened first: to find out after a quarter of an hour that it cannot be would be late.
void run(const Options& options) {
  std::ofstream file;
  if (!options.json_file.empty()) file.open(options.json_file);
  const auto check_file = [&] {
    if (!file) throw std::runtime_error(options.json_file + ": cannot be written");
  };
  check_file();
  tables::configure_sqlite();
  const Circumstances here = circumstances(options.commit, options.rounds);
  show(table_head(here));
  const std::vector<Measurement> measurements = measure_all(options);
  if (!file.is_open()) return;
  file << results_json(here, measurements) << std::flush;
  check_file();
}

int run_main(int argc, char** argv) {
  CLI::App app("Measures workloads of fleet-sim against plain insert loops, in ./fleet_bench.tmp.",
               "fleet_bench");
  Options options;
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_bad_arguments;
  }
  options.list ? list() : run(options);
  return 0;
}

}  // namespace
}  // namespace fleet_sim::bench

int main(int argc, char** argv) {
  try {
    return fleet_sim::bench::run_main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "fleet_bench: {}\n", error.what());
    return 1;
  }
}
