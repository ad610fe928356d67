#!/usr/bin/env python3
"""Audits: rows of untouched runs of random fleets are clean, and each kind of damage is named, with its count, and no other."""

import csv
import decimal
import gzip
import io
import json
import os
import random
import re
import subprocess
import time
import unittest

import fleet
from declared_pump import METER, PUMP
from fleet import micros
from pseudo_terminal import PseudoTerminal

WITH_METER = PUMP + METER.removeprefix("types:\n")
KINDS = ("spike", "pattern", "noise", "offset", "drift", "gain", "stuck", "quantise", "clip", "intermittent", "dropout",
         "missing_data")
COUNTS = ("expected", "delivered", "missing", "duplicate", "altered", "unexpected", "out_of_order")
CLEAN = {"missing": 0, "duplicate": 0, "altered": 0, "unexpected": 0}


def random_anomalies(rng):
    kinds = ", ".join(f"{kind}: {{weight: {rng.choice((0.1, 0.5))}}}" for kind in KINDS if rng.random() < 0.8
                      and kind not in ("intermittent",))
    return f"anomalies: {{probability: {rng.choice((0.02, 0.2))}, severity: graded, types: {{{kinds}}}}}\n"


def random_scenario(rng):
    entries = [
        '{name: upgrade, at: +40s, where: {id: "S1*"}, set: {firmware_version: "1.3"}, waves: {0s: 30%, 60s: 100%}, spread: 9s, '
        'silent_for: 4s, fails: 20%}',
        '{name: rollback, at: +150s, where: {event: upgrade}, set: {firmware_version: "1.4"}, spread: 30s}',
        '{name: blackout, at: +70s, for: 20s, where: {id: "*3"}, silence: true}',
        '{name: heat, at: +50s, for: 100s, fade: 20s, where: {id: "S*"}, add: {temperature: 6}}',
        '{name: broken, at: +100s, for: 25s, where: {id: "S0*"}, fault: {type: offset, severity: 4}}',
        '{name: late, at: +60s, where: {id: "*5"}, join: true, spread: 20s}',
        '{name: gone, at: +200s, where: {id: "*6"}, leave: true}',
        '{name: held, at: +90s, for: 30s, where: {id: "*2"}, deliver: {hold: true, drain: 3}}']
    chosen = [entry for entry in entries if rng.random() < 0.7 or "upgrade" in entry and "name: upgrade" in entry]
    return "scenario:\n" + "".join(f"  - {entry}\n" for entry in chosen)


class AuditTest(fleet.FleetTest):
    def audit(self, rows, *arguments, runs=("data",), code=0, **options):
        ran = self.fleet_sim("audit", *runs, "--rows", rows, "--json", *arguments, code=code, **options)
        return json.loads(ran.stdout)

    def export(self, name="rows.csv", data="data", form="csv"):
        ran = self.fleet_sim("export", data, "--format", form)
        (self.dir / name).write_text(ran.stdout)
        return name

    def refused(self, *arguments, text=None, **options):
        if text is not None:
            self.write("bad.csv", text)
            arguments = ("data", "--rows", "bad.csv", *arguments)
        ran = self.fleet_sim("audit", *arguments, code=2, **options)
        self.assertEqual(ran.stdout, "")
        return ran.stderr

    def assert_counts(self, verdict, **expected):
        for name, count in {**CLEAN, **expected}.items():
            self.assertEqual(verdict[name], count, (name, json.dumps(verdict, indent=1)[:6000]))
        self.assertEqual(verdict["expected"], verdict["delivered"] + verdict["missing"])


