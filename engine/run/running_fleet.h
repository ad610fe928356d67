// What the running fleet is made of at one moment. A reload begins another edition; an edition itself never
// changes, so whoever has a copy may look at it for as long as he likes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"

namespace fleet_sim::run {

struct RunningFleet {
  using Members = std::vector<std::uint32_t>;
  using Paths = std::vector<std::vector<std::string>>;

  std::shared_ptr<const config::Config> config;  // what the fleet runs under
  std::shared_ptr<const Members> members;        // indices into the roster
  std::shared_ptr<const Paths> paths;            // of the shards, per writer
  double readings_per_second = 0;                // nominal
  std::uint64_t edition = 0;                     // reloads so far
};

}  // namespace fleet_sim::run
