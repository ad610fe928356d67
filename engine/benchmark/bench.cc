#include "benchmark/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "base/problems.h"
#include "base/text.h"
#include "benchmark/folder.h"
#include "benchmark/search.h"
#include "benchmark/target.h"
#include "run/stop_signals.h"

namespace fleet_sim::benchmark {
namespace {

constexpr double live_interval_seconds = 0.5;
constexpr double generator_seconds = 1;
constexpr double overhead_seconds = 0.5;  // of a measurement, as long as none has shown it

constexpr RateSearch::Range searched_rates{20'000, 10, 5'000'000, 1.05};

// Tells on the console what is being measured, how fast it goes, and how long all of it takes still.
class Progress {
 public:
  explicit Progress(log::Console& console) : console_(console) {}

  // Before each measurement: what it is, how long it should take, and the same of those that come after it.
  void begin(std::string what, double seconds, std::size_t more, double seconds_each) {
    what_ = std::move(what);
    expected_seconds_ = seconds;
    more_ = more;
    seconds_each_ = seconds_each;
    began_ = shown_ = std::chrono::steady_clock::now();
    console_.show_progress(fmt::format("{}, {}", what_, left_text(0)));
  }

  void look(const status::Snapshot& now) {
    const auto moment = std::chrono::steady_clock::now();
    const std::chrono::duration<double> since_shown = moment - shown_;
    if (!console_.live() || since_shown.count() < live_interval_seconds) return;
    shown_ = moment;
    const double rate =
        now.elapsed_seconds > 0 ? static_cast<double>(now.books.written) / now.elapsed_seconds : 0;
    console_.show_progress(fmt::format("{}, {} rows/s, {}", what_, grouped(static_cast<std::uint64_t>(rate)),
                                       left_text(seconds_since_begin())));
  }

  // After each: what it took in fact corrects the estimate of those to come.
  void end() {
    overhead_sum_ += seconds_since_begin() - expected_seconds_;
    ++ended_;
  }

 private:
  [[nodiscard]] double seconds_since_begin() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }
  [[nodiscard]] std::string left_text(double passed) const {
    const double overhead = ended_ > 0 ? std::max(0.0, overhead_sum_ / ended_) : overhead_seconds;
    const double left = std::max(0.0, expected_seconds_ + overhead - passed) +
                        (seconds_each_ + overhead) * static_cast<double>(more_);
    return fmt::format("{} left", duration_text(std::ceil(left)));
  }

  log::Console& console_;
  std::string what_;
  double expected_seconds_ = 0;
  std::size_t more_ = 0;
  double seconds_each_ = 0;
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point shown_;
  double overhead_sum_ = 0;
  int ended_ = 0;
};

class Bench {
 public:
  Bench(BenchReport& report, run::StopSignals& signals, log::Console& console)
      : report_(report), signals_(signals), console_(console), progress_(console) {}

  void go() {
    measure_generator();
    if (!stopped()) warm_up();
    if (report_.options.find_rate) {
      std::size_t more_cells = report_.cells.size();
      for (CellResult& result : report_.cells) search(result, --more_cells);
    } else {
      measure_rounds();
    }
    report_.complete = !stopped();
    console_.end_progress();
  }

 private:
  [[nodiscard]] bool stopped() const { return signals_.received() != 0; }
  [[nodiscard]] const BenchCell& base() const { return report_.cells.front().cell; }
  [[nodiscard]] bool is_paced() const { return report_.options.find_rate || base().rate; }

  void measure(const std::string& what, const BenchCell& cell, BenchLoad load, std::size_t more,
               Measurement& measured);

  void measure_generator();
  void warm_up();
  void measure_rounds();
  void measure_round(std::uint32_t round);
  void search(CellResult& result, std::size_t more_cells);
  // Whether the rate held; false, too, when a signal came meanwhile.
  bool try_rate(CellResult& result, double rate, std::size_t more);
  [[nodiscard]] SearchStep judged(double rate, const Measurement& measured) const;
  [[nodiscard]] double full_seconds() const {
    const BenchOptions& options = report_.options;
    return options.load.seconds + (is_paced() ? options.load.warm_up_seconds : 0);
  }
  // How many measurements of full length are to come at the very beginning.
  [[nodiscard]] std::size_t planned() const {
    return report_.cells.size() * (report_.options.find_rate ? RateSearch(searched_rates).most_steps_left()
                                                             : report_.options.rounds);
  }

