// The sources of a type, ready to be evaluated for any of its sensors at any moment. Each has a slot, where
// its value stands while a reading is computed. Its fast part is computed for every reading, its slow part at
// knots only (sources/signal.h): octaves of noise from 4.5 minutes on, loads, lags, and
// cycles of 18 minutes or longer are slow. A pure function of keys and moment; immutable; any thread;
// allocates nothing once it is made.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/timestamp.h"
#include "sources/cycle.h"
#include "sources/keys.h"
#include "sources/lag.h"
#include "sources/load.h"
#include "sources/noise.h"
#include "types/signal_declaration.h"
#include "zones/zone.h"

namespace fleet_sim::sources {

class SourceSet {
 public:
  // Noises that share their hashes have four slots together, other sources one.
  static constexpr std::size_t most_slots = types::most_noises * Noises::most + types::most_sources;
  using Slots = std::array<double, most_slots>;

  // `zone` is the local time of the sensors.
  SourceSet(std::span<const types::Source> declared, const zones::Zone& zone);

  struct Place {
    std::size_t slot = 0;
    bool has_fast = false;
    bool has_slow = false;
    std::size_t index = 0;  // among the sources that are evaluated together
  };
  // Of a source by its place in the declaration.
  [[nodiscard]] const Place& place(std::size_t source) const { return places_[source]; }

  // The keys of the shared sources, for sensors of a location and site.
  [[nodiscard]] std::vector<std::uint64_t> shared_keys(std::uint64_t seed, std::string_view location,
                                                       std::string_view site) const;

  [[nodiscard]] bool has_shared() const { return !shared_.empty(); }

  [[nodiscard]] std::size_t whites() const { return whites_.size(); }

  // Set the slots of sources that have such a part. `whites` has a standard normal number for each white
  // source.
  void set_fast(const Keys& keys, Timestamp at, std::span<const double> whites, Slots& slots) const;
  void set_slow(const Keys& keys, Timestamp at, Slots& slots) const;

  // The load that is a source of the declaration, and its key.
  [[nodiscard]] const Load& load(std::size_t source) const { return loads_[places_[source].index].load; }
  [[nodiscard]] std::uint64_t load_key(std::size_t source, const Keys& keys) const {
    return loads_[places_[source].index].key.in(keys);
  }

  // The whole value of a source of the declaration; 0 for a white one.
  [[nodiscard]] double value(std::size_t source, const Keys& keys, Timestamp at) const;

 private:
  // Where the key of a source comes from: Keys::shared, or a stream of the sensor's own.
  struct KeyRole {
    bool is_shared;
    std::size_t place;  // there

    [[nodiscard]] std::uint64_t in(const Keys& keys) const;
  };
  struct SharedSource {
    types::Scope scope;
    std::string name;
  };
  struct NoisesInSlots {
    Noises noises;
    KeyRole key;
    std::size_t slot;  // the first
  };
  struct LoadInSlot {
    Load load;
    KeyRole key;
    std::size_t slot;
  };
  struct LagInSlot {
    Lag lag;
    std::size_t load;  // its place in loads_
    std::size_t slot;
  };
  struct CycleInSlot {
    Cycle cycle;
    bool is_slow;
    std::size_t slot;
  };

  class Builder;

  std::vector<Place> places_;
  std::vector<types::Source> declared_;
  std::vector<SharedSource> shared_;
  std::vector<NoisesInSlots> noises_;
  std::vector<LoadInSlot> loads_;
  std::vector<LagInSlot> lags_;
  std::vector<CycleInSlot> cycles_;
  std::vector<std::size_t> whites_;  // their slots
};

}  // namespace fleet_sim::sources
