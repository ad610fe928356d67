// What a scenario has done to a sensor that its readings depend on from then on. Values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "identity/identity.h"
#include "model/sensor.h"
#include "types/schema.h"
#include "types/signal_declaration.h"

namespace fleet_sim::fleet {

// What an entry adds to the readings of sensors of a type.
struct Addition {
  identity::Text name{};  // of the entry
  Microseconds fade = 0;
  std::vector<std::pair<std::uint8_t, double>> channels{};

  bool operator==(const Addition&) const = default;
};

// What is added to the readings of a sensor for a while, never null. Once for each entry and sensor: a later
// turn takes the place of the one before.
struct Added {
  Timestamp from = 0;
  Timestamp until = 0;
  std::shared_ptr<const Addition> what{};  // by many sensors

  bool operator==(const Added& other) const {
    return from == other.from && until == other.until && *what == *other.what;
  }
};

// What is added at that moment, by channel: there is a sum for each channel of the sensor.
using AddedTo = std::array<double, types::most_channels>;
void add_up(std::span<const Added> all, Timestamp at, std::span<double> sums);
// Adds what one of them adds then.
void add_one(const Added& one, Timestamp at, std::span<double> sums);

// When the part of each aging was replaced out of turn, if it was.
using Serviced = std::array<Timestamp, types::most_agings>;

// Both, to be asked later what a reading of then depends on.
struct Then {
  std::vector<Added> added{};
  std::optional<Serviced> serviced{};

  // Borrows this and `sums`.
  [[nodiscard]] model::Circumstances at(Timestamp at, std::size_t channels, AddedTo& sums) const {
    model::Circumstances now;
    if (!added.empty()) {
      add_up(added, at, std::span(sums).first(channels));
      now.added = std::span(sums).first(channels);
    }
    if (serviced) now.serviced = *serviced;
    return now;
  }
  bool operator==(const Then&) const = default;
};
// Of a sensor to which nothing has been done.
extern const Then unchanged;

}  // namespace fleet_sim::fleet
