#!/usr/bin/env python3
"""The ground truth of many fleets, checked by tests/ground_truth.py; and that it catches every kind of falsehood."""

import random
import shutil
import sys
from collections import Counter

from fleet import *

CHECKER = SOURCE / "tests" / "ground_truth.py"
sys.path.insert(0, str(CHECKER.parent))
import ground_truth  # noqa: E402

TYPES = {"spike", "trend", "pattern", "missing_data", "noise"}
LONG = TYPES - {"spike"}  # several readings
FIRMWARES = ("1.3", "1.4", "1.3.0", "1.4.0.0", "1.5", "2.0")
MODELS = ("TempVibe-1000", "TempVibe-2000", "TempVibe-3000", "Odd Ω")
MANUFACTURERS = ("SensorTech", "DataSense", "VibrationPlus", "Nobody \"quoted\" & Sons")
LOCATIONS = ("Factory A - Line 1", "Warehouse B", "Outdoor - Area 1", "Laboratory", "", "factory")

# Anomalies of every type within minutes, many of them.
BUSY = """
anomalies:
  probability: 0.4
  pattern_period_seconds: 7
  types:
    trend: {duration_seconds: 20}
    pattern: {weight: 0.3, duration_seconds: 25.5}
    missing_data: {weight: 0.3, duration_seconds: 8}
    noise: {duration_seconds: 12}
"""

# Whatever a config can change about the model.
CHANGED = """
normal_parameters:
  temperature: {mean: -3.5, std_dev: 4, min: -14, max: 5}
  vibration: {mean: 0, std_dev: 1, min: -2, max: 2}
anomalies:
  probability: 0.07
  pattern_period_seconds: 0.75
  types:
    spike: {weight: 0.3, duration_seconds: 2.5}
    trend: {weight: 0.5, duration_seconds: one_reading}
    pattern: {weight: 0.1, duration_seconds: 11}
    missing_data: {weight: 0.2, duration_seconds: 0.4}
    noise: {weight: 0.1, duration_seconds: 6.1}
clock: {utc_offset: "-05:30"}
behaviors:
  firmware:
    "1.5":
      probability: 6
      severity: 0.5
      weights: {noise: 5, trend: 0}
      channels: {temperature: 0, vibration: 3}
      spike_factor: {min: 1, max: 9}
    "1.3": {daily: 2, noise_factor: 0.4}
  model:
    "Odd Ω": {noise: {temperature: 2, voltage: 0}, spike_factor: {max: 2}}
  manufacturer:
    "Nobody \\"quoted\\" & Sons": {severity: 3, spread: {voltage: 4}}
  location:
    "": {work_hours_rise: -1.5}
    "Factory A": {daily: 0}
"""


# Every type that the built-in channels can have, graded, within minutes, and as many durations that vary as are always the same.
GRADED = """
anomalies:
  severity: graded
  probability: 0.5
  pattern_period_seconds: 7
  edge: 0.3
  types:
    spike: {severity: [1, 9]}
    trend: {duration_seconds: {median: 20s, min: 10s, max: 40s}}
    pattern: {weight: 0.3, duration_seconds: 25.5}
    missing_data: {weight: 0.3, duration_seconds: {median: 8s, min: 2s, max: 30s}}
    noise: {duration_seconds: 12, severity: [1, 2]}
    offset: {weight: 0.5, duration_seconds: {median: 20s, min: 10s, max: 60s}}
    drift: {weight: 0.5, duration_seconds: {median: 30s, min: 10s, max: 90s}}
    gain: {weight: 0.5, duration_seconds: 30, severity: [0.5, 3]}
    stuck: {weight: 0.5, duration_seconds: {median: 8s, min: 4s, max: 20s}, keep_noise: true}
    quantise: {weight: 0.5, duration_seconds: 20}
    clip: {weight: 0.5, duration_seconds: 20}
    dropout: {weight: 0.5, duration_seconds: {median: 20s, min: 3s, max: 100s}}
"""
GRADED_TYPES = set(ground_truth.TYPES) - {"intermittent"}  # which needs a channel with rails

# A channel of every kind. None has a resolution, so that its levels can be told from its readings.
RIG = """
types:
  rig:
    sources:
      run:     {kind: load, duty: 0.6, burst: 0}
      level:   {kind: noise, from: 30s, to: 8h, roughness: 0.3}
      site:    {kind: noise, scope: site, from: 10s, to: 1h, roughness: 0.5}
      hiss:    {kind: white}
    channels:
      heat:   {base: 20, white: 0.1, rails: [-100, 100], terms: {run: 4, level: 0.5, site: 1, hiss: 0.1}}
      sound:  {scale: log, base: 0.3, white: 0.02, terms: {run: 8.2, level: 1.2}}
      watts:  {kind: product, of: [heat, sound]}
      flow:   {kind: counter, base: 3600, per: 1h, resolution: 0.5, rate: {run: 7200}}
      plain:  {base: 5, white: 0.1, terms: {level: 2}}
      mode:   {kind: state, of: level, at: [-0.5, 0, 0.5], names: [a, b, c, d]}
anomalies: {types: {intermittent: {weight: 0.5, duration_seconds: 60}}}
"""
# The same with parts that wear out within minutes, and a channel that nothing else changes.
WORN = RIG.replace("anomalies:", """\
      steady: {base: 7, white: 0.2, rails: [0, 9]}
    aging:
      wear:  {every: 3m, life: {median: 80s, min: 30s, max: 2m30s}, terms: {heat: 12, sound: 4.5}, then: stuck}
      seal:  {every: 4m, life: 2m, terms: {plain: -2}}
      crack: {every: 250s, life: {median: 100s, min: 20s, max: 3m}, terms: {steady: 3, heat: -5}, then: stuck}
anomalies:""")
OF_RATE = """
anomalies: {basis: rate, per_day: 2000, types: {stuck: {keep_noise: false}}}
"""
OF_EVENTS = """
anomalies: {basis: event, probability: 0.05, edge: 0}
"""


