#include "storm/aftermath.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <tuple>

#include "sqlite/shard_key.h"
#include "types/built_in_type.h"

namespace fleet_sim::test {
namespace {

// A new file whose first page was torn before anything in it was synced: nobody can go on with it.
void set_aside_if_torn(const std::string& path) {
  tables::Database database;
  const bool whole = database.open_to_read(path).ok() && database.execute("PRAGMA integrity_check").ok() &&
                     database.execute("SELECT count(*) FROM sqlite_schema").ok();
  database.close();
  if (whole) return;
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path + ending);
}

std::string text_or_empty(const tables::Statement& row, int column) {
  return std::string(row.text(column));
}

ShardState read_file(const std::string& path) {
  tables::Database database;
  const tables::StorageError error = database.open_to_read(path);
  demand(error.ok(), path + ": cannot be opened: " + error.message);
  tables::Statement check;
  const tables::StorageError refused = database.prepare("PRAGMA integrity_check", check);
  demand(refused.ok(), path + ": cannot be checked: " + refused.message);
  demand(check.step() == SQLITE_ROW, path + ": cannot be checked: " + database.error().message);
  demand(check.text(0) == "ok", path + ": fails the integrity check: " + std::string(check.text(0)));
  ShardState state{rows_of(path), {}, {}, {}, {}};
  tables::Statement row;
  constexpr std::string_view events =
      "SELECT sensor_id, anomaly_type, channel, direction, magnitude, started_at, ended_at, "
      "readings_affected FROM anomaly_events ORDER BY id";
  if (!database.prepare(events, row).ok()) return state;
  while (row.step() == SQLITE_ROW) {
    const auto text = [&row](int column) { return text_or_empty(row, column); };
    state.events.push_back({text(0), text(1), text(2), text(3), text(4), text(5), text(6), row.integer(7)});
  }
  const bool has_losses = database.prepare("SELECT run_id FROM run_losses", row).ok();
  while (has_losses && row.step() == SQLITE_ROW) state.with_gaps.emplace(row.text(0));
  const bool has_reloads = database.prepare("SELECT run_id, at FROM run_reloads", row).ok();
  while (has_reloads && row.step() == SQLITE_ROW) {
    state.reloads.emplace(row.text(0), parse_timestamp(row.text(1)).value_or(0));
  }
  for (const char* const sql :
       {"SELECT run_id, sensor_id, name, started_at, failed, ended_at FROM fleet_events",
        "SELECT run_id, sensor_id, kind, due, sequence, arrived_at FROM deliveries"}) {
    if (!database.prepare(sql, row).ok()) continue;  // no such table
    while (row.step() == SQLITE_ROW) {
      state.truth.emplace_back(
          row.text(0), truth_text(row.text(1), row.text(2), parse_timestamp(row.text(3)).value_or(0),
                                  static_cast<std::uint64_t>(row.integer(4)), parse_timestamp(row.text(5))));
    }
  }
  return state;
}

// What one file had, and then the next under its name.
ShardState joined(const std::deque<ShardState>& pieces) {
  ShardState all;
  for (const ShardState& piece : pieces) {
    all.rows.insert(all.rows.end(), piece.rows.begin(), piece.rows.end());
    all.events.insert(all.events.end(), piece.events.begin(), piece.events.end());
    all.with_gaps.insert(piece.with_gaps.begin(), piece.with_gaps.end());
    all.reloads.insert(piece.reloads.begin(), piece.reloads.end());
    all.truth.insert(all.truth.end(), piece.truth.begin(), piece.truth.end());
  }
  return all;
}

// A collector may have marked it since, or forever.
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

SensorTime key_of(const Row& row) {
  return {row.sensor_id, parse_timestamp(row.due.empty() ? row.timestamp : row.due).value_or(0)};
}

Timestamp arrival_of(const Row& row) {
  return parse_timestamp(row.arrived_at.empty() ? row.timestamp : row.arrived_at).value_or(0);
}

std::string name_of(const SensorTime& key) {
  return key.first + " at " + timestamp_text(key.second);
}

std::string text_of(double value) {
  tables::Database database;
  database.open(":memory:");
  tables::Statement row;
  database.prepare("SELECT ?1", row);
  row.bind(1, value);
  row.step();
  return std::string(row.text(0));
}

void check_event(const EventRow& row, const Replay::Expected& known, const std::string& name) {
  const batch::AnomalyEvent& expected = known.last;
  const bool same_identity =
      row.type == fleet_sim::name_of(expected.type) &&
      row.channel == types::built_in_type().schema.name_of(expected.channel).value_or("") &&
      row.direction == (expected.direction != 0 ? std::to_string(expected.direction) : "") &&
      row.magnitude == (expected.magnitude ? text_of(*expected.magnitude) : "");
  demand(same_identity, "the event of " + name + " is not what the replay has");
  const bool had_ended = known.earlier_end && row.ended_at == timestamp_text(*known.earlier_end);
  demand(row.ended_at.empty() || had_ended || row.ended_at == timestamp_text(expected.ended_at),
         "the event of " + name + " ends at " + row.ended_at);
  // Of a dropout, those that are not there.
  const std::int64_t least = expected.type == AnomalyType::dropout ? 0 : 1;
  demand(row.readings_affected >= least && row.readings_affected <= expected.readings_affected,
         "the " + row.type + " of " + name + " counts " + std::to_string(row.readings_affected) +
             " readings, not " + std::to_string(expected.readings_affected));
}

}  // namespace

