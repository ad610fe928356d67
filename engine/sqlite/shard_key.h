// Which shard a sensor belongs to, and the shard's file name. Identities are untrusted, so a name is made
// from the key and is not the key itself: it is safe in a shell and in SQLite's URIs and on other systems,
// and two different keys have different names, also where a file system does not tell capitals from small
// letters (but for the odds of a 64-bit hash). It depends on the key alone and is stable between runs. Pure;
// any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "identity/identity.h"

namespace fleet_sim::sqlite {

// The text that sensors of one shard have in common, such as their location; empty for ShardKey::none.
std::string shard_key(const config::ShardBy& shard_by, const identity::Roster& roster,
                      const identity::Identity& identity);

// What the sensors of one file have in common: a shard key, and a type.
struct FileKey {
  std::string key;
  std::string_view type;

  auto operator<=>(const FileKey&) const = default;
};

struct FileKeyHash {
  std::size_t operator()(const FileKey& file) const {
    return std::hash<std::string_view>()(file.key) * 31 + std::hash<std::string_view>()(file.type);
  }
};

// The name with the type in it, as in `location=X.type=pump.db`; that of the built-in type's files stays.
std::string name_with_type(const std::string& name, std::string_view type);
// And back; a name that does not have the type stays.
std::string name_without_type(const std::string& name, std::string_view type);

// `location=Factory_A_-_Line_1.db` for the location "Factory A - Line 1": the kind of key, then the key, with
// a space as '_', if it consists of letters, digits and "-._" as keys of its kind are usually spelled:
// sensors in capitals, firmware in small letters, the others with each word capitalized. A key in another of
// these spellings says so: `sensor=s-1-xlower.db`. Any other is cut to what is safe in a name and told apart
// by a hash of the whole: `sensor=S_1-x`, 16 hexadecimal digits and `.db` for the sensor "S#1".
std::string shard_file_name(const config::ShardBy& shard_by, std::string_view key);

// The name that earlier versions gave the same file, with %XX: `location=Factory+A+-+Line+1.db`.
std::string earlier_shard_file_name(const config::ShardBy& shard_by, std::string_view key);

// The word for a kind of shard key: "location".
std::string_view name_of(config::ShardKey key);

}  // namespace fleet_sim::sqlite
