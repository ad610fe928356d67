#!/usr/bin/env python3
"""A disk that is full for too long, or for good: what is lost is counted, and the run has failed."""

import mounts
from faults import *

CANNOT_MOUNT = mounts.why_not()


@unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
class FullDiskLoss(FaultTest):
    def disk(self, kilobytes):
        disk = mounts.SmallDisk(self.dir / "disk", kilobytes)
        self.addCleanup(disk.close)
        self.data = disk.path / "data"
        return disk

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

    def test_what_was_lost_can_be_made_again(self):
        """With the seed and the start that the summary names, in another folder."""
        disk = self.disk(20_000)
        process = self.begin("--duration", 3600)
        self.wait_for_rows(self.data, 1, process)
        disk.fill()
        self.let_it_fail(process, 2)
        summary = self.stop(process, code=1)
        again = re.search(r"--seed (\d+) --start (\S+) and another --data-dir", summary.lines["again"])
        self.fleet_sim("--identities", self.fleet, "--data-dir", "again", "--rate", RATE, "--speed", "max", "--count",
                       summary.due, "--seed", again[1], "--start", again[2],
                       env={"FLEET_SIM_ANOMALIES_TYPES_MISSING_DATA_ENABLED": "false"})
        disk.make_room()
        columns = "SELECT timestamp, sensor_id, temperature, vibration, voltage, anomaly_type FROM sensor_readings"
        kept, made = (set(query_all(folder, columns)) for folder in (self.data, self.dir / "again"))
        self.assertLess(kept, made)
        self.assertEqual(len(made), summary.due)


if __name__ == "__main__":
    main()
