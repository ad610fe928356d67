#!/usr/bin/env python3
"""Files and pages of sensors with one channel and with seven, read by programs that have never heard of these channels.

The type is made in code (tests/support/made_type.h) and written down here once more, for the model that shares no code with
fleet-sim.
"""

import csv
import io
import sys
from contextlib import closing

from fleet import *
from status_test import Served

PROGRAM = Path(EXECUTABLE).parent / "tests" / "channels_fleet"
COLLECT = SOURCE / "scripts" / "collect"
sys.path.insert(0, str(SOURCE / "tests"))
import ground_truth  # noqa: E402

# Anomalies of every type within minutes. What the built-in behaviors say of other channels leaves these alone.
CONFIG = """
simulation: {seed: 11, run_time_seconds: SECONDS}
clock: {start: 2026-01-01T08:00:00Z, speed: SPEED}
database: {data_dir: data, flush_interval_ms: 100}
sharding: {by: sensor}
monitoring: {enabled: MONITORING, address: "127.0.0.1:0"}
anomalies:
  probability: 0.3
  types: {trend: {duration_seconds: 20}, pattern: {duration_seconds: 25}, missing_data: {duration_seconds: 8}}
"""


def declared(channels):
    """The type as the independent model takes it."""
    normal = {f"c{c}": {"mean": 1000 * (c + 1), "std_dev": 1, "min": 1000 * (c + 1) - 100, "max": 1000 * (c + 1) + 100}
              for c in range(channels)}
    pattern = {"c0": 1, f"c{channels - 1}": -1} if channels > 1 else {"c0": 1}
    return ground_truth.SensorType(normal, "c0", pattern)


class Channels(Served):
    channels = 7

    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"
        self.names = [f"c{c}" for c in range(self.channels)]
        self.columns = ["timestamp", "sensor_id", *self.names, "status_code", "anomaly_flag", "anomaly_type",
                        "firmware_version", "model", "manufacturer", "location"]

    def configure(self, seconds=600, speed="max", monitoring="false"):
        self.write("config.yaml", CONFIG.replace("SECONDS", str(seconds)).replace("SPEED", str(speed))
                   .replace("MONITORING", monitoring))

    def simulate(self):
        self.configure()
        process = self.start(self.channels, "config.yaml", program=PROGRAM)
        self.assertEqual(process.wait(120), 0, self.printed())

    def rows(self, condition="1"):
        """In order of time, as fresh connections read them."""
        return sorted(query_all(self.data, f"SELECT {', '.join(self.columns)} FROM sensor_readings WHERE {condition}"))

    def inspect(self):
        return ground_truth.inspect(self.data, complete=True, sensor_type=declared(self.channels))

    def test_the_other_model_agrees(self):
        self.simulate()
        offenders, told = self.inspect()
        self.assertEqual(offenders, [])
        self.assertIn(f"5 of 5 sensors, {len(self.rows())} rows", told)
        kinds = {kind for (kind,) in query_all(self.data, "SELECT anomaly_type FROM anomaly_events")}
        self.assertEqual(kinds, set(ground_truth.USUAL_TYPES))
        picked = {name for (name,) in query_all(self.data, "SELECT channel FROM anomaly_events WHERE channel IS NOT NULL")}
        self.assertEqual(picked, set(self.names))

        with closing(connect(shards(self.data)[0])) as shard:
            shard.execute(f"UPDATE sensor_readings SET {self.names[-1]} = {self.names[-1]} + 1e-6 WHERE id = 99")
        (offender,), _ = self.inspect()
        self.assertIn(f"{self.names[-1]} ", offender)

    def test_every_row_is_collected(self):
        self.simulate()
        ran = subprocess.run([sys.executable, "-B", COLLECT, "data", "--into", "central.sqlite"], cwd=self.dir,
                             capture_output=True, text=True, timeout=120)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        central = self.dir / "central.sqlite"
        self.assertEqual([name for (name,) in query(central, "SELECT name FROM pragma_table_info('sensor_readings_made')")],
                         ["run_id", *self.columns])
        self.assertEqual(sorted(query(central, f"SELECT {', '.join(self.columns)} FROM sensor_readings_made")), self.rows())
        self.assertEqual(self.rows("synced = 0"), [])

    def test_a_center_of_other_channels_is_left_alone(self):
        self.simulate()
        with closing(connect(shards(self.data)[0])) as shard:
            shard.execute("ALTER TABLE sensor_readings RENAME COLUMN c0 TO other")
        ran = subprocess.run([sys.executable, "-B", COLLECT, "data", "--into", "central.sqlite"], cwd=self.dir,
                             capture_output=True, text=True, timeout=120)
        self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
        self.assertIn("unlike sensor_readings_made in the central database", ran.stderr)

    def test_exports_are_what_the_files_hold(self):
        self.simulate()
        expected = self.rows()
        table = csv.DictReader(io.StringIO(self.fleet_sim("export", "data", "--format", "csv").stdout))
        self.assertEqual(table.fieldnames, self.columns)
        read = [tuple(float(row[name]) for name in self.names) for row in table]
        self.assertEqual(sorted(read), sorted(row[2:2 + self.channels] for row in expected))
        lines = map(json.loads, self.fleet_sim("export", "data", "--format", "ndjson").stdout.splitlines())
        self.assertEqual(sorted(tuple(line[name] for name in self.columns) for line in lines), expected)

    def test_the_report_has_the_channels(self):
        self.simulate()
        report = json.loads(self.fleet_sim("report", "data", "--json").stdout)
        self.assertEqual(report["total"]["readings"], len(self.rows()))
        usual = [row[2] for row in self.rows("anomaly_flag = 0 AND timestamp >= '2026-01-01T08'")]
        (day,) = report["daily"]
        hour = day["hours"][8]
        self.assertAlmostEqual(hour["c0"], sum(usual) / len(usual), places=2)
        self.fleet_sim("report", "data", "--html", "report.html")
        page = (self.dir / "report.html").read_text(encoding="utf-8")
        for name in self.names:
            self.assertIn(f'{{"name":"{name}"', page)
        self.assertNotIn(f'{{"name":"c{self.channels}"', page)

    def test_the_page_has_the_channels(self):
        self.configure(seconds=0, speed=20, monitoring="true")
        self.process = self.start(self.channels, "config.yaml", program=PROGRAM)
        self.port = int(self.wait_for(lambda: re.search(r"status at http://127\.0\.0\.1:(\d+)/", self.printed()))[1])
        self.wait_for(lambda: self.ask("/readyz")[0] == 200)
        self.wait_for(lambda: len(self.json("/api/sensors/sensor-3")["readings"]) > 60)
        look = self.json("/api/sensors/sensor-3")
        self.assertEqual([(one["name"], one["unit"]) for one in look["channels"]],
                         [(f"c{c}", f"unit{c}") for c in range(self.channels)])
        self.assertEqual(self.ask("/metrics")[0], 200)
        self.stop(self.process)
        stored = {row[0]: row[2:2 + self.channels] for row in self.rows("sensor_id = 'sensor-3'")}
        shown = {one["timestamp"]: tuple(one[name] for name in self.names) for one in look["readings"]}
        none = (None,) * self.channels
        self.assertEqual(shown, {at: stored.get(at, none) for at in shown})
        self.assertGreater(sum(values != none for values in shown.values()), 30)


class OneChannel(Channels):
    channels = 1

if __name__ == "__main__":
    main()
