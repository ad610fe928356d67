#!/usr/bin/env python3
"""A scenario on the dashboard: its entries, the marks that they leave in the charts, and anomaly rates by firmware."""

from dashboard import *

CONFIG = """scenario:
  - {name: upgrade, at: +1m, where: {firmware_version: "1.3"}, set: {firmware_version: "1.4"}}
  - {name: "<b>dark</b>", at: +20m, for: 10m, where: {id: OUTDOOR_1}, silence: true}
  - {name: far, at: +300d, leave: true}
"""


class DashboardScenario(DashboardTest):
    def rows(self, table):
        return {cells[0]: cells[1:] for cells in self.script(
            "return [...document.querySelectorAll(arguments[0] + ' tr')].map(row => [...row.children].map(cell => cell.textContent))", table)}

    def test_what_is_planned_and_what_it_did(self):
        config = self.write("scenario.yaml", CONFIG)
        self.serve("--config", config, "--start", "2026-03-01", "--speed", 20, "--rate", 5)
        self.open()
        self.until("the entries are listed", lambda: len(self.rows("#scenario-rows")) == 3)
        rows = self.rows("#scenario-rows")
        self.assertEqual(list(rows), ["upgrade", "<b>dark</b>", "far"])
        self.assertEqual(rows["<b>dark</b>"][:4], ["coming", "2026-03-01 00:20:00", "2026-03-01 00:30:00", "silence: true"])
        self.assertEqual(self.text("#scenario-caption"), "3 entries")
        self.until("the upgrade is over", lambda: self.rows("#scenario-rows")["upgrade"][0] == "over")
        self.until("its sensors are counted", lambda: self.rows("#scenario-rows")["upgrade"][4] == "8 of 8")
        # Every sensor has the new firmware; the old one keeps what it has read.
        self.until("the sensors have it", lambda: self.rows("#firmware-rows")["1.4"][0] == "15")
        firmware = self.rows("#firmware-rows")
        self.assertEqual(firmware["1.3"][0], "0")
        self.assertGreater(int(firmware["1.3"][1].replace(",", "")), 500)
        self.assertRegex(firmware["1.4"][4], r"^\d+\.\d\d%$")
        self.assertRegex(firmware["1.4"][5], r"^\d+\.\d\d%$")
        self.assertEqual(self.text("#firmware-caption"), "2 versions")
        self.list_sensors()
        self.until("the list says whose firmware it has", lambda: "as their files have them" in self.text("#sensors-caption"))
        # The charts know when it was.
        self.assertEqual(self.script("return entries.map(one => one.name)"), ["upgrade"])
        marked = self.until("a chart has its moment", lambda: self.script(
            "return samples.find(one => one.values && one.values.simulated >= entries[0].simulated)?.at ?? null"))
        self.assertGreater(marked, self.script("return samples[0].at"))
        self.assertEqual(self.browser.get_log("browser"), [])


if __name__ == "__main__":
    main()
