"""A PostgreSQL server of a test's own: on a free port of the loopback address, in a folder that goes with the test. Nobody
has to be trusted with a password but the role `guarded`."""

import atexit
import getpass
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from fleet import *

_VERSIONS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
PROGRAMS = _VERSIONS[-1].parent if _VERSIONS else None
AS_USER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # the server refuses to run as root
USER = "postgres" if AS_USER else getpass.getuser()
PASSWORD = "open-sesame-4711"

FLEET = ("--identities", IDENTITIES, "--seed", 7, "--start", "2026-03-01")
RUN = (*FLEET, "--speed", "max")
SMALL_LOTS = {"FLEET_SIM_DATABASE_BATCH_SIZE": "250"}

MOMENT = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
READINGS = ("temperature", "vibration", "voltage", "status_code", "anomaly_flag", "anomaly_type", "firmware_version", "model",
            "manufacturer", "location")
EVENTS = ("anomaly_type", "channel", "direction", "magnitude", "readings_affected", "severity", "sigma", "cause", "scenario")
FLEET_EVENTS = ("fleet_events", ["started_at", "ended_at", "silent_until"], ("name", "verb", "what", "failed"))
DELIVERIES = ("deliveries", ["due", "arrived_at"], ("kind", "sequence", "readings"))
SENSORS = ("type", "location", "manufacturer", "model", "firmware_version", "serial_number", "readings_per_second", "extras")
_REAL = ("temperature", "vibration", "voltage", "magnitude", "severity", "sigma", "readings_per_second")
_WHOLE = ("status_code", "anomaly_flag", "direction", "readings_affected", "failed", "sequence", "readings")


def as_numbers(row, columns):
    """A row whose numbers are numbers, as SQLite gives them."""
    return tuple(float(value) if value is not None and column in _REAL else
                 int(value) if value is not None and column in _WHOLE else value for value, column in zip(row, columns))


needs_server = unittest.skipIf(PROGRAMS is None, "PostgreSQL is not installed")


def _children(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


_templates = []  # a folder as initdb makes it, which takes longer than a copy


def _keep_template(folder):
    template = Path(tempfile.mkdtemp(prefix="fleet-sim-test-"))
    atexit.register(shutil.rmtree, template, ignore_errors=True)
    subprocess.run(["cp", "-a", folder, template / "data"], check=True)
    _templates.append(template / "data")


class PostgresqlServer:
    """In a folder that it makes, or on a file system that is mounted there; then its log of changes may be elsewhere."""

    def __init__(self, folder, *how):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        if AS_USER:
            shutil.chown(folder, USER)
        self.port = free_port()
        if how or not _templates:
            self._run("initdb", "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", *how)
            hba = folder / "data" / "pg_hba.conf"
            hba.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
            if not how:
                _keep_template(folder / "data")
        else:
            subprocess.run(["cp", "-a", _templates[0], folder / "data"], check=True)
        self.start()

    def _run(self, program, *arguments):
        ran = subprocess.run([*AS_USER, PROGRAMS / program, "-D", self.folder / "data", *arguments], cwd=self.folder,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=90)
        return ran.returncode, ran.stdout

    def configure(self, *lines):
        """For the next start."""
        with open(self.folder / "data" / "postgresql.conf", "a") as settings:
            settings.writelines(line + "\n" for line in lines)

    def start(self):
        """Also after a crash, once the last of the processes before has gone."""
        options = f"-p {self.port} -k {self.folder} -h 127.0.0.1 -c fsync=off"
        deadline = time.monotonic() + 60
        while True:
            code, output = self._run("pg_ctl", "start", "-w", "-l", self.folder / "log", "-o", options)
            if code == 0:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"the server does not start: {output}")
            time.sleep(0.1)

    def pid(self):
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def processes(self):
        return [self.pid(), *_children(self.pid())]

    def signal(self, number):
        """To the server with everything that works for it."""
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill(self):
        self.signal(signal.SIGKILL)

    def quit(self):
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def address(self, schema="fleet", user=USER, database="postgres", port=None, **more):
        parameters = "&".join(f"{name}={value}" for name, value in {"schema": schema, **more}.items())
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}?{parameters}"

    def query(self, sql, user=USER):
        """The rows as tuples of texts; None for NULL."""
        ran = subprocess.run([PROGRAMS / "psql", "-X", "-A", "-t", "-q", "-F", "\x1f", "-R", "\x1e", "-P", "null=\x1d",
                              "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", str(self.port), "-U", user, "-d", "postgres",
                              "-c", "SET timezone = 'UTC'", "-c", sql],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        if ran.returncode != 0:
            raise AssertionError(f"{sql}: {ran.stderr}")
        text = ran.stdout.rstrip("\n")
        return [tuple(None if field == "\x1d" else field for field in row.split("\x1f"))
                for row in text.split("\x1e")] if text else []

    def number(self, sql):
        return int(self.query(sql)[0][0] or 0)


class LosingProxy:
    """Stands between a program and the server, and loses connections at the worst moment: when the program has sent COMMIT.
    `choose` is asked each time: "pass", "lose the answer" of a commit that the server has carried out, or "lose the question"
    before the server has it. Once it has lost `enough` connections, all pass: a run that ends gives up after a few attempts."""

    def __init__(self, port, choose, enough):
        self.server, self.choose, self.enough = port, choose, enough
        self.lost = {"lose the answer": 0, "lose the question": 0}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _mood(self, is_commit):
        return self.choose() if is_commit and sum(self.lost.values()) < self.enough else "pass"

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server), timeout=60)
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client, server):
        with client, server:
            try:
                while True:
                    for ready in select.select([client, server], [], [])[0]:
                        data = ready.recv(1 << 16)
                        if not data:
                            return
                        what = self._mood(ready is client and data.endswith(b"COMMIT\0"))
                        if what != "lose the question":
                            (server if ready is client else client).sendall(data)
                        if what != "pass":
                            if what == "lose the answer":
                                server.recv(1 << 16)  # the server has committed
                            self.lost[what] += 1
                            return
            except OSError:
                return


