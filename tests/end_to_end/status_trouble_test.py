#!/usr/bin/env python3
"""What the status API says while a run has trouble, and afterwards."""

import re

from fleet import *
from status_test import Served


class Trouble(Served):
    def test_percentiles_of_the_last_seconds(self):
        self.serve()
        self.wait_for_rows(self.dir / "data", files=6, process=self.process)
        held = [connect(path) for path in shards(self.dir / "data")]
        for one in held:
            self.addCleanup(one.close)
            one.execute("BEGIN IMMEDIATE")
        time.sleep(1.5)  # the lag to be seen
        for one in held:
            one.execute("ROLLBACK")
        recent = self.wait_for(lambda: (said := self.json("/status")["recent"])["lag_seconds"]["max"] > 1.4 and said)
        self.assertLess(recent["span_seconds"], 11.5)
        self.wait_for(lambda: self.json("/status")["recent"]["lag_seconds"]["max"] < 1)
        status = self.json("/status")
        self.assertGreater(status["lag_seconds"]["max"], 1.4)
        self.assertLess(status["recent"]["lag_seconds"]["count"], status["lag_seconds"]["count"])

    def test_health_while_a_shard_cannot_be_written(self):
        self.serve(env={"FLEET_SIM_DATABASE_BUSY_TIMEOUT_MS": "50"})
        self.wait_for_rows(self.dir / "data", files=6, process=self.process)
        self.assertEqual(self.json("/healthz"), {"healthy": True})
        path = shards(self.dir / "data")[2]
        collector = connect(path)
        self.addCleanup(collector.close)
        collector.execute("BEGIN IMMEDIATE")
        self.wait_for(lambda: self.ask("/healthz")[0] == 503)
        for address in ("/healthz", "/health", "/readyz"):
            answer = self.json(address, 503)
            self.assertFalse(answer["healthy"])
            self.assertEqual(len(answer["reasons"]), 1)
            self.assertRegex(answer["reasons"][0], rf"^{re.escape(path.name)}: cannot be written since .*: .*locked")
        status = self.json("/status")
        self.assertEqual((status["healthy"], status["shards"]["degraded"]), (False, 1))
        self.assertIn(b"fleet_sim_healthy 0\n", self.ask("/metrics")[1])
        sick = [one for one in self.json("/api/shards")["shards"] if one["state"] != "healthy"]
        self.assertEqual([(one["name"], one["state"]) for one in sick], [(path.name, "degraded")])
        self.assertGreater(sick[0]["rows_waiting"], 0)
        collector.execute("ROLLBACK")
        self.wait_for(lambda: self.ask("/healthz")[0] == 200)
        self.assertEqual(self.json("/healthz"), {"healthy": True})
        self.assertIn(b"fleet_sim_healthy 1\n", self.ask("/metrics")[1])
        self.assert_balanced(self.stop(self.process), self.dir / "data")

    def test_an_injection_that_a_fleet_held_up_refuses_does_not_come_later(self):
        self.serve(rate=100, env={"FLEET_SIM_DATABASE_PENDING_ROWS": "1000", "FLEET_SIM_DATABASE_BUSY_TIMEOUT_MS": "60000",
                                  "FLEET_SIM_ANOMALIES_ENABLED": "false"})
        self.wait_for_rows(self.dir / "data", files=6, process=self.process)
        held = [connect(path) for path in shards(self.dir / "data")]
        for one in held:
            self.addCleanup(one.close)
            one.execute("BEGIN IMMEDIATE")
        sensor = self.json("/api/sensors")["sensors"][0]["id"]
        seen = lambda: (self.json("/status"), time.sleep(0.5), self.json("/status"))
        self.wait_for(lambda: len({one["readings"]["generated"] for one in seen() if one}) == 1)
        body = json.dumps({"type": "trend", "sensors": [sensor]})
        self.assertIn("blocked", self.change("/api/anomalies", body, status=503)["error"])
        for one in held:
            one.execute("ROLLBACK")
        written = self.json("/status")["readings"]["written"]
        self.wait_for(lambda: self.json("/status")["readings"]["written"] > written + 3_000)
        self.stop(self.process)
        self.assertEqual(total(self.dir / "data", "SELECT count(*) FROM anomaly_events"), 0)


if __name__ == "__main__":
    main()
