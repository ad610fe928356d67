// Readings on their way to a sink as lines of text: the same text that RowFormatter makes of the same
// readings once they lie in a file, made from what is in memory. What sensors share, such as model and
// location, is put into the notation once and kept, for a few thousand of such combinations. One type of
// sensor, one thread. Does not fail.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/anomaly_types.h"
#include "base/timestamp.h"
#include "batch/reading.h"
#include "format/line_buffer.h"
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
  void append(LineBuffer& out, const batch::Row& reading);
  void append(std::string& out, const batch::Row& reading);

 private:
  // Texts up to this length are copied as so many bytes, without a call.
  static constexpr std::size_t short_text = 32;
  // What differs from line to line, behind what is the same in all of them.
  struct Piece {
    enum class What : std::uint8_t {
      moment,
      sensor,
      real,
      integer,
      state,
      about,
      sequence,
      due,
      arrived_at,
      end,  // of a line that goes on behind what is said about the sensor
      nanoseconds
    };

    std::string before = {};
    What what = What::moment;
    std::size_t index = 0;                  // of the channel
    std::array<char, short_text> padded{};  // `before`, if it is as short as that
  };
  // What else the identity of a sensor says, as the format writes it; in csv and ndjson, where no columns
  // follow, with the end of the line.
  using Texts = std::array<identity::Text, 4>;
  struct About {
    std::optional<Texts> of;
    std::string text;
  };

  void plan_columns(const types::Schema& schema);
  void plan_line(const types::Schema& schema);
  [[nodiscard]] Piece plan_delivery(const types::Column& column) const;
  void describe_states();
  void measure();
  static char* put_before(char* at, const Piece& piece) {
    if (piece.before.size() > short_text) [[unlikely]]
      return at + piece.before.copy(at, piece.before.size());
    std::memcpy(at, piece.padded.data(), short_text);
    return at + piece.before.size();
  }
  char* put_value(char* at, const Piece& piece, double value) const;
  char* put_sensor(char* at, std::string_view id) const;
  char* put_arrival(char* at, const Piece& piece, const batch::Row& reading);
  const std::string& about(const identity::Identity& identity);
  [[nodiscard]] std::string written_about(const Texts& texts) const;

  const RowFormat format_;
  const identity::Roster& roster_;
  const std::string header_;
  const bool has_delivery_;
  std::vector<Piece> pieces_;
  std::array<std::string, anomaly_type_count + 1> states_;  // by type of anomaly; the last is that of none
  std::size_t most_bytes_ = 0;  // of a line without its sensor and what is said about it
  LineBuffer line_;             // on its way into a text
  std::vector<About> about_;    // by a hash of the texts
  TimestampWriter timestamp_;
};

}  // namespace fleet_sim::format
