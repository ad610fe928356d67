"""What a run that was cut short must have left in its files, and what the next run must make of it.

A run's rows and events are told from those of earlier runs by their ids: `Marks` notes the highest ones in between.
"""

import random
from collections import Counter, defaultdict

from fleet import *

NOTHING = (0, 0)


def has_tables(path):
    """A file may be cut short while it is being made; then it has none."""
    return query(path, "SELECT count(*) FROM sqlite_schema WHERE name IN ('sensor_readings', 'anomaly_events')") == [(2,)]


class Marks:
    """The highest ids of readings and events in each file at some moment, and a sum over its rows."""

    def __init__(self, data):
        self.data, self.highest, self.sums = data, {}, {}
        for path in shards(data):
            if has_tables(path):
                self.highest[path.name] = query(path, "SELECT (SELECT coalesce(max(id), 0) FROM sensor_readings), "
                                                      "(SELECT coalesce(max(id), 0) FROM anomaly_events)")[0]
                self.sums[path.name] = self.sum_of(path, self.highest[path.name])

    @staticmethod
    def sum_of(path, highest):
        return query(path, "SELECT count(*), total(temperature), total(id), min(timestamp), max(timestamp) "
                           "FROM sensor_readings WHERE id <= ?", highest[0])

    def rows(self):
        return sum(readings for readings, _ in self.highest.values())

    def assert_kept(self, test):
        """What was there is there still, as it was, and ids have no gap."""
        for name, highest in self.highest.items():
            test.assertEqual(self.sum_of(self.data / name, highest), self.sums[name], f"{name}: earlier rows changed")
        for path in shards(self.data):
            if has_tables(path):
                ((count, last),) = query(path, "SELECT count(*), coalesce(max(id), 0) FROM sensor_readings")
                test.assertEqual(count, last, f"{path.name}: ids have gaps")


class Run:
    """Rows and events that one run of constant rate added to one file between two marks, of some of its sensors."""

    def __init__(self, test, path, before, after, start, rate, sample):
        self.test, self.name, self.start, self.period = test, path.name, start, SECOND // rate
        readings, events = zip(before.highest.get(path.name, NOTHING), after.highest[path.name])
        self.sensors = [one for (one,) in query(path, "SELECT DISTINCT sensor_id FROM sensor_readings "
                                                      "WHERE id > ? AND id <= ? ORDER BY 1", *readings)]
        if sample and len(self.sensors) > sample:
            self.sensors = random.Random(start).sample(self.sensors, sample)
        self.rows, self.events = defaultdict(list), defaultdict(list)
        for sensor in self.sensors:
            self.rows[sensor] = query(path, "SELECT timestamp, anomaly_type FROM sensor_readings WHERE id > ? AND id <= ? "
                                            "AND sensor_id = ? ORDER BY id", *readings, sensor)
        for sensor, kind, began, ended, affected in query(
                path, "SELECT sensor_id, anomaly_type, started_at, ended_at, readings_affected FROM anomaly_events "
                      "WHERE id > ? AND id <= ? ORDER BY sensor_id, started_at", *events):
            self.events[sensor].append((kind, micros(began), micros(ended) if ended else None, affected))
        ((last,),) = query(path, "SELECT max(timestamp) FROM sensor_readings WHERE id > ? AND id <= ?", *readings)
        self.last = micros(last) if last else None

    def events_at(self, sensor, at):
        return [event for event in self.events[sensor] if event[1] <= at and (event[2] is None or at <= event[2])]

    def assert_complete(self):
        """Up to a second before the last row, every due time is a row or a gap that an event tells of, and once; every
        anomalous row has its event."""
        for sensor, rows in self.rows.items():
            times = [micros(at) for at, _ in rows]
            self.test.assertEqual(times, sorted(set(times)), f"{self.name}: {sensor} goes back or has a due time twice")
            kinds = dict(zip(times, (kind for _, kind in rows)))
            first = times[0] - (times[0] - self.start - 1) // self.period * self.period
            for at in range(first, max(times[-1], self.last - SECOND) + 1, self.period):
                reported = [kind for kind, *_ in self.events_at(sensor, at)]
                found = ([kinds[at]] if kinds[at] else []) if at in kinds else ["missing_data"]
                self.test.assertEqual(reported, found, f"{self.name}: {sensor} at {at - self.start} µs after the start")

    def assert_counts(self):
        """`readings_affected` of every event is the number of this run's rows in it, or of its gaps once it has ended."""
        for sensor, rows in self.rows.items():
            counted = Counter()
            for at, kind in rows:
                for event in self.events_at(sensor, micros(at)) if kind else []:
                    counted[event] += 1
            for event in self.events[sensor]:
                kind, began, ended, affected = event
                if kind != "missing_data":
                    self.test.assertEqual(affected, counted[event], f"{self.name}: {sensor} {kind} from {began}")
                elif ended is not None and began > self.start:
                    self.test.assertEqual(affected, (ended - began) // self.period + 1, f"{self.name}: gap of {sensor}")


def runs_between(test, before, after, start, rate, sample=None):
    """What the run that began at `start` added between two marks, file by file."""
    found = [Run(test, before.data / name, before, after, start, rate, sample) for name in after.highest]
    return [run for run in found if run.last is not None]
