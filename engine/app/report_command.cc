#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>

#include "app/commands.h"
#include "app/console.h"
#include "app/exit_code.h"
#include "app/output.h"
#include "report/report.h"
#include "report/report_json.h"
#include "report/report_text.h"
#include "status/text.h"
#include "storage/sqlite.h"

namespace fleet_sim {
namespace {

struct ReportOptions {
  std::string directory;
  bool json = false;
};

// Shows on a terminal, and only there, how far a long reading has come.
class ProgressLine {
 public:
  explicit ProgressLine(const ReadProgress& progress)
      : console_(true), thread_([this, &progress](const std::stop_token& stop) {
          if (console_.live()) show(stop, progress);
        }) {}

 private:
  void show(const std::stop_token& stop, const ReadProgress& progress) {
    std::unique_lock lock(mutex_);
    while (!woken_.wait_for(lock, stop, std::chrono::milliseconds(500), [] { return false; }) &&
           !stop.stop_requested()) {
      console_.show_progress(fmt::format("{} readings read", grouped(progress.readings)));
    }
  }

  Console console_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::jthread thread_;
};

Report read_report(const std::string& directory) {
  ReadProgress progress;
  const ProgressLine line(progress);
  return make_report(directory, progress);
}

int report_command(const ReportOptions& options) {
  configure_sqlite();
  const Report report = read_report(options.directory);
  print(options.json ? json_text(json_of(report), 2) + '\n' : report_text(report));
  return static_cast<int>(report.unreadable.empty() ? ExitCode::done : ExitCode::lost_or_gave_up);
}

}  // namespace

Command add_report_command(CLI::App& app) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", "Answers the usual questions about a data directory");
  command->add_option("DIR", options->directory, "Data directory")->required();
  command->add_flag("--json", options->json, "As JSON, with every shard");
  return {command, [options] { return report_command(*options); }};
}

}  // namespace fleet_sim
