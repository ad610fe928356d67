#!/usr/bin/env python3
"""Who may write where, and a data directory that cannot be used at the start, or holds what a crash left."""

from fleet import *

PACED = ("--duration", 0, "--rate", 20)
FAST = ("--speed", "max", "--start", "2026-01-01", "--duration", "1m", "--seed", 7)


class TwoProcesses(FleetTest):
    def begin(self, *arguments, data="data"):
        return self.start("--identities", IDENTITIES, "--data-dir", data, *PACED, *arguments)

    def assert_refused(self, process, *arguments, data="data"):
        rows = total(self.dir / data, "SELECT count(*) FROM run_info")
        ran = self.fleet_sim("--data-dir", data, *arguments, code=3)
        self.assertIn(f"process {process.pid} writes the same sensors there", ran.stderr)
        self.assertIn("--data-dir", ran.stderr)
        self.assertEqual(total(self.dir / data, "SELECT count(*) FROM run_info"), rows)

    def test_the_second_is_refused_and_the_first_continues(self):
        process = self.begin()
        self.wait_for_rows(self.dir / "data", 50, process)
        self.assert_refused(process, "--identities", IDENTITIES, *FAST)
        self.assert_refused(process, "--identities", IDENTITIES, *FAST, "--shard-by", "location")
        self.assert_refused(process, "--resume")
        self.assertEqual(self.stop(process).lost, 0)
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", *FAST)

    def test_partitions_without_a_sensor_in_common_may_share(self):
        process = self.begin("--partition", "1/3")
        self.wait_for_rows(self.dir / "data", 10, process)
        for partition in ("2/3", "3/3", "3/4"):
            self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", *FAST, "--partition", partition, "--append")
        for partition in ("1/3", "2/6", "1/1", "2/4", "1/5"):
            self.assert_refused(process, "--identities", IDENTITIES, *FAST, "--partition", partition)
        self.stop(process)

    def test_a_process_that_was_killed_keeps_nobody_out(self):
        process = self.begin()
        self.wait_for_rows(self.dir / "data", 10, process)
        process.kill()
        process.wait()
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", *FAST)

    def test_the_null_sink_locks_nothing(self):
        process = self.begin()
        self.wait_for_rows(self.dir / "data", 10, process)
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", *FAST, "--sink", "null")
        self.stop(process)


class BadStart(FleetTest):
    FILE = "location=Factory_A_-_Line_1.db"

    def run_paced(self, **env):
        return self.start("--identities", IDENTITIES, "--data-dir", "data", *PACED, "--shard-by", "location",
                          env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "100", **env})

    def wait_for(self, words, process):
        until = time.monotonic() + 60
        while not re.search(words, self.printed()):
            self.assertIsNone(process.poll(), self.printed())
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.05)

    def make_unopenable(self, name=FILE):
        """A link to a folder that is not there: the file cannot be made until it is. Also works for root."""
        (self.dir / "data").mkdir(exist_ok=True)
        (self.dir / "data" / name).symlink_to(self.dir / "later" / "shard.db")

    def test_rows_wait_for_a_file_that_cannot_be_opened(self):
        self.make_unopenable()
        process = self.run_paced()
        self.wait_for(f"cannot be opened yet; rows wait in memory.*{re.escape(self.FILE)}", process)
        self.wait_for(f"cannot be written; rows wait in memory.*{re.escape(self.FILE)}", process)
        (self.dir / "later").mkdir()
        self.wait_for("works again; backlog written", process)
        summary = self.stop(process)
        self.assertGreater(summary.errors, 3)
        self.assertIn("(io ", summary.lines["errors"])
        self.assert_balanced(summary, self.dir / "data")
        self.assertEqual(len(shards(self.dir / "data")), 10)
        rows = query(self.dir / "later" / "shard.db", "SELECT timestamp, sensor_id FROM sensor_readings ORDER BY id")
        self.assertEqual(len(rows), len(set(rows)))
        ((first,),) = sorted(query_all(self.dir / "data", "SELECT min(timestamp) FROM sensor_readings"))[:1]
        self.assertLess(micros(rows[0][0]) - micros(first), SECOND)

    def test_without_the_fallback_it_ends(self):
        """Whichever file it is, also where but one can be open at a time."""
        for name in (self.FILE, "location=Outdoor_-_Area_1.db", "location=Warehouse_B_-_Section_3.db"):
            self.make_unopenable(name)
            ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", *FAST, "--shard-by", "location", code=3,
                                 env={"FLEET_SIM_DATABASE_MEMORY_FALLBACK": "false",
                                      "FLEET_SIM_DATABASE_MAX_OPEN_SHARDS": "1"})
            self.assertIn(f"{name}: cannot be opened", ran.stderr)
            (self.dir / "data" / name).unlink()
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", *FAST, "--shard-by", "location",
                       env={"FLEET_SIM_DATABASE_MEMORY_FALLBACK": "false"})

    def test_a_corrupt_shard_is_set_aside(self):
        self.fill("data", "--duration", "10m", "--shard-by", "location")
        path = self.dir / "data" / self.FILE
        # Pages of the schema: SQLite sees at once that it is a database, and that it is none any more.
        content = bytearray(path.read_bytes())
        content[100:4096] = b"\x5a" * 3996
        path.write_bytes(content)
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", *FAST, "--shard-by", "location", "--append")
        self.assertRegex(ran.stderr, f"was set aside.*{re.escape(self.FILE)}")
        self.assertEqual(ran.summary.lines["errors"], "1 (corrupt 1)")
        aside = [name for name in (self.dir / "data").iterdir() if ".corrupt-" in name.name]
        self.assertEqual([name.read_bytes() for name in aside], [bytes(content)])
        self.assertRegex(aside[0].name, r"^location=Factory_A_-_Line_1\.db\.corrupt-\d{8}T\d{6}Z$")
        self.assertEqual(query(path, "PRAGMA integrity_check"), [("ok",)])
        self.assertEqual(len(self.digest("data")["shards"]), 10)
        self.fleet_sim("report", "data")
        self.fleet_sim("--resume", "--data-dir", "data")

    def test_a_shard_that_becomes_corrupt_is_set_aside(self):
        # One open file at a time: each flush opens its file again, and sees what has become of it.
        process = self.run_paced(FLEET_SIM_DATABASE_CHECKPOINT_PAGES="1", FLEET_SIM_DATABASE_MAX_OPEN_SHARDS="1")
        path = self.dir / "data" / self.FILE
        self.wait_for_rows(self.dir / "data", 500, process, files=10)
        until = time.monotonic() + 30
        while "was set aside as" not in self.printed() and time.monotonic() < until:
            query(path, "PRAGMA wal_checkpoint(TRUNCATE)")  # so that the log holds no better pages
            size = path.stat().st_size
            with open(path, "r+b") as file:
                file.seek(16_384)
                file.write(b"\x5a" * (size - 16_384))
            time.sleep(0.3)
        self.wait_for("was set aside as", process)
        time.sleep(1)
        summary = self.stop(process)
        self.assertEqual(summary.lost, 0)
        self.assertIn("(corrupt ", summary.lines["errors"])
        self.assertTrue(list((self.dir / "data").glob("*.db.corrupt-*")))
        self.assertEqual(query(path, "PRAGMA integrity_check"), [("ok",)])
        ((lowest, highest, count),) = query(path, "SELECT min(id), max(id), count(*) FROM sensor_readings")
        self.assertGreater(lowest, 1)
        self.assertEqual(highest - lowest + 1, count)


