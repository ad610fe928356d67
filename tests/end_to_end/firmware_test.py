#!/usr/bin/env python3
"""An upgrade of firmware as a person sees it: rates by firmware while the fleet runs, and over time in the report."""

from collections import Counter

from serving import *

QUIET = "anomalies: {probability: 0.05}\nbehaviors: {firmware: {'2.1': {probability: 3}}}\n"


class Firmware(Served):
    def serve_folder(self, **options):
        self.folder = self.dir / "identities"
        shutil.copytree(IDENTITIES, self.folder)
        # At ten times the pace of the clock, so that there is something to see.
        self.serve("--speed", 10, "--start", "2026-03-01", "--config", self.write("config.yaml", QUIET),
                   identities=self.folder, **options)

    def upgrade(self, before, after, most=99):
        changed = [path for path in sorted(self.folder.glob("*.json")) if json.loads(path.read_text())["firmware_version"] == before]
        for path in changed[:most]:
            path.write_text(json.dumps({**json.loads(path.read_text()), "firmware_version": after}))
        self.assertEqual(self.change("/api/reload")["reload"], "changed")

    def rows(self, more=""):
        """Readings and anomalous ones of each firmware, missing ones included."""
        data, readings, anomalous = self.dir / "data", Counter(), Counter()
        for version, count, flagged in query_all(data, "SELECT firmware_version, count(*), sum(anomaly_flag) FROM "
                                                       f"sensor_readings {more} GROUP BY 1"):
            readings[version] += count
            anomalous[version] += flagged
        return readings, anomalous

    def test_live_and_in_the_report(self):
        self.serve_folder()
        sensors = lambda: {one["version"]: one["sensors"] for one in self.json("/status")["firmware"]}  # noqa: E731
        self.wait_for(lambda: sensors() == {"1.3": 8, "1.4": 7})
        self.wait_for(lambda: self.json("/status")["readings"]["written"] > 3_000)
        self.upgrade("1.3", "2.1", most=6)
        self.wait_for(lambda: sensors() == {"1.3": 2, "1.4": 7, "2.1": 6})
        answer = self.change("/api/anomalies", json.dumps({"type": "spike", "duration": "20s",
                                                           "sensors": sorted(demo_identities())}), status=202)
        self.assertGreater(len(answer["accepted"]["events"]), 5)
        upgraded = lambda: next(one for one in self.json("/status")["firmware"] if one["version"] == "2.1")  # noqa: E731
        self.wait_for(lambda: upgraded()["injected"] > 100 and upgraded()["readings"] > 5_000)
        metrics = self.ask("/metrics")[1].decode()
        self.assertIn('\nfleet_sim_firmware_sensors{firmware="2.1"} 6\n', metrics)
        self.assertRegex(metrics, r'\nfleet_sim_firmware_anomalous_readings_total{firmware="2.1"} [1-9]')
        self.assertEqual(self.ask("/metrics")[1].decode().count("\nfleet_sim_firmware_readings_total{"), 3)
        self.change("/api/stop", status=202)
        while self.process.poll() is None:  # the last answer that it gives
            try:
                status = self.json("/status")
            except OSError:
                break
        self.assertEqual(self.process.wait(timeout=30), 0, self.printed())
        self.check_live(status)
        self.check_report()

    def check_live(self, status):
        """What was counted is at most what came of it in the end, and is what the config leads to expect."""
        readings, anomalous = self.rows()
        left_out = total(self.dir / "data", "SELECT sum(readings_affected) FROM anomaly_events WHERE anomaly_type = 'missing_data'")
        live = {one["version"]: one for one in status["firmware"]}
        self.assertEqual(set(live), set(readings))
        for version, one in live.items():
            self.assertLessEqual(one["readings"], readings[version] + left_out)
            self.assertGreater(one["readings"], 0.5 * readings[version])
            self.assertLessEqual(one["anomalous"], anomalous[version] + left_out)
            self.assertAlmostEqual(one["rate"], one["anomalous"] / one["readings"])
            self.assertLessEqual(one["last_minute"]["readings"], one["readings"])
        self.assertAlmostEqual(sum(one["readings"] for one in live.values()), status["readings"]["generated"], delta=600)
        # The identities of the demo have weights of their own; what three times the probability is, does not depend on them.
        self.assertAlmostEqual(live["2.1"]["expected"] / 3, 0.05, delta=0.02)

    def check_report(self):
        report = json.loads(self.fleet_sim("report", "data", "--json").stdout)
        over_time = report["over_time"]
        self.assertEqual([mark["kind"] for mark in over_time["marks"]][:1], ["reload"])
        injected = [mark for mark in over_time["marks"] if mark["kind"] == "injection"]
        events = total(self.dir / "data", "SELECT count(*) FROM anomaly_events WHERE cause = 'injected'")
        self.assertEqual(sum(mark["anomalies"] for mark in injected), events)
        ((moment,),) = set(query_all(self.dir / "data", "SELECT at FROM run_reloads"))
        before, after = over_time["stretches"]
        self.assertEqual((after["from"], before["until"]), (moment, moment))
        for stretch, when in ((before, f"WHERE timestamp < '{moment}'"), (after, f"WHERE timestamp >= '{moment}'")):
            readings, anomalous = self.rows(when)
            groups = {one["firmware"]: one for one in stretch["by_firmware"]}
            self.assertEqual({version: one["readings"] for version, one in groups.items()}, readings)
            for version, one in groups.items():
                self.assertEqual(one["anomalous"] - one["missing"], anomalous[version])
                self.assertIsNotNone(one["expected"])
        self.assertNotIn("2.1", {one["firmware"] for one in before["by_firmware"]})
        for version in ("1.3", "1.4", "2.1"):
            whole = next(group for group in report["by_firmware"] if group["name"] == version)
            for spans in (over_time["stretches"], over_time["points"]):
                parts = [one for span in spans for one in span["by_firmware"] if one["firmware"] == version]
                for key in ("readings", "missing", "anomalous", "injected"):
                    self.assertEqual(sum(one[key] for one in parts), whole[key], (version, key))
                expected = sum(one["expected"] * (one["readings"] + one["missing"]) for one in parts)
                self.assertAlmostEqual(expected / whole["due"], whole["expected"], places=6)
        text = self.fleet_sim("report", "data").stdout
        self.assertNotIn("no expected rate for", text)
        self.assertRegex(text, r"\n  20\S+Z  +reload +1\.3 ")
        self.assertRegex(text, r"\n  20\S+Z  reload: .*firmware_version")
        self.assertRegex(text, r"\n  20\S+Z  \d+ anomal(y|ies) injected")

    def test_a_reload_of_settings_has_an_expectation_of_its_own(self):
        self.serve_folder()
        self.wait_for(lambda: self.json("/status")["readings"]["written"] > 1_000)
        self.write("config.yaml", QUIET.replace("0.05", "0.2"))
        self.assertEqual(self.change("/api/reload")["outcome"][0]["what"], "config")
        written = self.json("/status")["readings"]["written"]
        self.wait_for(lambda: self.json("/status")["readings"]["written"] > written + 1_000)
        self.stop(self.process)
        report = json.loads(self.fleet_sim("report", "data", "--json").stdout)
        before, after = report["over_time"]["stretches"]
        for one, other in zip(before["by_firmware"], after["by_firmware"]):
            self.assertAlmostEqual(4 * one["expected"], other["expected"], delta=0.001)
        self.assertIsNotNone(report["total"]["expected"])
        self.assertTrue(before["by_firmware"][0]["expected"] < report["total"]["expected"] < after["by_firmware"][1]["expected"])


class ManyVersions(FleetTest):
    def test_there_are_twelve_rows_at_most(self):
        fleet = self.write_identities([identity(f"S{i}", firmware_version=f"5.{i:02}") for i in range(40)])
        self.fill("data", "--duration", "10m", identities=fleet)
        over_time = json.loads(self.fleet_sim("report", "data", "--json").stdout)["over_time"]
        self.assertEqual(len(over_time["stretches"]), 1)
        groups = over_time["stretches"][0]["by_firmware"]
        self.assertEqual(len(groups), 12)
        self.assertEqual(groups[-1]["firmware"], "other")
        self.assertEqual(sum(one["readings"] for one in groups), total(self.dir / "data", "SELECT count(*) FROM sensor_readings"))
        self.assertGreater(len(over_time["points"]), 90)


if __name__ == "__main__":
    main()
