#!/usr/bin/env python3
"""A run that was stopped or killed, and goes on with --resume, holds what it would hold had it never stopped."""

import random
import sqlite3
from contextlib import closing

from fleet import *

START = ("--speed", "max", "--start", "2026-01-01", "--seed", 7)


class Resume(FleetTest):
    def make_fleet(self, size=400, rates=(0.2, 1, 20, 0.003)):
        return self.write_identities(
            [identity(f"S{i:04}", model=f"TempVibe-{1 + i % 3}000", location=f"Site {i % 7} - Row {i % 3}",
                      firmware_version=("1.3", "1.4", "2")[i % 3], readings_per_second=rates[i % len(rates)])
             for i in range(size)])

    def begin(self, data, fleet, *arguments):
        return self.start("--identities", fleet, "--data-dir", data, *START, *arguments)

    def whole(self, fleet, *arguments):
        self.fleet_sim("--identities", fleet, "--data-dir", "whole", *START, *arguments)
        return self.counted("whole")

    def kill_when_written(self, process, data, rows):
        self.wait_for_rows(self.dir / data, rows, process)
        process.kill()
        process.wait()

    def rows(self, data):
        """Those in files that were killed while being made have no tables yet."""
        made = [path for path in shards(self.dir / data)
                if query(path, "SELECT 1 FROM sqlite_schema WHERE name = 'sensor_readings'")]
        return sum(query(path, "SELECT count(*) FROM sensor_readings")[0][0] for path in made)

    def resume(self, data="data", *arguments, **options):
        return self.fleet_sim("--resume", "--data-dir", data, *arguments, **options)

    def assert_same_as(self, whole, data="data"):
        self.assert_sound(self.dir / data)
        # A reading twice would be one too many here; one missing, one too few.
        self.assertEqual(self.counted(data), whole)
        self.assertEqual(len(set(query_all(self.dir / data, "SELECT run_id FROM run_info"))), 1)

    def test_a_run_that_has_lost_rows(self):
        """It is refused, whichever file says so, and nothing is changed."""
        fleet = self.make_fleet(20)
        self.fleet_sim("--identities", fleet, "--data-dir", "data", *START, "--duration", "1m", "--shard-by", "location")
        whole = self.counted("data")
        with sqlite3.connect(shards(self.dir / "data")[-1]) as last:
            last.execute("CREATE TABLE run_losses (run_id TEXT PRIMARY KEY, since TEXT NOT NULL)")
            last.execute("INSERT INTO run_losses SELECT run_id, '2026-01-01T00:00:30.000000Z' FROM run_info")
        last.close()
        refused = self.resume("data", "--duration", "2m", code=2)
        self.assertRegex(refused.stderr, "--resume: run .* lost or skipped rows .*run_losses.*start a new run without")
        self.assertEqual(self.counted("data"), whole)

    @not_under_thread_sanitizer
    def test_a_run_that_has_skipped_readings(self):
        """What was told late of its anomalies may be in no file: a file says so before it is killed."""
        fleet = self.make_fleet(20_000, rates=(1,))
        config = self.write("skip.yaml", "simulation: {overload: skip}\n"
                            "database: {path: data/all.db, pending_rows: 1000, busy_timeout_ms: 60000}\n")
        process = self.start("--identities", fleet, "--config", config, "--threads", 2)
        self.wait_for_rows(self.dir / "data", 1, process)
        file = self.dir / "data/all.db"
        losses = "SELECT count(*) FROM sqlite_schema WHERE name = 'run_losses'"
        for seconds in (2, 4, 8):  # until the batches have run out; the lock is waited for, so nothing is lost
            with closing(sqlite3.connect(file, timeout=10)) as other:
                other.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
            rows = total(self.dir / "data", "SELECT max(id) FROM sensor_readings")
            self.wait_for_rows(self.dir / "data", rows + 1, process)
            if query(file, losses) == [(1,)]:
                break
        else:
            self.fail("nothing was skipped:\n" + self.printed())
        process.kill()
        process.wait()
        before = self.counted("data")
        self.assertIn("lost or skipped rows", self.resume("data", "--config", config, code=2).stderr)
        self.assertEqual(self.counted("data"), before)

    def test_killed_again_and_again(self):
        fleet = self.make_fleet()
        how = ("--duration", "6m", "--shard-by", "location")
        whole = self.whole(fleet, *how)
        at_random = random.Random(1)
        for attempt in range(2):
            data = f"data{attempt}"
            process = self.begin(data, fleet, *how)
            rows = 0
            for _ in range(3):
                self.kill_when_written(process, data, rows + at_random.randint(1, whole[1] // 8))
                rows = self.rows(data)
                process = self.start("--resume", "--data-dir", data, "--writers", 1 + attempt)
            self.kill_when_written(process, data, rows + 1)
            rows = self.rows(data)
            last = self.resume(data)
            self.assertEqual(last.summary.due, last.summary.written + last.summary.missing + last.summary.found)
            self.assertLess(last.summary.found, rows)  # it went on about where it was, not from the beginning
            self.assert_same_as(whole, data)

    def test_killed_before_anything_was_written(self):
        fleet = self.make_fleet(50)
        how = ("--duration", "20s", "--shard-by", "sensor")
        whole = self.whole(fleet, *how)
        for seconds in (0.005, 0.02, 0.04, 0.08):
            data = f"data{seconds}"
            process = self.begin(data, fleet, *how)
            time.sleep(seconds)  # whatever it has come to by then
            process.kill()
            process.wait()
            # With nothing recorded there is no run to go on with, and the same arguments begin it.
            self.fleet_sim("--resume", "--data-dir", data, "--identities", fleet, *START, *how)
            self.assert_same_as(whole, data)

    def test_files_that_are_still_empty_hold_no_run(self):
        fleet = self.make_fleet(50)
        how = ("--duration", "20s", "--shard-by", "sensor")
        whole = self.whole(fleet, *how)
        for shard in shards(self.dir / "whole")[:7]:  # as a run leaves them that is killed while it begins
            self.write(f"data/{shard.name}", "")
        begun = self.fleet_sim("--resume", "--data-dir", "data", "--identities", fleet, *START, *how)
        self.assertIn("data has no run to resume; starting a new one", begun.stderr)
        self.assert_same_as(whole, "data")

    def test_a_run_in_real_time_catches_up(self):
        fleet = self.make_fleet(60, rates=(5,))
        process = self.start("--identities", fleet, "--data-dir", "data", "--seed", 7, "--duration", "5s")
        self.wait_for_rows(self.dir / "data", 200, process)
        stopped = self.stop(process)
        time.sleep(1)  # an outage
        began = time.monotonic()
        went_on = self.resume()
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(stopped.due + went_on.summary.due - went_on.summary.found, 60 * 5 * 5 + self.twice(stopped, went_on))
        ((start,),) = set(query_all(self.dir / "data", "SELECT start FROM run_info"))
        self.fleet_sim("--identities", fleet, "--data-dir", "whole", "--seed", 7, "--duration", "5s", "--start", start,
                       "--speed", "max")
        self.assert_same_as(self.counted("whole"))

    def twice(self, stopped, went_on):
        """Gaps that both processes counted: they leave no row that could be found."""
        return stopped.missing + went_on.summary.missing - total(
            self.dir / "data", "SELECT sum(readings_affected) FROM anomaly_events WHERE anomaly_type = 'missing_data'")

    def test_stopped_inside_anomalies(self):
        fleet = self.make_fleet(200, rates=(1,))
        config = self.write("restless.yaml", "anomalies: {probability: 0.5}\n")
        how = ("--duration", "30m", "--config", config, "--shard-by", "model")
        whole = self.whole(fleet, *how)
        process = self.begin("data", fleet, *how)
        self.wait_for_rows(self.dir / "data", 20_000, process)
        self.stop(process)
        self.assertGreater(total(self.dir / "data", "SELECT count(*) FROM anomaly_events WHERE ended_at IS NULL"), 20)
        self.resume("data", "--config", config, "--identities", fleet)
        self.assert_same_as(whole)

    def test_a_complete_run_stays_as_it_is_and_can_be_made_longer(self):
        fleet = self.make_fleet()
        self.fleet_sim("--identities", fleet, "--data-dir", "data", *START, "--duration", "2m")
        before = self.counted("data")
        self.assertEqual(self.resume().summary.written, 0)
        self.assertEqual(self.counted("data"), before)
        self.resume("data", "--duration", "4m", "--speed", 1000)
        self.assert_same_as(self.whole(fleet, "--duration", "4m"))

    def test_a_shard_that_is_removed_is_filled_again(self):
        fleet = self.make_fleet()
        how = ("--duration", "3m", "--shard-by", "site")
        whole = self.whole(fleet, *how)
        shutil.copytree(self.dir / "whole", self.dir / "data")
        (self.dir / "data" / "site=Site_3.db").unlink()
        self.resume()
        self.assert_same_as(whole)

    def test_partitions_of_one_folder_continue_each_for_itself(self):
        fleet = self.make_fleet(120, rates=(1, 10))
        how = ("--duration", "15m", "--shard-by", "hash:3")
        whole = self.whole(fleet, *how)
        processes = [self.begin("data", fleet, *how, "--partition", f"{k}/3") for k in (1, 2, 3)]
        self.wait_for_rows(self.dir / "data", 5_000, processes[0])
        for process in processes:
            process.kill()
            process.wait()
        for k in (3, 1, 2):
            self.fleet_sim("--resume", "--data-dir", "data", "--identities", fleet, *START, *how, "--partition", f"{k}/3")
        self.assertEqual(self.counted("data"), whole)
        error = self.fleet_sim("--resume", "--data-dir", "data", code=2).stderr
        self.assertRegex(error, r"holds partition ./3; choose the one to resume with --partition")

    def test_the_latest_of_several_runs_continues(self):
        fleet = self.make_fleet(50)
        for seed in (8, 7):  # the second is cut short, and both cover the same days
            self.fleet_sim("--identities", fleet, "--data-dir", "data", "--speed", "max", "--start", "2026-01-01", "--seed",
                           seed, "--duration", "10m" if seed == 8 else "4m", "--append")
        self.resume("data", "--duration", "10m")
        self.fleet_sim("--identities", fleet, "--data-dir", "both", *START[:-1], 8, "--duration", "10m")
        self.fleet_sim("--identities", fleet, "--data-dir", "both", *START, "--duration", "10m", "--append")
        self.assertEqual(self.counted("data"), self.counted("both"))

    def test_what_differs_is_refused(self):
        fleet = self.make_fleet(30)
        self.fleet_sim("--identities", fleet, "--data-dir", "data", *START, "--duration", "1m", "--shard-by", "model")
        before = fingerprint(self.dir / "data")
        other = self.write("other.yaml", "clock: {utc_offset: '+02:00'}\n")
        for arguments, error in (
                (("--seed", 8), "simulation.seed is 8, but the run started with 7"),
                (("--start", "2026-01-02"), "clock.start is 2026-01-02T00:00:00.000000Z, but the run started with 2026-01-01"),
                (("--shard-by", "location"), "sharding.by is location, but the run started with model"),
                (("--config", other), "clock.utc_offset is +02:00, but the run started with +00:00"),
                (("--sink", "null"), "the null sink keeps nothing"),
                (("--identities", IDENTITIES), "the identities differ from those at the run's start (30 sensors then, 15 now)"),
                (("--identities", self.write_identities([identity(f"S{i}") for i in range(30)], "others.jsonl")),
                 "the identities differ from those at the run's start")):
            with self.subTest(arguments=arguments):
                self.assertIn(error, self.resume("data", *arguments, code=2).stderr)
        self.assertEqual({name: hashed for name, hashed in fingerprint(self.dir / "data").items() if name.endswith(".db")},
                         {name: hashed for name, hashed in before.items() if name.endswith(".db")})

    def test_rows_that_were_changed_end_it(self):
        fleet = self.make_fleet(30, rates=(1,))
        self.fleet_sim("--identities", fleet, "--data-dir", "data", *START, "--duration", "1m")
        connection = connect(self.dir / "data" / "sensor_data.db")
        connection.execute("UPDATE sensor_readings SET temperature = temperature + 1 WHERE id = "
                           "(SELECT max(id) FROM sensor_readings)")
        connection.close()
        before = self.counted("data")
        error = self.resume("data", "--duration", "2m", code=1).stderr
        self.assertEqual(self.counted("data"), before, "nothing is added to what belongs to something else")
        self.assertRegex(error, r"the row of sensor 'S\d+' at 2026-01-01T00:00:59.\d+Z differs from what this run would write")

    def test_of_several_files_the_one_that_is_named(self):
        fleet = self.make_fleet(30)
        for name, seed in (("a", 7), ("b", 8), ("whole", 7)):
            self.fleet_sim("--identities", fleet, "--speed", "max", "--start", "2026-01-01", "--seed", seed, "--duration",
                           "10m" if name == "whole" else "4m", "--append",
                           env={"FLEET_SIM_DATABASE_PATH": f"{'whole' if name == 'whole' else 'data'}/{name}.db"})
        later = fingerprint(self.dir / "data")["b.db"]
        self.fleet_sim("--resume", "--duration", "10m", env={"FLEET_SIM_DATABASE_PATH": "data/a.db"})
        self.assertEqual(fingerprint(self.dir / "data")["b.db"], later)
        rows = "SELECT timestamp, sensor_id, temperature FROM sensor_readings ORDER BY 1, 2"
        self.assertTrue(query(self.dir / "data/a.db", rows) == query(self.dir / "whole/whole.db", rows))
        error = self.fleet_sim("--resume", env={"FLEET_SIM_DATABASE_PATH": "data/c.db"}, code=2).stderr
        self.assertIn("database.path names the file 'c.db', but the run started in 'b.db'", error)

    def test_nothing_to_resume_begins_a_run(self):
        ran = self.fleet_sim("--resume", "--identities", IDENTITIES, "--data-dir", "data", *START, "--duration", "1m")
        self.assertIn("data has no run to resume; starting a new one", ran.stderr)
        self.assertGreater(ran.summary.written, 800)

    def test_nothing_to_resume_and_nothing_to_begin_with(self):
        error = self.fleet_sim("--resume", "--data-dir", "data", code=2).stderr
        self.assertIn("identities: data has no run to resume; no sensors given; use --identities", error)

    def test_a_run_of_which_there_is_only_the_manifest(self):
        """As a kill leaves it within the first second."""
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", *START, "--duration", "10s")
        for shard in shards(self.dir / "data"):
            shard.unlink()
        run = json.loads((self.dir / "data/run.json").read_text())
        error = self.fleet_sim("--resume", "--data-dir", "data", code=2).stderr
        self.assertIn(f"nothing of run {run['run_id']}, which began there: --seed {run['seed']} begins the same one again", error)


if __name__ == "__main__":
    main()
