#include "sqlite/shard_key.h"

#include <fmt/format.h>

#include <array>

#include "base/random.h"

namespace fleet_sim::sqlite {
namespace {

constexpr std::size_t longest_encoded_key =
    180;  // with prefix, hash and -journal well under the usual 255 bytes

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

std::string encoded(std::string_view key) {
  std::string name;
  for (char c : key) {
    if (is_plain(c)) {
      name += c;
    } else if (c == ' ') {
      name += '+';
    } else {
      name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  if (name.size() <= longest_encoded_key) return name;
  // '~' occurs in no name that was not cut.
  return fmt::format("{}~{:016X}", name.substr(0, longest_encoded_key - 17), hash_text(key));
}

// The part of a location before its first " - ".
std::string_view site_of(std::string_view location) {
  return location.substr(0, location.find(" - "));
}

std::string hash_slot(std::uint32_t count, std::string_view id) {
  const std::uint64_t word = mix_words(hash_text(id), static_cast<std::uint64_t>(Stream::shard));
  return fmt::format("{:0{}}-of-{}", uniform_below(word, count), fmt::formatted_size("{}", count - 1), count);
}

}  // namespace

std::string_view name_of(config::ShardKey key) {
  constexpr std::array<std::string_view, 8> names{"none",         "sensor", "location", "site",
                                                  "manufacturer", "model",  "firmware", "hash"};
  return names[static_cast<std::size_t>(key)];
}

std::string shard_key(const config::ShardBy& shard_by, const identity::Roster& roster,
                      const identity::Identity& identity) {
  switch (shard_by.key) {
    case config::ShardKey::none:
      return {};
    case config::ShardKey::sensor:
      return std::string(identity.id);
    case config::ShardKey::location:
      return std::string(roster.text(identity.location));
    case config::ShardKey::site:
      return std::string(site_of(roster.text(identity.location)));
    case config::ShardKey::manufacturer:
      return std::string(roster.text(identity.manufacturer));
    case config::ShardKey::model:
      return std::string(roster.text(identity.model));
    case config::ShardKey::firmware:
      return std::string(config::canonical_firmware(roster.text(identity.firmware_version)));
    case config::ShardKey::hash:
      return hash_slot(shard_by.hash_count, identity.id);
  }
  return {};
}

std::string shard_file_name(const config::ShardBy& shard_by, std::string_view key) {
  return fmt::format("{}={}.db", name_of(shard_by.key), encoded(key));
}

}  // namespace fleet_sim::sqlite
