#include "start/resume.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/plain_text.h"
#include "config/config_changes.h"
#include "config/config_keys.h"
#include "config/load_config.h"
#include "data/data_directory.h"
#include "declare/changes.h"
#include "history/history.h"
#include "identity/identity_changes.h"
#include "manifest/manifest.h"
#include "manifest/read_manifest.h"
#include "sqlite/shard_key.h"
#include "start/describe_run.h"
#include "start/sinks.h"
#include "start/stored_run.h"
#include "types/built_in_type.h"

namespace fleet_sim::start {
namespace {

constexpr bool has_server = config::row_of(config::Sink::postgresql).is_built;

// A run, and a file that tells of it. One that is not sharded lies in the `file` that its config names, and
// in a sibling of that for each declared type.
struct PlacedRun {
  data::RecordedRun run;
  std::filesystem::path path;
  std::filesystem::path file;  // empty: it is sharded
};

// The name of a shard of an unsharded run, without the type in it.
std::filesystem::path name_in_config(const std::filesystem::path& path, tables::Database& shard) {
  types::Schema schema = types::built_in_type().schema;
  const std::string name = path.filename().string();
  return tables::read_schema(shard, schema).ok() ? sqlite::name_without_type(name, schema.type()) : name;
}

// What the shards tell of, each run once; one that is not sharded, once for each file.
std::vector<PlacedRun> all_runs(const std::vector<std::filesystem::path>& files) {
  std::vector<std::vector<data::RecordedRun>> of_file(files.size());
  std::vector<std::filesystem::path> names(files.size());
  tbb::parallel_for(std::size_t{0}, files.size(), [&](std::size_t i) {
    tables::Database shard = data::open_shard(files[i]);
    if (!tables::check_schema(shard).ok()) return;
    of_file[i] = data::read_runs(shard, files[i]);
    const bool is_needed =
        std::ranges::find(of_file[i], "none", &data::RecordedRun::shard_by) != of_file[i].end();
    if (is_needed) names[i] = name_in_config(files[i], shard);
  });
  std::vector<PlacedRun> runs;
  std::set<std::string> known;
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (const data::RecordedRun& run : of_file[i]) {
      const bool is_sharded = run.shard_by != "none";
      const bool is_special = !is_sharded || run.has_losses;
      if (!known.insert(run.run_id).second && !is_special) continue;
      runs.push_back({run, files[i], is_sharded ? std::filesystem::path() : names[i]});
    }
  }
  return runs;
}

// The files that tell of an unsharded run, without copies that have other names.
std::vector<std::filesystem::path> files_of(const PlacedRun& run, const std::vector<PlacedRun>& runs) {
  std::vector<std::filesystem::path> files;
  for (const PlacedRun& placed : runs) {
    if (placed.run.run_id == run.run.run_id && placed.file == run.file) files.push_back(placed.path);
  }
  return files;
}

// What was left out in the middle cannot be written behind what followed it, and what was lost of the
// anomalies would have to be known to go on from.
void check_whole(const std::vector<PlacedRun>& runs, const tables::RunInfo& best) {
  for (const PlacedRun& placed : runs) {
    if (placed.run.run_id != best.run_id || !placed.run.has_losses) continue;
    throw InvalidInput(
        fmt::format("--resume: run {} cannot be resumed: it lost or skipped rows because writing failed or "
                    "was too slow (table run_losses); start a new run without --resume",
                    printable(best.run_id)));
  }
}

data::RunRecord read_record(const std::vector<std::filesystem::path>& files, const data::RecordedRun& run) {
  try {
    return data::read_record(files, run.run_id, run.config);
  } catch (const InvalidInput& incomplete) {
    throw InvalidInput(fmt::format("--resume: {}; start a new run without --resume", incomplete.what()));
  }
}

std::filesystem::path file_name_of(const config::Config& config) {
  return std::filesystem::path(config.sqlite.path).filename();
}

void add_other_fleet(std::uint64_t sensors_then, const Inputs& inputs, Problems& problems) {
  problems.add("--resume", fmt::format("the identities differ from those at the run's start ({} sensors "
                                       "then, {} now); restore them, or start a new run without --resume",
                                       sensors_then, inputs.members.size()));
}

void check_same_fleet(const Inputs& inputs, const tables::RunInfo& run, Problems& problems) {
  const bool same_hash =
      run.fleet_hash.empty() || run.fleet_hash == fleet_hash(inputs.identities.roster, inputs.members);
  if (run.fleet_size == inputs.members.size() && same_hash) return;
  add_other_fleet(run.fleet_size, inputs, problems);
}

// A file of text, or whatever the manifest says of a server.
bool may_have_begun(const config::Config& asked) {
  const config::SinkAddress& address = asked.sink.address;
  const bool exists = keeps_progress(asked) || std::filesystem::exists(address.target);
  const bool is_text = address.sink == config::Sink::text && !address.is_stream() &&
                       (!exists || std::filesystem::is_regular_file(address.target));
  if (is_text || keeps_progress(asked)) return exists;
  throw InvalidInput(fmt::format("--resume: {} keeps nothing to resume from", place_of_readings(asked)));
}

// Reloads and injected anomalies, of which the readings do not tell.
bool is_told_of(const std::filesystem::path& agenda) {
  std::error_code none;
  return std::filesystem::file_size(agenda, none) > 0 && !none;
}

std::optional<ResumableRun> find_run_to_replay(const config::Config& asked) {
  const manifest::Paths paths(asked.data_directory(), asked.fleet.partition);
  const auto recorded = may_have_begun(asked) ? manifest::find_run(paths.run) : std::nullopt;
  if (!recorded) return std::nullopt;
  const auto refuse = [&](const std::string& why) {
    throw InvalidInput(fmt::format("--resume: run {} in {} {}; start a new run without --resume",
                                   printable(recorded->run.run_id), paths.run.string(), why));
  };
  if (recorded->sink != asked.sink.address.text())
    refuse(fmt::format("wrote to {}, not to {}", printable(recorded->sink), asked.sink.address.text()));
  const auto progress = manifest::read_progress(paths.progress, recorded->run.run_id);
  // What was lost at the end of a run lies behind its progress, or its last line, and comes again.
  const bool has_losses = keeps_progress(asked)
                              ? progress.has_losses
                              : recorded->lost - recorded->lost_at_stop + recorded->skipped > 0;
  if (has_losses) refuse("lost or skipped rows");
  if (is_told_of(paths.agenda))
    refuse("was reloaded or had anomalies injected, which only SQLite's files and PostgreSQL can resume");
  return ResumableRun{recorded->run, {}};
}

}  // namespace

