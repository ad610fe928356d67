// The log: what is said, how it looks, how often, and what a file that fails does to it.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "log/log.h"
#include "log/log_file.h"
#include "log/repeat_limit.h"
#include "support/temporary_folder.h"

namespace fleet_sim::log_test {

using fleet_sim::test::TemporaryFolder;
using spdlog::level::level_enum;

namespace {

constexpr SteadyTime noon{std::chrono::hours(12)};

// A log that keeps its lines.
class KeptLog {
 public:
  explicit KeptLog(log::LogSettings settings = {})
      : log(settings, "", [this](level_enum, const std::string& line) {
          const std::lock_guard lock(mutex_);
          lines.push_back(line);
        }) {}

  std::vector<std::string> lines;

 private:
  std::mutex mutex_;

 public:
  log::Log log;  // last: its end has something to say
};

log::LogSettings as_json() {
  log::LogSettings settings;
  settings.json = true;
  return settings;
}

// Without its time.
std::string without_time(const std::string& line) {
  return line.substr(line.find(' ') + 1);
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

log::RepeatLimit::LineClass line_class(const std::string& message) {
  return {level_enum::warn, "storage", message};
}

}  // namespace

TEST_CASE("a line of text has time, level, message and fields") {
  KeptLog kept;
  kept.log.warn(
      "storage", "cannot be written",
      {{"file", "data/a b.db"}, {"word", "x"}, {"rows", 12u}, {"share", 0.25}, {"below", -3}, {"none", ""}});
  REQUIRE(kept.lines.size() == 1);
  CHECK(kept.lines[0].find("Z ") == 26);
  CHECK(without_time(kept.lines[0]) ==
        R"(warning cannot be written file="data/a b.db" word=x rows=12 share=0.25 below=-3 none="")");
}

TEST_CASE("a line of JSON is one object") {
  KeptLog kept(as_json());
  kept.log.error("gave_up", "the \"end\"", {{"file", "a\\b.db"}, {"rows", 12u}, {"share", 1.0 / 0.0}});
  REQUIRE(kept.lines.size() == 1);
  const auto json = nlohmann::json::parse(kept.lines[0]);
  CHECK(json["level"] == "error");
  CHECK(json["event"] == "gave_up");
  CHECK(json["msg"] == "the \"end\"");
  CHECK(json["file"] == "a\\b.db");
  CHECK(json["rows"] == 12);
  CHECK(json["share"].is_null());
  CHECK(json["ts"].get<std::string>().size() == 27);
}

TEST_CASE("no text breaks a line, forges one, or reaches a terminal as a command") {
  for (const bool json : {false, true}) {
    log::LogSettings settings;
    settings.json = json;
    KeptLog kept(settings);
    kept.log.warn("input", "a\nb\x1b[31m\x7f", {{"file", "c\r\nd\xc2\x9b\xff=\" e"}, {"word", "f\ng"}});
    REQUIRE(kept.lines.size() == 1);
    const std::string& line = kept.lines[0];
    for (const char c : line) CHECK(static_cast<unsigned char>(c) >= 0x20);
    CHECK(line.find('\x7f') == line.npos);
    CHECK(line.find('\xc2') == line.npos);
    CHECK(line.find("a?b?[31m?") != line.npos);
    CHECK(line.find("f?g") != line.npos);
    CHECK(line.find(R"(c??d??=\" e")") != line.npos);
    if (json) CHECK(nlohmann::json::parse(line)["file"] == "c?\?d?\?=\" e");
  }
}

TEST_CASE("levels are obeyed and can change while the log is in use") {
  KeptLog kept;
  kept.log.set_level("WARNING");
  kept.log.info("run_started", "no");
  kept.log.summary("run_summary", "no", {}, true);
  kept.log.warn("storage", "one");
  kept.log.set_level("INFO");
  kept.log.info("run_started", "two");
  kept.log.set_level("OFF");
  kept.log.critical("gave_up", "no");
  REQUIRE(kept.lines.size() == 2);
  CHECK(without_time(kept.lines[0]) == "warning one");
  CHECK(without_time(kept.lines[1]) == "info two");
}

TEST_CASE("a quiet console gets warnings only, and none at all when it is off") {
  log::LogSettings settings;
  settings.quiet = true;
  KeptLog quiet(settings);
  quiet.log.info("run_started", "no");
  quiet.log.warn("storage", "yes");
  CHECK(quiet.lines.size() == 1);
  settings.console_output = false;
  KeptLog off(settings);
  off.log.warn("storage", "no");
  CHECK(off.lines.empty());
}

TEST_CASE("what repeats is said a few times and then counted") {
  log::RepeatLimit limit;
  int said = 0;
  for (int i = 0; i < 42; ++i)
    said += limit.admit(line_class("a"), noon + std::chrono::milliseconds(i)) ? 1 : 0;
  CHECK(said == 5);
  CHECK(limit.admit(line_class("b"), noon));
  CHECK(limit.admit({level_enum::info, "storage", "a"}, noon));
  CHECK(limit.over(noon + log::RepeatLimit::window - std::chrono::milliseconds(1)).empty());
  const auto repeats = limit.over(noon + log::RepeatLimit::window);
  REQUIRE(repeats.size() == 1);  // b was said as often as it came
  CHECK(repeats[0].line.message == "a");
  CHECK(repeats[0].times == 37);
  CHECK(limit.over(noon + log::RepeatLimit::window * 3).empty());
  CHECK(limit.admit(line_class("a"), noon + log::RepeatLimit::window));  // a new window
}

TEST_CASE("the count of repeats is bounded") {
  log::RepeatLimit limit;
  for (std::size_t i = 0; i < 10 * log::RepeatLimit::most_classes; ++i) {
    for (unsigned n = 0; n <= log::RepeatLimit::said_at_most; ++n)
      limit.admit(line_class(std::to_string(i)), noon);
  }
  CHECK(limit.admit(line_class("one more"), noon));
  CHECK(limit.over(noon, true).size() == log::RepeatLimit::most_classes);
}

TEST_CASE("a log tells of repeats at its end, whatever the fields were") {
  std::vector<std::string> lines;
  {
    log::Log log(as_json(), "", [&lines](level_enum, const std::string& line) { lines.push_back(line); });
    for (int i = 0; i < 42; ++i)
      log.warn("storage", "cannot be written", {{"file", std::to_string(i) + ".db"}});
    for (int i = 0; i < 42; ++i) log.summary("run_summary", "summary", {}, true);
    CHECK(lines.size() == 5 + 42);
  }
  REQUIRE(lines.size() == 5 + 42 + 1);
  const auto last = nlohmann::json::parse(lines.back());
  CHECK(last["msg"] == "repeated 37 times: cannot be written");
  CHECK(last["repeated"] == 37);
  CHECK(last["event"] == "storage");
  CHECK(last["level"] == "warning");
}

TEST_CASE("any thread may log") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "fleet-sim.log";
  {
    log::Log log(as_json(), path.string(), {});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < 500; ++i) log.summary("run_summary", std::to_string(t), {{"i", i}}, false);
        for (int i = 0; i < 500; ++i) log.info("run_started", "the same", {{"i", i}});
        log.set_level("INFO");
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const auto lines = lines_of(path);
  CHECK(lines.size() == 2'000 + 5 + 1);
  for (const std::string& line : lines) CHECK(nlohmann::json::accept(line));
}

TEST_CASE("a log file that fails is told of once, left alone for a while, and taken up again") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "logs" / "fleet-sim.log";
  std::ofstream(folder.path() / "logs") << "a file where the folder should be";
  std::vector<std::string> lines;
  log::LogFile file({}, path.string(), [&lines](const std::string& line) { lines.push_back(line); });
  file.write("lost", noon);
  file.write("lost", noon);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("cannot write the log file: "));

