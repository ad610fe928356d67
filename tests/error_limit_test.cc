// When a writer whose files go on failing gives up.
#include <doctest/doctest.h>

#include <cstdint>

#include "config/config.h"
#include "support/faulty_vfs.h"
#include "support/writer_rig.h"

namespace fleet_sim::error_limit_test {

using namespace fleet_sim::test;

TEST_CASE("so many rounds of retries without a successful write give up, once") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](config::Config& config) { config.write.error_limit = 5; });
  vfs.fail_writes(1, FaultyVfs::for_ever);
  rig.send(0, 10);
  rig.step();
  // A round is a flush and its 3 retries.
  while (rig.errors() < 19) rig.advance(10 * millisecond);
  CHECK(rig.gave_up == 0);
  while (rig.errors() < 20) rig.advance(10 * millisecond);
  CHECK(rig.gave_up == 1);
  CHECK(rig.log.back() == "error limit reached: 5 rounds of retries without a successful write");
  rig.run_for(60 * second);
  CHECK(rig.gave_up == 1);
}

TEST_CASE("many files that fail together are one fault and give up no earlier") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 20, .vfs = vfs.name()},
                [](config::Config& config) { config.write.error_limit = 5; });
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
  WriterRig rig({.sensors = 20, .pending_rows = 2'000, .vfs = vfs.name(), .launched = an_hour_ago()},
                [](config::Config& config) { config.write.error_limit = 3; });
  for (std::uint32_t sensor = 0; sensor < 20; ++sensor) rig.send(sensor, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL);
  for (std::uint32_t sensor = 0; sensor < 20; ++sensor) rig.send(sensor, 10);
  rig.run_for(600 * second);
  CHECK(rig.gave_up == 0);
  for (std::uint32_t sensor = 0; sensor < 20; ++sensor) rig.send(sensor, 30);
  rig.run_for(30 * second);
  CHECK(rig.ledger.books().lost() == 0);
  vfs.heal();
  rig.run_for(5 * second);
  CHECK(rig.has_everything());
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_FULL);
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t sensor = 0; sensor < 20; ++sensor) rig.send(sensor, 30);
    rig.run_for(60 * second);
  }
  CHECK(rig.ledger.books().lost() > 0);
  CHECK(rig.gave_up == 1);
}

TEST_CASE("a success between failures starts the count again") {
  FaultyVfs vfs;
  WriterRig rig({.sensors = 2, .vfs = vfs.name()},
                [](config::Config& config) { config.write.error_limit = 3; });
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_IOERR_WRITE, "sensor-0");
  rig.send(0, 10);
  // Sensor 1 succeeds more often than the rounds of sensor 0 end.
  for (int round = 0; round < 150; ++round) {
    rig.send(1, 10);
    rig.run_for(200 * millisecond);
  }
  CHECK(rig.errors() > 15);
  CHECK(rig.gave_up == 0);
  rig.run_for(30 * second);
  CHECK(rig.gave_up == 1);
}

}  // namespace fleet_sim::error_limit_test
