#!/usr/bin/env python3
"""scripts/collect moves every row to one SQLite database exactly once, whoever is killed meanwhile."""

import random
import resource

from collecting import *


RUN_COLUMNS = "run_id, seed, version, config, config_hash, start, began_at, fleet_size, partition, shard_by, fleet_hash"


class Collect(CollectTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(None if AT_LENGTH else 7)

    def start_fleet(self, *more):
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--shard-by", "manufacturer", "--duration", 0,
                             *more, env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "20"})
        self.wait_for_rows(self.data, 1, process, files=3)
        return process

    def test_once(self):
        self.fill("data", "--duration", "5m", "--shard-by", "location")
        rows = total(self.data, "SELECT count(*) FROM sensor_readings")
        ran = self.collect()
        self.assertEqual((ran.copied, ran.already_there), (rows, 0), ran.stdout)
        self.assertIn(f"{rows:,} rows from 10 shards", ran.stdout)
        lag = float(re.search(r"^  lag +([\d.]+) s", ran.stdout, re.MULTILINE)[1])
        self.assertAlmostEqual(lag, 300, delta=5)  # everything was still to be collected
        self.assertIn("0 rows left", ran.stdout)
        self.assert_collected()
        again = self.collect()
        self.assertEqual((again.copied, again.already_there), (0, 0))
        self.assert_collected()

    def test_collectors_killed_while_the_fleet_writes(self):
        fleet = self.start_fleet("--rate", 100)
        self.kill_collectors(25 if AT_LENGTH else 8, fleet)
        summary = self.stop(fleet)
        self.assertEqual((summary.errors, summary.lost), (0, 0))
        self.assertGreater(len(self.central_rows()), 200, "killed too early to show anything")
        self.collect()
        self.assert_collected()

    def test_the_fleet_killed_while_a_collector_works(self):
        for attempt in range(4):
            process = self.start_fleet("--rate", 100, "--resume", "--seed", 5)
            if attempt == 0:
                collector = self.start_collecting("--watch", "--batch-size", 50, "--interval", 0.01)
            time.sleep(self.random.uniform(0.1, 0.5))
            process.kill()
            process.wait()
        collector.send_signal(signal.SIGINT)
        printed, errors = collector.communicate(timeout=30)
        self.assertEqual((collector.returncode, errors), (0, ""), printed)
        self.collect()
        self.assert_collected()

    def kill_while_waiting_for(self, path, reached):
        """Kills a collector that waits for a lock on this file, once `reached` holds."""
        locked = connect(path)
        locked.execute("BEGIN IMMEDIATE")
        collector = self.start_collecting("--batch-size", 100)
        self.wait_until(reached, "at the lock")
        time.sleep(0.3)
        self.assertIsNone(collector.poll(), "should wait for the lock")
        collector.kill()
        collector.wait()
        locked.execute("ROLLBACK")
        locked.close()

    def test_killed_between_the_two_databases(self):
        self.fill("data", "--duration", "2m")
        path = self.data / "sensor_data.db"

        def count():
            try:
                return len(self.central_rows())
            except sqlite3.OperationalError:
                return 0  # still being made
        self.kill_while_waiting_for(path, lambda: count() == 100)
        self.assertEqual(self.marked(), 0)
        ran = self.collect()
        self.assertEqual(ran.already_there, 100)
        self.assert_collected()

    def test_killed_before_the_central_database_has_the_rows(self):
        self.data.mkdir()
        self.collect()  # makes the central database
        self.fill("data", "--duration", "2m")
        self.kill_while_waiting_for(self.dir / self.into, lambda: True)
        self.assertEqual(self.marked(), 0, "marked before it was safe")
        self.assertEqual(self.collect().already_there, 0)
        self.assert_collected()

    def test_locks_are_waited_for(self):
        self.fill("data", "--duration", "10s")
        for path in (self.data / "sensor_data.db", self.dir / self.into):
            with self.subTest(path.name):
                query(self.data / "sensor_data.db", "UPDATE sensor_readings SET synced = 0")
                connection = sqlite3.connect(path, isolation_level=None)
                connection.execute("PRAGMA journal_mode = WAL")  # as while a fleet writes
                connection.execute("BEGIN IMMEDIATE")
                collector = self.start_collecting()
                time.sleep(1.5)  # beyond a single wait of SQLite's
                self.assertIsNone(collector.poll())
                connection.execute("ROLLBACK")
                connection.close()
                printed, errors = collector.communicate(timeout=30)
                self.assertEqual((collector.returncode, errors), (0, ""), printed)
                self.assert_collected()

    def test_shards_that_appear_and_files_that_are_none(self):
        self.data.mkdir()
        collector = self.start_collecting("--watch", "--interval", 0.05)
        self.fill("data", "--duration", "10s", "--shard-by", "firmware")
        aside = self.data / "firmware=1.3.db.corrupt-20261123T114200Z"
        shutil.copy(self.data / "firmware=1.3.db", aside)
        kept = aside.read_bytes()
        self.wait_until(lambda: total(self.data, "SELECT count(*) FROM sensor_readings WHERE synced = 0") == 0, "collected")
        collector.send_signal(signal.SIGTERM)
        printed, errors = collector.communicate(timeout=30)
        self.assertEqual((collector.returncode, errors), (0, ""), printed)
        self.assertIn("from 2 shards", printed)
        self.assertEqual(aside.read_bytes(), kept)
        self.assert_collected()

    def test_a_file_that_is_no_shard_keeps_no_other_waiting(self):
        self.fill("data", "--duration", "10s", "--shard-by", "firmware")
        rows = len(self.in_shards())
        sqlite3.connect(self.data / "a.db").execute("CREATE TABLE other (x)").connection.close()
        (self.data / "b.db").write_text("no database" * 1000)
        ran = self.collect(code=1)
        self.assertEqual(ran.copied, rows)
        self.assertEqual(ran.stderr.count("\n"), 2, ran.stderr)
        self.assertIn("a.db: is not a shard", ran.stderr)
        self.assertIn("b.db: file is not a database", ran.stderr)

    def test_rows_that_fleet_sim_has_not_written_keep_no_others_waiting(self):
        self.fill("data", "--duration", "10s", "--shard-by", "firmware")
        rows = len(self.in_shards())
        columns = ", ".join(name for name, _ in COLUMNS if name != "synced") + ", synced DEFAULT 0"
        good = "2026-01-01T00:00:00.000000Z"
        strange = {"a": (good, b"S", "r", "1/2", 1), "b": (5, "S", "r", "1/1", 1), "c": (good, None, "r", "1/1", 1),
                   "d": ("2026-01-01", "S", "r", "1/1", 1), "e": (good, "S", "r", None, 1), "f": (good, "S", None, "1/1", 1),
                   "g": (good, "S", "r", "1/1", "soon")}
        for name, (at, sensor, run, partition, first) in strange.items():
            connection = sqlite3.connect(self.data / f"{name}.db", isolation_level=None)
            connection.execute(f"CREATE TABLE sensor_readings ({columns})")
            connection.execute("INSERT INTO sensor_readings (id, timestamp, sensor_id) VALUES (1, ?, ?)", (at, sensor))
            connection.execute("CREATE TABLE run_info (run_id, partition, first_reading_id)")
            connection.execute("INSERT INTO run_info VALUES (?, ?, ?)", (run, partition, first))
            connection.close()
        ran = self.collect(code=1)
        self.assertEqual(ran.copied, rows, ran.stderr)
        self.assertEqual([line.split(":")[1] for line in ran.stderr.splitlines()], [f" {name}.db" for name in strange])
        self.assertIn(f"{len(strange)} databases", ran.stdout)

    def test_a_data_directory_that_goes_and_comes_back(self):
        self.data.mkdir()
        collector = self.start_collecting("--watch", "--interval", 0.05)
        self.wait_until((self.dir / self.into).exists, "begun")
        self.data.rename(self.dir / "away")
        self.assertIn("data directory", collector.stderr.readline())
        self.fill("data", "--duration", "10s")
        self.wait_until(lambda: total(self.data, "SELECT count(*) FROM sensor_readings WHERE synced = 0") == 0, "collected")
        collector.send_signal(signal.SIGTERM)
        _, errors = collector.communicate(timeout=30)
        self.assertEqual((collector.returncode, errors), (0, ""))
        self.assert_collected()

    def test_a_central_database_that_cannot_grow_for_a_while(self):
        """Said once, however often it is tried, and collected when it can."""
        self.data.mkdir()
        collector = self.start_collecting("--watch", "--interval", 0.05)

        def begun():
            return (self.dir / self.into).exists() and query(self.dir / self.into, "PRAGMA journal_mode") == [("wal",)]
        self.wait_until(begun, "begun")
        _, most = resource.prlimit(collector.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (40_000, most))  # enough for the shard
        self.fill("data", "--duration", "30s")
        self.assertIn("central database", collector.stderr.readline())
        time.sleep(1)
        resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (most, most))
        self.wait_until(lambda: total(self.data, "SELECT count(*) FROM sensor_readings WHERE synced = 0") == 0, "collected")
        collector.send_signal(signal.SIGTERM)
        _, errors = collector.communicate(timeout=30)
        self.assertEqual((collector.returncode, errors), (0, ""))
        self.assert_collected()

    def test_what_is_recorded_of_runs(self):
        for start in ("2026-01-01", "2026-01-02"):
            self.fill("data", "--duration", "20m", "--shard-by", "firmware", "--start", start)
        self.collect()
        self.collect()
        runs = set(query_all(self.data, f"SELECT {RUN_COLUMNS} FROM run_info"))
        self.assertEqual(len(runs), 2)
        self.assertEqual(sorted(query(self.dir / self.into, f"SELECT {RUN_COLUMNS} FROM run_info")), sorted(runs))
        identities = set(query_all(self.data, "SELECT * FROM run_identities"))
        self.assertEqual(set(query(self.dir / self.into, "SELECT * FROM run_identities")), identities)
        # Its ground truth labels its readings: those that are marked as anomalous, and no others.
        labels = query(self.dir / self.into, """
            SELECT r.run_id, r.sensor_id, r.timestamp, e.anomaly_type FROM anomaly_events e JOIN sensor_readings r ON
            r.run_id = e.run_id AND r.sensor_id = e.sensor_id AND r.timestamp BETWEEN e.started_at AND ifnull(e.ended_at, '9999')""")
        marked = query(self.dir / self.into, "SELECT run_id, sensor_id, timestamp, anomaly_type FROM sensor_readings "
                                             "WHERE anomaly_flag = 1")
        self.assertGreater(len(marked), 100)
        self.assertEqual(sorted(labels), sorted(marked))

    def test_sensors_and_a_table_that_came_later_are_copied_too(self):
        self.fill("data", "--duration", "10s", "--shard-by", "firmware")
        self.collect()
        for path in shards(self.data):
            connection = connect(path)
            connection.execute("CREATE TABLE run_losses (run_id TEXT PRIMARY KEY, since TEXT NOT NULL)")
            connection.execute("INSERT INTO run_losses SELECT run_id, start FROM run_info")
            connection.close()
        sensors = sorted(query_all(self.data, "SELECT * FROM sensors"))
        self.assertGreater(len(sensors), 10)
        for _ in range(2):
            self.collect()
            self.assertEqual(query(self.dir / self.into, "SELECT * FROM sensors ORDER BY sensor_id"), sensors)
            self.assertEqual(len(query(self.dir / self.into, "SELECT * FROM run_losses")), 1)

    def test_files_and_central_databases_of_before_events_had_causes(self):
        self.fill("data", "--duration", "2h")
        connection = connect(shards(self.data)[0])
        ((one,),) = connection.execute("SELECT min(id) FROM anomaly_events")
        connection.executescript(
            "".join(f"ALTER TABLE anomaly_events DROP COLUMN {name};" for name in ("severity", "sigma", "cause", "scenario", "fails_at"))
            + f"CREATE TABLE injected_anomalies (event_id INTEGER PRIMARY KEY); INSERT INTO injected_anomalies VALUES ({one});"
            + "ALTER TABLE run_info DROP COLUMN spread; PRAGMA user_version = 3")
        connection.close()
        self.collect()
        causes = "SELECT cause, injected, count(*) FROM anomaly_events GROUP BY 1, 2 ORDER BY 1"
        expected = query(self.dir / self.into, causes)
        self.assertEqual([row[:2] for row in expected], [("drawn", 0), ("injected", 1)])
        self.assertEqual(expected[1][2], 1)
        connection = connect(self.dir / self.into)
        connection.executescript("".join(f"ALTER TABLE anomaly_events DROP COLUMN {name};" for name in
                                         ("severity", "sigma", "cause", "scenario", "fails_at")))
        connection.close()
        exported = self.fleet_sim("export", self.into, "--labels", "events", "--out", "before.json")
        self.assertEqual(exported.returncode, 0, exported.stderr)
        self.collect()
        self.assertEqual(query(self.dir / self.into, causes), expected)
        self.fleet_sim("export", self.into, "--labels", "events", "--out", "after.json")
        labels = (self.dir / "before.json").read_text()
        self.assertEqual((self.dir / "after.json").read_text(), labels)
        self.assertEqual(labels.count('"cause": "injected"'), 1)

    def test_an_anomaly_is_completed_once_it_has_ended(self):
        config = self.write("restless.yaml", "anomalies:\n  probability: 0.5\n  types:\n    trend: {duration_seconds: 1}\n"
                            "    pattern: {duration_seconds: 1}\n    missing_data: {duration_seconds: 1}\n    noise: {duration_seconds: 1}\n"
                            "  pattern_period_seconds: 1\n")
        fleet = self.start_fleet("--rate", 20, "--config", config)
        self.wait_for_rows(self.data, 100, fleet, files=3)
        self.collect()
        open_events = query(self.dir / self.into, "SELECT run_id, sensor_id, started_at FROM anomaly_events WHERE ended_at IS NULL")
        self.assertGreater(len(open_events), 0)
        self.kill_collectors(4, fleet)
        collector = self.start_collecting("--watch", "--interval", 0.05)
        marked = self.marked()
        self.wait_until(lambda: self.marked() > marked, "begun")

        def all_ended():
            now_open = query(self.dir / self.into, "SELECT run_id, sensor_id, started_at FROM anomaly_events WHERE ended_at IS NULL")
            return not set(open_events) & set(now_open)
        self.wait_until(all_ended, "ended")
        self.stop(fleet)
        collector.send_signal(signal.SIGINT)
        printed, errors = collector.communicate(timeout=30)
        self.assertEqual((collector.returncode, errors), (0, ""), printed)
        self.collect()
        self.assert_collected()
        # A shard remembers the last event, and of the others only those without an end.
        for path in shards(self.data):
            self.assertEqual(query(path, "SELECT event_id FROM collected_events ORDER BY 1"),
                             query(path, "SELECT id FROM anomaly_events WHERE ended_at IS NULL OR id = "
                                         "(SELECT max(id) FROM anomaly_events) ORDER BY 1"))

    def test_the_same_history_written_twice_is_two_runs(self):
        for _ in range(2):
            self.fill("data", "--duration", "30s", "--append")
        rows = total(self.data, "SELECT count(*) FROM sensor_readings")
        self.assertEqual(self.collect().copied, rows)
        self.assertEqual(query(self.dir / self.into, "SELECT count(*) FROM sensor_readings GROUP BY run_id"),
                         [(rows // 2,), (rows // 2,)])

    def test_each_row_has_its_run_when_partitions_share_a_file(self):
        members = {}
        for index in (1, 2):
            self.fill("data", "--duration", "30s", "--partition", f"{index}/2")
            members[index] = {one for (one,) in query(self.data / "sensor_data.db", "SELECT DISTINCT sensor_id FROM sensor_readings")}
        members[2] -= members[1]
        # As though the first partition had gone on beside the second: its sensors get rows with higher ids.
        connection = connect(self.data / "sensor_data.db")
        copied = connection.execute(f"INSERT INTO sensor_readings ({VALUES}) SELECT '2027' || substr(timestamp, 5), "
                                    f"{VALUES.split(', ', 1)[1]} FROM sensor_readings").rowcount
        connection.close()
        self.assertGreater(copied, 0)
        self.collect()
        runs = dict(query(self.data / "sensor_data.db", "SELECT run_id, CAST(partition AS INTEGER) FROM run_info"))
        for run, sensor in query(self.dir / self.into, "SELECT DISTINCT run_id, sensor_id FROM sensor_readings"):
            self.assertIn(sensor, members[runs[run]])
        self.assertEqual(len(self.central_rows()), 2 * copied)

    def test_without_the_index(self):
        without = self.write("without.yaml", "database:\n  unsynced_index: false\n")
        self.fill("data", "--duration", "30s", "--config", without)
        self.collect("--batch-size", 17)
        self.assert_collected()

    def test_wrong_arguments(self):
        self.fill("data", "--duration", "5s")
        sqlite3.connect(self.dir / "other.sqlite").execute("CREATE TABLE sensor_readings (x)").connection.close()
        refused = {"data/central.db": "would be mistaken for a shard", "no/such/folder/central.sqlite": "unable to open",
                   "other.sqlite": "has a different sensor_readings table"}
        for self.into, expected in refused.items():
            with self.subTest(expected):
                self.assertIn(expected, self.collect(code=2).stderr)
        self.into = "central.sqlite"
        for option, wrong in (("--batch-size", 0), ("--batch-size", 2_000_000), ("--batch-size", 10**30),
                              ("--interval", 0), ("--interval", "nan"), ("--interval", 1e30)):
            with self.subTest(option, wrong=wrong):
                self.assertRegex(self.collect(option, wrong, code=2).stderr, f"{option}: .* above 0 and up to ")
        shutil.rmtree(self.data)
        self.assertIn("no such directory", self.collect(code=2).stderr)

    def test_names_that_mean_no_file_to_sqlite(self):
        """Rows would be marked in their shard, and gone with the collector."""
        self.fill("data", "--duration", "5s")
        self.into = ""
        self.assertIn("--into", self.collect(code=2).stderr)
        self.assertEqual(self.marked(), 0)
        self.into = ":memory:"
        self.collect()
        self.assert_collected()

    def test_output_that_cannot_be_written(self):
        """Is told of, and no row stays behind for it."""
        self.fill("data", "--duration", "30s", "--shard-by", "location")
        for name, why in (("full", "No space left on device"), ("closed", "Broken pipe")):
            with self.subTest(name):
                query_all(self.data, "UPDATE sensor_readings SET synced = 0")
                if name == "full":
                    out = os.open("/dev/full", os.O_WRONLY)
                else:
                    reader, out = os.pipe()
                    os.close(reader)
                self.addCleanup(os.close, out)
                ran = subprocess.run(self.arguments(), cwd=self.dir, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60)
                self.assertEqual((ran.returncode, ran.stderr), (1, f"collect: standard output: {why}; send it elsewhere "
                                                                   "(what was collected is safe)\n"))
                self.assert_collected()

    def test_messages_that_cannot_be_written(self):
        self.fill("data", "--duration", "10s", "--shard-by", "firmware")
        self.data.joinpath("a.db").write_text("no database" * 1000)
        with open("/dev/full", "w") as full:
            ran = subprocess.run(self.arguments(), cwd=self.dir, stdout=full, stderr=full, timeout=60)
        self.assertEqual(ran.returncode, 1)
        self.data.joinpath("a.db").unlink()
        self.assert_collected()

    def test_without_psycopg2_it_says_what_is_missing(self):
        self.fill("data", "--duration", "5s")
        self.write("psycopg2.py", "raise ImportError\n")
        self.into = "postgresql://nobody@localhost/nothing"
        ran = subprocess.run(self.arguments(), cwd=self.dir, capture_output=True, text=True, timeout=60,
                             env={**os.environ, "PYTHONPATH": str(self.dir)})
        self.assertEqual(ran.returncode, 2)
        self.assertIn("python3-psycopg2", ran.stderr)


if __name__ == "__main__":
    main()
