#include "identity/identity_keys.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/nearest.h"

namespace fleet_sim::identity {
namespace {

constexpr std::array identity_keys{
    IdentityKey{"id", Field::id},
    IdentityKey{"type", Field::type},
    IdentityKey{"location", Field::location, KeyGroup::location},
    IdentityKey{"manufacturer", Field::manufacturer},
    IdentityKey{"model", Field::model},
    IdentityKey{"firmware_version", Field::firmware_version},
    IdentityKey{"serial_number", Field::serial_number},
    IdentityKey{"timezone", Field::timezone},
    IdentityKey{"latitude", Field::latitude},
    IdentityKey{"longitude", Field::longitude},
    IdentityKey{"readings_per_second", Field::readings_per_second},
    IdentityKey{"interval", Field::interval},
    IdentityKey{"normal_parameters", Field::normal_parameters},
    IdentityKey{"extras", Field::extras},
    IdentityKey{"sensor_id", Field::id},
    IdentityKey{"sensorId", Field::id},
    IdentityKey{"device_id", Field::other_id, KeyGroup::none, true},
    IdentityKey{"deviceId", Field::other_id, KeyGroup::none, true},
    IdentityKey{"node_id", Field::other_id, KeyGroup::none, true},
    IdentityKey{"nodeId", Field::other_id, KeyGroup::none, true},
    IdentityKey{"device_info", Field::none, KeyGroup::device},
    IdentityKey{"device", Field::none, KeyGroup::device, true},
    IdentityKey{"coordinates", Field::none, KeyGroup::coordinates, true},
    IdentityKey{"gps", Field::none, KeyGroup::coordinates, true},
};

// name_of() relies on it.
constexpr bool each_field_comes_first_under_its_own_key() {
  for (std::size_t i = 0; i < keyed_fields; ++i) {
    if (identity_keys[i].field != static_cast<Field>(i)) return false;
  }
  return true;
}
static_assert(each_field_comes_first_under_its_own_key());

constexpr std::array location_keys{
    IdentityKey{"site", Field::place},
    IdentityKey{"plant", Field::place, KeyGroup::none, true},
    IdentityKey{"factory", Field::place, KeyGroup::none, true},
    IdentityKey{"facility", Field::place, KeyGroup::none, true},
    IdentityKey{"building", Field::place, KeyGroup::none, true},
    IdentityKey{"city", Field::place},
    IdentityKey{"name", Field::place, KeyGroup::none, true},
    IdentityKey{"address", Field::place, KeyGroup::none, true},
    IdentityKey{"zone", Field::area},
    IdentityKey{"area", Field::area, KeyGroup::none, true},
    IdentityKey{"line", Field::area, KeyGroup::none, true},
    IdentityKey{"section", Field::area, KeyGroup::none, true},
    IdentityKey{"room", Field::area, KeyGroup::none, true},
    IdentityKey{"timezone", Field::timezone},
    IdentityKey{"coordinates", Field::none, KeyGroup::coordinates},
    IdentityKey{"latitude", Field::latitude},
    IdentityKey{"longitude", Field::longitude},
    IdentityKey{"lat", Field::latitude},
    IdentityKey{"lon", Field::longitude},
    IdentityKey{"lng", Field::longitude},
};

constexpr std::array coordinates_keys{
    IdentityKey{"latitude", Field::latitude}, IdentityKey{"longitude", Field::longitude},
    IdentityKey{"lat", Field::latitude},      IdentityKey{"lon", Field::longitude},
    IdentityKey{"lng", Field::longitude},
};

constexpr std::array device_keys{
    IdentityKey{"manufacturer", Field::manufacturer},
    IdentityKey{"model", Field::model},
    IdentityKey{"firmware_version", Field::firmware_version},
    IdentityKey{"firmware", Field::firmware_version},
    IdentityKey{"serial_number", Field::serial_number},
};

constexpr std::size_t shortest_beginning = 3;  // of a key, to be taken for it: "firmware", "lat"

// "sensorId", "Sensor-ID" and "sensor_id" are one word.
std::string folded(std::string_view key) {
  std::string word;
  for (const char c : key) {
    if (c == '_' || c == '-' || c == ' ' || c == '.') continue;
    word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return word;
}

const IdentityKey* nearest(std::span<const IdentityKey> keys, std::string_view unknown) {
  const std::string word = folded(unknown);
  if (word.empty()) return nullptr;
  std::vector<std::string> words;
  for (const IdentityKey& key : keys) words.push_back(folded(key.name));
  std::vector<std::string_view> candidates(words.begin(), words.end());
  auto found = std::ranges::find(candidates, word);
  if (found == candidates.end() && word.size() >= shortest_beginning) {
    found = std::ranges::find_if(candidates, [&](std::string_view one) { return one.starts_with(word); });
  }
  if (found == candidates.end()) {
    found = std::ranges::find(candidates, nearest_word(word, candidates));
    // A longer word has its own meaning: a date of manufacture is no manufacturer.
    if (found != candidates.end() && found->size() + 2 < word.size()) return nullptr;
  }
  return found == candidates.end() ? nullptr : &keys[static_cast<std::size_t>(found - candidates.begin())];
}

}  // namespace

std::span<const IdentityKey> keys_of(KeyGroup group) {
  switch (group) {
    case KeyGroup::identity:
      return identity_keys;
    case KeyGroup::location:
      return location_keys;
    case KeyGroup::coordinates:
      return coordinates_keys;
    case KeyGroup::device:
      return device_keys;
    case KeyGroup::none:
      break;
  }
  return {};
}

std::string_view name_of(Field field) {
  return identity_keys[static_cast<std::size_t>(field)].name;
}

std::string_view nearest_key(KeyGroup group, std::string_view unknown) {
  const IdentityKey* key = nearest(keys_of(group), unknown);
  return key == nullptr ? std::string_view() : key->name;
}

bool resembles_id(std::string_view unknown) {
  const IdentityKey* key = nearest(identity_keys, unknown);
  return key != nullptr && (key->field == Field::id || key->field == Field::other_id);
}

}  // namespace fleet_sim::identity
