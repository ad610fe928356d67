// The writer on a disk that fails on demand: nothing lost in silence, nothing written twice.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "storage/complete_run.h"
#include "storage/data_directory.h"
#include "storage/digest.h"
#include "storage/run_losses.h"
#include "storage/run_reloads.h"
#include "storage/schema.h"
#include "storage/set_aside.h"
#include "storage/shard_key.h"
#include "storage/shard_plan.h"
#include "storage/writer.h"
#include "support/faulty_vfs.h"
#include "support/rosters.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"

using namespace fleet_sim;
using namespace fleet_sim::test;

namespace fs = std::filesystem;

TEST_CASE("a transaction that fails half-way is rolled back whole") {
  FaultyVfs vfs;
  // A cache so small that pages reach the log long before the commit.
  WriterRig rig({.vfs = vfs.name()}, [](Config& config) {
    config.database.batch_size = 1'000;
    config.database.cache_kib = 64;
  });
  rig.send(0, 1'000);
  rig.step();
  CHECK(rig.has_first(0, 1'000));
  for (std::size_t written = 1'000; written < 6'000; written += 1'000) {
    rig.send(0, 1'000);
    // Later and later within the transaction.
    vfs.fail_writes(written / 300, 1, SQLITE_FULL);
    const std::uint64_t before = vfs.failed();
    rig.step();
    CHECK(vfs.failed() == before + 1);
    CHECK(rig.has_first(0, written));
    CHECK(rig.writer().held() == 1'000);
    rig.go_on_for(1 * second);
    CHECK(rig.has_first(0, written + 1'000));
  }
  CHECK(rig.errors() == 5);
  CHECK(rig.imbalance().empty());
}

// The fault moves through everything that opening, creating, writing, checkpointing and closing do.
TEST_CASE("whichever write fails, every row is there once and in order when the disk works again") {
  for (std::uint64_t nth = 1; nth <= 100; ++nth) {
    FaultyVfs vfs;
    WriterRig rig({.sensors = 3, .open_shards = 2, .vfs = vfs.name()}, [nth](Config& config) {
      // Waiting for the disk takes most of the time and changes no write; a few rounds do it.
      config.database.synchronous = nth % 10 == 0 ? Synchronous::normal : Synchronous::off;
      config.database.checkpoint_pages = 8;
      config.database.page_size = 4'096;
    });
    vfs.fail_writes(nth, 1 + nth % 5, nth % 2 == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE);
    for (int round = 0; round < 8; ++round) {
      for (std::uint32_t sensor = 0; sensor < 3; ++sensor) rig.send(sensor, 7 + sensor);
      rig.go_on_for(300 * millisecond);
    }
    CAPTURE(nth);
    CHECK(vfs.failed() >= 1);
    rig.finish();
    CHECK(rig.has_everything());
    CHECK(rig.ledger.books().lost() == 0);
    CHECK(rig.ledger.books().written == 8 * (7 + 8 + 9));
    CHECK(rig.imbalance().empty());
    for (std::uint32_t sensor = 0; sensor < 3; ++sensor) {
      CHECK(query(rig.path_of(sensor), "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
      CHECK(query(rig.path_of(sensor), "SELECT run_id FROM run_info") ==
            std::vector<std::string>{"test-run"});
    }
  }
}

// A constraint, unlike a disk, makes SQLite undo the statement only.
TEST_CASE("a shard whose flush fails holds no lock, keeps its rows and writes them later") {
  WriterRig rig;
  const ShardContext context{rig.roster, rig.config.database, rig.run, {}};
  Shard shard(rig.path_of(0), context);
  const auto stage = [&](Timestamp due) { shard.stage({due, {1, 2, 3}, 0, std::nullopt}, {}); };
  stage(1);
  REQUIRE(shard.flush().ok());
  shard.forget_pending();
  run_sql(rig.path_of(0),
          "CREATE TRIGGER t BEFORE INSERT ON sensor_readings WHEN NEW.timestamp LIKE '%000039Z' "
          "BEGIN SELECT RAISE(ABORT, 'not this one'); END");
  for (Timestamp due = 2; due < 50; ++due) stage(due);
  const StorageError error = shard.flush();
  CHECK((error.code & 0xFF) == SQLITE_CONSTRAINT);
  CHECK(error.message == "not this one");
  CHECK(rig.rows_in_file(0) == 1);
  CHECK(shard.pending_readings().size() == 48);
  run_sql(rig.path_of(0), "DROP TRIGGER t");
  CHECK(shard.flush().ok());
  CHECK(rig.rows_in_file(0) == 49);
}

TEST_CASE("an error is counted in the class of what went wrong") {
  const std::array<std::pair<int, ErrorClass>, 12> classes{{{SQLITE_BUSY, ErrorClass::busy},
                                                            {SQLITE_BUSY_SNAPSHOT, ErrorClass::busy},
                                                            {SQLITE_LOCKED, ErrorClass::busy},
                                                            {SQLITE_FULL, ErrorClass::full},
                                                            {SQLITE_IOERR_SHMSIZE, ErrorClass::full},
                                                            {SQLITE_IOERR_WRITE, ErrorClass::io},
                                                            {SQLITE_CANTOPEN, ErrorClass::io},
                                                            {SQLITE_CORRUPT, ErrorClass::corrupt},
                                                            {SQLITE_NOTADB, ErrorClass::corrupt},
                                                            {SQLITE_READONLY_DBMOVED, ErrorClass::read_only},
                                                            {SQLITE_MISMATCH, ErrorClass::schema},
                                                            {SQLITE_CONSTRAINT, ErrorClass::schema}}};
  for (const auto& [code, error_class] : classes) {
    CAPTURE(code);
    CHECK(StorageError{code, ""}.error_class() == error_class);
  }
  for (const auto& [reason, error_class] :
       {std::pair(EFBIG, ErrorClass::full), std::pair(ENOSPC, ErrorClass::full),
        std::pair(EROFS, ErrorClass::read_only), std::pair(EACCES, ErrorClass::read_only),
        std::pair(EIO, ErrorClass::io), std::pair(0, ErrorClass::io)}) {
    CAPTURE(reason);
    CHECK(StorageError{SQLITE_IOERR_WRITE, "", reason}.error_class() == error_class);
    CHECK(StorageError{SQLITE_CANTOPEN, "", reason}.error_class() == error_class);
    CHECK(StorageError{SQLITE_BUSY, "", reason}.error_class() == ErrorClass::busy);
  }
  for (const auto& [code, error_class] :
       {std::pair(SQLITE_FULL, ErrorClass::full), std::pair(SQLITE_IOERR_WRITE, ErrorClass::io),
        std::pair(SQLITE_READONLY, ErrorClass::read_only)}) {
    FaultyVfs vfs;
    WriterRig rig({.vfs = vfs.name()});
    rig.send(0, 10);
    rig.step();
    vfs.fail_writes(1, 2, code);
    rig.send(0, 10);
    rig.go_on_for(1 * second);
    CHECK(rig.errors(error_class) == 2);
    CHECK(rig.errors() == 2);
    CHECK(rig.has_everything());
  }
}

TEST_CASE("retries come later and later, and their running out is said once") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](Config& config) { config.database.error_limit = 1'000; });
  rig.send(0, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever);
  rig.send(0, 10);
  for (unsigned attempt = 1; attempt <= 12; ++attempt) {
    const SteadyTime next = rig.step();
    CHECK(rig.errors() == attempt);
    const auto whole = std::min<Microseconds>(20 * millisecond << (attempt - 1), 2 * second);
    const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(next - rig.now()).count();
    CAPTURE(attempt);
    CHECK(wait <= whole);
    // An idle writer looks around once a second in any case.
    CHECK(wait >= std::min(whole / 2, second));
    CHECK(rig.log.size() == (attempt <= 3 ? 0 : 1));
    // Not a microsecond before its time, whatever comes meanwhile.
    rig.send(event_of(AnomalyEvent::Kind::whole, 1, attempt * second));
    rig.send(0, 1);
    rig.advance(std::min(whole / 2, wait) - 1);
    CHECK(rig.errors() == attempt);
    while (rig.errors() == attempt) rig.advance(10 * millisecond);
  }
}

TEST_CASE("when retries run out rows wait, and all are written in order once the disk works") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .vfs = vfs.name()},
                [](Config& config) { config.database.error_limit = 1'000; });
  rig.send(0, 10);
  rig.send(1, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, "sensor-0");
  for (int round = 0; round < 40; ++round) {
    rig.send(0, 10);
    rig.send(1, 10);
    rig.go_on_for(500 * millisecond);
    CHECK(rig.has_all(1));
    CHECK(rig.has_first(0, 10));
  }
  REQUIRE(rig.log.size() == 1);
  CHECK(rig.log[0].starts_with(rig.path_of(0) + ": cannot be written, rows wait in memory: "));
  CHECK(rig.writer().held() == 400);
  CHECK(rig.ledger.books().lost() == 0);
  vfs.heal();
  rig.go_on_for(2 * second);
  CHECK(rig.has_everything());
  REQUIRE(rig.log.size() == 2);
  CHECK(rig.log[1] == rig.path_of(0) + ": works again, backlog written");
  CHECK(rig.writer().held() == 0);
  // As healthy as before.
  rig.send(0, 10);
  rig.step();
  CHECK(rig.has_everything());
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a file that cannot even be opened is treated as one that cannot be written") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .vfs = vfs.name()});
  vfs.fail_opens("sensor-1");
  rig.send(0, 10);
  rig.send(1, 10);
  rig.go_on_for(1 * second);
  CHECK(rig.has_all(0));
  CHECK(rig.errors() > 3);
  vfs.heal();
  rig.go_on_for(2 * second);
  CHECK(rig.has_everything());
}

TEST_CASE("beyond the backlog's bound rows are counted as lost, and the oldest are kept") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .pending_rows = 200, .vfs = vfs.name()},
                [](Config& config) { config.database.error_limit = 1'000; });
  rig.send(0, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_IOERR_WRITE, "sensor-0");
  rig.send(0, 10);
  rig.step();
  for (int round = 0; round < 30; ++round) {
    rig.send(0, 10);
    rig.send(1, 10);
    rig.advance(100 * millisecond);
  }
  CHECK(rig.writer().held() == 100);
  CHECK(rig.ledger.books().lost_by_reason[static_cast<std::size_t>(LossReason::backlog_full)] == 210);
  CHECK(rig.has_all(1));
  CHECK(rig.imbalance().empty());
  vfs.heal();
  rig.go_on_for(3 * second);
  CHECK(rig.has_first(0, 110));
  // There is room again.
  rig.send(1, 10);
  rig.step();
  CHECK(rig.has_all(1));
  CHECK(rig.ledger.books().lost() == 210);
  CHECK(rig.imbalance().empty());
}

TEST_CASE("events beyond the backlog's bound are counted as lost too") {
  FaultyVfs vfs;
  WriterRig rig({.pending_rows = 200, .vfs = vfs.name()},
                [](Config& config) { config.database.error_limit = 1'000; });
  vfs.fail_opens("sensor-0");
  rig.send(0, 10);
  rig.go_on_for(2 * second);
  AnomalyEvent event{};
  event.kind = AnomalyEvent::Kind::whole;
  for (int i = 0; i < 300; ++i) {
    event.started_at = event.ended_at = WriterRig::first_due + i;
    rig.send(event);
    rig.step();
  }
  CHECK(rig.ledger.books().events_lost == 210);
  vfs.heal();
  rig.go_on_for(3 * second);
  CHECK(rig.has_all(0));
  CHECK(query(rig.path_of(0), "SELECT count(*), count(DISTINCT started_at) FROM anomaly_events") ==
        std::vector<std::string>{"90|90"});
}

namespace {

// Lets one shard after the other run out of retries with so many rows.
void exhaust_with_rows(WriterRig& rig, std::uint32_t sensors, std::size_t rows) {
  for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) {
    rig.send(sensor, rows);
    rig.go_on_for(3 * second);
  }
}

}  // namespace

TEST_CASE("what shards bring along when their retries run out stays within the bound, the oldest of each") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 5, .pending_rows = 200, .vfs = vfs.name()}, [](Config& config) {
    config.database.error_limit = 1'000;
    config.database.batch_size = 1'000;
  });
  for (std::uint32_t sensor = 0; sensor < 5; ++sensor) rig.send(sensor, 10);
  rig.go_on_for(1 * second);
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL);
  exhaust_with_rows(rig, 2, 100);
  // Everything fits, although the backlog is more than half of it.
  CHECK(rig.writer().held() == 200);
  CHECK(rig.ledger.books().lost() == 0);
  rig.send(2, 60);
  rig.step();
  CHECK(rig.writer().held() == 200);
  CHECK(rig.ledger.books().lost_by_reason[static_cast<std::size_t>(LossReason::backlog_full)] == 60);
  rig.go_on_for(3 * second);
  exhaust_with_rows(rig, 5, 60);
  CHECK(rig.writer().held() == 200);
  CHECK(rig.imbalance().empty());
  const std::uint64_t lost = rig.ledger.books().lost();
  vfs.heal();
  rig.go_on_for(5 * second);
  CHECK(rig.writer().held() == 0);
  CHECK(rig.ledger.books().lost() == lost);
  std::size_t rows = 0;
  for (std::uint32_t sensor = 0; sensor < 5; ++sensor) rows += rig.rows_in_file(sensor);
  CHECK(rows == rig.ledger.books().written);
  // Nobody has lost the oldest of what waited.
  for (std::uint32_t sensor = 0; sensor < 5; ++sensor) CHECK(rig.rows_in_file(sensor) >= 10 + 20);
  CHECK(rig.imbalance().empty());
}

TEST_CASE("rows that give way although their commit is in doubt are not written twice") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .pending_rows = 200, .vfs = vfs.name()}, [](Config& config) {
    config.database.error_limit = 1'000;
    config.database.batch_size = 1'000;
    config.database.synchronous = Synchronous::full;
  });
  rig.send(0, 10);
  rig.send(1, 10);
  rig.go_on_for(1 * second);
  // The rows are in the log, but waiting for the disk fails.
  vfs.fail(DiskCall::sync, 1, FaultyVfs::for_ever, SQLITE_IOERR_FSYNC, "-wal");
  exhaust_with_rows(rig, 2, 100);
  exhaust_with_rows(rig, 2, 100);
  CHECK(rig.writer().held() <= 200);
  vfs.heal();
  rig.send(0, 5);
  rig.go_on_for(5 * second);
  for (std::uint32_t sensor = 0; sensor < 2; ++sensor) {
    CHECK(query(rig.path_of(sensor), "SELECT count(*) - count(DISTINCT timestamp) FROM sensor_readings") ==
          std::vector<std::string>{"0"});
  }
  CHECK(rig.imbalance().empty());
}

