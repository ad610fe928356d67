#!/usr/bin/env python3
"""Many entries of a scenario that add to the readings of several types of sensors, again and again: each reading has the sum that a second
model works out, the clean values that are exported have it too, and no audit finds another."""

import csv
import io
import sys
from collections import defaultdict

from fleet import *

sys.path.insert(0, str(SOURCE / "tests"))
from scenario_truth import Story, added_by, plan_of  # noqa: E402

# Their temperatures stand in different places, and nothing but entries changes them: what is added is all there is to see.
TYPES = """\
anomalies: {enabled: false}
types:
  valve:
    channels:
      temperature: {unit: "°C", base: 20, white: 0, rails: [-1000, 1000], resolution: 0.0001}
      pressure:    {unit: bar, base: 2, white: 0, rails: [-1000, 1000], resolution: 0.0001}
  pump:
    channels:
      pressure:    {unit: bar, base: 2, white: 0, rails: [-1000, 1000], resolution: 0.0001}
      flow:        {unit: m3/h, base: 40, white: 0, rails: [-1000, 1000], resolution: 0.0001}
      temperature: {unit: "°C", base: 20, white: 0, rails: [-1000, 1000], resolution: 0.0001}
"""
BASE = {"temperature": 20, "pressure": 2, "flow": 40}
CHANNELS = {"valve": ("temperature", "pressure"), "pump": ("pressure", "flow", "temperature")}
START = micros("2026-01-01T00:00:00.000000Z")


def entries(count):
    """All different, several under way at a time."""
    said = []
    for n in range(count):
        entry = {"name": f"e{n}", "at": f"+{1 + 7 * n}s", "for": f"{20 + n % 50}s", "add": {"temperature": n % 9 - 4.5, "pressure": 0.25 * (n % 5)}}
        if n % 3 == 0:
            entry["add"] = {"flow": n % 4 + 0.5}  # which valves do not have
        if n % 2:
            entry["fade"] = f"{n % 10}s"
        if n % 4 == 1:
            entry["spread"] = "40s"
        if n % 5 == 2:
            entry["every"] = f"{60 + n}s"
        if n % 7 == 3:
            entry["where"] = {"id": f"*_{n % 6}"}
        if n % 11 == 5:
            del entry["for"]
        said.append(entry)
    return said


class ManyAdditions(FleetTest):
    def setUp(self):
        super().setUp()
        self.fleet = self.write_identities([identity(f"{kind}_{n}", type=kind) for kind in CHANNELS for n in range(6)])

    def run_entries(self, said, *arguments):
        config = self.write("config.yaml", TYPES + "scenario:\n" + "".join(f"  - {json.dumps(one)}\n" for one in said))
        self.fill("data", "--config", config, "--shard-by", "hash:1", "--interval", "1s", "--quiet", *arguments, identities=self.fleet)

    def audit(self, **options):
        self.fleet_sim("export", "data", "--format", "ndjson", "--out", "rows.ndjson")
        self.fleet_sim("audit", "data", "--rows", "rows.ndjson", **options)

    def values(self, kind):
        (file,) = [file for file in (self.dir / "data").glob("*.db") if kind in file.name]
        with sqlite3.connect(file) as shard:
            return shard.execute(f"SELECT sensor_id, timestamp, {', '.join(CHANNELS[kind])} FROM sensor_readings ORDER BY 1, 2").fetchall()

    def test_each_reading_has_the_sum_of_its_moment(self):
        said = entries(90)  # with two types, more at a time than are kept at hand
        self.run_entries(said, "--duration", "15m")
        plan, several = plan_of(said, START), 0
        for kind, channels in CHANNELS.items():
            added = defaultdict(list)
            for name in {row[0] for row in self.values(kind)}:
                texts = {key: identity(name, type=kind)[key] for key in ("type", "firmware_version", "model", "manufacturer", "location")}
                latest = {}
                for moment in Story(plan, 7, name, texts).moments(START + 3600 * SECOND):
                    moment.gone = moment.until
                    if moment.entry.name in latest:  # a later turn takes the place of the one before, which does not fade for that
                        before = latest[moment.entry.name]
                        before.gone = min(before.gone, moment.at)
                    latest[moment.entry.name] = moment
                    added[name].append(moment)
            for name, text, *values in self.values(kind):
                at = micros(text)
                there = [one for one in added[name] if one.at <= at < one.gone]
                several += len(there) > 3
                for channel, value in zip(channels, values):
                    self.assertAlmostEqual(value, BASE[channel] + added_by(there, at, channel), delta=2e-4, msg=(name, text, channel))
        self.assertGreater(several, 5_000)

    def test_clean_values_and_audits_have_it_too(self):
        self.run_entries(entries(90), "--duration", "5m")
        self.audit()
        for kind, channels in CHANNELS.items():
            exported = self.fleet_sim("export", "data", "--type", kind, "--clean", "--format", "csv").stdout
            rows = list(csv.DictReader(io.StringIO(exported)))
            self.assertEqual(len(rows), 6 * 300)
            for row in rows:
                for channel in channels:
                    self.assertAlmostEqual(float(row[channel]), float(row[f"clean_{channel}"]), delta=2e-4)


if __name__ == "__main__":
    main()
