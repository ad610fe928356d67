#!/usr/bin/env python3
"""Ground truth of graded anomalies: what the files, the report and the exports say of them, and that a run which is killed inside
one goes on with it as if nothing had happened."""

import csv
import io
import subprocess
import sys
from contextlib import closing

from fleet import *

KINDS = ("spike", "trend", "pattern", "missing_data", "noise", "offset", "drift", "gain", "stuck", "quantise", "clip",
         "dropout")
UNGRADED = {"missing_data", "stuck"}
WITHOUT_SIGMA = UNGRADED | {"dropout"}
CONFIG = """\
types:
  pump:
    sources:
      run:     {kind: load, duty: 0.6, burst: 1.3}
      level:   {kind: noise, from: 30m, to: 8h, roughness: 0.3}
      weather: {kind: noise, scope: site, from: 1h, to: 8d, roughness: 0.5}
    channels:
      flow:      {unit: m3/h, base: 5, white: 0.3, resolution: 0.1, range: [0, 80], rails: [0, 90], terms: {run: 48, level: 2}}
      bearing:   {unit: "°C", base: 30, white: 0.05, resolution: 0.001, terms: {run: 18, weather: 2}}
      volume:    {unit: m3, kind: counter, per: 1h, resolution: 0.01, rate: {run: 48}}
      mode:      {kind: state, of: run, at: [0.5], names: [stopped, running]}
      power:     {unit: kW, kind: product, of: [flow, bearing]}
anomalies:
  basis: rate
  per_day: 60
  severity: graded
  types:
""" + "".join(f"    {kind}: {{weight: 1}}\n" for kind in KINDS if kind not in ("drift", "gain")) + """\
    drift: {weight: 1, duration_seconds: {median: 12m, min: 10m, max: 30m}}
    gain: {weight: 1, duration_seconds: {median: 10m, min: 1m, max: 1h}}
"""
HOURS = "4h"
END = "2026-01-01T04:00"
PERIOD = 5 * SECOND


def pumps_and_others():
    return ([{"id": f"PUMP_{n}", "type": "pump", "location": f"Plant {n % 2} - Hall {n}"} for n in range(8)]
            + [identity(f"S{n}") for n in range(6)])


