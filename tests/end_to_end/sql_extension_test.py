#!/usr/bin/env python3
"""fleet_sim.so: the shards as tables of other programs that use SQLite. Python and the sqlite3 shell load it."""

import sys

from fleet import *

EXTENSION = Path(EXECUTABLE).with_name("fleet_sim")


def python_that_loads():
    """One whose SQLite may load extensions, which is a choice of whoever built it."""
    for program in (sys.executable, "/usr/bin/python3"):
        test = "import sqlite3; sqlite3.connect(':memory:').enable_load_extension(True)"
        if os.path.exists(program) and subprocess.run([program, "-c", test], capture_output=True).returncode == 0:
            return program
    return None


@unittest.skipUnless(EXTENSION.with_suffix(".so").exists(), "built without sqlite3ext.h")
class Extension(FleetTest):
    def setUp(self):
        super().setUp()
        self.fill("data", "--shard-by", "location", "--duration", "5m")
        self.total = total(self.dir / "data", "SELECT count(*) FROM sensor_readings")

    def shell(self, *commands, code=0):
        ran = subprocess.run(["sqlite3", ":memory:", f".load {EXTENSION}", *commands], cwd=self.dir, capture_output=True, text=True, timeout=60)
        self.assertEqual(ran.returncode, code, ran.stderr)
        return ran.stdout + ran.stderr

    def test_a_function(self):
        self.assertEqual(self.shell("SELECT count(*) FROM fleet('data')"), f"{self.total}\n")
        self.assertEqual(self.shell("SELECT count(DISTINCT sensor_id) FROM fleet('data') WHERE location LIKE 'Outdoor%'"), "2\n")
        self.assertEqual(self.shell("SELECT count(*) FROM fleet('data') WHERE shard = 'location=Outdoor_-_Area_1.db'"),
                         f"{query(self.dir / 'data' / 'location=Outdoor_-_Area_1.db', 'SELECT count(*) FROM sensor_readings')[0][0]}\n")
        columns = self.shell(".mode csv", ".headers on", "SELECT * FROM fleet('data') LIMIT 1").splitlines()[0]
        self.assertEqual(columns, ",".join(name for name, _ in COLUMNS))

    def test_all_tables(self):
        names = self.shell("SELECT fleet_open('data')").strip().split(", ")
        self.assertIn("anomaly_events", names)
        self.assertEqual(self.shell("SELECT fleet_open('data') IS NOT NULL", "SELECT count(*) FROM sensors").split(), ["1", "15"])
        self.assertEqual(self.shell("CREATE VIRTUAL TABLE temp.e USING fleet('data', 'anomaly_events')", "SELECT count(*) FROM e"),
                         f"{total(self.dir / 'data', 'SELECT count(*) FROM anomaly_events')}\n")

    def test_nothing_can_be_written(self):
        before = fingerprint(self.dir / "data")
        self.assertIn("may not be modified", self.shell("SELECT fleet_open('data')", "DELETE FROM sensor_readings", code=1))
        self.assertEqual(fingerprint(self.dir / "data"), before)

    def test_errors(self):
        for statement, error in (("SELECT * FROM fleet('nowhere')", "nowhere: no such file or directory"),
                                 ("SELECT * FROM fleet", "no query solution"), ("SELECT fleet_open('nowhere')", "nowhere: no such"),
                                 ("CREATE VIRTUAL TABLE temp.x USING fleet('data', 'pumps')", "data has no table pumps; it has anomaly_events,")):
            self.assertIn(error, self.shell(statement, code=1))
        shards(self.dir / "data")[0].write_bytes(b"no database" * 1000)
        self.assertIn(shards(self.dir / "data")[0].name, self.shell("SELECT count(*) FROM fleet('data')", code=1))

    def test_in_python(self):
        program = python_that_loads()
        if program is None:
            self.skipTest("no Python here loads extensions")
        script = f"""
import sqlite3
connection = sqlite3.connect(":memory:")
connection.enable_load_extension(True)
connection.load_extension({str(EXTENSION)!r})
connection.execute("SELECT fleet_open('data')")
print(connection.execute("SELECT count(*) FROM sensor_readings").fetchone()[0])
print(connection.execute("SELECT sum(n) FROM (SELECT count(*) AS n FROM fleet('data') WHERE location = ? GROUP BY sensor_id)",
                         ("Factory A - Line 1",)).fetchone()[0])
"""
        ran = subprocess.run([program, "-c", script], cwd=self.dir, capture_output=True, text=True, timeout=60)
        ((at_line_1,),) = query(self.dir / "data" / "location=Factory_A_-_Line_1.db", "SELECT count(*) FROM sensor_readings")
        self.assertEqual((ran.stdout.split(), ran.stderr), ([str(self.total), str(at_line_1)], ""))


if __name__ == "__main__":
    main()
