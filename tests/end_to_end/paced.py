"""What tests of runs against the wall clock share: a fleet without an end, and that it leaves out no due time."""

from collections import defaultdict

from fleet import *


class PacedTest(FleetTest):
    def endless(self, *arguments):
        """Often committed, so that nobody waits for the first rows."""
        return self.start("--identities", IDENTITIES, "--data-dir", "data", "--duration", 0, *arguments,
                          env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "100"})

    def assert_every_slot_taken(self, rate):
        """Per sensor: rows and missing data together cover every due time from the first to the last, once."""
        period = SECOND // rate
        slots, missing = defaultdict(list), defaultdict(int)
        for at, sensor in query_all(self.dir / "data", "SELECT timestamp, sensor_id FROM sensor_readings"):
            slots[sensor].append(micros(at))
        for sensor, count in query_all(self.dir / "data", "SELECT sensor_id, sum(readings_affected) FROM anomaly_events "
                                                          "WHERE anomaly_type = 'missing_data' GROUP BY 1"):
            missing[sensor] += count
        lengths = []
        for sensor in slots.keys() | missing.keys():
            times = slots[sensor]
            if not times:  # a sensor may be out of order all the time
                lengths.append(missing[sensor])
                continue
            self.assertEqual(len({at % period for at in times}), 1, f"{sensor} leaves its rhythm")
            self.assertEqual(len(set(times)), len(times), f"{sensor}: a due time twice")
            lengths.append(len(times) + missing[sensor])
            span = (max(times) - min(times)) // period + 1
            self.assertGreaterEqual(lengths[-1], span, f"{sensor}: a due time without row or anomaly")
        self.assertLessEqual(max(lengths) - min(lengths), 1, "sensors stopped at different times")
        return sum(lengths)
