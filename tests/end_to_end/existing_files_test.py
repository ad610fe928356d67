#!/usr/bin/env python3
"""Files that are there already: appended to, migrated, or refused, and never harmed."""

from fleet import *

FILE = "location=Factory_A_-_Line_1.db"


class ExistingFiles(FleetTest):
    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"
        self.data.mkdir()

    def create(self, name, script):
        connection = sqlite3.connect(self.data / name)
        connection.executescript(script)
        connection.close()

    def assert_refused(self, name, *words):
        before = fingerprint(self.data)
        ran = self.fill("data", "--duration", 10, "--shard-by", "location", code=3)
        for word in (name, *words):
            self.assertIn(word, ran.stderr)
        self.assertEqual(fingerprint(self.data), before, "a refused start changes nothing, in no file")

    def test_a_second_run_continues(self):
        self.fill("data", "--duration", "10m", "--shard-by", "location")
        rows = {path: query(path, "SELECT * FROM sensor_readings ORDER BY id") for path in shards(self.data)}
        events = {path: query(path, "SELECT * FROM anomaly_events ORDER BY id") for path in shards(self.data)}
        second = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--shard-by", "location", "--speed", "max",
                                "--start", "2026-01-02", "--duration", "10m", "--seed", 8)
        self.assertEqual(second.summary.lost, 0)
        added = 0
        for path, before in rows.items():
            after = query(path, "SELECT * FROM sensor_readings ORDER BY id")
            self.assertEqual(after[:len(before)], before, f"{path.name}: earlier rows changed")
            self.assertEqual([row[0] for row in after], list(range(1, len(after) + 1)), f"{path.name}: ids continue")
            self.assertTrue(all(row[1].startswith("2026-01-02") for row in after[len(before):]))
            added += len(after) - len(before)
            now = query(path, "SELECT * FROM anomaly_events ORDER BY id")
            self.assertEqual(now[:len(events[path])], events[path], f"{path.name}: earlier events changed")
            runs = query(path, "SELECT seed, start FROM run_info ORDER BY start")
            self.assertEqual(runs, [(7, "2026-01-01T00:00:00.000000Z"), (8, "2026-01-02T00:00:00.000000Z")])
        self.assertEqual(added, second.summary.written)
        self.assert_sound(self.data)

    def test_collected_rows_stay_collected(self):
        self.fill("data", "--duration", "1m")
        connection = connect(self.data / "sensor_data.db")
        marked = connection.execute("UPDATE sensor_readings SET synced = 1 WHERE id % 2 = 0").rowcount
        connection.close()
        self.fill("data", "--duration", "1m", "--start", "2026-01-02")
        self.assertEqual(total(self.data, "SELECT sum(synced) FROM sensor_readings"), marked)

    def test_other_sharding_beside_it(self):
        self.fill("data", "--duration", "1m", "--shard-by", "location")
        before = fingerprint(self.data)
        self.fill("data", "--duration", "1m", "--shard-by", "model", "--append")
        after = fingerprint(self.data)
        before.pop("run.json")  # is about the latest run
        self.assertEqual({name: after[name] for name in before}, before)

    def test_foreign_columns_are_refused(self):
        self.create(FILE, "CREATE TABLE sensor_readings (id INTEGER PRIMARY KEY, value TEXT);"
                          "INSERT INTO sensor_readings VALUES (1, 'mine');")
        self.assert_refused(FILE, "columns")

    def test_foreign_events_are_refused(self):
        self.create(FILE, "CREATE TABLE anomaly_events (what TEXT);")
        self.assert_refused(FILE, "anomaly_events")

    def test_a_view_of_that_name_is_refused(self):
        self.create(FILE, "CREATE TABLE t (a); CREATE VIEW sensor_readings AS SELECT " +
                    ", ".join(f"a AS {name}" for name, _ in COLUMNS) + " FROM t;")
        self.assert_refused(FILE)

    def test_foreign_run_info_is_refused(self):
        self.create(FILE, "CREATE TABLE run_info (run INTEGER);")
        self.assert_refused(FILE)

    def test_a_newer_version_is_refused(self):
        self.create(FILE, "PRAGMA user_version = 99;")
        self.assert_refused(FILE, "newer")

    def test_text_is_refused(self):
        (self.data / FILE).write_text("location,notes\nFactory A - Line 1,do not lose me\n" * 100)
        self.assert_refused(FILE)

    def test_a_short_text_is_refused(self):
        (self.data / FILE).write_text("shopping list\n")
        self.assert_refused(FILE)

    def test_a_folder_is_refused(self):
        (self.data / FILE).mkdir()
        ran = self.fill("data", "--duration", 10, "--shard-by", "location", code=3)
        self.assertIn(FILE, ran.stderr)
        self.assertEqual([path.name for path in self.data.iterdir()], [FILE])

    def test_every_refused_file_is_named(self):
        for i in (1, 3, 5):
            (self.data / f"location=Factory_A_-_Line_{i}.db").write_text("no database, whatever the name says\n")
        self.assert_refused("Line_1", "Line_3", "Line_5")

    def test_other_tables_may_lie_beside(self):
        self.fill("data", "--duration", 10)
        self.create("sensor_data.db", "CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine');")
        self.fill("data", "--duration", 10, "--start", "2026-01-02")
        self.assertEqual(query(self.data / "sensor_data.db", "SELECT * FROM notes"), [("mine",)])

    def test_a_database_of_somebody_else_is_refused(self):
        self.create(FILE, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine');")
        self.assert_refused(FILE, "sensor_readings")

    def test_an_empty_file_is_used(self):
        (self.data / "sensor_data.db").touch()
        ran = self.fill("data", "--duration", 10)
        self.assertEqual(total(self.data, "SELECT count(*) FROM sensor_readings"), ran.summary.written)

    def test_a_table_without_synced_is_migrated(self):
        older = ", ".join(f"{name} {kind}" for name, kind in COLUMNS[1:-1])
        texts = "'2025-12-31T23:59:5{}.000000Z', 'OLD', 1.5, 2.5, 3.5, 0, 0, NULL, '1.3', 'm', 'f', 'l'"
        self.create("sensor_data.db", f"CREATE TABLE sensor_readings (id INTEGER PRIMARY KEY, {older});"
                    f"INSERT INTO sensor_readings VALUES (5, {texts.format(1)}), (9, {texts.format(2)});")
        before = query(self.data / "sensor_data.db", "SELECT * FROM sensor_readings")
        ran = self.fill("data", "--duration", "1m")
        described = query(self.data / "sensor_data.db", "SELECT name, type FROM pragma_table_info('sensor_readings')")
        self.assertEqual(described, COLUMNS)
        rows = query(self.data / "sensor_data.db", "SELECT * FROM sensor_readings ORDER BY id")
        self.assertEqual(rows[:2], [row + (0,) for row in before], "old rows are kept, and not collected yet")
        self.assertEqual([row[0] for row in rows[2:]], list(range(10, 10 + ran.summary.written)))
        plan = query(self.data / "sensor_data.db", "EXPLAIN QUERY PLAN " + POLL)
        self.assertIn("INDEX", plan[0][3])

    def test_killed_in_the_middle(self):
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--shard-by", "location", "--speed", "max",
                             "--start", "2026-01-01", "--duration", 0, "--seed", 1, "--writers", 2,
                             env={"FLEET_SIM_DATABASE_BATCH_SIZE": "500"})
        self.wait_for_rows(self.data, 20_000, process, files=10)
        process.kill()
        process.wait()
        self.assert_sound(self.data)
        before = {}
        for path in shards(self.data):
            ((count, highest, sensors),) = query(path, "SELECT count(*), max(id), count(DISTINCT sensor_id) FROM sensor_readings")
            self.assertEqual(count, highest, "no transaction is there by half")
            ((orphans,),) = query(path, "SELECT count(*) FROM sensor_readings AS r WHERE anomaly_flag = 1 AND NOT EXISTS "
                                        "(SELECT 1 FROM anomaly_events AS e WHERE e.sensor_id = r.sensor_id AND "
                                        "e.anomaly_type = r.anomaly_type AND r.timestamp >= e.started_at AND "
                                        "r.timestamp <= coalesce(e.ended_at, '9999'))")
            self.assertEqual(orphans, 0, f"{path.name}: rows were committed before the event they belong to")
            before[path] = highest
        self.assertEqual(len(before), 10)
        second = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--shard-by", "location", "--speed", "max",
                                "--start", "2030-01-01", "--duration", "1m", "--seed", 2)
        self.assertEqual(second.summary.lost, 0)
        added = 0
        for path, highest in before.items():
            after = query(path, "SELECT id, timestamp FROM sensor_readings WHERE id > ? ORDER BY id", highest)
            self.assertEqual([row[0] for row in after], list(range(highest + 1, highest + 1 + len(after))))
            self.assertTrue(all(at.startswith("2030") for _, at in after))
            self.assertEqual(query(path, "SELECT count(*) FROM run_info"), [(2,)])
            added += len(after)
        self.assertEqual(added, second.summary.written)
        self.assert_sound(self.data)

    def test_an_index_that_is_missing_after_a_kill_is_built_again(self):
        """Over the rows that are there already, too, and only where it is wanted."""
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--speed", "max", "--start", "2026-01-01",
                             "--duration", 0, "--seed", 1)
        self.wait_for_rows(self.data, 20_000, process)
        process.kill()
        process.wait()
        path = self.data / "sensor_data.db"
        connection = connect(path)
        connection.execute("DROP INDEX sensor_readings_unsynced")
        connection.close()
        self.assertNotIn("USING INDEX", query(path, "EXPLAIN QUERY PLAN " + POLL)[0][3])
        for wanted, start in (("false", "2030-01-01"), ("true", "2030-01-02")):
            self.fill("data", "--start", start, "--duration", "1m", env={"FLEET_SIM_DATABASE_UNSYNCED_INDEX": wanted})
            plan = query(path, "EXPLAIN QUERY PLAN " + POLL)[0][3]
            self.assertEqual("USING INDEX sensor_readings_unsynced" in plan, wanted == "true", plan)
        ((rows, first),) = query(path, "SELECT count(*), min(timestamp) FROM sensor_readings INDEXED BY "
                                       "sensor_readings_unsynced WHERE synced = 0")
        self.assertEqual([(rows, first)], query(path, "SELECT count(*), min(timestamp) FROM sensor_readings NOT INDEXED"))
        self.assert_sound(self.data)

    def test_the_next_run_says_what_it_found(self):
        first = self.fill("data", "--duration", "1m")
        second = self.fill("data", "--duration", "1m", "--start", "2026-01-02")
        said = second.stderr.replace(",", "")
        self.assertIn(str(first.summary.written), said, "the rows that were there already")


if __name__ == "__main__":
    main()