TEST_CASE("rows of a commit that failed while waiting for the disk are waited for again before they count") {
  FaultyVfs vfs;
  vfs.remember_unsynced();
  WriterRig rig({.vfs = vfs.name()}, [](Config& config) { config.database.synchronous = Synchronous::full; });
  rig.send(0, 10);
  rig.step();
  vfs.fail(DiskCall::sync, 1, 1, SQLITE_IOERR_FSYNC, "-wal");
  rig.send(0, 10);
  rig.go_on_for(1 * second);
  CHECK(vfs.failed() == 1);
  CHECK(rig.ledger.books().written == 20);
  CHECK_FALSE(vfs.unsynced().waits_for_sync(rig.path_of(0) + "-wal"));
}

namespace {

// What a machine that loses its power finds: the file and its log, without the index of the log.
void copy_as_left(const std::string& from, const std::string& to) {
  for (const char* ending : {"", "-wal"}) fs::copy_file(from + ending, to + ending);
}

void write_readings(Shard& shard, int first, int count) {
  for (int i = first; i < first + count; ++i) {
    shard.stage(Reading{WriterRig::first_due + i * second, {1.0 * i, 2.0 * i, 3.0 * i}, 0, {}}, {});
  }
  REQUIRE(shard.flush().ok());
  shard.forget_pending();
}

}  // namespace