void Aftermath::read_files() {
  for (const std::string& path : paths_) find_set_aside(path);
  pieces_ = removed_;
  for (const std::string& path : paths_) {
    if (std::filesystem::exists(path)) pieces_[path].push_back(read_file(path));
  }
  before_ = std::move(now_);
  now_.clear();
  for (const auto& [path, pieces] : pieces_) now_.emplace(path, joined(pieces));
}

void Aftermath::remember(const std::string& path) {
  find_set_aside(path);
  removed_[path].push_back(read_file(path));
}

// In the order in which they were set aside: by the second, then by number.
void Aftermath::find_set_aside(const std::string& path) {
  const std::string beginning = std::filesystem::path(path).filename().string() + ".corrupt-";
  const std::size_t width = beginning.size() + std::string_view("20261123T114200Z").size();
  const auto order = [width](const std::string& name) {
    return std::tuple(name.substr(0, width), name.size(), name);
  };
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(config_.data_directory())) {
    const std::string name = entry.path().filename().string();
    const bool is_database = !name.ends_with("-wal") && !name.ends_with("-shm");
    if (name.starts_with(beginning) && is_database && set_aside_.insert(name).second) names.push_back(name);
  }
  std::ranges::sort(names, {}, order);
  for (const std::string& name : names) {
    removed_[path].push_back(read_file(std::filesystem::path(path).replace_filename(name).string()));
  }
}

const std::string& Aftermath::path_of(std::uint32_t identity) {
  const auto [entry, is_new] = path_of_.try_emplace(identity);
  if (is_new) {
    entry->second = sqlite::shard_path(config_, roster_, roster_[identity]);
  }
  return entry->second;
}

std::uint64_t Aftermath::rows() const {
  std::uint64_t rows = 0;
  for (const auto& [path, state] : now_) rows += state.rows.size();
  return rows;
}

std::uint64_t Aftermath::files_removed() const {
  std::uint64_t files = 0;
  for (const auto& [path, pieces] : removed_) files += pieces.size();
  return files;
}

void Aftermath::inspect(const Process& process, const std::deque<StormRun>& runs, bool calm) {
  const std::uint64_t rows_before = rows();
  for (const auto& of_writer : process.plan().targets) {
    for (const write::Target& target : of_writer) paths_.insert(target.name);
  }
  read_files();
  for (const auto& [path, state] : before_) demand_prefix(path, state.rows, now_[path].rows, true);
  const StormRun& run = runs.back();
  replays_[run.info.run_id] = replay(config_.sharding, roster_, run.info, run.editions, run.until);
  check_rows(runs);
  check_reloads(runs);
  check_gaps(runs);
  check_events(runs);
  check_truth();

  const std::uint64_t added = rows() - rows_before;
  const std::uint64_t written = process.books().written;
  const std::uint64_t in_doubt = process.in_doubt() + rows_again_;
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
  read_files();
  for (const auto& [path, state] : before_) {
    demand_prefix(path, now_[path].rows, state.rows, false);
    if (config_.sqlite.synchronous != config::Synchronous::full || !disk.ever_synced(path)) continue;
    demand(now_[path].rows.size() + in_doubt >= state.rows.size(), path + ": a synced commit is gone");
  }
  check_rows(runs);
  check_reloads(runs);
  check_gaps(runs);
  check_events(runs);
  check_truth();
}

void Aftermath::check_rows(const std::deque<StormRun>& runs) {
  std::map<SensorTime, const ShardState*> seen;
  std::map<const ShardState*, std::set<SensorTime>> again;  // what a later file has of one that is gone
  std::map<const ShardState*, std::map<SensorTime, std::size_t>> copies_in;
  for (const auto& [path, pieces] : pieces_) {
    for (const ShardState& piece : pieces) {
      for (const Row& row : piece.rows) {
        const SensorTime key = key_of(row);
        check_row(path, row, runs);
        const auto [first, is_new] = seen.try_emplace(key, &piece);
        const std::size_t copies = ++copies_in[&piece][key];
        demand(copies <= replays_[run_at(runs, key.second)->info.run_id].readings.at(key).copies,
               "too often: " + name_of(key));
        if (first->second != &piece) again[first->second].insert(key);
      }
    }
  }
  rows_again_ = 0;
  for (const auto& [piece, keys] : again) check_doubt(*piece, keys);
}

