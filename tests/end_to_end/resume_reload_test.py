#!/usr/bin/env python3
"""A run that was reloaded, or into which anomalies were injected, can be killed anywhere and resumed.

What happened to the fleet, and when, is in the shards. So a killed and resumed run is held against one that is never
interrupted: a copy of its files from which all rows are taken, but not the record, filled again by one process.
"""

import random
import re
import sys
from contextlib import closing, contextmanager
from http.client import HTTPConnection

from identity_folder import *

sys.path.insert(0, str(SOURCE / "tests"))
import ground_truth  # noqa: E402

TOKEN = "a-token-of-the-test-0123456789"
SITES = ("Factory A - Line 1", "Factory A - Line 2", "Warehouse - Dock", "Outdoor - Roof")
ROUNDS = 12 if AT_LENGTH else 2
SHORT_OR_LONG = {"median": 8, "min": 4, "max": 30}
GRADED = {**{kind: {"weight": 0.3, "duration_seconds": SHORT_OR_LONG}
             for kind in ("offset", "drift", "gain", "stuck", "quantise", "clip", "dropout")},
          "noise": {"duration_seconds": SHORT_OR_LONG}, "missing_data": {"duration_seconds": SHORT_OR_LONG}}


class Resumed(IdentityFolderTest):
    graded = False  # whether anomalies are, of all types

    def configure(self, probability=0.3, mean=65, rate=5, reload=True, edge=0.25):
        config = {"simulation": {"readings_per_second": rate},
                  "normal_parameters": {"temperature": {"mean": mean}},
                  "anomalies": {"probability": probability,
                                "types": {"trend": {"duration_seconds": 20}, "pattern": {"duration_seconds": 15},
                                          "missing_data": {"duration_seconds": 4}, "noise": {"duration_seconds": 9}}},
                  "config_reload": {"enabled": reload, "check_interval_seconds": 0.05}}
        if self.graded:
            config["anomalies"].update(severity="graded", edge=edge)
            config["anomalies"]["types"].update(GRADED)
        (self.dir / "next").write_text(json.dumps(config), encoding="utf-8")
        os.replace(self.dir / "next", self.dir / "config.yaml")

    def begin(self, *arguments, speed=10, env=None):
        return self.start("--config", "config.yaml", "--identities", "identities", "--data-dir", "data", "--speed", speed,
                          "--duration", 0, *arguments,
                          env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50", **(env or {})})

    def resume(self, data="data", *arguments, **options):
        return self.fleet_sim("--resume", "--data-dir", data, "--speed", "max", *arguments, **options)

    def kill(self, process):
        process.kill()
        process.wait()

    def until(self, condition, what, process, seconds=30):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            try:
                if condition():
                    return
            except sqlite3.OperationalError:
                pass  # a file that is just being made
            if process.poll() is not None:
                self.fail(f"ended with {process.returncode}:\n{self.printed()}")
            time.sleep(0.02)
        self.fail(f"not within {seconds} s: {what}\n{self.printed()}")

    def until_reloaded(self, process, times=1):
        self.until(lambda: self.printed().count("reloaded, starting with readings at") >= times, f"{times} reloads", process)

    def tables(self, path):
        return {name for (name,) in query(path, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")}

    def reloads(self, data="data"):
        return sorted({row for path in shards(self.dir / data) if "run_reloads" in self.tables(path)
                       for row in query(path, "SELECT number, at, changes FROM run_reloads")})

    def start_of_run(self):
        ((start,),) = {row for path in shards(self.data) if "run_info" in self.tables(path)
                       for row in query(path, "SELECT start FROM run_info")}
        return micros(start)

    def newest(self):
        return max(micros(at) for path in shards(self.data) if "sensor_readings" in self.tables(path)
                   for (at,) in query(path, "SELECT max(timestamp) FROM sensor_readings") if at)

    def empty_copy(self):
        """The same files with the record and the injections, but without rows."""
        shutil.copytree(self.data, self.dir / "again")
        for path in shards(self.dir / "again"):
            with closing(sqlite3.connect(path)) as shard:
                injected = "injected_anomalies" in self.tables(path)
                shard.execute("DELETE FROM sensor_readings")
                shard.execute("DELETE FROM anomaly_events" + (" WHERE id NOT IN (SELECT event_id FROM injected_anomalies)"
                                                              if injected else ""))
                shard.commit()

    def check(self, *arguments):
        """Finishes the run a little beyond its newest row, and compares."""
        last = max([self.newest(), *(micros(at) for _, at, _ in self.reloads())])
        how = ("--duration", (last - self.start_of_run()) / SECOND + 5, *arguments)
        finished = self.resume("data", *how)
        self.assertNotIn("do not balance", finished.stderr)
        self.assertEqual(finished.summary.lost, 0)
        self.assert_sound(self.data)
        self.empty_copy()
        self.resume("again", *how)
        self.assertEqual(self.readings("data"), self.readings("again"))
        self.assertEqual(self.counted("data"), self.counted("again"))
        self.check_rows()
        self.assertEqual(self.reloads(), self.reloads("again"))
        self.check_by_the_other_model()

    def check_rows(self):
        rows = query_all(self.data, "SELECT sensor_id, timestamp FROM sensor_readings")
        self.assertEqual(len(rows), len(set(rows)))

    @contextmanager
    def a_round(self, seed):
        """With chances of its own; leaves nothing for the next one."""
        self.at_random, self.graded = random.Random(seed), seed % 2 == 1
        try:
            yield
        finally:
            self.process.kill()
            self.process.wait()
            for folder in (self.data, self.dir / "again", self.folder):
                shutil.rmtree(folder, ignore_errors=True)
            self.folder.mkdir()

    def check_by_the_other_model(self):
        """Every reading and label is that of a model which shares no code with fleet-sim, too."""
        offenders, self.told = ground_truth.inspect(self.data)
        self.assertEqual(offenders[:20], [])

    def check_false(self, statement, told):
        """The other model finds what is falsified."""
        shutil.rmtree(self.dir / "false", ignore_errors=True)
        shutil.copytree(self.data, self.dir / "false")
        for path in shards(self.dir / "false"):
            with closing(connect(path)) as shard:
                shard.execute(statement)
        offenders, _ = ground_truth.inspect(self.dir / "false")
        self.assertTrue([one for one in offenders if re.search(told, one)], (statement, offenders[:20]))


class Reloaded(Resumed):
    def test_killed_at_random_among_reloads(self):
        for seed in range(ROUNDS):
            with self.subTest(seed=seed):
                with self.a_round(seed):
                    self.ravage(("location", "none", "sensor")[seed % 3])

    def ravage(self, sharding):
        draw = self.at_random
        self.configure()
        for i in range(8):
            self.put(f"S{i}", location=draw.choice(SITES))
        how = ("--shard-by", sharding, "--writers", 2)
        process = self.process = self.begin(*how, "--seed", draw.randrange(1000))
        self.wait_for_rows(self.data, 50, process)
        for _ in range(4):
            for _ in range(draw.randint(0, 3)):
                self.change()
                time.sleep(draw.uniform(0, 0.25))
            time.sleep(draw.uniform(0, 0.4))
            self.kill(process)
            process = self.process = self.begin("--resume", *how)
            time.sleep(draw.uniform(0, 0.8))
            self.assertIsNone(process.poll(), self.printed())
        self.kill(process)
        self.check("--config", "config.yaml", "--identities", "identities")

    def change(self):
        draw = self.at_random
        sensor = f"S{draw.randrange(12)}"
        if draw.random() < 0.3:
            return self.configure(draw.choice((0, 0.2, 0.5)), draw.choice((60, 65, 70)), draw.choice((1, 5, 12)),
                                  edge=draw.choice((0.25, 0.25, 0.1)) if self.graded else 0.25)
        if draw.random() < 0.3 and len(list(self.folder.iterdir())) > 2:
            return (self.folder / f"{sensor}.json").unlink(missing_ok=True)
        more = {"readings_per_second": draw.choice((0.7, 3, 20))} if draw.random() < 0.5 else {}
        self.put(sensor, location=draw.choice(SITES), firmware_version=draw.choice(("1.3", "1.4")), **more)

    def test_files_as_they_were_are_not_needed(self):
        """The record says what ran, whatever the files say by now; and they are taken up behind it."""
        self.configure(probability=0)
        for sensor in "ABC":
            self.put(sensor)
        process = self.begin("--shard-by", "location", "--seed", 7)
        self.wait_for_rows(self.data, 30, process)
        self.put("A", firmware_version="9.9", location=SITES[2], readings_per_second=20)
        (self.folder / "B.json").unlink()
        self.until_reloaded(process)
        self.until(lambda: query_all(self.data, "SELECT 1 FROM sensor_readings WHERE firmware_version = '9.9'"),
                   "rows of the new firmware", process)
        self.kill(process)
        before = self.reloads()
        newest = self.newest()
        self.put("A", firmware_version="1.3")
        self.put("D")
        self.configure(probability=0, mean=70)
        seconds = (newest - self.start_of_run()) / SECOND + 10
        resumed = self.resume("data", "--config", "config.yaml", "--identities", "identities", "--duration", seconds)
        reported = re.findall(r"reloaded, starting with readings at (\S+): (.*)", resumed.stderr)
        self.assertEqual(len(reported), 2, resumed.stderr)
        self.assertIn("normal_parameters.temperature.mean 65 -> 70", reported[0][1])
        self.assertIn("1 added (D), 1 changed (A: location", reported[1][1])
        self.assertEqual(self.reloads()[:len(before)], before)
        self.assertEqual(len(self.reloads()), len(before) + 2)
        at = reported[0][0]
        self.assertGreater(micros(at), newest)
        firmware = query_all(self.data, "SELECT DISTINCT firmware_version FROM sensor_readings WHERE sensor_id = 'A' AND "
                                        "timestamp >= ?", at)
        self.assertEqual(firmware, [("1.3",)])
        self.assertEqual(query_all(self.data, "SELECT count(*) FROM sensor_readings WHERE sensor_id = 'D' AND timestamp < ?",
                                   at), [(0,)] * len(shards(self.data)))
        self.check("--config", "config.yaml", "--identities", "identities")

    def test_a_reload_after_which_nothing_is_due(self):
        """It is in a shard at once."""
        self.configure(probability=0, rate=0.001)
        for sensor in "ABCDEFGHIJKL":
            self.put(sensor, readings_per_second=20)
        process = self.begin("--seed", 7, speed=1)
        self.wait_for_rows(self.data, 30, process)
        for sensor in "ABCDEFGHIJK":
            (self.folder / f"{sensor}.json").unlink()
        self.put("L", readings_per_second=0.0001)
        self.until_reloaded(process)
        self.until(lambda: self.reloads(), "the reload in a shard", process, seconds=5)
        self.kill(process)
        ((_, at, _), *_) = self.reloads()
        self.resume("data", "--duration", 60)
        self.assertEqual(query_all(self.data, "SELECT count(*) FROM sensor_readings WHERE timestamp >= ?", at), [(0,)])
        self.check()

    def test_flags_are_a_reload(self):
        self.configure(probability=0)
        self.put("A")
        self.fleet_sim("--config", "config.yaml", "--identities", "identities", "--data-dir", "data", "--seed", 7, "--start",
                       "2026-01-01", "--speed", "max", "--duration", "1m")
        self.resume("data", "--rate", 20, "--duration", "2m")
        ((number, at, changes),) = self.reloads()
        self.assertEqual((number, changes), (1, "simulation.readings_per_second 5 -> 20"))
        after = total(self.data, "SELECT count(*) FROM sensor_readings WHERE timestamp >= ?", at)
        self.assertAlmostEqual(after, 20 * (60 - 1), delta=60)
        self.resume("data", "--duration", "3m")  # without the flag: as it was recorded
        self.assertEqual(len(self.reloads()), 1)
        self.check()
        self.check_false("UPDATE run_reloads SET at = replace(at, '2026', '2025')", "no row, and no missing_data")
        self.check_false("UPDATE run_reloads SET config = replace(config, 'mean: 65', 'mean: 66')", "temperature .* the model's")
        self.check_false("UPDATE run_identities SET identities = replace(identities, '1.4', '1.3')", "is of .*1.4")


class ManyTimes(Resumed):
    """A run may be reloaded 10,000 times; so often it is not worth the wait, so the record is written here."""
    reloads_recorded = 10_000 if AT_LENGTH else 300
    how = ("--duration", "1h")

    def record(self):
        """A reload gives another mean, the next one another firmware to one of the sensors. Then no row is as the record has it,
        and all are taken out."""
        path = self.data / "sensor_data.db"
        with closing(connect(path)) as shard:
            ((run, config),) = shard.execute("SELECT run_id, config FROM run_info").fetchall()
            self.assertIn("mean: 65\n", config)
            shard.execute("BEGIN")
            shard.execute("CREATE TABLE run_reloads (run_id TEXT NOT NULL, number INTEGER NOT NULL, at TEXT NOT NULL, changes "
                          "TEXT NOT NULL, fleet_size INTEGER NOT NULL, config TEXT NOT NULL, config_hash TEXT NOT NULL, "
                          "fleet_hash TEXT NOT NULL, PRIMARY KEY (run_id, number, at))")
            for number in range(1, self.reloads_recorded + 1):
                at = ground_truth.timestamp(ground_truth.micros("2026-01-01T00:20:00.000000Z")
                                            + number * 2_000 * SECOND // self.reloads_recorded)
                reloaded = config.replace("mean: 65\n", f"mean: {65 + number // 2 / 1000}\n")
                shard.execute("INSERT INTO run_reloads VALUES (?, ?, ?, 'mean', 12, ?, '', '')", (run, number, at, reloaded))
                line = json.dumps(identity(f"S{number % 11}", firmware_version=f"1.{number % 7}")) + "\n" if number % 2 else ""
                shard.execute("INSERT INTO run_identities VALUES (?, ?, ?, 0, ?, '')", (run, number, at, line))
            shard.execute("DELETE FROM sensor_readings")
            shard.execute("DELETE FROM anomaly_events")
            shard.execute("COMMIT")

    def test_reloaded_so_often_and_resumed(self):
        fleet = self.write_identities([identity(f"S{i}") for i in range(12)])
        config = self.write("config.yaml", "anomalies: {probability: 0.4}\n")
        self.fill("data", "--config", config, "--rate", 0.5, *self.how, identities=fleet)
        self.record()
        self.resume("data", *self.how)
        whole = self.readings("data")
        offenders, told = ground_truth.inspect(self.data)
        self.assertEqual(offenders[:20], [])
        self.assertIn("12 of 12 sensors", told)
        with closing(connect(self.data / "sensor_data.db")) as shard:  # as if it had been killed near the end
            shard.execute("DELETE FROM sensor_readings WHERE timestamp > '2026-01-01T00:58'")
            shard.execute("DELETE FROM anomaly_events WHERE started_at > '2026-01-01T00:58'")
            shard.execute("UPDATE anomaly_events SET ended_at = NULL WHERE ended_at > '2026-01-01T00:58'")
        self.resume("data", *self.how)
        self.assertEqual(self.readings("data"), whole)


class Injected(Resumed):
    def test_killed_among_injected_anomalies(self):
        self.ravage(("trend", "noise", "pattern", "missing_data", "spike"))

    def test_killed_among_injected_graded_anomalies(self):
        self.graded = True
        self.ravage(ground_truth.TYPES[:11] + ("dropout",))
        for change, told in (("duration = duration + 1000000", "ended_at is"), ("duration = duration / 2", "ended_at is")):
            self.check_false(f"UPDATE injected_anomalies SET {change}", told)
        for change, told in (("cause = 'drawn'", "starts no"), ("severity = severity + 0.001", "magnitude is"),
                             ("direction = -direction", "direction is"), ("sigma = sigma * 1.0001", "sigma is")):
            self.check_false(f"UPDATE anomaly_events SET {change}", told)

    def ravage(self, kinds):
        self.configure(probability=0, reload=False)
        for i in range(8):
            self.put(f"S{i}")
        served = {"FLEET_SIM_MONITORING_ENABLED": "true", "FLEET_SIM_MONITORING_TOKEN": TOKEN}
        how = ("--status-address", "127.0.0.1:0")
        process = self.begin(*how, "--seed", 7, env=served)
        self.wait_for_rows(self.data, 50, process)
        draw = random.Random(3)
        for _ in range(4):
            for kind in draw.sample(kinds, 2):
                self.inject(process, {"type": kind, "sensors": draw.sample([f"S{i}" for i in range(8)], 3), **self.details(draw, kind)})
            time.sleep(draw.uniform(0.1, 0.5))
            self.kill(process)
            process = self.begin("--resume", *how, env=served)
            time.sleep(draw.uniform(0.2, 0.6))
        self.kill(process)
        self.assertGreater(total(self.data, "SELECT count(*) FROM injected_anomalies"), 3)
        self.check()
        injected = "SELECT count(*) FROM anomaly_events WHERE id NOT IN (SELECT event_id FROM injected_anomalies)"
        self.assertEqual(total(self.data, injected), 0)

    def details(self, draw, kind):
        """Some of what may be said of an anomaly."""
        details = {"duration": draw.choice(("3s", "6s", "20s"))} if draw.random() < 0.5 else {}
        if self.graded and kind not in ground_truth.TAKES_ROWS and draw.random() < 0.5:
            details["channel"] = draw.choice(("temperature", "vibration", "voltage"))
        if self.graded and kind not in ("missing_data", "stuck") and draw.random() < 0.5:
            details["severity"] = 0.7 if kind in ("dropout", "clip") else 2.5
        return details

    def inject(self, process, asked_for):
        def address():
            return re.search(r"status at http://127\.0\.0\.1:(\d+)/", self.printed())
        self.until(address, "the status address", process)

        def asked():
            connection = HTTPConnection("127.0.0.1", int(address()[1]), timeout=10)
            with closing(connection):
                connection.request("POST", "/api/anomalies", json.dumps(asked_for),
                                   {"Authorization": f"Bearer {TOKEN}"})
                return connection.getresponse().status in (202, 409)  # 409: all of them are in one
        self.until(asked, "an injection", process)


if __name__ == "__main__":
    main()
