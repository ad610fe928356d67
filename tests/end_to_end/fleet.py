"""What the end-to-end tests share: running the executable, and reading its files back with Python's own SQLite.

The executable is named by the variable FLEET_SIM. Every test runs it in a fresh temporary folder, without the variables
that would change its settings.
"""

import functools
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest
from datetime import date
from pathlib import Path
from urllib.parse import quote

SOURCE = Path(__file__).resolve().parents[2]
EXECUTABLE = os.path.abspath(os.environ.get("FLEET_SIM", SOURCE / "build" / "fleet-sim"))
IDENTITIES = SOURCE / "identities"

COLUMNS = [("id", "INTEGER"), ("timestamp", "TEXT"), ("sensor_id", "TEXT"), ("temperature", "REAL"),
           ("vibration", "REAL"), ("voltage", "REAL"), ("status_code", "INTEGER"), ("anomaly_flag", "INTEGER"),
           ("anomaly_type", "TEXT"), ("firmware_version", "TEXT"), ("model", "TEXT"), ("manufacturer", "TEXT"),
           ("location", "TEXT"), ("synced", "INTEGER")]
# How new files store readings. Of a view, SQLite counts no rows that are marked, and does not know every type.
LAYOUT = os.environ.get("FLEET_SIM_TEST_LAYOUT", "wide")
if LAYOUT == "compact":
    COLUMNS = [(name, "" if name in ("status_code", "anomaly_flag") else kind) for name, kind in COLUMNS]
TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
SECOND = 1_000_000  # microseconds

# Whether tests that try something again and again take their time, as `scripts/check storm` has them do.
AT_LENGTH = bool(os.environ.get("FLEET_SIM_TEST_AT_LENGTH"))

# For a program that another one traces: an address sanitizer in it cannot trace it as well, to look for leaks.
TRACED = {"ASAN_OPTIONS": "detect_leaks=0"}

# The thread sanitizer makes a program ten times slower, and keeps a signal back that comes to a thread of oneTBB's.
not_under_thread_sanitizer = unittest.skipIf(os.environ.get("FLEET_SIM_TEST_SANITIZER") == "thread",
                                             "for a program at its own pace")

LOCK_FILE = ".fleet-sim.lock"  # stays in every data directory that a run has used …
BESIDE_SHARDS = {LOCK_FILE, "run.json"}  # … and so does the last run's manifest

POLL = "SELECT * FROM sensor_readings WHERE synced = 0 ORDER BY timestamp ASC LIMIT 100"


def environment(**more):
    """Ours, without what fleet-sim reads, and with `more`."""
    seen_by_program = ("FLEET_SIM", "SENSOR_", "CONFIG_FILE", "IDENTITY_FILE", "DEFAULT_IDENTITIES", "COLUMNS")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(seen_by_program)}
    layout = {} if LAYOUT == "wide" else {"FLEET_SIM_DATABASE_LAYOUT": LAYOUT}
    return {**clean, "FLEET_SIM_LOGGING_FILE": "log/fleet-sim.log", "FLEET_SIM_MONITORING_ENABLED": "false", **layout, **more}


@functools.lru_cache(maxsize=None)
def _midnight(text):
    return (date.fromisoformat(text) - date(1970, 1, 1)).days * 86_400 * SECOND


def micros(timestamp):
    """Microseconds since 1970 of a timestamp column."""
    hours, minutes, seconds = int(timestamp[11:13]), int(timestamp[14:16]), int(timestamp[17:19])
    return _midnight(timestamp[:10]) + ((hours * 60 + minutes) * 60 + seconds) * SECOND + int(timestamp[20:26])


def connect(path):
    """A connection in autocommit mode, to a file that exists. Waits for locks as a collector does."""
    return sqlite3.connect(f"file:{quote(os.fspath(path))}?mode=rw", uri=True, timeout=10, isolation_level=None)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def fingerprint(folder):
    """What is in a folder: each file's name and a hash of its bytes."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def query(path, sql, *parameters):
    connection = connect(path)
    try:
        return connection.execute(sql, parameters).fetchall()
    finally:
        connection.close()


def shards(directory):
    return sorted(Path(directory).glob("*.db"))


def query_all(directory, sql, *parameters):
    """The rows that a query gives in each shard, one after the other."""
    return [row for path in shards(directory) for row in query(path, sql, *parameters)]


def total(directory, sql, *parameters):
    """The sum over all shards, but for one that is only being made and has no tables yet."""
    return sum(row[0] or 0 for path in shards(directory) if query(path, "SELECT 1 FROM sqlite_schema LIMIT 1")
               for row in query(path, sql, *parameters))


def identity(sensor_id, **more):
    return {"id": sensor_id, "type": "temperature_vibration", "location": "Factory A - Line 1",
            "manufacturer": "SensorTech", "model": "TempVibe-2000", "firmware_version": "1.4", **more}


def demo_identities():
    """What the shipped identity files say, by id."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(IDENTITIES.glob("*.json"))]
    return {one["id"]: one for one in found}


class Summary:
    """The numbers of the closing summary, by the word each line begins with."""

    def __init__(self, text):
        self.lines = dict(re.findall(r"^  (\w+) +(.*)$", text, re.MULTILINE))

    def number(self, name):
        return int(re.match(r"[\d,]+", self.lines[name])[0].replace(",", ""))

    def __getattr__(self, name):
        if name not in self.lines:
            raise AssertionError(f"the summary has no line '{name}', only {sorted(self.lines)}")
        return self.number(name)


