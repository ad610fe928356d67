#!/usr/bin/env python3
"""`report`: its figures against SQL of our own over every shard, and what it says of damaged or odd directories."""

import resource
from collections import Counter

from fleet import *

GROUPS = {"by_firmware": "firmware_version", "by_model": "model", "by_manufacturer": "manufacturer"}
TYPES = ["spike", "trend", "pattern", "missing_data", "noise"]


class Report(FleetTest):
    def report(self, data, **options):
        return json.loads(self.fleet_sim("report", data, "--json", **options).stdout)

    def named(self, groups):
        return {group["name"]: group for group in groups}

    def figures(self, data):
        """What must not depend on how readings are spread over files."""
        report = self.report(data)
        return {name: value for name, value in report.items() if name not in ("directory", "runs", "shards")}

    def test_figures_are_those_of_sql(self):
        self.fill("data", "--shard-by", "location", "--duration", "2h")
        data = self.dir / "data"
        report = self.report(data)
        sensors = dict(query_all(data, "SELECT DISTINCT sensor_id, firmware_version || '|' || model || '|' || manufacturer "
                                       "FROM sensor_readings"))
        missing = Counter()
        for sensor, count in query_all(data, "SELECT sensor_id, readings_affected FROM anomaly_events "
                                             "WHERE anomaly_type = 'missing_data'"):
            missing[sensor] += count
        for place, (key, column) in enumerate(GROUPS.items()):
            rows, anomalous, types, left_out = Counter(), Counter(), Counter(), Counter()
            for name, count, flagged in query_all(data, f"SELECT {column}, count(*), sum(anomaly_flag) "
                                                        f"FROM sensor_readings GROUP BY 1"):
                rows[name] += count
                anomalous[name] += flagged
            for name, kind, count in query_all(data, f"SELECT {column}, anomaly_type, count(*) FROM sensor_readings "
                                                     "WHERE anomaly_flag = 1 GROUP BY 1, 2"):
                types[name, kind] += count
            for sensor, count in missing.items():
                left_out[sensors[sensor].split("|")[place]] += count
            groups = self.named(report[key])
            self.assertEqual(set(groups), set(rows))
            for name, group in groups.items():
                due = rows[name] + left_out[name]
                self.assertEqual(group["readings"], rows[name])
                self.assertEqual(group["missing"], left_out[name])
                self.assertEqual(group["due"], due)
                self.assertEqual(group["anomalous"], anomalous[name] + left_out[name])
                self.assertAlmostEqual(group["rate"], (anomalous[name] + left_out[name]) / due)
                self.assertAlmostEqual(group["rate_of_rows"], anomalous[name] / rows[name])
                self.assertEqual(group["sensors"], sum(one.split("|")[place] == name for one in sensors.values()))
                for kind in TYPES:
                    expected = left_out[name] if kind == "missing_data" else types[name, kind]
                    self.assertEqual(group["types"][kind]["readings"], expected, (name, kind))
        classes = Counter()
        for location, count in query_all(data, "SELECT location, count(*) FROM sensor_readings GROUP BY 1"):
            classes[location.split(" ")[0]] += count
        self.assertEqual({g["name"]: g["readings"] for g in report["by_location_class"]}, dict(classes))
        self.assertEqual(report["first"], min(query_all(data, "SELECT min(timestamp) FROM sensor_readings"))[0])
        self.assertEqual(report["last"], max(query_all(data, "SELECT max(timestamp) FROM sensor_readings"))[0])
        self.assertEqual(report["missing_data"]["readings"], sum(missing.values()))
        self.assertEqual(report["missing_data"]["events"], total(data, "SELECT count(*) FROM anomaly_events "
                                                                       "WHERE anomaly_type = 'missing_data'"))
        self.assertEqual(report["gaps"]["count"], 0)
        self.assertEqual([shard["file"] for shard in report["shards"]], [path.name for path in shards(data)])
        for shard, path in zip(report["shards"], shards(data)):
            self.assertEqual([(shard["readings"], shard["first"], shard["last"])],
                             query(path, "SELECT count(*), min(timestamp), max(timestamp) FROM sensor_readings"))
        for curve in report["daily"]:
            for hour in curve["hours"]:
                sums = query_all(data, "SELECT count(*), sum(temperature) FROM sensor_readings WHERE anomaly_flag = 0 "
                                       "AND location LIKE ? AND substr(timestamp, 12, 2) = ?",
                                 curve["location_class"] + "%", f"{hour['hour']:02}")
                self.assertEqual(hour["readings"], sum(count for count, _ in sums))
                if hour["readings"]:
                    self.assertAlmostEqual(hour["temperature"], sum(s or 0 for _, s in sums) / hour["readings"], 6)
        (run,) = report["runs"]
        self.assertEqual((run["seed"], run["start"], run["fleet_size"], run["partition"], run["shard_by"]),
                         (7, "2026-01-01T00:00:00.000000Z", 15, "1/1", "location"))

    def test_on_a_narrow_terminal(self):
        """Lines are cut or wrapped where they would run over; all is there where there is room."""
        self.fill("data", "--shard-by", "location", "--duration", "1m")
        whole = self.fleet_sim("report", "data").stdout
        self.assertGreater(max(map(len, whole.splitlines())), 80)
        for columns in (40, 80):
            narrow = self.fleet_sim("report", "data", env={"COLUMNS": str(columns)}).stdout
            self.assertLessEqual(max(map(len, narrow.splitlines())), columns)
            self.assertIn("interval is computed from sensors", " ".join(narrow.split()), "what is said is said in full")
        self.assertEqual(self.fleet_sim("report", "data", env={"COLUMNS": "1000"}).stdout, whole)

    def test_the_interval_counts_sensors(self):
        self.fill("data", "--shard-by", "sensor", "--duration", "1h")
        counts = {}
        for path in shards(self.dir / "data"):
            ((firmware, rows, flagged),) = query(path, "SELECT firmware_version, count(*), sum(anomaly_flag) "
                                                       "FROM sensor_readings")
            ((missing,),) = query(path, "SELECT coalesce(sum(readings_affected), 0) FROM anomaly_events "
                                        "WHERE anomaly_type = 'missing_data'")
            counts.setdefault(firmware, []).append((rows + missing, flagged + missing))
        quantile = {5: 2.5706, 6: 2.4469, 7: 2.3646, 8: 2.3060, 9: 2.2622}
        for group in self.report("data")["by_firmware"]:
            pairs = counts[group["name"]]
            n, due = len(pairs), sum(x for x, _ in pairs)
            rate = sum(y for _, y in pairs) / due
            few = sum(y ** 2 for _, y in pairs) / (n * (n - 1))
            half = quantile[n - 1] * (n / (n - 1) * sum((y - rate * x) ** 2 for x, y in pairs) + few) ** 0.5 / due
            self.assertAlmostEqual(group["interval"]["low"], max(0, rate - half), 6)
            self.assertAlmostEqual(group["interval"]["high"], rate + half, 6)

    def test_figures_do_not_depend_on_the_files(self):
        fleet = self.dir / "fleet.jsonl"
        self.fleet_sim("generate", "--count", 60, "--out", fleet)
        self.fill("one", "--duration", "90m", identities=fleet)
        self.fill("sixteen", "--duration", "90m", "--shard-by", "hash:16", "--writers", 2, identities=fleet)
        for part in (1, 2, 3):
            self.fill("parts", "--duration", "90m", "--shard-by", "firmware", "--partition", f"{part}/3",
                      identities=fleet)
        one = self.figures("one")
        self.assertEqual(self.figures("sixteen"), one)
        self.assertEqual(self.figures("parts"), one)
        self.assertGreater(one["total"]["readings"], 250_000)  # enough to be read in parts
        self.assertEqual(len(self.report("parts")["runs"]), 3)

    def test_expected_values_by_hand(self):
        fleet = self.write_identities(
            [identity(f"old-{i}", firmware_version="1.3") for i in range(3)] +
            [identity(f"new-{i}", firmware_version="1.4.0", model="TempVibe-3000") for i in range(3)] +
            [identity("mixed", firmware_version="1.3", manufacturer="VibrationPlus")])
        self.fill("data", "--duration", "30m", identities=fleet)
        report = self.report("data")
        firmware = self.named(report["by_firmware"])
        # Every sensor has the same number of due readings. Firmware 1.3: 7.5%, once times 1.2. Firmware 1.4: 3.5%.
        self.assertAlmostEqual(firmware["1.3"]["expected"], (3 * 0.075 + 0.09) / 4, 6)
        self.assertAlmostEqual(firmware["1.4"]["expected"], 0.035, 6)
        self.assertAlmostEqual(report["total"]["expected"], (3 * 0.075 + 0.09 + 3 * 0.035) / 7, 6)
        # 1.4 and TempVibe-3000: spike 0.4 · 0.7 · 1.5, noise 0.2 · 0.8, the others as they are.
        weights = {"spike": 0.42, "trend": 0.2, "pattern": 0.1, "missing_data": 0.1, "noise": 0.16}
        for kind, weight in weights.items():
            self.assertAlmostEqual(firmware["1.4"]["types"][kind]["expected"], weight / sum(weights.values()), 6)
        alone = self.named(report["by_manufacturer"])["VibrationPlus"]
        self.assertAlmostEqual(alone["expected"], 0.09, 6)
        self.assertIsNone(alone["interval"], "one sensor tells nothing about the others")

    def test_runs_with_other_settings_leave_nothing_to_expect(self):
        self.fill("data", "--shard-by", "firmware", "--duration", 60)
        self.fleet_sim("--identity", IDENTITIES / "factory_old_1.json", "--data-dir", "data", "--shard-by", "firmware",
                       "--duration", 60, "--speed", "max", "--start", "2026-02-01", "--seed", 8,
                       env={"FLEET_SIM_ANOMALIES_PROBABILITY": "0.2"})
        report = self.report("data")
        groups = self.named(report["by_firmware"])
        self.assertIsNone(groups["1.3"]["expected"])
        self.assertIsNotNone(groups["1.4"]["expected"])
        self.assertIsNone(report["total"]["expected"])
        self.assertEqual([run["seed"] for run in report["runs"]], [7, 8])
        self.assertEqual(report["gaps"]["between_runs"]["count"], 1)
        self.assertIn("no expected rate for 1 shard, such as firmware=1.3.db: its runs had different settings",
                      self.fleet_sim("report", "data").stdout)

    def test_rows_that_are_missing_are_gaps(self):
        self.fill("data", "--duration", "10m")
        (path,) = shards(self.dir / "data")
        times = [time for (time,) in query(path, "SELECT timestamp FROM sensor_readings WHERE sensor_id = "
                                                 "(SELECT min(sensor_id) FROM sensor_readings) ORDER BY id")]
        # A stretch without an anomaly, so that all spacings are a second.
        begin = next(i for i in range(5, len(times) - 60)
                     if micros(times[i + 50]) - micros(times[i]) == 50 * SECOND)
        before = self.report("data")["gaps"]
        self.assertEqual(before["count"], 0)
        query(path, "DELETE FROM sensor_readings WHERE timestamp > ? AND timestamp < ? AND sensor_id = "
                    "(SELECT min(sensor_id) FROM sensor_readings)", times[begin], times[begin + 50])
        gaps = self.report("data")["gaps"]
        self.assertEqual((gaps["count"], gaps["readings"], gaps["seconds"]), (1, 49, 50))
        self.assertEqual((gaps["longest"][0]["from"], gaps["longest"][0]["until"]), (times[begin], times[begin + 50]))

    def test_sync_state(self):
        self.fill("data", "--shard-by", "firmware", "--duration", 600)
        path = self.dir / "data" / "firmware=1.4.db"
        query(path, "UPDATE sensor_readings SET synced = 1 WHERE timestamp < '2026-01-01T00:05'")
        ((synced, unsynced),) = query(path, "SELECT sum(synced), sum(synced = 0) FROM sensor_readings")
        report = self.report("data")
        group = self.named(report["by_firmware"])["1.4"]
        self.assertEqual((group["synced"], group["unsynced"]), (synced, unsynced))
        self.assertEqual(report["total"]["synced"], synced)
        shard = next(shard for shard in report["shards"] if shard["file"] == path.name)
        self.assertEqual([(shard["oldest_unsynced"],)],
                         query(path, "SELECT min(timestamp) FROM sensor_readings WHERE synced = 0"))
        self.assertEqual(report["oldest_unsynced"],
                         min(query_all(self.dir / "data", "SELECT min(timestamp) FROM sensor_readings WHERE synced = 0"))[0])

    def test_damaged_and_foreign_files_are_named_and_the_rest_is_reported(self):
        self.fill("data", "--shard-by", "firmware", "--duration", 60)
        data = self.dir / "data"
        rows = query(data / "firmware=1.4.db", "SELECT count(*) FROM sensor_readings")[0][0]
        damaged = bytearray((data / "firmware=1.3.db").read_bytes())
        damaged[16_384:] = bytes(len(damaged) - 16_384)
        (data / "firmware=1.3.db").write_bytes(damaged)
        self.write("data/notes.db", "not a database at all" * 50)
        connection = sqlite3.connect(data / "customers.db")
        connection.execute("CREATE TABLE customers (id)")
        connection.close()
        kept = fingerprint(data)
        ran = self.fleet_sim("report", "data", "--json", code=1)
        report = json.loads(ran.stdout)
        self.assertEqual([one["file"] for one in report["unreadable"]], ["customers.db", "firmware=1.3.db", "notes.db"])
        self.assertEqual(report["total"]["readings"], rows)
        text = self.fleet_sim("report", "data", code=1).stdout
        self.assertIn("NOT READ notes.db: cannot be read: file is not a database", text)
        self.assertEqual(fingerprint(data), kept)

    def test_nothing_to_report_on(self):
        (self.dir / "empty").mkdir()
        self.assertIn("has no .db files", self.fleet_sim("report", "empty", code=2).stderr)
        self.assertIn("no such file or directory", self.fleet_sim("report", "nowhere", code=2).stderr)
        (self.dir / "fresh").mkdir()
        self.write("fresh/new.db", "")
        self.assertIn("has no .db files, or only empty ones", self.fleet_sim("report", "fresh", code=2).stderr)

    def test_beside_a_simulator_and_after_its_violent_end(self):
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--shard-by", "location", "--speed", 500,
                             "--start", "2026-01-01", "--duration", "10d", "--seed", 3)
        data = self.dir / "data"
        self.wait_for_rows(data, 20_000, process, files=5)
        for _ in range(5):
            report = self.report("data")
            self.assertEqual(report["unreadable"], [])
            self.assertEqual(report["gaps"]["count"], 0)
            self.assertGreater(report["total"]["readings"], 20_000)
        process.kill()
        process.wait()
        kept = fingerprint(data)
        report = self.report("data")
        self.assertEqual({name: hashed for name, hashed in fingerprint(data).items() if not name.endswith("-shm")},
                         {name: hashed for name, hashed in kept.items() if not name.endswith("-shm")})
        self.assertEqual(report["total"]["readings"], total(data, "SELECT count(*) FROM sensor_readings"))
        self.assertEqual(report["missing_data"]["open_events"],
                         total(data, "SELECT count(*) FROM anomaly_events WHERE anomaly_type = 'missing_data' "
                                     "AND ended_at IS NULL"))

    def test_many_files_and_few_descriptors(self):
        fleet = self.write_identities([identity(f"S{i:03}") for i in range(300)])
        self.fill("data", "--shard-by", "sensor", "--duration", 20, identities=fleet)
        limit = (14, 14)  # too few for four threads at once
        report = self.report("data", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit))
        self.assertEqual(report["unreadable"], [])
        self.assertEqual(report["total"]["readings"], total(self.dir / "data", "SELECT count(*) FROM sensor_readings"))
        self.assertIn("… and 280 shards more", self.fleet_sim("report", "data").stdout)


if __name__ == "__main__":
    main()
