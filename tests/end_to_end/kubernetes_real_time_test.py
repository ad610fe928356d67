#!/usr/bin/env python3
"""The StatefulSet of configs/kubernetes in real time, its pods as processes of this machine."""

import socket
from http.client import HTTPConnection

from fleet import *
from local_pod import PodTest


class RealTime(PodTest):
    def probe(self, pod, port, probe):
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", probe["httpGet"]["path"])
            return connection.getresponse().status
        finally:
            connection.close()

    def until(self, condition, pod, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), until, (pod.root / "log").read_text())
            time.sleep(0.1)

    def ready(self, pod, port):
        try:
            return self.probe(pod, port, pod.main()["readinessProbe"]) == 200
        except OSError:
            return False

    def port(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            return taken.getsockname()[1]

    def test_the_stateful_set_is_the_fleet_of_one_process(self):
        """For six seconds from a fixed start; each pod's port is another one, as they share an address here."""
        pods = self.pods("base", "StatefulSet", 4)
        ports = [self.port() for _ in pods]
        started = [self.start(pod, FLEET_SIM_MONITORING_ADDRESS=f"127.0.0.1:{port}", FLEET_SIM_CLOCK_START="2026-01-01",
                              FLEET_SIM_SIMULATION_RUN_TIME_SECONDS="6") for pod, port in zip(pods, ports)]
        for pod, port in zip(pods, ports):
            self.until(lambda: self.ready(pod, port), pod)
            self.assertEqual(self.probe(pod, port, pod.main()["livenessProbe"]), 200)
            notes = self.documents["StatefulSet", "fleet-sim"]["spec"]["template"]["metadata"]["annotations"]
            self.assertEqual(self.probe(pod, port, {"httpGet": {"path": notes["prometheus.io/path"]}}), 200)
        for pod, process in zip(pods, started):
            self.end(pod, process)
        claims = sorted((self.dir / "claims").iterdir())
        self.assertEqual([path.name for path in claims], [f"data-fleet-sim-{index}" for index in range(4)])
        self.assertEqual(self.counted(self.union(claims)), self.whole("--duration", 6))

    def test_a_pod_takes_up_changed_maps_and_drains(self):
        """A sensor joins, the rate changes, SIGTERM writes what was generated; and the pod that comes back appends."""
        pod = self.pods("overlays/one-node", "StatefulSet", 2)[0]
        data = self.dir / "claims" / "data-fleet-sim-0"
        quick = {"FLEET_SIM_MONITORING_ADDRESS": f"127.0.0.1:{self.port()}",
                 "FLEET_SIM_CONFIG_RELOAD_CHECK_INTERVAL_SECONDS": "0.2"}
        process = self.start(pod, **quick)
        self.wait_for_rows(data)
        maps = {name: self.documents["ConfigMap", name]["data"] for name in ("fleet-sim-identities", "fleet-sim-config")}
        joining = [identity(f"NEW{n}") for n in range(12)]
        pod.maps["identities"].switch({"fleet.jsonl": maps["fleet-sim-identities"]["fleet.jsonl"] +
                                       "".join(json.dumps(one) + "\n" for one in joining)})
        pod.maps["config"].switch({"config.yaml": maps["fleet-sim-config"]["config.yaml"].replace(
            "readings_per_second: 1", "readings_per_second: 20")})
        new = "SELECT count(*) FROM sensor_readings WHERE sensor_id LIKE 'NEW%'"
        self.until(lambda: total(data, new) > 100, pod)
        self.assertIn("simulation.readings_per_second", (pod.root / "log").read_text())
        process.send_signal(signal.SIGTERM)
        self.assert_balanced(self.end(pod, process), data)
        before = total(data, "SELECT count(*) FROM sensor_readings")
        process = self.start(pod, **quick)
        self.wait_for_rows(data, least=before + 1)
        process.send_signal(signal.SIGTERM)
        self.end(pod, process)
        self.assert_sound(data)


if __name__ == "__main__":
    main()
