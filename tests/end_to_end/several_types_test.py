#!/usr/bin/env python3
"""A data directory with files of several types of sensor, read back: export, report, digest, and a central database."""

import csv
import io
from collections import Counter

from collecting import *

TYPES = """\
types:
  pump:
    sources:
      run:   {kind: load, duty: 0.6, burst: 1.3}
      level: {kind: noise, from: 30m, to: 8h, roughness: 0.3}
    channels:
      volume: {unit: m3, kind: counter, per: 1h, resolution: 0.01, rate: {run: 48}}
      flow:   {unit: m3/h, base: 5, white: 0.3, range: [0, 80], terms: {run: 48, level: 2}}
      mode:   {kind: state, of: run, at: [0.5], names: [stopped, running]}
  gas:
    channels:
      methane: {unit: ppm, base: 2, white: 0.1}
"""
BEFORE, AFTER = ["timestamp", "sensor_id"], [name for name, _ in COLUMNS[6:-1]]
CHANNELS = {"gas": ["methane"], "pump": ["volume", "flow", "mode"],
            "temperature_vibration": ["temperature", "vibration", "voltage"]}
TABLES = {"gas": "sensor_readings_gas", "pump": "sensor_readings_pump", "temperature_vibration": "sensor_readings"}


def fleet_of_three():
    """Sensors of each type, of two models that do not go with the types."""
    kinds = {"PUMP": {"type": "pump"}, "GAS": {"type": "gas"}, "TEMP": {}}
    return [{"id": f"{name}_{i}", "location": f"Plant {i % 2}", "model": "AB"[i % 2] * 3, "firmware_version": "9", **more}
            for name, more in kinds.items() for i in range(4)]


class SeveralTypesTest(CollectTest):
    """Half an hour of three types in the files of two plants, with many anomalies."""

    def setUp(self):
        super().setUp()
        config = self.write("types.yaml", TYPES + "anomalies: {probability: 0.2}\n")
        self.fill("data", "--config", config, "--shard-by", "location", "--duration", "30m", "--rate", 0.5,
                  identities=self.write_identities(fleet_of_three()))
        self.files = {kind: [path for path in shards(self.data) if self.type_of(path) == kind] for kind in CHANNELS}
        self.assertEqual([len(files) for files in self.files.values()], [2, 2, 2])

    @staticmethod
    def type_of(path):
        ((kind,),) = query(path, "SELECT DISTINCT type FROM channel_info")
        return kind

    def rows(self, kind):
        """What the files hold of a type, in order of time and sensor."""
        columns = ", ".join(BEFORE + CHANNELS[kind] + AFTER)
        return sorted((row for path in self.files[kind] for row in query(path, f"SELECT {columns} FROM sensor_readings")), key=repr)


class Exports(SeveralTypesTest):
    def export(self, *arguments, code=0):
        return self.fleet_sim("export", "data", *arguments, code=code)

    def test_a_csv_file_has_one_type(self):
        for kind, channels in CHANNELS.items():
            table = csv.reader(io.StringIO(self.export("--type", kind).stdout))
            self.assertEqual(next(table), BEFORE + channels + AFTER)
            until = 2 + len(channels)
            found = sorted((*row[:2], *map(float, row[2:until]), *row[until + 3:]) for row in table)
            self.assertEqual(found, sorted((*row[:until], *row[until + 3:]) for row in self.rows(kind)))

    def test_a_csv_file_of_several_types_is_refused(self):
        said = self.export("--out", "all.csv", code=2).stderr
        self.assertIn("these are of 3: gas, pump, temperature_vibration; choose one with --type", said)
        self.assertIn("--format ndjson or line-protocol", said)
        self.assertIn("these are of 2: gas, pump;", self.export("--type", "gas", "--type", "pump", code=2).stderr)
        self.assertFalse((self.dir / "all.csv").exists())
        # Of one type among those that are asked for in other words.
        header = self.export("--sensor", "GAS_1").stdout.splitlines()[0]
        self.assertEqual(header.split(",")[2], "methane")

    def test_a_type_that_is_not_there(self):
        self.assertIn("--type: there are no readings of 'pumb' (did you mean 'pump'?); there are readings of gas, pump, "
                      "temperature_vibration", self.export("--type", "pumb", code=2).stderr)

    def test_json_lines_of_all_types(self):
        lines = [json.loads(line) for line in self.export("--format", "ndjson").stdout.splitlines()]
        self.assertEqual([line["timestamp"] for line in lines], sorted(line["timestamp"] for line in lines))
        for kind, channels in CHANNELS.items():
            names = BEFORE + channels + AFTER
            found = [tuple(line.values()) for line in lines if list(line) == names]
            self.assertEqual(sorted(found, key=repr), self.rows(kind))
        self.assertEqual(len(lines), sum(len(self.rows(kind)) for kind in CHANNELS))
        some = self.export("--format", "ndjson", "--type", "gas", "--type", "pump").stdout.splitlines()
        self.assertEqual(len(some), len(self.rows("gas")) + len(self.rows("pump")))

    def test_line_protocol_has_a_measurement_for_each_type(self):
        lines = self.export("--format", "line-protocol").stdout.splitlines()
        self.assertEqual(Counter(line.split(",")[0] for line in lines),
                         {TABLES[kind]: len(self.rows(kind)) for kind in CHANNELS})
        pump = next(line for line in lines if line.startswith("sensor_readings_pump,"))
        self.assertRegex(pump, r" volume=[\d.]+,flow=[\d.]+,mode=[01]i,status_code=\d+i,")

    def test_labels_of_a_type(self):
        self.assertEqual(set(json.loads(self.export("--labels").stdout)), {one["id"] for one in fleet_of_three()})
        labels = json.loads(self.export("--labels", "events", "--type", "pump").stdout)
        self.assertEqual(set(labels), {f"PUMP_{i}" for i in range(4)})
        kinds = {kind for path in shards(self.data) if self.type_of(path) == "pump"
                 for (kind,) in query(path, "SELECT anomaly_type FROM anomaly_events")}
        self.assertGreater(len(kinds), 1)
        self.assertEqual({event["type"] for of_sensor in labels.values() for event in of_sensor}, kinds)


