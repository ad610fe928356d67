#!/usr/bin/env python3
"""Counters and products as their files show them: what a counter counts is the integral of its rate, worked out here once
more without fleet-sim's code; a product is what its factors read, multiplied; and readings are the same at any rate."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "end_to_end")]
from fleet import *
from ground_truth import MASK, hash_text, mix_words

HOUR = 3_600 * SECOND
SEED = 7

TYPES = """
clock: {time_zone: Europe/Berlin}
anomalies: {enabled: false}
types:
  meter:
    sources:
      run:    {kind: load, duty: 0.4, burst: 1.3}
      shift:  {kind: load, duty: 1, schedule: "Mon-Fri 06:00-22:00"}
      wander: {kind: noise, from: 1m, to: 8h, roughness: 0.4}
    channels:
      amps:    {unit: A, base: 3, white: 0.05, range: [0, 40], resolution: 0.01, terms: {run: 12, wander: 0.5}}
      voltage: {unit: V, base: 230, white: 0.4, range: [200, 250], resolution: 0.1, terms: {wander: 1}}
      power:   {unit: W, kind: product, of: [voltage, amps], resolution: 0.5}
      cost:    {unit: ct/h, kind: product, of: [power, tariff]}
      tariff:  {unit: ct/Wh, base: 0.03}
      volume:  {unit: m3, kind: counter, per: 1h, base: 2, resolution: 0.01, rate: {run: 48}}
      hours:   {unit: h, kind: counter, per: 1h, resolution: 0.001, rate: {shift: 1}}
      turns:   {unit: turns, kind: counter, per: 1s, resolution: 1, wrap: 1000, rate: {run: 3}}