class Untouched(AuditTest):
    """False verdicts are the worst there are."""

    def test_random_fleets(self):
        for seed in range(4):
            with self.subTest(seed=seed):
                rng = random.Random(seed)
                config = random_anomalies(rng) + (WITH_METER if rng.random() < 0.6 else "")
                if rng.random() < 0.7:
                    config += random_scenario(rng)
                if "hold" in config or rng.random() < 0.5:
                    config += "delivery: {drop: 2%, late: {share: 10%, median: 4s}, duplicate: 1%, jitter: 20ms}\n"
                self.write("my.yaml", config)
                kinds = ["temperature_vibration"] + (["pump", "meter"] if "pump:" in config else [])
                sensors = [fleet.identity(f"S{n:02}", type=rng.choice(kinds), location=f"Factory A - Line {n % 3}",
                                          firmware_version=rng.choice(("1.3", "1.4")))
                           for n in range(24)]
                data = f"data{seed}"
                self.fill(data, "--config", "my.yaml", "--duration", "260s", "--rate", rng.choice((1, 3, 0.7)), "--seed",
                          seed, identities=self.write_identities(sensors, f"ids{seed}.jsonl"))
                verdict = self.audit(self.export(f"{data}.ndjson", data, "ndjson"), runs=[data])
                self.assert_counts(verdict)
                self.assertEqual(verdict["delivered"] + verdict["repeated"],
                                 fleet.total(self.dir / data, "SELECT count(*) FROM sensor_readings"))


    def test_several_readings_a_second(self):
        self.write("my.yaml", "simulation: {phase: aligned}\n")
        self.fill("data", "--config", "my.yaml", "--duration", "30s", "--rate", 10)
        header, *rows = csv.reader(io.StringIO(self.fleet_sim("export", "data", "--format", "csv").stdout))
        with open(self.dir / "seconds.csv", "w", newline="") as file:
            csv.writer(file).writerows([header, *([row[0][:19] + "Z", *row[1:]] for row in rows)])
        verdict = self.audit("seconds.csv")
        self.assert_counts(verdict)
        self.assertEqual(verdict["delivered"], len(rows))

    def write_seconds(self, columns):
        """The rows of the run, with times of whole seconds, and only so many of their columns."""
        rows = csv.reader(io.StringIO(self.fleet_sim("export", "data", "--format", "csv").stdout))
        with open(self.dir / "seconds.csv", "w", newline="") as file:
            csv.writer(file).writerows([row[0] if row[0] == "timestamp" else row[0][:19] + "Z", *row[1:columns]] for row in rows)
        return "seconds.csv"

    def test_hundreds_of_thousands_of_readings_a_second(self):
        """Times of whole seconds tell how many came, and no row takes as long as there are readings in its second."""
        self.fill("data", "--duration", "1s", "--rate", 300_000, identities=self.write_identities([fleet.identity("S1")]))
        verdict = self.audit(self.write_seconds(2))
        self.assert_counts(verdict)
        self.assertGreater(verdict["delivered"], 290_000)
        ran = self.fleet_sim("audit", "data", "--rows", self.write_seconds(5), code=2)
        self.assertIn("too many to tell which one it is; write times with more decimals", ran.stderr)

    def test_hundreds_of_readings_a_second(self):
        self.fill("data", "--duration", "3s", "--rate", 500, identities=self.write_identities([fleet.identity(f"S{n}") for n in range(3)]))
        verdict = self.audit(self.write_seconds(None))
        self.assert_counts(verdict)
        self.assertGreater(verdict["delivered"], 4000)

    def test_seconds_in_which_values_repeat(self):
        """Several readings have the time and the values of a row: those that were cut off are each found, in whatever order
        they come, and those that were rounded in theirs."""
        self.write("my.yaml", "types: {dial: {channels: {level: {unit: u, base: 20, white: 0.4, resolution: 1}}}}\n")
        self.fill("data", "--config", "my.yaml", "--duration", "200s", "--rate", 4, identities=self.write_identities(
            [fleet.identity(f"S{n}", type="dial") for n in range(4)]))
        header, *rows = csv.reader(io.StringIO(self.fleet_sim("export", "data", "--format", "csv").stdout))

        def second(at, half):
            return str((micros(at) + half) // 1_000_000)
        for half, seeds in ((0, range(5)), (500_000, [None])):
            for seed in seeds:
                with self.subTest(half=half, seed=seed), open(self.dir / "seconds.csv", "w", newline="") as file:
                    mixed = rows if seed is None else random.Random(seed).sample(rows, len(rows))
                    csv.writer(file).writerows([header, *([second(row[0], half), *row[1:]] for row in mixed)])
                    file.flush()
                    self.assert_counts(self.audit("seconds.csv"))

    def test_seconds_without_values(self):
        """Where nothing but the time says which reading a row is of, and whether it is of an anomaly."""
        self.write("my.yaml", "anomalies: {probability: 0.1}\n")
        self.fill("data", "--config", "my.yaml", "--duration", "100s", "--rate", 5)
        header, *rows = csv.reader(io.StringIO(self.fleet_sim("export", "data", "--format", "csv").stdout))
        rng = random.Random(1)
        for more in ([], ["anomaly_flag"], ["anomaly_type", "model"]):
            columns = ["sensor_id", "timestamp", *more]
            for half in (0, 500_000):
                times = [[str((micros(row[0]) + half) // 1_000_000) if name == "timestamp" else row[header.index(name)] for name in columns]
                         for row in rows]
                mixed = rng.sample(times, len(times))
                early, late = times[:3000], times[4000:]  # a row twice stands for one of its second that was lost
                damaged = rng.sample(early, len(early) - 30) + times[3000:] + rng.sample(late, 20)
                for some, counts in ((times, {}), (mixed, {}), (damaged, {"missing": 30, "duplicate": 20})):
                    with self.subTest(columns=columns, half=half, counts=counts), open(self.dir / "seconds.csv", "w", newline="") as file:
                        csv.writer(file).writerows([columns, *some])
                        file.flush()
                        self.assert_counts(self.audit("seconds.csv", code=1 if counts else 0), **counts)
        times = [[row[0][:16], row[1], row[header.index("anomaly_flag")]] for row in rows]
        self.write("seconds.csv", "timestamp,sensor_id,anomaly_flag\n" + "".join(",".join(row) + "\n" for row in times))
        self.assertIn("too many to tell", self.refused("data", "--rows", "seconds.csv"))

    def test_a_run_that_was_killed_while_rows_were_late(self):
        """Its last rows may have arrived after the last reading was due that has a row."""
        self.write("my.yaml", "delivery: {late: {share: 50%, median: 4s}}\nsimulation: {interval: 10s, phase: aligned}\n")
        self.fill("data", "--config", "my.yaml", "--duration", "299s", "--shard-by", "location")
        (self.dir / "data" / "run.json").unlink()
        for path in fleet.shards(self.dir / "data"):
            fleet.query(path, "DELETE FROM sensor_readings WHERE timestamp >= '2026-01-01T00:04:50'")
        rows = self.export()
        late = ",2026-01-01T00:04:40.000000Z,2026-01-01T00:04:50.000000Z\n"  # due, arrived_at
        self.assertTrue(late in (self.dir / rows).read_text())
        self.assert_counts(self.audit(rows))

    def test_text_sinks(self):
        self.write("my.yaml", random_anomalies(random.Random(5)))
        for sink, name in (("csv:rows.csv", "rows.csv"), ("ndjson:rows.ndjson", "rows.ndjson")):
            self.fill("data-" + name, "--sink", sink, "--config", "my.yaml", "--duration", "90s")
            self.assert_counts(self.audit(name, runs=["data-" + name]))
            self.assert_counts(self.audit(name, runs=[f"data-{name}/run.json"]))

    def test_until_where_rows_are_late(self):
        self.write("my.yaml", "delivery: {drop: 2%, late: {share: 40%, median: 9s}, duplicate: 5%, jitter: 200ms}\n")
        self.fill("data", "--config", "my.yaml", "--duration", "100s", "--rate", 2)
        verdict = self.audit(self.export(), "--until", "2026-01-01T00:00:40Z")
        self.assert_counts(verdict)
        self.assertGreater(verdict["expected"], 1000)

    def test_partitions(self):
        for k in (1, 2, 3):
            self.fill("data", "--duration", "60s", "--partition", f"{k}/3")
        verdict = self.audit(self.export())
        self.assert_counts(verdict)
        self.assertEqual(verdict["sensors"], len(list(fleet.IDENTITIES.glob("*.json"))))

    def test_a_count(self):
        for count in (1, 100, 777):
            data = f"data{count}"
            self.fill(data, "--count", count, "--interval", "1s")
            verdict = self.audit(self.export(data=data), runs=[data])
            self.assert_counts(verdict)
            self.assertEqual(verdict["delivered"] + verdict["not_produced"].get("missing", 0), count)

    def test_a_run_that_was_killed_and_resumed(self):
        arguments = ("--identities", fleet.IDENTITIES, "--data-dir", "data", "--start", "2026-01-01", "--seed", 7, "--speed", "60",
                     "--rate", 20)
        process = self.start(*arguments)
        self.wait_for_rows(self.dir / "data", 3000, process)
        process.kill()
        process.wait()
        self.assert_counts(self.audit(self.export()))
        process = self.start(*arguments, "--resume")
        self.wait_for_rows(self.dir / "data", 15000, process)
        self.stop(process)
        verdict = self.audit(self.export())
        self.assert_counts(verdict)
        self.assertNotIn("the run broke off", verdict["not_produced"])

    def test_a_run_that_was_resumed_and_stopped_before_its_last_reading(self):
        """The clock of who resumed it had not come to what was there, so where it stopped is not the end of the run."""
        for how, rows in (((), "files.csv"), (("--sink", "csv:text.csv"), "text.csv")):
            with self.subTest(rows):
                run = ("--identities", fleet.IDENTITIES, "--data-dir", "data-" + rows, "--start", "2026-01-01", "--seed", 7, "--rate", 5, *how)
                self.fleet_sim(*run, "--duration", "10m", "--speed", "max")
                process = self.start(*run, "--resume", "--duration", "1h", "--speed", 1)
                while process.poll() is None and "run started" not in self.printed():
                    time.sleep(0.05)
                self.stop(process)
                self.assertIn("lacks the end of the run: it stopped before it came to the last reading that is there", self.printed())
                if how:
                    self.assertIn("does not say where it ended", self.refused("data-" + rows, "--rows", rows))
                    self.assert_counts(self.audit(rows, "--until", "2026-01-01T00:00:30Z", runs=["data-" + rows]))
                else:
                    self.assert_counts(self.audit(self.export(rows, "data-" + rows), runs=["data-" + rows]))

    def test_until_where_rows_are_held_or_late_and_the_run_has_no_end(self):
        """What was due before that time may have come since, or be on its way."""
        self.write("c.yaml", "scenario:\n  - {name: cut, at: +20s, for: 20s, deliver: {hold: true, drain: 3}}\n"
                             "  - {name: slow, at: +50s, deliver: {late: {share: 30%, median: 3s}, duplicate: 5%}}\n")
        process = self.start("--identities", fleet.IDENTITIES, "--config", "c.yaml", "--data-dir", "text", "--sink", "csv:text.csv",
                             "--start", "2026-01-01", "--seed", 7, "--duration", 0, "--speed", 60)
        while process.poll() is None and not re.search(r"2026-01-01T00:02.*\n", (self.dir / "text.csv").read_text() if
                                                       (self.dir / "text.csv").exists() else ""):
            time.sleep(0.05)
        process.kill()
        process.wait()
        whole = (self.dir / "text.csv").read_text().rpartition("\n")[0] + "\n"
        head, *rows = whole.splitlines(keepends=True)
        arrived = head.strip().split(",").index("arrived_at")
        for until in ("2026-01-01T00:00:30Z", "2026-01-01T00:00:41Z", "2026-01-01T00:01:30Z"):
            with self.subTest(until):
                self.write("rows.csv", whole)
                now = self.audit("rows.csv", "--until", until, runs=["text"])
                self.assert_counts(now)
                self.assertNotIn("late or held", now["not_produced"])
                self.write("rows.csv", head + "".join(row for row in rows if row.strip().split(",")[arrived] < until))
                then = self.audit("rows.csv", "--until", until, runs=["text"])
                self.assert_counts(then)
                self.assertEqual(then["expected"] + then["not_produced"]["late or held"], now["expected"])

    def test_a_run_that_was_killed_before_it_had_all_its_files(self):
        """As one that fills file after file: nobody can lose the readings of sensors whose file was never there."""
        sensors = self.write_identities([fleet.identity(f"S{n}") for n in range(6)])
        self.fill("data", "--duration", "5m", "--shard-by", "sensor", identities=sensors)
        (self.dir / "data" / "run.json").unlink()
        gone = fleet.shards(self.dir / "data")[1::2]
        lost = sum(fleet.query(path, "SELECT count(*) FROM sensor_readings")[0][0] for path in gone)
        for path in gone:
            path.unlink()
        rows = (self.dir / self.export()).read_text().splitlines(keepends=True)
        verdict = self.audit("rows.csv")
        self.assert_counts(verdict, expected=len(rows) - 1)
        self.assertAlmostEqual(verdict["not_produced"]["the run broke off"], lost, delta=3)
        self.assertIn("3 sensors had no row yet", verdict["warnings"][0])
        self.write("rows.csv", "".join(row for row in rows if "S2" not in row))
        verdict = self.audit("rows.csv", code=1)
        self.assertAlmostEqual(verdict["missing"], sum("S2" in row for row in rows), delta=3)
        self.assertEqual({gap["sensor_id"] for gap in verdict["gaps"]}, {"S2"})


    def test_a_run_that_was_killed_before_it_had_a_row(self):
        """Nothing can be judged, which is no success; beside other partitions, its sensors are counted."""
        for part in (1, 2):
            self.fill(f"data{part}", "--duration", "20s", "--partition", f"{part}/2", "--shard-by", "sensor")
        self.write("nothing.csv", "sensor_id,timestamp\n")
        self.assertIn("there is nothing to judge: the run wrote no reading that is due before 2026-01-01T00:00:00", self.refused(
            "data1", "--rows", "nothing.csv", "--until", "2026-01-01"))
        whole = self.export(data="data1")
        for record in (self.dir / "data2").glob("run*.json"):
            record.unlink()
        for path in fleet.shards(self.dir / "data2"):
            fleet.query(path, "DELETE FROM sensor_readings")
        said = self.refused("data2", "--rows", "nothing.csv")
        self.assertIn("has not ended, or broke off, and no file has a row of it yet; --resume finishes it", said)
        verdict = self.audit(whole, runs=["data1", "data2"])
        self.assert_counts(verdict)
        self.assertIn(f"; {len(fleet.shards(self.dir / 'data2'))} sensors had no row yet", verdict["warnings"][0])


class AsTheyCome(AuditTest):
    """Rows that nobody holds: as many as there are, as slow as they are."""

    def setUp(self):
        super().setUp()
        self.fill("data", "--duration", "60s")
        self.header, self.body = (self.dir / self.export()).read_text().split("\n", 1)

    def peak_of(self, times):
        """KB for so many times the rows, through a pipe."""
        self.write("body.csv", self.body * 20)
        rows = f"(echo '{self.header}'; for i in $(seq {times // 20}); do cat body.csv; done)"
        ran = subprocess.run(["bash", "-c", f"{rows} | /usr/bin/time -f %M {fleet.EXECUTABLE} audit data --rows - --json"], cwd=self.dir,
                             capture_output=True, text=True, env=fleet.environment(), timeout=100)
        verdict = json.loads(ran.stdout)
        self.assert_counts(verdict, duplicate=(times - 1) * verdict["expected"])
        return int(ran.stderr.split()[-1])

    @unittest.skipIf(os.environ.get("FLEET_SIM_TEST_SANITIZER"), "which takes more memory")
    def test_memory_does_not_grow_with_the_rows(self):
        few, many = self.peak_of(20), self.peak_of(1000)
        self.assertLess(many, few + 30_000)
        self.assertLess(many, 100_000)

    def test_a_terminal_shows_how_many(self):
        os.mkfifo(self.dir / "slow.csv")
        terminal = PseudoTerminal([fleet.EXECUTABLE, "audit", "data", "--rows", "slow.csv"], 100, cwd=self.dir, env=fleet.environment(TERM="xterm"))
        self.addCleanup(terminal.close)
        until = time.monotonic() + 30
        with open(self.dir / "slow.csv", "w") as file:
            file.write(self.header + "\n")
            while not re.search(r"[\d,]+ rows judged", terminal.text) and time.monotonic() < until:
                file.write(self.body * 10)
                file.flush()
                terminal.read(0.1)
        self.assertRegex(terminal.text, r"[\d,]+ rows judged")
        self.assertEqual(terminal.wait(), 1)


class Damaged(AuditTest):
    """Rows of one run, in which something is put wrong."""

    def setUp(self):
        super().setUp()
        self.fill("data", "--duration", "200s", "--rate", 2)
        header, *self.rows = csv.reader(io.StringIO(self.fleet_sim("export", "data", "--format", "csv").stdout))
        self.header = header
        self.rng = random.Random(1)

    def place(self, name):
        return self.header.index(name)

    def write_rows(self, rows, name="rows.csv"):
        with open(self.dir / name, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([self.header, *rows])
        return name

    def judge(self, rows, *arguments, code=1, **expected):
        verdict = self.audit(self.write_rows(rows), *arguments, code=code)
        self.assert_counts(verdict, **expected)
        return verdict

    def some(self, count):
        return set(self.rng.sample(range(len(self.rows)), count))

    def test_nothing(self):
        verdict = self.judge(self.rows, code=0)
        self.assertEqual(verdict["delivered"], len(self.rows))
        self.assertEqual(verdict["out_of_order"], 0)

    def test_dropped_rows(self):
        gone = self.some(37)
        verdict = self.judge([row for i, row in enumerate(self.rows) if i not in gone], missing=37)
        self.assertEqual(sum(gap["readings"] for gap in verdict["gaps"]), 37)
        self.assertEqual(sum(group["missing"] for group in verdict["by_location"]), 37)
        self.assertEqual(sum(group["missing"] for group in verdict["by_sensor"]), 37)
        self.assertEqual(sum(group["missing"] for group in verdict["by_hour"]), 37)

    def test_a_gap_is_one_interval(self):
        sensor = self.rows[0][self.place("sensor_id")]
        mine = [row for row in self.rows if row[self.place("sensor_id")] == sensor]
        gone = mine[50:120]
        [gap] = self.judge([row for row in self.rows if row not in gone], missing=70)["gaps"]
        self.assertEqual(gap, {"sensor_id": sensor, "location": gone[0][self.place("location")], "from": gone[0][0],
                               "until": gone[-1][0], "readings": 70})

    def test_repeated_rows(self):
        twice = [self.rows[i] for i in self.some(12)]
        self.judge(self.rows + twice + twice[:2], duplicate=14)

    def test_shuffled_rows(self):
        rows = self.rng.sample(self.rows, len(self.rows))
        latest, late = {}, 0
        for row in rows:
            sensor, at = row[self.place("sensor_id")], row[0]
            late += at < latest.get(sensor, "")
            latest[sensor] = max(at, latest.get(sensor, ""))
        self.assertEqual(self.judge(rows, code=0)["out_of_order"], late)

    def test_altered_values(self):
        rows = [list(row) for row in self.rows]
        place = self.place("voltage")
        for i in self.some(25):
            rows[i][place] = repr(float(rows[i][place]) + 0.001)
        verdict = self.judge(rows, altered=25)
        self.assertEqual(verdict["altered_columns"], {"voltage": 25})
        first = verdict["altered_rows"][0]
        self.assertEqual(first["was"], self.rows[first["line"] - 2][place])
        self.assertEqual(first["is"], rows[first["line"] - 2][place])
        self.assertEqual(len(verdict["altered_rows"]), 20)
        self.judge(rows, "--tolerance", "0.0011", code=0)

    def test_values_that_were_filled_in(self):
        """A row at the time of a reading is of that one, though its values are those of the one before."""
        rows = [list(row) for row in self.rows]
        channels = [self.place(name) for name in ("temperature", "vibration", "voltage")]
        before = {}
        filled = [i for i in self.some(40) if i > 100 and not int(rows[i][self.place("anomaly_flag")])]
        for i, row in enumerate(self.rows):
            if i in filled:
                for place in channels:
                    rows[i][place] = before[row[1]][place]
            before[row[1]] = row
        verdict = self.judge(rows, altered=len(filled))
        self.assertNotIn("timestamp", verdict["altered_columns"])

    def test_nulls_and_booleans_in_other_notations(self):
        flags = [self.place(name) for name in ("status_code", "anomaly_flag")]
        for null, no, yes in (("\\N", "f", "t"), ("NULL", "false", "true"), ("None", "False", "True"), ("NaN", "FALSE", "TRUE")):
            rows = [[text or null for text in row] for row in self.rows]
            for row in rows:
                for place in flags:
                    row[place] = yes if int(row[place]) else no
            self.judge(rows, code=0)
            rows[7][self.place("temperature")] = null
            self.judge(rows, altered=1)

    def test_pieces_with_a_header_each(self):
        for mark in ("", "\ufeff"):
            with open(self.dir / "pieces.csv", "w", newline="") as file:
                for first in range(0, len(self.rows), 700):
                    file.write(mark)
                    csv.writer(file).writerows([self.header, *self.rows[first:first + 700]])
            verdict = self.audit("pieces.csv")
            self.assert_counts(verdict)
            self.assertEqual(verdict["rows_read"], len(self.rows))

    def test_rounded_values(self):
        rows = [list(row) for row in self.rows]
        channels = [self.place(name) for name in ("temperature", "vibration", "voltage")]
        for row in rows:
            for place in channels:
                row[place] = f"{float(row[place]):.3f}"
        self.judge(rows, altered=len(rows))
        self.judge(rows, "--tolerance", "0.000500001", code=0)

    def test_values_that_end_in_five(self):
        """Rounding takes off half a unit of the last decimal, no more, whatever is stored of it."""
        self.write("my.yaml", "types: {dial: {channels: {level: {unit: u, base: 2000, white: 7, resolution: 0.05}}}}\n")
        self.fill("dials", "--config", "my.yaml", "--duration", "5m", identities=self.write_identities([fleet.identity("S1", type="dial")]))
        header, *rows = csv.reader(io.StringIO(self.fleet_sim("export", "dials", "--format", "csv").stdout))
        place = header.index("level")
        for up in (False, True):
            rounding = decimal.ROUND_HALF_UP if up else decimal.ROUND_HALF_DOWN
            rounded = [[*row[:place], str(decimal.Decimal(row[place]).quantize(decimal.Decimal("0.1"), rounding)), *row[place + 1:]] for row in rows]
            with open(self.dir / "rounded.csv", "w", newline="") as file:
                csv.writer(file).writerows([header, *rounded])
            self.assert_counts(self.audit("rounded.csv", "--tolerance", "0.05", runs=["dials"]))
            self.assertGreater(self.audit("rounded.csv", "--tolerance", "0.049", runs=["dials"], code=1)["altered"], 50)

    def test_all_columns_in_wrong_places(self):
        """No value is where it was, and yet these are the rows of the run."""
        self.write("my.yaml", "types: {pair: {channels: {hot: {unit: u, base: 90, white: 1}, cold: {unit: u, base: 10, white: 1}}}}\n")
        self.fill("pairs", "--config", "my.yaml", "--duration", "5m", identities=self.write_identities([fleet.identity("S1", type="pair")]))
        rows = self.fleet_sim("export", "pairs", "--format", "csv").stdout
        self.write("swapped.csv", rows.replace("hot,cold", "cold,hot", 1))
        verdict = self.audit("swapped.csv", runs=["pairs"], code=1)
        count = len(rows.splitlines()) - 1
        self.assert_counts(verdict, altered=count)
        self.assertEqual(verdict["altered_columns"], {"hot": count, "cold": count})

    def test_every_column_is_judged(self):
        for name in ("status_code", "anomaly_flag", "anomaly_type", "firmware_version", "model", "manufacturer", "location"):
            rows = [list(row) for row in self.rows]
            rows[7][self.place(name)] = "7"
            self.assertEqual(self.judge(rows, altered=1)["altered_columns"], {name: 1})

    def test_an_hour_off(self):
        rows = [list(row) for row in self.rows]
        for i in self.some(30):
            rows[i][0] = rows[i][0].replace("T00", "T01")
        verdict = self.judge(rows, altered=30)
        self.assertEqual(verdict["altered_columns"], {"timestamp": 30})

    def test_cut_off(self):
        self.judge(self.rows[:-100], missing=100)

    def test_strangers(self):
        rows = [list(row) for row in self.rows[:3]]
        rows[0][self.place("sensor_id")] = "NOBODY"
        rows[1][0] = rows[1][0].replace("2026", "2025")
        rows[2][0] = rows[2][0].replace("T00:00:00", "T00:00:01")[:-3] + "17Z"
        for row in rows:
            row[self.place("temperature")] = "1"
        verdict = self.judge(self.rows + rows, unexpected=3)
        self.assertEqual(verdict["unexpected_by_reason"],
                         {"no such sensor": 1, "no such time": 1, "outside of the run": 1, "a reading without a row": 0})

    def test_columns_in_any_order_and_under_other_names(self):
        order = self.rng.sample(range(len(self.header)), len(self.header))
        names = ["device" if self.header[i] == "sensor_id" else "t" if self.header[i] == "temperature" else self.header[i]
                 for i in order]
        with open(self.dir / "other.csv", "w", newline="") as file:
            csv.writer(file).writerows([names, *([row[i] for i in order] for row in self.rows)])
        self.assert_counts(self.audit("other.csv", "--map", "sensor_id=device", "--map", "temperature=t"))
        self.fleet_sim("audit", "data", "--rows", "other.csv", code=2)

    def test_times_in_other_notations(self):
        def with_times(notation):
            return self.write_rows([[notation(micros(row[0])), *row[1:]] for row in self.rows])
        for notation in (lambda at: at, lambda at: at * 1000, lambda at: at // 1000, lambda at: round(at / 1000),
                         lambda at: f"{at / 1e6:.6f}", self.text_of_zone):
            self.assert_counts(self.audit(with_times(notation)))

    @staticmethod
    def text_of_zone(at):
        from datetime import datetime, timedelta, timezone
        moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=at)
        return moment.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(" ")

    def test_times_that_were_cut_off(self):
        rows = [[row[0][:19] + "Z", *row[1:]] for row in self.rows]
        self.judge(rows, code=0)
        self.judge(rows[:50] + rows[51:], missing=1)
        self.judge([*rows, rows[50]], duplicate=1)
        self.judge([[f"{micros(row[0]) // 1000 / 1000:.3f}", *row[1:]] for row in self.rows], code=0)
        times = [[row[1], row[0]] for row in rows]
        for some, counts in ((times, {}), ([*times, times[-1]], {"duplicate": 1})):
            with open(self.dir / "times.csv", "w", newline="") as file:
                csv.writer(file).writerows([["sensor_id", "timestamp"], *some])
            self.assert_counts(self.audit("times.csv", code=1 if counts else 0), **counts)
        self.write("times.csv", "sensor_id,timestamp\n" + "".join(f"{row[1]},{row[0]}\n" for row in rows))
        self.assert_counts(self.audit("times.csv", "--until", "2026-01-01T00:01:00Z"))

    def test_few_columns(self):
        with open(self.dir / "few.csv", "w", newline="") as file:
            csv.writer(file).writerows([["sensor_id", "timestamp", "note"], *([row[1], row[0], "x"] for row in self.rows)])
        verdict = self.audit("few.csv")
        self.assert_counts(verdict)
        self.assertEqual(verdict["not_judged"], ["note"])

    def test_until(self):
        verdict = self.audit(self.write_rows(self.rows), "--until", "2026-01-01T00:01:00Z")
        self.assert_counts(verdict)
        self.assertEqual(verdict["expected"], sum(row[0] < "2026-01-01T00:01" for row in self.rows))


class BadInput(AuditTest):
    def setUp(self):
        super().setUp()
        self.fill("data", "--duration", "20s")
        self.rows = self.fleet_sim("export", "data", "--format", "csv").stdout
        self.write("good.csv", self.rows)

    def test_files_that_end_far_apart(self):
        """The run does not say where it ended, and one file lacks the last minutes: they excuse nothing that others lack."""
        self.fill("several", "--duration", "5m", "--shard-by", "location")
        (self.dir / "several" / "run.json").unlink()
        whole = self.fleet_sim("export", "several", "--format", "csv").stdout
        self.write("several.csv", whole)
        file = fleet.shards(self.dir / "several")[0]
        sensors = {sensor for (sensor,) in fleet.query(file, "SELECT DISTINCT sensor_id FROM sensor_readings")}
        fleet.query(file, "DELETE FROM sensor_readings WHERE timestamp > '2026-01-01T00:02'")
        self.assert_counts(self.audit("several.csv", runs=["several"]))
        lacking = [row for row in whole.splitlines(keepends=True) if not "2026-01-01T00:03" <= row[:27] < "2026-01-01T00:04"]
        self.write("several.csv", "".join(lacking))
        gone = [row for row in whole.splitlines() if "2026-01-01T00:03" <= row[:27] < "2026-01-01T00:04"]
        verdict = self.audit("several.csv", runs=["several"], code=1)
        self.assert_counts(verdict, missing=sum(row.split(",")[1] not in sensors for row in gone))

    def test_rows(self):
        lines = self.rows.splitlines(keepends=True)
        self.assertIn("is empty", self.refused(text=""))
        self.assertIn("is a JSON array", self.refused(text='[{"sensor_id": "S", "timestamp": "2026-01-01"}]'))
        (self.dir / "packed.csv").write_bytes(gzip.compress(self.rows.encode()))
        self.assertIn("is compressed with gzip", self.refused("data", "--rows", "packed.csv"))
        self.assertIn("has no column timestamp", self.refused(text="sensor_id,temperature\nS,1\n"))
        self.assertIn("two columns", self.refused(text="sensor_id,timestamp,timestamp\nS,1,1\n"))
        self.assertIn("bad.csv:3: has 2 fields", self.refused(text="".join(lines[:2]) + "a,b\n"))
        for bytes_cut in (2, 5, 60, 90):
            self.assertIn("may have been cut short", self.refused(text="".join(lines)[:-bytes_cut]))
        self.assertIn("never closed", self.refused(text="".join(lines) + '2026-01-01,"S\n'))
        self.assertIn("is no time", self.refused(text="sensor_id,timestamp\nS,yesterday\n"))
        self.assertIn("is no JSON object", self.refused(text='{"sensor_id":"S","timestamp":"2026-01-01"}\n{"sensor_id"\n'))
        self.assertIn("is longer than", self.refused(text="sensor_id,timestamp\n" + "x" * 5_000_000))
        self.assertIn("is longer than", self.refused(text="sensor_id,timestamp\n\"" + "x\n" * 3_000_000))
        self.assertIn("cannot be read", self.refused("data", "--rows", "nowhere.csv"))
        self.assertIn("readings have no column 'x'", self.refused("data", "--rows", "good.csv", "--map", "x=timestamp"))
        self.assertIn("--arrival", self.refused("data", "--rows", "good.csv", "--arrival", "seen_at"))
        self.assertIn("--tolerance", self.refused("data", "--rows", "good.csv", "--tolerance", "much"))

    def test_a_shard_that_cannot_be_read(self):
        """Nobody can tell, which is another exit code than that of a pipeline's fault."""
        self.fill("several", "--duration", "20s", "--shard-by", "location")
        path = fleet.shards(self.dir / "several")[1]
        content = path.read_bytes()
        for damaged in (content[:len(content) // 2], content[:4096] + bytes(len(content) - 4096)):
            path.write_bytes(damaged)
            self.assertIn(f"{path.name}: ", self.refused("several", "--rows", "good.csv"))

    def test_rows_of_another_run(self):
        for name, *arguments in (("seed", "--seed", 8), ("start", "--start", "2026-03-01"), ("rate", "--interval", "7s")):
            self.fill(name, "--duration", "20s", *arguments)
            self.assertIn("is of this run: no ", self.refused(text=self.fleet_sim("export", name, "--format", "csv").stdout))
        self.assertIn("is of this run: the run has no sensor of their names", self.refused(text=self.rows.replace("FACTORY", "Factory").replace(
            "WAREHOUSE", "Warehouse").replace("OUTDOOR", "Outdoor")))

    def test_runs(self):
        self.assertIn("does not exist", self.refused("nowhere", "--rows", "good.csv"))
        (self.dir / "empty").mkdir()
        self.assertIn("holds no run", self.refused("empty", "--rows", "good.csv"))
        self.fill("data", "--duration", "20s", "--start", "2026-02-01")
        said = self.refused("data", "--rows", "good.csv")
        self.assertIn("choose one with --run", said)
        first = fleet.query_all(self.dir / "data", "SELECT run_id FROM run_info WHERE start LIKE '2026-01-01%'")[0][0]
        self.assert_counts(self.audit("good.csv", "--run", first))
        self.assertIn("no such run", self.refused("data", "--rows", "good.csv", "--run", "x"))

    def test_manifests(self):
        self.fill("text", "--sink", "csv:text.csv", "--duration", "20s")
        manifest = self.dir / "text" / "run.json"
        sensors = self.dir / "text" / "sensors.jsonl"
        whole, everyone = manifest.read_text(), sensors.read_text()
        version = json.loads(whole)["version"]
        manifest.write_text(whole.replace(f'"version": "{version}"', '"version": "99.1.0"'))
        self.assertIn("made by fleet-sim 99.1.0", self.refused("text", "--rows", "text.csv"))
        manifest.write_text(whole)
        sensors.write_text("".join(everyone.splitlines(keepends=True)[1:]))
        lost = json.loads(everyone.splitlines()[0])["identity"]["id"]
        self.assertRegex(self.refused("text", "--rows", "text.csv"), f"has 14 of the 15 sensors of run .*; the rows have {lost}, which")
        rows = (self.dir / "text.csv").read_text()
        self.write("less.csv", "".join(line for line in rows.splitlines(keepends=True) if f",{lost}," not in line))
        self.assertRegex(self.refused("text", "--rows", "less.csv"), "has 14 of the 15 sensors .* cannot be known")
        sensors.unlink()
        self.assertIn("sensors.jsonl", self.refused("text/run.json", "--rows", "text.csv"))
        sensors.write_text(everyone)
        agenda = self.dir / "text" / "agenda.jsonl"
        agenda.unlink()
        self.assertIn("agenda.jsonl: cannot be read", self.refused("text", "--rows", "text.csv"))
        agenda.write_text("")
        said = json.loads(whole)
        said["books"] = None
        manifest.write_text(json.dumps(said))
        self.assertIn("--until", self.refused("text", "--rows", "text.csv"))
        self.assert_counts(self.audit("text.csv", "--until", "2026-01-01T00:00:10Z", runs=["text"]))


if __name__ == "__main__":
    unittest.main()
