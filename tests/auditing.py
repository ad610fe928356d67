"""What became of a run's rows, worked out a second time: an auditor that knows nothing but the rows in the run's own files, and
seeded damage of which it is known beforehand what an audit has to find.

The auditor holds everything in memory, so it is for small runs. A row is a dict of texts, as CSV has it: floats in the fewest
digits that read back the same.
"""

import random
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

HOUR = timedelta(hours=1)
SHIFTS = [sign * quarters * HOUR / 4 for quarters in range(1, 4 * 24 + 1) for sign in (1, -1)]
NO_CHANNELS = ("sensor_id", "timestamp", "due", "sequence", "arrived_at", "status_code", "anomaly_flag", "anomaly_type", "firmware_version",
               "model", "manufacturer", "location")
OF_STORAGE = ("id", "synced")  # which a pipeline is free to change


def text_of(value):
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def stored_rows(*directories):
    """The rows of all shards, in the order in which they were written."""
    rows = []
    for path in sorted(path for directory in directories for path in Path(directory).glob("*.db")):
        with sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True) as shard:
            cursor = shard.execute("SELECT * FROM sensor_readings ORDER BY id")
            names = [column[0] for column in cursor.description]
            rows += [{name: text_of(value) for name, value in zip(names, row) if name not in OF_STORAGE} for row in cursor]
        shard.close()
    return rows


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def moment_text(at):
    return at.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def key_of(row):
    """What reading a row is of: where rows say when it was due, their timestamp may be off."""
    return row["sensor_id"], moment(row.get("due") or row["timestamp"])


@dataclass
class Audit:
    expected: int = 0  # readings that have a row
    delivered: int = 0  # of these, that came at all
    missing: list = field(default_factory=list)  # (sensor, moment)
    duplicate: int = 0  # rows of a reading, beyond as many as the run has
    altered: list = field(default_factory=list)  # of each row that is: [(sensor, moment, column, from, to), …]
    unexpected: list = field(default_factory=list)
    out_of_order: int = 0  # rows after a later one of their sensor, beyond those of the run

    def counts(self):
        return {"expected": self.expected, "delivered": self.delivered, "missing": len(self.missing), "duplicate": self.duplicate,
                "altered": len(self.altered), "unexpected": len(self.unexpected)}

    def missing_intervals(self, rows):
        """From the first to the last of consecutive readings of a sensor that are missing: (sensor, first, last, readings)."""
        times = defaultdict(list)
        for sensor, at in sorted({key_of(row) for row in rows}):
            times[sensor].append(at)
        missing = set(self.missing)
        found = []
        for sensor, moments in times.items():
            run = []
            for at in [*moments, None]:
                if at is not None and (sensor, at) in missing:
                    run.append(at)
                elif run:
                    found.append((sensor, run[0], run[-1], len(run)))
                    run = []
        return found


def differences(row, truth):
    """Of a row and the reading that it is of: the columns that both have."""
    return [column for column in row.keys() & truth.keys() - {"timestamp"} if row[column] != truth[column]]


def reading_of(row, values):
    """The reading that a row means: that of its time, or that whose values it has, if its time may be of another time zone."""
    key = key_of(row)
    channels = row.keys() - set(NO_CHANNELS)
    if key in values and any(row[one] == values[key].get(one) for one in channels):
        return key
    for shift in SHIFTS:
        other = (key[0], key[1] - shift)
        if other in values and not channels & set(differences(row, values[other])):
            return other
    return key if key in values else None


def out_of_order(keys):
    """By sensor, how many rows come after a later one."""
    counts, latest = Counter(), {}
    for sensor, at in keys:
        counts[sensor] += at < latest.get(sensor, at)
        latest[sensor] = max(at, latest.get(sensor, at))
    return counts