class FleetTest(unittest.TestCase):
    """Each test has a folder of its own, self.dir, in which the program runs."""

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="fleet-sim-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def fleet_sim(self, *arguments, code=0, env=None, timeout=150, **options):
        """Runs the program to its end and returns it with .stdout, .stderr and, when it printed one, .summary."""
        ran = subprocess.run([EXECUTABLE, *map(str, arguments)], cwd=self.dir, env=environment(**(env or {})),
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, **options)
        printed = f"{' '.join(map(str, arguments))}\n--- stdout\n{ran.stdout}--- stderr\n{ran.stderr}"
        self.assertEqual(ran.returncode, code, printed)
        ran.summary = Summary(ran.stdout)
        return ran

    def many_files(self):
        """A data directory for more files than a disk syncs in a test's time: in memory, if there is enough of it."""
        memory = Path("/dev/shm")
        if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 2e9:
            return self.dir / "data"
        data = Path(tempfile.mkdtemp(prefix="fleet-sim-test-", dir=memory))
        self.addCleanup(shutil.rmtree, data, ignore_errors=True)
        return data

    def fill(self, data, *arguments, identities=IDENTITIES, **options):
        """Fills a data directory with history: fixed start and seed, as fast as it goes, unless told otherwise."""
        return self.fleet_sim("--identities", identities, "--data-dir", data, "--speed", "max", "--start", "2026-01-01",
                              "--seed", 7, *arguments, **options)

    def start(self, *arguments, env=None, program=EXECUTABLE, **options):
        """Starts the program; its output goes to the files stdout and stderr. Killed at the test's end at the latest."""
        with open(self.dir / "stdout", "w") as out, open(self.dir / "stderr", "w") as err:
            process = subprocess.Popen([program, *map(str, arguments)], cwd=self.dir, stdout=out, stderr=err,
                                       stdin=subprocess.DEVNULL, env=environment(**(env or {})), **options)

        def end():
            process.kill()
            process.wait()
        self.addCleanup(end)
        return process

    def stop(self, process, how=signal.SIGINT, code=None):
        """Signals the program, waits for its end, and returns its summary. Without `code`, it exits with 4 if its summary
        says that it was cut short, otherwise with 0."""
        process.send_signal(how)
        process.wait(timeout=60)
        summary = Summary((self.dir / "stdout").read_text())
        if code is None:
            code = 4 if "cut short" in summary.lines.get("ended", "") else 0
        self.assertEqual(process.returncode, code, self.printed())
        return summary

    def printed(self):
        return (self.dir / "stdout").read_text() + (self.dir / "stderr").read_text()

    def wait_for_rows(self, data, least=1, process=None, files=1, seconds=60):
        """Until so many rows are committed, to at least so many files."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                counts = [count for (count,) in query_all(data, "SELECT count(*) FROM sensor_readings") if count > 0]
                if sum(counts) >= least and len(counts) >= files:
                    return
            except sqlite3.OperationalError as error:
                counts = error  # a file that is just being made
            if process is not None and process.poll() is not None:
                self.fail(f"ended too early, with {process.returncode}:\n{self.printed()}")
            time.sleep(0.05)
        self.fail(f"not {least} rows in {files} files after {seconds} s, but {counts!r}:\n{self.printed()}")

    def write_identities(self, identities, name="fleet.jsonl"):
        path = self.dir / name
        path.write_text("".join(json.dumps(one) + "\n" for one in identities), encoding="utf-8")
        return path

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def digest(self, data):
        return json.loads(self.fleet_sim("digest", data, "--json").stdout)

    def digest_with(self, data, tables):
        """The digest of data in one file, with these rows in place of its own: {table: (columns, rows)}."""
        copy = self.dir / "copy"
        shutil.copytree(data, copy)
        (path,) = shards(copy)
        connection = connect(path)
        connection.execute("BEGIN")
        for table, (columns, rows) in tables.items():
            connection.execute(f"DELETE FROM {table}")
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", rows)
        connection.execute("COMMIT")
        connection.close()
        digest = self.digest(copy)["digest"]
        shutil.rmtree(copy)
        return digest

    def counted(self, data):
        """The digest without what depends on the sharding."""
        digest = self.digest(data)
        return digest["digest"], digest["readings"], digest["events"]

    def readings(self, data):
        """Every reading as a tuple without id and synced, sorted."""
        columns = ", ".join(name for name, _ in COLUMNS if name not in ("id", "synced"))
        return sorted(query_all(data, f"SELECT {columns} FROM sensor_readings"), key=repr)

    def assert_sound(self, data):
        for path in shards(data):
            self.assertEqual(query(path, "PRAGMA integrity_check"), [("ok",)], path.name)

    def assert_balanced(self, summary, data):
        """The equations of the books, held against the rows that are really there (for a fresh data directory)."""
        self.assertEqual(summary.lost, 0)
        self.assertEqual(summary.due, summary.written + summary.missing)
        self.assertEqual(summary.written, total(data, "SELECT count(*) FROM sensor_readings"))
        self.assertEqual(summary.missing, total(
            data, "SELECT sum(readings_affected) FROM anomaly_events WHERE anomaly_type = 'missing_data'"))

    def assert_nothing_written(self, *kept):
        """The test's folder holds nothing but what the test itself put there."""
        self.assertEqual(sorted(path.relative_to(self.dir).as_posix() for path in self.dir.rglob("*")), sorted(kept))


def main():
    unittest.main(verbosity=2)
