// Readings on their way to a sink as lines of text: the same text that RowFormatter makes of the same
// readings once they lie in a file, made from what is in memory. What sensors share, such as a location, is
// put into the notation once. One type of sensor, one thread. Does not fail.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/anomaly_types.h"
#include "base/timestamp.h"
#include "batch/reading.h"
#include "format/row_format.h"
#include "identity/identity.h"
#include "types/schema.h"

namespace fleet_sim::format {

class ReadingFormatter {
 public:
  // Borrows the roster, which may grow.
  ReadingFormatter(RowFormat format, const identity::Roster& roster, const types::Schema& schema);

  // What comes before the first line: in csv, the line of column names.
  [[nodiscard]] const std::string& header() const { return header_; }

  // Appends the reading as a line with its end.
  void append(std::string& out, const batch::Row& reading);

 private:
  // A piece of a line, behind what is the same in every line.
  struct Piece {
    enum class What : std::uint8_t { moment, sensor, real, integer, state, identity, nanoseconds };

    std::string before = {};
    What what = What::moment;
    std::size_t index = 0;                               // of the channel
    identity::Text identity::Identity::*text = nullptr;  // of the identity
    std::string_view tag = {};                           // its name in line protocol
  };

  void plan_columns(const types::Schema& schema);
  void plan_line(const types::Schema& schema);
  void describe_states();
  void append_value(std::string& out, const Piece& piece, double value) const;
  void append_text(std::string& out, std::string_view text) const;
  void append_identity(std::string& out, const Piece& piece, identity::Text text);

  RowFormat format_;
  const identity::Roster& roster_;
  std::string header_;
  std::vector<Piece> pieces_;
  std::string end_;
  std::array<std::string, anomaly_type_count + 1> states_;  // by type of anomaly; the last is that of none
  std::vector<std::string> texts_;                          // of the roster, as the format writes them …
  std::vector<bool> has_text_;                              // … those that there are
  TimestampWriter timestamp_;
};

}  // namespace fleet_sim::format
