#!/usr/bin/env python3
"""Files that are deleted, or made read-only, under the running process."""

import mounts
from faults import *

CANNOT_MOUNT = mounts.why_not()
CHATTR = shutil.which("chattr")
NOTICED_WITHIN = 3 * SECOND  # a flush interval, and a busy test machine


def now_micros():
    return round(time.time() * SECOND)


class LostFiles(FaultTest):
    def started(self, path):
        """Whether a file is there with rows in it."""
        return path.exists() and query(path, "SELECT 1 FROM sqlite_schema WHERE name = 'sensor_readings'") and query(
            path, "SELECT count(*) FROM sensor_readings") > [(0,)]

    def assert_continues_in(self, path, removed_at, process):
        """A new file at the old place, with all that was due since the loss was noticed."""
        self.wait_until(lambda: self.started(path), process, seconds=15)
        self.wait_until(lambda: query(path, "SELECT count(*) FROM sensor_readings") > [(PER_SECOND // 2,)], process)
        self.assertEqual(query(path, "SELECT count(*) FROM run_info"), [(1,)])
        ((first,),) = query(path, "SELECT min(timestamp) FROM sensor_readings")
        self.assertLess(micros(first), removed_at + NOTICED_WITHIN, "noticed late")

    def assert_no_gap(self, path):
        """From the first row of a file, every due time of each sensor is a row or lies in an anomaly."""
        missing = query(path, "SELECT sensor_id, started_at, coalesce(ended_at, '9999') FROM anomaly_events "
                              "WHERE anomaly_type = 'missing_data'")
        ((first, last),) = query(path, "SELECT min(timestamp), max(timestamp) FROM sensor_readings")
        for (sensor,) in query(path, "SELECT DISTINCT sensor_id FROM sensor_readings"):
            times = [at for (at,) in query(path, "SELECT timestamp FROM sensor_readings WHERE sensor_id = ? ORDER BY id",
                                           sensor)]
            for earlier, later in zip([first, *times], [*times, last]):
                if micros(later) - micros(earlier) > SECOND // RATE + (earlier is first or later is last) * SECOND:
                    self.assertTrue([1 for one, began, ended in missing
                                     if one == sensor and began <= later and ended >= earlier],
                                    f"{path.name}: {sensor} has no rows from {earlier} to {later}")

    def stop_and_check(self, process, rows_deleted):
        """The rows that somebody deleted had been written; no others are gone without being counted."""
        summary = self.stop(process)
        self.assertEqual(summary.lost, 0)
        self.assertEqual(summary.due, summary.written + summary.missing)
        self.assertGreaterEqual(summary.written, self.rows() + rows_deleted)
        self.assertLessEqual(summary.written, self.rows() + rows_deleted + NOTICED_WITHIN / SECOND * PER_SECOND)
        self.assert_each_once()
        self.assert_sound(self.data)
        for path in shards(self.data):
            self.assert_no_gap(path)

    def test_the_data_directory(self):
        process = self.begin("--shard-by", "location")
        self.wait_for_rows(self.data, PER_SECOND // 2, process, files=2)
        paths, rows, removed_at = shards(self.data), self.rows(), now_micros()
        shutil.rmtree(self.data, ignore_errors=True)  # a file may be begun anew meanwhile
        for path in paths:
            self.assert_continues_in(path, removed_at, process)
        output = (self.dir / "stderr").read_text()
        for path in paths:
            self.assertRegex(output, rf"warning.*{re.escape(path.name)}", "what happened to the file")
        self.stop_and_check(process, rows)

    def remove_one_of_two(self, with_log):
        process = self.begin("--shard-by", "location")
        self.wait_for_rows(self.data, PER_SECOND // 2, process, files=2)
        kept, removed = shards(self.data)
        ((rows,),) = query(removed, "SELECT count(*) FROM sensor_readings")
        removed_at = now_micros()
        for path in self.data.glob(removed.name + "*") if with_log else [removed]:
            path.unlink(missing_ok=True)
        self.assert_continues_in(removed, removed_at, process)
        self.assertRegex((self.dir / "stderr").read_text(), rf"warning.*{re.escape(removed.name)}")
        self.stop_and_check(process, rows)
        ((first,),) = query(kept, "SELECT min(timestamp) FROM sensor_readings")
        self.assertLess(micros(first), removed_at, "the other file is the one it was")

    def test_a_file_with_its_log(self):
        self.remove_one_of_two(with_log=True)

    def test_a_file_without_its_log(self):
        """Its write-ahead log stays: the rows in it belong to the file that is gone, and not to the new one."""
        self.remove_one_of_two(with_log=False)

    def test_at_full_speed(self):
        process = self.begin("--speed", "max", "--start", "2026-01-01", "--shard-by", "location")
        self.wait_for_rows(self.data, 20_000, process, files=2)
        kept, removed = shards(self.data)
        for path in self.data.glob(removed.name + "*"):
            path.unlink(missing_ok=True)
        self.wait_until(lambda: self.started(removed), process, seconds=15)
        summary = self.stop(process)
        self.assertEqual(summary.lost, 0)
        self.assertEqual(summary.due, summary.written + summary.missing)
        self.assert_each_once()
        self.assert_sound(self.data)
        for path in (kept, removed):
            self.assert_no_gap(path)

    def test_again_and_again(self):
        process = self.begin("--shard-by", "location")
        self.wait_for_rows(self.data, 1, process, files=2)
        removed = shards(self.data)[1]
        for _ in range(3):
            for path in self.data.glob(removed.name + "*"):
                path.unlink(missing_ok=True)
            self.wait_until(lambda: self.started(removed), process, seconds=15)
        summary = self.stop(process)
        self.assertEqual(summary.lost, 0)
        self.assert_each_once()
        self.assert_sound(self.data)

    @unittest.skipIf(CANNOT_MOUNT, f"nothing can be mounted here: {CANNOT_MOUNT}")
    def test_a_read_only_remount_and_back(self):
        """What is opened meanwhile is read-only: with one file open at a time that is every file, in turn."""
        process = self.begin("--shard-by", "sensor", env={"FLEET_SIM_DATABASE_MAX_OPEN_SHARDS": "1",
                                                              "FLEET_SIM_DATABASE_ERROR_LIMIT": "1000"})
        self.wait_for_rows(self.data, 1, process, files=SENSORS)
        mounts.cover_read_only(self.data)
        self.let_it_fail(process, 3)
        mounts.uncover(self.data)
        self.wait_for_more(process, 2 * PER_SECOND, files=SENSORS)
        self.assert_all_there(self.stop(process), "read_only")

    @unittest.skipUnless(CHATTR, "chattr is not installed")
    def test_a_file_that_may_not_be_changed_for_a_while(self):
        """Writes to a file that is open already fail, and those to the other one go on."""
        process = self.begin("--shard-by", "location")
        self.wait_for_rows(self.data, 1, process, files=2)
        healthy, sick = shards(self.data)
        locked = [path for path in self.data.glob(sick.name + "*") if path.suffix != ".db-shm"]
        if subprocess.run([CHATTR, "+i", *locked], capture_output=True).returncode != 0:
            self.skipTest("this file system or user knows no immutable files")
        self.addCleanup(subprocess.run, [CHATTR, "-i", *locked], capture_output=True)
        self.let_it_fail(process, 2)
        ((newest,),) = query(healthy, "SELECT max(timestamp) FROM sensor_readings")
        self.assertGreater(micros(newest), now_micros() - 3 * SECOND, "the other file waits, too")
        subprocess.run([CHATTR, "-i", *locked], check=True)
        self.wait_for_more(process, PER_SECOND, files=2)
        summary = self.stop(process)
        self.assert_balanced(summary, self.data)
        self.assert_each_once()
        self.assert_sound(self.data)
        self.assertGreater(summary.errors, 0, "nothing failed")


if __name__ == "__main__":
    main()
