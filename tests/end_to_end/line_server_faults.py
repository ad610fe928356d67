#!/usr/bin/env python3
"""Line protocol into real servers: InfluxDB, killed and brought back under a running fleet, and VictoriaMetrics; and into one
that takes connections and never answers. `scripts/check sinks` runs it: it takes minutes. Skips the servers that are not
installed."""

import base64
import random
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone

import line_server_test
from fleet import *

FLEET = ("--identities", IDENTITIES, "--seed", 7, "--start", "2026-03-01")
RUN = (*FLEET, "--speed", "max")
SMALL_LOTS = {"FLEET_SIM_DATABASE_BATCH_SIZE": "250", "FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"}
COLUMNS = ("sensor_id", "temperature", "vibration", "voltage", "status_code", "anomaly_flag", "anomaly_type", "firmware_version", "model",
           "manufacturer", "location")


def timestamp_of(nanoseconds):
    seconds, rest = divmod(nanoseconds // 1_000, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest:06}Z"


class Server:
    """A server's process on a port of the loopback address, in a folder that goes with the test."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        folder.mkdir()

    def start(self):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while True:
            try:
                return self.get(self.alive)
            except (OSError, urllib.error.URLError) as error:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text()) from error
                time.sleep(0.05)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(timeout=60)

    def get(self, path, headers={}, data=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers, data=data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()


class Influx(Server):
    alive = "/ping"

    def __init__(self, folder, guarded=False):
        super().__init__(folder)
        self.headers = {"Authorization": "Basic " + base64.b64encode(b"admin:open-sesame").decode()} if guarded else {}
        (folder / "influxdb.conf").write_text(f"""reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
index-version = "tsi1"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{self.port}"
auth-enabled = {str(guarded).lower()}
log-enabled = false
""")

    def command(self):
        return ["influxd", "-config", "influxdb.conf"]

    def query(self, text, **more):
        data = urllib.parse.urlencode({"q": text, "epoch": "ns", **more}).encode()
        return json.loads(self.get("/query", self.headers, data))["results"][0].get("series", [])

    def address(self, user=""):
        return f"lines+http://{user}127.0.0.1:{self.port}/write?db=fleet"

    def readings(self):
        found = self.query(f"SELECT {', '.join(COLUMNS)} FROM sensor_readings", db="fleet")
        return sorted((tuple(row) for row in found[0]["values"]), key=repr) if found else []


class Victoria(Server):
    alive = "/health"

    def command(self):
        return ["victoria-metrics", f"-storageDataPath={self.folder}/data", f"-httpListenAddr=127.0.0.1:{self.port}",
                "-retentionPeriod=100y", "-search.latencyOffset=0"]

    def address(self):
        return f"lines+http://127.0.0.1:{self.port}/write?db=fleet"

    def values(self, name):
        """As (sensor, milliseconds, value)."""
        self.get("/internal/force_flush")
        text = self.get(f"/api/v1/export?match[]={name}&start=2026-01-01T00:00:00Z&end=2026-12-31T00:00:00Z")
        series = [json.loads(line) for line in text.splitlines()]
        return sorted((one["metric"]["sensor_id"], at, value) for one in series for at, value in zip(one["timestamps"], one["values"]))

    def ignored(self):
        return sum(float(line.split()[-1]) for line in self.get("/metrics").splitlines() if line.startswith("vm_rows_ignored_total"))


class LineServerFaults(FleetTest):
    def end_of(self, process, code=0):
        self.assertEqual(process.wait(timeout=300), code, self.printed())
        return Summary((self.dir / "stdout").read_text())

    def stopped(self, process):
        """The summary of a run without an end, once it writes again, and how long it lasted, as arguments. A server may take its time
        to come back."""
        progress = self.dir / "data" / "progress.json"
        for _ in range(2):
            before = progress.read_text()
            self.wait_until(lambda: progress.read_text() != before)
        process.send_signal(signal.SIGINT)
        summary = self.end_of(process)
        run = json.loads((self.dir / "data" / "run.json").read_text())
        return summary, ("--duration", (micros(run["books"]["until"]) - micros(run["start"])) / 1e6)

    def in_files(self, *arguments):
        """The readings of the same run in SQLite's files, by nanoseconds."""
        self.fleet_sim(*RUN, *arguments, "--data-dir", "files")
        rows = query_all(self.dir / "files", f"SELECT timestamp, {', '.join(COLUMNS)} FROM sensor_readings")
        return [(1_000 * micros(at), *row) for at, *row in rows]

    def wait_until(self, holds):
        until = time.monotonic() + 60
        while not holds():
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.02)


