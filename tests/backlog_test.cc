// The rows that wait in memory for shards that are locked or fail: how many there may be, which give way
// when they are too many, and that the others are written once and in order.
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "batch/reading.h"
#include "config/config.h"
#include "support/faulty_vfs.h"
#include "support/shard_reader.h"
#include "support/writer_rig.h"

namespace fleet_sim::backlog_test {

using namespace fleet_sim::test;

// Steps through `span` of the end, as the writer's thread would. False once that is over.
static bool winds_up(WriterRig& rig, SteadyTime& now, std::chrono::seconds span) {
  for (const SteadyTime until = now + span; now < until;) {
    const std::optional<SteadyTime> next = rig.writer().wind_up(now);
    if (!next) return false;
    now = std::max(now + std::chrono::milliseconds(1), *next);
  }
  return true;
}

TEST_CASE("every attempt that fails and every file that is opened or closed is a detail of the log") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .open_shards = 1, .vfs = vfs.name()});
  const std::string one = rig.path_of(0);
  const std::string other = rig.path_of(1);
  rig.send(0, 10);
  rig.step();
  rig.send(1, 10);
  rig.step();
  CHECK(rig.details == std::vector{one + ": opened", one + ": closed for now", other + ": opened"});
  rig.details.clear();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, "sensor-1");
  rig.send(1, 10);
  rig.step();
  REQUIRE(rig.details.size() == 2);
  CHECK(rig.details[0] == other + ": closed for now");
  CHECK(rig.details[1].starts_with(other + ": write failed, retrying soon: "));
  CHECK(rig.log.empty());
  vfs.heal();
}

TEST_CASE("when retries run out rows wait, and all are written in order once the disk works") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .vfs = vfs.name(), .launched = an_hour_ago()},
                [](config::Config& config) { config.write.error_limit = 1'000; });
  rig.send(0, 10);
  rig.send(1, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, "sensor-0");
  for (int round = 0; round < 40; ++round) {
    rig.send(0, 10);
    rig.send(1, 10);
    rig.run_for(500 * millisecond);
    CHECK(rig.has_all(1));
    CHECK(rig.has_first(0, 10));
  }
  REQUIRE(rig.log.size() == 1);
  CHECK(rig.log[0].starts_with(rig.path_of(0) + ": cannot be written; rows wait in memory: "));
  CHECK(rig.writer().held() == 400);
  CHECK(rig.ledger.books().lost() == 0);
  vfs.heal();
  rig.run_for(2 * second);
  CHECK(rig.has_everything());
  REQUIRE(rig.log.size() == 2);
  CHECK(rig.log[1] == rig.path_of(0) + ": works again; backlog written");
  CHECK(rig.writer().held() == 0);
  // As healthy as before.
  rig.send(0, 10);
  rig.step();
  CHECK(rig.has_everything());
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a fleet without pace waits for space on a full disk, says so once, and continues") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .pending_rows = 40, .vfs = vfs.name()},
                [](config::Config& config) { config.write.error_limit = 3; });
  rig.send(0, 10);
  rig.send(1, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, "sensor-0");
  for (int round = 0; round < 10; ++round) {
    rig.send(0, 10);
    rig.run_for(60 * second);
    CHECK(rig.writer().held() <= 30);  // half of what may wait, and a batch
  }
  REQUIRE(rig.log.size() == 1);
  CHECK(rig.log[0].starts_with(rig.path_of(0) + ": waiting for space on the disk: "));
  CHECK(rig.gave_up == 0);
  CHECK(rig.ledger.books().lost() == 0);
  vfs.heal();
  rig.run_for(5 * second);
  CHECK(rig.has_everything());
  REQUIRE(rig.log.size() == 2);
  CHECK(rig.log[1] == rig.path_of(0) + ": works again; backlog written");
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a fleet without pace waits for space at its end, too, whenever the disk became full") {
  for (const bool before_the_end : {true, false}) {
    FaultyVfs vfs;
    WriterRig rig({.vfs = vfs.name()});
    rig.send(0, 10);
    rig.step();
    vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL);
    rig.send(0, 15);
    rig.step();
    if (before_the_end) rig.run_for(10 * second);
    SteadyTime now = rig.now();
    CHECK(winds_up(rig, now, std::chrono::seconds(600)));
    CHECK(rig.ledger.books().lost() == 0);
    CHECK(rig.log.size() == 1);
    vfs.heal();
    CHECK_FALSE(winds_up(rig, now, std::chrono::seconds(5)));
    CHECK(rig.has_everything());
  }
}

