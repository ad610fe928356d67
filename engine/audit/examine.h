// Looks at rows: which reading each one is, and what of it is not as it was. Rows do not depend on each
// other, so that any thread may look at any block; what they come to together is another's task (tally.h).
// Throws InvalidInput for text that cannot be read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/expectation.h"
#include "audit/row_columns.h"
#include "files/moment.h"
#include "files/row_text.h"

namespace fleet_sim::audit {

// How much a number may be off.
struct Tolerance {
  double most = 0;
  bool is_single = false;  // what fits into 32 bits
};
// "0.001" or "float32".
Tolerance parse_tolerance(std::string_view text);

// Why a row is nobody's.
enum class Stranger : std::uint8_t {
  none,
  no_sensor,    // of this name
  no_time,      // the sensor has no reading then
  outside,      // before the run began, after it ended, or while the sensor was not in the fleet
  not_produced  // there is such a reading, but the run made no row of it
};
inline constexpr std::size_t stranger_count = 5;
inline constexpr std::array<std::string_view, stranger_count> stranger_names{
    "none", "no such sensor", "no such time", "outside of the run", "a reading without a row"};

inline constexpr std::uint64_t bits_of_choices = 64;

struct ExaminedRow {
  std::uint32_t track = UINT32_MAX;  // none: no such sensor
  Stranger stranger = Stranger::none;
  bool is_altered = false;
  bool is_foreign = false;    // no value is that of the reading, not even rounded
  std::uint64_t number = 0;   // of the reading, which has a row
  std::uint64_t choices = 1;  // it may as well be one of so many from that on, if they have a row, and …
  std::uint64_t which = UINT64_MAX;  // … of the first 64 only these, by bit
  files::Moment at = {0, 1};         // its time, where that was cut off or rounded
  std::optional<Microseconds> delay = {};
};

// What is wrong with a row, for people.
struct Finding {
  std::uint64_t line = 0;
  std::string sensor;
  Timestamp at = 0;      // of the reading; 0: of no reading
  std::string column;    // empty: the row is a stranger
  std::string expected;  // or why it is a stranger
  std::string found;
};

struct ExaminedBlock {
  std::vector<ExaminedRow> rows;
  std::vector<Finding> altered;                // the first few
  std::vector<Finding> strangers;              // likewise
  std::vector<std::uint64_t> altered_columns;  // how often, by slot
};

inline constexpr std::size_t most_findings = 20;

struct ExamineOptions {
  Tolerance tolerance;
  Timestamp until = latest_timestamp;  // later rows are passed over
};

// Borrows all; one a thread.
class Examiner {
 public:
  Examiner(const Expectation& expected, const RowColumns& columns, const RowText& text,
           const ExamineOptions& options)
      : expected_(expected),
        columns_(columns),
        text_(text),
        options_(options),
        memories_(expected.memories()) {}

  ExaminedBlock examine(const TextBlock& block);

 private:
  template <class Lines>
  void examine_lines(Lines lines, ExaminedBlock& block);
  // None: a row that is not to be judged.
  template <class Lines>
  std::optional<ExaminedRow> examine_row(const Lines& lines, ExaminedBlock& block);
  // The row itself may have what the first ones had not: the channels of another type.
  [[nodiscard]] bool has(std::size_t slot) const {
    return columns_.has(slot) || cells_[slot].data() != nullptr;
  }
  [[nodiscard]] bool has(Slot slot) const { return has(index_of(slot)); }
  void read_values(std::uint32_t track);
  template <class Lines>
  [[nodiscard]] files::Moment moment(const Lines& lines, Slot slot);
  std::optional<files::Moment> read_moment(std::string_view text);
  // The reading that a row is by its time; none: there is none.
  struct Placed {
    std::uint64_t number;
    std::uint64_t choices = 1;
    std::uint64_t which = UINT64_MAX;
  };
  template <class Lines>
  std::optional<Placed> place(const Lines& lines, std::uint32_t track, const files::Moment& moment,
                              Microseconds slack);
  std::optional<Placed> place_by_values(std::uint32_t track, const Track::Span& span);
  const std::vector<Remade>& look_at(std::uint32_t track, const Track::Span& span);
  [[nodiscard]] static std::optional<Placed> any_of(const Track& of, const Track::Span& span);
  template <class Lines>
  void judge(const Lines& lines, const Remade& reading, ExaminedRow& row, ExaminedBlock& block);
  template <class Lines>
  void note_delay(const Lines& lines, ExaminedRow& row);
  template <class Lines>
  void note_stranger(const Lines& lines, const files::Moment& moment, ExaminedRow& row,
                     ExaminedBlock& block) const;
  [[nodiscard]] Stranger why_strange(const Track& track, const files::Moment& moment) const;

  void compare(const Remade& reading, std::uint32_t track, std::uint64_t number);
  void compare_time(const Remade& reading, Slot slot, Microseconds slack);
  [[nodiscard]] bool is_equal(double value, std::size_t channel) const;
  [[nodiscard]] bool values_match(const Remade& reading) const;
  [[nodiscard]] std::size_t equal_values(const Remade& reading) const;
  [[nodiscard]] bool all_values_differ() const;
  [[nodiscard]] bool is_foreign(const Remade& reading) const;
  // The reading of the same sensor that the values of the row are of, at another time.
  std::optional<std::uint64_t> find_shifted(std::uint32_t track, const files::Moment& moment);
  [[nodiscard]] std::uint64_t sequence_of(std::uint32_t track, std::uint64_t number) const;
  [[nodiscard]] std::string expected_text(const Remade& reading, const ExaminedRow& row,
                                          std::size_t slot) const;

  const Expectation& expected_;
  const RowColumns& columns_;
  const RowText& text_;
  const ExamineOptions options_;
  history::Memories memories_;
  Cells cells_;
  // Of the row: when it says it is of, and what it has of the channels of its sensor.
  std::optional<files::Moment> timestamp_;
  const types::Schema* schema_ = nullptr;
  std::vector<std::size_t> slots_;
  bool has_values_ = false;
  std::vector<std::optional<double>> numbers_;
  // Readings that rows may be whose times do not say which.
  struct Looked {
    std::uint32_t track = UINT32_MAX;
    Track::Span span = {};
    std::vector<Remade> readings = {};
  };
  std::array<Looked, 16> looked_at_;
  std::vector<std::size_t> differ_;  // slots in which the row differs from the reading
  TimestampReader timestamps_;
  Microseconds shift_ = 0;  // that was found last
  std::uint64_t looked_at_in_vain_ = 0;
};

}  // namespace fleet_sim::audit
