#include "course/course.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <mutex>
#include <utility>

#include "scenario/scenario.h"
#include "timeline/plan.h"

namespace fleet_sim::course {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_turns = 100;  // of an entry, that are marked
constexpr std::array<std::string_view, 3> kind_names{"scenario", "reload", "injection"};

// What the shards record of what happened, each thing once.
class Records {
 public:
  void add(const fs::path& file) {
    tables::Database shard = data::open_shard(file);
    if (!data::has_table(shard, "run_info", file)) return;
    std::vector<data::RecordedRun> runs = data::read_runs(shard, file);
    data::read_reloads(shard, runs, file);
    const std::vector<Timestamp> ends = ends_of_rows(shard, file);
    const std::vector<Timestamp> injected = injections(shard, file);
    const std::map<std::string, std::vector<Timestamp>> reached = moments(shard, file);
    const std::lock_guard lock(mutex_);
    for (const auto& [name, moments] : reached)
      reached_[name].insert(reached_[name].end(), moments.begin(), moments.end());
    for (const Timestamp at : ends) {
      first_ = std::min(first_, at);
      last_ = std::max(last_, at);
    }
    injected_.insert(injected_.end(), injected.begin(), injected.end());
    for (data::RecordedRun& run : runs) add(std::move(run));
  }

  Course course(data::RunConfigs& configs) {
    Course course;
    for (const auto& [id, run] : runs_) add_marks_of(run, configs, course.marks);
    std::erase_if(course.marks, [this](const Mark& mark) { return mark.at < first_ || mark.at > last_; });
    std::ranges::stable_sort(course.marks, {}, &Mark::at);
    if (course.marks.size() > Course::most_marks) {
      course.marks_left_out = course.marks.size() - Course::most_marks;
      course.marks.resize(Course::most_marks);
    }
    count_sensors(course.marks);
    if (first_ < last_) cut(course, first_, last_);
    add_injections(course);
    return course;
  }

 private:
  // Times of rows hardly go back, so the first and the last row show how far they reach.
  static std::vector<Timestamp> ends_of_rows(tables::Database& shard, const fs::path& file) {
    std::vector<Timestamp> ends;
    if (!data::has_table(shard, "sensor_readings", file)) return ends;
    const auto ids = data::find_reading_ids(shard, file);
    if (!ids) return ends;
    tables::Statement row =
        data::prepare_query(shard, "SELECT timestamp FROM sensor_readings WHERE id = ?1 OR id = ?2", file);
    row.bind(1, ids->first);
    row.bind(2, ids->last);
    while (data::next_row(row, shard, file)) {
      if (const auto at = parse_timestamp(row.text(0))) ends.push_back(*at);
    }
    return ends;
  }

  static std::vector<Timestamp> injections(tables::Database& shard, const fs::path& file) {
    std::vector<Timestamp> injected;
    if (!data::has_table(shard, "anomaly_events", file)) return injected;
    tables::Statement row =
        data::prepare_query(shard, "SELECT started_at FROM anomaly_events WHERE cause = 'injected'", file);
    while (data::next_row(row, shard, file)) {
      if (const auto at = parse_timestamp(row.text(0))) injected.push_back(*at);
    }
    return injected;
  }

  // When each entry of a scenario reached a sensor.
  static std::map<std::string, std::vector<Timestamp>> moments(tables::Database& shard,
                                                               const fs::path& file) {
    std::map<std::string, std::vector<Timestamp>> moments;
    if (!data::has_table(shard, "fleet_events", file)) return moments;
    tables::Statement row = data::prepare_query(shard, "SELECT name, started_at FROM fleet_events", file);
    while (data::next_row(row, shard, file)) {
      if (const auto at = parse_timestamp(row.text(1))) moments[std::string(row.text(0))].push_back(*at);
    }
    return moments;
  }

  // A sensor is of the last mark of the entry before it.
  void count_sensors(std::vector<Mark>& marks) {
    std::map<std::string_view, Mark*> last;
    for (auto& [name, moments] : reached_) std::ranges::sort(moments);
    for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) {
      const auto reached = reached_.find(mark->name);
      if (mark->kind != Mark::Kind::scenario || reached == reached_.end()) continue;
      const std::vector<Timestamp>& moments = reached->second;
      const auto next = last.find(mark->name);
      const auto end =
          next == last.end() ? moments.end() : std::ranges::lower_bound(moments, next->second->at);
      mark->count = static_cast<std::uint64_t>(end - std::ranges::lower_bound(moments, mark->at));
      last[mark->name] = &*mark;
    }
  }

  // A shard records a reload with its first rows after it, so each may know of others.
  void add(data::RecordedRun run) {
    first_ = std::min(first_, run.start);
    std::vector<tables::RunReload> reloads = std::move(run.reloads);
    auto& [known, by_number] = runs_[run.run_id];
    if (known.run_id.empty()) known = std::move(run);
    for (tables::RunReload& reload : reloads) by_number.try_emplace(reload.number, std::move(reload));
  }

  struct Run {
    data::RecordedRun info;
    std::map<std::uint64_t, tables::RunReload> reloads;
  };