bool is_in_server(const config::Config& config) {
  return config.sink.address.sink == config::Sink::postgresql;
}

bool keeps_progress(const config::Config& config) {
  return config.sink.address.sink == config::Sink::line_server;
}

bool resumes_behind_losses(const config::Config& config) {
  const config::SinkAddress& address = config.sink.address;
  const bool is_text_file = address.sink == config::Sink::text && !address.is_stream() &&
                            std::filesystem::is_regular_file(address.target);
  if (!is_text_file && !keeps_progress(config)) return is_in_server(config);
  return !is_told_of(manifest::Paths(config.data_directory(), config.fleet.partition).agenda);
}

bool keeps_runs(const config::Config& config) {
  return sink_of(config).keeps_files || is_in_server(config);
}

std::optional<ResumableRun> find_run(const config::Config& asked) {
  if constexpr (has_server) {
    if (is_in_server(asked)) return find_stored_run(asked);
  }
  if (asked.sink.address.sink != config::Sink::sqlite) return find_run_to_replay(asked);
  const std::filesystem::path directory = asked.data_directory();
  const std::vector<std::filesystem::path> shards = data::list_shards(directory);
  const std::vector<PlacedRun> runs = all_runs(shards);
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
    check_whole(runs, best->run);
    const auto files = best->file.empty() ? shards : files_of(*best, runs);
    return ResumableRun{best->run, read_record(files, best->run)};
  }
  if (!runs.empty() && asked.fleet.partition == config::Partition{}) {
    throw InvalidInput(
        fmt::format("--resume: {} holds partition {}; choose the one to resume with --partition K/N",
                    directory.string(), printable(runs.front().run.partition)));
  }
  const auto recorded = manifest::find_run(manifest::Paths(directory, asked.fleet.partition).run);
  if (recorded && recorded->sink != asked.sink.address.text()) {
    throw InvalidInput(fmt::format("--resume: the run in {} writes to {}; give it with --sink",
                                   directory.string(), printable(recorded->sink)));
  }
  return std::nullopt;
}