class GroundTruthTest(FleetTest):
    def check(self, data, *arguments, code=0):
        ran = subprocess.run([sys.executable, "-B", CHECKER, data, "--limit", "9999", *map(str, arguments)],
                             cwd=self.dir, capture_output=True, text=True, timeout=120)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        return ran.stdout + ran.stderr

    def random_fleet(self, seed, size):
        choose = random.Random(seed).choice
        return self.write_identities(
            [identity(f"{seed}/Sensor Ü{i}", firmware_version=choose(FIRMWARES), model=choose(MODELS),
                      manufacturer=choose(MANUFACTURERS), location=choose(LOCATIONS)) for i in range(size)])

    def offenders_of(self, sql, **how):
        """What is found when that has been done to a copy of the data."""
        shutil.rmtree(self.dir / "false", ignore_errors=True)
        shutil.copytree(self.dir / "data", self.dir / "false")
        (path,) = shards(self.dir / "false")
        connection = connect(path)
        for statement in sql.split("; "):
            changed = connection.execute(statement).rowcount
            self.assertTrue(changed > 0 or statement.startswith("CREATE TEMP"), f"changes nothing: {statement}")
        connection.close()
        return ground_truth.inspect(self.dir / "false", complete=True, **how)[0]

    def events(self, data, condition="1"):
        return query_all(self.dir / data, f"SELECT anomaly_type FROM anomaly_events WHERE {condition}")

    def assert_types(self, data, condition="1", least=TYPES):
        self.assertLessEqual(least, {kind for (kind,) in self.events(data, condition)}, "or the test shows nothing")


class Fleets(GroundTruthTest):
    """The files of every kind of run are true."""

    def test_the_demo_fleet(self):
        for start, shard_by in (("2026-01-01T07:45", "location"), ("2026-01-01T17:55:59.999999", "none")):
            with self.subTest(start=start):
                data = f"data-{shard_by}"
                self.fill(data, "--duration", "25m", "--shard-by", shard_by, "--start", start)
                before = fingerprint(self.dir / data)
                self.assertIn("complete: 15 of 15 sensors", self.check(data, "--complete"))
                self.assertEqual(fingerprint(self.dir / data), before, "it only reads")
                self.assert_types(data, least=TYPES - {"pattern"})  # too rare

    def test_random_fleets(self):
        config = self.write("busy.yaml", BUSY)
        for seed, (rate, duration, shard_by, start) in enumerate((
                (1, "90s", "sensor", "2026-06-30T23:59:30"), (0.3, "7m", "model", "1970-01-01"),
                (7, "20s", "hash:3", "2026-01-01T08:59:50"), (123.4, "1.5", "site", "2400-02-29T17:30"))):
            with self.subTest(rate=rate, shard_by=shard_by):
                data = f"data{seed}"
                self.fill(data, "--config", config, "--rate", rate, "--duration", duration, "--shard-by", shard_by,
                          "--start", start, "--seed", (0, 1, 2**32, 2**63 - 1)[seed], "--threads", 3,
                          identities=self.random_fleet(seed, 60))
                self.assertIn("complete: 60 of 60", self.check(data, "--complete"))
                self.assert_types(data)

    def test_basis_event(self):
        config = self.write("event.yaml", BUSY.replace("probability: 0.4", "probability: 0.03\n  basis: event"))
        self.fill("data", "--config", config, "--duration", "3m", identities=self.random_fleet(5, 60))
        self.check("data", "--complete")
        self.assert_types("data")
        self.assert_types("data", "started_at < '2026-01-01'", LONG)

    def test_a_changed_config(self):
        self.fill("data", "--config", self.write("changed.yaml", CHANGED), "--rate", 2.5, "--duration", "1m",
                  "--start", "2026-01-01T13:29", "--shard-by", "firmware", identities=self.random_fleet(6, 100))
        self.check("data", "--complete")
        self.assert_types("data")

    def test_no_anomalies(self):
        self.fill("data", "--config", self.write("none.yaml", "anomalies: {enabled: false}\n"), "--duration", "1m")
        self.check("data", "--complete")
        self.assertEqual(self.events("data"), [])

    def test_partitions_in_one_directory(self):
        fleet = self.random_fleet(7, 80)
        config = self.write("busy.yaml", BUSY)
        for k in (2, 1, 3):
            self.fill("data", "--config", config, "--duration", "1m", "--partition", f"{k}/3", "--shard-by", "site",
                      identities=fleet)
            self.assertIn("complete", self.check("data", "--complete"), "without the others, too")
        self.assertIn("complete: 80 of 80", self.check("data", "--complete"))
        self.assert_types("data")

    def test_sensors_with_values_of_their_own(self):
        rates = (0.07, 1 / 3, 1, 3, 40)  # with 0.07 and 3, periods add up to whole seconds only if rounded with care
        own = {"temperature": {"mean": 57.5, "std_dev": 0.3}, "voltage": {"max": 12.1}}
        fleet = self.write_identities([identity(f"S{i}", firmware_version=FIRMWARES[i % 6], normal_parameters=own,
                                                readings_per_second=rates[i % 5]) for i in range(20)])
        self.fill("data", "--config", self.write("busy.yaml", BUSY), "--duration", "120s", identities=fleet)
        self.check("data", "--complete", "--identities", fleet)
        self.check("data", "--complete", code=1)

    def test_stopped_inside_anomalies(self):
        """Whenever the signal comes, each sensor's last anomaly is left as it is."""
        config = self.write("busy.yaml", BUSY.replace("probability: 0.4", "probability: 0.8"))
        fleet = self.random_fleet(8, 300)  # so many that each type is open somewhere, whenever that is
        for attempt in range(3):
            data = f"data{attempt}"
            running = self.start("--identities", fleet, "--data-dir", data, "--config", config, "--speed", 60,
                                 "--duration", 0, "--seed", attempt, "--shard-by", "hash:2")
            self.wait_for_rows(self.dir / data, least=3000, process=running)
            summary = self.stop(running)
            self.assertGreater(summary.missing, 0)
            self.check(data)
            self.check(data, "--identities", fleet)
            self.assert_types(data, "ended_at IS NULL", LONG)
            self.assert_types(data, "ended_at IS NOT NULL")

    def test_paced(self):
        self.fill("data", "--config", self.write("busy.yaml", BUSY), "--duration", "3m", "--speed", 100)
        self.check("data", "--complete")
        self.assert_types("data")

    def test_sensors_without_a_row(self):
        config = self.write("gone.yaml", "anomalies: {probability: 0.5, types: {spike: {enabled: false}, trend: {weight: 0},"
                                         " pattern: {weight: 0}, noise: {weight: 0}, missing_data: {duration_seconds: 1h}}}")
        fleet = self.random_fleet(9, 30)
        self.fill("data", "--config", config, "--duration", "1m", identities=fleet)
        self.assertRegex(self.check("data", "--complete"), r"complete: 30 of 30 .*; \d\d without a row")
        self.assertNotIn("without a row", self.check("data", "--complete", "--identities", fleet))
        self.assertLess(query(self.dir / "data" / "sensor_data.db",
                              "SELECT count(DISTINCT sensor_id) FROM sensor_readings")[0][0], 25)

    def test_a_sample_of_a_large_fleet(self):
        self.fill("data", "--duration", "10s", "--shard-by", "hash:4", identities=self.random_fleet(10, 3000))
        self.assertIn("complete: 50 of 3000 sensors", self.check("data", "--complete", "--sample", 50))


