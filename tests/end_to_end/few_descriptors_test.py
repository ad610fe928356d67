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

    def test_new_files_have_small_pages(self):
        def sizes(name, files, **env):
            data = self.dir / name
            fleet = self.write_identities([identity(f"S{i:03}") for i in range(files)], name=f"{name}.jsonl")
            run = ["--identities", fleet, "--data-dir", data, "--shard-by", "sensor", "--rate", 2, "--duration", "2s"]
            check = self.fleet_sim("check", *run, **self.limited, env=env)
            self.fleet_sim(*run, **self.limited, env=env)
            return check.stdout, {query(path, "PRAGMA page_size")[0][0] for path in shards(data)}
        said, of_many = sizes("many", 200)
        self.assertIn("new ones have pages of 4,096 bytes\n", said)
        self.assertEqual(of_many, {4096})
        said, of_few = sizes("few", 2)
        self.assertNotIn("take turns", said)
        self.assertEqual(of_few, {16384})
        said, as_asked = sizes("asked", 200, FLEET_SIM_DATABASE_PAGE_SIZE="8192")
        self.assertIn("new ones have pages of 8,192 bytes, and database.page_size: auto makes turns shorter", said)
        self.assertEqual(as_asked, {8192})


if __name__ == "__main__":
    main()
