#!/usr/bin/env python3
"""Fleets of several declared types: what their files hold, read with Python's sqlite3, and what is refused."""

import unittest

from fleet import *

TYPES = """\
types:
  pump:
    sources:
      run:     {kind: load, duty: 0.6, burst: 1.3}
      level:   {kind: noise, from: 30m, to: 8h, roughness: 0.3}
      weather: {kind: noise, scope: site, from: 1h, to: 8d, roughness: 0.5}
    channels:
      flow:      {unit: m3/h, base: 5, white: 0.3, resolution: 0.1, range: [0, 80], terms: {run: 48, level: 2}}
      bearing:   {unit: "°C", base: 30, white: 0.05, resolution: 0.1, terms: {run: 18, weather: 2}}
      volume:    {unit: m3, kind: counter, per: 1h, resolution: 0.01, rate: {run: 48}}
      mode:      {kind: state, of: run, at: [0.5], names: [stopped, running]}
  gas:
    channels:
      methane:   {unit: ppm, base: 2, white: 0.1}
"""
RUN = ("--speed", "max", "--start", "2026-01-05", "--seed", 3, "--duration", "2h", "--rate", 0.1)


def pump(number, **more):
    return {"id": f"PUMP_{number}", "type": "pump", "location": f"Plant {number % 2} - Hall {number}", **more}


def identities_of(kinds):
    made = {"pump": pump, "gas": lambda n: {"id": f"GAS_{n}", "type": "gas", "location": "Plant 0 - Hall 0"},
            "built in": lambda n: {"id": f"TEMP_{n}", "location": f"Plant {n % 2} - Hall {n}"}}
    return [made[kind](number) for kind in kinds for number in range(4)]


