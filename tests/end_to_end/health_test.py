#!/usr/bin/env python3
"""`fleet-sim health` asks a running fleet whether it is well, where the same config, environment and flags have it listen."""

import socket
import threading

from fleet import *


class Health(FleetTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()

    def monitoring(self):
        return {"FLEET_SIM_MONITORING_ENABLED": "true", "FLEET_SIM_MONITORING_ADDRESS": f"127.0.0.1:{self.port}"}

    def health(self, *arguments, code=0, env=None):
        return self.fleet_sim("health", *arguments, code=code, env={**self.monitoring(), **(env or {})}, timeout=20)

    def ask(self):
        return subprocess.run([EXECUTABLE, "health"], cwd=self.dir, env=environment(**self.monitoring()), capture_output=True,
                              text=True, timeout=20)

    def serve(self, address=None):
        return self.start("--identities", IDENTITIES, "--duration", 0, "--rate", 20, env={
            "FLEET_SIM_MONITORING_ENABLED": "true", "FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50",
            "FLEET_SIM_MONITORING_ADDRESS": address or f"127.0.0.1:{self.port}"})

    def test_of_a_fleet_that_is_well(self):
        process = self.serve()
        self.wait_for_rows(self.dir / "data", 1, process)
        self.assertEqual(json.loads(self.health().stdout), {"healthy": True})
        config = self.write("my.yaml", f"monitoring: {{address: '127.0.0.1:{self.port}'}}\n")
        self.health("--config", config, env={"FLEET_SIM_MONITORING_ADDRESS": ""})
        self.health("--status-address", f"localhost:{self.port}", env={"FLEET_SIM_MONITORING_ADDRESS": ""})
        self.stop(process)
        self.assertIn("Connection refused", self.health(code=1).stderr)

    def test_of_one_that_every_machine_may_ask(self):
        process = self.serve(f"0.0.0.0:{self.port}")
        self.wait_for_rows(self.dir / "data", 1, process)
        self.health(env={"FLEET_SIM_MONITORING_ADDRESS": f"0.0.0.0:{self.port}"})
        self.stop(process)

    def test_of_a_fleet_that_is_not(self):
        (self.dir / "data").mkdir()
        (self.dir / "data" / "sensor_data.db").symlink_to(self.dir / "later" / "sensor_data.db")
        process = self.serve()
        until = time.monotonic() + 30
        while (ran := self.ask()).returncode == 0 or "Connection refused" in ran.stderr:
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.1)
        reported = json.loads(self.health(code=1).stdout)
        self.assertFalse(reported["healthy"])
        self.assertIn("sensor_data.db", str(reported["reasons"]))
        (self.dir / "later").mkdir()
        self.stop(process)

    def test_without_a_status(self):
        self.assertIn("turns the status page off", self.health("--no-status", code=1).stderr)
        self.health("--config", "nowhere.yaml", code=2)

    def answer_with(self, answer):
        """Somebody else on the port, who says this and hangs up; None: who says nothing."""
        server = socket.create_server(("127.0.0.1", self.port))
        self.addCleanup(server.close)

        def serve():
            client, _ = server.accept()
            self.addCleanup(client.close)
            if answer is not None:
                client.recv(4096)
                client.sendall(answer)
                client.close()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        return thread

    def test_of_somebody_else(self):
        for answer in (b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"x" * 60000):
            with self.subTest(answer=answer[:30]):
                self.port = free_port()
                thread = self.answer_with(answer)
                self.assertRegex(self.health(code=1).stderr, "the server there is not fleet-sim|reset by peer")
                thread.join(10)

    def test_of_somebody_silent(self):
        self.answer_with(None)
        self.assertIn("timed out", self.health(code=1).stderr)


if __name__ == "__main__":
    main()
