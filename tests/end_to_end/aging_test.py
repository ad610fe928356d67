#!/usr/bin/env python3
"""Parts that wear out, from the files alone: every reading against the formula, every row of ground truth against the readings,
and the same data from any threads, files and partitions, and after a kill."""

import sys
from collections import defaultdict
from contextlib import closing
from math import exp, inf

from pages import *

sys.path.insert(0, str(SOURCE / "tests"))
import ground_truth  # noqa: E402

# What nothing but age changes, so that each reading can be worked out from the events.
STILL = """\
types:
  loud:
    channels:
      bearing:   {base: 30}
      vibration: {scale: log, base: 2}
      voltage:   {base: 12}
    aging:
      wear: {every: 20d, life: {median: 6d, min: 2d, max: 15d}, terms: {bearing: 12, vibration: 4.5}, then: stuck}
  quiet:
    channels:
      bearing:   {base: 30}
      vibration: {scale: log, base: 2}
      voltage:   {base: 12}
    aging:
      wear: {every: 20d, life: {median: 6d, min: 2d, max: 15d}, terms: {bearing: 12, vibration: 4.5}, then: silent}
anomalies: {enabled: false}
"""
# Sources, faults and two parts at once.
LIVELY = """\
types:
  machine:
    sources:
      run:   {kind: load, duty: 0.6}
      warm:  {kind: lag, of: run, tau: 2h}
      level: {kind: noise, from: 1m, to: 8h}
    channels:
      bearing:   {base: 30, white: 0.05, terms: {warm: 18, level: 1}}
      vibration: {scale: log, base: 0.3, white: 0.02, terms: {run: 8.2}}
      load:      {base: 5, white: 0.1}
AGING
anomalies: {enabled: ENABLED, probability: 0.1}
"""
AGING = """\
    aging:
      wear: {every: 5d, life: {median: 30h, min: 10h, max: 60h}, terms: {bearing: 12, vibration: 4.5}, then: stuck}
      seal: {every: 3d, life: 40h, terms: {load: -2}}
"""
DAY = 86_400e6  # microseconds


class Interval:
    """A row of ground truth."""

    def __init__(self, row):
        self.name, started_at, ended_at, fails_at, self.readings = row
        self.onset, self.fails_at = micros(started_at), micros(fails_at)
        self.end = micros(ended_at) if ended_at else inf

    def holds(self, at):
        return self.onset <= at <= self.end

    def worn(self, at):
        x = min(1, max(0, (at - self.onset) / (self.fails_at - self.onset)))
        return (exp(4 * x) - 1) / (exp(4) - 1)


