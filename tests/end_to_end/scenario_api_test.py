#!/usr/bin/env python3
"""The scenario of a running fleet over HTTP: what is planned, and an entry that is added to it, which takes effect, is recorded and stays."""

from serving import *

CONFIG = """anomalies: {enabled: false}
scenario:
  - {name: dark, at: +1m, for: 30s, where: {location: "Factory A - Line 1"}, silence: true}
  - {name: later, at: +300d, where: {event: dark}, set: {firmware_version: "9"}, waves: {0d: 50%, 9d: 100%}}
"""


class Scenario(Served):
    def serve_scenario(self, config=CONFIG):
        self.config = self.write("config.yaml", config)
        self.serve("--config", self.config, "--start", "2026-03-01", "--speed", 20)

    def entries(self):
        return {one["name"]: one for one in self.json("/api/scenario")["entries"]}

    def test_it_is_listed_with_the_sensors_that_it_reaches(self):
        self.serve_scenario()
        on_line = sum(one["location"] == "Factory A - Line 1" for one in demo_identities().values())
        self.assertGreater(on_line, 1)
        known = self.wait_for(lambda: (one := self.entries()["dark"])["state"] == "over" and one["in_all"] is not None and one)
        self.assertEqual((known["reached"], known["in_all"]), (on_line, on_line))
        self.assertEqual((known["at"], known["until"]), ("2026-03-01T00:01:00.000000Z", "2026-03-01T00:01:30.000000Z"))
        self.assertEqual(known["what"], "silence: true")
        later = self.entries()["later"]
        self.assertEqual((later["state"], later["reached"]), ("coming", 0))
        page = self.json("/api/scenario?limit=1")
        self.assertEqual(([one["name"] for one in page["entries"]], page["total"]), (["dark"], 2))
        page = self.json(f"/api/scenario?limit=1&after={page['next']}")
        self.assertEqual(([one["name"] for one in page["entries"]], page["next"]), (["later"], None))

    def test_an_entry_is_added(self):
        self.serve_scenario()
        self.wait_for(lambda: self.json("/status")["readings"]["written"] > 1_000)
        body = {"name": "up", "at": "+5m", "where": {"firmware_version": "1.3"}, "set": {"firmware_version": "7.1"}}
        self.json("/api/scenario", status=401, method="POST", body=json.dumps(body))
        said = self.change("/api/scenario", json.dumps(body))
        old = sum(one["firmware_version"] == "1.3" for one in demo_identities().values())
        self.assertEqual([(one["what"], one["outcome"], one["sensors"]) for one in said["outcome"]], [("scenario", "accepted", old)])
        self.assertNotIn("warning", said)
        self.assertEqual(self.entries()["up"]["state"], "coming")
        again = self.change("/api/scenario", json.dumps(body), status=400)
        self.assertIn("has the name of an entry", again["error"])
        # A changed file takes nothing away from it.
        self.write("config.yaml", CONFIG.replace("+300d", "+301d"))
        self.assertEqual(self.change("/api/reload")["outcome"][0]["outcome"], "accepted")
        self.assertEqual(set(self.entries()), {"dark", "later", "up"})
        sensors = lambda: {one["version"]: one["sensors"] for one in self.json("/status")["firmware"]}  # noqa: E731
        self.wait_for(lambda: sensors().get("7.1") == old)
        self.wait_for(lambda: self.entries()["up"]["reached"] == old)
        self.stop(self.process)
        data = self.dir / "data"
        moment = "2026-03-01T00:05:00.000000Z"
        before = {version for (version,) in query_all(data, "SELECT DISTINCT firmware_version FROM sensor_readings WHERE timestamp < ?", moment)}
        after = {version for (version,) in query_all(data, "SELECT DISTINCT firmware_version FROM sensor_readings WHERE timestamp >= ?", moment)}
        self.assertEqual((before, after), ({"1.3", "1.4"}, {"1.4", "7.1"}))
        recorded = {changes for (changes,) in query_all(data, "SELECT changes FROM run_reloads WHERE number = 1")}
        self.assertIn("scenario.up", "".join(recorded))
        marks = json.loads(self.fleet_sim("report", "data", "--json").stdout)["over_time"]["marks"]
        self.assertEqual([(mark["kind"], mark["name"]) for mark in marks],
                         [("reload", None), ("reload", None), ("scenario", "dark"), ("scenario", "up")])

    def restart(self, config, reloads):
        """Killed once so many reloads are recorded, and resumed with another config."""
        recorded = "SELECT name FROM sqlite_schema WHERE name = 'run_reloads'"
        self.wait_for(lambda: reloads == max((number for path in shards(self.dir / "data") if query(path, recorded)
                                              for (number,) in query(path, "SELECT number FROM run_reloads")), default=0))
        self.process.kill()
        self.process.wait()
        self.write("config.yaml", config)
        self.serve("--config", self.config, "--start", "2026-03-01", "--speed", 20, "--resume")

    def test_an_added_entry_outlives_the_run(self):
        """Whatever the file says of others; an entry of its name takes its place."""
        self.serve_scenario()
        self.wait_for(lambda: self.json("/status")["readings"]["written"] > 500)
        self.change("/api/scenario", '{"name": "up", "at": "+200d", "where": {"event": "dark"}, "set": {"firmware_version": "7.1"}}')
        self.change("/api/scenario", '{"name": "down", "at": "+200d", "where": {"firmware_version": "1.3"}, "set": {"firmware_version": "7"}}')
        self.restart(CONFIG.replace("later", "latest"), 2)
        self.wait_for(lambda: set(self.entries()) == {"dark", "latest", "up", "down"})
        self.assertTrue(self.entries()["up"]["entry"].endswith('added: true, set: {firmware_version: 7.1}}'), self.entries()["up"])
        # Without a scenario in the file, everything goes on.
        self.restart("anomalies: {enabled: false}\n", 3)
        self.wait_for(lambda: set(self.entries()) == {"dark", "latest", "up", "down"})
        # One of its name takes its place, and is the file's from then on.
        self.restart(CONFIG + "  - {name: down, at: +99d, silence: true}\n", 3)
        self.wait_for(lambda: set(self.entries()) == {"dark", "later", "up", "down"})
        self.wait_for(lambda: self.entries()["down"]["what"] == "silence: true")
        self.restart(CONFIG, 4)
        self.wait_for(lambda: set(self.entries()) == {"dark", "later", "up"})
        # What it refers to must stay.
        self.write("config.yaml", CONFIG.replace("dark", "dusk"))
        gone = "scenario.up.where.event names 'dark', but there is no entry of that name anymore"
        self.assertIn(gone, self.change("/api/reload", status=409)["error"])
        self.process.kill()
        self.process.wait()
        refused = self.fleet_sim("--config", self.config, "--identities", IDENTITIES, "--data-dir", "data", "--shard-by", "location",
                                 "--rate", 20, "--resume", code=2)
        self.assertIn(gone, refused.stderr)

    def test_what_is_wrong_is_said(self):
        self.serve_scenario()
        for body, wrong in (({"name": "x", "at": "+1h"}, "must have a verb"),
                            ({"name": "x", "at": "+1h", "silence": True, "fr": "1m"}, "'scenario.x.fr' (did you mean 'for'?)"),
                            ({"name": "x", "at": "soon", "silence": True}, "x.at"),
                            ({"name": "x", "at": "+0s", "silence": True}, "has passed"),
                            ({"name": "x", "at": "+1h", "set": {"firmware_version": "2"}, "waves": {"0d": "140%"}}, "x.waves"),
                            ({"name": "x", "at": "+1h", "where": {"event": "drk"}, "silence": True}, "did you mean 'dark'?"),
                            ({"name": "x", "at": "+1h", "fault": "drift"}, "x.fault must be a map with type, channel, severity"),
                            ({"name": "x", "at": "+1h", "where": {"event": "x"}, "silence": True}, "names the entry itself"),
                            ({"name": "x", "at": "+1h", "silence": [[[]] * 40]}, "x.silence"),
                            ([], "must be a JSON object")):
            said = self.change("/api/scenario", json.dumps(body), status=400)
            self.assertIn(wrong, said["error"])
            self.assertNotIn("body:", said["error"])
        refused = self.change("/api/scenario", '{"name": "x", "at": "+1h", "set": {"location": "Elsewhere"}}', status=409)
        self.assertIn("would move sensors between files", refused["error"])
        self.assertEqual(self.json("/api/scenario")["total"], 2)

    def test_a_fleet_without_a_scenario_gets_one(self):
        self.serve_scenario("anomalies: {enabled: false}\n")
        self.assertEqual(self.json("/api/scenario"), {"entries": [], "next": None, "total": 0})
        self.wait_for(lambda: self.json("/status")["readings"]["written"] > 500)
        said = self.change("/api/scenario", '{"name": "off", "at": "+5m", "where": {"id": "OUTDOOR_1"}, "silence": true}')
        self.assertEqual(said["outcome"][0]["sensors"], 1)
        said = self.change("/api/scenario", '{"name": "slip", "at": "+300d", "where": {"id": "OUTDOR_*"}, "silence": true}')
        self.assertEqual((said["outcome"][0]["outcome"], said["outcome"][0]["sensors"]), ("accepted", 0))
        self.assertIn("scenario.slip meets no sensor", said["warning"])
        self.assertIn("scenario.slip meets no sensor", self.printed())
        self.wait_for(lambda: self.json("/status")["readings"]["silent"] > 100)
        self.assertIsNone(self.entries()["off"]["until"])


if __name__ == "__main__":
    main()
