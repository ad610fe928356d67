#!/usr/bin/env python3
"""A sensor of a declared type on the dashboard and in its API: its own channels, states by name, counters with all their digits."""

from dashboard import *
from declared_pump import *

# Names on the vertical axis of the plot in a figure.
AXIS = "return [...arguments[0].querySelectorAll('.dygraph-axis-label-y')].map(one => one.textContent)"


class DashboardTypes(DashboardTest):
    def setUp(self):
        super().setUp()
        fleet = self.write_identities([{"id": "P", "type": "pump", "location": "Plant 1"}, {"id": "T", "location": "Plant 1"}])
        # A Tuesday morning, while the pump may run.
        self.serve("--config", self.write("pump.yaml", PUMP), "--speed", "60", "--start", "2026-01-06T08:00:00Z", identities=fleet)

    def test_the_api(self):
        said = self.answer("/api/sensors/P")
        channels = {channel["name"]: channel for channel in said["channels"]}
        self.assertEqual(list(channels), ["suction", "discharge", "flow", "bearing", "vibration", "volume", "mode"])
        self.assertEqual({name: channel["kind"] for name, channel in channels.items() if channel["kind"] != "gauge"},
                         {"volume": "counter", "mode": "state"})
        self.assertEqual((channels["mode"]["states"], channels["volume"]["unit"], channels["volume"]["decimals"]),
                         (["stopped", "running"], "m3", 2))
        self.assertNotIn("states", channels["flow"])
        self.assertEqual(said["effective"]["sources"]["ambient"]["owner"], "shared by all sensors of site 'Plant 1'")
        self.until("there are readings", lambda: self.answer("/api/sensors/P")["readings"])
        self.assertLess(set(channels), set(self.answer("/api/sensors/P")["readings"][0]))

    def test_plots_by_unit_states_by_name_counters_with_decimals(self):
        self.open("#sensor=P")
        self.until_text("#volume-range", "/h over")
        titles = self.texts("#channels h4")
        self.assertEqual(titles, ["Suction, discharge", "Flow", "Bearing", "Vibration", "Volume", "Mode"])
        self.assertRegex(self.text("#volume-value"), r"^[\d,]+\.\d\d m3$")
        self.assertIn(self.text("#mode-value"), ("stopped", "running"))
        self.assertRegex(self.text("#mode-range"), r"^(stopped \d+%)?(, )?(running \d+%)? over ")
        self.assertRegex(self.text("#volume-range"), r"^\+\d+\.\d\d m3, [\d.]+ m3/h over ")
        self.assertRegex(self.text("#suction-discharge-range"), r"^suction \S+ bar to \S+ bar; discharge \S+ bar to \S+ bar over ")
        figures = self.browser.find_elements(By.CSS_SELECTOR, "#channels figure")
        self.assertEqual(self.browser.execute_script(AXIS, figures[5]), ["stopped", "running"])
        self.assertRegex(self.browser.execute_script(AXIS, figures[4])[0], r"^[\d,]+\.\d\d$")
        for k in range(1, 7):
            self.until("it is drawn", lambda k=k: self.painted(f"#channels figure:nth-child({k})") > 300)
        self.browser.execute_script("document.querySelector('#effective').open = true")
        self.assertIn("30 + 18 × warm + 2 × ambient + 0.8 × day + 0.05 × white", self.text("#effective-numbers"))
        self.assertIn("shared by all sensors of site 'Plant 1'", self.text("#effective-numbers"))
        self.assertEqual(self.texts("#sensor-legend li"), ["spike", "trend", "pattern", "missing data", "noise"])
        # Another type has other channels.
        self.browser.execute_script("location.hash = 'sensor=T'")
        self.until("its channels are there", lambda: self.texts("#channels h4") == ["Temperature", "Vibration", "Voltage"])
        self.until_text("#temperature-range", "over")
        self.assert_no_complaints()


if __name__ == "__main__":
    main()
