#!/usr/bin/env python3
"""Files that travel: what a run leaves opens elsewhere, by whatever name, and is read back in whatever form."""

import contextlib

import mounts
from fleet import *

CANNOT_MOUNT = mounts.why_not()
LEFT = "left with a write-ahead log"


def mode_of(path):
    """As the file's header has it, so that nothing is opened."""
    with open(path, "rb") as file:
        return {1: "delete", 2: "wal"}[file.read(20)[18]]


class TravelTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"

    def modes(self):
        return {path.name: mode_of(path) for path in shards(self.data)}

    def rows(self):
        return sum(count for (count,) in query_all(self.data, "SELECT count(*) FROM sensor_readings"))

    def last_line(self, *sources):
        return self.fleet_sim("digest", *sources).stdout.splitlines()[-1]

    def left(self):
        return [line for line in (self.dir / "log/fleet-sim.log").read_text().splitlines() if LEFT in line]

    def begin(self, *arguments):
        return self.start("--identities", IDENTITIES, "--data-dir", self.data, "--shard-by", "location", "--rate", 20,
                          "--duration", 0, *arguments)


class FinishedFiles(TravelTest):
    def test_a_finished_file_keeps_no_log(self):
        self.fill("data", "--shard-by", "location", "--duration", 60)
        self.assertEqual(set(self.modes().values()), {"delete"})
        self.assertEqual(list(self.data.glob("*-wal")) + list(self.data.glob("*-shm")), [])
        self.assertEqual(self.left(), [])

    @unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
    def test_a_finished_run_opens_on_a_read_only_mount(self):
        self.fill("data", "--shard-by", "location", "--duration", 60)
        expected = self.digest("data")
        mounts.cover_read_only(self.data)
        self.addCleanup(mounts.uncover, self.data)
        rows = 0
        for path in shards(self.data):
            ran = subprocess.run(["sqlite3", "-readonly", path, "SELECT count(*) FROM sensor_readings"], capture_output=True,
                                 text=True, check=True)
            rows += int(ran.stdout)
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as plain:  # needs no quoting
                self.assertGreater(plain.execute("SELECT count(*) FROM sensor_readings").fetchone()[0], 0)
        self.assertEqual(rows, self.rows())
        self.assertEqual(self.digest("data"), expected)

    def test_a_file_that_is_being_read_keeps_its_log_and_the_next_run_takes_it_up(self):
        process = self.begin()
        self.wait_for_rows(self.data, 10, process, files=10)
        held = shards(self.data)[3]
        reader = sqlite3.connect(held, isolation_level=None)
        self.addCleanup(reader.close)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sensor_readings").fetchone()
        first = self.stop(process)
        self.assertEqual({name for name, mode in self.modes().items() if mode == "wal"}, {held.name})
        (line,) = self.left()
        self.assertIn("another program has it open", line)
        self.assertIn("files=1", line)
        self.assertIn(held.name, line)
        reader.close()
        process = self.begin("--resume")
        self.wait_for_rows(self.data, first.written + 300, process, files=10)
        self.assertIn("wal", self.modes().values())
        self.stop(process)
        self.assertEqual(set(self.modes().values()), {"delete"})
        self.assertEqual(len(self.left()), 1)
        self.assert_sound(self.data)

    def test_a_killed_run_is_finished_by_the_one_that_resumes_it(self):
        process = self.begin()
        self.wait_for_rows(self.data, 10, process, files=10)
        self.stop(process, signal.SIGKILL, -signal.SIGKILL)
        self.assertEqual(set(self.modes().values()), {"wal"})
        before = self.rows()
        process = self.begin("--resume")
        self.wait_for_rows(self.data, before + 10, process, files=10)
        self.stop(process)
        self.assertEqual(set(self.modes().values()), {"delete"})

    def test_a_file_without_rows_of_this_run_is_finished_too(self):
        process = self.begin()
        self.wait_for_rows(self.data, 10, process, files=10)
        self.stop(process, signal.SIGKILL, -signal.SIGKILL)
        before = self.rows()
        # One reading is due, in one file.
        self.fill("data", "--shard-by", "location", "--duration", 1000, "--rate", 0.001, "--count", 1, "--start", "2020-01-01")
        self.assertEqual(self.rows(), before + 1)
        self.assertEqual(set(self.modes().values()), {"delete"})

    def test_partitions_that_share_files(self):
        processes = [self.begin("--partition", f"{k}/2") for k in (1, 2)]
        for process in processes:
            self.wait_for_rows(self.data, 10, process, files=10)
        written = self.stop(processes[0]).written
        written += self.stop(processes[1]).written
        self.assertEqual(self.rows(), written)
        self.assertEqual(set(self.modes().values()), {"delete"})
        self.assert_sound(self.data)


