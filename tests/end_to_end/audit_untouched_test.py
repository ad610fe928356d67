#!/usr/bin/env python3
"""An audit of a run that nothing happened to finds nothing: whatever its fleet, types, scenario and delivery, whatever happened to the run
itself, and in whatever order and form its rows come."""

import audited
import resume_reload_test
import scenario_resume_test
from audited import *
from random_types import random_type

SEEDS = range(200 if AT_LENGTH else 8)
START = "2026-01-05T05:59:00Z"
PLACES = ("Factory A - Line 1", "Factory A - Line 2", "Warehouse - Dock", "Outdoor - Roof")
OF_BUILT_IN = {"heat"}  # entries that are about channels of the built-in type
HOLD = {"name": "held", "at": "+20s", "for": "1m", "where": {"id": "S?"}, "spread": "20s", "deliver": {"hold": True, "drain": 3}}


class RandomRuns(AuditTest):
    """Everything that a seed may choose, at once."""

    def configure(self, draw):
        declared = draw.random() < 0.5
        types = {f"t{i}": random_type(draw) for i in range(draw.randint(1, 3))} if declared else {}
        self.delivers = draw.random() < 0.6
        config = {"anomalies": {"probability": draw.choice((0, 0.05, 0.3)), "severity": draw.choice(("graded", "relative"))},
                  "simulation": {"interval": draw.choice(("700ms", "1s", "4s")), "phase": draw.choice(("aligned", "staggered"))}}
        if types:
            config["types"] = types
        entries = [one for one in scenario_resume_test.ENTRIES if draw.random() < 0.6 or one["name"] in ("up", "go")]
        if types:
            entries = [one for one in entries if one["name"] not in OF_BUILT_IN]
        if self.delivers:
            config["delivery"] = {"drop": draw.choice(("0%", "2%")), "late": {"share": draw.choice(("0%", "10%")), "median": "4s"},
                                  "duplicate": draw.choice(("0%", "3%")), "jitter": draw.choice(("0ms", "20ms"))}
            entries.append(HOLD)
        if draw.random() < 0.6:
            config["scenario"] = entries
        self.write("config.yaml", json.dumps(config))
        kinds = list(types) + ["temperature_vibration"] * (not types or draw.random() < 0.5)
        self.sensors = draw.randint(1, 24)
        self.fleet = self.write_identities([
            identity(f"S{i}", type=kinds[i % len(kinds)], location=draw.choice(PLACES), firmware_version=draw.choice(("1.3", "1.4")))
            for i in range(self.sensors)])

    def run_fleet(self, draw):
        """In one go, in two, or in partitions; returns its directories."""
        def run(data, *arguments):
            self.fill(data, "--config", "config.yaml", "--seed", seed, "--shard-by", sharding, *arguments, identities=self.fleet)
        seed, sharding = draw.randrange(1000), draw.choice(("none", "location", "sensor", "hash:3"))
        duration, how = f"{draw.randint(30, 300)}s", draw.choice(("whole", "resumed", "partitions"))
        if how == "partitions" and self.sensors < 12:  # there may be none in one of them
            how = "whole"
        if how == "partitions":
            for part in (1, 2, 3):
                run(f"data{part}", "--partition", f"{part}/3", "--duration", duration)
            return tuple(f"data{part}" for part in (1, 2, 3) if shards(self.dir / f"data{part}"))
        if how == "resumed":
            run("data", "--duration", f"{draw.randint(10, 29)}s")
        run("data", "--duration", duration, *(("--resume",) if how == "resumed" else ()))
        return ("data",)

    def test_random_runs(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                draw = random.Random(seed)
                for old in self.dir.glob("data*"):
                    shutil.rmtree(old)
                self.configure(draw)
                runs = self.run_fleet(draw)
                rows = auditing.stored_rows(*(self.dir / run for run in runs))
                if not rows:
                    continue
                if draw.random() < 0.3:
                    draw.shuffle(rows)
                told = self.assert_clean(rows, runs=runs, name=draw.choice(("rows.csv", "rows.ndjson")))
                self.assertEqual(told["rows_read"], len(rows))


class Forms(AuditTest):
    """The same rows, however they are written."""

    def setUp(self):
        super().setUp()
        self.fill("data", "--duration", "5m", "--shard-by", "location")
        self.rows = auditing.stored_rows(self.dir / "data")

    def test_times(self):
        forms = {"ms": lambda at: str(micros(at) // 1000), "us": lambda at: str(micros(at)), "ns": lambda at: str(micros(at) * 1000),
                 "an offset": lambda at: auditing.moment(at).astimezone(auditing.timezone(auditing.timedelta(hours=-3.5))).isoformat(),
                 "a space": lambda at: at.replace("T", " ").replace("Z", "+00"), "milliseconds": lambda at: at[:23] + "Z"}
        for name, form in forms.items():
            with self.subTest(name):
                written = [{**row, "timestamp": form(row["timestamp"])} for row in self.rows]
                told = self.audit(written)
                self.assertEqual((told["delivered"], told["missing"], told["unexpected"]), (len(self.rows), 0, 0))

    def test_columns(self):
        few = [{"device": row["sensor_id"], "when": row["timestamp"], "x": "?", "temperature": row["temperature"]} for row in self.rows]
        told = self.audit(few, "--map", "sensor_id=device", "--map", "timestamp=when")
        self.assertEqual(self.counts(told)["delivered"], len(self.rows))
        self.assertEqual(self.counts(told)["altered"], 0)
        self.assertEqual(told["not_judged"], ["x"])


class KilledAndReloaded(resume_reload_test.Resumed, AuditTest):
    """By the tests of resuming, which kill and reload runs in many ways."""

    def check(self, *arguments):
        last = max([self.newest(), *(micros(at) for _, at, _ in self.reloads())])
        self.resume("data", "--duration", (last - self.start_of_run()) / SECOND + 5, *arguments)
        self.assert_clean(auditing.stored_rows(self.data))

    def check_false(self, *_):
        pass

    ravage = resume_reload_test.Reloaded.ravage
    change = resume_reload_test.Reloaded.change

    def test_among_reloads(self):
        for seed in range(12 if AT_LENGTH else 2):
            with self.subTest(seed=seed), self.a_round(seed):
                self.ravage(("location", "none", "sensor")[seed % 3])


class KilledAmongInjected(resume_reload_test.Injected, AuditTest):
    check = KilledAndReloaded.check
    check_false = KilledAndReloaded.check_false


class KilledInAScenario(scenario_resume_test.Told, AuditTest):
    def check(self, *arguments):
        KilledAndReloaded.check(self, *arguments)
        return self.fleet_events("data")


if __name__ == "__main__":
    main()
