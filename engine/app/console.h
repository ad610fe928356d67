// The terminal: whole lines, and one line of progress that is redrawn in place. When standard error is not a
// terminal progress comes as plain lines. Any thread.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace fleet_sim {

class Console {
 public:
  // `show_progress` false: progress is dropped.
  explicit Console(bool show_progress);
  ~Console();

  [[nodiscard]] bool live() const { return live_; }

  // A line of log or result on standard error; above the progress line when there is one.
  void print_line(std::string_view line);

  void show_progress(std::string_view text);

  // Leaves the last progress line standing and goes to a new line.
  void end_progress();

 private:
  void write(const std::string& text);

  std::mutex mutex_;
  bool enabled_;
  bool live_;  // standard error is a terminal
  std::string progress_;
};

}  // namespace fleet_sim
