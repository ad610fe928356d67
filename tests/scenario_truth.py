"""When the entries of a scenario reach a sensor, and what is so from then on: from the config, the seed and the sensor alone. Part of
ground_truth.py, and like that without a line of fleet-sim's own code."""

import heapq
import math
import re
from dataclasses import dataclass
from datetime import datetime, timezone

from truth_basics import EPOCH, LAST_MOMENT, canonical_firmware, hash_text, mix_words, share_of, span_of, uniform

VERBS = ("set", "silence", "add", "reset", "fault", "deliver", "join", "leave")
LASTING = ("silence", "add", "fault", "deliver")
TEXTS = ("firmware_version", "model", "manufacturer", "location")


def moment_of(text, start):
    """Of +1h, or of a time."""
    if text.startswith("+"):
        return min(start + span_of(text[1:]), LAST_MOMENT)
    at = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).replace(tzinfo=None)
    return round((at - EPOCH).total_seconds() * 1e6)


def matches(glob, text):
    pattern = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in glob)
    return re.fullmatch(pattern, text, re.DOTALL) is not None


class Entry:
    def __init__(self, said, start):
        self.said = said
        self.name, self.where = said["name"], said.get("where", {})
        (self.verb,) = [verb for verb in VERBS if verb in said]
        self.what = said[self.verb]
        self.at, self.last = moment_of(said["at"], start), LAST_MOMENT  # the last moment at which it reaches a sensor
        self.every, self.spread, self.duration, self.fade, self.silent_for = (
            span_of(said.get(key, "0s")) for key in ("every", "spread", "for", "fade", "silent_for"))
        self.fails = share_of(said.get("fails", "0"))
        self.is_ramp = said.get("ramp") == "linear"
        self.waves = [(span_of(delay), share_of(share)) for delay, share in said.get("waves", {"0s": "1"}).items()]
        self.follows = None

    def delay(self, seed, sensor, turn):
        """After the beginning of a turn; None: it never reaches the sensor. `sensor` is the hash of its id."""
        u = uniform(mix_words(mix_words(seed, hash_text(self.name)), sensor))
        wave = next((i for i, (_, share) in enumerate(self.waves) if share > u), None)
        if wave is None:
            return None
        after, share = self.waves[wave]
        if self.is_ramp and wave > 0:
            earlier, least = self.waves[wave - 1]
            after = earlier + int((u - least) / (share - least) * (after - earlier))
        return after + int(uniform(self.word(seed, sensor, turn)) * self.spread)

    def word(self, seed, sensor, turn):
        return mix_words(mix_words(mix_words(seed, hash_text(self.name)), sensor), turn)

    def is_failure(self, seed, sensor, turn):
        return uniform(mix_words(self.word(seed, sensor, turn), mix_words(seed, hash_text(self.name)))) < self.fails

    def fits(self, sensor_id, texts):
        site = texts["location"].split(" - ")[0]
        for key, glob in self.where.items():
            if key == "event":
                continue
            text = {"id": sensor_id, "site": site}.get(key, texts.get(key))
            if not matches(glob, text) and not (
                    key == "firmware_version" and matches(canonical_firmware(glob), canonical_firmware(text))):
                return False
        return True


def plan_of(scenario, start):
    plan = [Entry(said, start) for said in scenario]
    index = {entry.name: i for i, entry in enumerate(plan)}
    for entry in plan:
        if "event" in entry.where:
            entry.follows = index[entry.where["event"]]
            plan[entry.follows].last = min(plan[entry.follows].last, entry.at)
    return plan


@dataclass
class Moment:
    """An entry reaches a sensor."""
    at: int
    until: int  # of what lasts; LAST_MOMENT: on and on
    entry: Entry
    fails: bool
    texts: dict  # the sensor's from then on
    is_there: bool  # from then on
    has_left: bool  # at some time before

    def row(self):
        """As fleet_events has it."""
        ended = self.until - 1 if self.at < self.until != LAST_MOMENT else None
        silent = self.at + self.entry.silent_for - 1 if self.entry.silent_for else None
        return self.entry.name, self.entry.verb, self.at, ended, silent, int(self.fails)


