#!/usr/bin/env python3
"""Audits of what scripts/collect and the sinks of text deliver: all of it, once and unchanged; and how a database is read."""

from audited import *
from collecting import *
from several_types_test import TYPES, fleet_of_three


class OfCollectors(CollectTest, AuditTest):
    def audit_database(self, *arguments, runs=("data",), code=0):
        return json.loads(self.fleet_sim("audit", *runs, "--database", self.into, "--json", *arguments, code=code).stdout)

    def stored(self, *runs):
        return len(auditing.stored_rows(*(self.dir / run for run in runs or ("data",))))

    def test_what_was_collected(self):
        """Of types with different columns, each in a table of its own; what has not been collected is missing."""
        config = self.write("types.yaml", TYPES)
        self.fill("data", "--config", config, "--shard-by", "location", "--duration", "10m", identities=self.write_identities(fleet_of_three()))
        self.collect()
        told = self.audit_database()
        self.assertEqual((told["expected"], told["delivered"], told["rows_read"]), (self.stored(),) * 3)
        query(self.dir / self.into, "DELETE FROM sensor_readings_pump WHERE rowid % 10 = 0")
        query(self.dir / self.into, "UPDATE sensor_readings SET temperature = temperature + 1 WHERE rowid = 5")
        lost = self.stored() - total_rows(self.dir / self.into)
        told = self.audit_database(code=1)
        self.assertEqual((told["missing"], told["altered"], told["altered_columns"].get("temperature")), (lost, 1, 1))

    def test_columns_that_one_table_lacks(self):
        """Tables are judged each by the columns that it has; one that options name has to be in any."""
        config = self.write("types.yaml", TYPES)
        self.fill("data", "--config", config, "--shard-by", "location", "--duration", "5m", identities=self.write_identities(fleet_of_three()))
        self.collect()
        for table, column in (("sensor_readings_pump", "model"), ("sensor_readings_gas", "location"), ("sensor_readings", "anomaly_type")):
            query(self.dir / self.into, f"ALTER TABLE {table} DROP COLUMN {column}")
        self.assertEqual(self.audit_database()["rows_read"], self.stored())
        query(self.dir / self.into, "ALTER TABLE sensor_readings_pump RENAME COLUMN flow TO stream")
        self.assertIn("stream", self.audit_database()["not_judged"])
        query(self.dir / self.into, "UPDATE sensor_readings_pump SET stream = stream + 1 WHERE rowid = 5")
        query(self.dir / self.into, "UPDATE sensor_readings SET model = 'other' WHERE rowid = 5")
        told = self.audit_database("--map", "flow=stream", code=1)
        self.assertEqual((told["altered"], told["altered_columns"]), (2, {"model": 1, "flow": 1}))
        ran = self.fleet_sim("audit", "data", "--database", self.into, "--map", "flow=none", code=2)
        self.assertIn("has no column 'none', which --map names", ran.stderr)

    def test_tables_of_other_names(self):
        """Somebody's copies of a table are no second delivery."""
        self.fill("data", "--duration", "1m")
        self.collect()
        for name in ("backup", "pump"):  # of no type of the run
            query(self.dir / self.into, f"CREATE TABLE sensor_readings_{name} AS SELECT * FROM sensor_readings")
        told = self.audit_database()
        self.assertEqual((told["rows_read"], told["delivered"]), (self.stored(),) * 2)

    def test_partitions_into_one_database(self):
        parts = [f"data{part}" for part in (1, 2, 3)]
        for part, data in enumerate(parts, 1):
            self.fill(data, "--partition", f"{part}/3", "--duration", "5m")
            ran = subprocess.run([sys.executable, "-B", COLLECT, data, "--into", self.into], cwd=self.dir, capture_output=True, text=True)
            self.assertEqual(ran.returncode, 0, ran.stderr)
        told = self.audit_database(runs=parts)
        self.assertEqual((told["expected"], told["delivered"]), (self.stored(*parts),) * 2)
        told = self.audit_database(runs=parts[:2], code=1)
        self.assertEqual((told["missing"], told["unexpected"]), (0, self.stored(parts[2])))

    def test_databases_that_cannot_be_read(self):
        self.fill("data", "--duration", "10")
        query_new(self.dir / "other.db", "CREATE TABLE mine (sensor_id, \"when\"); INSERT INTO mine VALUES ('x', '2026-01-01')")
        self.write("text.db", "not a database at all\n" * 100)
        for arguments, says in ((("--database", "none.db"), "none.db"), (("--database", "text.db"), "text.db: "),
                                (("--database", "other.db"), "other.db: has no table 'sensor_readings'; --table names the one to be read"),
                                (("--database", "other.db", "--table", "yours"), "has no table 'yours'"),
                                (("--database", "other.db", "--table", "mine"), "timestamp"),
                                (("--database", "postgresql://me:secret@127.0.0.1:1/db"), "127.0.0.1:1/db: "), ((), "--rows FILE or --database FILE"),
                                (("--rows", "text.db", "--database", "other.db"), "--rows"), (("--rows", "text.db", "--table", "x"), "--database")):
            with self.subTest(arguments):
                ran = self.fleet_sim("audit", "data", *arguments, code=2)
                self.assertIn(says, ran.stderr)
                self.assertNotIn("secret", ran.stderr)
                self.assertEqual(ran.stdout, "")
        self.assertFalse((self.dir / "none.db").exists())


def total_rows(path):
    return sum(query(path, f'SELECT count(*) FROM "{table}"')[0][0] for (table,) in
               query(path, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'sensor_readings%'"))


def query_new(path, script):
    with sqlite3.connect(path) as database:
        database.executescript(script)
    database.close()


class OfSinks(AuditTest):
    """Rows as text, with the manifest in a data directory beside them."""

    def run_into(self, sink, *arguments, config="{}"):
        self.write("config.yaml", config)
        self.fill("data", "--config", "config.yaml", "--sink", sink, "--duration", "5m", *arguments)

    def clean(self, rows):
        told = json.loads(self.fleet_sim("audit", "data", "--rows", rows, "--json").stdout)
        self.assertGreater(told["expected"], 1_000)
        self.assertEqual(told["delivered"], told["expected"])

    def test_files(self):
        for sink in ("csv:rows.csv", "ndjson:rows.ndjson"):
            with self.subTest(sink):
                shutil.rmtree(self.dir / "data", ignore_errors=True)
                self.run_into(sink)
                self.clean(sink.split(":")[1])

    def test_rows_that_are_cut_short(self):
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--sink", "csv:whole.csv", "--speed", "max", "--start", "2026-01-01",
                       "--seed", 7, "--count", 5000)
        self.clean("whole.csv")
        lines = (self.dir / "whole.csv").read_text().splitlines(keepends=True)
        self.write("cut.csv", "".join(lines[:-100]))
        told = json.loads(self.fleet_sim("audit", "data", "--rows", "cut.csv", "--json", code=1).stdout)
        self.assertEqual(self.counts(told), {**dict.fromkeys(KINDS, 0), "expected": len(lines) - 1, "delivered": len(lines) - 101, "missing": 100})

    def test_an_imperfect_delivery_and_a_scenario(self):
        self.run_into("ndjson:rows.ndjson", config=json.dumps({
            "delivery": {"drop": "2%", "late": {"share": "10%", "median": "4s"}, "duplicate": "2%", "jitter": "20ms"},
            "scenario": [{"name": "up", "at": "+1m", "where": {"firmware_version": "1.3"}, "set": {"firmware_version": "1.4"}}]}))
        self.clean("rows.ndjson")


if __name__ == "__main__":
    main()
