#!/usr/bin/env python3
"""Random fleets under random configs: the same data however it is produced.

Each case draws a fleet and a config from its number, fills a directory in the plainest way (one thread, one writer, one
file, as fast as it goes), and then again with threads, writers, a sharding, partitions, a pace and interruptions of its
own. FLEET_SIM_CASES sets how many cases there are, FLEET_SIM_CASE runs a single one again.
"""

import random

from fleet import *

CASES = int(os.environ.get("FLEET_SIM_CASES", 8))
SHARDINGS = ("none", "sensor", "location", "site", "manufacturer", "model", "firmware", "hash:1", "hash:5")


class Case:
    def __init__(self, number):
        self.draw = random.Random(number)
        draw = self.draw
        self.sensors = draw.choice((1, 2, 17, 150, 400))
        rates = [round(10 ** draw.uniform(-2, 1.3), draw.randint(2, 6)) for _ in range(draw.randint(1, 4))]
        self.fleet = [self.identity(i, rates) for i in range(self.sensors)]
        self.seconds = round(draw.uniform(5, 30_000 / sum(one.get("readings_per_second", rates[0]) for one in self.fleet)
                                          + 5), 3)
        self.rate = rates[0]
        self.config = self.some_config()
        self.seed = draw.randrange(2 ** 63)
        self.start = draw.choice(("2026-01-01", "1999-12-31T23:59:58.123456Z", "2026-03-29T01:30:00+02:00"))

    def identity(self, i, rates):
        draw = self.draw
        more = {"readings_per_second": draw.choice(rates)} if draw.random() < 0.7 else {}
        if draw.random() < 0.1:
            more["normal_parameters"] = {"temperature": {"mean": draw.uniform(-10, 200), "min": -50, "max": 250}}
        return identity(f"s {i} \u00b0{draw.randrange(10 ** 6)}", model=draw.choice(("TempVibe-1000", "TempVibe-3000", "X")),
                        manufacturer=draw.choice(("SensorTech", "DataSense", "VibrationPlus")),
                        firmware_version=draw.choice(("1.3", "1.3.0", "1.4", "9")),
                        location=draw.choice(("Factory A - Line 1", "Warehouse - Dock", "Outdoor - Roof", "Lab / 3")), **more)

    def some_config(self):
        draw = self.draw
        types = {kind: {"weight": round(draw.uniform(0.01, 1), 3), "duration_seconds": round(10 ** draw.uniform(-1, 2), 3)}
                 for kind in ("spike", "trend", "pattern", "missing_data", "noise")}
        return {"anomalies": {"probability": round(draw.uniform(0, 0.9), 3), "basis": draw.choice(("reading", "event")),
                              "types": types},
                "clock": {"utc_offset": draw.choice(("UTC", "+05:30", "-03:00"))},
                "behaviors": {"model": {"X": {"severity": round(draw.uniform(0, 3), 3)}}}}

    def how(self):
        """Arguments that must not matter."""
        draw = self.draw
        small = {"database": {"batch_size": draw.choice((1, 7, 5000)), "flush_interval_ms": draw.choice((1, 50, 1000)),
                              "pending_rows": draw.choice((20, 100_000)), "max_open_shards": draw.choice((0, 3))}}
        return small, ("--threads", draw.randint(1, 8), "--writers", draw.randint(1, 4), "--shard-by", draw.choice(SHARDINGS),
                       "--speed", draw.choice(("max", "max", min(round(self.seconds / 0.5, 6), 1_000_000))))


class Reproducibility(FleetTest):
    def test_random_cases(self):
        only = os.environ.get("FLEET_SIM_CASE")
        for number in [int(only)] if only else range(CASES):
            with self.subTest(case=number):
                self.check(Case(number), self.dir / str(number))

    def check(self, case, folder):
        folder.mkdir()
        fleet = self.write_identities(case.fleet, folder / "fleet.jsonl")
        same = ("--identities", fleet, "--rate", case.rate, "--seed", case.seed, "--start", case.start, "--duration",
                case.seconds)
        plain = self.write(folder / "plain.yaml", json.dumps(case.config))
        self.fleet_sim(*same, "--config", plain, "--data-dir", folder / "plain", "--speed", "max", "--threads", 1)
        expected = self.counted(folder / "plain")
        self.check_otherwise(case, folder, same, expected)
        self.check_partitions(case, folder, same, expected)
        self.check_interrupted(case, folder, same, expected)

    def written_how(self, case, folder):
        database, arguments = case.how()
        config = self.write(folder / f"{case.draw.random()}.yaml", json.dumps({**case.config, **database}))
        return "--config", config, *arguments

    def check_otherwise(self, case, folder, same, expected):
        how = self.written_how(case, folder)
        self.fleet_sim(*same, *how, "--data-dir", folder / "otherwise")
        self.assertEqual(self.counted(folder / "otherwise"), expected, how)

    def check_partitions(self, case, folder, same, expected):
        how = self.written_how(case, folder)
        parts = case.draw.randint(2, 5)
        for k in range(1, parts + 1):
            # A partition into which no sensor falls says so.
            ran = subprocess.run([EXECUTABLE, *map(str, (*same, *how, "--data-dir", folder / "parts", "--partition",
                                                         f"{k}/{parts}"))], cwd=self.dir, env=environment(),
                                 capture_output=True, text=True, timeout=150)
            self.assertTrue(ran.returncode == 0 or "has no sensors" in ran.stderr, ran.stderr)
        self.assertEqual(self.counted(folder / "parts"), expected, how)

    def check_interrupted(self, case, folder, same, expected):
        how = self.written_how(case, folder)
        data = folder / "interrupted"
        for attempt in range(3):
            process = self.start(*same, *how, "--data-dir", data, "--resume")
            time.sleep(case.draw.uniform(0.005, 0.3))  # whatever it has come to by then
            process.send_signal(case.draw.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGINT)))
            process.wait(timeout=60)
        self.fleet_sim(*same, *how, "--data-dir", data, "--resume")
        self.assertEqual(self.counted(data), expected, how)
        self.assert_sound(data)


if __name__ == "__main__":
    main()
