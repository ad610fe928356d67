#!/usr/bin/env python3
"""System calls that fail for a while, chosen one by one: what a full or dying disk says to SQLite."""

import resource

from faults import *

STRACE = shutil.which("strace")


class FailingCalls(FaultTest):
    def run_with(self, calls, error, when, **env):
        """Runs two seconds in which these calls fail; `when` counts the calls of each thread."""
        ran = subprocess.run([STRACE, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e",
                              f"inject={calls}:error={error}:when={when}", EXECUTABLE,
                              *map(str, self.arguments("--duration", 2))],
                             cwd=self.dir, env=environment(FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS="100", **TRACED, **env),
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if "PTRACE" in ran.stderr:
            self.skipTest(f"strace may not trace here: {ran.stderr.strip()}")
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        summary = Summary(ran.stdout)
        self.assertEqual(summary.due, 2 * PER_SECOND)
        return summary

    def assert_survives(self, error_class, *arguments, **env):
        self.assert_all_there(self.run_with(*arguments, **env), error_class)

    @unittest.skipUnless(STRACE, "strace is not installed")
    def test_writes_without_room(self):
        self.assert_survives("full", "pwrite64", "ENOSPC", "30..36")

    @unittest.skipUnless(STRACE, "strace is not installed")
    def test_writes_that_fail(self):
        self.assert_survives("io", "pwrite64", "EIO", "30..36")

    @unittest.skipUnless(STRACE, "strace is not installed")
    def test_every_fortieth_write_fails(self):
        self.assert_survives("io", "pwrite64", "EIO", "30+40")

    @unittest.skipUnless(STRACE, "strace is not installed")
    def test_syncs_that_fail(self):
        self.assert_survives("io", "fsync,fdatasync", "EIO", "8..12", FLEET_SIM_DATABASE_SYNCHRONOUS="full")

    @unittest.skipUnless(STRACE, "strace is not installed")
    def test_checkpoints_that_fail(self):
        """They are not writes that a row waits for; they have to come to pass later."""
        summary = self.run_with("fsync,fdatasync", "EIO", "5..9", FLEET_SIM_DATABASE_CHECKPOINT_PAGES="4")
        self.assert_balanced(summary, self.data)
        self.assert_each_once()
        self.assert_sound(self.data)

    @unittest.skipUnless(STRACE, "strace is not installed")
    def test_a_file_that_cannot_be_made_at_first(self):
        self.assert_survives("io", "pwrite64", "EIO", "1..5")

    def test_a_limit_on_the_size_of_files(self):
        """Beyond it the system sends a signal that ends a process unprepared. A run without pace waits for another limit."""
        limit = 1_000_000
        process = self.begin("--speed", "max", "--start", "2026-01-01",
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
                             env={"FLEET_SIM_DATABASE_ERROR_LIMIT": "3", "FLEET_SIM_DATABASE_PENDING_ROWS": "2000"})
        self.wait_for_line(process, "waiting for space on the disk: disk I/O error: File too large")
        self.assert_loss_counted(self.stop(process, code=1))
        self.assertGreater(self.rows(), 0)


if __name__ == "__main__":
    main()
