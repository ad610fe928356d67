#!/usr/bin/env python3
"""The dashboard of the smallest fleet and of one of a million sensors."""

from dashboard import *


class DashboardSizes(DashboardTest):
    def test_one_sensor(self):
        (sensor,) = (one for one in demo_identities() if one == "OUTDOOR_1")
        fleet = self.write_identities([demo_identities()[sensor]])
        self.serve("--speed", "20", identities=fleet)
        self.open(f"#sensor={sensor}")
        self.assertIn("1 sensor, 1/s", self.text("#facts"))
        self.until_text("#sensors-place", "1–1 of 1")
        self.until_text("#temperature-range", "over")
        self.assert_no_complaints()

    def test_a_million_sensors(self):
        self.fleet_sim("generate", "--count", 1_000_000, "--out", "fleet.jsonl")
        process = self.serve("--sink", "null", "--rate", 0.5, identities="fleet.jsonl")
        self.open()
        self.assertIn("1,000,000 sensors, 500,000/s", self.text("#facts"))
        self.list_sensors()
        self.until_text("#sensors-place", "1–50 of 1,000,000")
        self.script("arguments[0].click()", self.find("#sensors-next"))
        self.until_text("#sensors-place", "51–100 of 1,000,000")
        first = self.texts("#sensors-rows th")[0]
        self.assertEqual(len(self.texts("#sensors-rows tr")), 50)
        wanted = first[:-5] + "98765"
        for typed, found in ((wanted[:-2], 100), (wanted[:-1], 10), (wanted, 1)):
            self.script("at('query').value = arguments[0]; at('query').dispatchEvent(new Event('input'))", typed)
            self.until("the search is done", lambda: (self.text("#sensors-place") or "").endswith(f" of {found}"))
        self.script("arguments[0].click()", self.find("#sensors-rows a"))
        self.until_text("#sensor-title", wanted)
        self.until_text("#temperature-value", "°C", seconds=30)
        reported = self.script("return chosenReadings.length")
        self.until("it goes on", lambda: self.script("return chosenReadings.length") > reported, seconds=40)
        self.assertEqual(self.text("#state"), "Healthy")
        status = self.answer("/status")
        self.assertLess(status["lag_seconds"]["max"], 5)
        self.assertLess(status["memory_bytes"], 600e6)
        self.assert_no_complaints()
        summary = self.stop(process)
        self.assertEqual(summary.lost, 0)


if __name__ == "__main__":
    main()
