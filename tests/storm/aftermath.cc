#include "storm/aftermath.h"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace fleet_sim::test {
namespace {

// A new file whose first page was torn before anything in it was synced: nobody can go on with it.
void set_aside_if_torn(const std::string& path) {
  Database database;
  const bool whole = database.open_to_read(path).ok() && database.execute("PRAGMA integrity_check").ok() &&
                     database.execute("SELECT count(*) FROM sqlite_schema").ok();
  database.close();
  if (whole) return;
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path + ending);
}

std::string text_or_empty(const Statement& row, int column) {
  return std::string(row.text(column));
}

ShardState read_file(const std::string& path) {
  Database database;
  const StorageError error = database.open_to_read(path);
  demand(error.ok(), path + ": cannot be opened: " + error.message);
  Statement check;
  const StorageError refused = database.prepare("PRAGMA integrity_check", check);
  demand(refused.ok(), path + ": cannot be checked: " + refused.message);
  demand(check.step() == SQLITE_ROW, path + ": cannot be checked: " + database.error().message);
  demand(check.text(0) == "ok", path + ": fails the integrity check: " + std::string(check.text(0)));
  ShardState state{rows_of(path), {}, {}};
  Statement row;
  constexpr std::string_view events =
      "SELECT sensor_id, anomaly_type, channel, direction, magnitude, started_at, ended_at, "
      "readings_affected FROM anomaly_events ORDER BY id";
  if (!database.prepare(events, row).ok()) return state;
  while (row.step() == SQLITE_ROW) {
    const auto text = [&row](int column) { return text_or_empty(row, column); };
    state.events.push_back({text(0), text(1), text(2), text(3), text(4), text(5), text(6), row.integer(7)});
  }
  if (!database.prepare("SELECT run_id FROM run_losses", row).ok()) return state;
  while (row.step() == SQLITE_ROW) state.with_gaps.emplace(row.text(0));
  return state;
}

// A collector may have marked it since, or for ever.
bool same_row(const Row& then, const Row& now, bool marks_stay) {
  Row marked = then;
  if (!marks_stay || now.synced == 1) marked.synced = now.synced;
  return marked == now;
}

void demand_prefix(const std::string& path, const std::vector<Row>& shorter, const std::vector<Row>& longer,
                   bool marks_stay) {
  demand(shorter.size() <= longer.size(),
         path + ": had " + std::to_string(shorter.size()) + " rows, has " + std::to_string(longer.size()));
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    demand(same_row(shorter[i], longer[i], marks_stay),
           path + ": the row with id " + std::to_string(shorter[i].id) + " has changed");
  }
}

const StormRun* run_at(const std::deque<StormRun>& runs, Timestamp due) {
  for (const StormRun& run : runs) {
    if (run.info.start <= due && due < run.until) return &run;
  }
  return nullptr;
}

std::string name_of(const SensorTime& key) {
  return key.first + " at " + timestamp_text(key.second);
}

std::string text_of(double value) {
  Database database;
  database.open(":memory:");
  Statement row;
  database.prepare("SELECT ?1", row);
  row.bind(1, value);
  row.step();
  return std::string(row.text(0));
}

void check_event(const EventRow& row, const AnomalyEvent& expected, const std::string& name) {
  const bool same_identity =
      row.type == fleet_sim::name_of(expected.type) &&
      row.channel == (expected.channel ? fleet_sim::name_of(*expected.channel) : std::string_view()) &&
      row.direction == (expected.direction != 0 ? std::to_string(expected.direction) : "") &&
      row.magnitude == (expected.magnitude ? text_of(*expected.magnitude) : "");
  demand(same_identity, "the event of " + name + " is not what the replay has");
  demand(row.ended_at.empty() || row.ended_at == timestamp_text(expected.ended_at),
         "the event of " + name + " ends at " + row.ended_at);
  demand(row.readings_affected >= 1 && row.readings_affected <= expected.readings_affected,
         "the " + row.type + " of " + name + " counts " + std::to_string(row.readings_affected) +
             " readings, not " + std::to_string(expected.readings_affected));
}

}  // namespace

void Aftermath::read_files(const ShardPlan& plan) {
  before_ = std::move(now_);
  now_.clear();
  for (const std::vector<std::string>& paths : plan.paths) {
    for (const std::string& path : paths) {
      if (std::filesystem::exists(path)) now_.emplace(path, read_file(path));
    }
  }
}

