// What `fleet-sim sql` does with what is typed, piped or given to it: statements and commands such as
// `.tables`, one after the other, over the tables of a place. Statements can read, and nothing else: what
// would change anything, in our files or elsewhere, is refused before it runs. Results are written as they
// come. One thread, but for `stop`. Throws InvalidInput for SQL that is wrong, std::runtime_error, naming the
// file, for a file that cannot be read, and std::system_error for output that cannot be written.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/module.h"
#include "sql/place.h"
#include "sql/result_format.h"

namespace fleet_sim::sql {

struct SessionOptions {
  std::string place;
  std::string format{format_names[0]};
  bool skip_unreadable = false;
  bool tell_effort = false;                // after each statement
  std::size_t widest = std::string::npos;  // of a table's values
};

// Where results, and what is said about them, go.
using Write = std::function<void(std::string_view)>;

class Session {
 public:
  Session(const SessionOptions& options, Write results, Write notes);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Adds a line of what is typed or piped, and runs what is complete with it.
  void take_line(std::string_view line);
  // Runs the rest.
  void finish();

  // Whether a statement has begun and not ended.
  [[nodiscard]] bool is_waiting() const;
  // Forgets it.
  void forget() { waiting_.clear(); }
  // Whether somebody has asked to end the session.
  [[nodiscard]] bool has_quit() const { return has_quit_; }

  // Ends the statement that is running. Any thread, also a signal's handler.
  void stop();

  // Everything that a word typed so far may become.
  [[nodiscard]] std::vector<std::string> completions(const std::string& begun);

 private:
  void open_place();
  void run(std::string_view sql);
  void run_statement(sqlite3_stmt* statement);
  void run_command(std::string_view line);
  void show_schema(const std::string& table);
  void tell_effort(double seconds, std::uint64_t rows);
  [[noreturn]] void fail(const std::string& message);
  [[nodiscard]] std::string remedy_for(const std::string& message) const;

  SessionOptions options_;
  Write results_;
  Write notes_;
  std::atomic<bool> interrupted_ = false;
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> database_;
  std::shared_ptr<Places> places_;
  std::shared_ptr<Place> place_;
  std::unique_ptr<ResultFormat> format_;
  std::string waiting_;  // of a statement that has begun
  bool has_quit_ = false;
};

}  // namespace fleet_sim::sql