TEST_CASE(
    "what lies behind a gap in the log of a machine that lost its power stays away when a run goes on") {
  const TemporaryFolder folder;
  const Roster roster = roster_of(1);
  const DatabaseSettings settings;
  RunInfo run;
  run.run_id = "run";
  const ShardContext context{roster, settings, run, {}};
  const std::string log = folder / "before.db-wal";
  {
    Shard before(folder / "before.db", context);
    write_readings(before, 0, 10);
    const auto kept = static_cast<std::streamoff>(fs::file_size(log));
    write_readings(before, 10, 10);
    write_readings(before, 20, 10);
    copy_as_left(folder / "before.db", folder / "after.db");
    // The log's second commit never came to the disk, or not its first bytes.
    std::fstream torn(folder / "after.db-wal", std::ios::binary | std::ios::in | std::ios::out);
    torn.seekp(kept).write("lost", 4);
  }
  run.resumed_at = WriterRig::first_due;
  Shard after(folder / "after.db", context);
  write_readings(after, 10, 10);
  copy_as_left(folder / "after.db", folder / "at_last.db");
  constexpr const char* count = "SELECT count(*), count(DISTINCT timestamp) FROM sensor_readings";
  CHECK(query(folder / "at_last.db", count) == std::vector<std::string>{"20|20"});
  after.close(Shard::Close::for_now);
  write_readings(after, 20, 10);
  CHECK(query(folder / "after.db", count) == std::vector<std::string>{"30|30"});
  CHECK(query(folder / "after.db", "SELECT run_id, resumed_at FROM run_resumptions") ==
        std::vector<std::string>{"run|" + timestamp_text(WriterRig::first_due)});
}

