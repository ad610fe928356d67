#!/usr/bin/env python3
"""A scenario before it runs: `check --timeline` prints it in the order of time, and what it reaches is what a second model draws; wrong
ones are refused with what would do; and no run ignores one."""

import random
import re
import sys
from collections import Counter

from fleet import *

sys.path.insert(0, str(SOURCE / "tests"))
from ground_truth import hash_text, mix_words, uniform  # noqa: E402

SCENARIOS = SOURCE / "configs" / "scenarios"
SPAN = ("--start", "2026-03-01", "--duration", "30d", "--seed", "7")


def reach(seed, entry, sensor):
    """What decides in which wave a sensor is."""
    return uniform(mix_words(mix_words(seed, hash_text(entry)), hash_text(sensor)))


def random_scenario(draw):
    """Ten entries of all verbs, in any order of time, over twenty minutes."""
    verbs = [{"set": {"firmware_version": draw.choice(("1.4", "1.5", "1.3"))}}, {"silence": True}, {"add": {"temperature": 3}},
             {"reset": ["spike", "trend"]}, {"fault": {"type": draw.choice(("spike", "trend", "missing_data"))}}, {"leave": True}, {"join": True},
             {"deliver": {"hold": True, "drain": 2}}, {"set": {"location": "Site 9 - Line 1"}}, {"leave": True}, {"join": True}]
    draw.shuffle(verbs)
    entries = []
    for number, verb in enumerate(verbs):
        (kind,) = verb
        at = draw.randint(0, 1_150)
        entry = {"name": f"{kind} {number}", "at": f"+{at}s", **verb}
        if draw.random() < 0.6:
            entry["where"] = dict(draw.sample([("id", f"S{draw.choice('*123')}*"), ("firmware_version", draw.choice(("1.3", "1.4"))),
                                               ("site", f"Site {draw.choice('019?')}"), ("location", "*Line ?")], draw.choice((1, 1, 2))))
        before = [one for one in entries if int(one["at"][1:-1]) <= at]
        if before and draw.random() < 0.3:
            entry.setdefault("where", {})["event"] = draw.choice(before)["name"]
        if draw.random() < 0.5:
            low, high = sorted((draw.randint(1, 100), draw.randint(1, 100)))
            entry["waves"] = {"0s": f"{low}%", f"{draw.randint(1, 300)}s": f"{high}%"}
            entry["ramp"] = draw.choice(("none", "linear"))
        if draw.random() < 0.5:
            entry["spread"] = f"{draw.randint(1, 90)}s"
        if kind in ("silence", "add", "fault", "deliver"):
            entry["for"] = f"{draw.randint(5, 60)}s"
        if kind == "set" and draw.random() < 0.5:
            entry.update(fails="30%", silent_for="20s")
        if kind not in ("join", "leave") and draw.random() < 0.3:
            entry["every"] = f"{draw.randint(460, 600)}s"
        entries.append(entry)
    return entries


