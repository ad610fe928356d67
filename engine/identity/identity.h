// Who each sensor is: the cold half of a sensor, kept apart from the numbers the tick touches. An identity's
// texts live in a Roster, which owns them all and hands out views; equal texts are stored once, because a
// million sensors share a few hundred locations, models and versions. Built while starting. A reload adds to
// it while other threads read: what stands in it stays where it is for good, so an index that a reading
// carries means the same forever. One thread adds; any thread reads an index that it has been handed since.
#pragma once

#include <tbb/concurrent_vector.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/cadence.h"
#include "base/ledger.h"
#include "identity/overlays.h"
#include "types/built_in_type.h"

namespace fleet_sim::identity {

// Handle to an interned text; equal handles mean equal texts. 0 is that of the empty text.
enum class Text : std::uint32_t {};

// Per-sensor replacements of the config's normal_parameters; absent ones keep the config's value.
struct ChannelOverride {
  std::optional<double> mean;
  std::optional<double> std_dev;
  std::optional<double> min;
  std::optional<double> max;

  auto operator<=>(const ChannelOverride&) const = default;
};

struct IdentityOverrides {
  std::optional<Rate> rate;  // readings_per_second or interval
  std::string time_zone;     // a name that the zone data have; empty: the config's
  std::map<std::string, ChannelOverride, std::less<>> normal_parameters;  // by channel: of those it names

  // What is said of a channel: nothing if it is not named.
  [[nodiscard]] const ChannelOverride& channel(std::string_view name) const {
    static const ChannelOverride nothing;
    const auto named = normal_parameters.find(name);
    return named == normal_parameters.end() ? nothing : named->second;
  }

  auto operator<=>(const IdentityOverrides&) const = default;
};

// The parts of an identity on which no reading depends, kept for those who use the data.
struct IdentityDetails {
  std::string serial_number;        // empty: not said
  std::optional<double> latitude;   // degrees
  std::optional<double> longitude;  // degrees
  std::string extras;               // all else, as one JSON object; empty: nothing else

  bool operator==(const IdentityDetails&) const = default;
};

// One identity as it stands in a file, with default values where the file says nothing.
struct IdentityRecord {
  std::string id;
  std::string type = types::built_in_type().schema.type();
  std::string location = "Factory A - Line 1";
  std::string manufacturer = "SensorTech";
  std::string model = "TempVibe-2000";
  std::string firmware_version = "1.3";
  IdentityOverrides overrides;
  IdentityDetails details = {};
};

// The part of a location before its first " - ".
inline std::string_view site_of(std::string_view location) {
  return location.substr(0, location.find(" - "));
}

// The same, interned: what the running process keeps per sensor.
struct Identity {
  static constexpr std::uint32_t no_overrides = UINT32_MAX;
  static constexpr std::uint32_t no_details = UINT32_MAX;

  std::string_view id;
  Text type;
  Text location;
  Text manufacturer;
  Text model;
  Text firmware_version;
  std::uint32_t overrides = no_overrides;  // index for Roster::overrides
  std::uint32_t details = no_details;      // index for Roster::details
};

class Roster {
 public:
  Roster();
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;
  Roster(Roster&&) = default;
  Roster& operator=(Roster&&) = default;

  // Returns the index of the new identity. The caller has made sure that the id is new.
  std::uint32_t add(const IdentityRecord& record);

  [[nodiscard]] std::size_t size() const { return identities_.size(); }
  [[nodiscard]] const Identity& operator[](std::size_t index) const { return identities_[index]; }
  [[nodiscard]] std::string_view text(Text handle) const { return texts_[static_cast<std::size_t>(handle)]; }

  // Another text, for who refers to one beside the identities.
  Text intern(std::string_view text);
  // A version of firmware that sensors may have beside those of the identities.
  void note_firmware(Text version);
  // The empty text for one that is not there. For the thread that adds.
  [[nodiscard]] Text find_text(std::string_view text) const;

  // What a scenario says of sensors: one table for all, to which any thread adds.
  [[nodiscard]] Overlays& overlays() const { return *overlays_; }
  // The identity with what the overlay says instead.
  [[nodiscard]] Identity shown(std::size_t index, OverlayIndex overlay) const;

  // Versions of firmware in the order they came, as many as are counted one by one; no
  // more than `most_firmwares` - 1. Any thread.
  [[nodiscard]] std::size_t firmware_count() const { return firmwares_.size(); }
  [[nodiscard]] Text firmware(std::size_t number) const { return firmwares_[number]; }
  // The number of a version among these, or that of all others.
  [[nodiscard]] std::uint8_t firmware_number(Text version) const;

  // The identity as it stood in its file.
  [[nodiscard]] IdentityRecord record(const Identity& identity) const;

  // The overrides of an identity; equal ones share an index, so that identical sensors are recognized.
  [[nodiscard]] const IdentityOverrides& overrides(const Identity& identity) const;

  // The details of an identity. Those of neighbors that are alike are kept once.
  [[nodiscard]] const IdentityDetails& details(const Identity& identity) const;

 private:
  std::uint32_t intern(const IdentityOverrides& overrides);
  std::uint32_t keep(const IdentityDetails& details);
  std::string_view keep(std::string_view text);

  tbb::concurrent_vector<Identity> identities_;
  tbb::concurrent_vector<std::string_view> texts_;
  tbb::concurrent_vector<const IdentityOverrides*>
      overrides_;  // the keys of index_of_overrides_, which never move
  tbb::concurrent_vector<IdentityDetails> details_;
  tbb::concurrent_vector<Text> firmwares_;
  std::unordered_map<std::string_view, Text> handle_of_text_;
  std::map<IdentityOverrides, std::uint32_t> index_of_overrides_;
  std::unique_ptr<Overlays> overlays_ = std::make_unique<Overlays>();
  std::deque<std::vector<char>> arena_;  // blocks that never move: every view above points into one
};

// A hash of everything an identity says, stable between runs and machines.
std::uint64_t hash_of(const Roster& roster, const Identity& identity);

}  // namespace fleet_sim::identity
