#!/usr/bin/env python3
"""A reader that keeps a transaction open beside a busy writer: the log of that shard grows, which is shown, said and bounded,
and it shrinks once the reader has gone."""

from serving import *

NAME = "location=Factory_A_-_Line_1.db"


class HeldLog(Served):
    def setUp(self):
        super().setUp()
        self.shard = self.dir / "data" / NAME
        self.log_of_shard = self.shard.with_name(NAME + "-wal")

    def begin(self, rate=20, overload="block", **settings):
        env = {f"FLEET_SIM_DATABASE_{name.upper()}": str(value) for name, value in settings.items()}
        self.serve(rate=rate, env={"FLEET_SIM_SIMULATION_OVERLOAD": overload, **env})
        self.wait_for_rows(self.dir / "data", 1, self.process, files=10)

    def hold(self):
        """Returns a connection within a transaction that reads the shard."""
        reader = sqlite3.connect(self.shard, isolation_level=None, timeout=10)
        self.addCleanup(reader.close)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sensor_readings").fetchone()
        return reader

    def status(self):
        return json.loads(self.ask("/status")[1])

    def metric(self, name):
        return float(re.search(rf"(?m)^fleet_sim_{name} (\S+)$", self.ask("/metrics")[1].decode())[1])

    def lines(self, text):
        return [line for line in (self.dir / "log/fleet-sim.log").read_text().splitlines() if text in line]

    def test_it_is_shown_said_once_and_shrinks(self):
        self.begin(checkpoint_pages=4)
        self.assertEqual(self.metric("held_logs"), 0)
        reader = self.hold()
        self.wait_for(lambda: self.metric("held_logs") == 1)
        self.wait_for(lambda: self.lines("a program has been reading the file"))
        held = self.status()["held_logs"]
        self.assertEqual((held["count"], [log["file"] for log in held["longest"]]), (1, [NAME]))
        self.assertGreaterEqual(held["seconds"], 9)
        self.assertGreater(held["bytes"], 4 * 16_384)
        self.assertGreaterEqual(self.metric("held_log_seconds"), held["seconds"])
        self.assertGreaterEqual(self.metric("held_log_bytes"), held["bytes"])
        rows = {row["name"]: row for row in json.loads(self.ask("/api/shards")[1])["shards"]}
        self.assertGreaterEqual(rows[NAME]["log_held_seconds"], 9)
        self.assertEqual({name for name, row in rows.items() if row["log_held_seconds"] > 0}, {NAME})
        self.assertGreaterEqual(rows[NAME]["log_bytes"], held["bytes"])
        grown = self.log_of_shard.stat().st_size
        reader.close()
        self.wait_for(lambda: self.metric("held_logs") == 0)
        self.wait_for(lambda: self.log_of_shard.stat().st_size < grown / 4)
        self.wait_for(lambda: self.lines("could be emptied again"))
        (warning,) = self.lines("a program has been reading the file")
        self.assertIn(NAME, warning)
        self.assertEqual(self.stop(self.process).lost, 0)

    def test_at_the_bound_rows_wait_and_all_are_written(self):
        self.begin(rate=200, max_log_mb=1, checkpoint_pages=8)
        reader = self.hold()
        self.wait_for(lambda: self.lines("beyond database.max_log_mb"))
        size = self.log_of_shard.stat().st_size
        self.assertLess(size, 2_500_000, "a lot more than the bound at most")
        due = self.status()["readings"]["due"]
        self.wait_for(lambda: self.status()["readings"]["due"] > due + 3_000)
        self.assertEqual(self.log_of_shard.stat().st_size, size)
        self.assertTrue(self.status()["healthy"])
        self.assertGreater(self.status()["queue"]["rows"], 0)
        reader.close()
        self.wait_for(lambda: self.lines("could be emptied again"))
        summary = self.stop(self.process)
        self.assertEqual((summary.lost, summary.errors), (0, 0))
        self.assert_balanced(summary, self.dir / "data")

    def test_at_the_bound_overload_skips_if_it_is_to(self):
        self.begin(rate=200, overload="skip", max_log_mb=1, checkpoint_pages=8, pending_rows=2_000)
        self.hold()
        self.wait_for(lambda: self.status()["readings"]["skipped"] > 0, 60)
        summary = self.stop(self.process, code=0)
        self.assertEqual(summary.lost, 0)
        self.assertEqual(summary.due, summary.skipped + summary.written + summary.missing)

    def test_a_stop_does_not_wait_for_the_reader(self):
        self.begin(rate=200, max_log_mb=1, checkpoint_pages=8)
        self.hold()
        self.wait_for(lambda: self.lines("beyond database.max_log_mb"))
        summary = self.stop(self.process)
        self.assert_balanced(summary, self.dir / "data")
        self.assertEqual(len(self.lines("another program has it open")), 1)


if __name__ == "__main__":
    main()
