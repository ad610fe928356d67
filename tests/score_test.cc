// Scoring: the moments and files that detectors write, and every measure by cases worked out by hand.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/problems.h"
#include "files/csv_reader.h"
#include "files/moment.h"
#include "score/detections.h"
#include "score/judge.h"
#include "score/partitioned_file.h"
#include "score/ranking.h"
#include "score/threshold.h"

namespace fleet_sim::score_test {

using namespace fleet_sim::score;

namespace {

constexpr Timestamp noon = 1'767'268'800'000'000;  // 2026-01-01T12:00Z

// Gives a text in pieces of this size.
files::CsvReader::Read pieces_of(std::string text, std::size_t size = 7) {
  return [text = std::move(text), size, at = std::size_t{0}](char* into, std::size_t most) mutable {
    const std::size_t count = std::min({size, most, text.size() - at});
    std::memcpy(into, text.data() + at, count);
    at += count;
    return count;
  };
}

std::vector<std::vector<std::string>> records_of(const std::string& text) {
  files::CsvReader csv("f.csv", pieces_of(text));
  std::vector<std::vector<std::string>> records{csv.header()};
  while (csv.next()) {
    records.emplace_back();
    for (std::size_t i = 0; i < csv.header().size(); ++i) records.back().emplace_back(csv[i]);
  }
  return records;
}

// What reading all detections of a text says.
std::string refusal_of(const std::string& text, const ColumnNames& names = {}) {
  try {
    files::CsvReader csv("f.csv", pieces_of(text, 1000));
    DetectionReader reader(csv, names);
    while (reader.next()) {
    }
  } catch (const InvalidInput& error) {
    return error.what();
  }
  return "";
}

using Rows = std::vector<std::vector<std::string>>;

RankedSeries series_of(const std::vector<double>& scores, const std::vector<int>& labels) {
  std::vector<Label> kinds;
  for (const int label : labels) kinds.push_back(static_cast<Label>(label));
  return {scores, kinds, ranked(scores)};
}

}  // namespace

TEST_CASE("moments are read as programs write them") {
  const auto is = [](std::string_view text, Timestamp at, Microseconds unit) {
    INFO(text);
    CHECK(files::parse_moment(text) == files::Moment{at, unit});
  };
  is("2026-01-01T12:00:00.000000Z", noon, 1);
  is("2026-01-01 12:00:00+00:00", noon, 1'000'000);
  is("2026-01-01T14:00:00.25+0200", noon + 250'000, 10'000);
  is("2026-01-01 14:00:00.123456789+02", noon + 123'456, 1);
  is("2026-01-01 12:00:00.5 UTC", noon + 500'000, 100'000);
  is("2026-01-01T12:00", noon, 60'000'000);
  is("2026-01-01", noon - 12 * 3'600'000'000, 1);
  is("1767268800", noon, 1'000'000);
  is("1767268800.5", noon + 500'000, 100'000);
  is("1767268800.072462", noon + 72'462, 1);
  is("1767268800123.456", noon + 123'456, 1);
  is("1767268800123", noon + 123'000, 1'000);
  is("1767268800123456", noon + 123'456, 1);
  is("1767268800123456789", noon + 123'456, 1);
  is("1.7672688e+15", noon, 1);
  for (const char* text : {"", "noon", "2026-13-01T00:00:00Z", "2026-01-01T12:00:00X", "12:00", "nan", "inf",
                           "-", "1767268800 ", "2026-01-01T12:00:00.", "99999999999999999999"}) {
    INFO(text);
    CHECK_FALSE(files::parse_moment(text).has_value());
  }
}

TEST_CASE("CSV is read as RFC 4180 has it, whatever the pieces in which it comes") {
  CHECK(records_of("a,b\n1,2\n3,4\n") == Rows{{"a", "b"}, {"1", "2"}, {"3", "4"}});
  CHECK(records_of("\xEF\xBB\xBF"
                   "a,b\r\n\r\n1,\r\n,2") == Rows{{"a", "b"}, {"1", ""}, {"", "2"}});
  CHECK(records_of("a,\"b\"\n\"x, \"\"y\"\"\",\"two\nlines\"\n") ==
        Rows{{"a", "b"}, {"x, \"y\"", "two\nlines"}});
  CHECK(records_of("a\n\"\"\n\"\"\"\"\n") == Rows{{"a"}, {""}, {"\""}});
}

TEST_CASE("broken CSV is refused with its line") {
  const auto says = [](const std::string& text, std::string_view what) {
    INFO(text);
    std::string said;
    try {
      records_of(text);
    } catch (const InvalidInput& error) {
      said = error.what();
    }
    INFO(said);
    CHECK(said.find(what) != std::string::npos);
  };
  says("", "f.csv: is empty");
  says("a,b\n1,2\n3\n", "f.csv:3: has 1 field where the header has 2");
  says("a,b\n1,2\n3", "may have been cut short");
  says("a,b\n1,2,3\n", "f.csv:2: has 3 fields where the header has 2; put quotes");
  says("a,b\n1,\"2\n3,4\n", "f.csv:2: a quote is opened and never closed");
  says("a,b\n1,\"2\"x\n", "f.csv:2: has text behind a closing quote");
  says("a,b\n1,2\"3\"\n", "f.csv:2: has a quote within a field");
  says(std::string("\x7f"
                   "ELF\0\1\2",
                   7),
       "is this a CSV file?");
  says("a,b\n\"1\n2\",3\n4\n", "f.csv:4: has 1 field");
  says("a\n" + std::string(files::CsvReader::longest_record + 100, 'x'), "f.csv:2: is longer than");
  says("a\n\"" + std::string(3 * files::CsvReader::longest_record, '\n'), "f.csv:2: ");
}

TEST_CASE("a record without an end takes bounded memory") {
  std::size_t given = 0;
  const auto endless = [&given](char* into, std::size_t most) {
    std::memset(into, given == 0 ? '\n' : 'x', most);
    if (given == 0) into[0] = 'a';
    given += most;
    return most;
  };
  files::CsvReader csv("f.csv", endless);
  CHECK_THROWS_AS(csv.next(), InvalidInput);
  CHECK(given < 8 * files::CsvReader::longest_record);
}

TEST_CASE("detections that cannot be used are refused with what to do") {
  const auto says = [](const std::string& text, std::string_view what, const ColumnNames& names = {}) {
    const std::string said = refusal_of(text, names);
    INFO(said);
    CHECK(said.find(what) != std::string::npos);
  };
  says("sensor,timestamp,score\n",
       "f.csv:1: has no sensor_id; its columns are sensor, timestamp, score; --map");
  says("sensor_id,score\n", "has no timestamp with score or flag, or started_at with ended_at");
  says("sensor_id,timestamp,score,score\n", "two columns 'score'");
  says("sensor_id,timestamp,p\n", "has no column 'q', which --map names", {{"score", "q"}});
  says("sensor_id,timestamp,p\nS,1767268800000,0.5\nS,1767268800000,nan\n",
       "f.csv:3: p 'nan' is no finite number", {{"score", "p"}});
  says("sensor_id,timestamp,score\nS,1767268800000,\n", "leave the row out");
  says("sensor_id,timestamp,score\nS,1767268800000,1e999\n", "is no finite number");
  says("sensor_id,timestamp,flag\nS,1767268800000,0.7\n", "is neither 1 nor 0; if it is a score");
  says("sensor_id,timestamp,flag\nS,yesterday,1\n", "f.csv:2: timestamp 'yesterday' is no time");
  says("sensor_id,started_at,ended_at\nS,2026-01-02,2026-01-01\n",
       "f.csv:2: started_at '2026-01-02' is after ended_at");
  CHECK(refusal_of("device,timestamp,flag\nS,1767268800000,True\n", {{"sensor_id", "device"}}).empty());
  ColumnNames names;
  add_column_name(names, "score=p=q");
  CHECK(names == ColumnNames{{"score", "p=q"}});
  CHECK_THROWS_WITH_AS(add_column_name(names, "scores=p"), doctest::Contains("did you mean 'score'?"),
                       InvalidInput);
  CHECK_THROWS_WITH_AS(add_column_name(names, "score"), doctest::Contains("OURS=THEIRS"), InvalidInput);
}

TEST_CASE("areas of scores, worked out by hand") {
  // Pairs won: .9 over all three normal ones, .4 over one and a tie with another: 4.5 of 6.
  const RankedSeries series = series_of({0.1, 0.9, 0.4, 0.4, 0.7}, {0, 1, 1, 0, 0});
  CHECK(*roc_auc(series) == doctest::Approx(4.5 / 6));
  // Thresholds: .9 (1 of 1), .7 (1 of 2), .4 (2 of 4): ½·1 + ½·½.
  CHECK(*average_precision(series) == doctest::Approx(0.75));
  // What is left out changes nothing.
  const RankedSeries more = series_of({5, 0.1, 0.9, 0.4, 0.4, 0.7}, {2, 0, 1, 1, 0, 0});
  CHECK(*roc_auc(more) == *roc_auc(series));
  CHECK(*vus_pr(more, 10) == *vus_pr(series, 10));
  CHECK_FALSE(roc_auc(series_of({1, 2}, {0, 0})).has_value());
  CHECK_FALSE(roc_auc(series_of({1, 2}, {1, 1})).has_value());
  CHECK_FALSE(average_precision(series_of({1, 2}, {0, 0})).has_value());
  CHECK(*roc_auc(series_of({3, 3, 3}, {0, 1, 0})) == 0.5);
}

TEST_CASE("VUS-PR, worked out by hand") {
  // One anomalous reading, in the middle of five; it has the highest score.
  const RankedSeries first = series_of({0, 0, 1, 0, 0}, {0, 0, 1, 0, 0});
  CHECK(*vus_pr(first, 0) == doctest::Approx(1));
  // Buffers 2 and 3 reach one reading on each side, which count √½ and √⅔. At the first threshold TP = 1, P'
  // = 1: area 1. At the last one all five are predicted: TP = 1 + 2w, P' = 1 + w, so recall stays 1.
  CHECK(*vus_pr(first, 3) == doctest::Approx(1));

  // The reading before it has the highest score. Ranks of 250 thresholds: 0, and then 1 or more. Buffer 0:
  // the first threshold finds nothing; the next at which anything changes has recall 1 and precision ½.
  const RankedSeries before = series_of({0, 2, 1, 0, 0}, {0, 0, 1, 0, 0});
  CHECK(*vus_pr(before, 1) == doctest::Approx(0.5));
  // Buffer 2: w = √½. First TP = w, P' = 1 + w/2, precision w; then TP = 1 + w, recall 1, precision (1 +
  // w)/2.
  const double w = std::sqrt(0.5);
  const double recall = w / (1 + w / 2);
  const double area = recall * w + (1 - recall) * (1 + w) / 2;
  CHECK(*vus_pr(before, 2) == doctest::Approx((0.5 + 0.5 + area) / 3));

  // Two anomalies, four apart: buffer 4 makes one of them, which a single reading hits.
  const std::vector<double> scores{0, 3, 0, 0, 0, 1, 0};
  const RankedSeries two = series_of(scores, {0, 1, 0, 0, 0, 1, 0});
  const double apart = *vus_pr(two, 3) * 4;
  const double merged = *vus_pr(two, 4) * 5 - apart;
  CHECK(apart == doctest::Approx(4));
  CHECK(merged == doctest::Approx(1));
}

TEST_CASE("the best threshold leaves some readings unflagged") {
  const auto best = [](const std::vector<std::pair<double, bool>>& scores, std::size_t most = 1000) {
    ScoreCounts counts(most);
    for (const auto& [score, is_anomalous] : scores) counts.add(score, is_anomalous);
    return counts.best_threshold();
  };
  CHECK(best({{0, false}, {0.5, true}, {0.7, false}, {0.9, true}}) == 0.5);  // F1 of 4/5, before 2/3 at 0.9
  CHECK(best({{-3, false}, {-2, true}, {-1, false}, {-0.0, false}}) == -2.0);
  CHECK_FALSE(best({{1, true}, {1, false}}).has_value());
  CHECK_FALSE(best({{0, true}, {1, false}}).has_value());
  // With too many scores to keep, they are rounded down: a threshold in use flags no fewer.
  std::vector<std::pair<double, bool>> many;
  for (int i = 0; i < 10'000; ++i) many.emplace_back(i * 0.001, i >= 9'000);
  const auto rounded = best(many, 4'096);
  REQUIRE(rounded.has_value());
  CHECK(*rounded == doctest::Approx(9).epsilon(0.001));
}

TEST_CASE("the curve of precision and recall has a point for each threshold, or enough of them") {
  ScoreCounts few;
  for (const auto& [score, is_anomalous] :
       std::vector<std::pair<double, bool>>{{0, false}, {1, true}, {1, false}, {3, true}})
    few.add(score, is_anomalous);
  const std::vector<CurvePoint> points = few.curve();
  REQUIRE(points.size() == 3);
  const auto check = [](const CurvePoint& point, double threshold, double recall, double precision) {
    CHECK(point.threshold == threshold);
    CHECK(point.recall == doctest::Approx(recall));
    CHECK(point.precision == doctest::Approx(precision));
  };
  check(points[0], 3, 0.5, 1);
  check(points[1], 1, 1, 2.0 / 3);
  check(points[2], 0, 1, 0.5);
  ScoreCounts none;
  none.add(1, false);
  CHECK(none.curve().empty());
  // Of very many, those that can be told apart; the ends are always there.
  ScoreCounts many;
  for (int i = 0; i < 300'000; ++i) many.add(i, i % 3 == 0);
  const std::vector<CurvePoint> thinned = many.curve();
  CHECK(thinned.size() > 400);
  CHECK(thinned.size() < 2 * ScoreCounts::most_points);
  CHECK(thinned.front().threshold == 299'999);
  check(thinned.back(), 0, 1, 1.0 / 3);
}

TEST_CASE("a partition's records come back in their order, however many") {
  PartitionedFile file(3);
  std::vector<std::vector<std::byte>> expected(3);
  for (std::uint32_t i = 0; i < 60'000; ++i) {
    const std::uint32_t partition = i * i % 3;  // 0 or 1
    const auto* bytes = reinterpret_cast<const std::byte*>(&i);
    file.add(partition, {bytes, 1 + i % 4});
    expected[partition].insert(expected[partition].end(), bytes, bytes + 1 + i % 4);
  }
  for (const std::size_t partition : {0U, 1U, 2U}) CHECK(file.read(partition) == expected[partition]);
}

namespace {

constexpr Timestamp second = 1'000'000;

// Ten readings a second apart from 0 on, of which an event takes 3 to 5, and a gap 7 and 8.
SensorTruth small_truth() {
  SensorTruth truth{0, {}, {}, {}};
  for (Timestamp i = 0; i < 12; ++i) {
    if (i == 7 || i == 8) continue;
    const bool in_event = i >= 3 && i <= 5;
    truth.readings.push_back(
        {i * second, 0, 0, in_event ? std::optional(AnomalyType::offset) : std::nullopt, 0});
  }
  truth.events.push_back({3 * second, 5 * second, 2.5, 0, AnomalyType::offset, AnomalyCause::drawn});
  truth.events.push_back({7 * second, 8 * second, NAN, 0, AnomalyType::missing_data, AnomalyCause::drawn});
  return truth;
}

Detection at(Timestamp moment, double score, Microseconds unit = 1) {
  return {moment, moment, unit, score, 0, score > 0, false};
}

}  // namespace

TEST_CASE("detections come to the readings that they mean") {
  const SensorTruth truth = small_truth();
  const Course course =
      course_of(truth,
                {at(2 * second, 0.5), at(4 * second + 900, 0.7, 1000), at(5 * second - 400'000, 0.9, second),
                 at(6 * second + 1, 1.0), at(2 * second, 0.25)},
                std::nullopt);
  CHECK(course.scores == std::vector<double>{0, 0, 0.5, 0, 0.7, 0.9, 0, 0, 0, 0});
  CHECK(course.unmatched == 1);
  const Course flagged = course_of(truth, {at(2 * second, 0.5), at(4 * second, 0.7)}, 0.6);
  CHECK(std::ranges::count(flagged.flagged, true) == 1);
  CHECK(flagged.flagged[4]);
  const Course span = course_of(truth, {{3 * second + 1, 9 * second, 1, 1, 0, true, true}}, std::nullopt);
  CHECK(span.flagged == std::vector<bool>{false, false, false, false, true, true, true, true, false, false});
}

TEST_CASE("readings, events, delays and false alarms, worked out by hand") {
  const SensorTruth truth = small_truth();
  // A false alarm at 1 and 2, one find at 4, an alarm over the gap, and another false one at 11.
  const Course course = course_of(truth,
                                  {at(1 * second, 1),
                                   at(2 * second, 1),
                                   at(4 * second, 1),
                                   at(6 * second, 1),
                                   {7 * second + second / 2, 9 * second, 1, 1, 0, true, true},
                                   at(11 * second, 1)},
                                  std::nullopt);
  CHECK(labels_of(truth)[4] == Label::anomalous);
  const auto measures = judge({{"1.4", "M"}}, truth, course, {});
  const Measures& all = measures.at({});
  CHECK(all.readings == 10);
  CHECK(all.anomalous == 3);
  CHECK(all.found == 1);
  CHECK(all.flagged_else == 5);
  CHECK(*all.precision() == doctest::Approx(1.0 / 6));
  CHECK(*all.recall() == doctest::Approx(1.0 / 3));
  CHECK(*all.f1() == doctest::Approx(2.0 / 9));
  CHECK(all.events == 2);
  CHECK(all.delays == std::vector<float>{1, 0.5});
  CHECK(all.false_alarms == 2);
  CHECK(all.sensor_days == doctest::Approx(11.0 / 86'400));
  CHECK(measures.at({GroupBy::kind, index_of(AnomalyType::offset), "offset"}).delays ==
        std::vector<float>{1});
  CHECK(measures.at(severity_group(2.5)).events == 1);
  CHECK(measures.at({GroupBy::firmware, 0, "1.4"}).events == 2);
  CHECK(measures.at(severity_group(NAN)).events == 1);
}

}  // namespace fleet_sim::score_test
