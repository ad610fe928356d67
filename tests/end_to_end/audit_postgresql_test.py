#!/usr/bin/env python3
"""Audits of runs into a PostgreSQL server, of what it holds: from the folder that the run has left."""

from postgresql_server import *
from several_types_test import TYPES, fleet_of_three

CONFIG = """delivery: {drop: 2%, late: {share: 10%, median: 4s}, duplicate: 2%, jitter: 20ms}
scenario:
- {name: up, at: +1m, where: {firmware_version: "1.3"}, set: {firmware_version: "1.4"}}
"""
KINDS = ("missing", "duplicate", "altered", "unexpected")


class AuditPostgresql(PostgresqlTest):
    def fill_server(self, *arguments):
        return self.run_into(self.server.address(), "--duration", "5m", *arguments).summary.number("written")

    def audit(self, *runs, code=0, rows=None):
        verdict = json.loads(self.fleet_sim("audit", *runs, *(rows or ("--database", self.server.address())), "--json", code=code).stdout)
        return verdict["delivered"], [verdict[kind] for kind in KINDS]

    def test_a_run(self):
        """With whatever happens to its rows on their way; and the same rows as CSV, without the server."""
        self.fill_server("--config", self.write("config.yaml", CONFIG))
        delivered = self.server.number("SELECT count(*) FROM (SELECT DISTINCT sensor_id, due FROM fleet.sensor_readings) AS readings")
        self.assertEqual(self.audit("data"), (delivered, [0] * 4))
        said = self.server.query("COPY fleet.sensor_readings TO STDOUT (FORMAT csv, HEADER)")
        self.server.quit()
        self.write("rows.csv", "\n".join("".join(row) for row in said) + "\n")
        self.assertEqual(self.audit("data", rows=("--rows", "rows.csv")), (delivered, [0] * 4))
        self.assertEqual(self.audit("data/run.json", rows=("--rows", "rows.csv")), (delivered, [0] * 4))

    def test_columns_that_one_table_lacks(self):
        self.run_into(self.server.address(), "--duration", "2m", "--config", self.write("types.yaml", TYPES), "--identities",
                      self.write_identities(fleet_of_three()))
        self.server.query("ALTER TABLE fleet.sensor_readings_pump DROP COLUMN model CASCADE; "
                          "ALTER TABLE fleet.sensor_readings_gas DROP COLUMN location CASCADE")
        self.assertEqual(self.audit("data")[1], [0] * 4)
        self.server.query("UPDATE fleet.sensor_readings_gas SET methane = methane + 1 WHERE id = (SELECT max(id) FROM fleet.sensor_readings_gas)")
        self.assertEqual(self.audit("data", code=1)[1], [0, 0, 1, 0])

    def test_one_of_several_runs(self):
        """Whose rows lie in one table, over the same time."""
        for folder in ("one", "other"):
            written = self.fill_server("--data-dir", folder, "--seed", len(folder))
            self.assertEqual(self.audit(folder), (written, [0] * 4))
        self.assertEqual(self.audit("one")[1], [0] * 4)
        self.server.query("DELETE FROM fleet.sensor_readings WHERE id % 100 = 0 AND run = 2; "
                          "UPDATE fleet.sensor_readings SET voltage = voltage + 1 "
                          "WHERE id = (SELECT max(id) FROM fleet.sensor_readings WHERE run = 2)")
        self.assertEqual(self.audit("one")[1], [0] * 4)
        lost = written - self.server.number("SELECT count(*) FROM fleet.sensor_readings WHERE run = 2")
        self.assertEqual(self.audit("other", code=1), (written - lost, [lost, 0, 1, 0]))

    def test_partitions_and_a_folder_that_has_files_too(self):
        parts = [f"part{part}" for part in (1, 2)]
        written = sum(self.fill_server("--data-dir", part, "--partition", f"{part[-1]}/2") for part in parts)
        self.assertEqual(self.audit(*parts), (written, [0] * 4))
        one, other = (json.loads((self.dir / part / f"run.{part[-1]}-of-2.json").read_text())["run_id"] for part in parts)
        self.fleet_sim(*RUN, "--partition", "1/2", "--data-dir", "part1", "--duration", "1m")
        self.assertIn("several runs", self.fleet_sim("audit", *parts, "--database", self.server.address(), code=2).stderr)
        self.assertEqual(self.audit("part1", "--run", one)[1], [0] * 4)
        self.assertEqual(self.audit("part2", "--run", other)[1], [0] * 4)

    def test_a_run_that_was_killed(self):
        process = self.start("run", *RUN, "--sink", self.server.address(), "--duration", "4h", env=SMALL_LOTS)
        self.wait_for_rows_beyond(5_000)
        process.kill()
        process.wait()
        refused = self.fleet_sim("audit", "data", "--database", self.server.address(), code=2)
        self.assertIn("--until", refused.stderr)
        until = self.server.query(f"SELECT {MOMENT.format('min(complete_until)')} FROM fleet.sink_progress")[0][0]
        delivered, wrong = self.audit("data", "--until", until)
        self.assertEqual(wrong, [0] * 4)
        self.assertGreater(delivered, 4_000)


if __name__ == "__main__":
    main()
