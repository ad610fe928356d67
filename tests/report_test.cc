// The report's parts: rates and their intervals, tallies and how they join, gaps, and the text and JSON.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "app/output.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "config/load_config.h"
#include "course/course.h"
#include "data/run_configs.h"
#include "report/gaps.h"
#include "report/rate.h"
#include "report/report.h"
#include "report/report_html.h"
#include "report/report_json.h"
#include "report/report_text.h"
#include "report/sensor_series.h"
#include "report/tally.h"
#include "report/text_index.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"

namespace fleet_sim::report_test {

using namespace fleet_sim::test;

namespace {

constexpr Microseconds second = microseconds_per_second;
const config::Config defaults;

report::StoredReading reading_at(Timestamp at, std::string_view sensor = "a",
                                 std::string_view firmware = "1.3") {
  return {at, sensor, 65.0, std::nullopt, {firmware, "TempVibe-2000", "SensorTech", "Factory A"}, false};
}

report::TallyContext context_with(std::vector<Timestamp> run_starts = {0}) {
  report::TallyContext context;
  context.run_starts = std::move(run_starts);
  context.config = &defaults;
  return context;
}

report::ReadingTally tally_of(const report::TallyContext& context, const std::vector<double>& seconds) {
  report::ReadingTally tally(context);
  for (const double at : seconds) tally.add(reading_at(static_cast<Timestamp>(at * 1e6)));
  return tally;
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a text that is fitted has no line too wide: tables are cut, sentences go on below") {
  const std::string text =
      "  name       readings  missing\n  a          1,234     5\n  a sentence that has to go on somewhere "
      "else\n\nshort\n";
  CHECK(app::fitted(text, std::string::npos) == text);
  CHECK(app::fitted(text, 20) ==
        "  name       readi…\n  a          1,234…\n  a sentence that\n  has to go on\n  somewhere "
        "else\n\nshort\n");
  CHECK(app::fitted("averyveryverylongword", 10) == "averyver…");
  CHECK(app::fitted("", 10).empty());
}

TEST_CASE("a text index gives equal texts equal numbers") {
  report::TextIndex index;
  CHECK_FALSE(index.find("a"));
  for (std::uint32_t i = 0; i < 5'000; ++i) REQUIRE(index.intern("sensor-" + std::to_string(i)) == i);
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    REQUIRE(index.intern("sensor-" + std::to_string(i)) == i);
    REQUIRE(index[i] == "sensor-" + std::to_string(i));
  }
  CHECK(index.size() == 5'000);
  CHECK(index.find("sensor-77") == 77u);
  CHECK_FALSE(index.find("sensor-5000"));
  CHECK(index.intern("") == 5'000);
  CHECK(index.intern(std::string(200'000, 'x')) == 5'001);
  CHECK(index[5'001].size() == 200'000);
}

TEST_CASE("the interval of a rate counts sensors") {
  // By hand: x = 100, 100, 200, y = 10, 0, 20; rate 30/400 = 0.075; residuals 2.5, -7.5, 5; squares 87.5;
  // for so few sensors 500 / 6 more; standard error sqrt(3/2 · 87.5 + 500 / 6) / 400 = 0.0366217; t(2)
  // = 4.3027.
  report::RatioSums sums;
  sums.add(100, 10);
  sums.add(100, 0);
  sums.add(200, 20);
  CHECK(sums.sensors() == 3);
  CHECK(*sums.rate() == doctest::Approx(0.075));
  const auto interval = sums.interval();
  REQUIRE(interval);
  CHECK(interval->high == doctest::Approx(0.075 + 4.3027 * 0.0366217).epsilon(1e-5));
  CHECK(interval->low == 0);  // not below
}

TEST_CASE("an interval does not exist for no readings, one sensor, or nothing that is affected") {
  report::RatioSums sums;
  CHECK_FALSE(sums.rate());
  CHECK_FALSE(sums.interval());
  sums.add(100, 10);
  CHECK(*sums.rate() == doctest::Approx(0.1));
  CHECK_FALSE(sums.interval());
  sums.add(100, 10);
  REQUIRE(sums.interval());
  CHECK(sums.interval()->low == 0);  // that both have as many may be chance
  CHECK(sums.interval()->high == doctest::Approx(0.1 + 12.7062 * 0.05).epsilon(1e-5));
  report::RatioSums nothing;
  nothing.add(100, 0);
  nothing.add(100, 0);
  CHECK(*nothing.rate() == 0);
  CHECK_FALSE(nothing.interval());
}

TEST_CASE("Student's t has the quantiles of the tables") {
  CHECK(std::abs(report::student_t_quantile(1) - 12.7062) < 0.00005);
  CHECK(std::abs(report::student_t_quantile(2) - 4.3027) < 0.00005);
  CHECK(std::abs(report::student_t_quantile(30) - 2.0423) < 0.00005);
  CHECK(std::abs(report::student_t_quantile(31) - 2.0395) < 0.00005);
  CHECK(std::abs(report::student_t_quantile(60) - 2.0003) < 0.00005);
  CHECK(std::abs(report::student_t_quantile(1'000'000) - 1.95997) < 0.00001);
}

TEST_CASE("intervals from the model's kind of readings cover the truth about as often as they say") {
  // Anomalies of 300 readings in sensors of 6,000: an interval that counted readings would cover a third.
  int covered = 0;
  std::uint64_t state = 7;
  const auto uniform = [&state] {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<double>(state >> 11) * 0x1p-53;
  };
  for (int trial = 0; trial < 400; ++trial) {
    report::RatioSums sums;
    for (int sensor = 0; sensor < 40; ++sensor) {
      std::uint64_t affected = 0;
      for (int block = 0; block < 20; ++block) affected += uniform() < 0.05 ? 300 : 0;
      sums.add(6'000, affected);
    }
    const auto interval = *sums.interval();
    covered += interval.low <= 0.05 && 0.05 <= interval.high ? 1 : 0;
  }
  CHECK(covered >= 360);
  CHECK(covered <= 396);
}

TEST_CASE("intervals of few sensors are not too narrow, however many anomalies each has") {
  std::uint64_t state = 11;
  const auto uniform = [&state] {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<double>(state >> 11) * 0x1p-53;
  };
  constexpr double truth = 0.05;
  constexpr int trials = 1'000;
  // What three standard deviations of chance may take from 95%.
  const double least = 0.95 - 3 * std::sqrt(0.95 * 0.05 / trials);
  for (const int sensors : {2, 3, 5, 10, 20}) {
    for (const double anomalies : {0.5, 1.0, 3.0, 20.0}) {
      const int blocks = static_cast<int>(anomalies / truth);
      int covered = 0;
      for (int trial = 0; trial < trials;) {
        report::RatioSums sums;
        for (int sensor = 0; sensor < sensors; ++sensor) {
          std::uint64_t affected = 0;
          for (int block = 0; block < blocks; ++block) affected += uniform() < truth ? 300 : 0;
          sums.add(300ull * static_cast<unsigned>(blocks), affected);
        }
        const auto interval = sums.interval();
        if (!interval) continue;  // nothing is affected
        covered += interval->low <= truth && truth <= interval->high ? 1 : 0;
        ++trial;
      }
      CAPTURE(sensors);
      CAPTURE(anomalies);
      CHECK(covered >= least * trials);
    }
  }
}

TEST_CASE("a tally keeps the readings of a sensor apart by their traits") {
  const report::TallyContext context = context_with();
  report::ReadingTally tally(context);
  report::StoredReading reading = reading_at(1 * second);
  tally.add(reading);
  reading.at = 2 * second;
  reading.anomaly = AnomalyType::spike;
  reading.synced = true;
  tally.add(reading);
  reading = reading_at(3 * second, "a", "1.4");
  tally.add(reading);
  tally.add(reading_at(4 * second));
  REQUIRE(tally.cells().size() == 2);
  CHECK(tally.sensors().size() == 1);
  const report::Cell& first = tally.cells()[0];
  CHECK(first.readings == 3);
  CHECK(first.synced == 1);
  CHECK(first.anomalous[index_of(AnomalyType::spike)] == 1);
  CHECK(first.first == 1 * second);
  CHECK(first.last == 4 * second);
  CHECK(tally.cells()[1].readings == 1);
  CHECK(tally.traits(tally.cells()[1].combination)[data::index_of(report::Trait::firmware)] == "1.4");
  CHECK(tally.oldest_unsynced() == 1 * second);
  CHECK(tally.gaps().count == 0);
}

TEST_CASE("daily curves take normal temperatures by the local hour and the location's class") {
  config::Config config;
  config.clock.zone = zones::Zone(3'600 * second);
  report::TallyContext context = context_with();
  context.config = &config;
  report::ReadingTally tally(context);
  report::StoredReading reading = reading_at(30 * 60 * second);
  reading.daily_value = 60;
  tally.add(reading);
  reading.daily_value = 70;
  tally.add(reading);
  reading.anomaly = AnomalyType::spike;
  reading.daily_value = 500;
  tally.add(reading);
  reading.anomaly.reset();
  reading.daily_value.reset();
  tally.add(reading);
  reading = reading_at(0);
  reading.traits[data::index_of(report::Trait::location)] = "Moon";
  tally.add(reading);
  const report::DailyCurves curves = tally.curves();
  REQUIRE(curves.size() == 2);
  CHECK(curves.at("Factory")[1].readings == 2);
  CHECK(curves.at("Factory")[1].mean() == doctest::Approx(65));
  CHECK(curves.at("Factory")[0].readings == 0);
  CHECK(curves.at("")[1].readings == 1);
}

TEST_CASE("a gap is where more than one and a half periods pass") {
  const report::TallyContext context = context_with();
  const report::ReadingTally tally = tally_of(context, {0, 1, 2, 3.4, 4.4, 8.4, 9.4});
  CHECK(tally.gaps().count == 1);
  CHECK(tally.gaps().readings == 3);
  CHECK(tally.gaps().length == 4 * second);
  REQUIRE(tally.gaps().longest.size() == 1);
  CHECK(tally.gaps().longest[0].sensor_id == "a");
  CHECK(tally.gaps().longest[0].from == 4'400'000);
  CHECK(tally.gaps().longest[0].until == 8'400'000);
}

TEST_CASE("a gap at the first spacing shows once the period is known") {
  const report::TallyContext context = context_with();
  const report::ReadingTally tally = tally_of(context, {0, 5, 6, 7});
  CHECK(tally.gaps().count == 1);
  CHECK(tally.gaps().readings == 4);
  CHECK(tally_of(context, {0, 5, 10, 11}).gaps().count == 0);  // confirmed: the rate rose
}

TEST_CASE("missing_data events explain absent readings, wholly or in part") {
  report::TallyContext context = context_with();
  context.missing.add("a", {0, 3, 11 * second, 14 * second - 1, AnomalyType::missing_data});
  context.missing.add("b", {0, 90, 0, 90 * second, AnomalyType::missing_data});
  context.missing.add("a", {0, 1, 22 * second, latest_timestamp, AnomalyType::missing_data});
  context.missing.sort();
  CHECK(tally_of(context, {8, 9, 10, 14, 15}).gaps().count == 0);
  CHECK(tally_of(context, {8, 9, 10, 16, 17}).gaps().readings == 2);
  CHECK(tally_of(context, {20, 20.5, 21.5, 30, 30.5}).gaps().readings == 1);  // before the event
  CHECK(tally_of(context, {1, 2, 4, 5}).gaps().count == 1);  // what b misses explains nothing
}

TEST_CASE("a sensor that reads on after its failure was not silent in a gap") {
  report::TallyContext context = context_with();
  context.missing.add("a", {0, 0, 11 * second, latest_timestamp, AnomalyType::aging});
  context.missing.sort();
  CHECK(tally_of(context, {8, 9, 10, 11, 12, 15, 16}).gaps().readings == 2);
  CHECK(tally_of(context, {8, 9, 10, 15, 16}).gaps().count == 0);
}

TEST_CASE("the same event twice explains a reading once") {
  report::TallyContext context = context_with();
  for (int run = 0; run < 2; ++run)
    context.missing.add("a", {0, 2, 11 * second, 13 * second - 1, AnomalyType::missing_data});
  context.missing.sort();
  CHECK(context.missing.count_between("a", 10 * second, 15 * second, 5) == 2);
  CHECK(tally_of(context, {8, 9, 10, 15, 16}).gaps().readings == 2);
}

TEST_CASE("rows that an injected dropout has left are counted beside those that it took") {
  report::TallyContext context = context_with();
  context.injected.add("a", {0, 3, 20 * second, 29 * second, AnomalyType::dropout});
  context.injected.add("a", {0, 3, 10 * second, 14 * second, AnomalyType::dropout});
  context.injected.add("b", {0, 3, 0, 99 * second, AnomalyType::offset});
  context.injected.sort();
  report::ReadingTally tally(context);
  report::ReadingTally later(context);
  for (const int at : {9, 10, 14, 15, 19, 29, 30}) {
    report::StoredReading reading = reading_at(at * second);
    reading.anomaly = AnomalyType::dropout;
    (at < 20 ? tally : later).add(reading);
  }
  report::StoredReading counted = reading_at(50 * second, "b");
  counted.anomaly = AnomalyType::offset;  // its event counts it
  later.add(counted);
  CHECK(tally.cells()[0].left == 2);
  tally.append(later);
  CHECK(tally.cells()[0].left == 3);
  CHECK(tally.cells()[1].left == 0);
}

TEST_CASE("a severity that is no number is no severity") {
  report::EventTally events;
  events.add(AnomalyType::offset, AnomalyCause::drawn, INFINITY);
  events.add(AnomalyType::offset, AnomalyCause::drawn, NAN);
  CHECK(events.count_of(AnomalyCause::drawn) == 2);
  CHECK(events.is_plain());
  events.add(AnomalyType::offset, AnomalyCause::drawn, 3);
  CHECK_FALSE(events.is_plain());
}

TEST_CASE("a pause between two runs is no gap, and the next run has a period of its own") {
  const report::TallyContext context = context_with({0, 100 * second});
  const report::ReadingTally tally = tally_of(context, {0, 1, 2, 100.5, 110.5, 120.5, 150.5, 160.5});
  CHECK(tally.gaps().between_runs == 1);
  CHECK(tally.gaps().between_runs_length == 98'500'000);
  CHECK(tally.gaps().count == 1);
  CHECK(tally.gaps().readings == 2);
}

TEST_CASE("a run that fills the same time again makes no gap") {
  const report::TallyContext context = context_with({0, 0});
  CHECK(tally_of(context, {0, 1, 2, 3, 0, 1, 2, 3}).gaps().count == 0);
}

TEST_CASE("parts of a shard add up to the whole, wherever they are cut") {
  report::TallyContext context = context_with({0, 60 * second});
  context.slots.push_back(20 * second);
  context.slots.push_back(77 * second);
  context.eras.push_back(44 * second);
  context.missing.add("a", {0, 5, 31 * second, 36 * second - 1, AnomalyType::missing_data});
  context.missing.sort();
  std::vector<report::StoredReading> readings;
  for (int i = 0; i < 100; ++i) {
    const bool absent = (i > 30 && i < 36) || (i > 10 && i < 14) || i == 1 || (i > 55 && i < 63);
    if (!absent) readings.push_back(reading_at(i * second, "a", i < 50 ? "1.3" : "1.4"));
    readings.push_back(reading_at(i * second + 1, "b"));
    if (i % 7 == 0) readings.back().anomaly = AnomalyType::noise;
    readings.back().synced = i % 2 == 0;
  }
  const auto part = [&](std::size_t begin, std::size_t end) {
    report::ReadingTally tally(context);
    for (std::size_t i = begin; i < end; ++i) tally.add(readings[i]);
    return tally;
  };
  const report::ReadingTally whole = part(0, readings.size());
  CHECK(whole.gaps().count == 2);
  CHECK(whole.gaps().readings == 4);
  CHECK(whole.gaps().between_runs == 1);
  for (std::size_t cut = 0; cut <= readings.size(); ++cut) {
    CAPTURE(cut);
    report::ReadingTally joined = part(0, cut);
    joined.append(part(cut, readings.size()));
    CHECK(joined.gaps().count == whole.gaps().count);
    CHECK(joined.gaps().readings == whole.gaps().readings);
    CHECK(joined.gaps().between_runs == 1);
    REQUIRE(joined.cells().size() == whole.cells().size());
    for (std::size_t i = 0; i < whole.cells().size(); ++i) {
      CHECK(joined.cells()[i].readings == whole.cells()[i].readings);
      CHECK(joined.cells()[i].synced == whole.cells()[i].synced);
      CHECK(joined.cells()[i].anomalous == whole.cells()[i].anomalous);
      CHECK(joined.cells()[i].first == whole.cells()[i].first);
      CHECK(joined.cells()[i].last == whole.cells()[i].last);
    }
    for (std::uint32_t i = 0; i < whole.combinations(); ++i) {
      const std::uint32_t strand = whole.strand(i);
      for (std::size_t slot = 0; slot < whole.slots().size(); ++slot) {
        if (strand >= whole.slots()[slot].size()) continue;
        CHECK(joined.slots()[slot][joined.strand(i)].readings == whole.slots()[slot][strand].readings);
        CHECK(joined.slots()[slot][joined.strand(i)].anomalous == whole.slots()[slot][strand].anomalous);
      }
    }
    CHECK(joined.oldest_unsynced() == whole.oldest_unsynced());
    CHECK(joined.curves().at("Factory")[0].readings == whole.curves().at("Factory")[0].readings);
  }
  report::ReadingTally crumbs(context);
  for (std::size_t i = 0; i < readings.size(); ++i) crumbs.append(part(i, i + 1));
  CHECK(crumbs.gaps().count == 2);
  CHECK(crumbs.gaps().readings == 4);
}

TEST_CASE("only the longest gaps are kept, all are counted") {
  report::GapTally gaps;
  for (int i = 1; i <= 50; ++i) gaps.add({"s", 0, (i * 37 % 51) * second, 1});
  CHECK(gaps.count == 50);
  CHECK(gaps.readings == 50);
  REQUIRE(gaps.longest.size() == report::GapTally::longest_kept);
  CHECK(gaps.longest.front().length() == 50 * second);
  CHECK(gaps.longest.back().length() == 41 * second);
  report::GapTally more;
  more.add({"t", 0, 45 * second + 1, 2});
  gaps += more;
  CHECK(gaps.readings == 52);
  CHECK(gaps.longest[5].sensor_id == "t");
}

TEST_CASE("what is expected follows the config that a run left") {
  data::RunConfigs configs;
  config::Config config;
  data::RecordedRun run;
  run.config = config::config_text(config);
  const data::ShardConfig same = configs.config_of({run});
  REQUIRE(same.is_known);
  const report::Traits traits{"1.3.0", "TempVibe-2000", "DataSense", "Factory A"};
  const auto shares = data::expected_shares(*same.config, traits, second);
  // 5% · 1.5 · 0.8, and weights 0.4, 0.2, 0.1 · 1.5, 0.1, 0.2 over their sum 1.05.
  double sum = 0;
  for (const double share : shares) sum += share;
  CHECK(sum == doctest::Approx(0.06));
  CHECK(shares[index_of(AnomalyType::pattern)] / sum == doctest::Approx(0.15 / 1.05));

  data::RecordedRun other = run;
  config.fleet.partition = {2, 4};
  other.config = config::config_text(config);
  CHECK(configs.config_of({run, other}).is_known);
  config.anomalies.probability = 0.1;
  other.config = config::config_text(config);
  CHECK_FALSE(configs.config_of({run, other}).is_known);
  CHECK(configs.config_of({other}).is_known);
  CHECK_FALSE(configs.config_of({}).is_known);
  other.config = "anomalies: {probability: 7}";
  CHECK_FALSE(configs.config_of({other}).is_known);
}

TEST_CASE("a run that was reloaded promises what each of its configs does, from its reload on") {
  data::RunConfigs configs;
  config::Config config;
  data::RecordedRun run;
  run.config = config::config_text(config);
  const auto reloaded = [&run, &config](Timestamp at) {
    run.reloads.emplace_back().at = at;
    run.reloads.back().config = config::config_text(config);
  };
  reloaded(10 * second);  // of identities alone
  REQUIRE(configs.config_of({run}).is_known);
  CHECK(configs.config_of({run}).eras.size() == 1);
  config.anomalies.probability = 0.2;
  reloaded(20 * second);
  const data::ShardConfig shard = configs.config_of({run});
  REQUIRE(shard.is_known);
  REQUIRE(shard.eras.size() == 2);
  CHECK(shard.eras[0].config->anomalies.probability == 0.05);
  CHECK(shard.eras[1].from == 20 * second);
  CHECK(shard.eras[1].config->anomalies.probability == 0.2);
  CHECK(shard.config->anomalies.probability == 0.2);
  // Which of two runs a row is of, nothing says.
  data::RecordedRun other;
  other.config = run.config;
  CHECK_FALSE(configs.config_of({run, other}).is_known);
  for (int i = 0; i < 20; ++i) {
    config.anomalies.probability = i % 2 == 0 ? 0.1 : 0.2;
    reloaded((30 + i) * second);
  }
  CHECK(configs.config_of({run}).why_not == "it was reloaded with other settings too often");
}

TEST_CASE("readings are counted by pieces of time, and by the config that they were made under") {
  report::TallyContext context = context_with();
  context.slots.push_back(10 * second);
  context.eras.push_back(15 * second);
  report::ReadingTally tally(context);
  for (int i = 0; i < 20; ++i) {
    report::StoredReading reading = reading_at(i * second, "a", i < 5 ? "1.3" : "1.4");
    if (i % 4 == 0) reading.anomaly = AnomalyType::noise;
    tally.add(reading);
  }
  REQUIRE(tally.combinations() == 3);  // 1.3, 1.4, and 1.4 under the other config
  CHECK(tally.era(1) == 0);
  CHECK(tally.era(2) == 1);
  const auto counted = [&tally](std::size_t slot, std::uint32_t combination) {
    const auto& strands = tally.slots()[slot];
    const std::uint32_t strand = tally.strand(combination);
    const report::SlotCount none;
    const report::SlotCount& count = strand < strands.size() ? strands[strand] : none;
    return std::pair(count.readings, count.anomalous);
  };
  using Pair = std::pair<std::uint64_t, std::uint64_t>;
  CHECK(counted(0, 0) == Pair(5, 2));
  CHECK(counted(0, 1) == Pair(5, 1));
  CHECK(counted(1, 0) == Pair(0, 0));
  CHECK(counted(1, 1) == Pair(5, 1));
  CHECK(counted(1, 2) == Pair(5, 1));
}

TEST_CASE("what happened to a fleet follows from its configs, and cuts time") {
  Problems problems;
  const config::Config config = config::read_config(
      "scenario:\n"
      "  - {name: out, at: +1h, set: {firmware_version: '1.4'}, waves: {0h: 10%, 2h: 50%, 9h: 100%}}\n"
      "  - {name: back, at: +4h, where: {event: out}, set: {firmware_version: '1.3'}}\n"
      "  - {name: dark, at: +30m, every: 5h, for: 10m, silence: true}\n",
      "run_info", problems);
  REQUIRE(problems.text() == "");
  constexpr Microseconds minute = 60 * second;
  std::vector<course::Mark> marks;
  course::add_marks(config, 0, 0, 10 * 60 * minute, marks);
  std::vector<std::pair<Timestamp, std::string>> said;
  for (const course::Mark& mark : marks) said.emplace_back(mark.at / minute, mark.name + " " + mark.what);
  // The wave at 10 hours does not come: `back` has ended it.
  CHECK(said ==
        std::vector<std::pair<Timestamp, std::string>>{{60, "out set: {firmware_version: 1.4}, wave 1 of 3"},
                                                       {180, "out set: {firmware_version: 1.4}, wave 2 of 3"},
                                                       {240, "back set: {firmware_version: 1.3}"},
                                                       {30, "dark silence: true"},
                                                       {330, "dark silence: true"}});
  CHECK(marks.back().until == 340 * minute);
  std::vector<course::Mark> later;
  course::add_marks(config, 0, 200 * minute, 10 * 60 * minute, later);
  CHECK(later.size() == 2);  // under a config that was reloaded then

  course::Course course;
  std::ranges::sort(marks, {}, &course::Mark::at);
  course.marks = marks;
  course::cut(course, 0, 10 * 60 * minute);
  REQUIRE(course.stretches.size() == 6);
  CHECK(course.stretches[1] == 30 * minute);
  CHECK(std::ranges::is_sorted(course.slots));
  CHECK(course.slots.size() > 90);
  for (const Timestamp begins : course.stretches) CHECK(std::ranges::count(course.slots, begins) == 1);

  course::Course busy;
  for (int i = 1; i < 500; ++i) busy.marks.push_back({.at = i * minute + (i % 3) * second});
  course::cut(busy, 0, 500 * minute);
  CHECK(busy.stretches.size() == course::Course::most_stretches);
}

TEST_CASE("with basis event the expected share is the steady state's") {
  config::Config config;
  config.anomalies.basis = config::AnomalyBasis::event;
  for (config::AnomalyTypeSettings& type : config.anomalies.types) type.enabled = false;
  config.anomalies.types[index_of(AnomalyType::noise)] = {true, 1, 4.0};
  const report::Traits traits{"9", "m", "v", "l"};
  // A cycle is 1 / 0.05 - 1 = 19 readings without one on average, then four (at 1 Hz) or eight (at 2 Hz).
  const auto noise = [&](Microseconds period) {
    return data::expected_shares(config, traits, period)[index_of(AnomalyType::noise)];
  };
  CHECK(noise(0) == doctest::Approx(4.0 / 23));
  CHECK(noise(second + 1) == doctest::Approx(4.0 / 23));
  CHECK(noise(second / 2) == doctest::Approx(8.0 / 27));
}

TEST_CASE("a config's text is as checked as a file") {
  Problems problems;
  CHECK(config::read_config("anomalies: {probability: 0.25}", "run_info", problems).anomalies.probability ==
        0.25);
  CHECK(problems.empty());
  config::read_config("anomalies: {probability: 0.25, often: 1}", "run_info", problems);
  CHECK(holds(problems.text(), "run_info:1: unknown key 'anomalies.often'"));
  Problems large;
  config::read_config(std::string(config::largest_config_file_bytes + 1, '#'), "run_info", large);
  CHECK(holds(large.text(), "run_info: is too large for a config"));
  Problems binary;
  config::read_config("a: \x01", "run_info", binary);
  CHECK(holds(binary.text(), "run_info:1: contains a control character"));
}

TEST_CASE("timestamps of rows are read as parse_timestamp reads them") {
  TimestampReader reader;
  for (const char* text :
       {"2026-11-23T11:42:00.123456Z", "2026-11-23T11:42:59.999999Z", "2026-11-23T11:43:00.000000Z",
        "1969-12-31T23:59:59.500000Z", "1969-12-31T23:59:01.000000Z", "2026-11-23T11:42:60.000000Z",
        "2026-11-23T11:42:0x.000000Z", "2026-11-23T11:42:00.00000xZ", "2026-11-23T11:42:00.123456+",
        "2026-11-23", "2026-11-23T11:42", "", "2026-13-23T11:42:00.123456Z", "2026-11-23T11:42:00.1234567"}) {
    CAPTURE(text);
    CHECK(reader.read(text) == parse_timestamp(text));
    CHECK(reader.read("2026-11-23T11:42:07.000001Z") == parse_timestamp("2026-11-23T11:42:07.000001Z"));
    CHECK(reader.read(text) == parse_timestamp(text));
  }
}

namespace {

report::Report small_report() {
  report::Report report;
  report.directory = "data";
  report.total.name = "all";
  report.total.sensors = 2;
  report.total.readings = 1'234;
  report.total.missing = 66;
  report.total.synced = 34;
  report.total.anomalous = {100, 0, 0, 66, 0};
  report.total.rate = 166.0 / 1'300;
  report.by_firmware = {report.total, report.total};
  report.by_firmware[0].name = "1.3";
  report.by_firmware[0].interval = report::Interval{0.1, 0.155};
  report.by_firmware[0].expected = PerAnomalyType<double>{0.06, 0, 0, 0.04, 0};
  report.by_firmware[1].name = "\x1b[31mé<script>\xff";
  report.by_model = report.by_firmware;
  report.range = report::TimeRange{0, 3'600 * second};
  report::ReportShard shard;
  shard.file = "a.db";
  shard.sensors = 2;
  shard.readings = 1'234;
  shard.missing = 66;
  shard.synced = 34;
  shard.range = report.range;
  shard.oldest_unsynced = 5 * second;
  shard.gaps = 1;
  shard.runs = {"run"};
  shard.deleted = {"\x1b[1m1970", 1'040, 1'040, 2};
  report.shards.push_back(shard);
  report.unreadable = {{"b.db", "file is not a database"}};
  report.gaps.add({"s\n1", 10 * second, 20 * second, 9});
  return report;
}

}  // namespace

TEST_CASE("the text is aligned, says what does not exist, and holds no control characters") {
  const std::string text = report::report_text(small_report());
  INFO(text);
  CHECK(holds(text, "data: 1 shard, 2 sensors, 1,234 readings"));
  CHECK(holds(text, "NOT READ b.db: file is not a database"));
  CHECK(holds(text, R"(
  firmware         sensors  readings  missing  anomalous    rate     95% interval  expected  of rows
  1.3                    2     1,234       66        166  12.77%  10.00% … 15.50%    10.00%    8.10%
  ?[31mé<script>?        2     1,234       66        166  12.77%                –         –    8.10%
)"));
  CHECK(holds(text, "1 gap that no event explains: 9 readings absent, 10 s in total"));
  CHECK(holds(text, "  deleted         1,040 readings and 2 events by database.retention, up to ?[1m1970\n"));
  CHECK(holds(text, "s?1\n"));
  CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("the JSON has numbers, nulls, and survives hostile names") {
  const nlohmann::json json = nlohmann::json::parse(report::report_json(small_report()));
  CHECK(json["total"]["due"] == 1'300);
  CHECK(json["total"]["anomalous"] == 166);
  CHECK(json["by_firmware"][0]["interval"]["high"] == 0.155);
  CHECK(json["by_firmware"][0]["expected"] == doctest::Approx(0.1));
  CHECK(json["by_firmware"][0]["types"]["missing_data"]["expected"] == doctest::Approx(0.4));
  CHECK(json["by_firmware"][1]["interval"].is_null());
  CHECK(json["by_firmware"][1]["expected"].is_null());
  CHECK(json["by_firmware"][1]["name"] == "\x1b[31mé<script>\xEF\xBF\xBD");
  CHECK(json["shards"][0]["oldest_unsynced"] == "1970-01-01T00:00:05.000000Z");
  CHECK(json["gaps"]["longest"][0]["sensor_id"] == "s\n1");
  CHECK(json["deleted"] == json["shards"][0]["deleted"]);
  CHECK(json["deleted"]["readings"] == 1'040);
  CHECK(json["unreadable"][0]["file"] == "b.db");
}

TEST_CASE("shards that cannot be read are named, the others reported, and nothing is changed") {
  const TemporaryFolder folder;
  std::ofstream(folder / "letter.db") << std::string(5'000, 'x');
  std::ofstream(folder / "empty.db");
  run_sql(folder / "foreign.db", "CREATE TABLE customers (id)");
  run_sql(folder / "older.db",
          "CREATE TABLE sensor_readings (id INTEGER PRIMARY KEY, timestamp TEXT, sensor_id TEXT, temperature "
          "REAL, "
          "vibration REAL, voltage REAL, status_code INTEGER, anomaly_flag INTEGER, anomaly_type TEXT, "
          "firmware_version TEXT, model TEXT, manufacturer TEXT, location TEXT);"
          "INSERT INTO sensor_readings VALUES (-9223372036854775808, '2026-01-01T00:00:00.000000Z', 's', 65, "
          "2, 12, "
          "0, 0, NULL, '1.3.0', NULL, 'V', 'L'), (9223372036854775807, '2026-01-01T00:00:01.000000Z', 's', "
          "65, 2, "
          "12, 1, 1, 'spike', '1.3', NULL, 'V', 'L')");
  report::ReadProgress progress;
  const report::Report report = report::make_report(folder.path(), progress);
  CHECK(progress.readings == 2);
  REQUIRE(report.unreadable.size() == 2);
  CHECK(report.unreadable[0].file == "foreign.db");
  CHECK(holds(report.unreadable[0].why, "has tables, but no sensor_readings"));
  CHECK(report.unreadable[1].file == "letter.db");
  CHECK(report.unreadable[1].why == "cannot be read: file is not a database");
  REQUIRE(report.shards.size() == 1);
  CHECK(report.shards[0].file == "older.db");
  CHECK(report.shards_without_expectation() == 1);
  CHECK(report.total.readings == 2);
  CHECK(report.total.all_anomalous() == 1);
  CHECK_FALSE(report.total.expected);
  REQUIRE(report.by_firmware.size() == 1);
  CHECK(report.by_firmware[0].name == "1.3");
  CHECK(report.by_model.at(0).name == report::no_name);
  CHECK(report.by_location_class.at(0).name == report::other_locations);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 4);
}

TEST_CASE("a row that no simulator writes makes its shard unreadable") {
  for (const char* change :
       {"timestamp = 'noon'", "timestamp = '---------------------------------------℃--------------------℃'",
        "anomaly_flag = 1, anomaly_type = 'flood'",
        "anomaly_flag = 1, anomaly_type = '---------------------------------------℃'", "anomaly_flag = 1"}) {
    const TemporaryFolder folder;
    run_sql(folder / "s.db",
            "CREATE TABLE sensor_readings (id INTEGER PRIMARY KEY, timestamp TEXT, sensor_id TEXT, "
            "temperature REAL, "
            "vibration REAL, voltage REAL, status_code INTEGER, anomaly_flag INTEGER, anomaly_type TEXT, "
            "firmware_version TEXT, model TEXT, manufacturer TEXT, location TEXT, synced INTEGER DEFAULT 0);"
            "INSERT INTO sensor_readings (timestamp, sensor_id) VALUES ('2026-01-01T00:00:00.000000Z', 's');"
            "UPDATE sensor_readings SET " +
                std::string(change));
    report::ReadProgress progress;
    CAPTURE(change);
    const report::Report report = report::make_report(folder.path(), progress);
    REQUIRE(report.unreadable.size() == 1);
    CHECK(is_utf8(report.unreadable[0].why));
  }
}

namespace {

report::SeriesPoint point_at(double seconds, double value) {
  return {static_cast<Timestamp>(seconds * 1e6), batch::Values{value, 2.5, 12}};
}

// What the page's script parses.
nlohmann::json data_of(const std::string& page) {
  const std::string_view begin = "id=\"data\">";
  const std::size_t from = page.find(begin) + begin.size();
  return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
}

}  // namespace

TEST_CASE(
    "a short stretch is plotted reading by reading, and its line breaks off where readings are absent") {
  const auto points = report::thinned({point_at(0, 1), point_at(1, 2), point_at(5, 3), point_at(6, 4)});
  REQUIRE(points.size() == 5);
  CHECK((*points[1].values)[0] == 2);
  CHECK_FALSE(points[2].values);
  CHECK(points[2].at == 2 * second);
  CHECK((*points[4].values)[0] == 4);
  CHECK(report::thinned({}).empty());
  CHECK(report::thinned({point_at(0, 1)}).size() == 1);
}

TEST_CASE("a long stretch keeps its extremes and its breaks") {
  std::vector<report::SeriesPoint> readings;
  for (int i = 0; i < 20'000; ++i) {
    if (i < 7'000 || i >= 7'100) readings.push_back(point_at(i, i == 12'345 ? 99 : i == 12'346 ? -99 : 65));
  }
  const auto points = report::thinned(readings);
  CHECK(points.size() <= report::SensorSeries::most_points + 2);
  CHECK(points.size() > report::SensorSeries::most_points / 2);
  double low = 0;
  double high = 0;
  std::size_t breaks = 0;
  for (const report::SeriesPoint& point : points) {
    breaks += point.values ? 0 : 1;
    low = std::min(low, point.values ? (*point.values)[0] : 0);
    high = std::max(high, point.values ? (*point.values)[0] : 0);
  }
  CHECK(low == -99);
  CHECK(high == 99);
  CHECK(breaks == 1);
}

TEST_CASE("the page carries hostile texts inside its data, cut to a length") {
  report::Report report = small_report();
  report.by_firmware[0].name = "</script><script>alert(1)</script><!-- & \xE2\x80\xA8";
  report.by_model[0].name = std::string(100'000, 'x');
  report::SensorSeries series;
  series.sensor.sensor_id = "<img src=x onerror=alert(1)>";
  series.points = {point_at(0, 1)};
  const std::string page = report::report_html(report, {series});
  CHECK(page.starts_with(report::report_page_head));
  CHECK_FALSE(holds(page, "<img src=x"));
  CHECK_FALSE(holds(page, "<script>alert"));
  CHECK(page.size() < 300'000);
  const nlohmann::json data = data_of(page);
  CHECK(data["report"]["by_firmware"][0]["name"] == report.by_firmware[0].name);
  CHECK(data["report"]["by_model"][0]["name"].get<std::string>().size() < 300);
  CHECK(data["series"][0]["sensor_id"] == series.sensor.sensor_id);
}

TEST_CASE("the page stays small with any number of shards and groups, and keeps the largest") {
  report::Report report = small_report();
  for (int i = 0; i < 20'000; ++i) {
    report.shards.push_back(report.shards[0]);
    report.by_location_class.push_back(report.total);
    report.by_location_class.back().name = "place " + std::to_string(i);
    report.by_location_class.back().readings = static_cast<std::uint64_t>(i);
  }
  const std::string page = report::report_html(report, {});
  CHECK(page.size() < 500'000);
  const nlohmann::json data = data_of(page);
  CHECK(data["report"]["shards"].size() == 200);
  CHECK(data["report"]["shard_count"] == 20'001);
  CHECK(data["report"]["by_location_class"].size() == 200);
  CHECK(data["report"]["by_location_class"][199]["name"] == "place 19999");
}

TEST_CASE("readers of one file wait for each other") {
  const TemporaryFolder folder;
  run_sql(
      folder / "s.db",
      "PRAGMA journal_mode = WAL; CREATE TABLE sensor_readings (id INTEGER PRIMARY KEY, timestamp TEXT, "
      "sensor_id TEXT, "
      "temperature REAL, vibration REAL, voltage REAL, status_code INTEGER, anomaly_flag INTEGER, "
      "anomaly_type "
      "TEXT, firmware_version TEXT, model TEXT, manufacturer TEXT, location TEXT, synced INTEGER DEFAULT 0);"
      "INSERT INTO sensor_readings (timestamp, sensor_id) VALUES ('2026-01-01T00:00:00.000000Z', 's')");
  std::atomic<int> failed{0};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      for (int time = 0; time < 200; ++time) {
        report::ReadProgress progress;
        failed += static_cast<int>(report::make_report(folder.path(), progress).unreadable.size());
      }
    });
  }
  readers.clear();
  CHECK(failed == 0);
}

}  // namespace fleet_sim::report_test