void check_resumable(const config::Config& config, const config::Config& recorded, Problems& problems) {
  const std::string remedy = "; restore it, or start a new run without --resume";
  for (const config::ConfigKey& key : config::config_keys()) {
    if (key.decides == config::Decides::nothing || key.at_once || key.equal(config, recorded)) continue;
    problems.add("--resume", fmt::format("{} is {}, but the run started with {}{}", key.name, key.get(config),
                                         key.get(recorded), remedy));
  }
  // A type that the run did not know has no readings yet.
  types::DeclaredTypes known = config.types;
  std::erase_if(known, [&](const auto& type) {
    return !recorded.types.contains(type.first) && type.first != types::built_in_type().schema.type();
  });
  for (const declare::TypeChange& change : declare::type_changes(recorded.types, known)) {
    if (change.at_once) continue;
    problems.add("--resume",
                 fmt::format("{} is {}, but the run has {}{}", change.key, change.to, change.from, remedy));
  }
  if (recorded.sharding.key == config::ShardKey::none && file_name_of(config) != file_name_of(recorded)) {
    problems.add("--resume", fmt::format("database.path names the file {}, but the run started in {}{}",
                                         in_quotes(file_name_of(config).string()),
                                         in_quotes(file_name_of(recorded).string()), remedy));
  }
}

config::Config latest_config(const ResumableRun& run) {
  config::Config config = history::recorded_config(run.info);
  if (run.record.reloads.empty()) return config;
  const tables::RunReload& last = run.record.reloads.back().reload;
  Problems problems;
  const config::Config recorded =
      config::read_config(last.config, fmt::format("run_reloads of run {}", run.info.run_id), problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
  return config::adopt(config, recorded);
}

void follow_fleet(Inputs& inputs, const data::RunRecord& record, Problems& problems) {
  const tables::RunInfo& run = *inputs.resumed;
  const config::Config began_under = history::recorded_config(run);
  const config::Config wanted = inputs.config;
  bool other_identities = false;
  if (record.began_with.empty()) {
    check_same_fleet(inputs, run, problems);
    inputs.history = std::make_shared<const history::History>(
        run.start, std::make_shared<const config::Config>(history::with_readings_of(wanted, began_under)),
        inputs.members);
  } else {
    identity::Roster roster;
    history::History history = history::History::of_record(record, run.start, wanted, began_under, roster);
    const history::Members members = history.members_after(history.reloads().size());
    const identity::IdentityChanges changes =
        identity::compare_identities(roster, members, inputs.identities.roster, inputs.members);
    if (changes.removed.size() == members.size()) add_other_fleet(members.size(), inputs, problems);
    other_identities = !changes.empty();
    inputs.standing.emplace(inputs.identities.sources, inputs.identities.roster);
    inputs.identities.roster = std::move(roster);
    inputs.members = members;
    inputs.history = std::make_shared<const history::History>(std::move(history));
  }
  inputs.config = *inputs.history->config_after(inputs.history->reloads().size());
  inputs.differs_from_record =
      other_identities || config::readings_config_text(wanted) != config::readings_config_text(inputs.config);
}

}  // namespace fleet_sim::start
