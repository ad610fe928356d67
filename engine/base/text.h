// Text for people: numbers in the notation they read, and how long a text is and how it is cut without
// breaking a character of UTF-8. Untrusted bytes go through base/plain_text.h. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/timestamp.h"

namespace fleet_sim {

// "12,345,678"
std::string grouped(std::uint64_t n);

// "1 shard", "12 shards"; an irregular plural is given.
std::string counted(std::uint64_t n, std::string_view singular, std::string_view plural = {});

// "0.8 ms", "1.25 s", "3 min 20 s", "2 d 4 h": in whatever units fit.
std::string duration_text(double seconds);

// Seconds of a duration as people write it: 90, 500ms, 10m, 1h30m, 30d, 2w. Nothing for any other text; what
// has several parts has a unit on each, and none below 0.
std::optional<double> read_duration(std::string_view text);

// The interval of this many seconds, if it is a valid one: whole microseconds, from 1 to longest_interval.
std::optional<Microseconds> interval_of(double seconds);

// "60s", "0.25s": what read_duration reads back to the same interval.
std::string interval_text(Microseconds interval);

// "46.2 MB", "1.20 TB"
std::string bytes_text(std::uint64_t bytes);

// Characters. As many columns on a terminal, for texts of our own.
std::size_t count_characters(std::string_view text);

// Columns on a terminal, never too few: characters of three and more bytes may be wide ones.
std::size_t most_columns(std::string_view text);

// The longest prefix of whole characters that has at most this many characters, or bytes.
std::string_view first_characters(std::string_view text, std::size_t most);
std::string_view first_bytes(std::string_view text, std::size_t most);

// The text, or if it is longer, its first bytes and `mark`.
std::string cut_to_bytes(std::string_view text, std::size_t most, std::string_view mark);

// The text, or if it may take more columns, as much of its beginning as fits together with "…".
std::string cut_to_columns(std::string_view text, std::size_t most);

// A table: columns as wide as their widest cell; the first one to the left, the others to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) { add(std::move(heading)); }

  void add(std::vector<std::string> cells);
  // Lines that begin with two spaces.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> lines_;
  std::vector<std::size_t> widths_;
};

}  // namespace fleet_sim
