#!/usr/bin/env python3
"""`--count N` ends a run after exactly N readings were due, by time, then by sensor id, however it is run."""

from fleet import *

START = ("--speed", "max", "--start", "2026-01-01", "--seed", 7)
CALM = {"FLEET_SIM_ANOMALIES_ENABLED": "false"}


class Count(FleetTest):
    def make_fleet(self, size=1_000, rates=(900, 1_000)):
        """Fast enough for several readings a microsecond."""
        return self.write_identities([
            identity(f"S{i:04}", location=f"Site {i % 7} - Row {i % 3}", readings_per_second=rates[i % len(rates)])
            for i in range(size)])

    def first(self, data, count):
        """The first readings, by time, then by id, and whether the next one is due at the same time as the last."""
        rows = sorted(query_all(self.dir / data, "SELECT timestamp, sensor_id, temperature FROM sensor_readings"))
        return rows[:count], rows[count][0] == rows[count - 1][0]

    def test_exactly_the_first_ones(self):
        fleet = self.make_fleet()
        self.fleet_sim("--identities", fleet, "--data-dir", "whole", *START, "--duration", "0.1", env=CALM)
        divided = 0
        for count, how in ((1, ()), (54_321, ("--threads", 1)), (54_322, ("--threads", 4, "--writers", 3, "--shard-by", "location")),
                           (54_323, ("--shard-by", "hash:5")), (54_324, ("--threads", 3)), (54_325, ("--shard-by", "site"))):
            data = f"data{count}"
            ran = self.fleet_sim("--identities", fleet, "--data-dir", data, *START, "--count", count, *how, env=CALM)
            expected, is_divided = self.first("whole", count)
            divided += is_divided
            self.assertEqual(sorted(query_all(self.dir / data, "SELECT timestamp, sensor_id, temperature FROM sensor_readings")), expected)
            self.assertEqual(ran.summary.lines["due"], f"{count:,}, which completes --count {count}")
        self.assertGreater(divided, 0)

    def test_gaps_count(self):
        fleet = self.make_fleet(300, (1, 5))
        ran = self.fleet_sim("--identities", fleet, "--data-dir", "data", *START, "--count", 300_000, "--shard-by", "location")
        self.assertEqual(ran.summary.due, 300_000)
        self.assertGreater(ran.summary.missing, 0)
        self.assert_balanced(ran.summary, self.dir / "data")

    def test_a_run_time_may_come_first(self):
        ran = self.fill("data", "--duration", "10s", "--count", 1_000_000)
        self.assertEqual(ran.summary.lines["due"], "150")

    @not_under_thread_sanitizer
    def test_killed_and_resumed(self):
        fleet = self.make_fleet()
        how = ("--identities", fleet, *START, "--count", 400_001, "--shard-by", "location")
        self.fleet_sim(*how, "--data-dir", "whole")
        process = self.start(*how, "--data-dir", "data")
        for rows in (50_000, 200_000):
            self.wait_for_rows(self.dir / "data", rows, process)
            process.kill()
            process.wait()
            process = self.start("--resume", "--data-dir", "data", "--writers", 2)
        self.assertEqual(process.wait(timeout=120), 0, self.printed())
        self.assertEqual(self.counted("data"), self.counted("whole"))
        again = self.fleet_sim("--resume", "--data-dir", "data")
        self.assertEqual(again.summary.written, 0)
        self.assertEqual(self.counted("data"), self.counted("whole"))

    def test_a_finished_count_goes_on_to_a_larger_one(self):
        fleet = self.make_fleet(rates=(1_000,))
        self.fleet_sim("--identities", fleet, "--data-dir", "data", *START, "--count", 10_001)
        self.fleet_sim("--resume", "--data-dir", "data", "--count", 20_002)
        self.fleet_sim("--identities", fleet, "--data-dir", "whole", *START, "--count", 20_002)
        self.assertEqual(self.counted("data"), self.counted("whole"))

    @not_under_thread_sanitizer
    def test_with_a_reload_that_changes_the_rate_and_a_resumption(self):
        fleet = self.write_identities([identity(f"S{i:04}") for i in range(2_000)])
        config = self.write("my.yaml", "simulation: {readings_per_second: 20}\n")
        how = ("--identities", fleet, "--config", config, "--data-dir", "data", "--seed", 7, "--count", 1_000_000)
        process = self.start(*how, "--backfill", "10m", env=CALM)
        self.wait_for_rows(self.dir / "data", 50_000, process)
        self.write("my.yaml", "simulation: {readings_per_second: 3}\n")
        process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 30
        while not query_all(self.dir / "data", "SELECT 1 FROM sqlite_schema WHERE name = 'run_reloads'"):
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.02)
        process.kill()
        process.wait()
        self.assertEqual(total(self.dir / "data", "SELECT count(*) FROM run_reloads"), 1)
        self.fleet_sim("--resume", "--data-dir", "data", env=CALM)
        self.assertEqual(total(self.dir / "data", "SELECT count(*) FROM sensor_readings"), 1_000_000)

    def test_not_for_a_partition(self):
        refused = self.fleet_sim("--identities", IDENTITIES, "--count", 5, "--partition", "1/2", code=2)
        self.assertRegex(refused.stderr, "--count: .*fleet.partition '1/2' .--partition. cannot be combined")
        self.assert_nothing_written()


if __name__ == "__main__":
    main()
