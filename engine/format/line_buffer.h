// Lines on their way out. Grows like a text, but what it grows by is not cleared first, so that lines are
// made in place. Keeps its memory when emptied; whoever owns it bounds it. One thread at a time.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace fleet_sim::format {

class LineBuffer {
 public:
  // Room for so many bytes behind the last line, until the next call.
  [[nodiscard]] char* room(std::size_t bytes) {
    if (bytes_.size() - size_ < bytes) bytes_.resize(2 * bytes_.size() + bytes);
    return bytes_.data() + size_;
  }
  // In that room: where the lines end now.
  void end_at(const char* end) { size_ = static_cast<std::size_t>(end - bytes_.data()); }

  void append(std::string_view text) {
    char* const at = room(text.size());
    end_at(at + text.copy(at, text.size()));
  }

  [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  void clear() { size_ = 0; }

 private:
  std::vector<char> bytes_;
  std::size_t size_ = 0;  // of it in use
};

}  // namespace fleet_sim::format
