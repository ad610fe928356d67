#include "app/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace fleet_sim {
namespace {

constexpr std::size_t largest_log_bytes = 10 << 20;
constexpr std::size_t kept_logs = 3;

// Sends log lines past the line of progress.
class ConsoleSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ConsoleSink(Console& console) : console_(console) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::string_view text(line.data(), line.size());
    while (text.ends_with('\n')) text.remove_suffix(1);
    console_.print_line(text);
  }
  void flush_() override {}

 private:
  Console& console_;
};

spdlog::level::level_enum level_of(std::string word) {
  std::ranges::transform(word, word.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (word == "warning") word = "warn";
  return spdlog::level::from_str(word);
}

}  // namespace

std::shared_ptr<spdlog::logger> make_log(const LoggingSettings& settings, const std::string& file,
                                         Console& console) {
  std::vector<spdlog::sink_ptr> sinks;
  if (settings.console_output) {
    auto sink = std::make_shared<ConsoleSink>(console);
    if (settings.quiet) sink->set_level(spdlog::level::warn);
    sinks.push_back(std::move(sink));
  }
  std::string trouble;
  if (!file.empty()) {
    try {
      sinks.push_back(
          std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file, largest_log_bytes, kept_logs));
    } catch (const spdlog::spdlog_ex& error) {
      trouble = error.what();
    }
  }
  auto log = std::make_shared<spdlog::logger>("fleet-sim", sinks.begin(), sinks.end());
  log->set_level(level_of(settings.level));
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  log->flush_on(spdlog::level::info);
  if (!trouble.empty()) log->warn("no log file: {}", trouble);
  return log;
}

}  // namespace fleet_sim
