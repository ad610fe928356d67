#include "rounds.h"

#include <algorithm>
#include <functional>

namespace fleet_sim::bench {
namespace {

// With all it writes gone again, before the system has put much of it on the disk.
double in_fresh_folder(const Scratch& scratch, const std::function<double()>& measure_once) {
  Scratch::make_empty(scratch.folders().output);
  const double figure = measure_once();
  Scratch::make_empty(scratch.folders().output);
  return figure;
}

Round measure_alone(const Workload& workload, const Scratch& scratch) {
  return {.figure = in_fresh_folder(scratch, [&] { return workload.measure(scratch.folders()); })};
}

// They take turns in being first.
Round measure_beside_bare_loop(const Workload& workload, const Scratch& scratch, bool bare_first) {
  const auto loop = [&] {
    return in_fresh_folder(scratch, [&] { return workload.bare(scratch.folders()); });
  };
  const double before = bare_first ? loop() : 0;
  Round round = measure_alone(workload, scratch);
  round.bare = bare_first ? before : loop();
  return round;
}

Round measure_compared(const Workload& workload, const Scratch& scratch) {
  const ReferenceLoad same = *workload.compared;
  const ReferenceLoad one{.rows = same.rows};
  const std::filesystem::path& output = scratch.folders().output;
  const auto best = [&](const ReferenceLoad& load) {
    return in_fresh_folder(scratch, [&] { return best_rows_per_second(output, load); });
  };
  ReferenceLoad bind = same;
  bind.threads = 1;
  const double bound = in_fresh_folder(scratch, [&] { return bind_rows_per_second(output, bind); });
  Round round = measure_alone(workload, scratch);
  round.bind = bound;
  round.best_one = best(one);
  round.best_many = same == one ? round.best_one : best(same);
  return round;
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const bool odd = values.size() % 2 == 1;
  return {odd ? values[middle] : (values[middle - 1] + values[middle]) / 2, values.front(), values.back()};
}

Spread Measurement::figures() const {
  std::vector<double> values;
  for (const Round& round : rounds) values.push_back(round.figure);
  return spread_of(values);
}

bool Measurement::is_compared_by(const Yardstick& yardstick) const {
  return rounds.front().*yardstick.rows_per_second > 0;
}

double Measurement::ratio(const Yardstick& yardstick) const {
  std::vector<double> ratios;
  for (const Round& round : rounds) ratios.push_back(round.figure / round.*yardstick.rows_per_second);
  return spread_of(ratios).median;
}

Measurement measure(const Workload& workload, unsigned rounds, bool alone, const Scratch& scratch) {
  Scratch::make_empty(scratch.folders().input);
  if (workload.prepare) workload.prepare(scratch.folders().input);
  Measurement measurement{workload, {}};
  for (unsigned round = 0; round < rounds; ++round) {
    const bool compared = workload.compared && !alone;
    const bool has_loop = workload.bare && !alone;
    measurement.rounds.push_back(compared   ? measure_compared(workload, scratch)
                                 : has_loop ? measure_beside_bare_loop(workload, scratch, round % 2 == 0)
                                            : measure_alone(workload, scratch));
  }
  return measurement;
}

}  // namespace fleet_sim::bench
