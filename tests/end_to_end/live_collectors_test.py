#!/usr/bin/env python3
"""Four collectors, each a process of its own, beside a writer at full speed; one of them sits on its locks.

Each reads and marks the rows of its file by the statements that the documents give to collectors, with Python's usual
busy timeout; what is left when the writer has ended it takes in larger portions. The times of polls and marks are printed; COLLECT_SECONDS makes the run longer, to measure them.
"""

import multiprocessing

from fleet import *

SECONDS = float(os.environ.get("COLLECT_SECONDS", 2.5))
COLLECTORS = 4
HELD_SECONDS = 2


class Collector:
    """Takes up to 100 rows at a time from one file; every method that it calls may raise, and must not."""

    def __init__(self, path, others, writing):
        self.connection = sqlite3.connect(path, isolation_level=None)  # waits 5 s for a lock, as nothing else is said
        self.others = [sqlite3.connect(other, isolation_level=None) for other in others]
        self.writing = writing
        self.taken, self.polls, self.marks = [], [], []

    def timed(self, times, sql):
        began = time.monotonic()
        cursor = self.connection.execute(sql)
        rows = cursor.fetchall()
        if self.writing.is_set():
            times.append(time.monotonic() - began)
        return rows, cursor.rowcount

    def poll(self, sql=POLL):
        return [row[0] for row in self.timed(self.polls, sql)[0]]

    def mark(self, ids):
        if ids:
            changed = self.timed(self.marks, f"UPDATE sensor_readings SET synced = 1 "
                                             f"WHERE id IN ({', '.join(map(str, ids))})")[1]
            assert changed == (len(ids) if LAYOUT == "wide" else 0), f"{changed} of {len(ids)} rows were there to be marked"
        self.taken += ids
        return len(ids)

    def collect(self):
        while self.writing.is_set():
            if not self.mark(self.poll()):
                time.sleep(0.001)

    def collect_slowly(self):
        """Fetches and marks in one transaction that lasts; then sits on the locks of the others, too, one by one."""
        for turn in range(1_000_000):
            connection = (self.connection, *self.others)[turn % COLLECTORS]
            connection.execute("BEGIN IMMEDIATE")
            ids = self.poll() if connection is self.connection else []
            time.sleep(HELD_SECONDS)
            self.mark(ids)
            connection.execute("COMMIT")
            if not self.writing.is_set():
                return
            time.sleep(0.1)


def collect(path, others, writing, results):
    """A collector's process: what it took, and how long polls and marks took while the simulator wrote; or a failure."""
    try:
        collector = Collector(path, others, writing)
        collector.collect_slowly() if others else collector.collect()
        while_writing = len(collector.taken)
        while collector.mark(collector.poll(POLL.replace("LIMIT 100", "LIMIT 5000"))):
            pass
        results.put((path, None, while_writing, collector.taken, collector.polls, collector.marks))
    except Exception as failure:
        results.put((path, repr(failure), 0, [], [], []))


def times_text(name, times):
    """Median, p99 and longest, in milliseconds."""
    ranked = sorted(times)
    p50, p99 = ranked[len(ranked) // 2], ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)]
    return f"{name}: {len(ranked)}, p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms, max {ranked[-1] * 1e3:.0f} ms"


class LiveCollectors(FleetTest):
    def collect_beside(self, *arguments):
        """Starts a run and its collectors, stops the run after a while, and returns its summary and their results."""
        data = self.dir / "data"
        fleet = self.write_identities([identity(f"S{i:02}") for i in range(40)])
        process = self.start("--identities", fleet, "--data-dir", data, "--shard-by", f"hash:{COLLECTORS}", "--duration", 0,
                             *arguments)
        self.wait_for_rows(data, 1, process, files=COLLECTORS)
        paths, results, writing = shards(data), multiprocessing.Queue(), multiprocessing.Event()
        writing.set()
        collectors = [multiprocessing.Process(target=collect, args=(path, paths[:3] if path == paths[3] else [], writing, results),
                                              daemon=True) for path in paths]
        for collector in collectors:
            collector.start()
        time.sleep(SECONDS)
        self.assertIsNone(process.poll(), self.printed())
        summary = self.stop(process)
        writing.clear()
        found = [results.get(timeout=120) for _ in collectors]
        for collector in collectors:
            collector.join(timeout=60)
        return data, summary, found

    def assert_collected(self, data, summary, found):
        for path, failure, _, taken, _, _ in found:
            self.assertIsNone(failure, f"{path.name}: {failure}")
            ids = [one for (one,) in query(path, "SELECT id FROM sensor_readings ORDER BY id")]
            self.assertTrue(sorted(taken) == ids, f"{path.name}: {len(taken)} taken, {len(set(taken))} of {len(ids)}")
        self.assertEqual(total(data, "SELECT count(*) FROM sensor_readings WHERE synced = 0"), 0)
        self.assert_balanced(summary, data)
        self.assertEqual(summary.errors, 0)
        self.assert_sound(data)
        print(summary.lines["written"])
        quick = [one for one in found if one[2] > 500]
        self.assertGreaterEqual(len(quick), 3, f"collected too little: {[one[2] for one in found]}")
        for name, i in (("polls", 4), ("marks", 5)):
            print(times_text(name, [took for one in quick for took in one[i]]))

    def test_a_full_speed_run(self):
        self.assert_collected(*self.collect_beside("--speed", "max", "--start", "2026-01-01"))

    def test_a_paced_run(self):
        self.assert_collected(*self.collect_beside("--rate", 50))


if __name__ == "__main__":
    main()
