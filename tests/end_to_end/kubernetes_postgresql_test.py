#!/usr/bin/env python3
"""The overlay whose pods all write to one PostgreSQL server: two of its hundred pods of either kind, as processes of this machine,
with the arguments, variables and volumes of the manifests."""

from local_pod import PodTest
from postgresql_server import PASSWORD, PostgresqlTest

from fleet import *

OVERLAY, SENSORS, SECONDS = "overlays/hundred-pods-postgresql", 2_000, 20


class OneServer(PodTest, PostgresqlTest):
    def prepared(self, kind):
        """The first and the last pod, whose fleet is smaller, and what the test sets in their place."""
        pods = self.pods(OVERLAY, kind, 100)
        pods = [pods[0], pods[-1]]
        for pod in pods:
            (generate,) = pod.spec["initContainers"]
            generate = {**generate, "args": [re.sub("--count=.*", f"--count={SENSORS}", word) for word in generate["args"]]}
            process = pod.start(generate)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0)
        (container,) = pods[0].spec["containers"]
        variables = {entry["name"]: entry for entry in container["env"]}
        address = variables["FLEET_SIM_SINK_ADDRESS"]["value"]
        self.assertRegex(address, r"^postgresql://fleet@postgresql:5432/fleet\?schema=fleet$")
        self.assertEqual(set(variables["PGPASSWORD"]["valueFrom"]), {"secretKeyRef"})
        return pods, {"FLEET_SIM_SINK_ADDRESS": self.server.address(user="guarded"), "PGPASSWORD": PASSWORD}

    def setUp(self):
        super().setUp()
        self.server.query(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'; GRANT CREATE ON DATABASE postgres TO guarded")

    def assert_one_fleet(self, written):
        query = self.server.query
        self.assertEqual(query("SELECT partition FROM fleet.run_info ORDER BY 1"), [("1/100",), ("100/100",)])
        ((rows, of_runs, sensors, in_both),) = query(
            "SELECT count(*), count(DISTINCT run), count(DISTINCT sensor_id), (SELECT count(*) FROM (SELECT sensor_id FROM "
            "fleet.sensor_readings GROUP BY sensor_id HAVING count(DISTINCT run) > 1) AS shared) FROM fleet.sensor_readings")
        self.assertEqual((int(rows), int(of_runs), int(in_both)), (written, 2, 0))
        self.assertEqual(int(sensors), self.server.number("SELECT count(DISTINCT sensor_id) FROM fleet.sensors"))
        self.assertTrue(0 < int(sensors) < SENSORS / 10)

    def test_history(self):
        pods, variables = self.prepared("Job")
        variables["FLEET_SIM_SIMULATION_RUN_TIME_SECONDS"] = str(SECONDS)
        processes = [self.start(pod, **variables) for pod in pods]
        written = sum(self.end(pod, process).written for pod, process in zip(pods, processes))
        self.assert_one_fleet(written)
        # A replaced pod has an empty folder, and finds in the server that nothing is left to do.
        shutil.rmtree(pods[0].volumes["data"])
        pods[0].volumes["data"].mkdir()
        self.end(pods[0], self.start(pods[0], **variables))
        self.assertEqual(self.server.number("SELECT count(*) FROM fleet.sensor_readings"), written)

    def test_real_time(self):
        pods, variables = self.prepared("StatefulSet")
        variables["FLEET_SIM_MONITORING_ADDRESS"] = "127.0.0.1:0"
        processes = [self.start(pod, **variables) for pod in pods]
        until = time.monotonic() + 60
        while self.server.query("SELECT to_regclass('fleet.sink_progress')") == [(None,)] or self.server.number(
                "SELECT count(*) FROM fleet.sink_progress WHERE readings > 0") < 2 or self.server.number(
                "SELECT (SELECT count(DISTINCT sensor_id) FROM fleet.sensors) - "
                "(SELECT count(DISTINCT sensor_id) FROM fleet.sensor_readings)") > 0:
            self.assertLess(time.monotonic(), until, [(pod.root / "log").read_text() for pod in pods])
            time.sleep(0.1)
        for process in processes:
            process.send_signal(signal.SIGTERM)
        self.assert_one_fleet(sum(self.end(pod, process).written for pod, process in zip(pods, processes)))
        for pod in pods:
            text = (pod.root / "log").read_text() + "".join(path.read_text(errors="replace")
                                                            for path in pod.volumes["data"].rglob("*") if path.is_file())
            self.assertNotIn(PASSWORD, text)


if __name__ == "__main__":
    main()