// A commit that failed may stand in the file all the same. When the file then goes, its rows come again; they
// were the last ones there.
void Aftermath::check_doubt(const ShardState& piece, const std::set<SensorTime>& again) {
  const auto rows = static_cast<std::size_t>(
      std::ranges::count_if(piece.rows, [&](const Row& row) { return again.contains(key_of(row)); }));
  for (const Row& row : std::span(piece.rows).last(rows)) {
    demand(again.contains(key_of(row)), "twice, but not for a commit in doubt: " + name_of(*again.begin()));
  }
  rows_again_ += rows;
}

// Who finds a row in a file finds there under which settings it was made.
void Aftermath::check_reloads(const std::deque<StormRun>& runs) const {
  for (const auto& [path, pieces] : pieces_) {
    for (const ShardState& piece : pieces) {
      std::set<std::pair<std::string, Timestamp>> needed;
      for (const Row& row : piece.rows) {
        const Timestamp due = key_of(row).second;
        const StormRun* run = run_at(runs, due);
        for (std::size_t e = 1; e < run->editions.size() && run->editions[e].from <= due; ++e) {
          needed.emplace(run->info.run_id, run->editions[e].from);
        }
      }
      demand(std::ranges::includes(piece.reloads, needed), path + ": does not tell of a reload");
    }
  }
}

bool Aftermath::can_resume(const StormRun& run) const {
  return !has_gaps(run.info.run_id) && !has_lost_files(run);
}

bool Aftermath::has_record_of(const std::string& run_id, Timestamp reload) const {
  return std::ranges::any_of(now_, [&](const auto& file) {
    return file.second.reloads.contains({run_id, reload});
  });
}

bool Aftermath::has_lost_files(const StormRun& run) const {
  const auto is_its_own = [&run](const Row& row) {
    const Timestamp due = key_of(row).second;
    return run.info.start <= due && due < run.until;
  };
  return std::ranges::any_of(removed_, [&](const auto& of_path) {
    return std::ranges::any_of(
        of_path.second, [&](const ShardState& piece) { return std::ranges::any_of(piece.rows, is_its_own); });
  });
}

bool Aftermath::has_gaps(const std::string& run_id) const {
  return std::ranges::any_of(now_, [&](const auto& file) { return file.second.with_gaps.contains(run_id); });
}

// Everything due more than a second before a file's last row of a run is there, or the file says otherwise;
// and it says so only where something has been lost.
void Aftermath::check_gaps(const std::deque<StormRun>& runs) {
  const std::set<SensorTime> there = readings_there();
  std::map<std::pair<std::string, const StormRun*>, Timestamp> last;
  for (const auto& [path, state] : now_) {
    for (const Row& row : state.rows) {
      const Timestamp arrival = arrival_of(row);
      Timestamp& latest = last.try_emplace({path, run_at(runs, key_of(row).second)}, arrival).first->second;
      latest = std::max(latest, arrival);
    }
  }
  for (const StormRun& run : runs) {
    const bool has_lost = run.lost > 0 || run.events_lost > 0 || run.has_skipped;
    demand(has_lost || !has_gaps(run.info.run_id),
           run.info.run_id + " has lost and skipped nothing, but a file has gaps");
    for (const auto& [key, taken] : replays_[run.info.run_id].readings) {
      if (there.contains(key)) continue;
      const std::string& path = path_of(taken.reading.sensor);
      const auto latest = last.find({path, &run});
      demand(latest == last.end() || taken.arrives_at() >= latest->second - microseconds_per_second ||
                 now_[path].with_gaps.contains(run.info.run_id),
             "a gap that its file does not tell of: " + name_of(key));
    }
  }
}

