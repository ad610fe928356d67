#include "app/console.h"

#include <unistd.h>

#include <cstdio>

#include <sys/ioctl.h>

namespace fleet_sim {
namespace {

constexpr std::string_view clear_line = "\r\033[K";

// What fits on one line of the terminal: a longer one would wrap, and could not be redrawn. Counts bytes,
// cuts between characters.
std::string fitting(std::string_view text) {
  winsize size{};
  const std::size_t width =
      ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
  if (text.size() <= width) return std::string(text);
  std::size_t end = width;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

}  // namespace

Console::Console(bool show_progress) : enabled_(show_progress), live_(isatty(STDERR_FILENO) == 1) {}

Console::~Console() {
  end_progress();
}

void Console::write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void Console::print_line(std::string_view line) {
  const std::lock_guard lock(mutex_);
  std::string text;
  if (!progress_.empty()) text += clear_line;
  text += line;
  text += '\n';
  text += progress_;
  write(text);
}

void Console::show_progress(std::string_view text) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  if (!live_) return write(std::string(text) + '\n');
  progress_ = fitting(text);
  write(std::string(clear_line) + progress_);
}

void Console::end_progress() {
  const std::lock_guard lock(mutex_);
  if (progress_.empty()) return;
  progress_.clear();
  write("\n");
}

}  // namespace fleet_sim