class Overload(FleetTest):
    def test_skip_leaves_readings_out_and_keeps_every_event(self):
        fleet = self.write_identities([identity(f"S{i}") for i in range(100)])
        process = self.start("--identities", fleet, "--data-dir", "data", "--duration", 0, "--rate", 1000, "--seed", 7,
                             env={"FLEET_SIM_SIMULATION_OVERLOAD": "skip", "FLEET_SIM_DATABASE_PENDING_ROWS": "2000",
                                  "FLEET_SIM_ANOMALIES_TYPES_TREND_DURATION_SECONDS": "0.5"})
        self.wait_for_rows(self.dir / "data", 1_000, process)
        other = connect(self.dir / "data" / "sensor_data.db")
        other.execute("BEGIN IMMEDIATE")
        time.sleep(3)  # shorter than the busy timeout, and longer than the batches last
        other.execute("ROLLBACK")
        other.close()
        rows = total(self.dir / "data", "SELECT count(*) FROM sensor_readings")
        self.wait_for_rows(self.dir / "data", rows + 1_000, process)
        summary = self.stop(process)
        self.assertGreater(summary.skipped, 10_000)
        self.assertEqual((summary.lost, summary.errors), (0, 0))
        self.assertEqual(summary.due, summary.written + summary.missing + summary.skipped)
        self.assertEqual(summary.written, total(self.dir / "data", "SELECT count(*) FROM sensor_readings"))
        # Those of the steady start have begun before the run, but show in it.
        self.assertEqual(summary.anomalies, total(self.dir / "data", "SELECT count(*) FROM anomaly_events"))
        self.assertEqual(total(self.dir / "data", "SELECT count(*) FROM anomaly_events WHERE ended_at IS NULL AND "
                               "anomaly_type = 'trend' AND started_at < "
                               "(SELECT strftime('%Y-%m-%dT%H:%M:%f', max(timestamp), '-2 seconds') FROM sensor_readings)"), 0)

    def test_without_a_pace_it_means_nothing_and_says_so(self):
        ran = self.fill("data", "--duration", "1m", env={"FLEET_SIM_SIMULATION_OVERLOAD": "skip"})
        self.assertIn("simulation.overload: skip has no effect at clock.speed max", ran.stderr)
        self.assertNotIn("skipped", ran.summary.lines)


if __name__ == "__main__":
    main()
