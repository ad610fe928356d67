#!/usr/bin/env python3
"""A disk that is full for a while: nothing is lost within the backlog's bound."""

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

    def test_one_full_disk_of_two_delays_only_its_own_file(self):
        disk = self.disk(4_000)
        self.data = self.dir / "data"
        self.data.mkdir()
        (self.data / "location=Site_1.db").symlink_to(disk.path / "one.db")
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
