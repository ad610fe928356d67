#!/usr/bin/env python3
"""Runs against the wall clock: what they write by when, and what they print."""

from datetime import datetime, timezone

from paced import *


def now_micros():
    return round(datetime.now(timezone.utc).timestamp() * SECOND)


class RealTime(PacedTest):
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
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", "1100", "--speed", 100)
        self.assertEqual(ran.summary.due, 15 * 1100)
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

    def test_output_nobody_reads(self):
        # As in `fleet-sim ... 2>&1 | head -0`: the data matter more than those who look on.
        read_end, write_end = os.pipe()
        os.close(read_end)
        ran = subprocess.run([EXECUTABLE, "--identities", IDENTITIES, "--data-dir", "data", "--duration", "1"],
                             cwd=self.dir, env=environment(), stdin=subprocess.DEVNULL, stdout=write_end,
                             stderr=write_end, timeout=60)
        os.close(write_end)
        self.assertEqual(ran.returncode, 0)
        missing = total(self.dir / "data", "SELECT sum(readings_affected) FROM anomaly_events "
                                           "WHERE anomaly_type = 'missing_data'")
        self.assertEqual(total(self.dir / "data", "SELECT count(*) FROM sensor_readings") + missing, 15)

    def test_the_log_file_reports_the_run(self):
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1, "--seed", 5)
        log = (self.dir / "log" / "fleet-sim.log").read_text()
        self.assertIn(" seed=5 ", log)
        self.assertNotIn("rows/s |", log, "progress is no news for the log")


if __name__ == "__main__":
    main()
