#!/usr/bin/env python3
"""Intervals instead of rates: exact for as long as a run lasts, in every input, aligned to the clock if asked for."""

import sys

from fleet import *

sys.path.insert(0, str(SOURCE / "tests"))
import ground_truth  # noqa: E402

MINUTE = 60 * SECOND
ALIGNED = {"FLEET_SIM_SIMULATION_PHASE": "aligned"}
CALM = {"FLEET_SIM_ANOMALIES_ENABLED": "false"}


class Interval(FleetTest):
    def times(self, sensor="S"):
        return [micros(at) for (at,) in query_all(
            self.dir / "data", "SELECT timestamp FROM sensor_readings WHERE sensor_id = ? ORDER BY id", sensor)]

    def config(self):
        (config,) = {text for (text,) in query_all(self.dir / "data", "SELECT config FROM run_info")}
        return config

    def assert_true(self, *arguments):
        offenders, said = ground_truth.inspect(self.dir / "data", *arguments)
        self.assertEqual(offenders, [], said)

    def test_a_minute_is_a_minute_all_year(self):
        fleet = self.write_identities([identity("S")])
        self.fill("data", "--interval", "60s", "--duration", "365d", identities=fleet, env=CALM)
        times = self.times()
        self.assertEqual(len(times), 365 * 24 * 60)
        self.assertEqual({b - a for a, b in zip(times, times[1:])}, {MINUTE})
        self.assertIn("  interval: 60s\n", self.config())
        self.assertNotIn("readings_per_second", self.config())

    def test_aligned_to_full_minutes(self):
        fleet = self.write_identities([identity(f"S{i}") for i in range(5)] + [identity("OWN", interval="7s")])
        self.fill("data", "--interval", "1m", "--duration", "10h", "--start", "2026-01-01T00:00:30.5Z", identities=fleet,
                  env=ALIGNED)
        for i in range(5):
            self.assertEqual({at % MINUTE for at in self.times(f"S{i}")}, {0})
        self.assertEqual({at % (7 * SECOND) for at in self.times("OWN")}, {0})
        self.assertEqual(self.times("S1")[0] - micros("2026-01-01T00:01:00.000000Z"), 0)
        self.assert_true(None, fleet)

    def test_staggered_and_aligned_are_as_the_model_has_them(self):
        fleet = self.write_identities([identity(f"S{i}", **({"interval": "90500ms"}, {"readings_per_second": 0.3}, {})[i % 3])
                                       for i in range(12)])
        for phase in ("staggered", "aligned"):
            self.fill("data", "--interval", "0.700001", "--duration", "1h", "--shard-by", "site", identities=fleet,
                      env={"FLEET_SIM_SIMULATION_PHASE": phase, "FLEET_SIM_ANOMALIES_PROBABILITY": "0.3"})
            self.assert_true(None, fleet)
            shutil.rmtree(self.dir / "data")

    def test_the_higher_source_wins_and_one_source_has_one(self):
        fleet = self.write_identities([identity("S")])
        config = self.write("a.yaml", "simulation: {interval: 60s}\n")
        self.fill("data", "--config", config, "--rate", 2, "--duration", 60, identities=fleet, env=CALM)
        self.assertEqual(len(self.times()), 120)
        shutil.rmtree(self.dir / "data")
        rate = self.write("b.yaml", "simulation: {readings_per_second: 2}\n")
        self.fill("data", "--config", rate, "--duration", "1h", identities=fleet,
                  env={**CALM, "FLEET_SIM_SIMULATION_INTERVAL": "1m30s"})
        self.assertEqual(len(self.times()), 40)
        ran = self.fleet_sim("check", "--identities", fleet, "--rate", 1, "--interval", "60s", code=2)
        self.assertIn("cannot be combined", ran.stderr)
        both = self.write_identities([identity("S", interval="60s", readings_per_second=1)], "both.jsonl")
        ran = self.fleet_sim("check", "--identities", both, code=2)
        self.assertIn("both.jsonl:1: readings_per_second and interval cannot be combined", ran.stderr)

    def test_resumed_and_reloaded_it_is_the_same_run(self):
        fleet = self.write_identities([identity(f"S{i}") for i in range(20)])
        how = ("--interval", "500ms", "--data-dir", "data")
        self.fill("data", *how, "--duration", "5m", identities=fleet, env=ALIGNED)
        self.fill("data", "--resume", "--duration", "10m", identities=fleet)
        self.fill("whole", *how[:2], "--duration", "10m", identities=fleet, env=ALIGNED)
        self.assertEqual(self.counted("data"), self.counted("whole"))
        # What the files and flags say now is reloaded where the shards end.
        self.fill("data", "--resume", "--duration", "15m", "--interval", "750ms", identities=fleet)
        late = [at for at in self.times("S3") if at >= micros("2026-01-01T00:10:00.000000Z")]
        self.assertTrue(late)
        self.assertEqual({at % 750_000 for at in late}, {0})
        self.assert_true()

    def test_explain_and_check_speak_of_it(self):
        fleet = self.write_identities([identity("S"), identity("OWN", interval="90s")])
        how = ("--identities", fleet, "--interval", "60s", "--start", "2026-01-01T00:00:01Z")
        text = self.fleet_sim("explain", "S", *how, env=ALIGNED).stdout
        self.assertIn("0.0166667 per second (config), one every 1 min 0 s", text)
        self.assertIn("at a multiple of this since 1970 UTC, 59.000000 s after the start, at 2026-01-01T00:01:00.000000Z", text)
        readings = json.loads(self.fleet_sim("explain", "OWN", *how, "--json", env=ALIGNED).stdout)["readings"]
        self.assertEqual(readings["period_seconds"], 90)
        self.assertEqual(readings["phase"], "aligned")
        self.assertEqual(readings["readings_per_second"]["chain"][0]["source"], "identity interval")
        text = self.fleet_sim("check", *how, "--duration", "3h").stdout
        self.assertIn("300 readings", text)


if __name__ == "__main__":
    main()
