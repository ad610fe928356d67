#!/usr/bin/env python3
"""Who comes from another simulator: names that mean something elsewhere are said to be called
otherwise here.

The files are made for these tests, from what is known of the formats.
"""

from fleet import *



class Names(FleetTest):
    """What is called otherwise here is said, at the start and by `check`."""

    def test_variables_are_named_by_check_and_at_the_start_of_a_run(self):
        said = ["ignoring SENSOR_INTERVAL=5 (called FLEET_SIM_SIMULATION_READINGS_PER_SECOND here, with the value 0.2)",
                "ignoring ANOMALY_PROBABILITY=0.1 (called FLEET_SIM_ANOMALIES_PROBABILITY here)"]
        env = {"SENSOR_INTERVAL": "5", "ANOMALY_PROBABILITY": "0.1", "SENSOR_ID": "A"}
        checked = self.fleet_sim("check", env=env)
        ran = self.fleet_sim("--speed", "max", "--duration", "5", env=env)
        for line in said:
            self.assertIn(line, checked.stderr)
            self.assertEqual((ran.stdout + ran.stderr).count(line), 1)

    def test_options_of_other_tools_are_named(self):
        for option, ours in (("--scale=10", "fleet-sim generate --count N"), ("--workers", "--threads N or --writers N"),
                             ("--log-interval", "--rate R"), ("--timestamp-start=2026-01-01", "--start TIME")):
            ran = self.fleet_sim(option, code=2)
            self.assertIn(f"unknown argument '{option.split('=')[0]}' (use {ours}", ran.stderr)

    def test_keys_that_are_nearly_ours_are_named_by_check(self):
        path = self.write_identities([identity("A", reading_per_second=5)])
        self.assertIn("reading_per_second (did you mean 'readings_per_second'?)",
                      self.fleet_sim("check", "--identities", path).stderr)
        self.write("id.json", '{"ID": "A"}')
        self.assertIn("id.json:1: id is missing: every identity needs a unique text (did you mean 'id' by \"ID\"?)",
                      self.fleet_sim("check", "--identity", "id.json", code=2).stderr)


if __name__ == "__main__":
    main()
