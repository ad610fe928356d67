"""What becomes of a sensor's readings on their way to its file: dropped, late, twice, held, with timestamps that are off. From the
config, the seed and the sensor alone. Part of ground_truth.py, and like that without a line of fleet-sim's own code.

A sensor's slots are the times at which its readings are due, whether it reads anything then or not."""

import math
from collections import Counter, deque
from dataclasses import dataclass, field, replace

from truth_basics import DELIVERY, LAST_MOMENT, draw_block, mix_words, normal, share_of, span_of, uniform, uniform_below

MOST_LATE, LATEST_IN_MEDIANS = 2, 100


@dataclass(frozen=True)
class How:
    """Rows arrive."""
    drop: float = 0.0
    late: tuple = (0.0, 0)  # share and median
    duplicate: float = 0.0
    jitter: int = 0
    hold: bool = False
    drain: int = 20


def how_of(said, usual=How()):
    """What is said in place of what is usual."""
    read = {"drop": share_of, "duplicate": share_of, "jitter": span_of,
            "late": lambda late: (share_of(late.get("share", "0")), span_of(late.get("median", "0s")))}
    how = replace(usual, hold=said.get("hold") == "true", drain=int(said.get("drain", 20)))
    return replace(how, **{name: of(said[name]) for name, of in read.items() if name in said})


@dataclass
class Slot:
    due: int
    number: int
    reads: str = "away"  # or silent, missing, row


@dataclass
class Delivered:
    """What a sensor's file has to have of it, in order."""
    rows: list = field(default_factory=list)  # due, sequence, timestamp, arrived_at
    deliveries: list = field(default_factory=list)  # kind, sequence, due, arrived_at, readings
    books: Counter = field(default_factory=Counter)
    waiting: set = field(default_factory=set)  # due times of those that have not arrived

    def is_balanced(self):
        books = self.books
        generated = books["due"] - books["silent"]
        return (books["written"] == len(self.rows) and books["undelivered"] == len(self.waiting)
                and generated + books["duplicates"] == books["written"] + books["missing"] + books["dropped"] + books["undelivered"])


class Hold:
    def __init__(self, slot, late, drain):
        self.number, self.drain, self.readings = slot.number, drain, 0
        self.due = min([slot.due, *(one[1] for one in late)])
        self.waiting = deque()


class Mail:
    """A sensor's, for as long as its rate and its file stay."""

    def __init__(self, keys, usual, slot_from, delivered):
        self.keys, self.usual, self.slot_from, self.delivered = keys, usual, slot_from, delivered
        self.said = []  # how, and until when; each lasts longer than those after it, which come first
        self.late, self.hold = [], None

    def note(self, kind, number, due, arrived_at, readings):
        self.delivered.deliveries.append((kind, number, due, arrived_at, readings))

    def happen(self, moment):
        self.said = [one for one in self.said if one[1] > moment.until] + [(how_of(moment.entry.what, self.usual), moment.until)]

    def serve(self, slot):
        books = self.delivered.books
        books["due"] += 1
        books[{"away": "silent", "row": "read"}.get(slot.reads, slot.reads)] += 1
        while self.said and slot.due >= self.said[-1][1]:
            self.said.pop()
        how = self.said[-1][0] if self.said else self.usual
        if not how.hold:
            self.deliver_late(slot)
            if self.hold is None:
                if slot.reads == "row":
                    self.deliver(slot.due, slot.number, how, slot)
                return
        if slot.reads in ("row", "missing") or (self.late and self.hold is None):
            self.hold = self.hold or self.begin_hold(slot, how)
        if slot.reads in ("row", "missing"):
            self.hold.waiting.append((slot, how))
            self.hold.readings += 1
        if not how.hold:
            self.drain(slot)

    def begin_hold(self, slot, how):
        hold = Hold(slot, self.late, how.drain)
        self.note("hold", hold.number, hold.due, None, 0)
        return hold

    def drain(self, slot):
        hold = self.hold
        for _ in range(min(hold.drain + 1, len(hold.waiting))):
            waited, how = hold.waiting.popleft()
            if waited.reads == "row":
                self.deliver(waited.due, waited.number, how, slot)
        if not hold.waiting:
            self.note("drained", hold.number, hold.due, slot.due, hold.readings)
            self.hold = None

    def deliver_late(self, slot):
        while self.late:
            first = min(self.late, key=lambda one: one[0])
            if first[0] > slot.due:
                return
            self.late.remove(first)
            _, due, number, stamp, is_duplicated = first
            self.push(due, number, stamp, is_duplicated, slot)

    def deliver(self, due, number, how, slot):
        seed, key = self.keys[0]
        draw = mix_words(seed ^ key, due % 2**64)
        others = draw_block(self.keys, DELIVERY, due)
        drop, late, duplicate = ((((draw >> shift) % 2**21) + uniform(word)) * 2.0**-21 for shift, word in zip((43, 22, 1), others))
        if drop < how.drop:
            self.delivered.books["dropped"] += 1
            self.note("drop", number, due, None, 1)
            return
        is_duplicated = duplicate < how.duplicate
        stamp = min(due + uniform_below(draw * 0xD1342543DE82EF95 % 2**64, 2 * how.jitter + 1) - how.jitter, LAST_MOMENT)
        if late < how.late[0]:
            arrives_at = self.slot_from(due + self.delay(mix_words(draw, due % 2**64), how.late[1]))
            if arrives_at > slot.due and len(self.late) < MOST_LATE:
                self.late.append((arrives_at, due, number, stamp, is_duplicated))
                self.note("late", number, due, arrives_at, 1)
                return
        self.push(due, number, stamp, is_duplicated, slot)

    @staticmethod
    def delay(word, median):
        return max(1, int(min(math.exp(normal(word)), LATEST_IN_MEDIANS) * median))

    def push(self, due, number, stamp, is_duplicated, slot):
        for _ in range(1 + is_duplicated):
            self.delivered.rows.append((due, number, stamp, slot.due))
            self.delivered.books["written"] += 1
        if is_duplicated:
            self.delivered.books["duplicates"] += 1
            self.note("duplicate", number, due, slot.due, 1)

    def end(self):
        """What waits will not arrive before the run goes on, or ever, where the sensor's rate or its file changes."""
        self.delivered.waiting |= {one[1] for one in self.late}
        if self.hold:
            self.delivered.waiting |= {slot.due for slot, _ in self.hold.waiting if slot.reads == "row"}
        self.delivered.books["undelivered"] = len(self.delivered.waiting)