class Names(TravelTest):
    EARLIER = "location=Factory+A+-+Line+1.db"
    NOW = "location=Factory_A_-_Line_1.db"

    def test_a_folder_of_an_earlier_version_keeps_its_names(self):
        self.fill("data", "--shard-by", "location", "--duration", 60)
        for path in shards(self.data):
            path.rename(path.with_name(path.name.replace("_", "+")))
        names = {path.name for path in shards(self.data)}
        self.assertIn(self.EARLIER, names)
        first = self.rows()
        self.fill("data", "--shard-by", "location", "--duration", 60, "--start", "2026-02-01")
        self.assertEqual({path.name for path in shards(self.data)}, names)
        self.assertGreater(self.rows(), first)
        process = self.begin()
        self.wait_for_rows(self.data, self.rows() + 1, process)
        self.stop(process, signal.SIGKILL, -signal.SIGKILL)
        process = self.begin("--resume")
        self.wait_for_rows(self.data, self.rows() + 1, process)
        self.stop(process)
        self.assertEqual({path.name for path in shards(self.data)}, names)
        said = self.fleet_sim("explain", "FACTORY_1_NEW", "--identities", IDENTITIES, "--data-dir", "data", "--shard-by", "location")
        self.assertIn(self.EARLIER, said.stdout)
        self.assertIn(self.EARLIER, self.fleet_sim("digest", "data").stdout)

    def test_keys_that_differ_in_case_have_files_of_their_own_everywhere(self):
        ids = ["abc", "ABC", "Abc", "aBC", "a b", "a_b", "A B", "A_B"]
        fleet = self.write_identities([identity(one) for one in ids])
        self.fill("data", "--shard-by", "sensor", "--duration", 10, identities=fleet)
        names = [path.name for path in shards(self.data)]
        self.assertEqual(len({name.lower() for name in names}), len(ids))

    def test_an_empty_file_is_no_shard(self):
        self.data.mkdir()
        (self.data / "stray.db").touch()
        (self.data / self.NOW).touch()
        for command in ("report", "digest", "export"):
            self.assertIn("has no .db files, or only empty ones", self.fleet_sim(command, "data", code=2).stderr)
        self.fill("data", "--shard-by", "location", "--duration", 60)
        self.assertEqual((self.data / "stray.db").stat().st_size, 0)
        self.assertNotIn("appending", (self.dir / "log/fleet-sim.log").read_text())
        self.assertEqual(len(query(self.data / self.NOW, "SELECT 1 FROM run_info")), 1)
        self.assertNotIn("stray", self.fleet_sim("digest", "data").stdout)
        self.assertIn("10 shards", self.fleet_sim("report", "data").stdout)
        self.assertIn("10 shards", self.fleet_sim("export", "data", "--out", "all.csv").stderr)


class Sources(TravelTest):
    def setUp(self):
        super().setUp()
        self.fill("data", "--shard-by", "location", "--duration", 120)

    def report(self, *sources):
        return json.loads(self.fleet_sim("report", "--json", *sources).stdout)

    def test_files_and_folders_give_the_same_data(self):
        paths = shards(self.data)
        (self.dir / "other").mkdir()
        for path in paths[:4]:
            path.rename(self.dir / "other" / path.name)
        parts = ["data", "other"]
        files = [*shards(self.data), *shards(self.dir / "other")]
        together = self.last_line(*parts)
        self.assertEqual(self.last_line(*files, files[0]), together, "each file once")
        self.assertEqual(self.last_line("data", *files), together)
        self.assertEqual(self.report(*parts)["total"], self.report(*files)["total"])
        self.assertEqual(len(self.report(*parts)["shards"]), 10)
        self.assertEqual(self.fleet_sim("export", *parts).stdout, self.fleet_sim("export", *files).stdout)
        self.assertEqual(self.fleet_sim("export", "--labels", *parts).stdout,
                         self.fleet_sim("export", *files, "--labels", "windows").stdout)
        self.assertIn("<html", self.fleet_sim("report", *parts, "--html", "-").stdout)

    def test_backups_are_read_whatever_their_names(self):
        path = shards(self.data)[0]
        expected = self.last_line(path)
        shutil.copy(path, self.dir / "copied")
        query(path, f"VACUUM INTO '{self.dir}/vacuumed.sqlite'")
        with sqlite3.connect(path) as one, sqlite3.connect(self.dir / "backup.bak") as other:
            one.backup(other)
        for name in ("copied", "vacuumed.sqlite", "backup.bak"):
            self.assertEqual(self.last_line(name), expected, name)
            self.assertEqual(self.report(name)["total"], self.report(path)["total"], name)

    def test_a_central_database_tells_what_its_shards_told(self):
        total, digest = self.report("data")["total"], self.last_line("data")
        exported = self.fleet_sim("export", "data").stdout
        subprocess.run([SOURCE / "scripts/collect", "data", "--into", "central.sqlite"], cwd=self.dir, check=True,
                       capture_output=True)
        central = self.report("central.sqlite")["total"]
        for figure in ("sensors", "readings"):
            self.assertEqual(central[figure], total[figure])
        self.assertEqual(self.fleet_sim("export", "central.sqlite").stdout, exported)
        self.assertEqual(self.last_line("central.sqlite")[:23], digest[:23], "the readings' half")
        self.assertEqual(self.report("central.sqlite")["runs"], self.report("data")["runs"])
        self.assertIn("<html", self.fleet_sim("report", "central.sqlite", "--html", "-").stdout)

    def test_what_cannot_be_read_is_said(self):
        (self.dir / "empty.db").touch()
        (self.dir / "letter.txt").write_text("no database\n" * 99)
        for name, table in (("foreign.db", "customers (id)"),
                            ("other.db", "sensor_readings (id INTEGER PRIMARY KEY, moment TEXT, humidity REAL)")):
            with sqlite3.connect(self.dir / name) as made:
                made.execute(f"CREATE TABLE {table}")
        for name, code, reason in (("nowhere.db", 2, "no such file or directory"), ("empty.db", 2, "is empty"),
                                   ("letter.txt", 1, "file is not a database"),
                                   ("foreign.db", 1, "has tables, but no sensor_readings"),
                                   ("other.db", 1, "has a table sensor_readings with different columns: id, moment, humidity")):
            for command in ("report", "digest", "export"):
                ran = self.fleet_sim(command, name, code=code)
                self.assertIn(reason, ran.stdout + ran.stderr, (command, name))
                self.assertNotIn("another data directory", ran.stdout + ran.stderr)


if __name__ == "__main__":
    main()