std::uint64_t Aftermath::rows() const {
  std::uint64_t rows = 0;
  for (const auto& [path, state] : now_) rows += state.rows.size();
  return rows;
}

void Aftermath::inspect(const Process& process, const std::deque<StormRun>& runs, bool calm) {
  const std::uint64_t rows_before = rows();
  plan_ = process.plan();
  read_files(plan_);
  for (const auto& [path, state] : before_) demand_prefix(path, state.rows, now_[path].rows, true);
  const StormRun& run = runs.back();
  replays_[run.info.run_id] = replay(config_, roster_, run.info, run.until);
  check_rows(plan_, runs);
  check_gaps(plan_, runs);
  check_events(runs);

  const std::uint64_t added = rows() - rows_before;
  const std::uint64_t written = process.books().written;
  const std::uint64_t in_doubt = process.in_doubt();
  demand(written <= added && added <= written + in_doubt,
         "the books say " + std::to_string(written) + " rows were written (" + std::to_string(in_doubt) +
             " in doubt), but the files have " + std::to_string(added) + " more");
  if (calm) {
    demand(process.books().lost() == 0 && process.books().events_lost == 0, "lost without a fault");
    const std::set<SensorTime> there = readings_there();
    for (const SensorTime& reading : process.overdue()) {
      demand(there.contains(reading), "not committed within the flush interval: " + name_of(reading));
    }
  }
  if (!process.died()) check_run_is_complete(run, process.reached());
}

void Aftermath::inspect_after_power_failure(const UnsyncedWrites& disk, std::uint64_t in_doubt,
                                            const std::deque<StormRun>& runs) {
  for (const auto& [path, state] : now_) {
    if (!disk.ever_synced(path)) set_aside_if_torn(path);
  }
  read_files(plan_);
  for (const auto& [path, state] : before_) {
    demand_prefix(path, now_[path].rows, state.rows, false);
    if (config_.database.synchronous != Synchronous::full || !disk.ever_synced(path)) continue;
    demand(now_[path].rows.size() + in_doubt >= state.rows.size(), path + ": a synced commit is gone");
  }
  check_rows(plan_, runs);
  check_gaps(plan_, runs);
  check_events(runs);
}

void Aftermath::check_rows(const ShardPlan& plan, const std::deque<StormRun>& runs) {
  std::map<std::string, std::string> path_of;
  for (std::uint32_t i = 0; i < roster_.size(); ++i) {
    path_of[std::string(roster_[i].id)] = plan.paths[plan.place_of[i].writer][plan.place_of[i].shard];
  }
  std::set<SensorTime> seen;
  for (const auto& [path, state] : now_) {
    for (const Row& row : state.rows) {
      const SensorTime key(row.sensor_id, parse_timestamp(row.timestamp).value_or(0));
      const StormRun* run = run_at(runs, key.second);
      demand(run != nullptr, "no run has written the row of " + name_of(key));
      demand(seen.insert(key).second, "twice: " + name_of(key));
      const Replay& expected = replays_[run->info.run_id];
      const auto reading = expected.readings.find(key);
      demand(reading != expected.readings.end(), "not in the replay: " + name_of(key));
      demand(path_of[row.sensor_id] == path, "in another's file: " + name_of(key));
      check_row(row, *run, reading->second);
    }
  }
}

bool Aftermath::has_gaps(const std::string& run_id) const {
  return std::ranges::any_of(now_, [&](const auto& file) { return file.second.with_gaps.contains(run_id); });
}

// Everything due more than a second before a file's last row of a run is there, or the file says otherwise;
// and it says so only where something has been lost.
void Aftermath::check_gaps(const ShardPlan& plan, const std::deque<StormRun>& runs) {
  const std::set<SensorTime> there = readings_there();
  std::map<std::pair<std::string, const StormRun*>, Timestamp> last;
  for (const auto& [path, state] : now_) {
    for (const Row& row : state.rows) {
      const Timestamp due = parse_timestamp(row.timestamp).value_or(0);
      Timestamp& latest = last.try_emplace({path, run_at(runs, due)}, due).first->second;
      latest = std::max(latest, due);
    }
  }
  for (const StormRun& run : runs) {
    const bool has_lost = run.lost > 0 || run.events_lost > 0;
    demand(has_lost || !has_gaps(run.info.run_id),
           run.info.run_id + " has lost nothing, but a file has gaps");
    for (const auto& [key, reading] : replays_[run.info.run_id].readings) {
      if (there.contains(key)) continue;
      const ShardPlan::Place place = plan.place_of[std::stoul(key.first.substr(1))];
      const std::string& path = plan.paths[place.writer][place.shard];
      const auto latest = last.find({path, &run});
      demand(latest == last.end() || key.second >= latest->second - microseconds_per_second ||
                 now_[path].with_gaps.contains(run.info.run_id),
             "a gap that its file does not tell of: " + name_of(key));
    }
  }
}