class Reports(SeveralTypesTest):
    def report(self, *places):
        return json.loads(self.fleet_sim("report", *(places or ("data",)), "--json").stdout)

    def test_a_row_for_each_type(self):
        report = self.report()
        self.assertEqual({group["name"]: (group["sensors"], group["readings"]) for group in report["by_sensor_type"]},
                         {kind: (4, len(self.rows(kind))) for kind in CHANNELS})
        self.assertEqual(report["total"]["readings"], sum(len(self.rows(kind)) for kind in CHANNELS))
        self.assertEqual({shard["file"]: shard["sensor_type"] for shard in report["shards"]},
                         {path.name: self.type_of(path) for path in shards(self.data)})
        text = self.fleet_sim("report", "data").stdout
        self.assertRegex(text, r"(?m)^  sensor type +sensors +readings .*\n  gas +4 .*\n  pump +4 .*\n  temperature_vibration +4 ")

    def test_what_is_expected_follows_the_type(self):
        report = self.report()
        for group in report["by_sensor_type"]:
            expected = {name: figures["expected"] for name, figures in group["types"].items() if figures["expected"]}
            self.assertAlmostEqual(group["expected"], 0.2, places=6)
            self.assertEqual(set(expected), {"spike", "trend", "pattern", "missing_data", "noise"})
        # Of models that sensors of all types have: the mean over what is due.
        due = {group["name"]: group["due"] for group in report["by_sensor_type"]}
        rates = {group["name"]: group["expected"] for group in report["by_sensor_type"]}
        self.assertAlmostEqual(report["total"]["expected"], sum(due[kind] * rates[kind] for kind in due) / sum(due.values()), places=6)
        self.assertEqual([group["name"] for group in report["by_model"]], ["AAA", "BBB"])
        for model in report["by_model"]:
            kinds = Counter()
            for path in shards(self.data):
                kinds.update(dict(query(path, "SELECT anomaly_type, count(*) FROM sensor_readings WHERE model = ? AND "
                                              "anomaly_flag = 1 GROUP BY 1", model["name"])))
                kinds.update(dict(query(path, "SELECT 'missing_data', coalesce(sum(readings_affected), 0) FROM anomaly_events "
                                              "WHERE anomaly_type = 'missing_data' AND sensor_id IN (SELECT sensor_id FROM "
                                              "sensor_readings WHERE model = ?)", model["name"])))
            self.assertEqual({name: figures["readings"] for name, figures in model["types"].items() if figures["readings"]},
                             {name: count for name, count in kinds.items() if count})

    def test_the_day_is_of_what_is_measured(self):
        """Not of the pump's volume, its first channel, which is counted, and not in anomalies."""
        days = {(day["sensor_type"], day["channel"], day["unit"]) for day in self.report()["daily"]}
        self.assertEqual(days, {("pump", "flow", "m3/h"), ("gas", "methane", "ppm"), ("temperature_vibration", "temperature", "°C")})
        day = next(day for day in self.report()["daily"] if day["channel"] == "flow")
        flow = [value for path in shards(self.data) if self.type_of(path) == "pump"
                for (value,) in query(path, "SELECT flow FROM sensor_readings WHERE anomaly_flag = 0")]
        means = [(hour["readings"], hour["flow"]) for hour in day["hours"] if hour["readings"]]
        self.assertAlmostEqual(sum(count * mean for count, mean in means) / sum(count for count, _ in means),
                               sum(flow) / len(flow), places=6)


