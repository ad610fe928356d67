// How many of a run's files are open at once, by what the system allows the process. While starting; cannot
// fail.
#pragma once

#include <cstddef>
#include <string>

#include "config/config.h"

namespace fleet_sim::start {

struct OpenFiles {
  std::size_t files = 0;        // that the run has
  std::size_t at_once = 0;      // of these, at most
  std::size_t limit = 0;        // on what the process may have open
  std::uint32_t page_size = 0;  // of new files

  [[nodiscard]] bool take_turns() const { return files > at_once; }
};

// Raises the process's own limit first, as far as that helps.
OpenFiles plan_open_files(const config::Config& config, std::size_t files);

// A line, for log and `check`.
std::string text_of(const OpenFiles& plan);

}  // namespace fleet_sim::start