  file.write("lost", noon + log::LogFile::retry_interval);
  CHECK(lines.size() == 1);

  std::filesystem::remove(folder.path() / "logs");
  file.write("lost", noon + 2 * log::LogFile::retry_interval - std::chrono::milliseconds(1));
  CHECK_FALSE(std::filesystem::exists(path));
  file.write("kept", noon + 2 * log::LogFile::retry_interval);
  REQUIRE(lines.size() == 2);
  CHECK(lines[1] == "the log file can be written again; it lacks 4 lines");
  file.write("kept too", noon + 2 * log::LogFile::retry_interval);
  CHECK(lines_of(path) == std::vector<std::string>{"kept", "kept too"});
  CHECK(lines.size() == 2);
}

TEST_CASE("a log file whose next one cannot be begun is taken up again, too") {
  const TemporaryFolder folder;
  log::LogSettings settings;
  settings.file_bytes = 1'000;
  settings.kept_files = 1;
  const auto path = folder.path() / "logs" / "fleet-sim.log";
  std::vector<std::string> lines;
  log::LogFile file(settings, path.string(), [&lines](const std::string& line) { lines.push_back(line); });
  file.write(std::string(900, 'x'), noon);
  const auto earlier = folder.path() / "logs" / "fleet-sim.1.log";
  std::filesystem::create_directories(earlier / "a folder where the earlier file should be");
  file.write(std::string(900, 'y'), noon);
  REQUIRE(lines.size() == 1);
  std::filesystem::remove_all(earlier);
  file.write("kept", noon + log::LogFile::retry_interval);
  CHECK(lines_of(path) == std::vector<std::string>{"kept"});
}

TEST_CASE("a log file that is deleted, or renamed as logrotate does, is followed by another") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "logs" / "fleet-sim.log";
  std::vector<std::string> lines;
  log::LogFile file({}, path.string(), [&lines](const std::string& line) { lines.push_back(line); });
  file.write("first", noon);
  std::filesystem::rename(path, folder.path() / "renamed");
  file.write("second", noon);
  CHECK(lines_of(folder.path() / "renamed") == std::vector<std::string>{"first"});
  CHECK(lines_of(path) == std::vector<std::string>{"second"});
  std::filesystem::remove_all(folder.path() / "logs");
  file.write("third", noon);
  CHECK(lines_of(path) == std::vector<std::string>{"third"});
  CHECK(lines.empty());
}

