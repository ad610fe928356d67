#!/usr/bin/env python3
"""A run with a scenario can be killed anywhere and resumed, also while its fleet and its scenario are reloaded: it is held against one that
is never interrupted, as in resume_reload_test.py."""

import resume_reload_test
from resume_reload_test import *

del Reloaded, ManyTimes, Injected, Resumed

# Entries of which a reload takes some away, and brings others, or other ones of the same name.
ENTRIES = [
    {"name": "up", "at": "+2s", "where": {"firmware_version": "1.4"}, "set": {"firmware_version": "1.5"},
     "waves": {"0s": "40%", "5s": "90%"}, "spread": "4s", "silent_for": "1.5s", "fails": "20%"},
    {"name": "back", "at": "+12s", "where": {"event": "up"}, "set": {"firmware_version": "1.3", "model": "Old"}, "spread": "6s"},
    {"name": "out", "at": "+4s", "for": "3s", "where": {"id": "S[0-9]"}, "silence": True, "spread": "9s"},
    {"name": "out2", "at": "+6s", "for": "2.5s", "where": {"id": "S?"}, "silence": True, "spread": "9s", "waves": {"0s": "60%"}},
    {"name": "come", "at": "+1s", "where": {"id": "S1*"}, "join": True, "spread": "12s"},
    {"name": "go", "at": "+5s", "where": {"id": "S*"}, "leave": True, "waves": {"0s": "40%"}, "spread": "8s"},
    {"name": "again", "at": "+14s", "where": {"event": "go"}, "join": True, "spread": "4s"},
    {"name": "heat", "at": "+3s", "for": "12s", "fade": "4s", "add": {"temperature": 6, "voltage": -1}, "spread": "3s"},
    {"name": "fault", "at": "+4s", "for": "6s", "waves": {"0s": "70%"}, "spread": "9s", "fault": {"type": "trend"}},
    {"name": "later", "at": "+9s", "waves": {"0s": "70%"}, "spread": "9s", "fault": {"type": "noise"}},
    {"name": "reset", "at": "+7s", "reset": ["trend", "noise", "pattern"], "spread": "9s", "silent_for": "0.5s"},
    {"name": "move", "at": "+8s", "where": {"id": "S2"}, "set": {"manufacturer": "Other"}},
]
ROUNDS = 12 if AT_LENGTH else 3


class Told(resume_reload_test.Resumed):
    def configure(self, *arguments, **options):
        super().configure(*arguments, **options)
        config = json.loads((self.dir / "config.yaml").read_text(encoding="utf-8"))
        config["scenario"] = self.entries
        config["anomalies"]["types"]["missing_data"]["duration_seconds"] = 2
        (self.dir / "next").write_text(json.dumps(config), encoding="utf-8")
        os.replace(self.dir / "next", self.dir / "config.yaml")

    def empty_copy(self):
        super().empty_copy()
        for path in shards(self.dir / "again"):
            if "fleet_events" in self.tables(path):
                query(path, "DELETE FROM fleet_events")

    def fleet_events(self, data):
        return sorted(row for path in shards(self.dir / data) if "fleet_events" in self.tables(path)
                      for row in query(path, "SELECT name, sensor_id, verb, what, started_at, ended_at, silent_until, failed FROM fleet_events "
                                             "WHERE name IS NOT NULL"))

    def check_by_the_other_model(self):
        """It does not follow scenarios; that of scenario_test.py does."""

    def check(self, *arguments):
        super().check(*arguments)
        self.check_that_no_event_begins_with_another()
        told = self.fleet_events("data")
        self.assertEqual(told, self.fleet_events("again"))
        self.assertEqual(len(told), len({row[:2] + row[4:5] for row in told}))
        return told

    def check_that_no_event_begins_with_another(self):
        """A sensor that left while it was in an anomaly, and returns, is not in one that began before it left."""
        rows = query_all(self.data, "SELECT sensor_id, started_at FROM anomaly_events")
        self.assertEqual(len(rows), len(set(rows)))

    def test_killed_at_random(self):
        verbs = set()
        for seed in range(ROUNDS):
            with self.subTest(seed=seed):
                self.entries = ENTRIES
                with self.a_round(seed):
                    verbs |= {row[2] for row in self.ravage(("location", "none", "sensor")[seed % 3], reloads=seed % 3 != 0)}
        self.assertGreaterEqual(len(verbs), 7)

    def ravage(self, sharding, reloads):
        draw = self.at_random
        self.configure()
        for i in range(16):
            self.put(f"S{i}", location=draw.choice(SITES))
        how = ("--shard-by", sharding, "--writers", 2)
        process = self.process = self.begin(*how, "--seed", draw.randrange(1000))
        self.wait_for_rows(self.data, 50, process)
        for _ in range(4):
            for _ in range(draw.randint(0, 2) if reloads else 0):
                self.change()
                time.sleep(draw.uniform(0, 0.2))
            time.sleep(draw.uniform(0, 0.4))
            self.kill(process)
            process = self.process = self.begin("--resume", *how)
            time.sleep(draw.uniform(0, 0.6))
            self.assertIsNone(process.poll(), self.printed())
        self.kill(process)
        return self.check("--config", "config.yaml", "--identities", "identities")

    def change(self):
        draw = self.at_random
        sensor = f"S{draw.randrange(20)}"
        if draw.random() < 0.5:
            self.entries = [dict(one) if draw.random() < 0.7 else {**one, "at": f"+{draw.randint(5, 25)}s"} for one in ENTRIES
                            if draw.random() < 0.8 or one["name"] in ("up", "go")]
            at = {one["name"]: int(one["at"][1:-1]) for one in self.entries}
            for one in self.entries:  # not before what it refers to
                if one["name"] in ("back", "again"):
                    one["at"] = f"+{max(at[one['name']], at[one['where']['event']])}s"
            return self.configure(draw.choice((0, 0.3)), rate=draw.choice((1, 5, 12)))
        if draw.random() < 0.3 and len(list(self.folder.iterdir())) > 2:
            return (self.folder / f"{sensor}.json").unlink(missing_ok=True)
        more = {"readings_per_second": draw.choice((0.7, 3, 20))} if draw.random() < 0.5 else {}
        self.put(sensor, location=draw.choice(SITES), firmware_version=draw.choice(("1.3", "1.4")), **more)


