#!/usr/bin/env python3
"""Files that are filled sensor by sensor: nobody can tell them from those that were filled second by second, a file that has its
name is whole, and a run that was killed or stopped anywhere goes on to the same data."""

import random

from fleet import *
from random_types import random_type
from serving import Served

START = ("--speed", "max", "--start", "2026-01-01", "--seed", 7, "--shard-by", "sensor")
SCENARIO = [
    {"name": "up", "at": "+20s", "where": {"firmware_version": "1.4"}, "set": {"firmware_version": "1.5"}, "spread": "40s",
     "silent_for": "3s", "fails": "20%"},
    {"name": "out", "at": "+30s", "for": "20s", "where": {"id": "S*1"}, "silence": True, "spread": "50s"},
    {"name": "late", "at": "+40s", "for": "30s", "where": {"id": "S*2"}, "deliver": {"hold": True, "drain": 3}},
    {"name": "come", "at": "+10s", "where": {"id": "S*3"}, "join": True, "spread": "90s"},
    {"name": "go", "at": "+50s", "where": {"id": "S*4"}, "leave": True, "spread": "30s"},
    {"name": "again", "at": "+100s", "where": {"event": "go"}, "join": True, "spread": "10s"},
    {"name": "heat", "at": "+30s", "for": "60s", "fade": "10s", "add": {"temperature": 6}, "spread": "30s"},
    {"name": "fault", "at": "+40s", "for": "30s", "waves": {"0s": "60%"}, "spread": "60s", "fault": {"type": "trend"}},
]
DELIVERY = {"drop": "2%", "late": {"share": "10%", "median": "4s"}, "duplicate": "2%", "jitter": "20ms"}
TABLES = ("sensor_readings", "anomaly_events", "fleet_events", "deliveries", "sensors", "channel_info", "run_losses")


