// Untrusted bytes as text: whether they are UTF-8 without control characters, and how they are shown in a
// message without harming a terminal. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fleet_sim {

struct TextFlaw {
  std::size_t offset = 0;  // of the first byte that is wrong
  std::string_view why;    // "is not UTF-8"
  bool is_utf8 = true;     // false: the byte is part of no character
};

// The first byte that is not part of well-formed UTF-8, or that starts a control character (C0, DEL, C1)
// which is not in `allowed`.
std::optional<TextFlaw> find_text_flaw(std::string_view text, std::string_view allowed = {});

// The text with everything find_text_flaw would object to as '?'; one longer than `most_bytes` is cut at the
// end of a character and followed by "...".
std::string printable(std::string_view text, std::size_t most_bytes = std::string_view::npos);

[[nodiscard]] bool is_utf8(std::string_view text);

// The text with U+FFFD in place of every byte that is not part of well-formed UTF-8.
std::string repaired_utf8(std::string_view text);

// 'text': printable, and of at most 60 bytes.
std::string in_quotes(std::string_view text);

}  // namespace fleet_sim
