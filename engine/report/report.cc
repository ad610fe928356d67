#include "report/report.h"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <numeric>
#include <set>
#include <utility>

#include "data/data_directory.h"
#include "data/source.h"
#include "report/fleet_tally.h"

namespace fleet_sim::report {
namespace {

// Each has one shard open at a time.
int affordable_threads() {
  const auto cores = static_cast<std::size_t>(tbb::this_task_arena::max_concurrency());
  return static_cast<int>(std::clamp(data::affordable_shards(), std::size_t{1}, cores));
}

// The report names the file anyway.
std::string without_path(std::string_view message, const std::filesystem::path& file) {
  const std::string path = file.string() + ": ";
  if (message.starts_with(path)) message.remove_prefix(path.size());
  return std::string(message);
}

// Gathers what the threads have read.
class Gatherer {
 public:
  Gatherer(const data::Sources& sources, const course::Course& course, Report& report)
      : sources_(sources), report_(report), fleet_(course) {}

  void add(const std::string& file, const ReadShard& shard) {
    const std::lock_guard lock(mutex_);
    report_.shards.push_back(fleet_.add(file, shard));
    for (const tables::RunInfo& run : shard.runs) {
      if (!known_runs_.insert(run.run_id).second) continue;
      report_.runs.push_back(run);
      report_.runs.back().config.clear();
    }
  }

  void add_unreadable(const std::string& file, const std::string& why) {
    const std::lock_guard lock(mutex_);
    report_.unreadable.push_back({file, why});
  }

  void complete() {
    fleet_.complete(report_);
    count_repeats();
    std::ranges::sort(report_.shards, {}, &ReportShard::file);
    std::ranges::sort(report_.unreadable, {}, &UnreadableShard::file);
    std::ranges::sort(report_.runs, {}, [](const tables::RunInfo& run) {
      return std::pair(run.began_at, std::string_view(run.run_id));
    });
    for (const ReportShard& shard : report_.shards) widen(shard);
    end_spans(report_.over_time.stretches);
    end_spans(report_.over_time.points);
  }

 private:
  // The first span begins with the first reading, each lasts until the next, and the last until the last
  // reading.
  void end_spans(std::vector<ReportSpan>& spans) const {
    if (!report_.range) return spans.clear();
    if (!spans.empty()) spans.front().from = report_.range->first;
    for (std::size_t i = 0; i < spans.size(); ++i)
      spans[i].until = i + 1 < spans.size() ? spans[i + 1].from : report_.range->last;
  }

  // The shards still stand as they came.
  void count_repeats() {
    std::vector<std::filesystem::path> files;
    std::uint64_t rows = 0;
    for (const std::size_t i : fleet_.shards_with_repeats()) {
      files.push_back(sources_.folder / report_.shards[i].file);
      rows += report_.shards[i].readings;
    }
    report_.duplicates = count_duplicates(files, rows);
  }

  void widen(const ReportShard& shard) {
    if (shard.oldest_unsynced &&
        (!report_.oldest_unsynced || *shard.oldest_unsynced < *report_.oldest_unsynced))
      report_.oldest_unsynced = shard.oldest_unsynced;
    if (!shard.range) return;
    if (!report_.range) report_.range = shard.range;
    report_.range->first = std::min(report_.range->first, shard.range->first);
    report_.range->last = std::max(report_.range->last, shard.range->last);
  }

  const data::Sources& sources_;
  Report& report_;
  std::mutex mutex_;
  FleetTally fleet_;
  std::set<std::string> known_runs_;
};

}  // namespace

std::uint64_t ReportGroup::all_anomalous() const {
  return std::accumulate(anomalous.begin(), anomalous.end(), std::uint64_t{0});
}

std::optional<double> ReportGroup::expected_rate() const {
  if (!expected) return std::nullopt;
  return std::accumulate(expected->begin(), expected->end(), 0.0);
}

std::optional<double> ReportGroup::rate_of_rows() const {
  if (readings == 0) return std::nullopt;
  return static_cast<double>(all_anomalous() - missing) / static_cast<double>(readings);
}

std::optional<double> FirmwareShare::rate() const {
  if (due() == 0) return std::nullopt;
  return static_cast<double>(anomalous) / static_cast<double>(due());
}

std::optional<double> FirmwareShare::expected_rate() const {
  if (due() == 0 || with_expectation < due()) return std::nullopt;
  return expected / static_cast<double>(due());
}

FirmwareShare& FirmwareShare::operator+=(const FirmwareShare& other) {
  readings += other.readings;
  missing += other.missing;
  anomalous += other.anomalous;
  injected += other.injected;
  expected += other.expected;
  with_expectation += other.with_expectation;
  return *this;
}

std::uint64_t Report::shards_without_expectation() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(shards, [](const ReportShard& shard) {
    return !shard.expectation_missing.empty() && shard.readings > 0;
  }));
}

tables::Deletions Report::deleted() const {
  tables::Deletions all;
  for (const ReportShard& shard : shards) {
    all.readings += shard.deleted.readings;
    all.events += shard.deleted.events;
    all.until = std::max(all.until, shard.deleted.until);
  }
  return all;
}

namespace {

// Of the files that could be read.
std::optional<score::Detectability> find_detectability(const data::Sources& sources, const Report& report) {
  if (report.total.sensors == 0) return std::nullopt;
  try {
    std::vector<data::SourceShard> shards;
    for (const ReportShard& shard : report.shards)
      shards.push_back(data::look_at(sources.folder / shard.file));
    return score::detectability_of(shards, report.total.readings / report.total.sensors);
  } catch (const std::exception&) {  // a file that has gone since, which says nothing of the others
    return std::nullopt;
  }
}

}  // namespace

Report make_report(const data::Sources& sources, ReadProgress& progress) {
  const std::vector<std::filesystem::path>& files = sources.files;
  Report report;
  report.directory = sources.text;
  data::RunConfigs configs;
  tbb::task_arena arena(affordable_threads());
  arena.execute([&] {
    const course::Course course = course::read_course(sources, configs);
    Gatherer gatherer(sources, course, report);
    tbb::parallel_for(std::size_t{0}, files.size(), [&](std::size_t i) {
      const std::string name = sources.name_of(files[i]);
      try {
        gatherer.add(name, read_shard(files[i], configs, course.slots, progress));
      } catch (const std::exception& error) {
        gatherer.add_unreadable(name, without_path(error.what(), files[i]));
      }
    });
    gatherer.complete();
    report.detectability = find_detectability(sources, report);
  });
  return report;
}

}  // namespace fleet_sim::report
