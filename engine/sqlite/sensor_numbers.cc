#include "sqlite/sensor_numbers.h"

#include <limits>
#include <string_view>
#include <utility>

namespace fleet_sim::sqlite {
namespace {

constexpr std::size_t fewest_places = 64;

constexpr std::string_view any_sql = "SELECT 1 FROM reading_sensors LIMIT 1";
constexpr std::string_view look_up_sql =
    "SELECT number FROM reading_sensors WHERE sensor_id = ?1 AND firmware_version = ?2 AND model = ?3 AND "
    "manufacturer = ?4 AND location = ?5";
constexpr std::string_view add_sql =
    "INSERT INTO reading_sensors (sensor_id, firmware_version, model, manufacturer, location) VALUES (?1, "
    "?2, "
    "?3, ?4, ?5)";

}  // namespace

int SensorNumbers::find(std::uint32_t sensor, identity::OverlayIndex overlay, std::int64_t& number) {
  int code = places_.empty() ? begin() : SQLITE_OK;
  if (const Known& known = place_of(sensor, overlay); known.number != 0) {
    number = known.number;
    return SQLITE_OK;
  }
  const identity::Identity identity = roster_.shown(sensor, overlay);
  number = 0;
  const bool may_be_there = !knows_all_ || overlay != 0 || sensor >= first_of_others_;
  if (code == SQLITE_OK && may_be_there) code = look_up(identity, number);
  if (code == SQLITE_OK && number == 0) code = add(identity, number);
  const bool fits = number > 0 && number <= std::numeric_limits<std::uint32_t>::max();
  if (code == SQLITE_OK && fits) remember({sensor, static_cast<std::uint32_t>(number), overlay});
  return code;
}

// Whoever begins with a file without entries gives all that there will be. An overlay, or an identity that a
// reload brings, may say the same of a sensor as the identity that it began with.
int SensorNumbers::begin() {
  places_.resize(fewest_places);
  first_of_others_ = static_cast<std::uint32_t>(roster_.size());
  tables::Statement any;
  if (const tables::StorageError error = database_.prepare(any_sql, any); !error.ok()) return error.code;
  const int code = any.step();
  knows_all_ = code == SQLITE_DONE;
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

void SensorNumbers::forget() {
  places_.clear();
  known_ = 0;
}

SensorNumbers::Known& SensorNumbers::place_of(std::uint32_t sensor, identity::OverlayIndex overlay) {
  const std::uint64_t key = (static_cast<std::uint64_t>(sensor) << 16) | overlay;
  const std::size_t mask = places_.size() - 1;
  std::size_t place = static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> 32) & mask;
  while (places_[place].number != 0 && (places_[place].sensor != sensor || places_[place].overlay != overlay))
    place = (place + 1) & mask;
  return places_[place];
}

void SensorNumbers::remember(const Known& known) {
  if (known_ == most_known) {
    forget();
    places_.resize(fewest_places);
    knows_all_ = false;
  }
  if (4 * (known_ + 1) > 3 * places_.size()) grow();
  place_of(known.sensor, known.overlay) = known;
  ++known_;
}

void SensorNumbers::grow() {
  const std::vector<Known> before = std::exchange(places_, std::vector<Known>(2 * places_.size()));
  for (const Known& known : before) {
    if (known.number != 0) place_of(known.sensor, known.overlay) = known;
  }
}

int SensorNumbers::look_up(const identity::Identity& identity, std::int64_t& number) {
  if (const int code = prepare(look_up_sql, identity, look_up_); code != SQLITE_OK) return code;
  const int code = look_up_.step();
  if (code == SQLITE_ROW) number = look_up_.integer(0);
  look_up_.reset();
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

int SensorNumbers::add(const identity::Identity& identity, std::int64_t& number) {
  int code = prepare(add_sql, identity, add_);
  if (code == SQLITE_OK) code = add_.run();
  if (code == SQLITE_OK) number = database_.last_inserted_id();
  return code;
}

// With the identity as its parameters.
int SensorNumbers::prepare(std::string_view sql, const identity::Identity& identity,
                           tables::Statement& statement) {
  if (!statement.is_prepared()) {
    if (const tables::StorageError error = database_.prepare(sql, statement); !error.ok()) return error.code;
  }
  statement.bind(1, identity.id);
  statement.bind(2, roster_.text(identity.firmware_version));
  statement.bind(3, roster_.text(identity.model));
  statement.bind(4, roster_.text(identity.manufacturer));
  statement.bind(5, roster_.text(identity.location));
  return SQLITE_OK;
}

}  // namespace fleet_sim::sqlite
