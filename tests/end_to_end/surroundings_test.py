#!/usr/bin/env python3
"""What surrounds a run: a clock that jumps, few descriptors, and a second process on the same files."""

import resource
from datetime import datetime

from faults import *

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@unittest.skipUnless(FAKETIME, "libfaketime is not installed")
class Clock(FaultTest):
    def clock(self):
        """Variables that move the clock of a process as the file `offset` says; its steady clock stays true."""
        return {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.dir / "offset"), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def set_clock(self, offset):
        (self.dir / "next").write_text(offset + "\n")
        os.replace(self.dir / "next", self.dir / "offset")

    def jump(self, offset):
        """Five seconds, in whose course the clock jumps; the run neither halts nor hurries, nor takes a due time twice."""
        self.set_clock("+0")
        began = time.monotonic()
        process = self.start(*self.arguments("--duration", 5), env=self.clock())
        self.wait_for_rows(self.data, PER_SECOND, process)
        self.set_clock(offset)
        self.assertEqual(process.wait(timeout=60), 0, self.printed())
        took = time.monotonic() - began
        summary = Summary((self.dir / "stdout").read_text())
        self.assertEqual(summary.due, 5 * PER_SECOND)
        self.assertGreater(took, 4.9)
        self.assertLess(took, 15)
        self.assert_balanced(summary, self.data)
        self.assertEqual(summary.errors, 0)
        self.assert_each_once()
        ((first, last),) = query_all(self.data, "SELECT min(timestamp), max(timestamp) FROM sensor_readings")
        self.assertLessEqual(micros(last) - micros(first), 5 * SECOND)
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


class Descriptors(FaultTest):
    def setUp(self):
        super().setUp()
        self.fleet = self.write_identities([identity(f"S{i:03}") for i in range(200)])
        self.limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))}

    def assert_complete(self, summary):
        self.assert_balanced(summary, self.data)
        self.assertEqual(summary.errors, 0)
        self.assertEqual(len(shards(self.data)), 200)
        self.assert_each_once()
        self.assert_sound(self.data)

    def test_two_hundred_shards_with_64_at_full_speed(self):
        ran = self.fleet_sim("--identities", self.fleet, "--data-dir", self.data, "--shard-by", "sensor", "--speed", "max",
                             "--start", "2026-01-01", "--duration", "2m", env={"FLEET_SIM_DATABASE_PENDING_ROWS": "5000"},
                             **self.limited)
        self.assertEqual(ran.summary.due, 200 * 120)
        self.assert_complete(ran.summary)

    def test_two_hundred_shards_with_64_in_real_time(self):
        process = self.start("--identities", self.fleet, "--data-dir", self.data, "--shard-by", "sensor", "--rate", 5,
                             "--duration", 0, **self.limited)
        self.wait_for_rows(self.data, 3_000, process, files=200)
        self.assertLess(len(os.listdir(f"/proc/{process.pid}/fd")), 64)
        self.assert_complete(self.stop(process))


class SecondProcess(FaultTest):
    def assert_refused(self, first, *more, data=None):
        """Refused by naming the one that is at work, before anything is changed."""
        rows = self.rows()
        ran = subprocess.run([EXECUTABLE, *map(str, self.arguments("--duration", 1, *more))], cwd=self.dir, env=environment(),
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertIn(ran.returncode, (2, 3), ran.stdout + ran.stderr)
        self.assertRegex(ran.stderr, rf"\b{first.pid}\b")
        self.assertGreaterEqual(self.rows(), rows)
        self.assertEqual(set(query_all(self.data, "SELECT count(*) FROM run_info")), {(1,)})

    def running(self):
        process = self.begin()
        self.wait_for_rows(self.data, 1, process)
        return process

    def test_is_refused_with_the_pid_of_the_first(self):
        first = self.running()
        self.assert_refused(first)
        self.assert_refused(first, "--speed", "max", "--start", "2026-01-01")
        self.assert_refused(first, "--resume")
        summary = self.stop(first)
        self.assert_balanced(summary, self.data)
        self.assertEqual(summary.errors, 0)
        self.assert_each_once()

    def test_under_another_name_of_the_directory(self):
        first = self.running()
        (self.dir / "other").symlink_to(self.data)
        self.assert_refused(first, "--data-dir", self.dir / "other")
        self.assert_refused(first, "--data-dir", self.dir / "." / "data" / ".." / "data")
        self.stop(first)

    def test_may_start_when_the_first_has_ended_or_was_killed(self):
        for kill in (False, True, True):
            first = self.running()
            if kill:
                first.kill()
                first.wait()
            else:
                self.stop(first)
            self.assertEqual(self.fleet_sim(*self.arguments("--duration", 1)).summary.lost, 0)

    def test_of_many_at_once_one_starts(self):
        processes = [subprocess.Popen([EXECUTABLE, *map(str, self.arguments("--duration", 3))], cwd=self.dir,
                                      env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True) for _ in range(5)]
        told = [process.communicate(timeout=60) for process in processes]
        codes = sorted(process.returncode for process in processes)
        self.assertEqual(codes[0], 0, told)
        self.assertTrue(all(code in (2, 3) for code in codes[1:]), told)
        winner = next(process.pid for process in processes if process.returncode == 0)
        for process, (_, err) in zip(processes, told):
            if process.pid != winner:
                self.assertRegex(err, rf"\b{winner}\b")
        self.assertEqual(query_all(self.data, "SELECT count(*) FROM run_info"), [(1,)])

    def test_readers_are_welcome(self):
        first = self.running()
        for command in ("report", "digest", "export"):
            self.fleet_sim(command, self.data)
        self.assertEqual(self.stop(first).errors, 0)

    def test_another_directory_is_free(self):
        first = self.running()
        self.fleet_sim(*self.arguments("--duration", 1, "--data-dir", self.dir / "beside"))
        self.stop(first)

    def test_the_null_sink_needs_no_directory(self):
        first = self.running()
        self.fleet_sim(*self.arguments("--duration", 1, "--sink", "null"))
        self.stop(first)


if __name__ == "__main__":
    main()
