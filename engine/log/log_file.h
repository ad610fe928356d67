// The file behind the log: spdlog's rotating one, kept from harming the run. When a line cannot be written
// (disk full, folder removed) that is reported once, further lines are dropped, and the file is opened again
// after retry_interval. If another program rotates it too, the next line goes to the file that has the name
// by then, whether the old one was renamed, replaced, deleted or emptied. Any thread. Owns the file.
#pragma once

#include <spdlog/sinks/rotating_file_sink.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "log/log_settings.h"

namespace fleet_sim::log {

// Why there can be no log file of this name: something other than a regular file has it. Empty if a regular
// file has it, or nothing.
std::string reason_against_log_file(const std::string& path);

class LogFile {
 public:
  static constexpr std::chrono::seconds retry_interval{5};  // of a file that could not be written

  // `report` gets one line per change of state: the file fails, and works again.
  LogFile(const LogSettings& settings, std::string path, std::function<void(const std::string&)> report);

  void write(const std::string& line, SteadyTime now);

 private:
  // The file at the path, and how much was in it.
  struct Seen {
    dev_t device = 0;
    ino_t number = 0;
    off_t bytes = 0;
  };
  static Seen look_at(const std::string& path);
  void try_to_write(const std::string& line);

  const std::string path_;  // empty: no file
  const std::size_t bytes_;
  const std::size_t kept_;
  const std::function<void(const std::string&)> report_;
  std::mutex mutex_;
  std::shared_ptr<spdlog::sinks::rotating_file_sink_st> sink_;  // none: to be opened
  Seen seen_;                                                   // after the last line
  bool failing_ = false;
  std::uint64_t dropped_ = 0;
  SteadyTime retry_at_{};
};

}  // namespace fleet_sim::log
