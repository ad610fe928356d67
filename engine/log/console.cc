#include "log/console.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include <sys/ioctl.h>

#include "base/text.h"

namespace fleet_sim::log {
namespace {

constexpr std::string_view clear_line = "\r\033[K";
constexpr std::string_view end_color = "\033[0m";
constexpr std::size_t usual_width = 79;

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

std::string_view color_of(Console::Tone tone) {
  return tone == Console::Tone::error ? "\033[31m" : "\033[33m";
}

}  // namespace

bool Console::can_redraw() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && (terminal == nullptr || std::string_view(terminal) != "dumb");
}

Console::Console(bool show_progress)
    : enabled_(show_progress), live_(can_redraw()), colored_(live_ && !is_set("NO_COLOR")) {}

Console::~Console() {
  end_progress();
}

void Console::write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

std::size_t Console::width() const {
  if (!live_) return std::string_view::npos;
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col - 1u : usual_width;
}

void Console::print_line(std::string_view line, Tone tone) {
  const bool color = colored_ && tone != Tone::plain;
  const std::lock_guard lock(mutex_);
  std::string text;
  if (!progress_.empty()) text += clear_line;
  if (color) text += color_of(tone);
  text += line;
  if (color) text += end_color;
  text += '\n';
  progress_ = std::string(first_characters(progress_, width()));
  text += progress_;
  write(text);
}

void Console::show_progress(std::string_view text) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  if (!live_) return write(std::string(text) + '\n');
  // A longer line would wrap, and could not be redrawn.
  progress_ = first_characters(text, width());
  write(std::string(clear_line) + progress_);
}

void Console::end_progress() {
  const std::lock_guard lock(mutex_);
  if (progress_.empty()) return;
  progress_.clear();
  write("\n");
}

}  // namespace fleet_sim::log