@unittest.skipUnless(shutil.which("influxd"), "InfluxDB is not installed")
class IntoInflux(LineServerFaults):
    def serve(self, guarded=False, how=""):
        server = Influx(self.dir / "server", guarded)
        server.start()
        self.addCleanup(lambda: server.process.kill())
        if guarded:
            server.query("CREATE USER admin WITH PASSWORD 'open-sesame' WITH ALL PRIVILEGES")
        server.query("CREATE DATABASE fleet" + how)
        return server

    def assert_same(self, server, summary, *arguments):
        there, here = server.readings(), sorted(self.in_files(*arguments), key=repr)
        self.assertEqual(summary.written, len(there))
        self.assertTrue(there == here, next(((one, other) for one, other in zip(there, here) if one != other), len(here)))
        self.assert_audited(summary, there)
        in_sqlite = [(timestamp_of(at), *row) for at, *row in there]
        self.assertEqual(self.digest_with(self.dir / "files", {"sensor_readings": (("timestamp", *COLUMNS), in_sqlite)}),
                         self.digest("files")["digest"])

    def assert_audited(self, summary, there):
        """By what the run itself has recorded of what it was to deliver."""
        rows = self.write("rows.ndjson", "".join(json.dumps(dict(zip(("timestamp", *COLUMNS), row))) + "\n" for row in there))
        audit = json.loads(self.fleet_sim("audit", "data", "--rows", rows, "--json").stdout)
        self.assertEqual((audit["delivered"], audit["missing"], audit["duplicate"], audit["altered"], audit["unexpected"]),
                         (summary.written, 0, 0, 0, 0))

    def test_killed_again_and_again(self):
        seed = int(os.environ.get("FLEET_SIM_TEST_SEED", random.randrange(1 << 32)))
        print(f"seed {seed}")
        chance = random.Random(seed)
        server = self.serve()
        process = self.start("run", *FLEET, "--speed", 600, "--sink", server.address(), "--duration", 0, env=SMALL_LOTS)
        self.wait_until(server.readings)
        for _ in range(20):
            time.sleep(chance.uniform(0, 2))
            server.end(signal.SIGKILL)
            time.sleep(chance.uniform(0, 1))
            server.start()
        summary, span = self.stopped(process)
        self.assertEqual((summary.lost, "unconfirmed" in summary.lines), (0, False))
        self.assert_same(server, summary, *span)
        self.assertGreater(server.query("SELECT count(readings_affected) FROM anomaly_events", db="fleet")[0]["values"][0][1], 0)

    def test_who_is_let_in(self):
        server = self.serve(guarded=True)
        ran = self.fleet_sim("run", *RUN, "--duration", "1m", "--sink", server.address(), code=3)
        self.assertIn("401", ran.stderr)
        self.assertIn("sink.password_file", ran.stderr)
        secret = self.write("secret", "open-sesame\n")
        ran = self.fleet_sim("run", *RUN, "--duration", "1m", "--sink", server.address("admin@"),
                             env={"FLEET_SIM_SINK_PASSWORD_FILE": str(secret)})
        self.assert_same(server, ran.summary, "--duration", "1m")

    def test_no_such_database(self):
        server = self.serve()
        for path, said in (("/write?db=other", "create the database"), ("/write", "database is required"), ("/wrote?db=fleet", "404")):
            ran = self.fleet_sim("run", *RUN, "--duration", "1m", "--sink", server.address().replace("/write?db=fleet", path), code=3)
            self.assertIn(said, ran.stderr)

    def test_rows_that_it_rejects(self):
        server = self.serve()
        server.get("/write?db=fleet", data=b'sensor_readings temperature="warm" 1772323200000000000')
        ran = self.fleet_sim("run", *RUN, "--duration", "1m", "--sink", server.address(), code=1)
        self.assertIn("field type conflict", ran.stderr)
        self.assertEqual((ran.summary.rejected, ran.summary.written), (ran.summary.due - ran.summary.missing, 0))

    def test_rows_that_are_older_than_it_keeps(self):
        server = self.serve(how=" WITH DURATION 1h")
        ran = self.fleet_sim("run", *RUN, "--duration", "1m", "--sink", server.address(), code=1)
        self.assertEqual((ran.summary.rejected, ran.summary.written), (ran.summary.due - ran.summary.missing, 0))


