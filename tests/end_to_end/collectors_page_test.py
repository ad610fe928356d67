#!/usr/bin/env python3
"""The page for authors of collectors: its snippets run one after the other, as they stand, and come to what the files hold.

DuckDB and Datasette are no packages of Debian: their files are opened as they open them, and DuckDB's query is put to SQLite.
"""

import sys

from pages import *
from readme_test import python_with_pandas

PAGE = "engine/export/COLLECTORS.md"
SQLITE = ["sqlite3", "-batch", "-bail"]


class CollectorsPage(PageTest):
    def test_every_snippet(self):
        expectations = [("sh", self.an_hour), ("python", self.channels), ("python", self.opened), ("python", self.polled),
                        ("sh", self.made_compact), ("python", self.compact), ("python", self.followed), ("python", self.watermarks), ("sql", self.labels), ("sql", self.retention), ("sh", self.backups),
                        ("sh", self.exported), ("python", self.versions), ("duckdb", self.duckdb), ("datasette", self.datasette)]
        snippets = FENCE.findall(text_of(PAGE))
        self.assertEqual([language for language, _ in snippets], [language for language, _ in expectations],
                         "each snippet has an expectation here")
        for (language, text), (_, expect) in zip(snippets, expectations):
            printed = self.printed_by(language, text)
            with self.subTest(expect.__name__, printed=printed):
                expect(printed)

    def printed_by(self, language, text):
        if language in ("duckdb", "datasette"):
            return text
        uses_pandas = "pandas" in text
        commands = {"sh": ["bash", "-eu"], "python": [python_with_pandas() if uses_pandas else sys.executable, "-W", "error", "-"],
                    "sql": [*SQLITE, "" if "ATTACH" in text else "data/sensor_data.db"]}
        if uses_pandas:
            commands["python"].remove("-W")
            commands["python"].remove("error")
        printed, complaints = self.run_snippet(commands[language], text)
        if language != "sh":
            self.assertEqual(complaints, "", text)
        return printed

    def one(self, sql, path="data/sensor_data.db"):
        return query(self.dir / path, sql)[0]

    def rows(self):
        return self.one("SELECT count(*) FROM sensor_readings")[0]

    def an_hour(self, printed):
        self.assertEqual(Summary(printed).due, 15 * 3600)

    def channels(self, printed):
        built_in = [("temperature_vibration", *rest, "gauge") for rest in (("temperature", "°C"), ("vibration", "mm/s²"), ("voltage", "V"))]
        self.assertEqual(printed, f"sensor_data.db {built_in}\n")

    def opened(self, printed):
        self.assertEqual(printed, "".join(f"sensor_data.db {mode} {self.rows()}\n" for mode in ("mode=rw", "mode=ro", "immutable=1")))

    def polled(self, printed):
        self.assertEqual(printed, f"{self.rows()} readings collected\n")
        self.assertEqual(self.one("SELECT count(*) FROM sensor_readings WHERE synced = 0"), (0,))
        key = "SELECT sensor_id, timestamp, temperature FROM {} ORDER BY 1, 2"
        self.assertEqual(query(self.dir / "central.sqlite", key.format("readings")),
                         query(self.dir / "data" / "sensor_data.db", key.format("sensor_readings")))
        # The next time everything comes again, because no mark was made, and arrives once.
        query(self.dir / "data" / "sensor_data.db", "UPDATE sensor_readings SET synced = 0 WHERE id > 1000")
        (text,) = [text for _, text in FENCE.findall(text_of(PAGE)) if "readings collected" in text]
        self.assertEqual(self.printed_by("python", text), printed)

    def made_compact(self, printed):
        self.assertEqual(Summary(printed).due, 15 * 600)

    def compact(self, printed):
        ((rows,),) = query(self.dir / "small/sensor_data.db", "SELECT count(*) FROM readings")
        self.assertEqual(printed, f"100 marked, {rows - 100} left\n")
        self.assertEqual(query(self.dir / "small/sensor_data.db", "SELECT sum(synced) FROM sensor_readings"), [(100,)])

    def followed(self, printed):
        self.assertEqual(printed, f"{self.rows()} readings up to id {self.rows()}\n")

    def watermarks(self, printed):
        (right, count), (iso, again), (short, too_few) = (line.split() for line in printed.splitlines())
        later = f"SELECT count(*) FROM sensor_readings WHERE timestamp {{}} '{right}'"
        self.assertEqual(len(right), 27)
        self.assertEqual((int(count), int(again)), (*self.one(later.format(">")), *self.one(later.format(">="))))
        self.assertGreater(int(again), int(count))
        second = f"SELECT count(*) FROM sensor_readings WHERE substr(timestamp, 1, 19) > '{short[:19]}'"
        self.assertEqual(int(too_few), *self.one(second))
        self.assertLess(int(too_few), int(count))
        self.assertEqual(iso, right[:-1] + "+00:00")

    def labels(self, printed):
        flagged = self.one("SELECT count(*) FROM sensor_readings WHERE anomaly_flag = 1")[0]
        with_rows = self.one("SELECT count(*) FROM anomaly_events e WHERE EXISTS (SELECT 1 FROM sensor_readings r WHERE "
                             "r.sensor_id = e.sensor_id AND r.timestamp BETWEEN e.started_at AND ifnull(e.ended_at, '9999'))")[0]
        self.assertGreater(flagged, 1000)
        self.assertEqual(printed, f"{flagged}|{with_rows}|{flagged}\n")

    def retention(self, _):
        last = self.one("SELECT max(id) FROM anomaly_events")[0]
        noted = dict(query(self.dir / "data" / "sensor_data.db", "SELECT event_id, is_open FROM collected_events"))
        still_open = {one for (one,) in query(self.dir / "data" / "sensor_data.db", "SELECT id FROM anomaly_events WHERE ended_at IS NULL")}
        self.assertEqual(max(noted), last)
        self.assertEqual({one for one, is_open in noted.items() if is_open}, still_open)

    def backups(self, printed):
        self.assertIn("ok\n", printed)
        digests = re.findall(r"\b[0-9a-f]{32}\b", printed)
        self.assertGreaterEqual(len(digests), 2)
        for folder in ("backup", "compact"):
            self.assertEqual(self.counted(folder), self.counted("data"))
            self.assertEqual(query(self.dir / folder / "sensor_data.db", "SELECT * FROM sensor_readings"),
                             query(self.dir / "data" / "sensor_data.db", "SELECT * FROM sensor_readings"))

    def exported(self, _):
        csv = self.dir / "readings.csv"
        csv.write_text(csv.read_text().replace(",1.3,", ",1.10,"))  # a version that looks like another number

    def versions(self, printed):
        self.assertIn("'1.10'", printed)
        self.assertNotIn("'1.1'", printed)
        self.assertIn(str(self.rows()), printed)

    def duckdb(self, text):
        attach, select = text.strip().split(";\n", 1)
        path, name = re.match(r"ATTACH '([^']+)' AS (\w+) \(TYPE sqlite, READ_ONLY\)", attach).groups()
        shard = sqlite3.connect(f"file:{quote(str(self.dir / path))}?mode=ro", uri=True)
        self.assertEqual(len(shard.execute(select.replace(f"{name}.", "main.")).fetchall()), 2)
        shard.close()

    def datasette(self, text):
        for line in text.splitlines():
            mode = "immutable=1" if "--immutable" in line else "mode=ro"
            shard = sqlite3.connect(f"file:{quote(str(self.dir / line.split()[-1]))}?{mode}", uri=True)
            self.assertEqual(shard.execute("SELECT count(*) FROM sensor_readings").fetchone()[0], self.rows())
            shard.close()


