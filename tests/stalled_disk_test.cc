// The writer's thread on a disk that does not answer: the other shards go on, nothing is lost or written
// twice.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "support/faulty_vfs.h"
#include "support/writer_rig.h"

namespace fleet_sim::stalled_disk_test {

using namespace fleet_sim::test;

namespace {

constexpr std::uint32_t stalled = 5;
constexpr std::size_t sensors = 16;
constexpr auto moment = std::chrono::milliseconds(10);
constexpr write::StallLimits patient{moment, std::chrono::hours(1)};
constexpr write::StallLimits impatient{moment, 5 * moment};

// A writer at work on sixteen files, each of which has its first rows.
struct Fleet {
  explicit Fleet(RigOptions options) : rig(with_disk(std::move(options)), flush_at_once) {
    for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) rig.send(sensor, 10);
    for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) {
      wait_until([&] { return written(sensor) == 10; });
    }
    vfs.stall_writes(name());
    rig.send(stalled, 10);
    wait_until([this] { return vfs.stalled() == 1; });
  }
  ~Fleet() { end(); }

  RigOptions with_disk(RigOptions options) const {
    options.sensors = sensors;
    options.vfs = vfs.name();
    return options;
  }
  static void flush_at_once(config::Config& config) {
    config.write.flush_interval_ms = 1;
    config.sqlite.checkpoint_pages = 1'000'000;  // so that only commits write
  }

  std::string name() const { return rig.path_of(stalled); }
  std::uint32_t shard_of(std::uint32_t sensor) const { return rig.plan.place_of[sensor].shard; }
  std::uint64_t written(std::uint32_t sensor) const {
    return rig.writer().board().numbers(shard_of(sensor)).rows_written;
  }
  bool is_degraded() const {
    const auto trouble = rig.writer().board().trouble(shard_of(stalled));
    return trouble && trouble->degraded;
  }
  static void wait_until(const auto& is_true) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_true()) {
      REQUIRE(std::chrono::steady_clock::now() < until);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  // Rows for everybody, of which all but the stalled shard's are committed.
  void send_and_commit() {
    for (int round = 2; round <= 10; ++round) {
      for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) rig.send(sensor, 10);
      for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) {
        if (sensor != stalled)
          wait_until([&] { return written(sensor) == 10U * static_cast<unsigned>(round); });
      }
    }
    CHECK(vfs.stalled() == 1);
    CHECK(written(stalled) == 10);
  }

  // The disk answers, and the writer ends.
  void end() {
    if (!thread.joinable()) return;
    vfs.answer();
    rig.writer().finish();
    thread.join();
  }

  FaultyVfs vfs;
  mutable WriterRig rig;
  std::thread thread{[this] { rig.writer().run(); }};
};

std::size_t times_logged(const WriterRig& rig, const std::string& what) {
  return static_cast<std::size_t>(std::ranges::count_if(
      rig.log, [&](const std::string& line) { return line.find(what) != std::string::npos; }));
}

}  // namespace

TEST_CASE("one of sixteen shards on a disk that does not answer does not delay the others") {
  Fleet fleet({.stall_limits = patient, .launched = an_hour_ago()});
  fleet.send_and_commit();
  CHECK_FALSE(fleet.is_degraded());
  fleet.end();
  CHECK(fleet.rig.has_everything());
  CHECK(fleet.rig.errors() == 0);
  CHECK(fleet.rig.imbalance().empty());
  CHECK(fleet.rig.log.empty());
}

TEST_CASE("a shard that comes back goes on at once, while the run does") {
  Fleet fleet({.stall_limits = patient, .launched = an_hour_ago()});
  fleet.send_and_commit();
  fleet.vfs.answer();
  fleet.wait_until([&] { return fleet.written(stalled) == 110; });
  fleet.rig.send(stalled, 10);
  fleet.wait_until([&] { return fleet.written(stalled) == 120; });
  CHECK(fleet.rig.has_everything());
}

TEST_CASE("several shards whose disk does not answer do not delay the others either") {
  Fleet fleet({.stall_limits = patient, .launched = an_hour_ago()});
  for (const char digit : {'1', '2', '3'}) {
    const std::uint32_t sensor = static_cast<std::uint32_t>(digit - '0');
    const std::uint64_t before = fleet.written(0);
    fleet.vfs.stall_writes(fleet.rig.folder.path().string());  // all files
    fleet.rig.send(sensor, 10);
    fleet.wait_until([&] { return fleet.vfs.stalled() == sensor + 1; });
    CHECK(fleet.written(0) == before);
  }
  fleet.end();
  CHECK(fleet.rig.has_everything());
  CHECK(fleet.rig.errors() == 0);
}

