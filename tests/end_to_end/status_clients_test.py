#!/usr/bin/env python3
"""Clients of the status API that misbehave: what they send is refused, and the fleet keeps its pace."""

from serving import *


class BadClients(Served):
    def pace(self):
        """Readings written in one second."""
        before = self.json("/status")["readings"]["written"]
        since = time.monotonic()
        self.wait_for(lambda: time.monotonic() - since > 1)
        return self.json("/status")["readings"]["written"] - before

    def test_malformed_huge_and_pipelined(self):
        self.serve()
        self.assertIn(b" 400 ", self.raw(b"\x16\x03\x01 nonsense\r\n\r\n"))
        self.assertIn(b" 431 ", self.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 60_000))
        self.assertIn(b" 413 ", self.raw(b"POST /api/stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"))
        chunks = b"POST /api/stop HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertIn(b" 413 ", self.raw(chunks + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 3))
        one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        answers = self.raw(one * 200 + last)
        self.assertEqual(answers.count(b"HTTP/1.1 200"), 200)
        self.assertEqual(answers.count(b"HTTP/1.1 404"), 1)
        # What clients do wrong is no error of the run.
        self.assertEqual(self.ask("/status", "DELETE")[0], 405)
        self.assertEqual(self.ask("/api/anomalies", "POST", "{", Authorization=f"Bearer {TOKEN}")[0], 400)
        elapsed = self.json("/status")["progress"]["elapsed_seconds"]
        self.wait_for(lambda: self.json("/status")["progress"]["elapsed_seconds"] > elapsed)
        self.assertEqual(sum(self.json("/status")["errors"].values()), 0)

    @not_under_thread_sanitizer
    def test_slow_and_idle_clients_cost_nothing(self):
        self.serve(rate=100)
        self.pace()
        usual, memory = self.pace(), self.resident_kib()
        clients = []
        for i in range(1_000):
            client = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            if i % 3 == 1:
                client.sendall(b"GET /status HTTP/1.1\r\nHost: loc")  # and no more
            if i % 3 == 2:
                client.sendall(b"POST /api/stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\nhalf")
            clients.append(client)
        self.assertEqual(self.ask("/healthz")[0], 200)
        self.assertGreater(self.pace(), 0.7 * usual)
        self.assertLess(self.resident_kib() - memory, 30_000)
        # Those that are left are put off when their time is over.
        clients[-1].settimeout(25)
        self.assertEqual(clients[-1].recv(100), b"")
        for client in clients:
            client.close()
        self.assertEqual(self.ask("/healthz")[0], 200)
        self.stop(self.process)


if __name__ == "__main__":
    main()
