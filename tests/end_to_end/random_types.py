"""Types of sensor that nobody would declare, by seed: every kind of source and channel, scope, schedule and scale, in any
number that is allowed. JSON is YAML, so what this returns can be dumped into a config."""

SPANS = ("1s", "4s", "20s", "1m", "10m", "1h", "8h", "3d", "20d")
SCOPES = ("sensor", "location", "site", "fleet")
SCHEDULES = ("Mon-Fri 06:00-22:00", "Mon-Sun 00:00-00:30", "Sat 12:00-13:00", "Tue-Thu 22:00-24:00")


def some(rng, names, most):
    """At least one of the names, in any order."""
    return rng.sample(names, rng.randint(1, min(most, len(names))))


def source(rng, kind, loads):
    if kind == "noise":
        spans = sorted(rng.choices(range(len(SPANS)), k=2))
        return {"kind": kind, "scope": rng.choice(SCOPES), "from": SPANS[spans[0]], "to": SPANS[spans[1]],
                "roughness": round(rng.uniform(0.05, 1), 2)}
    if kind == "load":
        when = {"schedule": rng.choice(SCHEDULES)} if rng.random() < 0.4 else {}
        return {"kind": kind, "scope": rng.choice(SCOPES), "duty": round(rng.uniform(0.05, 1), 2),
                "burst": round(rng.uniform(0, 3), 2), **when}
    if kind == "lag":
        return {"kind": kind, "of": rng.choice(loads), "tau": rng.choice(("5m", "40m", "9h"))}
    if kind == "cycle":
        return {"kind": kind, "shape": rng.choice(("sine", "saw", "square")), "period": rng.choice(("7s", "15m", "24h", "7d"))}
    return {"kind": "white"}


def gauge(rng, sources):
    is_log = rng.random() < 0.3
    base = round(rng.uniform(0.5, 50), 2)
    one = {"base": base, "white": rng.choice((0, 0.02, 0.3)),
           "terms": {name: round(rng.uniform(1.1, 2) if is_log else rng.uniform(-5, 5), 2) for name in some(rng, sources, 6)}}
    if is_log:
        one["scale"] = "log"
    if rng.random() < 0.4:
        one["range"] = [base / 2, base * 2]
    if rng.random() < 0.3:
        one["rails"] = [base / 3, base * 3]
    if rng.random() < 0.6:
        one["resolution"] = rng.choice((0.001, 0.0625, 0.1, 3))
    return one


def aging(rng, channels, gauges):
    """Short enough that a test of minutes sees parts fail."""
    every, life = rng.choice((("3m", {"median": "1m", "min": "20s", "max": "2m"}), ("20m", "4m"), ("2h", {"median": "9m", "min": "5m", "max": "1h"})))
    terms = {name: round(rng.uniform(0.2, 3) if "scale" in channels[name] else rng.uniform(-9, 9), 2) for name in some(rng, gauges, 3)}
    return {"every": every, "life": life, "terms": terms, "then": "silent" if rng.random() < 0.1 else "stuck"}


def random_type(rng):
    sources, loads, others = {}, [f"load{i}" for i in range(rng.randint(0, 4))], []
    for name in loads:
        sources[name] = source(rng, "load", loads)
    for kind, most in (("noise", 8), ("lag", 3 if loads else 0), ("cycle", 3), ("white", 3)):
        for i in range(rng.randint(1 if kind == "noise" else 0, most)):
            others.append(f"{kind}{i}")
            sources[others[-1]] = source(rng, kind, loads)
    channels = {name: {"unit": "u", **gauge(rng, list(sources))} for name in ("c0", "c1")}
    factors = list(channels)  # all channels but the products, and the last of these
    for i in range(2, rng.randint(3, 16)):
        kind = rng.choice(("gauge", "gauge", "counter", "state", "product"))
        if kind == "gauge" or (kind == "counter" and not loads):
            one = gauge(rng, list(sources))
        elif kind == "counter":
            one = {"kind": kind, "per": rng.choice(("1s", "1h")), "base": rng.choice((0, 1)), "resolution": rng.choice((0.01, 1)),
                   "rate": {name: round(rng.uniform(0, 9), 2) for name in some(rng, loads, 4)}}
        elif kind == "state":
            thresholds = sorted(rng.sample((-1, -0.5, 0, 0.5, 1), rng.randint(1, 3)))
            one = {"kind": kind, "of": rng.choice(list(sources)), "at": thresholds,
                   "names": [f"s{s}" for s in range(len(thresholds) + 1)]}
        else:
            one = {"kind": kind, "of": rng.sample(factors, 2)}
            factors = [name for name in factors if channels[name].get("kind") != "product"]
        channels[f"c{i}"] = {"unit": "u", **one}
        factors.append(f"c{i}")
    gauges = [name for name, one in channels.items() if "base" in one and "kind" not in one]
    return {"sources": sources, "channels": channels, "aging": {f"part{i}": aging(rng, channels, gauges) for i in range(rng.randint(0, 2))}}
