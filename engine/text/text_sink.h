// The sinks of text: readings as NDJSON, CSV or line protocol to standard output, a file, a named pipe or a
// server, and the ground truth as NDJSON to another one. A reading is written when its whole line has been
// handed over: to the file system, to the pipe or to the socket.
//
// All destinations of the sink, one for each type of sensor, share its outputs, which are under a mutex. A
// lot that could be taken in part is continued behind its last line at the next attempt. Memory: a chunk of
// lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "format/line_buffer.h"
#include "format/reading_format.h"
#include "identity/identity.h"
#include "text/line_output.h"
#include "text/text_address.h"
#include "write/destination.h"

namespace fleet_sim::text {

class TextSink final : public write::Sink {
 public:
  // Without `events`, events are dropped. Borrows the roster.
  struct Outputs {
    TextAddress readings;
    std::string name;  // of the readings
    std::optional<Place> events = {};
    std::string events_name = {};
    Existing existing = Existing::refused;
  };
  TextSink(Outputs outputs, const identity::Roster& roster);

  std::unique_ptr<write::Destination> make(const write::Target& target, write::Reply reply) override;

 private:
  friend class TextDestination;

  const format::RowFormat format_;
  const identity::Roster& roster_;
  std::optional<std::string> header_;  // of the first type: csv has no other

  std::mutex mutex_;
  LineOutput readings_;                 // under mutex_, as are …
  std::unique_ptr<LineOutput> events_;  // … those of events; none: dropped
  bool has_ended_ = false;              // … and whether the reader has left
};

class TextDestination final : public write::Destination {
 public:
  TextDestination(TextSink& sink, const write::Target& target);

  [[nodiscard]] const std::string& name() const override { return name_; }
  write::Failure open() override;
  std::optional<write::Answer> take(const write::Lot& lot) override;
  [[nodiscard]] write::PartTaken part_taken(const write::Lot& lot) const override;

 private:
  write::Failure open_outputs();
  LineOutput::Taken take_truth(const write::Lot& lot);
  LineOutput::Taken take_readings(const write::Lot& lot);
  template <class Append>
  LineOutput::Taken take_lines(LineOutput& output, std::size_t& done, std::size_t count, bool is_stopping,
                               const Append& append);

  TextSink& sink_;
  const std::string name_;
  const types::Schema& schema_;
  format::ReadingFormatter formatter_;
  bool is_of_other_columns_;       // than the csv that it would go to
  std::uint64_t number_ = 0;       // of the lot of which …
  write::Share done_;              // … these rows have been taken
  format::LineBuffer lines_;       // a chunk, and …
  std::vector<std::size_t> ends_;  // … the end of each of its lines
  std::string truth_;              // a line of it, on its way there
};

}  // namespace fleet_sim::text
