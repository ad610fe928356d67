#include "run/resume.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/cadence.h"
#include "base/plain_text.h"
#include "base/random.h"
#include "config/config_keys.h"
#include "config/load_config.h"
#include "data/data_directory.h"
#include "fleet/fleet.h"
#include "model/sensor.h"
#include "run/describe_run.h"
#include "run/sinks.h"

namespace fleet_sim::run {
namespace {

// A run that lies in one file or, when that is empty, in several.
struct PlacedRun {
  data::RecordedRun run;
  std::filesystem::path file;
};

// What every shard of the directory tells of, each run once; one that lies in one file, once for each copy.
std::vector<PlacedRun> all_runs(const std::filesystem::path& directory) {
  const std::vector<std::filesystem::path> files = data::find_shards(directory);
  std::vector<std::vector<data::RecordedRun>> of_file(files.size());
  tbb::parallel_for(std::size_t{0}, files.size(), [&](std::size_t i) {
    sqlite::Database shard = data::open_shard(files[i]);
    if (sqlite::check_schema(shard).ok()) of_file[i] = data::read_runs(shard, files[i]);
  });
  std::vector<PlacedRun> runs;
  std::set<std::string> known;
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (const data::RecordedRun& run : of_file[i]) {
      const bool in_one_file = run.shard_by == "none";
      const bool is_special = in_one_file || run.reload_count > 0 || run.has_losses;
      if (!known.insert(run.run_id).second && !is_special) continue;
      runs.push_back({run, in_one_file ? files[i].filename() : std::filesystem::path()});
    }
  }
  return runs;
}

// What a reloaded run would have gone on as lies in files that may have changed since, and its sensors'
// anomalies hang on when it was reloaded.
void check_not_reloaded(const std::vector<PlacedRun>& runs, const sqlite::RunInfo& best) {
  for (const PlacedRun& placed : runs) {
    if (placed.run.run_id != best.run_id || placed.run.reload_count == 0) continue;
    throw InvalidInput(
        "--resume: run " + printable(best.run_id) +
        " was reloaded while it ran (table run_reloads), and such a run cannot be gone on with; "
        "begin another run without --resume");
  }
}

// What was left out in the middle cannot be written behind what followed it, and what was lost of the
// anomalies would have to be known to go on from.
void check_whole(const std::vector<PlacedRun>& runs, const sqlite::RunInfo& best) {
  for (const PlacedRun& placed : runs) {
    if (placed.run.run_id != best.run_id || !placed.run.has_losses) continue;
    throw InvalidInput("--resume: run " + printable(best.run_id) +
                       " has lost or skipped rows because its files could not be written, or not fast "
                       "enough (table run_losses), and such a run cannot be gone on with; begin another run "
                       "without --resume");
  }
}

bool holds_shards(const std::filesystem::path& directory) {
  std::error_code none;
  for (std::filesystem::directory_iterator entry(directory, none), end; !none && entry != end;
       entry.increment(none)) {
    if (data::has_shard_name(entry->path())) return true;
  }
  return false;
}

std::filesystem::path file_name_of(const config::Config& config) {
  return std::filesystem::path(config.sqlite.path).filename();
}

using IndexOfId = std::unordered_map<std::string_view, std::uint32_t>;

IndexOfId index_of_ids(const Inputs& inputs) {
  IndexOfId index;
  index.reserve(inputs.members.size());
  for (const std::uint32_t member : inputs.members)
    index.emplace(inputs.identities.roster[member].id, member);
  return index;
}

// The due time of the sensor's first reading that the shard does not hold. One left out by missing data
// counts as not held.
Timestamp first_absent(const Inputs& inputs, const sqlite::RunInfo& run, std::uint32_t member,
                       const data::FoundShard& found) {
  const identity::Roster& roster = inputs.identities.roster;
  const identity::Identity& identity = roster[member];
  const Cadence cadence(fleet::rate_of(roster, identity, inputs.config));
  const Timestamp first_due = run.start + model::phase_of(hash_text(identity.id), cadence);
  std::uint64_t k = cadence.count_before(found.rows().complete_until() - first_due);
  while (found.rows().has_reading(member, first_due + cadence.offset(k))) ++k;
  return first_due + cadence.offset(k);
}

std::vector<write::Place> all_places(const sqlite::ShardPlan& plan) {
  std::vector<write::Place> places;
  for (std::uint32_t writer = 0; writer < plan.paths.size(); ++writer) {
    for (std::uint32_t shard = 0; shard < plan.paths[writer].size(); ++shard)
      places.push_back({writer, shard});
  }
  return places;
}

// An anomaly that a sensor was in the middle of would be gone with its rows.
void check_not_deleted(const data::FoundShard& found, Timestamp moment, const std::string& path,
                       const sqlite::RunInfo& run) {
  if (!found.deleted_until() || *found.deleted_until() < moment) return;
  throw InvalidInput("--resume: run " + printable(run.run_id) + " would go on at " + timestamp_text(moment) +
                     ", where another file ends, but " + printable(path) + " has had its rows up to " +
                     timestamp_text(*found.deleted_until()) +
                     " deleted by database.retention; begin another run without --resume");
}

void remember_latest(const std::vector<data::FoundShard::BegunBefore>& begun, fleet::PastAnomalies& past) {
  for (const data::FoundShard::BegunBefore& event : begun) {
    fleet::PastAnomaly& latest =
        past.try_emplace(event.sensor, fleet::PastAnomaly{event.type, event.started_at}).first->second;
    if (event.started_at > latest.started_at) latest = {event.type, event.started_at};
  }
}

}  // namespace

