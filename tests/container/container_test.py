#!/usr/bin/env python3
"""The image in a real container engine: who it runs as, what can be mounted, what its health says, how it stops.

`scripts/check container` builds the image and runs this. CONTAINER_ENGINE names another engine than docker,
FLEET_SIM_IMAGE another image than fleet-sim. Folders to mount lie in a temporary one, as the engine's service sees it.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest
import urllib.request
from datetime import datetime
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
ENGINE = os.environ.get("CONTAINER_ENGINE", "docker")
IMAGE = os.environ.get("FLEET_SIM_IMAGE", "fleet-sim")
FLEET = 10001  # the image's own user
SOMEBODY = 4321


def engine(*arguments, code=0, timeout=120):
    ran = subprocess.run([ENGINE, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
    if code is not None and ran.returncode != code:
        raise AssertionError(f"{' '.join(map(str, arguments))}: exit code {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran


class ContainerTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="fleet-sim-container-"))
        self.dir.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.dir)
        self.data = self.dir / "data"

    def write(self, name, content):
        path = self.dir / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def start(self, *arguments, options=(), data=None):
        """The container's id. It is removed at the test's end, with its volumes."""
        mounted = ("-v", f"{data or self.data}:/app/data")
        container = engine("run", "-d", *mounted, *options, IMAGE, *arguments).stdout.strip()
        self.addCleanup(engine, "rm", "-f", "-v", container)
        return container

    def state(self, container, what):
        return engine("inspect", "-f", f"{{{{.State.{what}}}}}", container).stdout.strip()

    def logs(self, container):
        logs = engine("logs", container)
        return logs.stdout + logs.stderr

    def end(self, container, code=0, seconds=180):
        """Waits for the end, and returns what was said."""
        engine("wait", container, timeout=seconds)
        logs = self.logs(container)
        self.assertEqual(self.state(container, "ExitCode"), str(code), logs)
        return logs

    def run_to_its_end(self, *arguments, code=0, **more):
        return self.end(self.start(*arguments, **more), code)

    def wait_for(self, condition, container, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            self.assertEqual(self.state(container, "Running"), "true", self.logs(container))
            self.assertLess(time.monotonic(), until, self.logs(container))
            time.sleep(0.2)

    def query(self, sql, data=None):
        rows = []
        for path in sorted((data or self.data).glob("*.db")):
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as connection:
                rows += connection.execute(sql).fetchall()
            connection.close()
        return rows

    def sensors(self, *arguments, options=()):
        """Who is in a second of history, written to a fresh folder."""
        data = Path(tempfile.mkdtemp(dir=self.dir))
        self.run_to_its_end("--speed", "max", "--start", "2026-01-01", "--seed", 1, "--duration", 1, *arguments,
                            options=options, data=data)
        return sorted(self.query("SELECT DISTINCT sensor_id, location FROM sensor_readings", data))


class SeedsCommand(ContainerTest):
    """docker run -v $(pwd)/data:/app/data -e SENSOR_ID=CUSTOM001 -e SENSOR_LOCATION="Custom Location" fleet-sim"""

    OPTIONS = ("-e", "SENSOR_ID=CUSTOM001", "-e", "SENSOR_LOCATION=Custom Location")

    def test_writes_is_healthy_and_drains(self):
        self.assertFalse(self.data.exists(), "the engine makes the folder, and root owns it")
        container = self.start(options=(*self.OPTIONS, "--health-interval", "1s",
                                        "-e", "FLEET_SIM_SIMULATION_READINGS_PER_SECOND=1000"))
        self.wait_for(lambda: self.state(container, "Health.Status") == "healthy", container)
        engine("stop", container)
        logs = self.end(container, code=4)  # it was stopped before its hour was over
        asked, ended = (datetime.fromisoformat(line.split()[0]) for line in logs.splitlines()
                        if " stopping: " in line or " run ended" in line)
        self.assertLess((ended - asked).total_seconds(), 5)
        (counted,) = self.query("SELECT count(*), min(sensor_id), max(sensor_id), min(location), max(location)"
                                " FROM sensor_readings")
        self.assertEqual(counted[1:], ("CUSTOM001", "CUSTOM001", "Custom Location", "Custom Location"))
        self.assertGreater(counted[0], 500)
        self.assertIn(f"  written       {counted[0]:,} rows", logs)
        self.assertIn("  lost          0\n", logs)
        self.assertEqual(self.query("PRAGMA integrity_check"), [("ok",)])

    def test_has_no_rights_left(self):
        container = self.start(options=self.OPTIONS)
        self.wait_for(lambda: (self.data / "sensor_data.db").exists(), container)
        status = dict(line.split(":\t", 1) for line in
                      engine("exec", container, "cat", "/proc/1/status").stdout.splitlines() if ":\t" in line)
        self.assertEqual(status["Name"], "fleet-sim")
        self.assertEqual(set(status["Uid"].split() + status["Gid"].split()), {str(FLEET)})
        self.assertEqual(status["Groups"].split(), [])
        for set_of_rights in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[set_of_rights], 16), 0, set_of_rights)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual({path.stat().st_uid for path in [self.data, *self.data.iterdir()]}, {FLEET})


class Sinks(ContainerTest):
    def test_servers_are_built_in(self):
        """Nothing is there, which ends a run with 3; a build without the sink would end with 2."""
        for sink in ("postgresql://127.0.0.1:9/fleet", "lines+https://127.0.0.1:9/write"):
            output = self.run_to_its_end("--duration", 1, "--sink", sink, code=3)
            self.assertIn("127.0.0.1:9", output)


class DataDirectory(ContainerTest):
    def test_belongs_to_somebody(self):
        """Who made the folder gets files of his own."""
        self.data.mkdir()
        os.chown(self.data, SOMEBODY, SOMEBODY)
        self.run_to_its_end("--duration", 1)
        self.assertEqual({path.stat().st_uid for path in [self.data, *self.data.iterdir()]}, {SOMEBODY})

    def test_in_a_volume(self):
        volume = engine("volume", "create").stdout.strip()
        self.addCleanup(engine, "volume", "rm", volume)
        for _ in range(2):
            self.run_to_its_end("--duration", 1, data=volume)
        output = self.run_to_its_end("digest", "data", data=volume)
        self.assertEqual(output.count("\nrun "), 2, output)

    def test_may_not_be_written(self):
        self.data.mkdir()
        for options in (("--user", str(SOMEBODY)), ("--user", f"{FLEET}:{FLEET}")):
            output = self.run_to_its_end("--duration", 1, options=options, code=3)
            self.assertRegex(output, rf"user \d+ cannot write to /app/data, which belongs to user {os.getuid()}, but a run must")
        self.assertEqual([path.name for path in self.data.iterdir()], [])

    def test_as_a_user_of_ones_own(self):
        """As careful set-ups run it: no rights, nothing to write but the data directory."""
        self.data.mkdir()
        os.chown(self.data, SOMEBODY, SOMEBODY)
        self.run_to_its_end("--duration", 1, options=("--user", f"{SOMEBODY}:{SOMEBODY}", "--cap-drop", "ALL", "--read-only",
                                                       "--security-opt", "no-new-privileges"))
        self.assertEqual(len(self.query("SELECT * FROM run_info")), 1)

    def test_that_can_only_be_read(self):
        self.run_to_its_end("--duration", 1)
        output = engine("run", "--rm", "-v", f"{self.data}:/app/data:ro", IMAGE, "digest", "data").stdout
        self.assertIn(f"{self.query('SELECT count(*) FROM sensor_readings')[0][0]} readings", output)

    def test_of_another_container(self):
        first = self.start("--duration", 0)
        self.wait_for(lambda: (self.data / "sensor_data.db").exists(), first)
        self.assertIn("writes the same sensors there", self.run_to_its_end("--duration", 1, code=3))


class Mounts(ContainerTest):
    def sensor(self, name):
        return {"id": name, "location": f"Warehouse of {name}"}

    def test_nothing(self):
        self.assertEqual(self.sensors(), [("SENSOR_001", "Factory A - Line 1")])
        self.assertEqual(self.sensors(options=("-e", "SENSOR_ID=A")), [("A", "Factory A - Line 1")])

    def test_a_node_identity(self):
        mount = ("-v", f"{self.write('mine.json', self.sensor('MINE'))}:/app/node_identity.json")
        self.assertEqual(self.sensors(options=mount), [("MINE", "Warehouse of MINE")])
        self.assertEqual(self.sensors(options=(*mount, "-e", "SENSOR_LOCATION=Roof")), [("MINE", "Roof")])

    def test_a_folder_of_identities(self):
        for name in "AB":
            self.write(f"many/{name}.json", self.sensor(name))
        mount = ("-v", f"{self.dir / 'many'}:/app/identities:ro")
        self.assertEqual([sensor for sensor, _ in self.sensors(options=mount)], ["A", "B"])
        output = self.run_to_its_end(options=(*mount, "-e", "SENSOR_ID=C"), code=2)
        self.assertIn("SENSOR_ID: is for a run of one sensor, but there are 2", output)

    def test_the_demo(self):
        self.assertIn("15 identities in 15 files", self.run_to_its_end("check", "--identities", "demo"))

    def test_a_config(self):
        config = "simulation: {readings_per_second: 4}\nanomalies: {enabled: false}\n"
        container = self.start("--duration", 3, options=("-v", f"{self.write('my.yaml', config)}:/app/config.yaml"))
        self.end(container)
        self.assertEqual(self.query("SELECT count(*) FROM sensor_readings"), [(12,)])

    def test_a_config_that_changes(self):
        config = self.write("my.yaml", "config_reload: {check_interval_seconds: 0.2}\n")
        container = self.start("--duration", 0, options=("-v", f"{config}:/app/config.yaml"))
        self.wait_for(lambda: "run started" in self.logs(container), container)
        config.write_text("config_reload: {check_interval_seconds: 0.2}\nanomalies: {probability: 0.5}\n")
        self.wait_for(lambda: "anomalies.probability" in self.logs(container), container)

    def test_a_folder_that_changes(self):
        """A file that is replaced by another one, as editors do, and one that is new."""
        self.write("many/a.json", self.sensor("A"))
        container = self.start("--duration", 0, "--rate", 20, options=(
            "-v", f"{self.dir / 'many'}:/app/identities:ro", "-e", "FLEET_SIM_CONFIG_RELOAD_CHECK_INTERVAL_SECONDS=0.2"))
        self.wait_for(lambda: "run started" in self.logs(container), container)
        self.write("many/b.json", self.sensor("B"))
        self.write("other.json", {**self.sensor("A"), "firmware_version": "1.4"}).rename(self.dir / "many" / "a.json")
        wanted = {("A", "1.3"), ("A", "1.4"), ("B", "1.3")}
        self.wait_for(lambda: (self.data / "sensor_data.db").exists() and wanted == set(
            self.query("SELECT DISTINCT sensor_id, firmware_version FROM sensor_readings")), container)

    def test_variables(self):
        config = self.write("my.yaml", "simulation: {readings_per_second: 4}\nanomalies: {enabled: false}\n")
        self.run_to_its_end(options=("-v", f"{config}:/app/other.yaml", "-e", "SENSOR_CONFIG=/app/other.yaml",
                                     "-e", "FLEET_SIM_SIMULATION_RUN_TIME_SECONDS=2",
                                     "-e", "FLEET_SIM_FLEET_IDENTITIES=/app/demo"))
        self.assertEqual(self.query("SELECT count(*) FROM sensor_readings"), [(2 * 4 * 15,)])


class Health(ContainerTest):
    def test_follows_the_address(self):
        container = self.start("--duration", 0, options=("-e", "FLEET_SIM_MONITORING_ADDRESS=0.0.0.0:9000",
                                                         "--health-interval", "1s", "--health-retries", "1"))
        self.wait_for(lambda: self.state(container, "Health.Status") == "healthy", container)

    def test_is_loopback_unless_asked(self):
        container = self.start("--duration", 0)
        self.wait_for(lambda: "status at http://127.0.0.1:8080/" in self.logs(container), container)

    def test_can_be_published(self):
        container = self.start("--duration", 0, options=("-e", "FLEET_SIM_MONITORING_ADDRESS=0.0.0.0:8080",
                                                         "-p", "127.0.0.1::8080"))
        self.wait_for(lambda: "run started" in self.logs(container), container)
        address = engine("port", container, "8080").stdout.strip()
        with urllib.request.urlopen(f"http://{address}/healthz", timeout=10) as answer:
            self.assertEqual(json.load(answer), {"healthy": True})

    def test_of_a_run_that_does_not_answer(self):
        container = self.start("--duration", 0, "--no-status", options=("--health-interval", "1s", "--health-retries", "1",
                                                                        "--health-start-period", "0s"))
        self.wait_for(lambda: self.state(container, "Health.Status") == "unhealthy", container)
        engine("stop", container)
        self.end(container)


class ComposeTest(ContainerTest):
    """A compose file as it stands, under a project name of its own."""

    FILES = []

    def compose(self, *arguments, code=0, stdin="", timeout=600, **variables):
        command = [ENGINE, "compose"] if engine("compose", "version", code=None).returncode == 0 else [f"{ENGINE}-compose"]
        files = [word for file in self.FILES for word in ("-f", str(file))]
        ran = subprocess.run([*command, "-p", f"fleet-sim-test-{os.getpid()}", *files, *arguments], input=stdin, capture_output=True,
                             text=True, timeout=timeout, env={**os.environ, "FLEET_SIM_IMAGE": IMAGE, **variables})
        if code is not None:
            self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        return ran.stdout


class Collector(ComposeTest):
    FILES = [SOURCE / "configs" / "container" / "compose.yaml"]

    def counts(self):
        """Rows of the fleet, those that are marked, and rows in the central file, as the two containers see them."""
        output = "import sqlite3, glob; ask = lambda path, sql: sqlite3.connect(path, timeout=10).execute(sql).fetchone()[0] or 0;" \
               "shards = glob.glob('/app/data/*.db');" \
               "print(sum(ask(path, 'SELECT count(*) FROM sensor_readings') for path in shards)," \
               "sum(ask(path, 'SELECT sum(synced) FROM sensor_readings') for path in shards)," \
               "ask('/app/central/central.db', 'SELECT count(*) FROM sensor_readings'))"
        return [int(count) for count in
                self.compose("run", "--rm", "--no-deps", "-T", "--entrypoint", "python3", "collector", "-c", output).split()]

    def test_a_collector_beside_a_fleet(self):
        self.addCleanup(self.compose, "down", "-v")
        self.compose("build", "collector")
        self.compose("up", "-d")
        until = time.monotonic() + 60
        while (counts := self.counts())[2] < 300:
            self.assertLess(time.monotonic(), until, (counts, self.compose("logs")))
            time.sleep(1)
        self.assertIn("data: 10 shards, 15 sensors", self.compose("exec", "-T", "fleet", "fleet-sim-entry", "report", "data"))
        self.compose("stop", "fleet")
        while (counts := self.counts())[1] < counts[0]:
            self.assertLess(time.monotonic(), until, (counts, self.compose("logs")))
            time.sleep(1)
        written, marked, central = counts
        self.assertEqual((marked, central), (written, written))
        logs = self.compose("logs", "--no-color", "fleet")
        self.assertIn(f"  written       {written:,} rows", logs)


if __name__ == "__main__":
    unittest.main(verbosity=2)
