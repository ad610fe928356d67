#!/usr/bin/env python3
"""The same data for any number of threads and writers, any sharding, any partition and any speed."""

import shutil

from fleet import *

MODELS = ("TempVibe-1000", "TempVibe-2000", "TempVibe-3000", "Odd Ω")
RATES = (0.2, 1, 2.5)  # several cohorts, so that threads have something to disagree about


class Determinism(FleetTest):
    def setUp(self):
        super().setUp()
        self.make_fleet(1500)

    def make_fleet(self, size):
        self.fleet = self.write_identities(
            [identity(f"S{i:04}", model=MODELS[i % 4], location=f"Site {i % 7} - Row {i % 3}",
                      firmware_version=("1.3", "1.4", "1.4.0", "2")[i % 4], readings_per_second=RATES[i % 3])
             for i in range(size)])

    def filled(self, data, *arguments):
        self.fill(data, "--duration", "20s", *arguments, identities=self.fleet)
        return self.counted(data)

    def test_threads(self):
        one = self.filled("one", "--threads", 1)
        self.assertEqual(one, self.filled("four", "--threads", 4))
        self.assertEqual(one, self.filled("many", "--threads", 16, "--writers", 2, "--shard-by", "model"))
        self.assertGreater(one[1], 30_000)
        self.assertGreater(one[2], 100)
        # The digest itself is no witness: the rows are.
        rows = self.readings(self.dir / "one")
        self.assertEqual(rows, self.readings(self.dir / "four"))
        self.assertEqual(rows, self.readings(self.dir / "many"))

    def test_sharding(self):
        self.make_fleet(200)
        whole = self.filled("none", "--shard-by", "none")
        files = {"sensor": 200, "node": 200, "location": 21, "site": 7, "manufacturer": 1, "model": 4, "firmware": 3,
                 "hash:3": 3}
        for shard_by, count in files.items():
            with self.subTest(shard_by=shard_by):
                data = shard_by.replace(":", "")
                self.assertEqual(self.filled(data, "--shard-by", shard_by), whole)
                self.assertEqual(len(shards(self.dir / data)), count)
        self.assertEqual([path.name for path in shards(self.dir / "none")], ["sensor_data.db"])

    def test_writers(self):
        one = self.filled("one", "--writers", 1, "--shard-by", "location")
        self.assertEqual(one, self.filled("three", "--writers", 3, "--shard-by", "location"))

    def test_batches_and_flushes(self):
        default = self.filled("default")
        config = self.write("small.yaml", "database: {batch_size: 7, flush_interval_ms: 1, pending_rows: 50}\n")
        self.assertEqual(default, self.filled("small", "--config", config))

    def test_partitions_that_start_into_one_folder_together(self):
        """Each finds files that the others are making at the same moment."""
        self.make_fleet(120)
        whole = self.filled("whole")
        for shard_by in ("none", "hash:8"):
            for attempt in range(4):
                data = f"together-{shard_by.replace(':', '')}-{attempt}"
                processes = [self.start("--identities", self.fleet, "--data-dir", data, "--speed", "max", "--start",
                                        "2026-01-01", "--seed", 7, "--duration", "20s", "--partition", f"{k}/6",
                                        "--shard-by", shard_by) for k in range(1, 7)]
                for process in processes:
                    output = process.communicate(timeout=60)
                    self.assertEqual(process.returncode, 0, output)
                self.assertEqual(self.counted(data), whole)

    def test_partitions_make_up_the_whole(self):
        whole = self.filled("whole", "--shard-by", "location")
        parts, sizes = [], []
        for k in (1, 2, 3):
            self.filled(f"part{k}", "--shard-by", "location", "--partition", f"{k}/3")
            parts += self.readings(self.dir / f"part{k}")
            sizes.append(query(shards(self.dir / f"part{k}")[0], "SELECT fleet_size, partition FROM run_info")[0])
        self.assertEqual(sorted(parts, key=repr), self.readings(self.dir / "whole"))
        self.assertEqual([partition for _, partition in sizes], ["1/3", "2/3", "3/3"])
        for k in (3, 1, 2):
            self.filled("together", "--shard-by", "location", "--partition", f"{k}/3")
        self.assertEqual(self.counted("together"), whole)

    def test_another_seed_is_other_data(self):
        seven = self.filled("seven")
        self.assertNotEqual(seven[0], self.filled("eight", "--seed", 8)[0])
        self.assertEqual(seven, self.filled("seven again", "--seed", 7))

    def test_a_random_seed_is_stored_and_repeats_the_run(self):
        arguments = ("--identities", self.fleet, "--speed", "max", "--start", "2026-01-01", "--duration", "5s")
        self.fleet_sim(*arguments, "--data-dir", "first")
        self.fleet_sim(*arguments, "--data-dir", "second")
        ((seed,),) = query(self.dir / "first" / "sensor_data.db", "SELECT seed FROM run_info")
        ((other,),) = query(self.dir / "second" / "sensor_data.db", "SELECT seed FROM run_info")
        self.assertNotEqual(seed, other)
        self.fleet_sim(*arguments, "--data-dir", "repeated", "--seed", seed)
        self.assertEqual(self.counted("repeated"), self.counted("first"))

    def test_paced_is_as_fast_as_possible(self):
        self.fill("fast", "--duration", "4m")
        started = time.monotonic()
        self.fill("paced", "--duration", "4m", "--speed", 100)
        self.assertGreater(time.monotonic() - started, 2.2)
        self.assertEqual(self.readings(self.dir / "paced"), self.readings(self.dir / "fast"))
        self.assertEqual(self.counted("paced"), self.counted("fast"))

    def test_the_order_of_identities_plays_no_part(self):
        whole = self.filled("forward")
        lines = self.fleet.read_text().splitlines(keepends=True)
        self.fleet.write_text("".join(reversed(lines)))
        self.assertEqual(self.filled("backward"), whole)

    def test_the_digest_names_the_run_and_what_it_was_made_from(self):
        self.filled("one", "--shard-by", "location")
        self.filled("two", "--threads", 1, "--writers", 2, "--partition", "1/2")
        (one,), (two,) = self.digest("one")["runs"], self.digest("two")["runs"]
        ((run_id, version, config_hash),) = set(query_all(self.dir / "one", "SELECT run_id, version, config_hash FROM run_info"))
        self.assertEqual(one, {"run_id": run_id, "seed": 7, "version": version, "config_hash": config_hash,
                               "fleet_hash": one["fleet_hash"], "zone_data": one["zone_data"], "start": "2026-01-01T00:00:00.000000Z", "partition": "1/1"})
        # The config's hash is that of what decides readings, so that it tells whether two runs could be the same.
        self.assertEqual(two["config_hash"], config_hash)
        self.assertNotEqual(two["fleet_hash"], one["fleet_hash"])
        self.filled("three", "--rate", 3)
        self.assertNotEqual(self.digest("three")["runs"][0]["config_hash"], config_hash)
        self.assertIn(f"run {run_id}  seed 7  version {version}  config {config_hash}", self.fleet_sim("digest", "one").stdout)

    def test_the_digest_notices_changes(self):
        before = self.filled("data")
        text = self.fleet_sim("digest", "data").stdout
        self.assertRegex(text, rf"(?m)^digest {before[0]}$")
        changes = ("UPDATE sensor_readings SET temperature = temperature + 1e-12 * temperature WHERE id = 17",
                   "UPDATE sensor_readings SET sensor_id = 'S0000' WHERE id = (SELECT max(id) FROM sensor_readings)",
                   "UPDATE sensor_readings SET anomaly_type = NULL WHERE id = (SELECT id FROM sensor_readings "
                   "WHERE anomaly_flag = 1 LIMIT 1)",
                   "DELETE FROM sensor_readings WHERE id = 5",
                   "UPDATE anomaly_events SET readings_affected = readings_affected + 1 WHERE id = 3",
                   "INSERT INTO sensor_readings SELECT NULL, timestamp, sensor_id, temperature, vibration, voltage, "
                   "status_code, anomaly_flag, anomaly_type, firmware_version, model, manufacturer, location, 0 "
                   "FROM sensor_readings WHERE id IN (1, 2)")
        for change in changes:
            with self.subTest(change=change):
                shutil.rmtree(self.dir / "changed", ignore_errors=True)
                shutil.copytree(self.dir / "data", self.dir / "changed")
                connection = connect(self.dir / "changed" / "sensor_data.db")
                self.assertGreater(connection.execute(change).rowcount, 0)
                connection.close()
                self.assertNotEqual(self.counted("changed")[0], before[0])


if __name__ == "__main__":
    main()
