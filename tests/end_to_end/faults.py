"""What the tests of faults share: a paced fleet, and what has to hold once the fault is over."""

from fleet import *

RATE = 50
SENSORS = 20
PER_SECOND = RATE * SENSORS


class FaultTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"
        self.fleet = self.write_identities([identity(f"S{i:02}", location=f"Site {i % 2}") for i in range(SENSORS)])

    def arguments(self, *more):
        return ("--identities", self.fleet, "--data-dir", self.data, "--rate", RATE, "--seed", 1, *more)

    def begin(self, *more, env=None, **options):
        """Starts a run of 1,000 readings a second, flushed often, that goes on until it is stopped.

        No sensor falls silent, as one may with the seed of a run that starts now: for half a minute, and its file with it.
        """
        env = {"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "200", "FLEET_SIM_ANOMALIES_TYPES_MISSING_DATA_ENABLED": "false",
               **(env or {})}
        return self.start(*self.arguments("--duration", 0, *more), env=env, **options)

    def rows(self):
        return total(self.data, "SELECT count(*) FROM sensor_readings")

    def wait_for_more(self, process, rows, files=1):
        """Until so many rows more than now are committed."""
        self.wait_for_rows(self.data, self.rows() + rows, process, files)

    def wait_until(self, true, process=None, seconds=60):
        until = time.monotonic() + seconds
        while not true():
            if process is not None and process.poll() is not None:
                self.fail(f"ended too early, with {process.returncode}:\n{self.printed()}")
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.02)

    def wait_for_line(self, process, words, seconds=30):
        self.wait_until(lambda: re.search(words, (self.dir / "stderr").read_text()), process, seconds)

    def let_it_fail(self, process, seconds):
        """Long enough for retries to run out; the process has to live through it."""
        time.sleep(seconds)
        self.assertIsNone(process.poll(), self.printed())

    def assert_each_once(self):
        """Each (sensor, timestamp) once, each event once, and in order of time within a second."""
        for path in shards(self.data):
            for columns, table in (("sensor_id, timestamp", "sensor_readings"), ("sensor_id, started_at", "anomaly_events")):
                self.assertEqual(query(path, f"SELECT {columns} FROM {table} GROUP BY {columns} HAVING count(*) > 1"), [],
                                 path.name)
            latest = 0
            for (at,) in query(path, "SELECT timestamp FROM sensor_readings ORDER BY id"):
                self.assertGreaterEqual(micros(at), latest - SECOND, f"{path.name}: {at} goes back")
                latest = max(latest, micros(at))

    def assert_all_there(self, summary, error_class):
        """Nothing was lost, everything is there once, and the fault did happen."""
        self.assert_balanced(summary, self.data)
        self.assert_each_once()
        self.assert_sound(self.data)
        self.assertGreater(summary.errors, 0, "nothing failed")
        self.assertIn(error_class, summary.lines["errors"])

    def assert_loss_counted(self, summary):
        """What is lost is counted, and the rest is there once."""
        self.assertGreater(summary.lost, 0)
        self.assertEqual(summary.written, self.rows())
        self.assertEqual(summary.due, summary.written + summary.missing + summary.lost)
        self.assert_each_once()
        self.assert_sound(self.data)
