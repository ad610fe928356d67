#!/usr/bin/env python3
"""Scores of detectors: every measure against a second implementation in Python over detectors that guess, detections in every
form, and input that cannot be used. Layouts of labeled data, read by what their collections' readers do."""

import csv
import itertools
import math
import random
import statistics
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

from fleet import *

sys.path.insert(0, str(SOURCE / "tests"))
import scoring  # noqa: E402

BUFFER = 10
CONFIG = """
simulation: {interval: 30s}
anomalies:
  probability: 0.25
  severity: graded
  types: {noise: {weight: 0.2}, trend: {weight: 0.2}, offset: {weight: 0.3}, missing_data: {weight: 0.1, duration_seconds: 90}}
"""
TAKES_ROWS = ("missing_data", "dropout")


def band_of(severity):
    if severity is None:
        return "not graded"
    return next((name for bound, name in ((1, "below 1"), (2, "1 to 2"), (3, "2 to 3"), (4, "3 to 4")) if severity < bound),
                "4 and above")


def table(path, **options):
    """The header and the rows of a CSV file."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(file, **options)
    return header, rows


class ScoreTest(FleetTest):
    def make(self, *arguments, config=CONFIG):
        fleet = [identity(f"S{n}", firmware_version="1.3" if n % 2 else "1.4", model=f"M{n % 3}") for n in range(5)]
        self.write("my.yaml", config)
        self.fill("data", "--config", "my.yaml", "--duration", "1h", *arguments, identities=self.write_identities(fleet))
        self.rows = query_all(self.dir / "data", "SELECT sensor_id, timestamp, anomaly_type, firmware_version, model "
                                                 "FROM sensor_readings ORDER BY sensor_id, timestamp")
        self.events = query_all(self.dir / "data", "SELECT sensor_id, started_at, coalesce(ended_at, '9999'), anomaly_type, "
                                                   "severity, cause FROM anomaly_events ORDER BY sensor_id, started_at")
        self.assertGreater(len([row for row in self.rows if row[2]]), 40)

    def write_csv(self, header, rows, name="detections.csv"):
        with open(self.dir / name, "w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return name

    def score(self, *arguments, **options):
        return json.loads(self.fleet_sim("score", "data", "--json", *arguments, **options).stdout)

    def event_of(self, row):
        sensor, at, kind, *_ = row
        return next((event for event in reversed(self.events)
                     if kind and (event[0], event[3]) == (sensor, kind) and event[1] <= at <= event[2]), None)


class AgainstASecondImplementation(ScoreTest):
    def labels(self, by, name):
        """Of each reading: whether it is anomalous; None where the group leaves it out."""
        column = {"by_kind": lambda event: event[3], "by_severity": lambda event: band_of(event[4]), "by_cause": lambda event: event[5]}
        for row in self.rows:
            event = self.event_of(row)
            if by in column:
                yield (column[by](event) == name or None) if event else 0
            elif by == "by_firmware" and row[3] != name or by == "by_model" and row[4] != name:
                yield None
            else:
                yield int(event is not None)

    def areas(self, scores, labels):
        """Means over the sensors that have anomalous readings."""
        series = defaultdict(list)
        for row, score, label in zip(self.rows, scores, labels):
            if label is not None:
                series[row[0]].append((score, int(label)))
        found = [list(zip(*one)) for one in series.values() if any(label for _, label in one)]
        measures = (scoring.roc_auc, scoring.average_precision, lambda *one: scoring.vus_pr(*one, BUFFER))
        return [sum(measure(*one) for one in found) / len(found) if found else None for measure in measures]

    def check(self, told, scores, flagged, by, name):
        labels = list(self.labels(by, name))
        judged = [(flag, label) for flag, label in zip(flagged, labels) if label is not None]
        true = sum(flag and label for flag, label in judged)
        if by in ("by_kind", "by_severity", "by_cause"):  # precision is among the false alarms of all
            false = sum(flag and label == 0 for flag, label in zip(flagged, self.labels("", "")))
        else:
            false = sum(flag and not label for flag, label in judged)
        anomalous = sum(label for _, label in judged)
        if anomalous:
            self.assertEqual((told["true_positives"], told["false_positives"], told["anomalous"]), (true, false, anomalous), name)
            self.assertAlmostEqual(told["recall"], true / anomalous)
            self.assertAlmostEqual(told["f1"], 2 * true / (true + false + anomalous))
            if true + false:
                self.assertAlmostEqual(told["precision"], true / (true + false))
        for key, expected in zip(("roc_auc", "average_precision", "vus_pr"), self.areas(scores, labels)):
            self.assertEqual(told[key] is None, expected is None, (name, key))
            if expected is not None:
                self.assertAlmostEqual(told[key], expected, places=9, msg=(by, name, key))

    def check_events(self, told, flagged, events):
        first = [next((row[1] for row, flag in zip(self.rows, flagged) if flag and self.event_of(row) == event), None)
                 for event in events]
        begins = {sensor: min(row[1] for row in self.rows if row[0] == sensor) for sensor in {row[0] for row in self.rows}}
        delays = sorted((micros(at) - micros(max(event[1], begins[event[0]]))) / 1e6 for event, at in zip(events, first) if at)
        self.assertEqual((told["events"], told["events_found"]), (len(events), len(delays)))
        if delays:
            self.assertAlmostEqual(told["delay_p50"], delays[math.ceil(0.5 * len(delays)) - 1], places=3)
            self.assertAlmostEqual(told["delay_p90"], delays[math.ceil(0.9 * len(delays)) - 1], places=3)

    def test_every_measure(self):
        self.make("--shard-by", "firmware")
        seen = [event for event in self.events if any(self.event_of(row) == event for row in self.rows)]
        for seed in range(3):
            draw = random.Random(seed)
            # Of few values, so that there are ties; better than a guess.
            scores = [draw.choice((0, 0, 1, 2, 2, 3)) + (row[2] is not None) * draw.random() * seed for row in self.rows]
            mentioned = [(row[0], row[1], score) for row, score in zip(self.rows, scores) if score]
            draw.shuffle(mentioned)
            told = self.score("--detections", self.write_csv(("sensor_id", "timestamp", "score"), mentioned), "--buffer", BUFFER)
            threshold = scoring.best_threshold(scores, [row[2] is not None for row in self.rows])
            self.assertEqual((told["threshold"], told["threshold_is_best"]), (threshold, True))
            flagged = [threshold is not None and score >= threshold for score in scores]
            self.check(told, scores, flagged, "", "")
            for by, group in ((by, group) for by in ("by_kind", "by_severity", "by_cause", "by_firmware", "by_model") for group in told[by]):
                with self.subTest(seed=seed, by=by, group=group["name"]):
                    self.check(group, scores, flagged, by, group["name"])
            for group in told["by_kind"]:
                if group["name"] not in TAKES_ROWS:
                    self.check_events(group, flagged, [event for event in seen if event[3] == group["name"]])
            self.assertEqual(told["readings"], len(self.rows))
            self.assertEqual({group["name"] for group in told["by_kind"]},
                             {event[3] for event in seen} | {event[3] for event in self.events if event[3] in TAKES_ROWS})


class Detections(ScoreTest):
    def test_forms_of_the_same(self):
        """However moments and columns are written, and in whatever order: the same verdict."""
        self.make()
        rows = [(row[0], row[1]) for row in self.rows if row[2] or row[1][14:16] == "07"]

        def moment(text, zone=timezone.utc):
            return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros(text))).astimezone(zone)
        east = timezone(timedelta(hours=5, minutes=30))
        forms = {"as they are": lambda at: at, "microseconds": micros, "nanoseconds": lambda at: micros(at) * 1000,
                 "milliseconds": lambda at: micros(at) // 1000, "rounded": lambda at: round(micros(at) / 1000),
                 "an offset": lambda at: moment(at, east).isoformat(), "pandas": lambda at: str(moment(at)),
                 "whole seconds": lambda at: at[:19]}
        told = []
        for name, form in forms.items():
            found = [(sensor, form(at), 1) for sensor, at in rows]
            random.Random(name).shuffle(found)
            told.append(self.score("--detections", self.write_csv(("sensor_id", "timestamp", "flag"), found)))
            with self.subTest(name):
                self.assertEqual(told[-1], told[0])
        self.assertEqual(told[0]["unmatched_rows"], 0)
        self.assertEqual(told[0]["recall"], 1)
        self.assertLess(told[0]["precision"], 1)
        self.assertNotIn("roc_auc", told[0])
        mapped = self.write_csv(("x", "device", "when", "is_anomaly"), [("a, b", *one, "True") for one in rows], "mapped.csv")
        again = self.score("--detections", mapped, "--map", "sensor_id=device", "--map", "timestamp=when", "--map", "flag=is_anomaly")
        self.assertEqual({**again, "detector": 0}, {**told[0], "detector": 0})
        ran = subprocess.run([EXECUTABLE, "score", "data", "--detections", "-", "--json"], cwd=self.dir, env=environment(),
                             input=(self.dir / "detections.csv").read_bytes(), capture_output=True)
        self.assertEqual({**json.loads(ran.stdout), "detector": 0}, {**told[0], "detector": 0})

    def test_spans_find_what_is_missing(self):
        self.make()
        spans = [(event[0], event[1], event[2] if event[2] != "9999" else "2026-01-02") for event in self.events]
        told = self.score("--detections", self.write_csv(("sensor_id", "started_at", "ended_at"), spans))
        self.assertEqual((told["precision"], told["recall"], told["f1"], told["false_alarms"]), (1, 1, 1, 0))
        self.assertEqual((told["event_recall"], told["delay_p90"]), (1, 0))
        missing = next(group for group in told["by_kind"] if group["name"] == "missing_data")
        self.assertEqual((missing["events_found"], missing["recall"]), (len([e for e in self.events if e[3] == "missing_data"]), None))
        others = [span for span, event in zip(spans, self.events) if event[3] != "missing_data"]
        told = self.score("--detections", self.write_csv(("sensor_id", "started_at", "ended_at"), others))
        missing = next(group for group in told["by_kind"] if group["name"] == "missing_data")
        self.assertEqual(missing["events_found"], 0)

    def test_a_score_and_a_threshold(self):
        self.make()
        name = self.write_csv(("sensor_id", "timestamp", "score", "flag"),
                              [(row[0], row[1], i % 7 - 3, int(bool(row[2]))) for i, row in enumerate(self.rows)])
        told = self.score("--detections", name)
        self.assertEqual((told["f1"], told["threshold"]), (1, None))  # the flags decide
        self.assertLess(told["roc_auc"], 0.7)
        told = self.score("--detections", name, "--threshold", "2")
        self.assertEqual(told["true_positives"] + told["false_positives"], len([i for i in range(len(self.rows)) if i % 7 >= 5]))

    def test_rows_of_no_reading_are_told(self):
        self.make()
        name = self.write_csv(("sensor_id", "timestamp", "flag"), [("S1", "2026-01-01T00:00:00.000001Z", 1), ("S1", "2027-01-01", 1)])
        told = self.fleet_sim("score", "data", "--detections", name).stdout
        self.assertIn("2 rows at a time at which the sensor has no reading", told)

    def test_baselines(self):
        self.make("--shard-by", "sensor")
        found = {name: self.score("--baseline", name) for name in ("abs", "diff", "moving", "variance", "runs")}
        for name, told in found.items():
            self.assertEqual(told["detector"], f"baseline {name}")
            self.assertTrue(0 < told["vus_pr"] < 1 and 0 < told["roc_auc"] < 1, told)
        self.assertGreater(found["diff"]["roc_auc"], 0.6)  # steps show spikes and noise
        self.assertEqual(self.score("--baseline", "diff"), found["diff"])

    def test_bad_input(self):
        self.make()
        good = "sensor_id,timestamp,score\nS1,2026-01-01T00:00:10Z,1\n"
        cases = [("", "is empty"), ("sensor,timestamp,score\n", ":1: has no sensor_id"), ("sensor_id,timestamp\n", "score or flag"),
                 (good + "S1,2026-01-01T00:00:10Z,nan\n", ":3: score 'nan' is no finite number"),
                 (good + "S1,2026-01-01T00:00:10Z\n", ":3: has 2 fields"), (good + "S1,2026-01-01T0", "may have been cut short"),
                 (good + '"S1,2026-01-01T00:00:10Z,1\n', ":3: a quote is opened and never closed"),
                 (good + "S1,soon,1\n", ":3: timestamp 'soon' is no time"),
                 (good + "S9,2026-01-01T00:00:10Z,1\n", ":3: the run has no sensor 'S9'"),
                 (good + "s1,2026-01-01T00:00:10Z,1\n", "did you mean 'S1'?"),
                 (good.replace("Z,1", "Z,") + "", ":2: score '' is no finite number"), ("\0\1\2\n", "is this a CSV file?")]
        for text, says in cases:
            with self.subTest(text):
                self.write("bad.csv", text)
                ran = self.fleet_sim("score", "data", "--detections", "bad.csv", code=2)
                self.assertIn(says, ran.stderr)
                self.assertIn("bad.csv", ran.stderr)
                self.assertEqual((ran.stdout, ran.stderr.count("\n")), ("", 1))
        for arguments, says in ((["--detections", "none.csv"], "none.csv: cannot be read"), ([], "--detections FILE is required"),
                                (["--detections", "."], "cannot be read"), (["--baseline", "best"], "abs, diff"),
                                (["--detections", "bad.csv", "--map", "score"], "OURS=THEIRS"),
                                (["--detections", "bad.csv", "--baseline", "abs"], "--baseline")):
            self.assertIn(says, self.fleet_sim("score", "data", *arguments, code=2).stderr)
        self.assertEqual(self.fleet_sim("score", "nowhere", "--detections", "bad.csv", code=2).stdout, "")

    def test_an_endless_line_takes_bounded_memory(self):
        self.make()
        endless = subprocess.Popen(["sh", "-c", "printf 'sensor_id,timestamp,score\\n'; exec tr '\\0' x < /dev/zero"],
                                   stdout=subprocess.PIPE)
        ran = subprocess.run(["sh", "-c", 'ulimit -v 4000000; exec "$0" score data --detections -', EXECUTABLE], cwd=self.dir,
                             env=environment(), stdin=endless.stdout, capture_output=True, text=True, timeout=60)
        endless.kill()
        endless.communicate()
        self.assertEqual(ran.returncode, 2, ran.stderr)
        self.assertIn("standard input:2: is longer than", ran.stderr)


class Layouts(ScoreTest):
    def test_nab(self):
        """As NAB's corpus and labels are read: a file of times and values each, windows by their path below data/."""
        self.make()
        self.fleet_sim("export", "data", "--layout", "nab", "--out", "NAB")
        windows = json.loads((self.dir / "NAB/labels/combined_windows.json").read_text())
        files = {path.relative_to(self.dir / "NAB/data").as_posix(): path for path in (self.dir / "NAB/data").rglob("*.csv")}
        self.assertEqual(set(windows), set(files))
        self.assertEqual(len(files), 5 * 3)
        labeled = 0
        for name, path in files.items():
            header, rows = table(path)
            self.assertEqual(header, ["timestamp", "value"])
            times = [datetime.strptime(at, "%Y-%m-%d %H:%M:%S.%f") for at, _ in rows]
            self.assertEqual(times, sorted(times))
            for window in windows[name]:
                first, last = (datetime.strptime(at, "%Y-%m-%d %H:%M:%S.%f") for at in window)
                self.assertIn(first, times)
                self.assertIn(last, times)
                labeled += sum(first <= at <= last for at in times)
            self.assertTrue(all(math.isfinite(float(value)) for _, value in rows))
        self.assertGreaterEqual(labeled, len([row for row in self.rows if row[2]]))

    def test_tsb_ad(self):
        """As TSB-AD's runner reads a file: channels, then Label; the training length is the third last part of the name."""
        self.make()
        self.fleet_sim("export", "data", "--layout", "tsb-ad", "--out", "out")
        labels = 0
        for path in (self.dir / "out/TSB-AD-M").glob("*.csv"):
            train = int(path.name.split(".")[0].split("_")[-3])
            first = int(path.name.split(".")[0].split("_")[-1])
            header, rows = table(path)
            self.assertEqual(header, ["temperature", "vibration", "voltage", "Label"])
            label = [int(row[-1]) for row in rows]
            self.assertEqual((label.index(1), sum(label[:train])), (first, 0))
            self.assertTrue(all(float(value) for row in rows for value in row[:-1]))
            labels += sum(label)
        self.assertEqual(labels, len([row for row in self.rows if row[2]]))

    def test_skab(self):
        """As SKAB's notebooks read it: pd.read_csv(file, sep=";", index_col="datetime", parse_dates=True)."""
        self.make()
        self.fleet_sim("export", "data", "--layout", "skab", "--out", "SKAB")
        anomalous = 0
        for path in (self.dir / "SKAB").rglob("*.csv"):
            header, rows = table(path, delimiter=";")
            is_free = path.parent.name == "anomaly-free"
            self.assertEqual(header, ["datetime", "temperature", "vibration", "voltage"] + ["anomaly", "changepoint"] * (not is_free))
            if is_free:
                continue
            label, change = ([float(row[column]) for row in rows] for column in (-2, -1))
            self.assertEqual(change, [0.0] + [float(a != b) for a, b in itertools.pairwise(label)])
            anomalous += sum(label)
        self.assertEqual(anomalous, len([row for row in self.rows if row[2]]))

    def test_what_is_there_is_left_alone(self):
        self.make()
        self.write("out/mine.txt", "x")
        self.assertIn("left alone", self.fleet_sim("export", "data", "--layout", "nab", "--out", "out", code=2).stderr)
        self.assertIn("--out", self.fleet_sim("export", "data", "--layout", "nab", code=2).stderr)
        self.assertIn("--layout", self.fleet_sim("export", "data", "--layout", "ucr", "--out", "x", code=2).stderr)