TEST_CASE("a log file in whose place another was put is left alone, and the other is used") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "fleet-sim.log";
  std::vector<std::string> lines;
  log::LogFile file({}, path.string(), [&lines](const std::string& line) { lines.push_back(line); });
  for (const char* line : {"first", "second", "third"}) {
    file.write(line, noon);
    const auto aside = folder.path() / line;
    std::filesystem::rename(path, aside);
    std::ofstream(path, std::ios::app);  // as logrotate's `create` does
    CHECK(lines_of(aside) == std::vector<std::string>{line});
  }
  file.write("fourth", noon);
  CHECK(lines_of(path) == std::vector<std::string>{"fourth"});
  CHECK(lines_of(folder.path() / "third") == std::vector<std::string>{"third"});
  CHECK(lines.empty());
}

TEST_CASE("a log file that was copied and emptied is filled from its beginning") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "fleet-sim.log";
  log::LogSettings settings;
  settings.file_bytes = 100;
  std::vector<std::string> lines;
  log::LogFile file(settings, path.string(), [&lines](const std::string& line) { lines.push_back(line); });
  const std::string line(29, 'x');
  for (int copy = 0; copy < 5; ++copy) {
    for (int i = 0; i < 3; ++i) file.write(line, noon);
    CHECK(lines_of(path) == std::vector<std::string>(3, line));
    std::filesystem::resize_file(path, 0);
  }
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);  // ours never rotated
  CHECK(lines.empty());
}

}  // namespace fleet_sim::log_test
