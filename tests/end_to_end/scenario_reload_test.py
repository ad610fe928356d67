#!/usr/bin/env python3
"""A scenario that changes while the fleet lives by it, with the fleet: what happens to each sensor, and how its rows arrive, is what a
second model draws from the files alone (tests/ground_truth.py)."""

import random
import shutil
import sys

from ground_truth_test import CHECKER, Story
from serving import *

CONFIG = """anomalies: {probability: 0.2, types: {trend: {duration_seconds: 20}, missing_data: {weight: 0.3}}}
delivery: {drop: 3%, late: {share: 20%, median: 3s}, duplicate: 5%, jitter: 20ms}
scenario:
  - {name: rollout, at: +10s, where: {firmware_version: "1.3"}, set: {firmware_version: "7.1"}, waves: {0s: 40%, 100s: 100%}, fails: 20%}
  - {name: heat, at: +15s, for: 200s, fade: 9s, where: {id: "S?"}, add: {temperature: 5}}
  - {name: off, at: +20s, for: 60s, where: {id: "S1"}, silence: true}
  - {name: beat, at: +5s, every: 1m, for: 8s, spread: 9s, waves: {0s: 50%}, deliver: {hold: true, drain: 2}}
  - {name: newcomers, at: +30s, where: {id: "S2*"}, join: true, spread: 90s}
  - {name: never, at: +90s, silence: true}
"""
# Entries that go on, that are gone, that are others, and that are new, too late and in time.
CHANGED = CONFIG.replace(
    "  - {name: never, at: +90s, silence: true}\n", """\
  - {name: late, at: +1s, silence: true}
  - {name: gone, at: +75s, where: {id: "S1?"}, leave: true, waves: {0s: 50%}}
  - {name: back, at: +110s, where: {event: gone}, join: true}
  - {name: warm, at: +70s, for: 30s, where: {event: heat}, add: {temperature: 3}}
  - {name: worse, at: +80s, where: {id: "S*"}, deliver: {drop: 30%}}
""").replace('for: 60s, where: {id: "S1"}', 'for: 61s, where: {id: "S1"}')


class Changes(Served):
    def serve_fleet(self, config, identities, seconds):
        self.write("config.yaml", config)
        self.write_fleet(identities)
        self.serve("--config", "config.yaml", "--start", "2026-03-01", "--speed", 30, "--duration", seconds, identities="fleet.jsonl", rate=2)

    def write_fleet(self, identities):
        self.write("fleet.jsonl", "".join(json.dumps(one) + "\n" for one in identities))

    def reach(self, seconds):
        self.wait_for(lambda: (self.json("/status")["progress"]["simulated_seconds"] or 0) >= seconds)

    def check(self):
        self.assertEqual(self.process.wait(60), 0)
        ran = subprocess.run([sys.executable, "-B", CHECKER, "data", "--limit", "20", "--complete"], cwd=self.dir, capture_output=True, text=True,
                             timeout=120)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def states(self):
        return {one["name"]: one["state"] for one in self.json("/api/scenario?limit=100")["entries"] if one["name"] in ("late", "off", "heat")}

    def told(self, name):
        return query_all(self.dir / "data", "SELECT sensor_id, failed FROM fleet_events WHERE name = ?", name)

    def test_everything_that_changes_is_what_the_model_draws(self):
        fleet = [identity(f"S{i}", firmware_version=("1.3", "1.4")[i % 2]) for i in range(26)]
        self.serve_fleet(CONFIG, fleet, 150)
        self.reach(40)
        self.change("/api/scenario", '{"name": "rollback", "at": "+1m", "where": {"event": "rollout"}, "set": {"firmware_version": "1.3"}}')
        self.write("config.yaml", CHANGED)
        changed = [one for one in fleet if one["id"] not in ("S3", "S4")] + [identity("S40"), identity("S41", firmware_version="7.1")]
        changed[5] = {**changed[5], "firmware_version": "1.3"}
        changed[7] = {**changed[7], "interval": "1700ms"}
        self.write_fleet(changed)
        said = self.change("/api/reload")["outcome"]
        self.assertEqual([(one["what"], one["outcome"]) for one in said], [("config", "accepted"), ("identities", "accepted")])
        self.wait_for(lambda: self.states() == {"late": "ignored", "off": "ignored", "heat": "under way"})
        self.reach(100)
        self.write_fleet([*changed, fleet[3]])
        self.change("/api/reload")
        self.check()
        self.assertEqual((self.told("late"), self.told("never")), ([], []))
        # Those that the rollout had reached before anybody spoke of a rollback, and none later.
        reached, back = (dict(self.told(name)) for name in ("rollout", "rollback"))
        self.assertTrue(back)
        self.assertLessEqual(set(back), set(reached))
        for name in ("heat", "gone", "back", "worse", "newcomers"):
            self.assertTrue(self.told(name), f"{name}: or the test shows nothing")

    def test_random_scenarios_that_become_others(self):
        """Each of the later ones has some entries of the first."""
        for seed in range(30 if AT_LENGTH else 1):
            with self.subTest(seed=seed):
                draw = random.Random(seed)
                first, second = Story(seed, 100), Story(seed + 1000, 140)
                second.entries = [one for one in first.entries if draw.random() < 0.7] + [
                    (at, "n" + name, said.replace("{event: e", "{event: ne").replace("event: again", "event: nagain"))
                    for at, name, said in second.entries]
                kept = {name for _, name, _ in second.entries}
                second.entries = [one for one in second.entries
                                  if not (event := re.search(r"event: (\w+)", one[2])) or event[1] in kept]
                first.draw, second.draw = random.Random(seed), random.Random(seed)
                self.serve_fleet(first.config(), [identity(f"S{i}") for i in range(20)], 140)
                self.reach(60)
                self.write("config.yaml", second.config())
                self.ask("/api/reload", "POST", None, Authorization=f"Bearer {TOKEN}")
                self.check()
                shutil.rmtree(self.dir / "data")


if __name__ == "__main__":
    main()
