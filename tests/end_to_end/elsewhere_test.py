#!/usr/bin/env python3
"""Who comes from another simulator: nested identities run and are kept in the table `sensors` of each shard, names that mean
something elsewhere are said to be called otherwise here, and `convert` writes files that load.

The files are made for these tests, from what is known of the formats.
"""

from identity_folder import *

SENSORS = ("SELECT sensor_id, valid_from, type, location, manufacturer, model, firmware_version, serial_number, latitude, "
           "longitude, timezone, readings_per_second, interval, normal_parameters, extras FROM sensors ORDER BY sensor_id, valid_from")

NESTED = """{
  "sensor_id": "BAY_7",
  "location": {"site": "Warehouse 2", "zone": "Bay 7", "coordinates": {"latitude": 45.76, "longitude": 4.84},
               "timezone": "Europe/Paris"},
  "device_info": {"manufacturer": "DataSense", "model": "TempVibe-3000", "firmware_version": "1.4", "serial_number": "DS-0042"},
  "metadata": {"generation_seed": 123456789012345678901234567890123456789}
}"""
EXTRAS = '{"metadata":{"generation_seed":123456789012345678901234567890123456789}}'
START = "2026-01-01T00:00:00.000000Z"


class Sensors(IdentityFolderTest):
    """The table of a shard that says who its sensors are."""

    def versions(self, *columns):
        return sorted(query_all(self.data, f"SELECT {', '.join(columns)} FROM sensors"))

    def test_each_shard_says_who_its_sensors_are(self):
        (self.folder / "bay.json").write_text(NESTED, encoding="utf-8")
        self.put("plain", readings_per_second=2, normal_parameters={"voltage": {"mean": 12.5}})
        self.fill(self.data, "--duration", "5", "--shard-by", "sensor", identities=self.folder)
        rows = [query(path, SENSORS) for path in shards(self.data)]
        self.assertEqual([len(of_shard) for of_shard in rows], [1, 1])
        self.assertEqual(sorted(row for of_shard in rows for row in of_shard), [
            ("BAY_7", START, "temperature_vibration", "Warehouse 2 - Bay 7", "DataSense", "TempVibe-3000", "1.4", "DS-0042",
             45.76, 4.84, "Europe/Paris", None, None, None, EXTRAS),
            ("plain", START, "temperature_vibration", "Factory A - Line 1", "SensorTech", "TempVibe-2000", "1.4", None, None,
             None, None, 2.0, None, '{"voltage":{"mean":12.5}}', None)])
        self.assertEqual(query_all(self.data, "SELECT DISTINCT location FROM sensor_readings WHERE sensor_id = 'BAY_7'"),
                         [("Warehouse 2 - Bay 7",)])
        self.assertEqual(query_all(self.data, "SELECT json_extract(extras, '$.metadata') IS NOT NULL FROM sensors "
                                              "WHERE sensor_id = 'BAY_7'"), [(1,)])

    def test_a_version_that_is_in_force_is_not_written_again_and_another_one_is(self):
        self.put("A", owner="me")
        self.fill(self.data, "--duration", "5", identities=self.folder)
        self.fleet_sim("--identities", self.folder, "--data-dir", self.data, "--speed", "max", "--start", "2026-02-01",
                       "--duration", "5")
        self.assertEqual(self.versions("sensor_id", "valid_from", "extras"), [("A", START, '{"owner":"me"}')])
        self.put("A", owner="you")
        self.fleet_sim("--identities", self.folder, "--data-dir", self.data, "--speed", "max", "--start", "2026-03-01",
                       "--duration", "5")
        self.assertEqual(self.versions("valid_from", "extras"),
                         [(START, '{"owner":"me"}'), ("2026-03-01T00:00:00.000000Z", '{"owner":"you"}')])

    def test_a_file_of_an_older_version_gets_the_table(self):
        self.put("A")
        self.fill(self.data, "--duration", "5", identities=self.folder)
        (path,) = shards(self.data)
        with connect(path) as database:
            database.execute("DROP TABLE sensors")
        database.close()
        self.fleet_sim("--resume", "--data-dir", self.data, "--identities", self.folder, "--duration", "9")
        self.assertEqual(self.versions("sensor_id", "valid_from"), [("A", START)])

    def test_a_table_of_that_name_that_is_somebody_elses_is_refused(self):
        self.put("A")
        self.fill(self.data, "--duration", "5", identities=self.folder)
        (path,) = shards(self.data)
        with connect(path) as database:
            database.execute("DROP TABLE sensors")
            database.execute("CREATE TABLE sensors (name TEXT)")
        database.close()
        ran = self.fleet_sim("--identities", self.folder, "--data-dir", self.data, "--duration", "1", code=3)
        self.assertIn("has a table sensors with different columns", ran.stderr)

    def test_a_reload_adds_the_version_that_it_made_and_a_resumed_run_keeps_them(self):
        self.put("A", firmware_version="1.3", serial_number="S-1")
        self.put("B")
        arguments = ("--identities", self.folder, "--data-dir", self.data, "--duration", "0", "--rate", "10", "--seed", "7")
        fast = {"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50", "FLEET_SIM_CONFIG_RELOAD_CHECK_INTERVAL_SECONDS": "0.05"}
        process = self.start(*arguments, env=fast)
        self.wait_for_rows(self.data, 5, process)
        self.put("A", firmware_version="1.4", serial_number="S-1")
        self.put("C", latitude=1.5)
        until = time.monotonic() + 30
        while len(self.versions("sensor_id")) < 4 and time.monotonic() < until:
            time.sleep(0.05)
        process.kill()
        process.wait()
        before = self.versions("sensor_id", "valid_from", "firmware_version", "serial_number", "latitude")
        self.assertEqual([(row[0], *row[2:]) for row in before],
                         [("A", "1.3", "S-1", None), ("A", "1.4", "S-1", None), ("B", "1.4", None, None),
                          ("C", "1.4", None, 1.5)], self.printed())
        joined = query_all(self.data, """SELECT count(*), sum(r.firmware_version = s.firmware_version) FROM sensor_readings r
            JOIN sensors s ON s.sensor_id = r.sensor_id AND s.valid_from =
              (SELECT max(valid_from) FROM sensors WHERE sensor_id = r.sensor_id AND valid_from <= r.timestamp)""")
        (rows,) = query_all(self.data, "SELECT count(*) FROM sensor_readings")
        self.assertEqual(joined, [rows * 2])
        (start,) = {row[0] for row in query_all(self.data, "SELECT start FROM run_info")}
        reloads = sorted({row[0] for row in query_all(self.data, "SELECT at FROM run_reloads")})
        self.assertEqual((before[0][1], before[2][1]), (start, start))
        self.assertIn(before[1][1], reloads)
        self.assertIn(before[3][1], reloads)
        resumed = self.start("--resume", *arguments[:6], env=fast)
        rows = total(self.data, "SELECT count(*) FROM sensor_readings")
        self.wait_for_rows(self.data, rows + 10, resumed)
        self.stop(resumed)
        self.assertEqual(self.versions("sensor_id", "valid_from", "firmware_version", "serial_number", "latitude"), before)

    def test_retention_keeps_the_sensors(self):
        self.put("A")
        process = self.start("--identities", self.folder, "--data-dir", self.data, "--duration", "0", "--start", "2026-01-01",
                             "--speed", "50", env={"FLEET_SIM_DATABASE_RETENTION_AGE_SECONDS": "10",
                                                   "FLEET_SIM_DATABASE_RETENTION_ONLY_SYNCED": "false",
                                                   "FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"})
        deletions = "SELECT 1 FROM sqlite_schema WHERE name = 'deletions'"  # its own thread comes to them when it can
        until = time.monotonic() + 60
        while not (shards(self.data) and query_all(self.data, deletions)):
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.1)
        self.stop(process)
        self.assertGreater(total(self.data, "SELECT readings FROM deletions"), 0)
        self.assertEqual(self.versions("sensor_id"), [("A",)])

    def test_a_file_that_is_begun_anew_says_who_its_sensors_are_too(self):
        self.put("A")
        process = self.start("--identities", self.folder, "--data-dir", self.data, "--duration", "0", "--rate", "20",
                             env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"})
        self.wait_for_rows(self.data, 1, process)
        for path in self.data.glob("sensor_data.db*"):
            path.unlink()
        self.wait_for_rows(self.data, 1, process)
        self.stop(process)
        self.assertEqual(self.versions("sensor_id"), [("A",)])


class Names(FleetTest):
    """What is called otherwise here is said, at the start and by `check`."""

    def test_variables_are_named_by_check_and_at_the_start_of_a_run(self):
        said = ["ignoring SENSOR_INTERVAL=5 (called FLEET_SIM_SIMULATION_INTERVAL here)",
                "ignoring ANOMALY_PROBABILITY=0.1 (called FLEET_SIM_ANOMALIES_PROBABILITY here)"]
        env = {"SENSOR_INTERVAL": "5", "ANOMALY_PROBABILITY": "0.1", "SENSOR_ID": "A"}
        checked = self.fleet_sim("check", env=env)
        ran = self.fleet_sim("--speed", "max", "--duration", "5", env=env)
        for line in said:
            self.assertIn(line, checked.stderr)
            self.assertEqual((ran.stdout + ran.stderr).count(line), 1)

    def test_options_of_other_tools_are_named(self):
        for option, ours in (("--scale=10", "fleet-sim generate --count N"), ("--workers", "--threads N or --writers N"),
                             ("--log-interval", "--interval TIME"), ("--timestamp-start=2026-01-01", "--start TIME")):
            ran = self.fleet_sim(option, code=2)
            self.assertIn(f"unknown argument '{option.split('=')[0]}' (use {ours}", ran.stderr)

    def test_keys_that_are_nearly_ours_are_named_by_check(self):
        path = self.write_identities([identity("A", reading_per_second=5)])
        self.assertIn("reading_per_second (did you mean 'readings_per_second'?)",
                      self.fleet_sim("check", "--identities", path).stderr)
        self.write("id.json", '{"ID": "A"}')
        self.assertIn("id.json:1: id is missing: every identity needs a unique one (did you mean 'id' by \"ID\"?)",
                      self.fleet_sim("check", "--identity", "id.json", code=2).stderr)


class Convert(FleetTest):
    THEIRS = """
version: 2
sensor: {type: environmental, location: Lyon, manufacturer: SensorTech, model: EnvMonitor-3000, firmware_version: "1.4"}
simulation: {readings_per_second: 3, run_time_seconds: 3600}
normal_parameters:
  temperature: {mean: 61.0, std_dev: 2.0, min: 50.0, max: 80.0}
  humidity: {mean: 3.0}
anomalies: {enabled: true, base_probability: 0.01, types: {spike: {weight: 0.3, duration_seconds: 60}}}
database: {path: data/sensor_data.db, batch_size: 100, backup_enabled: false}
logging: {level: INFO, file: data/sensor_simulator.log, max_size_mb: 10, backup_count: 5}
dynamic_reloading: {enabled: true, check_interval_seconds: 5}
monitoring: {enabled: true, host: 0.0.0.0, port: 8090}
replicas: {count: 3, prefix: LOAD, start_index: 5}
"""

    def test_config_and_sensor_become_files_that_load(self):
        self.write("theirs.yaml", self.THEIRS)
        ran = self.fleet_sim("convert", "--config", "theirs.yaml", "--out", "ours")
        self.assertIn("  theirs.yaml:3: sensor.type: 'environmental' is no type of sensor here; declare it under `types:`",
                      ran.stdout)
        self.assertIn("wrote ours/config.yaml: 20 settings, 6 of them translated\n", ran.stdout)
        self.assertIn("  theirs.yaml:7: normal_parameters.humidity: sensors here read temperature", ran.stdout)
        self.assertIn("  theirs.yaml:9: database.backup_enabled: back files up", ran.stdout)
        self.assertIn("file_bytes: 10000000  # was logging.max_size_mb: 10\n", (self.dir / "ours/config.yaml").read_text())
        self.assertEqual(sorted(path.name for path in (self.dir / "ours/identities").iterdir()),
                         ["LOAD_005.json", "LOAD_006.json", "LOAD_007.json"])
        self.assertEqual(json.loads((self.dir / "ours/identities/LOAD_006.json").read_text()),
                         {"id": "LOAD_006", "type": "temperature_vibration", "location": "Lyon", "manufacturer": "SensorTech",
                          "model": "EnvMonitor-3000", "firmware_version": "1.4"})
        checked = re.search(r"check it with: fleet-sim (.*)", ran.stdout)[1]
        self.assertIn("config ok; 3 identities in 3 files", self.fleet_sim(*checked.split()).stdout)

    def test_identities_become_flat_and_lose_nothing(self):
        self.write("in/a.json", NESTED)
        self.write("in/b.json", json.dumps(identity("../B", location={"city": "Oslo"})))
        ran = self.fleet_sim("convert", "--identities", "in", "--out", "ours")
        self.assertIn("wrote ours/identities: 2 identities\n", ran.stdout)
        self.assertEqual(sorted(path.name for path in (self.dir / "ours").rglob("*.json")), ["BAY_7.json", "_._B.json"])
        text = (self.dir / "ours/identities/BAY_7.json").read_text()
        self.assertIn('"extras": ' + EXTRAS, text)
        self.assertEqual(json.loads(text)["location"], "Warehouse 2 - Bay 7")
        self.fill(self.dir / "theirs", "--duration", "5", identities="in")
        self.fill(self.dir / "flat", "--duration", "5", identities="ours/identities")
        self.assertEqual(query_all(self.dir / "flat", SENSORS), query_all(self.dir / "theirs", SENSORS))
        self.assertEqual(self.readings(self.dir / "flat"), self.readings(self.dir / "theirs"))

    def test_many_sensors_share_a_file(self):
        self.write("theirs.yaml", "replicas: {count: 1001}\n")
        self.fleet_sim("convert", "--config", "theirs.yaml", "--out", "ours")
        lines = (self.dir / "ours/identities.jsonl").read_text().splitlines()
        self.assertEqual((len(lines), json.loads(lines[-1])["id"]), (1001, "SENSOR_1001"))

    def test_nothing_is_overwritten_and_bad_input_writes_nothing(self):
        self.write("theirs.yaml", self.THEIRS)
        self.write("full/keep.txt", "mine")
        self.assertIn("exists and is not an empty folder",
                      self.fleet_sim("convert", "--config", "theirs.yaml", "--out", "full", code=2).stderr)
        self.write("bad.yaml", "a: [")
        self.assertIn("bad.yaml:", self.fleet_sim("convert", "--config", "bad.yaml", "--out", "new", code=2).stderr)
        self.write("bad.json", '{"sensor_id": "A", "location": {"city": 5}}')
        self.assertIn("location.city must be text in quotes, not the number 5: write \"5\" (sensor 'A')",
                      self.fleet_sim("convert", "--identities", "bad.json", "--out", "new", code=2).stderr)
        self.assertIn("--config FILE, --identities PATH or both", self.fleet_sim("convert", "--out", "new", code=2).stderr)
        self.assertFalse((self.dir / "new").exists())
        (self.dir / "empty").mkdir()
        self.fleet_sim("convert", "--config", "theirs.yaml", "--out", "empty")


if __name__ == "__main__":
    main()