class Graded(GroundTruthTest):
    """Anomalies that are graded."""

    def fill_with(self, data, *configs, **options):
        written = [self.write(f"{data}-{i}.yaml", config) for i, config in enumerate(configs)]
        self.fill(data, *(word for config in written for word in ("--config", config)), *options.pop("arguments", ()), **options)

    def test_every_type_on_the_built_in_channels_and_with_every_basis(self):
        fleet = self.random_fleet(20, 20)
        for name, more in (("reading", []), ("rate", [OF_RATE]), ("event", [OF_EVENTS])):
            with self.subTest(basis=name):
                self.fill_with(name, GRADED, *more, identities=fleet, arguments=["--duration", "15m"])
                self.assertIn("complete: 20 of 20 sensors", self.check(name, "--complete"))
                self.assert_types(name, least=GRADED_TYPES)

    def test_new_types_beside_relative_ones(self):
        self.fill_with("data", GRADED, "anomalies: {severity: relative}", identities=self.random_fleet(21, 20),
                       arguments=["--duration", "15m"])
        self.check("data", "--complete")
        self.assert_types("data", least=GRADED_TYPES)

    def test_slow_and_fast_sensors_with_numbers_of_their_own(self):
        fleet = self.write_identities(
            [identity(f"S{i}", **own, firmware_version=FIRMWARES[i % 4], manufacturer=MANUFACTURERS[i % 3])
             for i, own in enumerate(({"interval": "20s"}, {"readings_per_second": 4.7}, {"interval": "1m1s"},
                                      {"normal_parameters": {"temperature": {"mean": 51, "std_dev": 3}}},
                                      {"readings_per_second": 0.3}, {}) * 3)])
        self.fill_with("data", GRADED, identities=fleet, arguments=["--duration", "1h"])
        self.check("data", "--complete", "--identities", fleet)

    def test_behaviors_choose_channels_weights_and_severity(self):
        self.fill_with("data", CHANGED, GRADED, identities=self.random_fleet(22, 30), arguments=["--duration", "10m"])
        self.check("data", "--complete")

    def test_a_declared_type_against_its_twin(self):
        fleet = self.write_identities([identity(f"R{i}", type="rig", firmware_version=FIRMWARES[i % 6], location=LOCATIONS[i % 4],
                                                manufacturer=MANUFACTURERS[i % 4]) for i in range(20)])
        for name, more in (("reading", []), ("rate", [OF_RATE])):
            with self.subTest(basis=name):
                for data, enabled in ((name, "true"), (f"{name}-twin", "false")):
                    self.fill_with(data, RIG, GRADED, *more, f"anomalies: {{enabled: {enabled}}}", identities=fleet,
                                   arguments=["--duration", "15m"])
                self.assertIn("complete: 20 of 20", self.check(name, "--complete", "--clean", f"{name}-twin"))
                self.assert_types(name, least=set(ground_truth.TYPES))
        self.assertIn("has to come from a twin", self.check("rate", code=2))

    def worn_rigs(self):
        fleet = self.write_identities([identity(f"R{i}", type="rig", firmware_version=FIRMWARES[i % 6], location=LOCATIONS[i % 4])
                                       for i in range(8)])
        self.fill_with("data", WORN, GRADED, identities=fleet, arguments=["--duration", "10m"])
        unworn = WORN.split("    aging:")[0] + "anomalies: {enabled: false}\n"
        self.fill_with("twin", unworn, identities=fleet, arguments=["--duration", "10m"])

    def test_parts_that_wear_out_against_a_twin(self):
        self.worn_rigs()
        self.assertIn("complete: 8 of 8", self.check("data", "--complete", "--clean", "twin"))
        self.assert_types("data", least={"aging", "stuck", "clip", "gain", "dropout", "noise", "missing_data"})
        ((ages, open_ones, names),) = query_all(self.dir / "data", "SELECT count(*), sum(ended_at IS NULL), count(DISTINCT scenario) "
                                                "FROM anomaly_events WHERE cause = 'aging'")
        self.assertTrue(ages > 50 and open_ones > 15 and names == 3, (ages, open_ones, names))
        self.assertGreater(len(query_all(self.dir / "data", "SELECT 1 FROM sensor_readings WHERE anomaly_type = 'aging'")), 700)
        for name, (sql, reported) in AGING_FALSEHOODS.items():
            with self.subTest(name):
                offenders = self.offenders_of(sql, clean=self.dir / "twin")
                self.assertTrue([line for line in offenders if re.search(reported, line)], offenders[:20])

    def test_falsehoods_about_them_are_caught(self):
        fleet = self.write_identities([identity(f"S{i}", firmware_version=FIRMWARES[i % 2]) for i in range(12)])
        self.fill_with("data", GRADED, identities=fleet, arguments=["--duration", "6m"])
        self.check("data", "--complete")
        for name, (sql, reported) in GRADED_FALSEHOODS.items():
            with self.subTest(name):
                self.assertTrue(any(re.search(reported, line) for line in self.offenders_of(sql)), name)


WHERE = (None, '{id: "S1*"}', '{id: "S?"}', '{site: "Factory ?"}', '{firmware_version: "1.3"}', '{model: "*1000", location: "F*"}',
         '{type: "temp*"}')
FAULTS = ("spike", "trend", "noise", "stuck", "missing_data", "dropout", "offset")


