#!/usr/bin/env python3
"""How often sensors are anomalous, and in which way, against the promised numbers.

Anomalies come in runs of readings, so readings are no independent samples; sensors are. Each comparison takes one
number per sensor whose expectation is zero when the promise holds, and fails when the mean lies more than 4.5 of its
standard errors from zero: with 100 and more sensors that happens by chance in less than 2 of 100,000 comparisons. There
are about 60, so a fresh seed would fail once in a thousand; the seed here is fixed. What the bounds can tell apart is
tested too: a promise that is off by a fifth must fail.
"""

import math
from collections import defaultdict

from fleet import *

LIMIT = 4.5
TYPES = ("spike", "trend", "pattern", "missing_data", "noise")
WEIGHTS = dict(zip(TYPES, (0.4, 0.2, 0.1, 0.1, 0.2)))
FIRMWARE_SHARE = {"1.3": 0.075, "1.4": 0.035}
FIRMWARE_WEIGHTS = {"1.3": {}, "1.4": {"spike": 0.7, "noise": 0.8}}
MODEL_WEIGHTS = {"TempVibe-1000": {"missing_data": 2}, "TempVibe-2000": {"pattern": 1.5},
                 "TempVibe-3000": {"spike": 1.5}}
RATE = 0.1
HOURS = 12
PER_GROUP = 120
DUE = int(RATE * 3600 * HOURS)


def mix(firmware, model):
    weights = {kind: weight * FIRMWARE_WEIGHTS[firmware].get(kind, 1) * MODEL_WEIGHTS[model].get(kind, 1)
               for kind, weight in WEIGHTS.items()}
    return {kind: weight / sum(weights.values()) for kind, weight in weights.items()}


def standard_errors_from_zero(values):
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean / math.sqrt(variance / len(values))


