#!/usr/bin/env python3
"""Where people meet graded faults: what check and the start refuse or remark on, what explain says, and what is injected by name."""

from declared_pump import *
from serving import *

START = "2026-01-06T08:00:00Z"


class Inputs(FleetTest):
    def setUp(self):
        super().setUp()
        self.pump = self.write("pump.yaml", PUMP)
        self.meter = self.write("meter.yaml", METER)
        self.fleet = self.write_identities([{"id": "P", "type": "pump"}, {"id": "M", "type": "meter"}, {"id": "T"}])

    def check(self, anomalies, code=0, command="check", *more):
        config = self.write("faults.yaml", anomalies)
        return self.fleet_sim(*([command] if command else []), "--config", self.pump, "--config", self.meter, "--config", config,
                              "--identities", self.fleet, *more, code=code)

    def test_intermittent_without_rails_is_refused(self):
        asked = "anomalies: {types: {intermittent: {weight: 0.2}}}\n"
        for command in ("check", ""):
            said = self.check(asked, 2, command).stderr
            for part in ("anomalies.types.intermittent.weight: must be 0", "type 'meter' (such as 'M')",
                         "type 'temperature_vibration' (such as 'T')", "give a channel of the type rails"):
                self.assertIn(part, said)
            self.assertNotIn("'pump'", said)
        only_pumps = self.write_identities([{"id": "P", "type": "pump"}], "pumps.json")
        self.fleet_sim("check", "--config", self.pump, "--config", self.write("faults.yaml", asked), "--identities", only_pumps)

    def test_a_longest_duration_below_a_period_is_refused(self):
        law = "anomalies: {types: {stuck: {weight: 1, duration_seconds: {median: 20s, min: 10s, max: 30s}}}}\n"
        self.assertIn("faults.yaml:1: anomalies.types.stuck.duration_seconds has a max of 30 s, but sensors are read once in 1 min 0 s",
                      self.check(law, 2, "check", "--interval", "60s").stderr)
        self.check(law, 0, "check", "--interval", "30s")
        self.check(law.replace("weight: 1", "weight: 0"), 0, "check", "--interval", "60s")

    def test_settings_without_effect_are_remarked_on(self):
        anomalies = ("anomalies:\n  per_day: 3\n  types:\n    spike: {severity: [2, 3]}\n    offset: {severity: 4}\n"
                     "    drift: {weight: 1, severity: 4}\n")
        remarks = ("faults.yaml:2: anomalies.per_day has no effect without anomalies.basis: rate",
                   "faults.yaml:4: anomalies.types.spike.severity has no effect on sensors of the built-in type without "
                   "anomalies.severity: graded",
                   "faults.yaml:5: anomalies.types.offset.severity only decides anomalies that are injected: "
                   "anomalies.types.offset.weight is 0")
        said = self.check(anomalies).stderr
        for remark in remarks:
            self.assertIn(remark, said)
        self.assertNotIn("drift", said)
        ran = self.check(anomalies, 0, "", "--duration", "1s", "--speed", "max", "--start", START)
        for remark in remarks:
            self.assertIn(remark, ran.stderr + ran.stdout)
        self.assertIn("anomalies.probability has no effect with anomalies.basis: rate",
                      self.check("anomalies: {basis: rate, probability: 0.1}\n").stderr)
        self.assertNotIn("effect", self.check("anomalies: {basis: rate, severity: graded, types: {spike: {severity: 3}}}\n").stderr)

    def test_more_anomalies_than_fit_into_a_day_are_remarked_on(self):
        anomalies = "anomalies: {basis: rate, per_day: 5000, types: {trend: {weight: 10}}}\n"
        self.assertRegex(self.check(anomalies).stdout, r"anomalies of 3 sensors \(such as '\w'\) start less often than anomalies.per_day")
        self.assertNotIn("less often", self.check(anomalies.replace("5000", "5")).stdout)
        text = self.check(anomalies, 0, "explain", "P").stdout
        self.assertIn("start per day, for no more fit into 95% of the readings;", text)
        self.assertIn("95% of all readings become anomalous", text)

    def test_a_slow_sensors_random_durations_are_remarked_on(self):
        anomalies = "anomalies: {types: {offset: {weight: 1}}}\n"
        said = self.check(anomalies, 0, "check", "--interval", "1m").stdout
        self.assertRegex(said, r"offset anomalies of 3 sensors \(such as '\w'\) last at least 8 min 0 s instead of 1 min 0 s: fewer readings")
        self.assertNotIn("offset", self.check(anomalies).stdout)

    def test_what_explain_says(self):
        anomalies = ("anomalies:\n  basis: rate\n  per_day: 4\n  types:\n    offset: {weight: 1, severity: [2, 4]}\n"
                     "    dropout: {weight: 1}\n    stuck: {weight: 1}\n"
                     "behaviors: {manufacturer: {Rough: {severity: 1.5, channels: {bearing: 3, flow: 1, suction: 0, discharge: 0, "
                     "vibration: 0}}}}\n")
        self.fleet = self.write_identities([{"id": "P", "type": "pump", "manufacturer": "Rough", "firmware_version": "9"}])
        text = self.check(anomalies, 0, "explain", "P").stdout
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        for part in ("  per day        4 (config)\n", "basis rate: 4 start per day; ",
                     "  offset         severity from 2 (config) × 1.5 (severity) = 3\n",
                     "                 severity to   4 (config) × 1.5 (severity) = 6\n",
                     "lasts 1 min 0 s to 6 h 0 min, about half of them up to 10 min 0 s\n",
                     "                 severity 4.5 lasting 10 min 0 s is\n",
                     "  dropout        severity from "):
            self.assertIn(part, text)
        self.assertRegex(text, r"(?m)^                 bearing   ±[\d.]+ °C, σ = [\d.]+ °C, 75% of them$")
        self.assertRegex(text, r"(?m)^                 severity 0.9 lasting 10 min 0 s is 90% of rows$")
        self.assertRegex(text, r"(?m)^  offset  .*~ 10 min 0 s")
        for absent in ("gain", "clip", "intermittent", "quantise"):
            self.assertNotIn(absent, text)
        explained = json.loads(self.check(anomalies, 0, "explain", "P", "--json").stdout)["anomalies"]
        self.assertEqual((explained["basis"], explained["per_day"]["value"]), ("rate", 4))
        self.assertNotIn("clip", explained["types"])
        offset = explained["types"]["offset"]
        self.assertEqual((offset["severity"]["min"]["value"], offset["severity"]["max"]["value"], offset["usual_severity"]), (3, 6, 4.5))
        self.assertEqual((offset["duration_seconds"], offset["shortest_duration_seconds"], offset["longest_duration_seconds"]),
                         (600, 60, 21600))
        bearing, vibration = offset["channels"]["bearing"], offset["channels"]["vibration"]
        self.assertEqual((bearing["share"], bearing["unit"], vibration["share"], vibration["unit"]), (0.75, "°C", 0, "ln"))
        self.assertAlmostEqual(bearing["usual_magnitude"], 4.5 * bearing["sigma"])
        self.assertNotIn("volume", offset["channels"])
        self.assertAlmostEqual(sum(one["share"] for one in explained["types"]["stuck"]["channels"].values()), 1)
        # All kinds that start per day, by weight.
        self.assertAlmostEqual(sum(one["per_day"] for one in explained["types"].values()), 4)


