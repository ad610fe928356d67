#!/usr/bin/env python3
"""A clock that is set back or forward under a run, or between two."""

from datetime import datetime

from faults import *

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@unittest.skipUnless(FAKETIME, "libfaketime is not installed")
class Clock(FaultTest):
    def clock(self):
        """Variables that move the clock of a process as the file `offset` says; its steady clock stays true."""
        return {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.dir / "offset"), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
                "ASAN_OPTIONS": "verify_asan_link_order=0"}  # loaded before an address sanitizer

    def set_clock(self, offset):
        (self.dir / "next").write_text(offset + "\n")
        os.replace(self.dir / "next", self.dir / "offset")

    def jump(self, offset):
        """Three seconds, in whose course the clock jumps; the run neither halts nor hurries, nor takes a due time twice."""
        self.set_clock("+0")
        began = time.monotonic()
        process = self.start(*self.arguments("--duration", 3), env=self.clock())
        self.wait_for_rows(self.data, PER_SECOND, process)
        self.set_clock(offset)
        self.assertEqual(process.wait(timeout=60), 0, self.printed())
        took = time.monotonic() - began
        summary = Summary((self.dir / "stdout").read_text())
        self.assertEqual(summary.due, 3 * PER_SECOND)
        self.assertGreater(took, 2.9)
        self.assertLess(took, 15)
        self.assert_balanced(summary, self.data)
        self.assertEqual(summary.errors, 0)
        self.assert_each_once()
        ((first, last),) = query_all(self.data, "SELECT min(timestamp), max(timestamp) FROM sensor_readings")
        self.assertLessEqual(micros(last) - micros(first), 3 * SECOND)
        self.assertNotRegex(summary.lines["lag"], r"\d (min|m|h)\b|\d{4,}(\.\d+)? s\b", "a lag that is none")
        logged = [datetime.fromisoformat(at) for at in re.findall(r"^(\d{4}-\S+) ", self.printed(), re.MULTILINE)]
        self.assertGreater(abs((logged[-1] - logged[0]).total_seconds()), 3500, "the clock did not jump")

    def test_set_back_an_hour(self):
        self.jump("-3600")

    def test_set_forward_an_hour(self):
        self.jump("+3600")

    def test_a_run_that_starts_an_hour_earlier_appends(self):
        """Set back between two runs: the later one's rows are behind the earlier one's, whatever their timestamps."""
        first = self.fleet_sim(*self.arguments("--duration", 2))
        self.set_clock("-3600")
        second = self.fleet_sim(*self.arguments("--duration", 2), env=self.clock())
        rows = query_all(self.data, "SELECT id, timestamp FROM sensor_readings ORDER BY id")
        self.assertEqual([row[0] for row in rows], list(range(1, first.summary.written + second.summary.written + 1)))
        self.assertLess(rows[-1][1], rows[0][1])
        self.assert_sound(self.data)


if __name__ == "__main__":
    main()
