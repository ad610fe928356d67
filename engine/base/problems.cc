#include "base/problems.h"

#include <fmt/format.h>

namespace fleet_sim {

void Problems::add(const std::string& place, const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (++count_ <= shown_at_most) shown_.push_back(place + ": " + text);
}

void Problems::append(const Problems& other) {
  const std::scoped_lock lock(mutex_, other.mutex_);
  for (const std::string& line : other.shown_) {
    if (shown_.size() < shown_at_most) shown_.push_back(line);
  }
  count_ += other.count_;
}

std::size_t Problems::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

std::string Problems::text() const {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const std::string& line : shown_) {
    if (!lines.empty()) lines += '\n';
    lines += line;
  }
  if (count_ > shown_.size()) lines += fmt::format("\n... and {} more", count_ - shown_.size());
  return lines;
}

}  // namespace fleet_sim