class Timeline(FleetTest):
    def timeline(self, text, *arguments, code=0, identities=IDENTITIES):
        config = self.write("scenario.yaml", text)
        ran = self.fleet_sim("check", "--timeline", "--config", config, "--identities", identities, *(arguments or SPAN), code=code)
        return ran.stderr if code else ran.stdout

    def rows(self, text, **options):
        """Time, entry, verb, reached, met, and the rest of each line of the table."""
        lines = re.findall(r"(?m)^(\d{4}-\S+)  (.+?) {2,}(.+?) {2,}([\d,]+) of ([\d,]+)(?:  (.*))?$", self.timeline(text, **options))
        return [(at, entry, verb, int(reached.replace(",", "")), int(met.replace(",", "")), rest)
                for at, entry, verb, reached, met, rest in lines]

    def test_waves_reach_whom_a_second_model_draws(self):
        names = [f"S{n}" for n in range(3_000)]
        fleet = self.write_identities([identity(name, firmware_version="1.3.0" if n % 3 else "1.4") for n, name in enumerate(names)])
        drawn = [reach(7, "rollout", name) for n, name in enumerate(names) if n % 3]
        rows = self.rows('scenario:\n  - {name: rollout, at: 2026-03-02, where: {firmware_version: "1.3"}, set: {firmware_version: "1.4"}, '
                         "waves: {0d: 1%, 1d: 10%, 4d: 60%}, spread: 4h, silent_for: 90s}\n", identities=fleet)
        expected = [sum(low <= u < high for u in drawn) for low, high in ((0, 0.01), (0.01, 0.1), (0.1, 0.6))]
        self.assertEqual([row[:2] + row[3:5] for row in rows],
                         [(f"2026-03-0{day}T00:00:00Z", "rollout", reached, 2_000) for day, reached in zip((2, 3, 6), expected)])
        self.assertEqual(rows[0][2], "set: {firmware_version: 1.4}")
        self.assertEqual(rows[1][5], "wave 2 of 3, over 4h, silent for 90s")

    def test_a_partition_has_its_part(self):
        fleet = self.write_identities([identity(f"S{n}") for n in range(500)])
        text = "scenario:\n  - {name: out, at: +1d, leave: true, waves: {0d: 30%, 2d: 80%}}\n"
        whole = [row[3] for row in self.rows(text, identities=fleet)]
        parts = [0, 0]
        for part in ("1/2", "2/2"):
            config = self.write("scenario.yaml", text)
            printed = self.fleet_sim("check", "--timeline", "--config", config, "--identities", fleet, "--partition", part, *SPAN).stdout
            parts = [sum(pair) for pair in zip(parts, map(int, re.findall(r"  (\d+) of \d+", printed)))]
        self.assertEqual(parts, whole)

    def test_it_is_in_the_order_of_time_and_says_what_matches_nothing_and_overlaps(self):
        printed = self.timeline("""scenario:
  - {name: late, at: 2026-04-02, silence: true}
  - {name: night, at: +2d, every: 1d, for: 8h, silence: true}
  - {name: outage, at: +50h, for: 1h, where: {site: "Factory A"}, silence: true}
  - {name: nobody, at: +1h, where: {id: FACTORY_1_NEU}, fault: {type: spike}, for: 1m}
  - {name: future, at: +1h, where: {firmware_version: "1.3"}, set: {firmware_version: "9"}, waves: {0d: 0%, 5d: 100%}}
  - {name: past, at: +3d, where: {event: future}, set: {firmware_version: "1.3"}}
""")
        times = re.findall(r"(?m)^(\d{4}-\S+)  ", printed)
        self.assertEqual(times, sorted(times))
        self.assertIn("for 15 sensors, from 2026-03-01T00:00:00Z to 2026-03-31T00:00:00Z", printed)
        for note in ["'late' begins at 2026-04-02T00:00:00Z, after the end of the run",
                     "'outage' begins at 10 sensors while 'night' lasts there and does the same",
                     "'nobody' meets no sensor: none has the id 'FACTORY_1_NEU' (did you mean 'FACTORY_1_NEW'?)",
                     "'future' sets firmware '9', which matches no behavior: it changes no reading",
                     "'future' reaches no more sensors after 2026-03-04T00:00:00Z, when 'past' begins",
                     "'past' meets no sensor: 'future' has reached none of them by then",
                     "'night' has 18 turns more until then, which reach sensors 270 times"]:
            self.assertIn(note + "\n", printed)
        plain = self.fleet_sim("check", "--config", self.dir / "scenario.yaml", "--identities", IDENTITIES, *SPAN).stdout
        self.assertIn("scenario: 6 entries for 15 sensors", plain)
        self.assertIn("'nobody' meets no sensor", plain)

    def test_without_an_end_it_shows_what_there_is(self):
        printed = self.timeline("scenario:\n  - {name: nightly, at: +1h, every: 1d, for: 1h, silence: true}\n",
                                "--start", "2026-03-01", "--duration", "0")
        self.assertIn("to 2026-03-03T01:00:00.000001Z, though the run goes on", printed)
        self.assertEqual(printed.count("  nightly  "), 3)
        self.assertIn("without a seed", printed)

    def test_times_before_the_start_are_refused(self):
        text = "\nscenario:\n  - {name: a, at: 2026-02-27, leave: true}\n"
        self.assertIn("scenario.yaml:3: scenario.a.at 2026-02-27T00:00:00Z is before the run starts, at 2026-03-01T00:00:00Z",
                      self.timeline(text, code=2))
        self.assertIn("--timeline: the config has no `scenario`", self.timeline("simulation: {seed: 1}\n", code=2))
        self.assertIn("excludes", self.fleet_sim("check", "--timeline", "--types", code=2).stderr)

    def test_every_shipped_scenario_reaches_the_shipped_sensors(self):
        for path in sorted(SCENARIOS.glob("*.yaml")):
            with self.subTest(path.name):
                printed = self.fleet_sim("check", "--timeline", "--config", path, "--identities", IDENTITIES, *SPAN).stdout
                self.assertNotIn("meets no sensor", printed)
                self.assertNotIn("matches no behavior", printed)

    def test_the_page_shows_what_is_printed(self):
        page = (SCENARIOS / "README.md").read_text(encoding="utf-8")
        command, printed = re.search(r"```sh\nfleet-sim (check --timeline [^\n]*)\n```.*?```text\n(.*?)```", page, re.DOTALL).groups()
        for folder in ("configs", "identities"):
            (self.dir / folder).symlink_to(SOURCE / folder)
        self.assertEqual(self.fleet_sim(*command.split()).stdout, printed)

    def test_the_same_for_programs(self):
        text = "scenario:\n  - {name: out, at: +1d, for: 1h, silence: true, waves: {0d: 30%, 2d: 80%}, spread: 1m}\n  - {name: no, at: +1d, where: {id: x}, leave: true}\n"
        rows = self.rows(text)
        self.write("scenario.yaml", text)
        told = self.json_of("scenario.yaml", *SPAN)
        self.assertEqual([(one["at"], one["name"], one["sensors"], one["of"]) for one in told["timeline"]], [row[:2] + row[3:5] for row in rows])
        self.assertEqual([(one["name"], one["verb"], one["sensors"]) for one in told["entries"]],
                         [("out", "silence", sum(row[3] for row in rows)), ("no", "leave", 0)])
        self.assertEqual([one["over_seconds"] for one in told["timeline"]], [60, 0, 60])
        self.assertEqual(told["notes"], ["'no' meets no sensor: none has the id 'x'"])
        self.assertIn("--json requires --timeline", self.fleet_sim("check", "--json", "--config", "scenario.yaml", code=2).stderr)

    def json_of(self, config, *arguments, identities=IDENTITIES):
        return json.loads(self.fleet_sim("check", "--timeline", "--json", "--config", config, "--identities", identities, *arguments).stdout)

    def test_runs_do_what_it_says(self):
        """Of random scenarios, in the whole fleet, in partitions, and in runs that are stopped and go on."""
        fleet = self.write_identities([identity(f"S{n}", firmware_version=("1.3", "1.4")[n % 2], location=f"Site {n % 3} - Line {n % 5}")
                                       for n in range(60)])
        names, reached = set(), 0
        for number in range(20 if AT_LENGTH else 4):
            with self.subTest(number):
                draw = random.Random(number)
                config = self.write("scenario.yaml", "scenario:\n" + "".join(f"  - {json.dumps(one)}\n" for one in random_scenario(draw)))
                data = self.dir / "data"
                shutil.rmtree(data, ignore_errors=True)
                run = ("--config", config, "--identities", fleet, "--start", "2026-03-01", "--seed", number, "--interval", "7s")
                parts = ((),) if number % 2 else (("--partition", "1/2"), ("--partition", "2/2"))
                said = Counter()
                for part in parts:
                    if number % 4 > 1:
                        self.fleet_sim(*run, *part, "--data-dir", data, "--speed", "max", "--duration", draw.randint(100, 1_000))
                        self.fleet_sim(*run, *part, "--data-dir", data, "--speed", "max", "--duration", "20m", "--resume")
                    else:
                        self.fleet_sim(*run, *part, "--data-dir", data, "--speed", "max", "--duration", "20m")
                    told = self.json_of(config, *run[4:], *part, "--duration", "20m", identities=fleet)
                    said.update({one["name"]: one["sensors"] for one in told["entries"]})
                    self.check_waves(told, data, part)
                done = Counter(name for (name,) in query_all(data, "SELECT name FROM fleet_events"))
                self.assertEqual(done, {name: count for name, count in said.items() if count})
                names |= set(done)
                reached += sum(done.values())
        self.assertGreater(len(names), 15)
        self.assertGreater(reached, 500)

    def check_waves(self, told, data, part):
        """What the whole run has of each wave, where it is shown, its turn not mixed with another's, and it is all of the fleet."""
        if part:
            return
        rows = query_all(data, "SELECT name, started_at, failed FROM fleet_events")
        for wave in told["timeline"]:
            one_turn = sum(one["name"] == wave["name"] for one in told["timeline"]) == 1
            if not one_turn:
                continue
            of_it = [failed for name, _, failed in rows if name == wave["name"]]
            self.assertEqual((len(of_it), sum(of_it)), (wave["sensors"], wave["failing"]), wave)

    def test_a_long_scenario_on_a_large_fleet_is_bounded(self):
        fleet = self.write_identities([identity(f"S{n}") for n in range(5_000)])
        entries = "".join(f"  - {{name: e{n}, at: +{n}m, waves: {{0d: 50%, 1d: 100%}}, spread: 1h, reset: [spike]}}\n" for n in range(150))
        printed = self.timeline("scenario:\n" + entries, identities=fleet)
        self.assertEqual(printed.count("of 5,000"), 300)


if __name__ == "__main__":
    main()
