#!/usr/bin/env python3
"""A full disk under many files: they fail together, which is one fault and no reason to give up at once."""

import mounts
from faults import *

CANNOT_MOUNT = mounts.why_not()


@unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
class ManyShardsFull(FaultTest):
    def test_nothing_is_lost_within_the_bound_of_the_backlog(self):
        disk = mounts.SmallDisk(self.dir / "disk", 40_000)
        self.addCleanup(disk.close)
        self.data = disk.path / "data"
        process = self.begin("--shard-by", "sensor")
        self.wait_for_rows(self.data, 1, process, files=SENSORS)
        disk.fill()
        self.let_it_fail(process, 6)
        disk.make_room()
        self.wait_for_more(process, 7 * PER_SECOND, files=SENSORS)
        self.assert_all_there(self.stop(process), "full")


if __name__ == "__main__":
    main()
