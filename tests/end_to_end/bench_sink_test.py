#!/usr/bin/env python3
"""`fleet-sim bench --sink` measures other places than files of SQLite, side by side, and leaves none of its readings there."""

from benching import *
from postgresql_server import PostgresqlTest

SHORT = ("--writers", 1, "--rounds", 1, "--seconds", 0.3, "--warm-up", 0)


class BenchSink(BenchTest):
    def test_a_file_and_a_device_beside_each_other(self):
        ran = self.bench("--sink", "ndjson:out.ndjson", "--sink", "csv:/dev/null", *SHORT, "--batch-size", "1000,100",
                         "--json", "found.json", "--html", "found.html")
        self.assert_nothing_written("found.json", "found.html")
        result = json.loads((self.dir / "found.json").read_text())
        cells = [(cell["sink"], cell["writers"], cell["batch_size"]) for cell in result["cells"]]
        self.assertEqual(cells, [("ndjson:out.ndjson", 1, 1000), ("ndjson:out.ndjson", 1, 100),
                                 ("csv:/dev/null", 1, 1000), ("csv:/dev/null", 1, 100)])
        for cell in result["cells"]:
            self.assertGreater(cell["rows_per_second"]["median"], 0)
            self.assertNotIn("shards", cell)
            self.assertNotIn("failure", cell)
            self.assertIn(f"{cell['rows_per_second']['median']:,.0f}", ran.stdout)
        self.assertTrue(150 < result["cells"][0]["bytes_per_reading"] < 500, "a line of NDJSON")
        self.assertNotIn("bytes_per_reading", result["cells"][2])
        for said in ("ndjson:out.ndjson", "csv:/dev/null", "x base"):
            self.assertIn(said, ran.stdout)
        self.assertNotIn("synchronous", ran.stdout)
        self.assertIn("csv:/dev/null", (self.dir / "found.html").read_text())

    def test_latency_against_the_rate(self):
        result = self.json_of("--sink", "lines:out.lp", *SHORT[:-4], "--batch-size", 500, "--rate", "500,4000", "--seconds", 1,
                              "--warm-up", 0.5)
        self.assertEqual([cell["offered_per_second"] for cell in result["cells"]], [500, 4000])
        for cell in result["cells"]:
            due = 1.5 * cell["offered_per_second"]
            self.assertAlmostEqual(cell["rounds"][0]["rows"] + cell["not_taken"], due, delta=due / 10)
            latency = cell["latency_seconds"]
            self.assertTrue(0 < latency["p50"] <= latency["p99"] <= latency["max"])

    def test_a_search_for_each_sink(self):
        ran = self.bench("--sink", "null", "--sink", "ndjson:/dev/null", "--find-rate", "--seconds", 0.2, "--warm-up", 0,
                         "--p99", 2000, "--json", "found.json")
        for search in json.loads((self.dir / "found.json").read_text())["searches"]:
            rate = search["highest_rate"]
            self.assertEqual(rate, max(step["rate"] for step in search["steps"] if step["held"]))
            self.assertIn(f"{search['cell']['sink']}: highest rate: {rate:,.0f} readings/s", ran.stdout)

    def test_through_a_pipe(self):
        with open(self.dir / "lines", "w") as lines:
            ran = subprocess.run([EXECUTABLE, "bench", "--sink", "-", *map(str, SHORT), "--batch-size", "500"], cwd=self.dir,
                                 env=environment(), stdout=lines, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("ndjson:-", ran.stderr)
        self.assertIn("Throughput", ran.stderr)
        with open(self.dir / "lines") as lines:
            self.assertIn("temperature", json.loads(next(lines)))

    def test_what_cannot_be_measured(self):
        self.write("mine.csv", "mine")
        for arguments, says, code in ((("--sink", "csv:mine.csv"), "already exists", 2), (("--sink", "nowhere:x"), "--sink", 2),
                                      (("--sink", "tcp://host"), "tcp://HOST:PORT", 2), (("--sink", "null", "--shards", 2), "--shards", 2),
                                      (("--sink", "-", "--json", "-"), "--json", 2), (("--sink", "csv:x", "--writers", 2), "one writer", 2),
                                      (("--password-file", "x"), "--password-file", 2)):
            with self.subTest(arguments=arguments):
                ran = self.bench(*arguments, code=code)
                self.assertIn(says, ran.stderr)
                self.assertEqual(ran.stdout, "")
        self.assertEqual((self.dir / "mine.csv").read_text(), "mine")
        self.assert_nothing_written("mine.csv")

    def test_a_server_that_does_not_answer(self):
        ran = self.bench("--sink", f"lines+http://127.0.0.1:{free_port()}/write", *SHORT, "--sink", "null", code=1)
        self.assertIn("FAILED lines+http://127.0.0.1", ran.stdout)
        self.assert_nothing_written()


class BenchPostgresql(PostgresqlTest, BenchTest):
    def schemas(self):
        return self.server.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'fleet%'")

    def test_a_schema_of_its_own(self):
        address = self.server.address()
        ran = self.bench("--sink", address, "--sink", "null", *SHORT, "--batch-size", "2000,200", "--json", "found.json")
        self.assertEqual(self.schemas(), [])
        result = json.loads((self.dir / "found.json").read_text())
        self.assertRegex(result["sinks"][0]["what"], r"PostgreSQL \d+\.\d+")
        for cell in result["cells"][:2]:
            self.assertGreater(cell["rows_per_second"]["median"], 0)
            self.assertTrue(100 < cell["bytes_per_reading"] < 1000)
        self.assertRegex(ran.stdout, r"PostgreSQL \d+\.\d+")

    def test_stopped_by_a_signal(self):
        process = self.start("bench", "--sink", self.server.address(), "--seconds", 60)
        until = time.monotonic() + 60
        while not any("bench" in name for (name,) in self.schemas()):
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130, self.printed())
        self.assertEqual(self.schemas(), [])

    def test_a_password(self):
        self.server.query("CREATE ROLE guarded LOGIN PASSWORD 'open-sesame-4711'; GRANT CREATE ON DATABASE postgres TO guarded")
        address = self.server.address(user="guarded")
        ran = self.bench("--sink", address, *SHORT, code=3)
        self.assertIn("password", ran.stderr)
        self.write("password", "open-sesame-4711\n")
        ran = self.bench("--sink", address, *SHORT, "--batch-size", 1000, "--password-file", "password", "--json", "found.json")
        self.assertNotIn("open-sesame", ran.stdout + ran.stderr + (self.dir / "found.json").read_text())
        self.assertEqual(self.schemas(), [])


if __name__ == "__main__":
    main()