void Aftermath::check_row(const Row& row, const StormRun& run, const Reading& expected) const {
  const SensorTime key(row.sensor_id, expected.due);
  const auto position = std::stoul(row.sensor_id.substr(1));  // "s17"
  const Identity& identity = roster_[position];
  const std::int64_t anomalous = expected.anomaly ? 1 : 0;
  const bool same = Values{row.temperature, row.vibration, row.voltage} == expected.values &&
                    row.timestamp == timestamp_text(expected.due) && row.status_code == anomalous &&
                    row.anomaly_flag == anomalous &&
                    row.anomaly_type.value_or("") ==
                        (expected.anomaly ? fleet_sim::name_of(*expected.anomaly) : std::string_view()) &&
                    row.firmware_version == roster_.text(identity.firmware_version) &&
                    row.model == roster_.text(identity.model) &&
                    row.manufacturer == roster_.text(identity.manufacturer) &&
                    row.location == roster_.text(identity.location);
  demand(same, "not as the replay has it: " + name_of(key) + " of " + run.info.run_id);
}

// Each event once, as the replay has it or as it was earlier; and one for every row that says it is part of
// one.
void Aftermath::check_events(const std::deque<StormRun>& runs) {
  std::set<SensorTime> there;
  for (const auto& [path, state] : now_) {
    for (const EventRow& row : state.events) {
      const SensorTime key(row.sensor_id, parse_timestamp(row.started_at).value_or(0));
      demand(there.insert(key).second, "an event twice: " + name_of(key));
      const AnomalyEvent* expected = nullptr;
      for (const StormRun& run : runs) {
        const auto found = replays_[run.info.run_id].events.find(key);
        if (found != replays_[run.info.run_id].events.end()) expected = &found->second;
      }
      demand(expected != nullptr, "an event that is not in the replay: " + name_of(key));
      check_event(row, *expected, name_of(key));
    }
  }
  for (const auto& [path, state] : now_) {
    for (const Row& row : state.rows) {
      const SensorTime key(row.sensor_id, parse_timestamp(row.timestamp).value_or(0));
      const StormRun* run = run_at(runs, key.second);
      if (!row.anomaly_type || run->events_lost > 0) continue;
      const auto event = std::prev(replays_[run->info.run_id].events.upper_bound(key));
      demand(there.contains(event->first), "a row without its event: " + name_of(key));
    }
  }
}

std::set<SensorTime> Aftermath::readings_there() const {
  std::set<SensorTime> there;
  for (const auto& [path, state] : now_) {
    for (const Row& row : state.rows) {
      there.emplace(row.sensor_id, parse_timestamp(row.timestamp).value_or(0));
    }
  }
  return there;
}

// After a stop nothing is missing but what was counted as lost; and where nothing was, the events are final.
void Aftermath::check_run_is_complete(const StormRun& run, Timestamp reached) const {
  const Replay& expected = replays_.at(run.info.run_id);
  const std::set<SensorTime> there = readings_there();
  std::uint64_t missing = 0;
  for (const auto& [key, reading] : expected.readings) {
    if (key.second < reached && !there.contains(key)) ++missing;
  }
  demand(missing <= run.lost, std::to_string(missing) + " readings are missing, but " +
                                  std::to_string(run.lost) + " were counted as lost");
  if (run.lost > 0 || run.events_lost > 0 || reached != run.until) return;
  std::map<SensorTime, const EventRow*> events;
  for (const auto& [path, state] : now_) {
    for (const EventRow& row : state.events) {
      events[{row.sensor_id, parse_timestamp(row.started_at).value_or(0)}] = &row;
    }
  }
  for (const auto& [key, event] : expected.events) {
    demand(events.contains(key), "no event for " + name_of(key));
    const EventRow& row = *events[key];
    demand(row.readings_affected == event.readings_affected && row.ended_at.empty() == !ends(event.kind),
           "the event of " + name_of(key) +
               " was not brought up to date: " + std::to_string(row.readings_affected) + " readings, not " +
               std::to_string(event.readings_affected));
  }
}

}  // namespace fleet_sim::test
