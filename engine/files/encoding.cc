#include "files/encoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fleet_sim::files {
namespace {

using namespace std::string_view_literals;

// Encodings with a byte order mark, and the name that makes iconv use it and leave it out.
struct MarkedEncoding {
  std::string_view mark;
  std::string_view encoding;
};
// The marks of UTF-32 first: one of them begins like that of UTF-16.
constexpr std::array<MarkedEncoding, 4> marked_encodings{{{"\xFF\xFE\0\0"sv, "UTF-32"sv},
                                                          {"\0\0\xFE\xFF"sv, "UTF-32"sv},
                                                          {"\xFF\xFE"sv, "UTF-16"sv},
                                                          {"\xFE\xFF"sv, "UTF-16"sv}}};

// What begins with these bytes is no text at all.
struct Packed {
  std::string_view magic;
  std::string_view what;
  std::string_view remedy;
};
constexpr std::array<Packed, 7> packed_kinds{
    {{"\x1F\x8B"sv, "is compressed with gzip"sv, "unpack it with `gunzip`"sv},
     {"PK\3\4"sv, "is a zip archive"sv, "unpack it with `unzip`"sv},
     {"BZh"sv, "is compressed with bzip2"sv, "unpack it with `bunzip2`"sv},
     {"\xFD\x37zXZ\0"sv, "is compressed with xz"sv, "unpack it with `unxz`"sv},
     {"\x28\xB5\x2F\xFD"sv, "is compressed with zstd"sv, "unpack it with `unzstd`"sv},
     {"7z\xBC\xAF\x27\x1C"sv, "is a 7z archive"sv, "unpack it with `7z x`"sv},
     {"SQLite format 3\0"sv, "is an SQLite database"sv, "name a text file"sv}}};

// The characters of Windows-1252 from 0x80 to 0x9F; the rest above is Latin-1. Empty: there is none.
constexpr std::array<std::string_view, 32> windows_1252{
    "€"sv, ""sv,  "‚"sv, "ƒ"sv, "„"sv, "…"sv, "†"sv, "‡"sv, "ˆ"sv, "‰"sv, "Š"sv,
    "‹"sv, "Œ"sv, ""sv,  "Ž"sv, ""sv,  ""sv,  "‘"sv, "’"sv, "“"sv, "”"sv, "•"sv,
    "–"sv, "—"sv, "˜"sv, "™"sv, "š"sv, "›"sv, "œ"sv, ""sv,  "ž"sv, "Ÿ"sv};

std::string convert(std::string_view from) {
  return fmt::format("convert it with `iconv -f {} -t UTF-8`", from);
}

// A text begins with a character of ASCII, a zero byte is none: so their order tells the encoding.
std::string_view unmarked_encoding(std::string_view text) {
  if (text.size() < 2) return {};
  const auto zero = [&](std::size_t at) { return at < text.size() && text[at] == '\0'; };
  const bool four = text.size() >= 4;
  if (four && !zero(0) && zero(1) && zero(2) && zero(3)) return "UTF-32LE";
  if (four && zero(0) && zero(1) && zero(2) && !zero(3)) return "UTF-32BE";
  if (!zero(0) && zero(1)) return "UTF-16LE";
  if (zero(0) && !zero(1)) return "UTF-16BE";
  return {};
}

// The character that the byte is in Windows-1252; empty where it is none.
std::string character_of(unsigned char byte) {
  if (byte < 0x80) return {};
  if (byte < 0xA0) return std::string(windows_1252[byte - 0x80u]);
  if (byte < 0xC0) return {'\xC2', static_cast<char>(byte)};
  return {'\xC3', static_cast<char>(byte - 0x40)};
}

}  // namespace

std::string foreign_encoding(std::string_view beginning) {
  for (const Packed& kind : packed_kinds) {
    if (beginning.starts_with(kind.magic)) return fmt::format("{}: {}", kind.what, kind.remedy);
  }
  for (const MarkedEncoding& marked : marked_encodings) {
    if (beginning.starts_with(marked.mark))
      return fmt::format("is {}, not UTF-8: {}", marked.encoding, convert(marked.encoding));
  }
  const std::string_view unmarked = unmarked_encoding(beginning);
  if (unmarked.empty()) return {};
  return fmt::format("is {} without a byte order mark, not UTF-8: {}", unmarked, convert(unmarked));
}

std::string not_utf8(char byte) {
  const auto number = static_cast<unsigned char>(byte);
  const std::string character = character_of(number);
  if (character.empty()) return "is not UTF-8: save the file as UTF-8";
  return fmt::format(
      "is not UTF-8: the byte 0x{:02X} is '{}' in {}: save the file as UTF-8, or {} if that is its encoding",
      number, character, number < 0xA0 ? "Windows-1252" : "Latin-1 and Windows-1252",
      convert("WINDOWS-1252"));
}

}  // namespace fleet_sim::files
