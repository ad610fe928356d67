#include "data/run_record.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/plain_text.h"
#include "base/problems.h"
#include "config/load_config.h"
#include "data/data_directory.h"
#include "fleet/profile_table.h"
#include "types/catalog.h"

namespace fleet_sim::data {
namespace {

void demand_read(const tables::StorageError& error, const std::filesystem::path& file) {
  if (!error.ok())
    throw std::runtime_error(fmt::format("{}: cannot be read: {}", file.string(), error.message));
}

// What one shard tells of the run.
struct Recorded {
  std::vector<tables::RunReload> reloads;
  std::vector<tables::EntryKey> identities;
};

Recorded read_recorded(const std::filesystem::path& file, const std::string& run_id) {
  Recorded recorded;
  tables::Database shard = data::open_shard(file);
  if (!tables::check_schema(shard).ok()) return recorded;
  demand_read(tables::read_reloads(shard, run_id, recorded.reloads), file);
  demand_read(tables::list_identities(shard, run_id, recorded.identities), file);
  return recorded;
}

// All shards together: each entry once, with a file that tells its identities.
struct Union {
  std::map<tables::EntryKey, tables::RunReload> reloads;
  std::map<tables::EntryKey, std::filesystem::path> identities;
};

Union unite(const std::vector<std::filesystem::path>& files, const std::string& run_id) {
  std::vector<Recorded> recorded(files.size());
  tbb::parallel_for(std::size_t{0}, files.size(),
                    [&](std::size_t i) { recorded[i] = read_recorded(files[i], run_id); });
  Union all;
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (tables::RunReload& reload : recorded[i].reloads) {
      const tables::EntryKey key(reload.number, reload.at);
      all.reloads.try_emplace(key, std::move(reload));
    }
    for (const tables::EntryKey& entry : recorded[i].identities) all.identities.try_emplace(entry, files[i]);
  }
  return all;
}

// Reads the identities of entries. Those that follow each other are mostly recorded in one file, which stays
// open.
class IdentityReader {
 public:
  // Borrows them.
  IdentityReader(const Union& all, const std::string& run_id, const types::Catalog& types)
      : all_(all), run_id_(run_id), types_(types) {}

  tables::RecordedIdentities read(const tables::EntryKey& entry) {
    const auto recorded = all_.identities.find(entry);
    if (recorded == all_.identities.end()) refuse(entry);
    if (file_ != recorded->second) {
      shard_ = data::open_shard(recorded->second);
      file_ = recorded->second;
    }
    tables::RecordedIdentities found;
    demand_read(tables::read_identities(shard_, run_id_, entry, types_, found), file_);
    return found;
  }

 private:
  [[noreturn]] void refuse(const tables::EntryKey& entry) const {
    throw InvalidInput(
        fmt::format("run {} was reloaded while it ran (table run_reloads), but these files do not "
                    "say what its reload number {} changed (table run_identities): an older version wrote "
                    "them, or a file is missing",
                    printable(run_id_), entry.first));
  }

  const Union& all_;
  const std::string& run_id_;
  const types::Catalog& types_;
  std::filesystem::path file_;
  tables::Database shard_;
};

// A run's types may become more, but not fewer or others, so the last config has all that an identity was
// of. One that cannot be read is reported by whoever follows it.
std::shared_ptr<const types::Catalog> recorded_types(const Union& all, const std::string& began_under) {
  Problems problems;
  const std::string& last = all.reloads.empty() ? began_under : all.reloads.rbegin()->second.config;
  const config::Config config = config::read_config(last, "run_reloads", problems);
  return problems.empty() ? fleet::types_under(config, types::built_in_types()) : types::built_in_types();
}

}  // namespace

RunRecord read_record(const std::vector<std::filesystem::path>& files, const std::string& run_id,
                      const std::string& began_under) {
  Union all = unite(files, run_id);
  const auto types = recorded_types(all, began_under);
  IdentityReader identities(all, run_id, *types);
  RunRecord record;
  if (!all.identities.empty() && all.identities.begin()->first.first == 0) {
    record.began_with = identities.read(all.identities.begin()->first).identities;
  } else if (!all.reloads.empty()) {
    identities.read({all.reloads.begin()->first.first, latest_timestamp});  // is not there, and says so
  }
  std::uint64_t number = 0;
  for (auto& [key, reload] : all.reloads) {
    // One that is missing in their midst would have been the next.
    const tables::EntryKey next = key.first == ++number ? key : tables::EntryKey{number, latest_timestamp};
    record.reloads.push_back({std::move(reload), identities.read(next)});
  }
  return record;
}

}  // namespace fleet_sim::data
