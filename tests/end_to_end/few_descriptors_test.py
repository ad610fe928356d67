#!/usr/bin/env python3
"""More shards than descriptors: two hundred with 64."""

import resource

from faults import *


class FewDescriptors(FaultTest):
    def setUp(self):
        super().setUp()
        self.data = self.many_files()
        self.fleet = self.write_identities([identity(f"S{i:03}") for i in range(200)])
        self.limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))}

    def assert_complete(self, summary):
        self.assert_balanced(summary, self.data)
        self.assertEqual(summary.errors, 0)
        self.assertEqual(len(shards(self.data)), 200)
        self.assert_each_once()
        self.assert_sound(self.data)

    def test_at_full_speed(self):
        ran = self.fleet_sim("--identities", self.fleet, "--data-dir", self.data, "--shard-by", "sensor", "--speed", "max",
                             "--start", "2026-01-01", "--duration", "2m", **self.limited,
                             env={"FLEET_SIM_DATABASE_PENDING_ROWS": "5000", "FLEET_SIM_DATABASE_BULK": "off"})
        self.assertEqual(ran.summary.due, 200 * 120)
        self.assert_complete(ran.summary)

    def test_in_real_time(self):
        process = self.start("--identities", self.fleet, "--data-dir", self.data, "--shard-by", "sensor", "--rate", 2,
                             "--duration", 0, **self.limited)
        self.wait_for_rows(self.data, 1_000, process, files=200)
        self.assertLess(len(os.listdir(f"/proc/{process.pid}/fd")), 64)
        self.assert_complete(self.stop(process))


if __name__ == "__main__":
    main()
