// What a machine that loses its power has on its disk: commits that were not waited for, and logs with gaps.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "config/config.h"
#include "sqlite/shard.h"
#include "support/faulty_vfs.h"
#include "support/rosters.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"

namespace fleet_sim::power_failure_test {

using namespace fleet_sim::test;

namespace fs = std::filesystem;

TEST_CASE("rows of a commit that failed while waiting for the disk are waited for again before they count") {
  FaultyVfs vfs;
  vfs.remember_unsynced();
  WriterRig rig({.vfs = vfs.name()},
                [](config::Config& config) { config.sqlite.synchronous = config::Synchronous::full; });
  rig.send(0, 10);
  rig.step();
  vfs.fail(DiskCall::sync, 1, 1, SQLITE_IOERR_FSYNC, "-wal");
  rig.send(0, 10);
  rig.run_for(1 * second);
  CHECK(vfs.failed() == 1);
  CHECK(rig.ledger.books().written == 20);
  CHECK_FALSE(vfs.unsynced().waits_for_sync(rig.path_of(0) + "-wal"));
}

namespace {

// What a machine that loses its power finds: the file and its log, without the index of the log.
void copy_as_left(const std::string& from, const std::string& to) {
  for (const char* ending : {"", "-wal"}) fs::copy_file(from + ending, to + ending);
}

void write_readings(sqlite::Shard& shard, int first, int count) {
  write::ShardRows rows;
  for (int i = first; i < first + count; ++i) {
    rows.stage(batch::Reading{WriterRig::first_due + i * second, {1.0 * i, 2.0 * i, 3.0 * i}, 0, {}}, {});
  }
  REQUIRE(shard.flush(rows.lot()).ok());
}

// Files of one sensor. Their settings may change between shards.
struct OneSensor {
  explicit OneSensor(std::string vfs = {}) : context{roster, settings, run, std::move(vfs)} {
    run.run_id = "run";
  }

  TemporaryFolder folder;
  identity::Roster roster = roster_of(1);
  config::SqliteSettings settings;
  tables::RunInfo run;
  sqlite::ShardContext context;
};

struct LosesUnsynced {
  LosesUnsynced() { vfs.remember_unsynced(); }
  FaultyVfs vfs;
};

// One of them on a disk that loses what nobody waited for.
struct OneFile : LosesUnsynced, OneSensor {
  OneFile() : OneSensor(vfs.name()) {}

