#include "results.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"

namespace fleet_sim::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view row_format =
    "| {:<15} | {:>11} | {:>24} | {:<10} | {:>8} | {:>11} | {:>11} | {:>11} |\n";

// Three digits, or all before the point if there are more.
std::string number_text(double value) {
  return value < 100 ? fmt::format("{:.3g}", value)
                     : grouped(static_cast<std::uint64_t>(std::llround(value)));
}

std::string ratio_text(const Measurement& measurement, const Yardstick& yardstick) {
  return measurement.is_compared_by(yardstick) ? fmt::format("{:.2f}", measurement.ratio(yardstick)) : "";
}

Json json_of(const benchmark::MachineFacts& machine) {
  return {{"processor", machine.processor},
          {"cores", machine.cores},
          {"kernel", machine.kernel},
          {"file_system", machine.file_system},
          {"sqlite", machine.sqlite}};
}

Json json_of(const Measurement& measurement, const Round& round) {
  Json json{{"figure", round.figure}};
  for (const Yardstick& yardstick : yardsticks) {
    if (measurement.is_compared_by(yardstick)) json[yardstick.key] = round.*yardstick.rows_per_second;
  }
  return json;
}

Json json_of(const Measurement& measurement) {
  const Spread figures = measurement.figures();
  Json json{{"name", measurement.workload.name},
            {"what", measurement.workload.what},
            {"unit", measurement.workload.unit},
            {"median", figures.median},
            {"min", figures.min},
            {"max", figures.max}};
  for (const Yardstick& yardstick : yardsticks) {
    if (measurement.is_compared_by(yardstick))
      json["median_ratio_to"][yardstick.key] = measurement.ratio(yardstick);
  }
  for (const Round& round : measurement.rounds) json["rounds"].push_back(json_of(measurement, round));
  return json;
}

}  // namespace

Circumstances circumstances(std::string commit, unsigned rounds) {
  double load_average = 0;
  getloadavg(&load_average, 1);
  return {benchmark::machine_facts("."), load_average, std::move(commit), rounds};
}

std::string table_head(const Circumstances& circumstances) {
  const benchmark::MachineFacts& machine = circumstances.machine;
  const std::string commit = circumstances.commit.empty() ? "" : ", commit " + circumstances.commit;
  return fmt::format("{}, {} cores, {}, SQLite {}; {}{}; rounds: {}, load average before: {:.1f}\n\n",
                     machine.processor, machine.cores, machine.file_system, machine.sqlite, machine.date,
                     commit, circumstances.rounds, circumstances.load_average) +
         fmt::format(row_format, "workload", "median", "min … max", "unit", "× R_bind", "× R_best(1)",
                     "× R_best(T)", "× bare loop") +
         "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |\n";
}

std::string table_row(const Measurement& measurement) {
  const Spread figures = measurement.figures();
  return fmt::format(row_format, '`' + measurement.workload.name + '`', number_text(figures.median),
                     number_text(figures.min) + " … " + number_text(figures.max), measurement.workload.unit,
                     ratio_text(measurement, yardsticks[0]), ratio_text(measurement, yardsticks[1]),
                     ratio_text(measurement, yardsticks[2]), ratio_text(measurement, yardsticks[3]));
}

std::string results_json(const Circumstances& circumstances, const std::vector<Measurement>& measurements) {
  Json json{{"fleet_sim", circumstances.machine.version},
            {"date", circumstances.machine.date},
            {"commit", circumstances.commit},
            {"rounds", circumstances.rounds},
            {"load_average", circumstances.load_average},
            {"machine", json_of(circumstances.machine)},
            {"workloads", Json::array()}};
  for (const Measurement& measurement : measurements) json["workloads"].push_back(json_of(measurement));
  return json.dump(2) + '\n';
}

}  // namespace fleet_sim::bench
