#!/usr/bin/env python3
"""A run carries out its scenario: what the rows say, held against what a second model draws from the entries, the seed and the ids,
and against a run without any; in any partition, with any number of threads."""

import re
import sys

from fleet import *

sys.path.insert(0, str(SOURCE / "tests"))
from ground_truth import draw_block, hash_text, round_keys, uniform  # noqa: E402

SEED = 7
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = micros("2026-03-01T00:00:00.000000Z")


@functools.lru_cache(maxsize=None)
def stream(name):
    """The number of a stream of draws: its place in the enumeration."""
    header = (SOURCE / "engine" / "base" / "random.h").read_text(encoding="utf-8")
    names = re.search(r"enum class Stream : std::uint64_t \{([^}]*)\}", header)[1].replace(",", " ").split()
    return names.index(name)


class Reach:
    """When an entry reaches a sensor: in the first wave whose share exceeds U, and U2 of the spread later."""

    def __init__(self, name, waves=((0, 1),), spread=0, fails=0):
        self.name, self.waves, self.spread, self.share = hash_text(name), waves, spread, fails

    def draw(self, what, sensor, *turn):
        return [uniform(word) for word in
                draw_block(round_keys(SEED, hash_text(sensor)), stream(what), self.name, *turn)[:2]]

    def delay(self, sensor, turn=0):
        """None: it does not."""
        share = self.draw("scenario_reach", sensor)[0]
        after = next((delay for delay, least in self.waves if least > share), None)
        if after is None:
            return None
        return after + (int(self.draw("scenario_turn", sensor, turn)[0] * self.spread) if self.spread else 0)

    def fails(self, sensor, turn=0):
        return self.share > 0 and self.draw("scenario_turn", sensor, turn)[1] < self.share


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
