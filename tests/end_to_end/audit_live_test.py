#!/usr/bin/env python3
"""Audits of runs that somebody changed while they ran: reloads, injected anomalies, entries of a scenario, and a kill."""

from postgresql_server import PostgresqlServer, needs_server
from serving import *

CONFIG = """anomalies: {probability: 0.1, severity: graded}
config_reload: {check_interval_seconds: 3600}
scenario:
  - {name: dark, at: +20s, for: 30s, where: {location: "Factory A*"}, silence: true}
"""


class Live(Served):
    def setUp(self):
        super().setUp()
        self.folder = self.dir / "identities"
        self.folder.mkdir()
        for n in range(8):
            self.put(f"S{n}", location=f"Factory {'AB'[n % 2]} - Line 1")
        self.write("config.yaml", CONFIG)

    def put(self, sensor, **more):
        (self.folder / f"{sensor}.json").write_text(json.dumps(identity(sensor, **more)))

    def written(self, count):
        return self.wait_for(lambda: self.json("/status")["readings"]["written"] > count)

    def audit(self, rows, data):
        (self.dir / "rows.ndjson").write_text(rows)
        self.assert_whole(data, "--rows", "rows.ndjson")

    def assert_whole(self, data, *rows):
        verdict = json.loads(self.fleet_sim("audit", data, *rows, "--json").stdout)
        self.assertEqual([verdict[name] for name in ("missing", "duplicate", "altered", "unexpected")], [0] * 4, verdict)
        self.assertGreater(verdict["delivered"], 1000)

    def inject(self, asked):
        self.wait_for(lambda: self.ask("/api/anomalies", "POST", json.dumps(asked), Authorization=f"Bearer {TOKEN}")[0] == 202)

    def simulated(self):
        return self.json("/status")["progress"]["simulated_seconds"]

    def tell(self, path, body=None):
        """What a busy machine has not done in time is done later."""
        self.assertIn(self.ask(path, "POST", body, Authorization=f"Bearer {TOKEN}")[0], (200, 202))

    def begin(self, *arguments):
        self.process = self.start("--identities", "identities", "--config", "config.yaml", "--data-dir", "data", "--duration", 0,
                                  "--rate", 20, "--seed", 5, "--start", "2026-03-01", "--speed", 40, "--status-address",
                                  "127.0.0.1:0", *arguments,
                                  env={"FLEET_SIM_MONITORING_ENABLED": "true", "FLEET_SIM_MONITORING_TOKEN": TOKEN})
        self.port = int(self.wait_for(lambda: re.search(r"status at http://127\.0\.0\.1:(\d+)/", self.printed()))[1])
        self.wait_for(lambda: self.ask("/readyz")[0] == 200)

    def live(self, *arguments):
        self.begin(*arguments)
        self.written(1000)
        self.inject({"type": "stuck", "duration": "5s", "channel": "voltage", "sensors": ["S1"]})
        self.inject({"type": "drift", "duration": "20s", "channel": "temperature", "severity": 3, "sensors": ["S2", "S3", "S4"]})
        self.put("S1", location="Warehouse B", firmware_version="1.3")
        self.put("S9")
        (self.folder / "S0.json").unlink()
        self.tell("/api/reload")
        self.written(4000)
        self.write("config.yaml", CONFIG.replace("0.1,", "0.3,") + "simulation: {readings_per_second: 31}\n")
        self.tell("/api/reload")
        later = int(self.simulated()) + 200
        self.tell("/api/scenario", json.dumps({"name": "up", "at": f"+{later}s", "where": {"id": "S4"},
                                               "set": {"firmware_version": "1.3"}}))
        self.put("S0")
        self.tell("/api/reload")
        self.wait_for(lambda: self.simulated() > later + 20)
        self.stop(self.process)

    def test_files(self):
        self.live("--shard-by", "location")
        self.audit(self.fleet_sim("export", "data", "--format", "ndjson").stdout, "data")

    def test_text(self):
        self.live("--sink", "ndjson:out.ndjson")
        self.audit((self.dir / "out.ndjson").read_text(), "data")

    @needs_server
    def test_postgresql(self):
        """Also after the run has been killed and has gone on where its folder was lost."""
        self.dir.chmod(0o755)
        server = PostgresqlServer(self.dir / "server")
        self.addCleanup(server.quit)
        self.live("--sink", server.address())
        self.assert_whole("data", "--database", server.address())
        for folder in ("as it was", "empty"):
            self.begin("--sink", server.address(), "--resume")
            self.inject({"type": "stuck", "duration": "5s", "channel": "voltage", "sensors": ["S5"]})
            self.written(1000)
            self.process.kill()
            self.process.wait()
            if folder == "empty":
                shutil.rmtree(self.dir / "data")
        self.begin("--sink", server.address(), "--resume")
        self.written(100)
        self.stop(self.process)
        agenda = [json.loads(line) for line in (self.dir / "data" / "agenda.jsonl").read_text().splitlines()]
        self.assertEqual([line["sensor_id"] for line in agenda if "injection" in line][:4], ["S1", "S2", "S3", "S4"])
        self.assert_whole("data", "--database", server.address())


if __name__ == "__main__":
    unittest.main()