TEST_CASE("a file says that rows are missing before others, with the first row behind the gap") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .pending_rows = 40, .vfs = vfs.name()},
                [](Config& config) { config.database.error_limit = 1'000; });
  rig.send(0, 10);
  rig.send(1, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, "sensor-0");
  rig.send(0, 20);
  rig.go_on_for(1 * second);
  rig.send(0, 10);  // due from 40 ms on
  rig.send(1, 10);
  rig.step();
  CHECK(rig.ledger.books().lost() == 10);
  vfs.heal();
  rig.go_on_for(3 * second);
  CHECK(query(rig.path_of(0), "SELECT run_id, since FROM run_losses") ==
        std::vector<std::string>{"test-run|" + timestamp_text(WriterRig::first_due + 40'000)});
  Database database = opened(rig.path_of(0));
  CHECK(read_runs(database, rig.path_of(0)).at(0).has_losses);
  Database whole = opened(rig.path_of(1));
  CHECK_FALSE(read_runs(whole, rig.path_of(1)).at(0).has_losses);
}

TEST_CASE("once readings have been skipped, each file says so with its next rows, and the next file again") {
  WriterRig rig({.sensors = 2});
  const auto told = [&](std::uint32_t sensor) {
    const std::string path = rig.path_of(sensor);
    const bool tells = !query(path, "SELECT 1 FROM sqlite_schema WHERE name = 'run_losses'").empty();
    return tells ? query(path, "SELECT run_id, since FROM run_losses") : std::vector<std::string>{};
  };
  for (const std::uint32_t sensor : {0u, 1u}) rig.send(sensor, 10);
  rig.step();
  CHECK_FALSE(rig.ledger.skipped_since());
  const Timestamp since = WriterRig::first_due + 20'000;
  for (const Microseconds later : {2, 0, 5}) rig.ledger.skips_from(since + later);
  const std::vector<std::string> expected{"test-run|" + timestamp_text(since)};
  rig.send(0, 10);
  rig.step();
  CHECK(told(0) == expected);
  CHECK(told(1).empty());
  rig.send(1, 10);
  rig.step();
  CHECK(told(1) == expected);
  fs::remove(rig.path_of(0));
  rig.send(0, 10);
  rig.step();
  CHECK(told(0) == expected);
  CHECK(rig.ledger.books().lost() == 0);
}

TEST_CASE("while a shard is being retried nothing is lost: the writer takes no more than its memory holds") {
  WriterRig rig({.pending_rows = 100});
  rig.send(0, 10);
  rig.step();
  Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  for (int round = 0; round < 30; ++round) {
    rig.send(0, 10);
    // With batches waiting and no room for them, it does not ask to be called again at once for ever.
    const SteadyTime next = rig.step();
    if (rig.writer().held() >= 50) CHECK(next > rig.now());
    rig.go_on_for(10 * millisecond);
  }
  CHECK(rig.writer().held() == 50);
  CHECK_FALSE(rig.writer().queue().empty());
  CHECK(rig.ledger.books().lost() == 0);
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.go_on_for(2 * second);
  CHECK(rig.has_all(0));
  CHECK(rig.imbalance().empty());
}

TEST_CASE("healthy rows that fill the memory are committed early and none is lost") {
  WriterRig rig({.sensors = 4, .pending_rows = 100}, [](Config& config) {
    config.database.batch_size = 1'000;
    config.database.flush_interval_ms = 60'000;
  });
  for (int round = 0; round < 10; ++round) {
    for (std::uint32_t sensor = 0; sensor < 4; ++sensor) rig.send(sensor, 20);
    for (int i = 0; i < 4; ++i) rig.step();
    CHECK(rig.writer().held() <= 50 + 20);
  }
  rig.finish();
  CHECK(rig.has_everything());
  CHECK(rig.ledger.books().lost() == 0);
}

TEST_CASE(
    "inserting writes no temporary file, which could be slow, or fail where the shard's disk does not") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](Config& config) { config.database.batch_size = 200; });
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_IOERR_WRITE, "none but a file without a name");
  for (int i = 0; i < 50; ++i) {
    rig.send(0, 200);
    rig.step();
  }
  rig.finish();
  CHECK(vfs.failed() == 0);
  CHECK(rig.has_everything());
}

TEST_CASE("so many rounds of retries with no success between give up, once") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](Config& config) { config.database.error_limit = 5; });
  vfs.fail_writes(1, FaultyVfs::for_ever);
  rig.send(0, 10);
  rig.step();
  // A round is a flush and its 3 retries.
  while (rig.errors() < 19) rig.advance(10 * millisecond);
  CHECK(rig.gave_up == 0);
  while (rig.errors() < 20) rig.advance(10 * millisecond);
  CHECK(rig.gave_up == 1);
  CHECK(rig.log.back() == "error limit reached: 5 rounds of retries with no success between");
  rig.go_on_for(60 * second);
  CHECK(rig.gave_up == 1);
}

