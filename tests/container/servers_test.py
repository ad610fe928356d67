#!/usr/bin/env python3
"""The compose files that start a fleet beside a server, with stand-ins for the servers' images (servers/), through what happens to
such a fleet: the server prepares itself, is killed and comes back, and all of it is stopped and started again.

`scripts/check container` runs this. Grafana's stand-in wants port 3000, as the compose file says.
"""

import json
import os
import subprocess
import time
import unittest
import urllib.request

import container_test
from container_test import FLEET, SOURCE, engine

CONFIGS = SOURCE / "configs" / "container"
STAND_INS = SOURCE / "tests" / "container" / "servers" / "Dockerfile"
PASSWORD = "correct-horse-4711"
ROWS = 100  # which the demo sensors write in seven seconds


def build(name):
    subprocess.run([container_test.ENGINE, "build", "--quiet", "--target", name, "--tag", f"fleet-sim-test-{name}",
                    "--file", STAND_INS, SOURCE / "tests"], check=True, stdout=subprocess.DEVNULL, timeout=1200,
                   env={**os.environ, "DOCKER_BUILDKIT": "1"})


class ServerTest(container_test.ComposeTest):
    """The fleet's root can only be read, too, which the compose files leave to their users."""

    FILE = SERVER = ADDRESS = ""
    IMAGES = {}  # of the stand-ins, by service

    @classmethod
    def setUpClass(cls):
        for name in cls.IMAGES.values():
            build(name)

    def setUp(self):
        super().setUp()
        stand_ins = {service: {"image": f"fleet-sim-test-{name}"} for service, name in self.IMAGES.items()}
        changes = self.write("changes.yaml", {"services": {**stand_ins, "fleet": {"read_only": True}}})
        self.FILES = [CONFIGS / self.FILE, changes]
        self.addCleanup(self.compose, "down", "-v")
        self.up()

    def compose(self, *arguments, **more):
        return super().compose(*arguments, **more, FLEET_PASSWORD=PASSWORD)

    def up(self):
        """All of it, until the engine says that the fleet is healthy. It is not started before the server is ready, so it starts once."""
        self.compose("up", "-d")
        self.fleet = self.compose("ps", "-q", "fleet").strip()
        self.server = self.compose("ps", "-q", self.SERVER).strip()
        self.wait_for(lambda: self.state(self.fleet, "Health.Status") == "healthy", self.fleet)
        self.assertEqual(engine("inspect", "-f", "{{.RestartCount}}", self.fleet).stdout.strip(), "0", self.logs(self.fleet))

    def stop(self):
        """The fleet, and what it says that it has written altogether: one number a run."""
        self.compose("stop", "fleet")
        logs = self.end(self.fleet)
        self.assertEqual(logs.count("  lost          0\n"), logs.count("  written   "), logs)
        self.assertNotIn("unconfirmed", logs)
        return [int(line.split()[1].replace(",", "")) for line in logs.splitlines() if line.startswith("  written   ")]

    def in_server(self, *command, code=0):
        return self.compose("exec", "-T", self.SERVER, *command, code=code).strip()

    def fleet_sim(self, *arguments, **more):
        """In a container of its own beside the server, with the fleet's data."""
        return self.compose("run", "--rm", "--no-deps", "-T", "fleet", *arguments, **more)

    def health(self):
        """What is wrong; nothing while the fleet is healthy."""
        return json.loads(engine("exec", self.fleet, "fleet-sim-entry", "health", code=None).stdout).get("reasons", [])

    def wait_for_rows(self, least):
        self.wait_for(lambda: self.count() >= least, self.fleet)

    def rows_through_trouble(self):
        """What the fleet has written once the server has been killed and is back."""
        self.wait_for_rows(ROWS)
        engine("kill", self.server)
        self.wait_for(self.health, self.fleet)
        self.assertIn(f"{self.ADDRESS}: cannot be written since", self.health()[0])
        engine("start", self.server)
        self.wait_for(lambda: not self.health(), self.fleet)
        self.wait_for_rows(self.count() + ROWS)
        (written,) = self.stop()
        self.assertEqual(self.count(), written)
        return written

    def assert_owned_and_confined(self):
        owners = engine("exec", self.fleet, "find", "/app/data", "-printf", "%U:%G %f\n").stdout.splitlines()
        self.assertIn(f"{FLEET}:{FLEET} run.json", owners)
        self.assertEqual({line.split()[0] for line in owners}, {f"{FLEET}:{FLEET}"})
        self.assertIn("Read-only file system", engine("exec", self.fleet, "touch", "/app/x", code=1).stderr)
        self.assertRegex(engine("exec", self.fleet, "cat", "/proc/1/status").stdout, rf"Uid:\s{FLEET}\s{FLEET}\s")


