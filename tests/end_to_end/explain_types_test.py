#!/usr/bin/env python3
"""What `explain` says of sensors of declared types: what each channel is made of, whose its sources are, and from where each number comes."""

import re

from declared_pump import *
from fleet import *


class ExplainTypes(FleetTest):
    def setUp(self):
        super().setUp()
        self.inputs = ("--config", self.write("pump.yaml", PUMP), "--config", self.write("meter.yaml", METER),
                       "--identities", self.write_identities([
                           {"id": "P", "type": "pump", "location": "Plant 1 - Hall 3", "firmware_version": "9",
                            "normal_parameters": {"flow": {"mean": 5, "max": 70}}},
                           {"id": "M", "type": "meter", "location": "Plant 1 - Hall 3"}, {"id": "T"}]))

    def text(self, sensor, *more):
        text = self.fleet_sim("explain", sensor, *self.inputs, *more).stdout
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertNotIn(" \n", text)
        self.assertNotRegex(text, r"\binf\b|\bnan\b|of spikes|\bstd_dev\b" if sensor != "T" else r"\binf\b")
        return text

    def json(self, sensor, *more):
        return json.loads(self.fleet_sim("explain", sensor, *self.inputs, "--json", *more).stdout)

    def test_what_channels_are_made_of(self):
        behaviors = self.write("behaviors.yaml", "behaviors: {firmware: {\"9\": {spread: {flow: 2}, gain: {flow: {run: 0.5}}, "
                               "shift: {bearing: 3}}}}\n")
        text = self.text("P", "--config", behaviors)
        self.assertRegex(text, r"(?m)^  type           pump \(\S*pump.yaml:2\)$")
        for lines in ("  suction        gauge, a sum, in bar\n"
                      "                 base       2 bar (type)\n"
                      "                 white      0.01 bar (type)\n"
                      "                 term       -0.4 (type) times run (load)\n"
                      "                 term       0.05 (type) times level (noise)\n"
                      "                 resolution 0.01 bar (type)\n",
                      "  flow           gauge, a sum, in m3/h\n"
                      "                 base       5 m3/h (identity)\n"
                      "                 white      0.3 (type) × 2 (firmware 9) = 0.6 m3/h\n"
                      "                 term       48 (type) × 0.5 (firmware 9) = 24 times run (load)\n"
                      "                 term       2 (type) times level (noise)\n"
                      "                 range      0 m3/h (type) to 70 m3/h (identity)\n",
                      "                 base       30 (type) + 3 (firmware 9) = 33 °C\n",
                      "                 rails      -20 °C (type) to 150 °C (type)\n",
                      "  vibration      gauge, a product: its scale is logarithmic, in mm/s\n"
                      "                 base       0.3 mm/s (type)\n"
                      "                 white      0.02 of the logarithm (type)\n"
                      "                 term       8.2 (type) to the power of run (load)\n",
                      "  volume         counter, in m3\n"
                      "                 rate       48 × run (load) m3 per 1h (type)\n"
                      "                 resolution 0.01 m3 (type)\n",
                      "  mode           state of run\n"
                      "                 0          stopped below 0.5 (type)\n"
                      "                 1          running from 0.5 (type)\n"):
            self.assertIn(lines, text)
        text = self.text("M")
        for lines in ("  power          product, in W\n"
                      "                 of         voltage × current (type)\n",
                      "                 rate       460 + 2760 × busy (load) Wh per 1h (type)\n",
                      "                 since      2026-01-01T00:00:00Z (type); the sensor has counted something before\n"
                      "                 wrap       at 1e+06 Wh (type)\n"):
            self.assertIn(lines, text)

    def test_sources_and_whose_they_are(self):
        text = self.text("P")
        for line in ("  run            load, on for 60% of the scheduled time, burst 1.3, Mon-Sat 06:00-22:00 UTC+00:00;",
                     "  warm           lag of run, with the time constant 2h30m; this sensor's own",
                     "  level          noise of 30m to 8h, roughness 0.3; this sensor's own",
                     "  ambient        noise of 12h to 16d, roughness 0.5; shared by all sensors of site 'Plant 1'",
                     "  day            cycle, a sine of 1d, highest at 15:00 UTC+00:00"):
            self.assertIn(line + "\n", text)
        self.assertIn("shared by all sensors of location 'Plant 1 - Hall 3'", " ".join(self.text("M").split()))

    def test_anomalies_are_graded(self):
        text = self.text("P")
        self.assertRegex(text, r"(?m)^  missing_data  +9.524%")
        self.assertRegex(text, r"(?m)^  trend          severity 2 to 4 \(config\)$")
        self.assertRegex(text, r"(?m)^                 severity 3 lasting 5 min 0 s is\n"
                               r"                 suction   up to ±[\d.]+ bar, σ = [\d.]+ bar, 20% of them$")
        self.assertRegex(text, r"(?m)^                 vibration ±[\d.]+ ln, σ = [\d.]+ ln, 20% of them$")
        anomalies = self.json("P")["anomalies"]
        self.assertEqual(list(anomalies), ["enabled", "basis", "probability", "types", "severity"])
        self.assertEqual(list(anomalies["types"]), ["spike", "trend", "pattern", "missing_data", "noise"])
        self.assertEqual(list(anomalies["types"]["noise"]["channels"]), ["suction", "discharge", "flow", "bearing", "vibration"])

    def test_json(self):
        explained = self.json("P")
        self.assertNotIn("normal_readings", explained)
        self.assertEqual(Path(explained["declared_at"]).name, "pump.yaml:2")
        flow = explained["channels"]["flow"]
        self.assertEqual((flow["kind"], flow["unit"], flow["scale"], flow["resolution"]), ("gauge", "m3/h", "linear", None))
        self.assertEqual(flow["base"], {"value": 5, "chain": [
            {"source": "identity normal_parameters.flow.mean", "operation": "start", "value": 5}]})
        self.assertEqual([(term["source"], term["kind"], term["gain"]["value"]) for term in flow["terms"]],
                         [("run", "load", 48), ("level", "noise", 2)])
        self.assertEqual((flow["range"]["low"]["value"], flow["range"]["high"]["value"]), (0, 70))
        self.assertEqual(explained["channels"]["volume"], {
            "kind": "counter", "unit": "m3", "base": 0, "rate": [{"source": "run", "kind": "load", "gain": 48}],
            "per_seconds": 3600, "resolution": 0.01, "since": "2025-01-01T00:00:00.000000Z", "wrap": None})
        self.assertEqual(explained["channels"]["mode"],
                         {"kind": "state", "unit": "", "of": "run", "at": [0.5], "names": ["stopped", "running"]})
        self.assertEqual(explained["sources"]["ambient"], {
            "kind": "noise", "from_seconds": 43200, "to_seconds": 1382400, "roughness": 0.5, "scope": "site",
            "owner": "shared by all sensors of site 'Plant 1'"})
        self.assertEqual(explained["sources"]["run"]["schedule"], "Mon-Sat 06:00-22:00")
        self.assertEqual(self.json("M")["channels"]["power"],
                         {"kind": "product", "unit": "W", "of": ["voltage", "current"], "resolution": 1})

    def test_every_shipped_type_fits_the_page(self):
        for config in sorted((SOURCE / "configs" / "types").glob("*.yaml")):
            kind = "temperature_vibration" if config.stem == "lifelike" else config.stem
            fleet = self.write_identities([{"id": "A", "type": kind, "location": "Factory A - Line 1"}], "shipped.jsonl")
            text = self.fleet_sim("explain", "A", "--config", config, "--identities", fleet).stdout
            self.assertIn("\nsources\n", text)
            self.assertNotRegex(text, r"\binf\b|\bnan\b")
            long = [line for line in text.splitlines() if len(line) > 100 and str(config) not in line]
            self.assertEqual(long, [], config)

    def test_the_cost_of_a_reading(self):
        """No figure is judged, but for being possible."""
        for sensor, knots in (("P", ", one knot each 67 s"), ("M", ", one knot each 67 s"), ("T", "")):
            self.assertRegex(self.text(sensor), r"(?m)^  cost           about \d+ ns a reading, measured now on this machine"
                             + re.escape(knots) + "$")
            self.assertTrue(1 < self.json(sensor)["readings"]["reading_nanoseconds"] < 1e6)


if __name__ == "__main__":
    main()
