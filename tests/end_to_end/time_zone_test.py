#!/usr/bin/env python3
"""Time zones: each sensor's day follows the clock on its wall, over daylight saving, whatever the machine's own zone is."""

import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from fleet import *

sys.path.insert(0, str(SOURCE / "tests"))
import ground_truth  # noqa: E402

# Only the day moves temperature.
PLAIN = """
anomalies: {enabled: false}
normal_parameters: {temperature: {mean: 20, std_dev: 1, min: -100, max: 100}}
behaviors: {location: {Wall: {daily: 0, work_hours_rise: 10, spread: {temperature: 0}}}}
"""


class TimeZone(FleetTest):
    def work_begins(self, sensor):
        """The UTC times of day, by date, at which a sensor's work hours are half begun: 08:30 on its wall."""
        rows = query_all(self.dir / "data", "SELECT timestamp, temperature FROM sensor_readings WHERE sensor_id = ? "
                                            "ORDER BY id", sensor)
        return {later[:10]: later[11:16] for (_, before), (later, value) in zip(rows, rows[1:]) if before < 24.99 <= value}

    def wall_fleet(self):
        return self.write_identities([identity("PLAIN", location="Wall"),
                                      identity("BERLIN", location="Wall", timezone="Europe/Berlin"),
                                      identity("NEW YORK", location="Wall", timezone="America/New_York"),
                                      identity("KOLKATA", location="Wall", timezone="Asia/Kolkata")])

    def test_work_hours_follow_each_sensors_clock(self):
        config = self.write("plain.yaml", PLAIN)
        self.fill("data", "--config", config, "--interval", "1m", "--start", "2026-03-06", "--duration", "25d",
                  identities=self.wall_fleet(), env={"FLEET_SIM_SIMULATION_PHASE": "aligned"})
        self.assertEqual(set(self.work_begins("PLAIN").values()), {"08:30"})
        self.assertEqual(set(self.work_begins("KOLKATA").values()), {"03:00"})
        berlin, new_york = self.work_begins("BERLIN"), self.work_begins("NEW YORK")
        self.assertEqual((berlin["2026-03-28"], berlin["2026-03-29"]), ("07:30", "06:30"))
        self.assertEqual((new_york["2026-03-07"], new_york["2026-03-08"]), ("13:30", "12:30"))
        for name, begins, zone in (("BERLIN", berlin, "Europe/Berlin"), ("NEW YORK", new_york, "America/New_York")):
            self.assertGreaterEqual(len(begins), 24)
            for date, at in begins.items():
                local = datetime.fromisoformat(f"{date}T{at}+00:00").astimezone(ZoneInfo(zone))
                self.assertEqual(local.strftime("%H:%M"), "08:30", name)

    def test_every_value_is_the_models(self):
        zones = ("Europe/Dublin", "Australia/Lord_Howe", "America/Nuuk", "Africa/Casablanca", "UTC", None)
        fleet = self.write_identities([
            identity(f"S{i}", location=("Factory A", "Outdoor", "Office")[i % 3], **({"timezone": zone} if zone else {}))
            for i, zone in enumerate(zones * 2)])
        self.fill("data", "--rate", 0.003, "--duration", "60d", "--start", "2026-03-01", identities=fleet,
                  env={"FLEET_SIM_CLOCK_TIME_ZONE": "Pacific/Chatham"})
        offenders, said = ground_truth.inspect(self.dir / "data", None, fleet)
        self.assertEqual(offenders, [], said)
        # In a year for which the data no longer lists changes.
        self.fill("late", "--rate", 0.001, "--duration", "60d", "--start", "2051-03-01", identities=fleet)
        offenders, said = ground_truth.inspect(self.dir / "late", None, fleet)
        self.assertEqual(offenders, [], said)

    def test_the_machines_zone_changes_nothing(self):
        fleet = self.wall_fleet()
        self.fill("data", "--duration", "1h", identities=fleet, env={"TZ": "Asia/Tokyo"})
        self.fill("other", "--duration", "20m", identities=fleet, env={"TZ": "America/New_York"})
        self.fill("other", "--resume", "--duration", "1h", identities=fleet, env={"TZ": "UTC"})
        self.assertEqual(self.counted("data"), self.counted("other"))

    def test_zones_are_recorded_and_reloaded(self):
        self.fill("data", "--duration", "20m", identities=self.wall_fleet(), env={"FLEET_SIM_CLOCK_TIME_ZONE": "Asia/Tokyo"})
        ((config, data),) = set(query_all(self.dir / "data", "SELECT config, zone_data FROM run_info"))
        self.assertIn("  time_zone: Asia/Tokyo\n", config)
        self.assertNotIn("utc_offset", config)
        self.assertRegex(data, r"^20\d\d[a-z]$")
        moved = self.write_identities([identity("PLAIN", location="Wall", timezone="Asia/Tokyo"),
                                       identity("BERLIN", location="Wall", timezone="Asia/Tokyo")], "moved.jsonl")
        self.fill("data", "--resume", "--duration", "40m", identities=moved)
        offenders, said = ground_truth.inspect(self.dir / "data")
        self.assertEqual(offenders, [], said)
        changes = {changes for (changes,) in query_all(self.dir / "data", "SELECT changes FROM run_reloads")}
        self.assertIn("BERLIN: timezone Europe/Berlin -> Asia/Tokyo", str(changes))

    def test_other_zone_data_are_told_of_when_a_run_is_resumed(self):
        fleet = self.wall_fleet()
        self.fill("data", "--duration", "10m", identities=fleet)
        with connect(self.dir / "data" / "sensor_data.db") as connection:
            connection.execute("UPDATE run_info SET zone_data = '1999z'")
        ran = self.fill("data", "--resume", "--duration", "12m", identities=fleet)
        self.assertIn("the run began with the time zone data 1999z, but 20", ran.stderr)

    def test_unknown_names_and_two_spellings_are_refused(self):
        fleet = self.write_identities([identity("S1"), identity("S2", timezone="Europe/Berln")])
        ran = self.fleet_sim("check", "--identities", fleet, code=2)
        self.assertIn("fleet.jsonl:2: timezone must be an IANA name such as Europe/Berlin, not \"Europe/Berln\" "
                      "(did you mean 'Europe/Berlin'?) (sensor 'S2')", ran.stderr)
        config = self.write("my.yaml", "clock:\n  time_zone: Asia/Tokio\n")
        ran = self.fleet_sim("check", "--identities", IDENTITIES, "--config", config, code=2)
        self.assertIn("my.yaml:2: clock.time_zone must be a time zone such as Europe/Berlin, not 'Asia/Tokio' "
                      "(did you mean 'Asia/Tokyo'?)", ran.stderr)
        config = self.write("my.yaml", "clock:\n  time_zone: Asia/Tokyo\n")
        ran = self.fleet_sim("check", "--identities", IDENTITIES, "--config", config, code=2,
                             env={"FLEET_SIM_CLOCK_UTC_OFFSET": "+09:00"})
        self.assertIn("cannot be combined", ran.stderr)

    def test_explain_says_which_zone_and_what_comes_next(self):
        fleet = self.wall_fleet()

        def explained(sensor, **env):
            readings = self.fleet_sim("explain", sensor, "--identities", fleet, "--json", env=env).stdout
            return json.loads(readings)["normal_readings"]

        berlin = explained("BERLIN", FLEET_SIM_CLOCK_TIME_ZONE="Asia/Tokyo")
        self.assertEqual((berlin["time_zone"], berlin["zone_source"]), ("Europe/Berlin", "identity timezone"))
        now = datetime.now(ZoneInfo("Europe/Berlin"))
        self.assertEqual(berlin["utc_offset"], now.strftime("%z")[:3] + ":00")
        change = datetime.fromisoformat(berlin["next_change"][:19] + "+00:00")
        self.assertGreater(change, now)
        self.assertLess((change - now).days, 250)
        self.assertEqual({berlin["utc_offset"], berlin["next_utc_offset"]}, {"+01:00", "+02:00"})
        tokyo = explained("PLAIN", FLEET_SIM_CLOCK_TIME_ZONE="Asia/Tokyo")
        self.assertEqual([tokyo[key] for key in ("time_zone", "zone_source", "utc_offset", "next_change")],
                         ["Asia/Tokyo", "config clock.time_zone", "+09:00", None])
        plain = explained("PLAIN", FLEET_SIM_CLOCK_UTC_OFFSET="-03:30")
        self.assertEqual([plain[key] for key in ("time_zone", "zone_source", "utc_offset")],
                         [None, "config clock.utc_offset", "-03:30"])
        text = self.fleet_sim("explain", "BERLIN", "--identities", fleet).stdout
        self.assertRegex(text, r"time zone +Europe/Berlin \(identity timezone\): UTC\+0[12]:00 now, UTC\+0[12]:00 from 20")
        self.assertIn("warmest at 15:00 local time", text)


if __name__ == "__main__":
    main()