std::optional<sqlite::RunInfo> find_run(const config::Config& asked) {
  const std::filesystem::path directory = asked.data_directory();
  if (!holds_shards(directory)) return std::nullopt;
  const std::vector<PlacedRun> runs = all_runs(directory);
  const std::string partition = setting_text(asked, "fleet.partition");
  const auto rank = [named = file_name_of(asked)](const PlacedRun& placed) {
    return std::pair(placed.file.empty() || placed.file == named, placed.run.began_at);
  };
  const PlacedRun* best = nullptr;
  for (const PlacedRun& placed : runs) {
    if (placed.run.partition != partition) continue;
    if (best == nullptr || rank(placed) > rank(*best)) best = &placed;
  }
  if (best != nullptr) {
    check_not_reloaded(runs, best->run);
    check_whole(runs, best->run);
    return best->run;
  }
  if (!runs.empty() && asked.fleet.partition == config::Partition{}) {
    throw InvalidInput("--resume: " + directory.string() + " holds partition " +
                       printable(runs.front().run.partition) +
                       "; name the one to go on with by --partition K/N");
  }
  return std::nullopt;
}

config::Config recorded_config(const sqlite::RunInfo& run) {
  Problems problems;
  config::Config config = config::read_config(run.config, "run_info of run " + run.run_id, problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
  config.simulation.seed = run.seed;
  config.clock.start = run.start;
  return config;
}

void check_resumable(const config::Config& config, const config::Config& recorded, Problems& problems) {
  const std::string remedy = "; leave it as it was, or begin another run without --resume";
  for (const config::ConfigKey& key : config::config_keys()) {
    if (key.decides == config::Decides::nothing || key.equal(config, recorded)) continue;
    problems.add("--resume", fmt::format("{} is {}, but the run was begun with {}{}", key.name,
                                         key.get(config), key.get(recorded), remedy));
  }
  if (config.behaviors != recorded.behaviors) {
    problems.add("--resume", "behaviors differ from those the run was begun with" + remedy);
  }
  if (recorded.sharding.key == config::ShardKey::none && file_name_of(config) != file_name_of(recorded)) {
    problems.add("--resume", "database.path names the file " + in_quotes(file_name_of(config).string()) +
                                 ", but the run was begun in " + in_quotes(file_name_of(recorded).string()) +
                                 remedy);
  }
  if (const SinkKind& sink = sink_of(config); !sink.keeps_files) {
    problems.add("--resume", std::string(sink.name) + " keeps nothing that a run could go on from");
  }
}

void check_same_fleet(const Inputs& inputs, const sqlite::RunInfo& run, Problems& problems) {
  const bool same_hash =
      run.fleet_hash.empty() || run.fleet_hash == fleet_hash(inputs.identities.roster, inputs.members);
  if (run.fleet_size == inputs.members.size() && same_hash) return;
  problems.add("--resume", "the identities are not those the run was begun with (" +
                               std::to_string(run.fleet_size) + " sensors then, " +
                               std::to_string(inputs.members.size()) +
                               " now); restore them, or begin another run without --resume");
}

Resumption plan_resumption(const Inputs& inputs, const sqlite::ShardPlan& plan, const sqlite::RunInfo& run) {
  const IndexOfId index = index_of_ids(inputs);
  const data::FindSensor find_sensor = [&index](std::string_view id) -> std::optional<std::uint32_t> {
    const auto found = index.find(id);
    return found == index.end() ? std::nullopt : std::optional(found->second);
  };
  Resumption resumption{latest_timestamp, {}, {}, earliest_timestamp};
  const std::vector<write::Place> places = all_places(plan);
  for (const auto& paths : plan.paths) resumption.found.emplace_back(paths.size());
  const auto found_at = [&resumption](write::Place place) -> std::unique_ptr<data::FoundShard>& {
    return resumption.found[place.writer][place.shard];
  };
  tbb::parallel_for(std::size_t{0}, places.size(), [&](std::size_t i) {
    const std::string& path = plan.paths[places[i].writer][places[i].shard];
    found_at(places[i]) = std::make_unique<data::FoundShard>(path, run.run_id, find_sensor);
  });
  // The last second that is there comes again in any case, to be held against what is there.
  Timestamp last_second = earliest_timestamp;
  for (const std::uint32_t member : inputs.members) {
    const data::FoundShard& found = *found_at(plan.place_of[member]);
    resumption.moment = std::min(resumption.moment, first_absent(inputs, run, member, found));
    last_second = std::max(last_second, found.rows().complete_until());
  }
  resumption.all_new_from = last_second + 2 * microseconds_per_second;
  resumption.moment = std::max(run.start, std::min(resumption.moment, last_second));
  for (const write::Place& place : places) {
    check_not_deleted(*found_at(place), resumption.moment, plan.paths[place.writer][place.shard], run);
  }
  std::vector<std::vector<data::FoundShard::BegunBefore>> begun(places.size());
  tbb::parallel_for(std::size_t{0}, places.size(), [&](std::size_t i) {
    begun[i] = found_at(places[i])->read_events(resumption.moment, find_sensor);
  });
  for (const auto& of_shard : begun) remember_latest(of_shard, resumption.past);
  return resumption;
}

sqlite::ExpectedFiles found_files(const std::vector<std::string>& paths,
                                  const Resumption::FoundShards& found) {
  sqlite::ExpectedFiles files;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const sqlite::LastIds& last = found[i]->last_ids();
    if (last.reading > 0 || last.event > 0) files.emplace(paths[i], last);
  }
  return files;
}

std::vector<write::FoundRows> take_rows(Resumption::FoundShards found) {
  std::vector<write::FoundRows> rows;
  rows.reserve(found.size());
  for (const auto& shard : found) rows.push_back(std::move(*shard).take_rows());
  return rows;
}

}  // namespace fleet_sim::run
