#!/usr/bin/env python3
"""kill -9 at any point: what was committed stays, little is missing, and the next run goes on from there."""

from datetime import datetime, timezone

from cut_short import *

SENSORS = 60
FLUSH_MS = 300
# A paced run that is killed may miss its last flush interval. The machine may be busy with other tests besides.
MISSING_AT_MOST = (FLUSH_MS / 1000 + 2) * SECOND

STRACE = shutil.which("strace")


def now_micros():
    return round(datetime.now(timezone.utc).timestamp() * SECOND)


class Kill(FleetTest):
    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"
        self.fleet = self.write_identities([identity(f"S{i:03}", model=f"TempVibe-{1 + i % 3}000",
                                                     firmware_version=("1.3", "1.4")[i % 2]) for i in range(SENSORS)])
        # Many short anomalies: a kill is bound to hit some while they begin, last and end.
        self.config = self.write("restless.yaml", "anomalies:\n  probability: 0.3\n  types:\n    trend: {duration_seconds: 5}\n"
                                 "    pattern: {duration_seconds: 7}\n    missing_data: {duration_seconds: 3}\n"
                                 "    noise: {duration_seconds: 2}\n")
        self.random = random.Random(None if AT_LENGTH else 20)

    def arguments(self, *more):
        return ("--identities", self.fleet, "--config", self.config, "--data-dir", "data", "--shard-by", "hash:4", *more)

    def kill(self, process):
        process.kill()
        process.wait()

    def assert_continues(self, start="2090-01-01"):
        """The next run says how many rows it found, adds its own behind them, and completes events and index."""
        before = Marks(self.data)
        ran = self.fleet_sim(*self.arguments("--speed", "max", "--start", start, "--duration", "1m"))
        if before.rows():
            self.assertRegex(ran.stderr, rf"found .* rows={before.rows()}\b", "what the last run left")
        self.assert_sound(self.data)
        before.assert_kept(self)
        self.assertEqual(len(shards(self.data)), 4)
        for path in shards(self.data):
            ((added,),) = query(path, "SELECT count(*) FROM sensor_readings WHERE id > ? AND timestamp >= ?",
                                before.highest.get(path.name, NOTHING)[0], start)
            self.assertEqual(added, len(query(path, "SELECT 1 FROM sensor_readings WHERE timestamp >= ?", start)), path.name)
            plan = query(path, "EXPLAIN QUERY PLAN " + POLL)
            self.assertIn("INDEX", plan[0][3], f"{path.name}: an index that the killed run left out")
        self.assertEqual((ran.summary.lost, ran.summary.errors), (0, 0))
        self.assertEqual(ran.summary.written, Marks(self.data).rows() - before.rows())
        return ran

    def assert_cut_short(self, before, start, rate=1, sample=3):
        """Sound files that hold all of a beginning of the run that was killed, besides what was there before."""
        self.assert_sound(self.data)
        before.assert_kept(self)
        runs = runs_between(self, before, Marks(self.data), start, rate, sample)
        for run in runs:
            run.assert_complete()
        return runs

    def assert_events_completed(self, marks, rate=1):
        """Each run's start, with the marks before it, and those before the run that followed and completed its events."""
        for (before, start), (after, _) in zip(marks, marks[1:]):
            for run in runs_between(self, before, after, start, rate, sample=3):
                run.assert_counts()

    def test_full_speed_many_times_in_a_row(self):
        marks = []
        for attempt in range(40 if AT_LENGTH else 4):
            start = f"{2026 + attempt}-01-01T00:00:00.000000Z"
            marks.append((Marks(self.data), micros(start)))
            process = self.start(*self.arguments("--speed", "max", "--start", start, "--duration", 0, "--seed", attempt,
                                                 "--writers", 1 + attempt % 2),
                                 env={"FLEET_SIM_DATABASE_BATCH_SIZE": str(self.random.choice((50, 1000, 5000)))})
            if attempt % 2 == 1:  # otherwise it may still be making its files
                self.wait_for_rows(self.data, marks[-1][0].rows() + 3_000, process)
            time.sleep(self.random.uniform(0, 0.2))
            self.kill(process)
            self.assert_cut_short(*marks[-1])
        marks.append((Marks(self.data), None))
        self.assert_continues()
        self.assert_events_completed(marks)

    def test_paced_many_times_in_a_row(self):
        marks, rate = [], 10
        for attempt in range(20 if AT_LENGTH else 3):
            before = Marks(self.data)
            process = self.start(*self.arguments("--rate", rate, "--duration", 0, "--seed", attempt),
                                 env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": str(FLUSH_MS)})
            self.wait_for_rows(self.data, before.rows() + 1, process, files=4)
            time.sleep(self.random.uniform(0.2, 2.5))
            seen = Marks(self.data).rows()
            killed = now_micros()
            self.kill(process)
            self.assertGreaterEqual(Marks(self.data).rows(), seen, "a row that was read is gone")
            ((start,),) = set(query_all(self.data, "SELECT max(start) FROM run_info"))
            marks.append((before, micros(start)))
            found = self.assert_cut_short(*marks[-1], rate, sample=None)
            self.assertEqual(len(found), 4)
            for run in found:
                self.assertGreater(run.last, killed - MISSING_AT_MOST, f"{run.name}: more than a flush interval is missing")
        marks.append((Marks(self.data), None))
        self.assert_continues()
        self.assert_events_completed(marks, rate)

    def test_while_draining(self):
        for attempt in range(20 if AT_LENGTH else 3):
            before, start = Marks(self.data), f"{2026 + attempt}-01-01T00:00:00.000000Z"
            process = self.start(*self.arguments("--speed", "max", "--start", start, "--duration", 0, "--seed", attempt))
            self.wait_for_rows(self.data, before.rows() + 1, process)
            process.send_signal(signal.SIGTERM)
            time.sleep(self.random.uniform(0, 0.05))
            self.kill(process)
            self.assert_cut_short(before, micros(start))
        self.assert_continues()

    @unittest.skipUnless(STRACE, "strace is not installed")
    def test_at_a_system_call(self):
        """Before the nth call of its kind in some thread: while files are made, synced, checkpointed and closed."""
        calls = [("openat", 25), ("pwrite64", 1), ("pwrite64", 4), ("pwrite64", 40), ("pwrite64", 400), ("fdatasync", 1),
                 ("fdatasync", 5), ("ftruncate", 1), ("unlink", 1), ("unlink", 3)]
        killed = 0
        for attempt, (call, nth) in enumerate(calls):
            with self.subTest(call=call, nth=nth):
                before, start = Marks(self.data), f"{2026 + attempt}-01-01T00:00:00.000000Z"
                ran = subprocess.run(
                    [STRACE, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                     f"inject={call}:signal=SIGKILL:when={nth}", EXECUTABLE,
                     *map(str, self.arguments("--speed", "max", "--start", start, "--duration", "2m", "--seed", attempt))],
                    cwd=self.dir, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
                if "PTRACE" in ran.stderr:
                    self.skipTest(f"strace may not trace here: {ran.stderr.strip()}")
                killed += ran.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
                self.assert_cut_short(before, micros(start), sample=None)
        self.assertGreaterEqual(killed, 7, "most of these calls should come")
        self.assert_continues()


if __name__ == "__main__":
    main()
