#!/usr/bin/env python3
"""A file of text through what files go through: killed and resumed, on a full disk; and the manifest beside it."""

import mounts
from fleet import *

CANNOT_MOUNT = mounts.why_not()
RUN = ("--identities", IDENTITIES, "--seed", 7, "--start", "2026-01-01")
SPAN = ("--duration", "2h")
FORMATS = {"ndjson": "ndjson", "csv": "csv", "lines": "line-protocol"}
DISTURBED = """delivery: {drop: 2%, late: {share: 10%, median: 30s}, duplicate: 1%, jitter: 20ms}
scenario:
  - {name: 'an "upgrade"', at: +2m, set: {firmware_version: "1.3"}, waves: {0s: 50%, 10m: 100%}}
  - {name: outage, at: +3m, for: 1h, where: {firmware_version: "1.3"}, deliver: {hold: true, drain: 3}}
"""
FAST = {"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"}


class Killed(FleetTest):
    def lines(self, name):
        return (self.dir / name).read_text().splitlines()

    def wait_for_bytes(self, path, least):
        until = time.monotonic() + 60
        while not path.exists() or path.stat().st_size < least:
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.02)

    def kill(self, *how, events="", least=100_000):
        process = self.start(*RUN, *SPAN, "--speed", 3_600, *how, env=FAST | ({"FLEET_SIM_SINK_EVENTS": events} if events else {}))
        self.wait_for_bytes(self.dir / "rows", least)
        process.kill()
        self.assertEqual(process.wait(), -signal.SIGKILL, self.printed())

    def test_a_file_continues_behind_its_last_whole_line(self):
        self.fill("whole", *SPAN)
        recorded = query_all(self.dir / "whole", "SELECT sensor_id, started_at, ended_at FROM anomaly_events")
        for scheme, word in FORMATS.items():
            with self.subTest(scheme):
                for path in ("rows", "events"):
                    (self.dir / path).unlink(missing_ok=True)
                self.kill("--sink", f"{scheme}:rows", "--data-dir", scheme, events="events")
                with open(self.dir / "rows", "a") as rows:
                    rows.write("half a li")
                ran = self.fleet_sim(*RUN, *SPAN, "--speed", "max", "--sink", f"{scheme}:rows", "--data-dir", scheme, "--resume",
                                     env={"FLEET_SIM_SINK_EVENTS": "events"})
                exported = self.fleet_sim("export", "whole", "--format", word).stdout.splitlines()
                self.assertEqual(sorted(self.lines("rows")), sorted(exported))
                self.assertGreater(ran.summary.found, 0)
                self.assertEqual(ran.summary.due, ran.summary.found + ran.summary.written + ran.summary.missing)
                begun = [json.loads(line) for line in self.lines("events")]
                last = {(one["sensor_id"], one["started_at"]): one["ended_at"] for one in begun}
                self.assertEqual(sorted((*key, end) for key, end in last.items() if end),
                                 sorted(row for row in recorded if row[2]))

    def test_a_scenario_goes_on(self):
        config = self.write("config.yaml", "scenario:\n  - {name: 'an \"upgrade\"', at: +2m, waves: {0s: 50%, 10m: 100%}, spread: 40m, "
                                           "silent_for: 1m, set: {firmware_version: '9.9'}}\n")
        self.fill("whole", *SPAN, "--config", config)
        self.kill("--sink", "ndjson:rows", "--data-dir", "data", "--config", config, events="events")
        ran = self.fleet_sim(*RUN, *SPAN, "--speed", "max", "--sink", "ndjson:rows", "--data-dir", "data", "--resume", "--config", config,
                             env={"FLEET_SIM_SINK_EVENTS": "events"})
        self.assertGreater(ran.summary.found, 0)
        self.assertEqual(sorted(self.lines("rows")), sorted(self.fleet_sim("export", "whole", "--format", "ndjson").stdout.splitlines()))
        reached = [one for one in map(json.loads, self.lines("events")) if "verb" in one]
        self.assertEqual(sorted((one["name"], one["sensor_id"], one["started_at"]) for one in reached),
                         query_all(self.dir / "whole", "SELECT name, sensor_id, started_at FROM fleet_events ORDER BY 1, 2, 3"))

    def test_a_file_continues_where_rows_arrive_late(self):
        config = self.write("config.yaml", DISTURBED)
        self.fill("whole", *SPAN, "--config", config)
        for scheme, word in FORMATS.items():
            with self.subTest(scheme):
                for path in ("rows", "events"):
                    (self.dir / path).unlink(missing_ok=True)
                self.kill("--sink", f"{scheme}:rows", "--data-dir", scheme, "--config", config, events="events", least=400_000)
                ran = self.fleet_sim(*RUN, *SPAN, "--speed", "max", "--sink", f"{scheme}:rows", "--data-dir", scheme, "--resume",
                                     "--config", config, env={"FLEET_SIM_SINK_EVENTS": "events"})
                self.assertGreater(ran.summary.found, 0)
                exported = self.fleet_sim("export", "whole", "--format", word).stdout.splitlines()
                self.assertTrue(sorted(self.lines("rows")) == sorted(exported), "other rows")
                told = [json.loads(line) for line in self.lines("events")]
                for table, mark in (("fleet_events", "verb"), ("deliveries", "kind")):
                    lines = [one for one in told if mark in one]
                    names = [name for name in lines[0] if name != "failed"]
                    recorded = query_all(self.dir / "whole", f"SELECT {', '.join(names)} FROM {table}")
                    self.assertTrue(sorted(str(tuple(one[name] for name in names)) for one in lines)
                                    == sorted(map(str, recorded)), f"other {table}")

    def test_what_cannot_be_resumed(self):
        self.kill("--sink", "ndjson:rows", "--data-dir", "data")
        same = (*RUN, *SPAN, "--speed", "max", "--data-dir", "data", "--resume")
        self.assertIn("wrote to ndjson:rows", self.fleet_sim(*same, "--sink", "csv:rows", code=2).stderr)
        self.assertIn("simulation.seed", self.fleet_sim(*(8 if one == 7 else one for one in same), "--sink", "ndjson:rows", code=2).stderr)
        one = self.write_identities([identity("X")])
        self.fleet_sim(*same, "--sink", "ndjson:rows", "--identities", one, code=2)

    def test_the_manifest_is_there_before_the_first_row(self):
        self.kill("--sink", "ndjson:rows", "--data-dir", "data", least=1)
        run = json.loads((self.dir / "data/run.json").read_text())
        self.assertEqual((run["seed"], run["start"], run["sink"], run["books"]),
                         (7, "2026-01-01T00:00:00.000000Z", "ndjson:rows", None))
        self.assertIn('address: "ndjson:rows"', run["config"])
        sensors = [json.loads(line) for line in (self.dir / "data/sensors.jsonl").read_text().splitlines()]
        self.assertEqual({one["identity"]["id"] for one in sensors}, set(demo_identities()))
        self.assertEqual({one["valid_from"] for one in sensors}, {run["start"]})