@unittest.skipUnless(shutil.which("victoria-metrics"), "VictoriaMetrics is not installed")
class IntoVictoriaMetrics(LineServerFaults):
    def test_no_such_path(self):
        server = Victoria(self.dir / "server")
        server.start()
        self.addCleanup(lambda: server.process.kill())
        ran = self.fleet_sim("run", *RUN, "--duration", "1m", "--sink", server.address().replace("/write", "/wrote"), code=3)
        self.assertIn("unsupported path", ran.stderr)
        self.assertIn("correct the path", ran.stderr)

    def test_stopped_and_started(self):
        server = Victoria(self.dir / "server")
        server.start()
        self.addCleanup(lambda: server.process.kill())
        process = self.start("run", *FLEET, "--speed", 600, "--sink", server.address(), "--duration", 0, env=SMALL_LOTS)
        self.wait_until((self.dir / "data" / "progress.json").exists)
        for _ in range(3):
            time.sleep(1.5)
            server.end()
            time.sleep(0.5)
            server.start()
        summary, span = self.stopped(process)
        self.assertEqual((summary.lost, server.ignored()), (0, 0))
        there = {(sensor, at): value for sensor, at, value in server.values("sensor_readings_temperature")}
        here = {(sensor, at // 1_000_000): temperature for at, sensor, temperature, *_ in self.in_files(*span)}
        self.assertEqual(summary.written, len(here))
        self.assertEqual(there.keys() ^ here.keys(), set())
        worst = max(abs(there[key] / here[key] - 1) for key in here)  # it keeps some fifteen digits
        self.assertLess(worst, 1e-11)


class NobodyAnswers(LineServerFaults):
    def test_a_server_that_never_answers(self):
        silent = [False, 0]

        def answer(request):
            if silent[0] and silent[1] < 1 and request.body.startswith("sensor_readings,"):
                silent[1] += 1
                return ("never",)
            return (204,)

        server = line_server_test.LineServer(answer)
        self.addCleanup(server.close)
        process = self.start("run", *FLEET, "--speed", 60, "--duration", "90m", "--sink", server.address(), env=SMALL_LOTS)
        self.wait_until(lambda: len(server.taken) > 500)
        silent[0] = True
        summary = self.end_of(process)
        self.assertIn("does not respond; rows wait in memory", self.printed())
        self.assertIn("works again", self.printed())
        self.assertEqual(summary.lost, 0)
        self.assertGreater(summary.resent, 0)
        lines = [line for line in server.taken if line.startswith("sensor_readings,")]
        self.assertEqual(summary.written, len(set(lines)))
        self.assertEqual(summary.resent, len(lines) - len(set(lines)))


if __name__ == "__main__":
    main()