class Detectability(ScoreTest):
    def test_report_tells_how_hard_anomalies_are(self):
        self.make()
        told = json.loads(self.fleet_sim("report", "data", "--json").stdout)["detectability"]
        self.assertEqual(told["sensors"], 5)
        self.assertEqual(told["readings"], len(self.rows))
        self.assertAlmostEqual(told["density"], len([row for row in self.rows if row[2]]) / len(self.rows), places=4)
        kinds = {(row[2], band_of(self.event_of(row)[4])) for row in self.rows if row[2]}
        self.assertEqual({(row["kind"], row["severity"]) for row in told["anomalies"]}, kinds)
        for row in told["anomalies"]:
            area = row["roc_auc"]
            named = "hidden" if area < 0.6 else "hard" if area < 0.85 else "fair" if area < 0.95 else "easy"
            self.assertTrue(row["verdict"] == named or (row["verdict"] == "trivial" and area == 1), row)
        text = self.fleet_sim("report", "data").stdout
        self.assertIn("detectability", text)

    def test_spikes_that_one_threshold_finds_are_trivial(self):
        config = """
simulation: {interval: 60s}
anomalies:
  basis: rate
  per_day: 20
  severity: graded
  types: {spike: {weight: 1, severity: [900, 1000]}, noise: {weight: 0}, trend: {weight: 0}, pattern: {weight: 0}, missing_data: {weight: 0}}
"""
        self.write("my.yaml", config)
        self.fill("data", "--config", "my.yaml", "--duration", "1d", identities=self.write_identities([identity("S1")]))
        told = json.loads(self.fleet_sim("report", "data", "--json").stdout)["detectability"]
        (row,) = told["anomalies"]
        self.assertEqual((row["kind"], row["severity"]), ("spike", "4 and above"))
        self.assertGreater(row["roc_auc"], 0.95)

    def test_areas_are_those_of_all_pairs_of_readings(self):
        """Of detectors of values, steps and deviations, by comparing each anomalous reading with each normal one."""
        config = """
anomalies: {basis: rate, per_day: 2000, severity: graded, types: {spike: {severity: [1, 1.5]}, missing_data: {weight: 0}, trend: {weight: 0}, pattern: {weight: 0}, noise: {weight: 0}}}
"""
        self.write("my.yaml", config)
        self.fill("data", "--config", "my.yaml", "--rate", "1", "--duration", "30m", identities=self.write_identities([identity("S1")]))
        rows = query_all(self.dir / "data", "SELECT timestamp, anomaly_flag, temperature, vibration, voltage FROM sensor_readings")
        events = query_all(self.dir / "data", "SELECT started_at, ended_at, channel FROM anomaly_events")
        normal = [i for i, row in enumerate(rows) if not row[1]]
        won = Counter()
        for channel, name in enumerate(("temperature", "vibration", "voltage"), 2):
            x = [row[channel] for row in rows]
            median = sorted(x)[len(x) // 2]
            steps = [abs(b - a) for a, b in itertools.pairwise(x)]
            scores = {"distance": [abs(value - median) for value in x],
                      "step": [max(pair) for pair in zip([0, *steps], [*steps, 0])]}
            for size in (32, 256):
                scores[f"z{size}"] = [0 if i < size else abs(value - statistics.fmean(x[i - size:i])) /
                                      (statistics.pstdev(x[i - size:i]) + 1e-6) for i, value in enumerate(x)]
            found = [i for i, row in enumerate(rows) if row[1] and any(a <= row[0] <= b and of == name for a, b, of in events)]
            for detector, score in scores.items():
                wins = sum((score[i] > score[j]) + (score[i] == score[j]) / 2 for i in found for j in normal)
                won[detector] += wins / len(normal)
        (row,) = json.loads(self.fleet_sim("report", "data", "--json").stdout)["detectability"]["anomalies"]
        self.assertEqual(row["detector"], max(won, key=won.get))
        self.assertAlmostEqual(row["roc_auc"], won[row["detector"]] / row["readings"], places=4)

    def test_the_name_of_the_folder_does_not_matter(self):
        fleet = self.write_identities([identity(f"S{n}") for n in range(50)])
        self.fill("data", "--rate", "1", "--duration", "10m", "--shard-by", "sensor", identities=fleet)
        told = json.loads(self.fleet_sim("report", "data", "--json").stdout)["detectability"]
        self.assertLess(told["sensors"], 50)
        (self.dir / "data").rename(self.dir / "elsewhere")
        self.assertEqual(json.loads(self.fleet_sim("report", "elsewhere", "--json").stdout)["detectability"], told)


class BenchmarkSet(ScoreTest):
    def test_it_has_no_known_flaw(self):
        """configs/benchmark.yaml: one to three anomalies a series, none in its first 15%, of different severity."""
        fleet = self.write_identities([identity(f"S{n}") for n in range(20)])
        self.fill("data", "--config", SOURCE / "configs/types/lifelike.yaml", "--config", SOURCE / "configs/benchmark.yaml",
                  "--shard-by", "hash:2", identities=fleet)
        events = query_all(self.dir / "data", "SELECT sensor_id, started_at, severity, cause FROM anomaly_events")
        counts = Counter(sensor for sensor, *_ in events)
        self.assertEqual(len(counts), 20)
        self.assertEqual({1, 2, 3} | set(counts.values()), {1, 2, 3})
        self.assertEqual({cause for *_, cause in events}, {"scenario"})
        self.assertGreater(len({severity for _, _, severity, _ in events}), len(events) / 2)
        self.assertTrue(all("2026-01-02T12:00:00" < at < "2026-01-11" for _, at, _, _ in events))
        told = json.loads(self.fleet_sim("report", "data", "--json").stdout)["detectability"]
        self.assertLess(told["trivial_share"], 0.2)
        self.assertLess(told["density"], 0.1)
        self.assertTrue(0.2 < told["mean_position"] < 0.65, told)
        self.fleet_sim("export", "data", "--layout", "tsb-ad", "--out", "set")
        for path in (self.dir / "set/TSB-AD-M").iterdir():
            self.assertGreater(int(path.name.split("_")[-3]), 0.15 * 14_400)


if __name__ == "__main__":
    main()