class Story:
    """A scenario and imperfect delivery, drawn at random."""

    def __init__(self, seed, seconds):
        self.draw, self.seconds, self.entries = random.Random(seed), seconds, []
        draw = self.draw
        for _ in range(draw.randint(4, 11)):
            self.tell(draw.choice(("deliver", "deliver", "deliver", "silence", "set", "leave", "join", "add", "fault", "reset")))
        if draw.random() < 0.3:
            self.entries.append((5, "again", "at: +5s, every: 70s, for: 20s, spread: 10s, deliver: {hold: true, drain: 2}"))

    def tell(self, verb):
        draw, name, at = self.draw, f"e{len(self.entries)}", self.draw.randint(1, self.seconds)
        said, before = [f"at: +{at}s"], [one for time, one, _ in self.entries if time <= at]
        where = f"{{event: {draw.choice(before)}}}" if before and draw.random() < 0.15 else draw.choice(WHERE)
        said += [f"where: {where}"] if where else []
        said += [f"spread: {draw.randint(1, 60)}s"] if draw.random() < 0.4 else []
        if draw.random() < 0.4:
            said.append(f"waves: {{0s: {draw.randint(1, 50)}%, {draw.randint(1, 40)}s: {draw.randint(51, 100)}%}}")
            said += ["ramp: linear"] if draw.random() < 0.5 else []
        if verb in ("silence", "add", "fault", "deliver") and (verb == "fault" or draw.random() < 0.8):
            said.append(f"for: {draw.randint(8, 100)}s")
        if verb in ("set", "reset"):
            said += [f"silent_for: {draw.randint(1, 30)}s"] if draw.random() < 0.5 else []
        if verb == "set" and draw.random() < 0.5:
            said.append("fails: 30%")
        self.entries.append((at, name, ", ".join((*said, getattr(self, f"say_{verb}")()))))

    def say_deliver(self):
        draw, how = self.draw, []
        if draw.random() < 0.6:
            how += ["hold: true", f"drain: {draw.choice((1, 3, 20))}"]
        how += [f"drop: {draw.choice((0, draw.randint(1, 60)))}%"] if draw.random() < 0.4 else []
        how += [f"late: {{share: {draw.randint(1, 60)}%, median: {draw.choice(('500ms', '3s', '20s'))}}}"] if draw.random() < 0.4 else []
        how += ["late: {share: 0}"] if draw.random() < 0.2 and "late" not in str(how) else []
        how += [draw.choice(("duplicate: 20%", "duplicate: 0"))] if draw.random() < 0.3 else []
        how += [draw.choice(("jitter: 1s", "jitter: 0s"))] if draw.random() < 0.3 else []
        return f"deliver: {{{', '.join(how) or 'hold: true'}}}"

    def say_set(self):
        return f"set: {{firmware_version: '{self.draw.choice(FIRMWARES)}', model: {self.draw.choice(('TempVibe-1000', 'Old'))}}}"

    def say_fault(self):
        return f"fault: {{type: {self.draw.choice(FAULTS)}}}"

    def say_silence(self):
        return "silence: true"

    def say_leave(self):
        return "leave: true"

    def say_join(self):
        return "join: true"

    def say_add(self):
        return "fade: 4s, add: {temperature: 6, voltage: -1}"

    def say_reset(self):
        return "reset: [trend, noise, stuck, missing_data]"

    def config(self):
        draw, text = self.draw, ""
        if draw.random() < 0.8:
            late = f"{{share: {draw.randint(1, 60)}%, median: {draw.choice(('500ms', '4s', '30s'))}}}"
            text = (f"delivery: {{drop: {draw.randint(0, 20)}%, late: {late}, duplicate: {draw.randint(0, 20)}%, "
                    f"jitter: {draw.choice(('0s', '20ms', '3s'))}}}\n")
        text += draw.choice(("", "simulation: {phase: aligned}\n"))  # so that things end just when a reading is due
        text += draw.choice(("anomalies: {enabled: false}\n", BUSY, GRADED))
        return text + "scenario:\n" + "".join(f"  - {{name: {name}, {said}}}\n" for _, name, said in self.entries)


class Disturbed(GroundTruthTest):
    """Runs to whose sensors something happens, and whose rows arrive imperfectly."""

    def random_fleet(self, seed, size):
        draw = random.Random(seed)
        own = ({}, {}, {}, {"interval": "2s"}, {"readings_per_second": 3}, {"interval": "700ms"}, {"interval": "11s"})
        return self.write_identities([identity(f"S{i}", firmware_version=draw.choice(FIRMWARES), model=draw.choice(MODELS),
                                               location=draw.choice(LOCATIONS), **draw.choice(own)) for i in range(size)])

    def test_what_happens_and_how_rows_arrive_is_what_the_model_draws(self):
        seen, told = Counter(), set()
        for seed in range(300 if AT_LENGTH else 5):
            with self.subTest(seed=seed):
                shutil.rmtree(self.dir / "data", ignore_errors=True)
                config = self.write("story.yaml", Story(seed, 200).config())
                ran = self.fill("data", "--config", config, "--duration", "200s", "--seed", seed, "--threads", 1 + seed % 4, "--shard-by",
                                ("none", "hash:3", "sensor")[seed % 3], identities=self.random_fleet(seed, 18))
                checked = self.check("data", "--complete")
                self.assertIn("complete: 18 of 18 sensors", checked)
                for count, name in re.findall(r"(\d+) (due|silent|missing|dropped|undelivered|duplicates|written)\b", checked):
                    self.assertEqual(getattr(ran.summary, name) if name in ran.summary.lines else 0, int(count), name)
                    seen[name] += int(count)
                told |= {verb for (verb,) in query_all(self.dir / "data", "SELECT DISTINCT verb FROM fleet_events")}
        self.assertTrue(all(seen[name] > 0 for name in ground_truth.BOOKS), seen)
        self.assertGreaterEqual(len(told), 7, "or the test shows nothing")

    def test_falsehoods_about_it_are_caught(self):
        fleet = self.write_identities([identity(f"S{i}") for i in range(12)])
        self.fill("data", "--config", self.write("story.yaml", DISTURBED), "--duration", "3m", identities=fleet)
        self.check("data", "--complete")
        for name, (sql, reported) in DELIVERY_FALSEHOODS.items():
            with self.subTest(name):
                offenders = self.offenders_of(sql)
                self.assertTrue([line for line in offenders if re.search(reported, line)], offenders[:20])


