#!/usr/bin/env python3
"""Graded and injected anomalies on the dashboard: what an anomaly's severity and cause are, and the form that injects one."""

from dashboard import *
from declared_pump import *

TOKEN = "a-token-of-the-test-0123456789"


class DashboardAnomalies(DashboardTest):
    def setUp(self):
        super().setUp()
        fleet = self.write_identities([{"id": "P", "type": "pump", "location": "Plant 1"}, {"id": "T", "location": "Plant 1"}])
        config = self.write("quiet.yaml", PUMP + "anomalies: {probability: 0, types: {offset: {weight: 1}, spike: {weight: 0}}}\n"
                            f"monitoring: {{token: {TOKEN}}}\n")
        self.serve("--config", config, "--rate", "20", identities=fleet)

    def choose(self, selector, value):
        self.script("const node = document.querySelector(arguments[0]); node.value = arguments[1]; node.dispatchEvent(new Event('change'))",
                    selector, value)

    def inject(self, **fields):
        for name, value in fields.items():
            if name in ("type", "channel"):
                self.choose("#inject-" + name, value)
            else:
                self.find("#inject-" + name).clear()
                self.find("#inject-" + name).send_keys(value)
        self.script("document.querySelector('#inject-form button').click()")  # wherever it is
        return self.until("it is answered", lambda: (said := self.text("#inject-outcome")) not in ("", "Asking.") and said)

    def assert_no_complaints(self):
        # The browser notes each request that is refused.
        self.assertEqual([one for one in self.browser.get_log("browser") if "/api/anomalies" not in one["message"]], [])

    def shown(self, part):
        return self.script("return document.querySelector('#inject-' + arguments[0]).checkVisibility()", part)

    def test_an_anomaly_is_injected_and_marked(self):
        self.open("#sensor=P")
        self.until_text("#flow-range", "over")
        # Those with a weight, and no others.
        self.assertEqual(self.texts("#sensor-legend li"), ["trend", "pattern", "missing data", "noise", "offset"])
        self.script("at('inject').open = true; at('inject').scrollIntoView()")
        # What is asked for is what a type has.
        self.assertEqual(self.script("return [...at('inject-type').options].map(one => one.value)"),
                         [one["name"] for one in self.script("return typeTable") if one["name"] != "aging"])
        self.choose("#inject-type", "intermittent")
        self.assertEqual(self.script("return [...at('inject-channel').options].map(one => one.text)"), ["drawn", "bearing"])
        self.assertEqual(self.script("return at('inject-severity').placeholder"), "drawn, 0.05 to 0.5")
        self.choose("#inject-type", "stuck")
        self.assertEqual((self.shown("channel"), self.shown("severity"), self.shown("duration")), (True, False, True))
        self.choose("#inject-type", "dropout")
        self.assertEqual((self.shown("channel"), self.shown("severity"), self.shown("duration")), (False, True, True))
        self.assertIn("this call needs the run's token", self.inject(type="offset", token="wrong").replace("This", "this"))
        said = self.inject(type="offset", channel="bearing", severity="4", duration="1s, please", token=TOKEN)
        self.assertIn("must be a duration", said)
        said = self.inject(type="offset", channel="bearing", severity="4", duration="20s")
        self.assertRegex(said, r"^Injected: offset of bearing, [+−][\d.]+ °C, severity 4 \(σ = [\d.]+ °C\), from \S+ \S+ to \S+ \S+\.$")
        self.until_text("#sensor-anomaly", "In an anomaly: offset of bearing")
        self.assertRegex(self.text("#sensor-anomaly"), r"[+−][\d.]+ °C, severity 4 \(σ = [\d.]+ °C\), injected, since ")
        self.until("it is shaded", lambda: self.script("return stretches.map(one => [one.type, one.channel, one.cause])") ==
                   [["offset", "bearing", "injected"]])
        self.until("the table says so", lambda: self.texts("#stretches-rows td:nth-child(3)") == ["injected"])
        self.script("at('anomalies-title').scrollIntoView()")
        row = self.until("it is listed", lambda: self.texts("#anomalies-rows tr:first-child td"))
        self.assertEqual(row[:2], ["offset", "bearing"])
        self.assertRegex(row[2], r"^[+−][\d.]+ °C$")
        self.assertRegex(row[3], r"^4 \(σ = [\d.]+ °C\)$")
        self.assertEqual(row[4], "injected")
        # A sensor has one at a time, and the page says why not.
        self.script("at('inject').scrollIntoView()")
        self.assertEqual(self.inject(type="spike"), "It is in an anomaly; /api/sensors/ID shows a sensor's current anomaly.")
        self.script("at('effective').open = true")
        numbers = self.text("#effective-numbers")
        self.assertIn("Size of the usual graded anomaly", numbers)
        self.assertRegex(numbers, r"±[\d.]+ °C, 20%")
        self.assert_no_complaints()

    def test_a_sensor_of_the_built_in_type_has_relative_ones(self):
        self.open("#sensor=T", dark=True)
        self.until_text("#temperature-range", "over")
        self.script("at('inject').open = true; at('inject').scrollIntoView()")
        self.choose("#inject-type", "noise")
        self.assertEqual((self.shown("channel"), self.shown("severity")), (False, False))
        self.choose("#inject-type", "spike")
        self.assertEqual((self.shown("channel"), self.shown("severity")), (True, False))
        self.assertRegex(self.inject(type="spike", channel="voltage", token=TOKEN), r"^Injected: spike of voltage, [×÷] [\d.]+, from ")
        self.choose("#inject-type", "offset")
        self.assertTrue(self.shown("severity"))
        ratio, text, seen = self.script(LEAST_CONTRAST)
        self.assertGreaterEqual(ratio, 4.5, text)
        self.assertGreater(seen, 50)
        self.assert_no_complaints()


if __name__ == "__main__":
    main()
