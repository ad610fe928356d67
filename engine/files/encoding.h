// Recognizes bytes that should be UTF-8 text and are not: other encodings, compressed files. Messages name
// what it is and the command that converts it. The bytes are untrusted. Pure; any thread; never fails.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fleet_sim::files {

// foreign_encoding needs no more than this many bytes.
inline constexpr std::size_t encoding_bytes = 16;

// UTF-8 text may begin with this mark; readers skip it.
inline constexpr std::string_view utf8_byte_order_mark = "\xEF\xBB\xBF";

// "is UTF-16 (little-endian): convert it with `iconv …`", from the first bytes of a text, with or without a
// byte order mark, or of a compressed file; empty where nothing speaks against UTF-8.
std::string foreign_encoding(std::string_view beginning);

// For a byte that is not part of UTF-8: "is not UTF-8: the byte 0xFC is 'ü' in Windows-1252: save the file
// …".
std::string not_utf8(char byte);

}  // namespace fleet_sim::files
