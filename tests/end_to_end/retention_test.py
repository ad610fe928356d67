#!/usr/bin/env python3
"""Retention keeps the files of a running fleet small, beside a collector that gets every row, and all who read them know."""

import sys

from collecting import *

GROUND_TRUTH = SOURCE / "tests" / "ground_truth.py"


class Retention(CollectTest):
    def setUp(self):
        super().setUp()
        self.fleet = self.write_identities([identity(f"S{i:02}") for i in range(20)])

    def configure(self, retention, more=""):
        return self.write("retention.yaml", f"database:\n  retention: {retention}\n  page_size: 4096\n  flush_interval_ms: 50\n"
                                            f"anomalies: {{probability: 0.3}}\n{more}")

    def start_fleet(self, config, *more):
        process = self.start("--identities", self.fleet, "--config", config, "--data-dir", "data", "--shard-by", "hash:2",
                             "--seed", 3, *more)
        self.wait_for_rows(self.data, 1, process, files=2)
        return process

    def deleted(self, what="readings"):
        try:
            return total(self.data, f"SELECT {what} FROM deletions")
        except sqlite3.OperationalError:
            return 0  # nothing in one of the files yet

    def file_bytes(self):
        return [path.stat().st_size for path in shards(self.data)]

    def check_ground_truth(self, code=0):
        ran = subprocess.run([sys.executable, "-B", GROUND_TRUTH, self.data, "--identities", self.fleet], capture_output=True,
                             text=True, timeout=120)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        return ran.stdout

    def stays_small(self):
        """Whether files make room for 15,000 rows, 900 kB for each, out of what is deleted meanwhile."""
        earlier = self.file_bytes()
        before = self.deleted()
        self.wait_until(lambda: self.deleted() > before + 15_000, "15,000 more deleted")
        return all(size < bytes_before + 400_000 for size, bytes_before in zip(self.file_bytes(), earlier))

    def test_a_collector_gets_every_row_and_the_files_stay_small(self):
        limit = 500_000
        process = self.start_fleet(self.configure(f"{{shard_bytes: {limit}}}"), "--rate", 200, "--duration", 0)
        # About 500 kB a second: several times the limit. Nobody has collected a row yet, so none may go.
        self.wait_until(lambda: min(self.file_bytes()) > limit + 50_000, "beyond the limit")
        time.sleep(1.5)  # a turn of retention's, at least
        self.assertEqual(self.deleted(), 0)
        collector = self.start_collecting("--watch", "--interval", 0.1)
        self.wait_until(lambda: self.deleted() > 10_000, "10,000 rows deleted")
        # The collector may have to catch up first, and the files grow meanwhile.
        self.assertTrue(any(self.stays_small() for _ in range(5)), "the files grow as though nothing were deleted")
        summary = self.stop(process)
        collector.send_signal(signal.SIGINT)
        printed, errors = collector.communicate(timeout=30)
        self.assertEqual((collector.returncode, errors), (0, ""), printed)
        self.collect()
        self.assertEqual((summary.errors, summary.lost), (0, 0))
        deleted = self.deleted()
        self.assertEqual(summary.deleted, deleted)
        left = self.in_shards()
        self.assertEqual(len(left) + deleted, summary.written)
        central = self.central_rows()
        self.assertEqual((len(central), len(set(central))), (summary.written, summary.written))
        self.assertEqual(set(left) - set(central), set())
        # Nor has any ground truth been deleted before it was collected, as it ended.
        self.assertGreater(self.deleted("events"), 0)
        self.assertEqual(len(self.central_events()), summary.anomalies)
        self.assertEqual(set(self.events_in_shards()) - set(self.central_events()), set())
        never_ended = [event for event in self.central_events() if event[7] is None]
        self.assertEqual(never_ended, [event for event in self.events_in_shards() if event[7] is None])
        self.assert_sound(self.data)
        log = (self.dir / "log" / "fleet-sim.log").read_text()
        reported = sum(map(int, re.findall(r"readings_deleted=(\d+)", log)))
        self.assertEqual(reported, deleted, "the log says what was deleted")

    @not_under_thread_sanitizer
    def test_events_wait_for_a_collector_that_has_been_there(self):
        """Readings may go uncollected here; the ground truth stays until it has arrived, and goes then."""
        config = self.configure("{age_seconds: 300, only_synced: false}")
        arguments = ("--identities", self.fleet, "--config", config, "--data-dir", "data", "--shard-by", "hash:2", "--seed", 3)
        first = self.fleet_sim(*arguments, "--start", "2026-01-01", "--speed", "max", "--duration", "1m")
        self.collect()
        second = self.fleet_sim(*arguments, "--start", "2026-01-02", "--speed", 1000, "--duration", "40m")
        self.assertGreater(self.deleted(), 10_000)
        of_second = "SELECT count(*) FROM anomaly_events WHERE id >= (SELECT max(first_event_id) FROM run_info)"
        self.assertEqual(total(self.data, of_second), second.summary.anomalies)
        self.collect()
        self.assertEqual(len(self.central_events()), first.summary.anomalies + second.summary.anomalies)
        self.fleet_sim(*arguments, "--start", "2026-01-03", "--speed", 1000, "--duration", "1h")
        self.assertLess(total(self.data, "SELECT count(*) FROM anomaly_events WHERE started_at < '2026-01-03'"),
                        second.summary.anomalies / 10)

    def fill_with_retention(self):
        """40 minutes, of which many have been deleted by age."""
        config = self.configure("{age_seconds: 300, only_synced: false}")
        self.fleet_sim("--identities", self.fleet, "--config", config, "--data-dir", "data", "--shard-by", "hash:2",
                       "--seed", 3, "--start", "2026-01-01", "--speed", 1000, "--duration", "40m")
        self.assertGreater(self.deleted(), 10_000)
        self.assertGreater(self.deleted("events"), 100)

    @not_under_thread_sanitizer
    def test_those_who_read_it_know(self):
        self.fill_with_retention()
        deleted, events = self.deleted(), self.deleted("events")
        self.check_ground_truth()
        until = max(query_all(self.data, "SELECT until FROM deletions"))[0]
        self.assertIn(f"  deleted         {deleted:,} readings and {events:,} events by database.retention, up to {until}\n",
                      self.fleet_sim("report", "data").stdout)
        report = json.loads(self.fleet_sim("report", "data", "--json").stdout)
        self.assertEqual((report["deleted"]["readings"], report["deleted"]["events"]), (deleted, events))
        self.assertEqual(report["gaps"]["count"], 0)
        digest = self.digest(self.data)
        self.assertEqual(digest["deleted"], {"readings": deleted, "events": events})
        self.assertIn("deleted by database.retention", self.fleet_sim("digest", "data").stdout)
        # A table that says too much, and a row too few, show.
        path = shards(self.data)[0]
        query(path, "UPDATE deletions SET readings = readings + 1")
        self.assertIn("were deleted, but", self.check_ground_truth(code=1))
        query(path, "UPDATE deletions SET readings = readings - 1")
        query(path, "DELETE FROM sensor_readings WHERE id = (SELECT max(id) - 100 FROM sensor_readings)")
        self.assertIn("no row", self.check_ground_truth(code=1))

    def test_a_killed_run_continues(self):
        config = self.configure("{age_seconds: 300, only_synced: false}")
        arguments = ("--start", "2026-01-01", "--speed", 1000, "--duration", "45m")
        process = self.start_fleet(config, *arguments)
        self.wait_until(lambda: self.deleted() > 10_000, "10,000 rows deleted")
        process.kill()
        process.wait()
        ids = {path: query(path, "SELECT max(id) FROM sensor_readings")[0][0] for path in shards(self.data)}
        self.fleet_sim("--identities", self.fleet, "--config", config, "--data-dir", "data", "--shard-by", "hash:2", "--seed", 3,
                       "--resume", *arguments)
        self.check_ground_truth()
        for path, last in ids.items():
            self.assertGreater(query(path, "SELECT max(id) FROM sensor_readings")[0][0], last)

    @not_under_thread_sanitizer
    def test_a_run_whose_rows_are_missing_where_it_would_resume_is_refused(self):
        self.fill_with_retention()
        # As though one file had come no further than five minutes, when the process was killed.
        query(shards(self.data)[0], "DELETE FROM deletions")
        query(shards(self.data)[0], "UPDATE sensor_readings SET timestamp = '2026-01-01T00:05:00.000000Z'")
        config = self.dir / "retention.yaml"
        ran = self.fleet_sim("--identities", self.fleet, "--config", config, "--data-dir", "data", "--shard-by", "hash:2",
                             "--seed", 3, "--start", "2026-01-01", "--speed", 1000, "--duration", "40m", "--resume", code=2)
        self.assertRegex(ran.stderr, "but database.retention has deleted the rows of ")

    def test_nothing_is_deleted_unless_asked_for(self):
        self.fill("data", "--duration", "10m")
        self.assertEqual(query(self.data / "sensor_data.db", "SELECT name FROM sqlite_schema WHERE name = 'deletions'"), [])


if __name__ == "__main__":
    main()
