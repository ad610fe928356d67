#!/usr/bin/env python3
"""`--backfill` fills the history before its launch as fast as it goes and continues at the clock's pace, as one run."""

import time
from contextlib import closing

from fleet import *


class Backfill(FleetTest):
    def make_fleet(self, size=200, rate=2):
        return self.write_identities([
            identity(f"S{i:04}", location=f"Site {i % 5} - Row {i % 3}", firmware_version=("1.3", "1.4")[i % 2],
                     readings_per_second=rate) for i in range(size)])

    def run_info(self, data="data"):
        (info,) = set(query_all(self.dir / data, "SELECT start, began_at, seed FROM run_info"))
        return info

    def assert_is_the_run_from(self, start, seconds, fleet, *how, data="data"):
        """It holds what a run does that started then and fills nothing but history."""
        self.fill("whole", "--start", start, "--duration", seconds, *how, identities=fleet)
        self.assert_sound(self.dir / data)
        self.assertEqual(self.counted(data), self.counted("whole"))

    def test_history_and_then_the_present(self):
        fleet = self.make_fleet(20)
        launched = time.time()
        ran = self.fleet_sim("--identities", fleet, "--data-dir", "data", "--backfill", "1h", "--duration", "5s",
                             "--seed", 7, "--shard-by", "location", env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"})
        self.assertGreaterEqual(time.time() - launched, 5)
        self.assert_balanced(ran.summary, self.dir / "data")
        self.assertEqual(ran.summary.due, 20 * 2 * 3_605)
        start, began_at, _ = self.run_info()
        self.assertEqual(micros(began_at) - micros(start), 3_600 * SECOND)
        self.assertLess(abs(micros(began_at) - launched * SECOND), 10 * SECOND)
        self.assertIn("filling history", ran.stderr)
        self.assertRegex(ran.stderr, "history is filled; continuing at the clock's pace until=")
        # A history of an hour counts for nothing.
        self.assertRegex(ran.summary.lines["lag"], r"max [\d.]+ (ms|µs|s)$")
        self.assert_is_the_run_from(start, 3_605, fleet)

    def test_no_gap_and_nothing_twice_where_the_history_ends(self):
        fleet = self.make_fleet(40, 10)
        self.fleet_sim("--identities", fleet, "--data-dir", "data", "--backfill", "10m", "--duration", "2s",
                       env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
        by_sensor = {}
        for sensor, timestamp in query_all(self.dir / "data", "SELECT sensor_id, timestamp FROM sensor_readings ORDER BY id"):
            by_sensor.setdefault(sensor, []).append(micros(timestamp))
        self.assertEqual(len(by_sensor), 40)
        for sensor, times in by_sensor.items():
            self.assertEqual({b - a for a, b in zip(times, times[1:])}, {SECOND // 10}, sensor)
            self.assertEqual(len(times), 6_020)

    def test_killed_while_it_fills(self):
        fleet = self.make_fleet(200, 5)
        how = ("--identities", fleet, "--data-dir", "data", "--backfill", "5m", "--duration", "1s", "--seed", 7,
               "--shard-by", "site", "--resume")
        for rows in (1, 50_000, 150_000):
            process = self.start(*how)
            self.wait_for_rows(self.dir / "data", rows, process)
            process.kill()
            process.wait()
        process = self.start("--resume", "--data-dir", "data")
        self.assertEqual(process.wait(timeout=120), 0, self.printed())
        start, began_at, _ = self.run_info()
        self.assertEqual(micros(began_at) - micros(start), 300 * SECOND)
        self.assert_is_the_run_from(start, 301, fleet)

    def test_killed_after_it_has_filled(self):
        fleet = self.make_fleet(20, 5)
        process = self.start("--identities", fleet, "--data-dir", "data", "--backfill", "5m", "--duration", "8s",
                             "--seed", 7)
        self.wait_for_rows(self.dir / "data", 20 * 5 * 300, process)
        process.kill()
        process.wait()
        went_on = self.fleet_sim("--resume", "--data-dir", "data")
        self.assertLess(went_on.summary.due, 20 * 5 * 12)  # it did not begin again
        start, _, _ = self.run_info()
        self.assert_is_the_run_from(start, 308, fleet)

    def test_it_never_skips_and_says_what_it_does(self):
        """With a writer that is held up by a lock for a while, amid the history."""
        fleet = self.make_fleet(20_000, 1)
        address = f"127.0.0.1:{free_port()}"
        told = {"FLEET_SIM_MONITORING_ENABLED": "true", "FLEET_SIM_MONITORING_ADDRESS": address}
        config = self.write("skip.yaml", "simulation: {overload: skip, run_time_seconds: 0}\n"
                            "database: {path: data/all.db, pending_rows: 1000, busy_timeout_ms: 60000}\n")
        process = self.start("--identities", fleet, "--config", config, "--backfill", "1d", "--seed", 7, env=told)
        self.wait_for_rows(self.dir / "data", 1, process)
        with closing(sqlite3.connect(self.dir / "data/all.db", timeout=10)) as other:
            other.execute("BEGIN IMMEDIATE")
            # What is answered is published once a second.
            until = time.monotonic() + 10
            while (health := json.loads(self.fleet_sim("health", env=told).stdout)) == {"healthy": True}:
                self.assertLess(time.monotonic(), until, "the history is not mentioned")
            self.assertEqual(health, {"healthy": True, "state": "filling history"})
            time.sleep(2)  # so long nothing can be written
        self.stop(process)
        self.assertEqual(query(self.dir / "data/all.db", "SELECT count(*) FROM sqlite_schema WHERE name = 'run_losses'"),
                         [(0,)])
        self.assertNotIn("skipped", (self.dir / "stdout").read_text())

    def test_a_collector_beside_it(self):
        fleet = self.make_fleet(100, 5)
        process = self.start("--identities", fleet, "--data-dir", "data", "--backfill", "5m", "--duration", "3s",
                             "--seed", 7)
        collected = []
        self.wait_for_rows(self.dir / "data", 1, process)
        (file,) = shards(self.dir / "data")
        with closing(connect(file)) as collector:
            while process.poll() is None:
                rows = collector.execute(POLL).fetchall()
                ids = [row[0] for row in rows]
                collector.execute(f"UPDATE sensor_readings SET synced = 1 WHERE id IN ({','.join(map(str, ids))})")
                collected += ids
        self.assertEqual(process.wait(), 0, self.printed())
        self.assertGreater(len(collected), 100)
        self.assertEqual(len(collected), len(set(collected)))
        start, _, _ = self.run_info()
        self.assert_is_the_run_from(start, 303, fleet)

    def test_partitions_share_one_history(self):
        """Each from its own launch: together they hold every sensor once."""
        fleet = self.make_fleet(60, 1)
        for part in ("1/2", "2/2"):
            self.fleet_sim("--identities", fleet, "--data-dir", "data", "--backfill", "5m", "--duration", "1s", "--seed", 7,
                           "--partition", part, "--shard-by", "sensor", env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
        self.assertEqual(query_all(self.dir / "data", "SELECT count(*) FROM sensor_readings"), [(301,)] * 60)

    def test_a_reload_while_it_fills_is_followed(self):
        fleet = self.make_fleet(200, 5)
        config = self.write("my.yaml", "simulation: {run_time_seconds: 1}\nclock: {backfill_seconds: 10m}\n")
        process = self.start("--identities", fleet, "--config", config, "--data-dir", "data", "--seed", 7)
        self.wait_for_rows(self.dir / "data", 30_000, process)
        self.write("my.yaml", "simulation: {run_time_seconds: 1}\nclock: {backfill_seconds: 10m}\n"
                   "normal_parameters: {temperature: {mean: 70}}\n")
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 30
        while not query_all(self.dir / "data", "SELECT 1 FROM sqlite_schema WHERE name = 'run_reloads'"):
            self.assertLess(time.monotonic(), deadline, self.printed())
            time.sleep(0.02)
        process.kill()
        process.wait()
        self.fleet_sim("--resume", "--data-dir", "data", "--config", config, "--identities", fleet)
        self.fleet_sim("--resume", "--data-dir", "data")
        self.assertEqual(total(self.dir / "data", "SELECT count(*) FROM run_reloads"), 1)
        due = total(self.dir / "data", "SELECT count(*) FROM sensor_readings") + total(
            self.dir / "data", "SELECT sum(readings_affected) FROM anomaly_events WHERE anomaly_type = 'missing_data'")
        self.assertEqual(due, 200 * 5 * 601)

    def test_what_it_excludes(self):
        config = self.write("fixed.yaml", "clock:\n  start: 2026-01-31\n")
        for arguments, message in (
                (("--start", "2026-01-31"), "--backfill: .*clock.start '2026-01-31' .--start. cannot be combined"),
                (("--config", config), "--backfill: .*clock.start .*fixed.yaml:2. cannot be combined"),
                (("--speed", "max"), "--backfill: .*clock.speed 'max' .--speed. cannot be combined")):
            refused = self.fleet_sim("--identities", IDENTITIES, "--backfill", "1d", *arguments, code=2)
            self.assertRegex(refused.stderr, message)
        self.assert_nothing_written("fixed.yaml")


class SpeedMax(FleetTest):
    def test_as_fast_as_it_goes_without_an_end_is_refused(self):
        """It would soon write what is due next week. With a start, its user has said when that is."""
        for command in ("run", "check"):
            refused = self.fleet_sim(command, "--identities", IDENTITIES, "--data-dir", "data", "--speed", "max",
                                     "--duration", 0, code=2).stderr
            self.assertRegex(refused, "--speed: clock.speed 'max' .--speed. without an end .*--duration or --count.*--start")
        self.fleet_sim("check", "--identities", IDENTITIES, "--speed", "max", "--duration", 0, "--start", "2026-01-01")
        self.assertFalse((self.dir / "data").exists())

    def test_without_a_start_a_run_with_an_end_ends_now(self):
        began = time.time()
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--speed", "max", "--duration", "1d", "--rate", 0.1)
        ((newest,),) = query_all(self.dir / "data", "SELECT max(timestamp) FROM sensor_readings")
        self.assertLess(abs(micros(newest) / SECOND - began), 60)
        ((oldest,),) = query_all(self.dir / "data", "SELECT min(timestamp) FROM sensor_readings")
        self.assertLess(abs(micros(newest) - micros(oldest) - 86_400 * SECOND), 30 * SECOND)

    def test_one_that_counts_too(self):
        began = time.time()
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--speed", "max", "--count", 100_000)
        ((newest,),) = query_all(self.dir / "data", "SELECT max(timestamp) FROM sensor_readings")
        self.assertLess(abs(micros(newest) / SECOND - began), 60)


if __name__ == "__main__":
    main()