TEST_CASE("many files that fail together are one fault and give up no earlier") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 20, .vfs = vfs.name()}, [](Config& config) { config.database.error_limit = 5; });
  vfs.fail_writes(1, FaultyVfs::for_ever);
  for (std::uint32_t sensor = 0; sensor < 20; ++sensor) rig.send(sensor, 10);
  rig.step();
  // The fifth round of a file ends with its 20th error; by then the others have had about as many.
  while (rig.errors() < 300) rig.advance(10 * millisecond);
  CHECK(rig.gave_up == 0);
  while (rig.errors() < 400) rig.advance(10 * millisecond);
  CHECK(rig.gave_up == 1);
}

TEST_CASE("a full disk is waited for while the backlog has room, and given up when it has none") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 20, .pending_rows = 2'000, .vfs = vfs.name()},
                [](Config& config) { config.database.error_limit = 3; });
  for (std::uint32_t sensor = 0; sensor < 20; ++sensor) rig.send(sensor, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL);
  for (std::uint32_t sensor = 0; sensor < 20; ++sensor) rig.send(sensor, 10);
  rig.go_on_for(600 * second);
  CHECK(rig.gave_up == 0);
  for (std::uint32_t sensor = 0; sensor < 20; ++sensor) rig.send(sensor, 30);
  rig.go_on_for(30 * second);
  CHECK(rig.ledger.books().lost() == 0);
  vfs.heal();
  rig.go_on_for(5 * second);
  CHECK(rig.has_everything());
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL);
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t sensor = 0; sensor < 20; ++sensor) rig.send(sensor, 30);
    rig.go_on_for(60 * second);
  }
  CHECK(rig.ledger.books().lost() > 0);
  CHECK(rig.gave_up == 1);
}

TEST_CASE("a success between failures starts the count again") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .vfs = vfs.name()}, [](Config& config) { config.database.error_limit = 3; });
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_IOERR_WRITE, "sensor-0");
  rig.send(0, 10);
  // Sensor 1 succeeds more often than the rounds of sensor 0 end.
  for (int round = 0; round < 150; ++round) {
    rig.send(1, 10);
    rig.go_on_for(200 * millisecond);
  }
  CHECK(rig.errors() > 15);
  CHECK(rig.gave_up == 0);
  rig.go_on_for(30 * second);
  CHECK(rig.gave_up == 1);
}

TEST_CASE("what a dead disk keeps from being written at the end is counted as lost") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 3, .vfs = vfs.name()});
  for (std::uint32_t sensor = 0; sensor < 3; ++sensor) rig.send(sensor, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, "sensor-1");
  for (std::uint32_t sensor = 0; sensor < 3; ++sensor) rig.send(sensor, 15);
  rig.finish();
  CHECK(rig.has_all(0));
  CHECK(rig.has_first(1, 10));
  CHECK(rig.has_all(2));
  CHECK(rig.ledger.books().lost_by_reason[static_cast<std::size_t>(LossReason::storage_failed_at_stop)] ==
        15);
  CHECK(rig.writer().held() == 0);
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a disk that recovers while the writer drains loses nothing") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()});
  vfs.fail_writes(1, 3);
  rig.send(0, 35);
  rig.finish();
  CHECK(vfs.failed() == 3);
  CHECK(rig.has_everything());
  CHECK(rig.ledger.books().lost() == 0);
}

TEST_CASE("the first shard's opening shows whether the directory can be written at all") {
  WriterRig good;
  CHECK(good.writer().open_first().ok());
  CHECK(fs::exists(good.path_of(0)));
  WriterRig bad({}, [](Config& config) { config.database.data_dir = "/proc/is/not/there"; });
  CHECK((bad.writer().open_first().code & 0xFF) == SQLITE_CANTOPEN);
  // Opened once and not again: the shard counts against the open files.
  WriterRig one({.sensors = 2, .open_shards = 1});
  CHECK(one.writer().open_first().ok());
  one.send(1, 10);
  one.step();
  CHECK(open_files(one.folder).size() == 1);
}

TEST_CASE("the null sink counts everything and writes nothing") {
  WriterRig rig({.sensors = 2}, [](Config& config) { config.database.sink = Sink::null; });
  CHECK(rig.writer().open_first().ok());
  rig.send(0, 123);
  rig.send(1, 77);
  rig.send(event_of(AnomalyEvent::Kind::whole, 1));
  rig.step();
  rig.finish();
  CHECK(rig.ledger.books().written == 200);
  CHECK(rig.imbalance().empty());
  CHECK(fs::is_empty(rig.folder.path()));
}

TEST_CASE("a paced writer's lag is the real time from due to commit") {
  WriterRig rig;
  const SteadyTime began = std::chrono::steady_clock::now() - std::chrono::seconds(10);
  const WriterContext context{{rig.roster, rig.config.database, rig.run, {}},
                              rig.plan.place_of,
                              SimulationClock(WriterRig::first_due, began, 1.0),
                              rig.pool,
                              rig.ledger,
                              rig.error_counts,
                              1'000,
                              10,
                              [](const std::string&) {},
                              [] {}};
  Writer writer(context, rig.plan.paths[0], 4);
  Batch* batch = rig.pool.acquire();
  batch->readings.push_back({WriterRig::first_due, {1, 2, 3}, 0, std::nullopt});
  batch->readings.push_back({WriterRig::first_due + 4'000'000, {1, 2, 3}, 0, std::nullopt});
  writer.queue().push(batch);
  const SteadyTime now = std::chrono::steady_clock::now();
  writer.step(now);
  writer.step(now + std::chrono::seconds(1));
  CHECK(writer.lag().count() == 2);
  CHECK(writer.lag().max() >= 10'000'000);
  CHECK(writer.lag().max() < 70'000'000);
  CHECK(writer.lag().percentile(0.5) >= 6'000'000);
  CHECK(writer.lag().percentile(0.5) <= writer.lag().max() - 3'000'000);
}

