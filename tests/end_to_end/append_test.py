#!/usr/bin/env python3
"""The same data twice: a start that would write readings again is refused, and `report` counts those that were."""

from fleet import *


class Append(FleetTest):
    def one_sensor(self, sensor_id, **more):
        return self.write_identities([identity(sensor_id, **more)], f"{sensor_id}.jsonl")

    def assert_refused(self, *arguments, names=(), **options):
        data = self.dir / "data"
        before = fingerprint(data)
        ran = self.fill("data", *arguments, code=2, **options)
        for word in ("--resume", "--data-dir", "--append", *names):
            self.assertIn(word, ran.stderr)
        self.assertEqual(fingerprint(data), before, "a refused start changes nothing")

    def test_the_same_run_again(self):
        self.fill("data", "--duration", "10m")
        self.assert_refused("--duration", "10m", names=("data/sensor_data.db", "2026-01-01T00:00:00", "2026-01-01T00:10:00"))

    def test_with_another_sharding(self):
        self.fill("data", "--duration", "10m", "--shard-by", "location")
        self.assert_refused("--duration", "10m", names=("location=",))
        self.assert_refused("--duration", "10m", "--shard-by", "sensor", names=("location=",))

    def test_a_file_of_another_name(self):
        self.fill("data", "--duration", "10m")
        (self.dir / "data" / "sensor_data.db").rename(self.dir / "data" / "archive of January.db")
        self.assert_refused("--duration", "10m", names=("archive of January.db",))

    def test_a_span_within(self):
        self.fill("data", "--duration", "2h")
        self.assert_refused("--start", "2026-01-01T01:00:00", "--duration", "1s")
        self.assert_refused("--start", "2026-01-01T01:59:59", "--duration", "1d")
        self.fill("data", "--start", "2026-01-01T02:00:00", "--duration", "1s")

    def test_runs_in_any_order_of_time(self):
        for day, again in (("2026-01-10", "2026-01-10"), ("2026-01-01", "2026-01-10"), ("2026-01-20", "2026-01-01")):
            self.fill("data", "--start", day, "--duration", "20s")
            self.assert_refused("--start", again, "--duration", "20s", names=(again,))
        self.fill("data", "--start", "2026-01-02", "--duration", "20s")

    def test_other_sensors_at_the_same_time(self):
        self.fill("data", "--duration", "1h", identities=self.one_sensor("A"))
        self.fill("data", "--duration", "1h", identities=self.one_sensor("B"))
        self.assertEqual(len(shards(self.dir / "data")), 1)
        self.assert_refused("--duration", "1h", identities=self.one_sensor("A"), names=("A",))
        self.assert_refused("--duration", "1h", "--start", "2026-01-01T00:30:00", identities=self.one_sensor("B"))

    def test_one_sensor_of_many(self):
        self.fleet_sim("generate", "--count", 2000, "--seed", 1, "--out", "many.jsonl")
        last = json.loads((self.dir / "many.jsonl").read_text().splitlines()[-1])
        self.fill("data", "--duration", "2m", identities="many.jsonl")
        self.assert_refused("--duration", "2m", "--shard-by", "sensor", identities=self.write_identities([last]),
                            names=(last["id"],))

    def test_parts_of_a_fleet(self):
        for part in (1, 2, 3):
            self.fill("data", "--duration", "10m", "--partition", f"{part}/3")
        self.assert_refused("--duration", "10m", "--partition", "2/3")
        self.assert_refused("--duration", "10m", "--partition", "1/2")

    def test_a_history_that_overlaps(self):
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--backfill", "1h", "--duration", "1")
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--backfill", "1h", "--duration", "1", code=2)
        self.assertIn("--append", ran.stderr)

    def test_live_runs_append(self):
        for _ in range(3):
            self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", "1", "--rate", 50)
        self.assertEqual(len(query(self.dir / "data" / "sensor_data.db", "SELECT * FROM run_info")), 3)
        self.assertEqual(self.repeated(), 0)

    def test_files_of_others_do_not_matter(self):
        self.fill("data", "--duration", "1m")
        (self.dir / "data" / "sensor_data.db").rename(self.dir / "data" / "broken.db")
        with open(self.dir / "data" / "broken.db", "r+b") as file:
            file.write(b"no database any more")
        (self.dir / "data" / "empty.db").touch()
        self.write("data/notes.db", "not a database at all")
        self.fill("data", "--duration", "1m")

    def test_nothing_is_refused_without_files(self):
        self.fill("data", "--duration", "1m")
        self.fill("data", "--duration", "1m", "--sink", "null")

    def repeated(self):
        duplicates = json.loads(self.fleet_sim("report", "data", "--json").stdout)["duplicates"]
        self.assertFalse(duplicates["is_estimate"])
        return duplicates["readings"]

    def test_report_counts_in_one_file(self):
        rows = self.fill("data", "--duration", "10m").summary.written
        self.assertEqual(self.repeated(), 0)
        self.assertRegex(self.fleet_sim("report", "data").stdout, r"duplicates +none")
        self.fill("data", "--duration", "10m", "--append")
        self.assertEqual(self.repeated(), rows)
        self.assertRegex(self.fleet_sim("report", "data").stdout, rf"duplicates +{rows:,} readings")

    def test_report_counts_over_files(self):
        rows = self.fill("data", "--duration", "10m", "--shard-by", "location").summary.written
        half = query_all(self.dir / "data", "SELECT count(*) FROM sensor_readings WHERE timestamp >= '2026-01-01T00:05'")
        self.fill("data", "--duration", "10m", "--start", "2026-01-01T00:05", "--shard-by", "model", "--append")
        self.assertEqual(self.repeated(), self.same_readings())
        self.assertGreater(self.same_readings(), 0)
        self.assertGreater(rows, sum(count for (count,) in half))

    def same_readings(self):
        seen = query_all(self.dir / "data", "SELECT sensor_id, timestamp FROM sensor_readings")
        return len(seen) - len(set(seen))

    def test_a_time_that_goes_back_without_repeating(self):
        for start in ("2026-01-02", "2026-01-01"):
            self.fill("data", "--duration", "10m", "--start", start)
        self.assertEqual(self.repeated(), 0)


if __name__ == "__main__":
    main()
