#!/usr/bin/env python3
"""A disk that does not answer, under one of sixteen files: the others are written as though nothing were wrong."""

import mounts
from faults import *

CANNOT_MOUNT = mounts.why_not()
SHARDS = 16
STOPPED_FOR = 12  # longer than the writer takes to call the shard degraded


@unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
class StalledDisk(FaultTest):
    def setUp(self):
        super().setUp()
        self.fleet = self.write_identities([identity(f"S{i:02}", location=f"Site {i:02}") for i in range(SHARDS)])
        try:
            self.disk = mounts.StoppingDisk(self.dir / "disk", 40)
        except subprocess.CalledProcessError as failure:
            self.skipTest(f"no file can be mounted here: {failure.stderr}")
        self.addCleanup(self.disk.close)

    def age(self, path):
        """How long ago the newest row was due."""
        return time.time() - micros(query(path, "SELECT max(timestamp) FROM sensor_readings")[0][0]) / SECOND

    def test_the_others_continue_and_nothing_is_lost(self):
        self.data.mkdir()
        stalled = self.data / "location=Site_05.db"
        stalled.symlink_to(self.disk.path / "shard.db")
        process = self.begin("--shard-by", "location", "--writers", 1)
        self.wait_for_rows(self.data, 1, process, files=SHARDS)
        others = [path for path in shards(self.data) if path != stalled]
        self.assertEqual(len(others), SHARDS - 1)

        self.disk.stop_for(STOPPED_FOR)
        ages = []
        while self.disk.is_stopped():
            ages += map(self.age, others)
            time.sleep(0.2)
        # Flushed each 200 ms; the rest is a busy machine. A writer that waits falls behind by STOPPED_FOR.
        self.assertLess(max(ages), 5)
        self.wait_for_line(process, "works again.*Site.05")
        summary = self.stop(process)
        self.assert_balanced(summary, self.data)
        self.assertEqual(summary.lost, 0)
        self.assert_each_once()
        self.assertRegex((self.dir / "stderr").read_text(), "does not respond; rows wait in memory.*Site.05")


if __name__ == "__main__":
    main()
