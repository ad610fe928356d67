// Any bytes as rows to be audited: each is taken apart or refused with an error; none may crash, hang, or be
// taken apart differently when it comes in other pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "base/problems.h"
#include "files/row_text.h"

using namespace fleet_sim;

namespace {

void say(std::string& said, std::string_view text) {
  said += std::to_string(text.size()) + ':';
  said += text;
}

void take_apart(files::CsvLines lines, std::string& said) {
  while (lines.next()) {
    said += '\n' + std::to_string(lines.line());
    for (const std::string_view field : lines.fields()) say(said, field);
  }
}

void take_apart(files::JsonLines lines, std::string& said) {
  while (lines.next()) {
    said += '\n' + std::to_string(lines.line());
    for (const auto& [name, value] : lines.members()) {
      say(said, name);
      say(said, value);
    }
  }
}

// What came of it, in words that are the same for the same rows.
std::string read_in_pieces(std::string_view bytes, std::size_t size) {
  std::size_t at = 0;
  const auto read = [&](char* into, std::size_t most) {
    const std::size_t count = std::min({size, most, bytes.size() - at});
    std::memcpy(into, bytes.data() + at, count);
    at += count;
    return count;
  };
  std::string said;
  try {
    files::RowText rows("fuzz", read);
    for (const std::string& name : rows.header()) say(said, name);
    files::TextBlock block;
    while (rows.next(block)) {
      if (rows.format() == files::TextFormat::csv) {
        take_apart(files::CsvLines(block, rows.name()), said);
      } else {
        take_apart(files::JsonLines(block, rows.name()), said);
      }
    }
  } catch (const InvalidInput& error) {
    said += error.what();
  }
  return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (read_in_pieces(bytes, size + 1) != read_in_pieces(bytes, 3)) std::abort();
  return 0;
}
