#!/usr/bin/env python3
"""Line protocol over HTTP, to a server that refuses, hesitates and loses answers."""

import base64
import random
import ssl
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fleet import *

RUN = ("--identities", IDENTITIES, "--seed", 7, "--start", "2026-03-01", "--speed", "max", "--duration", "5m")
SMALL_LOTS = {"FLEET_SIM_DATABASE_BATCH_SIZE": "100"}
FEW_RETRIES = {"FLEET_SIM_DATABASE_ERROR_LIMIT": "1"}
TOKEN = "token-4711-open-sesame"


class LineServer:
    """Answers as `answer` says, which is asked for each request that has lines: a status, perhaps with headers and a text, or
    how it fails: after it has taken the lines, it loses the answer or half of it, says something that is
    no HTTP, or never gives one. Keeps what it has taken."""

    def __init__(self, answer=lambda request: (204,), certificate=None):
        self.answer, self.taken, self.requests = answer, [], []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.requests.append(self)
                self.lines = self.body.splitlines()
                self.at = time.monotonic()
                status, *more = outer.answer(self)
                if isinstance(status, str) or status < 300:
                    outer.taken += self.lines
                if isinstance(status, str):
                    if status == "half an answer":
                        self.wfile.write(b"HTTP/1.1 204 No Con")
                    if status == "no HTTP":
                        self.wfile.write(f"-ERR no {self.path} {TOKEN}\r\n".encode())
                    if status == "never":
                        outer.closing.wait()
                    self.close_connection = True
                    return
                headers, text = more[0] if more else {}, more[1] if len(more) > 1 else ""
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def address(self, path="/write?db=fleet", user=""):
        return f"lines+http://{user}127.0.0.1:{self.http.server_port}{path}"

    def close(self):
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()