class WhatThePageSays(FleetTest):
    def test_a_plain_transaction_fails_at_once_and_an_immediate_one_waits(self):
        self.fill("data", "--duration", "1m")
        ours, other = (connect(self.dir / "data" / "sensor_data.db") for _ in range(2))
        ours.execute("PRAGMA journal_mode = WAL")  # as while a fleet writes
        ours.execute("BEGIN")
        ours.execute("SELECT count(*) FROM sensor_readings").fetchone()
        other.execute("UPDATE sensor_readings SET synced = 1 WHERE id = 1")
        began = time.monotonic()
        with self.assertRaisesRegex(sqlite3.OperationalError, "database is locked"):
            ours.execute("UPDATE sensor_readings SET synced = 1 WHERE id = 2")
        self.assertLess(time.monotonic() - began, 5, "of a timeout of ten seconds")
        ours.execute("ROLLBACK")
        ours.execute("BEGIN IMMEDIATE")
        ours.execute("UPDATE sensor_readings SET synced = 1 WHERE id = 2")
        ours.execute("COMMIT")
        ours.close()
        other.close()

    def test_tables_of_litestream_do_not_disturb(self):
        """They are there, with a read transaction held open, while a fleet writes; afterwards all commands read the file."""
        self.fill("data", "--duration", "1m")
        path = self.dir / "data" / "sensor_data.db"
        litestream = connect(path)
        litestream.execute("PRAGMA journal_mode = WAL")  # as it does
        litestream.execute("CREATE TABLE IF NOT EXISTS _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
        litestream.execute("CREATE TABLE IF NOT EXISTS _litestream_lock (id INTEGER)")
        litestream.execute("INSERT INTO _litestream_seq VALUES (1, 1)")
        litestream.execute("BEGIN")
        litestream.execute("SELECT count(*) FROM _litestream_seq").fetchone()
        ran = self.fill("data", "--start", "2026-01-02", "--duration", "10m")
        self.assertEqual((ran.summary.lost, ran.summary.errors), (0, 0))
        litestream.execute("ROLLBACK")
        litestream.close()
        self.fleet_sim("--resume", "--data-dir", "data", "--duration", "11m")
        self.fleet_sim("report", "data")
        self.fleet_sim("export", "data", "--labels", "events", "--out", "events.json")
        self.assertEqual(query(path, "SELECT * FROM _litestream_seq"), [(1, 1)])
        self.assert_sound(self.dir / "data")


if __name__ == "__main__":
    main()
