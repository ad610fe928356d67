#!/usr/bin/env python3
"""Runs against the wall clock, and how they end."""

from collections import defaultdict
from datetime import datetime, timezone

from fleet import *


def now_micros():
    return round(datetime.now(timezone.utc).timestamp() * SECOND)


class RealTime(FleetTest):
    def endless(self, *arguments, **options):
        return self.start("--identities", IDENTITIES, "--data-dir", "data", "--duration", 0, *arguments, **options)

    def assert_every_slot_taken(self, rate):
        """Per sensor: rows and missing data together cover every due time from the first to the last, once."""
        period = SECOND // rate
        slots, missing = defaultdict(list), defaultdict(int)
        for at, sensor in query_all(self.dir / "data", "SELECT timestamp, sensor_id FROM sensor_readings"):
            slots[sensor].append(micros(at))
        for sensor, count in query_all(self.dir / "data", "SELECT sensor_id, sum(readings_affected) FROM anomaly_events "
                                                          "WHERE anomaly_type = 'missing_data' GROUP BY 1"):
            missing[sensor] += count
        lengths = []
        for sensor in slots.keys() | missing.keys():
            times = slots[sensor]
            if not times:  # a sensor may be out of order all the time
                lengths.append(missing[sensor])
                continue
            self.assertEqual(len({at % period for at in times}), 1, f"{sensor} leaves its rhythm")
            self.assertEqual(len(set(times)), len(times), f"{sensor}: a due time twice")
            lengths.append(len(times) + missing[sensor])
            span = (max(times) - min(times)) // period + 1
            self.assertGreaterEqual(lengths[-1], span, f"{sensor}: a due time without row or anomaly")
        self.assertLessEqual(max(lengths) - min(lengths), 1, "sensors stopped at different times")
        return sum(lengths)

    def test_three_seconds(self):
        before = now_micros()
        ran = self.fleet_sim("--identities", IDENTITIES, "--shard-by", "location", "--data-dir", "data", "--duration", 3,
                             "--seed", 3)
        after = now_micros()
        self.assertEqual(ran.summary.due, 45)
        self.assert_balanced(ran.summary, self.dir / "data")
        times = sorted(micros(at) for (at,) in query_all(self.dir / "data", "SELECT timestamp FROM sensor_readings"))
        self.assertGreater(times[0], before)
        self.assertLess(times[-1], after)
        self.assertGreaterEqual(after - before, 2 * SECOND)
        self.assertEqual(self.assert_every_slot_taken(1), 45)
        self.assertRegex(ran.summary.lines["lag"], r"^p50 .+, p99 .+, max .+")
        self.assertRegex(ran.summary.lines["memory"], r"^\d+(\.\d+)? [kMG]B")
        self.assertNotIn("written  ", ran.stderr, "the summary goes to stdout")

    def test_progress_in_a_pipe_is_plain_lines(self):
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", "20m", "--speed", 100)
        self.assertEqual(ran.summary.due, 15 * 1200)
        progress = [line for line in ran.stderr.splitlines() if "rows/s" in line]
        self.assertTrue(progress, ran.stderr)
        self.assertNotIn("\r", ran.stderr)
        self.assertNotIn("\x1b", ran.stderr)
        self.assertNotIn("rows/s |", ran.stdout)
        for word in ("rows", "lag", "anomalies", "left"):
            self.assertIn(word, progress[0])

    def test_quiet(self):
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", "1", "--quiet")
        self.assertEqual(ran.stderr, "")
        self.assertIn("written", ran.stdout, "every run ends with the summary")
        self.assertGreater(total(self.dir / "data", "SELECT count(*) FROM sensor_readings"), 0)

    @not_under_thread_sanitizer
    def test_a_stop_is_prompt_at_any_rate(self):
        """A second of this fleet is twenty million readings: more than anybody waits for."""
        fleet = self.write_identities([identity(f"S{i}") for i in range(2_000)])
        process = self.start("--identities", fleet, "--data-dir", "data", "--rate", 10_000, "--duration", 0)
        self.wait_for_rows(self.dir / "data", 1, process)
        asked = time.monotonic()
        summary = self.stop(process, signal.SIGTERM)
        self.assertLess(time.monotonic() - asked, 15)
        self.assert_balanced(summary, self.dir / "data")

    def test_interrupt(self):
        process = self.endless("--rate", 20, "--shard-by", "location")
        self.wait_for_rows(self.dir / "data", 600, process)
        summary = self.stop(process, signal.SIGINT)
        self.assert_balanced(summary, self.dir / "data")
        self.assertEqual(self.assert_every_slot_taken(20), summary.due)
        self.assert_sound(self.dir / "data")
        self.assertFalse(list((self.dir / "data").glob("*-wal")), "a write-ahead log is left over")

    def test_terminate(self):
        process = self.endless("--rate", 20)
        self.wait_for_rows(self.dir / "data", 600, process)
        summary = self.stop(process, signal.SIGTERM)
        self.assert_balanced(summary, self.dir / "data")
        self.assertEqual(self.assert_every_slot_taken(20), summary.due)

    def test_interrupt_at_full_speed(self):
        process = self.endless("--speed", "max", "--start", "2026-01-01", "--writers", 2, "--shard-by", "model")
        self.wait_for_rows(self.dir / "data", 20_000, process)
        summary = self.stop(process)
        self.assert_balanced(summary, self.dir / "data")
        self.assertEqual(self.assert_every_slot_taken(1), summary.due)

    def test_interrupt_at_once(self):
        process = self.endless()
        until = time.monotonic() + 30
        while "run " not in (self.dir / "stderr").read_text() and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.1)  # the line is written just before the fleet starts
        started = time.monotonic()
        self.assert_balanced(self.stop(process), self.dir / "data")
        self.assertLess(time.monotonic() - started, 10)

    def test_a_signal_that_is_sent_twice_at_once_is_one(self):
        """As `timeout` does it, to the process and to its group."""
        for attempt in range(5):
            process = self.endless("--rate", 20)
            self.wait_for_rows(self.dir / "data", 1, process)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.002 * attempt)
            self.assert_balanced(self.stop(process, signal.SIGTERM), self.dir / "data")
            shutil.rmtree(self.dir / "data")

    def test_a_signal_after_the_last_word_changes_no_exit_code(self):
        process = self.endless("--rate", 20)
        self.wait_for_rows(self.dir / "data", 1, process)
        process.send_signal(signal.SIGTERM)
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
        self.assertIn(process.returncode, (0, 130), self.printed())

    def test_a_second_interrupt_ends_the_drain(self):
        process = self.endless("--rate", 20)
        file = self.dir / "data" / "sensor_data.db"
        self.wait_for_rows(self.dir / "data", 300, process)
        locked = connect(file)
        locked.execute("BEGIN IMMEDIATE")  # the drain cannot finish now
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        self.assertIsNone(process.poll(), "did not try to write what it has")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=3), 130)
        locked.execute("COMMIT")
        locked.close()
        self.assert_sound(self.dir / "data")

    def test_a_lock_shorter_than_the_busy_timeout_costs_nothing(self):
        process = self.endless("--rate", 20)
        self.wait_for_rows(self.dir / "data", 300, process)
        locked = connect(self.dir / "data" / "sensor_data.db")
        locked.execute("BEGIN IMMEDIATE")
        time.sleep(0.3)  # so that there is something to write
        process.send_signal(signal.SIGINT)  # the drain meets the lock
        time.sleep(2)
        self.assertIsNone(process.poll(), "did not wait for the lock")
        locked.execute("COMMIT")
        locked.close()
        self.assertEqual(process.wait(timeout=30), 0, self.printed())
        summary = Summary((self.dir / "stdout").read_text())
        self.assert_balanced(summary, self.dir / "data")
        self.assertEqual(summary.errors, 0)

    def test_output_nobody_reads(self):
        # As in `fleet-sim ... 2>&1 | head -0`: the data matter more than those who look on.
        read_end, write_end = os.pipe()
        os.close(read_end)
        ran = subprocess.run([EXECUTABLE, "--identities", IDENTITIES, "--data-dir", "data", "--duration", "2"],
                             cwd=self.dir, env=environment(), stdin=subprocess.DEVNULL, stdout=write_end,
                             stderr=write_end, timeout=60)
        os.close(write_end)
        self.assertEqual(ran.returncode, 0)
        missing = total(self.dir / "data", "SELECT sum(readings_affected) FROM anomaly_events "
                                           "WHERE anomaly_type = 'missing_data'")
        self.assertEqual(total(self.dir / "data", "SELECT count(*) FROM sensor_readings") + missing, 30)

    def test_the_log_file_reports_the_run(self):
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1, "--seed", 5)
        log = (self.dir / "log" / "fleet-sim.log").read_text()
        self.assertIn(" seed=5 ", log)
        self.assertNotIn("rows/s |", log, "progress is no news for the log")


if __name__ == "__main__":
    main()