  static void add_marks_of(const Run& run, data::RunConfigs& configs, std::vector<Mark>& marks) {
    const config::Config* config = configs.find_or_read_config(run.info.config);
    Timestamp from = run.info.start;
    for (const auto& [number, reload] : run.reloads) {
      if (config != nullptr) add_marks(*config, run.info.start, from, reload.at, marks);
      config = configs.find_or_read_config(reload.config);
      from = reload.at;
      if (marks.size() < 2 * Course::most_marks)
        marks.push_back({.at = reload.at, .kind = Mark::Kind::reload, .what = reload.changes});
    }
    if (config != nullptr) add_marks(*config, run.info.start, from, latest_timestamp, marks);
  }

  // Those of a slot are one mark.
  void add_injections(Course& course) {
    std::ranges::sort(injected_);
    PieceOfTime slot;
    std::map<std::uint32_t, Mark> by_slot;
    for (const Timestamp at : injected_) {
      Mark& mark = by_slot.try_emplace(slot.of(course.slots, at), Mark{.at = at}).first->second;
      mark.kind = Mark::Kind::injection;
      ++mark.count;
    }
    for (auto& [number, mark] : by_slot) course.marks.push_back(std::move(mark));
    std::ranges::stable_sort(course.marks, {}, &Mark::at);
  }

  std::mutex mutex_;
  std::map<std::string, Run> runs_;
  std::vector<Timestamp> injected_;
  std::map<std::string, std::vector<Timestamp>> reached_;  // by entry
  Timestamp first_ = latest_timestamp;
  Timestamp last_ = std::numeric_limits<Timestamp>::min();
};

// The waves of a turn that begins at `begins`.
void add_turn(const timeline::PlannedEntry& planned, Timestamp begins, Timestamp from, Timestamp until,
              std::vector<Mark>& marks) {
  const scenario::Entry& entry = planned.entry;
  const std::vector<scenario::Wave> waves =
      entry.waves.empty() ? std::vector<scenario::Wave>{{.delay = 0, .share = 1}} : entry.waves;
  for (std::size_t i = 0; i < waves.size(); ++i) {
    const Timestamp at = begins + waves[i].delay;
    if (at < from || at >= until || at > planned.last || marks.size() >= 2 * Course::most_marks) continue;
    Mark& mark = marks.emplace_back(Mark{.at = at, .name = entry.name, .what = scenario::verb_text(entry)});
    if (waves.size() > 1) mark.what += fmt::format(", wave {} of {}", i + 1, waves.size());
    if (entry.duration > 0) mark.until = at + entry.spread + entry.duration;
  }
}

}  // namespace

std::string_view name_of(Mark::Kind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

void add_marks(const config::Config& config, Timestamp start, Timestamp from, Timestamp until,
               std::vector<Mark>& marks) {
  for (const timeline::PlannedEntry& planned : timeline::plan_of(config.scenario, start)) {
    Timestamp begins = planned.at;
    for (std::size_t turn = 0; turn < most_turns && begins < until; ++turn) {
      add_turn(planned, begins, from, until, marks);
      if (planned.entry.every == 0 || begins > latest_timestamp - planned.entry.every) break;
      begins += planned.entry.every;
    }
  }
}

// Of stretches that are too many, those shortest before them go. A slot hardly shorter than the others ends
// where a stretch does.
void cut(Course& course, Timestamp first, Timestamp last) {
  std::vector<Timestamp>& stretches = course.stretches;
  for (const Mark& mark : course.marks) {
    const bool changes_fleet = mark.kind != Mark::Kind::injection;
    if (changes_fleet && mark.at > first && mark.at != stretches.back()) stretches.push_back(mark.at);
  }
  while (stretches.size() > Course::most_stretches) {
    std::size_t closest = 2;
    for (std::size_t i = 3; i < stretches.size(); ++i) {
      if (stretches[i] - stretches[i - 1] < stretches[closest] - stretches[closest - 1]) closest = i;
    }
    stretches.erase(stretches.begin() + static_cast<std::ptrdiff_t>(closest));
  }
  course.slots = stretches;
  const Microseconds step = std::max<Microseconds>(1, (last - first) / Course::usual_slots);
  for (std::size_t i = 1; i < Course::usual_slots; ++i) {
    const Timestamp at = first + step * static_cast<Microseconds>(i);
    const auto next = std::ranges::upper_bound(stretches, at);
    const bool is_near = (next != stretches.end() && *next - at < step / 3) ||
                         (next != stretches.begin() + 1 && at - *(next - 1) < step / 3);
    if (!is_near) course.slots.push_back(at);
  }
  std::ranges::sort(course.slots);
}

Course read_course(const data::Sources& sources, data::RunConfigs& configs) {
  Records records;
  tbb::parallel_for(std::size_t{0}, sources.files.size(), [&](std::size_t i) {
    try {
      records.add(sources.files[i]);
    } catch (const std::exception&) {
      // Who reads its rows names it.
    }
  });
  return records.course(configs);
}

}  // namespace fleet_sim::course
