#!/usr/bin/env python3
"""`fleet-sim sql` over many files, wide and compact ones, and over folders that have both: the same answers, for no more rows; and
conditions are answered by the indexes that the files have."""

from collecting import *
from several_types_test import TYPES, fleet_of_three
from sql_test import QUERIES, SqlTest

LAYOUTS = {"wide": ("wide", "wide"), "compact": ("compact", "compact"), "both": ("wide", "compact")}  # of two halves of a fleet


class ManyFiles(SqlTest):
    """64 files, one a sensor: wide, compact, and both in one folder."""

    def setUp(self):
        super().setUp()
        demo = list(demo_identities().values())
        fleet = [{**demo[n % len(demo)], **({"id": f"S{n}"} if n >= len(demo) else {})} for n in range(64)]
        halves = [self.write_identities(half, f"half{n}.jsonl") for n, half in enumerate((fleet[::2], fleet[1::2]))]
        for data, layouts in LAYOUTS.items():
            for layout, half in zip(layouts, halves):
                self.fill(data, "--shard-by", "sensor", "--duration", "30m", "--interval", "5s", identities=half,
                          env={"FLEET_SIM_DATABASE_LAYOUT": layout})
            self.assertEqual(len(shards(self.dir / data)), 64)

    def test_every_query_has_the_same_answer(self):
        one = self.merged(self.dir / "wide")
        for name, query in QUERIES.items():
            if name == "runs":  # which have different numbers
                continue
            expected = one.execute(query).fetchall()
            for data in LAYOUTS:
                with self.subTest(name, data=data):
                    for mine, theirs in zip(self.ask(query, data), expected, strict=True):
                        for a, b in zip(mine, theirs, strict=True):
                            self.assertAlmostEqual(a, b) if isinstance(b, float) else self.assertEqual(a, b)

    def test_what_is_read(self):
        plans = set()
        for data in LAYOUTS:
            with self.subTest(data):
                self.assertEqual(self.effort(POLL, data), (100, 163, 64, 0))
                self.assertEqual(self.effort("SELECT count(*) FROM sensor_readings WHERE sensor_id = 'S20'", data)[2:], (1, 63))
                self.assertEqual(self.effort("SELECT count(*) FROM sensor_readings WHERE location = 'Outdoor - Area 1'", data)[2:], (4, 60))
                self.assertEqual(self.effort("SELECT timestamp FROM sensor_readings WHERE id = 7", data), (64, 64, 64, 0))
                plans.add(self.sql("EXPLAIN QUERY PLAN SELECT id FROM sensor_readings WHERE synced = 0 AND timestamp > '2026' "
                                   "AND location IN ('x', 'y') ORDER BY timestamp", data=data).stdout)
        (plan,) = plans
        self.assertIn("; synced = ?, timestamp > ?, location IN ?; ORDER BY timestamp\n", plan)


class SeveralTypes(SqlTest):
    def test_types_in_files_of_both_layouts(self):
        config, fleet = self.write("types.yaml", TYPES), fleet_of_three()
        for data, layouts in LAYOUTS.items():
            for n, layout in enumerate(layouts):
                self.fill(data, "--config", config, "--shard-by", "sensor", "--duration", "5m", env={"FLEET_SIM_DATABASE_LAYOUT": layout},
                          identities=self.write_identities(fleet[n::2]))
        for sql in ("SELECT sensor_id, count(*), max(volume), avg(flow), sum(mode) FROM sensor_readings_pump GROUP BY 1 ORDER BY 1",
                    "SELECT location, avg(methane) FROM sensor_readings_gas WHERE synced = 0 AND timestamp > '2026-01-01T00:02' GROUP BY 1 ORDER BY 1",
                    "SELECT sensor_id, timestamp, voltage FROM sensor_readings WHERE synced = 0 ORDER BY timestamp, sensor_id LIMIT 9",
                    "SELECT r.sensor_id, c.unit, max(r.volume) FROM sensor_readings_pump r, channel_info c WHERE c.name = 'volume' GROUP BY 1 ORDER BY 1"):
            expected = self.ask(sql, "wide")
            self.assertTrue(expected)
            for data in ("compact", "both"):
                self.assertEqual(self.ask(sql, data), expected, (data, sql))


class Indexes(SqlTest):
    def damage_first_rows(self, path, table):
        """No statement that reads the table from its beginning gets far; those that use an index need not see this page."""
        ((page, size),) = query(path, f"SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = '{table}'")
        content = bytearray(path.read_bytes())
        while content[(page - 1) * size] == 5:  # pages of this kind lead to others
            at = (page - 1) * size
            cell = at + int.from_bytes(content[at + 12:at + 14], "big")
            page = int.from_bytes(content[cell:cell + 4], "big")
        content[(page - 1) * size] = 0
        path.write_bytes(content)

    def test_conditions_reach_those_of_the_files(self):
        for layout, table in (("wide", "sensor_readings"), ("compact", "readings")):
            with self.subTest(layout):
                self.fill(layout, "--duration", "10m", env={"FLEET_SIM_DATABASE_LAYOUT": layout})
                (path,) = shards(self.dir / layout)
                queries = {sql: query(path, sql) for sql in (
                    "SELECT count(*), avg(temperature) FROM sensor_readings WHERE synced = 0 AND timestamp > '2026-01-01T00:09:30'",
                    "SELECT sensor_id, vibration FROM sensor_readings WHERE synced = 0 AND timestamp BETWEEN '2026-01-01T00:09' AND "
                    "'2026-01-01T00:09:20' AND anomaly_flag = 0 ORDER BY timestamp",
                    "SELECT id, sensor_id FROM sensor_readings WHERE synced = 0 ORDER BY timestamp DESC LIMIT 20",
                    "SELECT sensor_id, temperature FROM sensor_readings WHERE id IN (8000, 8200)",
                    "SELECT count(*), max(voltage) FROM sensor_readings WHERE id > 8500",
                    "SELECT id, voltage FROM sensor_readings ORDER BY id DESC LIMIT 20")}
                self.damage_first_rows(path, table)
                self.assertIn("malformed", self.sql("SELECT count(*) FROM sensor_readings WHERE temperature > 0", data=layout, code=1).stderr)
                for sql, expected in queries.items():
                    self.assertTrue(expected)
                    self.assertEqual(self.ask(sql, layout), expected, sql)


if __name__ == "__main__":
    main()
