#!/usr/bin/env python3
"""Two processes and one data directory: the second is refused, by naming the first."""

from faults import *

STRACE = shutil.which("strace")


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

    def test_in_a_directory_that_was_deleted_and_is_there_again(self):
        """The lock went with it, and comes back with the new files."""
        first = self.running()
        shutil.rmtree(self.data)
        self.wait_for_rows(self.data, 1, first)
        self.wait_until((self.data / ".fleet-sim.lock").exists, first)
        self.assert_refused(first)
        self.stop(first)

    def refused_beside(self, first, *more, by=()):
        """A second process with a status, which it would have at the usual address; returns what it says."""
        ran = subprocess.run([*by, EXECUTABLE, *map(str, self.arguments("--duration", 1, *more))], cwd=self.dir,
                             env=environment(FLEET_SIM_MONITORING_ENABLED="true", **TRACED), stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=60)
        if "PTRACE" in ran.stderr:
            self.skipTest(f"strace may not trace here: {ran.stderr.strip()}")
        self.assertEqual(ran.returncode, 3, ran.stderr)
        self.assertIsNone(first.poll())
        return ran.stdout + ran.stderr

    def test_writes_nothing_into_the_log_of_the_first(self):
        first = self.running()
        log = self.dir / "log" / "fleet-sim.log"
        before = log.read_text()
        for more in ((), ("--status-address", "127.0.0.1:0")):
            self.assertNotIn("status", self.refused_beside(first, *more))
            self.assertEqual(log.read_text(), before)
        self.stop(first)

    @unittest.skipUnless(STRACE, "strace is not installed")
    def test_listens_nowhere(self):
        first = self.running()
        trace = self.dir / "trace"
        for more in ((), ("--status-address", "127.0.0.1:0")):
            self.refused_beside(first, *more, by=(STRACE, "-f", "-e", "trace=listen,fcntl", "-o", trace))
            self.assertIn("F_SETLK", trace.read_text())
            self.assertNotIn("listen(", trace.read_text())
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
        outputs = [process.communicate(timeout=60) for process in processes]
        codes = sorted(process.returncode for process in processes)
        self.assertEqual(codes[0], 0, outputs)
        self.assertTrue(all(code in (2, 3) for code in codes[1:]), outputs)
        winner = next(process.pid for process in processes if process.returncode == 0)
        for process, (_, err) in zip(processes, outputs):
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
