#include "benchmark/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/problems.h"
#include "base/text.h"
#include "benchmark/folder.h"
#include "benchmark/search.h"
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
      search();
    } else {
      measure_rounds();
    }
    report_.complete = !stopped();
    console_.end_progress();
  }

 private:
  [[nodiscard]] bool stopped() const { return signals_.received() != 0; }
  [[nodiscard]] const BenchCell& base() const { return report_.cells.front().cell; }

  void measure(const std::string& what, const BenchCell& cell, const BenchLoad& load, std::size_t more,
               Measurement& measured) {
    progress_.begin(what, load.seconds + (load.rate ? load.warm_up_seconds : 0), more, full_seconds());
    measure_cell(
        cell, load, signals_, [this](const status::Snapshot& now) { progress_.look(now); }, measured);
    progress_.end();
  }

  void measure_generator();
  void warm_up();
  void measure_rounds();
  void measure_round(std::uint32_t round);
  void search();
  // Whether the rate held; false, too, when a signal came meanwhile.
  bool try_rate(double rate, std::size_t more);
  [[nodiscard]] SearchStep judged(double rate, const Measurement& measured) const;
  [[nodiscard]] double full_seconds() const {
    const BenchOptions& options = report_.options;
    const bool paced = options.find_rate || options.load.rate;
    return options.load.seconds + (paced ? options.load.warm_up_seconds : 0);
  }
  // How many measurements of full length are to come at the very beginning.
  [[nodiscard]] std::size_t planned() const {
    return report_.options.find_rate ? RateSearch(searched_rates).most_steps_left()
                                     : report_.cells.size() * report_.options.rounds;
  }

  BenchReport& report_;
  run::StopSignals& signals_;
  log::Console& console_;
  Progress progress_;
};

// Everything but storage: what this machine could write if writing were free.
void Bench::measure_generator() {
  BenchLoad load = report_.options.load;
  load.sink = config::null_address;
  load.rate.reset();
  load.seconds = generator_seconds;
  BenchCell cell = base();
  cell.collectors = 0;
  Measurement measured;
  measure("the generator alone", cell, load, planned(), measured);
  if (stopped()) return;
  report_.generator_rows_per_second = measured.rows_per_second;
  console_.print_line(fmt::format("generator alone, null sink: {} readings/s",
                                  grouped(static_cast<std::uint64_t>(measured.rows_per_second))));
}

// Wakes the disk, the processor and the memory up. A paced measurement has a warm-up of its own.
void Bench::warm_up() {
  BenchLoad load = report_.options.load;
  if (load.rate || report_.options.find_rate || load.warm_up_seconds == 0) return;
  load.seconds = load.warm_up_seconds;
  Measurement ignored;
  measure("warm-up", base(), load, planned(), ignored);
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

void Bench::search() {
  RateSearch search(searched_rates);
  for (auto rate = search.next(); rate && !stopped(); rate = search.next()) {
    const std::size_t more = search.most_steps_left() - 1;
    // What else happens on the machine may spoil a measurement; twice in a row is no accident.
    const bool held = try_rate(*rate, more) || (!stopped() && try_rate(*rate, more));
    if (!stopped()) search.record(*rate, held);
  }
  report_.highest_rate = search.best();
}

bool Bench::try_rate(double rate, std::size_t more) {
  BenchLoad load = report_.options.load;
  load.rate = rate;
  const std::string what = grouped(static_cast<std::uint64_t>(rate)) + " readings/s";
  Measurement measured;
  measure(what, base(), load, more, measured);
  if (stopped()) return false;
  const SearchStep step = judged(rate, measured);
  report_.steps.push_back(step);
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
  options.load.disk_bytes = disk_to_use(options.load.directory, options.load.disk_bytes);
  const ExpandedMatrix matrix =
      options.full ? cross_product(options.matrix) : vary_one_at_a_time(options.matrix);
  if (matrix.cells.empty()) {
    const BenchCell& cell = matrix.left_out.front();
    throw InvalidInput("--shards: " + cell_text(cell) + ": " + why_left_out(cell));
  }
  for (const BenchCell& cell : matrix.cells) report.cells.emplace_back(cell);
  report.left_out = matrix.left_out;
  report.machine = machine_facts(options.load.directory);
  report.reading_nanoseconds = reading_cost(options.load);
  Bench(report, signals, console).go();
}

}  // namespace fleet_sim::benchmark
