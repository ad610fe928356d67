#!/usr/bin/env python3
"""Checks that the ground truth of a data directory is complete, against a model of its own.

It reads the SQLite files and nothing else of fleet-sim: seed, start and config come from run_info, what a sensor is
from the columns of its readings. From these it computes every reading and every anomaly anew and compares.

Labels, from the files alone: every due time of the run has exactly one row or lies in a missing_data event, never both;
a row in an event carries flag, status and type of that one event, a row in none carries none; the events of a sensor do
not overlap, and each counts the rows (missing_data: the gaps) between its two ends. Of an aging, that holds from the
failure on.

Model: an unaffected sensor starts an anomaly exactly when its draw says so, with the parameters that the draws at the
onset give; ended_at is NULL exactly where the run stopped inside; every value is the normal reading or, in an event,
what the anomaly makes of it.

Graded anomalies are drawn and followed like the others. What they count in, σ of the duration, is computed anew for types
whose readings are white noise around means, as the built-in one is. Of a type that a config declares, the sources
are not evaluated a second time. What its sensors would have read comes from a twin instead, another run of the same seed
whose anomalies are disabled and whose parts do not wear out (--clean); σ is that which an event records, or that which
follows from its severity and magnitude, and has to be the same for all events of a channel that last as long.

When parts begin to wear and when they fail is drawn anew, and wear is added to what the twin reads. A channel that is
stuck of age reads what it read at the failure: known of channels without sources, of others it has to be one value.

What a scenario does to each sensor, and when, is drawn anew from the config (scenario_truth.py) and compared with fleet_events:
the sensor is then followed as what it has become, silent, away, warmed up or at fault. How rows arrive is drawn anew, too
(delivery_truth.py): each sensor's rows have to be there in that order, with these sequences, timestamps and arrivals, the table
deliveries has to say just what was done to which reading, and the books have to balance.

Of an injected anomaly, what somebody may have said of it is taken from its event: when it begins, channel, severity and
duration. All else is drawn and followed like that of the others.

The draws, Philox4x64-10, are exact. Values may differ by a part in 10^12: fleet-sim has a sine and a logarithm of its
own, here they are libm's. A run need not have reached its configured end: what counts is the last reading it took. Of a
run that was killed, what its last flush lost shows.

A run may have been reloaded, killed and resumed: then its sensors, and what each was from when to when, come from its record
(tables run_reloads and run_identities), and every sensor's anomaly is carried through the changes. Where the scenario has changed,
entries that stay as they are go on, and of the others only those count that begin later.

Where retention has deleted rows (table deletions), each file has to lack exactly as many readings and events as it says,
the earliest of each sensor; the rows and events that are left are checked as ever.

Exit codes: 0 complete, 1 not (each offender is named by file, sensor, time and what), 2 this cannot be checked.
"""

import argparse
import json
import math
import re
import sqlite3
import sys
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta, timezone
from fractions import Fraction
from itertools import accumulate, islice, zip_longest
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from delivery_truth import Delivered, How, Mail, Slot, how_of
from scenario_truth import Story, added_by, plan_of
from truth_basics import (AGING, DAY, EPOCH, FAULT_STRETCH, LAST_MOMENT, LINE, MASK, NOISE, ONSET, PARTITION, PHASE, READING, SECOND,
                          STEADY_START, UNITS, CannotCheck, canonical_firmware, draw_block, hash_text, micros, mix_words, normal,
                          read_value, round_keys, span_of, timestamp, unescape, uniform, uniform_below)

ONSET_WORD, WORDS_PER_BLOCK = 3, 4  # the channels have the other words, in their order
USUAL_TYPES = ("spike", "trend", "pattern", "missing_data", "noise")  # those that happen unless a config says otherwise
TYPES = (*USUAL_TYPES, "offset", "drift", "gain", "stuck", "quantise", "clip", "intermittent", "dropout")
AGE = "aging"  # no type of anomaly that is drawn
TAKES_ROWS = ("missing_data", "dropout")  # all of them, or some
HAS_DIRECTION = ("spike", "trend", "offset", "drift", "gain", "intermittent")  # graded ones
FEWEST_READINGS = {**dict.fromkeys(("trend", "offset", "drift", "gain"), 8), **dict.fromkeys(("stuck", "quantise", "clip"), 3)}
SEVERITY_BOUNDS = {"noise": (1, 1000), "quantise": (0.001, 1000), "clip": (-1000, 1000), "intermittent": (0, 1),
                   "dropout": (0, 1)}  # the others: 0 to 1000
TEXTS = ("firmware_version", "model", "manufacturer", "location")

TOLERANCE = 1e-12
NO_FILE = "(no file)"
ARRIVAL = ("sequence", "timestamp", "arrived_at")
BOOKS = ("due", "silent", "missing", "dropped", "undelivered", "duplicates", "written")  # as the summary of a run has them

STRETCH = 22  # what happens in a share of the time happens in cells of 2^22 microseconds


def happens(share, keys, key, at):
    shift = (key * (0x9E3779B97F4A7C15 + 2 * STRETCH) & MASK) >> 64 - STRETCH
    return uniform(draw_block(keys, FAULT_STRETCH, at + shift >> STRETCH)[0]) < share


def pick(shares, u):
    """The name on which the draw u falls when the shares stand side by side; None beyond the last."""
    for name, until in zip(shares, accumulate(shares.values())):
        if u < until:
            return name
    return None


def read_config(text):
    """The maps of the config; what is no map is a string, but for the list of the scenario."""
    config = {}
    maps = [config]  # the one at each depth
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        if line.startswith("  - "):
            section = list(config)[-1]
            config[section] = [*(config[section] or []), read_value(line[4:])]
            continue
        match = LINE.fullmatch(line)
        depth = len(match[1]) // 2 if match else len(maps)
        if depth >= len(maps):
            raise CannotCheck(f"line {number} of the config is not as fleet-sim writes it: {line}")
        key = match[3] if match[2] is None else unescape(match[2])
        value = {} if match[4] is None else read_value(match[4])
        maps[depth][key] = value
        maps[depth + 1:] = [value]
    return config


def numbers(texts, names):
    return {name: float(texts[name]) for name in names}


@dataclass(frozen=True)
class Rate:
    """How often a sensor is read, said as a rate or as an interval in microseconds."""
    per_second: float
    interval: int | None = None

    @property
    def seconds(self):
        return 1 / self.per_second if self.interval is None else self.interval / 1e6

    @property
    def period(self):
        """Exactly, in microseconds."""
        return Fraction(10**6) / Fraction(self.per_second) if self.interval is None else Fraction(self.interval)


def rate_of(said, otherwise=None):
    """What an identity, or the config, says of its rate."""
    if "interval" in said:
        parts = re.findall(r"([\d.]+)([a-z]*)", str(said["interval"]))
        interval = round(sum(float(amount) * UNITS[unit] for amount, unit in parts) * 1e6)
        return Rate(1e6 / interval, interval)
    return Rate(float(said["readings_per_second"])) if "readings_per_second" in said else otherwise


def pattern_period_seconds(anomalies, rate):
    """It takes eight readings to show one."""
    return max(float(anomalies["pattern_period_seconds"]), 8 * rate.seconds)


@dataclass(frozen=True)
class Duration:
    """How long anomalies of a type last, in seconds: always the same, or lognormal with the maximum at three standard
    deviations, cut off at both ends."""
    median: float
    shortest: float
    longest: float

    @property
    def is_fixed(self):
        return self.shortest == self.longest

    @property
    def sigma(self):
        return math.log(self.longest / self.median) / 3

    def at_least(self, seconds):
        return Duration(*(max(one, seconds) for one in (self.median, self.shortest, self.longest)))

    def share_below(self, seconds, shift=0.0):
        """Of the law before it is cut off."""
        return 0.5 * math.erfc(-((math.log(seconds / self.median) - shift) / self.sigma) / math.sqrt(2))

    def draw(self, word, lasting=False):
        """In microseconds; with `lasting`, of the one that lasts at a given moment."""
        if self.sigma == 0:
            return max(1, int(self.longest * 1e6))
        shift = self.sigma**2 if lasting else 0.0
        low, high = self.share_below(self.shortest, shift), self.share_below(self.longest, shift)
        deviate = normal(int((low + (high - low) * uniform(word)) * 2.0**64))
        drawn = self.median * 1e6 * math.exp(shift + self.sigma * deviate)
        return max(1, int(min(max(drawn, self.shortest * 1e6), self.longest * 1e6)))

    def mean_readings(self, per_second):
        """The mean of max(1, ceil(duration · rate)): the sum of the chances of more than 0, 1, 2 … readings."""
        per_second *= 1 - 1e-12
        if self.sigma == 0:
            return max(1, math.ceil(self.longest * per_second))
        low, high = self.share_below(self.shortest), self.share_below(self.longest)

        def longer(seconds):
            seconds = min(max(seconds, self.shortest), self.longest)
            return (high - self.share_below(seconds)) / (high - low)

        most = math.ceil(self.longest * per_second) - 1
        one_by_one = min(most, 10_000)
        mean = 1 + sum(longer(n / per_second) for n in range(1, one_by_one + 1))
        if most > one_by_one:  # the rest by Simpson's rule, in the logarithm of the duration
            begin, steps = math.log((one_by_one + 0.5) / per_second), 2_000
            width = (math.log(self.longest) - begin) / steps
            for i in range(steps + 1):
                weight = 1 if i in (0, steps) else 4 if i % 2 else 2
                seconds = math.exp(begin + i * width)
                mean += weight * width / 3 * seconds * longer(seconds) * per_second
        return mean


def duration_of(anomaly_type, rate):
    said = anomaly_type["duration_seconds"]
    if isinstance(said, dict):
        return Duration(float(said["median"]), float(said["min"]), float(said["max"]))
    seconds = rate.seconds if said == "one_reading" else float(said)
    return Duration(seconds, seconds, seconds)


def life_of(said):
    parts = (said["median"], said["min"], said["max"]) if isinstance(said, dict) else (said,) * 3
    return Duration(*(span_of(part) / 1e6 for part in parts))


def range_of(said):
    """Of a number, or of two."""
    return tuple(map(float, said)) if isinstance(said, list) else (float(said), float(said))


def utc_offset(text):
    """Of +02:00 and the like."""
    hours, minutes = int(text[1:3]), int(text[4:6])
    return (-1 if text[0] == "-" else 1) * (hours * 60 + minutes) * 60 * SECOND


class Clock:
    """A sensor's own: how far it is ahead of UTC, from an offset or the name of a zone."""

    def __init__(self, config, own_zone):
        name = own_zone or config.get("time_zone")
        self.zone = ZoneInfo(name) if name else None
        self.fixed = 0 if name else utc_offset(config["utc_offset"])

    def ahead(self, at):
        if self.zone is None:
            return self.fixed
        moment = (EPOCH + timedelta(microseconds=at)).replace(tzinfo=timezone.utc)
        return moment.astimezone(self.zone).utcoffset() // timedelta(microseconds=1)


# The model of a sensor.

