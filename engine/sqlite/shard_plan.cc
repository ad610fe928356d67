#include "sqlite/shard_plan.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <numeric>
#include <queue>
#include <unordered_map>
#include <utility>

#include "sqlite/shard_key.h"
#include "tables/schema.h"

namespace fleet_sim::sqlite {
namespace {

struct PlannedShard {
  write::Target target;
  double rows_per_second = 0;
  write::Place place;
};

// Where a file may be.
struct PossiblePaths {
  PossiblePaths(const config::Config& config, const FileKey& file) {
    if (config.sink.address.sink != config::Sink::sqlite) {
      usual = earlier = name_elsewhere(config, file);
    } else if (config.sharding.key == config::ShardKey::none) {
      usual = earlier =
          path_of(config, std::filesystem::path(config.sqlite.path).filename().string(), file.type);
    } else {
      usual = path_of(config, shard_file_name(config.sharding, file.key), file.type);
      earlier = path_of(config, earlier_shard_file_name(config.sharding, file.key), file.type);
    }
  }

  static std::string path_of(const config::Config& config, const std::string& name, std::string_view type) {
    return (std::filesystem::path(config.data_directory()) / name_with_type(name, type)).string();
  }

  // No file, but what log lines and the page call it.
  static std::string name_elsewhere(const config::Config& config, const FileKey& file) {
    std::string name = fmt::format("{}{}", config.sink.address.text(), name_with_type("", file.type));
    return file.key.empty() ? name : fmt::format("{} ({})", name, file.key);
  }

  std::string usual;
  std::string earlier;  // the same, for many keys
};

bool has_something(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) && !tables::is_empty_file(path);
}

std::string path_of_file(const config::Config& config, const FileKey& file) {
  const PossiblePaths paths(config, file);
  return has_something(paths.earlier) && !has_something(paths.usual) ? paths.earlier : paths.usual;
}

// What goes elsewhere than to files is only divided among the writers.
config::ShardBy division_of(const config::Config& config) {
  const bool is_elsewhere = config.sink.address.sink != config::Sink::sqlite;
  if (!is_elsewhere || config.sharding.key != config::ShardKey::none || config.write.writers == 1)
    return config.sharding;
  return {config::ShardKey::hash, config.write.writers};
}

FileKey file_key(const config::Config& config, const identity::Roster& roster,
                 const identity::Identity& identity) {
  return {shard_key(division_of(config), roster, identity), roster.text(identity.type)};
}

// The heaviest shard first, each to the writer that has least so far. Ties go by path, so that the plan does
// not depend on the order of the identity files.
void deal_out(std::vector<PlannedShard>& shards, std::uint32_t writers) {
  std::vector<std::size_t> order(shards.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (shards[a].rows_per_second != shards[b].rows_per_second) {
      return shards[a].rows_per_second > shards[b].rows_per_second;
    }
    return shards[a].target.name < shards[b].target.name;
  });
  using Load = std::pair<double, std::uint32_t>;
  std::priority_queue<Load, std::vector<Load>, std::greater<>> lightest;
  std::vector<std::uint32_t> counts(writers, 0);
  for (std::uint32_t writer = 0; writer < writers; ++writer) lightest.emplace(0.0, writer);
  for (const std::size_t i : order) {
    auto [load, writer] = lightest.top();
    lightest.pop();
    shards[i].place = {writer, counts[writer]++};
    lightest.emplace(load + shards[i].rows_per_second, writer);
  }
}

const types::Schema& schema_of(const FileKey& file, const config::Config& config,
                               const types::Catalog& types) {
  const types::SensorType& type = types[file.type];
  return config::delivers(config) ? type.delivered : type.schema;
}

// What one file of the plan turned out to be.
struct Look {
  bool is_ours = false;
  std::uint64_t rows = 0;
  std::string problem;
  std::string corruption;
};

Look look_at(const std::string& path, const types::Schema& schema) {
  Look look;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return look;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    look.problem = "cannot be appended to: not a regular file";
    return look;
  }
  if (tables::is_empty_file(path)) return look;  // the run fills it
  tables::Database database;
  tables::StorageError error = database.open_to_read(path);
  if (error.ok()) error = tables::check_schema(database, schema);
  look.is_ours = error.ok();
  // Rows are never deleted, so the last id counts them without reading them all.
  if (look.is_ours) {
    const std::int64_t last_id = database.query_integer("SELECT max(id) FROM sensor_readings", 0);
    look.rows = static_cast<std::uint64_t>(std::max<std::int64_t>(0, last_id));
  }
  // A file that is merely locked or cannot be read right now is the writer's business, not a verdict on it.
  if (error.foreign()) look.problem = fmt::format("cannot be appended to: {}", error.message);
  if ((error.code & 0xFF) == SQLITE_CORRUPT) look.corruption = error.message;
  return look;
}

}  // namespace

