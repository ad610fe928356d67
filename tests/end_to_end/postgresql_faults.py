#!/usr/bin/env python3
"""A real PostgreSQL server that is killed, restarted and stopped again and again under a running fleet, while connections are
lost at the worst moment. `scripts/check sinks` runs it: it takes minutes."""

import itertools
import random

import mounts
from postgresql_server import *

CANNOT_MOUNT = mounts.why_not()

RUN = ("--identities", IDENTITIES, "--seed", 7, "--start", "2026-03-01")
SMALL_LOTS = {"FLEET_SIM_DATABASE_BATCH_SIZE": "250", "FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"}


class PostgresqlFaults(PostgresqlTest):
    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("FLEET_SIM_TEST_SEED", random.randrange(1 << 32)))
        print(f"seed {seed}")
        self.random = random.Random(seed)

    def assert_whole(self, summary, *arguments):
        """What the server has: by the run's own record, row by row, and by the digest of the same run in SQLite."""
        self.assertEqual((summary.lost, "unconfirmed" in summary.lines), (0, False))
        audit = json.loads(self.fleet_sim("audit", "data", "--database", self.server.address(), "--json").stdout)
        self.assertEqual((audit["delivered"], audit["missing"], audit["duplicate"], audit["altered"], audit["unexpected"]),
                         (summary.written, 0, 0, 0, 0))
        self.fleet_sim(*RUN, *arguments, "--speed", "max", "--data-dir", "data")
        self.assertEqual(summary.written, self.server.number("SELECT count(*) FROM fleet.sensor_readings"))
        self.assert_same()
        tables = (("sensor_readings", ["timestamp"], READINGS), ("anomaly_events", ["started_at", "ended_at"], EVENTS))
        there = {table: ([*moments, "sensor_id", *columns], self.in_server(table, moments, columns))
                 for table, moments, columns in tables}
        self.assertEqual(self.digest_with(self.dir / "data", there), self.digest("data")["digest"])

    def test_killed_again_and_again(self):
        for pace, writers in (("max", 1), ("300", 2)):
            with self.subTest(pace=pace):
                process = self.start("run", *RUN, "--speed", pace, "--writers", writers, "--sink", self.server.address(),
                                     "--duration", "12h", env=SMALL_LOTS)
                self.wait_for_rows_beyond(0)
                kills = 0
                while kills < 24 and process.poll() is None:
                    time.sleep(self.random.uniform(0, 1.5))
                    # Three in four are `kill -9`; the others are the server's own way to go at once.
                    (self.server.quit if kills % 4 == 3 else self.server.kill)()
                    kills += process.poll() is None
                    time.sleep(self.random.uniform(0, 1.5))
                    self.server.start()
                print(f"killed {kills} times")
                if pace != "max":  # which may end earlier
                    self.assertEqual(kills, 24)
                self.assert_whole(self.end(process), "--duration", "12h")
                self.server.query("DROP SCHEMA fleet CASCADE")
                shutil.rmtree(self.dir / "data")

    def test_connections_lost_while_lots_are_committed(self):
        moods = itertools.chain(["pass"], (self.random.choice(["pass", "lose the answer", "lose the question"])
                                           for _ in itertools.count()))
        proxy = LosingProxy(self.server.port, lambda: next(moods), enough=100)
        self.addCleanup(proxy.close)
        process = self.start("run", *RUN, "--speed", "600", "--sink", self.server.address(port=proxy.port), "--duration", "6h",
                             env=SMALL_LOTS)
        summary = self.end(process)
        self.assertGreater(min(proxy.lost.values()), 10)
        self.assert_whole(summary, "--duration", "6h")

    def test_a_server_that_does_not_answer(self):
        """It is stopped for longer than a call may take, and then goes on with what it was doing."""
        process = self.start("run", *RUN, "--speed", "60", "--sink", self.server.address(), "--duration", "2h", env=SMALL_LOTS)
        self.wait_for_rows_beyond(100)
        self.server.signal(signal.SIGSTOP)
        time.sleep(45)
        self.server.signal(signal.SIGCONT)
        summary = self.end(process)
        self.assertIn("does not respond; rows wait in memory", self.printed())
        self.assert_whole(summary, "--duration", "2h")

    @unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
    def test_the_disk_of_the_server_is_full(self):
        """Of its tables alone, which it reports; of its log of changes, too, which ends it."""
        for name, log in (("tables", self.dir / "log"), ("all", None)):
            with self.subTest(name):
                disk = mounts.SmallDisk(self.dir / name, 50_000)
                self.addCleanup(disk.close)
                how = ["--wal-segsize=1"] + ([f"--waldir={log}"] if log else [])
                if log:
                    log.mkdir()
                    if AS_USER:
                        shutil.chown(log, USER)
                self.server.quit()
                self.server = PostgresqlServer(disk.path, *how)
                self.addCleanup(self.server.quit)
                process = self.start("run", *RUN, "--speed", "max", "--sink", self.server.address(), "--duration", "4h",
                                     env=SMALL_LOTS)
                self.wait_for_text("waiting for")
                time.sleep(3)
                self.assertIsNone(process.poll())
                disk.grow(1_000_000)
                if not log:
                    self.server.quit()
                    self.server.start()
                self.assert_whole(self.end(process), "--duration", "4h")
                shutil.rmtree(self.dir / "data")

    def wait_for_text(self, text):
        until = time.monotonic() + 120
        while text not in self.printed():
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.1)

    def test_a_fleet_killed_again_and_again(self):
        for attempt in range(12):
            process = self.start("run", *(("--resume",) if attempt > 0 else ()), *RUN, "--speed", "max",
                                 "--writers", 2, "--sink", self.server.address(),
                                 "--duration", "12h", env=SMALL_LOTS)
            if attempt < 11:
                self.wait_for_rows_beyond(self.rows_so_far() + self.random.randrange(3_000))
                process.kill()
                process.wait()
        self.end(process)
        self.fleet_sim(*RUN, "--speed", "max", "--data-dir", "data", "--duration", "12h")
        self.assert_same()


if __name__ == "__main__":
    main()