class Manifest(FleetTest):
    def test_of_sqlite(self):
        ran = self.fill("data", "--duration", "1m")
        run = json.loads((self.dir / "data/run.json").read_text())
        ((run_id, config),) = query_all(self.dir / "data", "SELECT run_id, config FROM run_info")
        self.assertEqual((run["run_id"], run["config"], run["books"]["written"]), (run_id, config, ran.summary.written))
        self.assertFalse((self.dir / "data/sensors.jsonl").exists())

    def test_a_reload_is_added(self):
        one, two = identity("A"), identity("B")
        fleet = self.write_identities([one])
        process = self.start("--identities", fleet, "--duration", 0, "--rate", 10, "--sink", "ndjson:rows", "--data-dir", "data",
                             env=FAST | {"FLEET_SIM_CONFIG_RELOAD_CHECK_INTERVAL_SECONDS": "0.2"})
        self.wait_for(lambda: (self.dir / "rows").exists() and (self.dir / "rows").stat().st_size > 0)
        self.write_identities([one, two])
        self.wait_for(lambda: b'"B"' in (self.dir / "rows").read_bytes())
        self.stop(process)
        lines = [json.loads(line) for line in (self.dir / "data/sensors.jsonl").read_text().splitlines()]
        self.assertEqual([line["identity"]["id"] for line in lines], ["A", "B"])
        (reload,) = [json.loads(line) for line in (self.dir / "data/agenda.jsonl").read_text().splitlines()]
        self.assertEqual((reload["reload"], reload["at"], reload["fleet_size"]), (1, lines[1]["valid_from"], 2))

    def wait_for(self, condition):
        until = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.05)


