#!/usr/bin/env python3
"""Compact files beside wide ones: the same data for everybody who reads them, also where a folder has both, after a kill, and for
collectors that know only the columns."""

import sys

from collecting import *

CONFIG = """
anomalies: {probability: 0.2, types: {pattern: {duration_seconds: 9}, missing_data: {duration_seconds: 4}}}
delivery: {drop: 2%, late: {share: 10%, median: 4s}, duplicate: 1%, jitter: 20ms}
scenario:
  - {name: upgrade, at: 2026-01-01T00:02Z, where: {id: "S1*"}, set: {firmware_version: "2.0"}}
  - {name: move, at: 2026-01-01T00:03Z, where: {id: "S*2"}, set: {location: "Site 9 - Roof"}}
"""

QUERIES = ("SELECT firmware_version, count(*), avg(anomaly_flag) * 100 FROM sensor_readings GROUP BY 1 ORDER BY 1",
           "SELECT location, sensor_id, avg(temperature), max(timestamp) FROM sensor_readings GROUP BY 1, 2 ORDER BY 1, 2",
           "SELECT anomaly_type, count(*), sum(status_code) FROM sensor_readings WHERE anomaly_flag = 1 GROUP BY 1 ORDER BY 1",
           "SELECT timestamp, temperature, due FROM sensor_readings WHERE sensor_id = 'S12' ORDER BY sequence, arrived_at",
           "SELECT sensor_id FROM sensor_readings WHERE synced = 0 ORDER BY timestamp, sensor_id LIMIT 30")

# Tests of wide files that compact ones have to pass as well, by file.
ALSO_COMPACT = {"collector_test.py": ["Collectors.test_collecting_while_writing", "Collectors.test_the_poll_uses_the_index"]}


class Layouts(CollectTest):
    def setUp(self):
        super().setUp()
        self.fleet = self.write_identities([identity(f"S{i:02}", location=f"Site {i % 3} - Hall") for i in range(24)])
        self.config = self.write("config.yaml", CONFIG)

    def fill_as(self, layout, data, *arguments, fleet=None, duration="6m", **options):
        return self.fill(data, "--config", self.config, "--shard-by", "hash:3", "--duration", duration, *arguments,
                         identities=fleet or self.fleet, env={"FLEET_SIM_DATABASE_LAYOUT": layout}, **options)

    def kinds(self, data):
        return {kind for (kind,) in query_all(self.dir / data, "SELECT type FROM sqlite_schema WHERE name = 'sensor_readings'")}

    def fill_both(self):
        for layout, kind in (("wide", "table"), ("compact", "view")):
            self.fill_as(layout, layout)
            self.assertEqual(self.kinds(layout), {kind})

    def printed_of(self, data, *arguments):
        return self.fleet_sim(*(data if one == "DATA" else one for one in arguments)).stdout

    def test_everything_that_reads_says_the_same(self):
        self.fill_both()
        self.assertEqual(self.counted("compact"), self.counted("wide"))
        by_id = [sorted(query_all(self.dir / data, "SELECT * FROM sensor_readings"), key=repr) for data in ("wide", "compact")]
        self.assertEqual(*by_id)
        for arguments in (("export", "DATA", "--format", "csv"), ("export", "DATA", "--clean", "--sensor", "S07"),
                          ("export", "DATA", "--labels", "events"), *(("sql", "DATA", sql) for sql in QUERIES)):
            with self.subTest(arguments):
                self.assertEqual(self.printed_of("compact", *arguments), self.printed_of("wide", *arguments))
        reports = [json.loads(self.printed_of(data, "report", "DATA", "--json")) for data in ("wide", "compact")]
        for report in reports:
            for key in ("directory", "bytes", "runs", "shards", "title"):
                report.pop(key, None)
        self.assertEqual(*reports)
        self.assert_sound(self.dir / "compact")
        wide, compact = (sum(path.stat().st_size for path in shards(self.dir / data)) for data in ("wide", "compact"))
        self.assertLess(compact, wide)

    def test_files_of_both_layouts_in_one_folder(self):
        halves = [self.write_identities([identity(f"S{i:02}", location=f"Site {i % 3} - {hall}") for i in range(24)
                                         if (i < 12) == first], f"{hall}.jsonl")
                  for first, hall in ((True, "Hall"), (False, "Yard"))]
        for data, layouts in (("wide", ("wide", "wide")), ("mixed", ("wide", "compact"))):
            for layout, half in zip(layouts, halves):
                self.fill_as(layout, data, "--shard-by", "sensor", fleet=half)
        self.assertEqual(self.kinds("mixed"), {"table", "view"})
        self.assertEqual(self.counted("mixed"), self.counted("wide"))
        for sql in QUERIES[:3]:
            self.assertEqual(self.printed_of("mixed", "sql", "DATA", sql), self.printed_of("wide", "sql", "DATA", sql))

    def test_a_killed_run_goes_on(self):
        """With the file's layout, whatever the config says by then."""
        self.fill_as("wide", "whole", duration="1h")
        process = self.start("--identities", self.fleet, "--config", self.config, "--data-dir", "data", "--shard-by", "hash:3",
                             "--speed", "max", "--start", "2026-01-01", "--seed", 7, "--duration", "1h",
                             env={"FLEET_SIM_DATABASE_LAYOUT": "compact"})
        self.wait_for_rows(self.data, 2_000, process, files=3)
        process.kill()
        process.wait()
        self.fleet_sim("--resume", "--data-dir", "data", env={"FLEET_SIM_DATABASE_LAYOUT": "wide"})
        self.assertEqual(self.kinds("data"), {"view"})
        self.assertEqual(self.counted("data"), self.counted("whole"))
        self.assert_sound(self.data)

    def test_collected_once(self):
        self.config = self.write("plain.yaml", "{}\n")
        self.fill_as("compact", "data", duration="2m")
        rows = total(self.data, "SELECT count(*) FROM sensor_readings")
        self.assertEqual(self.collect().copied, rows)
        self.assertEqual(total(self.data, "SELECT count(*) FROM sensor_readings WHERE synced = 0"), 0)
        self.assertEqual(self.central_rows(), sorted(self.in_shards(), key=repr))
        self.assertEqual(self.collect().copied, 0)

    def test_retention_deletes_the_oldest(self):
        self.config = self.write("retention.yaml", "database: {retention: {age_seconds: 30, only_synced: false}}\n")
        self.fill_as("compact", "data", "--speed", 60, "--start", "now", duration="4m")
        deleted = total(self.data, "SELECT readings FROM deletions")
        self.assertGreater(deleted, 0)
        self.assertEqual(total(self.data, "SELECT count(*) FROM readings"), total(self.data, "SELECT count(*) FROM sensor_readings"))
        self.assertLess(total(self.data, "SELECT count(*) FROM readings"), 24 * 240)

    def test_also_compact(self):
        for file, tests in ALSO_COMPACT.items():
            with self.subTest(file):
                ran = subprocess.run([sys.executable, "-B", Path(__file__).with_name(file), *tests], capture_output=True, text=True,
                                     env={**os.environ, "FLEET_SIM_TEST_LAYOUT": "compact"}, timeout=120)
                self.assertEqual(ran.returncode, 0, ran.stderr)


if __name__ == "__main__":
    main()
