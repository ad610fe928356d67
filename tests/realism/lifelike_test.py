#!/usr/bin/env python3
"""The lifelike types read like the machines whose numbers they have, as their files show.

The ranges are those of the recordings, over several machines or parts of the recording: of motors of a factory, every
15 minutes for months, and of a water pump on a test stand, every second for hours. For the change over a span there is one
number each, and 10% around it. Seeds are fixed, and each statistic is the mean over sensors, so that what one sensor happens
to do is no matter.
"""

import math
import sys
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))
import series
from fleet import *

LIFELIKE = SOURCE / "configs" / "types" / "lifelike.yaml"
TEST_STAND = Path(__file__).parent / "test_stand.yaml"


class Lifelike(FleetTest):
    def read(self, config, kind, sensors, interval, duration):
        """The channels of a fleet of this type: of each channel, a series for each sensor."""
        fleet = self.write_identities([identity(f"S{i:02}", type=kind) for i in range(sensors)])
        self.fill("data", "--config", config, "--interval", interval, "--duration", duration, identities=fleet,
                  env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
        channels = {}
        for sensor, *values in query_all(self.dir / "data", "SELECT sensor_id, temperature, vibration FROM sensor_readings "
                                         "ORDER BY sensor_id, timestamp"):
            for name, value in zip(("temperature", "vibration"), values):
                channels.setdefault(name, {}).setdefault(sensor, []).append(value)
        return [list(by_sensor.values()) for by_sensor in channels.values()]

    def assert_within(self, what, low, value, high):
        with self.subTest(what):
            self.assertLessEqual(low, value)
            self.assertLessEqual(value, high)

    def assert_mean_within(self, what, low, statistic, sensors, high):
        self.assert_within(what, low, fmean(map(statistic, sensors)), high)

    def test_a_motor_every_15_minutes_for_three_months(self):
        temperature, vibration = self.read(LIFELIKE, "temperature_vibration", 24, "15m", "90d")

        def day(x):
            return series.amplitude(x, 96)

        def lag(readings):
            return lambda x: series.autocorrelation(x, readings)

        self.assert_mean_within("temperature after a reading", 0.997, lag(1), temperature, 0.999)
        self.assert_mean_within("temperature after 60", 0.53, lag(60), temperature, 0.61)
        self.assert_within("slope of temperature's spectrum", 1.8, series.slope_of_spectrum(temperature), 2.0)
        self.assert_mean_within("what is new in a temperature", 0.0015, series.innovation, temperature, 0.004)
        self.assert_mean_within("the day in temperature", 0.14, day, temperature, 0.24)
        # 15 min, 1 h, 4 h, 16 h, 2.7 d and 10.7 d.
        for lag_, change in zip((1, 4, 16, 64, 259, 1027), (0.25, 0.69, 1.80, 3.62, 4.84, 5.00)):
            self.assert_within(f"change of temperature over {lag_}", 0.9 * change,
                               series.root_of_structure(temperature, lag_), 1.1 * change)

        self.assert_mean_within("vibration after a reading", 0.73, lag(1), vibration, 0.94)
        self.assert_mean_within("vibration after 60", 0.20, lag(60), vibration, 0.47)
        self.assert_within("slope of vibration's spectrum", 0.86, series.slope_of_spectrum(vibration), 1.4)
        self.assert_mean_within("what is new in a vibration", 0.07, series.innovation, vibration, 0.40)
        self.assert_mean_within("vibrations that repeat", 0.29, series.repeats, vibration, 0.35)

        together = fmean(series.correlation(t, [math.log(max(one, 1)) for one in v])
                         for t, v in zip(temperature, vibration))
        self.assert_within("temperature with the logarithm of vibration", 0.68, together, 0.78)

    def test_a_pump_on_a_test_stand_every_second_for_6_hours(self):
        for name, sensors in zip(("temperature", "vibration"), self.read(TEST_STAND, "test_stand", 24, "1s", "6h")):
            self.assert_mean_within(f"{name} after a second", 0.90, lambda x: series.autocorrelation(x, 1), sensors, 0.98)
            self.assert_mean_within(f"{name} after a minute", 0.70, lambda x: series.autocorrelation(x, 60), sensors, 0.88)
            self.assert_mean_within(f"what is new in a {name}", 0.04, series.innovation, sensors, 0.12)


if __name__ == "__main__":
    main()
