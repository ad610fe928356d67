#!/usr/bin/env python3
"""A run carries out its scenario: what the rows say, held against what a second model draws from the entries, the seed and the ids,
and against a run without any; in any partition, with any number of threads."""

import csv
import io
import math
import random
import sys
from datetime import datetime, timezone

from fleet import *

sys.path.insert(0, str(SOURCE / "tests"))
from ground_truth import hash_text, mix_words, uniform  # noqa: E402

SEED = 7
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = micros("2026-03-01T00:00:00.000000Z")


class Reach:
    """When an entry reaches a sensor: in the first wave whose share exceeds U, and U2 of the spread later."""

    def __init__(self, name, waves=((0, 1),), spread=0, fails=0):
        self.key, self.waves, self.spread, self.share = mix_words(SEED, hash_text(name)), waves, spread, fails

    def word(self, sensor, turn):
        return mix_words(mix_words(self.key, hash_text(sensor)), turn)

    def delay(self, sensor, turn=0):
        """None: it does not."""
        share = uniform(mix_words(self.key, hash_text(sensor)))
        after = next((delay for delay, least in self.waves if least > share), None)
        if after is None:
            return None
        return after + int(uniform(self.word(sensor, turn)) * self.spread)

    def fails(self, sensor, turn=0):
        return uniform(mix_words(self.word(sensor, turn), self.key)) < self.share


class ScenarioTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.ids = [f"S{n}" for n in range(60)]
        self.fleet = self.write_identities([
            identity(name, location=f"Factory {'AB'[n % 2]} - Line {n % 3}", firmware_version="1.3" if n % 4 else "1.4")
            for n, name in enumerate(self.ids)])

    def run_scenario(self, entries, *arguments, data="data", config="", **options):
        text = config + ("scenario:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries) if entries else "")
        return self.fill(data, "--config", self.write("scenario.yaml", text or "{}\n"), "--start", "2026-03-01", "--interval", "5m",
                         "--duration", "3d", "--quiet", *arguments, identities=self.fleet, **options)

    def rows(self, data="data"):
        """By sensor: due after the start, and the rest of the row."""
        found = {name: [] for name in self.ids}
        columns = "sensor_id, timestamp, firmware_version, model, manufacturer, location, temperature, vibration, voltage, anomaly_type"
        for name, at, *rest in query_all(self.dir / data, f"SELECT {columns} FROM sensor_readings ORDER BY timestamp"):
            found[name].append((micros(at) - START, *rest))
        return found

    def plain(self):
        self.run_scenario([], data="plain")
        return self.rows("plain")

    def assert_balanced_with_silence(self, summary, data="data"):
        self.assertEqual(summary.due, summary.written + summary.missing + summary.silent)
        self.assertEqual(summary.written, total(self.dir / data, "SELECT count(*) FROM sensor_readings"))

    def test_silence_takes_rows_and_changes_no_other(self):
        ran = self.run_scenario(["name: out, at: +1d, for: 90m, where: {site: Factory A}, silence: true"])
        plain, rows = self.plain(), self.rows()
        for n, name in enumerate(self.ids):
            expected = [row for row in plain[name] if n % 2 or not DAY <= row[0] < DAY + 90 * MINUTE]
            self.assertEqual(rows[name], expected, name)
        self.assertEqual(ran.summary.silent, 30 * 18)
        self.assert_balanced_with_silence(ran.summary)

    def test_a_rollout_reaches_whom_a_second_model_draws_and_is_rolled_back(self):
        ran = self.run_scenario([
            "name: rollout, at: +12h, where: {firmware_version: '1.3'}, set: {firmware_version: '1.4'}, "
            "waves: {0d: 10%, 1d: 60%, 2d: 100%}, spread: 4h, silent_for: 20m, fails: 20%",
            "name: rollback, at: +2d, where: {event: rollout}, set: {firmware_version: '1.3', model: Old}, spread: 1h"])
        there = Reach("rollout", ((0, 0.1), (DAY, 0.6), (2 * DAY, 1)), 4 * HOUR, 0.2)
        back = Reach("rollback", spread=HOUR)
        plain, rows = self.plain(), self.rows()
        silent = updated = failed = 0
        for n, name in enumerate(self.ids):
            at = 12 * HOUR + there.delay(name) if n % 4 else None
            if at is None or at > 2 * DAY:
                self.assertEqual(rows[name], plain[name], name)
                continue
            returns = 2 * DAY + back.delay(name)
            firmware = "1.3" if there.fails(name) else "1.4"
            failed += there.fails(name)
            updated += not there.fails(name)
            self.assertEqual([row for row in rows[name] if row[0] < at], [row for row in plain[name] if row[0] < at])
            for due, version, model, *_ in rows[name]:
                self.assertFalse(at <= due < at + 20 * MINUTE, name)
                self.assertEqual(version, firmware if at <= due < returns else "1.3", (name, due))
                self.assertEqual(model, "Old" if due >= returns else "TempVibe-2000")
            silent += 4
        self.assertGreater(min(updated, failed), 3)
        self.assertAlmostEqual(ran.summary.silent, silent, delta=silent / 4)
        self.assert_balanced_with_silence(ran.summary)

    def test_new_firmware_reads_as_a_sensor_that_always_had_it(self):
        self.run_scenario(["name: up, at: +1d, set: {firmware_version: '1.4'}"], config="anomalies: {enabled: false}\n")
        self.fleet = self.write_identities([identity(name, location=f"Factory {'AB'[n % 2]} - Line {n % 3}")
                                            for n, name in enumerate(self.ids)])
        self.run_scenario([], data="always", config="anomalies: {enabled: false}\n")
        rows, always = self.rows(), self.rows("always")
        for name in self.ids:
            self.assertEqual([row for row in rows[name] if row[0] >= DAY], [row for row in always[name] if row[0] >= DAY])

    def test_sensors_join_and_leave_where_a_second_model_says(self):
        ran = self.run_scenario(["name: come, at: +6h, where: {id: 'S*1'}, join: true, waves: {0d: 50%, 1d: 100%}, spread: 6h",
                                 "name: go, at: +2d, where: {site: Factory B}, leave: true, spread: 12h"])
        come, go = Reach("come", ((0, 0.5), (DAY, 1)), 6 * HOUR), Reach("go", spread=12 * HOUR)
        plain, rows = self.plain(), self.rows()
        for n, name in enumerate(self.ids):
            joins = 6 * HOUR + come.delay(name) if n % 10 == 1 else 0
            leaves = 2 * DAY + go.delay(name) if n % 2 else 3 * DAY
            expected = [row[0] for row in plain[name] if joins <= row[0] < leaves]
            taken = {row[0] for row in plain[name]} ^ {row[0] for row in rows[name]}
            self.assertLessEqual(len(set(expected) ^ {row[0] for row in rows[name]}), 12, name)  # gaps of anomalies
            self.assertTrue(all(joins <= row[0] < leaves for row in rows[name]), name)
            self.assertTrue(n % 2 or n % 10 == 1 or not taken, name)
        self.assert_balanced_with_silence(ran.summary)

    def test_what_is_added_comes_and_goes_and_is_no_anomaly(self):
        config = "anomalies: {enabled: false}\nnormal_parameters: {temperature: {max: 100}, voltage: {max: 20}}\n"
        self.run_scenario(["name: heat, at: +6h, for: 12h, fade: 3h, where: {site: Factory A}, add: {temperature: 6, voltage: 0.1}"],
                          config=config)
        self.run_scenario([], data="plain", config=config)
        plain, rows = self.rows("plain"), self.rows()
        for n, name in enumerate(self.ids):
            for was, now in zip(plain[name], rows[name], strict=True):
                into = min(was[0] - 6 * HOUR, 18 * HOUR - was[0]) / (3 * HOUR)
                share = 0 if n % 2 or into <= 0 else 1 if into >= 1 else 0.5 - 0.5 * math.cos(math.pi * into)
                self.assertAlmostEqual(now[5] - was[5], 6 * share, delta=1e-3)
                self.assertAlmostEqual(now[7] - was[7], 0.1 * share, delta=1e-3)
                self.assertEqual(now[6], was[6])
        clean = csv.DictReader(io.StringIO(self.fleet_sim("export", "data", "--clean").stdout))
        self.assertEqual([row for row in clean if row["temperature"] != row["clean_temperature"]], [])

    def test_faults_begin_and_resets_end(self):
        self.run_scenario(["name: bearing, at: +1d, for: 10h, where: {id: S1*}, spread: 6h, fault: {type: trend}",
                           "name: service, at: +30h, where: {id: S11}, reset: [trend], silent_for: 1h"])
        bearing = Reach("bearing", spread=6 * HOUR)
        events = {name: (micros(at) - START, micros(end) - START, kind, entry) for name, at, end, kind, entry in query_all(
            self.dir / "data", "SELECT sensor_id, started_at, ended_at, anomaly_type, scenario FROM anomaly_events WHERE cause = 'scenario'")}
        self.assertEqual(sorted(events), sorted(name for name in self.ids if name.startswith("S1")))
        for name, event in events.items():
            at = DAY + bearing.delay(name)
            end = min(at + 10 * HOUR, 30 * HOUR if name == "S11" else at + 10 * HOUR)
            self.assertEqual(event, (at, end - 1, "trend", "bearing"))
            marked = {row[0] for row in self.rows()[name] if row[8] == "trend" and at <= row[0] < end}
            self.assertEqual(marked, {row[0] for row in self.rows()[name] if at <= row[0] < end})
        self.assertEqual([row for row in self.rows()["S11"] if 30 * HOUR <= row[0] < 31 * HOUR], [])

    def test_a_reset_begins_a_new_service_interval(self):
        kind = ("types:\n  pump:\n    sources: {flow: {kind: noise, from: 10m, to: 8h}}\n    channels: {flow: {base: 50, terms: {flow: 2}}}\n"
                "    aging: {wear: {every: 30d, life: {median: 15d, min: 10d, max: 20d}, then: silent, terms: {flow: -20}}}\n")
        self.fleet = self.write_identities([identity(name, type="pump") for name in self.ids])
        self.run_scenario(["name: service, at: +1d, reset: [wear]"], "--duration", "40d", "--interval", "1h", config=kind)
        found = [(micros(onset) - START, micros(end) - START if end else None) for onset, end in query_all(
            self.dir / "data", "SELECT started_at, ended_at FROM anomaly_events WHERE anomaly_type = 'aging' ORDER BY started_at")]
        before = [end for onset, end in found if onset < DAY]
        self.assertGreater(len(before), 20)
        self.assertEqual(set(before), {DAY - 1})
        after = sorted(onset for onset, _ in found if onset >= DAY)
        self.assertEqual(len([onset for onset in after if onset < 4 * DAY]), 60)  # the first tenth of 30 days
        self.assertEqual(len([onset for onset in after if 4 * DAY <= onset < 31 * DAY]), 0)
        self.assertEqual({end for onset, end in found if DAY <= onset < 4 * DAY}, {31 * DAY - 1})

    def test_fleet_events_tell_whom_entries_reached(self):
        self.run_scenario(["name: up, at: +1d, where: {site: Factory B}, set: {firmware_version: '1.5'}, waves: {0d: 40%}, spread: 9h, "
                           "fails: 30%, silent_for: 1h", "name: out, at: +1h, every: 1d, for: 20m, where: {id: S7}, silence: true",
                           "name: end, at: +71.9h, where: {id: S9}, leave: true"])
        up = Reach("up", ((0, 0.4),), 9 * HOUR, 0.3)
        told = {(name, sensor, micros(at) - START): tuple(rest) for name, sensor, at, *rest in query_all(
            self.dir / "data", "SELECT name, sensor_id, started_at, verb, what, ended_at, silent_until, failed FROM fleet_events")}
        def text(at):
            return datetime.fromtimestamp((START + at) / 1e6, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{(START + at) % SECOND:06}Z"
        expected = {("up", name, DAY + up.delay(name)): ("set", "{firmware_version: 1.5}", None, text(DAY + up.delay(name) + HOUR - 1),
                                                         int(up.fails(name)))
                    for n, name in enumerate(self.ids) if n % 2 and up.delay(name) is not None}
        for day in range(3):
            at = day * DAY + HOUR
            expected["out", "S7", at] = ("silence", "true", text(at + 20 * MINUTE - 1), None, 0)
        expected["end", "S9", 719 * HOUR // 10] = ("leave", "true", None, None, 0)
        self.assertEqual(told, expected)
        digest = self.digest("data")
        self.assertEqual(digest["fleet_events"], len(expected))
        subprocess.run([sys.executable, "-B", SOURCE / "scripts" / "collect", "data", "--into", "central.sqlite"], cwd=self.dir, check=True,
                       capture_output=True)
        central = self.digest("central.sqlite")
        self.assertEqual((central["digest"], central["fleet_events"]), (digest["digest"], len(expected)))

    def test_killed_and_resumed_as_if_nothing_had_been(self):
        entries = ["name: up, at: +6h, where: {firmware_version: '1.3'}, set: {firmware_version: '1.5'}, waves: {0d: 30%, 1d: 90%}, "
                   "spread: 9h, silent_for: 40m, fails: 10%",
                   "name: back, at: +40h, where: {event: up}, set: {firmware_version: '1.3', location: Elsewhere}, spread: 5h",
                   "name: out, at: +5h, every: 6h, for: 70m, where: {location: 'Fact*'}, silence: true, spread: 1h, waves: {0d: 40%}",
                   "name: come, at: +1h, where: {id: 'S*1'}, join: true, spread: 2d",
                   "name: go, at: +20h, where: {id: 'S*2'}, leave: true, waves: {0d: 50%}, spread: 1d",
                   "name: again, at: +50h, where: {event: go}, join: true, spread: 6h",
                   "name: heat, at: +6h, for: 2d, fade: 6h, where: {site: Factory A}, add: {temperature: 6}, spread: 3h",
                   "name: flt, at: +20h, every: 13h, for: 5h, waves: {0d: 30%}, spread: 6h, fault: {type: stuck}",
                   "name: rst, at: +25h, every: 17h, reset: [stuck, trend, noise], spread: 3h, silent_for: 20m"]
        often = "database: {batch_size: 20, flush_interval_ms: 10}\n"
        began = time.monotonic()
        self.run_scenario(entries, config=often, data="whole")
        took = time.monotonic() - began
        whole = self.digest("whole")
        for seed in range(20 if AT_LENGTH else 2):
            draw = random.Random(seed)
            for how in [(), *[("--resume",)] * draw.randint(1, 2)]:
                process = self.start("--config", "scenario.yaml", "--start", "2026-03-01", "--interval", "5m", "--duration", "3d",
                                     "--identities", self.fleet, "--speed", "max", "--seed", SEED, "--data-dir", "data", "--shard-by",
                                     "hash:3", *how)
                time.sleep(draw.uniform(0.1, 0.8) * took)
                process.kill()
                process.wait()
            self.fleet_sim("--config", "scenario.yaml", "--identities", self.fleet, "--speed", "max", "--data-dir", "data",
                           "--shard-by", "hash:3", "--interval", "5m", "--duration", "3d", "--resume")
            found = self.digest("data")
            for figure in ("digest", "readings", "events", "fleet_events"):
                self.assertEqual(found[figure], whole[figure], (seed, figure))
            shutil.rmtree(self.dir / "data")

    def test_partitions_and_threads_have_the_same_rows(self):
        entries = ["name: up, at: +12h, where: {id: 'S*[!1]*'}, set: {firmware_version: '1.5'}, waves: {0d: 30%, 1d: 90%}, spread: 9h",
                   "name: up2, at: +1d, where: {id: '*'}, set: {firmware_version: '1.5', location: Elsewhere}, waves: {0d: 30%}, spread: 9h",
                   "name: out, at: +30h, every: 6h, for: 20m, where: {location: 'Else*'}, silence: true, spread: 1h",
                   "name: come, at: +1h, where: {id: 'S*3'}, join: true, spread: 2d",
                   "name: go, at: +40h, where: {firmware_version: '1.5'}, leave: true, waves: {0d: 20%}"]
        self.run_scenario(entries)
        whole = self.readings(self.dir / "data")
        parts = []
        for part in ("1/2", "2/2"):
            self.run_scenario(entries, "--partition", part, "--threads", 3, "--shard-by", "hash:3", data=f"part{part[0]}")
            parts += self.readings(self.dir / f"part{part[0]}")
        self.assertEqual(sorted(parts, key=repr), whole)
        self.assertGreater(len({row[8] for row in whole}), 2)

    def test_what_cannot_be_is_refused_before_anything_is_written(self):
        ran = self.run_scenario(["name: up, at: +1h, set: {firmware_version: '1.5'}"], "--shard-by", "firmware", code=2)
        self.assertIn("scenario.up.set would move sensors between files, which are chosen by firmware", ran.stderr)
        ran = self.run_scenario(["name: up, at: 2026-02-01, leave: true"], code=2)
        self.assertIn("is before the run starts", ran.stderr)
        self.assert_nothing_written("fleet.jsonl", "scenario.yaml")


if __name__ == "__main__":
    main()
