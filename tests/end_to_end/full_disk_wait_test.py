#!/usr/bin/env python3
"""A run without pace on a disk that fills up: it waits for space and loses nothing, until somebody wants it to end."""

import mounts
from faults import *

CANNOT_MOUNT = mounts.why_not()
WAITS = "waiting for space on the disk"


@unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
class FullDiskWait(FaultTest):
    def setUp(self):
        super().setUp()
        self.disk = mounts.SmallDisk(self.dir / "disk", 3_000)
        self.addCleanup(self.disk.close)
        self.data = self.disk.path / "data"

    def begin_history(self, *how):
        """Several times as much as the disk takes and the memory holds."""
        return self.begin("--duration", "2m", *how, env={"FLEET_SIM_DATABASE_PENDING_ROWS": "20000",
                                                         "FLEET_SIM_DATABASE_ERROR_LIMIT": "3"})

    def assert_waits(self, process):
        self.wait_for_line(process, WAITS)
        self.let_it_fail(process, 3)
        self.assertEqual(self.printed().count(WAITS), 1)

    def test_it_continues_when_there_is_space(self):
        process = self.begin_history("--speed", "max", "--start", "2026-01-01")
        self.assert_waits(process)
        self.disk.grow(100_000)
        self.assertEqual(process.wait(timeout=60), 0, self.printed())
        summary = Summary((self.dir / "stdout").read_text())
        self.assert_all_there(summary, "full")
        self.assertEqual(summary.due, 120 * PER_SECOND)
        self.assertNotIn("again", summary.lines)

    def test_at_its_very_end(self):
        """All has been generated, and what waits in memory is all that there is."""
        self.disk.fill()
        process = self.begin("--speed", "max", "--start", "2026-01-01", "--duration", "5s")
        self.assert_waits(process)
        self.disk.make_room()
        self.assertEqual(process.wait(timeout=60), 0, self.printed())
        self.assert_all_there(Summary((self.dir / "stdout").read_text()), "full")

    def test_while_it_fills_history(self):
        process = self.begin_history("--backfill", "2m", "--duration", "2s")
        self.assert_waits(process)
        self.disk.grow(100_000)
        self.assertEqual(process.wait(timeout=60), 0, self.printed())
        self.assert_all_there(Summary((self.dir / "stdout").read_text()), "full")

    def fill_sensor_by_sensor(self):
        """Files of which the disk takes about half."""
        process = self.begin_history("--speed", "max", "--start", "2026-01-01", "--shard-by", "sensor")
        self.wait_for_line(process, WAITS)
        self.let_it_fail(process, 3)
        self.assertIn("filling files sensor by sensor", self.printed())
        self.assertLessEqual(self.printed().count(WAITS), SENSORS)
        return process

    def assert_whole(self):
        """As though the disk had never been full."""
        undisturbed = self.dir / "undisturbed"
        arguments = [undisturbed if one == self.data else one for one in self.arguments("--duration", "2m")]
        self.fleet_sim(*arguments, "--speed", "max", "--start", "2026-01-01", "--shard-by", "sensor",
                       env={"FLEET_SIM_ANOMALIES_TYPES_MISSING_DATA_ENABLED": "false"})
        self.assertEqual(self.counted(self.data), self.counted(undisturbed))
        self.assertEqual(list(self.data.glob("*.db.new")), [])

    def test_files_filled_sensor_by_sensor_continue_when_there_is_space(self):
        process = self.fill_sensor_by_sensor()
        finished = {path: contents for path in shards(self.data) if (contents := path.read_bytes())[18:19] == b"\1"}
        self.assertTrue(finished)
        self.disk.grow(100_000)
        self.assertEqual(process.wait(timeout=60), 0, self.printed())
        self.assert_all_there(Summary((self.dir / "stdout").read_text()), "full")
        self.assert_whole()
        for path, contents in finished.items():
            self.assertEqual(path.read_bytes(), contents, f"{path.name} had its name before it was whole")

    def test_files_filled_sensor_by_sensor_are_resumed(self):
        """Killed where the disk is full."""
        process = self.fill_sensor_by_sensor()
        process.kill()
        process.wait()
        self.disk.grow(100_000)
        self.fleet_sim("--resume", "--data-dir", self.data)
        self.assert_whole()

    def test_files_filled_sensor_by_sensor_are_given_up(self):
        summary = self.stop(self.fill_sensor_by_sensor(), code=1)
        self.assertGreater(summary.lost, 0)
        self.assertIn("--seed 1 --start 2026-01-01T00:00:00.000000Z", summary.lines["again"])
        self.assertNotRegex(self.printed(), "File exists|error limit")
        self.disk.grow(100_000)
        self.assert_loss_counted(summary)

    def test_ctrl_c_ends_it_promptly(self):
        process = self.begin_history("--speed", "max", "--start", "2026-01-01")
        self.assert_waits(process)
        asked = time.monotonic()
        summary = self.stop(process, code=1)
        self.assertLess(time.monotonic() - asked, 15)
        self.assertIn("cut short", summary.lines["ended"])
        self.assertIn("--seed 1 --start 2026-01-01T00:00:00.000000Z", summary.lines["again"])
        self.disk.grow(100_000)
        self.assert_loss_counted(summary)


if __name__ == "__main__":
    main()
