#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "app/commands.h"
#include "app/output.h"
#include "base/problems.h"
#include "benchmark/bench.h"
#include "benchmark/options.h"
#include "config/database_settings.h"
#include "files/new_file.h"
#include "run/exit_code.h"
#include "run/stop_signals.h"
#include "tables/database.h"

namespace fleet_sim::app {
namespace {

constexpr const char* footer =
    "Lists are separated by commas. The first value of each list forms the base cell; then one list is "
    "varied at a time,\n"
    "or all of them with --full. Every cell is measured with each number of --queries. Each writes its own "
    "files as\n"
    "fast as it can, in a folder below --dir that is removed at the end. Rounds are interleaved, so compare "
    "medians\n"
    "within one run. missing_data anomalies are off.\n\n"
    "--sink measures other sinks, side by side if it is repeated; a batch is what one answer acknowledges. A "
    "text file,\n"
    "or a schema fleet_sim_bench_* of PostgreSQL, is made for each measurement and removed. A server that "
    "takes line\n"
    "protocol keeps the readings, so give it a database of its own. With --sink -, results go to standard "
    "error.\n\n"
    "With --rate, readings are due at that pace. Latency is the time from when a reading was due until it "
    "was committed,\n"
    "or acknowledged by another sink. It includes up to 50 ms in which readings are gathered, and the flush "
    "interval.\n"
    "--find-rate finds the highest rate whose p99 stays within --p99; a rate that fails is tried twice.\n\n"
    "Exit codes: 0 success, 1 a measurement failed or no rate held, 2 bad arguments, 3 --dir or a "
    "PostgreSQL server\n"
    "cannot be used, 130 interrupted (Ctrl-C reports what was measured and removes the folder; a second one "
    "exits at once "
    "and leaves\n"
    "a folder fleet-sim-bench-*).\n\n"
    "  fleet-sim bench --quick --dir /mnt/disk\n"
    "  fleet-sim bench --shards 16 --writers 1,2,4 --html bench.html\n"
    "  fleet-sim bench --rate 50000 --synchronous normal,full --seconds 10\n"
    "  fleet-sim bench --find-rate --p99 250 --collectors 2\n"
    "  fleet-sim bench --sink postgresql://fleet@localhost/fleet --sink ndjson:/dev/null --batch-size "
    "10000,1000\n"
    "  fleet-sim bench --quick --type pump --config configs/types/pump.yaml";

// A file that the results go to. Made before anything is measured, so that a name that cannot be used costs
// no time.
std::optional<files::NewFile> result_file(const char* option, const std::string& path) {
  if (path.empty() || path == "-") return std::nullopt;
  std::error_code error;
  if (std::filesystem::symlink_status(path, error).type() != std::filesystem::file_type::not_found) {
    throw InvalidInput(std::string(option) + ": " + path +
                       " already exists and was left alone. Move it away or choose another name");
  }
  return std::optional<files::NewFile>(std::in_place, path);
}

void publish(std::optional<files::NewFile>& file, const std::string& text) {
  if (!file) return;
  file->write(text);
  file->publish();
}

int bench(const benchmark::BenchWords& words) {
  benchmark::BenchReport report;
  report.options = benchmark::read_bench_options(words);
  auto json = result_file("--json", words.json);
  auto html = result_file("--html", words.html);
  tables::configure_sqlite();
  log::Console console(true);
  run::StopSignals& signals = run::StopSignals::of_process();
  benchmark::run_bench(report, signals, console);
  if (words.json == "-" || benchmark::takes_standard_output(report.options.matrix)) {
    console.print_line(benchmark::bench_text(report));
    if (words.json == "-") print(benchmark::bench_json(report));
  } else {
    print(benchmark::bench_text(report));
  }
  publish(json, benchmark::bench_json(report));
  publish(html, benchmark::bench_html(report));
  if (!report.complete) return static_cast<int>(run::ExitCode::forced);
  return static_cast<int>(report.failed() ? run::ExitCode::lost_or_gave_up : run::ExitCode::done);
}

void add_bench_options(CLI::App& command, benchmark::BenchWords& words) {
  const auto add = [&command](const char* name, auto& word, const std::string& what, const char* type) {
    command.add_option(name, word, what)->type_name(type);
  };
  add("--shards", words.shards,
      fmt::format("Number of files: 1 to {} (default 16,1,64)", benchmark::most_bench_shards), "LIST");
  add("--writers", words.writers, fmt::format("Writer threads: 1 to {} (default 1,2)", config::most_writers),
      "LIST");
  add("--batch-size", words.batch_size, "Rows of a file that trigger a transaction (default 5000,500)",
      "LIST");
  add("--synchronous", words.synchronous, "off, normal, full (default normal,full)", "LIST");
  add("--index", words.index, "The collector's index: on, off (default on,off)", "LIST");
  add("--collectors", words.collectors,
      fmt::format("Collector threads that poll and mark rows: 0 to {} (default 0,2)",
                  benchmark::most_collectors),
      "LIST");
  add("--queries", words.queries,
      fmt::format(
          "Threads that run typical queries, up to {} (default 0); a single number is also measured without",
          benchmark::most_askers),
      "LIST");
  add("--layout", words.layout, "How files store readings: wide, compact (default wide)", "LIST");
  add("--page-size", words.page_size, "Page size of the files in bytes (default 16384)", "LIST");
  command.add_flag("--full", words.full, "Measure every combination of the lists");
  command.add_flag("--quick", words.quick, "A small matrix, in under half a minute");
  add("--rounds", words.rounds, "Rounds over all cells (default 3; quick 2)", "N");
  add("--seconds", words.seconds, "Length of each measurement (default 2; quick 1)", "S");
  add("--warm-up", words.warm_up,
      "Warm-up before the first measurement, or with --rate before each (default 1; quick 0.5)", "S");
  add("--rate", words.rate, "Measure latency at these readings per second, instead of throughput", "LIST");
  command.add_flag("--find-rate", words.find_rate, "Find the highest rate that one cell sustains");
  add("--p99", words.p99, "Latency limit for --find-rate (default 200)", "MS");
  add("--flush-interval", words.flush_interval,
      "Longest time a row waits for its commit (default 1000; 50 with --rate or --find-rate)", "MS");
  add("--sensors", words.sensors, "Number of sensors (default 1000)", "N");
  add("--type", words.type, "Type of the sensors (default temperature_vibration)", "NAME");
  command.add_option("--config", words.configs, "Config file that declares the type; repeatable")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command
      .add_option("--sink", words.sinks,
                  "Where readings go, an address as a run takes it (default sqlite); repeatable")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  add("--password-file", words.password_file, "File whose first line is the password or token for --sink",
      "FILE");
  add("--dir", words.dir, "Folder on the disk to measure (default: the current folder)", "DIR");
  add("--max-disk", words.max_disk, "Maximum disk space in use at a time, at least 200M (default 2G)",
      "SIZE");
  add("--json", words.json, "Write the results as JSON to a new file, or - for standard output", "FILE");
  add("--html", words.html, "Write the results with plots as a page to a new file", "FILE");
  command.footer(footer);
}

}  // namespace

Command add_bench_command(CLI::App& app) {
  const auto words = std::make_shared<benchmark::BenchWords>();
  CLI::App* command =
      app.add_subcommand("bench", "Measures how many readings per second a disk or another sink can take");
  add_bench_options(*command, *words);
  return {command, [words] { return bench(*words); }};
}

}  // namespace fleet_sim::app