class PostgreSQL(ServerTest):
    FILE, SERVER = "compose.postgresql.yaml", "postgresql"
    IMAGES = {"postgresql": "postgres", "grafana": "grafana"}
    ADDRESS = "postgresql://fleet@postgresql/fleet?schema=fleet"

    def query(self, sql):
        return self.in_server("psql", "-U", "fleet", "-qAtc", sql).splitlines()

    def count(self):
        return int(self.query("SELECT count(*) FROM fleet.sensor_readings")[0])

    def audit(self, run):
        return self.fleet_sim("audit", "data", "--database", self.ADDRESS, "--run", run)

    def test_a_fleet_goes_on_whatever_happens_to_its_server(self):
        self.assert_owned_and_confined()
        written = self.rows_through_trouble()
        (first,) = self.query("SELECT run_id FROM fleet.run_info")
        self.assertIn(f"{written:,} of {written:,} delivered", self.audit(first))
        self.compose("stop")
        self.up()
        self.wait_for_rows(written + ROWS)
        # Each start is a run, in the same tables.
        both = self.stop()
        self.assertEqual(both[0], written)
        self.assertEqual(self.query("SELECT count(*) FROM fleet.sensor_readings GROUP BY run ORDER BY run"), [str(one) for one in both])
        second = self.query("SELECT run_id FROM fleet.run_info ORDER BY run")[1]
        for run in (first, second):
            self.assertIn("every reading once and unchanged", self.audit(run))
        self.assert_password_is_nowhere()

    def assert_password_is_nowhere(self):
        """But in the environment that it was given in."""
        for container in self.compose("ps", "-q").split():
            self.assertNotIn(PASSWORD, self.logs(container))
            (state,) = json.loads(engine("inspect", container).stdout)
            del state["Config"]["Env"]
            self.assertNotIn(PASSWORD, json.dumps(state))
        self.assertNotIn(PASSWORD, self.in_server("pg_dump", "-U", "fleet", "--schema", "fleet"))
        self.assertNotIn(PASSWORD, self.compose("run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "fleet", "-c", "cat data/*"))

    def test_the_dashboard_shows_it(self):
        self.wait_for_rows(ROWS)
        at_least = self.count()
        with urllib.request.urlopen("http://127.0.0.1:3000/", timeout=30) as answer:
            shown = json.load(answer)
        at_most = self.count()
        panels = shown["panels"]
        self.assertEqual(shown["title"], "fleet-sim: readings in PostgreSQL")
        self.assertEqual(panels["Sensors"], [["15"]])
        self.assertTrue(at_least <= int(panels["Readings"][0][0]) <= at_most, (at_least, panels["Readings"], at_most))
        self.assertTrue(0 <= float(panels["Behind"][0][0]) < 10, panels["Behind"])
        self.assertEqual({place for _, place, _ in panels["Voltage, mean by location"]},
                         set(self.query("SELECT DISTINCT location FROM fleet.sensors")))
        self.assertEqual([run[0] for run in panels["Runs"]], self.query("SELECT run_id FROM fleet.run_info"))


class InfluxDB(ServerTest):
    FILE, SERVER = "compose.influxdb.yaml", "influxdb"
    IMAGES = {"influxdb": "influxdb"}
    ADDRESS = "lines+http://influxdb:8086/write?db=fleet"

    def influx(self, query, *options):
        return self.in_server("influx", "-database", "fleet", "-format", "csv", *options, "-execute", query)

    def count(self):
        # Counts a field, which a row without a value of it lacks: every row has a status.
        lines = self.influx("SELECT count(status_code) FROM sensor_readings").splitlines()
        return int(lines[1].split(",")[-1]) if lines else 0

    def test_a_fleet_goes_on_whatever_happens_to_its_server(self):
        self.assert_owned_and_confined()
        written = self.rows_through_trouble()
        rows = self.influx("SELECT * FROM sensor_readings", "-precision", "rfc3339")
        audited = self.fleet_sim("audit", "data", "--rows", "-", "--map", "timestamp=time", stdin=rows)
        self.assertIn(f"{written:,} of {written:,} delivered", audited)
        self.assertIn("every reading once and unchanged", audited)
        self.compose("stop")
        self.up()
        self.wait_for_rows(written + ROWS)
        both = self.stop()
        self.assertEqual(self.count(), sum(both))


if __name__ == "__main__":
    unittest.main(verbosity=2)
