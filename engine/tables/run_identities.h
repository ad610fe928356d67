// The identities of a run's sensors, as rows of `run_identities`: those it began with (number 0), and those
// that a reload of `run_reloads` added or changed (its number), with the ids of those that it removed. With
// them and the configs of run_reloads, the fleet of any moment can be rebuilt, whatever the identity files
// say by then.
//
// The shard that commits first records all of a reload, so a reload that is found anywhere is complete. The
// others record it too while it is small; with a large fleet in many shards, only the first few do. The table
// is made when it is first needed; an identity is a line of JSON, as in an identity file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "identity/identity.h"
#include "tables/database.h"
#include "types/catalog.h"

namespace fleet_sim::tables {

// Indices into the roster.
struct IdentityEntry {
  std::uint64_t number = 0;  // of the reload; 0: the fleet as it began
  Timestamp at = 0;
  std::vector<std::uint32_t> identities = {};  // added, or changed to this
  std::vector<std::uint32_t> removed = {};
};

// Within the transaction that writes the first rows that depend on it; what is there already stays.
StorageError record_identities(Database& database, const std::string& run_id, const identity::Roster& roster,
                               const IdentityEntry& entry);

// The entries that a file has, by number and time.
using EntryKey = std::pair<std::uint64_t, Timestamp>;
StorageError list_identities(Database& database, const std::string& run_id, std::vector<EntryKey>& entries);

// An entry as it was recorded.
struct RecordedIdentities {
  std::vector<identity::IdentityRecord> identities;
  std::vector<std::string> removed;
};
// `types` are those of the run.
StorageError read_identities(Database& database, const std::string& run_id, const EntryKey& entry,
                             const types::Catalog& types, RecordedIdentities& found);

}  // namespace fleet_sim::tables
