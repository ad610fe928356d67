// The terminal: whole lines, and one line of progress that is redrawn in place and fits the terminal's width.
// If standard error is not a terminal, or one that cannot redraw (TERM=dumb), progress comes as plain lines.
// Color is for terminals only, and not if NO_COLOR is set. Any thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

namespace fleet_sim::log {

class Console {
 public:
  enum class Tone { plain, warning, error };

  // `show_progress` false: progress is dropped.
  explicit Console(bool show_progress);
  ~Console();

  // Whether standard error is a terminal whose last line can be redrawn.
  static bool can_redraw();
  [[nodiscard]] bool live() const { return live_; }
  [[nodiscard]] bool shows_progress() const { return enabled_; }

  // Columns of the progress line at this moment; unlimited when it is not redrawn.
  [[nodiscard]] std::size_t width() const;

  // A line of log or result on standard error; above the progress line when there is one.
  void print_line(std::string_view line, Tone tone = Tone::plain);

  void show_progress(std::string_view text);

  // Leaves the last progress line standing and goes to a new line.
  void end_progress();

 private:
  void write(const std::string& text);

  std::mutex mutex_;
  bool enabled_;
  bool live_;     // standard error is a terminal that can redraw a line
  bool colored_;  // and shows colors
  std::string progress_;
};

}  // namespace fleet_sim::log