def audit(truth, rows):
    """What `rows` are, measured by the rows of the run, in the columns that both have."""
    audit = Audit()
    expected, values, seen, came = Counter(), {}, Counter(), []
    for row in truth:
        expected[key_of(row)] += 1
        values[key_of(row)] = row
    for row in rows:
        key = reading_of(row, values)
        if key is None:
            audit.unexpected.append(key_of(row))
            continue
        came.append(key)
        seen[key] += 1
        audit.duplicate += seen[key] > expected[key]
        shifted = ["timestamp"] * (key_of(row) != key)
        differ = [(*key, column, values[key][column], row[column]) for column in shifted + differences(row, values[key])]
        if differ:
            audit.altered.append(differ)
    audit.out_of_order = (out_of_order(came) - out_of_order(map(key_of, truth))).total()  # a Counter has no negative ones
    audit.expected, audit.delivered = len(expected), len(seen)
    audit.missing = [key for key in expected if key not in seen]
    return audit


class Damage:
    """Does something to rows that nothing else was done to, and keeps account of what an audit has to say of it."""

    def __init__(self, rows, seed):
        self.rows = [dict(row) for row in rows]
        self.draw = random.Random(seed)
        often = Counter(map(key_of, rows))
        self.counts = {"expected": len(often), "delivered": len(often), "missing": 0, "duplicate": 0, "altered": 0, "unexpected": 0}
        self.untouched = [row for row in self.rows if often[key_of(row)] == 1]
        self.draw.shuffle(self.untouched)

    def take(self, count):
        taken, self.untouched = self.untouched[:count], self.untouched[count:]
        assert len(taken) == count, "there are not as many rows that nothing was done to"
        return taken

    def place_of(self, row):
        return next(place for place, one in enumerate(self.rows) if one is row)

    def drop(self, count):
        gone = {id(row) for row in self.take(count)}
        self.rows = [row for row in self.rows if id(row) not in gone]
        self.counts["missing"] += count
        self.counts["delivered"] -= count

    def repeat(self, count):
        for row in self.take(count):
            self.rows.insert(self.draw.randint(0, len(self.rows)), dict(row))
        self.counts["duplicate"] += count

    def swap(self, count, column):
        """Of so many pairs of rows, the values of a column."""
        for _ in range(count):
            one, other = self.take(2)
            self.counts["altered"] += 2 * (one[column] != other[column])
            one[column], other[column] = other[column], one[column]

    def round(self, count, column, digits=1):
        for row in self.take(count):
            rounded = text_of(round(float(row[column]), digits))
            self.counts["altered"] += rounded != row[column]
            row[column] = rounded

    def shift(self, count):
        """By an hour: their values tell where they belong, so that it is their time that is altered."""
        for row in self.take(count):
            _, at = key_of(row)
            row["timestamp"] = moment_text(at + HOUR)
        self.counts["altered"] += count

    def misname(self, count):
        """Rows of a sensor that there is not."""
        for row in self.take(count):
            row["sensor_id"] += "?"
        self.counts["missing"] += count
        self.counts["delivered"] -= count
        self.counts["unexpected"] += count

    def reorder(self, count):
        """Rows that go to any other place. Nothing is wrong with them but that."""
        for row in self.take(count):
            self.rows.pop(self.place_of(row))
            self.rows.insert(self.draw.randint(0, len(self.rows)), row)

    def cut(self, count):
        """The last rows: for those to which nothing else has been done."""
        kept = self.rows[:len(self.rows) - count]
        lost = set(map(key_of, self.rows)) - set(map(key_of, kept))  # not those that came before, too
        self.rows = kept
        self.counts["missing"] += len(lost)
        self.counts["delivered"] -= len(lost)


DAMAGES = {
    "drop": lambda damage, count: damage.drop(count),
    "repeat": lambda damage, count: damage.repeat(count),
    "swap": lambda damage, count: damage.swap(count // 2, "temperature"),
    "round": lambda damage, count: damage.round(count, "voltage"),
    "shift": lambda damage, count: damage.shift(count),
    "misname": lambda damage, count: damage.misname(count),
    "reorder": lambda damage, count: damage.reorder(count),
    "cut": lambda damage, count: damage.cut(count),
}


def random_damage(rows, seed):
    """Some of everything, in any order; the end may be cut off if nothing else is done."""
    damage = Damage(rows, seed)
    kinds = damage.draw.choice([["cut"], [kind for kind in DAMAGES if kind != "cut"]])
    for kind in damage.draw.sample(kinds, damage.draw.randint(1, len(kinds))):
        DAMAGES[kind](damage, damage.draw.randint(1, max(1, len(rows) // 20)))
    return damage