  std::string path = folder / "one.db";
};

}  // namespace

TEST_CASE(
    "what lies behind a gap in the log of a machine that lost its power stays away when a run goes on") {
  OneSensor one;
  const TemporaryFolder& folder = one.folder;
  const std::string log = folder / "before.db-wal";
  {
    sqlite::Shard before({folder / "before.db"}, one.context);
    write_readings(before, 0, 10);
    const auto kept = static_cast<std::streamoff>(fs::file_size(log));
    write_readings(before, 10, 10);
    write_readings(before, 20, 10);
    copy_as_left(folder / "before.db", folder / "after.db");
    // The log's second commit never came to the disk, or not its first bytes.
    std::fstream torn(folder / "after.db-wal", std::ios::binary | std::ios::in | std::ios::out);
    torn.seekp(kept).write("lost", 4);
  }
  one.run.resumed_at = WriterRig::first_due;
  sqlite::Shard after({folder / "after.db"}, one.context);
  write_readings(after, 10, 10);
  copy_as_left(folder / "after.db", folder / "at_last.db");
  constexpr const char* count = "SELECT count(*), count(DISTINCT timestamp) FROM sensor_readings";
  CHECK(query(folder / "at_last.db", count) == std::vector<std::string>{"20|20"});
  after.close(sqlite::Shard::Close::for_now);
  write_readings(after, 20, 10);
  CHECK(query(folder / "after.db", count) == std::vector<std::string>{"30|30"});
  CHECK(query(folder / "after.db", "SELECT run_id, resumed_at FROM run_resumptions") ==
        std::vector<std::string>{"run|" + timestamp_text(WriterRig::first_due)});
}

TEST_CASE("the index of a log is made anew when its file is opened again, in the place that it has") {
  tables::configure_sqlite();
  const OneSensor one;
  const TemporaryFolder& folder = one.folder;
  const std::string path = folder / "one.db";
  sqlite::Shard shard({path}, one.context);
  write_readings(shard, 0, 10);
  shard.close(sqlite::Shard::Close::for_now);
  fs::copy_file(path + "-wal", folder / "shorter");
  write_readings(shard, 10, 10);
  shard.close(sqlite::Shard::Close::for_now);
  fs::copy_file(folder / "shorter", path + "-wal", fs::copy_options::overwrite_existing);
  CHECK(query(path, "SELECT count(*) FROM sensor_readings") == std::vector<std::string>{"10"});
  write_readings(shard, 10, 5);
  CHECK(query(path, "SELECT count(*) FROM sensor_readings") == std::vector<std::string>{"15"});

  const std::string index = folder / "index";
  fs::copy_file(path + "-shm", index);
  sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
  const auto cut = reinterpret_cast<int (*)(int, off_t)>(system->xGetSystemCall(system, "ftruncate"));
  const int file = ::open(index.c_str(), O_RDWR | O_CLOEXEC);
  const auto length = fs::file_size(index);
  REQUIRE(length >= 32'768);
  CHECK(cut(file, 3) == 0);
  CHECK(fs::file_size(index) == length);
  std::array<char, 136> header{'x'};
  CHECK(::pread(file, header.data(), header.size(), 0) == static_cast<ssize_t>(header.size()));
  CHECK(header == std::array<char, 136>{});
  CHECK(cut(file, 100) == 0);
  CHECK(fs::file_size(index) == 100);
  ::close(file);
}

// Whoever cannot find out that there is a log must not have SQLite make the file without waiting for the
// disk.
TEST_CASE("rows that were waited for outlive a reading that failed and then the power, wherever it failed") {
  for (std::uint64_t nth = 1; nth <= 12; ++nth) {
    CAPTURE(nth);
    OneFile file;
    file.settings.synchronous = config::Synchronous::full;
    FaultyVfs& vfs = file.vfs;
    {
      sqlite::Shard shard({file.path}, file.context);
      REQUIRE(shard.record_run().ok());  // and the file is on the disk
      write_readings(shard, 0, 10);
      shard.close(sqlite::Shard::Close::for_now);
      vfs.fail(DiskCall::read, nth, 1, SQLITE_IOERR_READ);
      shard.open();
      vfs.heal();
      vfs.switch_off();
    }
    vfs.switch_on([](std::size_t changes) { return std::vector(changes, Fate::lost); });
    CHECK(query(file.path, "SELECT count(*) FROM sensor_readings") == std::vector<std::string>{"10"});
  }
}

TEST_CASE(
    "a new log is begun without waiting for the disk; one that begins again is not, nor with synchronous: "
    "full") {
  constexpr auto waits_for_log = [](OneFile& file, sqlite::Shard& shard) {
    const std::uint64_t before = file.vfs.failed();
    file.vfs.fail(DiskCall::sync, 1, 1, SQLITE_IOERR_FSYNC, "-wal");
    write::ShardRows rows;
    rows.stage(batch::Reading{WriterRig::first_due, {1, 2, 3}, 0, {}}, {});
    const bool was_written = shard.flush(rows.lot()).ok();
    const bool waited = file.vfs.failed() > before;
    file.vfs.heal();
    CHECK(was_written == !waited);
    return waited;
  };
  const auto make = [](OneFile& file) {
    sqlite::Shard shard({file.path}, file.context);
    write_readings(shard, 0, 10);
    REQUIRE(shard.finish().ok());
  };
  OneFile file;
  make(file);
  sqlite::Shard shard({file.path}, file.context);
  CHECK_FALSE(waits_for_log(file, shard));
  CHECK(file.vfs.unsynced().waits_for_sync(file.path + "-wal"));
  CHECK_FALSE(waits_for_log(file, shard));
  REQUIRE(shard.copy_log() == tables::Copied::all);
  REQUIRE(shard.empty_log());
  shard.close(sqlite::Shard::Close::for_now);
  CHECK(waits_for_log(file, shard));

  OneFile full;
  full.settings.synchronous = config::Synchronous::full;
  make(full);
  sqlite::Shard waiting({full.path}, full.context);
  CHECK(waits_for_log(full, waiting));
}

TEST_CASE("a file that a later run changes outlives the power's failure with all that was in it") {
  for (const std::size_t kept : {0, 1, 2}) {
    CAPTURE(kept);
    OneFile file;
    file.settings.checkpoint_pages = 1;
    file.settings.unsynced_index = false;
    FaultyVfs& vfs = file.vfs;
    {
      sqlite::Shard before({file.path}, file.context);
      write_readings(before, 0, 3'000);
      REQUIRE(before.finish().ok());
      file.settings.unsynced_index = true;  // which takes many pages
      sqlite::Shard after({file.path}, file.context);
      write_readings(after, 3'000, 10);
      vfs.switch_off();
    }
    vfs.switch_on([&](std::size_t changes) {
      std::vector<Fate> fates(changes, Fate::lost);
      for (std::size_t i = 0; i < changes; ++i) {
        if (i % 3 == kept) fates[i] = Fate::kept;
      }
      return fates;
    });
    CHECK(query(file.path, "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
    CHECK(query(file.path, "SELECT count(*) >= 3000 FROM sensor_readings") == std::vector<std::string>{"1"});
  }
}

}  // namespace fleet_sim::power_failure_test
