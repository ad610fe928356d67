#!/usr/bin/env python3
"""Files that cannot be opened or made at the start: the run begins in memory, and moves to its files once it can."""

import mounts
from faults import *

CANNOT_MOUNT = mounts.why_not()


@unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
class FailingStart(FaultTest):
    def setUp(self):
        super().setUp()
        self.disk = mounts.SmallDisk(self.dir / "disk", 8_000)
        self.addCleanup(self.disk.close)
        self.data = self.disk.path / "data"
        self.data.mkdir()

    def assert_moves_to_its_files(self, word, recover):
        process = self.begin("--shard-by", "location")
        self.wait_for_line(process, "Site")
        self.let_it_fail(process, 2)
        recover()
        self.wait_for_rows(self.data, 3 * PER_SECOND, process, files=2)
        self.assert_all_there(self.stop(process), word)
        self.assertEqual(query_all(self.data, "SELECT count(*) FROM run_info"), [(1,), (1,)])

    def test_a_full_disk(self):
        self.disk.fill()
        self.assert_moves_to_its_files("full", self.disk.make_room)

    def test_a_read_only_folder(self):
        mounts.cover_read_only(self.data)
        self.assert_moves_to_its_files("read_only", lambda: mounts.uncover(self.data))

    def test_a_full_disk_with_files_of_an_earlier_run(self):
        self.fleet_sim(*self.arguments("--shard-by", "location", "--duration", 2, "--speed", "max", "--start", "2026-01-01"))
        before = self.rows()
        self.disk.fill()
        process = self.begin("--shard-by", "location")
        self.let_it_fail(process, 2)
        self.disk.make_room()
        self.wait_for_more(process, 3 * PER_SECOND)
        summary = self.stop(process)
        self.assertEqual((summary.lost, summary.written), (0, self.rows() - before))
        self.assert_each_once()
        self.assert_sound(self.data)

    def test_full_from_the_start_to_the_end(self):
        """Nothing could be kept: all of it is counted as lost."""
        self.disk.fill()
        ran = self.fleet_sim(*self.arguments("--duration", 3), code=1)
        self.assertEqual(ran.summary.written, 0)
        self.assertGreater(ran.summary.lost, 0)
        self.assertEqual(ran.summary.due, ran.summary.missing + ran.summary.lost)

    def test_one_file_of_two(self):
        """The other one is written to from the start."""
        self.disk.fill()
        self.data = self.dir / "data"
        self.data.mkdir()
        (self.data / "location=Site_1.db").symlink_to(self.disk.path / "one.db")
        process = self.begin("--shard-by", "location")
        healthy = self.data / "location=Site_0.db"
        self.wait_until(lambda: healthy.exists() and query(
            healthy, "SELECT 1 FROM sqlite_schema WHERE name = 'sensor_readings'"), process)
        self.wait_until(lambda: query(healthy, "SELECT count(*) FROM sensor_readings") > [(PER_SECOND,)], process)
        self.disk.make_room()
        self.wait_for_rows(self.data, 3 * PER_SECOND, process, files=2)
        self.assert_all_there(self.stop(process), "full")


if __name__ == "__main__":
    main()
