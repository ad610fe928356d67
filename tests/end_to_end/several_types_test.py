#!/usr/bin/env python3
"""A data directory with files of several types of sensor, read back: report."""

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
            if group["name"] == "temperature_vibration":
                self.assertAlmostEqual(group["expected"], 0.2, places=6)
                self.assertEqual(len(expected), 5)
            else:  # what takes rows, as often as it would of any other sensor
                self.assertEqual(expected, {"missing_data": 1.0})
                self.assertLess(group["expected"], 0.1)
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
        """Not of the pump's volume, its first channel, which is counted."""
        days = {(day["sensor_type"], day["channel"], day["unit"]) for day in self.report()["daily"]}
        self.assertEqual(days, {("pump", "flow", "m3/h"), ("gas", "methane", "ppm"), ("temperature_vibration", "temperature", "°C")})
        day = next(day for day in self.report()["daily"] if day["channel"] == "flow")
        flow = [row[3] for row in self.rows("pump")]
        means = [(hour["readings"], hour["flow"]) for hour in day["hours"] if hour["readings"]]
        self.assertAlmostEqual(sum(count * mean for count, mean in means) / sum(count for count, _ in means),
                               sum(flow) / len(flow), places=6)


if __name__ == "__main__":
    main()
