// The values of units.h and fleet_settings.h that are words or small notations of their own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "config/fleet_settings.h"
#include "config/units.h"
#include "zones/zone_data.h"

namespace fleet_sim::config {
namespace {

// The first word of a key is the one it is written with; `node` is another name for sensor.
constexpr std::array<std::pair<std::string_view, ShardKey>, 8> shard_words{
    {{"none", ShardKey::none},
     {"sensor", ShardKey::sensor},
     {"node", ShardKey::sensor},
     {"location", ShardKey::location},
     {"site", ShardKey::site},
     {"manufacturer", ShardKey::manufacturer},
     {"model", ShardKey::model},
     {"firmware", ShardKey::firmware}}};
constexpr std::string_view hash_prefix = "hash:";

// `trace` is an older word for all there is.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> log_levels{{{"TRACE", "DEBUG"},
                                                                                   {"DEBUG", "DEBUG"},
                                                                                   {"INFO", "INFO"},
                                                                                   {"WARNING", "WARNING"},
                                                                                   {"WARN", "WARNING"},
                                                                                   {"ERROR", "ERROR"},
                                                                                   {"CRITICAL", "CRITICAL"},
                                                                                   {"OFF", "OFF"}}};

constexpr std::string_view automatic_index = "auto";

constexpr std::size_t longest_host_bytes = 255;
constexpr Microseconds microseconds_per_minute = 60 * microseconds_per_second;
constexpr int furthest_offset_minutes = 14 * 60;

template <class Words>
auto find_word(const Words& words, std::string_view text) {
  return std::ranges::find_if(words, [text](const auto& word) { return equal_words(word.first, text); });
}

std::optional<int> two_digits(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 2 || !digit(text[0]) || !digit(text[1])) return std::nullopt;
  return (text[0] - '0') * 10 + (text[1] - '0');
}

// +02, +02:00 or -05:30, at most 14 hours either way.
std::optional<int> offset_minutes(std::string_view text) {
  if (text.size() != 3 && text.size() != 6) return std::nullopt;
  if (text[0] != '+' && text[0] != '-') return std::nullopt;
  const auto hours = two_digits(text.substr(1, 2));
  const auto minutes = text.size() == 3 ? 0 : two_digits(text.substr(4));
  if (!hours || !minutes || *minutes > 59 || (text.size() == 6 && text[3] != ':')) return std::nullopt;
  const int total = *hours * 60 + *minutes;
  if (total > furthest_offset_minutes) return std::nullopt;
  return text[0] == '-' ? -total : total;
}

}  // namespace

std::string parse_partition(std::string_view text, Partition& partition) {
  static const std::string what =
      fmt::format("K/N with K from 1 to N and N up to {}, or auto/N", most_partitions);
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return must_be(what, text);
  std::uint64_t count = 0;
  std::uint64_t index = 0;
  if (!parse_count(text.substr(slash + 1), 1, most_partitions, count).empty()) return must_be(what, text);
  const std::string_view named = text.substr(0, slash);
  const bool automatic = equal_words(named, automatic_index);
  if (!automatic && !parse_count(named, 1, count, index).empty()) return must_be(what, text);
  partition = {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(count)};
  return {};
}

std::string partition_text(const Partition& partition) {
  if (partition.index == 0) return fmt::format("{}/{}", automatic_index, partition.count);
  return fmt::format("{}/{}", partition.index, partition.count);
}

std::string parse_shard_by(std::string_view text, ShardBy& by) {
  if (const auto word = find_word(shard_words, text); word != shard_words.end()) {
    by = {word->second, 0};
    return {};
  }
  std::uint64_t count = 0;
  const bool hash = equal_words(text.substr(0, hash_prefix.size()), hash_prefix);
  if (!hash || !parse_count(text.substr(hash_prefix.size()), 1, most_hash_shards, count).empty()) {
    return must_be(
        fmt::format(
            "none, sensor, location, site, manufacturer, model, firmware or hash:N with N from 1 to {}",
            most_hash_shards),
        text);
  }
  by = {ShardKey::hash, static_cast<std::uint32_t>(count)};
  return {};
}

std::string shard_by_text(const ShardBy& by) {
  if (by.key == ShardKey::hash) return fmt::format("{}{}", hash_prefix, by.hash_count);
  const auto word = std::ranges::find(shard_words, by.key, [](const auto& entry) { return entry.second; });
  return std::string(word->first);
}

std::string parse_speed(std::string_view text, Speed& speed) {
  if (equal_words(text, "max")) {
    speed = {true, 1};
    return {};
  }
  double factor = 0;
  if (!parse_number(text, speed_factors, factor).empty()) {
    return must_be(fmt::format("max or a number from {}", range_text(speed_factors)), text);
  }
  speed = {false, factor};
  return {};
}

std::string speed_text(const Speed& speed) {
  return speed.max ? "max" : number_text(speed.factor);
}

std::string parse_utc_offset(std::string_view text, zones::Zone& zone) {
  const bool utc = equal_words(text, "utc") || equal_words(text, "z");
  const auto minutes = utc ? 0 : offset_minutes(text);
  if (!minutes) {
    return must_be(fmt::format("UTC or an offset from {} such as +02:00", utc_offset_range_text()), text);
  }
  zone = zones::Zone(*minutes * microseconds_per_minute);
  return {};
}

std::string parse_time_zone(std::string_view text, zones::Zone& zone) {
  const auto found = zones::find_zone(text);
  if (!found) return must_be("a time zone such as Europe/Berlin", text) + zones::zone_hint(text);
  zone = *found;
  return {};
}

std::string utc_offset_text(Microseconds offset) {
  const auto minutes = static_cast<int>(offset / microseconds_per_minute);
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%c%02d:%02d", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                std::abs(minutes) % 60);
  return text.data();
}

std::string parse_log_level(std::string_view text, std::string& level) {
  const auto word = find_word(log_levels, text);
  if (word == log_levels.end()) {
    return must_be("DEBUG, INFO, WARNING, ERROR, CRITICAL or OFF", text);
  }
  level = word->second;
  return {};
}

std::string parse_address(std::string_view text, std::string& address) {
  const std::size_t colon = text.rfind(':');
  std::uint64_t port = 0;
  const bool fits = colon != text.npos && colon > 0 && colon <= longest_host_bytes &&
                    parse_count(text.substr(colon + 1), 0, 65'535, port).empty();
  if (!text.empty() && !fits) return must_be("HOST:PORT such as 127.0.0.1:8080, or empty", text);
  address = text;
  return {};
}

// The text itself is not repeated: it is a secret, if a wrong one.
std::string parse_token(std::string_view text, std::string& token) {
  const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
  if (!text.empty() &&
      (!printable || text.size() < shortest_token_bytes || text.size() > longest_token_bytes)) {
    return fmt::format("must have {} printable ASCII characters without spaces, or none", token_range_text());
  }
  token = text;
  return {};
}

std::string utc_offset_range_text() {
  constexpr Microseconds furthest = furthest_offset_minutes * microseconds_per_minute;
  return fmt::format("{} to {}", utc_offset_text(-furthest), utc_offset_text(furthest));
}

std::string token_range_text() {
  return count_range_text(shortest_token_bytes, longest_token_bytes);
}

}  // namespace fleet_sim::config
