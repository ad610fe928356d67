#!/usr/bin/env python3
"""What sensors of declared types read is a function of seed, sensor and time: the same rows at any rate, from any start,
with any threads, writers, files and partitions, and after a kill. The types are random, by seed."""

import random

from fleet import *
from random_types import random_type

BEGIN = "2026-01-05T05:59:00Z"  # a minute before schedules open
INTERVALS = ("1s", "7s", "1m")
NOT_THE_READING = ("id", "synced")
ALIGNED = {"FLEET_SIM_SIMULATION_PHASE": "aligned"}  # otherwise sensors are read so long after the start of the run


class Purity(FleetTest):
    SENSORS = 24

    def make_fleet(self, seed, anomalies=False):
        """Of four random types, at several rates, in two sites of two halls each."""
        rng = random.Random(seed)
        types = {f"t{i}": random_type(rng) for i in range(4)}
        self.config = self.write("types.yaml", json.dumps({"types": types, "anomalies": {"enabled": anomalies, "probability": 0.05},
                                                           "database": {"flush_interval_ms": 50}}))
        self.fleet = self.write_identities([
            identity(f"S{i:02}", type=f"t{i % 4}", location=f"Site {i % 2} - Hall {i // 2 % 2}", interval=INTERVALS[i % 3])
            for i in range(self.SENSORS)])

    def arguments(self, data, start=BEGIN, duration="5m"):
        return ("--identities", self.fleet, "--config", self.config, "--data-dir", data, "--seed", 7, "--speed", "max",
                "--start", start, "--duration", duration)

    def filled(self, data, *arguments, env=None, **options):
        self.fleet_sim(*self.arguments(data, **options), *arguments, env=env)
        return self.rows(data)

    def rows(self, *folders):
        """Everything of each reading, by sensor and time, whatever file it is in."""
        rows = {}
        for path in (path for folder in folders for path in shards(self.dir / folder)):
            connection = connect(path)
            connection.row_factory = sqlite3.Row
            for row in connection.execute("SELECT * FROM sensor_readings"):
                key = row["sensor_id"], row["timestamp"]
                self.assertNotIn(key, rows)
                rows[key] = {name: row[name] for name in row.keys() if name not in NOT_THE_READING}
            connection.close()
        return rows

    def assert_part(self, part, whole):
        self.assertGreater(len(part), 50)
        self.assertEqual(part, {key: whole[key] for key in part})

    def test_any_threads_writers_and_files(self):
        for seed in range(3):
            with self.subTest(seed=seed):
                self.make_fleet(seed)
                whole = self.filled(f"whole{seed}", "--threads", 1)
                self.assertGreater(len(whole), 2_000)
                for name, how in (("threads", ("--threads", 8)), ("files", ("--shard-by", "sensor", "--writers", 3)),
                                  ("places", ("--threads", 3, "--shard-by", "location"))):
                    self.assertEqual(self.filled(f"{name}{seed}", *how), whole)

    def test_partitions_make_up_the_whole(self):
        self.make_fleet(3)
        whole = self.filled("whole")
        parts = [f"part{k}" for k in (1, 2, 3)]
        for k, part in enumerate(parts):
            self.filled(part, "--partition", f"{k + 1}/3")
        self.assertEqual(self.rows(*parts), whole)

    def test_any_start(self):
        """A run that begins later has the last rows of one that began earlier."""
        for seed in (4, 5):
            self.make_fleet(seed)
            whole = self.filled(f"whole{seed}", env=ALIGNED)
            for start in ("2026-01-05T06:00:03.7Z", "2026-01-05T06:02:00Z"):
                late = self.filled(f"late{seed}{start[14:]}", start=start, duration="1m", env=ALIGNED)
                self.assert_part(late, whole)

    def test_any_rate(self):
        """Read at the same moments, whether it is read in between or not."""
        for seed in (6, 7):
            self.make_fleet(seed)
            text = self.fleet.read_text(encoding="utf-8")
            rows = {}
            for name, intervals in (("often", {"7s": "1s", "1m": "1s"}), ("seldom", {"1s": "10s", "7s": "35s"})):
                changed = text
                for before, after in intervals.items():
                    changed = changed.replace(f'"interval": "{before}"', f'"interval": "{after}"')
                self.fleet.write_text(changed, encoding="utf-8")
                rows[name] = self.filled(f"{name}{seed}", env=ALIGNED)
            self.assert_part(rows["seldom"], rows["often"])

    def test_a_run_that_is_killed_and_resumed(self):
        """With anomalies, which take rows away."""
        for seed in (8, 9):
            self.make_fleet(seed, anomalies=True)
            length = ("--duration", "2h")
            self.fleet_sim(*self.arguments(f"whole{seed}"), *length)
            whole = self.rows(f"whole{seed}")
            data = self.dir / f"data{seed}"
            process = self.start(*self.arguments(data), *length)
            for rows in (100, 20_000):
                self.wait_for_rows(data, rows, process, files=4)
                process.kill()
                process.wait()
                process = self.start(*self.arguments(data), *length, "--resume")
            self.assertEqual(process.wait(timeout=60), 0, self.printed())
            self.assert_sound(data)
            self.assertEqual(self.rows(data), whole)


if __name__ == "__main__":
    main()
