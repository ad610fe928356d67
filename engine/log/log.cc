#include "log/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/plain_text.h"
#include "base/timestamp.h"

namespace fleet_sim::log {
namespace {

using spdlog::level::level_enum;

level_enum level_of(std::string word) {
  std::ranges::transform(word, word.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (word == "warning") word = "warn";
  return spdlog::level::from_str(word);
}

// The words of logging.level.
std::string_view word_of(level_enum level) {
  const auto word = spdlog::level::to_string_view(level);
  return {word.data(), word.size()};
}

std::string in_json(std::string_view text) {
  std::string json;
  append_json_text(json, printable(text));
  return json;
}

// Bare where it is one word; in quotes otherwise.
std::string in_text(const std::string& text) {
  const std::string shown = printable(text);
  const bool bare = !shown.empty() && shown.find_first_of(" \"=") == shown.npos;
  return bare ? shown : in_json(shown);
}

std::string json_line(level_enum level, std::string_view event, std::string_view message,
                      const LogFields& fields) {
  std::string line;
  JsonWriter json(line);
  json.object([&] {
    json.member("ts", timestamp_text(system_now()));
    json.member("level", word_of(level));
    json.member("event", event);
    json.member("msg", printable(message));
    for (const LogField& field : fields) {
      json.key(field.name);
      field.is_text ? json.value(printable(field.value)) : json.put(field.value);
    }
  });
  return line;
}

std::string text_line(level_enum level, std::string_view message, const LogFields& fields) {
  std::string line =
      fmt::format("{} {} {}", timestamp_text(system_now()), word_of(level), printable(message));
  for (const LogField& field : fields) {
    line += fmt::format(" {}={}", field.name, field.is_text ? in_text(field.value) : field.value);
  }
  return line;
}

}  // namespace

LogField::LogField(std::string_view field_name, std::string_view text)
    : name(field_name), value(text), is_text(true) {}

LogField::LogField(std::string_view field_name, const std::string& text)
    : LogField(field_name, std::string_view(text)) {}

LogField::LogField(std::string_view field_name, const char* text)
    : LogField(field_name, std::string_view(text)) {}

LogField::LogField(std::string_view field_name, double number)
    : name(field_name), value(std::isfinite(number) ? fmt::format("{:.6g}", number) : "null") {}

Log::Log(const LogSettings& settings, const std::string& file, Print print)
    : json_(settings.json),
      quiet_(settings.quiet),
      level_(level_of(settings.level)),
      print_(settings.console_output ? std::move(print) : Print()),
      file_(settings, file, [this](const std::string& trouble) { report_file_trouble(trouble); }) {}

Log::~Log() {
  write_repeats(limit_.over(std::chrono::steady_clock::now(), true));
}

void Log::debug(LogEvent event, std::string_view message, const LogFields& fields) {
  say({level_enum::debug, event.word(), message, fields});
}

void Log::info(LogEvent event, std::string_view message, const LogFields& fields) {
  say({level_enum::info, event.word(), message, fields});
}

void Log::warn(LogEvent event, std::string_view message, const LogFields& fields) {
  say({level_enum::warn, event.word(), message, fields});
}

void Log::error(LogEvent event, std::string_view message, const LogFields& fields) {
  say({level_enum::err, event.word(), message, fields});
}

void Log::critical(LogEvent event, std::string_view message, const LogFields& fields) {
  say({level_enum::critical, event.word(), message, fields});
}

void Log::summary(LogEvent event, std::string_view message, const LogFields& fields, bool to_console) {
  write({level_enum::info, event.word(), message, fields}, to_console);
}

void Log::say(const Line& line) {
  if (line.level < level_) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  const auto repeats = limit_.over(now);
  const bool admitted = limit_.admit({line.level, std::string(line.event), std::string(line.message)}, now);
  lock.unlock();
  write_repeats(repeats);
  if (admitted) write(line, true);
}

void Log::report_repeats() {
  std::unique_lock lock(mutex_);
  const auto repeats = limit_.over(std::chrono::steady_clock::now());
  lock.unlock();
  write_repeats(repeats);
}

void Log::write_repeats(const std::vector<RepeatLimit::Repeat>& repeats) {
  for (const auto& [line, times] : repeats) {
    write({line.level,
           line.event,
           fmt::format("repeated {} times: {}", times, line.message),
           {{"repeated", times}}},
          true);
  }
}

void Log::write(const Line& line, bool to_console) {
  if (line.level < level_) return;
  const std::string text = text_of(line);
  if (print_ && to_console && (!quiet_ || line.level >= level_enum::warn)) print_(line.level, text);
  file_.write(text, std::chrono::steady_clock::now());
}

void Log::report_file_trouble(const std::string& trouble) {
  const Line line{level_enum::warn, "log_file", trouble, {}};
  if (print_ && line.level >= level_) print_(line.level, text_of(line));
}

std::string Log::text_of(const Line& line) const {
  return json_ ? json_line(line.level, line.event, line.message, line.fields)
               : text_line(line.level, line.message, line.fields);
}

void Log::set_level(const std::string& level) {
  level_ = level_of(level);
}

void Log::lower_level(const std::string& level) {
  level_ = std::min(level_.load(), level_of(level));
}

}  // namespace fleet_sim::log
