// engine/model/README.md, "How hard they are to find": that graded anomalies are as easy to find as its table
// says, and easier the more severe they are. Sensors of lifelike types are read as a run reads them, and each
// detector's scores of readings in an anomaly are compared with those of others.
//
// By default this looks at the kinds whose anomalies are short, at three severities; with
// FLEET_SIM_STATISTICS_SCALE above 1, at all, and at more anomalies. With FLEET_SIM_WRITE_PAGES the table is
// written instead; give both variables then.
#include <doctest/doctest.h>

#include <fmt/format.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/cadence.h"
#include "base/problems.h"
#include "base/random.h"
#include "config/load_config.h"
#include "model/profile.h"
#include "model/sensor.h"
#include "statistics/detectors.h"
#include "statistics/runs.h"
#include "types/catalog.h"

namespace fleet_sim::detectability_test {

using namespace fleet_sim::detection;
using statistics::one_day;
using statistics::run_start;
using statistics::scale;

namespace {

constexpr std::uint64_t seed = 17;
constexpr double tolerance = 0.05;
constexpr std::size_t severities = 5;
constexpr std::size_t channels = 2;
using Curves = std::array<std::array<RocCurve, detectors.size()>, channels>;
using Areas = std::array<double, severities>;

// A sensor of a type that was fitted to a machine; of its channels, temperature and vibration are looked at.
struct Machine {
  std::string_view heading;
  std::string_view file;
  std::string_view type;
  Microseconds interval;
  std::size_t readings;  // of each sensor
};
constexpr std::array<Machine, 3> machines{
    {{"pump, 1 s", "tests/realism/test_stand.yaml", "test_stand", 1'000'000, 86'400},
     {"motor, 1 s", "configs/types/lifelike.yaml", "temperature_vibration", 1'000'000, 86'400},
     {"motor, 15 min", "configs/types/lifelike.yaml", "temperature_vibration", 900'000'000, 35'040}}};
constexpr std::array<std::string_view, channels> channel_names{"temperature", "vibration"};

struct Kind {
  AnomalyType type;
  double seconds;        // that it lasts where readings are a second apart; 0: one reading
  double slow_seconds;   // … and where they are 15 minutes apart
  double share;          // of the readings that lie in one, of either channel
  bool in_short = true;  // whether it is looked at by default
  Areas severity = {1, 2, 3, 4, 6};
};
constexpr double day = seconds_per_day;
const std::array<Kind, 9> kinds{
    {{AnomalyType::spike, 0, 0, 0.01},
     {AnomalyType::pattern, 600, day, 0.1},
     {AnomalyType::noise, 180, day, 0.1},
     {AnomalyType::offset, 300, day, 0.1},
     {AnomalyType::drift, 1800, 2 * day, 0.1, false},
     {AnomalyType::gain, 3600, 2 * day, 0.1, false},
     {AnomalyType::quantise, 600, day, 0.1},
     {AnomalyType::clip, 600, day, 0.1, true, {-1, -0.5, 0, 0.5, 1}},
     {AnomalyType::intermittent, 600, day, 0.1, true, {0.05, 0.15, 0.25, 0.4, 0.5}}}};

bool is_slow(const Machine& machine) {
  return machine.interval > 60 * microseconds_per_second;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The two channels alone, so that all anomalies happen to them, on devices that show their range.
config::Config config_of(const Machine& machine, const Kind& kind, double severity) {
  const std::string path = fmt::format("{}/{}", FLEET_SIM_SOURCE_DIR, machine.file);
  Problems problems;
  config::Config config = config::read_config(text_of(path), path, problems);
  types::DeclaredType& type = config.types.find(machine.type)->second;
  type.columns.resize(channels);
  type.signal.channels.resize(channels);
  for (types::SignalChannel& channel : type.signal.channels) {
    auto& gauge = std::get<types::Gauge>(channel.kind);
    gauge.rails = gauge.range;
  }
  config.anomalies.probability = kind.share;
  for (config::AnomalyTypeSettings& other : config.anomalies.types) other.weight = 0;
  config::AnomalyTypeSettings& settings = config.anomalies.types[index_of(kind.type)];
  settings.weight = 1;
  settings.severity = {severity, severity};
  const double seconds = is_slow(machine) ? kind.slow_seconds : kind.seconds;
  if (seconds > 0) settings.duration_seconds = {seconds, seconds, seconds};
  return config;
}

model::Profile profile_of(const Machine& machine, const config::Config& config) {
  const types::Catalog catalog(config.types);
  model::ProfileSource source{"2", "Other", "Other", "Office", Rate::every(machine.interval)};
  source.type = &catalog[machine.type];
  source.normal_parameters = model::normal_parameters(config, *source.type);
  return model::resolve_profile(config, source);
}

// What a sensor read, and what was wrong with it.
struct Course {
  std::array<Readings, channels> readings;
  std::vector<std::optional<Channel>> in_fault;  // the channel
  std::vector<bool> counts;
};

// Sensors start a week apart, all over the year.
Course course_of(const model::Profile& profile, const Machine& machine, std::uint64_t id) {
  const Cadence cadence(Rate::every(machine.interval));
  const std::uint64_t key = mix_words(id, seed);
  model::Sensor sensor{key, model::phase_of(key, cadence), &profile, 0};
  const auto week = static_cast<Microseconds>(id % 52);
  const Timestamp first = run_start + week * 7 * one_day + sensor.phase;
  model::enter_steady_state(sensor, seed, first, cadence);
  std::vector<std::uint32_t> knots(model::knot_words(profile), sources::no_knot);
  Course course;
  for (std::uint64_t i = 0; i < machine.readings; ++i) {
    const model::Due due{first + cadence.offset(i), first + cadence.offset(i + 1)};
    const model::Sample sample = model::sample(sensor, seed, due, {knots});
    for (std::size_t c = 0; c < channels; ++c) course.readings[c].push_back(sample.values[c]);
    course.in_fault.push_back(sample.anomaly ? std::optional<Channel>(sensor.anomaly.channel) : std::nullopt);
    // The table is about gains that are too high.
    const bool too_low = sample.anomaly == AnomalyType::gain && sensor.anomaly.direction < 0;
    course.counts.push_back(i >= longest_history && i + 1 < machine.readings && !too_low);
  }
  return course;
}

// Readings in an anomaly of the channel against those in none; those in one of the other channel are left
// out.
void compare(const Course& course, Curves& curves) {
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t d = 0; d < detectors.size(); ++d) {
      const Scores scores = detectors[d].scores(course.readings[c]);
      for (std::size_t i = 0; i < scores.size(); ++i) {
        const std::optional<Channel>& fault = course.in_fault[i];
        if (course.counts[i] && (!fault || *fault == Channel(c)))
          curves[c][d].add(scores[i], fault.has_value());
      }
    }
  }
}

Curves curves_of(const Machine& machine, const Kind& kind, double severity) {
  const bool is_long = scale() > 1;
  const double faults = is_long ? 300 : 150;  // of each channel
  const double seconds = is_slow(machine) ? kind.slow_seconds : kind.seconds;
  const double readings_each = std::max(1.0, seconds * 1e6 / static_cast<double>(machine.interval));
  const double readings = faults * readings_each * channels / kind.share;
  const auto counted = static_cast<double>(machine.readings - longest_history);
  const auto sensors = static_cast<std::size_t>(std::ceil(std::max(2.0, readings / counted)));
  const model::Profile profile = profile_of(machine, config_of(machine, kind, severity));
  Curves all;
  std::mutex mutex;
  tbb::parallel_for(std::size_t{0}, sensors, [&](std::size_t id) {
    Curves curves;
    compare(course_of(profile, machine, id), curves);
    const std::scoped_lock lock(mutex);
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t d = 0; d < detectors.size(); ++d) all[c][d].add(curves[c][d]);
    }
  });
  return all;
}

// The severities that are looked at, by their place.
std::vector<std::size_t> places() {
  return scale() > 1 ? std::vector<std::size_t>{0, 1, 2, 3, 4} : std::vector<std::size_t>{0, 2, 4};
}

// What each detector makes of each channel; where nothing was measured, 0.
using Measured = std::array<std::array<Areas, detectors.size()>, channels>;

Measured measure(const Machine& machine, const Kind& kind) {
  Measured measured{};
  for (const std::size_t place : places()) {
    const Curves curves = curves_of(machine, kind, kind.severity[place]);
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t d = 0; d < detectors.size(); ++d) measured[c][d][place] = curves[c][d].area();
    }
  }
  return measured;
}

// A cell of the table: the detector that sees the anomalies best, and how well. Marked with a star where this
// falls with the severity by more than a hundredth.
struct Cell {
  std::size_t detector = 0;
  Areas areas{};

