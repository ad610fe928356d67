#!/usr/bin/env python3
"""The page that compares the sinks: its questions have the same answers from every sink, and the pipes to what is not built in
take every reading. Servers and programs that are not installed are skipped, and said."""

import ctypes
import ctypes.util
import urllib.parse
import urllib.request

from pages import fences, text_of
from postgresql_server import PROGRAMS, PostgresqlServer

from fleet import *

PAGE = "engine/write/SINKS.md"
RUN = ("--identities", IDENTITIES, "--seed", 7, "--start", "2026-03-01", "--speed", "max", "--duration", "20m")


def installed(*programs):
    return unittest.skipUnless(all(map(shutil.which, programs)), f"{' and '.join(programs)} must be installed")


def wait_for_port(port, process, seconds=60):
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError("the server does not answer")
            time.sleep(0.05)


class Page(FleetTest):
    def questions(self, language):
        lines = [line for text in fences(PAGE, language) for line in text.splitlines() if line]
        self.assertEqual(len(lines), 3, language)
        return lines

    def serve(self, *command):
        """A server that goes with the test, and its port, which replaces PORT."""
        port = free_port()
        process = subprocess.Popen([str(word).replace("PORT", str(port)) for word in command], cwd=self.dir, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            process.kill()
            process.wait()
        self.addCleanup(end)
        wait_for_port(port, process)
        return port


class Questions(Page):
    def expected(self):
        """What another program reads in SQLite's files."""
        self.fleet_sim(*RUN, "--data-dir", "data")
        rows = query_all(self.dir / "data", "SELECT location, firmware_version, temperature, anomaly_flag, anomaly_type FROM sensor_readings")
        places, firmwares = {}, {}
        for location, firmware, temperature, flag, _ in rows:
            places.setdefault(location, []).append(temperature)
            firmwares.setdefault(firmware, []).append(flag)
        spikes = [temperature for *_, temperature, _, kind in rows if kind == "spike" and temperature > 80]
        self.assertGreater(len(spikes), 0)
        return [{place: (len(values), sum(values) / len(values)) for place, values in places.items()},
                {firmware: (sum(flags) / len(flags),) for firmware, flags in firmwares.items()}, {"": (len(spikes), max(spikes))}]

    def assert_answers(self, answers, expected):
        """Rows of texts: a name, unless there is only one row, and numbers."""
        for rows, right in zip(answers, expected, strict=True):
            found = {("" if "" in right else row[0]): [float(value) for value in row[0 if "" in right else 1:]] for row in rows}
            self.assertEqual(found.keys(), right.keys())
            for name, values in right.items():
                for value, wanted in zip(found[name], values, strict=True):
                    self.assertAlmostEqual(value, wanted, places=6)

    def test_sqlite(self):
        expected = self.expected()
        answers = [[row.split(",") for row in self.fleet_sim("sql", "data", "--format", "csv", question).stdout.splitlines()[1:]]
                   for question in self.questions("sql")]
        self.assert_answers([[[word.strip('"') for word in row] for row in rows] for rows in answers], expected)

    @unittest.skipIf(PROGRAMS is None, "PostgreSQL must be installed")
    def test_postgresql(self):
        self.dir.chmod(0o755)
        server = PostgresqlServer(self.dir / "server")
        self.addCleanup(server.quit)
        self.fleet_sim(*RUN, "--data-dir", "record", "--sink", server.address())
        self.assert_answers([server.query("SET search_path TO fleet; " + question) for question in self.questions("sql")], self.expected())

    @installed("jq")
    def test_ndjson(self):
        self.fleet_sim(*RUN, "--data-dir", "record", "--sink", "ndjson:readings.ndjson")
        answers = [subprocess.run(["jq", "-rs", question, "readings.ndjson"], cwd=self.dir, check=True, capture_output=True,
                                  text=True).stdout.splitlines() for question in self.questions("jq")]
        self.assert_answers([[line.split("\t") for line in lines] for lines in answers], self.expected())

    def get(self, port, path, **parameters):
        """With POST, which both servers want for what changes something."""
        data = urllib.parse.urlencode(parameters).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data=data, timeout=30) as answer:
            return json.loads(answer.read())

    @installed("influxd")
    def test_influxdb(self):
        port = free_port()
        self.write("influx.conf", f"""
            reporting-disabled = true
            bind-address = "127.0.0.1:{free_port()}"
            [meta]
            dir = "{self.dir}/meta"
            [data]
            dir = "{self.dir}/data-of-server"
            wal-dir = "{self.dir}/wal"
            index-version = "tsi1"
            [http]
            bind-address = "127.0.0.1:PORT"
            """.replace("PORT", str(port)))
        process = subprocess.Popen(["influxd", "-config", "influx.conf"], cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        wait_for_port(port, process)
        self.get(port, "/query", q="CREATE DATABASE fleet")
        self.fleet_sim(*RUN, "--data-dir", "record", "--sink", f"lines+http://127.0.0.1:{port}/write?db=fleet")
        answers = []
        for question in self.questions("influxql"):
            (result,) = self.get(port, "/query", db="fleet", q=question)["results"]
            answers.append([[*series.get("tags", {}).values(), *series["values"][0][1:]] for series in result["series"]])
        self.assert_answers(answers, self.expected())

    @installed("victoria-metrics")
    def test_victoria_metrics(self):
        port = self.serve("victoria-metrics", "-storageDataPath=metrics", "-httpListenAddr=127.0.0.1:PORT", "-retentionPeriod=100y")
        self.fleet_sim(*RUN, "--data-dir", "record", "--sink", f"lines+http://127.0.0.1:{port}/write")
        places, firmwares, _ = self.expected()

        def ask(question):
            found = self.get(port, "/api/v1/query", query=question, time="2026-03-01T12:00:00Z", nocache="1")["data"]["result"]
            return [[*one["metric"].values(), one["value"][1]] for one in found]
        questions = self.questions("promql")
        until = time.monotonic() + 30  # it shows rows a while after it has received them
        while sum(float(row[-1]) for row in ask(questions[0])) < sum(count for count, _ in places.values()) and time.monotonic() < until:
            time.sleep(0.2)
        answers = [ask(question) for question in questions]
        highest = max(temperature for (temperature,) in query_all(self.dir / "data", "SELECT temperature FROM sensor_readings"))
        self.assert_answers(answers, [{place: (count,) for place, (count, _) in places.items()}, firmwares, {"": (highest,)}])


class Pipes(Page):
    COUNT = 500  # with this seed, none of them falls into a dropout
    RUN = f"--no-status --seed 7 --speed max --start 2026-03-01 --count {COUNT}"

    def command(self, name):
        """What the page says behind the name, with the executable that is tested, and a run that ends."""
        text = text_of(PAGE)
        after = text[text.index(f"\n- {name}: "):].split("\n- ")[1]
        commands = re.findall(r"`([^`]+)`", after)
        self.assertIn("fleet-sim --identities ./identities", commands[0])
        return [command.replace("fleet-sim --identities ./identities",
                                f"'{EXECUTABLE}' --identities '{IDENTITIES}' {self.RUN}")
                for command in commands]

    def run_command(self, command, **more):
        ran = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], cwd=self.dir, env=environment(**more), stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=120)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        return ran

    def assert_readings(self, lines):
        readings = [json.loads(line) for line in lines]
        self.assertEqual(len(readings), self.COUNT)
        self.assertEqual(len({(one["sensor_id"], one["timestamp"]) for one in readings}), self.COUNT)

    @installed("kcat")
    @unittest.skipUnless(ctypes.util.find_library("rdkafka"), "librdkafka must be installed")
    def test_kafka(self):
        """The broker is librdkafka's own, for tests."""
        library = ctypes.CDLL(ctypes.util.find_library("rdkafka"))
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(library, name).restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        client = library.rd_kafka_new(0, ctypes.c_void_p(library.rd_kafka_conf_new()), None, 0)
        cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(ctypes.c_void_p(client), 1))
        self.addCleanup(lambda: (library.rd_kafka_mock_cluster_destroy(cluster), library.rd_kafka_destroy(ctypes.c_void_p(client))))
        broker = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
        (command,) = self.command("Kafka")
        self.run_command(command.replace("localhost:9092", broker))
        ran = self.run_command(f"kcat -C -b {broker} -t readings -o beginning -c {self.COUNT} -q")
        self.assert_readings(ran.stdout.splitlines())

    @installed("mosquitto", "mosquitto_pub", "mosquitto_sub")
    def test_mqtt(self):
        self.write("broker.conf", "listener PORT 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n".replace("PORT", str(port := free_port())))
        broker = subprocess.Popen(["mosquitto", "-c", "broker.conf"], cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (broker.kill(), broker.wait()))
        wait_for_port(port, broker)
        with open(self.dir / "taken", "w") as taken:
            reader = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", "readings", "-q", "1", "-d",
                                       "-C", str(self.COUNT)], stdout=taken, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (reader.kill(), reader.wait()))
        until = time.monotonic() + 30
        while "Subscribed" not in (self.dir / "taken").read_text():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        (command,) = self.command("MQTT")
        self.run_command(command.replace("-h localhost -p 1883", f"-h 127.0.0.1 -p {port}"))
        self.assertEqual(reader.wait(timeout=60), 0)
        self.assert_readings(line for line in (self.dir / "taken").read_text().splitlines() if line.startswith("{"))

    @installed("duckdb")
    def test_parquet(self):
        write, convert = self.command("Parquet")
        self.run_command(write)
        self.run_command(convert)
        ran = self.run_command("duckdb -csv -noheader -c \"SELECT count(*), count(DISTINCT (sensor_id, timestamp)), typeof(any_value(temperature)), "
                               "typeof(any_value(firmware_version)) FROM 'readings.parquet'\"")
        self.assertEqual(ran.stdout.strip(), f"{self.COUNT},{self.COUNT},DOUBLE,VARCHAR")


if __name__ == "__main__":
    main()
