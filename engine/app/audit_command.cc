#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "app/output.h"
#include "audit/audit.h"
#include "audit/audit_page.h"
#include "base/clock.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"
#include "config/sink_settings.h"
#include "data/table_text.h"
#include "files/row_text.h"
#include "history/history.h"
#include "log/console.h"
#include "postgresql/table_text.h"
#include "run/exit_code.h"
#include "tables/database.h"

namespace fleet_sim::app {
namespace {

struct AuditCommandOptions {
  std::vector<std::filesystem::path> runs;
  std::string run_id;
  std::string rows;
  std::string database;
  std::string table;
  std::vector<std::string> map;
  std::string arrival;
  std::string tolerance = "0";
  std::string until;
  bool json = false;
  std::string html;  // file, or - for standard output
};

// Shows on a terminal, and only there, how far it has come. Any thread.
class AuditProgressLine {
 public:
  AuditProgressLine() : console_(log::Console::can_redraw()) {}

  void operator()(std::string_view what, std::uint64_t done) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    const SteadyTime now = std::chrono::steady_clock::now();
    if (!lock.owns_lock() || now - shown_ < std::chrono::milliseconds(500)) return;
    shown_ = now;
    console_.show_progress(fmt::format("{} {}", grouped(done), what));
  }
  void end() { console_.end_progress(); }

 private:
  std::mutex mutex_;
  log::Console console_;
  SteadyTime shown_ = std::chrono::steady_clock::now();
};

history::RunChoice run_choice(const AuditCommandOptions& options) {
  history::RunChoice choice{options.run_id, std::nullopt};
  if (options.until.empty()) return choice;
  choice.until = parse_timestamp(options.until);
  if (!choice.until)
    throw InvalidInput(
        fmt::format("--until must be a time such as 2026-01-31T12:30:00Z, not {}", in_quotes(options.until)));
  return choice;
}

// The tables to be read of a database.
std::vector<std::string> tables_of(const AuditCommandOptions& options,
                                   const std::vector<history::RunPart>& parts) {
  if (!options.table.empty()) return {options.table};
  std::vector<std::string> tables;
  for (const history::RunPart& part : parts) {
    for (std::string& name : history::readings_tables(part.run, part.record)) {
      if (std::ranges::find(tables, name) == tables.end()) tables.push_back(std::move(name));
    }
  }
  return tables;
}

using Texts = std::vector<std::unique_ptr<files::RowText>>;

template <class Table>
std::unique_ptr<files::RowText> text_of(std::string name, std::shared_ptr<Table> table) {
  const auto read = [table](char* into, std::size_t most) { return table->read(into, most); };
  return std::make_unique<files::RowText>(std::move(name), read);
}

Texts open_server([[maybe_unused]] const AuditCommandOptions& options,
                  [[maybe_unused]] const std::vector<history::RunPart>& parts) {
  config::SinkSettings server;
  const std::string problem = config::parse_sink_address(options.database, server.address);
  if (!problem.empty()) throw InvalidInput("--database " + problem);
  Texts texts;
  if constexpr (FLEET_SIM_POSTGRESQL) {
    const postgresql::Address address = postgresql::address_of(server);
    std::vector<std::string> runs;
    for (const history::RunPart& part : parts) runs.push_back(part.run.run_id);
    for (const std::string& table : postgresql::tables_there(address, tables_of(options, parts)))
      texts.push_back(text_of(address.text, std::make_shared<postgresql::TableText>(address, table, runs)));
  }
  return texts;  // parse_sink_address does not let it be empty
}

// Wherever they are.
Texts open_rows(const AuditCommandOptions& options, const std::vector<history::RunPart>& parts) {
  if (options.database.starts_with("postgresql://") || options.database.starts_with("postgres://"))
    return open_server(options, parts);
  Texts texts;
  if (options.database.empty()) {
    texts.push_back(std::make_unique<files::RowText>(options.rows));
    return texts;
  }
  for (const std::string& table : data::tables_there(options.database, tables_of(options, parts)))
    texts.push_back(
        text_of(printable(options.database), std::make_shared<data::TableText>(options.database, table)));
  return texts;
}

void show(const audit::Verdict& verdict, const AuditCommandOptions& options) {
  if (!options.html.empty())
    return write_page(options.html, audit::audit_html(verdict), audit::audit_page_head, "audit");
  print(options.json ? audit::verdict_json(verdict) : fitted(audit::verdict_text(verdict), output_columns()));
}

int judge_rows(const AuditCommandOptions& options) {
  if (options.rows.empty() && options.database.empty())
    throw InvalidInput("--rows FILE or --database FILE|ADDRESS is required: the rows as they came");
  tables::configure_sqlite();
  if (!options.html.empty()) check_page_place(options.html, audit::audit_page_head);
  audit::ColumnNames names;
  for (const std::string& name : options.map) audit::add_column_name(names, name);
  const history::RunChoice choice = run_choice(options);
  const audit::ExamineOptions how{audit::parse_tolerance(options.tolerance),
                                  choice.until.value_or(latest_timestamp)};
  std::vector<history::RunPart> parts = history::find_run_parts(options.runs, choice);
  AuditProgressLine progress;
  Texts texts = open_rows(options, parts);
  const audit::Expectation expected(
      std::move(parts), [&](std::uint64_t readings) { progress("readings made again", readings); });
  std::vector<audit::RowSource> sources;
  for (std::unique_ptr<files::RowText>& text : texts) {
    audit::RowColumns columns(*text, expected, names, options.arrival);
    sources.push_back({std::move(text), std::move(columns)});
  }
  audit::demand_named(sources, names);
  const audit::Verdict verdict =
      audit::audit(expected, sources, how, [&](std::uint64_t seen) { progress("rows judged", seen); });
  progress.end();
  show(verdict, options);
  return static_cast<int>(verdict.is_clean() ? run::ExitCode::done : run::ExitCode::lost_or_gave_up);
}

// Whatever keeps it from judging, such as a shard that cannot be read, is no fault of the pipeline.
int audit_command(const AuditCommandOptions& options) {
  try {
    return judge_rows(options);
  } catch (const std::exception& error) {
    throw InvalidInput(error.what());
  }
}

}  // namespace