  [[nodiscard]] bool falls() const {
    double highest = 0;
    for (const double area : areas) {
      if (area < highest - 0.01) return true;
      highest = std::max(highest, area);
    }
    return false;
  }
};

Cell best_of(const std::array<Areas, detectors.size()>& measured) {
  const auto sum = [](const Areas& areas) {
    double all = 0;
    for (const double area : areas) all += area;
    return all;
  };
  std::size_t best = 0;
  for (std::size_t d = 1; d < detectors.size(); ++d) {
    if (sum(measured[d]) > sum(measured[best])) best = d;
  }
  return {best, measured[best]};
}

constexpr std::string_view page_path = FLEET_SIM_SOURCE_DIR "/engine/model/README.md";
constexpr std::string_view page_begin = "<!-- detectability -->\n";
constexpr std::string_view page_end = "<!-- end of detectability -->\n";

std::string table_heading() {
  std::string heading = "| kind | severity |";
  std::string rule = "| --- | --- |";
  for (const Machine& machine : machines) {
    for (const std::string_view channel : channel_names) {
      heading += fmt::format(" {} of a {} |", channel, machine.heading);
      rule += " --- |";
    }
  }
  return heading + "\n" + rule + "\n";
}

std::string row_of(const Kind& kind, const std::vector<Cell>& cells) {
  std::string row =
      fmt::format("| `{}` | {} |", anomaly_types[index_of(kind.type)].name, fmt::join(kind.severity, " "));
  for (const Cell& cell : cells) {
    row += fmt::format(" {}", detectors[cell.detector].name);
    for (const double area : cell.areas) row += fmt::format(" {:.2f}", area);
    row += cell.falls() ? " * |" : " |";
  }
  return row + "\n";
}

// The place of the table in the page.
std::pair<std::size_t, std::size_t> table_in(const std::string& page) {
  const std::size_t begin = page.find(page_begin) + page_begin.size();
  const std::size_t end = page.find(page_end);
  REQUIRE(begin <= end);
  REQUIRE(end != std::string::npos);
  return {begin, end};
}

struct PageCell {
  Cell cell;
  bool may_fall;
};

PageCell cell_of(const std::string& text) {
  std::istringstream words(text);
  std::string name;
  PageCell on_page{};
  words >> name;
  const auto* const found = std::ranges::find(detectors, name, &Detector::name);
  REQUIRE(found != detectors.end());
  on_page.cell.detector = static_cast<std::size_t>(found - detectors.begin());
  for (double& area : on_page.cell.areas) words >> area;
  REQUIRE(words);
  on_page.may_fall = text.find('*') != std::string::npos;
  return on_page;
}

// By kind: the cells of its row.
std::map<std::string, std::vector<PageCell>> rows_of_page() {
  const std::string page = text_of(std::string(page_path));
  const auto [begin, end] = table_in(page);
  std::istringstream lines(page.substr(begin, end - begin));
  std::map<std::string, std::vector<PageCell>> rows;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    std::istringstream texts(line.substr(2));
    std::vector<std::string> parts;
    for (std::string part; std::getline(texts, part, '|');) parts.push_back(part);
    REQUIRE(parts.size() == 2 + machines.size() * channels);
    const std::string name = parts[0].substr(1, parts[0].find('`', 1) - 1);
    for (std::size_t i = 2; i < parts.size(); ++i) rows[name].push_back(cell_of(parts[i]));
  }
  return rows;
}

void check(const PageCell& promised, const std::array<Areas, detectors.size()>& measured) {
  const Areas& areas = measured[promised.cell.detector];
  CAPTURE(detectors[promised.cell.detector].name);
  double before = 0;
  for (const std::size_t place : places()) {
    CAPTURE(place);
    CHECK(std::fabs(areas[place] - promised.cell.areas[place]) <= tolerance);
    if (!promised.may_fall) CHECK(areas[place] > before - 0.015);
    before = areas[place];
  }
  CHECK(areas[severities - 1] > areas[0] + 0.02);
}

}  // namespace