class Refusals(GroundTruthTest):
    """What it cannot check, it says, and does not call it true."""

    def test_no_files(self):
        self.assertIn("no *.db", self.check("nowhere", code=2))

    def test_several_runs(self):
        self.fill("data", "--duration", 3)
        self.fill("data", "--duration", 3, "--seed", 8, "--append")
        self.assertIn("several runs", self.check("data", code=2))

    def test_a_partition_twice(self):
        for _ in range(2):
            self.fill("data", "--duration", 3, "--append")
        self.assertIn("1/1 has run twice", self.check("data", code=2))

    def test_another_config(self):
        self.fill("data", "--duration", "1m")
        config = query(self.dir / "data" / "sensor_data.db", "SELECT config FROM run_info")[0][0]
        self.check("data", "--config", self.write("same.yaml", config))
        for old, new in (("mean: 65\n", "mean: 66\n"), ("probability: 0.05", "probability: 0.2"),
                         ('"+00:00"', '"+03:00"'), ("readings_per_second: 1\n", "readings_per_second: 1.001\n")):
            self.assertIn(old, config)
            self.check("data", "--config", self.write("other.yaml", config.replace(old, new)), code=1)
        odd = self.write("odd.yaml", "a:\n    b 1\n")
        self.assertIn("line 2 of the config", self.check("data", "--config", odd, code=2))

    def test_a_run_that_stopped_early(self):
        self.fill("data", "--duration", "1m", "--config", self.write("busy.yaml", BUSY))
        connection = connect(self.dir / "data" / "sensor_data.db")
        connection.execute("UPDATE run_info SET config = replace(config, 'run_time_seconds: 60', 'run_time_seconds: 61')")
        connection.close()
        self.check("data")
        self.check("data", "--complete", code=1)

    def test_the_generator_is_the_published_one(self):
        """Known answers of Philox4x64-10 (Random123)."""
        self.assertEqual(ground_truth.draw_block(ground_truth.round_keys(0, 0), 0, 0),
                         (0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b))


NORMAL = "(SELECT id FROM sensor_readings WHERE anomaly_flag = 0 ORDER BY id LIMIT 1 OFFSET 99)"


def affected(kind):
    return f"(SELECT id FROM sensor_readings WHERE anomaly_type = '{kind}' ORDER BY id LIMIT 1 OFFSET 7)"


def event(kind, more="1"):
    """A closed event that began in the run."""
    return (f"(SELECT id FROM anomaly_events WHERE anomaly_type = '{kind}' AND ended_at IS NOT NULL "
            f"AND started_at > '2026-01-01T00:00:20' AND {more} ORDER BY id LIMIT 1)")


def reading(change, which):
    return f"UPDATE sensor_readings SET {change} WHERE id = {which}"


def truth(change, which):
    return f"UPDATE anomaly_events SET {change} WHERE id = {which}"


def later(column, seconds):
    """A timestamp column shifted by whole seconds."""
    return f"strftime('%Y-%m-%dT%H:%M:%S', {column}, '{seconds:+} seconds') || substr({column}, 20)"


COPY = "INSERT INTO sensor_readings SELECT NULL, {}, sensor_id, temperature, vibration, voltage, status_code, " \
       "anomaly_flag, anomaly_type, firmware_version, model, manufacturer, location, 0 FROM sensor_readings WHERE id = {}"
EVENT = ("INSERT INTO anomaly_events (sensor_id, anomaly_type, channel, direction, magnitude, started_at, ended_at, readings_affected) "
         "SELECT sensor_id, {}, {}, {}, {}, {} FROM {}")
ONE_MICROSECOND = "substr({0}, 1, 20) || printf('%06dZ', (substr({0}, 21, 6) + 1) % 1000000)"