class Injected(Served):
    def setUp(self):
        super().setUp()
        self.fleet = self.write_identities([{"id": "P", "type": "pump", "location": "A"}, {"id": "Q", "type": "pump", "location": "A"},
                                            {"id": "T", "location": "B"}])
        self.config = self.write("pump.yaml", PUMP)

    def inject(self, status, **asked):
        return self.change("/api/anomalies", json.dumps(asked), status=status)

    def test_what_was_asked_for_is_what_happens(self):
        self.serve("--config", self.config, "--start", START, "--speed", "1", identities=self.fleet,
                   env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
        possible = {one["type"]: one for one in self.json("/api/sensors/P")["possible_anomalies"]}
        self.assertEqual(possible["intermittent"]["channels"], ["bearing"])
        self.assertEqual((possible["offset"]["severity"], possible["offset"]["usual_severity"]), ([0, 1000], [2, 4]))
        self.assertEqual(possible["stuck"]["channels"][-2:], ["volume", "mode"])
        self.assertNotIn("severity", possible["stuck"])
        self.assertEqual(possible["dropout"]["channels"], [])
        answer = self.inject(202, type="offset", sensors=["P", "Q"], channel="bearing", severity=5, duration="3s")["accepted"]
        self.assertEqual((answer["type"], answer["sensors"]), ("offset", ["P", "Q"]))
        for begun in answer["events"]:
            self.assertEqual((begun["channel"], begun["severity"], begun["unit"], begun["cause"]), ("bearing", 5, "°C", "injected"))
            self.assertAlmostEqual(begun["magnitude"], 5 * begun["sigma"])
            self.assertEqual(micros(begun["ended_at"]) - micros(begun["started_at"]) + 1, 3_000_000)
        self.wait_for(lambda: [bool(one["ended_at"]) for one in self.json("/api/events")["events"]] == [True, True])
        events = {one["sensor_id"]: one for one in self.json("/api/events")["events"]}
        for begun in answer["events"]:
            self.assertEqual(events[begun["sensor_id"]], begun)
        shown = self.json("/api/sensors/P")["readings"]
        self.assertLessEqual({(one["anomaly_type"], one["channel"], one["cause"]) for one in shown},
                             {("offset", "bearing", "injected"), (None, None, None)})
        self.stop(self.process)
        self.assertIn("channel=bearing severity=5 duration=", self.printed())
        # The same readings without it differ by what the answer said.
        self.fleet_sim("--config", self.config, "--identities", self.fleet, "--data-dir", "twin", "--start", START, "--speed", "max",
                       "--duration", "1m", "--rate", "20", "--seed", "5", env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
        def read(directory):
            (pumps,) = [path for path in shards(directory) if "type=pump" in path.name]
            return {(sensor, at): value for sensor, at, value in query(pumps, "SELECT sensor_id, timestamp, bearing FROM sensor_readings")}
        injected, clean = read(self.dir / "data"), read(self.dir / "twin")
        for begun in answer["events"]:
            start = micros(begun["started_at"])
            level = [injected[key] - clean[key] for key in injected
                     if key[0] == begun["sensor_id"] and 0.8e6 < micros(key[1]) - start < 2.2e6]
            self.assertGreater(len(level), 20)
            for change in level:
                self.assertAlmostEqual(change, begun["direction"] * begun["magnitude"], places=9)
        spans = {one["sensor_id"]: (micros(one["started_at"]), micros(one["ended_at"])) for one in answer["events"]}
        for key, value in injected.items():
            begins, ends = spans[key[0]]
            if not begins <= micros(key[1]) <= ends:
                self.assertEqual(value, clean[key])

    def test_what_cannot_be_is_refused_for_all(self):
        self.serve("--config", self.config, identities=self.fleet, env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})

        def refused(**asked):
            answer = self.inject(400, **asked)
            self.assertIn("nothing was injected", answer["error"])
            return {one["sensor"]: one["reason"] for one in answer["passed_over"]}
        self.assertEqual(refused(type="offset", sensors=["P", "T"], channel="bearing"),
                         {"T": "its type 'temperature_vibration' has no channel 'bearing'; it has temperature, vibration, voltage"})
        self.assertEqual(refused(type="intermittent", sensors=["P"], channel="flow"),
                         {"P": "its channel 'flow' is no gauge with rails, which intermittent anomalies need"})
        self.assertEqual(set(refused(type="spike", sensors=["P", "T"], severity=3)), {"T"})
        self.assertEqual(refused(type="drift", sensors=["T"], duration=0.01),
                         {"T": "10.0 ms is shorter than the time between its readings, 50.0 ms"})
        self.assertEqual(self.json("/api/events")["events"], [])
        answer = self.inject(400, type="stuck", sensors=["P"], severity=2)
        self.assertEqual(answer["error"], "stuck anomalies have no severity; leave out \"severity\"")
        # An id that is there twice has one anomaly.
        answer = self.inject(202, type="clip", sensors=["Q", "Q"], severity=-0.5, duration="1h")
        self.assertEqual((answer["accepted"]["sensors"], answer["passed_over"]),
                         (["Q"], [{"sensor": "Q", "reason": "an injected anomaly is about to start"}]))
        # A dropout leaves some readings out and keeps the others.
        self.inject(202, type="dropout", sensors=["P"], severity=0.5, duration="10m")
        look = self.wait_for(lambda: (one := self.json("/api/sensors/P"))["anomaly"] and one)
        self.assertEqual((look["anomaly"]["type"], look["anomaly"]["channel"], look["anomaly"]["severity"]), ("dropout", None, 0.5))


if __name__ == "__main__":
    main()
