#!/usr/bin/env python3
"""`fleet-sim bench` prints what it promises, keeps within its disk, and leaves nothing behind however it ends.

No figure is judged, but for being possible: how fast a machine is, no test can know.
"""

import resource
import threading
from html.parser import HTMLParser

from fleet import *

ONE_CELL = ("--shards", 4, "--writers", 1, "--batch-size", 500, "--synchronous", "normal", "--index", "on", "--collectors", 0,
            "--rounds", 1)


class Page(HTMLParser):
    """The ids of a page, the text in each cell of its tables, and the data of its plot."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.cells, self.addresses, self.data = [], [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.ids += [value for name, value in attributes if name == "id"]
        self.addresses += [value for name, value in attributes if name in ("src", "href", "action", "data")]

    def handle_data(self, data):
        if self.tags and self.tags[-1] in ("td", "th"):
            self.cells.append(data)
        elif self.ids and self.ids[-1] == "data" and self.data is None:
            self.data = json.loads(data)


class Bench(FleetTest):
    def bench(self, *arguments, **options):
        return self.fleet_sim("bench", *arguments, **options)

    def json_of(self, *arguments, **options):
        ran = self.bench(*arguments, "--json", "-", **options)
        self.assert_nothing_written()
        return json.loads(ran.stdout)

    def assert_plausible(self, result, seconds):
        for cell in result["cells"]:
            with self.subTest(cell=cell):
                rates = [one["rows_per_second"] for one in cell["rounds"]]
                spread = cell["rows_per_second"]
                self.assertGreater(min(rates), 0)
                self.assertEqual((spread["min"], spread["max"]), (min(rates), max(rates)))
                self.assertTrue(spread["min"] <= spread["median"] <= spread["max"])
                rows, size = (sum(one[key] for one in cell["rounds"]) for key in ("rows", "bytes"))
                self.assertAlmostEqual(cell["bytes_per_reading"], size / rows)
                self.assertTrue(60 < cell["bytes_per_reading"] < 1000, "no row is that small or large")
                self.assertNotIn("failure", cell)
                for one in cell["rounds"]:
                    self.assertGreaterEqual(one["seconds"], seconds)
                    self.assertAlmostEqual(one["rows"] / one["seconds"], one["rows_per_second"], delta=1)

    def test_quick(self):
        began = time.monotonic()
        ran = self.bench("--quick", "--json", "quick.json", "--html", "quick.html")
        self.assertLess(time.monotonic() - began, 60, "promised: half a minute, and CI is slow")
        self.assert_nothing_written("quick.json", "quick.html")
        result = json.loads((self.dir / "quick.json").read_text())
        self.assertEqual((result["mode"], result["complete"]), ("throughput", True))
        self.assertGreater(result["generator_rows_per_second"], 0)
        cells = [(cell["writers"], cell["index"], cell["collectors"]) for cell in result["cells"]]
        self.assertEqual(cells, [(1, True, 0), (2, True, 0), (1, False, 0), (1, True, 2)])
        self.assertEqual([len(cell["rounds"]) for cell in result["cells"]], [2] * 4)
        self.assert_plausible(result, 1)
        collected = result["cells"][3]["collected"]
        self.assertEqual(collected["errors"], 0)
        self.assertTrue(0 < collected["collected"] <= sum(one["rows"] for one in result["cells"][3]["rounds"]))
        for what in ("poll_seconds", "mark_seconds"):
            self.assertTrue(0 <= collected[what]["p50"] <= collected[what]["p99"] <= collected[what]["max"] < 10)
        # The table has what the JSON has, and the page has what the table has.
        page = Page((self.dir / "quick.html").read_text())
        for cell in result["cells"]:
            median = f"{cell['rows_per_second']['median']:,.0f}"
            self.assertIn(median, ran.stdout)
            self.assertIn(median, page.cells)
        self.assertIn("plot", page.ids)
        self.assertEqual([bar["median"] for bar in page.data["bars"]], [cell["rows_per_second"]["median"] for cell in result["cells"]])
        self.assertEqual(page.addresses, [])
        for fact in ("SQLite", "null sink", "processor", result["machine"]["file_system"], os.fspath(self.dir)):
            self.assertIn(fact, ran.stdout)
        self.assertRegex(ran.stderr, r"cell 4/4 \(2 collectors\), round 2/2, \S+ s left")

    def test_a_paced_fleet(self):
        result = self.json_of(*ONE_CELL, "--rate", 4000, "--seconds", 3)
        (cell,) = result["cells"]
        self.assertAlmostEqual(cell["rows_per_second"]["median"], 4000, delta=400)
        self.assertEqual(cell["rounds"][0]["rows"], 4 * 4000, "the warm-up's and those that count")
        latency = cell["latency_seconds"]
        self.assertTrue(0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p99.9"] <= latency["max"])
        self.assertLess(latency["p99"], 10)
        self.assertAlmostEqual(latency["count"], 3 * 4000, delta=1200)
        self.assertEqual(cell["not_taken"], 0)

    def test_collectors_take_no_more_than_there_is(self):
        arguments = ["2" if before == "--collectors" else one for before, one in zip(("", *ONE_CELL), ONE_CELL)]
        (cell,) = self.json_of(*arguments, "--rate", 4000, "--seconds", 2, "--warm-up", 2)["cells"]
        collected = cell["collected"]
        self.assertEqual(collected["errors"], 0)
        self.assertTrue(0 < collected["collected"] <= cell["rounds"][0]["rows"])
        self.assertGreaterEqual(collected["seconds"], 4)
        self.assertLess(collected["collected"] / collected["seconds"], 4100)

    def test_the_flush_interval_shows_in_the_latency(self):
        result = self.json_of(*ONE_CELL, "--rate", 1000, "--seconds", 3, "--flush-interval", 1000)
        self.assertGreater(result["cells"][0]["latency_seconds"]["p50"], 0.3)

    def test_too_high_a_rate_shows(self):
        result = self.json_of(*ONE_CELL, "--rate", 10_000_000, "--seconds", 1, "--warm-up", 0)
        (cell,) = result["cells"]
        self.assertLess(cell["rows_per_second"]["median"], 9_000_000)
        self.assertGreater(cell["not_taken"], 0)
        self.assertGreater(cell["latency_seconds"]["p99"], 0.5, "the late ones count")

    def test_the_search_for_a_rate(self):
        ran = self.bench("--find-rate", "--seconds", 0.3, "--warm-up", 0.2, "--p99", 1000, "--json", "found.json")
        result = json.loads((self.dir / "found.json").read_text())
        self.assert_nothing_written("found.json")
        steps = result["steps"]
        self.assertEqual(result["highest_rate"], max(step["rate"] for step in steps if step["held"]))
        self.assertTrue(all(step["p99_seconds"] <= 1 for step in steps if step["held"]))
        self.assertIn(f"highest rate: {result['highest_rate']:,.0f} readings/s", ran.stdout)

    def test_no_rate_holds(self):
        ran = self.bench("--find-rate", "--seconds", 0.2, "--warm-up", 0, "--p99", 1, "--flush-interval", 500, code=1)
        self.assertIn("no rate held", ran.stdout)
        self.assert_nothing_written()

    def test_rounds_are_interleaved_and_every_combination_is_there(self):
        ran = self.bench("--full", "--shards", "1,2", "--writers", "1,2", "--batch-size", 100, "--synchronous", "off,full",
                         "--index", "off", "--collectors", 0, "--rounds", 2, "--seconds", 0.2, "--warm-up", 0, "--json", "-")
        rounds = re.findall(r"cell (\d)/6 .*?round (\d)/2", ran.stderr)
        self.assertEqual(rounds, [(str(cell), str(turn)) for turn in (1, 2) for cell in range(1, 7)])
        cells = json.loads(ran.stdout)["cells"]
        self.assertEqual(len({(cell["shards"], cell["writers"], cell["synchronous"]) for cell in cells}), 6)
        self.assertIn("1 shard, 2 writers", ran.stderr, "left out, and said so")

    # ---- what is left behind ----

    def folders(self):
        return list(self.dir.glob("fleet-sim-bench-*"))

    def wait_for_folder(self, process):
        until = time.monotonic() + 30
        while time.monotonic() < until and process.poll() is None:
            if any(shards(folder) for folder in self.folders()):
                return
            time.sleep(0.02)
        self.fail(f"measured nothing:\n{self.printed()}")

    def test_stopped_by_a_signal(self):
        for how, options in ((signal.SIGINT, ()), (signal.SIGTERM, ("--rate", 1000)), (signal.SIGINT, ("--find-rate",))):
            with self.subTest(options=options):
                process = self.start("bench", *options, "--seconds", 60)
                self.wait_for_folder(process)
                process.send_signal(how)
                self.assertEqual(process.wait(timeout=60), 130, self.printed())
                self.assertEqual(self.folders(), [])
                self.assertIn("INTERRUPTED", (self.dir / "stdout").read_text())

    def test_what_was_measured_before_a_signal_is_reported(self):
        process = self.start("bench", *ONE_CELL[:-2], "--rounds", 100, "--seconds", 0.3, "--json", "-")
        until = time.monotonic() + 60
        while "round 3/100" not in self.printed() and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130, self.printed())
        result = json.loads((self.dir / "stdout").read_text())
        self.assertFalse(result["complete"])
        self.assertGreaterEqual(len(result["cells"][0]["rounds"]), 2)
        self.assert_plausible(result, 0.3)

    def test_the_disk_bound(self):
        bound, most, done = 200_000_000, 0, threading.Event()

        def watch():
            nonlocal most
            while not done.wait(0.005):
                used = 0
                for path in self.dir.rglob("fleet-sim-bench-*/*"):
                    try:
                        used += path.stat().st_size
                    except FileNotFoundError:
                        pass
                most = max(most, used)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            result = self.json_of(*ONE_CELL, "--max-disk", "200M", "--seconds", 600)
        finally:
            done.set()
            watcher.join()
        self.assertTrue(result["cells"][0]["rounds"][0]["disk_bound_reached"])
        self.assertLess(result["cells"][0]["rounds"][0]["bytes"], bound)
        self.assertLessEqual(most, bound)
        self.assertGreater(most, bound / 10, "watched nothing")
        self.assertIn("cut short", " ".join(result["notes"]))

    def test_files_that_must_not_grow(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
        ran = self.bench(*ONE_CELL, "--seconds", 20, code=1, preexec_fn=limit, restore_signals=False)
        self.assertIn("FAILED", ran.stdout)
        self.assertIn("failed", ran.stdout)
        self.assert_nothing_written()

    @unittest.skipUnless(os.geteuid() == 0, "mounting needs root")
    def test_a_disk_that_fills_up(self):
        # Enough room to begin with; then somebody else takes it.
        script = """
            mount -t tmpfs -o size=240M tmpfs small || exit 77
            "$@" & bench=$!
            for i in $(seq 400); do compgen -G 'small/fleet-sim-bench-*/*.db' > /dev/null && break; sleep 0.05; done
            head -c 235M /dev/zero > small/filler 2> /dev/null
            wait $bench; code=$?
            rm small/filler; ls -A small
            exit $code"""
        (self.dir / "small").mkdir()
        ran = subprocess.run(["unshare", "-m", "bash", "-c", script, "bash", EXECUTABLE, "bench", *map(str, ONE_CELL), "--seconds",
                              "60", "--dir", "small"], cwd=self.dir, env=environment(), capture_output=True, text=True, timeout=150)
        if ran.returncode == 77 or ran.stderr.startswith("unshare:"):
            self.skipTest(f"nothing can be mounted here: {ran.stderr}")
        self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout, "FAILED .*full")
        self.assertNotIn("fleet-sim-bench-", ran.stdout.splitlines()[-1])

    # ---- what is refused ----

    def test_wrong_arguments(self):
        for arguments, says in ((("--shards", "0"), "--shards"), (("--shards", "1,x"), "'x'"), (("--writers", "65"), "64"),
                                (("--synchronous", "fast"), "off, normal or full"), (("--index", "maybe"), "--index"),
                                (("--seconds", "0"), "--seconds"), (("--rate", "-1"), "--rate"), (("--rate", "nan"), "--rate"),
                                (("--max-disk", "1M"), "200M"), (("--p99", "5"), "--find-rate"), (("--rounds", "0"), "--rounds"),
                                (("--shards", "1", "--writers", "2"), "--shards"), (("--shardz", "1"), "--shards")):
            with self.subTest(arguments=arguments):
                ran = self.bench(*arguments, code=2)
                self.assertIn(says, ran.stderr)
                self.assertEqual(ran.stdout, "")
                self.assert_nothing_written()

    def test_existing_results_are_left_alone(self):
        for option in ("--json", "--html"):
            self.write("mine", "mine")
            ran = self.bench(*ONE_CELL, option, "mine", code=2)
            self.assertIn("exists already", ran.stderr)
            self.assertEqual((self.dir / "mine").read_text(), "mine")
            self.assert_nothing_written("mine")

    def test_no_place_to_write(self):
        self.write("file", "")
        for directory in ("absent", "file", "/proc"):
            ran = self.bench("--dir", directory, *ONE_CELL, code=3)
            self.assertIn(directory, ran.stderr)
            self.assertIn("--dir", ran.stderr)
        self.assert_nothing_written("file")


if __name__ == "__main__":
    main()