class StoppedOnAFullDisk(FleetTest):
    """It ends at once, counts what it could not write, and leaves whole lines."""

    def assert_stops(self, rows):
        for pace in ("max", 600):
            with self.subTest(pace=pace):
                shutil.rmtree(self.dir / "data", ignore_errors=True)
                if rows.is_file():
                    rows.unlink()
                process = self.start(*RUN, "--duration", "2d", "--speed", pace, "--sink", f"ndjson:{rows}", "--data-dir", "data", env=FAST)
                until = time.monotonic() + 60
                while "No space left on device" not in (self.dir / "stderr").read_text():
                    self.assertLess(time.monotonic(), until, self.printed())
                    time.sleep(0.05)
                asked = time.monotonic()
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(timeout=60), 1, self.printed())
                self.assertLess(time.monotonic() - asked, 20)
                summary = Summary((self.dir / "stdout").read_text())
                self.assertEqual(summary.due, summary.written + summary.missing + summary.lost)
                lines = rows.read_text().splitlines(keepends=True) if rows.is_file() else []
                self.assertEqual(([line for line in lines if not line.endswith("\n")], len(lines)), ([], summary.written))
                self.assertGreater(summary.lost, 0)
                self.assertIn("--resume" if rows.is_file() else "another --sink", summary.lines["again"])

    def test_a_device_without_space(self):
        self.assert_stops(Path("/dev/full"))

    @unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
    def test_a_small_disk(self):
        disk = mounts.SmallDisk(self.dir / "disk", 200)
        self.addCleanup(disk.close)
        self.assert_stops(disk.path / "rows")
        self.assertGreater((disk.path / "rows").stat().st_size, 0)

    @unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
    def test_it_goes_on_when_there_is_space(self):
        """As the summary says: what was lost lies behind the last line."""
        config = self.write("config.yaml", DISTURBED)
        for scheme, how in (*((scheme, ()) for scheme in FORMATS), ("ndjson", ("--config", config))):
            with self.subTest(scheme, how=how):
                self.go_on(scheme, *how)

    @unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
    def test_what_was_reloaded_cannot_go_on(self):
        """And the summary does not say that it could."""
        disk = mounts.SmallDisk(self.dir / "disk", 1_000)
        self.addCleanup(disk.close)
        same = ("--identities", self.write_identities([identity("A")]), "--sink", f"ndjson:{disk.path}/rows", "--data-dir", "data")
        process = self.start(*same, "--duration", 0, "--rate", 10, env=FAST | {"FLEET_SIM_CONFIG_RELOAD_CHECK_INTERVAL_SECONDS": "0.2"})
        self.wait_for(lambda: (disk.path / "rows").exists())
        self.write_identities([identity("A"), identity("B")])
        self.wait_for(lambda: b'"B"' in (disk.path / "rows").read_bytes())
        disk.fill()
        self.wait_for(lambda: "No space left on device" in (self.dir / "stderr").read_text())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 1, self.printed())
        self.assertIn("another --sink", Summary((self.dir / "stdout").read_text()).lines["again"])
        disk.make_room()
        self.assertIn("was reloaded", self.fleet_sim(*same, "--duration", 0, "--resume", code=2).stderr)

    def wait_for(self, condition):
        until = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.05)

    def go_on(self, scheme, *how):
        run = (*RUN, "--duration", "1h", *how, "--speed", "max")
        disk = mounts.SmallDisk(Path(tempfile.mkdtemp(dir=self.dir)) / "disk", 1_000)
        self.addCleanup(disk.close)
        into = ("--sink", f"{scheme}:{disk.path}/rows", "--data-dir", disk.path.parent / "data")
        process = self.start(*run, *into)
        self.wait_for(lambda: "No space left on device" in (self.dir / "stderr").read_text())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 1, self.printed())
        self.assertIn("--resume", Summary((self.dir / "stdout").read_text()).lines["again"])
        disk.grow(200_000)
        ran = self.fleet_sim(*run, *into, "--resume")
        self.assertGreater(ran.summary.found, 0)
        whole = disk.path.parent / "whole"
        self.fleet_sim(*run, "--data-dir", whole)
        expected = self.fleet_sim("export", whole, "--format", FORMATS[scheme]).stdout.splitlines()
        self.assertTrue(sorted((disk.path / "rows").read_text().splitlines()) == sorted(expected), "other rows")


@unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
class FullDisk(FleetTest):
    def test_it_waits_for_space_and_keeps_whole_lines(self):
        disk = mounts.SmallDisk(self.dir / "disk", 1_000)
        self.addCleanup(disk.close)
        rows = disk.path / "rows"
        process = self.start(*RUN, "--duration", "30m", "--speed", "max", "--sink", f"ndjson:{rows}", "--data-dir", "data",
                             env={"FLEET_SIM_DATABASE_PENDING_ROWS": "10000"})
        until = time.monotonic() + 60
        while "waiting for space on the disk" not in (self.dir / "stderr").read_text():
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.05)
        self.assertEqual(rows.read_bytes()[-1:], b"\n")
        disk.grow(200_000)
        self.assertEqual(process.wait(timeout=60), 0, self.printed())
        summary = Summary((self.dir / "stdout").read_text())
        read = [json.loads(line) for line in rows.read_text().splitlines()]
        self.assertEqual((len(read), summary.lost), (summary.written, 0))
        self.assertEqual(len({(one["sensor_id"], one["timestamp"]) for one in read}), len(read))


if __name__ == "__main__":
    main()
