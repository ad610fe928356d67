#!/usr/bin/env python3
"""How a run that has no end of its own is stopped: promptly, by one signal or several, with and without somebody's lock."""

from paced import *


class Stop(PacedTest):
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

    def test_a_run_that_is_cut_short_says_how_far_it_came(self):
        """By its end in time and by its count, with either signal; and what follows `&&` does not start."""
        for how, end, whole in ((signal.SIGINT, ("--duration", "365d"), "365 d 0 h"),
                                (signal.SIGTERM, ("--count", 15 * 86_400 * 365), "364 d 23 h")):  # the last one's moment
            process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--speed", "max", "--start", "2026-01-01",
                                 *end, "--writers", 2)
            self.wait_for_rows(self.dir / "data", 20_000, process)
            summary = self.stop(process, how, code=4)
            self.assert_balanced(summary, self.dir / "data")
            came = re.fullmatch(rf"cut short after (.+) of {whole} of simulated time \((\d+\.\d\d)%\)", summary.lines["ended"])
            self.assertTrue(came, summary.lines["ended"])
            self.assertAlmostEqual(float(came[2]), 100 * summary.due / (15 * 86_400 * 365), delta=0.02)
            self.assertIn("cut short", (self.dir / "log" / "fleet-sim.log").read_text())
            shutil.rmtree(self.dir / "data")

    def test_a_run_that_reaches_its_end_was_not_cut_short(self):
        self.assertNotIn("ended", self.fill("data", "--duration", "1m").summary.lines)
        shutil.rmtree(self.dir / "data")
        process = self.endless("--rate", 20)
        self.wait_for_rows(self.dir / "data", 1, process)
        self.assertNotIn("ended", self.stop(process, code=0).lines, "it had no end")

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


if __name__ == "__main__":
    main()
