// The keys under which the fields of an identity may appear: flat, as we write them, or in the nested forms
// of other simulators. Each object that may hold such keys is a group with a table of its own, so a form is
// known when it is a row here. A field that two keys give must be the same in both. Constants; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fleet_sim::identity {

enum class Field : std::uint8_t {
  id,
  type,
  location,
  manufacturer,
  model,
  firmware_version,
  serial_number,
  timezone,
  latitude,
  longitude,
  readings_per_second,
  interval,
  normal_parameters,
  extras,
  other_id,  // the id where there is no better one
  place,     // the first part of a location: the city, the site
  area,      // its second part: the zone of a site
  none       // only a group stands under the key
};
inline constexpr std::size_t text_fields = 8;    // the first fields are texts …
inline constexpr std::size_t keyed_fields = 14;  // … and so many have a key of their own

enum class KeyGroup : std::uint8_t { none, identity, location, coordinates, device };

struct IdentityKey {
  std::string_view name;
  Field field = Field::none;
  KeyGroup object = KeyGroup::none;  // an object under the key is read as this
  bool lenient = false;              // what is of another kind is somebody else's, and kept as it is
};

// If several places or areas are given, the first counts.
std::span<const IdentityKey> keys_of(KeyGroup group);

// The key under which we write a field.
std::string_view name_of(Field field);

// The key of a group that an unknown one resembles, whatever its case and separators; empty if there is none.
std::string_view nearest_key(KeyGroup group, std::string_view unknown);

// Whether an unknown key resembles one that holds an id.
bool resembles_id(std::string_view unknown);

}  // namespace fleet_sim::identity
