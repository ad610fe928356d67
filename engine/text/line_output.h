// Where whole lines are written: a file, a pipe, a terminal, or a connection to a server. It takes as many
// lines as there is room for and then returns, waiting a few hundredths of a second at most, so that a reader
// that stalls holds up no thread. A file that is full keeps whole lines only; of a line that a pipe has taken
// half of, the rest is written first next time. A lost connection is made again by the next call.
//
// Owns its descriptor and holds an exclusive lock on a file. One thread at a time. Errors are values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "text/text_address.h"
#include "write/destination.h"

namespace fleet_sim::text {

// What to do with a file that has something in it at the start of a run.
enum class Existing : std::uint8_t { refused, appended, resumed };

class LineOutput {
 public:
  LineOutput(Place place, std::string name, Existing existing);
  ~LineOutput();
  LineOutput(const LineOutput&) = delete;
  LineOutput& operator=(const LineOutput&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

  // Unless it is open. `header` comes first where there is nothing yet; a file that begins otherwise is
  // refused.
  write::Failure open(std::string_view header);

  struct Taken {
    std::size_t lines = 0;
    write::Failure failure = {};  // why not all
    bool has_ended = false;       // nobody will ever read on; no failure

    [[nodiscard]] bool is_whole() const { return failure.ok() && !has_ended; }
  };
  // `ends` has the end of each line in `lines`. `is_stopping`: a reader that does not read is not waited for.
  Taken take(std::string_view lines, std::span<const std::size_t> ends, bool is_stopping);

  // What has happened to it since the last call, for the log.
  [[nodiscard]] std::vector<write::Incident> take_incidents() { return std::exchange(incidents_, {}); }

 private:
  struct Sent {
    std::size_t bytes = 0;
    write::Failure failure = {};
    bool has_ended = false;
  };

  write::Failure open_descriptor();
  write::Failure open_file();
  write::Failure connect();
  write::Failure begin_file(std::string_view header);
  void look_at_descriptor();
  void look_for_move();
  void look_for_end_of_connection();
  Sent send(std::string_view bytes);
  write::Failure stalled(bool is_stopping);
  void take_back(std::size_t bytes);
  void close();
  write::Failure failure_of(int error, std::string_view doing) const;

  const Place place_;
  const std::string name_;
  Existing existing_;
  int descriptor_ = -1;
  bool is_ours_ = false;     // to be closed
  bool is_regular_ = false;  // a file
  bool is_socket_ = false;
  bool may_block_ = false;  // it takes no more than PIPE_BUF bytes at a time without that
  bool was_open_ = false;   // in this run
  std::string torn_;        // a line of which the first `torn_sent_` bytes are written
  std::size_t torn_sent_ = 0;
  std::optional<SteadyTime> stalled_since_;
  std::vector<write::Incident> incidents_;
};

}  // namespace fleet_sim::text
