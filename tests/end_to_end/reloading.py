"""What tests of reloads share: a fleet of three identity files in a folder, and waiting for what becomes of changes."""

import json
import re
import sqlite3
import time

import fleet
from fleet import identity, query_all, total

PACE = ["--rate", "50", "--duration", "0", "--seed", "7"]
FLUSH_OFTEN = {"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "200"}


class Reloading(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        self.folder = self.dir / "identities"
        self.folder.mkdir()
        for sensor in ("A", "B", "C"):
            self.put(sensor)

    def put(self, sensor_id, name=None, **more):
        path = self.folder / f"{name or sensor_id}.json"
        path.write_text(json.dumps(identity(sensor_id, **more)), encoding="utf-8")

    def config(self, text="", interval=0.1):
        """A config file without anomalies, so that every reading that is due has a row."""
        return self.write("config.yaml", f"anomalies: {{enabled: false}}\nconfig_reload: {{check_interval_seconds: "
                                         f"{interval}}}\n{text}")

    def run_fleet(self, *arguments, interval=0.1, env=FLUSH_OFTEN):
        self.config(interval=interval)
        process = self.start("--config", "config.yaml", "--identities", "identities", "--data-dir", "data", *PACE,
                             *arguments, env=env)
        self.wait_for_rows(self.dir / "data", 30, process)
        return process

    def until(self, condition, what, seconds=30, pause=0.03):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            try:
                if condition():
                    return
            except sqlite3.OperationalError:
                pass  # a file that is just being made
            time.sleep(pause)
        self.fail(f"not within {seconds} s: {what}\n{self.printed()}")

    def until_logged(self, text, times=1):
        self.until(lambda: self.printed().count(text) >= times, f"'{text}' in the log")

    def ids(self):
        return {row[0] for row in query_all(self.dir / "data", "SELECT DISTINCT sensor_id FROM sensor_readings")}

    def rows(self, sensor_id, columns="timestamp"):
        return sorted(query_all(self.dir / "data", f"SELECT {columns} FROM sensor_readings WHERE sensor_id = ?", sensor_id))

    def finish(self, process, code=0):
        summary = self.stop(process, code=code)
        self.assertNotIn("do not balance", self.printed())
        self.assert_sound(self.dir / "data")
        self.assertEqual(summary.written, total(self.dir / "data", "SELECT count(*) FROM sensor_readings"))
        return summary

    def moment(self, times=1):
        """From when the latest reload counts, as the log says."""
        return re.findall(r"reloaded, starting with readings at (\S+Z)", self.printed())[times - 1]

    def assert_evenly_due(self, sensor_id, period, since="", before="9"):
        due = [fleet.micros(at) for (at,) in self.rows(sensor_id) if since <= at < before]
        self.assertGreater(len(due), 3)
        gaps = {later - earlier for earlier, later in zip(due, due[1:])}
        self.assertTrue(gaps <= {period}, gaps)
