#!/usr/bin/env python3
"""Readings as text: to standard output, pipes, files and a server, with the rows that SQLite gets from the same run."""

import array
import fcntl
import termios
import threading

from fleet import *

RUN = ("--identities", IDENTITIES, "--seed", 7, "--start", "2026-01-01", "--speed", "max")
FORMATS = {"ndjson": "ndjson", "csv": "csv", "lines": "line-protocol"}
DISTURBED = """delivery: {drop: 2%, late: {share: 10%, median: 4s}, duplicate: 1%, jitter: 20ms}
scenario:
  - {name: 'an "upgrade"', at: +2m, set: {firmware_version: "1.3"}, waves: {0s: 50%, 1m: 100%}}
  - {name: outage, at: +3m, for: 1m, where: {firmware_version: "1.3"}, deliver: {hold: true, drain: 3}}
"""
PUMP = {"types": {"pump": {"channels": {"flow": {"base": 10}}}}}


def row_of(line):
    return [int(value) if isinstance(value, bool) else value for value in line.values()]


def waiting_in(pipe):
    """How many bytes nobody has read yet."""
    found = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, found)
    return found[0]


class Server:
    """Takes one connection at a time, and whatever lines come, until it is closed, or has `enough` bytes and dies."""

    def __init__(self, port=0, enough=float("inf")):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.bytes, self.enough = bytearray(), enough
        self.connection = None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            while True:
                self.connection, _ = self.listener.accept()
                while piece := self.connection.recv(1 << 16):
                    self.bytes += piece
                    if len(self.bytes) > self.enough:
                        self.reset()
        except OSError:
            pass

    def reset(self):
        """At once: what has not been read is gone."""
        self.listener.close()
        if self.connection:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()

    def die(self):
        self.reset()
        self.thread.join(10)


