#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "app/commands.h"
#include "app/output.h"
#include "app/sources_argument.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "data/data_directory.h"
#include "log/console.h"
#include "report/report.h"
#include "report/report_html.h"
#include "report/report_json.h"
#include "report/report_text.h"
#include "report/sensor_series.h"
#include "run/exit_code.h"
#include "tables/database.h"

namespace fleet_sim::app {
namespace {

struct ReportOptions {
  std::vector<std::filesystem::path> sources;
  bool json = false;
  std::string html;  // file, or - for standard output
};

// Shows on a terminal, and only there, how far a long reading has come.
class ProgressLine {
 public:
  explicit ProgressLine(const report::ReadProgress& progress)
      : console_(true), thread_([this, &progress](const std::stop_token& stop) {
          if (console_.live()) show(stop, progress);
        }) {}

 private:
  void show(const std::stop_token& stop, const report::ReadProgress& progress) {
    std::unique_lock lock(mutex_);
    while (!woken_.wait_for(lock, stop, std::chrono::milliseconds(500), [] { return false; }) &&
           !stop.stop_requested()) {
      console_.show_progress(fmt::format("{} readings read", grouped(progress.readings)));
    }
  }

  log::Console console_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::jthread thread_;
};

report::Report read_report(const data::Sources& sources) {
  report::ReadProgress progress;
  const ProgressLine line(progress);
  return report::make_report(sources, progress);
}

void write_html(const ReportOptions& options, const data::Sources& sources, const report::Report& report) {
  const std::string page = report::report_html(report, report::read_series(sources.folder, report));
  write_page(options.html, page, report::report_page_head, "report");
}

int report_command(const ReportOptions& options) {
  tables::configure_sqlite();
  if (!options.html.empty()) check_page_place(options.html, report::report_page_head);
  const data::Sources sources(options.sources);
  const report::Report report = read_report(sources);
  if (options.html.empty()) {
    print(options.json ? report::report_json(report) : fitted(report::report_text(report), output_columns()));
  } else {
    write_html(options, sources, report);
    for (const report::UnreadableShard& shard : report.unreadable) {
      std::fprintf(stderr, "fleet-sim: could not read %s: %s\n", printable(shard.file).c_str(),
                   printable(shard.why).c_str());
    }
  }
  return static_cast<int>(report.unreadable.empty() ? run::ExitCode::done : run::ExitCode::lost_or_gave_up);
}

}  // namespace

Command add_report_command(CLI::App& app) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", "Summarizes data directories and files of readings");
  add_sources(*command, options->sources)->required();
  CLI::Option* json = command->add_flag("--json", options->json, "Print JSON with every shard");
  command->footer(
      "  fleet-sim report data\n"
      "  fleet-sim report data --html report.html");
  command->add_option("--html", options->html, "Write a page with plots to FILE, or - for standard output")
      ->type_name("FILE")
      ->excludes(json);
  return {command, [options] { return report_command(*options); }};
}

}  // namespace fleet_sim::app
