// One edition of the running fleet: what it is made of at one moment. A reload begins the next one, between
// two windows of the scheduler, together with the change of the fleet itself; an edition never changes, so
// whoever holds one sees config, members and files that belong together.
//
// `Editions` belongs to the run. One thread at a time begins an edition: whoever starts the run, then the
// scheduler's conductor, or the reloader for what changes no reading. Any thread asks for the current one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "history/history.h"
#include "write/places.h"

namespace fleet_sim::start {

using history::Members;

struct Edition {
  std::shared_ptr<const config::Config> config;  // what the fleet runs under
  std::string config_hash;                       // of what in it decides readings
  std::shared_ptr<const Members> members;
  std::shared_ptr<const write::Targets> targets;
  std::size_t shard_count = 0;
  double readings_per_second = 0;  // nominal
  std::uint64_t number = 0;        // reloads so far that changed what the run reads
};

class Editions {
 public:
  [[nodiscard]] std::shared_ptr<const Edition> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  void begin(Edition next) {
    auto shared = std::make_shared<const Edition>(std::move(next));
    const std::lock_guard lock(mutex_);
    current_.swap(shared);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Edition> current_;  // under mutex_
};

}  // namespace fleet_sim::start
