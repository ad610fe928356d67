#!/usr/bin/env python3
"""The last 15 minutes of a run: from the API, and on a page that is opened late, comes back, or is one of several."""

import signal

from dashboard import *

KNOWN = "return samples.filter(one => one.values).map(one => one.at / 1000)"
BREAKS = "return samples.filter(one => !one.values).length"
HIDE = ("Object.defineProperty(document, 'hidden', { value: %s, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'))")


class DashboardHistory(DashboardTest):
    def serve_until(self, seconds):
        """A run that has recorded so many seconds, at which nobody has looked."""
        process = self.serve("--speed", "60")
        self.until("some seconds are recorded", lambda: len(self.history()["time"]) >= seconds)
        return process

    def history(self, query=""):
        return self.answer("/api/history" + query)

    def assert_each_second_once(self, seconds):
        self.assertEqual(seconds, sorted(set(seconds)))
        self.assertLessEqual(max((after - before for before, after in zip(seconds, seconds[1:])), default=1), 2)

    def test_what_programs_read(self):
        self.serve_until(4)
        before, history, status = time.time(), self.history(), self.answer("/status")
        seconds = history["time"]
        self.assert_each_second_once(seconds)
        self.assertTrue(before - 3 < seconds[-1] <= before + 1, (before, seconds))
        rates = history["readings"]["written_per_second"]
        self.assertEqual(len(rates), len(seconds))
        self.assertLess(abs(rates[-1] - 15 * 60), 400)
        self.assertEqual(set(history["fleet"]["due_per_second"]), {15 * 60})
        spikes = history["anomalies"]["by_type"]["spike"]
        self.assertEqual(spikes, sorted(spikes))
        self.assertLessEqual(spikes[-1], status["anomalies"]["by_type"]["spike"])
        self.assertFalse(history["continues"])
        following = self.history(f"?since={seconds[-3]}")
        self.assertTrue(following["continues"])
        self.assertEqual(following["time"][:2], seconds[-2:])
        unknown = self.history(f"?since={seconds[0] - 1}")
        self.assertFalse(unknown["continues"])
        self.assertEqual(unknown["time"][:len(seconds)], seconds)

    def test_a_page_that_is_opened_late_shows_what_was_before(self):
        self.serve_until(5)
        first = self.history()["time"][0]
        self.open()
        known = self.until("the past is there", lambda: self.script(KNOWN))
        self.assertEqual(known[0], first)
        self.assertGreaterEqual(len(known), 4)
        self.until("it is drawn", lambda: self.painted("#chart-0") > 500)
        self.assertRegex(self.text("#chart-0 figcaption"), r"in the last ([4-9]|\d\d) s\.")
        self.assertIn("whether or not this page was open", self.text("section"))
        # It goes on from there.
        self.until("time passes", lambda: self.script(KNOWN)[-1] > known[-1] + 3)
        after = self.script(KNOWN)
        self.assert_each_second_once(after)
        self.assertEqual((after[:len(known)], self.script(BREAKS)), (known, 0))
        self.assert_no_complaints()
        # From the second time on it asks only for what is new.
        asked = [url for url in self.asked() if "/api/history" in url]
        self.assertEqual([url.count("since=") for url in asked], [0] + [1] * (len(asked) - 1))

    def test_a_tab_that_was_hidden_fills_what_it_missed(self):
        self.serve_until(1)
        self.open()
        known = self.until("something is there", lambda: self.script(KNOWN))
        self.script(HIDE % "true")
        self.until("it is idle", lambda: self.script("return timer === null && !polling"))
        self.until("it misses something", lambda: self.history()["time"][-1] > known[-1] + 4)
        self.assertLess(self.script(KNOWN)[-1], known[-1] + 3)
        self.script(HIDE % "false")
        self.until("it is filled", lambda: self.script(KNOWN)[-1] > known[-1] + 3)
        self.assert_each_second_once(self.script(KNOWN))
        self.assertEqual((self.script(KNOWN)[0], self.script(BREAKS)), (known[0], 0))

    def test_two_viewers_see_the_same(self):
        self.serve_until(2)
        self.open()
        first = self.browser.current_window_handle
        self.until("something is there", lambda: self.script(KNOWN))
        self.browser.switch_to.new_window("window")
        second = self.browser.current_window_handle
        self.addCleanup(lambda: (self.browser.switch_to.window(second), self.browser.close(), self.browser.switch_to.window(first)))
        self.open()
        seen = self.until("something is there, too", lambda: self.script("return samples"))
        self.browser.switch_to.window(first)
        last = seen[-1]["at"]
        here = self.until("the same is there", lambda: (all_here := self.script("return samples"))[-1]["at"] >= last and all_here)
        self.assertEqual([one for one in here if one["at"] <= last], seen)

    def test_a_process_that_was_stopped_leaves_a_gap(self):
        process = self.serve_until(3)
        self.open()
        self.until("something is there", lambda: self.script(KNOWN))
        process.send_signal(signal.SIGSTOP)
        stopped = time.time()
        self.addCleanup(lambda: process.poll() is None and process.send_signal(signal.SIGCONT))
        time.sleep(6)  # longer than a line goes on without points
        process.send_signal(signal.SIGCONT)
        resumed = time.time()
        self.until("it goes on", lambda: (seconds := self.script(KNOWN)) and seconds[-1] > resumed)
        self.assertEqual([second for second in self.history()["time"] if stopped + 1 < second < resumed - 1], [])
        self.assertEqual(self.script(BREAKS), 1)


if __name__ == "__main__":
    main()
