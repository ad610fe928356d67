#!/usr/bin/env python3
"""fleet_sim.so: the shards as tables of other programs that use SQLite. Python and the sqlite3 shell load it."""

from pages import *

PAGE = "engine/sql/README.md"
INSTALLED = "/usr/local/lib/fleet_sim"  # as the page has it
EXTENSION = Path(EXECUTABLE).with_name("fleet_sim")


def python_that_loads():
    """One whose SQLite may load extensions, which is a choice of whoever built it."""
    for program in (sys.executable, "/usr/bin/python3"):
        test = "import sqlite3; sqlite3.connect(':memory:').enable_load_extension(True)"
        if os.path.exists(program) and subprocess.run([program, "-c", test], capture_output=True).returncode == 0:
            return program
    return None


@unittest.skipIf(os.environ.get("FLEET_SIM_TEST_SANITIZER"), "a sanitizer has to be in the program that loads it")
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
        (snippet,) = fences(PAGE, "python")
        ran = subprocess.run([program, "-c", snippet.replace(INSTALLED, str(EXTENSION))], cwd=self.dir, capture_output=True,
                             text=True, timeout=60)
        expected = [(location, round(temperature, 1)) for path in shards(self.dir / "data") for location, temperature in
                    query(path, "SELECT location, avg(temperature) FROM sensor_readings")]
        self.assertEqual(ran.stdout, "".join(f"{location} {temperature}\n" for location, temperature in sorted(expected)), ran.stderr)

    def test_in_the_shell(self):
        """As the page does it."""
        (snippet,) = fences(PAGE, "sql")
        printed = self.shell(*snippet.replace(INSTALLED, str(EXTENSION)).splitlines())
        for firmware in ("1.3", "1.4"):
            count = total(self.dir / "data", "SELECT count(*) FROM sensor_readings WHERE firmware_version = ?", firmware)
            self.assertIn(f"{firmware}|{count}\n", printed)
        self.assertRegex(printed, r"(?m)^spike\|\d+$")


if __name__ == "__main__":
    main()
