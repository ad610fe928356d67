#!/usr/bin/env python3
"""A shard whose bytes were overwritten is set aside, kept as it is, and a new file begun in its place."""

from faults import *

GARBAGE = bytes((i * 167 + i // 256 * 31) % 256 for i in range(4096))


class CorruptShard(FaultTest):
    def earlier_run(self):
        self.fleet_sim(*self.arguments("--shard-by", "location", "--duration", "1m", "--speed", "max", "--start", "2026-01-01"))
        return shards(self.data)

    def overwrite(self, path):
        """All but the first page, which says that this is a database and what its tables are."""
        size = path.stat().st_size
        with open(path, "r+b") as file:
            header = file.read(18)
            page = int.from_bytes(header[16:18], "big")
            file.seek(page)
            file.write((GARBAGE * (size // len(GARBAGE) + 1))[:size - page])
        return path.read_bytes()

    def assert_set_aside(self, name, content, reported):
        """The file is there under another name, which is no shard's, with every byte it had."""
        kept = [path for path in self.data.rglob("*") if path.name != name and path.is_file() and GARBAGE in path.read_bytes()]
        self.assertEqual(len(kept), 1, sorted(path.name for path in self.data.iterdir()))
        self.assertTrue(kept[0].read_bytes() == content, f"{kept[0].name} is not as it was")
        self.assertIn(name, reported)
        self.assertIn(kept[0].name, reported, "where it was put")
        self.assertFalse(kept[0].match("*.db"), f"who reads the shards by *.db would stumble over {kept[0].name}")
        return kept[0]

    def assert_new_file(self, path, summary):
        self.assert_sound(self.data)
        self.assert_each_once()
        self.assertEqual(query(path, "SELECT count(*) FROM run_info"), [(1,)])
        self.assertEqual(summary.lost, 0)

    def run_beside(self, sick, content):
        """A second run, which finds one of two files damaged."""
        before = self.rows_of(next(path for path in shards(self.data) if path != sick))
        ran = self.fleet_sim(*self.arguments("--shard-by", "location", "--duration", "1m", "--speed", "max", "--start",
                                             "2026-01-02"))
        self.assert_set_aside(sick.name, content, ran.stderr)
        self.assert_new_file(sick, ran.summary)
        self.assertEqual(ran.summary.due, 60 * PER_SECOND)
        self.assertEqual(ran.summary.due, ran.summary.written + ran.summary.missing)
        self.assertEqual(ran.summary.written, self.rows() - before)
        self.assertIn("corrupt", ran.summary.lines["errors"])
        self.fleet_sim("report", self.data)  # what was set aside does not stand in the way of reading the rest

    def rows_of(self, path):
        return query(path, "SELECT count(*) FROM sensor_readings")[0][0]

    def test_overwritten_before_the_start(self):
        sick = self.earlier_run()[1]
        self.run_beside(sick, self.overwrite(sick))

    def test_cut_off_before_the_start(self):
        sick = self.earlier_run()[1]
        self.overwrite(sick)
        with open(sick, "r+b") as file:
            file.truncate(sick.stat().st_size // 2 // 16384 * 16384)
        self.run_beside(sick, sick.read_bytes())

    def test_twice(self):
        """The second that is set aside does not take the place of the first."""
        kept = []
        for day in ("2026-01-02", "2026-01-03"):
            sick = self.earlier_run()[1] if not kept else shards(self.data)[1]
            kept.append(self.overwrite(sick))
            self.fleet_sim(*self.arguments("--shard-by", "location", "--duration", "1m", "--speed", "max", "--start", day))
        found = [path.read_bytes() for path in self.data.iterdir() if path.name.startswith(sick.name[:-3])]
        for content in kept:
            self.assertTrue(content in found, "one of the files is gone")

    def test_overwritten_during_the_run(self):
        process = self.begin("--shard-by", "location")
        self.wait_for_rows(self.data, 2 * PER_SECOND, process, files=2)
        healthy, sick = shards(self.data)
        content = self.overwrite_while_it_pauses(process, sick)
        at = time.time() * SECOND
        self.wait_for_line(process, r"warning.*" + re.escape(sick.name))
        self.wait_until(lambda: self.began_anew(sick), process, seconds=20)
        summary = self.stop(process)
        self.assert_set_aside(sick.name, content, (self.dir / "stderr").read_text())
        self.assert_new_file(sick, summary)
        self.assertEqual(summary.due, summary.written + summary.missing)
        ((first,),) = query(sick, "SELECT min(timestamp) FROM sensor_readings")
        self.assertLess(micros(first), at + SECOND, "rows that waited go to the new file")
        self.assertIn("corrupt", summary.lines["errors"])
        ((rows, newest),) = query(healthy, "SELECT count(*), max(timestamp) FROM sensor_readings")
        self.assertGreater(rows, self.rows_of(sick))
        self.assertGreater(micros(newest), at)

    def overwrite_while_it_pauses(self, process, path):
        """With the write-ahead log taken over and empty, so that everything is read from the file the next time."""
        connection = connect(path)
        connection.execute("PRAGMA busy_timeout = 0")
        busy = 1
        while busy:
            process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.05)
            ((busy, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        content = self.overwrite(path)
        process.send_signal(signal.SIGCONT)
        # Not closed: the last to close a connection takes the log away.
        self.addCleanup(connection.close)
        return content

    def began_anew(self, path):
        try:
            return path.exists() and query(path, "SELECT count(*) FROM sensor_readings") > [(PER_SECOND // 2,)]
        except sqlite3.Error:
            return False


if __name__ == "__main__":
    main()