"""


class Load:
    """How long a load has been on: `work` of a moment, from some beginning. As the page of sources defines it: a cell of
    2^40 µs is on for its share, each half of a cell has half of that, more or less by a hashed number, and down in a cell
    of 2^28 µs it is on at first."""
    ROOT, LEAF = 40, 28

    def __init__(self, sensor, number, duty, burst):
        self.key = mix_words(SEED, hash_text(sensor)) + 64 * (2 + number) & MASK
        self.share = int(duty * 2**self.ROOT + 0.5)
        self.burst = int(burst * 2**16 + 0.5)

    def work(self, at):
        shift = (self.key * (0x9E3779B97F4A7C15 + 2 * self.ROOT) & MASK) >> (64 - self.ROOT)
        cell, into = divmod(at + shift, 2**self.ROOT)
        done, work = cell * self.share, self.share
        for exponent in range(self.ROOT, self.LEAF, -1):
            word = mix_words(self.key + exponent & MASK, at + shift >> exponent)
            deviation = (word >> 32) - (word >> 63 << 32)
            part = max(-2**22, min(2**22, deviation * self.burst >> 25))
            first = work + (part * min(work, 2**exponent - work) >> 22) >> 1
            if into >> exponent - 1 & 1:
                done, work = done + first, work - first
            else:
                work = first
        return done + min(into % 2**self.LEAF, work)


class Counters(FleetTest):
    CHANNELS = ("amps", "voltage", "power", "cost", "tariff", "volume", "hours", "turns")

    def setUp(self):
        super().setUp()
        self.fleet = self.write_identities([identity(f"M{i}", type="meter") for i in range(4)])
        self.config = self.write("meter.yaml", TYPES)

    def rows(self, data, start, interval, duration):
        """By sensor and time, the readings by channel; of all sensors at multiples of the interval."""
        self.fleet_sim("--identities", self.fleet, "--config", self.config, "--data-dir", data, "--seed", SEED, "--speed", "max",
                       "--start", start, "--interval", interval, "--duration", duration,
                       env={"FLEET_SIM_SIMULATION_PHASE": "aligned"})
        rows = query_all(self.dir / data, f"SELECT sensor_id, timestamp, {', '.join(self.CHANNELS)} FROM sensor_readings "
                         "ORDER BY sensor_id, timestamp")
        return {(sensor, micros(at)): dict(zip(self.CHANNELS, values)) for sensor, at, *values in rows}

    def by_sensor(self, rows):
        sensors = {}
        for (sensor, at), values in rows.items():
            sensors.setdefault(sensor, []).append((at, values))
        self.assertEqual(len(sensors), 4)
        return sensors

    def assert_counts(self, rows, seconds_on):
        """That counters rise as their rates say between any two readings, to one step of their resolution."""
        for sensor, readings in self.by_sensor(rows).items():
            run = Load(sensor, 0, 0.4, 1.3)
            begin, zero = readings[0]
            work_at_zero = run.work(begin)
            before = zero
            for at, values in readings[1:]:
                on = run.work(at) - work_at_zero
                self.assertAlmostEqual(values["volume"] - zero["volume"], (2 * (at - begin) + 48 * on) / HOUR, delta=0.0101)
                self.assertAlmostEqual(values["hours"] - zero["hours"], seconds_on(at) / 3_600, delta=0.00101)
                turned = (values["turns"] - zero["turns"] - 3 * on / SECOND) % 1000
                self.assertLessEqual(min(turned, 1000 - turned), 1.01)
                for counter in ("volume", "hours"):
                    self.assertGreaterEqual(values[counter], before[counter])
                before = values

    def test_a_counter_is_the_integral_of_its_rate_over_a_second_and_over_years(self):
        # Winter time: Monday 06:00 in Berlin is 05:00Z.
        monday = micros("2026-01-05T00:00:00.000000Z")
        self.assert_counts(self.rows("seconds", "2026-01-05T04:30:00Z", "1s", "1h"),
                           lambda at: max(0, (at - monday) / SECOND - 5 * 3_600))

    def test_a_counter_of_a_schedule_follows_local_time_into_summer(self):
        """From Monday 2026-03-23 00:00Z for 13 days, every 15 minutes; the clocks change on Sunday the 29th."""
        begin = micros("2026-03-23T00:00:00.000000Z")

        def seconds_on(at):
            on = 0
            for day in range(14):
                if day % 7 < 5:
                    opens = begin + day * 24 * HOUR + (5 if day < 6 else 4) * HOUR
                    on += max(0, min(at - opens, 16 * HOUR))
            return on / SECOND

        self.assert_counts(self.rows("quarters", "2026-03-23T00:00:00Z", "15m", "13d"), seconds_on)

    def test_years_at_one_reading_a_week(self):
        weeks = self.rows("weeks", "2026-01-05T00:00:00Z", "7d", "2190d")
        for sensor, readings in self.by_sensor(weeks).items():
            run = Load(sensor, 0, 0.4, 1.3)
            begin, zero = readings[0]
            for at, values in readings[1:]:
                on = run.work(at) - run.work(begin)
                self.assertAlmostEqual(values["volume"] - zero["volume"], (2 * (at - begin) + 48 * on) / HOUR, delta=0.0101)

    def test_what_is_read_is_the_same_at_any_rate(self):
        """Every reading of a run at one rate is in a run at a higher one, down to the last bit, whenever they began."""
        fast = self.rows("fast", "2026-01-05T04:00:00Z", "1s", "2h")
        for data, start, interval in (("minute", "2026-01-05T05:00:00Z", "1m"), ("quarter", "2026-01-05T05:15:00Z", "15m")):
            slow = self.rows(data, start, interval, "45m")
            self.assertEqual(slow, {key: fast[key] for key in slow})

    def test_a_product_is_its_factors_as_they_read(self):
        rows = self.rows("data", "2026-01-05T04:00:00Z", "10s", "6h")
        self.assertGreater(len({values["power"] for values in rows.values()}), 1_000)
        for values in rows.values():
            exact = values["voltage"] * values["amps"]
            self.assertLessEqual(abs(values["power"] - exact), 0.25 * (1 + 1e-9))
            self.assertEqual(values["power"] % 0.5, 0)
            self.assertAlmostEqual(values["cost"], values["power"] * values["tariff"], delta=1e-12 * values["cost"])


if __name__ == "__main__":
    main()