class Story:
    """What happens to one sensor from when it comes into the fleet until it is taken out. `texts` are those of its identity, with
    its type. Of one that a reload brings, only entries from then on count, and it may have been in the fleet before."""

    def __init__(self, plan, seed, sensor_id, texts, since=None, returns=False):
        self.id, self.seed, self.key = sensor_id, seed, hash_text(sensor_id)
        self.identity, self.said = texts, {}  # and what entries say in its place
        self.has_left, self.reached = returns, set()  # by the names of the entries
        self.plan, self.ignored, self.queue = [], set(), []
        begun = [] if since is None else [entry for entry in plan if entry.at < since]
        self.is_there = not self.is_absent([entry for entry in plan if entry not in begun])
        self.take_plan(plan, since, {entry.name for entry in begun})

    @property
    def texts(self):
        return {**self.identity, **self.said}

    def is_absent(self, coming):
        """Of the entries that let sensors join or leave and that it matches, the first lets it join."""
        movers = sorted((entry for entry in coming if entry.verb in ("join", "leave") and entry.follows is None), key=lambda one: one.at)
        return next((entry.verb == "join" for entry in movers if entry.fits(self.id, self.texts)), False)

    def change(self, plan, at):
        """A reload: entries that stand there as well go on, and of the others, those that begin earlier are ignored."""
        before = {entry.name: entry.said for entry in self.plan if entry.name not in self.ignored}
        same = {entry.name for entry in plan if before.get(entry.name) == entry.said}
        self.reached &= same
        self.ignored = {entry.name for entry in plan if entry.name not in same and entry.at < at}
        self.take_plan(plan, at, same)

    def take_plan(self, plan, since, under_way):
        """Of entries that are under way, the sensor's next moment stays, and their next turns are still to come."""
        number_of = {entry.name: number for number, entry in enumerate(plan)}
        queue = []
        for at, number, turn, is_hit in self.queue:
            name = self.plan[number].name
            if is_hit and name in under_way and name in number_of and at <= plan[number_of[name]].last:
                queue.append((at, number_of[name], turn, True))
        for number, entry in enumerate(plan):
            if entry.name in self.ignored:
                continue
            turn = 0
            if entry.name in under_way and since is not None and entry.at < since:
                turn = (min(since - 1, entry.last) - entry.at) // entry.every + 1 if entry.every else None
            if turn is not None and (turn == 0 or entry.at + turn * entry.every <= entry.last):
                queue.append((entry.at + turn * entry.every, number, turn, False))
        self.plan, self.queue = plan, queue
        heapq.heapify(self.queue)

    def moments(self, until):
        """All that happens to it before `until`, in order."""
        while self.queue and self.queue[0][0] < until:
            at, number, turn, is_hit = heapq.heappop(self.queue)
            entry = self.plan[number]
            is_open = self.is_there != (entry.verb == "join")
            if not is_hit:
                is_met = is_open and entry.fits(self.id, self.texts) and \
                    (entry.follows is None or self.plan[entry.follows].name in self.reached)
                delay = entry.delay(self.seed, self.key, turn) if is_met else None
                if delay is not None and at + delay <= entry.last:
                    heapq.heappush(self.queue, (at + delay, number, turn, True))
                if entry.every and at + entry.every <= entry.last:
                    heapq.heappush(self.queue, (at + entry.every, number, turn + 1, False))
            elif is_open:
                yield self.meet(entry, at, turn)

    def meet(self, entry, at, turn):
        fails = entry.is_failure(self.seed, self.key, turn)
        self.reached.add(entry.name)
        before = self.has_left
        if entry.verb in ("join", "leave"):
            self.is_there = entry.verb == "join"
            self.has_left = self.has_left or not self.is_there
        if entry.verb == "set" and not fails:
            self.said = {**self.said, **entry.what}
        lasts = at if entry.verb not in LASTING else min(at + entry.duration, LAST_MOMENT) if entry.duration else LAST_MOMENT
        return Moment(at, lasts, entry, fails, self.texts, self.is_there, before)


def added_by(all_added, at, channel):
    """What entries add to a channel: (moment, of an entry with `add`)."""
    total = 0.0
    for moment in all_added:
        if not moment.at <= at < moment.until or channel not in moment.entry.what:
            continue
        share, fade = 1.0, moment.entry.fade
        if fade:
            ends = (at - moment.at,) if moment.until == LAST_MOMENT else (at - moment.at, moment.until - at)
            share = min(0.5 - 0.5 * math.cos(math.pi * min(1.0, max(0.0, end / fade))) for end in ends)
        total += share * float(moment.entry.what[channel])
    return total