Command add_audit_command(CLI::App& app) {
  const auto options = std::make_shared<AuditCommandOptions>();
  CLI::App* command =
      app.add_subcommand("audit", "Judges whether a pipeline delivered every reading, once and unchanged");
  command
      ->add_option("RUN", options->runs,
                   "Data directory, file or run.json of a run; several are the partitions of one fleet")
      ->type_name("PATH")
      ->required();
  command->footer(
      "  fleet-sim audit data --rows rows.csv\n"
      "  psql -c 'COPY readings TO STDOUT CSV HEADER' | fleet-sim audit data --rows -\n"
      "  fleet-sim audit data --database central.sqlite --html audit.html\n"
      "  fleet-sim audit data --rows rows.ndjson --map sensor_id=device --map timestamp=ts --json\n"
      "Exits with 0 if every reading came once and unchanged, with 1 if not, and with 2 if it cannot tell.\n"
      "Memory: 100 MB, 2 kB a sensor, one bit a reading (125 MB for a billion; twice that where times fit\n"
      "several readings), 80 bytes an anomaly, and 24 bytes for each stretch of readings that the run "
      "itself\n"
      "left out. However many rows there are, only a few MB of them are held at a time.");
  CLI::Option* rows =
      command
          ->add_option(
              "--rows", options->rows,
              "Rows as they came, or - for standard input: CSV with a header, or a JSON object a line; in "
              "any order, times as text with any offset or in s, ms, µs or ns since 1970. Columns that are "
              "absent are not judged")
          ->type_name("FILE");
  CLI::Option* database =
      command
          ->add_option(
              "--database", options->database,
              "SQLite file or PostgreSQL server (postgresql://USER@HOST/DATABASE) with the rows instead: "
              "its tables sensor_readings and sensor_readings_TYPE")
          ->type_name("FILE|ADDRESS")
          ->excludes(rows);
  command->add_option("--table", options->table, "The table of --database that has the rows")
      ->type_name("NAME")
      ->needs(database);
  command->add_option("--run", options->run_id, "Which run, if there are several")->type_name("ID");
  command->add_option("--map", options->map, "A column that has another name in the rows; repeatable")
      ->type_name("OURS=THEIRS")
      ->allow_extra_args(false);
  command
      ->add_option("--arrival", options->arrival,
                   "Column with the time at which a row arrived, for the percentiles of the delay")
      ->type_name("COLUMN");
  command
      ->add_option(
          "--tolerance", options->tolerance,
          "How much a number may be off: 0.0005 for text with three decimals, float32 for columns of "
          "that type (default 0: exactly the same)")
      ->type_name("NUMBER|float32");
  command
      ->add_option(
          "--until", options->until,
          "Judge only readings due before this time; required if the run does not say where it ended")
      ->type_name("TIME");
  CLI::Option* json = command->add_flag("--json", options->json, "Print JSON");
  command
      ->add_option("--html", options->html, "Write a page with a picture to FILE, or - for standard output")
      ->type_name("FILE")
      ->excludes(json);
  return {command, [options] { return audit_command(*options); }};
}

}  // namespace fleet_sim::app