class Returned(Told):
    test_killed_at_random = None

    def test_a_sensor_that_was_there_returns_however_it_comes_back(self):
        """Two reloads took it away and brought it back; the entry that then lets it join brings no anomaly from before."""
        self.at_random, self.graded = random.Random(1), False
        bring = {"name": "bring", "at": "+20s", "where": {"id": "S*"}, "join": True, "spread": "3s"}
        self.entries = [{"name": "far", "at": "+9d", "silence": True}]
        self.configure(probability=0.5)
        for i in range(24):
            self.put(f"S{i}")
        self.put("T")
        process = self.begin("--seed", 3)
        self.wait_for_rows(self.data, 300, process)
        for path in sorted(self.folder.glob("S*")):
            path.rename(path.with_suffix(".gone"))
        self.until_reloaded(process)
        self.entries.append(bring)
        self.configure(probability=0.5)
        self.until_reloaded(process, 2)
        for path in sorted(self.folder.glob("S*")):
            path.rename(path.with_suffix(".json"))
        self.until_reloaded(process, 3)
        self.assertLess(self.newest() - self.start_of_run(), 20 * SECOND)
        brought = "SELECT count(DISTINCT sensor_id) FROM fleet_events WHERE name = 'bring'"
        self.until(lambda: query_all(self.data, brought)[0][0] == 24, "all are back", process)
        self.kill(process)
        told = self.check("--config", "config.yaml", "--identities", "identities")
        self.assertEqual(len(told), 24)
        amid = query_all(self.data, "SELECT sensor_id, a.started_at FROM anomaly_events a JOIN fleet_events f USING (sensor_id) WHERE name = 'bring' "
                                    "AND a.started_at < f.started_at AND a.ended_at >= f.started_at")
        self.assertEqual(amid, [])


class Stopped(IdentityFolderTest):
    """Runs that ended in order, and go on for longer."""

    def run_for(self, duration, data, *arguments, delivery="{}", scenario=()):
        self.write("config.yaml", f"delivery: {delivery}\nscenario:\n" + "".join(f"  - {{{entry}}}\n" for entry in scenario))
        return self.fleet_sim("--config", "config.yaml", "--identities", "identities", "--data-dir", data, "--speed", "max",
                              "--duration", duration, *arguments)

    def test_a_fault_before_the_first_reading_goes_on(self):
        """Where readings wait, the run goes on from before they were due, and many sensors had not been read by then."""
        self.put("quick", readings_per_second=5)
        for i in range(40):
            self.put(f"S{i}", readings_per_second=0.1)
        how = {"delivery": "{late: {share: 50%, median: 20s}}", "scenario": ["name: cut, at: +1s, for: 15s, where: {id: 'S*'}, fault: "
                                                                             "{type: missing_data}"]}
        begin = ("--start", "2026-01-01", "--seed", 3)
        self.run_for("1m", "whole", *begin, **how)
        self.run_for("9s", "data", *begin, **how)
        self.run_for("1m", "data", "--resume", **how)
        whole, resumed = self.digest("whole"), self.digest("data")
        for figure in ("digest", "readings", "events", "fleet_events"):
            self.assertEqual(resumed[figure], whole[figure], figure)

    def test_a_reload_comes_after_everything_that_was_told(self):
        """Not after the last reading alone: of what happened to a silent fleet, files tell as well."""
        for i in range(4):
            self.put(f"S{i}", firmware_version="1.4", readings_per_second=2)
        entries = ["name: quiet, at: +5s, for: 30s, silence: true", "name: up, at: +20s, set: {firmware_version: '1.5'}"]
        self.run_for("25s", "data", "--start", "2026-01-01", "--seed", 3, scenario=entries)
        self.assertEqual(query_all(self.data, "SELECT count(*) FROM fleet_events WHERE name = 'up'"), [(4,)])
        self.run_for("1m", "data", "--resume", scenario=entries[:1])
        after = "SELECT DISTINCT firmware_version FROM sensor_readings WHERE timestamp > '2026-01-01T00:00:30'"
        self.assertEqual(query_all(self.data, after), [("1.5",)])


if __name__ == "__main__":
    main()
