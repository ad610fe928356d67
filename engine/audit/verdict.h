// What became of a run on the other side: a value, made once all rows have been seen, and shown as text, JSON
// or a page.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit/examine.h"
#include "base/timestamp.h"

namespace fleet_sim::audit {

struct Counts {
  std::uint64_t expected = 0;    // readings that have a row in the run
  std::uint64_t delivered = 0;   // of these, that came at least once
  std::uint64_t missing = 0;     // that did not
  std::uint64_t duplicate = 0;   // rows of a reading that had come already, beyond what the run repeated
  std::uint64_t altered = 0;     // rows that are not as they were
  std::uint64_t unexpected = 0;  // rows of no reading
  std::uint64_t out_of_order =
      0;  // rows after a later one of their sensor, beyond those of the run; not by hour

  Counts& operator+=(const Counts& other);
  [[nodiscard]] bool is_clean() const { return missing + duplicate + altered + unexpected == 0; }
};

// Readings in a row of a sensor that did not come, but for those that the run did not write either.
struct Gap {
  std::string sensor;
  std::string location;
  Timestamp from = 0;
  Timestamp until = 0;  // when the last of them was due
  std::uint64_t readings = 0;
};

struct Delays {
  std::uint64_t rows = 0;
  Microseconds p50 = 0;
  Microseconds p90 = 0;
  Microseconds p99 = 0;
  Microseconds most = 0;
  std::uint64_t negative = 0;  // rows that came before they were due
};

// One row of the picture of gaps: a place, step by step of time.
struct PlaceSteps {
  struct Step {
    std::uint64_t expected = 0;
    std::uint64_t missing = 0;
  };
  std::string location;
  std::vector<Step> steps;  // from Picture::from on
};
struct Picture {
  Timestamp from = 0;
  Microseconds step = 0;           // an hour, or a multiple of it where there are many places and hours
  std::vector<PlaceSteps> places;  // by name
};

struct Verdict {
  std::string runs;  // places, for a headline
  std::string rows;  // where they came from
  std::vector<std::string> warnings;
  std::uint64_t rows_read = 0;
  Counts total;
  std::vector<std::pair<std::string, Counts>> by_sensor;    // worst first, at most `most_sensors_listed`
  std::uint64_t sensors_affected = 0;                       // with anything wrong, of …
  std::uint64_t sensors = 0;                                // … all
  std::vector<std::pair<std::string, Counts>> by_location;  // all, by name
  std::vector<std::pair<Timestamp, Counts>> by_hour;        // those with anything, in order
  Picture picture;
  std::vector<Gap> gaps;                                               // the largest first …
  std::uint64_t gap_count = 0;                                         // … at most `most_gaps` of so many
  std::vector<Finding> altered;                                        // the first few
  std::vector<std::pair<std::string, std::uint64_t>> altered_columns;  // how often
  std::vector<Finding> strangers;                                      // the first few
  std::array<std::uint64_t, stranger_count> stranger_counts{};
  // What was due and the run did not write, by reason.
  std::vector<std::pair<std::string, std::uint64_t>> not_produced;
  std::uint64_t repeated = 0;      // rows that the run wrote twice
  std::uint64_t not_repeated = 0;  // of these, that came once
  std::optional<Delays> delays;
  std::vector<std::string> not_judged;  // columns

  // Everything once and unchanged.
  [[nodiscard]] bool is_clean() const { return total.is_clean(); }
};

inline constexpr std::size_t most_gaps = 1'000;
inline constexpr std::size_t most_sensors_listed = 1'000;

std::string verdict_text(const Verdict& verdict);
std::string verdict_json(const Verdict& verdict);

}  // namespace fleet_sim::audit
