#!/usr/bin/env python3
"""What `explain` says of a sensor: against numbers worked out by hand, and against what a run then writes."""

import json
import math

from fleet import *

TYPES = ("spike", "trend", "pattern", "missing_data", "noise")
READINGS = dict(zip(TYPES, (1, 300, 600, 30, 180)))


class Explain(FleetTest):
    def explain(self, *arguments, **options):
        return json.loads(self.fleet_sim("explain", *arguments, "--json", **options).stdout)

    def assert_number(self, number, value, *chain):
        """The value, and the steps to it as (source, operation, value)."""
        self.assertAlmostEqual(number["value"], value, delta=1e-12 * abs(value))
        explained = [(step["source"], step["operation"], step["value"]) for step in number["chain"]]
        self.assertEqual(explained, list(chain))

    def assert_refused(self, *arguments, says):
        ran = self.fleet_sim("explain", *arguments, code=2)
        self.assertEqual(ran.stdout, "")
        for word in says:
            self.assertIn(word, ran.stderr)
        return ran

    # ---- the numbers ----

    def test_demo_sensor_by_hand(self):
        # OUTDOOR_1: firmware 1.4, VibrationPlus, TempVibe-3000, Outdoor - Area 1; the table in engine/model/README.md.
        explained = self.explain("OUTDOOR_1", "--identities", IDENTITIES)
        self.assertEqual(explained["location"], {"name": "Outdoor - Area 1", "entry": "Outdoor"})
        self.assertEqual(explained["firmware_version"], {"name": "1.4", "entry": "1.4", "canonical": "1.4"})

        normal = explained["normal_readings"]
        for channel, (mean, least, most) in {"temperature": (65, 50, 80), "vibration": (2.5, 0.1, 10),
                                             "voltage": (12, 11.5, 12.5)}.items():
            for name, value in (("mean", mean), ("min", least), ("max", most)):
                self.assert_number(normal[channel][name], value,
                                   (f"config normal_parameters.{channel}.{name}", "start", value))
        self.assert_number(normal["voltage"]["std_dev"], 0.07, ("config normal_parameters.voltage.std_dev", "start", 0.1),
                           ("firmware 1.4", "multiply", 0.7))
        self.assertEqual(normal["temperature"]["std_dev"]["value"], 2)
        self.assert_number(normal["daily_amplitude"], 6, ("config normal_parameters.temperature.std_dev", "start", 2),
                           ("location Outdoor", "multiply", 3))
        self.assertEqual(normal["work_hours_rise"]["value"], 0)

        anomalies = explained["anomalies"]
        self.assertEqual((anomalies["enabled"], anomalies["basis"]), (True, "reading"))
        self.assert_number(anomalies["probability"], 0.042, ("config anomalies.probability", "start", 0.05),
                           ("firmware 1.4", "multiply", 0.7), ("manufacturer VibrationPlus", "multiply", 1.2))
        weights = {"spike": 0.42, "trend": 0.2, "pattern": 0.1, "missing_data": 0.1, "noise": 0.16}
        self.assert_number(anomalies["types"]["spike"]["weight"], 0.42, ("config anomalies.types.spike.weight", "start", 0.4),
                           ("firmware 1.4", "multiply", 0.7), ("model TempVibe-3000", "multiply", 1.5))
        onset = {kind: anomalies["types"][kind]["onset_chance"] for kind in TYPES}
        for kind in TYPES:
            with self.subTest(kind):
                one, n = anomalies["types"][kind], READINGS[kind]
                share = weights[kind] / 0.98
                self.assertAlmostEqual(one["weight"]["value"], weights[kind])
                self.assertAlmostEqual(one["share_of_anomalies"], share)
                self.assertEqual((one["readings_per_anomaly"], one["duration_seconds"]), (n, n))
                self.assertAlmostEqual(one["share_of_readings"], 0.042 * share)
                self.assertAlmostEqual(one["per_day"], 0.042 * share / n * 86_400)
                # Onsets per unaffected reading are f·w/(n·(1 - f)).
                self.assertAlmostEqual(one["onset_chance"] / (1 - sum(onset.values())), 0.042 * share / (n * 0.958))

        self.assertEqual(anomalies["severity"]["value"], 1)
        self.assertEqual([round(one["share"], 12) for one in anomalies["channels"].values()], [round(1 / 3, 12)] * 3)
        self.assertEqual([anomalies["spike_factor"][end]["value"] for end in ("min", "max")], [1.5, 3])
        self.assertEqual((anomalies["trend_change"]["value"], anomalies["pattern_amplitude"]["value"]), (0.5, 0.2))
        self.assertEqual(anomalies["pattern_period_seconds"], 60)
        self.assert_number(anomalies["noise_factor"]["vibration"], 0.15, ("built in", "start", 0.1),
                           ("firmware 1.4", "replace", 0.1), ("manufacturer VibrationPlus", "multiply", 1.5))

    def test_severity(self):
        # WAREHOUSE_1: firmware 1.3, DataSense, TempVibe-1000.
        anomalies = self.explain("WAREHOUSE_1", "--identities", IDENTITIES)["anomalies"]
        self.assert_number(anomalies["severity"], 1.25, ("built in", "start", 1), ("manufacturer DataSense", "multiply", 1.25))
        self.assert_number(anomalies["spike_factor"]["max"], 1 + 2.5 * 1.25, ("built in", "start", 3),
                           ("firmware 1.3", "replace", 3.5), ("severity", "multiply_excess", 1.25))
        self.assertAlmostEqual(anomalies["spike_factor"]["min"]["value"], 1 + 0.8 * 1.25)
        self.assertAlmostEqual(anomalies["trend_change"]["value"], 0.625)
        self.assertAlmostEqual(anomalies["noise_factor"]["voltage"]["value"], 0.1875)
        self.assertEqual([round(one["share"], 12) for one in anomalies["channels"].values()], [0.6, 0.2, 0.2])

    def test_text(self):
        text = self.fleet_sim("explain", "OUTDOOR_1", "--identities", IDENTITIES, "--shard-by", "location", "--start",
                              "2026-01-01").stdout
        for line in ("sensor OUTDOOR_1",
                     "  location       Outdoor - Area 1 (entry 'Outdoor')",
                     "  probability    0.05 (config) × 0.7 (firmware 1.4) × 1.2 (manufacturer VibrationPlus) = 0.042",
                     "                 basis reading: in the long run 4.2% of all due readings are anomalous",
                     "                 std_dev  0.1 (config) × 0.7 (firmware 1.4) = 0.07 V",
                     "  spike          0.4 (config) × 0.7 (firmware 1.4) × 1.5 (model TempVibe-3000) = 0.42",
                     "  file           data/location=Outdoor_-_Area_1.db"):
            self.assertIn(line + "\n", text)
        self.assertRegex(text, r"(?m)^  first          0\.\d{6} s after the start, at 2026-01-01T00:00:00\.\d{6}Z$")
        self.assertRegex(text, r"(?m)^  spike  +42\.86%  +one reading +1 +0\.01844 +1\.8% +1555\.2$")
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertNotIn(" \n", text)

    def test_every_demo_sensor_fits_the_page(self):
        for sensor in demo_identities():
            text = self.fleet_sim("explain", sensor, "--identities", IDENTITIES).stdout
            self.assertLessEqual(max(map(len, text.splitlines())), 100, sensor)

    # ---- config and identity ----

    def test_custom_firmware_and_own_numbers(self):
        file = self.write("my.yaml", "anomalies: {probability: 0.02}\n"
                                     "behaviors:\n  firmware:\n    \"1.5\": {probability: 4, noise_factor: 0.3}\n")
        fleet = self.write_identities([
            identity("A", firmware_version="1.5.0"),
            identity("Ünï ✓", firmware_version="7.0", manufacturer="Acme", readings_per_second=0.25,
                     normal_parameters={"voltage": {"mean": 24, "max": 30}})])
        explained = self.explain("A", "--identities", fleet, "--config", file)
        self.assertEqual(explained["firmware_version"], {"name": "1.5.0", "entry": "1.5", "canonical": "1.5"})
        self.assert_number(explained["anomalies"]["probability"], 0.08, ("config anomalies.probability", "start", 0.02),
                           ("firmware 1.5", "multiply", 4))
        self.assert_number(explained["anomalies"]["noise_factor"]["voltage"], 0.3, ("built in", "start", 0.1),
                           ("firmware 1.5", "replace", 0.3))

        explained = self.explain("Ünï ✓", "--identities", fleet, "--config", file)
        self.assertEqual(explained["id"], "Ünï ✓")
        self.assertEqual(explained["manufacturer"], {"name": "Acme", "entry": None})
        self.assertEqual(explained["firmware_version"], {"name": "7.0", "entry": None, "canonical": "7"})
        self.assert_number(explained["readings"]["readings_per_second"], 0.25, ("identity readings_per_second", "start", 0.25))
        self.assertEqual(explained["readings"]["period_seconds"], 4)
        self.assertEqual(explained["anomalies"]["types"]["missing_data"]["readings_per_anomaly"], math.ceil(30 * 0.25))
        voltage = explained["normal_readings"]["voltage"]
        self.assert_number(voltage["mean"], 24, ("identity normal_parameters.voltage.mean", "start", 24))
        self.assert_number(voltage["min"], 11.5, ("config normal_parameters.voltage.min", "start", 11.5))
        text = self.fleet_sim("explain", "Ünï ✓", "--identities", fleet, "--config", file).stdout
        for line in ("sensor Ünï ✓", "  manufacturer   Acme (no entry in the config: no effect)",
                     "  firmware       7.0 (the same as 7) (no entry in the config: no effect)",
                     "  rate           0.25 per second (identity), one every 4 s",
                     "  voltage        mean     24 V (identity)",
                     "                 min, max 11.5 V (config), 30 V (identity)"):
            self.assertIn(line + "\n", text)

    def test_environment_and_flags(self):
        variable = {"FLEET_SIM_ANOMALIES_PROBABILITY": "0.9", "FLEET_SIM_ANOMALIES_TYPES_TREND_ENABLED": "false"}
        explained = self.explain("FACTORY_1_OLD", "--identities", IDENTITIES, "--rate", 2, env=variable)
        self.assertEqual(explained["readings"]["readings_per_second"]["value"], 2)
        self.assert_number(explained["anomalies"]["probability"], 0.95, ("config anomalies.probability", "start", 0.9),
                           ("firmware 1.3", "multiply", 1.5), ("limit", "limit", 0.95))
        trend = explained["anomalies"]["types"]["trend"]
        self.assertEqual((trend["enabled"], trend["weight"]["value"], trend["per_day"]), (False, 0, 0))
        text = self.fleet_sim("explain", "FACTORY_1_OLD", "--identities", IDENTITIES, env=variable).stdout
        self.assertIn("→ at most 0.95 (limit)\n", text)
        self.assertIn("0.2 (config) → 0 (config anomalies.types.trend.enabled)\n", text)
        self.assertRegex(text, r"(?m)^  trend +0% +disabled +300 +0 +0% +0$")

    def test_one_sensor_of_the_environment(self):
        explained = self.explain("CUSTOM001", env={"SENSOR_ID": "CUSTOM001", "SENSOR_LOCATION": "Outdoor - Roof"})
        self.assertEqual(explained["location"], {"name": "Outdoor - Roof", "entry": "Outdoor"})

    def test_disabled_anomalies_and_basis_event(self):
        disabled = {"FLEET_SIM_ANOMALIES_ENABLED": "false"}
        explained = self.explain("OUTDOOR_1", "--identities", IDENTITIES, env=disabled)["anomalies"]
        self.assertEqual((explained["enabled"], explained["probability"]["value"]), (False, 0))
        self.assertEqual({one["per_day"] for one in explained["types"].values()}, {0})
        self.assertIn("anomalies are disabled",
                      self.fleet_sim("explain", "OUTDOOR_1", "--identities", IDENTITIES, env=disabled).stdout)

        event = {"FLEET_SIM_ANOMALIES_BASIS": "event"}
        explained = self.explain("OUTDOOR_1", "--identities", IDENTITIES, env=event)["anomalies"]
        self.assertEqual(explained["basis"], "event")
        for kind in TYPES:
            one = explained["types"][kind]
            self.assertAlmostEqual(one["onset_chance"], 0.042 * one["share_of_anomalies"])
        self.assertIn("basis event: ", self.fleet_sim("explain", "OUTDOOR_1", "--identities", IDENTITIES, env=event).stdout)

    # ---- against a run ----

    def test_first_reading_and_file_are_those_of_a_run(self):
        for by in ("none", "sensor", "location", "site", "firmware", "hash:4"):
            with self.subTest(by=by):
                data = self.dir / by.replace(":", "-")
                self.fill(data, "--shard-by", by, "--duration", "3s", env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
                for sensor in ("FACTORY_1_OLD", "OUTDOOR_2", "WAREHOUSE_3"):
                    explained = self.explain(sensor, "--identities", IDENTITIES, "--data-dir", data, "--shard-by", by, "--start",
                                        "2026-01-01")["readings"]
                    self.assertEqual(query(explained["file"], "SELECT min(timestamp) FROM sensor_readings WHERE sensor_id = ?",
                                           sensor), [(explained["first_due"],)])
                    self.assertEqual(micros(explained["first_due"]) - micros("2026-01-01T00:00:00.000000Z"),
                                     round(explained["phase_seconds"] * SECOND))
        self.assertIsNone(self.explain("OUTDOOR_2", "--identities", IDENTITIES, "--sink", "null")["readings"]["file"])

    def test_partition_is_that_of_a_run(self):
        fleet = self.write_identities([identity(f"S{i}") for i in range(12)])
        homes = {f"S{i}": self.explain(f"S{i}", "--identities", fleet, "--partition", "2/3")["readings"] for i in range(12)}
        for k in (1, 2, 3):
            self.fill(f"data{k}", "--partition", f"{k}/3", "--duration", "3s", identities=fleet,
                      env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
            ran = {sensor for (sensor,) in query_all(self.dir / f"data{k}", "SELECT DISTINCT sensor_id FROM sensor_readings")}
            self.assertEqual({sensor for sensor, one in homes.items() if one["partition"] == f"{k}/3"}, ran)
        self.assertEqual({one["in_this_partition"] for one in homes.values() if one["partition"] == "2/3"}, {True})
        outside = next(sensor for sensor, one in homes.items() if one["partition"] == "1/3")
        self.assertFalse(homes[outside]["in_this_partition"])
        text = self.fleet_sim("explain", outside, "--identities", fleet, "--partition", "2/3").stdout
        self.assertIn("  partition      1/3, not in 2/3: a run of that partition leaves it out\n", text)

    def test_a_partition_without_sensors(self):
        fleet = self.write_identities([identity("only")])
        home = self.explain("only", "--identities", fleet, "--partition", "1/2")["readings"]["partition"]
        empty = {"1/2": "2/2", "2/2": "1/2"}[home]
        self.fleet_sim("check", "--identities", fleet, "--partition", empty, code=2)
        self.assertEqual(self.explain("only", "--identities", fleet, "--partition", empty)["readings"]["partition"], home)

    # ---- refusals ----

    def test_unknown_id(self):
        self.assert_refused("OUTDOR_1", "--identities", IDENTITIES, says=["'OUTDOR_1'", "15", "did you mean 'OUTDOOR_1'?"])
        self.assert_refused("zzz", "--identities", IDENTITIES, says=["no sensor 'zzz'"])
        self.assert_refused("", "--identities", IDENTITIES, says=["no sensor ''"])
        odd = self.assert_refused("\x1b[31m\n", "--identities", IDENTITIES, says=["no sensor '?[31m?'"])
        self.assertNotIn("\x1b", odd.stderr)
        self.assert_nothing_written()

    def test_bad_input(self):
        self.assert_refused("X", says=["no sensors given", "--identities"])
        self.assert_refused("--identities", IDENTITIES, says=["ID is required"])
        self.assert_refused("OUTDOOR_1", "OUTDOOR_2", "--identities", IDENTITIES, says=["OUTDOOR_2"])
        self.assert_refused("OUTDOOR_1", "--identities", IDENTITIES, "--rate", 0, says=["--rate"])
        fleet = self.write_identities([identity("low", normal_parameters={"voltage": {"max": 3}}), identity("good")])
        self.assert_refused("low", "--identities", fleet, says=["sensor 'low'", "voltage", "min 11.5", "max 3"])
        self.assertEqual(self.explain("good", "--identities", fleet)["id"], "good")


if __name__ == "__main__":
    main()
