#include "log/log_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/plain_text.h"

namespace fleet_sim::log {
namespace {

// The half of a line that a full disk or a power failure has left ends here, so that the next one is whole.
void end_torn_line(const std::string& path, std::FILE* file) {
  std::ifstream written(path, std::ios::binary | std::ios::ate);
  if (!written || written.tellg() <= 0) return;
  written.seekg(-1, std::ios::end);
  if (written.get() != '\n') std::fputc('\n', file);
}

}  // namespace

// Nothing, where there is none.
LogFile::Seen LogFile::look_at(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, found.st_size};
}

// To open a named pipe would wait for somebody to read it.
std::string reason_against_log_file(const std::string& path) {
  std::error_code ignored;
  switch (std::filesystem::status(path, ignored).type()) {
    case std::filesystem::file_type::directory:
      return "is a directory";
    case std::filesystem::file_type::fifo:
      return "is a named pipe";
    case std::filesystem::file_type::socket:
      return "is a socket";
    case std::filesystem::file_type::block:
    case std::filesystem::file_type::character:
      return "is a device";
    default:
      return {};
  }
}

LogFile::LogFile(const LogSettings& settings, std::string path,
                 std::function<void(const std::string&)> report)
    : path_(std::move(path)),
      bytes_(settings.file_bytes),
      kept_(settings.kept_files),
      report_(std::move(report)) {}

void LogFile::write(const std::string& line, SteadyTime now) {
  if (path_.empty()) return;
  const std::lock_guard lock(mutex_);
  if (failing_ && now < retry_at_) {
    ++dropped_;
    return;
  }
  try {
    try_to_write(line);
  } catch (const spdlog::spdlog_ex& error) {
    sink_.reset();
    ++dropped_;
    retry_at_ = now + retry_interval;
    if (!std::exchange(failing_, true)) report_("cannot write the log file: " + printable(error.what()));
    return;
  }
  if (!std::exchange(failing_, false)) return;
  report_(fmt::format("the log file can be written again; it lacks {} lines", std::exchange(dropped_, 0)));
}

// Another file may stand at the path by now, or none, or the same with less in it than it had: whoever
// rotates logs has renamed, replaced or emptied it. What would be written to the old one nobody would find,
// and spdlog goes by the size that it remembers.
void LogFile::try_to_write(const std::string& line) {
  const Seen now = look_at(path_);
  if (now.device != seen_.device || now.number != seen_.number || now.bytes < seen_.bytes) sink_.reset();
  if (!sink_) {
    if (const std::string reason = reason_against_log_file(path_); !reason.empty())
      throw spdlog::spdlog_ex(path_ + " " + reason);
    spdlog::file_event_handlers handlers;
    handlers.after_open = end_torn_line;
    sink_ = std::make_shared<spdlog::sinks::rotating_file_sink_st>(path_, bytes_, kept_, false, handlers);
    sink_->set_pattern("%v");
  }
  sink_->log({"", spdlog::level::info, line});
  sink_->flush();
  seen_ = look_at(path_);
}

}  // namespace fleet_sim::log