def tables(path):
    return {name for (name,) in query(path, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")}


def rows_of(path, table):
    """But for what names the run."""
    columns = [row[1] for row in query(path, f"PRAGMA table_info({table})") if row[1] != "run_id"]
    return query(path, f"SELECT {', '.join(map(repr_of, columns))} FROM {table}")


def repr_of(column):
    return f'"{column}"'


class Bulk(FleetTest):
    def random_fleet(self, rng, size=24):
        """Its identities and its config."""
        config = {"anomalies": {"probability": rng.choice((0.05, 0.2)), "severity": rng.choice(("relative", "graded"))},
                  "database": {"page_size": rng.choice((4096, 16384)), "batch_size": rng.choice((30, 5000)),
                               "writers": rng.randint(1, 3), "unsynced_index": rng.random() < 0.7}}
        kinds = ["temperature_vibration"]
        if rng.random() < 0.5:
            config["types"] = {name: random_type(rng) for name in ("pump", "fan")}
            kinds += list(config["types"])
        if rng.random() < 0.6:
            config["scenario"] = sorted(rng.sample(SCENARIO, rng.randint(1, len(SCENARIO))), key=SCENARIO.index)
            names = {entry["name"] for entry in config["scenario"]}
            config["scenario"] = [one for one in config["scenario"] if one["name"] != "again" or "go" in names]
        if rng.random() < 0.5:
            config["delivery"] = DELIVERY
        elif "scenario" in config:
            config["scenario"] = [one for one in config["scenario"] if one["name"] != "late"] or SCENARIO[:1]
        fleet = self.write_identities(
            [identity(f"S{i:03}", type=rng.choice(kinds), firmware_version=rng.choice(("1.3", "1.4")),
                      readings_per_second=rng.choice((0.2, 1, 5))) for i in range(size)])
        return fleet, self.write("config.yaml", json.dumps(config))

    def run_both(self, fleet, config, *arguments):
        ran = {}
        for bulk in ("on", "off"):
            ran[bulk] = self.fleet_sim("--identities", fleet, "--config", config, "--data-dir", bulk, *START, "--duration", "3m",
                                       *arguments, env={"FLEET_SIM_DATABASE_BULK": bulk})
        return ran["on"], ran["off"]

    def assert_alike(self, one, other):
        """Down to the header, and whatever order the tables were made in."""
        names = [[path.name for path in shards(self.dir / data)] for data in (one, other)]
        self.assertEqual(*names)
        for name in names[0]:
            paths = [self.dir / data / name for data in (one, other)]
            self.assertEqual(*(sorted(query(path, "SELECT type, name, sql FROM sqlite_schema")
                                      + query(path, "SELECT 'version', user_version, 0 FROM pragma_user_version"), key=str)
                               for path in paths if "run_identities" not in tables(path)) if not any(
                                   "run_identities" in tables(path) for path in paths) else (0, 0), name)
            self.assertEqual(*(path.read_bytes()[16:20] for path in paths), name)
            for table in TABLES:
                if table in tables(paths[0]) | tables(paths[1]):
                    self.assertEqual(*(rows_of(path, table) for path in paths), f"{name}: {table}")
        self.assertEqual(self.counted(one), self.counted(other))
        self.assertEqual(*({path.name for path in (self.dir / data).iterdir()} for data in (one, other)))


class Same(Bulk):
    def test_random_fleets(self):
        for seed in range(30 if AT_LENGTH else 3):
            with self.subTest(seed=seed):
                bulk, off = self.run_both(*self.random_fleet(random.Random(seed)), "--threads", 1 + seed % 3)
                self.assertIn("filling files sensor by sensor", bulk.stderr)
                self.assertNotIn("filling files sensor by sensor", off.stderr)
                for line in ("due", "missing", "anomalies", "files", "success"):
                    self.assertEqual(bulk.summary.lines[line].replace("on", "off"), off.summary.lines[line].replace("on", "off"))
                self.assertEqual(bulk.summary.written, off.summary.written)
                self.assert_alike("on", "off")
                self.assertEqual([json.loads((self.dir / data / "run.json").read_text())["books"] for data in ("on", "off")][0],
                                 json.loads((self.dir / "off/run.json").read_text())["books"])
                for data in ("on", "off"):
                    shutil.rmtree(self.dir / data)

    def test_in_addition_to_what_is_there(self):
        """Files that are there go on as they are, and sensors that have none get one."""
        some = self.write_identities([identity(f"S{i}") for i in range(5)], "some.jsonl")
        all_of_them = self.write_identities([identity(f"S{i}") for i in range(9)])
        for bulk in ("on", "off"):
            self.fleet_sim("--identities", some, "--data-dir", bulk, *START, "--duration", "1m",
                           env={"FLEET_SIM_DATABASE_BULK": bulk})
            self.fleet_sim("--identities", all_of_them, "--data-dir", bulk, "--speed", "max", "--start", "2026-01-02", "--seed", 8,
                           "--shard-by", "sensor", "--duration", "1m", env={"FLEET_SIM_DATABASE_BULK": bulk})
        self.assert_alike("on", "off")

    def test_where_it_cannot_be(self):
        fleet = self.write_identities([identity("S1"), identity("S2")])
        bulk = {"FLEET_SIM_DATABASE_BULK": "on"}
        retention = self.write("retention.yaml", "database: {retention: {age_seconds: 60}}\n")
        cases = [(("--shard-by", "location", "--speed", "max", "--duration", "1m"), "share a file"),
                 (("--shard-by", "sensor", "--duration", "1s"), "keep pace with the clock"),
                 (("--shard-by", "sensor", "--speed", "max", "--duration", "0", "--start", "2026-01-01"), "the run has no end"),
                 (("--shard-by", "sensor", "--speed", "max", "--count", "100"), "--count"),
                 (("--shard-by", "sensor", "--speed", "max", "--duration", "1m", "--config", retention), "database.retention")]
        for command in ((), ("check",)):
            for arguments, why in cases:
                refused = self.fleet_sim(*command, "--identities", fleet, "--data-dir", "data", *arguments, code=2, env=bulk)
                self.assertRegex(refused.stderr, f"database.bulk: on is not possible: .*{why}")
        self.assertFalse((self.dir / "data").exists())


class Killed(Bulk):
    def begin(self, fleet, config, **env):
        return self.start("--identities", fleet, "--config", config, "--data-dir", "data", *START, "--duration", "3m",
                          env={"FLEET_SIM_DATABASE_BULK": "on", **env})

    def assert_names_are_whole(self):
        """A file that has its name, and no log, has all that the undisturbed run has in it. Returns how many have a log: the one
        with the run's record, and those that a resumed run goes on with."""
        partial = 0
        for path in shards(self.dir / "data"):
            if path.read_bytes()[18:19] != b"\1":
                partial += 1
                continue
            for table in TABLES:
                if table in tables(path):
                    self.assertEqual(rows_of(path, table), rows_of(self.dir / "whole" / path.name, table), path.name)
        return partial

    def has_a_run(self):
        """Nothing of a run is to be resumed before a file with its record is there."""
        return any("run_info" in tables(path) and query(path, "SELECT 1 FROM run_info") for path in shards(self.dir / "data"))

    def test_at_random(self):
        """By kill -9, several times over, then whole."""
        for seed in range(24 if AT_LENGTH else 3):
            rng = random.Random(100 + seed)
            with self.subTest(seed=seed):
                for data in ("data", "whole"):
                    shutil.rmtree(self.dir / data, ignore_errors=True)
                fleet, config = self.random_fleet(rng, size=300)
                began = time.monotonic()
                self.fleet_sim("--identities", fleet, "--config", config, "--data-dir", "whole", *START, "--duration", "3m")
                took = time.monotonic() - began
                process = self.begin(fleet, config)
                for resumption in range(3):
                    time.sleep(rng.uniform(0, took / 2))
                    process.kill()
                    process.wait()
                    if not self.has_a_run():
                        process = self.begin(fleet, config)
                        continue
                    partial = self.assert_names_are_whole()
                    if resumption == 0:
                        self.assertLessEqual(partial, 1)
                    process = self.start("--resume", "--data-dir", "data")
                process.wait(timeout=120)
                self.assertEqual(process.returncode, 0, self.printed())
                self.assertEqual(self.counted("data"), self.counted("whole"))
                self.assertEqual(list((self.dir / "data").glob("*.new")), [])
                for path in shards(self.dir / "data"):
                    for table in set(TABLES) & tables(path):
                        self.assertEqual(sorted(rows_of(path, table), key=str),
                                         sorted(rows_of(self.dir / "whole" / path.name, table), key=str), path.name)

    def test_resumed_second_by_second(self):
        fleet, config = self.random_fleet(random.Random(5), size=300)
        self.fleet_sim("--identities", fleet, "--config", config, "--data-dir", "whole", *START, "--duration", "3m")
        process = self.begin(fleet, config)
        self.until(lambda: len(shards(self.dir / "data")) > 20, process)
        process.kill()
        process.wait()
        self.fleet_sim("--resume", "--data-dir", "data", env={"FLEET_SIM_DATABASE_BULK": "off"})
        self.assertEqual(self.counted("data"), self.counted("whole"))

    def test_stopped(self):
        """What was cut off in the middle gets its name too, and goes on where it ends; the books balance."""
        fleet = self.write_identities([identity(f"S{i}", readings_per_second=100) for i in range(20)])
        config = self.write("config.yaml", "")
        self.fleet_sim("--identities", fleet, "--data-dir", "whole", *START, "--duration", "1h")
        process = self.start("--identities", fleet, "--data-dir", "data", *START, "--duration", "1h",
                             env={"FLEET_SIM_DATABASE_BULK": "on"})
        self.until(lambda: list((self.dir / "data").glob("*.new")), process)
        summary = self.stop(process, code=4)
        self.assertIn("cut short", summary.lines["ended"])
        self.assert_balanced(summary, self.dir / "data")
        self.assertLess(len(shards(self.dir / "data")), 20)
        self.assertEqual(list((self.dir / "data").glob("*.new")), [])
        self.assert_sound(self.dir / "data")
        self.fleet_sim("--resume", "--data-dir", "data")
        self.assertEqual(self.counted("data"), self.counted("whole"))

    def test_logs_that_other_files_have_left(self):
        """Of a run that was killed somebody has deleted the files and left their logs, which SQLite takes for a new file's."""
        fleet = self.write_identities([identity(f"S{i}", readings_per_second=50) for i in range(3)])
        process = self.start("--identities", fleet, "--data-dir", "data", "--shard-by", "sensor", "--duration", 0)
        self.wait_for_rows(self.dir / "data", 100, process, files=3)
        process.kill()
        process.wait()
        for path in [*shards(self.dir / "data"), self.dir / "data/run.json"]:
            path.unlink()
        self.assertEqual(len(list((self.dir / "data").glob("*.db-wal"))), 3)
        for data in ("data", "whole"):
            self.fleet_sim("--identities", fleet, "--data-dir", data, *START, "--duration", "1m")
        self.assertEqual(self.counted("data"), self.counted("whole"))
        self.assert_sound(self.dir / "data")

    def until(self, condition, process, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            self.assertIsNone(process.poll(), self.printed())
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.005)

    def test_leftovers(self):
        """Of a process that is gone are removed by the next start, but for another partition's."""
        fleet = self.write_identities([identity(f"S{i}") for i in range(4)])
        self.fleet_sim("--identities", fleet, "--data-dir", "data", *START, "--duration", "1m", "--partition", "1/2")
        ours = {path.name for path in shards(self.dir / "data")}
        for i in range(4):
            self.write(f"data/sensor=S{i}.db.new", "half")
        self.fleet_sim("--identities", fleet, "--data-dir", "data", "--resume", "--duration", "2m", "--partition", "1/2")
        left = {path.name for path in (self.dir / "data").glob("*.new")}
        self.assertEqual(left, {f"sensor=S{i}.db.new" for i in range(4)} - {name + ".new" for name in ours})
        self.assertTrue(ours and left)


class Asked(Served):
    def test_changes_are_refused(self):
        """A reload, an entry for the scenario, an anomaly: each with the reason. Nothing of them is in the data."""
        fleet = self.write_identities([identity(f"S{i}", readings_per_second=100) for i in range(40)])
        config = self.write("config.yaml", "config_reload: {check_interval_seconds: 3600}\n")
        self.serve("--speed", "max", "--start", "2026-01-01", "--shard-by", "sensor", "--duration", "10h", "--config", config,
                   identities=fleet, rate=100)
        self.write("config.yaml", "anomalies: {enabled: false}\nconfig_reload: {check_interval_seconds: 3600}\n")
        why = "filled sensor by sensor"
        self.assertIn(why, json.dumps(self.change("/api/reload", status=409)))
        entry = json.dumps({"name": "x", "at": "+9h", "set": {"firmware_version": "9"}})
        self.assertIn(why, json.dumps(self.change("/api/scenario", entry, status=409)))
        asked = json.dumps({"type": "spike", "sensors": ["S39"]})
        self.assertIn(why, json.dumps(self.change("/api/anomalies", asked, status=409)))
        self.process.send_signal(signal.SIGHUP)
        progress = self.json("/status")["progress"]
        self.assertLess(progress["simulated_seconds"], 36_000)
        self.wait_for(lambda: why in self.printed())
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    main()