namespace {

// Files of the folder whose name contains `part`, sorted.
std::vector<std::string> names_with(const TemporaryFolder& folder, const std::string& part) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    const std::string name = entry.path().filename().string();
    if (name.find(part) != std::string::npos) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Everything but the first page, which says what kind of file it is; the log holds no better pages.
void make_corrupt(const std::string& path) {
  run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)");
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(4'096);
  file << std::string(fs::file_size(path) - 4'096, '\x5a');
}

std::vector<std::string> ids_of(const std::string& path) {
  return query(path, "SELECT min(id), max(id), count(*) FROM sensor_readings");
}

}  // namespace

TEST_CASE("a corrupt file is set aside with its log, and what waited is written to a new one, once") {
  WriterRig rig({.sensors = 2, .open_shards = 1}, [](Config& config) {
    config.database.checkpoint_pages = 1;
    config.database.page_size = 4'096;
  });
  rig.send(0, 500);
  rig.go_on_for(2 * second);
  rig.send(1, 10);  // takes the one place for an open file
  rig.go_on_for(2 * second);
  const std::string path = rig.path_of(0);
  make_corrupt(path);
  rig.send(0, 20);
  rig.send(1, 10);
  rig.go_on_for(2 * second);

  const std::vector<std::string> aside = names_with(rig.folder, ".corrupt-");
  REQUIRE_FALSE(aside.empty());
  CHECK(aside[0].starts_with("sensor=sensor-0.db.corrupt-20"));
  CHECK(aside[0].ends_with("Z"));
  CHECK(fs::file_size(rig.folder.path() / aside[0]) > 4'096);
  CHECK(rig.errors(ErrorClass::corrupt) == 1);
  REQUIRE(rig.log.size() == 1);
  CHECK(rig.log[0].find("is corrupt (") != std::string::npos);
  CHECK(rig.log[0].find("was set aside as " + rig.folder.path().string()) != std::string::npos);
  CHECK(ids_of(path) == std::vector<std::string>{"501|520|20"});
  CHECK(query(path, "SELECT run_id, first_reading_id FROM run_info") ==
        std::vector<std::string>{"test-run|501"});
  CHECK(query(path, "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
  CHECK(rig.has_all(1));
  // What was set aside is no shard any more.
  CHECK(find_shards(rig.folder.path()).size() == 2);
  CHECK(rig.imbalance().empty());

  // And again, for it is in use again: under a name of its own.
  rig.send(1, 10);
  rig.go_on_for(2 * second);
  make_corrupt(path);
  rig.send(0, 20);
  rig.go_on_for(2 * second);
  CHECK(rig.errors(ErrorClass::corrupt) == 2);
  CHECK(ids_of(path) == std::vector<std::string>{"521|540|20"});
  const std::vector<std::string> names = names_with(rig.folder, ".corrupt-");
  const auto databases = std::ranges::count_if(
      names, [](const std::string& name) { return !name.ends_with("-wal") && !name.ends_with("-shm"); });
  CHECK(databases == 2);
}

TEST_CASE("a disk that corrupts whatever is written fills up with no heap of files set aside") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](Config& config) { config.database.error_limit = 1'000; });
  rig.send(0, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_CORRUPT);
  rig.send(0, 10);
  rig.go_on_for(20 * second);
  const std::vector<std::string> names = names_with(rig.folder, ".corrupt-");
  const auto databases = std::ranges::count_if(
      names, [](const std::string& name) { return !name.ends_with("-wal") && !name.ends_with("-shm"); });
  CHECK(databases == 1);
  CHECK(rig.writer().held() == 10);
  vfs.heal();
  rig.go_on_for(3 * second);
  CHECK(ids_of(rig.path_of(0)) == std::vector<std::string>{"11|20|10"});
  CHECK(rig.imbalance().empty());
}

TEST_CASE("somebody else's file that turns up under a shard's name is left as it is") {
  WriterRig rig({.sensors = 2});
  rig.send(1, 10);
  rig.step();
  std::ofstream(rig.path_of(0)) << std::string(5'000, 'x');
  rig.send(0, 10);
  rig.go_on_for(3 * second);
  CHECK(bytes_of(rig.path_of(0)) == std::string(5'000, 'x'));
  CHECK(names_with(rig.folder, ".corrupt-").empty());
  CHECK(rig.writer().held() == 10);
  CHECK(rig.errors(ErrorClass::corrupt) > 3);
}

TEST_CASE("a set-aside file keeps its bytes and never takes another's name") {
  const TemporaryFolder folder;
  constexpr Timestamp moment = 1'795'434'120'000'000;  // 2026-11-23T11:42:00Z
  std::error_code error;
  for (const std::string number : {"", "-2", "-3"}) {
    std::ofstream(folder / "a.db") << "data" << number;
    std::ofstream(folder / "a.db-wal") << "log" << number;
    const std::string name = set_aside(folder / "a.db", "corrupt", moment, error);
    REQUIRE_FALSE(error);
    CHECK(name == folder / ("a.db.corrupt-20261123T114200Z" + number));
    CHECK(bytes_of(name) == "data" + number);
    CHECK(bytes_of(name + "-wal") == "log" + number);
    CHECK_FALSE(fs::exists(folder / "a.db"));
    CHECK_FALSE(has_shard_name(name));
    CHECK_FALSE(has_shard_name(name + "-wal"));
  }
  // A log alone holds the name, too.
  fs::remove(folder / "a.db.corrupt-20261123T114200Z");
  std::ofstream(folder / "a.db") << "more";
  CHECK(set_aside(folder / "a.db", "corrupt", moment, error) == folder / "a.db.corrupt-20261123T114200Z-4");
}

TEST_CASE("a file that was set aside can be opened with its log") {
  const TemporaryFolder folder;
  std::error_code error;
  std::string name;
  {
    Database database = opened(folder / "a.db");
    REQUIRE(database.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (7)").ok());
    database.keep_log_on_close(true);
    name = folder / "a.db";
  }
  REQUIRE(fs::file_size(name + "-wal") > 0);
  name = set_aside(name, "left", 0, error);
  REQUIRE(fs::exists(name + "-wal"));
  CHECK(query(name, "SELECT a FROM t") == std::vector<std::string>{"7"});
}

TEST_CASE("a shard file that is deleted under the writer is begun anew, and ids rise on") {
  for (const std::size_t open_shards : {2u, 1u}) {  // open at that moment, or closed for the time being
    WriterRig rig({.sensors = 2, .open_shards = open_shards});
    rig.send(0, 30);
    rig.send(event_of(AnomalyEvent::Kind::opened, 1));
    rig.go_on_for(2 * second);
    rig.send(1, 10);
    rig.go_on_for(2 * second);
    for (const char* ending : {"", "-wal", "-shm"}) fs::remove(rig.path_of(0) + ending);
    rig.send(0, 12);
    rig.send(1, 10);
    rig.send(event_of(AnomalyEvent::Kind::closed, 7));
    rig.go_on_for(2 * second);
    CHECK(ids_of(rig.path_of(0)) == std::vector<std::string>{"31|42|12"});
    // The event whose first row is gone stands in the new file, whole.
    CHECK(query(rig.path_of(0), "SELECT id, ended_at IS NULL, readings_affected FROM anomaly_events") ==
          std::vector<std::string>{"2|0|7"});
    CHECK(query(rig.path_of(0), "SELECT run_id, first_reading_id, first_event_id FROM run_info") ==
          std::vector<std::string>{"test-run|31|2"});
    CHECK(rig.has_all(1));
    REQUIRE(rig.log.size() == 1);
    CHECK(rig.log[0] ==
          rig.path_of(0) + ": was deleted, renamed or replaced while in use; beginning a new file");
    CHECK(rig.errors(ErrorClass::io) == 1);
    rig.send(0, 5);
    rig.finish();
    CHECK(ids_of(rig.path_of(0)) == std::vector<std::string>{"31|47|17"});
    CHECK(query(rig.path_of(0), "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
    CHECK(rig.log.size() == 1);
    CHECK(rig.imbalance().empty());
  }
}

TEST_CASE(
    "a file that is deleted before a process that goes on has opened it is begun anew, with its open "
    "events") {
  WriterRig rig;
  {
    const ShardContext context{rig.roster, rig.config.database, rig.run, {}};
    Shard before(rig.path_of(0), context);
    for (const int i : {-3, -2, -1}) {
      before.stage(Reading{WriterRig::first_due + i * second, {}, 0, {}}, {});
    }
    before.stage(event_of(AnomalyEvent::Kind::opened, 1), {});
    REQUIRE(before.flush().ok());
  }
  const FindSensor find_sensor = [](std::string_view) { return 0; };
  std::vector<std::unique_ptr<FoundRows>> found;
  found.push_back(std::make_unique<FoundRows>(rig.path_of(0), rig.run.run_id, find_sensor));
  rig.writer().take_up(std::move(found));
  for (const char* ending : {"", "-wal", "-shm"}) fs::remove(rig.path_of(0) + ending);
  rig.send(0, 5);
  rig.send(event_of(AnomalyEvent::Kind::closed, 7));
  rig.go_on_for(2 * second);
  CHECK(query(rig.path_of(0), "SELECT min(id), count(*) FROM sensor_readings") ==
        std::vector<std::string>{"4|5"});
  CHECK(query(rig.path_of(0), "SELECT id, ended_at IS NULL, readings_affected FROM anomaly_events") ==
        std::vector<std::string>{"2|0|7"});
}

TEST_CASE("a shard file that is renamed away is whole where it went, and another is begun") {
  WriterRig rig;
  rig.send(0, 30);
  rig.step();
  fs::rename(rig.path_of(0), rig.folder / "kept.db");
  rig.send(0, 12);
  rig.step();
  CHECK(ids_of(rig.folder / "kept.db") == std::vector<std::string>{"1|30|30"});
  CHECK(query(rig.folder / "kept.db", "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
  CHECK(ids_of(rig.path_of(0)) == std::vector<std::string>{"31|42|12"});
  rig.finish();
  CHECK(ids_of(rig.folder / "kept.db") == std::vector<std::string>{"1|30|30"});
  CHECK(rig.rows_in_file(0) == 12);
}

TEST_CASE("a data directory that is deleted or moved is made again") {
  WriterRig rig({.sensors = 3}, [](Config& config) { config.database.data_dir += "/deep/down"; });
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t sensor = 0; sensor < 3; ++sensor) rig.send(sensor, 10);
    rig.go_on_for(2 * second);
    for (std::uint32_t sensor = 0; sensor < 3; ++sensor) CHECK(rig.rows_in_file(sensor) == 10);
    if (round == 0) fs::remove_all(rig.folder.path() / "deep");
    if (round == 1) fs::rename(rig.folder.path() / "deep", rig.folder.path() / "elsewhere");
  }
  rig.finish();
  for (std::uint32_t sensor = 0; sensor < 3; ++sensor) {
    CHECK(ids_of(rig.path_of(sensor)) == std::vector<std::string>{"21|30|10"});
    const std::string moved =
        rig.folder / ("elsewhere/down/" + fs::path(rig.path_of(sensor)).filename().string());
    CHECK(ids_of(moved) == std::vector<std::string>{"11|20|10"});
  }
  CHECK(rig.ledger.books().lost() == 0);
  CHECK(rig.errors(ErrorClass::io) == 6);
  CHECK(rig.imbalance().empty());
}

namespace {

// A file as a killed run leaves it: two sensors, ten readings a second apart, the last `affected` of sensor-0
// anomalous, or not there; the event says 1, as it did when it began.
void write_killed_run(const std::string& path, const std::string& type, int affected,
                      const std::string& run = "old", const std::string& partition = "",
                      const std::string& sensor = "sensor-0") {
  Database database = opened(path);
  REQUIRE(prepare_schema(database, {}).ok());
  RunInfo info;
  info.run_id = run;
  info.partition = partition;
  REQUIRE(record_run(database, info).ok());
  std::string sql;
  for (int i = 0; i < 10; ++i) {
    const bool anomalous = i >= 10 - affected;
    const std::string at = "'2025-01-01T00:00:0" + std::to_string(i);
    sql += "INSERT INTO sensor_readings (timestamp, sensor_id) VALUES (" + at + ".600000Z', 'sensor-1');";
    if (anomalous && type == "missing_data") continue;
    sql += "INSERT INTO sensor_readings (timestamp, sensor_id, anomaly_type) VALUES (" + at + ".500000Z', '" +
           sensor + "', " + (anomalous ? "'" + type + "'" : "NULL") + ");";
  }
  sql += "INSERT INTO anomaly_events (sensor_id, anomaly_type, started_at, readings_affected) VALUES ('" +
         sensor + "', '" + type + "', '2025-01-01T00:00:0" + std::to_string(10 - affected) + ".500000Z', 1);";
  REQUIRE(database.execute(sql.c_str()).ok());
}

std::vector<std::string> counts_of(const std::string& path) {
  return query(path, "SELECT ended_at IS NULL, readings_affected FROM anomaly_events ORDER BY id");
}

}  // namespace

TEST_CASE("the next run counts what the open events of a killed one had affected") {
  for (const char* type : {"trend", "missing_data"}) {
    CAPTURE(type);
    WriterRig rig({.sensors = 2}, [](Config& config) { config.sharding = {ShardKey::hash, 1}; });
    const std::string path = rig.path_of(0);
    write_killed_run(path, type, 4);
    rig.send(0, 10);
    rig.step();
    // Of a gap no more than is certain: what was due in the last second may not have been committed any more.
    CHECK(counts_of(path) == std::vector<std::string>{std::string(type) == "trend" ? "1|4" : "1|3"});
    CHECK(query(path, "SELECT count(*) FROM sensor_readings WHERE timestamp > '2025-12'") ==
          std::vector<std::string>{"10"});
    CHECK(query(path, "SELECT run_id FROM run_info ORDER BY rowid") ==
          std::vector<std::string>{"old", "test-run"});
  }
}

TEST_CASE("completing a killed run goes back as far as it must and no further") {
  const TemporaryFolder folder;
  const auto complete_in = [](const std::string& path, const std::string& partition,
                              std::uint64_t most_rows) {
    Database database = opened(path);
    RunInfo info;
    info.run_id = "new";
    info.partition = partition;
    REQUIRE(record_run(database, info).ok());
    REQUIRE(complete_run_before(database, "new", most_rows).ok());
  };
  const std::string bounded = folder / "bounded.db";
  write_killed_run(bounded, "trend", 4);
  complete_in(bounded, "", 5);
  CHECK(counts_of(bounded) == std::vector<std::string>{"1|1"});

  // From the last run of the same partition on, whatever other partitions have written since.
  const std::string shared = folder / "shared.db";
  write_killed_run(shared, "noise", 6, "oldest", "1/2");
  write_killed_run(shared, "trend", 3, "old", "1/2");
  write_killed_run(shared, "noise", 5, "other", "2/2", "sensor-2");
  complete_in(shared, "1/2", 1'000);
  CHECK(counts_of(shared) == std::vector<std::string>{"1|1", "1|3", "1|5"});

  // An event that the run began with has no row before it.
  const std::string steady = folder / "steady.db";
  write_killed_run(steady, "trend", 10);
  complete_in(steady, "", 1'000);
  CHECK(counts_of(steady) == std::vector<std::string>{"1|10"});

  // After a reload the sensor may have another rate, or another file.
  const std::string reloaded = folder / "reloaded.db";
  write_killed_run(reloaded, "missing_data", 6);
  {
    Database database = opened(reloaded);
    RunInfo old;
    old.run_id = "old";
    RunReload reload;
    for (const char* at : {"2025-01-01T00:00:02.000000Z", "2025-01-01T00:00:06.700000Z"}) {
      ++reload.number;
      reload.at = parse_timestamp(at).value();
      REQUIRE(record_reload(database, old, reload).ok());
    }
  }
  complete_in(reloaded, "", 1'000);
  CHECK(counts_of(reloaded) == std::vector<std::string>{"1|2"});

  // What the run itself has said is never taken back.
  const std::string stopped = folder / "stopped.db";
  write_killed_run(stopped, "missing_data", 4);
  run_sql(stopped, "UPDATE anomaly_events SET readings_affected = 4");
  complete_in(stopped, "", 1'000);
  CHECK(counts_of(stopped) == std::vector<std::string>{"1|4"});

  // Where something was lost, nothing can be told from what is there.
  for (const char* type : {"trend", "missing_data"}) {
    const std::string lossy = folder / (std::string("lossy-") + type + ".db");
    write_killed_run(lossy, type, 4);
    {
      Database database = opened(lossy);
      REQUIRE(record_loss(database, "old", 0).ok());
    }
    complete_in(lossy, "", 1'000);
    CHECK(counts_of(lossy) == std::vector<std::string>{"1|1"});
  }

  // One that has ended is left alone.
  const std::string ended = folder / "ended.db";
  write_killed_run(ended, "trend", 4);
  run_sql(ended, "UPDATE anomaly_events SET ended_at = '2025-01-01T00:00:09.500000Z'");
  complete_in(ended, "", 1'000);
  CHECK(counts_of(ended) == std::vector<std::string>{"0|1"});
}
