#!/usr/bin/env python3
"""`--partition auto/N`: what starts the process says which partition it is."""

from fleet import *

INDICES = ("JOB_COMPLETION_INDEX", "POD_NAME", "HOSTNAME")


class AutomaticPartition(FleetTest):
    def check(self, *arguments, code=0, **variables):
        """`fleet-sim check`, with no other index in the environment than the one given."""
        return self.fleet_sim("check", "--identities", IDENTITIES, *arguments, code=code,
                              env={**dict.fromkeys(INDICES, ""), **variables})

    def assert_partition(self, partition, *arguments, **variables):
        self.assertIn(f"in partition {partition}\n", self.check(*arguments, **variables).stdout)

    def test_from_flag_variable_and_key(self):
        config = self.write("four.yaml", "fleet: {partition: auto/4}\n")
        self.assert_partition("3/4", "--partition", "auto/4", JOB_COMPLETION_INDEX="2")
        self.assert_partition("3/4", FLEET_SIM_FLEET_PARTITION="auto/4", POD_NAME="fleet-sim-2")
        self.assert_partition("3/4", "--config", config, HOSTNAME="fleet-sim-2")
        self.assert_partition("1/2", "--config", config, "--partition", "1/2")

    def test_problems(self):
        for variables, says in (({}, "none of them is set"), ({"POD_NAME": "fleet-sim"}, "POD_NAME is 'fleet-sim'"),
                                ({"JOB_COMPLETION_INDEX": "4"}, "indices 0 to 3")):
            with self.subTest(variables):
                self.assertIn(f"{says}", self.check("--partition", "auto/4", code=2, **variables).stderr)

    def test_the_run_records_which_it_was_and_is_resumed(self):
        job = {"JOB_COMPLETION_INDEX": "1"}
        self.fill("data", "--partition", "auto/3", "--duration", "5s", env=job)
        self.assertEqual(query_all(self.dir / "data", "SELECT partition FROM run_info"), [("2/3",)])
        self.fleet_sim("--resume", "--identities", IDENTITIES, "--data-dir", "data", "--partition", "auto/3", "--duration",
                       "9s", env=job)
        self.fill("whole", "--partition", "2/3", "--duration", "9s")
        self.assertEqual(self.counted("data"), self.counted("whole"))

    def test_a_reload_stays_in_its_partition(self):
        folder = self.dir / "identities"
        shutil.copytree(IDENTITIES, folder)
        process = self.start("--identities", folder, "--data-dir", "data", "--partition", "auto/2", "--seed", 7,
                             env={"JOB_COMPLETION_INDEX": "0", "FLEET_SIM_CONFIG_RELOAD_CHECK_INTERVAL_SECONDS": "0.1",
                                  "FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"})
        self.wait_for_rows(self.dir / "data", process=process)
        for n in range(20):
            (folder / f"new{n}.json").write_text(json.dumps(identity(f"NEW{n}")))
        joined = lambda: {sensor for (sensor,) in query_all(self.dir / "data", "SELECT DISTINCT sensor_id FROM "
                                                                              "sensor_readings WHERE sensor_id LIKE 'NEW%'")}
        until = time.monotonic() + 30
        while not joined() and time.monotonic() < until:
            time.sleep(0.1)
        self.stop(process)
        explained = {f"NEW{n}": json.loads(self.fleet_sim("explain", f"NEW{n}", "--identities", folder, "--partition", "1/2",
                                                          "--json").stdout)["readings"]["in_this_partition"] for n in range(20)}
        self.assertTrue(joined())
        self.assertLessEqual(joined(), {sensor for sensor, here in explained.items() if here})


if __name__ == "__main__":
    main()