TEST_CASE("a fleet without pace that is to end waits no longer, and what cannot be written is counted") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .pending_rows = 40, .vfs = vfs.name()});
  rig.send(0, 10);
  rig.send(1, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL, "sensor-0");
  for (int round = 0; round < 10; ++round) {
    rig.send(0, 10);
    rig.send(1, 10);
    rig.run_for(60 * second);
  }
  CHECK_FALSE(rig.has_all(1));  // it waits with the other one
  rig.writer().stop_waiting();
  rig.run_for(5 * second);
  CHECK(rig.writer().queue().empty());
  CHECK(rig.has_all(1));
  SteadyTime now = rig.now();
  CHECK_FALSE(winds_up(rig, now, std::chrono::seconds(5)));
  CHECK(rig.has_first(0, 10));
  CHECK(rig.ledger.books().lost() == 100);
  CHECK(rig.imbalance().empty());
}

TEST_CASE("at the end a backlog is tried as though its disk had only begun to fail") {
  constexpr int attempts = 1 + 4;  // one that is due anyway, then another and its three retries
  for (const int failures : {attempts - 1, attempts}) {
    FaultyVfs vfs;
    WriterRig rig({.vfs = vfs.name()}, [](config::Config& config) { config.write.error_limit = 1'000; });
    vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_IOERR_WRITE);
    rig.send(0, 30);
    rig.run_for(20 * second);
    REQUIRE(rig.writer().held() == 30);
    vfs.fail_writes(1, failures, SQLITE_IOERR_WRITE);
    rig.finish();
    CHECK(rig.ledger.books().written == (failures < attempts ? 30 : 0));
    CHECK(rig.ledger.books().lost() == (failures < attempts ? 0 : 30));
    CHECK(rig.imbalance().empty());
  }
}

TEST_CASE("at the end a lock has its time to end, however long it has been held") {
  WriterRig rig({}, [](config::Config& config) { config.write.error_limit = 1'000; });
  rig.send(0, 10);
  rig.step();
  tables::Database collector = opened(rig.path_of(0));
  REQUIRE(collector.execute("BEGIN IMMEDIATE").ok());
  rig.send(0, 20);
  rig.run_for(60 * second);
  REQUIRE(rig.writer().held() == 20);
  const SteadyTime ends = rig.now() + std::chrono::seconds(4);  // the busy timeout is 5 s
  bool locked = true;
  for (auto next = rig.writer().wind_up(rig.now()); next; next = rig.writer().wind_up(*next)) {
    if (locked && *next >= ends) REQUIRE(collector.execute("ROLLBACK").ok());
    locked = locked && *next < ends;
  }
  CHECK(rig.has_everything());
  CHECK(rig.ledger.books().lost() == 0);
}

TEST_CASE("beyond the backlog's bound rows are counted as lost, and the oldest are kept") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .pending_rows = 200, .vfs = vfs.name()},
                [](config::Config& config) { config.write.error_limit = 1'000; });
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
  rig.run_for(3 * second);
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
                [](config::Config& config) { config.write.error_limit = 1'000; });
  vfs.fail_opens("sensor-0");
  rig.send(0, 10);
  rig.run_for(2 * second);
  batch::AnomalyEvent event{};
  event.kind = batch::AnomalyEvent::Kind::whole;
  for (int i = 0; i < 300; ++i) {
    event.started_at = event.ended_at = WriterRig::first_due + i;
    rig.send(event);
    rig.step();
  }
  CHECK(rig.ledger.books().events_lost == 210);
  vfs.heal();
  rig.run_for(3 * second);
  CHECK(rig.has_all(0));
  CHECK(query(rig.path_of(0), "SELECT count(*), count(DISTINCT started_at) FROM anomaly_events") ==
        std::vector<std::string>{"90|90"});
}

namespace {

// Lets one shard after the other run out of retries with so many rows.
void exhaust_with_rows(WriterRig& rig, std::uint32_t sensors, std::size_t rows) {
  for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) {
    rig.send(sensor, rows);
    rig.run_for(3 * second);
  }
}

}  // namespace

TEST_CASE("what shards bring along when their retries run out stays within the bound, the oldest of each") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 5, .pending_rows = 200, .vfs = vfs.name(), .launched = an_hour_ago()},
                [](config::Config& config) {
                  config.write.error_limit = 1'000;
                  config.write.batch_size = 1'000;
                });
  for (std::uint32_t sensor = 0; sensor < 5; ++sensor) rig.send(sensor, 10);
  rig.run_for(1 * second);
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL);
  exhaust_with_rows(rig, 2, 100);
  // Everything fits, although the backlog is more than half of it.
  CHECK(rig.writer().held() == 200);
  CHECK(rig.ledger.books().lost() == 0);
  rig.send(2, 60);
  rig.step();
  CHECK(rig.writer().held() == 200);
  CHECK(rig.ledger.books().lost_by_reason[static_cast<std::size_t>(LossReason::backlog_full)] == 60);
  rig.run_for(3 * second);
  exhaust_with_rows(rig, 5, 60);
  CHECK(rig.writer().held() == 200);
  CHECK(rig.imbalance().empty());
  const std::uint64_t lost = rig.ledger.books().lost();
  vfs.heal();
  rig.run_for(5 * second);
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
  WriterRig rig({.sensors = 2, .pending_rows = 200, .vfs = vfs.name()}, [](config::Config& config) {
    config.write.error_limit = 1'000;
    config.write.batch_size = 1'000;
    config.sqlite.synchronous = config::Synchronous::full;
  });
  rig.send(0, 10);
  rig.send(1, 10);
  rig.run_for(1 * second);
  // The rows are in the log, but waiting for the disk fails.
  vfs.fail(DiskCall::sync, 1, FaultyVfs::for_ever, SQLITE_IOERR_FSYNC, "-wal");
  exhaust_with_rows(rig, 2, 100);
  exhaust_with_rows(rig, 2, 100);
  CHECK(rig.writer().held() <= 200);
  vfs.heal();
  rig.send(0, 5);
  rig.run_for(5 * second);
  for (std::uint32_t sensor = 0; sensor < 2; ++sensor) {
    CHECK(query(rig.path_of(sensor), "SELECT count(*) - count(DISTINCT timestamp) FROM sensor_readings") ==
          std::vector<std::string>{"0"});
  }
  CHECK(rig.imbalance().empty());
}

