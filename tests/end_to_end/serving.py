"""What the tests of the status API share: a running fleet that serves it, asked over real sockets."""

import re
import socket
from http.client import HTTPConnection

from fleet import *

TOKEN = "a-token-of-the-test-0123456789"


class Served(FleetTest):
    """A fleet of 15 sensors in the shards of their locations, with its status on a free port."""

    def serve(self, *arguments, env=None, rate=20, identities=IDENTITIES, token=TOKEN):
        self.process = self.start("--identities", identities, "--data-dir", "data", "--duration", 0, "--rate", rate,
                                  "--shard-by", "location", "--seed", 5, "--status-address", "127.0.0.1:0", *arguments,
                                  env={"FLEET_SIM_MONITORING_ENABLED": "true", "FLEET_SIM_MONITORING_TOKEN": token,
                                       "FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "100", **(env or {})})
        self.port = int(self.wait_for(lambda: re.search(r"status at http://127\.0\.0\.1:(\d+)/", self.printed()))[1])
        self.wait_for(lambda: self.ask("/readyz")[0] == 200)

    def wait_for(self, condition, seconds=30):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := condition():
                return found
            if self.process.poll() is not None:
                self.fail(f"ended with {self.process.returncode}:\n{self.printed()}")
            time.sleep(0.02)
        self.fail(f"waited {seconds} s in vain:\n{self.printed()}")

    def ask(self, path, method="GET", body=None, **headers):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def json(self, path, status=200, **options):
        code, body, headers = self.ask(path, **options)
        self.assertEqual(code, status, body)
        self.assertEqual(headers["Content-Type"], "application/json; charset=utf-8")
        return json.loads(body)

    def change(self, path, body=None, token=TOKEN, **options):
        return self.json(path, method="POST", body=body, Authorization=f"Bearer {token}", **options)

    def raw(self, data, timeout=15):
        """Sends bytes as they are and returns what comes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as client:
            client.sendall(data)
            answer = b""
            while part := client.recv(65536):
                answer += part
            return answer

    def resident_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1])
