// The record of a run: how its fleet began and every reload since, as its shards together record it. A reload
// counts if any shard records it; one that no shard records left no row either, and never happened. Reads the
// shards of a data directory while starting; throws like data_directory.h, and InvalidInput for an incomplete
// record: one that an older version made, or one that has lost the shard with an entry.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "identity/identity.h"
#include "tables/run_identities.h"
#include "tables/run_reloads.h"

namespace fleet_sim::data {

struct RecordedReload {
  tables::RunReload reload;  // without indices
  tables::RecordedIdentities identities;
};

struct RunRecord {
  std::vector<identity::IdentityRecord> began_with;  // none: an older version did not record it
  std::vector<RecordedReload> reloads;               // in their order
};

// `began_under` is the config that the run began under, as recorded; empty: one without declared types.
RunRecord read_record(const std::vector<std::filesystem::path>& files, const std::string& run_id,
                      const std::string& began_under = {});

}  // namespace fleet_sim::data