class Statistics(FleetTest):
    def run_fleet(self, config):
        """Fills `data` with every firmware and model; returns the sensors of each (firmware, model)."""
        groups = {(firmware, model): [f"{firmware}/{model}/{i}" for i in range(PER_GROUP)]
                  for firmware in FIRMWARE_SHARE for model in MODEL_WEIGHTS}
        fleet = self.write_identities([identity(sensor, firmware_version=firmware, model=model, location="Laboratory")
                                       for (firmware, model), sensors in groups.items() for sensor in sensors])
        file = self.write("config.yaml", f"database: {{unsynced_index: false}}\n{config}")
        ran = self.fill("data", "--config", file, "--rate", RATE, "--duration", f"{HOURS}h", "--threads", 2,
                        identities=fleet)
        self.assertEqual(ran.summary.due, len(groups) * PER_GROUP * DUE)
        self.assert_balanced(ran.summary, self.dir / "data")
        return groups

    def query(self, sql):
        return query(self.dir / "data" / "sensor_data.db", sql)

    def assert_near_zero(self, values, what):
        away = standard_errors_from_zero(values)
        self.assertLess(abs(away), LIMIT, f"{what}: {away:+.1f} standard errors away")

    def assert_far_from_zero(self, values, what):
        away = standard_errors_from_zero(values)
        self.assertGreater(abs(away), LIMIT, f"{what}: only {away:+.1f} standard errors away, the test sees nothing")

    def test_share_of_readings(self):
        groups = self.run_fleet("")
        affected = defaultdict(lambda: defaultdict(int))
        for sensor, kind, count in self.query("SELECT sensor_id, anomaly_type, sum(readings_affected) "
                                              "FROM anomaly_events GROUP BY 1, 2"):
            affected[sensor][kind] = count
        # Ground truth and rows agree, except that missing data leave no row.
        flagged = {(sensor, kind): count for sensor, kind, count in self.query(
            "SELECT sensor_id, anomaly_type, count(*) FROM sensor_readings WHERE anomaly_flag = 1 GROUP BY 1, 2")}
        self.assertEqual(flagged, {(sensor, kind): count for sensor, kinds in affected.items()
                                   for kind, count in kinds.items() if kind != "missing_data"})

        for firmware, share in FIRMWARE_SHARE.items():
            sensors = [sensor for group, members in groups.items() if group[0] == firmware for sensor in members]
            shares = [sum(affected[sensor].values()) / DUE for sensor in sensors]
            print(f"firmware {firmware}: {100 * sum(shares) / len(shares):.2f}% anomalous, promised {100 * share:.2f}%")
            self.assert_near_zero([one - share for one in shares], f"share on firmware {firmware}")
            for wrong in (0.8, 1.2):
                self.assert_far_from_zero([one - wrong * share for one in shares], f"{wrong} of the promised share")

        for (firmware, model), sensors in groups.items():
            for kind, share in mix(firmware, model).items():
                excess = [affected[sensor][kind] - share * sum(affected[sensor].values()) for sensor in sensors]
                self.assert_near_zero(excess, f"share of {kind} on {model} with firmware {firmware}")
            # What another model would show must be seen as wrong: each has one type that sets it apart.
            others = [other for other in MODEL_WEIGHTS if other != model]
            (special,) = MODEL_WEIGHTS[model]
            if special == "pattern":
                continue  # too few and too long to be told from others in this time
            for other in others:
                share = mix(firmware, other)[special]
                excess = [affected[sensor][special] - share * sum(affected[sensor].values()) for sensor in sensors]
                self.assert_far_from_zero(excess, f"share of {special} on {model} with firmware {firmware} by {other}")

    def test_steady_from_the_first_reading(self):
        groups = self.run_fleet("")
        # In the first minutes as in the last ones, the share is the same: nothing has to warm up.
        sensors = [sensor for group, members in groups.items() if group[0] == "1.3" for sensor in members]
        seen = dict.fromkeys(sensors, 0)
        for sensor, at, end, count in self.query(
                "SELECT sensor_id, started_at, ended_at, readings_affected FROM anomaly_events"):
            first = micros("2026-01-01T00:00:00.000000Z")
            last = first + 600 * SECOND - 1  # sixty readings
            begin, end = max(first, micros(at)), min(last, micros(end) if end else last)
            if sensor in seen and begin <= end:
                seen[sensor] += (end - begin + SECOND) / (10 * SECOND)
        self.assert_near_zero([count / 60 - 0.075 for count in seen.values()], "share in the first ten minutes")
        self.assert_far_from_zero([count / 60 - 0.035 for count in seen.values()], "half that share")

    def test_basis_event(self):
        groups = self.run_fleet("anomalies: {basis: event, probability: 0.004}")
        start = "'2026-01-01T00:00:00.000000Z'"
        starts = defaultdict(lambda: defaultdict(int))
        affected = defaultdict(int)
        for sensor, kind, begun, count in self.query(
                f"SELECT sensor_id, anomaly_type, sum(started_at >= {start}), sum(readings_affected) "
                "FROM anomaly_events GROUP BY 1, 2"):
            starts[sensor][kind] = begun
            affected[sensor] += count
        for (firmware, model), sensors in groups.items():
            chance = 0.004 * {"1.3": 1.5, "1.4": 0.7}[firmware]
            begun = {sensor: sum(starts[sensor].values()) for sensor in sensors}
            # A reading that starts an anomaly is the last that could have; those inside one could not.
            could = {sensor: DUE - affected[sensor] + begun[sensor] for sensor in sensors}
            self.assert_near_zero([begun[s] - chance * could[s] for s in sensors], f"starts on {firmware}, {model}")
            self.assert_far_from_zero([begun[s] - 0.8 * chance * could[s] for s in sensors], "0.8 of the starts")
            for kind, share in mix(firmware, model).items():
                self.assert_near_zero([starts[s][kind] - share * begun[s] for s in sensors],
                                      f"choice of {kind} on {firmware}, {model}")
            self.assert_far_from_zero([starts[s]["spike"] - 0.8 * mix(firmware, model)["spike"] * begun[s]
                                       for s in sensors], "0.8 of the spikes")

    def test_none_when_disabled(self):
        fleet = self.write_identities([identity(f"S{i}") for i in range(50)])
        for number, (config, kinds) in enumerate((("anomalies: {enabled: false}", set()), ("anomalies: {probability: 0}", set()),
                              ("anomalies: {probability: 1, types: {trend: {enabled: false}, spike: {weight: 0}}}",
                               {"pattern", "missing_data", "noise"}))):
            with self.subTest(config=config):
                data = f"data{number}"
                self.fill(data, "--config", self.write("some.yaml", config + "\n"), "--duration", "2m", identities=fleet)
                found = {kind for (kind,) in query_all(self.dir / data, "SELECT DISTINCT anomaly_type FROM anomaly_events")}
                self.assertEqual(found, kinds)


if __name__ == "__main__":
    main()
