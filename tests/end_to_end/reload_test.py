"""Config and identities that change while the fleet runs: taken up whole or refused, and seen in the data."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest

import fleet
from fleet import identity, query_all, total
from reloading import FLUSH_OFTEN, PACE, Reloading


class ReloadTest(Reloading):
    def test_a_sensor_joins_changes_and_leaves(self):
        process = self.run_fleet()
        self.put("D")
        self.until(lambda: "D" in self.ids(), "rows of the sensor that was added")
        joined = self.moment()
        first = self.rows("D")[0][0]
        self.assertLess(fleet.micros(first) - fleet.micros(joined), 20_000)
        self.assertGreaterEqual(first, joined)

        self.put("B", firmware_version="9.9")
        self.until(lambda: ("9.9",) in self.rows("B", "firmware_version"), "rows with the new firmware")
        changed = self.moment(2)
        for at, firmware in self.rows("B", "timestamp, firmware_version"):
            self.assertEqual(firmware, "9.9" if at >= changed else "1.4")

        (self.folder / "C.json").unlink()
        self.until_logged("1 removed (C)")
        left = self.moment(3)
        count = len(self.rows("A"))
        self.until(lambda: len(self.rows("A")) > count + 60, "rows of those that stay")
        self.assertLess(self.rows("C")[-1][0], left)
        summary = self.finish(process)
        for sensor in ("A", "B", "C", "D"):
            self.assert_evenly_due(sensor, 20_000)
        self.assertEqual(summary.due, summary.written)
        reported = query_all(self.dir / "data", "SELECT number, at, fleet_size, changes FROM run_reloads ORDER BY number")
        self.assertEqual([row[:3] for row in reported], [(1, joined, 4), (2, changed, 4), (3, left, 3)])
        self.assertIn("firmware_version 1.4 -> 9.9", reported[1][3])

    def test_a_changed_location_moves_the_sensor_to_its_new_shard(self):
        process = self.run_fleet("--shard-by", "location")
        self.put("B", location="Outdoor - Roof")
        self.until(lambda: len(fleet.shards(self.dir / "data")) == 2, "the new shard")
        self.until(lambda: ("Outdoor - Roof",) in self.rows("B", "location"), "rows in it")
        self.finish(process)
        self.assert_evenly_due("B", 20_000)
        for path in fleet.shards(self.dir / "data"):
            self.assertEqual(len(fleet.query(path, "SELECT DISTINCT location FROM sensor_readings")), 1)

    def test_a_renamed_or_touched_file_changes_nothing(self):
        process = self.run_fleet()
        os.rename(self.folder / "A.json", self.folder / "Z.json")
        os.utime(self.folder / "B.json")
        self.put("D")  # proof that what came before has been seen
        self.until_logged("reloaded, starting with readings")
        self.assertIn("1 added (D)", self.printed())
        self.assertNotIn("changed (", self.printed())
        self.assertNotIn("removed (", self.printed())
        self.finish(process)
        self.assert_evenly_due("A", 20_000)

    def test_a_half_written_file_is_refused_and_tried_again(self):
        process = self.run_fleet()
        whole = json.dumps(identity("D"))
        (self.folder / "D.json").write_text(whole[:20])
        self.until_logged("1 identity file not reloaded, keeping the current version")
        time.sleep(0.5)  # several looks at the same content are one line
        self.assertEqual(self.printed().count("not reloaded"), 1)
        self.assertNotIn("D", self.ids())
        (self.folder / "D.json").write_text(whole)
        self.until(lambda: "D" in self.ids(), "rows of the sensor once its file is whole")
        self.finish(process)

    def test_several_problems_are_reported_in_one_line(self):
        process = self.run_fleet()
        for name in "DE":
            (self.folder / f"{name}.json").write_text("{")
        self.until(lambda: re.search(r"not reloaded, .*D\.json:1: [^?]*; identities/E\.json:1: ", self.printed()), "both")
        self.finish(process)

    def test_with_skip_invalid_a_half_written_file_does_not_take_its_sensor_out(self):
        process = self.run_fleet("--skip-invalid")
        (self.folder / "B.json").write_text("{")
        self.until_logged("1 identity file not reloaded, keeping the current version: identities/B.json:1: not valid")
        count = len(self.rows("B"))
        self.until(lambda: len(self.rows("B")) > count + 30, "rows of the sensor still")
        self.finish(process)

    def test_no_identity_left_is_refused(self):
        process = self.run_fleet()
        for path in self.folder.iterdir():
            path.unlink()
        self.until_logged("not reloaded, keeping the current version: identities: the folder has no .json")
        self.finish(process)

    def test_links_switched_as_kubernetes_does(self):
        for name, firmware in (("..one", "1.3"), ("..two", "7.7")):
            (self.dir / "map" / name).mkdir(parents=True)
            (self.dir / "map" / name / "K.json").write_text(json.dumps(identity("K", firmware_version=firmware)))
        os.symlink("..one", self.dir / "map" / "..data")
        os.symlink("..data/K.json", self.dir / "map" / "K.json")
        self.folder = self.dir / "map"
        self.config()
        process = self.start("--config", "config.yaml", "--identities", "map", "--data-dir", "data", *PACE,
                             env=FLUSH_OFTEN)
        self.wait_for_rows(self.dir / "data", 20, process)
        os.symlink("..two", self.dir / "map" / "..data_tmp")
        os.rename(self.dir / "map" / "..data_tmp", self.dir / "map" / "..data")
        self.until(lambda: ("7.7",) in self.rows("K", "firmware_version"), "rows with the new firmware")
        self.finish(process)

    def test_a_changed_config(self):
        process = self.run_fleet(env={})
        self.config("normal_parameters: {voltage: {mean: 12, std_dev: 0, min: 12, max: 12}}\n"
                    "database: {flush_interval_ms: 250}\nsimulation: {run_time_seconds: 5}\n")
        self.until(lambda: (12.0,) in self.rows("A", "voltage"), "rows with the new numbers")
        self.assertIn("config: normal_parameters.voltage.std_dev 0.1 -> 0", self.printed())
        self.assertIn("config: database.flush_interval_ms 1000 -> 250 takes effect after a restart", self.printed())
        # The command line says --duration 0, whatever the file says.
        self.assertNotIn("run_time_seconds", self.printed())
        changed = self.moment()
        self.finish(process)
        for at, voltage in self.rows("A", "timestamp, voltage"):
            self.assertEqual(voltage == 12, at >= changed)

    def test_a_bad_config_is_refused(self):
        process = self.run_fleet()
        for bad in ("nonsense: [", "anomalies: {probability: 7}", "unknown_key: 1"):
            self.write("config.yaml", bad)
            self.until_logged("config not reloaded", self.printed().count("config not reloaded") + 1)
        self.assertIn("unknown key 'unknown_key'", self.printed())
        self.config("logging: {level: ERROR}\n")
        self.until_logged("logging.level INFO -> ERROR")
        self.config("logging: {level: INFO}\n")
        self.until_logged("logging.level ERROR -> INFO")
        self.finish(process)

    def test_another_rate(self):
        self.config("simulation: {readings_per_second: 50}\n")
        process = self.start("--config", "config.yaml", "--identities", "identities", "--data-dir", "data",
                             "--duration", "0", env=FLUSH_OFTEN)
        self.wait_for_rows(self.dir / "data", 30, process)
        self.config("simulation: {readings_per_second: 20}\n")
        self.until_logged("reloaded, starting with readings")
        count = len(self.rows("A"))
        self.until(lambda: len(self.rows("A")) > count + 30, "rows at the new rate")
        changed = self.moment()
        self.finish(process)
        for sensor in ("A", "B", "C"):
            self.assert_evenly_due(sensor, 20_000, before=changed)
            self.assert_evenly_due(sensor, 50_000, since=changed)

    @fleet.not_under_thread_sanitizer
    def test_a_hang_up_reloads_at_once_and_stops_nothing(self):
        process = self.run_fleet(interval=3600)
        self.put("D")
        process.send_signal(signal.SIGHUP)
        self.until(lambda: "D" in self.ids(), "rows of the sensor that was added")
        self.assertNotIn("nothing changed", self.printed())
        process.send_signal(signal.SIGHUP)
        self.until_logged("nothing changed in the config and identity files")
        self.assertIsNone(process.poll())
        self.finish(process)

    @fleet.not_under_thread_sanitizer
    def test_a_hang_up_while_the_fleet_is_being_read_reloads_afterwards(self):
        self.fleet_sim("generate", "--count", 200_000, "--out", "fleet.jsonl")
        self.config(interval=3600)
        process = self.start("--config", "config.yaml", "--identities", "fleet.jsonl", "--data-dir", "data", "--duration", "0",
                             "--rate", "0.001")
        self.until(lambda: self.reads(process, "fleet.jsonl"), "fleet.jsonl being read", pause=0)
        self.config("normal_parameters: {voltage: {mean: 12.25}}\n", interval=3600)  # the config has been read by now
        process.send_signal(signal.SIGHUP)
        self.until_logged("normal_parameters.voltage.mean 12 -> 12.25")
        self.stop(process)

    def reads(self, process, name):
        self.assertIsNone(process.poll(), self.printed())
        for descriptor in os.listdir(f"/proc/{process.pid}/fd"):
            try:
                if os.path.basename(os.readlink(f"/proc/{process.pid}/fd/{descriptor}")) == name:
                    return True
            except FileNotFoundError:
                pass  # closed meanwhile
        return False

    def test_a_hang_up_while_draining_changes_nothing(self):
        process = self.run_fleet()
        holder = fleet.connect(self.dir / "data" / "sensor_data.db")
        self.addCleanup(holder.close)
        holder.execute("BEGIN IMMEDIATE")
        ((rows,),) = holder.execute("SELECT count(*) FROM sensor_readings")
        time.sleep(0.3)  # so that something waits to be written
        process.send_signal(signal.SIGTERM)
        self.until_logged("stopping: writing the remaining readings")
        self.put("D")
        for _ in range(3):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        self.assertIsNone(process.poll(), self.printed())
        holder.execute("ROLLBACK")
        self.assertEqual(process.wait(timeout=60), 0, self.printed())
        summary = fleet.Summary((self.dir / "stdout").read_text())
        self.assert_balanced(summary, self.dir / "data")
        self.assertGreater(summary.written, rows)
        self.assertNotIn("reloaded, starting with readings", self.printed())

    def test_several_writers(self):
        """Sensors join, move and leave among the files of three writers; events stay with the rows they tell of."""
        self.write("config.yaml", "anomalies:\n  probability: 0.3\n  types:\n    trend: {duration_seconds: 0.8}\n"
                   "    pattern: {duration_seconds: 0.7}\n    missing_data: {duration_seconds: 0.3}\n"
                   "    noise: {duration_seconds: 0.5}\nconfig_reload: {check_interval_seconds: 0.1}\n")
        data, sites = self.dir / "data", {f"S{i:02}": i % 6 for i in range(30)}
        for sensor, site in sites.items():
            self.put(sensor, location=f"Site {site}")
        process = self.start("--config", "config.yaml", "--identities", "identities", "--data-dir", "data", *PACE,
                             "--shard-by", "location", "--writers", "3", env=FLUSH_OFTEN)
        self.wait_for_rows(data, 500, process, files=7)
        for turn in range(1, 4):
            for sensor in list(sites)[turn::3]:
                sites[sensor] = (int(sensor[1:]) + turn) % 9  # Site 8 is new
                self.put(sensor, location=f"Site {sites[sensor]}")
            self.put(f"N{turn}", location=f"Site {turn}")
            sites[f"N{turn}"] = turn
            sites.pop(f"S{turn:02}")
            (self.folder / f"S{turn:02}.json").unlink()
            expected = {sensor: f"Site {site}" for sensor, site in sites.items()}
            self.until(lambda: expected.items() <= self.latest_locations().items(), "rows of all where they are now")
        summary = self.finish(process)
        self.assert_balanced(summary, data)
        self.assertGreaterEqual(len(fleet.shards(data)), 8)
        taken = query_all(data, "SELECT sensor_id, timestamp FROM sensor_readings")
        self.assertEqual(len(taken), len(set(taken)), "a reading is there twice")
        swaps = re.findall(r"reloaded, starting with readings at (\S+Z)", self.printed())
        for path in fleet.shards(data):
            ((last,),) = fleet.query(path, "SELECT max(timestamp) FROM sensor_readings")
            reported = fleet.query(path, "SELECT number, at FROM run_reloads ORDER BY number")
            self.assertEqual(reported, list(enumerate(swaps, 1))[:len(reported)], path.name)
            self.assertGreaterEqual(len(reported), sum(at <= last for at in swaps), f"{path.name}: rows of an untold reload")
            self.assert_events_match_rows(path)

    def latest_locations(self):
        latest = query_all(self.dir / "data", "SELECT max(timestamp), sensor_id, location FROM sensor_readings GROUP BY 2")
        return {sensor: location for _, sensor, location in sorted(latest)}

    def assert_events_match_rows(self, path):
        """Each anomalous row has its event in the same file, which counts it."""
        counted = fleet.query(path, "SELECT e.id, e.readings_affected, (SELECT count(*) FROM sensor_readings r WHERE "
                                    "r.sensor_id = e.sensor_id AND r.anomaly_type = e.anomaly_type AND r.timestamp >= "
                                    "e.started_at AND r.timestamp <= coalesce(e.ended_at, '9')) FROM anomaly_events e "
                                    "WHERE e.anomaly_type != 'missing_data'")
        self.assertEqual([row for row in counted if row[1] != row[2]], [], path.name)
        ((anomalous,),) = fleet.query(path, "SELECT count(*) FROM sensor_readings WHERE anomaly_flag = 1")
        self.assertEqual(sum(row[1] for row in counted), anomalous, path.name)

    def test_a_reloaded_run_is_resumed_and_drawn_anew(self):
        process = self.run_fleet()
        self.put("D")
        self.until(lambda: "D" in self.ids(), "rows of the sensor that was added")
        self.finish(process)
        rows = len(self.rows("D"))
        self.fleet_sim("--resume", "--identities", "identities", "--data-dir", "data", "--duration", "1m", "--speed", "max")
        self.assertGreater(len(self.rows("D")), rows)
        self.assert_evenly_due("D", 20_000)
        checked = subprocess.run([sys.executable, "-B", fleet.SOURCE / "tests" / "ground_truth.py", self.dir / "data"],
                                 capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_thousands_of_files_at_once(self):
        files = 10_000 if fleet.AT_LENGTH else 3_000
        for i in range(files):
            self.put(f"N{i:05}", readings_per_second=0.5)
        self.config()
        process = self.start("--config", "config.yaml", "--identities", "identities", "--data-dir", "data", *PACE,
                             env=FLUSH_OFTEN)
        self.wait_for_rows(self.dir / "data", 30, process)
        for i in range(files):
            self.put(f"N{i:05}", readings_per_second=0.5, firmware_version="2.2")
        changed = "SELECT count(DISTINCT sensor_id) FROM sensor_readings WHERE firmware_version = '2.2'"
        # What asks the files too often slows the run down.
        self.until(lambda: total(self.dir / "data", changed) == files, "rows of all of them with the new firmware", 60, 0.5)
        self.finish(process)
        self.assert_evenly_due("A", 20_000)
        self.assertEqual(len(re.findall("reloaded, starting with readings", self.printed())), len(query_all(
            self.dir / "data", "SELECT number FROM run_reloads")))

    def test_looking_changes_nothing(self):
        """With no change, the data are those of a run that never looked."""
        for data, enabled in (("looked", "true"), ("blind", "false")):
            self.write(f"{data}.yaml", f"config_reload: {{enabled: {enabled}, check_interval_seconds: 0.02}}\n")
            self.fill(data, "--config", f"{data}.yaml", "--rate", 50, "--duration", "20m", identities=self.folder)
        self.assertEqual(self.counted("looked"), self.counted("blind"))
        self.assertEqual(query_all(self.dir / "looked", "SELECT count(*) FROM sqlite_schema WHERE name = 'run_reloads'"),
                         [(0,)])


if __name__ == "__main__":
    fleet.main()
