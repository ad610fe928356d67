// The writer on a disk that fails on demand: what fails is rolled back whole, retried, and written once.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/ledger.h"
#include "batch/reading.h"
#include "config/config.h"
#include "sqlite/shard.h"
#include "support/faulty_vfs.h"
#include "support/shard_reader.h"
#include "support/writer_rig.h"
#include "tables/database.h"

namespace fleet_sim::writer_faults_test {

using namespace fleet_sim::test;

TEST_CASE("a transaction that fails half-way is rolled back whole") {
  FaultyVfs vfs;
  // A cache so small that pages reach the log long before the commit.
  WriterRig rig({.vfs = vfs.name()}, [](config::Config& config) {
    config.write.batch_size = 1'000;
    config.sqlite.cache_kib = 64;
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
    rig.run_for(1 * second);
    CHECK(rig.has_first(0, written + 1'000));
  }
  CHECK(rig.errors() == 5);
  CHECK(rig.imbalance().empty());
}

// The fault moves through everything that opening, creating, writing, checkpointing and closing do.
TEST_CASE("whichever write fails, every row is there once and in order when the disk works again") {
  for (std::uint64_t nth = 1; nth <= 100; ++nth) {
    FaultyVfs vfs;
    WriterRig rig({.sensors = 3, .open_shards = 2, .vfs = vfs.name()}, [nth](config::Config& config) {
      // Waiting for the disk takes most of the time and changes no write; a few rounds do it.
      config.sqlite.synchronous = nth % 10 == 0 ? config::Synchronous::normal : config::Synchronous::off;
      config.sqlite.checkpoint_pages = 8;
      config.sqlite.page_size = 4'096;
    });
    vfs.fail_writes(nth, 1 + nth % 5, nth % 2 == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE);
    for (int round = 0; round < 8; ++round) {
      for (std::uint32_t sensor = 0; sensor < 3; ++sensor) rig.send(sensor, 7 + sensor);
      rig.run_for(300 * millisecond);
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
  const sqlite::ShardContext context{rig.roster, rig.config.sqlite, rig.run, {}};
  sqlite::Shard shard({rig.path_of(0)}, context);
  write::ShardRows rows;
  const auto stage = [&](Timestamp due) { rows.stage(batch::Reading{due, {1, 2, 3}, 0, std::nullopt}, {}); };
  stage(1);
  REQUIRE(shard.flush(rows.lot()).ok());
  rows.settle();
  run_sql(rig.path_of(0),
          "CREATE TRIGGER t BEFORE INSERT ON sensor_readings WHEN NEW.timestamp LIKE '%000039Z' "
          "BEGIN SELECT RAISE(ABORT, 'not this one'); END");
  for (Timestamp due = 2; due < 50; ++due) stage(due);
  const tables::StorageError error = shard.flush(rows.lot());
  CHECK((error.code & 0xFF) == SQLITE_CONSTRAINT);
  CHECK(error.message == "not this one");
  CHECK(rig.rows_in_file(0) == 1);
  CHECK(rows.readings().size() == 48);
  run_sql(rig.path_of(0), "DROP TRIGGER t");
  CHECK(shard.flush(rows.lot()).ok());
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
    CHECK(tables::StorageError{code, ""}.error_class() == error_class);
  }
  for (const auto& [reason, error_class] :
       {std::pair(EFBIG, ErrorClass::full), std::pair(ENOSPC, ErrorClass::full),
        std::pair(EROFS, ErrorClass::read_only), std::pair(EACCES, ErrorClass::read_only),
        std::pair(EIO, ErrorClass::io), std::pair(0, ErrorClass::io)}) {
    CAPTURE(reason);
    CHECK(tables::StorageError{SQLITE_IOERR_WRITE, "", reason}.error_class() == error_class);
    CHECK(tables::StorageError{SQLITE_CANTOPEN, "", reason}.error_class() == error_class);
    CHECK(tables::StorageError{SQLITE_BUSY, "", reason}.error_class() == ErrorClass::busy);
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
    rig.run_for(1 * second);
    CHECK(rig.errors(error_class) == 2);
    CHECK(rig.errors() == 2);
    CHECK(rig.has_everything());
  }
}

TEST_CASE("retries come later and later, and their running out is said once") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](config::Config& config) { config.write.error_limit = 1'000; });
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
    rig.send(event_of(batch::AnomalyEvent::Kind::whole, 1, attempt * second));
    rig.send(0, 1);
    rig.advance(std::min(whole / 2, wait) - 1);
    CHECK(rig.errors() == attempt);
    while (rig.errors() == attempt) rig.advance(10 * millisecond);
  }
}

TEST_CASE("a file that cannot even be opened is treated as one that cannot be written") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .vfs = vfs.name()});
  vfs.fail_opens("sensor-1");
  rig.send(0, 10);
  rig.send(1, 10);
  rig.run_for(1 * second);
  CHECK(rig.has_all(0));
  CHECK(rig.errors() > 3);
  vfs.heal();
  rig.run_for(2 * second);
  CHECK(rig.has_everything());
}

TEST_CASE(
    "inserting writes no temporary file, which could be slow, or fail where the shard's disk does not") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](config::Config& config) { config.write.batch_size = 200; });
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_IOERR_WRITE, "none but a file without a name");
  for (int i = 0; i < 50; ++i) {
    rig.send(0, 200);
    rig.step();
  }
  rig.finish();
  CHECK(vfs.failed() == 0);
  CHECK(rig.has_everything());
}

TEST_CASE("what a dead disk keeps from being written at the end is counted as lost") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 3, .vfs = vfs.name(), .launched = an_hour_ago()});
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

}  // namespace fleet_sim::writer_faults_test
