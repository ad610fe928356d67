"""What the tests of scripts/collect share: running it, and holding what arrived against what the shards have."""

import sys

from fleet import *

COLLECT = SOURCE / "scripts" / "collect"
VALUES = ", ".join(name for name, _ in COLUMNS if name not in ("id", "synced"))
EVENTS = ("sensor_id, anomaly_type, channel, direction, magnitude, started_at, ended_at, readings_affected, severity, sigma, "
          "cause, scenario, fails_at")


class CollectTest(FleetTest):
    """`into` names the central database, and central() asks it."""

    into = "central.sqlite"

    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"

    def central(self, sql):
        return query(self.dir / self.into, sql)

    def central_rows(self):
        """Every row as run and values, sorted."""
        return sorted(self.central(f"SELECT run_id, {VALUES} FROM sensor_readings"), key=repr)

    def arguments(self, *more):
        return [sys.executable, "-B", COLLECT, "data", "--into", self.into, *map(str, more)]

    def collect(self, *more, code=0):
        ran = subprocess.run(self.arguments(*more), cwd=self.dir, capture_output=True, text=True, timeout=120)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        ran.copied, ran.already_there = (int(re.search(rf"^  {word} +([\d,]+)", ran.stdout, re.MULTILINE)[1].replace(",", ""))
                                        if code < 2 else None for word in ("copied", "already there"))
        return ran

    def start_collecting(self, *more):
        collector = subprocess.Popen(self.arguments(*more), cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True)

        def end():
            collector.kill()
            collector.communicate()
        self.addCleanup(end)
        return collector

    def wait_until(self, condition, what, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), until, f"not {what} after {seconds} s")
            time.sleep(0.01)

    def in_shards(self):
        """Every row of every shard as its run, of which a shard has one here, and values, sorted."""
        found = []
        for path in shards(self.data):
            ((run,),) = query(path, "SELECT run_id FROM run_info")
            found += [(run, *row) for row in query(path, f"SELECT {VALUES} FROM sensor_readings")]
        return sorted(found, key=repr)

    def events_in_shards(self):
        """Every event of every shard, of which each has one run here, sorted."""
        found = []
        for path in shards(self.data):
            ((run,),) = query(path, "SELECT run_id FROM run_info")
            found += [(run, *row) for row in query(path, f"SELECT {EVENTS} FROM anomaly_events")]
        return sorted(found, key=repr)

    def central_events(self):
        return sorted(self.central(f"SELECT run_id, {EVENTS} FROM anomaly_events"), key=repr)

    def assert_collected(self):
        expected, found = self.in_shards(), self.central_rows()
        self.assertGreater(len(expected), 0)
        self.assertTrue(found == expected, f"{len(found)} rows in the central database ({len(set(found))} different), "
                                           f"{len(expected)} in the shards")
        self.assertEqual(total(self.data, "SELECT count(*) FROM sensor_readings WHERE synced = 0"), 0)
        self.assertEqual(self.central_events(), self.events_in_shards())
        self.assert_sound(self.data)

    def kill_collectors(self, rounds, fleet):
        """Kills a collector at random points, one after the other, while the fleet writes."""
        for _ in range(rounds):
            collector = self.start_collecting("--watch", "--batch-size", 10, "--interval", 0.01)
            before = self.marked()
            self.wait_until(lambda: self.marked() > before, "a row marked")
            time.sleep(self.random.uniform(0, 0.15))
            collector.kill()
            collector.wait()
            self.assertIsNone(fleet.poll(), self.printed())

    def marked(self):
        return total(self.data, "SELECT sum(synced) FROM sensor_readings")