class Aging(FleetTest):
    def machines(self, count, kind="machine"):
        return [identity(f"{kind.upper()}_{n}", type=kind, location=f"Site {n % 3} - Hall") for n in range(count)]

    def intervals(self, data):
        """Of each sensor, in order."""
        found = defaultdict(list)
        for sensor, *row in query_all(self.dir / data, "SELECT sensor_id, scenario, started_at, ended_at, fails_at, readings_affected "
                                      "FROM anomaly_events WHERE anomaly_type = 'aging'"):
            found[sensor].append(Interval(row))
        return {sensor: sorted(some, key=lambda one: one.onset) for sensor, some in found.items()}

    def rows(self, data, columns):
        """Of each sensor, in order: (time, anomaly_flag, status_code, anomaly_type, values …)"""
        found = defaultdict(list)
        for sensor, at, *row in query_all(self.dir / data, "SELECT sensor_id, timestamp, anomaly_flag, status_code, anomaly_type, "
                                          f"{columns} FROM sensor_readings"):
            found[sensor].append((micros(at), *row))
        return {sensor: sorted(some) for sensor, some in found.items()}

    def lively(self, name, aging=AGING, enabled="true"):
        return self.write(name, LIVELY.replace("AGING\n", aging).replace("ENABLED", enabled))

    def test_readings_follow_the_formula(self):
        fleet = self.write_identities(self.machines(8, "loud") + self.machines(8, "quiet"))
        self.fill("data", "--config", self.write("still.yaml", STILL), "--interval", "1h", "--duration", "200d", identities=fleet)
        intervals, rows = self.intervals("data"), self.rows("data", "bearing, vibration, voltage")
        self.assertEqual(sorted(intervals), sorted(rows))
        lives = []
        for sensor, some in rows.items():
            for at, flag, status, kind, bearing, vibration, voltage in some:
                (interval,) = [one for one in intervals[sensor] if one.holds(at)] or (None,)
                g = interval.worn(at) if interval else 0
                has_failed = interval is not None and at >= interval.fails_at
                self.assertEqual((flag, status, kind), (1, 1, "aging") if has_failed else (0, 0, None), (sensor, at))
                self.assertAlmostEqual(bearing, 30 + 12 * g, delta=1e-9)
                self.assertAlmostEqual(vibration / (2 * 4.5 ** g), 1, delta=1e-12)
                self.assertEqual(voltage, 12)
                self.assertFalse(has_failed and sensor.startswith("QUIET"), "a silent sensor has no row")
            times = [row[0] for row in some]
            period = min(after - before for before, after in zip(times, times[1:]))
            self.assertEqual(period, 3_600e6)
            for one, after in zip(intervals[sensor], intervals[sensor][1:]):
                self.assertEqual(one.name, "wear")
                self.assertLess(one.fails_at, one.end)
                self.assertTrue(0 < after.onset - one.end <= 2 * DAY, "in the first tenth")
                lives.append((one.fails_at - one.onset) / DAY)
                # As many as are due, whether they are there or not.
                first = times[0] + -(-(max(one.onset, micros("2026-01-01T00:00:00.000000Z")) - times[0]) // period) * period
                self.assertEqual(one.readings, (one.end - first) // period + 1, sensor)
                there = sum(one.holds(at) for at in times)
                gone = sum(one.holds(first + k * period) and first + k * period >= one.fails_at for k in range(one.readings))
                self.assertEqual(one.readings, there + (gone if sensor.startswith("QUIET") else 0))
            self.assertGreaterEqual(len(intervals[sensor]), 9)
        self.assertTrue(all(2 <= life <= 15 for life in lives) and len(set(lives)) == len(lives) > 140, lives)
        self.assertAlmostEqual(sorted(lives)[len(lives) // 2], 6, delta=0.6)
        # A failure that the end of the run leaves open is a window, too, also of a sensor that has no rows since.
        windows = json.loads(self.fleet_sim("export", "data", "--labels").stdout)
        last = {file: max(row[0] for sensor, some in rows.items() if sensor.startswith(file) for row in some) for file in ("LOUD", "QUIET")}
        self.assertTrue(any(some[-1].end == inf and some[-1].fails_at <= last["QUIET"]
                            for sensor, some in intervals.items() if sensor.startswith("QUIET")))
        for sensor, some in intervals.items():
            ends = last[sensor.split("_")[0]]
            self.assertEqual(len(windows[sensor]), sum(one.fails_at <= ends for one in some), sensor)

    def test_age_is_all_that_differs_from_a_fleet_that_does_not(self):
        """The same sensors without aging and faults are what the channels would have read."""
        fleet = self.write_identities(self.machines(12))
        how = ("--interval", "10m", "--duration", "30d")
        self.fill("data", "--config", self.lively("worn.yaml"), *how, identities=fleet)
        self.fill("new", "--config", self.lively("new.yaml", "", "false"), *how, identities=fleet)
        intervals, rows, new = self.intervals("data"), self.rows("data", "bearing, vibration, load"), self.rows("new", "bearing, vibration, load")
        worn = failed = 0
        for sensor, some in rows.items():
            usual = {row[0]: row[4:] for row in new[sensor]}
            for at, flag, _, kind, *values in some:
                now = {one.name: one for one in intervals[sensor] if one.holds(at)}
                if kind == "aging":
                    failed += 1
                    self.assertGreaterEqual(at, now["wear"].fails_at)
                    self.assertTrue("seal" not in now or at < now["seal"].fails_at)
                elif not flag:
                    g, h = (now[name].worn(at) if name in now else 0 for name in ("wear", "seal"))
                    worn += g > 0
                    bearing, vibration, load = usual[at]
                    self.assertAlmostEqual(values[0], bearing + 12 * g, delta=1e-9)
                    self.assertAlmostEqual(values[1] / (vibration * 4.5 ** g), 1, delta=1e-12)
                    self.assertAlmostEqual(values[2], load - 2 * h, delta=1e-9)
        self.assertGreater(worn, 5_000)
        self.assertGreater(failed, 3_000)
        # One thing at a time: no fault outlasts a failure, or begins after it.
        faults = query_all(self.dir / "data", "SELECT sensor_id, started_at, coalesce(ended_at, '9') FROM anomaly_events "
                           "WHERE anomaly_type <> 'aging'")
        self.assertGreater(len(faults), 300)
        for sensor, started_at, ended_at in faults:
            for one in intervals[sensor]:
                self.assertTrue(micros(started_at) > one.end or ended_at == "9" or micros(ended_at) < one.fails_at, sensor)

    def test_the_same_from_any_threads_files_and_partitions_and_after_a_kill(self):
        fleet = self.write_identities(self.machines(12))
        how = ("--config", self.lively("worn.yaml"), "--interval", "5m", "--duration", "40d", "--seed", 7)
        self.fill("whole", *how, identities=fleet)
        whole = self.contents("whole")
        for name, more in (("threads", ("--threads", 4)), ("files", ("--shard-by", "sensor", "--writers", 3))):
            self.fill(name, *how, *more, identities=fleet)
            self.assertEqual(self.contents(name), whole, name)
        for k in (1, 2):
            self.fill(f"part{k}", *how, "--partition", f"{k}/2", identities=fleet)
        self.assertEqual(self.contents("part1", "part2"), whole)
        data = self.dir / "killed"
        arguments = ("--identities", fleet, "--data-dir", data, "--speed", "max", "--start", "2026-01-01", *how)
        process = self.start(*arguments)
        for rows in (3_000, 60_000):
            self.wait_for_rows(data, rows, process)
            process.kill()
            process.wait()
            process = self.start(*arguments, "--resume")
        self.assertEqual(process.wait(timeout=120), 0, self.printed())
        self.assertEqual(self.contents("killed"), whole)

    def test_a_sensor_that_comes_back_within_an_interval(self):
        """Its stays are events of the same onset. A resumed run tells them apart, wherever it was stopped."""
        aging = "    aging:\n      wear: {every: 60d, life: {median: 50d, min: 40d, max: 54d}, terms: {bearing: 12}, then: stuck}\n"
        fleet, how = self.write_identities(self.machines(2)), ("--interval", "1h", "--duration", "5h", "--seed", 7)
        self.fill("data", "--config", self.lively("worn.yaml", aging, "false"), *how, identities=fleet)
        self.fill("new", "--config", self.lively("new.yaml", "", "false"), *how, identities=fleet)
        times = [row[0] for row in self.rows("data", "load")["MACHINE_0"]]
        left, back = (ground_truth.timestamp(times[1] + minutes * 60 * SECOND) for minutes in (5, 50))
        (path,) = shards(self.dir / "data")
        with closing(connect(path)) as shard:
            ((run, config, lines),) = shard.execute("SELECT run_info.run_id, config, identities FROM run_info, run_identities").fetchall()
            (line,) = (line + "\n" for line in lines.splitlines() if "MACHINE_0" in line)
            shard.execute("CREATE TABLE run_reloads (run_id TEXT NOT NULL, number INTEGER NOT NULL, at TEXT NOT NULL, changes "
                          "TEXT NOT NULL, fleet_size INTEGER NOT NULL, config TEXT NOT NULL, config_hash TEXT NOT NULL, "
                          "fleet_hash TEXT NOT NULL, PRIMARY KEY (run_id, number, at))")
            for number, at, joins, leaves in ((1, left, "", line), (2, back, line, "")):
                shard.execute("INSERT INTO run_reloads VALUES (?, ?, ?, 'fleet', ?, ?, '', '')", (run, number, at, number, config))
                shard.execute("INSERT INTO run_identities VALUES (?, ?, ?, 0, ?, ?)", (run, number, at, joins, leaves))
            shard.execute("DELETE FROM sensor_readings")
            shard.execute("DELETE FROM anomaly_events")
        resume = ("--resume", "--data-dir", "data", "--speed", "max", "--duration", "5h")
        self.fleet_sim(*resume)
        whole = self.contents("data")
        stays = [event[1:3] for event in whole[1] if event[0] == "MACHINE_0"]
        self.assertEqual(len(stays), 2)
        self.assertEqual(stays[0][0], stays[1][0])
        self.assertEqual(ground_truth.inspect(self.dir / "data", clean=self.dir / "new")[0], [])
        second = "DELETE FROM anomaly_events WHERE id = (SELECT max(id) FROM anomaly_events WHERE sensor_id = 'MACHINE_0')"
        cuts = {"before it reads again": ("timestamp > ?", back, second), "before it left": ("timestamp > ?", left, second),
                "before it left, with both events": ("timestamp > ?", left, "SELECT 1")}
        for name, (condition, at, events) in cuts.items():
            with self.subTest(name):
                with closing(connect(path)) as shard:
                    shard.execute(f"DELETE FROM sensor_readings WHERE {condition}", (at,))
                    shard.execute(events)
                self.fleet_sim(*resume)
                self.assertEqual(self.contents("data"), whole)

    def contents(self, *folders):
        return [sorted(row for folder in folders for row in query_all(self.dir / folder, sql)) for sql in (
            "SELECT sensor_id, timestamp, bearing, vibration, load, coalesce(anomaly_type, '') FROM sensor_readings",
            "SELECT sensor_id, started_at, coalesce(ended_at, ''), anomaly_type, readings_affected, coalesce(scenario, ''), "
            "coalesce(fails_at, ''), cause FROM anomaly_events")]

    def test_explain_says_when_a_sensor_fails(self):
        fleet = self.write_identities(self.machines(1))
        config = self.lively("worn.yaml")
        how = ("MACHINE_0", "--identities", fleet, "--config", config)
        explained = json.loads(self.fleet_sim("explain", *how, "--seed", 7, "--json").stdout)["aging"]
        self.assertEqual(list(explained), ["wear", "seal"])
        wear = explained["wear"]
        self.assertEqual((wear["every_seconds"], wear["terms"], wear["then"]), (5 * 86_400, {"bearing": 12.0, "vibration": 4.5}, "stuck"))
        now = wear["now"]
        self.assertTrue(now["begins"] < now["onset"] < now["fails_at"] < now["ends"], now)
        start = now["begins"][:19] + "Z"
        self.fill("data", "--config", config, "--interval", "1h", "--duration", "6d", "--seed", 7, "--start", start, identities=fleet)
        found = {(one.name, one.onset, one.fails_at) for one in self.intervals("data")["MACHINE_0"]}
        self.assertIn(("wear", micros(now["onset"]), micros(now["fails_at"])), found)
        text = self.fleet_sim("explain", *how, "--seed", 7).stdout
        self.assertIn(f"fails at {now['fails_at'][:19]}Z", text)
        self.assertIn("12 on bearing, × 4.5 on vibration", text)
        self.assertIn("with --seed, this says when the sensor fails", self.fleet_sim("explain", *how).stdout)

    def test_a_bad_aging_is_refused(self):
        config = self.write("bad.yaml", self.lively("worn.yaml").read_text().replace("life: 40h", "life: 70h"))
        said = self.fleet_sim("check", "--config", config, "--identities", self.write_identities(self.machines(1)), code=2).stderr
        self.assertIn("bad.yaml:13: types.machine.aging.seal.life must be at most nine tenths of 'every'", said)


class Training(PageTest):
    def test_the_page_trains_a_model(self):
        """Its commands and its program as they stand, but for two years instead of thirty."""
        text = section("A model of the remaining life", "configs/types/README.md")
        (_, commands), (_, program), (_, printed) = FENCE.findall(text)
        self.assertIn(" --duration 10950d ", commands)
        self.run_snippet(["bash", "-eu"], commands.replace(" --duration 10950d ", " --duration 730d "), timeout=300)
        self.assertGreater(len((self.dir / "life.csv").read_text().splitlines()), 200 * 23)
        said, complaints = self.run_snippet([python_with_pandas(), "-"], program)
        self.assertEqual(complaints, "")
        pattern = re.sub(r"[\d.]+", r"([\\d.]+)", printed.replace("(", "\\("))
        self.assertRegex(said, f"^{pattern}$")
        (readings, error, guess), (soon, soon_guess) = (map(float, re.findall(r"[\d.]+", line)) for line in said.splitlines())
        self.assertGreater(readings, 20_000)
        self.assertLess(error, 0.85 * guess)
        self.assertLess(soon, 0.5 * soon_guess)


if __name__ == "__main__":
    main()