class Types(FleetTest):
    def setUp(self):
        super().setUp()
        self.config = self.write("types.yaml", TYPES)

    def run_fleet(self, identities, *more, data="data", code=0):
        fleet = self.write_identities(identities)
        return self.fleet_sim("--config", self.config, "--identities", fleet, "--data-dir", data, *RUN, *more, code=code)

    def rows_of(self, data, sensor):
        """What the sensor reads, whichever file has it."""
        for path in shards(self.dir / data):
            rows = query(path, "SELECT * FROM sensor_readings WHERE sensor_id = ? ORDER BY timestamp", sensor)
            if rows:
                return [row[1:] for row in rows]
        self.fail(f"{data} has no rows of {sensor}")

    def test_each_file_has_one_type_and_says_what_its_channels_are(self):
        self.run_fleet(identities_of(["pump", "gas", "built in"]), "--shard-by", "site")
        names = sorted(path.name for path in shards(self.dir / "data"))
        self.assertEqual(names, ["site=Plant_0.db", "site=Plant_0.type=gas.db", "site=Plant_0.type=pump.db",
                                 "site=Plant_1.db", "site=Plant_1.type=pump.db"])
        pumps = self.dir / "data" / "site=Plant_0.type=pump.db"
        self.assertEqual(query(pumps, "SELECT name, type, unit, kind, resolution, states FROM channel_info ORDER BY rowid"), [
            ("flow", "pump", "m3/h", "gauge", 0.1, None), ("bearing", "pump", "°C", "gauge", 0.1, None),
            ("volume", "pump", "m3", "counter", 0.01, None), ("mode", "pump", "", "state", None, '["stopped","running"]')])
        columns = [column[1] for column in query(pumps, "PRAGMA table_info(sensor_readings)")]
        others = [name for name, _ in COLUMNS if name not in ("temperature", "vibration", "voltage")]
        self.assertEqual(columns, others[:3] + ["flow", "bearing", "volume", "mode"] + others[3:])
        self.assertEqual(set(query(pumps, "SELECT typeof(flow), typeof(volume), typeof(mode) FROM sensor_readings")),
                         {("real", "real", "integer")})
        self.assertEqual({sensor for (sensor,) in query(pumps, "SELECT DISTINCT sensor_id FROM sensor_readings")},
                         {"PUMP_0", "PUMP_2"})
        self.assertEqual(len(query(self.dir / "data" / "site=Plant_1.db", "SELECT 1 FROM channel_info WHERE unit = 'V'")), 1)
        self.assert_sound(self.dir / "data")

    def test_one_file_for_all_has_a_sibling_for_each_type(self):
        self.run_fleet(identities_of(["pump", "gas"]), "--shard-by", "none")
        self.assertEqual(sorted(path.name for path in shards(self.dir / "data")),
                         ["sensor_data.type=gas.db", "sensor_data.type=pump.db"])

    def test_what_a_sensor_reads_depends_on_nobody_beside_it(self):
        self.run_fleet(identities_of(["pump", "gas", "built in"]), "--threads", 2, "--writers", 2, "--shard-by", "site")
        self.run_fleet(identities_of(["pump"]), "--threads", 1, "--shard-by", "none", data="pumps")
        self.run_fleet(identities_of(["built in"]), "--shard-by", "sensor", data="others")
        self.assertEqual(self.rows_of("data", "PUMP_3"), self.rows_of("pumps", "PUMP_3"))
        self.assertEqual(self.rows_of("data", "TEMP_1"), self.rows_of("others", "TEMP_1"))
        self.fleet_sim("--identities", self.write_identities(identities_of(["built in"])), "--data-dir", "plain", *RUN)
        self.assertEqual(self.rows_of("plain", "TEMP_2"), self.rows_of("data", "TEMP_2"))

    def test_an_identity_has_numbers_of_its_own(self):
        own = pump(1, normal_parameters={"flow": {"mean": 20, "std_dev": 0, "max": 21}})
        self.run_fleet([own])
        flow = [value for (value,) in query_all(self.dir / "data", "SELECT flow FROM sensor_readings WHERE anomaly_flag = 0")]
        self.assertLessEqual(max(flow), 21)
        self.assertGreater(min(flow), 10)

    def test_a_type_that_is_not_declared_is_refused(self):
        said = self.run_fleet([pump(0), {"id": "X", "type": "pumb"}], code=2).stderr
        self.assertIn("fleet.jsonl:2: type \"pumb\" is not declared (did you mean 'pump'?); declare it under `types:`", said)
        self.assertFalse((self.dir / "data").exists())
        fleet = self.write_identities([pump(0)])
        self.assertIn('type "pump" is not declared', self.fleet_sim("check", "--identities", fleet, code=2).stderr)

    def test_parameters_of_other_channels_are_refused(self):
        for parameters, wrong in (({"temperature": {"mean": 1}}, "that sensors of type \"pump\" do not have"),
                                  ({"volume": {"mean": 1}}, "it is no gauge"),
                                  ({"flow": {"mean": 100}}, "normal_parameters.flow.mean 100 must lie between min 0 and max 80")):
            said = self.run_fleet([pump(0, normal_parameters=parameters)], code=2).stderr
            self.assertIn(wrong, said)

    def test_the_built_in_type_declared_anew_keeps_its_files(self):
        self.write("types.yaml", """types:
  temperature_vibration:
    sources: {day: {kind: cycle, period: 24h, peak: "15:00"}}
    channels:
      temperature: {unit: "°C", base: 20, white: 0.1, resolution: 0.1, terms: {day: 5}}
      vibration:   {unit: mm/s², base: 2}
      voltage:     {unit: V, base: 12}
""")
        self.run_fleet(identities_of(["built in"]), "--shard-by", "site")
        self.assertEqual([path.name for path in shards(self.dir / "data")], ["site=Plant_0.db", "site=Plant_1.db"])
        temperatures = [row[2] for row in self.rows_of("data", "TEMP_1")]
        self.assertLess(max(temperatures), 26)
        self.assertTrue(all(abs(10 * one - round(10 * one)) < 1e-9 for one in temperatures))

    def test_a_run_is_resumed_with_what_it_counted_and_which_channels_it_had(self):
        self.run_fleet([pump(0)])
        for was, now, wrong in (
                ("rate: {run: 48}", "rate: {run: 50}",
                 "types.pump.channels.volume.rate is {run: 50}, but the run has {run: 48}; restore it, or start a new run"),
                ("duty: 0.6", "duty: 0.7", "types.pump.sources.run.duty is 0.7, but the run has 0.6"),
                ("methane:", "propane:", "types.gas.channels is [propane], but the run has [methane]")):
            self.write("types.yaml", TYPES.replace(was, now))
            self.assertIn(wrong, self.run_fleet([pump(0)], "--resume", "--duration", "3h", code=2).stderr)
        # What a running fleet follows, a resumed one does, and a type that is new is no matter.
        self.write("types.yaml", TYPES.replace("base: 30", "base: 50") + "  oven:\n    channels: {heat: {base: 200}}\n")
        self.run_fleet([pump(0), {"id": "OVEN_1", "type": "oven"}], "--resume", "--duration", "3h")
        bearing = [row[3] for row in self.rows_of("data", "PUMP_0")]
        half = len(bearing) * 2 // 3
        self.assertGreater(min(bearing[half + 1:]), max(bearing[:half - 1]) - 20)
        self.assertGreater(max(bearing[half:]), max(bearing[:half]) + 10)
        ovens = [pump(0), {"id": "OVEN_1", "type": "oven"}]
        self.run_fleet(ovens, "--resume", "--duration", "4h")
        heat = [row[2] for row in self.rows_of("data", "OVEN_1")]
        self.assertEqual(set(heat), {200})
        self.assertGreater(len(heat), 700 * 0.9)

    def test_of_several_unsharded_runs_the_one_that_is_named_is_resumed(self):
        names = [self.write(f"{name}.yaml", f"database: {{path: data/{name}.db}}\n") for name in "ab"]
        for name in names:
            self.run_fleet([pump(0)], "--config", name, "--append")
        rows = "SELECT count(*) FROM sensor_readings"
        (before,), = query(self.dir / "data/b.type=pump.db", rows)
        self.run_fleet([pump(0)], "--config", names[0], "--resume", "--duration", "4h")
        self.assertEqual(query(self.dir / "data/b.type=pump.db", rows), [(before,)])
        self.assertGreater(query(self.dir / "data/a.type=pump.db", rows)[0][0], 1.9 * before)

    def test_files_of_other_channels_are_not_written_to(self):
        self.run_fleet([pump(0)])
        self.write("types.yaml", TYPES.replace("bearing:", "shaft:"))
        said = self.run_fleet([pump(0)], "--append", code=3).stderr
        self.assertIn("has a table sensor_readings with different columns", said)


if __name__ == "__main__":
    unittest.main()