class TextSink(FleetTest):
    def sink(self, address, *arguments, **options):
        return self.fleet_sim(*RUN, "--duration", "10m", "--sink", address, *arguments, **options)

    def summary(self, ran):
        return Summary(ran.stderr)

    def pipe(self, command, *arguments, code=0):
        """Runs the fleet with a pipe into a command of the shell, and returns what that printed, and the summary."""
        words = " ".join(f"'{one}'" for one in (EXECUTABLE, *RUN, *arguments))
        ran = subprocess.run(["bash", "-c", f"{words} | {command}; exit ${{PIPESTATUS[0]}}"], cwd=self.dir,
                             env=environment(), capture_output=True, text=True, timeout=120)
        self.assertEqual(ran.returncode, code, ran.stderr)
        return ran.stdout, ran.stderr

    def test_the_rows_are_those_of_sqlite(self):
        self.fill("data", "--duration", "10m")
        for scheme, word in FORMATS.items():
            with self.subTest(scheme):
                ran = self.sink(f"{scheme}:-")
                exported = self.fleet_sim("export", "data", "--format", word).stdout
                self.assertEqual(sorted(ran.stdout.splitlines()), sorted(exported.splitlines()))
                summary = self.summary(ran)
                self.assertEqual(summary.written, len(exported.splitlines()) - (scheme == "csv"))
                self.assertEqual((summary.lost, summary.due), (0, summary.written + summary.missing))

    def test_a_file_and_its_events(self):
        self.fill("data", "--duration", "10m")
        self.sink("csv:out/rows.csv", "--data-dir", "data2", env={"FLEET_SIM_SINK_EVENTS": "out/events.ndjson"}, code=3)
        (self.dir / "out").mkdir()
        ran = self.sink("csv:out/rows.csv", env={"FLEET_SIM_SINK_EVENTS": "out/events.ndjson"})
        self.assertEqual(ran.summary.written, len((self.dir / "out/rows.csv").read_text().splitlines()) - 1)
        last = {}
        for line in (self.dir / "out/events.ndjson").read_text().splitlines():
            event = json.loads(line)
            last[event["sensor_id"], event["started_at"]] = event
        names = list(next(iter(last.values())))
        recorded = query_all(self.dir / "data", f"SELECT {', '.join(names)} FROM anomaly_events")
        self.assertEqual(sorted(map(repr, recorded)), sorted(repr(tuple(one.values())) for one in last.values()))

    def test_what_a_scenario_and_delivery_do(self):
        config = self.write("config.yaml", DISTURBED)
        self.fill("data", "--duration", "10m", "--config", config)
        for scheme, word in FORMATS.items():
            with self.subTest(scheme):
                events = f"{scheme}.events"
                ran = self.sink(f"{scheme}:-", "--config", config, env={"FLEET_SIM_SINK_EVENTS": events})
                exported = self.fleet_sim("export", "data", "--format", word).stdout
                self.assertEqual(sorted(ran.stdout.splitlines()), sorted(exported.splitlines()))
                summary = self.summary(ran)
                self.assertEqual(summary.due + summary.duplicates,
                                 summary.written + summary.missing + summary.dropped + summary.undelivered)
                told = [json.loads(line) for line in (self.dir / events).read_text().splitlines()]
                for table, mark in (("fleet_events", "verb"), ("deliveries", "kind")):
                    lines = [one for one in told if mark in one]
                    recorded = query_all(self.dir / "data", f"SELECT {', '.join(lines[0])} FROM {table}")
                    self.assertEqual(sorted(map(str, recorded)), sorted(str(tuple(row_of(one))) for one in lines))

    def test_what_a_scenario_does_is_among_the_events(self):
        (self.dir / "upgrade.yaml").write_text(
            "scenario:\n  - {name: 'an \"upgrade\"', at: +2m, spread: 5m, silent_for: 30s, set: {firmware_version: '9.9'}}\n",
            encoding="utf-8")
        how = ("--duration", "10m", "--config", "upgrade.yaml")
        self.fill("data", *how)
        self.fleet_sim(*RUN, *how, "--sink", "ndjson:rows", env={"FLEET_SIM_SINK_EVENTS": "events"})
        reached = [one for one in map(json.loads, (self.dir / "events").read_text().splitlines()) if "verb" in one]
        recorded = query_all(self.dir / "data", f"SELECT {', '.join(reached[0])} FROM fleet_events")
        self.assertEqual(len(reached), 15)
        self.assertEqual(sorted(map(repr, recorded)), sorted(repr((*list(one.values())[:-1], int(one["failed"]))) for one in reached))
        rows = [json.loads(line) for line in (self.dir / "rows").read_text().splitlines()]
        self.assertEqual({row["firmware_version"] for row in rows[-100:]}, {"9.9"})

    def test_events_to_a_descriptor(self):
        with open(self.dir / "events", "w") as events:
            ran = subprocess.run([EXECUTABLE, *map(str, RUN), "--duration", "10m", "--sink", "-"], cwd=self.dir, text=True,
                                 env=environment(FLEET_SIM_SINK_EVENTS=f"fd:{events.fileno()}"), capture_output=True,
                                 pass_fds=[events.fileno()], timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        causes = {json.loads(line)["cause"] for line in (self.dir / "events").read_text().splitlines()}
        self.assertEqual(causes, {"drawn"})

    def test_a_reader_that_has_had_enough(self):
        out, said = self.pipe("head -3", "--duration", "30d", "--sink", "-")
        self.assertEqual(len([json.loads(line) for line in out.splitlines()]), 3)
        self.assertIn("nobody reads any more; ending the run", said)
        summary = Summary(said)
        self.assertEqual(summary.due, summary.written + summary.missing + summary.lost)
        self.assertIn("reader_left", summary.lines["lost"])
        self.assertNotIn("again", summary.lines)

    def test_a_reader_in_another_language(self):
        program = "import json, sys; print(sum(json.loads(line)['temperature'] > 0 for line in sys.stdin))"
        out, said = self.pipe(f"python3 -c \"{program}\"", "--count", 5_000, "--sink", "-")
        self.assertEqual(Summary(said).due, 5_000)
        self.assertEqual(int(out), Summary(said).written)

    def test_a_reader_that_stalls_gets_every_line(self):
        out, said = self.pipe("(sleep 1.5; wc -l)", "--count", 30_000, "--sink", "-")
        summary = Summary(said)
        self.assertEqual((int(out), summary.lost, summary.errors), (summary.written, 0, 0))

    def test_a_stop_waits_for_no_reader_that_never_reads(self):
        read_end, write_end = os.pipe()
        (self.dir / "stdout").touch()
        with open(self.dir / "stderr", "w") as err:
            process = subprocess.Popen([EXECUTABLE, *map(str, RUN), "--duration", "1d", "--sink", "-"], cwd=self.dir,
                                       stdout=write_end, stderr=err, env=environment())
        self.addCleanup(process.kill)
        os.close(write_end)
        self.wait_for(lambda: waiting_in(read_end) > 60_000)
        time_asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=40), 1)
        self.assertLess(time.monotonic() - time_asked, 25)
        self.assertIn("storage_failed_at_stop", (self.dir / "stderr").read_text())
        os.close(read_end)

    def test_standard_output_leaves_no_files(self):
        ran = subprocess.run([EXECUTABLE, *map(str, RUN), "--duration", "1m", "--sink", "-"], cwd=self.dir, text=True,
                             env={name: value for name, value in environment().items() if name != "FLEET_SIM_LOGGING_FILE"},
                             capture_output=True, timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assert_nothing_written()
        self.assertEqual(len([json.loads(line) for line in ran.stdout.splitlines()]), Summary(ran.stderr).written)

    def test_a_named_pipe(self):
        os.mkfifo(self.dir / "pipe")
        process = self.start(*RUN, "--duration", "10m", "--sink", "lines:pipe")
        with open(self.dir / "pipe") as pipe:
            lines = pipe.read().splitlines()
        self.assertEqual(process.wait(timeout=30), 0, self.printed())
        self.assertEqual(len(lines), Summary((self.dir / "stdout").read_text()).written)

    def test_a_file_that_has_lines_already(self):
        first = self.sink("ndjson:rows").summary.written
        before = (self.dir / "rows").read_bytes()
        refused = self.sink("ndjson:rows", code=3)
        self.assertIn("has lines already", refused.stderr)
        self.assertEqual((self.dir / "rows").read_bytes(), before)
        second = self.sink("ndjson:rows", "--append", "--start", "2026-02-01").summary.written
        self.assertEqual(len((self.dir / "rows").read_text().splitlines()), first + second)
        self.assertIn("has other columns", self.sink("csv:rows", "--append", code=3).stderr)

    def test_a_file_that_is_rotated(self):
        process = self.start("--identities", IDENTITIES, "--rate", 100, "--duration", 0, "--sink", "csv:rows.csv",
                             env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"})
        self.wait_for_lines("rows.csv", 100)
        os.rename(self.dir / "rows.csv", self.dir / "rows.1.csv")
        self.wait_for_lines("rows.csv", 100)
        summary = self.stop(process)
        files = [(self.dir / name).read_text().splitlines() for name in ("rows.1.csv", "rows.csv")]
        self.assertEqual(files[0][0], files[1][0])
        self.assertEqual(sum(len(lines) - 1 for lines in files), summary.written)

    def wait_for_lines(self, name, least):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                if (self.dir / name).read_bytes().count(b"\n") >= least:
                    return
            except FileNotFoundError:
                pass
            time.sleep(0.05)
        self.fail(f"{name} has not {least} lines:\n{self.printed()}")

    def test_a_server_that_dies_and_comes_back(self):
        server = Server()
        process = self.start("--identities", IDENTITIES, "--rate", 50, "--duration", 0, "--sink", f"tcp://127.0.0.1:{server.port}",
                             env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"})
        self.wait_for(lambda: server.bytes.count(b"\n") > 200)
        server.die()
        before = server.bytes
        self.wait_for(lambda: "rows wait in memory" in (self.dir / "stderr").read_text())
        again = Server(server.port)
        self.wait_for(lambda: again.bytes.count(b"\n") > 1_000)
        summary = self.stop(process)
        again.thread.join(10)
        self.assertEqual(summary.lost, 0)
        whole = [line for part in (before, again.bytes) for line in part.split(b"\n")[:-1]]
        keys = [(row["sensor_id"], row["timestamp"]) for row in map(json.loads, whole)]
        self.assertEqual(len(set(keys)), len(keys), "a line twice")
        self.assertLessEqual(len(keys), summary.written)
        # What the socket had taken when the server died is handed over and lost: a lot or two.
        self.assertGreater(len(keys), summary.written - 5_000)

    def test_a_server_that_is_not_there(self):
        """At the start it is a mistake. Later a fleet without pace waits for it, and loses nothing that it has not handed over."""
        nobody = f"tcp://127.0.0.1:{free_port()}"
        refused = self.sink(nobody, code=3)
        self.assertIn(f"{nobody}: cannot be opened: cannot connect: Connection refused", refused.stderr)
        self.assertIn("cannot be opened", self.sink("tcp://nobody.invalid:80", code=3).stderr)
        server = Server(enough=100_000)
        process = self.start(*RUN, "--duration", "2h", "--sink", f"tcp://127.0.0.1:{server.port}")
        self.wait_for(lambda: "waiting for an answer: cannot connect" in (self.dir / "stderr").read_text())
        Server(server.port)
        self.assertEqual(process.wait(timeout=60), 0, self.printed())
        summary = Summary((self.dir / "stdout").read_text())
        self.assertEqual(summary.due, summary.written + summary.missing)

    def wait_for(self, condition):
        until = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.05)

    def test_what_is_refused(self):
        for says, *arguments in (
                ("sharding.by", "--sink", "-", "--shard-by", "sensor"),
                ("has one writer", "--sink", "-", "--writers", 2),
                ("must be tcp://HOST:PORT", "--sink", "tcp://localhost"),
                ("must be tcp://HOST:PORT", "--sink", "tcp://localhost:99999"),
                ("must be sqlite, null, -, ndjson:FILE", "--sink", "ndjson"),
                ("must be sqlite, null, -, ndjson:FILE", "--sink", "jsonl:x"),
                ("keeps nothing to resume from", "--sink", "-", "--resume")):
            with self.subTest(arguments):
                self.assertIn(says, self.fleet_sim(*RUN, "--duration", "1m", *arguments, code=2).stderr)
        self.assertIn("sink.events is for sinks of text",
                      self.fleet_sim(*RUN, code=2, env={"FLEET_SIM_SINK_EVENTS": "x"}).stderr)
        self.assertIn("no such open descriptor",
                      self.fleet_sim(*RUN, "--sink", "-", code=2, env={"FLEET_SIM_SINK_EVENTS": "fd:77"}).stderr)
        self.assertIn("Is a directory", self.fleet_sim(*RUN, "--duration", "1m", "--sink", "csv:.", code=3).stderr)

    def test_several_types(self):
        types = self.write("types.yaml", json.dumps(PUMP))
        fleet = self.write_identities([identity("A"), {"id": "P", "type": "pump"}])
        run = ("--config", types, "--identities", fleet, "--speed", "max", "--start", "2026-01-01", "--seed", 7, "--duration", "1m")
        rows = [json.loads(line) for line in self.fleet_sim(*run, "--sink", "-").stdout.splitlines()]
        self.assertEqual({row["sensor_id"]: "flow" in row for row in rows}, {"A": False, "P": True})
        lines = self.fleet_sim(*run, "--sink", "lines:-").stdout.splitlines()
        self.assertEqual({line.split(",")[0] for line in lines}, {"sensor_readings", "sensor_readings_pump"})
        self.assertIn("use ndjson or lines", self.fleet_sim(*run, "--sink", "csv:-", code=2).stderr)


if __name__ == "__main__":
    main()