TEST_CASE("graded anomalies are as easy to find as the page says, and easier the more severe they are") {
  if (std::getenv("FLEET_SIM_WRITE_PAGES") != nullptr) {
    REQUIRE(scale() > 1);
    std::string page = text_of(std::string(page_path));
    const auto [begin, end] = table_in(page);
    std::string table = "\n" + table_heading();
    for (const Kind& kind : kinds) {
      std::vector<Cell> cells;
      for (const Machine& machine : machines) {
        for (const auto& of_channel : measure(machine, kind)) cells.push_back(best_of(of_channel));
      }
      table += row_of(kind, cells);
      MESSAGE(row_of(kind, cells));
    }
    std::ofstream(std::string(page_path)) << page.replace(begin, end - begin, table + "\n");
    return;
  }
  const auto rows = rows_of_page();
  for (const Kind& kind : kinds) {
    if (scale() == 1 && !kind.in_short) continue;
    const std::string name(anomaly_types[index_of(kind.type)].name);
    CAPTURE(name);
    for (std::size_t m = 0; m < machines.size(); ++m) {
      CAPTURE(machines[m].heading);
      const Measured measured = measure(machines[m], kind);
      for (std::size_t c = 0; c < channels; ++c) {
        CAPTURE(channel_names[c]);
        check(rows.at(name)[channels * m + c], measured[c]);
      }
    }
  }
}

// What the unit of severity is scaled to (spread.cc).
TEST_CASE("of offsets of severity 6, moving z over half an hour sees four of five") {
  constexpr std::size_t z2048 = 4;
  static_assert(detectors[z2048].name == "z2048");
  for (const Kind& kind : kinds) {
    if (kind.type != AnomalyType::offset) continue;
    const Curves curves = curves_of(machines[1], kind, 6);
    CHECK(curves[0][z2048].area() >= 0.8);
    CHECK(curves[0][z2048].area() <= 0.8 + tolerance);
  }
}

}  // namespace fleet_sim::detectability_test