TEST_CASE("deliveries whose commit is in doubt are not written twice where nothing came with them") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](config::Config& config) {
    config.delivery.drop = 0.5;
    config.sqlite.synchronous = config::Synchronous::full;
  });
  const auto send = [&](std::uint64_t sequence) {
    rig.send(batch::Delivery{.due = WriterRig::first_due + static_cast<Microseconds>(sequence),
                             .arrived_at = {},
                             .sequence = sequence,
                             .readings = 1,
                             .sensor = 0,
                             .kind = batch::Delivery::Kind::drop});
  };
  send(1);
  rig.run_for(2 * second);
  // The rows are in the log, but waiting for the disk fails.
  vfs.fail(DiskCall::sync, 1, 1, SQLITE_IOERR_FSYNC, "-wal");
  send(2);
  send(3);
  rig.run_for(3 * second);
  vfs.heal();
  rig.run_for(5 * second);
  send(4);
  rig.finish();
  CHECK(query(rig.path_of(0), "SELECT sequence FROM deliveries ORDER BY id") ==
        std::vector<std::string>{"1", "2", "3", "4"});
}

TEST_CASE("while a shard is being retried nothing is lost: the writer takes no more than its memory holds") {
  WriterRig rig({.pending_rows = 100});
  rig.send(0, 10);
  rig.step();
  tables::Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  for (int round = 0; round < 30; ++round) {
    rig.send(0, 10);
    // With batches waiting and no room for them, it does not ask to be called again at once forever.
    const SteadyTime next = rig.step();
    if (rig.writer().held() >= 50) CHECK(next > rig.now());
    rig.run_for(10 * millisecond);
  }
  CHECK(rig.writer().held() == 50);
  CHECK_FALSE(rig.writer().queue().empty());
  CHECK(rig.ledger.books().lost() == 0);
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.run_for(2 * second);
  CHECK(rig.has_all(0));
  CHECK(rig.imbalance().empty());
}

TEST_CASE("healthy rows that fill the memory are committed early and none is lost") {
  WriterRig rig({.sensors = 4, .pending_rows = 100}, [](config::Config& config) {
    config.write.batch_size = 1'000;
    config.write.flush_interval_ms = 60'000;
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

}  // namespace fleet_sim::backlog_test
