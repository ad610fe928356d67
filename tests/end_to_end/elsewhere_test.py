#!/usr/bin/env python3
"""Who comes from another simulator: names that mean something elsewhere are said to be called
otherwise here, and `convert` writes files that load.

The files are made for these tests, from what is known of the formats.
"""

from fleet import *

NESTED = """{
  "sensor_id": "BAY_7",
  "location": {"site": "Warehouse 2", "zone": "Bay 7", "coordinates": {"latitude": 45.76, "longitude": 4.84},
               "timezone": "Europe/Paris"},
  "device_info": {"manufacturer": "DataSense", "model": "TempVibe-3000", "firmware_version": "1.4", "serial_number": "DS-0042"},
  "metadata": {"generation_seed": 123456789012345678901234567890123456789}
}"""
EXTRAS = '{"metadata":{"generation_seed":123456789012345678901234567890123456789}}'


class Names(FleetTest):
    """What is called otherwise here is said, at the start and by `check`."""

    def test_variables_are_named_by_check_and_at_the_start_of_a_run(self):
        said = ["ignoring SENSOR_INTERVAL=5 (called FLEET_SIM_SIMULATION_READINGS_PER_SECOND here, with the value 0.2)",
                "ignoring ANOMALY_PROBABILITY=0.1 (called FLEET_SIM_ANOMALIES_PROBABILITY here)"]
        env = {"SENSOR_INTERVAL": "5", "ANOMALY_PROBABILITY": "0.1", "SENSOR_ID": "A"}
        checked = self.fleet_sim("check", env=env)
        ran = self.fleet_sim("--speed", "max", "--duration", "5", env=env)
        for line in said:
            self.assertIn(line, checked.stderr)
            self.assertEqual((ran.stdout + ran.stderr).count(line), 1)

    def test_options_of_other_tools_are_named(self):
        for option, ours in (("--scale=10", "fleet-sim generate --count N"), ("--workers", "--threads N or --writers N"),
                             ("--log-interval", "--rate R"), ("--timestamp-start=2026-01-01", "--start TIME")):
            ran = self.fleet_sim(option, code=2)
            self.assertIn(f"unknown argument '{option.split('=')[0]}' (use {ours}", ran.stderr)

    def test_keys_that_are_nearly_ours_are_named_by_check(self):
        path = self.write_identities([identity("A", reading_per_second=5)])
        self.assertIn("reading_per_second (did you mean 'readings_per_second'?)",
                      self.fleet_sim("check", "--identities", path).stderr)
        self.write("id.json", '{"ID": "A"}')
        self.assertIn("id.json:1: id is missing: every identity needs a unique text (did you mean 'id' by \"ID\"?)",
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
        self.assertIn("wrote ours/config.yaml: 20 settings, 6 of them translated\n", ran.stdout)
        self.assertIn("  theirs.yaml:7: normal_parameters.humidity: sensors here read temperature", ran.stdout)
        self.assertIn("  theirs.yaml:9: database.backup_enabled: back files up", ran.stdout)
        self.assertIn("file_bytes: 10000000  # was logging.max_size_mb: 10\n", (self.dir / "ours/config.yaml").read_text())
        self.assertEqual(sorted(path.name for path in (self.dir / "ours/identities").iterdir()),
                         ["LOAD_005.json", "LOAD_006.json", "LOAD_007.json"])
        self.assertEqual(json.loads((self.dir / "ours/identities/LOAD_006.json").read_text()),
                         {"id": "LOAD_006", "type": "environmental", "location": "Lyon", "manufacturer": "SensorTech",
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
        self.assertEqual(self.readings(self.dir / "flat"), self.readings(self.dir / "theirs"))

    def test_many_sensors_share_a_file(self):
        self.write("theirs.yaml", "replicas: {count: 1001}\n")
        self.fleet_sim("convert", "--config", "theirs.yaml", "--out", "ours")
        lines = (self.dir / "ours/identities.jsonl").read_text().splitlines()
        self.assertEqual((len(lines), json.loads(lines[-1])["id"]), (1001, "SENSOR_1001"))

    def test_nothing_is_overwritten_and_bad_input_writes_nothing(self):
        self.write("theirs.yaml", self.THEIRS)
        self.write("full/keep.txt", "mine")
        self.assertIn("exists and is no empty folder",
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
