"""What the parts of the second model share: moments, draws, and the texts of a config."""

import re
from datetime import datetime, timedelta
from fractions import Fraction
from statistics import NormalDist

SECOND = 1_000_000  # microseconds, as all times here
DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1)
LAST_MOMENT = 253_402_300_799 * SECOND  # the last that a timestamp can hold
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class CannotCheck(Exception):
    pass


def micros(text):
    """Microseconds since 1970 of a timestamp column, or None when it is not one."""
    if not isinstance(text, str) or not TIMESTAMP.fullmatch(text):
        return None
    try:
        return (datetime.fromisoformat(text[:-1]) - EPOCH) // timedelta(microseconds=1)
    except ValueError:
        return None


def timestamp(at):
    return (EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds") + "Z"


# Randomness: Philox4x64-10 with key (seed, sensor) and counter (due, stream, 0, 0); for scenario and delivery, mixed words.

MASK = 2**64 - 1
READING, ONSET, NOISE, STEADY_START, PHASE, PARTITION = range(6)  # streams
FAULT_STRETCH, AGING, DELIVERY = 9, 12, 13
standard_normal = NormalDist().inv_cdf  # Wichura's AS 241


def round_keys(seed, who):
    return [((seed + i * 0x9E3779B97F4A7C15) & MASK, (who + i * 0xBB67AE8584CAA73B) & MASK) for i in range(10)]


def draw_block(keys, stream, counter, block=0):
    a, b, c, d = counter & MASK, stream, block, 0
    for key, other_key in keys:
        p, q = a * 0xD2E7470EE14C6C93, c * 0xCA5A826395121157
        a, b, c, d = q >> 64 ^ b ^ key, q & MASK, p >> 64 ^ d ^ other_key, p & MASK
    return a, b, c, d


def uniform(word):
    return (word >> 11) * 2.0**-53


def uniform_below(word, bound):
    return word * bound >> 64


def normal(word):
    return standard_normal(((word >> 12) + 0.5) * 2.0**-52)


def mix_words(a, b):
    x = a * 0x9E3779B97F4A7C15 & MASK ^ b
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        x = (x ^ x >> 33) * factor & MASK
    return x ^ x >> 33


def hash_text(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return mix_words(value, len(text.encode()))


# The config, as fleet-sim writes it into run_info: nested maps by indentation, one key per line, {a: 1, b: 2} inside.

LINE = re.compile(r'( *)(?:"((?:[^"\\]|\\.)*)"|([^\s":]+)):(?: (.*))?')


def unescape(text):
    return re.sub(r"\\(?:x(..)|(.))", lambda m: chr(int(m[1], 16)) if m[1] else m[2], text)


def items_of(text):
    """Those of a list or map: what stands between commas that are in no text, list or map."""
    items, depth, quoted = [""], 0, False
    for i, c in enumerate(text[1:-1]):
        if c == '"' and text[i] != "\\":
            quoted = not quoted
        depth += 0 if quoted else (c in "{[") - (c in "]}")
        if c == "," and depth == 0 and not quoted:
            items.append("")
        else:
            items[-1] += c
    return [item.strip() for item in items if item.strip()]


def read_value(text):
    if text.startswith("{"):
        pairs = (LINE.fullmatch(item) for item in items_of(text))
        return {pair[3] if pair[2] is None else unescape(pair[2]): read_value(pair[4]) for pair in pairs}
    if text.startswith("["):
        return [read_value(item) for item in items_of(text)]
    return unescape(text[1:-1]) if text.startswith('"') else text


UNITS = {"ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "": 1}


def span_of(text):
    """Of 2d12h and the like, in microseconds."""
    return round(sum(Fraction(amount) * Fraction(str(UNITS[unit])) for amount, unit in re.findall(r"([\d.]+)([a-z]*)", text)) * SECOND)


def canonical_firmware(version):
    while len(version) > 2 and version.endswith(".0"):
        version = version[:-2]
    return version


def share_of(text):
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)
