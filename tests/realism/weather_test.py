#!/usr/bin/env python3
"""What sensors share: those of a site have its weather, those of a location its work, all of them the grid; nothing else
correlates.

Readings are further apart than the longest part of any noise lasts, 2^32 µs, so each is independent of the one before.
Then the correlation of N pairs has the standard deviation (1 - ρ²)/√N around the ρ that the gains say, and bounds are five of
these: a test that looks at a hundred pairs is wrong once in ten thousand seeds.
"""

import math
import sys
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))
import series
from fleet import *

# Of each channel, the share of the variance that its shared source has: g² / (1 + g² + white²).
TYPES = """
anomalies: {enabled: false}
simulation: {phase: aligned}
types:
  TYPE:
    sources:
      own:     {kind: noise, from: 1m, to: 1h, roughness: 0.3}
      weather: {kind: noise, scope: site, from: 1m, to: 1h, roughness: 0.3}
      wind:    {kind: noise, scope: site, from: 1s, to: 10s, roughness: 0.3}
      hall:    {kind: noise, scope: location, from: 1m, to: 1h, roughness: 0.3}
      grid:    {kind: noise, scope: fleet, from: 1m, to: 1h, roughness: 0.3}
    channels:
      alone:    {unit: u, base: 0, white: 0.5, terms: {own: 1}}
      outdoors: {unit: u, base: 0, white: 0.5, terms: {own: 1, weather: 2}}
      sail:     {unit: u, base: 0, white: 0.5, terms: {own: 1, wind: 2}}
      indoors:  {unit: u, base: 0, white: 0.5, terms: {own: 1, hall: 2}}
      socket:   {unit: u, base: 0, white: 0.5, terms: {own: 1, grid: 2}}
"""
SHARED = 4 / (1 + 4 + 0.25)
CHANNELS = ("alone", "outdoors", "sail", "indoors", "socket")


class Weather(FleetTest):
    def setUp(self):
        super().setUp()
        # Two sites with two halls each, with two sensors each. Halls of two sites have the same names.
        self.places = {f"S{i}": (f"Site {i // 4}", f"Site {i // 4} - Hall {i // 2 % 2}") for i in range(8)}
        fleet = self.write_identities([identity(sensor, type=("kite", "boat")[i % 2], location=location)
                                       for i, (sensor, (_, location)) in enumerate(self.places.items())])
        configs = [part for name in ("kite", "boat")
                   for part in ("--config", self.write(f"{name}.yaml", TYPES.replace("TYPE", name)))]
        self.fill("data", *configs, "--interval", "75m", "--duration", "150d", identities=fleet)
        self.series = {}
        for sensor, *values in query_all(self.dir / "data", f"SELECT sensor_id, {', '.join(CHANNELS)} FROM sensor_readings "
                                         "ORDER BY sensor_id, timestamp"):
            for channel, value in zip(CHANNELS, values):
                self.series.setdefault((sensor, channel), []).append(value)

    def assert_correlates(self, a, b, channel, expected):
        x, y = self.series[a, channel], self.series[b, channel]
        found = series.correlation(x, y)
        with self.subTest(f"{channel} of {a} and {b}"):
            self.assertEqual(len(x), 2_880)
            self.assertAlmostEqual(found, expected, delta=5 * (1 - expected**2) / math.sqrt(len(x)) + 0.005)

    def test_sensors_share_the_weather_of_their_site_the_work_of_their_location_and_the_grid(self):
        """Sensors of two types as much as those of one."""
        for a, b in combinations(self.places, 2):
            (site, hall), (other_site, other_hall) = self.places[a], self.places[b]
            same = {"alone": False, "outdoors": site == other_site, "sail": site == other_site,
                    "indoors": hall == other_hall, "socket": True}
            for channel in CHANNELS:
                self.assert_correlates(a, b, channel, SHARED if same[channel] else 0)

    def test_no_channel_of_a_sensor_knows_of_another_but_by_what_they_share(self):
        """All have the sensor's own noise, a share of 1 in 5.25 each; `alone` of 1 in 1.25."""
        for sensor in self.places:
            for a, b in combinations(CHANNELS, 2):
                expected = 1 / math.sqrt(1.25 * 5.25) if a == "alone" else 1 / 5.25
                self.assertAlmostEqual(series.correlation(self.series[sensor, a], self.series[sensor, b]), expected,
                                       delta=5 * (1 - expected**2) / math.sqrt(2_880) + 0.005)


if __name__ == "__main__":
    main()