# What is done to the files, in one or several statements, and what the checker has to say of it.
FALSEHOODS = {
    "a flag set": (reading("anomaly_flag = 1", NORMAL), "flag 1, type None, but lies in no event"),
    "a flag cleared": (reading("anomaly_flag = 0", affected("noise")), "flag 0, type noise, but lies in noise"),
    "a status set": (reading("status_code = 1", NORMAL), "status 1, flag 0"),
    "a status cleared": (reading("status_code = NULL", affected("trend")), "status None, flag 1"),
    "a type where none is": (reading("anomaly_type = 'spike'", NORMAL), "type spike, but lies in no event"),
    "a type gone": (reading("anomaly_type = NULL", affected("pattern")), "type None, but lies in pattern"),
    "another type": (reading("anomaly_type = 'trend'", affected("pattern")), "type trend, but lies in pattern"),
    "a temperature off by 1e-9": (reading("temperature = temperature + 1e-9", NORMAL), "temperature .* is not the model's"),
    "a vibration off by 1e-9": (reading("vibration = vibration - 1e-9", NORMAL), "vibration .* is not the model's"),
    "a voltage off by 1e-9": (reading("voltage = voltage + 1e-9", NORMAL), "voltage .* is not the model's"),
    "a temperature gone": (reading("temperature = NULL", NORMAL), "temperature None is not the model's"),
    "a voltage that is text": (reading("voltage = 'high'", NORMAL), "voltage 'high' is not the model's"),
    **{f"a temperature in {kind} off by 1e-9": (reading("temperature = temperature + 1e-9", affected(kind)),
                                                f"temperature .* is not the model's .* in {kind}")
       for kind in ("spike", "trend", "pattern", "noise")},
    "a row deleted": (f"DELETE FROM sensor_readings WHERE id = {NORMAL}", "no row, and no missing_data"),
    "an affected row deleted": (f"DELETE FROM sensor_readings WHERE id = {affected('trend')}", r"trend says it affected \d+"),
    "a row doubled": (COPY.format("timestamp", NORMAL), "2 rows of one reading"),
    "a row late by a microsecond": (reading("timestamp = " + ONE_MICROSECOND.format("timestamp"), NORMAL),
                                    "a row, but no reading is due"),
    "a row before the start": (reading("timestamp = '2025' || substr(timestamp, 5)", NORMAL), "no reading is due"),
    "a row after the end": (COPY.format("'2026-01-01T00:02' || substr(timestamp, 17)", NORMAL), "no reading is due"),
    "a row of another sensor": (reading("sensor_id = 'S3'", "(SELECT id FROM sensor_readings WHERE sensor_id = 'S4' "
                                                            "ORDER BY id LIMIT 1 OFFSET 50)"),
                                "S4 .*(no row, and no|says it affected)"),
    "a timestamp that is none": (reading("timestamp = '2026-01-01 00:00:00'", NORMAL), "is no timestamp"),
    "a row of other firmware": (reading("firmware_version = '9'", NORMAL), "S. : is {"),
    "a sensor of other firmware": ("UPDATE sensor_readings SET firmware_version = '9' WHERE sensor_id = 'S1'",
                                   "S1 .* is not the model's"),
    "a sensor of another name": ("UPDATE sensor_readings SET sensor_id = 'T1' WHERE sensor_id = 'S1'; UPDATE anomaly_events "
                                 "SET sensor_id = 'T1' WHERE sensor_id = 'S1'", "T1 .*a row, but no reading is due"),
    "a sensor deleted": ("DELETE FROM sensor_readings WHERE sensor_id = 'S1'; DELETE FROM anomaly_events WHERE "
                         "sensor_id = 'S1'", "run_info: 12 sensors in partition 1, but 11 are found"),
    "the end of a sensor deleted": (f"DELETE FROM sensor_readings WHERE id = (SELECT max(id) FROM sensor_readings WHERE "
                                    "sensor_id = 'S2')", "S2 .*(no row, and no missing_data|says it affected)"),
    "a row inside missing_data": ("INSERT INTO sensor_readings SELECT NULL, started_at, sensor_id, 65, 2.5, 12, 0, 0, "
                                  "NULL, '1.4', 'TempVibe-2000', 'SensorTech', 'Factory A - Line 1', 0 "
                                  f"FROM anomaly_events WHERE id = {event('missing_data')}", "a row inside missing_data"),
    **{f"a {kind} deleted": (f"DELETE FROM anomaly_events WHERE id = {event(kind)}",
                             f"the model starts {kind} here, but no event")
       for kind in TYPES},
    **{f"a {kind} with a reading more": (truth("readings_affected = readings_affected + 1", event(kind)),
                                         rf"{kind} says it affected \d+ readings, but \d+ lie") for kind in TYPES},
    **{f"a {kind} that starts later": (truth(f"started_at = {later('started_at', 1)}", event(kind)),
                                       f"the model starts {kind} here, but no event") for kind in TYPES},
    **{f"a {kind} that starts earlier": (truth(f"started_at = {later('started_at', -1)}", event(kind)),
                                         f"the model starts no {kind} here") for kind in TYPES},
    "a start off by a microsecond": (truth("started_at = " + ONE_MICROSECOND.format("started_at"), event("noise")),
                                     "the model starts no noise here"),
    "an end off by a microsecond": (truth("ended_at = " + ONE_MICROSECOND.format("ended_at"), event("noise")),
                                    "noise: ended_at is"),
    "an end gone": (truth("ended_at = NULL", event("pattern")), "ended_at is None"),
    "an end that nobody saw": (truth("ended_at = '2026-01-01T00:01:59.999999Z'",
                                     "(SELECT id FROM anomaly_events WHERE ended_at IS NULL LIMIT 1)"),
                               "ended_at is .*, the model's None"),
    "an end that is no timestamp": (truth("ended_at = 'soon'", event("noise")), "not between two timestamps"),
    "another channel": (truth("channel = CASE channel WHEN 'voltage' THEN 'vibration' ELSE 'voltage' END", event("trend")),
                        "trend: channel is"),
    "a channel where there is none": (truth("channel = 'voltage'", event("noise")), "channel is voltage, the model's None"),
    "the other direction": (truth("direction = -direction", event("spike")), "spike: direction is"),
    "a direction where there is none": (truth("direction = 1", event("missing_data")), "direction is 1, the model's None"),
    "a magnitude off by 1e-9": (truth("magnitude = magnitude + 1e-9", event("spike")), "spike: magnitude is"),
    "a magnitude gone": (truth("magnitude = NULL", event("pattern")), "pattern: magnitude is None"),
    "a magnitude where there is none": (truth("magnitude = 1", event("missing_data")), "magnitude is 1.0, the model's None"),
    "an event of another type": (truth("anomaly_type = 'noise'", event("trend")), "noise: kind is noise, the model's trend"),
    "an event of another sensor": (truth("sensor_id = CASE sensor_id WHEN 'S1' THEN 'S2' ELSE 'S1' END", event("trend")),
                                   "the model starts trend here, but no event"),
    "an event twice": (EVENT.format("anomaly_type, channel", "direction", "magnitude", "started_at, ended_at",
                                    "readings_affected", f"anomaly_events WHERE id = {event('trend')}"),
                       "trend overlaps the event before it"),
    "an overlapping event": (EVENT.format("'pattern', NULL", "NULL", "0.2", f"{later('started_at', 2)}, ended_at",
                                          "readings_affected - 2", f"anomaly_events WHERE id = {event('trend')}"),
                             "pattern overlaps the event before it"),
    "an event that affects nothing": (EVENT.format("'spike', 'voltage'", "1", "2", "timestamp, timestamp", "0",
                                                   f"sensor_readings WHERE id = {NORMAL}"),
                                      "the model starts no spike here"),
    # Consistent lies: the labels agree with each other, and only the model knows better.
    "a normal row called a spike": (EVENT.format("'spike', 'voltage'", "1", "2", "timestamp, timestamp", "1",
                                                 f"sensor_readings WHERE id = {NORMAL}") + "; "
                                    + reading("anomaly_flag = 1, status_code = 1, anomaly_type = 'spike'", NORMAL),
                                    "the model starts no spike here"),
    "a spike undone without trace": (
        "CREATE TEMP TABLE undone AS SELECT * FROM anomaly_events WHERE id = "
        + event("spike", "channel = 'voltage' AND direction = 1 AND readings_affected = 1") + "; "
        "UPDATE sensor_readings SET voltage = voltage / (SELECT magnitude FROM undone), anomaly_flag = 0, status_code = 0, "
        "anomaly_type = NULL WHERE (sensor_id, timestamp) = (SELECT sensor_id, started_at FROM undone); "
        "DELETE FROM anomaly_events WHERE id = (SELECT id FROM undone)", "the model starts spike here, but no event"),
    "an event torn in two": (
        "CREATE TEMP TABLE torn AS SELECT * FROM anomaly_events WHERE id = "
        + event("missing_data", "readings_affected = 8") + "; "
        + truth(f"ended_at = {later('ended_at', -4)}, readings_affected = 4", "(SELECT id FROM torn)") + "; "
        + EVENT.format("anomaly_type, NULL", "NULL", "NULL", f"{later('started_at', 4)}, ended_at", "4", "torn"),
        "the model starts no missing_data here"),
    "another seed": ("UPDATE run_info SET seed = 8", "is not the model's"),
    "another start": ("UPDATE run_info SET start = '2026-01-01T00:00:00.000001Z'", "a row, but no reading is due"),
    "another probability": ("UPDATE run_info SET config = replace(config, 'probability: 0.4', 'probability: 0.41')", "starts"),
    "another fleet": ("UPDATE run_info SET fleet_size = 13", "13 sensors in partition 1, but 12 are found"),
    "another partition": ("UPDATE run_info SET partition = '2/2'", "belongs to partition 1, which did not run"),
}


