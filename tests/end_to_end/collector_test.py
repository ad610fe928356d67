#!/usr/bin/env python3
"""Collectors poll unsynced rows and mark them while the simulator writes; neither side may fail or lose a row."""

import threading

from fleet import *


class Collector:
    """Fetches and marks up to 100 rows at a time, as external collectors do."""

    def __init__(self, path):
        self.connection = connect(path)
        self.seen = []
        self.slowest = 0

    def poll(self):
        began = time.monotonic()
        rows = self.connection.execute(POLL).fetchall()
        if rows:
            marks = ", ".join(str(row[0]) for row in rows)
            changed = self.connection.execute(f"UPDATE sensor_readings SET synced = 1 WHERE id IN ({marks})").rowcount
            assert changed == (len(rows) if LAYOUT == "wide" else 0), f"{changed} of {len(rows)} rows were there to be marked"
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.seen += [row[0] for row in rows]
        return len(rows)


class Collectors(FleetTest):
    def test_collecting_while_writing(self):
        data = self.dir / "data"
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--shard-by", "manufacturer", "--duration", 5,
                             "--rate", 60, env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "20"})
        self.wait_for_rows(data, 10, process)
        until = time.monotonic() + 30
        while len(shards(data)) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        failures, polled_while_writing = [], []

        def collect(path):
            try:
                collector = Collector(path)
                while process.poll() is None:
                    collector.poll()
                    time.sleep(0.001)
                polled_while_writing.append(len(collector.seen))
                while collector.poll():
                    pass
                ids = [one for (one,) in collector.connection.execute("SELECT id FROM sensor_readings ORDER BY id")]
                assert sorted(collector.seen) == ids, f"{len(ids)} rows, {len(collector.seen)} of them collected"
                assert collector.slowest < 5, f"a poll took {collector.slowest:.1f} s"
                collector.connection.close()
            except Exception as failure:  # a thread's failure is the test's
                failures.append(f"{path.name}: {failure!r}")

        threads = [threading.Thread(target=collect, args=[path]) for path in shards(data)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=90)
        self.assertEqual(process.wait(timeout=60), 0, self.printed())
        self.assertEqual(failures, [])
        self.assertEqual(len(polled_while_writing), 3)
        self.assertGreater(sum(polled_while_writing), 500, "collected too little to show anything")
        summary = Summary((self.dir / "stdout").read_text())
        self.assert_balanced(summary, data)
        self.assertEqual(summary.errors, 0)
        self.assertEqual(summary.due, 15 * 5 * 60)
        self.assertEqual(total(data, "SELECT count(*) FROM sensor_readings WHERE synced = 0"), 0)
        self.assert_sound(data)

    def test_collecting_from_one_file_at_full_speed(self):
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--duration", 0, "--speed", "max",
                             "--start", "2026-01-01")
        self.wait_for_rows(self.dir / "data", 1000, process)
        collector = Collector(self.dir / "data" / "sensor_data.db")
        until = time.monotonic() + 30
        polls = 0
        while polls < 10 and time.monotonic() < until:
            polls += collector.poll() == 100
        summary = self.stop(process)
        self.assertEqual(polls, 10, "the writer leaves collectors no room")
        self.assertLess(collector.slowest, 5)
        self.assert_balanced(summary, self.dir / "data")
        self.assertEqual(summary.errors, 0)
        self.assertEqual(len(set(collector.seen)), len(collector.seen), "a row was handed out twice")
        self.assertEqual(total(self.dir / "data", "SELECT sum(synced) FROM sensor_readings"), len(collector.seen))

    def test_a_short_lock_at_full_speed_loses_nothing(self):
        # Millions of readings can be generated meanwhile: the fleet has to wait, not the rows to go.
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--duration", 0, "--speed", "max",
                             "--start", "2026-01-01")
        self.wait_for_rows(self.dir / "data", 1000, process)
        locked = connect(self.dir / "data" / "sensor_data.db")
        locked.execute("BEGIN IMMEDIATE")
        time.sleep(1)  # well below the busy timeout
        locked.execute("COMMIT")
        locked.close()
        summary = self.stop(process)
        self.assert_balanced(summary, self.dir / "data")
        self.assertEqual(summary.errors, 0)

    def plan(self, sql):
        return " ".join(row[3] for row in query(self.dir / "data" / "sensor_data.db", "EXPLAIN QUERY PLAN " + sql))

    def test_the_poll_uses_the_index(self):
        self.fill("data", "--duration", "10m")
        self.assertIn("USING INDEX sensor_readings_unsynced", self.plan(POLL))
        self.assertNotIn("TEMP B-TREE", self.plan(POLL))
        self.assertIn("PRIMARY KEY", self.plan("UPDATE sensor_readings SET synced = 1 WHERE id IN (1, 2, 3)"))

    def test_the_index_can_be_dropped_and_made_again(self):
        def indexes():
            return query(self.dir / "data" / "sensor_data.db",
                         "SELECT name FROM sqlite_schema WHERE type = 'index' AND name = 'sensor_readings_unsynced'")
        without = self.write("without.yaml", "database:\n  unsynced_index: false\n")
        self.fill("data", "--duration", "1m")
        self.assertEqual(len(indexes()), 1)
        self.fill("data", "--duration", "1m", "--start", "2026-01-02", "--config", without)
        self.assertEqual(indexes(), [])
        self.assertNotIn("USING INDEX", self.plan(POLL))
        self.fill("data", "--duration", "1m", "--start", "2026-01-03")
        self.assertEqual(len(indexes()), 1)
        connection = connect(self.dir / "data" / "sensor_data.db")
        counted = connection.execute("SELECT count(*) FROM sensor_readings INDEXED BY sensor_readings_unsynced "
                                     "WHERE synced = 0").fetchone()
        self.assertEqual(counted, connection.execute("SELECT count(*) FROM sensor_readings").fetchone())
        connection.close()


if __name__ == "__main__":
    main()