void Aftermath::check_row(const std::string& path, const Row& row, const std::deque<StormRun>& runs) {
  const SensorTime key = key_of(row);
  const StormRun* run = run_at(runs, key.second);
  demand(run != nullptr, "no run has written the row of " + name_of(key));
  const Replay& replay = replays_[run->info.run_id];
  const auto found = replay.readings.find(key);
  demand(found != replay.readings.end(), "not in the replay: " + name_of(key));
  const batch::Reading& expected = found->second.reading;
  demand(path_of(expected.sensor) == path, "in another's file: " + name_of(key));
  const identity::Identity identity = roster_.shown(expected.sensor, expected.overlay);
  const std::int64_t anomalous = expected.anomaly ? 1 : 0;
  const bool same =
      batch::Values{row.temperature, row.vibration, row.voltage} == expected.values &&
      row.timestamp == timestamp_text(batch::Row(expected).stamp()) && row.status_code == anomalous &&
      row.anomaly_flag == anomalous &&
      row.anomaly_type.value_or("") ==
          (expected.anomaly ? fleet_sim::name_of(*expected.anomaly) : std::string_view()) &&
      row.firmware_version == roster_.text(identity.firmware_version) &&
      row.model == roster_.text(identity.model) && row.manufacturer == roster_.text(identity.manufacturer) &&
      row.location == roster_.text(identity.location) &&
      (!expected.arrival || (row.arrived_at == timestamp_text(expected.arrival->at) &&
                             row.sequence == static_cast<std::int64_t>(expected.arrival->sequence)));
  demand(same, "not as the replay has it: " + name_of(key) + " of " + run->info.run_id);
}

// Each event once, as the replay has it or as it was earlier; and one for every row that says it is part of
// one.
void Aftermath::check_events(const std::deque<StormRun>& runs) {
  std::set<SensorTime> there;
  for (const auto& [path, pieces] : pieces_) {
    for (const ShardState& piece : pieces) {
      std::set<SensorTime> there_once;  // the next file may tell of one that went on
      for (const EventRow& row : piece.events) {
        const SensorTime key(row.sensor_id, parse_timestamp(row.started_at).value_or(0));
        demand(there_once.insert(key).second, "an event twice: " + name_of(key));
        const Replay::Expected* expected = nullptr;
        for (const StormRun& run : runs) {
          const auto found = replays_[run.info.run_id].events.find(key);
          if (found != replays_[run.info.run_id].events.end()) expected = &found->second;
        }
        demand(expected != nullptr, "an event that is not in the replay: " + name_of(key));
        check_event(row, *expected, name_of(key));
      }
      there.merge(there_once);
    }
  }
  for (const auto& [path, state] : now_) {
    for (const Row& row : state.rows) {
      const SensorTime key = key_of(row);
      const StormRun* run = run_at(runs, key.second);
      if (!row.anomaly_type || run->events_lost > 0) continue;
      const Timestamp since = replays_[run->info.run_id].readings.at(key).anomaly_since;
      demand(there.contains({row.sensor_id, since}), "a row without its event: " + name_of(key));
    }
  }
}

// Each once, as the replay has it.
void Aftermath::check_truth() {
  for (const auto& [path, pieces] : pieces_) {
    for (const ShardState& piece : pieces) {
      std::set<std::string> there_once;
      for (const auto& [run, text] : piece.truth) {
        demand(there_once.insert(text).second, "twice in " + path + ": " + text);
        demand(replays_[run].truth.contains(text), "not in the replay of " + run + ": " + text);
      }
    }
  }
}

std::set<SensorTime> Aftermath::readings_there() const {
  std::set<SensorTime> there;
  for (const auto& [path, state] : now_) {
    for (const Row& row : state.rows) {
      there.insert(key_of(row));
    }
  }
  return there;
}

// After a stop nothing is missing but what was counted as lost; and where nothing was, the events are final.
void Aftermath::check_run_is_complete(const StormRun& run, Timestamp reached) const {
  const Replay& expected = replays_.at(run.info.run_id);
  const std::set<SensorTime> there = readings_there();
  std::uint64_t missing = 0;
  for (const auto& [key, taken] : expected.readings) {
    if (taken.arrives_at() < reached && !there.contains(key) && !run.skipped.contains(key)) ++missing;
  }
  demand(missing <= run.lost, std::to_string(missing) + " readings are missing, but " +
                                  std::to_string(run.lost) + " were counted as lost");
  if (run.lost > 0 || run.events_lost > 0 || reached != run.until) return;
  std::set<std::string> truth;
  for (const auto& [path, state] : now_) {
    for (const auto& [run_id, text] : state.truth) truth.insert(text);
  }
  for (const std::string& text : expected.truth) demand(truth.contains(text), "no row for " + text);
  std::map<SensorTime, const EventRow*> events;
  for (const auto& [path, state] : now_) {
    for (const EventRow& row : state.events) {
      events[{row.sensor_id, parse_timestamp(row.started_at).value_or(0)}] = &row;
    }
  }
  for (const auto& [key, known] : expected.events) {
    const batch::AnomalyEvent& event = known.last;
    demand(events.contains(key), "no event for " + name_of(key));
    const EventRow& row = *events[key];
    demand(
        row.readings_affected == event.readings_affected && row.ended_at.empty() == !batch::ends(event.kind),
        "the event of " + name_of(key) +
            " was not brought up to date: " + std::to_string(row.readings_affected) + " readings, not " +
            std::to_string(event.readings_affected));
  }
}

}  // namespace fleet_sim::test
