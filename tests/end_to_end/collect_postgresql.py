#!/usr/bin/env python3
"""scripts/collect into a real PostgreSQL server, which is killed too. `scripts/check postgresql` runs it with the Python
that Debian's psycopg2 is made for; it needs Debian's postgresql. The server lives in a folder of its own."""

import getpass
import random

import psycopg2

from collecting import *

SERVER = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
AS_USER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # the server refuses to run as root
USER = "postgres" if AS_USER else getpass.getuser()


class CollectIntoPostgresql(CollectTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random()
        self.dir.chmod(0o755)
        self.server = self.dir / "server"
        self.server.mkdir()
        if AS_USER:
            shutil.chown(self.server, USER)
        self.into = f"postgresql://{USER}@/postgres?host={self.server}"
        self.pg("initdb", "-U", USER, "-A", "trust", "--no-sync")
        self.start_server()
        self.addCleanup(self.stop_server, "immediate")

    def pg(self, program, *arguments):
        ran = subprocess.run([*AS_USER, SERVER / program, "-D", self.server / "data", *arguments], cwd=self.server,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stdout)

    def start_server(self):
        self.pg("pg_ctl", "start", "-w", "-l", self.server / "log", "-o", f"-k {self.server} -h ''")

    def stop_server(self, how):
        self.pg("pg_ctl", "stop", "-w", "-m", how)

    def central(self, sql):
        connection = psycopg2.connect(self.into)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()
        finally:
            connection.close()

    def change_central(self, sql):
        connection = psycopg2.connect(self.into)
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
        connection.close()

    def test_a_central_database_of_before_events_had_causes(self):
        self.fill("data", "--duration", "5m", "--shard-by", "location")
        self.collect()
        events = self.central("SELECT count(*) FROM anomaly_events")[0][0]
        self.change_central("UPDATE anomaly_events SET injected = 1 WHERE ctid = (SELECT min(ctid) FROM anomaly_events)")
        self.change_central("ALTER TABLE anomaly_events " + ", ".join(f"DROP COLUMN {name}" for name in EVENTS.split(", ")[-5:]))
        self.collect()
        causes = "SELECT cause, count(*) FROM anomaly_events GROUP BY 1 ORDER BY 1"
        self.assertEqual(self.central(causes), [("drawn", events - 1), ("injected", 1)])
        self.assertEqual(self.central("SELECT count(severity), count(sigma), count(scenario), count(fails_at) FROM anomaly_events"),
                         [(0, 0, 0, 0)])
        self.change_central("UPDATE anomaly_events SET cause = NULL WHERE injected = 1")
        self.collect()  # has nothing to look for anymore
        self.assertEqual(self.central(causes), [("drawn", events - 1), (None, 1)])

    def start_fleet(self):
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--shard-by", "manufacturer", "--duration", 0,
                             "--rate", 100, env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "20"})
        self.wait_for_rows(self.data, 1, process, files=3)
        return process

    def test_once_and_once_more(self):
        self.fill("data", "--duration", "5m", "--shard-by", "location")
        rows = total(self.data, "SELECT count(*) FROM sensor_readings")
        self.assertEqual(self.collect().copied, rows)
        self.assert_collected()
        self.assertEqual(self.collect().copied, 0)

    def test_a_table_for_each_type(self):
        config = self.write("types.yaml", """types:
  pump:
    sources: {run: {kind: load, duty: 0.6}}
    channels:
      volume: {unit: m3, kind: counter, per: 1h, resolution: 0.01, rate: {run: 48}}
      mode:   {kind: state, of: run, at: [0.5], names: [stopped, running]}
""")
        fleet = self.write_identities([identity("PUMP", type="pump"), identity("TEMP")])
        self.fill("data", "--config", config, "--duration", "5m", identities=fleet)
        self.collect()
        pumps, others = sorted(shards(self.data), key=lambda path: "type=pump" not in path.name)
        columns = "timestamp, sensor_id, volume, mode, status_code, anomaly_type, location"
        self.assertEqual(sorted(self.central(f"SELECT {columns} FROM sensor_readings_pump"), key=repr),
                         sorted(query(pumps, f"SELECT {columns} FROM sensor_readings"), key=repr))
        self.assertEqual(self.central("SELECT count(*) FROM sensor_readings"), query(others, "SELECT count(*) FROM sensor_readings"))
        info = "SELECT type, name, unit, kind, resolution, states FROM channel_info"
        self.assertEqual(set(self.central(info)), set(query_all(self.data, info)))
        self.assertEqual(self.collect().copied, 0)

    def test_collectors_killed_while_the_fleet_writes(self):
        fleet = self.start_fleet()
        self.kill_collectors(10, fleet)
        summary = self.stop(fleet)
        self.assertEqual((summary.errors, summary.lost), (0, 0))
        self.collect()
        self.assert_collected()

    def test_killed_between_the_two_databases(self):
        self.fill("data", "--duration", "1m")
        locked = connect(self.data / "sensor_data.db")
        locked.execute("BEGIN IMMEDIATE")
        collector = self.start_collecting("--batch-size", 100)
        exists = "SELECT 1 FROM pg_tables WHERE tablename = 'sensor_readings'"
        self.wait_until(lambda: self.central(exists) and len(self.central_rows()) == 100, "at the lock")
        collector.kill()
        collector.wait()
        locked.execute("ROLLBACK")
        locked.close()
        self.assertEqual(self.marked(), 0)
        self.assertEqual(self.collect().already_there, 100)
        self.assert_collected()

    def test_the_server_killed_while_a_collector_works(self):
        fleet = self.start_fleet()
        collector = self.start_collecting("--watch", "--batch-size", 20, "--interval", 0.05)
        for _ in range(3):
            before = self.marked()
            self.wait_until(lambda: self.marked() > before, "a row marked")
            self.stop_server("immediate")
            time.sleep(self.random.uniform(0, 0.3))
            self.start_server()
        before = self.marked()
        self.wait_until(lambda: self.marked() > before, "a row marked")
        self.stop(fleet)
        collector.send_signal(signal.SIGINT)
        printed, errors = collector.communicate(timeout=30)
        self.assertEqual(collector.returncode, 0, printed + errors)
        self.assertIn("central database", errors)
        self.collect()
        self.assert_collected()

    def test_two_collectors_at_once(self):
        self.fill("data", "--duration", "5m", "--shard-by", "location")
        both = [self.start_collecting("--batch-size", 50) for _ in range(2)]
        for collector in both:
            _, errors = collector.communicate(timeout=60)
            self.assertEqual((collector.returncode, errors), (0, ""))
        self.assert_collected()

    def test_rows_that_the_server_refuses_keep_no_others_waiting(self):
        self.fill("data", "--duration", "10s", "--shard-by", "firmware")
        rows = total(self.data, "SELECT count(*) FROM sensor_readings")
        for name, column, value in (("a", "location", "a\0b"), ("b", "status_code", "well")):
            path = self.data / f"{name}.db"
            shutil.copy(shards(self.data)[-1], path)
            connection = connect(path)
            connection.execute(f"UPDATE sensor_readings SET {column} = ?", (value,))
            connection.close()
        ran = self.collect(code=1)
        self.assertEqual(ran.copied, rows, ran.stderr)
        self.assertEqual(ran.stderr.count("db: has rows that the central database refuses"), 2, ran.stderr)

    def test_a_server_that_is_not_there(self):
        self.fill("data", "--duration", "5s")
        self.into = f"postgresql://{USER}:secret@/postgres?host={self.dir}"
        ran = self.collect(code=2)
        self.assertIn("central database", ran.stderr)
        self.assertNotIn("secret", ran.stderr)


if __name__ == "__main__":
    main()
