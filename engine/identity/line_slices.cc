#include "identity/line_slices.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "files/encoding.h"

namespace fleet_sim::identity {

void LineSlices::open(const std::string& path) {
  rest_.clear();
  line_ = 1;
  inside_long_line_ = false;
  at_beginning_ = true;
  file_.open(path);
}

LineSlice LineSlices::next() {
  if (inside_long_line_) skip_long_line();
  LineSlice slice;
  slice.first_line = line_;
  std::string& text = slice.text;
  text = std::exchange(rest_, {});
  const std::size_t kept = text.size();
  text.resize(kept + slice_bytes);
  const std::size_t got = file_.read(std::span(text).subspan(kept));
  text.resize(kept + got);
  if (std::exchange(at_beginning_, false) && text.starts_with(files::utf8_byte_order_mark))
    text.erase(0, files::utf8_byte_order_mark.size());
  slice.last = got < slice_bytes;
  slice.failure = file_.failure();
  if (!slice.last) keep_rest(text);
  line_ += static_cast<std::uint32_t>(std::ranges::count(text, '\n'));
  return slice;
}

// Leaves whole lines in `text`. A line longer than a slice is far over the limit for one identity: its
// beginning is handed out alone, to be refused with its line number, and the rest of it is skipped.
void LineSlices::keep_rest(std::string& text) {
  const auto last_break = text.rfind('\n');
  inside_long_line_ = last_break == std::string::npos;
  if (inside_long_line_) return;
  rest_ = text.substr(last_break + 1);
  text.resize(last_break + 1);
}

void LineSlices::skip_long_line() {
  inside_long_line_ = false;
  std::string block(slice_bytes, '\0');
  while (const std::size_t got = file_.read(block)) {
    const auto line_break = std::string_view(block).substr(0, got).find('\n');
    if (line_break == std::string_view::npos) continue;
    ++line_;
    rest_ = block.substr(line_break + 1, got - line_break - 1);
    return;
  }
}

}  // namespace fleet_sim::identity