class Cadence:
    """When a sensor's readings are due: k periods after the first, the period kept to 2^-40 microseconds; an interval is
    exact."""

    def __init__(self, rate):
        self.exact = rate.period
        if rate.interval is not None:
            self.period = rate.interval << 40
        else:
            period = 1e6 / rate.per_second * (1 + 2.0**-50)
            self.period = (math.floor(period) << 40) + math.ceil((period - math.floor(period)) * 2.0**40)

    def first_multiple(self, start):
        """The first multiple of the period since 1970, to the nearest microsecond, that is not before the start."""
        k = start // self.exact
        while (multiple := math.floor(k * self.exact + Fraction(1, 2))) < start:
            k += 1
        return multiple

    def offset(self, k):
        return self.period * k >> 40

    def count_before(self, span):
        return max(0, -(-(span << 40) // self.period))


class Behaviors:
    """What firmware, model, manufacturer and location of a sensor do to it, in this order."""

    def __init__(self, tables, texts):
        firmware = canonical_firmware(texts["firmware_version"])
        locations = [name for name in tables["location"] if texts["location"].startswith(name)]
        names = (firmware, texts["model"], texts["manufacturer"], max(locations, key=len, default=None))
        kinds = ("firmware", "model", "manufacturer", "location")
        self.effects = [tables[kind].get(name, {}) for kind, name in zip(kinds, names)]

    def product(self, effect, part=None):
        product = 1.0
        for effects in self.effects:
            if effect in effects:
                product *= float(effects[effect] if part is None else effects[effect].get(part, 1))
        return product

    def sum(self, effect):
        return sum(float(effects.get(effect, 0)) for effects in self.effects)

    def first(self, effect, otherwise):
        return next((effects[effect] for effects in self.effects if effect in effects), otherwise)


@dataclass
class Channel:
    """What anomalies have to know of one."""
    kind: str = "gauge"
    is_logarithmic: bool = False
    rails: tuple = (-math.inf, math.inf)
    of: tuple = ()  # what a product multiplies
    has_sources: bool = True  # beside its own white noise

    def level(self, value):
        return math.log(value) if self.is_logarithmic else value

    def value(self, level):
        return level if not self.is_logarithmic else math.exp(level) if level < 700 else math.inf

    def read(self, level):
        return self.shown(self.value(level))

    def shown(self, value):
        """By a device."""
        return min(max(value, self.rails[0]), self.rails[1])


@dataclass
class Part:
    """One that wears out."""
    name: str
    every: int
    life: Duration
    terms: dict
    is_silent: bool  # once it has failed

    def interval(self, seed, key, at):
        """In which a moment lies, of the sensor with this key."""
        keys = round_keys(seed, mix_words(key, hash_text(self.name)))
        earlier = uniform_below(draw_block(keys, AGING, 0, block=1)[0], self.every)
        number = (at + earlier) // self.every
        words = draw_block(keys, AGING, number)
        begins = number * self.every - earlier
        onset = begins + uniform_below(words[0], self.every // 10)
        return Interval(self, begins, onset, onset + self.life.draw(words[1]), begins + self.every)


@dataclass
class Interval:
    """From one replacement of a part to the next, and what has been read of it."""
    part: Part
    begins: int
    onset: int
    fails_at: int
    ends: int
    readings: int = 0  # due since the onset, in one stay in a file
    open: bool = True
    last: int = 0  # microsecond of the event

    def worn(self, at):
        x = min(1.0, max(0.0, (at - self.onset) / (self.fails_at - self.onset)))
        return (math.exp(4 * x) - 1) / (math.exp(4) - 1)

    def has_failed(self, at):
        return self.fails_at <= at < self.ends


@dataclass
class Failure:
    """What a reading of a sensor that has failed lies in."""
    stuck: dict  # the channels that hold their level, each with it; None where only a source knows that
    since: dict  # by channel
    kind: str = AGE


@dataclass
class SensorType:
    """What a type declares."""
    normal: dict | None  # normal parameters by channel, in the order of the channels; None: those of the run's config
    daily: str  # the channel that the day acts on
    pattern: dict  # which way a pattern takes channels first
    channels: dict = field(default_factory=lambda: defaultdict(Channel))  # by name
    is_declared: bool = False  # by a config: then there are sources that this model does not evaluate
    parts: tuple = ()


BUILT_IN = SensorType(None, "temperature", {"temperature": 1, "vibration": -1})


def limits_of(said):
    low, high = (said or [".nan", ".nan"])
    return tuple(otherwise if text in (".nan", "-.inf", ".inf", "none", "null", "~", "") else float(text)
                 for text, otherwise in ((low, -math.inf), (high, math.inf)))


def declared_type(declaration):
    normal, channels = {}, {}
    for name, said in declaration["channels"].items():
        kind = said.get("kind", "gauge")
        resolution = float(said.get("resolution", 0))
        if kind == "gauge" and resolution:
            raise CannotCheck(f"{name} has a resolution: what it rounds away cannot be known from its readings")
        low, high = limits_of(said.get("range"))
        normal[name] = {"mean": said.get("base", 0), "std_dev": said.get("white", 0), "min": low, "max": high}
        channels[name] = Channel(kind, said.get("scale") == "log", limits_of(said.get("rails")), tuple(said.get("of", ())),
                                 kind != "gauge" or bool(said.get("terms")))
    parts = [Part(name, span_of(said["every"]), life_of(said["life"]), {to: float(by) for to, by in said["terms"].items()},
                  said.get("then", "silent") == "silent") for name, said in declaration.get("aging", {}).items()]
    return SensorType(normal, None, {}, channels, True, tuple(parts))


# What severities count in.

PAIRS, WALKS = 4096, 2048
SHORTEST, LONGEST = 20, 42  # of the durations of the sample, as powers of 2 of a microsecond
FIRST_WALK, YEAR = 1_767_225_600 * SECOND, 365 * DAY


class Spread:
    """σ(D) = √(½⟨(η(t + 2D) - η(t))²⟩), mean and deviation, from walks of one sensor each, two pairs a duration. Here η is
    white noise around the mean with the day's part, as the type and the config have it, in UTC and without behaviors."""

    def __init__(self, sensor_type, parameters):
        self.names = tuple(parameters)
        given = [numbers(parameters[name], ("mean", "std_dev", "min", "max")) for name in self.names]
        steps = [0, *(1 << SHORTEST + i for i in range(1, LONGEST - SHORTEST + 3))]
        levels = [[] for _ in self.names]
        for walk in range(WALKS):
            keys = round_keys(0, mix_words(hash_text("spread"), walk))
            course = [[] for _ in self.names]
            for step in steps:
                at = FIRST_WALK + walk * (YEAR // WALKS) + step
                words = draw_block(keys, READING, at)
                while len(channel_words(words)) < len(self.names):
                    words += draw_block(keys, READING, at, len(words) // WORDS_PER_BLOCK)
                wave = math.sin(2 * math.pi * (at % DAY / (3600.0 * SECOND) - 9) / 24)
                for c, (one, word) in enumerate(zip(given, channel_words(words))):
                    day = one["std_dev"] * wave if self.names[c] == sensor_type.daily else 0.0
                    course[c].append(min(one["max"], max(one["min"], one["mean"] + one["std_dev"] * normal(word) + day)))
            for c, of_channel in enumerate(course):
                levels[c].append(of_channel)
        self.sigmas = []
        for of_channel in levels:
            self.sigmas.append([math.sqrt(math.fsum((course[d + 1] - course[0])**2 + (course[d + 2] - course[d + 1])**2
                                                    for course in of_channel) / (2 * PAIRS))
                                for d in range(LONGEST - SHORTEST + 1)])
        flat = [[level for course in of_channel for level in course] for of_channel in levels]
        self.means = [math.fsum(one) / len(one) for one in flat]
        self.deviations = [math.sqrt(math.fsum((level - mean)**2 for level in one) / len(one))
                           for one, mean in zip(flat, self.means)]

    def sigma(self, channel, duration):
        duration = min(max(duration, 1 << SHORTEST), 1 << LONGEST)
        octave = duration.bit_length() - 1
        sigmas = self.sigmas[self.names.index(channel)][octave - SHORTEST:]
        return sigmas[0] + ((sigmas[1] - sigmas[0]) * math.log2(duration / (1 << octave)) if len(sigmas) > 1 else 0.0)

    def mean(self, channel):
        return self.means[self.names.index(channel)]

    def deviation(self, channel):
        return self.deviations[self.names.index(channel)]


SPREADS = {}  # by what they are computed from


def spread_of(sensor_type, parameters):
    key = json.dumps([sensor_type.daily, parameters])
    if key not in SPREADS:
        SPREADS[key] = Spread(sensor_type, parameters)
    return SPREADS[key]


class RecordedSpread:
    """That of a declared type, as far as its events tell: the same for all that last as long."""

    def __init__(self):
        self.sigmas, self.centers = {}, {}

    def sigma_of(self, event, channel, counted_over, sigma):
        """Of an event that says so or implies it; whether it agrees with others."""
        known = self.sigmas.setdefault((channel, counted_over), sigma)
        return math.isclose(known, sigma, rel_tol=1e-9)


@dataclass
class Anomaly:
    kind: str
    started_at: int
    last: int  # microsecond
    channel: str | None = None
    direction: int | None = None
    magnitude: float | None = None
    severity: float | None = None
    sigma: float | None = None
    reference: float | None = None  # the mean of a gain, the limit of a clip, the value that is stuck; None: unknown
    period: int = 0  # of a graded pattern
    cause: str = "drawn"
    scenario: str | None = None
    graded: bool = False
    shown: bool = False  # whether a reading of the run has been due in it
    readings_affected: int = 0
    open: bool = True

    @property
    def ended_at(self):
        return None if self.open else self.last


def channel_words(words):
    """Those of the channels."""
    return words[:ONSET_WORD] + words[ONSET_WORD + 1:]


class Profile:
    """The numbers of sensors alike: the config with the behaviors applied."""

    def __init__(self, sensor_type, config, texts, rate, own_parameters, own_zone):
        self.type = sensor_type
        behaviors = Behaviors(config["behaviors"], texts)
        self.clock = Clock(config["clock"], own_zone)
        self.set_signal(sensor_type.normal or config["normal_parameters"], own_parameters, behaviors)
        self.set_channel_weights(behaviors)
        self.set_grades(sensor_type.normal or config["normal_parameters"], config["anomalies"], behaviors, rate)
        self.set_frequency(config["anomalies"], behaviors, rate)
        self.set_severity(config["anomalies"], behaviors, rate)

    def set_signal(self, parameters, own_parameters, behaviors):
        self.names = tuple(parameters)
        self.channels, self.daily_at = [], None
        for at, channel in enumerate(self.names):
            given = {**parameters[channel], **own_parameters.get(channel, {})}
            given = numbers(given, ("mean", "std_dev", "min", "max"))
            spread = given["std_dev"] * behaviors.product("spread", channel)
            self.channels.append((given["mean"], spread, given["min"], given["max"]))
            if channel == self.type.daily:
                self.daily_at = at
                self.daily = given["std_dev"] * behaviors.product("daily")
                self.work_hours = given["std_dev"] * behaviors.sum("work_hours_rise")

    def set_channel_weights(self, behaviors):
        """Those that name a channel which the type lacks are not meant for it."""
        said = behaviors.first("channels", {})
        if set(said) - set(self.names):
            said = {}
        self.weights = {name: float(said.get(name, 1)) for name in self.names}

    def set_grades(self, parameters, anomalies, behaviors, rate):
        self.parameters = parameters
        self.all_graded = self.type.is_declared or anomalies["severity"] == "graded"
        self.edge = float(anomalies["edge"])
        self.keep_noise = anomalies["types"]["stuck"]["keep_noise"] == "true"
        self.period = int(rate.seconds * 1e6) if rate.interval is None else rate.interval
        severity = behaviors.product("severity")
        self.severities = {kind: tuple(end * severity for end in range_of(anomalies["types"][kind]["severity"]))
                           for kind in TYPES if "severity" in anomalies["types"][kind]}

    def is_graded(self, kind):
        return self.all_graded or kind not in USUAL_TYPES

    def can_affect(self, kind, name):
        channel = self.type.channels[name]
        if kind == "intermittent":
            return channel.kind == "gauge" and channel.rails != (-math.inf, math.inf)
        return kind == "stuck" or channel.kind == "gauge"

    def can_happen(self, kind):
        return kind in TAKES_ROWS or not self.is_graded(kind) or any(self.can_affect(kind, name) for name in self.names)

    def set_frequency(self, anomalies, behaviors, rate):
        """f is the share of readings that are anomalous, h the odds that a reading starts one."""
        self.duration, self.readings, weights = {}, {}, {}
        for kind in TYPES:
            settings = anomalies["types"][kind]
            duration = duration_of(settings, rate).at_least(FEWEST_READINGS.get(kind, 0) * rate.seconds)
            if kind == "pattern":
                duration = duration.at_least(pattern_period_seconds(anomalies, rate))
            self.duration[kind] = duration
            self.readings[kind] = duration.mean_readings(rate.per_second)
            enabled = settings["enabled"] == "true" and self.can_happen(kind)
            weights[kind] = float(settings["weight"]) * behaviors.product("weights", kind) if enabled else 0.0
        readings = self.readings
        self.onset = self.steady = dict.fromkeys(TYPES, 0.0)
        by_rate = anomalies["basis"] == "rate"
        f = float(anomalies["per_day" if by_rate else "probability"]) * behaviors.product("probability")
        if anomalies["enabled"] != "true" or sum(weights.values()) == 0 or f == 0:
            return
        if by_rate:  # f per day: so many of all readings begin one, and each has its length
            lengths = {kind: weight * readings[kind] for kind, weight in weights.items()}
            f *= sum(lengths.values()) / sum(weights.values()) / (rate.per_second * 86_400)
            weights = lengths
        f = min(0.95, f)
        f_by_kind = {kind: f * weight / sum(weights.values()) for kind, weight in weights.items()}
        if anomalies["basis"] != "event":
            h = {kind: f_by_kind[kind] / (readings[kind] * (1 - f)) for kind in TYPES}
            self.onset = {kind: h[kind] / (1 + sum(h.values())) for kind in TYPES}
            self.steady = f_by_kind
        else:
            self.onset = f_by_kind
            cycle = 1 - f + sum(f_by_kind[kind] * readings[kind] for kind in TYPES)
            self.steady = {kind: f_by_kind[kind] * readings[kind] / cycle for kind in TYPES}

    def set_severity(self, anomalies, behaviors, rate):
        severity = behaviors.product("severity")
        factor = numbers(behaviors.first("spike_factor", {"min": 1.5, "max": 3}), ("min", "max"))
        self.spike_low, self.spike_high = (1 + (factor[end] - 1) * severity for end in ("min", "max"))
        self.trend_change = 0.5 * severity
        self.pattern_amplitude = 0.2 * severity
        self.pattern_period = int(pattern_period_seconds(anomalies, rate) * 1e6)
        noise = float(behaviors.first("noise_factor", 0.1)) * severity
        self.noise = [noise * behaviors.product("noise", channel) for channel in self.names]
        total = sum(self.weights.values())
        self.channel = {channel: weight / total if total else 0.0 for channel, weight in self.weights.items()}

    def normal_values(self, due, words):
        hour = (due + self.clock.ahead(due)) % DAY / (3600.0 * SECOND)
        warmer = self.daily * math.sin(2 * math.pi * (hour - 9) / 24)
        at_work = min(1.0, max(0.0, min(hour - 8, 18 - hour)))
        warmer += self.work_hours * (0.5 - 0.5 * math.cos(math.pi * at_work))
        values = []
        for at, ((mean, deviation, low, high), word) in enumerate(zip(self.channels, channel_words(words))):
            offset = warmer if at == self.daily_at else 0.0
            values.append(min(high, max(low, mean + deviation * normal(word) + offset)))
        return values

    def carries_on(self, anomaly, profile):
        """Whether an anomaly that began under this one may stay what it is under another."""
        if anomaly.graded:
            return anomaly.channel is None or (self.edge == profile.edge and profile.can_affect(anomaly.kind, anomaly.channel))
        if anomaly.kind == "noise":
            return self.noise == profile.noise
        if anomaly.kind == "pattern":
            return (self.pattern_amplitude, self.pattern_period) == (profile.pattern_amplitude, profile.pattern_period)
        return True

    def begin(self, kind, started_at, words, duration=None, longest=math.inf, asked=None):
        """`words` are those of its onset; `asked` is the event of one that was asked for."""
        duration = min((asked and asked.duration) or duration or self.duration[kind].draw(words[3]), longest)
        anomaly = Anomaly(kind, started_at, started_at + duration - 1, graded=self.is_graded(kind),
                          cause=asked.cause if asked else "drawn", scenario=asked.scenario if asked else None)
        if anomaly.graded:
            self.begin_graded(anomaly, words, asked)
            return anomaly
        if kind in ("spike", "trend"):
            anomaly.channel = (asked and asked.channel) or pick(self.channel, uniform(words[0])) or self.names[-1]
            anomaly.direction = 1 if words[1] >> 63 else -1
        anomaly.magnitude = {"spike": self.spike_low + (self.spike_high - self.spike_low) * uniform(words[2]),
                             "trend": self.trend_change, "pattern": self.pattern_amplitude, "missing_data": None,
                             "noise": self.noise[0]}[kind]
        return anomaly

    def begin_graded(self, anomaly, words, asked):
        kind = anomaly.kind
        if kind in self.severities:
            (low, high), (least, most) = self.severities[kind], SEVERITY_BOUNDS.get(kind, (0, 1000))
            anomaly.severity = min(most, max(least, low + (high - low) * uniform(words[2])))
            if asked and asked.severity is not None:
                anomaly.severity = asked.severity
        if kind in TAKES_ROWS:
            anomaly.magnitude = anomaly.severity
            return
        weights = {name: self.weights[name] for name in self.names if self.can_affect(kind, name)}
        if not sum(weights.values()):
            weights = dict.fromkeys(weights, 1.0)
        anomaly.channel = (asked and asked.channel) or pick(weights, uniform(words[0]) * sum(weights.values()))
        if kind in HAS_DIRECTION:
            anomaly.direction = 1 if words[1] >> 63 else -1
        if kind == "intermittent":
            low, high = self.type.channels[anomaly.channel].rails
            if -math.inf in (low, high) or math.inf in (low, high):
                anomaly.direction = 1 if low == -math.inf else -1
            anomaly.reference = math.inf * anomaly.direction
            anomaly.magnitude = anomaly.severity
        anomaly.period = self.pattern_period
        if kind not in ("stuck", "intermittent") and not self.type.is_declared:
            spread = spread_of(self.type, self.parameters)
            self.size(anomaly, spread.sigma(anomaly.channel, self.counted_over(anomaly)), spread)

    def counted_over(self, anomaly):
        """After how long the change of a channel is what a severity counts in."""
        if anomaly.kind in ("noise", "quantise"):
            return self.period
        return self.pattern_period // 2 if anomaly.kind == "pattern" else anomaly.last + 1 - anomaly.started_at

    @staticmethod
    def size(anomaly, sigma, spread=None):
        m = anomaly.severity
        anomaly.sigma = sigma
        anomaly.magnitude = {"noise": math.sqrt(m * m - 1) * sigma if m >= 1 else None,
                             "quantise": m * math.sqrt(12) * sigma}.get(anomaly.kind, m * sigma)
        if anomaly.kind == "gain" and spread:
            deviation = spread.deviation(anomaly.channel)
            share = m * sigma / deviation if deviation > 0 else 0.0
            anomaly.magnitude = min(share, 1.0) if anomaly.direction < 0 else share
            anomaly.reference = spread.mean(anomaly.channel)

    def size_as_recorded(self, anomaly, event, recorded):
        """Of a declared type: from what the event says. Returns what is wrong with that."""
        if anomaly.severity is None or anomaly.kind in ("intermittent", *TAKES_ROWS) or event.magnitude is None:
            return None
        if anomaly.kind == "gain":
            anomaly.magnitude, anomaly.sigma = event.magnitude, event.sigma
            return None
        self.size(anomaly, 1.0)
        sigma = event.sigma if event.sigma is not None else event.magnitude / anomaly.magnitude if anomaly.magnitude else 0.0
        self.size(anomaly, sigma)
        if anomaly.severity and not recorded.sigma_of(event, anomaly.channel, self.counted_over(anomaly), sigma):
            return f"counts in {sigma!r}, others on {anomaly.channel} that last as long do not"
        return None

    def set_onset(self, anomaly, values):
        """What depends on the level at the onset; None of a twin that had not begun."""
        if anomaly.kind not in ("stuck", "clip") or values is None:
            return
        level = self.type.channels[anomaly.channel].level(values[self.names.index(anomaly.channel)])
        anomaly.reference = level if anomaly.kind == "stuck" else level - anomaly.magnitude

    def affect_graded(self, anomaly, values, due, words, noise_words, happens_now):
        """What `values` become; a value that nobody can know becomes None."""
        at = self.names.index(anomaly.channel)
        channel = self.type.channels[anomaly.channel]
        level = channel.level(values[at]) if channel.kind == "gauge" else values[at]
        done = (due - anomaly.started_at) / (anomaly.last + 1 - anomaly.started_at)
        edge = 1.0
        if self.edge > 0:
            edge = 0.5 - 0.5 * math.cos(math.pi * min(1.0, min(done, 1 - done) / self.edge))
        by = (anomaly.direction or 1) * anomaly.magnitude if anomaly.magnitude is not None else None
        kind = anomaly.kind
        if kind == "spike":
            level += by
        elif kind in ("trend", "drift"):
            level += by * done
        elif kind == "offset":
            level += by * edge
        elif kind == "pattern":
            level += by * edge * math.sin(2 * math.pi * ((due - anomaly.started_at) % anomaly.period / anomaly.period))
        elif kind == "noise":
            level += by * normal(channel_words(noise_words())[at])
        elif kind == "quantise":
            steps = level / by if by else None
            level = level if steps is None else math.copysign(math.floor(abs(steps) + 0.5), steps) * by
        elif kind == "gain":
            level = None if anomaly.reference is None else anomaly.reference + (level - anomaly.reference) * (1 + by * edge)
        elif kind == "clip":
            level = None if anomaly.reference is None else min(level, anomaly.reference)
        elif kind == "intermittent":
            level = anomaly.reference if happens_now else level
        elif kind == "stuck":
            level = anomaly.reference
            if level is not None and self.keep_noise and channel.kind == "gauge":
                level += self.channels[at][1] * normal(channel_words(words)[at])
        values[at] = channel.read(level) if level is not None and channel.kind == "gauge" else level
        self.multiply(values, {anomaly.channel})
        return values

    def multiply(self, values, changed, but=None):
        """Sets the products of channels that have changed."""
        for other, name in enumerate(self.names):
            of = self.type.channels[name].of
            if changed & set(of) and name not in changed and name != but:
                factors = [values[self.names.index(factor)] for factor in of]
                values[other] = None if None in factors else math.prod(factors)

    def wear(self, values, intervals, at, stuck={}):
        """What `values` have become with age. Device limits are left to `show`."""
        if not intervals:
            return
        changed = set()
        for interval in intervals:
            for name, by in interval.part.terms.items():
                channel, place = self.type.channels[name], self.names.index(name)
                if name not in stuck and interval.worn(at) > 0 and values[place] is not None:
                    changed.add(name)
                    values[place] = channel.value(channel.level(values[place])
                                                  + interval.worn(at) * (math.log(by) if channel.is_logarithmic else by))
        for name, level in stuck.items():
            changed.add(name)
            values[self.names.index(name)] = None if level is None else self.type.channels[name].value(level)
        self.multiply(values, changed)

    def show(self, values, intervals, affected=None):
        """What the device shows of channels that wear has taken beyond its rails, and products beside the affected channel."""
        if not intervals:
            return
        worn = {name for interval in intervals for name in interval.part.terms}
        for name in worn:
            place = self.names.index(name)
            if values[place] is not None:
                values[place] = self.type.channels[name].shown(values[place])
        self.multiply(values, worn, affected)

    def own_value(self, name, words):
        """Of a declared channel without sources."""
        at, channel = self.names.index(name), self.type.channels[name]
        mean, deviation, low, high = self.channels[at]
        level = channel.level(mean) + deviation * normal(channel_words(words)[at])
        return min(max(channel.value(level), low), high)

    def affect(self, anomaly, values, due, noise_words):
        """What `values` become; `noise_words` gives the draws of noise."""
        since = due - anomaly.started_at
        if anomaly.kind == "spike":
            at = self.names.index(anomaly.channel)
            up = anomaly.direction == 1
            values[at] = values[at] * anomaly.magnitude if up else values[at] / anomaly.magnitude
        elif anomaly.kind == "trend":
            progress = since / (anomaly.last + 1 - anomaly.started_at)
            values[self.names.index(anomaly.channel)] *= 1 + anomaly.direction * anomaly.magnitude * progress
        elif anomaly.kind == "pattern":
            turns = since % self.pattern_period / self.pattern_period
            wave = self.pattern_amplitude * math.sin(2 * math.pi * turns)
            for at, name in enumerate(self.names):
                values[at] *= 1 + self.type.pattern.get(name, 0) * wave
        elif anomaly.kind == "noise":
            for at, word in enumerate(channel_words(noise_words())[:len(values)]):
                values[at] += self.noise[at] * abs(values[at]) * normal(word)
        return values


@dataclass(slots=True)
class Row:
    at: int
    texts: tuple
    values: tuple
    status: int
    flag: int
    kind: str | None
    arrival: tuple = ()  # where delivery is on: sequence, timestamp, when it arrived


@dataclass
class Event:
    kind: str
    channel: str | None
    direction: int | None
    magnitude: float | None
    started_at: int
    ended_at: int | None
    readings_affected: int
    severity: float | None = None
    sigma: float | None = None
    cause: str | None = None  # None: the file does not say
    scenario: str | None = None
    fails_at: int | None = None
    duration: int | None = None  # of an injected one, as it was asked for


@dataclass
class Asked:
    """Of an anomaly that a scenario begins."""
    channel: str | None
    severity: float | None
    duration: int | None
    scenario: str
    cause: str = "scenario"


@dataclass
class Stretch:
    """A time in which a sensor stayed what it is."""
    since: int
    until: int
    config: dict
    rate: Rate
    own_parameters: dict
    own_zone: str | None
    texts: dict | None  # None when neither a row nor an identity tells
    joins: bool = True  # the sensor was not in the fleet just before
    is_new: bool = True  # nor ever
    moment: object = None  # of the scenario, with which it begins
    forgets: bool = True  # what a scenario made of the sensor: it came into the fleet, with the files or a reload


@dataclass
class Sensor:
    """A sensor of a run: what the files say of it, and when it is due."""
    id: str
    run: "Run"
    stretches: list
    files: list = field(default_factory=list)
    deleted_until: int = -1  # readings due by then may have been deleted
    latest: int | None = None
    moments: list = field(default_factory=list)  # of the scenario
    silent_until: int = -1  # as the replay has come to it, as is …
    added: list = field(default_factory=list)  # … what entries add
    seats: list = field(default_factory=list)  # the stretches in which it had slots, whatever the scenario made of it
    told: list = field(default_factory=list)  # rows of fleet_events …
    noted: list = field(default_factory=list)  # … and of deliveries
    delivered: object = None  # what delivery leaves of its readings
    absent: set = field(default_factory=set)  # due times without a row for which no anomaly is the reason
    rows: list = field(default_factory=list)
    events: list = field(default_factory=list)
    clean: dict = field(default_factory=dict)  # of a declared type: what its twin reads, by due time
    ages: list = field(default_factory=list)  # the intervals that readings of the run lie in, in the end

    def __post_init__(self):
        self.known_intervals, self.stay = {}, {}  # by part: the last one looked up, and the one that readings lie in
        self.stuck_at = {}  # by channel and failure: what it was first seen to read
        self.key = hash_text(self.id)
        self.keys = round_keys(self.run.seed, self.key)

    @property
    def file(self):
        return ", ".join(self.files) or NO_FILE

    @property
    def is_known(self):
        """Whether rows, an identity or the record say what the sensor is."""
        return all(stretch.texts for stretch in self.stretches)

    def take_seats(self):
        """Of stretches at one rate and in one file, what has not arrived goes on to wait."""
        for stretch in self.stretches:
            before = self.seats[-1] if self.seats else None
            if before and not stretch.joins and before.rate == stretch.rate and \
                    before.config["simulation"].get("phase") == stretch.config["simulation"].get("phase") and \
                    self.run.shard_of(before.texts) == self.run.shard_of(stretch.texts):
                before.until = stretch.until
            else:
                self.seats.append(replace(stretch))

    def live_through(self, reached):
        """Becomes what the scenario makes of it. Each moment, and each reload, begins a stretch."""
        lives, self.stretches, self.moments = self.stretches, [], []
        story = config = None
        forgets = False
        for life in lives:
            if life.since >= reached:
                break
            plan = self.run.plan_of(life.config)
            texts = {**life.texts, "type": self.run.type_name}
            if life.joins:
                since = None if life.since == self.run.start else life.since
                story = Story(plan, self.run.seed, self.id, texts, since, returns=not life.is_new)
                forgets = True
            else:
                story.identity = texts
                if self.run.plan_of(config) is not plan:
                    story.change(plan, life.since)
            config = life.config

            def begin(since, moment, **how):
                nonlocal forgets
                shown = {name: story.texts[name] for name in TEXTS}
                self.stretches.append(replace(life, since=since, texts=shown, moment=moment, forgets=forgets, **how))
                forgets = False

            if story.is_there:
                begin(life.since, None)
            was_there = story.is_there
            for moment in story.moments(min(life.until, reached)):
                self.moments.append(moment)
                if was_there:
                    self.stretches[-1].until = moment.at
                if moment.is_there:
                    begin(moment.at, moment, joins=not was_there, is_new=not was_there and not moment.has_left)
                was_there = moment.is_there

    def meet(self, moment, anomaly, stretch, profile):
        """What an entry of the scenario does, beside `set`, `join`, `leave` and `deliver`. The anomaly from then on."""
        entry = moment.entry
        silent_until = moment.until if entry.verb == "silence" else moment.at + entry.silent_for
        self.silent_until = max(self.silent_until, silent_until if silent_until > moment.at else -1)
        if entry.verb == "add":
            self.added = [one for one in self.added if one.until > moment.at and one.entry is not entry] + [moment]
        if entry.verb == "reset":
            if {part.name for part in profile.type.parts} & set(entry.what):
                raise CannotCheck(f"{entry.name} replaces parts, which are not followed")
            if anomaly and anomaly.kind in entry.what:
                self.end(anomaly, stretch, moment.at)
                return None
        if entry.verb == "fault":
            return self.begin_fault(moment, anomaly, stretch, profile)
        return anomaly

    def begin_fault(self, moment, anomaly, stretch, profile):
        what = moment.entry.what
        asked = Asked(what.get("channel"), float(what["severity"]) if "severity" in what else None,
                      moment.until - moment.at if moment.until != LAST_MOMENT else None, moment.entry.name)
        can = profile.can_happen(what["type"]) if asked.channel is None else \
            asked.channel in profile.names and profile.can_affect(what["type"], asked.channel)
        if not can or any(one.has_failed(moment.at) for one in self.intervals(profile, moment.at)):
            return anomaly
        if anomaly:
            self.end(anomaly, stretch, moment.at)
        return self.begin(stretch, profile, what["type"], moment.at, asked=asked)

    def follow_mail(self, profile_of, reached):
        """What arrives of its readings, and which due times have no row for reasons other than anomalies."""
        other = replace(self, ages=[], added=[])  # the readings are taken again later
        reads = {due: "silent" if silent else "missing" if values is None else "row"
                 for due, _, _, values, silent in other.replay(profile_of, reached)}
        self.absent = {due for due, what in reads.items() if what == "silent"}
        if not self.run.delivers:
            return
        self.delivered = Delivered()
        usual = how_of(self.run.config.get("delivery") or {})
        coming = [one for one in self.moments if one.entry.verb == "deliver"]
        mail = None
        for seat in self.seats:
            cadence, first = self.rhythm(seat)
            before = None if seat.joins else mail
            mail = Mail(self.keys, usual, lambda at: first + cadence.offset(cadence.count_before(at - first)), self.delivered)
            if before:
                mail.said = before.said
            k = cadence.count_before(seat.since - first)
            while (due := first + cadence.offset(k)) < min(reached, seat.until):
                while coming and coming[0].at <= due:
                    mail.happen(coming.pop(0))
                k += 1
                mail.serve(Slot(due, k, reads.get(due, "away")))
            mail.end()
        self.absent |= {due for due, what in reads.items() if what == "row"} - {due for due, *_ in self.delivered.rows}

    def rhythm(self, stretch):
        """Cadence and first due time, had the run begun with the stretch's rate."""
        cadence = Cadence(stretch.rate)
        if stretch.config["simulation"].get("phase") == "aligned":
            return cadence, cadence.first_multiple(self.run.start)
        return cadence, self.run.start + uniform_below(mix_words(self.key, PHASE), cadence.offset(1))

    def next_due(self, stretch, at):
        cadence, first_due = self.rhythm(stretch)
        return first_due + cadence.offset(cadence.count_before(at - first_due))

    def due_in(self, stretch, since, until):
        """The due times between, each with the one that follows in the same rhythm."""
        cadence, first_due = self.rhythm(stretch)
        k = cadence.count_before(max(since, stretch.since) - first_due)
        due = first_due + cadence.offset(k)
        while due < min(until, stretch.until):
            k += 1
            following = first_due + cadence.offset(k)
            yield due, following
            due = following

    def due_times(self, until, since=-DAY * 10**9):
        for stretch in self.stretches:
            for due, _ in self.due_in(stretch, since, until):
                yield due

    def reached(self):
        """Just after the last reading that the files tell of: a row, or the last of those missing."""
        reached = self.run.start if self.latest is None else self.latest + 1
        for event in self.events:
            stretch = next((one for one in self.stretches if one.until > event.started_at), None)
            if event.kind == "missing_data" and event.readings_affected > 0 and stretch:
                missing = self.due_times(LAST_MOMENT, event.started_at)
                last = next(islice(missing, event.readings_affected - 1, None), event.started_at)
                longest = event.duration or \
                    int(duration_of(stretch.config["anomalies"]["types"]["missing_data"], stretch.rate).longest * 1e6)
                reached = max(reached, min(last + 1, event.started_at + longest))
        return reached

    def deleted(self, due):
        """Whether a reading that is not there may have been deleted: none of the sensor's before it is there."""
        return due <= self.deleted_until and not (self.rows and self.rows[0].at <= due)

    def draw(self, stream, counter, channels=0):
        """The words of a block, and of further ones as long as channels are without a word."""
        words = draw_block(self.keys, stream, counter)
        while len(channel_words(words)) < channels:
            words += draw_block(self.keys, stream, counter, len(words) // WORDS_PER_BLOCK)
        return words

    def steady_start(self, stretch, profile):
        """The anomaly that a sensor is in the middle of when it joins the fleet."""
        cadence, _ = self.rhythm(stretch)
        first_due = self.next_due(stretch, stretch.since)
        words = self.draw(STEADY_START, first_due)
        kind = pick(profile.steady, uniform(words[0]))
        if kind is None:
            return None
        law = profile.duration[kind]
        duration = law.draw(words[2], lasting=True)
        readings = Duration(duration * 1e-6, duration * 1e-6, duration * 1e-6).mean_readings(stretch.rate.per_second)
        position = uniform_below(words[1], profile.readings[kind] if law.is_fixed else readings)
        if position == 0:
            return None  # an onset at the first reading is that reading's own affair
        return self.begin(stretch, profile, kind, first_due - cadence.offset(position), duration)

    def begin(self, stretch, profile, kind, started_at, duration=None, asked=None):
        """None in a sensor that has failed."""
        intervals = self.intervals(profile, started_at)
        if any(one.has_failed(started_at) for one in intervals):
            return None
        longest = min((one.fails_at - started_at for one in intervals if one.fails_at > started_at), default=math.inf)
        anomaly = profile.begin(kind, started_at, self.draw(ONSET, started_at), duration, longest, asked)
        if not anomaly.graded or anomaly.channel is None:
            return anomaly
        if profile.type.is_declared:
            event = next((one for one in self.events if one.started_at == started_at and one.kind != AGE), None)
            if event and (wrong := profile.size_as_recorded(anomaly, event, self.run.recorded_spread)):
                self.run.recorded_spread_wrong.append((self, started_at, f"{kind} {wrong}"))
        values = self.normal_values(profile, started_at, self.draw(READING, started_at, len(profile.names)))
        if values is None and not profile.type.channels[anomaly.channel].has_sources:
            values = self.own_values(profile, anomaly.channel, started_at)
        if values is not None:
            profile.wear(values, intervals, started_at)
        profile.set_onset(anomaly, values)
        return anomaly

    def intervals(self, profile, at):
        return [self.interval(part, at) for part in profile.type.parts]

    def interval(self, part, at):
        """With the failure to the microsecond that the files say, where that is next to the one drawn: the last digits of a
        logarithm may decide."""
        interval = self.known_intervals.get(part.name)
        if not interval or not interval.begins <= at < interval.ends:
            interval = self.known_intervals[part.name] = part.interval(self.run.seed, self.key, at)
            said = next((event.fails_at for event in self.events if event.scenario == part.name
                         and event.started_at == interval.onset and event.fails_at is not None), interval.fails_at)
            if abs(said - interval.fails_at) <= 1:
                interval.fails_at = said
        return interval

    def age(self, profile, due, following):
        """Takes note of a reading in the lives of the parts. What it lies in if a part has failed; and the intervals."""
        intervals = self.intervals(profile, due)
        for at, interval in enumerate(intervals):
            if due < interval.onset:
                continue
            stay = self.stay.get(interval.part.name)
            if stay is None or stay.onset != interval.onset:
                stay = self.stay[interval.part.name] = replace(interval)
                self.ages.append(stay)
            stay.readings += 1
            stay.open, stay.last = following < stay.ends, stay.ends - 1
        failed = [one for one in intervals if one.has_failed(due)]
        return (self.failure(profile, failed) if failed else None), intervals

    def failure(self, profile, failed):
        since = {}
        for interval in failed:
            for name in interval.part.terms if not interval.part.is_silent else ():
                since[name] = min(since.get(name, LAST_MOMENT), interval.fails_at)
        levels = dict.fromkeys(since)
        for name, at in since.items():
            channel = profile.type.channels[name]
            if not channel.has_sources:
                values = self.own_values(profile, name, at)
                profile.wear(values, self.intervals(profile, at), at)
                levels[name] = channel.level(values[profile.names.index(name)])
        return Failure(levels, since)

    def own_values(self, profile, name, at):
        """Of a channel without sources alone."""
        words = self.draw(READING, at, len(profile.names))
        return [profile.own_value(name, words) if one == name else None for one in profile.names]

    def end_stay(self, before, moment):
        """The sensor leaves, or its rows go on in another file."""
        for interval in self.stay.values():
            if self.next_due(before, moment) < interval.ends:
                interval.open, interval.last = False, moment - 1
        self.stay.clear()

    def change_pace(self, stretch):
        for interval in self.stay.values():
            interval.open = self.next_due(stretch, stretch.since) < interval.ends

    def normal_values(self, profile, due, words):
        """What it would read; of a declared type, None where its twin does not."""
        if not profile.type.is_declared:
            values = profile.normal_values(due, words)
            for at, (name, (_, _, low, high)) in enumerate(zip(profile.names, profile.channels)) if self.added else ():
                values[at] = min(high, max(low, values[at] + added_by(self.added, due, name)))
            return values
        values = self.clean.get(due)
        return None if values is None else list(values)

    def end(self, anomaly, stretch, moment, has_more=False):
        """An anomaly that a change ends, or the sensor's leaving, counts up to there."""
        is_open = anomaly.shown and self.next_due(stretch, moment) <= anomaly.last
        if is_open or (has_more and anomaly.shown):
            anomaly.last, anomaly.open = moment - 1, False

    def carry(self, anomaly, before, stretch, profile_of):
        """The anomaly after the sensor has become another; None when the change has ended it."""
        was_open = anomaly.shown and self.next_due(before, stretch.since) <= anomaly.last
        has_more = self.next_due(stretch, stretch.since) <= anomaly.last
        may_go_on = self.run.shard_of(before.texts) == self.run.shard_of(stretch.texts) and \
            profile_of(before).carries_on(anomaly, profile_of(stretch))
        if may_go_on and (has_more or not was_open):
            anomaly.open = has_more and anomaly.shown
            return anomaly
        self.end(anomaly, before, stretch.since, has_more)
        return None

    def replay(self, profile_of, reached):
        """Each reading due before `reached`: its time, the stretch and the anomaly it lies in, its values (None when
        missing), and whether the sensor is silent."""
        anomaly = before = None
        asked_for = {event.started_at: event for event in self.events if event.cause == "injected"}
        for stretch in self.stretches:
            if stretch.since >= reached:
                break
            if before and (stretch.joins or self.run.shard_of(before.texts) != self.run.shard_of(stretch.texts)):
                self.end_stay(before, before.until)
            elif before:
                self.change_pace(stretch)
            if anomaly and stretch.joins:
                self.end(anomaly, before, before.until)
                anomaly = None
            elif anomaly:
                anomaly = self.carry(anomaly, before, stretch, profile_of)
            profile = profile_of(stretch)
            if stretch.forgets:
                self.silent_until, self.added = -1, []
            if stretch.is_new:
                anomaly = self.steady_start(stretch, profile)
            if stretch.moment:
                anomaly = self.meet(stretch.moment, anomaly, stretch, profile)
            for due, following in self.due_in(stretch, stretch.since, reached):
                failure, intervals = self.age(profile, due, following)
                words = self.draw(READING, due, len(profile.names))
                if failure:
                    yield due, stretch, failure, self.failed_values(profile, due, words, intervals, failure), due < self.silent_until
                    continue
                if anomaly and due > anomaly.last:
                    anomaly = None
                if not anomaly and due in asked_for:
                    anomaly = self.begin(stretch, profile, asked_for[due].kind, due, asked=asked_for[due])
                if not anomaly and (kind := pick(profile.onset, uniform(words[ONSET_WORD]))):
                    anomaly = self.begin(stretch, profile, kind, due)
                values = self.normal_values(profile, due, words)
                if values is not None:
                    profile.wear(values, intervals, due)
                if anomaly:
                    anomaly.shown, anomaly.open = True, following <= anomaly.last
                    happens_now = anomaly.kind in ("dropout", "intermittent") and \
                        happens(anomaly.severity, self.keys, self.key, due)
                    if anomaly.kind == "missing_data" or (anomaly.kind == "dropout" and happens_now):
                        values = None
                    if values is None or anomaly.kind != "dropout":
                        anomaly.readings_affected += 1
                    if values is not None and anomaly.channel and anomaly.graded:
                        values = profile.affect_graded(anomaly, values, due, words,
                                                       lambda: self.draw(NOISE, due, len(profile.names)), happens_now)
                    elif values is not None and not anomaly.graded:
                        values = profile.affect(anomaly, values, due, lambda: self.draw(NOISE, due, len(profile.names)))
                if values is not None:
                    profile.show(values, intervals, anomaly and anomaly.channel)
                yield due, stretch, anomaly, values, due < self.silent_until
            before = stretch
        if before and before.until < reached:
            self.end_stay(before, before.until)
        if anomaly and before.until < reached:
            self.end(anomaly, before, before.until)

    def failed_values(self, profile, due, words, intervals, failure):
        if any(one.part.is_silent and one.has_failed(due) for one in intervals):
            return None
        values = self.normal_values(profile, due, words)
        profile.wear(values, intervals, due, failure.stuck)
        profile.show(values, intervals)
        return values


# The files.

class Run:
    """What run_info tells: one run, or the partitions of one. `sizes` has the fleet size of each; `lives`, of a run that was
    reloaded, the stretches of each sensor."""

    def __init__(self, sensor_type, config, seed, start, partitions, sizes):
        self.type, self.config, self.seed, self.start = sensor_type, config, seed, start
        self.partitions, self.sizes = partitions, sizes
        self.rate = rate_of(config["simulation"])
        seconds = float(config["simulation"]["run_time_seconds"])
        self.end = min(start + int(seconds * 1e6), LAST_MOMENT) if seconds else LAST_MOMENT
        self.reached = {}  # by partition, in the end
        self.plans = []  # of each scenario that a reload brought: what the config says, and the plan
        self.has_scenario = bool(self.plan_of(config))
        self.type_name = next((name for name, said in config.get("types", {}).items()
                               if sensor_type.is_declared and list(said["channels"]) == list(sensor_type.normal)), "temperature_vibration")
        self.delivers = how_of(config.get("delivery") or {}) != How() or any(entry.verb == "deliver" for entry in self.plan_of(config))
        self.recorded_spread, self.recorded_spread_wrong = RecordedSpread(), []
        self.lives = None
        self.may_reach = self.end

    def plan_of(self, config):
        """The same for the same scenario."""
        said = config.get("scenario") or []
        known = next((plan for other, plan in self.plans if other == said), None)
        if known is None:
            known = plan_of(said, self.start)
            self.plans.append((said, known))
        return known

    def shard_of(self, texts):
        """What decides in which file a sensor of these texts is, beside its id."""
        location, firmware = texts["location"], canonical_firmware(texts["firmware_version"])
        by = self.config["sharding"]["by"]
        return {"location": location, "site": location.split(" - ")[0], "firmware": firmware,
                "model": texts["model"], "manufacturer": texts["manufacturer"]}.get(by)

    def partition_of(self, sensor_id):
        """K of the K/N that the sensor belongs to."""
        return uniform_below(mix_words(hash_text(sensor_id), PARTITION), self.partitions) + 1


def channels_of(path):
    """The channels of a file's readings: what stands between sensor_id and status_code."""
    names = [name for (name,) in query(path, "SELECT name FROM pragma_table_info('sensor_readings') ORDER BY cid")]
    return names[names.index("sensor_id") + 1:names.index("status_code")]


def query(path, sql, *parameters):
    # A reader of a file in WAL mode leaves files beside it; without a log there is nothing to read from it.
    how = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True)
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.Error as error:
        raise CannotCheck(f"{path}: {error}") from error
    finally:
        connection.close()


def what_is_simulated(config):
    sections = ("simulation", "normal_parameters", "anomalies", "behaviors", "delivery", "scenario")
    return [config.get(section) for section in sections] + [
        {key: config["clock"].get(key) for key in ("utc_offset", "time_zone")}]


def read_run(files, config_file, sensor_type):
    described = {row[0]: row[1:] for path in files
                 for row in query(path, "SELECT run_id, seed, start, partition, fleet_size, config FROM run_info")}
    if not described:
        raise CannotCheck("no run is described in these files")
    (seed, start, _, _, text), *others = described.values()
    for other_seed, other_start, _, _, other_text in others:
        same = (other_seed, other_start) == (seed, start)
        if not same or what_is_simulated(read_config(other_text)) != what_is_simulated(read_config(text)):
            raise CannotCheck("several runs that differ in seed, start or config; only one run, or partitions of one, "
                              "can be checked together")
    config = read_config(config_file.read_text(encoding="utf-8") if config_file else text)
    for declaration in config.get("types", {}).values():
        if list(declaration["channels"]) == channels_of(files[0]):
            sensor_type = declared_type(declaration)
    run = Run(sensor_type, config, seed, micros(start), *read_partitions(described.values()))
    if any(has_table(path, "run_resumptions") for path in files):
        run.may_reach = LAST_MOMENT  # a process that resumes a run may go on for longer
    if any(has_table(path, "run_reloads") for path in files):
        if len(described) > 1:
            raise CannotCheck("several partitions, of which one was reloaded; check each by itself")
        run.lives = read_lives(files, *described, run)
        configs = [stretch.config for life in run.lives.values() for stretch in life]
        run.has_scenario = any(run.plan_of(one) for one in {id(one): one for one in configs}.values())
        if any((one.get("delivery") or {}) != (config.get("delivery") or {}) for one in configs):
            raise CannotCheck("the delivery of a run was changed")
    elif run.has_scenario:  # rows do not tell what a sensor was before it became another
        run.lives = {sensor_id: life for run_id in described for sensor_id, life in read_lives(files, run_id, run).items()}
    return run


def has_table(path, name):
    return bool(query(path, "SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?", name))


def read_lives(files, run_id, run):
    """The stretches of each sensor, from the record that all files hold together."""
    reloads, parts = {}, {}
    for path in files:
        if has_table(path, "run_reloads"):
            reloads |= {number: (micros(at), config) for number, at, config in query(
                path, "SELECT number, at, config FROM run_reloads WHERE run_id = ?", run_id)}
        if has_table(path, "run_identities"):
            parts |= {(number, part): texts for number, part, *texts in query(
                path, "SELECT number, part, identities, removed FROM run_identities WHERE run_id = ?", run_id)}
    entries = defaultdict(lambda: ([], []))
    for (number, _), texts in sorted(parts.items()):
        for found, lines in zip(entries[number], texts):
            found += map(json.loads, lines.splitlines())
    if sorted(entries) != list(range(len(reloads) + 1)) or sorted(reloads) != list(range(1, len(reloads) + 1)):
        raise CannotCheck("the record of the reloads is not whole (tables run_reloads and run_identities)")
    return follow(run, entries, reloads)


def follow(run, entries, reloads):
    lives, members, config = defaultdict(list), {}, run.config

    def become(identity, at, **how):
        texts = {name: identity[name] for name in TEXTS}
        rate = rate_of(identity, rate_of(config["simulation"]))
        lives[identity["id"]].append(Stretch(at, LAST_MOMENT, config, rate, identity.get("normal_parameters", {}),
                                             identity.get("timezone"), texts, **how))
        members[identity["id"]] = identity

    for identity in entries[0][0]:
        become(identity, run.start)
    for number, (at, text) in sorted(reloads.items()):
        identities, removed = entries[number]
        now = read_config(text)
        for identity in removed:
            del members[identity["id"]]
            lives[identity["id"]][-1].until = at
        reads_otherwise = what_is_simulated(now) != what_is_simulated(config)
        config = now
        wanted = {**(members if reads_otherwise else {}), **{identity["id"]: identity for identity in identities}}
        for identity in wanted.values():
            joins = identity["id"] not in members
            is_new = identity["id"] not in lives
            if not joins:
                lives[identity["id"]][-1].until = at
            become(identity, at, joins=joins, is_new=is_new)
    return lives


def read_partitions(described):
    """The N of all their K/N, and the fleet size of each K."""
    sizes = {}
    for _, _, partition, size, _ in described:
        index, count = map(int, partition.split("/"))
        if index in sizes:
            raise CannotCheck(f"partition {partition} has run twice")
        sizes[index] = size
    if len({partition.split("/")[1] for _, _, partition, _, _ in described}) > 1:
        raise CannotCheck("partitions of several divisions, such as 1/2 and 2/3")
    return count, sizes


def read_identities(path):
    if path is None:
        return {}
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    else:
        found = json.loads(text)
    return {one["id"]: one for one in (found if isinstance(found, list) else [found])}


class Offenders(list):
    def add(self, sensor, at, what):
        self.append(f"{sensor.file}: {sensor.id} {'' if at is None else timestamp(at)}: {what}")


class Fleet:
    """The sensors of a run, by id, and what is wrong with them so far."""

    def __init__(self, run, identities):
        self.run, self.identities = run, identities
        self.sensors, self.offenders = {}, Offenders()
        self.deletions = {}  # by file: until when, readings, events
        self.says_grades = False  # whether events have severity and sigma
        for sensor_id in run.lives if run.lives is not None else identities:
            if run.partition_of(sensor_id) in run.sizes:
                self.find(sensor_id)

    def find(self, sensor_id, file=None, texts=None):
        sensor = self.sensors.get(sensor_id)
        if sensor is None:
            sensor = self.sensors[sensor_id] = Sensor(sensor_id, self.run, self.stretches_of(sensor_id))
        if file and file not in sensor.files:
            if sensor.files and self.run.lives is None:
                self.offenders.add(sensor, None, f"is in {file}, too")
            sensor.files.append(file)
        sensor.deleted_until = max((self.deletions.get(one, (-1,))[0] for one in sensor.files), default=-1)
        if texts and self.run.lives is None:
            (stretch,) = sensor.stretches
            if stretch.texts and texts != stretch.texts:
                self.offenders.add(sensor, None, f"is {texts} and {stretch.texts}")
            stretch.texts = stretch.texts or texts
        return sensor

    def stretches_of(self, sensor_id):
        """A sensor that the record does not know has none, and no reading of it is due."""
        if self.run.lives is not None:
            return self.run.lives.get(sensor_id, [])
        identity = self.identities.get(sensor_id, {})
        texts = {name: identity[name] for name in TEXTS} if identity.keys() >= set(TEXTS) else None
        return [Stretch(self.run.start, LAST_MOMENT, self.run.config,
                        rate_of(identity, self.run.rate), identity.get("normal_parameters", {}), identity.get("timezone"),
                        texts)]

    def read_sensors(self, path):
        """Which sensors a file has, their events, and what was deleted."""
        if has_table(path, "deletions"):
            if self.run.lives is not None or self.run.delivers:
                raise CannotCheck("database.retention has deleted rows of a run that was reloaded, or had a scenario or delivery")
            for until, readings, events in query(path, "SELECT until, readings, events FROM deletions"):
                self.deletions[path.name] = (micros(until), readings, events)
        at = "arrived_at" if self.run.delivers else "timestamp"
        for sensor_id, latest, *texts in query(path, f"SELECT sensor_id, max({at}), {', '.join(TEXTS)} "
                                                     f"FROM sensor_readings GROUP BY sensor_id, {', '.join(TEXTS)}"):
            sensor = self.find(sensor_id, path.name, dict(zip(TEXTS, texts)))
            sensor.latest = max(sensor.latest or 0, micros(latest) or 0)
        self.read_what_happened(path)
        columns = {name for (name,) in query(path, "SELECT name FROM pragma_table_info('anomaly_events')")}
        injected = {row[0]: row[1:] for row in query(path, "SELECT * FROM injected_anomalies")} \
            if has_table(path, "injected_anomalies") else {}
        more = "severity, sigma, cause, scenario, fails_at" if "severity" in columns else "NULL, NULL, NULL, NULL, NULL"
        for number, sensor_id, kind, channel, direction, magnitude, begin, end, count, severity, sigma, cause, scenario, fails_at in \
                query(path, "SELECT id, sensor_id, anomaly_type, channel, direction, magnitude, started_at, ended_at, "
                            f"readings_affected, {more} FROM anomaly_events ORDER BY started_at"):
            sensor = self.find(sensor_id, path.name)
            if micros(begin) is None or (end is not None and micros(end) is None):
                self.offenders.add(sensor, None, f"the event {begin} .. {end} is not between two timestamps")
            else:
                (duration,) = injected.get(number, (None,)) or (None,)
                sensor.events.append(Event(kind, channel, direction, magnitude, micros(begin),
                                           None if end is None else micros(end), count, severity, sigma,
                                           cause or ("injected" if number in injected else None), scenario, micros(fails_at),
                                           duration))
                self.says_grades = "severity" in columns

    def read_what_happened(self, path):
        """Of the scenario, and of delivery."""
        if self.run.has_scenario and has_table(path, "fleet_events"):
            for sensor_id, name, verb, at, *until, failed in query(
                    path, "SELECT sensor_id, name, verb, started_at, ended_at, silent_until, failed FROM fleet_events"):
                self.find(sensor_id, path.name).told.append((name, verb, micros(at), *map(micros, until), failed))
        if self.run.delivers:
            for sensor_id, kind, sequence, due, arrived_at, readings in query(
                    path, "SELECT sensor_id, kind, sequence, due, arrived_at, readings FROM deliveries ORDER BY id"):
                self.find(sensor_id, path.name).noted.append((kind, sequence, micros(due), micros(arrived_at), readings))

    def read_rows(self, path, sensors):
        by_id = {sensor.id: sensor for sensor in sensors}
        due, order, arrival = ("due", "id", ARRIVAL) if self.run.delivers else ("timestamp", "timestamp", ())
        channels = channels_of(path)
        for sensor_id, at, status, flag, kind, *rest in query(
                path, f"SELECT sensor_id, {due}, status_code, anomaly_flag, anomaly_type, {', '.join((*TEXTS, *channels, *arrival))} "
                      f"FROM sensor_readings WHERE sensor_id IN (SELECT value FROM json_each(?)) ORDER BY {order}",
                json.dumps(list(by_id))):
            texts, values, arrived = tuple(rest[:4]), rest[4:4 + len(channels)], rest[4 + len(channels):]
            arrived = (arrived[0], *map(micros, arrived[1:])) if arrived else ()
            if micros(at) is None or None in arrived:
                self.offenders.add(by_id[sensor_id], None, f"'{at}' is no timestamp, or one of its arrival is none")
            else:
                by_id[sensor_id].rows.append(Row(micros(at), texts, values, status, flag, kind, arrived))

    def find_reached(self, complete):
        """How far each partition came: no sensor of it may be behind the one that is ahead."""
        self.run.reached = dict.fromkeys(self.run.sizes, self.run.end if complete else self.run.start)
        for sensor in self.sensors.values():
            partition = self.run.partition_of(sensor.id)
            if partition not in self.run.sizes:
                self.offenders.add(sensor, None, f"belongs to partition {partition}, which did not run")
            else:
                reached = min(sensor.reached(), self.run.may_reach)
                self.run.reached[partition] = max(reached, self.run.reached[partition])

    def choose(self, sample):
        """So many sensors, or all, of the partitions that ran."""
        present = [sensor for sensor in self.sensors.values() if self.run.partition_of(sensor.id) in self.run.sizes]
        return sorted(present, key=lambda sensor: hash_text(sensor.id))[:sample]

    def check_size(self):
        """Every sensor shows, where the run lasted long enough for each to be due. Of a run that was reloaded, the record says
        which there are."""
        if self.run.lives is not None:
            began = sum(stretches[0].since == self.run.start for stretches in self.run.lives.values())
            if began != sum(self.run.sizes.values()):
                self.offenders.append(f"run_info: {sum(self.run.sizes.values())} sensors, but {began} in run_identities")
            return
        found = Counter(self.run.partition_of(sensor_id) for sensor_id in self.sensors)
        for partition, size in self.run.sizes.items():
            short = self.run.reached[partition] < self.run.start + Cadence(self.run.rate).offset(1)
            short = short or self.deletions  # a sensor's only rows may have been deleted
            if found[partition] > size or (found[partition] < size and not short):
                self.offenders.append(f"run_info: {size} sensors in partition {partition}, "
                                      f"but {found[partition]} are found")


# The checks.

def check_labels(sensor, reached, offenders):
    """What the files promise of each other, without the model."""
    rows = sensor.rows
    times = [row.at for row in rows]
    due_times = list(sensor.due_times(reached))
    lies_in = defaultdict(list)  # by row
    missing = set()
    latest_end = None
    for event in sensor.events:
        end = reached - 1 if event.ended_at is None else event.ended_at
        if event.kind == AGE:
            label_failure(sensor, event, end, times, due_times, lies_in, missing)
            continue
        shared = latest_end is not None and bisect_right(due_times, latest_end) > bisect_left(due_times, event.started_at)
        if shared or (latest_end is not None and event.started_at <= latest_end and event.cause != "scenario"):
            offenders.add(sensor, event.started_at, f"{event.kind} overlaps the event before it")
        latest_end = max(latest_end or end, end)
        inside = range(bisect_left(times, event.started_at), bisect_right(times, end))
        gap = due_times[bisect_left(due_times, event.started_at):bisect_right(due_times, end)]
        for row in inside:
            lies_in[row].append(event)
        if event.kind in TAKES_ROWS:
            missing.update(gap)
        shown = len(inside) + sum(map(sensor.deleted, gap)) + len(sensor.absent.intersection(gap))
        if event.kind == "missing_data":
            shown = len(gap)
        if event.kind == "dropout":
            if any(map(sensor.deleted, gap)) or sensor.absent.intersection(gap):
                continue
            shown = len(gap) - len(inside)
        if event.readings_affected != shown or (shown == 0 and event.kind != "dropout"):
            offenders.add(sensor, event.started_at, f"{event.kind} says it affected {event.readings_affected} "
                                                    f"readings, but {shown} lie in it")
    for at, row in enumerate(rows):
        check_label(sensor, row, lies_in[at], offenders)
    counted = Counter(times)
    for due in due_times:
        count = counted.pop(due, 0)
        if count > 1:
            offenders.add(sensor, due, f"{count} rows of one reading")
        elif count == 1 and due in sensor.absent:
            offenders.add(sensor, due, "a row, but the sensor is silent")
        elif count == 0 and due not in missing and not sensor.deleted(due) and due not in sensor.absent:
            offenders.add(sensor, due, "no row, and no missing_data event")
    for at in counted:
        offenders.add(sensor, at, "a row, but no reading is due")


def check_scenario(sensor, reached, offenders):
    expected = Counter(row for moment in sensor.moments if (row := moment.row())[2] < reached)
    found = Counter(row for row in sensor.told if row[2] < reached)
    for row in expected - found:
        offenders.add(sensor, row[2], f"{row[0]} reaches it here, but fleet_events does not say {row}")
    for row in found - expected:
        offenders.add(sensor, row[2], f"fleet_events says {row}, but {row[0]} does not reach it so")


def check_delivery(sensor, offenders):
    """That its rows have arrived as they were to, and what the file says was done to which reading. Leaves each reading once."""
    delivered = sensor.delivered
    if not delivered.is_balanced():
        offenders.add(sensor, None, f"the books of the model do not balance: {delivered.books}")
    if len(sensor.files) > 1:
        sensor.rows.sort(key=lambda row: row.arrival[2])
    compare_in_order(sensor, [(row.at, *row.arrival) for row in sensor.rows], delivered.rows, "a row", offenders)
    noted, expected = ([(note[2], *note) for note in notes] for notes in (sensor.noted, delivered.deliveries))
    if len(sensor.files) > 1:
        noted, expected = sorted(noted, key=repr), sorted(expected, key=repr)
    compare_in_order(sensor, noted, expected, "deliveries", offenders)
    first = {}
    for row in sensor.rows:
        if replace(first.setdefault(row.at, row), arrival=()) != replace(row, arrival=()):
            offenders.add(sensor, row.at, "the two rows of one reading differ")
    sensor.rows[:] = first.values()


def compare_in_order(sensor, found, expected, what, offenders):
    """Names the first that differs, and how many do beside it."""
    differ = [(one, other) for one, other in zip_longest(found, expected) if one != other]
    if differ:
        one, other = differ[0]
        offenders.add(sensor, (one or other)[0], f"{what}: {one} is not the model's {other}, and {len(differ) - 1} more")


def label_failure(sensor, event, end, times, due_times, lies_in, missing):
    """How often the interval is read is left to the model."""
    if event.fails_at is None:
        return
    for row in range(bisect_left(times, event.fails_at), bisect_right(times, end)):
        if all(other.kind != AGE for other in lies_in[row]):  # several parts may have failed
            lies_in[row].append(event)
    if any(part.name == event.scenario and part.is_silent for part in sensor.run.type.parts):
        missing.update(due_times[bisect_left(due_times, event.fails_at):bisect_right(due_times, end)])


def check_label(sensor, row, events, offenders):
    expected = (1, 1, events[0].kind) if events else (0, 0, None)
    if len(events) > 1:
        offenders.add(sensor, row.at, f"lies in {len(events)} events")
    if expected[2] == "missing_data":
        offenders.add(sensor, row.at, "a row inside missing_data")
    elif (row.status, row.flag, row.kind) != expected:
        offenders.add(sensor, row.at, f"status {row.status}, flag {row.flag}, type {row.kind}, but lies in "
                                      f"{events[0].kind if events else 'no event'}")


@dataclass
class Comparison:
    """How well values agree."""
    values: int = 0
    same_bits: int = 0
    worst: float = 0.0

    def agree(self, found, expected):
        if not isinstance(found, float):
            return False
        self.values += 1
        self.same_bits += found == expected
        difference = abs(found - expected) / max(1.0, abs(expected))
        if not difference <= TOLERANCE:
            return False
        self.worst = max(self.worst, difference)
        return True


def check_model(sensor, profile_of, reached, comparison, offenders, says_grades=False):
    """Returns how many readings and events have been deleted."""
    deleted_readings = deleted_events = 0
    rows = {row.at: row for row in sensor.rows}
    anomalies = {}
    for due, stretch, anomaly, expected, _ in sensor.replay(profile_of, reached):
        if anomaly and anomaly.kind != AGE:
            anomalies[anomaly.started_at] = anomaly
        row = rows.get(due)
        if row is None:
            deleted_readings += expected is not None and sensor.deleted(due)
            if expected is not None and kind_of(anomaly) == "dropout" and not sensor.deleted(due) and due not in sensor.absent:
                offenders.add(sensor, due, "no row, but the dropout leaves this one out of it")
            continue  # judged with the labels, and by the event's absence or excess here
        kind = anomaly.kind if anomaly else None
        if expected is None and kind is None and profile_of(stretch).type.is_declared:
            offenders.add(sensor, due, "is read, but the twin reads nothing then")
            continue
        if row.kind != kind or expected is None:
            offenders.add(sensor, due, f"is of type {row.kind}, the model's of {kind}")
            continue
        if row.texts != tuple(stretch.texts.values()):
            offenders.add(sensor, due, f"is of {row.texts}, the sensor of {tuple(stretch.texts.values())}")
        for channel, value, wanted in zip(profile_of(stretch).names, row.values, expected):
            if wanted is None:
                check_unknown(sensor, profile_of(stretch), anomaly, channel, value, due, offenders)
            elif not comparison.agree(float(value) if isinstance(value, int) else value, wanted):
                offenders.add(sensor, due, f"{channel} {value!r} is not the model's {wanted!r}"
                                           + (f" in {kind}" if kind else ""))
    for event in sensor.events:
        if event.kind != AGE:
            check_event(sensor, event, anomalies.pop(event.started_at, None), comparison, offenders, says_grades)
    deleted_events += check_ages(sensor, offenders)
    for started_at, anomaly in anomalies.items():
        if not anomaly.open and anomaly.last <= sensor.deleted_until:
            deleted_events += 1
            continue
        offenders.add(sensor, started_at, f"the model starts {anomaly.kind} here, but no event does")
    return deleted_readings, deleted_events


def kind_of(anomaly):
    return anomaly.kind if anomaly else None


def check_unknown(sensor, profile, anomaly, name, value, due, offenders):
    """Readings of a declared type that depend on what only its signal knows: the mean around which a gain acts, and the
    level at an onset before the run. They have to agree with each other."""
    channel = profile.type.channels[name]
    if anomaly.kind == AGE:
        since = anomaly.since.get(name)
        if since is not None and (known := sensor.stuck_at.setdefault((name, since), value)) != value:
            offenders.add(sensor, due, f"{name} {value!r} is not {known!r}, at which it is stuck")
        return
    if name != anomaly.channel or not isinstance(value, (int, float)):
        return
    if anomaly.kind == "stuck" and not profile.keep_noise:
        anomaly.reference = channel.level(value) if channel.kind == "gauge" else value
    elif anomaly.kind == "gain":
        done = (due - anomaly.started_at) / (anomaly.last + 1 - anomaly.started_at)
        edge = 1.0 if profile.edge == 0 else 0.5 - 0.5 * math.cos(math.pi * min(1.0, min(done, 1 - done) / profile.edge))
        change = anomaly.direction * anomaly.magnitude * edge
        if abs(change) < 0.1 or value in channel.rails:
            return
        values = list(sensor.clean[due])
        profile.wear(values, sensor.intervals(profile, due), due)
        clean = channel.level(values[profile.names.index(name)])
        center = clean - (channel.level(value) - clean) / change
        known = sensor.run.recorded_spread.centers.setdefault(name, center)
        if not math.isclose(known, center, rel_tol=1e-9, abs_tol=1e-9):
            offenders.add(sensor, due, f"{name} varies around {center!r} in gain, in others around {known!r}")


def check_event(sensor, event, anomaly, comparison, offenders, says_grades=False):
    if anomaly is None:
        offenders.add(sensor, event.started_at, f"the model starts no {event.kind} here")
        return
    for name in ("kind", "channel", "direction", "ended_at", "readings_affected", *(("cause", "scenario") if event.cause else ())):
        found, expected = getattr(event, name), getattr(anomaly, name)
        if found != expected:
            if name == "ended_at":
                found, expected = (at if at is None else timestamp(at) for at in (found, expected))
            offenders.add(sensor, event.started_at, f"{event.kind}: {name} is {found}, the model's {expected}")
    for name in ("magnitude", "severity", "sigma") if says_grades else ("magnitude",):
        found, expected = getattr(event, name), getattr(anomaly, name)
        if (found, expected) != (None, None):
            if expected is None or not comparison.agree(found, expected):
                offenders.add(sensor, event.started_at, f"{event.kind}: {name} is {found!r}, the model's {expected!r}")


def check_ages(sensor, offenders):
    """Each stay of a sensor in a file has an event of its own. Returns how many have been deleted."""
    deleted, pairs = 0, defaultdict(lambda: ([], []))
    for event in sensor.events:
        if event.kind == AGE:
            pairs[event.scenario, event.started_at][0].append(event)
    for interval in sensor.ages:
        pairs[interval.part.name, interval.onset][1].append(interval)
    for (name, onset), (events, intervals) in pairs.items():
        events.sort(key=lambda event: math.inf if event.ended_at is None else event.ended_at)
        for event, interval in zip_longest(events, intervals):
            if interval is None:
                offenders.add(sensor, onset, f"no interval of {name} begins here")
            elif event is not None:
                check_age(sensor, event, interval, offenders)
            elif not interval.open and interval.last <= sensor.deleted_until:
                deleted += 1
            else:
                offenders.add(sensor, onset, f"{name} begins to wear here, but no event says so")
    return deleted


def check_age(sensor, event, interval, offenders):
    terms = list(interval.part.terms)
    expected = {"cause": AGE, "channel": terms[0] if len(terms) == 1 else None, "fails_at": interval.fails_at,
                "ended_at": None if interval.open else interval.last, "readings_affected": interval.readings,
                **dict.fromkeys(("direction", "magnitude", "severity", "sigma"))}
    for name, wanted in expected.items():
        if getattr(event, name) != wanted:
            offenders.add(sensor, event.started_at, f"{interval.part.name}: {name} is {getattr(event, name)}, the model's {wanted}")


class Inspection:
    """Checks sensor after sensor, and keeps count."""

    def __init__(self, fleet):
        self.fleet, self.offenders = fleet, fleet.offenders
        self.comparison = Comparison()
        self.profiles = {}
        self.sensors = self.rows = self.events = self.rowless = 0
        self.deleted = Counter()  # by file and what
        self.books = Counter()

    def profile_of(self, stretch):
        key = (*stretch.texts.values(), stretch.rate, json.dumps(stretch.own_parameters), stretch.own_zone, id(stretch.config))
        if key not in self.profiles:
            self.profiles[key] = Profile(self.fleet.run.type, stretch.config, stretch.texts, stretch.rate,
                                         stretch.own_parameters, stretch.own_zone)
        return self.profiles[key]

    def check(self, sensor):
        run = self.fleet.run
        reached = run.reached[run.partition_of(sensor.id)]
        if (run.has_scenario or run.delivers) and sensor.is_known and sensor.stretches:
            self.follow(sensor, run, reached)
        sensor.rows.sort(key=lambda row: row.at)
        check_labels(sensor, reached, self.offenders)
        if not sensor.is_known:
            self.rowless += 1
        else:
            readings, events = check_model(sensor, self.profile_of, reached, self.comparison, self.offenders,
                                           self.fleet.says_grades)
            for offense in self.fleet.run.recorded_spread_wrong:
                self.offenders.add(*offense)
            self.fleet.run.recorded_spread_wrong.clear()
            self.deleted[sensor.file, "readings"] += readings
            self.deleted[sensor.file, "events"] += events
        self.sensors += 1
        self.rows += len(sensor.rows)
        self.events += len(sensor.events)

    def follow(self, sensor, run, reached):
        """Through the scenario, and its rows on their way to the file."""
        sensor.take_seats()
        if run.has_scenario:
            sensor.live_through(reached)
            check_scenario(sensor, reached, self.offenders)
        sensor.follow_mail(self.profile_of, reached)
        if run.delivers:
            check_delivery(sensor, self.offenders)
            self.books += sensor.delivered.books

    def check_deletions(self):
        """That just as much is not there any more as the files say, where that can be told."""
        if self.rowless or self.sensors < sum(self.fleet.run.sizes.values()):
            return
        for file, (_, *counts) in self.fleet.deletions.items():
            for what, count in zip(("readings", "events"), counts):
                if self.deleted[file, what] != count:
                    self.offenders.append(f"{file}: says that {count} {what} were deleted, but {self.deleted[file, what]} "
                                          "are not there")

    def summary(self):
        comparison = self.comparison
        summary = (f"{self.sensors} of {len(self.fleet.sensors)} sensors, {self.rows} rows, {self.events} events up to "
                   f"{timestamp(max(self.fleet.run.reached.values()))}; {comparison.same_bits} of {comparison.values} "
                   f"numbers equal to the last bit, the others to {comparison.worst:.1e}")
        if self.books:
            summary += "; " + ", ".join(f"{self.books[name]} {name}" for name in BOOKS)
        if self.rowless:
            summary += f"; {self.rowless} without a row, of which only the labels could be checked (see --identities)"
        return summary


def read_clean(directory, sensors):
    """Gives the sensors what their twins read."""
    by_id = {sensor.id: sensor for sensor in sensors}
    for path in sorted(directory.glob("*.db")):
        for sensor_id, at, *values in query(
                path, f"SELECT sensor_id, timestamp, {', '.join(channels_of(path))} FROM sensor_readings "
                      "WHERE sensor_id IN (SELECT value FROM json_each(?))", json.dumps(list(by_id))):
            by_id[sensor_id].clean[micros(at)] = values


def inspect(directory, config_file=None, identities_file=None, sample=None, complete=False, sensor_type=BUILT_IN, clean=None):
    """Checks a data directory; returns the offenders and what was checked, in words."""
    files = sorted(directory.glob("*.db"))
    if not files:
        raise CannotCheck(f"{directory}: no *.db in it")
    fleet = Fleet(read_run(files, config_file, sensor_type), read_identities(identities_file))
    if fleet.run.type.is_declared and clean is None:
        raise CannotCheck("a declared type: what its sensors would have read has to come from a twin (--clean)")
    for path in files:
        fleet.read_sensors(path)
    fleet.find_reached(complete)
    fleet.check_size()
    by_files = defaultdict(list)
    for sensor in fleet.choose(sample):
        by_files[tuple(sensor.files)].append(sensor)
    inspection = Inspection(fleet)
    for of_these, sensors in by_files.items():
        for file in of_these:
            fleet.read_rows(directory / file, sensors)
        if clean:
            read_clean(clean, sensors)
        for sensor in sensors:
            sensor.events.sort(key=lambda event: event.started_at)
            inspection.check(sensor)
            sensor.rows.clear()
            sensor.clean.clear()
    inspection.check_deletions()
    return fleet.offenders, inspection.summary()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, metavar="DATA_DIRECTORY",
                        help="holds the *.db files of one run, or of partitions of one; no run is at work on them")
    parser.add_argument("--config", type=Path, metavar="FILE",
                        help="the whole config, as fleet-sim writes it into run_info, to be used instead of that")
    parser.add_argument("--identities", type=Path, metavar="FILE",
                        help="the fleet, .json or .jsonl: needed for sensors with a readings_per_second, interval, timezone or "
                             "normal_parameters of their own, and for those without a single row")
    parser.add_argument("--clean", type=Path, metavar="DATA_DIRECTORY",
                        help="of the same run without anomalies: needed for a declared type")
    parser.add_argument("--sample", type=int, metavar="N", help="check N sensors only, chosen by a hash of their ids")
    parser.add_argument("--complete", action="store_true", help="the run must have reached its configured end")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="name N offenders at most (%(default)s)")
    options = parser.parse_args()
    try:
        offenders, summary = inspect(options.directory, options.config, options.identities, options.sample,
                                     options.complete, clean=options.clean)
    except (CannotCheck, OSError) as error:
        print(f"ground_truth: {error}", file=sys.stderr)
        return 2
    print(*offenders[:options.limit], sep="\n", end="\n" if offenders else "")
    if len(offenders) > options.limit:
        print(f"... and {len(offenders) - options.limit} more")
    print(f"{'not complete' if offenders else 'complete'}: {summary}")
    return 1 if offenders else 0


if __name__ == "__main__":
    sys.exit(main())
