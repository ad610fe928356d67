#!/usr/bin/env python3
"""The dashboard over PostgreSQL: each of its queries runs, and finds what the fleet wrote. Without Grafana, so its macros are
replaced here as Grafana's own data source replaces them."""

from grafana_macros import expanded
from postgresql_server import *

DASHBOARD = json.loads((SOURCE / "configs" / "grafana" / "fleet-sim-postgresql.json").read_text(encoding="utf-8"))
FROM, TO = "'2026-01-01T00:00:00Z'::timestamptz", "'2026-01-01T01:00:00Z'::timestamptz"


class Dashboard(PostgresqlTest):
    def ask(self, sql, locations):
        return self.server.query(expanded(sql, FROM, TO, locations))

    def test_every_panel(self):
        process = self.start("--identities", IDENTITIES, "--sink", self.server.address(), "--speed", "max", "--start", "2026-01-01",
                             "--duration", "20m", "--seed", 1, "--data-dir", "data")
        summary = self.end(process)
        location = next(one for one in DASHBOARD["templating"]["list"] if one["name"] == "location")
        locations = [name for (name,) in self.ask(location["query"], [])]
        self.assertGreater(len(locations), 3)
        panels = {panel["title"]: panel["targets"][0]["rawSql"] for panel in DASHBOARD["panels"]}
        rows = {title: self.ask(sql, locations) for title, sql in panels.items()}
        for title, found in rows.items():
            self.assertGreater(len(found), 0, title)
            self.assertTrue(all(None not in row for row in found if title not in ("Anomalies, the latest first", "Runs")), title)
        self.assertEqual(rows["Sensors"], [("15",)])
        self.assertEqual(int(rows["Readings"][0][0]), summary.written)
        self.assertAlmostEqual(60 * sum(float(rate) for _, rate in rows["Readings per second"]), summary.written, delta=1)
        self.assertEqual({place for _, place, _ in rows["Temperature, mean by location"]}, set(locations))
        self.assertTrue(all(40 < float(mean) < 90 for _, _, mean in rows["Temperature, mean by location"]))
        self.assertEqual({firmware for _, firmware, _ in rows["Anomalous readings, by firmware"]}, {"1.3", "1.4"})
        self.assertEqual(int(rows["Runs"][0][4]), summary.written)
        self.assertEqual(len(rows["Anomalies, the latest first"]), min(200, self.server.number("SELECT count(*) FROM fleet.anomaly_events")))
        fewer = self.ask(panels["Readings"], locations[:1])
        self.assertLess(int(fewer[0][0]), summary.written)

    def test_panels_do_not_overlap(self):
        taken = set()
        for panel in DASHBOARD["panels"]:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(taken & cells, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24)
            taken |= cells


if __name__ == "__main__":
    main()
