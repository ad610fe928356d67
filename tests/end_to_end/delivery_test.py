"""Imperfect delivery, read back from the files alone: columns, ground truth, books, kills, partitions, and what readers say."""

import csv
import json
import re
import signal
import subprocess
import sys
import unittest
from collections import Counter

import fleet
from fleet import SECOND, SOURCE, micros
from reloading import Reloading

DELIVERY = "delivery: {drop: 2%, late: {share: 10%, median: 4s}, duplicate: 1%, jitter: 20ms}\n"
UPGRADE = """scenario:
  - {name: upgrade, at: 2026-01-01T00:02Z, where: {id: "S1*"}, set: {firmware_version: "1.3"}}
"""
OUTAGE = UPGRADE + """  - {name: outage, at: 2026-01-01T00:01Z, for: 2m, where: {id: "S1*"}, deliver: {hold: true, drain: 3}}
"""
COLUMNS = "sensor_id, due, timestamp, temperature, vibration, voltage, anomaly_type, sequence, arrived_at"
TRUTH = "sensor_id, kind, sequence, due, arrived_at, readings"


class DeliveryTest(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        self.sensors = [f"S{i:02}" for i in range(20)]
        self.identities = self.write_identities([fleet.identity(one) for one in self.sensors])
        self.config = self.write("delivery.yaml", DELIVERY)

    def run_fleet(self, data, *arguments, config=None, duration="5m", **options):
        config = self.config if config is None else config
        return self.fill(data, "--config", config, "--duration", duration, *arguments, identities=self.identities,
                         **options)

    def rows(self, data):
        return sorted(fleet.query_all(data, f"SELECT {COLUMNS} FROM sensor_readings"))

    def truth(self, data):
        return sorted(fleet.query_all(data, f"SELECT {TRUTH} FROM deliveries"), key=str)


class Rows(DeliveryTest):
    def test_an_entry_that_says_0_switches_it_off_while_it_lasts(self):
        self.run_fleet(self.dir / "data", config=self.write("off.yaml", DELIVERY.replace("drop: 2%", "drop: 30%") + (
            "scenario:\n  - {name: mended, at: +1m, for: 1m, deliver: {drop: 0, late: {share: 0}, jitter: 0s}}\n")))
        mended = ("2026-01-01T00:01", "2026-01-01T00:02")
        rows = self.rows(self.dir / "data")
        within = [row for row in rows if mended[0] <= row[1] < mended[1]]
        self.assertTrue(within and all(row[1] == row[2] == row[8] for row in within))  # due, timestamp, arrived_at
        self.assertGreater(len(within), len(set((row[0], row[7]) for row in within)))  # some came twice all the same
        drops = [due for kind, due in fleet.query_all(self.dir / "data", "SELECT kind, due FROM deliveries") if kind == "drop"]
        self.assertEqual([due for due in drops if mended[0] <= due < mended[1]], [])
        self.assertTrue(min(drops) < mended[0] and max(drops) > mended[1])

    def test_rows_and_deliveries_are_the_undisturbed_run(self):
        data, off = self.dir / "data", self.dir / "off"
        ran = self.run_fleet(data)
        self.run_fleet(off, config=self.write("off.yaml", "delivery: {drop: 0}\n"))
        [path] = fleet.shards(data)
        columns = [row[1:3] for row in fleet.query(path, "PRAGMA table_info(sensor_readings)")]
        self.assertEqual(columns, fleet.COLUMNS + [("sequence", "INTEGER"), ("due", "TEXT"), ("arrived_at", "TEXT")])
        undisturbed = {(sensor, due): values for sensor, due, *values in fleet.query_all(
            off, "SELECT sensor_id, timestamp, temperature, vibration, voltage, anomaly_type FROM sensor_readings")}
        arrived = Counter()
        for sensor, due, stamp, temperature, vibration, voltage, anomaly, sequence, arrived_at in self.rows(data):
            arrived[sensor, due] += 1
            self.assertEqual(undisturbed[sensor, due], [temperature, vibration, voltage, anomaly])
            self.assertLessEqual(abs(micros(stamp) - micros(due)), 20_000)
            self.assertGreaterEqual(micros(arrived_at), micros(due))
            self.assertEqual(sequence, (micros(due) - micros("2026-01-01T00:00:00.000000Z")) // SECOND + 1)
        by_kind = {kind: {} for kind in ("drop", "late", "duplicate")}
        for sensor, kind, _, due, arrived_at, readings in self.truth(data):
            by_kind[kind][sensor, due] = arrived_at
            self.assertEqual(readings, 1)
        self.assertEqual({key for key, count in arrived.items() if count == 2}, set(by_kind["duplicate"]))
        absent = set(undisturbed) - set(arrived)
        waiting = absent - set(by_kind["drop"])
        self.assertLessEqual(waiting, set(by_kind["late"]))
        self.assertTrue(all(micros(by_kind["late"][key]) >= micros("2026-01-01T00:05:00.000000Z") for key in waiting))
        self.assertEqual(absent & set(by_kind["drop"]), set(by_kind["drop"]))
        for sensor, due, *_, arrived_at in self.rows(data):
            self.assertEqual(arrived_at, by_kind["late"].get((sensor, due), due))
        self.assertEqual(ran.summary.dropped, len(by_kind["drop"]))
        self.assertEqual(ran.summary.undelivered, len(waiting))
        self.assertEqual(ran.summary.duplicates, len(by_kind["duplicate"]))
        self.assertEqual(ran.summary.written, sum(arrived.values()))

    def test_check_says_how_rows_arrive(self):
        said = self.fleet_sim("check", "--identities", self.identities, "--config", self.config).stdout
        self.assertIn("delivery: 2% dropped, 10% late (median 4s), 1% twice, timestamps off by up to 20ms; rows have the columns "
                      "sequence, due, arrived_at\n", said)

    def test_off_leaves_no_trace(self):
        data = self.dir / "data"
        self.run_fleet(data, config=self.write("off.yaml", "delivery: {drop: 0}\n"))
        [path] = fleet.shards(data)
        self.assertEqual([row[1:3] for row in fleet.query(path, "PRAGMA table_info(sensor_readings)")], fleet.COLUMNS)
        self.assertEqual(fleet.query(path, "SELECT 1 FROM sqlite_schema WHERE name = 'deliveries'"), [])

    def test_a_file_gets_the_columns_when_a_run_first_delivers_into_it(self):
        data = self.dir / "data"
        off = self.write("off.yaml", "delivery: {drop: 0}\n")
        self.run_fleet(data, config=off, duration="1m")
        self.fleet_sim("--identities", self.identities, "--data-dir", data, "--speed", "max", "--start", "2026-02-01",
                       "--duration", "1m", "--config", self.config)
        self.fleet_sim("--identities", self.identities, "--data-dir", data, "--speed", "max", "--start", "2026-03-01",
                       "--duration", "1m", "--config", off)
        counts = fleet.query_all(data, "SELECT substr(timestamp, 1, 7), count(*), count(due) FROM sensor_readings GROUP BY 1")
        self.assertEqual([month for month, _, _ in counts], ["2026-01", "2026-02", "2026-03"])
        self.assertEqual([with_due for _, _, with_due in counts], [0, counts[1][1], 0])
        self.fleet_sim("report", data)


class Again(DeliveryTest):
    """The same rows however a run is cut."""

    def setUp(self):
        super().setUp()
        self.whole = self.dir / "whole"
        self.run_fleet(self.whole)

    def test_threads_and_files(self):
        data = self.dir / "data"
        self.run_fleet(data, "--shard-by", "sensor", "--writers", 2, "--threads", 3)
        self.assertEqual(self.rows(data), self.rows(self.whole))
        self.assertEqual(self.truth(data), self.truth(self.whole))

    def test_partitions(self):
        data = self.dir / "data"
        for part in ("1/2", "2/2"):
            self.run_fleet(data, "--partition", part)
        self.assertEqual(self.rows(data), self.rows(self.whole))
        self.assertEqual(self.truth(data), self.truth(self.whole))

    def test_resumed_at_its_end(self):
        data = self.dir / "data"
        self.run_fleet(data, duration="100")
        self.run_fleet(data, "--resume")
        self.assertEqual(self.rows(data), self.rows(self.whole))
        self.assertEqual(self.truth(data), self.truth(self.whole))
        self.assertEqual(self.digest(data)["digest"], self.digest(self.whole)["digest"])


class Held(DeliveryTest):
    """Sensors that are cut off for two minutes, and get new firmware meanwhile."""

    READINGS = "sensor_id, {}, temperature, vibration, voltage, anomaly_type, firmware_version"

    def setUp(self):
        super().setUp()
        self.outage = self.write("outage.yaml", OUTAGE)

    def test_everything_arrives_afterwards_first_in_first_out(self):
        data, off = self.dir / "data", self.dir / "off"
        ran = self.run_fleet(data, config=self.outage)
        self.run_fleet(off, config=self.write("upgrade.yaml", UPGRADE))
        self.assertEqual(sorted(fleet.query_all(data, f"SELECT {self.READINGS.format('due')} FROM sensor_readings")),
                         sorted(fleet.query_all(off, f"SELECT {self.READINGS.format('timestamp')} FROM sensor_readings")))
        self.assertEqual(fleet.query_all(data, "SELECT * FROM anomaly_events"), fleet.query_all(off, "SELECT * FROM anomaly_events"))
        self.assertNotIn("undelivered", ran.summary.lines)
        begin, end = (micros(f"2026-01-01T00:0{minute}:00.000000Z") for minute in (1, 3))
        in_slot = Counter()
        for sensor in self.sensors:
            rows = fleet.query_all(data, "SELECT due, arrived_at FROM sensor_readings WHERE sensor_id = ? ORDER BY id", sensor)
            self.assertEqual([due for due, _ in rows], sorted(due for due, _ in rows))
            for due, arrived_at in rows:
                if not sensor.startswith("S1"):
                    self.assertEqual(due, arrived_at)
                else:
                    self.assertFalse(begin <= micros(arrived_at) < end)
                    in_slot[sensor, arrived_at] += 1
        self.assertEqual(max(in_slot.values()), 4)
        held = [row for row in self.truth(data) if row[1] == "hold"]
        drained = {row[0]: row for row in self.truth(data) if row[1] == "drained"}
        self.assertEqual({row[0] for row in held}, {one for one in self.sensors if one.startswith("S1")})
        for sensor, _, sequence, due, arrived_at, _ in held:
            self.assertEqual(arrived_at, None)
            self.assertEqual(drained[sensor][2:4], (sequence, due))
            # 120 were held, and each slot gains three.
            self.assertEqual(drained[sensor][5], 120 + 40)
            self.assertEqual(micros(drained[sensor][4]), micros(due) + (120 + 39) * SECOND)

    def test_a_run_that_ends_amid_a_hold_says_what_has_not_arrived(self):
        data = self.dir / "data"
        ran = self.run_fleet(data, config=self.outage, duration="150")
        there = fleet.total(data, "SELECT count(*) FROM sensor_readings")
        self.assertEqual(ran.summary.undelivered, ran.summary.due - ran.summary.missing - there)
        self.assertGreater(ran.summary.undelivered, 800)

    def test_threads_and_partitions_drain_alike(self):
        whole, data = self.dir / "whole", self.dir / "data"
        self.run_fleet(whole, config=self.outage)
        for part in ("1/2", "2/2"):
            self.run_fleet(data, "--partition", part, "--threads", 2, "--shard-by", "sensor", config=self.outage)
        self.assertEqual(self.rows(data), self.rows(whole))
        self.assertEqual(self.truth(data), self.truth(whole))


class Killed(DeliveryTest):
    """A run that is killed and resumed gives the rows of one that never stopped."""

    def kill_and_resume(self, config, moments, duration):
        whole, data = self.dir / "whole", self.dir / "data"
        self.run_fleet(whole, duration=duration, config=config)
        arguments = ["--identities", self.identities, "--data-dir", data, "--speed", "max", "--start", "2026-01-01", "--seed", 7,
                     "--duration", duration, "--config", config, "--shard-by", "hash:3"]
        for least in moments:
            process = self.start(*arguments, *(["--resume"] if data.exists() else []))
            self.wait_for_rows(data, least, process)
            process.send_signal(signal.SIGKILL)
            process.wait()
        ran = self.fleet_sim(*arguments, "--resume")
        self.assertGreater(ran.summary.found, 0)
        self.assertEqual(self.rows(data), self.rows(whole))
        self.assertEqual(self.truth(data), self.truth(whole))

    def test_with_late_readings(self):
        self.kill_and_resume(self.config, (3_000, 50_000), "2h")

    def test_with_held_readings(self):
        hold = OUTAGE.replace("00:01Z, for: 2m", "00:10Z, for: 40m").replace("00:02Z", "00:30Z")
        self.kill_and_resume(self.write("held.yaml", DELIVERY + hold), (15_000, 30_000, 40_000), "90m")

    def test_resumed_amid_a_hold(self):
        self.resume_often(self.write("held.yaml", DELIVERY + OUTAGE))

    def test_resumed_while_sensors_are_held_and_silent(self):
        """Late rows wait then, too."""
        entries = ('at: +1s, for: 57s, where: {id: "S1*"}, deliver: {late: {share: 60%, median: 5s}}',
                   'at: +58s, for: 90s, where: {id: "S1*"}, silence: true',
                   'at: +59s, for: 2m, where: {id: "S1*"}, deliver: {hold: true, drain: 3}')
        scenario = "".join(f"  - {{name: e{number}, {entry}}}\n" for number, entry in enumerate(entries))
        self.resume_often(self.write("quiet.yaml", "scenario:\n" + scenario), ("140", "6m"))

    def resume_often(self, config, durations=("90", "150", "200", "6m")):
        whole, data = self.dir / "whole", self.dir / "data"
        self.run_fleet(whole, config=config, duration="6m")
        for duration in durations:
            ran = self.run_fleet(data, *(["--resume"] if data.exists() else []), config=config, duration=duration)
        self.assertEqual(self.rows(data), self.rows(whole))
        self.assertEqual(self.truth(data), self.truth(whole))
        self.assertGreater(ran.summary.found, 0)


EVERYTHING = DELIVERY + """anomalies: {probability: 0.2, types: {missing_data: {duration_seconds: 9}}}
scenario:
  - {name: up, at: +40s, where: {id: "S?[1-6]"}, set: {firmware_version: "1.5"}, waves: {0s: 40%, 3m: 90%}, spread: 1m, fails: 20%}
  - {name: back, at: +8m, where: {event: up}, set: {firmware_version: "1.3"}, spread: 1m, silent_for: 9s}
  - {name: out, at: +2m, for: 40s, where: {id: "S0*"}, silence: true, spread: 2m}
  - {name: come, at: +30s, where: {id: "S*9"}, join: true, spread: 2m}
  - {name: go, at: +5m, where: {id: "S*8"}, leave: true, spread: 1m}
  - {name: again, at: +9m, where: {event: go}, join: true}
  - {name: heat, at: +3m, for: 4m, fade: 30s, add: {temperature: 5}, spread: 30s}
  - {name: fault, at: +4m, for: 70s, waves: {0s: 60%}, fault: {type: trend}, spread: 1m}
  - {name: rest, at: +6m, reset: [trend, noise, missing_data], spread: 1m}
  - {name: cut, at: +100s, for: 3m, waves: {0s: 70%}, spread: 50s, deliver: {hold: true, drain: 2}}
  - {name: bad, at: +7m, for: 2m, where: {id: "S1*"}, deliver: {late: {share: 40%, median: 20s}, duplicate: 10%}}
  - {name: cut2, at: +8m, every: 2m, for: 30s, where: {id: "S?5"}, spread: 20s, deliver: {hold: true, drain: 1}}
"""


class Everything(DeliveryTest):
    """The same rows in the same files, whatever happens to the sensors and however a run is cut."""

    def setUp(self):
        super().setUp()
        sites = ("Factory A - Line 1", "Factory A - Line 2", "Warehouse")
        self.identities = self.write_identities([fleet.identity(one, location=sites[n % 3]) for n, one in enumerate(self.sensors)])
        self.config = self.write("everything.yaml", EVERYTHING)
        self.whole = self.dir / "whole"
        self.run_fleet(self.whole, "--shard-by", "location", "--threads", 1, duration="14m")

    def files(self, data):
        """What each file has of each sensor, in order, and of what happened."""
        found = {}
        for path in fleet.shards(data):
            tables = [f"SELECT {COLUMNS}, firmware_version FROM sensor_readings ORDER BY id", f"SELECT {TRUTH} FROM deliveries ORDER BY id",
                      "SELECT sensor_id, name, verb, started_at, ended_at, silent_until, failed FROM fleet_events "
                      "ORDER BY sensor_id, started_at, name",
                      "SELECT sensor_id, anomaly_type, cause, scenario, started_at, ended_at, readings_affected FROM anomaly_events "
                      "ORDER BY sensor_id, started_at"]
            for number, sql in enumerate(tables):
                for sensor, *rest in fleet.query(path, sql):
                    found.setdefault((path.name, number, sensor), []).append(rest)
        return found

    def assert_same(self, data):
        found, expected = self.files(data), self.files(self.whole)
        self.assertEqual(found.keys(), expected.keys())
        for key, rows in expected.items():
            self.assertEqual(found[key], rows, key)

    def test_partitions_and_threads(self):
        data = self.dir / "data"
        for part in ("1/3", "2/3", "3/3"):
            self.run_fleet(data, "--shard-by", "location", "--partition", part, "--threads", 4, "--writers", 2, duration="14m")
        self.assert_same(data)
        kinds = {row[0] for key, rows in self.files(data).items() if key[1] == 1 for row in rows}
        self.assertEqual(kinds, {"drop", "late", "duplicate", "hold", "drained"})

    def test_resumed_again_and_again(self):
        data = self.dir / "data"
        for duration in (70, 150, 290, 400, 500, 560, 700, 14 * 60):
            ran = self.run_fleet(data, "--shard-by", "location", "--writers", 2, *(["--resume"] if data.exists() else []),
                                 duration=str(duration))
        self.assertEqual(ran.summary.lost, 0)
        self.assert_same(data)

    def test_killed_and_resumed(self):
        data = self.dir / "data"
        arguments = ("--identities", self.identities, "--data-dir", data, "--start", "2026-01-01", "--seed", 7, "--duration", "14m",
                     "--config", self.config, "--shard-by", "location", "--speed", "max")
        config = {"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "5", "FLEET_SIM_DATABASE_BATCH_SIZE": "20"}
        for least in (1_500, 4_000, 8_000):
            process = self.start(*arguments, *(["--resume"] if data.exists() else []), env=config)
            self.wait_for_rows(data, least, process)
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.fleet_sim(*arguments, "--resume")
        self.assert_same(data)


class Reloaded(Reloading):
    def test_delivery_is_not_switched_on_in_a_running_process(self):
        process = self.run_fleet()
        self.config("delivery: {drop: 50%}\n")
        self.until_logged("delivery.drop 0% -> 50% takes effect after a restart")
        self.config("scenario:\n  - {name: cut, at: +10h, for: 1h, deliver: {hold: true}}\n")
        self.until_logged("entries with deliver can only come or go while others stay, or delivery is configured; restart")
        self.finish(process)
        [path] = fleet.shards(self.dir / "data")
        self.assertEqual([row[1:3] for row in fleet.query(path, "PRAGMA table_info(sensor_readings)")], fleet.COLUMNS)


class Readers(DeliveryTest):
    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"
        self.run_fleet(self.data)

    def test_export_has_the_columns(self):
        header, first, *_ = self.fleet_sim("export", self.data, "--format", "csv").stdout.splitlines()
        self.assertTrue(header.endswith("location,sequence,due,arrived_at"), header)
        self.assertEqual(len(first.split(",")), len(header.split(",")))
        line = self.fleet_sim("export", self.data, "--format", "ndjson").stdout.splitlines()[0]
        self.assertEqual(set(json.loads(line)) & {"sequence", "due", "arrived_at"}, {"sequence", "due", "arrived_at"})

    def test_clean_values_are_those_of_when_a_reading_was_due(self):
        lines = self.fleet_sim("export", self.data, "--clean", "--format", "csv").stdout.splitlines()
        rows = [row for row in csv.DictReader(lines) if not row["anomaly_type"]]
        self.assertGreater(len(rows), 4_000)
        self.assertEqual([row["temperature"] for row in rows], [row["clean_temperature"] for row in rows])

    def test_report_tells_what_delivery_did(self):
        kinds = Counter(row[1] for row in self.truth(self.data))
        report = json.loads(self.fleet_sim("report", self.data, "--json").stdout)
        self.assertEqual({name: report["delivery"][name] for name in kinds}, dict(kinds))
        self.assertEqual(report["gaps"]["count"], 0)
        self.assertEqual(report["duplicates"]["readings"], kinds["duplicate"])
        self.assertIn(f"{kinds['drop']:,} dropped", self.fleet_sim("report", self.data).stdout)

    def test_the_queries_of_the_page(self):
        page = (SOURCE / "engine" / "delivery" / "README.md").read_text(encoding="utf-8")
        [path] = fleet.shards(self.data)
        queries = "".join(re.findall(r"```sql\n(.*?)```", page, re.DOTALL)).split(";")
        answers = [fleet.query(path, one) for one in queries if one.strip()]
        expected, drops, lateness, [(out_of_order,)] = answers
        self.assertEqual(sum(count for _, count in expected), len({row[:2] for row in self.rows(self.data)}))
        self.assertEqual(len(drops), sum(row[1] == "drop" for row in self.truth(self.data)))
        self.assertTrue(all(seconds > 0 for _, seconds in lateness))
        self.assertGreater(out_of_order, 0)

    def test_a_collector_brings_columns_and_ground_truth(self):
        central = self.dir / "central.sqlite"
        subprocess.run([sys.executable, SOURCE / "scripts" / "collect", self.data, "--into", central], check=True,
                       capture_output=True)
        collected = set(fleet.query(central, f"SELECT {COLUMNS} FROM sensor_readings"))
        self.assertEqual(collected, set(self.rows(self.data)))
        self.assertEqual(sorted(fleet.query(central, f"SELECT {TRUTH} FROM deliveries"), key=str), self.truth(self.data))
        self.fleet_sim("report", central)


if __name__ == "__main__":
    unittest.main()