@needs_server
class PostgresqlTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.dir.chmod(0o755)
        self.server = PostgresqlServer(self.dir / "server")
        self.addCleanup(self.server.quit)

    def rows_so_far(self):
        if self.server.query("SELECT to_regclass('fleet.sink_progress')") == [(None,)]:
            return 0
        return self.server.number("SELECT sum(readings) FROM fleet.sink_progress")

    def wait_for_rows_beyond(self, count):
        until = time.monotonic() + 60
        while self.rows_so_far() <= count:
            self.assertLess(time.monotonic(), until, f"not {count} rows: {self.printed()}")
            time.sleep(0.02)

    def end(self, process):
        """Waits for the end of a run that was started, and gives its summary."""
        self.assertEqual(process.wait(timeout=300), 0, self.printed())
        return Summary((self.dir / "stdout").read_text())

    def in_server(self, table, moments, columns, schema="fleet"):
        selected = ", ".join([*(MOMENT.format(moment) for moment in moments), "sensor_id", *columns])
        rows = self.server.query(f"SELECT {selected} FROM {schema}.{table}")
        return sorted((as_numbers(row, [*moments, "sensor_id", *columns]) for row in rows), key=repr)

    def in_files(self, table, moments, columns):
        selected = ", ".join([*moments, "sensor_id", *columns])
        return sorted(query_all(self.dir / "data", f"SELECT {selected} FROM {table}"), key=repr)

    def assert_same(self, *more, readings=("sensor_readings", ["timestamp"], READINGS)):
        """The server holds what SQLite's files in `data` do, also in more tables, each row once, and its books say so."""
        for table, moments, columns in (readings,
                                        ("anomaly_events", ["started_at", "ended_at"], EVENTS),
                                        ("sensors", ["valid_from"], SENSORS), *more):
            there, here = self.in_server(table, moments, columns), self.in_files(table, moments, columns)
            self.assertEqual(len(there), len(here), table)
            self.assertTrue(there == here, f"{table}: {next(pair for pair in zip(there, here) if pair[0] != pair[1])}"
                            if there != here else "")
        self.assertEqual(self.rows_so_far(), self.server.number("SELECT count(*) FROM fleet.sensor_readings"))

    def run_into(self, address, *more, code=0, env=None, timeout=150):
        return self.fleet_sim("run", *RUN, "--sink", address, *more, code=code, env=env, timeout=timeout)

    def assert_refused(self, address, *remedies, env=None, more=("--duration", "1m")):
        ran = self.run_into(address, *more, code=3, env=env)
        for remedy in remedies:
            self.assertIn(remedy, ran.stderr)
        return ran
