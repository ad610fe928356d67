#!/usr/bin/env python3
"""A disk that is full, for a while or for good: nothing is lost within the backlog's bound, and nothing in silence."""

import mounts
from faults import *

CANNOT_MOUNT = mounts.why_not()


@unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
class FullDisk(FaultTest):
    def disk(self, kilobytes):
        disk = mounts.SmallDisk(self.dir / "disk", kilobytes)
        self.addCleanup(disk.close)
        self.data = disk.path / "data"
        return disk

    def test_it_fills_up_and_grows(self):
        disk = self.disk(1_000)
        process = self.begin()
        self.wait_until(lambda: disk.free() < 32_768, process)
        self.let_it_fail(process, 2)
        disk.grow(50_000)
        self.wait_for_more(process, 2 * PER_SECOND)
        self.assert_all_there(self.stop(process), "full")

    def test_full_again_and_again(self):
        disk = self.disk(20_000)
        process = self.begin("--shard-by", "location")
        self.wait_for_rows(self.data, 1, process, files=2)
        for _ in range(3):
            disk.fill()
            self.let_it_fail(process, 1.5)
            disk.make_room()
            self.wait_for_more(process, PER_SECOND)
        self.assert_all_there(self.stop(process), "full")

    def test_stopped_while_it_is_full(self):
        """What was held in memory cannot be kept; it is counted, and the run has failed."""
        disk = self.disk(20_000)
        process = self.begin()
        self.wait_for_rows(self.data, 1, process)
        disk.fill()
        self.let_it_fail(process, 3)
        summary = self.stop(process, code=1)
        disk.make_room()
        self.assert_loss_counted(summary)
        self.assertGreater(summary.lost, PER_SECOND)

    def test_a_backlog_beyond_its_bound_is_counted(self):
        disk = self.disk(20_000)
        process = self.begin(env={"FLEET_SIM_DATABASE_PENDING_ROWS": "2000", "FLEET_SIM_DATABASE_ERROR_LIMIT": "1000"})
        self.wait_for_rows(self.data, 1, process)
        disk.fill()
        self.let_it_fail(process, 5)  # five thousand readings
        disk.make_room()
        self.wait_for_more(process, 2 * PER_SECOND)
        summary = self.stop(process, code=1)
        self.assert_loss_counted(summary)
        self.assertIn("lost", (self.dir / "stderr").read_text())

    def test_full_for_good_at_full_speed(self):
        """The error limit ends it, and the books balance."""
        disk = self.disk(4_000)
        process = self.begin("--speed", "max", "--start", "2026-01-01", env={"FLEET_SIM_DATABASE_ERROR_LIMIT": "3"})
        self.assertEqual(process.wait(timeout=90), 1, self.printed())
        disk.grow(50_000)
        self.assert_loss_counted(Summary((self.dir / "stdout").read_text()))

    def test_one_full_disk_of_two_delays_only_its_own_file(self):
        disk = self.disk(4_000)
        self.data = self.dir / "data"
        self.data.mkdir()
        (self.data / "location=Site+1.db").symlink_to(disk.path / "one.db")
        process = self.begin("--shard-by", "location")
        self.wait_for_rows(self.data, 1, process, files=2)
        healthy, sick = shards(self.data)
        disk.fill()
        slowest, until = 0, time.monotonic() + 4
        while time.monotonic() < until:
            ((newest,),) = query(healthy, "SELECT max(timestamp) FROM sensor_readings")
            slowest = max(slowest, time.time() * SECOND - micros(newest))
            time.sleep(0.02)
        self.assertLess(slowest, 4 * SECOND, "the flush interval is a second, and a test machine may be busy")
        disk.make_room()
        ((before,),) = query(sick, "SELECT count(*) FROM sensor_readings")
        self.wait_until(lambda: query(sick, "SELECT count(*) FROM sensor_readings") > [(before + 2 * PER_SECOND,)], process)
        self.assert_all_there(self.stop(process), "full")


if __name__ == "__main__":
    main()
