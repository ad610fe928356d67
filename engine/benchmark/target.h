// Where the readings of one measurement go when they do not fill the files of its folder. A file of text and
// the schema in a PostgreSQL server are new, and removed with everything in them afterwards. What went
// through a pipe, to a device or to a server that takes line protocol stays where it went. Main thread.
#pragma once

#include <cstdint>
#include <string>

#include "config/sink_settings.h"

namespace fleet_sim::benchmark {

// Before anything is measured: what is at the address, such as "PostgreSQL 15.18"; empty if nothing is known.
// Throws InvalidInput for an address that cannot be used or a file that is there already, NoStorage where a
// server of PostgreSQL does not let us in.
std::string look_at_target(const config::SinkSettings& sink);

class BenchTarget {
 public:
  explicit BenchTarget(const config::SinkSettings& sink);
  BenchTarget(const BenchTarget&) = delete;
  BenchTarget& operator=(const BenchTarget&) = delete;
  ~BenchTarget() { (void)remove(); }

  // For the run that is measured.
  [[nodiscard]] const config::SinkSettings& sink() const { return sink_; }

  // Whether what is written takes space until it is removed, or for good.
  [[nodiscard]] bool takes_space() const { return takes_space_; }

  // What the readings take there; 0 where nobody can tell.
  [[nodiscard]] std::uint64_t bytes() const;

  // When nobody writes any more. Returns what could not be removed, and why; empty when all is gone.
  std::string remove();

 private:
  config::SinkSettings sink_;
  bool takes_space_ = true;
  std::string file_;    // to be removed
  std::string schema_;  // likewise
};

}  // namespace fleet_sim::benchmark
