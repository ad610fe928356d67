#include "zones/zone_data.h"

#include <date/tz.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/nearest.h"
#include "zones/daylight_rule.h"

namespace fleet_sim::zones {
namespace {

constexpr const char* directory = "/usr/share/zoneinfo/";

// Two names stand for a zone that depends on the machine.
bool is_portable(std::string_view name) {
  return name != "localtime" && name != "posixrules";
}

// Null where none are installed.
const date::tzdb* zone_data() {
  try {
    return &date::get_tzdb();
  } catch (const std::exception&) {
    return nullptr;
  }
}

// The zones are in the order of their names.
const date::time_zone* find_in_data(std::string_view name) {
  const date::tzdb* data = zone_data();
  if (data == nullptr || !is_portable(name)) return nullptr;
  const auto found = std::ranges::lower_bound(data->zones, name, {}, &date::time_zone::name);
  return found != data->zones.end() && found->name() == name ? &*found : nullptr;
}

Microseconds microseconds_of(std::chrono::seconds span) {
  return span.count() * microseconds_per_second;
}

// The last line of a zone's file, which the library does not look at.
std::optional<DaylightRule> read_rule(const std::string& name) {
  constexpr std::streamoff longest = 256;
  std::ifstream file(std::string(directory).append(name), std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  if (size <= 0) return std::nullopt;
  file.seekg(size - std::min(size, longest));
  std::string text(static_cast<std::size_t>(std::min(size, longest)), '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) || !text.ends_with('\n'))
    return std::nullopt;
  text.pop_back();
  return DaylightRule::parse(std::string_view(text).substr(text.rfind('\n') + 1));
}

std::chrono::year year_of(Timestamp at) {
  const auto day = std::chrono::days(at / microseconds_per_day);
  return std::chrono::year_month_day(std::chrono::sys_days(day)).year();
}

// First the changes that the data list, then those of the rule for all years to come.
ZoneTable read_table(const date::time_zone& zone) {
  date::sys_info info = zone.get_info(date::sys_seconds());
  const Microseconds first_offset = microseconds_of(info.offset);
  std::vector<ZoneChange> changes;
  Timestamp latest = -1;
  const auto add = [&](const ZoneChange& change) {
    const Microseconds before = changes.empty() ? first_offset : changes.back().offset;
    if (change.at <= latest || change.at >= zone_tables_end) return;
    latest = change.at;
    if (change.offset != before) changes.push_back(change);
  };
  constexpr date::sys_seconds tables_end{std::chrono::seconds(zone_tables_end / microseconds_per_second)};
  while (info.end < tables_end) {
    const date::sys_seconds at = info.end;
    info = zone.get_info(at);
    add({microseconds_of(at.time_since_epoch()), microseconds_of(info.offset)});
  }
  if (const auto rule = read_rule(zone.name())) {
    for (std::chrono::year year = year_of(std::max<Timestamp>(latest, 0)); year < std::chrono::year(2500);
         ++year) {
      const auto [first, second] = rule->changes_in(year);
      add(first);
      add(second);
    }
  }
  return {zone.name(), first_offset, std::move(changes)};
}

// Every zone that has been asked for. None ever goes.
class Tables {
 public:
  const ZoneTable* find_or_read(std::string_view name) {
    const std::lock_guard lock(mutex_);
    if (const auto known = tables_.find(name); known != tables_.end()) return known->second.get();
    const date::time_zone* zone = find_in_data(name);
    if (zone == nullptr) return nullptr;
    return tables_.emplace(name, std::make_unique<const ZoneTable>(read_table(*zone))).first->second.get();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<const ZoneTable>, std::less<>> tables_;
};

}  // namespace

std::optional<Zone> find_zone(std::string_view name) {
  static Tables tables;
  const ZoneTable* table = tables.find_or_read(name);
  return table == nullptr ? std::nullopt : std::optional(Zone(*table));
}

std::string zone_hint(std::string_view name) {
  const date::tzdb* data = zone_data();
  if (data == nullptr) return "; no time zone data is installed (on Debian: apt-get install tzdata)";
  std::vector<std::string_view> names;
  names.reserve(data->zones.size());
  for (const date::time_zone& zone : data->zones) {
    if (is_portable(zone.name())) names.emplace_back(zone.name());
  }
  return did_you_mean(name, names);
}

// The library does not know it. "# version 2025b" is the first line of the data's source, which Debian adds.
std::string zone_data_version() {
  constexpr std::string_view mark = "# version ";
  std::ifstream file(std::string(directory).append("tzdata.zi"));
  std::string line;
  std::getline(file, line);
  return line.starts_with(mark) ? line.substr(mark.size()) : std::string();
}

}  // namespace fleet_sim::zones
