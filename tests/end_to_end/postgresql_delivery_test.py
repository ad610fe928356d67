#!/usr/bin/env python3
"""Imperfect delivery into a real PostgreSQL server: the same rows and ground truth as in SQLite, also after kills."""

from postgresql_server import *

DELIVERY = "delivery: {drop: 1%, late: {share: 5%, median: 20s}, duplicate: 1%, jitter: 20ms}\n"
DELIVERED = ("sensor_readings", ["timestamp", "due", "arrived_at"], (*READINGS, "sequence"))
OUTAGE = DELIVERY + """scenario:
- {name: outage, at: +5m, for: 10m, spread: 5m, deliver: {hold: true, drain: 3}}
"""


class PostgresqlDelivery(PostgresqlTest):
    def test_how_rows_arrive(self):
        how = ("--config", self.write("delivery.yaml", OUTAGE), "--duration", "30m")
        ran = self.run_into(self.server.address(), *how)
        self.fleet_sim(*RUN, *how, "--data-dir", "data")
        self.assert_same(FLEET_EVENTS, DELIVERIES, readings=DELIVERED)
        self.assertEqual({kind for kind, in self.server.query("SELECT DISTINCT kind FROM fleet.deliveries")},
                         {"drop", "late", "duplicate", "hold", "drained"})
        self.assertEqual(ran.summary.dropped, self.server.number("SELECT count(*) FROM fleet.deliveries WHERE kind = 'drop'"))

    def test_a_table_without_the_columns_of_delivery(self):
        self.run_into(self.server.address(), "--duration", "1m")
        how = ("--config", self.write("delivery.yaml", DELIVERY), "--duration", "1m")
        self.assert_refused(self.server.address(), "has no column sequence", "schema=", more=how)
        self.run_into(self.server.address(schema="other"), *how)
        self.run_into(self.server.address(schema="other"), "--duration", "1m")
        self.assertEqual(self.server.number("SELECT count(*) FROM other.sensor_readings WHERE run = 2 AND arrived_at IS NULL"),
                         self.server.number("SELECT count(*) FROM other.sensor_readings WHERE run = 2"))

    def test_a_run_with_delivery_that_was_killed_goes_on(self):
        how = ("--config", self.write("delivery.yaml", OUTAGE), "--duration", "2h")
        for attempt in range(3):
            process = self.start("run", *(("--resume",) if attempt > 0 else ()), *RUN, *how, "--sink", self.server.address(),
                                 "--writers", 2, env=SMALL_LOTS)
            if attempt < 2:
                self.wait_for_rows_beyond(self.rows_so_far() + 5_000)
                process.kill()
                process.wait()
        self.end(process)
        self.fleet_sim(*RUN, *how, "--data-dir", "data")
        self.assert_same(FLEET_EVENTS, DELIVERIES, readings=DELIVERED)


if __name__ == "__main__":
    main()
