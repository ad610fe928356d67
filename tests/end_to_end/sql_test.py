#!/usr/bin/env python3
"""`fleet-sim sql`: all shards as one database. Its answers are those that the same query gives on one file into which the
shards were merged by hand."""

import termios

from pseudo_terminal import PseudoTerminal
from collecting import *
from several_types_test import TYPES, fleet_of_three

STATS = re.compile(r"(?P<result>[\d,]+) rows? in [^,]+(?:, from (?P<rows>[\d,]+) rows? of (?P<files>[\d,]+) files?"
                   r"(?: \((?P<out>[\d,]+) left out\))?)?\n")

# Those of the first description of the simulator, as they stand there.
QUERIES = {
    "rates": """
SELECT
  firmware_version,
  COUNT(*) as total_readings,
  SUM(CASE WHEN anomaly_flag = 1 THEN 1 ELSE 0 END) as anomaly_count,
  ROUND(100.0 * SUM(CASE WHEN anomaly_flag = 1 THEN 1 ELSE 0 END) / COUNT(*), 2) as anomaly_percentage
FROM sensor_readings
GROUP BY firmware_version
ORDER BY anomaly_percentage DESC;
""",
    "types by model": """
SELECT
  model,
  anomaly_type,
  COUNT(*) as count,
  ROUND(100.0 * COUNT(*) / SUM(COUNT(*)) OVER (PARTITION BY model), 2) as percentage
FROM sensor_readings
WHERE anomaly_flag = 1
GROUP BY model, anomaly_type
ORDER BY model, percentage DESC;
""",
    "sync by firmware": """
SELECT
  firmware_version,
  COUNT(*) as total_readings,
  SUM(CASE WHEN synced = 1 THEN 1 ELSE 0 END) as synced_readings,
  ROUND(100.0 * SUM(CASE WHEN synced = 1 THEN 1 ELSE 0 END) / COUNT(*), 2) as sync_percentage
FROM sensor_readings
GROUP BY firmware_version
ORDER BY sync_percentage;
""",
    "sync": """
SELECT
    COUNT(*) as total_readings,
    SUM(CASE WHEN synced = 1 THEN 1 ELSE 0 END) as synced_readings,
    SUM(CASE WHEN synced = 0 THEN 1 ELSE 0 END) as unsynced_readings
FROM sensor_readings
""",
    # The twelve kinds that TSBS asks of a fleet of trucks, and some more: the last of each, those in a state or near a limit,
    # averages by kind and by day, beside what is nominal, how long something went on, how often it broke.
    "last of each": """
SELECT sensor_id, location, temperature, max(timestamp) FROM sensor_readings GROUP BY sensor_id ORDER BY sensor_id""",
    "last of each by a join": """
SELECT r.sensor_id, r.voltage FROM sensor_readings r
JOIN (SELECT sensor_id, max(timestamp) AS at FROM sensor_readings GROUP BY sensor_id) m
  ON m.sensor_id = r.sensor_id AND m.at = r.timestamp ORDER BY 1""",
    "last of each by rank": """
SELECT sensor_id, voltage FROM (SELECT sensor_id, voltage, row_number() OVER (PARTITION BY sensor_id ORDER BY timestamp DESC) AS n
  FROM sensor_readings WHERE model = 'TempVibe-2000') WHERE n = 1 AND voltage < 12 ORDER BY 1""",
    "still ones": """
SELECT sensor_id, avg(vibration) FROM sensor_readings WHERE timestamp >= '2026-01-01T00:10' AND timestamp < '2026-01-01T00:20'
GROUP BY sensor_id HAVING avg(vibration) < 2.5 ORDER BY 1""",
    "hot by kind": """
SELECT s.model, s.manufacturer, count(*), avg(r.temperature) FROM sensor_readings r JOIN sensors s ON s.sensor_id = r.sensor_id
WHERE r.temperature > 70 GROUP BY 1, 2 ORDER BY 1, 2""",
    "by ten minutes": """
SELECT substr(timestamp, 1, 15) AS span, manufacturer, avg(temperature), max(vibration) FROM sensor_readings
GROUP BY span, manufacturer ORDER BY 1, 2""",
    "long sessions": """
WITH minute AS (SELECT sensor_id, substr(timestamp, 1, 16) AS at, avg(temperature) AS t FROM sensor_readings GROUP BY 1, 2)
SELECT sensor_id, count(*) FROM minute WHERE t > 66 GROUP BY sensor_id HAVING count(*) > 5 ORDER BY 1""",
    "long daily sessions": """
SELECT t.sensor_id, s.manufacturer FROM (SELECT sensor_id, substr(timestamp, 1, 10) AS day, substr(timestamp, 12, 5) AS minute
  FROM sensor_readings WHERE timestamp >= '2026-01-01' AND timestamp < '2026-01-02' GROUP BY 1, 2, 3 HAVING avg(temperature) > 65) t
JOIN sensors s ON s.sensor_id = t.sensor_id GROUP BY t.sensor_id, s.manufacturer HAVING count(*) > 8 ORDER BY 1""",
    "near the limit": """
SELECT r.sensor_id, s.firmware_version, r.temperature / s.highest AS load FROM sensor_readings r
JOIN (SELECT sensor_id, firmware_version, (SELECT max(temperature) FROM sensor_readings) AS highest FROM sensors) s USING (sensor_id)
WHERE load > 0.95 ORDER BY 3 DESC, 1""",
    "as is nominal": """
SELECT s.location, avg(r.vibration) AS found, avg(CASE s.model WHEN 'TempVibe-1000' THEN 2.0 ELSE 2.5 END) AS nominal
FROM sensor_readings r JOIN sensors s ON s.sensor_id = r.sensor_id WHERE r.voltage > 11.9 GROUP BY s.location ORDER BY 1""",
    "mean of a day": """
WITH span AS (SELECT sensor_id, substr(timestamp, 1, 10) AS day, substr(timestamp, 12, 4) AS ten FROM sensor_readings
  GROUP BY 1, 2, 3 HAVING avg(vibration) > 2.4)
SELECT day, sensor_id, count(*) / 6.0 AS hours, avg(count(*)) OVER (PARTITION BY day) AS mean FROM span GROUP BY 1, 2 ORDER BY 1, 2""",
    "mean session of a day": """
WITH minute AS (SELECT sensor_id, substr(timestamp, 1, 16) AS at, avg(temperature) > 66 AS busy FROM sensor_readings GROUP BY 1, 2),
  change AS (SELECT *, busy <> coalesce(lag(busy) OVER each, NOT busy) AS begins FROM minute WINDOW each AS (PARTITION BY sensor_id ORDER BY at)),
  session AS (SELECT *, sum(begins) OVER (PARTITION BY sensor_id ORDER BY at) AS number FROM change)
SELECT sensor_id, avg(length) FROM (SELECT sensor_id, number, count(*) AS length FROM session WHERE busy GROUP BY 1, 2) GROUP BY 1 ORDER BY 1""",
    "activity of a day": """
SELECT s.manufacturer, s.model, y.day, sum(y.ten) / 144.0 AS activity FROM (SELECT sensor_id, substr(timestamp, 1, 10) AS day,
  substr(timestamp, 12, 4) AS span, count(*) AS ten FROM sensor_readings WHERE status_code = 0 GROUP BY 1, 2, 3) y
JOIN sensors s ON s.sensor_id = y.sensor_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
    "how often": """
WITH flagged AS (SELECT sensor_id, model, anomaly_flag AS now, lag(anomaly_flag) OVER (PARTITION BY sensor_id ORDER BY timestamp) AS was
  FROM sensor_readings)
SELECT model, count(*) FROM flagged WHERE now = 1 AND was = 0 GROUP BY model ORDER BY 1""",
    "readings of anomalies": """
SELECT e.sensor_id, e.anomaly_type, e.started_at, count(r.timestamp), max(r.temperature) FROM anomaly_events e
LEFT JOIN sensor_readings r ON r.sensor_id = e.sensor_id AND r.timestamp BETWEEN e.started_at AND e.ended_at
GROUP BY 1, 2, 3 ORDER BY 1, 3, 2""",
    "a subquery for each": """
SELECT s.sensor_id, (SELECT count(*) FROM anomaly_events e WHERE e.sensor_id = s.sensor_id) AS events FROM sensors s ORDER BY 1""",
    "lists and ranges": """
SELECT location, count(*) FROM sensor_readings WHERE location IN ('Outdoor - Area 1', 'Factory A - Line 2', 'nowhere', NULL)
  AND anomaly_flag IN (0, 1) AND status_code = '0' AND timestamp BETWEEN '2026-01-01T00:05' AND '2026-01-01T00:25' GROUP BY 1 ORDER BY 1""",
    "either": """
SELECT count(*) FROM sensor_readings WHERE sensor_id = 'OUTDOOR_1' OR (location = 'Factory A - Line 2' AND anomaly_flag = 1) OR voltage < 11.7""",
    "whatever case": """
SELECT count(*) FROM sensor_readings WHERE location = 'OUTDOOR - AREA 1' COLLATE NOCASE AND sensor_id LIKE 'out%'""",
    "numbers and texts": """
SELECT (SELECT count(*) FROM sensor_readings WHERE firmware_version = 1.4), (SELECT count(*) FROM sensor_readings WHERE synced = '0'),
  (SELECT count(*) FROM sensor_readings WHERE temperature > '70'), (SELECT count(*) FROM sensor_readings WHERE timestamp > 5)""",
    "no type": "SELECT count(*) FROM sensor_readings WHERE anomaly_type IS NULL AND anomaly_flag IS NOT NULL",
    "first in order": """
SELECT timestamp, sensor_id FROM sensor_readings WHERE vibration > 2 ORDER BY timestamp DESC, sensor_id LIMIT 7 OFFSET 5""",
    "first of those that are compared with themselves": """
SELECT sensor_id, temperature FROM sensor_readings WHERE temperature > vibration * 30 ORDER BY temperature LIMIT 7""",
    "first of those not collected": """
SELECT sensor_id, timestamp FROM sensor_readings WHERE synced = 0 AND temperature > vibration * 30 ORDER BY timestamp DESC LIMIT 7""",
    "each once, in order": "SELECT DISTINCT anomaly_flag FROM sensor_readings WHERE synced = 0 ORDER BY anomaly_flag LIMIT 2",
    "first of a union": """
SELECT timestamp FROM sensor_readings WHERE location = 'Outdoor - Area 1' AND synced = 0
UNION ALL SELECT timestamp FROM sensor_readings WHERE location = 'Outdoor - Area 2' AND synced = 0 ORDER BY 1 LIMIT 5""",
    "lookups of the first": """
SELECT e.anomaly_type, (SELECT r.temperature FROM sensor_readings r WHERE r.sensor_id = e.sensor_id AND r.timestamp >= e.started_at
  AND r.synced = 0 ORDER BY r.timestamp LIMIT 1) FROM anomaly_events e ORDER BY e.started_at, e.sensor_id LIMIT 40""",
    "runs": "SELECT run_id, seed, fleet_size, count(*) FROM run_info",
    "channels": "SELECT name, type, unit FROM channel_info ORDER BY 1",
}


class SqlTest(FleetTest):
    def sql(self, *arguments, data="data", **options):
        return self.fleet_sim("sql", data, *arguments, **options)

    def ask(self, query, data="data"):
        """Its rows as tuples."""
        return [tuple(row.values()) for row in json.loads(self.sql(query, "--format", "json", data=data).stdout)]

    def effort(self, query, data="data"):
        """Rows of the result, and rows and files read, files left out."""
        found = STATS.search(self.sql(query, "--stats", data=data).stderr)
        return tuple(int((found[name] or "0").replace(",", "")) for name in ("result", "rows", "files", "out"))

    def merged(self, data="data"):
        """A connection to one database with the rows of all shards."""
        one = sqlite3.connect(":memory:")
        self.addCleanup(one.close)
        for path in shards(data):
            one.execute("ATTACH ? AS shard", (str(path),))
            for table, number in (("sensor_readings", "id"), ("anomaly_events", "id"), ("sensors", ""), ("run_info", ""), ("channel_info", "")):
                if not one.execute("SELECT 1 FROM main.sqlite_schema WHERE name = ?", (table,)).fetchone():
                    (create,) = one.execute("SELECT sql FROM shard.sqlite_schema WHERE name = ?", (table,)).fetchone()
                    if create.startswith("CREATE VIEW"):
                        columns = ", ".join(f"{name} {kind or 'INTEGER'}" for name, kind in COLUMNS)
                        create = f"CREATE TABLE {table} ({columns.replace('id INTEGER', 'id INTEGER PRIMARY KEY', 1)})"
                    one.execute(create)
                names = [row[1] for row in one.execute(f"PRAGMA shard.table_info({table})") if row[1] != number]
                one.execute(f"INSERT OR IGNORE INTO main.{table} ({', '.join(names)}) SELECT {', '.join(names)} FROM shard.{table}")
            one.commit()
            one.execute("DETACH shard")
        return one


class Answers(SqlTest):
    """Half an hour of the demo fleet at ten places, some of it collected."""

    def setUp(self):
        super().setUp()
        self.fill("data", "--shard-by", "location", "--duration", "30m")
        for path in shards(self.dir / "data")[::2]:
            query(path, "UPDATE sensor_readings SET synced = 1 WHERE id % 3 = 0")

    def test_as_of_one_file(self):
        one = self.merged(self.dir / "data")
        before = fingerprint(self.dir / "data")
        for name, query in QUERIES.items():
            with self.subTest(name):
                expected = one.execute(query).fetchall()
                self.assertTrue(expected)
                for mine, theirs in zip(self.ask(query), expected, strict=True):
                    for a, b in zip(mine, theirs, strict=True):
                        self.assertAlmostEqual(a, b) if isinstance(b, float) else self.assertEqual(a, b)
        self.assertEqual(fingerprint(self.dir / "data"), before, "nothing is changed, or left beside the files")

    def test_what_collectors_ask(self):
        expected = self.merged(self.dir / "data").execute(POLL.replace("*", "timestamp, sensor_id, synced")).fetchall()
        self.assertEqual(self.ask(POLL.replace("*", "timestamp, sensor_id, synced")), expected)
        self.assertEqual(self.effort(POLL), (100, 109, 10, 0), "the rows of the answer, and one more of each file, by its index")
        self.assertEqual(self.effort("SELECT shard, id FROM sensor_readings ORDER BY id DESC LIMIT 5")[:2], (5, 14))

    def test_files_that_cannot_match_are_left_out(self):
        for condition, files in (("location = 'Outdoor - Area 1'", 1), ("sensor_id = 'FACTORY_1_OLD'", 1),
                                 ("manufacturer IN ('DataSense', 'nobody')", 3), ("location >= 'Outdoor' AND location < 'P'", 2),
                                 ("firmware_version = '1.3' AND manufacturer = 'VibrationPlus'", 0),
                                 ("shard = 'location=Outdoor_-_Area_2.db'", 1), ("location = 'nowhere'", 0)):
            with self.subTest(condition):
                result, rows, read, out = self.effort(f"SELECT count(*) FROM sensor_readings WHERE {condition}")
                self.assertEqual((result, read, out), (1, files, 10 - files))
                ((count,),) = self.ask(f"SELECT count(*) FROM sensor_readings WHERE {condition}")
                self.assertEqual(count, rows, "and no row of the others")
        self.assertEqual(self.effort("SELECT count(*) FROM anomaly_events WHERE sensor_id = 'OUTDOOR_1'")[2:], (1, 9))

    def test_a_file_whose_sensors_are_not_all_listed_is_read(self):
        """As one with a run of an earlier version, which did not list them."""
        path = self.dir / "data" / "location=Factory_A_-_Line_1.db"
        query(path, "DELETE FROM sensors WHERE sensor_id = (SELECT sensor_id FROM sensor_readings ORDER BY id LIMIT 1)")
        for sensor in ("FACTORY_1_OLD", "FACTORY_1_NEW"):
            sql = f"SELECT count(*) FROM sensor_readings WHERE sensor_id = '{sensor}'"
            self.assertEqual(self.ask(sql), query(path, sql))

    def test_a_file_whose_sensors_a_scenario_has_changed_is_read(self):
        """Its `sensors` have what their identities say, and rows what has been set."""
        (self.dir / "set.yaml").write_text("scenario:\n  - {name: upgrade, at: +5m, set: {firmware_version: '9.9'}}\n", encoding="utf-8")
        self.fill("upgraded", "--shard-by", "location", "--duration", "10m", "--config", "set.yaml")
        ((upgraded,),) = self.ask("SELECT count(*) FROM sensor_readings WHERE firmware_version = '9.9'", data="upgraded")
        self.assertEqual(upgraded, self.merged(self.dir / "upgraded").execute(
            "SELECT count(*) FROM sensor_readings WHERE firmware_version = '9.9'").fetchone()[0])
        self.assertGreater(upgraded, 0)

    def test_the_plan_shows_what_files_are_asked(self):
        plan = self.sql("EXPLAIN QUERY PLAN SELECT sensor_id FROM sensor_readings WHERE location = 'x' AND synced = 0 "
                        "AND timestamp > '2026' ORDER BY timestamp DESC LIMIT 3").stdout
        for part in ("INDEX 0:timestamp, sensor_id, location, synced; ", "location = ?", "synced = ?", "timestamp > ?",
                     "; ORDER BY timestamp DESC"):
            self.assertIn(part, plan)
        self.assertIn("INDEX 0:firmware_version\n", self.sql("EXPLAIN QUERY PLAN SELECT firmware_version FROM sensor_readings").stdout)

    def test_rows_have_a_place(self):
        path = self.dir / "data" / "location=Outdoor_-_Area_2.db"
        self.assertEqual(self.ask("SELECT shard, id, timestamp FROM sensor_readings WHERE shard LIKE '%Area_2.db' AND id IN (3, 5)"),
                         [(path.name, *row) for row in query(path, "SELECT id, timestamp FROM sensor_readings WHERE id IN (3, 5)")])
        self.assertEqual(self.effort("SELECT timestamp FROM sensor_readings WHERE id = 7"), (10, 10, 10, 0))

    def test_tables_are_those_of_the_files(self):
        """Also one that no version has so far, with columns that not every file has."""
        first, second = shards(self.dir / "data")[:2]
        query(first, "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, state TEXT)")
        query(first, "INSERT INTO deliveries (state) VALUES ('late'), (NULL)")
        query(second, "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, state TEXT, \"held; by\" TEXT)")
        query(second, "INSERT INTO deliveries (state, \"held; by\") VALUES ('held', 'me')")
        self.assertEqual(self.ask("SELECT id, state, \"held; by\" FROM deliveries WHERE \"held; by\" IS NULL OR \"held; by\" = 'me' ORDER BY 1, 2"),
                         [(1, "held", "me"), (1, "late", None), (2, None, None)])
        self.assertIn("deliveries\n", self.sql(".tables").stdout)
        self.assertIn("CREATE TABLE deliveries (\n  id INTEGER,\n  state TEXT,\n  held; by TEXT\n);", self.sql(".schema deliveries").stdout)

    def test_files_of_an_earlier_version(self):
        first = shards(self.dir / "data")[0]
        expected = self.ask("SELECT sensor_id, anomaly_type, started_at FROM anomaly_events ORDER BY 1, 3")
        for column in ("severity", "sigma", "cause", "scenario", "fails_at"):
            query(first, f"ALTER TABLE anomaly_events DROP COLUMN {column}")
        query(first, "DROP TABLE sensors")
        query(first, "PRAGMA user_version = 3")
        self.assertEqual(self.ask("SELECT sensor_id, anomaly_type, started_at FROM anomaly_events ORDER BY 1, 3"), expected)
        ((events, severe, drawn),) = self.ask(f"SELECT count(*), count(severity), sum(cause = 'drawn') FROM anomaly_events WHERE shard = '{first.name}'")
        self.assertEqual((severe, drawn), (0, events))

    def test_files_come_and_go_while_a_session_lasts(self):
        session = subprocess.Popen([EXECUTABLE, "sql", "data", "--format", "csv"], cwd=self.dir, env=environment(), text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(session.wait, 10)
        self.addCleanup(session.stdout.close)
        self.addCleanup(session.stdin.close)

        def files():
            session.stdin.write("SELECT count(DISTINCT shard) FROM sensor_readings;\n")
            session.stdin.flush()
            return [session.stdout.readline().strip(), session.stdout.readline().strip()][1]
        self.assertEqual(files(), "10")
        path = shards(self.dir / "data")[3]
        path.rename(self.dir / path.name)
        self.assertEqual(files(), "9")
        shutil.copy(self.dir / path.name, path.with_name("back.db"))
        self.assertEqual(files(), "10")

    def test_a_file_that_cannot_be_read(self):
        path = shards(self.dir / "data")[4]
        content = path.read_bytes()
        total = self.ask("SELECT count(*) FROM sensor_readings")[0][0]
        ((lost,),) = query(path, "SELECT count(*) FROM sensor_readings")
        for damaged in (b"not a database at all" * 1_000, content[:len(content) // 2]):
            path.write_bytes(damaged)
            failed = self.sql("SELECT count(*) FROM sensor_readings", code=1)
            self.assertIn(f"data/{path.name}: ", failed.stderr)
            self.assertIn("--skip-unreadable", failed.stderr)
            self.assertEqual(failed.stderr.count("\n"), 1)
            skipped = self.sql("SELECT count(*) FROM sensor_readings", "--skip-unreadable", "--format", "csv")
            self.assertRegex(skipped.stderr, rf"^data/{re.escape(path.name)}: .* \(skipped\)\n$")
            rest = int(skipped.stdout.split()[1])
            self.assertGreaterEqual(rest, total - lost)
            self.assertLess(rest, total)


class ReadOnly(SqlTest):
    def setUp(self):
        super().setUp()
        self.fill("data", "--duration", "10")
        self.write("other.txt", "mine")

    def test_nothing_is_changed_whatever_is_asked(self):
        before = fingerprint(self.dir / "data")
        for statement in ("DELETE FROM sensor_readings", "UPDATE sensor_readings SET synced = 1", "INSERT INTO run_info (run_id) VALUES ('x')",
                          "DROP TABLE sensor_readings", "CREATE TABLE t (a)", "CREATE TEMP TABLE t (a)", "CREATE INDEX i ON sensor_readings (id)",
                          "CREATE VIRTUAL TABLE temp.f USING fleet('data')", "ATTACH 'new.db' AS new", "ATTACH 'data/sensor_data.db' AS mine",
                          "VACUUM", "VACUUM INTO 'new.db'", "PRAGMA journal_mode = DELETE", "PRAGMA user_version = 9",
                          "PRAGMA temp_store_directory = '.'", "PRAGMA writable_schema = 1", "PRAGMA wal_checkpoint(TRUNCATE)",
                          "SELECT load_extension('x')", "SELECT fleet_open('data')", "BEGIN IMMEDIATE", "ANALYZE",
                          "WITH x AS (SELECT 1) DELETE FROM sensor_readings", "EXPLAIN DELETE FROM sensor_readings",
                          "EXPLAIN ATTACH 'new.db' AS new", "ATTACH 'file:new.db?mode=rwc' AS new", "REPLACE INTO sensors (sensor_id) VALUES ('x')",
                          "INSERT INTO sensor_readings (shard) VALUES ('x') RETURNING id", "ALTER TABLE sensor_readings RENAME TO mine",
                          "ALTER TABLE sensors ADD COLUMN mine", "CREATE VIEW v AS SELECT 1", "CREATE TEMP VIEW v AS SELECT 1",
                          "CREATE TEMP TRIGGER t AFTER DELETE ON sensors BEGIN SELECT 1; END", "CREATE VIRTUAL TABLE t USING fts5(a)",
                          "SAVEPOINT mine", "DETACH main", "DROP TABLE temp.sensor_readings", "DELETE FROM sqlite_schema",
                          "DELETE FROM temp.sqlite_schema", "UPDATE sqlite_master SET sql = ''", "UPDATE sqlite_temp_schema SET sql = ''",
                          "SELECT * FROM pragma_journal_mode('delete')", "SELECT * FROM pragma_wal_checkpoint", "PRAGMA main.journal_mode = OFF",
                          "PRAGMA temp.secure_delete = 1", "PRAGMA data_version", "PRAGMA incremental_vacuum", "PRAGMA optimize",
                          "PRAGMA hard_heap_limit = 1", "PRAGMA trusted_schema = 1", "PRAGMA mmap_size = 1", "PRAGMA query_only = 0",
                          "SELECT writefile('new.db', 'x')", "SELECT readfile('other.txt')", "SELECT edit('x')", "SELECT fts3_tokenizer('a', x'00')",
                          "SELECT * FROM fleet('new')", ".open new.db", ".output new.db", ".once new.db",
                          ".save new.db", ".backup new.db", ".import other.txt sensors", ".load mine", ".shell touch new.db", ".system touch new.db",
                          ".read other.txt", ".archive -c", ".cd /", ".log new.db", ".excel", ".restore other.txt", ".clone new.db"):
            with self.subTest(statement):
                for query in (statement, f"SELECT 1; {statement}", f"/* SELECT */ {statement}")[:1 if statement.startswith(".") else 3]:
                    self.assertNotEqual(self.sql(query, code=2).stderr, "")
        self.assertEqual(fingerprint(self.dir / "data"), before)
        self.assertEqual({path.name for path in self.dir.iterdir()} - {"log"}, {"data", "other.txt"})
        self.assertEqual((self.dir / "other.txt").read_text(), "mine")

    def test_a_session_cannot_change_what_a_later_statement_may(self):
        """One process: what is refused leaves nothing behind, and what follows is still refused."""
        before = fingerprint(self.dir / "data")
        asked = "SELECT 1 AS x;\nPRAGMA writable_schema = 1;\nDELETE FROM sensors;\nSELECT 2 AS x;\n"
        ran = subprocess.run([EXECUTABLE, "sql", "data", "--format", "csv"], cwd=self.dir, input=asked, capture_output=True, text=True,
                             env=environment(), timeout=60)
        self.assertEqual((ran.returncode, ran.stdout), (2, "x\n1\n"))
        self.assertEqual(fingerprint(self.dir / "data"), before)

    def test_what_only_tells_is_allowed(self):
        self.assertEqual(len(self.ask("PRAGMA table_info(sensor_readings)")), len(COLUMNS))
        self.assertEqual(self.ask("SELECT name FROM pragma_table_info('sensor_readings') LIMIT 1"), [("id",)])
        self.assertEqual(self.ask("SELECT value FROM json_each('[1, 2]')"), [(1,), (2,)])


class Output(SqlTest):
    VALUES = "SELECT 1 AS i, 65.0 AS r, 1e300 AS big, NULL AS n, '' AS e, 'a,\"b\"' AS t, x'00ff' AS b, 'x' AS t"

    def setUp(self):
        super().setUp()
        self.fill("data", "--duration", "10")

    def test_csv(self):
        self.assertEqual(self.sql(self.VALUES, "--format", "csv").stdout,
                         'i,r,big,n,e,t,b,t\n1,65.0,1e+300,,"","a,""b""",00FF,x\n')
        self.assertEqual(self.sql("SELECT 'a\nb' AS x WHERE 0", "--format", "csv").stdout, "x\n")

    def test_json(self):
        ran = self.sql(self.VALUES, "--format", "json")
        self.assertEqual(json.loads(ran.stdout), [{"i": 1, "r": 65.0, "big": 1e300, "n": None, "e": "", "t": 'a,"b"', "b": "00FF", "t_2": "x"}])
        self.assertIn('"r": 65.0,', ran.stdout, "a number with a point stays one")
        self.assertEqual(json.loads(self.sql("SELECT 1 WHERE 0", "--format", "json").stdout), [])

    def test_table(self):
        self.assertEqual(self.sql("SELECT 'a' AS name, 1.5 AS value UNION ALL SELECT 'long\none', NULL").stdout,
                         "name       value\n---------  -----\na            1.5\nlong\\none   NULL\n")

    def test_a_format_that_is_none(self):
        self.assertIn("did you mean 'json'?", self.sql("SELECT 1", "--format", "jsn", code=2).stderr)

    def test_from_standard_input(self):
        (self.dir / "questions.sql").write_text(".format csv\n-- how many?\nSELECT\n  count(*) AS n\nFROM sensor_readings;\nSELECT 'a;b' AS x; SELECT 2 AS y")
        with open(self.dir / "questions.sql") as questions:
            ran = subprocess.run([EXECUTABLE, "sql", "data"], cwd=self.dir, stdin=questions, capture_output=True, text=True,
                                 env=environment(), timeout=60)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertEqual(ran.stdout.split()[2:], ["x", "a;b", "y", "2"])

    def test_a_reader_that_has_seen_enough(self):
        script = f"{EXECUTABLE} sql data 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n' | head -n 2; echo ${{PIPESTATUS[0]}}"
        ran = subprocess.run(["bash", "-c", script], cwd=self.dir, capture_output=True, text=True, env=environment(), timeout=60)
        self.assertEqual(ran.stdout.split()[-1], "0")
        self.assertEqual(ran.stderr, "")

    def test_results_of_any_size_take_little_memory(self):
        many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i, hex(zeroblob(200)) FROM n"
        for form in ("table", "csv", "json"):
            ran = subprocess.run(["/usr/bin/time", "-f", "%M", EXECUTABLE, "sql", "data", many, "--format", form], cwd=self.dir,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment(), timeout=100)
            self.assertLess(int(ran.stderr.split()[-1]), 40_000, f"KB for 40 MB as {form}")

    def test_errors_name_the_remedy(self):
        for arguments, remedy in ((("SELECT firmware FROM sensor_readings",), "no such column: firmware (did you mean 'firmware_version'?)"),
                                  (("SELECT r.temprature FROM sensor_readings r",), "(did you mean 'temperature'?)"),
                                  (("SELECT * FROM sensor_reading",), "no such table: sensor_reading (did you mean 'sensor_readings'?)"),
                                  (("SELECT * FROM pumps",), "(there are anomaly_events, channel_info,"),
                                  (("SELEC 1",), "syntax error"), ((".table",), "no such command: .table (did you mean '.tables'?); .help")):
            with self.subTest(arguments):
                ran = self.sql(*arguments, code=2)
                self.assertIn(remedy, ran.stderr)
                self.assertEqual((ran.stdout, ran.stderr.count("\n")), ("", 1))

    def test_what_is_no_data_directory(self):
        (self.dir / "empty").mkdir()
        self.assertIn("no such", self.sql("SELECT 1", data="nowhere", code=2).stderr)
        self.assertIn("has no .db files", self.sql("SELECT 1", data="empty", code=2).stderr)


class OtherData(CollectTest, SqlTest):
    def test_types_with_different_channels(self):
        config = self.write("types.yaml", TYPES)
        self.fill("data", "--config", config, "--shard-by", "location", "--duration", "10m", identities=self.write_identities(fleet_of_three()))
        self.assertEqual(self.ask("SELECT count(*) FROM sensor_readings_pump WHERE mode IN (0, 1) AND volume >= 0")[0][0],
                         sum(total for path in shards(self.data) if "type=pump" in path.name
                             for (total,) in query(path, "SELECT count(*) FROM sensor_readings")))
        self.assertEqual(self.effort("SELECT methane FROM sensor_readings_gas")[2:], (2, 0))
        self.assertEqual(self.ask("SELECT type, count(*) FROM channel_info GROUP BY 1"), [("gas", 1), ("pump", 3), ("temperature_vibration", 3)])
        self.assertEqual(self.ask("SELECT DISTINCT substr(sensor_id, 1, 4) FROM sensor_readings"), [("TEMP",)])
        self.collect()
        for kind in ("", "_gas", "_pump"):
            sql = f"SELECT location, count(*), sum(anomaly_flag) FROM sensor_readings{kind} GROUP BY 1 ORDER BY 1"
            self.assertEqual(self.ask(sql, self.into), self.ask(sql), "of the database into which it was collected")

    def test_a_fleet_of_one_declared_type(self):
        config = self.write("types.yaml", TYPES)
        self.fill("data", "--config", config, "--duration", "1m", identities=self.write_identities(fleet_of_three()[:4]))
        self.assertEqual(self.ask("SELECT count(*), max(mode) FROM sensor_readings"), self.ask("SELECT count(*), max(mode) FROM sensor_readings_pump"))

    def test_files_that_are_being_written(self):
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--shard-by", "location", "--rate", 20)
        self.wait_for_rows(self.data, 300, process, files=10)
        first = self.ask("SELECT count(*) FROM sensor_readings")[0][0]
        self.wait_for_rows(self.data, first + 300, process)
        self.assertGreaterEqual(self.ask("SELECT count(*) FROM sensor_readings")[0][0], first + 300)
        summary = self.stop(process)
        self.assertEqual(self.ask("SELECT count(*) FROM sensor_readings"), [(summary.written,)])

    def test_more_files_than_descriptors(self):
        fleet = self.write_identities([identity(f"S{n}") for n in range(150)])
        self.fill("data", "--shard-by", "sensor", "--duration", "5", identities=fleet)
        limited = {"preexec_fn": lambda: __import__("resource").setrlimit(__import__("resource").RLIMIT_NOFILE, (32, 32))}
        ran = self.fleet_sim("sql", "data", "SELECT count(DISTINCT shard) AS files FROM sensor_readings", "--format", "csv", **limited)
        self.assertEqual(ran.stdout.split(), ["files", "150"])


class Prompt(SqlTest):
    def setUp(self):
        super().setUp()
        self.fill("data", "--duration", "10")

    def session(self):
        terminal = PseudoTerminal([EXECUTABLE, "sql", "data"], 100, cwd=self.dir, env=environment(TERM="xterm", HOME=str(self.dir)))
        self.addCleanup(terminal.close)
        terminal.wait_for("sql> ")
        return terminal

    def wait_for_terminal(self, terminal, is_canonical):
        until = time.monotonic() + 30
        while bool(termios.tcgetattr(terminal.master)[3] & termios.ICANON) != is_canonical:
            self.assertLess(time.monotonic(), until, terminal.text)
            terminal.read(0.05)

    def wait_for_prompt(self, terminal):
        """Until keys are read as they are typed: what comes before is of the terminal's own."""
        self.wait_for_terminal(terminal, is_canonical=False)

    def wait_until_it_works(self, terminal):
        """For a tenth of a second of its processor's time: it has begun the query."""
        def ticks():
            return int(Path(f"/proc/{terminal.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11])
        enough = ticks() + os.sysconf("SC_CLK_TCK") // 10
        until = time.monotonic() + 30
        while ticks() < enough:
            self.assertLess(time.monotonic(), until, terminal.text)
            terminal.read(0.05)

    def type(self, terminal, keys, answer):
        self.wait_for_prompt(terminal)
        after = len(terminal.text)
        terminal.type(keys)
        return terminal.wait_for(answer, after=after)

    def test_a_session(self):
        terminal = self.session()
        self.type(terminal, "SELECT count(*) AS n,\n", r"\.\.\.> ")
        self.type(terminal, "min(id) FROM sensor_readings;\n", r"n  min\(id\)\r\n-+  -+\r\n\d+ +1\r\n(?s:.*)1 row in [^,]+, from \d+ rows of 1 file")
        self.type(terminal, "SELECT firmwar FROM sensors;\n", r"did you mean 'firmware_version'")
        self.type(terminal, ".tables\n", r"anomaly_events\r\n(?s:.*)sql> ")
        self.wait_for_prompt(terminal)
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)

    def test_ctrl_c_stops_the_query(self):
        terminal = self.session()
        terminal.type("SELECT count(*) FROM sensor_readings a, sensor_readings b, sensor_readings c, sensor_readings d, sensor_readings e;\n")
        self.wait_for_terminal(terminal, is_canonical=True)  # before that, it would be for the line
        self.wait_until_it_works(terminal)
        terminal.type("\x03")
        terminal.wait_for("interrupted")
        self.type(terminal, "SELECT 6 * 7;\n", "42")
        self.type(terminal, "SELECT 'never ended\n", r"\.\.\.> ")
        self.type(terminal, "\x03", r"sql> ")
        self.type(terminal, "SELECT 7 * 7;\n", "49")
        terminal.type(".quit\n")
        self.assertEqual(terminal.wait(), 0)

    def test_history_and_completion(self):
        terminal = self.session()
        self.type(terminal, "SELECT 6 * 7 AS answer;\n", r"answer\r\n-+\r\n +42\r\n")
        self.type(terminal, "\x1b[A\n", r"answer\r\n-+\r\n +42\r\n")
        self.type(terminal, "sel\tcount(*) AS n from sensor_r\t;\n", r"n\r\n-+\r\n *\d+")
        terminal.type(".quit\n")
        self.assertEqual(terminal.wait(), 0)
        again = self.session()
        self.type(again, "\x1b[A\x1b[A\x1b[A\n", r"answer\r\n-+\r\n +42\r\n")


if __name__ == "__main__":
    main()
