#!/usr/bin/env python3
"""What is labeled is there, and what is declared is possible; `check` and `explain` say what comes out otherwise."""

from fleet import *


class Declared(FleetTest):
    def check(self, *arguments, code=0):
        return self.fleet_sim("check", *arguments, code=code)

    def test_labels_of_slow_sensors_show(self):
        """Against the same sensors without anomalies: readings of a pattern swing both ways, those of a trend drift away."""
        fleet = self.write_identities([identity(f"S{i}", readings_per_second=1 / (20, 30, 60)[i % 3]) for i in range(60)])
        how = ("--duration", "2d", "--config", self.write("busy.yaml", "anomalies: {probability: 0.3}\n"))
        self.fill("data", *how, identities=fleet)
        self.fill("clean", *how, identities=fleet, env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
        reading = "SELECT sensor_id, timestamp, temperature, vibration, voltage FROM sensor_readings"
        clean = {row[:2]: row[2:] for row in query_all(self.dir / "clean", reading)}
        rows = {}
        for sensor, at, *values in query_all(self.dir / "data", reading + " WHERE anomaly_flag = 1 ORDER BY sensor_id, timestamp"):
            rows.setdefault(sensor, []).append((at, [value / was for value, was in zip(values, clean[sensor, at])]))
        events = query_all(self.dir / "data", "SELECT sensor_id, anomaly_type, channel, started_at, ended_at FROM anomaly_events "
                           "WHERE anomaly_type IN ('pattern', 'trend') AND ended_at IS NOT NULL AND started_at >= '2026'")
        self.assertGreater(len(events), 500)
        for sensor, kind, channel, first, last in events:
            factors = [factor for at, factor in rows[sensor] if first <= at <= last]
            self.assertGreaterEqual(len(factors), 8, (sensor, kind))
            if kind == "pattern":
                temperature = [one[0] for one in factors]
                self.assertTrue(max(temperature) > 1.15 and min(temperature) < 0.85, (sensor, temperature))
            else:
                drift = [abs(one[("temperature", "vibration", "voltage").index(channel)] - 1) for one in factors]
                self.assertGreater(max(drift), 0.4, (sensor, drift))
                self.assertEqual(drift, sorted(drift))

    def test_check_and_explain_say_which_anomalies_last_longer(self):
        fleet = self.write_identities([identity("FAST"), identity("SLOW", readings_per_second=1 / 60),
                                       identity("SLOWER", readings_per_second=0.01)])
        said = self.check("--identities", fleet).stdout
        for line in ("patterns of 2 sensors (such as 'SLOWER') have a period of up to 13 min 20 s instead of 1 min 0 s: "
                     "it takes 8 readings to show one",
                     "pattern anomalies of 1 sensor (such as 'SLOWER') last up to 13 min 20 s instead of 10 min 0 s: fewer readings would not show one",
                     "trend anomalies of 2 sensors (such as 'SLOWER') last up to 13 min 20 s instead of 5 min 0 s: fewer readings would not show one"):
            self.assertIn(line + "\n", said)
        explained = json.loads(self.fleet_sim("explain", "SLOW", "--identities", fleet, "--json").stdout)["anomalies"]
        self.assertEqual((explained["pattern_period_seconds"], explained["configured_pattern_period_seconds"]), (480, 60))
        self.assertEqual([explained["types"]["trend"][key] for key in
                          ("duration_seconds", "configured_duration_seconds", "readings_per_anomaly")], [480, 300, 8])
        self.assertIn("trend lasts 8 min 0 s, not 5 min 0 s: fewer readings would not show it",
                      self.fleet_sim("explain", "SLOW", "--identities", fleet).stdout)
        # Nothing is said of what is as it was configured.
        self.assertNotRegex(self.check("--identities", IDENTITIES).stdout, "last|period|clipped")
        self.assertNotIn("would not show", self.fleet_sim("explain", "FAST", "--identities", fleet).stdout)
        off = self.write("off.yaml", "anomalies: {types: {trend: {enabled: false}, pattern: {enabled: false}}}\n")
        self.assertNotIn("lasts", self.check("--identities", fleet, "--config", off).stdout)

    def test_a_mean_outside_is_an_error(self):
        config = self.write("hot.yaml", "normal_parameters:\n  temperature:\n    mean: 100\n")
        words = "normal_parameters.temperature.mean 100 must lie between min 50 and max 80"
        self.assertIn(f"hot.yaml:3: {words}", self.check("--identities", IDENTITIES, "--config", config, code=2).stderr)
        self.assertIn(words, self.fleet_sim("--identities", IDENTITIES, "--config", config, code=2).stderr)
        for parameters, problem in (({"mean": 90}, "mean 90 must lie between min 50 and max 80"),
                                    ({"min": 70}, "mean 65 must lie between min 70 and max 80"),
                                    ({"min": 81}, "min 81 must not be above max 80"),
                                    ({"max": 40}, "min 50 must not be above max 40")):
            fleet = self.write_identities([identity("ODD", normal_parameters={"temperature": parameters}), identity("FINE")])
            said = self.check("--identities", fleet, code=2).stderr
            self.assertIn(f"sensor 'ODD': normal_parameters.temperature.{problem}", said)
            self.assertNotIn("FINE", said)

    def test_clipped_readings_are_told(self):
        fleet = self.write_identities([identity("EDGE", normal_parameters={"vibration": {"mean": 0.1}}), identity("FINE"),
                                       identity("ALSO", normal_parameters={"vibration": {"mean": 0.2}})])
        said = self.check("--identities", fleet).stdout
        self.assertIn("vibration of 2 sensors (such as 'EDGE') is clipped: up to 50% of its normal readings would lie beyond min or max, and read exactly min or max", said)
        self.assertEqual(said.count("clipped"), 1)
        explained = json.loads(self.fleet_sim("explain", "EDGE", "--identities", fleet, "--json").stdout)["normal_readings"]
        self.assertAlmostEqual(explained["vibration"]["clipped_share"], 0.5, places=6)
        self.assertLess(explained["voltage"]["clipped_share"], 0.01)
        text = self.fleet_sim("explain", "EDGE", "--identities", fleet).stdout
        self.assertIn("clipped  50% of normal readings would lie outside, and read exactly min or max", text)
        self.fill("data", "--duration", "30m", identities=fleet)
        ((clipped, rows),) = query(self.dir / "data" / "sensor_data.db", "SELECT sum(vibration = 0.1), count(*) FROM sensor_readings "
                                   "WHERE sensor_id = 'EDGE' AND anomaly_flag = 0")
        self.assertAlmostEqual(clipped / rows, 0.5, delta=0.05)


if __name__ == "__main__":
    main()
