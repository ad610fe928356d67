#include "score/score.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "base/plain_text.h"
#include "base/problems.h"
#include "score/threshold.h"

namespace fleet_sim::score {
namespace {

constexpr std::uint64_t rows_between_reports = 1 << 16;

// What a detector says of a partition's sensors, given a threshold.
using Courses = std::function<std::vector<Course>(
    std::size_t partition, const std::vector<SensorTruth>& sensors, const std::optional<double>& threshold)>;

// Rows of detections, by the partition of their sensor.
class Detections {
 public:
  Detections(const Truth& truth, DetectionReader& reader, const Report& report)
      : truth_(truth), rows_(truth.partitions()) {
    while (std::optional<Detection> row = reader.next()) {
      const auto sensor = truth.find(reader.sensor());
      if (!sensor) {
        reader.fail(fmt::format("the run has no sensor {}{}", in_quotes(reader.sensor()),
                                truth.nearest_sensor(reader.sensor())));
      }
      row->sensor = *sensor;
      rows_.add(truth.partition_of(*sensor), std::as_bytes(std::span(&*row, 1)));
      if (++count_ % rows_between_reports == 0) report("rows of detections read", count_);
    }
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }

  [[nodiscard]] std::vector<Course> courses(std::size_t partition, const std::vector<SensorTruth>& sensors,
                                            const std::optional<double>& threshold) const {
    std::vector<Detection> rows = read(partition);
    std::ranges::stable_sort(rows, {}, &Detection::sensor);
    std::vector<Course> courses(sensors.size());
    tbb::parallel_for(std::size_t{0}, sensors.size(), [&](std::size_t i) {
      const auto own = std::ranges::equal_range(rows, sensors[i].sensor, {}, &Detection::sensor);
      courses[i] = course_of(sensors[i], {own.begin(), own.end()}, threshold);
    });
    return courses;
  }

 private:
  [[nodiscard]] std::vector<Detection> read(std::size_t partition) const {
    const std::vector<std::byte> bytes = rows_.read(partition);
    std::vector<Detection> rows(bytes.size() / sizeof(Detection));
    if (!rows.empty()) std::memcpy(rows.data(), bytes.data(), bytes.size());
    return rows;
  }

  const Truth& truth_;
  PartitionedFile rows_;
  std::uint64_t count_ = 0;
};

ScoreCounts count_scores(const Truth& truth, const Courses& courses, const Report& report) {
  ScoreCounts counts;
  for (std::size_t partition = 0; partition < truth.partitions(); ++partition) {
    const std::vector<SensorTruth> sensors = truth.read(partition);
    const std::vector<Course> of_sensors = courses(partition, sensors, std::nullopt);
    for (std::size_t i = 0; i < sensors.size(); ++i) {
      const std::vector<Label> labels = labels_of(sensors[i]);
      for (std::size_t r = 0; r < labels.size(); ++r) {
        if (labels[r] != Label::left_out) counts.add(of_sensors[i].scores[r], labels[r] == Label::anomalous);
      }
    }
    report("percent of a threshold", 100 * (partition + 1) / truth.partitions());
  }
  return counts;
}

void judge_all(const Truth& truth, const Courses& courses, const std::optional<double>& threshold,
               const ScoreOptions& options, const Report& report, Verdict& verdict) {
  const JudgeOptions how{verdict.has_areas, options.longest_buffer};
  for (std::size_t partition = 0; partition < truth.partitions(); ++partition) {
    const std::vector<SensorTruth> sensors = truth.read(partition);
    const std::vector<Course> of_sensors = courses(partition, sensors, threshold);
    std::vector<GroupedMeasures> measures(sensors.size());
    tbb::parallel_for(std::size_t{0}, sensors.size(), [&](std::size_t i) {
      measures[i] = judge(truth.traits(), sensors[i], of_sensors[i], how);
    });
    for (std::size_t i = 0; i < sensors.size(); ++i) {
      for (const auto& [group, more] : measures[i]) verdict.measures[group] += more;
      verdict.unmatched += of_sensors[i].unmatched;
    }
    report("percent scored", 100 * (partition + 1) / truth.partitions());
  }
}

bool is_of_events(GroupBy by) {
  return by == GroupBy::kind || by == GroupBy::severity || by == GroupBy::cause;
}

// A group of events is judged as though the other anomalous readings were not there, so all sensors' normal
// readings belong to it.
void complete(Verdict& verdict) {
  const Measures& all = verdict.measures[{}];
  for (auto& [group, measures] : verdict.measures) {
    std::ranges::sort(measures.delays);
    if (!is_of_events(group.by)) continue;
    measures.readings = measures.anomalous == 0 ? 0 : all.readings - all.anomalous + measures.anomalous;
    measures.flagged_else = measures.anomalous == 0 ? 0 : all.flagged_else;
  }
}

Verdict score(const Truth& truth, const Courses& courses, Verdict verdict, const ScoreOptions& options,
              const Report& report) {
  verdict.sensors = truth.sensors();
  verdict.is_best_threshold = verdict.has_threshold && !options.threshold;
  verdict.threshold = options.threshold;
  if (verdict.is_best_threshold || (options.with_curve && verdict.has_areas)) {
    ScoreCounts counts = count_scores(truth, courses, report);
    if (verdict.is_best_threshold) verdict.threshold = counts.best_threshold();
    if (options.with_curve) verdict.curve = counts.curve();
  }
  std::optional<double> threshold = verdict.threshold;
  if (verdict.has_threshold && !threshold)
    threshold = std::numeric_limits<double>::infinity();  // flags nothing
  judge_all(truth, courses, threshold, options, report, verdict);
  complete(verdict);
  return verdict;
}

}  // namespace

Verdict score_detections(const Truth& truth, DetectionReader& detections, const ScoreOptions& options,
                         const Report& report) {
  if (options.threshold && !detections.has_scores())
    throw InvalidInput("--threshold is for scores, and the detections have none");
  const Detections rows(truth, detections, report);
  Verdict verdict;
  verdict.rows = rows.count();
  verdict.has_areas = detections.has_scores();
  verdict.has_threshold = options.threshold || !detections.has_flags();
  const auto courses = [&](std::size_t partition, const std::vector<SensorTruth>& sensors,
                           const std::optional<double>& threshold) {
    return rows.courses(partition, sensors, threshold);
  };
  return score(truth, courses, std::move(verdict), options, report);
}

Verdict score_baseline(const Truth& truth, const Baseline& baseline, const ScoreOptions& options,
                       const Report& report) {
  Verdict verdict;
  verdict.has_areas = true;
  verdict.has_threshold = true;
  const auto courses = [&](std::size_t, const std::vector<SensorTruth>& sensors,
                           const std::optional<double>& threshold) {
    std::vector<Course> of_sensors(sensors.size());
    tbb::parallel_for(std::size_t{0}, sensors.size(), [&](std::size_t i) {
      Course& course = of_sensors[i];
      course.scores = baseline_scores(baseline, sensors[i], truth.schema_of(sensors[i].sensor));
      for (const double one : course.scores) course.flagged.push_back(threshold && one >= *threshold);
    });
    return of_sensors;
  };
  return score(truth, courses, std::move(verdict), options, report);
}

}  // namespace fleet_sim::score
