#include "sqlite/shard_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>

#include "base/random.h"
#include "types/built_in_type.h"

namespace fleet_sim::sqlite {
namespace {

constexpr std::size_t longest_key = 150;  // in a name; with the rest of it well under the usual 255 bytes

constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return is_lower(c) || is_upper(c);
}

// How keys of a kind are usually spelled. Of all the keys that a file system without regard to case, or a
// name without spaces, would take for one, exactly one is spelled so.
enum class Spelling : std::uint8_t { upper, lower, title };

Spelling usual_spelling(config::ShardKey key) {
  switch (key) {
    case config::ShardKey::sensor:
      return Spelling::upper;
    case config::ShardKey::firmware:
    case config::ShardKey::hash:
    case config::ShardKey::none:
      return Spelling::lower;
    default:
      return Spelling::title;
  }
}

// "Factory A - Line 1": each word with a capital, and spaces, for which the name has '_'.
bool is_in_title_case(std::string_view key) {
  for (std::size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    const bool in_word = i > 0 && (is_letter(key[i - 1]) || is_digit(key[i - 1]));
    if (is_letter(c) ? is_lower(c) != in_word : !is_digit(c) && c != ' ' && c != '-' && c != '.')
      return false;
  }
  return true;
}

bool is_spelled(std::string_view key, Spelling spelling) {
  if (spelling == Spelling::title) return is_in_title_case(key);
  return std::ranges::all_of(key, [spelling](char c) {
    return (spelling == Spelling::upper ? is_upper(c) : is_lower(c)) || is_digit(c) || c == '-' || c == '.' ||
           c == '_';
  });
}

constexpr std::string_view mark = "-x";  // before what tells apart a key that is spelled otherwise …
constexpr std::size_t hash_digits = 16;  // … a hash, or the word for another spelling
constexpr std::array<std::string_view, 3> spelling_words{"upper", "lower", "title"};

// Whether a key ends like the name of one that is spelled otherwise.
bool has_mark(std::string_view key) {
  const auto ends_in_mark = [key](std::size_t more) {
    if (key.size() < mark.size() + more) return false;
    const std::string_view end = key.substr(key.size() - mark.size() - more);
    return end[0] == mark[0] && (end[1] == 'x' || end[1] == 'X');
  };
  return ends_in_mark(hash_digits) || ends_in_mark(spelling_words[0].size());
}

// The key as far as it is safe in a name, each stretch of other bytes as one '_'.
std::string readable(std::string_view key) {
  std::string name;
  for (const char c : key) {
    const bool is_safe = is_letter(c) || is_digit(c) || c == '-' || c == '.';
    if (is_safe || name.empty() || name.back() != '_') name += is_safe ? c : '_';
    if (name.size() == longest_key) break;
  }
  return name;
}

std::string with_underscores(std::string_view key) {
  std::string name(key);
  std::ranges::replace(name, ' ', '_');
  return name;
}

std::string name_for(std::string_view key, Spelling usual) {
  if (key.size() <= longest_key && !has_mark(key)) {
    if (is_spelled(key, usual)) return with_underscores(key);
    for (const Spelling other : {Spelling::upper, Spelling::lower, Spelling::title}) {
      if (!is_spelled(key, other)) continue;
      return fmt::format("{}{}{}", with_underscores(key), mark,
                         spelling_words[static_cast<std::size_t>(other)]);
    }
  }
  return fmt::format("{}{}{:016x}", readable(key), mark, hash_text(key));
}

// As earlier versions did.
std::string escaped(std::string_view key) {
  constexpr std::size_t longest_escaped_key = 180;
  std::string name;
  for (const char c : key) {
    if (is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-') {
      name += c;
    } else if (c == ' ') {
      name += '+';
    } else {
      name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  if (name.size() <= longest_escaped_key) return name;
  // '~' occurs in no name that was not cut.
  return fmt::format("{}~{:016X}", name.substr(0, longest_escaped_key - 17), hash_text(key));
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
      return std::string(identity::site_of(roster.text(identity.location)));
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

std::string name_with_type(const std::string& name, std::string_view type) {
  if (type == types::built_in_type().schema.type()) return name;
  const std::filesystem::path path(name);
  return fmt::format("{}.type={}{}", path.stem().string(), type, path.extension().string());
}

std::string name_without_type(const std::string& name, std::string_view type) {
  const std::filesystem::path path(name);
  const std::string before = path.stem().string();
  const std::string ending = fmt::format(".type={}", type);
  if (type == types::built_in_type().schema.type() || !before.ends_with(ending)) return name;
  return before.substr(0, before.size() - ending.size()) + path.extension().string();
}

std::string shard_file_name(const config::ShardBy& shard_by, std::string_view key) {
  return fmt::format("{}={}.db", name_of(shard_by.key), name_for(key, usual_spelling(shard_by.key)));
}

std::string earlier_shard_file_name(const config::ShardBy& shard_by, std::string_view key) {
  return fmt::format("{}={}.db", name_of(shard_by.key), escaped(key));
}

}  // namespace fleet_sim::sqlite
