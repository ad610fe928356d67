#!/usr/bin/env python3
"""Readings in a real PostgreSQL server: the same as in SQLite, and what is in its way."""

import itertools
import random
import urllib.request

from postgresql_server import *

SCENARIO = """scenario:
- {name: 'an "upgrade"', at: +1m, spread: 25m, silent_for: 30s, fails: 20%, set: {firmware_version: '9.9', location: Elsewhere}}
- {name: rest, at: +2m, for: 1m, spread: 25m, silence: true}
- {name: worn, at: +3m, for: 4m, spread: 20m, waves: {0s: 60%}, fault: {type: trend}}
"""


class PostgresqlSink(PostgresqlTest):
    def test_the_same_rows_as_in_sqlite(self):
        for name in ("once", "again"):
            ran = self.run_into(self.server.address(), "--duration", "10m")
            self.assertEqual((ran.summary.lost, ran.summary.errors), (0, 0))
            self.assertEqual(ran.summary.written, self.server.number(
                "SELECT count(*) FROM fleet.sensor_readings WHERE run = (SELECT max(run) FROM fleet.run_info)"), name)
        self.server.query("DELETE FROM fleet.sensor_readings WHERE run = 1; DELETE FROM fleet.anomaly_events WHERE run = 1; "
                          "DELETE FROM fleet.sink_progress WHERE run = 1")
        self.fleet_sim(*RUN, "--data-dir", "data", "--duration", "10m")
        self.assert_same()
        self.assertEqual(self.server.query("SELECT seed, partition, fleet_size FROM fleet.run_info WHERE run = 2"),
                         [("7", "1/1", str(len(demo_identities())))])

    def test_a_table_for_each_type_and_several_writers(self):
        config = self.write("types.yaml", """types:
  pump:
    sources: {run: {kind: load, duty: 0.6}}
    channels:
      volume: {unit: m3, kind: counter, per: 1h, resolution: 0.01, rate: {run: 48}}
      mode:   {kind: state, of: run, at: [0.5], names: [stopped, running]}
""")
        fleet = self.write_identities([identity(f"S{i}", type="pump" if i % 3 == 0 else "temperature_vibration")
                                       for i in range(12)])
        arguments = ("--identities", fleet, "--config", config, "--start", "2026-03-01", "--speed", "max", "--seed", 1,
                     "--duration", "5m")
        self.fleet_sim(*arguments, "--writers", 2, "--sink", self.server.address())
        self.fleet_sim(*arguments, "--data-dir", "data")
        pumps, others = sorted(shards(self.dir / "data"), key=lambda path: "type=pump" not in path.name)
        there = self.server.query(f"SELECT {MOMENT.format('timestamp')}, sensor_id, volume, mode FROM fleet.sensor_readings_pump")
        here = query(pumps, "SELECT timestamp, sensor_id, volume, mode FROM sensor_readings")
        self.assertEqual(sorted((at, sensor, float(volume), float(mode)) for at, sensor, volume, mode in there), sorted(here))
        self.assertEqual(self.server.number("SELECT count(*) FROM fleet.sensor_readings"),
                         query(others, "SELECT count(*) FROM sensor_readings")[0][0])

    def test_what_a_scenario_does(self):
        how = ("--config", self.write("scenario.yaml", SCENARIO), "--duration", "30m")
        self.run_into(self.server.address(), *how)
        self.fleet_sim(*RUN, *how, "--data-dir", "data")
        self.assert_same(FLEET_EVENTS)
        self.assertGreater(self.server.number("SELECT count(*) FROM fleet.sensor_readings WHERE firmware_version = '9.9'"), 0)
        self.assertEqual({verb for verb, in self.server.query("SELECT DISTINCT verb FROM fleet.fleet_events")}, {"set", "silence", "fault"})

    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    def test_who_the_server_is(self):
        authority = self.certificates()
        self.server.quit()
        self.server.configure("ssl = on", f"ssl_cert_file = '{self.dir}/server/server.pem'", f"ssl_key_file = '{self.dir}/server/server.key'")
        self.server.start()
        secure = {"sslmode": "verify-full", "sslrootcert": authority}
        self.run_into(self.server.address(**secure), "--duration", "1m")
        self.assert_refused(self.server.address(**{**secure, "sslrootcert": self.dir / "other.pem"}), "certificate verify failed")
        self.assert_refused(self.server.address(sslmode="verify-full", sslrootcert=self.dir / "none.pem"), "none.pem")
        self.server.quit()
        self.server.configure("ssl = off")
        self.server.start()
        self.assert_refused(self.server.address(sslmode="require"), "does not support SSL")

    def certificates(self):
        """An authority, a server that it vouches for, and another authority that does not."""
        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], cwd=self.dir, check=True, capture_output=True)

        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        for name in ("authority", "other"):
            openssl("req", "-x509", *key, "-days", 2, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
        openssl("req", *key, "-subj", "/CN=localhost", "-keyout", "server/server.key", "-out", "request.pem")
        self.write("names", "subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "request.pem", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial",
                "-days", 2, "-extfile", "names", "-out", "server/server.pem")
        for name in ("server.key", "server.pem"):
            shutil.chown(self.dir / "server" / name, USER)
            (self.dir / "server" / name).chmod(0o600)
        return self.dir / "authority.pem"

    def test_nobody_there(self):
        self.server.quit()
        self.assert_refused(self.server.address(), "Connection refused")

    def test_a_password_is_needed_and_never_written_down(self):
        self.server.query(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'; CREATE SCHEMA fleet AUTHORIZATION guarded")
        guarded = self.server.address(user="guarded")
        self.assert_refused(guarded, "PGPASSWORD", "sink.password_file")
        wrong = self.assert_refused(guarded, "password authentication failed", "PGPASSWORD", env={"PGPASSWORD": "not-" + PASSWORD})
        self.assertNotIn(PASSWORD, wrong.stdout + wrong.stderr)
        secret = self.write("secret", PASSWORD + "\n")
        in_address = guarded.replace("guarded@", f"guarded:{PASSWORD}@")
        runs = [self.run_into(guarded, "--duration", "1m", env={"PGPASSWORD": PASSWORD}),
                self.run_into(guarded, "--duration", "1m", env={"FLEET_SIM_SINK_PASSWORD_FILE": str(secret)}),
                self.run_into(in_address, "--duration", "1m")]
        secret.unlink()
        for ran in runs:
            self.assertNotIn(PASSWORD, ran.stdout + ran.stderr)
        self.assert_secret_while_running(in_address)
        for path in self.dir.rglob("*"):
            if path.is_file() and self.dir / "server" not in path.parents:
                self.assertNotIn(PASSWORD.encode(), path.read_bytes(), path)
        self.assertEqual(self.server.number(f"SELECT count(*) FROM fleet.run_info WHERE config LIKE '%{PASSWORD}%'"), 0)
        self.assertEqual(self.server.number("SELECT count(*) FROM fleet.run_info"), len(runs) + 1)

    def test_missing_rights(self):
        self.server.query("CREATE ROLE visitor LOGIN; CREATE SCHEMA fleet")
        self.assert_refused(self.server.address(user="visitor"), "permission denied", "GRANT")
        self.assert_refused(self.server.address(user="visitor", schema="another"), "permission denied", "CREATE SCHEMA")
        self.run_into(self.server.address(), "--duration", "1m")
        self.server.query("GRANT USAGE ON SCHEMA fleet TO visitor; GRANT SELECT ON ALL TABLES IN SCHEMA fleet TO visitor")
        self.assert_refused(self.server.address(user="visitor"), "may not be read and written", "GRANT")
        self.server.query("GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA fleet TO visitor")
        self.run_into(self.server.address(user="visitor"), "--duration", "1m")
        self.assert_refused(self.server.address(schema="new", options="-c%20default_transaction_read_only%3Don"),
                            "read-only transaction", "target_session_attrs=read-write")

    def test_what_is_said_to_be_missing_is_what_helps(self):
        """Word for word, whatever the user is called."""
        self.server.query("""CREATE ROLE "the ""visitor\"" " LOGIN; CREATE SCHEMA fleet""")
        for schema in ("another", "fleet"):
            address = self.server.address(user="the%20%22visitor%22%20", schema=schema)
            self.grant(self.assert_refused(address, "permission denied").stderr)
            self.run_into(address, "--duration", "1m")
        self.server.query("ALTER TABLE fleet.sensor_readings OWNER TO CURRENT_USER")
        self.grant(self.assert_refused(address, "may not be read and written").stderr)
        self.run_into(address, "--duration", "1m")

    def grant(self, said):
        self.server.query(re.search("have an administrator run: (.*)", said)[1])

    def test_rights_that_are_taken_back(self):
        self.server.query("CREATE ROLE visitor LOGIN; CREATE SCHEMA fleet AUTHORIZATION visitor")
        process = self.start("run", *FLEET, "--speed", 60, "--sink", self.server.address(user="visitor"), "--duration", "20m",
                             env=SMALL_LOTS)
        self.wait_for_rows_beyond(100)
        self.server.query("REVOKE ALL ON fleet.sink_progress FROM visitor")
        until = time.monotonic() + 60
        while "permission denied for table sink_progress; have an administrator run: GRANT" not in self.printed():
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.05)
        self.grant(self.printed())
        summary = self.end(process)
        self.assertEqual(summary.lost, 0)
        self.assertEqual(summary.written, self.server.number("SELECT count(*) FROM fleet.sensor_readings"))

    def assert_secret_while_running(self, address):
        """In the list of processes, and in what the run tells over HTTP."""
        port = free_port()
        process = self.start("run", *FLEET, "--duration", "1h", "--status-address", f"127.0.0.1:{port}", "--sink", address,
                             env={"FLEET_SIM_LOGGING_LEVEL": "debug"})
        self.wait_for_rows_beyond(self.rows_so_far())
        said = Path(f"/proc/{process.pid}/cmdline").read_text()
        for path in ("status", "metrics", "health", ""):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
                said += answer.read().decode()
        self.stop(process)
        self.assertIn("guarded:xxxx", said)
        self.assertNotIn(PASSWORD, said + self.printed())

    def test_tables_of_another_program(self):
        self.server.query("CREATE SCHEMA fleet; CREATE TABLE fleet.sensor_readings (id bigint, timestamp text, sensor_id text)")
        self.assert_refused(self.server.address(), "sensor_readings", "column", "schema=")
        self.server.query("DROP TABLE fleet.sensor_readings; CREATE TABLE fleet.sink_progress (run integer)")
        self.assert_refused(self.server.address(), "sink_progress", "has no column writer")

    def test_the_server_killed_while_a_fleet_writes(self):
        process = self.start("run", *RUN, "--sink", self.server.address(), "--duration", "4h", env=SMALL_LOTS)
        before = 0
        for how in (self.server.kill, self.server.quit):
            self.wait_for_rows_beyond(before + 5_000)
            before = self.rows_so_far()
            how()
            self.server.start()
        output = self.end(process)
        self.assertEqual(output.lost, 0)
        self.fleet_sim(*RUN, "--data-dir", "data", "--duration", "4h")
        self.assertEqual(output.written, self.server.number("SELECT count(*) FROM fleet.sensor_readings"))
        self.assert_same()

    def test_a_commit_whose_answer_is_lost(self):
        chance = random.Random(5)
        moods = itertools.chain(["pass"], (chance.choice(["pass", "pass", "lose the answer", "lose the question"])
                                           for _ in itertools.count()))  # the first one is that of the tables
        proxy = LosingProxy(self.server.port, lambda: next(moods), enough=30)
        self.addCleanup(proxy.close)
        ran = self.fleet_sim("run", *FLEET, "--speed", 600, "--sink", self.server.address(port=proxy.port), "--duration", "1h",
                             env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "10"})
        self.assertEqual(ran.summary.lost, 0)
        self.assertGreater(min(proxy.lost.values()), 5)
        self.fleet_sim(*RUN, "--data-dir", "data", "--duration", "1h")
        self.assertEqual(ran.summary.written, self.server.number("SELECT count(*) FROM fleet.sensor_readings"))
        self.assert_same()

    def test_a_run_that_was_killed_goes_on(self):
        how = ("--config", self.write("scenario.yaml", SCENARIO), "--duration", "4h")
        for attempt in range(3):
            process = self.start("run", *(("--resume",) if attempt > 0 else ()), *RUN, *how, "--sink", self.server.address(),
                                 env=SMALL_LOTS)
            if attempt < 2:
                self.wait_for_rows_beyond(self.rows_so_far() + 5_000)
                process.kill()
                process.wait()
        self.end(process)
        self.fleet_sim(*RUN, *how, "--data-dir", "data")
        self.assertEqual(self.server.number("SELECT count(*) FROM fleet.run_info"), 1)
        self.assert_same(FLEET_EVENTS)

    def test_the_run_of_the_data_directory_goes_on(self):
        """Not the latest one of the server, which another fleet may have begun meanwhile."""
        for folder in ("one", "other"):
            self.run_into(self.server.address(), "--data-dir", folder, "--duration", "1m")
        self.run_into(self.server.address(), "--data-dir", "one", "--resume", "--duration", "2m")
        manifest = json.loads((self.dir / "one" / "run.json").read_text())
        there = self.server.query("SELECT run_id, sum(readings) FROM fleet.run_info JOIN fleet.sink_progress USING (run) GROUP BY run_id")
        self.assertEqual(len(there), 2)
        self.assertEqual(int(dict(there)[manifest["run_id"]]), max(int(readings) for _, readings in there))
        self.assertEqual(manifest["sink"], self.server.address())
        self.assertIsNotNone(manifest["resumed_at"])


if __name__ == "__main__":
    main()
