#!/usr/bin/env python3
"""Fleets of declared types made by `generate`, and what `check`, `bench` and `convert` do with such types."""

import re
from collections import Counter

from benching import *
from declared_pump import *


class MadeTypes(BenchTest):
    def setUp(self):
        super().setUp()
        self.config = self.write("pump.yaml", PUMP)

    def generate(self, *arguments, out="-", **options):
        ran = self.fleet_sim("generate", "--out", out, *arguments, **options)
        return [json.loads(line) for line in ran.stdout.splitlines()] if out == "-" and ran.returncode == 0 else ran

    def measured(self, *arguments):
        return json.loads(self.bench(*arguments, "--json", "-").stdout)

    def test_a_fleet_of_several_types_runs(self):
        self.generate("--count", 200, "--mix", "pump=20,temperature_vibration=80", "--config", self.config, out="fleet.jsonl")
        self.fleet_sim("--config", self.config, "--identities", "fleet.jsonl", "--speed", "max", "--start", "2026-01-05",
                       "--duration", "10m", "--rate", 0.1)
        types = Counter(sensor["type"] for sensor in map(json.loads, (self.dir / "fleet.jsonl").read_text().splitlines()))
        self.assertEqual(set(types), {"pump", "temperature_vibration"})
        # 40 of 200 by chance: within four standard deviations.
        self.assertTrue(abs(types["pump"] - 40) < 4 * (200 * 0.2 * 0.8) ** 0.5, types)
        ((pumps,),) = query(self.dir / "data" / "sensor_data.type=pump.db", "SELECT count(DISTINCT sensor_id) FROM sensor_readings")
        self.assertEqual(pumps, types["pump"])

    def test_identities_fit_their_type(self):
        sensors = self.generate("--count", 60, "--mix", "pump=1,temperature_vibration=1")
        self.assertEqual(len({sensor["id"] for sensor in sensors}), 60)
        for number, sensor in enumerate(sensors, 1):
            self.assertEqual(sensor["id"], f"{sensor['type'].upper()}_{number:06}")
            self.assertRegex(sensor["model"], r"^Pump-\d000$" if sensor["type"] == "pump" else r"^TempVibe-\d000$")
            self.assertRegex(sensor["location"], r"^\w+ ?\w* - ")
        # All but the type is as without types.
        plain = self.generate("--count", 60)
        for key in ("location", "manufacturer", "firmware_version"):
            self.assertEqual([sensor[key] for sensor in sensors], [sensor[key] for sensor in plain])

    def test_a_mix_file_with_types(self):
        mix = self.write("mix.yaml", "type: {pump: 1}\nid: \"{type}-{n}-X\"\nmodel: {Sigma: 1}\n")
        (sensor,) = self.generate("--count", 1, "--mix", mix)
        self.assertEqual((sensor["id"], sensor["type"], sensor["model"]), ("PUMP-000001-X", "pump", "Sigma"))
        for text, problem in (("type: {Pump Nr 1: 1}\n", r"mix.yaml:1: type: 'Pump Nr 1' "),
                              ("type: pump\n", "mix.yaml:1: type must list choices and their weights"),
                              ("type: {pump: 0}\n", "mix.yaml:1: type: the weights must add up"),
                              ("id: \"{type}\"\n", "must contain {n}")):
            self.assertIn(problem, self.generate("--count", 1, "--mix", self.write("mix.yaml", text), code=2).stderr)

    def test_a_config_tells_which_types_there_are(self):
        ran = self.generate("--count", 1, "--mix", "pomp=1", "--config", self.config, code=2)
        self.assertIn("type 'pomp' is declared in no config given with --config (did you mean 'pump'?)", ran.stderr)
        # Without one, any type may be named.
        self.assertEqual(self.generate("--count", 1, "--mix", "pomp=1")[0]["type"], "pomp")
        for words in ("pump=", "=1", "pump=1,,", "pump=1,meter"):
            self.assertIn("--mix: ", self.generate("--count", 1, "--mix", words, code=2).stderr)
        self.assertIn("must be a number of 0 or more", self.generate("--count", 1, "--mix", "pump=many", code=2).stderr)

    def test_check_says_what_each_type_amounts_to(self):
        fleet = self.write_identities([{"id": "P1", "type": "pump"}, {"id": "P2", "type": "pump"}, {"id": "T"}])
        said = self.fleet_sim("check", "--config", self.config, "--identities", fleet).stdout
        found = {line.split(":")[0]: line for line in said.splitlines() if "ns a reading" in line}
        self.assertRegex(found["pump"], r"^pump: 2 sensors of 7 channels, about \d+ bytes a row, about \d+ ns a reading$")
        self.assertRegex(found["temperature_vibration"], "^temperature_vibration: 1 sensor of 3 channels, ")
        sizes = {name: int(re.search(r"(\d+) bytes", line)[1]) for name, line in found.items()}
        self.assertTrue(32 <= sizes["pump"] - sizes["temperature_vibration"] <= 40, sizes)  # four numbers more
        self.assertNotIn("ns a reading", self.fleet_sim("check", "--identities", IDENTITIES).stdout)

    def test_bench_of_a_type(self):
        result = self.measured("--type", "pump", "--config", self.config, *ONE_CELL, "--seconds", 0.3, "--sensors", 20)
        self.assert_plausible(result, 0.3)
        self.assertEqual(result["settings"]["type"], "pump")
        self.assertTrue(1 < result["reading_nanoseconds"] < 1e6)
        plain = self.measured(*ONE_CELL, "--seconds", 0.3, "--sensors", 20)
        self.assertEqual(plain["settings"]["type"], "temperature_vibration")
        larger = result["cells"][0]["bytes_per_reading"] - plain["cells"][0]["bytes_per_reading"]
        self.assertGreater(larger, 10)  # four numbers more, of eight bytes or, where they are whole and small, of one or none
        text = self.bench("--type", "pump", "--config", self.config, *ONE_CELL, "--seconds", 0.3, "--sensors", 20).stdout
        self.assertRegex(text, r"20 sensors of type pump \(computing a reading takes about \d+ ns\)")
        refused = self.bench("--type", "pomp", "--config", self.config, *ONE_CELL, code=2).stderr
        self.assertIn("--type: 'pomp' is not declared (did you mean 'pump'?)", refused)
        self.assertIn("--config: only applies with --type", self.bench("--config", self.config, *ONE_CELL, code=2).stderr)

    def test_convert_knows_the_types_of_the_config(self):
        fleet = self.write_identities([{"sensor_id": "P1", "type": "pump", "normal_parameters": {"flow": {"mean": 5}}}])
        self.fleet_sim("convert", "--config", self.config, "--identities", fleet, "--out", "converted")
        made = json.loads((self.dir / "converted" / "identities" / "P1.json").read_text())
        self.assertEqual((made["type"], made["normal_parameters"]), ("pump", {"flow": {"mean": 5}}))
        self.fleet_sim("check", "--config", "converted/config.yaml", "--identities", "converted/identities")
        self.assertIn('"pump" is not declared', self.fleet_sim("convert", "--identities", fleet, "--out", "other", code=2).stderr)


if __name__ == "__main__":
    main()
