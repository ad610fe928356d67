// Which sensors belong to each file of one writer: those the run began with, and those of each reload, as
// places say. They are grouped by file when the first file asks, 4 bytes a sensor, and a file's share is let
// go once it has been handed over; a file that is begun anew has its share looked for again. One thread at a
// time; borrows what it is made from. Fails only for want of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tables/run_reloads.h"
#include "tables/sensors.h"
#include "write/places.h"

namespace fleet_sim::sqlite {

class ShardSensors {
 public:
  ShardSensors(const tables::RunReloads& reloads, const write::Places& places, std::uint32_t writer)
      : reloads_(reloads), places_(places), writer_(writer) {}

  // Of the file: entry 0 is the start of the run, 1, 2, … its reloads. From `first` on, before `end`.
  std::vector<tables::SensorVersion> of(std::uint32_t shard, std::size_t first, std::size_t end);

 private:
  using Versions = std::vector<tables::SensorVersion>;

  void group();
  void find(std::uint32_t shard, const std::vector<std::uint32_t>& identities, Timestamp since,
            Versions& found) const;

  const tables::RunReloads& reloads_;
  const write::Places& places_;
  const std::uint32_t writer_;
  std::vector<std::vector<std::uint32_t>> first_;  // of each file: the sensors that the run began with
  std::vector<bool> handed_over_;
  bool grouped_ = false;
};

}  // namespace fleet_sim::sqlite