  BenchReport& report_;
  run::StopSignals& signals_;
  log::Console& console_;
  Progress progress_;
  double history_seconds_ = 0;  // filled so far
};

// History goes on from one measurement to the next: a server that keeps what it was sent meets new times.
void Bench::measure(const std::string& what, const BenchCell& cell, BenchLoad load, std::size_t more,
                    Measurement& measured) {
  progress_.begin(what, load.seconds + (cell.rate ? load.warm_up_seconds : 0), more, full_seconds());
  load.history_start += static_cast<Microseconds>(history_seconds_) * microseconds_per_second;
  measure_cell(
      cell, load, signals_, [this](const status::Snapshot& now) { progress_.look(now); }, measured);
  if (!cell.rate && cell.sink.sink != config::Sink::null)
    history_seconds_ += std::ceil(measured.simulated_seconds);
  progress_.end();
}

// Everything but storage: what this machine could write if writing were free.
void Bench::measure_generator() {
  BenchLoad load = report_.options.load;
  load.seconds = generator_seconds;
  BenchCell cell = base();
  cell.sink = config::null_address;
  cell.rate.reset();
  cell.collectors = cell.queries = 0;
  Measurement measured;
  measure("the generator alone", cell, load, planned(), measured);
  if (stopped()) return;
  report_.generator_rows_per_second = measured.rows_per_second;
  console_.print_line(fmt::format("generator alone, null sink: {} readings/s",
                                  grouped(static_cast<std::uint64_t>(measured.rows_per_second))));
}

// Wakes the disk, the processor and the memory up, and each server. A paced measurement has a warm-up of its
// own.
void Bench::warm_up() {
  BenchLoad load = report_.options.load;
  if (is_paced() || load.warm_up_seconds == 0) return;
  load.seconds = load.warm_up_seconds;
  const config::SinkAddress* warm = nullptr;
  for (const CellResult& result : report_.cells) {
    if (stopped()) return;
    if (warm != nullptr && *warm == result.cell.sink) continue;
    warm = &result.cell.sink;
    Measurement ignored;
    measure("warm-up", result.cell, load, planned(), ignored);
  }
}

// Interleaved, so that what else happens on the machine meets all cells alike.
void Bench::measure_rounds() {
  for (std::uint32_t round = 1; round <= report_.options.rounds && !stopped(); ++round) measure_round(round);
}

void Bench::measure_round(std::uint32_t round) {
  const BenchOptions& options = report_.options;
  std::size_t number = 0;
  for (CellResult& result : report_.cells) {
    ++number;
    if (stopped()) return;
    if (!result.failure.empty()) continue;
    const std::size_t more = report_.cells.size() - number + (options.rounds - round) * report_.cells.size();
    const std::string what = fmt::format("cell {}/{} ({}), round {}/{}", number, report_.cells.size(),
                                         difference_text(result.cell, base()), round, options.rounds);
    Measurement measured;
    measure(what, result.cell, options.load, more, measured);
    // One that was cut short says nothing.
    if (stopped()) return;
    result.add(measured);
    if (!result.failure.empty()) console_.print_line("FAILED " + what + ": " + result.failure);
  }
}

void Bench::search(CellResult& result, std::size_t more_cells) {
  RateSearch search(searched_rates);
  const std::size_t others = more_cells * search.most_steps_left();
  for (auto rate = search.next(); rate && !stopped(); rate = search.next()) {
    const std::size_t more = search.most_steps_left() - 1 + others;
    // What else happens on the machine may spoil a measurement; twice in a row is no accident.
    const bool held = try_rate(result, *rate, more) || (!stopped() && try_rate(result, *rate, more));
    if (!stopped()) search.record(*rate, held);
  }
  result.highest_rate = search.best();
}

bool Bench::try_rate(CellResult& result, double rate, std::size_t more) {
  BenchCell cell = result.cell;
  cell.rate = rate;
  std::string what = grouped(static_cast<std::uint64_t>(rate)) + " readings/s";
  if (report_.cells.size() > 1) what = cell.sink.text() + ", " + what;
  Measurement measured;
  measure(what, cell, report_.options.load, more, measured);
  if (stopped()) return false;
  const SearchStep step = judged(rate, measured);
  result.steps.push_back(step);
  console_.print_line(fmt::format("{}: p99 {}, {}", what,
                                  duration_text(static_cast<double>(step.latency_p99) * 1e-6),
                                  step.held ? "held" : "too much"));
  return step.held;
}

SearchStep Bench::judged(double rate, const Measurement& measured) const {
  const Histogram& latency = measured.latency;
  SearchStep step;
  step.rate = rate;
  step.rows_per_second = measured.rows_per_second;
  step.latency_p50 = latency.percentile(0.5);
  step.latency_p99 = latency.percentile(0.99);
  step.latency_p999 = latency.percentile(0.999);
  step.latency_max = latency.max();
  step.failure = measured.failure;
  if (step.failure.empty() && measured.disk_bound_reached) step.failure = "the disk limit was reached";
  const bool in_time = static_cast<double>(step.latency_p99) <= report_.options.p99_bound_ms * 1e3;
  step.held = in_time && step.failure.empty() && latency.count() > 0;
  return step;
}

}  // namespace

void run_bench(BenchReport& report, run::StopSignals& signals, log::Console& console) {
  BenchOptions& options = report.options;
  const bool is_elsewhere = std::ranges::any_of(options.matrix.sinks, [](const config::SinkAddress& sink) {
    return sink.sink != config::Sink::sqlite;
  });
  for (const config::SinkAddress& sink : options.matrix.sinks)
    report.targets.emplace_back(sink.text(), look_at_target({sink, "", options.load.password_file}));
  // A server may drop what is old.
  if (is_elsewhere)
    options.load.history_start = system_now() - system_now() % microseconds_per_day - microseconds_per_day;
  options.load.disk_bytes = disk_to_use(options.load.directory, options.load.disk_bytes);
  const ExpandedMatrix matrix =
      options.full ? cross_product(options.matrix) : vary_one_at_a_time(options.matrix);
  if (matrix.cells.empty()) {
    const BenchCell& cell = matrix.left_out.front();
    throw InvalidInput((cell.fills_files() ? "--shards: " : "--writers: ") + cell_text(cell) + ": " +
                       why_left_out(cell));
  }
  for (const BenchCell& cell : matrix.cells) report.cells.emplace_back(cell);
  report.left_out = matrix.left_out;
  report.machine = machine_facts(options.load.directory);
  report.reading_nanoseconds = reading_cost(report.cells.front().cell, options.load);
  Bench(report, signals, console).go();
}

}  // namespace fleet_sim::benchmark
