// Which shard a sensor belongs to, and the shard's file name. Identities are untrusted, so a name is an
// encoding of the key and not the key itself: it has no separators, is never hidden, and two different keys
// never share a name. It depends on the key alone and is stable between runs. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "identity/identity.h"

namespace fleet_sim::sqlite {

// The text that sensors of one shard have in common, such as their location; empty for ShardKey::none.
std::string shard_key(const config::ShardBy& shard_by, const identity::Roster& roster,
                      const identity::Identity& identity);

// `location=Factory+A+-+Line+1.db` for the location "Factory A - Line 1": the kind of key, then the key with
// letters, digits, '.', '_' and '-' as they are, a space as '+', and every other byte as %XX. A key too long
// for a file name is cut, and told apart by a hash of the whole.
std::string shard_file_name(const config::ShardBy& shard_by, std::string_view key);

// The word for a kind of shard key: "location".
std::string_view name_of(config::ShardKey key);

}  // namespace fleet_sim::sqlite