GRADED_FALSEHOODS = {
    **{f"readings in {kind} off by 1e-9": (f"UPDATE sensor_readings SET {channel} = {channel} + 1e-9 WHERE anomaly_type = '{kind}'",
                                           f"{channel} .* is not the model's .* in {kind}")
       for kind in GRADED_TYPES - set(ground_truth.TAKES_ROWS) for channel in ("temperature", "voltage")},
    **{f"a {kind} of another size": (truth("magnitude = magnitude * 1.000001", event(kind)), f"{kind}: magnitude is")
       for kind in GRADED_TYPES - {"stuck", "missing_data"}},
    **{f"a {kind} that ends later": (truth(f"ended_at = {later('ended_at', 1)}", event(kind)), f"{kind}: ended_at is")
       for kind in ("offset", "stuck", "dropout", "gain")},
    **{f"a {kind} on another channel": (truth("channel = CASE channel WHEN 'voltage' THEN 'vibration' ELSE 'voltage' END",
                                              event(kind)), f"{kind}: channel is")
       for kind in ("noise", "pattern", "stuck", "clip", "quantise")},
    "a gain the other way": (truth("direction = -direction", event("gain")), "gain: direction is"),
    "a stuck size": (truth("magnitude = 1", event("stuck")), "stuck: magnitude is 1.0"),
    "a reading left out of a dropout's rest": (
        "DELETE FROM sensor_readings WHERE id = " + affected("dropout"), "no row, but the dropout leaves this one"),
    "a dropout that left out more": (truth("readings_affected = readings_affected + 1", event("dropout")), "dropout says it affected"),
    "a reading where the dropout took it": (
        "INSERT INTO sensor_readings SELECT NULL, started_at, sensor_id, 65, 2.5, 12, 1, 1, 'dropout', "
        f"'1.3', 'TempVibe-2000', 'SensorTech', 'Factory A - Line 1', 0 FROM anomaly_events WHERE id = {event('dropout')}",
        "dropout says it affected|is of type dropout|2 rows"),
    "another edge": ("UPDATE run_info SET config = replace(config, 'edge: 0.3', 'edge: 0.2')", "is not the model's .* in offset"),
    "another severity": ("UPDATE run_info SET config = replace(config, 'severity: [0.5, 3]', 'severity: [0.5, 3.001]')",
                         "gain: magnitude is"),
    "no noise kept": ("UPDATE run_info SET config = replace(config, 'keep_noise: true', 'keep_noise: false')",
                      "is not the model's .* in stuck"),
    "another law": ("UPDATE run_info SET config = replace(config, 'max: 60}', 'max: 61}')", "offset: ended_at is"),
}


WEAR = ("(SELECT id FROM anomaly_events WHERE scenario = '{}' AND ended_at IS NOT NULL AND started_at > '2026-01-01T00:01' "
        "ORDER BY id LIMIT 1)")
STUCK = "(SELECT id FROM sensor_readings WHERE anomaly_type = 'aging' ORDER BY id LIMIT 1 OFFSET {})"
AGING_FALSEHOODS = {
    "another onset": (truth(f"started_at = {later('started_at', 1)}", WEAR.format("wear")), "no interval of wear begins here"),
    "another failure": (truth(f"fails_at = {later('fails_at', 1)}", WEAR.format("wear")), "wear: fails_at is"),
    "a failure off by 2 µs": (truth("fails_at = substr(fails_at, 1, 20) || printf('%06dZ', (substr(fails_at, 21, 6) + 2) % 1000000)",
                                    WEAR.format("crack")), "crack: fails_at is"),
    "another end": (truth(f"ended_at = {later('ended_at', -1)}", WEAR.format("seal")), "seal: ended_at is"),
    "an open end": (truth("ended_at = NULL", WEAR.format("wear")), "wear: ended_at is None"),
    "a reading more": (truth("readings_affected = readings_affected + 1", WEAR.format("seal")), "seal: readings_affected is"),
    "a channel of several": (truth("channel = 'heat'", WEAR.format("wear")), "wear: channel is heat"),
    "no channel": (truth("channel = NULL", WEAR.format("seal")), "seal: channel is None"),
    "another cause": (truth("cause = 'drawn'", WEAR.format("wear")), "wear: cause is drawn"),
    "another part": (truth("scenario = 'seal'", WEAR.format("wear")), "no interval of seal begins here"),
    "an interval deleted": (f"DELETE FROM anomaly_events WHERE id = {WEAR.format('wear')}", "wear begins to wear here, but no event"),
    "a stuck channel off by 1e-9": (reading("heat = heat + 1e-9", STUCK.format(400)), "heat .* at which it is stuck"),
    "a stuck channel without sources off by 1e-9": ("UPDATE sensor_readings SET steady = steady + 1e-9 WHERE anomaly_type = 'aging'",
                                                    "steady .* is not the model's .* in aging"),
    "a worn channel off by 1e-9": ("UPDATE sensor_readings SET sound = sound + 1e-9 WHERE anomaly_flag = 0", "sound .* is not the model's"),
    "a worn channel of a product off by 1e-9": ("UPDATE sensor_readings SET watts = watts + 1e-9 WHERE anomaly_flag = 0",
                                                "watts .* is not the model's"),
    "no flag after a failure": (reading("anomaly_flag = 0, status_code = 0, anomaly_type = NULL", STUCK.format(50)), "type None"),
    "a failed reading deleted": (f"DELETE FROM sensor_readings WHERE id = {STUCK.format(60)}", "no row, and no missing_data|is not there"),
    "a part that wears more": ("UPDATE run_info SET config = replace(config, 'heat: 12', 'heat: 12.1')", "heat .* is not the model's"),
    "another life": ("UPDATE run_info SET config = replace(config, 'median: 80s', 'median: 81s')", "wear: fails_at is"),
    "silence instead": ("UPDATE run_info SET config = replace(config, 'sound: 4.5}, then: stuck', 'sound: 4.5}, then: silent')",
                        "of type aging, the model's of aging"),
}