TEST_CASE("a disk that does not answer for long makes its shard degraded, and its rows a bounded backlog") {
  Fleet fleet({.pending_rows = 60, .stall_limits = impatient, .launched = an_hour_ago()});
  fleet.wait_until([&] { return fleet.is_degraded(); });
  fleet.send_and_commit();
  fleet.vfs.answer();
  fleet.wait_until([&] { return !fleet.is_degraded(); });
  fleet.end();
  const Books books = fleet.rig.ledger.books();
  CHECK(books.lost() == 70);  // of 100 rows of this shard, all but half of what may wait
  CHECK(fleet.rig.has_first(stalled, 40));
  CHECK(fleet.rig.imbalance().empty());
  CHECK(fleet.rig.errors(ErrorClass::io) == 1);
  CHECK(times_logged(fleet.rig, "does not respond") == 1);
  CHECK(times_logged(fleet.rig, "works again") == 1);
  CHECK(query(fleet.name(), "SELECT count(*) FROM run_losses") == std::vector<std::string>{"1"});
}

TEST_CASE("a fleet without pace waits for a disk that does not answer, and loses nothing") {
  Fleet fleet({.pending_rows = 100, .stall_limits = impatient});
  fleet.wait_until([&] { return fleet.is_degraded(); });
  for (int round = 0; round < 20; ++round) fleet.rig.send(stalled, 10);
  fleet.wait_until([&] { return fleet.rig.writer().waiting() >= 50; });
  fleet.rig.send(0, 10);
  std::this_thread::sleep_for(5 * moment);
  CHECK(fleet.rig.writer().waiting() < 70);  // the rest is in the queue
  CHECK(fleet.written(0) == 10);
  fleet.end();
  CHECK(fleet.rig.has_everything());
  CHECK(fleet.rig.ledger.books().lost() == 0);
}

TEST_CASE("a call that fails when it comes back at last is tried again, with what came meanwhile behind it") {
  Fleet fleet({.stall_limits = impatient, .launched = an_hour_ago()});
  fleet.send_and_commit();
  fleet.vfs.fail_writes(1, 1, SQLITE_IOERR_WRITE, fleet.name());
  fleet.end();
  CHECK(fleet.vfs.failed() == 1);
  CHECK(fleet.rig.has_everything());
  CHECK(fleet.rig.ledger.books().lost() == 0);
  CHECK(fleet.rig.imbalance().empty());
}

TEST_CASE("a disk that takes its time to fail at the end is given up like one that fails at once") {
  Fleet fleet({.stall_limits = patient, .launched = an_hour_ago()});
  fleet.send_and_commit();
  fleet.vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, fleet.name());
  const std::jthread slow_disk([&](const std::stop_token& over) {
    while (!over.stop_requested()) {
      std::this_thread::sleep_for(5 * moment);
      if (fleet.vfs.stalled() == 0) continue;
      fleet.vfs.answer();
      while (fleet.vfs.stalled() > 0) std::this_thread::yield();
      fleet.vfs.stall_writes(fleet.name());
    }
  });
  fleet.rig.writer().finish();
  fleet.wait_until([&] { return fleet.rig.ledger.books().lost() == 100; });
  CHECK(fleet.rig.has_first(stalled, 10));
}

TEST_CASE("a checkpointer whose disk does not answer for one file copies the logs of others") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2}, [](config::Config& config) { config.sqlite.checkpoint_pages = 1'000; });
  for (const std::uint32_t sensor : {0U, 1U}) rig.send(sensor, 2'000);
  rig.run_for(2 * second);
  const auto before = std::filesystem::file_size(rig.path_of(1));
  vfs.stall_writes(rig.path_of(0));
  {
    sqlite::Checkpointer checkpointer(vfs.name());
    checkpointer.request({rig.path_of(0)});
    Fleet::wait_until([&] { return vfs.stalled() == 1; });
    checkpointer.request({rig.path_of(1)});
    Fleet::wait_until([&] { return std::filesystem::file_size(rig.path_of(1)) > before; });
    CHECK(vfs.stalled() == 1);
    vfs.answer();
  }
  rig.finish();
  CHECK(rig.has_everything());
}

}  // namespace fleet_sim::stalled_disk_test
