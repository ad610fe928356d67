#!/usr/bin/env python3
"""A file per sensor for ten thousand sensors, inside the usual limit of 1,024 open files."""

import resource

from fleet import *

SENSORS = 10_000
SECONDS = 3


class Descriptors(FleetTest):
    def setUp(self):
        super().setUp()
        self.data = self.many_files()

    def test_a_file_per_sensor(self):
        fleet = self.write_identities([identity(f"S{i:05}") for i in range(SENSORS)])
        limit = (1024, 1024)
        ran = self.fill(self.data, "--shard-by", "sensor", "--duration", SECONDS, identities=fleet, timeout=500,
                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit),
                        # A small memory makes the files take turns: each is opened several times.
                        env={"FLEET_SIM_DATABASE_PAGE_SIZE": "4096", "FLEET_SIM_DATABASE_PENDING_ROWS": "40000",
                             "FLEET_SIM_DATABASE_BULK": "off"})
        print(ran.summary.lines["written"])
        self.assertEqual(ran.summary.due, SENSORS * SECONDS)
        self.assertEqual((ran.summary.lost, ran.summary.errors), (0, 0))
        files = {path.name for path in self.data.iterdir()} - BESIDE_SHARDS
        self.assertEqual(files, {f"sensor=S{i:05}.db" for i in range(SENSORS)}, "and no write-ahead log left over")
        digest = self.digest(self.data)
        self.assertEqual(digest["readings"], ran.summary.written)
        self.assertEqual(ran.summary.written + ran.summary.missing, ran.summary.due)
        for i in range(0, SENSORS, 97):
            path = self.data / f"sensor=S{i:05}.db"
            ((rows, sensors),) = query(path, "SELECT count(*), count(DISTINCT sensor_id) FROM sensor_readings "
                                             f"WHERE sensor_id = 'S{i:05}'")
            ((missing,),) = query(path, "SELECT coalesce(sum(readings_affected), 0) FROM anomaly_events "
                                        "WHERE anomaly_type = 'missing_data'")
            self.assertEqual(rows + missing, SECONDS, path.name)
            self.assertEqual(query(path, "SELECT count(*) FROM run_info"), [(1,)])
            self.assertEqual(query(path, "PRAGMA integrity_check"), [("ok",)])


if __name__ == "__main__":
    main()