class GradedTruth(FleetTest):
    """One filled directory for all tests, which copy it."""

    config = CONFIG
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.kept = Path(tempfile.mkdtemp(prefix="fleet-sim-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.kept, ignore_errors=True)
        (cls.kept / "config.yaml").write_text(cls.config, encoding="utf-8")
        (cls.kept / "fleet.jsonl").write_text("".join(json.dumps(one) + "\n" for one in pumps_and_others()), encoding="utf-8")
        subprocess.run([EXECUTABLE, *cls.how(cls.kept), "--start", "2026-01-01", "--seed", "11", *cls.arguments], check=True,
                       cwd=cls.kept, env=environment(), stdout=subprocess.DEVNULL)

    @staticmethod
    def how(folder, config="config.yaml"):
        return ("--config", folder / config, "--identities", folder / "fleet.jsonl", "--data-dir", "data", "--speed", "max",
                "--rate", "0.2", "--duration", HOURS)

    def setUp(self):
        super().setUp()
        shutil.copytree(self.kept, self.dir, dirs_exist_ok=True)
        self.data = self.dir / "data"

    def resume(self, config="config.yaml"):
        return self.fleet_sim(*self.how(self.dir, config), "--resume")

    def cut(self, at):
        """The files as a process leaves them that is killed then."""
        for path in shards(self.data):
            with closing(connect(path)) as shard:
                due = dict(shard.execute("SELECT sensor_id, min(timestamp) FROM sensor_readings GROUP BY 1"))
                shard.execute("DELETE FROM sensor_readings WHERE timestamp > ?", (at,))
                shard.execute("DELETE FROM anomaly_events WHERE max(started_at, (SELECT start FROM run_info)) > ?", (at,))
                for event, sensor, end in shard.execute("SELECT id, sensor_id, ended_at FROM anomaly_events WHERE ended_at >= ?",
                                                        (at,)).fetchall():
                    # It has ended with its last reading, which may have been due before.
                    next_due = micros(due[sensor]) + ((micros(at) - micros(due[sensor])) // PERIOD + 1) * PERIOD
                    if next_due <= micros(end):
                        shard.execute("UPDATE anomaly_events SET ended_at = NULL WHERE id = ?", (event,))
                if shard.execute("SELECT 1 FROM sqlite_schema WHERE name = 'injected_anomalies'").fetchone():
                    shard.execute("DELETE FROM injected_anomalies WHERE event_id NOT IN (SELECT id FROM anomaly_events)")

    def events(self, columns, condition="1"):
        return query_all(self.data, f"SELECT {columns} FROM anomaly_events WHERE {condition}")

    def restore(self):
        shutil.rmtree(self.data)
        shutil.copytree(self.kept / "data", self.data)

    def middle_of(self, condition):
        """A moment inside an event whose readings are in the run."""
        found = self.events("started_at, ended_at", f"ended_at IS NOT NULL AND ended_at < '{END}' AND {condition}")
        self.assertNotEqual(found, [], condition)
        begin, end = max(found, key=lambda event: micros(event[1]) - micros(event[0]))
        begin = max(micros(begin), micros("2026-01-01T00:00:00.000000Z"))
        return timestamp((begin + micros(end)) // 2)


def timestamp(at):
    whole, fraction = divmod(at - micros("2026-01-01T00:00:00.000000Z"), SECOND)
    return f"2026-01-01T{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{fraction:06}Z"


class Recorded(GradedTruth):
    def test_every_event_says_how_severe_it_is_in_what(self):
        events = self.events("anomaly_type, severity, sigma, magnitude, cause, scenario, fails_at")
        self.assertEqual({event[0] for event in events}, set(KINDS))
        for kind, severity, sigma, magnitude, cause, scenario, fails_at in events:
            self.assertEqual(severity is None, kind in UNGRADED, kind)
            self.assertEqual(sigma is None, kind in WITHOUT_SIGMA, kind)
            self.assertEqual((cause, scenario, fails_at), ("drawn", None, None))
            if kind == "offset":
                self.assertEqual(magnitude, severity * sigma)
            if severity is not None:
                low, high = {"spike": (3, 6), "pattern": (1, 3), "noise": (1.2, 3), "quantise": (1, 4), "clip": (-1, 1),
                             "dropout": (0.2, 1)}.get(kind, (2, 4))
                self.assertTrue(low <= severity <= high, (kind, severity))

    def test_a_run_says_what_severities_count_in(self):
        ((text,),) = set(query_all(self.data, "SELECT spread FROM run_info"))
        spread = json.loads(text)
        self.assertEqual({name: list(channels) for name, channels in spread.items()},
                         {"pump": ["flow", "bearing"], "temperature_vibration": ["temperature", "vibration", "voltage"]})
        for channel in [channel for channels in spread.values() for channel in channels.values()]:
            self.assertEqual((len(channel["sigma"]), sorted(channel)), (23, ["deviation", "mean", "sigma"]))
        flow = spread["pump"]["flow"]
        for sigma, begin, end in query(self.data / "sensor_data.type=pump.db",
                                       "SELECT sigma, started_at, ended_at FROM anomaly_events WHERE anomaly_type = 'offset' AND "
                                       "channel = 'flow' AND ended_at IS NOT NULL"):
            below = (micros(end) + 1 - micros(begin)).bit_length() - 1 - 20
            low, high = sorted(flow["sigma"][below:below + 2])
            self.assertTrue(low <= sigma <= high, (sigma, low, high))

    def test_a_run_without_graded_anomalies_says_nothing_of_them(self):
        self.fill("plain", "--duration", "1h")
        self.assertEqual(set(query_all(self.dir / "plain", "SELECT spread FROM run_info")), {(None,)})
        self.assertEqual(set(query_all(self.dir / "plain", "SELECT severity, sigma FROM anomaly_events")), {(None, None)})

    def test_severity_counts_in_the_digest_and_cause_does_not(self):
        before = self.digest("data")["digest"]
        for change, differs in (("cause = 'injected'", False), ("severity = severity + 1", True), ("sigma = 2", True),
                                ("fails_at = ended_at", True), ("scenario = 'x'", True)):
            with closing(connect(self.data / "sensor_data.db")) as shard:
                shard.execute(f"UPDATE anomaly_events SET {change} WHERE id = (SELECT min(id) FROM anomaly_events WHERE "
                              "anomaly_type = 'offset')")
            (self.assertNotEqual if differs else self.assertEqual)(self.digest("data")["digest"], before, change)
            self.restore()

    def test_the_report_says_why_and_how_severe(self):
        with closing(connect(self.data / "sensor_data.db")) as shard:
            changed = shard.execute("UPDATE anomaly_events SET cause = 'injected' WHERE anomaly_type IN ('offset', 'dropout')").rowcount
            ((affected,),) = shard.execute("SELECT sum(readings_affected) FROM anomaly_events WHERE cause = 'injected'")
            ((left,),) = shard.execute("SELECT count(*) FROM sensor_readings WHERE anomaly_type = 'dropout'")
        report = json.loads(self.fleet_sim("report", "data", "--json").stdout)
        for kind, *expected in self.events("anomaly_type, severity, cause"):
            self.assertIn(kind, report["anomaly_events"], expected)
        severities = [severity for (severity,) in self.events("severity", "anomaly_type = 'offset'")]
        offset = report["anomaly_events"]["offset"]
        self.assertEqual((offset["events"], offset["drawn"] + offset["injected"]), (len(severities), len(severities)))
        self.assertAlmostEqual(offset["severity"]["least"], min(severities), 3)
        self.assertAlmostEqual(offset["severity"]["most"], max(severities), 3)
        self.assertAlmostEqual(offset["severity"]["mean"], sum(severities) / len(severities), 3)
        self.assertIsNone(report["anomaly_events"]["stuck"]["severity"])
        self.assertEqual(sum(kind["injected"] for kind in report["anomaly_events"].values()), changed)
        self.assertEqual(report["total"]["injected"], affected + left, "those that dropouts took, and those that they left")
        self.assertEqual(report["gaps"]["count"], 0, report["gaps"])  # dropout explains what is absent
        text = self.fleet_sim("report", "data").stdout
        for told in (r"events by cause +events +drawn +injected +scenario +aging +severity +mean", r"offset +\d+ +\d+ +\d+ +0 +0 +[234]",
                     r"missing +anomalous +injected +rate", "which no expected rate includes"):
            self.assertRegex(text, told)
        self.fleet_sim("report", "data", "--html", "page.html")
        page = (self.dir / "page.html").read_text(encoding="utf-8")
        self.assertIn('"cause":"injected"', page)
        self.assertIn('"severity":', page)
        # Where all are drawn and none is graded, there is nothing to add.
        self.fill("plain", "--duration", "1h")
        plain = self.fleet_sim("report", "plain").stdout
        self.assertNotIn("by cause", plain)
        self.assertNotIn("injected", plain)

    def test_labels_say_why_and_how_severe(self):
        labels = json.loads(self.fleet_sim("export", "data", "--labels", "events").stdout)
        found = sorted(((one["type"], one["severity"], one["sigma"], one["cause"]) for of in labels.values() for one in of), key=repr)
        self.assertEqual(found, sorted(self.events("anomaly_type, severity, sigma, cause"), key=repr))

    def test_how_long_a_sensor_has_left(self):
        failure = ("INSERT INTO anomaly_events (sensor_id, anomaly_type, started_at, ended_at, readings_affected, cause, scenario, "
                   "fails_at) VALUES ('PUMP_1', 'stuck', '2026-01-01T00:10:00.000000Z', {}, 9, 'aging', 'bearing, left', "
                   "'2026-01-01T03:00:00.000000Z')")
        with closing(connect(self.data / "sensor_data.type=pump.db")) as shard:
            shard.execute("DELETE FROM anomaly_events")
            shard.execute(failure.format("'2026-01-01T03:30:00.000000Z'"))
        exported = list(csv.DictReader(io.StringIO(self.fleet_sim("export", "data", "--labels", "life").stdout)))
        life = {"sensor_id": "PUMP_1", "aging": "bearing, left", "started_at": "2026-01-01T00:10:00.000000Z",
                "fails_at": "2026-01-01T03:00:00.000000Z", "ended_at": "2026-01-01T03:30:00.000000Z"}
        self.assertEqual(exported, [life])
        windows = json.loads(self.fleet_sim("export", "data", "--labels", "windows", "--type", "pump").stdout)
        self.assertEqual(windows["PUMP_1"], [[life["fails_at"], life["ended_at"]]])
        with closing(connect(self.data / "sensor_data.type=pump.db")) as shard:
            shard.execute("UPDATE anomaly_events SET ended_at = NULL")
        (exported,) = csv.DictReader(io.StringIO(self.fleet_sim("export", "data", "--labels", "life").stdout))
        self.assertEqual(exported, life | {"ended_at": ""})


class Resumed(GradedTruth):
    def assert_goes_on(self, whole):
        for condition in (*(f"anomaly_type = '{kind}'" for kind in KINDS if kind != "spike"),
                          "started_at < '2026-01-01' AND anomaly_type IN ('offset', 'drift', 'stuck', 'dropout', 'gain')"):
            at = self.middle_of(condition)
            self.cut(at)
            self.resume()
            self.assertEqual(self.counted("data"), whole, f"{condition}: cut at {at}")

    def test_inside_events_of_every_kind(self):
        self.assert_goes_on(self.counted("data"))

    def test_inside_events_that_reloads_have_changed(self):
        """The config changes while the run is away; then it is killed before, after and in the midst of what that changed."""
        self.write("other.yaml", CONFIG + "normal_parameters: {temperature: {mean: 50, std_dev: 9}}\n")
        self.cut("2026-01-01T01:30:00.000000Z")
        self.resume("other.yaml")
        self.assertEqual(len(set(query_all(self.data, "SELECT at FROM run_reloads"))), 1)
        shutil.copy(self.dir / "other.yaml", self.dir / "config.yaml")
        whole = self.counted("data")
        for at in ("2026-01-01T01:30:30.000000Z", "2026-01-01T01:33:00.000000Z", "2026-01-01T01:37:00.000000Z",
                   "2026-01-01T01:45:00.000000Z"):
            self.cut(at)
            self.resume()
            self.assertEqual(self.counted("data"), whole, at)
        self.assert_clean_where_normal()

    def exported(self, *arguments):
        return self.fleet_sim("export", "data", "--clean", *arguments)

    def assert_clean_where_normal(self):
        """A row without an anomaly reads what it would have read without one; many others do not."""
        rows = [json.loads(line) for line in self.exported("--format", "ndjson").stdout.splitlines()]
        self.assertEqual(len(rows), total(self.data, "SELECT count(*) FROM sensor_readings"))
        differ = 0
        for row in rows:
            channels = [name for name in row if f"clean_{name}" in row]
            self.assertIn(len(channels), (3, 5))
            differs = [name for name in channels if row[name] != row[f"clean_{name}"]]
            if row["anomaly_flag"] == 0 or row["anomaly_type"] == "dropout":
                self.assertEqual(differs, [], row)
            differ += bool(differs)
        self.assertGreater(differ, len(rows) / 20)
        return rows

    def test_what_readings_would_have_been(self):
        self.cut(self.middle_of("anomaly_type = 'gain'"))
        self.resume()
        rows = self.assert_clean_where_normal()
        # Cold and bit for bit: a run of the same seed without anomalies reads the clean values.
        self.fleet_sim(*self.how(self.dir)[:4], "--data-dir", "calm", "--speed", "max", "--rate", "0.2", "--duration", HOURS, "--start",
                       "2026-01-01", "--seed", "11", env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
        calm = {(row[0], row[1]): row[2:] for row in query_all(self.dir / "calm", "SELECT sensor_id, timestamp, * FROM sensor_readings")}
        for row in rows:
            clean = tuple(value for name, value in row.items() if name.startswith("clean_"))
            found = calm[row["sensor_id"], row["timestamp"]]
            self.assertEqual(found[3:3 + len(clean)], clean, row)

    def test_clean_values_in_every_format(self):
        only = ("--type", "pump", "--sensor", "PUMP_3", "--from", "2026-01-01T01:00", "--to", "2026-01-01T01:10")
        rows = [json.loads(line) for line in self.exported("--format", "ndjson", *only).stdout.splitlines()]
        table = list(csv.DictReader(io.StringIO(self.exported(*only).stdout)))
        self.assertEqual(list(table[0])[:8], ["timestamp", "sensor_id", "flow", "clean_flow", "bearing", "clean_bearing", "volume",
                                              "clean_volume"])
        lines = self.exported("--format", "line-protocol", *only).stdout.splitlines()
        self.assertEqual((len(table), len(lines)), (len(rows), len(rows)))
        for row, cells, line in zip(rows, table, lines):
            self.assertIsInstance(row["clean_mode"], int)
            self.assertEqual(float(cells["clean_flow"]), row["clean_flow"])
            self.assertIn(f",clean_mode={row['clean_mode']}i,", line)
        self.assertNotIn("clean_", self.fleet_sim("export", "data", *only).stdout)

    def test_runs_that_cannot_be_built_again(self):
        for spoil, told in (("DELETE FROM run_identities", "does not say which sensors it began with .table run_identities.: an older "
                             "version wrote it, or a file is missing"),
                            ("UPDATE run_info SET config = 'nonsense: 1'", "--clean: .*nonsense"),
                            ("UPDATE sensor_readings SET sensor_id = 'nobody' WHERE id = 5",
                             "reading 5, of .nobody. at 2026-.*Z, is of no run that the file records"),
                            ("DELETE FROM run_info", "is of no run that the file records")):
            for path in shards(self.data):
                with closing(connect(path)) as shard:
                    shard.execute(spoil)
            said = self.fleet_sim("export", "data", "--clean", "--format", "ndjson", code=2).stderr
            self.assertRegex(said, told, spoil)
            self.restore()

    def test_a_center_in_which_two_runs_read_the_same_does_not_guess(self):
        for seed in (1, 2):
            self.fill(f"run {seed}", "--duration", "1m", "--seed", seed, identities=IDENTITIES)
        collect = [sys.executable, "-B", SOURCE / "scripts" / "collect", "--into", self.dir / "center.db"]
        subprocess.run([*collect, self.dir / "run 1"], check=True, capture_output=True)
        one = [json.loads(line) for line in self.fleet_sim("export", "center.db", "--clean", "--format", "ndjson").stdout.splitlines()]
        self.assertTrue(all(row["clean_voltage"] == row["voltage"] for row in one if not row["anomaly_flag"]))
        subprocess.run([*collect, self.dir / "run 2"], check=True, capture_output=True)
        self.assertIn("may be of several runs", self.fleet_sim("export", "center.db", "--clean", code=2).stderr)


class Injected(GradedTruth):
    """Into a fleet without anomalies, which so is filled again from the record of what was injected."""

    config = CONFIG.replace("anomalies:\n", "anomalies:\n  enabled: false\n")

    INJECTED = (("S1", "offset", "voltage", 7.5, 1_700), ("S2", "drift", "temperature", 3, 2_400), ("S3", "dropout", None, 0.5, 1_300),
                ("S4", "stuck", "vibration", None, 800), ("PUMP_1", "stuck", "bearing", None, 900), ("PUMP_2", "clip", "flow", -0.5, 1_111),
                ("PUMP_3", "gain", "bearing", 3.5, 1_000), ("PUMP_4", "intermittent", "flow", 0.25, 1_500))

    def inject(self):
        """The files as a process leaves them that is killed as these begin."""
        self.dues = {}
        for path in shards(self.data):
            with closing(connect(path)) as shard:
                shard.execute("CREATE TABLE injected_anomalies (event_id INTEGER PRIMARY KEY, duration INTEGER)")
                for sensor, kind, channel, severity, seconds in self.INJECTED:
                    due = shard.execute("SELECT min(timestamp) FROM sensor_readings WHERE sensor_id = ? AND timestamp > "
                                        "'2026-01-01T01:00'", (sensor,)).fetchone()[0]
                    if due is None:
                        continue
                    self.dues[sensor] = micros(due)
                    event = shard.execute("INSERT INTO anomaly_events (sensor_id, anomaly_type, channel, started_at, readings_affected, "
                                          "severity, cause) VALUES (?, ?, ?, ?, 0, ?, 'injected')",
                                          (sensor, kind, channel, due, severity)).lastrowid
                    shard.execute("INSERT INTO injected_anomalies VALUES (?, ?)", (event, seconds * SECOND))
                shard.execute("DELETE FROM sensor_readings")

    def test_goes_on_as_it_was_asked_for(self):
        normal = {(one, at): rest for one, at, *rest in query_all(self.data, "SELECT sensor_id, timestamp, * FROM sensor_readings")}
        self.inject()
        self.resume()
        whole = self.counted("data")
        counts = json.loads(self.fleet_sim("report", "data", "--json").stdout)["total"]
        self.assertEqual(counts["injected"], counts["anomalous"], "of a dropout, what it has left and what it took")
        for sensor, kind, channel, severity, seconds in self.INJECTED:
            ((end, cause),) = self.events("ended_at, cause", f"sensor_id = '{sensor}'")
            self.assertIsNotNone(end, sensor)
            self.assertEqual((micros(end) + 1 - self.dues[sensor], cause), (seconds * SECOND, "injected"), sensor)
            for path in shards(self.data):
                rows = query(path, "SELECT timestamp, anomaly_type, * FROM sensor_readings WHERE sensor_id = ?", sensor)
                columns = [row[1] for row in query(path, "PRAGMA table_info(sensor_readings)")]
                for at, anomaly, *row in rows:
                    inside = self.dues[sensor] <= micros(at) <= micros(end)
                    self.assertEqual(anomaly, kind if inside else None, (sensor, at))
                    changed = {name for name, one, was in zip(columns, row, normal[sensor, at])
                               if one != was and name not in ("id", "status_code", "anomaly_flag", "anomaly_type", "synced", "power")}
                    self.assertLessEqual(changed, {channel} if inside else set(), (sensor, at))
                if kind == "stuck" and rows:
                    place = columns.index(channel) + 2
                    self.assertEqual(len({row[place] for row in rows if row[1] == kind}), 1, sensor)
        for sensor, *_ in self.INJECTED:
            at = self.middle_of(f"sensor_id = '{sensor}'")
            self.cut(at)
            self.resume()
            self.assertEqual(self.counted("data"), whole, f"{sensor}: cut at {at}")

    def test_a_file_of_before_severities_goes_on_with_what_was_injected(self):
        self.inject()
        for path in shards(self.data):
            with closing(connect(path)) as shard:
                shard.executescript(
                    "UPDATE anomaly_events SET anomaly_type = 'noise', channel = NULL; ALTER TABLE injected_anomalies DROP COLUMN duration;"
                    + "".join(f"ALTER TABLE anomaly_events DROP COLUMN {name};" for name in
                              ("severity", "sigma", "cause", "scenario", "fails_at"))
                    + "ALTER TABLE run_info DROP COLUMN spread; PRAGMA user_version = 3")
        self.resume()
        whole = self.counted("data")
        self.assertEqual(set(self.events("anomaly_type, cause")), {("noise", "injected")})
        self.cut("2026-01-01T01:01:30.000000Z")
        self.resume()
        self.assertEqual(self.counted("data"), whole)


if __name__ == "__main__":
    main()
