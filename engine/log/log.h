// The log: one line per change of state, and at `debug` for the steps in between, to the console and to a
// rotating file, by the config's logging keys. A line has an event, one word that programs look for, a
// message for people, and fields named as in the status. As text it is `TIME LEVEL MESSAGE name=value …`, as
// JSON one object. Any thread. Bounded: of a class of lines that repeats only the first few are written and
// the rest counted (see RepeatLimit), and files rotate. A log file that cannot be written is reported once on
// the console and never hurts the run.
#pragma once

#include <spdlog/common.h>

#include <atomic>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "log/log_file.h"
#include "log/log_settings.h"
#include "log/repeat_limit.h"

namespace fleet_sim::log {

// "run_started": lower case, so that a message cannot be given in its place.
class LogEvent {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a word in a call is an event.
  consteval LogEvent(const char* word) : word_(word) {
    for (const char c : word_) {
      if (!(c >= 'a' && c <= 'z') && c != '_') throw "an event is lower case letters and underscores";
    }
  }
  [[nodiscard]] std::string_view word() const { return word_; }

 private:
  std::string_view word_;
};

// A name, and a value written as in JSON: a text in quotes, a number without.
struct LogField {
  LogField(std::string_view field_name, std::string_view text);
  LogField(std::string_view field_name, const std::string& text);
  LogField(std::string_view field_name, const char* text);
  LogField(std::string_view field_name, double number);
  LogField(std::string_view field_name, std::integral auto number)
      : name(field_name), value(std::to_string(number)) {}

  std::string_view name;
  std::string value;
  bool is_text = false;
};
using LogFields = std::vector<LogField>;

class Log {
 public:
  // Where lines go besides the file.
  using Print = std::function<void(spdlog::level::level_enum, const std::string& line)>;

  // `file` may be empty: no file.
  Log(const LogSettings& settings, const std::string& file, Print print);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  // Reports the repeats that have not been reported yet.
  ~Log();

  // Whether debug() logs anything, for callers that would have much to gather for it.
  [[nodiscard]] bool is_detailed() const { return level_ <= spdlog::level::debug; }
  void debug(LogEvent event, std::string_view message, const LogFields& fields = {});
  void info(LogEvent event, std::string_view message, const LogFields& fields = {});
  void warn(LogEvent event, std::string_view message, const LogFields& fields = {});
  void error(LogEvent event, std::string_view message, const LogFields& fields = {});
  void critical(LogEvent event, std::string_view message, const LogFields& fields = {});

  // A line that comes at a regular interval and is never limited. If the console shows the run's progress,
  // the line goes only to the file.
  void summary(LogEvent event, std::string_view message, const LogFields& fields, bool to_console);

  // Reports how often lines were repeated, once their window is over. Called now and then.
  void report_repeats();

  // As `logging.level` has it: "INFO".
  void set_level(const std::string& level);
  // The same, unless less would be logged than now.
  void lower_level(const std::string& level);

 private:
  struct Line {
    spdlog::level::level_enum level;
    std::string_view event;
    std::string_view message;
    const LogFields& fields;
  };
  void say(const Line& line);
  void write(const Line& line, bool to_console);
  void report_file_trouble(const std::string& trouble);
  [[nodiscard]] std::string text_of(const Line& line) const;
  void write_repeats(const std::vector<RepeatLimit::Repeat>& repeats);

  const bool json_;
  const bool quiet_;
  std::atomic<spdlog::level::level_enum> level_;
  std::mutex mutex_;
  RepeatLimit limit_;
  const Print print_;
  LogFile file_;
};

}  // namespace fleet_sim::log
