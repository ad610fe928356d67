// Any bytes as a file of detections: each is read or refused with an error; none may crash, hang, or be read
// differently in other pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "base/problems.h"
#include "files/csv_reader.h"
#include "score/detections.h"

using namespace fleet_sim;

namespace {

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
    files::CsvReader csv("fuzz", read);
    score::DetectionReader detections(csv, {});
    while (const auto row = detections.next()) {
      if (row->from > row->until || row->unit < 1) std::abort();
      said += detections.sensor();
      said += std::to_string(row->from) + ' ' + std::to_string(row->until) + ' ' +
              std::to_string(row->score) + '\n';
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