DISTURBED = """
simulation: {phase: aligned}
delivery: {drop: 4%, late: {share: 20%, median: 3s}, duplicate: 5%, jitter: 20ms}
scenario:
  - {name: upgrade, at: +20s, where: {id: "S*1"}, set: {firmware_version: "1.4"}, spread: 9s, silent_for: 5s, fails: 30%}
  - {name: outage, at: +40s, for: 50s, waves: {0s: 50%}, spread: 4s, deliver: {hold: true, drain: 2}}
  - {name: heat, at: +30s, for: 60s, fade: 9s, where: {id: "S?"}, add: {temperature: 5}}
  - {name: quiet, at: +1m, for: 20s, where: {id: "S2"}, silence: true}
  - {name: half, at: +10s, waves: {0s: 50%, 10s: 100%}, set: {model: Half}}
  - {name: undone, at: +20s, where: {event: half}, set: {model: Undone}}
  - {name: cut, at: +2m, for: 20s, where: {id: "S[3-5]"}, deliver: {hold: true}}
"""


def delivery(kind, offset=3):
    return f"(SELECT id FROM deliveries WHERE kind = '{kind}' ORDER BY id LIMIT 1 OFFSET {offset})"


DELIVERED = "(SELECT id FROM sensor_readings ORDER BY id LIMIT 1 OFFSET 700)"
DELIVERY_FALSEHOODS = {
    "a stamp off by a microsecond": (reading("timestamp = " + ONE_MICROSECOND.format("timestamp"), DELIVERED), "a row: "),
    "a due time off by a microsecond": (reading("due = " + ONE_MICROSECOND.format("due"), DELIVERED), "a row: "),
    "an arrival a slot later": (reading(f"arrived_at = {later('arrived_at', 1)}", DELIVERED), "a row: "),
    "another sequence": (reading("sequence = sequence + 1", DELIVERED), "a row: "),
    "two rows in the other order": (
        "CREATE TEMP TABLE two AS SELECT id, lag(id) OVER (ORDER BY id) AS before FROM sensor_readings WHERE sensor_id = 'S3' "
        "ORDER BY id LIMIT 1 OFFSET 20; UPDATE sensor_readings SET id = -1 WHERE id = (SELECT id FROM two); UPDATE sensor_readings SET id "
        "= (SELECT id FROM two) WHERE id = (SELECT before FROM two); UPDATE sensor_readings SET id = (SELECT before FROM two) "
        "WHERE id = -1", "a row: "),
    "a duplicate gone": ("DELETE FROM sensor_readings WHERE id = (SELECT max(id) FROM sensor_readings WHERE (sensor_id, due) = "
                         f"(SELECT sensor_id, due FROM deliveries WHERE id = {delivery('duplicate')}))", "a row: "),
    "duplicates that differ": ("UPDATE sensor_readings SET voltage = voltage + 1 WHERE id = (SELECT max(id) FROM sensor_readings WHERE "
                               f"(sensor_id, due) = (SELECT sensor_id, due FROM deliveries WHERE id = {delivery('duplicate')}))",
                               "the two rows of one reading differ"),
    "a row gone": (f"DELETE FROM sensor_readings WHERE id = {DELIVERED}", "a row: "),
    **{f"a {kind} that nobody notes": (f"DELETE FROM deliveries WHERE id = {delivery(kind)}", "deliveries: ")
       for kind in ("drop", "late", "duplicate", "hold", "drained")},
    "a drop that was none": (f"UPDATE deliveries SET sequence = sequence + 1 WHERE id = {delivery('drop')}", "deliveries: "),
    "a late one that comes later": (f"UPDATE deliveries SET arrived_at = {later('arrived_at', 1)} WHERE id = {delivery('late')}",
                                    "deliveries: "),
    "fewer that were held": (f"UPDATE deliveries SET readings = readings - 1 WHERE id = {delivery('drained')}", "deliveries: "),
    "other shares": ("UPDATE run_info SET config = replace(config, 'drop: \"4%\"', 'drop: \"5%\"')", "a row: "),
    "another drain": ("UPDATE run_info SET config = replace(config, 'drain: 2', 'drain: 3')", "a row: "),
    "an entry that nobody tells of": ("DELETE FROM fleet_events WHERE name = 'quiet'", "quiet reaches it here, but fleet_events does not"),
    "an entry that reached nobody": ("UPDATE fleet_events SET started_at = " + ONE_MICROSECOND.format("started_at")
                                     + " WHERE name = 'outage'", "outage reaches it here|outage does not reach it so"),
    "a failure that was none": ("UPDATE fleet_events SET failed = 1 - failed WHERE name = 'upgrade'", "upgrade does not reach it so"),
    "a warmer summer": ("UPDATE run_info SET config = replace(config, 'add: {temperature: 5}', 'add: {temperature: 5.001}')",
                        "temperature .* is not the model's"),
    "a longer silence": ("UPDATE run_info SET config = replace(config, 'for: 20s', 'for: 22s')", "a row: |quiet"),
}


class Falsehoods(GroundTruthTest):
    def setUp(self):
        super().setUp()
        fleet = self.write_identities([identity(f"S{i}", firmware_version=FIRMWARES[i % 2]) for i in range(12)])
        config = self.write("busy.yaml", BUSY)
        self.fill("data", "--config", config, "--duration", "2m", "--start", "2026-01-01", identities=fleet)
        self.check("data", "--complete")

    def test_each_is_caught(self):
        for name, (sql, reported) in FALSEHOODS.items():
            with self.subTest(name):
                offenders = self.offenders_of(sql)
                lines = [line for line in offenders if re.search(reported, line)]
                self.assertTrue(lines, offenders[:20])
                self.assertRegex(lines[0], r"^(sensor_data\.db: [ST]\d+ (202\d-01-01T00:0\d:\d\d\.\d{6}Z)?: |run_info: )")


if __name__ == "__main__":
    main()