class Central(SeveralTypesTest):
    def setUp(self):
        super().setUp()
        self.rows_of_shards = {kind: self.rows(kind) for kind in CHANNELS}
        self.before = {command: self.fleet_sim(*command, "data").stdout for command in (("digest",), ("report", "--json"))}
        self.collect()

    def test_a_table_for_each_type(self):
        center = self.dir / "central.sqlite"
        for kind, table in TABLES.items():
            columns = BEFORE + CHANNELS[kind] + AFTER
            self.assertEqual([name for (name,) in query(center, f"SELECT name FROM pragma_table_info('{table}')")],
                             ["run_id", *columns])
            self.assertEqual(sorted(query(center, f"SELECT {', '.join(columns)} FROM {table}"), key=repr),
                             self.rows_of_shards[kind])
        self.assertEqual(total(self.data, "SELECT count(*) FROM sensor_readings WHERE synced = 0"), 0)
        info = "SELECT name, type, unit, kind, resolution, states FROM channel_info"
        self.assertEqual(set(query(center, info)), set(query_all(self.data, info)))
        self.assertEqual(self.central_events(), self.events_in_shards())
        self.assertEqual(self.collect().copied, 0)

    def test_it_reads_like_its_shards(self):
        center = self.fleet_sim("digest", "central.sqlite").stdout.splitlines()
        self.assertEqual(center[-1], self.before["digest",].splitlines()[-1])
        self.assertEqual([line.split()[-1] for line in center[:3]], [f"central.sqlite/{table}" for table in sorted(TABLES.values())])
        report = json.loads(self.fleet_sim("report", "--json", "central.sqlite").stdout)
        shards_said = json.loads(self.before["report", "--json"])
        for part in ("total", "by_sensor_type", "by_model", "by_firmware"):
            for figure in ("synced", "unsynced"):
                for group in (report[part], shards_said[part]):
                    for one in group if isinstance(group, list) else [group]:
                        one.pop(figure)
        for part in ("total", "by_sensor_type", "by_model", "by_firmware", "daily", "missing_data", "runs", "duplicates"):
            self.assertEqual(report[part], shards_said[part], part)
        for kind in CHANNELS:
            self.assertEqual(sorted(self.fleet_sim("export", "central.sqlite", "--type", kind).stdout.splitlines()),
                             sorted(self.fleet_sim("export", "data", "--type", kind).stdout.splitlines()))
        for place in ("data", "central.sqlite"):
            self.assertIn("choose one with --type", self.fleet_sim("export", place, code=2).stderr)
        self.assertEqual(self.fleet_sim("export", "--labels", "events", "central.sqlite").stdout,
                         self.fleet_sim("export", "--labels", "events", "data").stdout)

    def test_a_database_of_one_declared_type(self):
        other = self.dir / "pumps"
        other.mkdir()
        for path in self.files["pump"]:
            shutil.copy(path, other)
            query(other / path.name, "UPDATE sensor_readings SET synced = 0")
        ran = subprocess.run([sys.executable, "-B", COLLECT, "pumps", "--into", "pumps.sqlite"], cwd=self.dir, capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(query(self.dir / "pumps.sqlite", "SELECT name FROM sqlite_schema WHERE name GLOB 'sensor_readings*'"),
                         [("sensor_readings_pump",)])
        self.assertEqual(len(self.fleet_sim("export", "pumps.sqlite").stdout.splitlines()), 1 + len(self.rows_of_shards["pump"]))

    def test_a_unit_that_changed_is_said(self):
        """The rows are collected all the same."""
        changed = self.files["pump"][1]
        query(changed, "UPDATE channel_info SET unit = 'l/min' WHERE name = 'flow'")
        query(changed, "UPDATE sensor_readings SET synced = 0")
        self.assertEqual(self.collect().stderr, f"collect: {changed.name}: unit, kind, resolution or states of pump.flow differ "
                                                "from those in the central database, which keeps the first\n")
        self.assertEqual(query(self.dir / "central.sqlite", "SELECT unit FROM channel_info WHERE name = 'flow'"), [("m3/h",)])
        self.assertEqual(total(self.data, "SELECT count(*) FROM sensor_readings WHERE synced = 0"), 0)

    def test_a_type_whose_channels_changed_is_left_alone(self):
        """The others are collected."""
        changed = self.files["pump"][0]
        query(changed, "ALTER TABLE sensor_readings RENAME COLUMN flow TO stream")
        query(changed, "UPDATE channel_info SET name = 'stream' WHERE name = 'flow'")
        (self.dir / "central.sqlite").unlink()
        for path in shards(self.data):
            query(path, "UPDATE sensor_readings SET synced = 0")
        ran = self.collect(code=1)
        self.assertIn("unlike sensor_readings_pump in the central database", ran.stderr)
        self.assertEqual(query(self.dir / "central.sqlite", "SELECT count(*) FROM sensor_readings_gas"), [(len(self.rows_of_shards["gas"]),)])


class Digests(SeveralTypesTest):
    def test_each_column_of_each_type_counts(self):
        digest = self.digest("data")
        for kind, channels in CHANNELS.items():
            for channel in channels:
                path = self.files[kind][0]
                ((was,),) = query(path, f"SELECT {channel} FROM sensor_readings WHERE id = 5")
                query(path, f"UPDATE sensor_readings SET {channel} = {channel} + 1 WHERE id = 5")
                self.assertNotEqual(self.digest("data"), digest, channel)
                query(path, f"UPDATE sensor_readings SET {channel} = ? WHERE id = 5", was)
                self.assertEqual(self.digest("data"), digest, channel)


if __name__ == "__main__":
    main()
