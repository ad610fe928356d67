// How a log is written. Values only.
#pragma once

#include <cstdint>
#include <string>

namespace fleet_sim::log {

struct LogSettings {
  std::string level = "INFO";             // as `logging.level` has it
  std::uint32_t file_bytes = 10'000'000;  // of one log file, before the next is begun
  std::uint32_t kept_files = 3;           // earlier log files
  bool json = false;                      // else text
  bool console_output = true;
  bool quiet = false;
};

}  // namespace fleet_sim::log