class LinesOverHttp(FleetTest):
    def serve(self, answer=lambda request: (204,)):
        server = LineServer(answer)
        self.addCleanup(server.close)
        return server

    def run_into(self, server, *more, code=0, address=None, env=None):
        return self.fleet_sim("run", *RUN, "--sink", address or server.address(), *more, code=code,
                              env={**SMALL_LOTS, **(env or {})})

    def expected(self, *more):
        """The readings of the same run in SQLite's files, as `export` writes them."""
        self.fleet_sim(*RUN, *more, "--data-dir", "data")
        return sorted(self.fleet_sim("export", "data", "--format", "line-protocol").stdout.splitlines())

    @staticmethod
    def readings(server):
        return [line for line in server.taken if line.startswith("sensor_readings,")]

    def test_the_same_lines_as_export_writes(self):
        server = self.serve()
        ran = self.run_into(server)
        self.assertEqual(sorted(self.readings(server)), self.expected())
        self.assertEqual((ran.summary.written, ran.summary.errors), (len(self.readings(server)), 0))
        self.assertEqual(len({line.rpartition(" ")[2] + line.split(" ")[0] for line in server.taken if line.startswith("anomaly_events,")}),
                         total(self.dir / "data", "SELECT count(*) FROM anomaly_events"))
        self.assertEqual({request.path for request in server.requests}, {"/write?db=fleet"})
        self.assertEqual(len({request.client_address for request in server.requests}), 1, "one connection is kept")

    def test_what_a_scenario_does(self):
        config = self.write("scenario.yaml", "scenario:\n  - {name: an upgrade, at: +1m, spread: 2m, silent_for: 10s, fails: 20%, "
                                             "set: {firmware_version: '9.9'}}\n")
        server = self.serve()
        self.run_into(server, "--config", config)
        self.assertEqual(sorted(self.readings(server)), self.expected("--config", config))
        told = sorted(line for line in server.taken if line.startswith("fleet_events,"))
        recorded = query_all(self.dir / "data", "SELECT sensor_id, failed, silent_until IS NULL FROM fleet_events ORDER BY sensor_id")
        self.assertEqual([(line.split("sensor_id=")[1].split(",")[0], int(line.split("failed=")[1][0]), int("silent_until" not in line))
                          for line in sorted(told, key=lambda line: line.split("sensor_id=")[1])], recorded)
        self.assertIn(",name=an\\ upgrade,", told[0])

    def test_a_server_that_hesitates_and_loses_answers(self):
        chance = random.Random(3)
        moods = [(204,), (503,), (500, {}, "no"), (502,), ("lose the answer",), ("half an answer",), ("no HTTP",)]
        troubles = [0]

        def answer(request):
            if not request.lines or troubles[0] >= 12:
                return (204,)
            mood = chance.choice(moods)
            troubles[0] += mood != (204,)
            return mood

        server = self.serve(answer)
        ran = self.run_into(server)
        self.assertEqual(sorted(set(self.readings(server))), self.expected())
        self.assertEqual((ran.summary.lost, ran.summary.written), (0, len(set(self.readings(server)))))
        again = len(self.readings(server)) - len(set(self.readings(server)))
        self.assertGreater(again, 0)
        self.assertGreaterEqual(ran.summary.resent, again)
        self.assertNotIn("unconfirmed", ran.summary.lines)

    def test_a_request_that_was_not_answered_is_made_again_as_it_was(self):
        lost = []

        def answer(request):
            if request.lines and len(lost) < 3:
                lost.append(request.body)
                return ("lose the answer",)
            return (204,)

        server = self.serve(answer)
        self.run_into(server)
        bodies = [request.body for request in server.requests]
        self.assertEqual(lost, [lost[0]] * 3)
        self.assertEqual(bodies.count(lost[0]), 4)

    def test_a_server_that_wants_to_be_left_alone(self):
        asked = []

        def answer(request):
            if request.lines and not asked:
                asked.append(request.at)
                return 429, {"Retry-After": "2"}
            return (204,)

        server = self.serve(answer)
        ran = self.run_into(server)
        self.assertGreaterEqual(min(request.at for request in server.requests if request.at > asked[0]) - asked[0], 2)
        self.assertEqual((ran.summary.lost, ran.summary.errors), (0, 1))
        self.assertEqual(sorted(self.readings(server)), self.expected())

    def test_a_server_that_takes_little_at_a_time(self):
        server = self.serve(lambda request: (413,) if len(request.body) > 5_000 else (204,))
        self.assertEqual(self.run_into(server).summary.lost, 0)
        self.assertEqual(sorted(self.readings(server)), self.expected())

    def test_a_server_to_which_a_row_is_too_large(self):
        """It would refuse every one, so the run ends, and loses nothing that it could not resume."""
        server = self.serve()
        server.answer = lambda request: (204,) if len(self.readings(server)) < 1_000 else (413,)
        ran = self.run_into(server, "--duration", "1h", code=1, env=FEW_RETRIES)
        self.assertIn("the server answers 413; raise the server's limit", ran.stderr)
        self.assertIn("gave up", ran.stderr)
        self.assertEqual((ran.summary.written, "rejected" in ran.summary.lines), (len(self.readings(server)), False))

    def test_rows_that_the_server_rejects(self):
        rejected = [0]

        def answer(request):
            if rejected[0] >= 6 or not any(line.startswith("sensor_readings") for line in request.lines):
                return (204,)
            rejected[0] += 3
            return 400, {}, '{"error":"partial write: field type conflict dropped=3"}'

        ran = self.run_into(self.serve(answer), code=1)
        self.assertEqual((ran.summary.rejected, ran.summary.lost), (6, 0))
        self.assertEqual(ran.summary.due, ran.summary.written + ran.summary.missing + 6)
        self.assertEqual(ran.stderr.count("field type conflict"), 1)
        self.assertEqual(self.books()["rejected"], 6)

    def test_what_was_never_answered_when_the_run_was_stopped(self):
        for how in ("lose the answer", "half an answer", "no HTTP"):
            with self.subTest(how):
                server, summary = self.stopped_without_answers(how, "sensor_readings")
                there = set(self.readings(server))
                self.assertGreater(summary.unconfirmed, 0)
                self.assertEqual(summary.written + summary.unconfirmed, len(there))
                self.assertEqual(summary.resent, len(self.readings(server)) - len(there))
                self.assertEqual(self.books()["events_unconfirmed"], 0)

    def test_ground_truth_that_was_never_answered(self):
        """It comes in requests of its own."""
        server, summary = self.stopped_without_answers("half an answer", "anomaly_events")
        self.assertEqual((summary.written, summary.number("unconfirmed")), (len(self.readings(server)), 0))
        unanswered = self.books()["events_unconfirmed"]
        self.assertGreater(unanswered, 0)
        self.assertEqual(summary.lines["unconfirmed"], f"0 sent and never answered, and {unanswered:,} anomaly events")

    def stopped_without_answers(self, how, measurement):
        """A run that gets no answer any more to requests with these lines, and is then stopped."""
        lost = []

        def answer(request):
            if len(self.readings(server)) <= 1_000 or not request.lines[0].startswith(measurement):
                return (204,)
            lost.append(request)
            return (how,)

        server = self.serve(answer)
        shutil.rmtree(self.dir / "data", ignore_errors=True)
        process = self.start("run", *RUN, "--duration", "2h", "--sink", server.address(), env=SMALL_LOTS)
        self.wait_until(lambda: len(lost) > 1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 1, self.printed())
        summary = Summary((self.dir / "stdout").read_text())
        self.assertEqual(summary.due, summary.written + summary.missing + summary.number("unconfirmed") + summary.lost)
        self.assertEqual(self.books()["unconfirmed"], summary.unconfirmed)
        return server, summary

    def test_a_run_that_ends_while_the_server_is_away(self):
        """Ends at once, says what it could not write and that it can be resumed, and then goes on from there."""
        server = self.serve(lambda request: (204,) if len(self.readings(server)) < 5_000 else (503,))
        process = self.start("run", *RUN, "--duration", "2h", "--sink", server.address(), env=SMALL_LOTS)
        self.wait_until(lambda: "waiting for an answer: the server answers 503" in self.printed())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=30), 1, self.printed())
        summary = Summary((self.dir / "stdout").read_text())
        self.assertGreater(summary.lost, 0)
        self.assertEqual(summary.written, len(self.readings(server)))
        self.assertIn("--resume", summary.lines["again"])
        server.answer = lambda request: (204,)
        ran = self.run_into(server, "--resume", "--duration", "2h")
        self.assertEqual(ran.summary.lost, 0)
        self.assertEqual(sorted(set(self.readings(server))), self.expected("--duration", "2h"))

    def test_health_names_the_server(self):
        server = self.serve(lambda request: (204,) if len(self.readings(server)) < 100 else (503,))
        port = free_port()
        self.start("run", *RUN, "--speed", 60, "--duration", "4h", "--status-address", f"127.0.0.1:{port}", "--sink", server.address(),
                   env=SMALL_LOTS)

        def reasons():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").close()
            except urllib.error.HTTPError as error:
                return json.load(error)["reasons"]
            except urllib.error.URLError:
                return None  # it does not listen yet

        self.wait_until(reasons)
        self.assertRegex(reasons()[0], rf"^{re.escape(server.address())}: cannot be written since .*: the server answers 503")

    def wait_until(self, holds):
        until = time.monotonic() + 60
        while not holds():
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.02)

    def books(self):
        return json.loads((self.dir / "data" / "run.json").read_text())["books"]

    def test_how_rows_arrive(self):
        config = self.write("delivery.yaml", "delivery: {drop: 2%, late: {share: 10%, median: 4s}, duplicate: 1%, jitter: 20ms}\n")
        server = self.serve()
        ran = self.run_into(server, "--config", config)
        self.assertEqual(sorted(self.readings(server)), self.expected("--config", config))
        told = [line for line in server.taken if line.startswith("deliveries,")]
        recorded = query_all(self.dir / "data", "SELECT kind, count(*) FROM deliveries GROUP BY kind")
        self.assertEqual({kind: sum(f"kind={kind}," in line for line in told) for kind, _ in recorded}, dict(recorded))
        self.assertEqual(dict(recorded)["drop"], ran.summary.dropped)

    def test_who_is_let_in(self):
        wanted = [f"Token {TOKEN}"]

        def answer(request):
            return (204,) if request.headers["Authorization"] == wanted[0] else (401, {}, "who are you?")

        server = self.serve(answer)
        refused = self.run_into(server, code=3)
        self.assertIn("401: who are you?", refused.stderr)
        self.assertIn("sink.password_file", refused.stderr)
        secret = self.write("secret", TOKEN + "\n")
        with_file = {"FLEET_SIM_SINK_PASSWORD_FILE": str(secret)}
        runs = [self.run_into(server, env=with_file)]
        wanted[0] = "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode()
        runs.append(self.run_into(server, address=server.address(user="me@"), env=with_file))
        runs.append(self.run_into(server, address=server.address(user=f"me:{TOKEN}@")))
        for ran in runs:
            self.assertNotIn(TOKEN, ran.stdout + ran.stderr)
        self.assert_secret_while_running(server, server.address(user="me@"), env=with_file)
        self.assert_secret_while_running(server, server.address(user=f"me:{TOKEN}@"))
        secret.unlink()
        for path in self.dir.rglob("*"):
            self.assertFalse(path.is_file() and TOKEN.encode() in path.read_bytes(), path)

    def assert_secret_while_running(self, server, address, env=None):
        """In the list of processes, and in what the run tells over HTTP and in its log, also while it is refused."""
        port = free_port()
        process = self.start("run", *RUN, "--speed", 60, "--duration", "4h", "--status-address", f"127.0.0.1:{port}", "--sink", address,
                             env={**SMALL_LOTS, **(env or {}), "FLEET_SIM_LOGGING_LEVEL": "debug"})
        there = len(server.taken)
        self.wait_until(lambda: len(server.taken) > there)
        usual, server.answer = server.answer, lambda request: (401, {}, f"who is {request.headers['Authorization']}, {TOKEN}?")
        self.wait_until(lambda: "the server answers 401: who is " in self.printed())
        said = Path(f"/proc/{process.pid}/cmdline").read_text()
        for path in ("status", "metrics", "health", "api/history", ""):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
                    said += answer.read().decode()
            except urllib.error.HTTPError as error:  # its health is bad
                said += error.read().decode()
        server.answer = usual
        process.kill()
        process.wait()
        said += self.printed()
        self.assertIn("answers 401", said)
        for text in (TOKEN, base64.b64encode(f"me:{TOKEN}".encode()).decode()):
            self.assertNotIn(text, said)

    def test_what_a_server_quotes_of_a_request(self):
        """With its secrets, in whatever it says is wrong."""
        def answer(request):
            text = f"no: {request.path} {request.headers['Authorization']} {TOKEN}"
            return (404, {}, text) if not request.lines or len(self.readings(server)) < 1_000 else (400, {}, text)

        server = self.serve(answer)
        secret = self.write("secret", TOKEN + "\n")
        for address in (server.address(user=f"me:{TOKEN}@"), server.address(path=f"/write?db=fleet&p={TOKEN}&u=me")):
            self.assert_unsaid(self.run_into(server, address=address, code=3), "no: /write")
        with_file = {"FLEET_SIM_SINK_PASSWORD_FILE": str(secret), "FLEET_SIM_LOGGING_LEVEL": "debug"}
        self.assert_unsaid(self.run_into(server, env=with_file, code=3), "no: /write")
        server.answer = lambda request: (204,) if len(self.readings(server)) < 1_000 else answer(request)
        ran = self.run_into(server, address=server.address(path=f"/write?db=fleet&p={TOKEN}"), env=with_file, code=1)
        self.assert_unsaid(ran, "rows were rejected: the server answers 400: no: /write")
        secret.unlink()
        for path in self.dir.rglob("*"):
            self.assertFalse(path.is_file() and TOKEN.encode() in path.read_bytes(), path)

    def assert_unsaid(self, ran, said):
        self.assertIn(said, ran.stderr)
        for secret in (TOKEN, base64.b64encode(f"me:{TOKEN}".encode()).decode()):
            self.assertNotIn(secret, ran.stdout + ran.stderr)

    def test_a_server_that_moves_or_lets_nobody_in_any_more(self):
        """That does not pass by itself: the run says what to do and ends, and sends nothing anywhere else."""
        other = self.serve()
        elsewhere = other.address(path=f"/write?p={TOKEN}", user=f"me:{TOKEN}@").removeprefix("lines+")
        for status, headers, said in ((301, {"Location": elsewhere}, f"301 and refers to 127.0.0.1:{other.http.server_port}/write; give"),
                                      (308, {"Location": "/elsewhere"}, "308 and refers to /elsewhere; give"), (304, {}, "304; give"),
                                      (401, {}, "401; put a user")):
            with self.subTest(status):
                server = self.serve(lambda request: (204,))
                server.answer = lambda request: (204,) if len(self.readings(server)) < 1_000 else (status, headers)
                ran = self.run_into(server, "--duration", "1h", code=1, env=FEW_RETRIES)
                self.assertIn(f"the server answers {said}", ran.stderr)
                self.assertIn("gave up", ran.stderr)
                self.assertNotIn(TOKEN, ran.stdout + ran.stderr)
                self.assertEqual(ran.summary.written, len(self.readings(server)))
                self.assertIn(f"the server answers {said}", self.run_into(server, code=3).stderr)
        self.assertEqual(other.requests, [])

    def test_nobody_there_and_no_such_database(self):
        server = self.serve(lambda request: (404, {}, 'database not found: "fleet"'))
        self.assertIn("create the database", self.run_into(server, code=3).stderr)
        port = free_port()
        self.assertIn("refused", self.run_into(None, address=f"lines+http://127.0.0.1:{port}/write", code=3).stderr)
        deaf = self.serve(lambda request: ("lose the answer",))
        self.assertIn("the server closed the connection without an answer", self.run_into(deaf, code=3).stderr)
        foreign = self.serve(lambda request: ("no HTTP",))
        refused = self.run_into(foreign, code=3, address=foreign.address(f"/write?p={TOKEN}")).stderr
        self.assertIn('what answers is no HTTP server: "-ERR no /write?p=… …??"; give the address', refused)

    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    def test_who_the_server_is(self):
        certificate = self.dir / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", certificate,
                        "-out", self.dir / "public.pem"], check=True, capture_output=True)
        with open(certificate, "a") as both:
            both.write((self.dir / "public.pem").read_text())
        server = LineServer(certificate=certificate)
        self.addCleanup(server.close)
        secure = server.address().replace("lines+http:", "lines+https:")
        self.assertIn("no TLS with the server: certificate verify failed", self.run_into(server, address=secure, code=3).stderr)
        plain = self.serve().address().replace("lines+http:", "lines+https:")
        self.assertIn("no TLS with the server", self.run_into(None, address=plain, code=3).stderr)
        ran = self.run_into(server, address=secure, env={"SSL_CERT_FILE": str(self.dir / "public.pem")})
        self.assertEqual(len(self.readings(server)), ran.summary.written)

    def test_a_run_that_was_killed_goes_on(self):
        server = self.serve()
        paced = [1_800 if word == "max" else word for word in RUN]
        process = self.start("run", *paced, "--duration", "4h", "--sink", server.address(), env=SMALL_LOTS)
        progress = self.dir / "data" / "progress.json"
        self.wait_until(lambda: progress.exists() and "temperature_vibration" in progress.read_text())
        first = progress.read_text()  # which may tell of hardly any reading
        self.wait_until(lambda: progress.read_text() != first)
        self.assertIsNone(process.poll(), "it is still at work")
        process.kill()
        process.wait()
        before = len(self.readings(server))
        ran = self.run_into(server, "--resume", "--duration", "4h")
        self.assertEqual(sorted(set(self.readings(server))), self.expected("--duration", "4h"))
        again = len(self.readings(server)) - len(set(self.readings(server)))
        self.assertGreater(ran.summary.found, 0)
        self.assertEqual(ran.summary.found + ran.summary.written, len(set(self.readings(server))))
        self.assertLess(again, before, "what it is known to have is not sent again")

    def test_another_run_does_not_go_on(self):
        server = self.serve()
        self.run_into(server)
        other = server.address("/write?db=other")
        self.assertIn("not to", self.run_into(server, "--resume", address=other, code=2).stderr)


if __name__ == "__main__":
    main()
