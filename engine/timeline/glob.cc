#include "timeline/glob.h"

#include <cstddef>

namespace fleet_sim::timeline {
namespace {

// Behind the character that begins at `at`.
std::size_t next_character(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}

}  // namespace

bool matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = glob.npos;  // the last one so far, which takes as little as will do …
  std::size_t star_until = 0;    // … and has taken the text up to here
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_until = t;
    } else if (g < glob.size() && glob[g] == '?') {
      ++g;
      t = next_character(text, t);
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != glob.npos) {
      g = star + 1;
      t = star_until = next_character(text, star_until);
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

}  // namespace fleet_sim::timeline
