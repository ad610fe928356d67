#include "benchmark/cell.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <set>
#include <utility>

#include "base/cadence.h"
#include "benchmark/folder.h"
#include "benchmark/target.h"
#include "explain/reading_cost.h"
#include "fleet/profile_table.h"
#include "generate/generate_fleet.h"
#include "run/stop_signals.h"
#include "sqlite/shard_plan.h"

namespace fleet_sim::benchmark {
namespace {

constexpr std::uint64_t seed = 1;

// What may still come to the disk once a measurement is told to stop: what waits in memory and one window of
// the scheduler, twice because the write-ahead log is copied into the file.
constexpr std::uint64_t bytes_per_row = 250;
constexpr std::uint64_t copies = 2;

identity::Roster bench_roster(const BenchLoad& load) {
  generate::Mix mix = generate::default_mix();
  if (!load.type.empty()) mix.type = {{load.type, 1}};
  identity::Roster roster;
  for (std::uint64_t number = 1; number <= load.sensors; ++number) {
    roster.add(generate::generated_identity(mix, seed, number, load.sensors));
  }
  return roster;
}

std::vector<std::string> shard_paths(const start::Inputs& inputs) {
  const identity::Roster& roster = inputs.identities.roster;
  std::set<std::string> paths;
  if (inputs.config.sink.address.sink != config::Sink::sqlite) return {};
  for (const std::uint32_t member : inputs.members)
    paths.insert(sqlite::shard_path(inputs.config, roster, roster[member]));
  return {paths.begin(), paths.end()};
}

start::Inputs bench_inputs(const BenchLoad& load, config::Config config) {
  start::Inputs inputs;
  inputs.config = std::move(config);
  inputs.types = fleet::types_under(inputs.config, types::built_in_types());
  inputs.identities.roster = bench_roster(load);
  inputs.members = fleet::partition_members(inputs.identities.roster, {});
  return inputs;
}

// Of the type that all sensors have.
std::string first_channel(const start::Inputs& inputs) {
  const identity::Roster& roster = inputs.identities.roster;
  return (*inputs.types)[roster.text(roster[0].type)].schema.channels().front().name;
}

double seconds_since(SteadyTime began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

log::LogSettings trouble_only() {
  log::LogSettings settings;
  settings.level = "WARNING";
  return settings;
}

// Keeps the first thing the writers have to say about trouble.
class TroubleLog {
 public:
  TroubleLog() : log_(trouble_only(), "", [this](auto, const std::string& line) { keep(line); }) {}

  [[nodiscard]] log::Log& log() { return log_; }
  [[nodiscard]] std::string first_line() const {
    const std::lock_guard lock(mutex_);
    return first_;
  }

 private:
  // Without its time.
  void keep(const std::string& line) {
    const std::lock_guard lock(mutex_);
    if (first_.empty()) first_ = line.substr(line.find(' ') + 1);
  }

  mutable std::mutex mutex_;
  std::string first_;
  log::Log log_;
};

// A run, from its start until its files are closed.
class CellRun {
 public:
  CellRun(const BenchCell& cell, const BenchLoad& load, const BenchFolder& folder, const BenchTarget& target,
          const BenchProgress& progress, Measurement& result)
      : CellRun(cell, load, folder, target, progress, result,
                bench_inputs(load, bench_config(cell, load, folder.path().string(), target.sink()))) {}

  void go(run::StopSignals& signals);

 private:
  CellRun(const BenchCell& cell, const BenchLoad& load, const BenchFolder& folder, const BenchTarget& target,
          const BenchProgress& progress, Measurement& result, start::Inputs inputs)
      : cell_(cell),
        load_(load),
        folder_(folder),
        target_(target),
        progress_(progress),
        result_(result),
        paths_(shard_paths(inputs)),
        channel_(first_channel(inputs)),
        console_(false),
        simulator_(std::move(inputs), console_, log_.log(), errors_) {}

  [[nodiscard]] bool paced() const { return cell_.rate.has_value(); }
  bool keeps_running(const status::Snapshot& now);
  [[nodiscard]] bool time_is_over(const status::Snapshot& now) const;
  [[nodiscard]] bool disk_is_used_up(const status::Snapshot& now) const;
  void look_at_pace(const status::Snapshot& now);
  void settle(double seconds);
  void settle_pace(const status::Snapshot& last);
  void count_not_taken(const status::Snapshot& last);

  const BenchCell& cell_;
  const BenchLoad& load_;
  const BenchFolder& folder_;
  const BenchTarget& target_;
  const BenchProgress& progress_;
  Measurement& result_;
  std::vector<std::string> paths_;
  std::string channel_;  // that queries are about
  log::Console console_;
  TroubleLog log_;
  ErrorCounts errors_;
  run::Simulator simulator_;
  Collectors collectors_;
  Askers askers_;

  // Paced only: where the run stood when the warm-up was over, and when the last reading was due.
  std::optional<status::Snapshot> warm_;
  status::Snapshot due_;
  Histogram warm_up_latency_;
};

void CellRun::go(run::StopSignals& signals) {
  if (load_.warm_up_seconds == 0) warm_ = status::Snapshot{};
  const auto began = std::chrono::steady_clock::now();
  simulator_.start();
  collectors_.start(paths_, cell_.collectors, [](const std::string& path) { return Collector(path); });
  askers_.start(paths_, cell_.queries, [this](const std::string& path) { return Asker(path, channel_); });
  simulator_.watch(signals, [this](const status::Snapshot& now) { return keeps_running(now); });
  // Before the writers close their files, which is not to be complete while somebody else has them open.
  collectors_.stop();
  askers_.stop();
  result_.collectors.seconds = seconds_since(began);
  simulator_.drain(signals);
  settle(seconds_since(began));
}

bool CellRun::keeps_running(const status::Snapshot& now) {
  if (progress_) progress_(now);
  if (paced()) look_at_pace(now);
  result_.disk_bound_reached = disk_is_used_up(now);
  const bool enough = result_.disk_bound_reached || time_is_over(now);
  if (enough) {
    collectors_.request_stop();
    askers_.request_stop();
  }
  return !enough;
}

// A paced fleet ends by itself, unless it is so late that it takes as long again.
bool CellRun::time_is_over(const status::Snapshot& now) const {
  return now.elapsed_seconds >= (paced() ? load_.warm_up_seconds + 2 * load_.seconds : load_.seconds);
}

bool CellRun::disk_is_used_up(const status::Snapshot& now) const {
  if (!target_.takes_space()) return false;
  // What a target makes of a row, nobody can tell while it is at work.
  const BenchFolder::Usage usage =
      cell_.fills_files() ? folder_.usage() : BenchFolder::Usage{now.books.written * bytes_per_row, 0};
  const std::uint64_t coming = (now.books.pending() + readings_per_window) * bytes_per_row * copies;
  return usage.all + usage.logs + coming >= load_.disk_bytes;
}

void CellRun::look_at_pace(const status::Snapshot& now) {
  if (now.elapsed_seconds < load_.warm_up_seconds) return;
  if (!warm_) {
    warm_ = now;
    simulator_.add_lag_to(warm_up_latency_);
  }
  if (now.elapsed_seconds <= load_.warm_up_seconds + load_.seconds) due_ = now;
}

void CellRun::settle(double seconds) {
  const status::Snapshot last = simulator_.snapshot();
  result_.seconds = seconds;
  result_.rows = last.books.written;
  result_.rows_per_second = static_cast<double>(result_.rows) / seconds;
  result_.simulated_seconds = last.simulated_seconds.value_or(0);
  collectors_.add_to(result_.collectors);
  askers_.add_to(result_.queries);
  if (paced()) settle_pace(last);
  result_.failure = log_.first_line();
  if (result_.failure.empty() && last.books.not_written() > 0) result_.failure = "readings were lost";
}

void CellRun::settle_pace(const status::Snapshot& last) {
  simulator_.add_lag_to(result_.latency);
  count_not_taken(last);
  if (!warm_) return;
  result_.latency.subtract(warm_up_latency_);
  result_.seconds = due_.elapsed_seconds - warm_->elapsed_seconds;
  const auto rows = static_cast<double>(due_.books.written - warm_->books.written);
  result_.rows_per_second = result_.seconds > 0 ? rows / result_.seconds : 0;
}

// Readings that were due and not taken would be missing from the latencies just because they are so late.
// Each has waited at least until now.
void CellRun::count_not_taken(const status::Snapshot& last) {
  constexpr int slices = 1'000;
  const double waiting_since = *last.simulated_seconds;
  const double left = *last.simulated_total - waiting_since;
  const double due = std::min(left, last.elapsed_seconds - waiting_since);
  result_.not_taken = due > 0 ? static_cast<std::uint64_t>(due * *cell_.rate) : 0;
  if (result_.not_taken == 0) return;
  for (int slice = 0; slice < slices; ++slice) {
    const double waited = last.elapsed_seconds - waiting_since - due * slice / slices;
    result_.latency.record(static_cast<Microseconds>(waited * 1e6),
                           std::max<std::uint64_t>(1, result_.not_taken / slices));
  }
}

}  // namespace

double reading_cost(const BenchCell& cell, const BenchLoad& load) {
  BenchLoad one = load;
  one.sensors = 1;
  BenchCell alone;
  alone.rate = cell.rate.value_or(load.sensors) / load.sensors;
  const start::Inputs inputs = bench_inputs(one, bench_config(alone, one, "", {}));
  const identity::Roster& roster = inputs.identities.roster;
  const types::SensorType& type = (*inputs.types)[roster.text(roster[0].type)];
  const model::Profile profile =
      model::resolve_profile(inputs.config, fleet::profile_source(roster, roster[0], inputs.config, type));
  return explain::measure_reading(profile, roster.text(roster[0].location),
                                  fleet::cadence_of(roster, roster[0], inputs.config).period());
}

config::Config bench_config(const BenchCell& cell, const BenchLoad& load, const std::string& folder,
                            const config::SinkSettings& sink) {
  config::Config config;
  config.types = load.types;
  // So that every reading is a row.
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (takes_rows(static_cast<AnomalyType>(k))) config.anomalies.types[k].enabled = false;
  }
  config.simulation.seed = seed;
  config.simulation.rate = cell.rate.value_or(load.sensors) / load.sensors;
  config.simulation.run_time_seconds = cell.rate ? load.warm_up_seconds + load.seconds : 0;
  config.clock.speed.max = !cell.rate;
  if (!cell.rate) config.clock.start = load.history_start;
  if (cell.fills_files()) config.sharding = {config::ShardKey::hash, cell.shards};
  config.sqlite.data_dir = folder;
  config.sink = sink;
  config.write.writers = cell.writers;
  config.write.batch_size = cell.batch_size;
  config.write.flush_interval_ms = load.flush_interval_ms;
  config.sqlite.synchronous = cell.synchronous;
  config.sqlite.unsynced_index = cell.unsynced_index;
  config.sqlite.page_size = cell.page_size;
  config.sqlite.layout = cell.layout;
  config.write.error_limit = 1;  // trouble ends the measurement
  return config;
}

void measure_cell(const BenchCell& cell, const BenchLoad& load, run::StopSignals& signals,
                  const BenchProgress& progress, Measurement& result) {
  const BenchFolder folder(load.directory);
  BenchTarget target({cell.sink, "", load.password_file});
  try {
    CellRun(cell, load, folder, target, progress, result).go(signals);
    result.bytes = cell.fills_files() ? folder.usage().all : target.bytes();
  } catch (const run::NoStorage& error) {
    result.failure = error.what();
  }
  const std::string left = target.remove();
  if (result.failure.empty()) result.failure = left;
}

}  // namespace fleet_sim::benchmark