std::string shard_path(const config::Config& config, const identity::Roster& roster,
                       const identity::Identity& identity) {
  return path_of_file(config, file_key(config, roster, identity));
}

ShardPlan plan_shards(const identity::Roster& roster, std::span<const std::uint32_t> members,
                      std::span<const double> rates, const config::Config& config,
                      const types::Catalog& types) {
  std::unordered_map<FileKey, std::uint32_t, FileKeyHash> index_of;
  std::vector<PlannedShard> shards;
  std::vector<std::uint32_t> shard_of(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    FileKey file = file_key(config, roster, roster[members[i]]);
    const auto [entry, is_new] = index_of.try_emplace(file, static_cast<std::uint32_t>(shards.size()));
    if (is_new) shards.push_back({{path_of_file(config, file), &schema_of(file, config, types)}, 0, {}});
    shards[entry->second].rows_per_second += rates[i];
    shard_of[i] = entry->second;
  }
  deal_out(shards, config.write.writers);

  ShardPlan plan;
  plan.shard_count = shards.size();
  plan.targets.resize(config.write.writers);
  plan.place_of.resize(roster.size());
  plan.writer_of.reserve(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    plan.place_of[members[i]] = shards[shard_of[i]].place;
    plan.writer_of.push_back(shards[shard_of[i]].place.writer);
  }
  for (PlannedShard& shard : shards) {
    std::vector<write::Target>& targets = plan.targets[shard.place.writer];
    if (targets.size() <= shard.place.shard) targets.resize(shard.place.shard + 1);
    targets[shard.place.shard] = std::move(shard.target);
  }
  return plan;
}

ShardPlaces::ShardPlaces(const write::Targets& targets, const config::Config& config,
                         const types::Catalog& types)
    : config_(config), types_(types) {
  for (std::uint32_t writer = 0; writer < targets.size(); ++writer) {
    counts_.push_back(static_cast<std::uint32_t>(targets[writer].size()));
    for (std::uint32_t shard = 0; shard < counts_.back(); ++shard) {
      place_of_path_.emplace(targets[writer][shard].name, write::Place{writer, shard});
    }
  }
}

ShardPlaces::Proposal ShardPlaces::propose(const identity::Roster& roster,
                                           std::span<const std::uint32_t> identities) const {
  Proposal proposal{{}, write::Targets(counts_.size())};
  std::unordered_map<std::string, write::Place> proposed;
  std::vector<std::uint32_t> counts = counts_;
  for (const std::uint32_t identity : identities) {
    const FileKey file = file_key(config_, roster, roster[identity]);
    if (const write::Place* known = find(file)) {
      proposal.places.push_back(*known);
      continue;
    }
    const std::string path = path_of_file(config_, file);
    const auto [entry, is_new] = proposed.try_emplace(path);
    if (is_new) {
      const auto fewest = std::ranges::min_element(counts);
      const auto writer = static_cast<std::uint32_t>(fewest - counts.begin());
      entry->second = {writer, (*fewest)++};
      proposal.new_targets[writer].push_back({path, &schema_of(file, config_, types_)});
    }
    proposal.places.push_back(entry->second);
  }
  return proposal;
}

// By either name: a file that has gone since the run began is made again under the one it had.
const write::Place* ShardPlaces::find(const FileKey& file) const {
  const auto at = [this](const std::string& path) {
    const auto known = place_of_path_.find(path);
    return known != place_of_path_.end() ? &known->second : nullptr;
  };
  const PossiblePaths paths(config_, file);
  const write::Place* usual = at(paths.usual);
  return usual != nullptr ? usual : at(paths.earlier);
}

void ShardPlaces::accept(const Proposal& proposal) {
  for (std::uint32_t writer = 0; writer < counts_.size(); ++writer) {
    for (const write::Target& target : proposal.new_targets[writer]) {
      place_of_path_.emplace(target.name, write::Place{writer, counts_[writer]++});
    }
  }
}

ExistingFiles check_shard_files(const write::Targets& targets, Problems& problems) {
  std::vector<const write::Target*> files;
  for (const std::vector<write::Target>& of_writer : targets) {
    for (const write::Target& target : of_writer) files.push_back(&target);
  }
  std::vector<Look> looks(files.size());
  tbb::parallel_for(std::size_t{0}, files.size(),
                    [&](std::size_t i) { looks[i] = look_at(files[i]->name, *files[i]->schema); });

  ExistingFiles existing;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string& path = files[i]->name;
    if (!looks[i].problem.empty()) problems.add(path, looks[i].problem);
    if (!looks[i].corruption.empty()) existing.corrupt.push_back({path, looks[i].corruption});
    existing.files += looks[i].is_ours ? 1 : 0;
    existing.rows += looks[i].rows;
  }
  return existing;
}

}  // namespace fleet_sim::sqlite
