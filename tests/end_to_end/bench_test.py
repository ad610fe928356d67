#!/usr/bin/env python3
"""`fleet-sim bench` prints what it promises, measures every combination, and refuses what makes no sense."""

from html.parser import HTMLParser

from benching import *


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


class Bench(BenchTest):
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

    def test_rounds_are_interleaved_and_every_combination_is_there(self):
        ran = self.bench("--full", "--shards", "1,2", "--writers", "1,2", "--batch-size", 100, "--synchronous", "off,full",
                         "--index", "off", "--collectors", 0, "--rounds", 2, "--seconds", 0.2, "--warm-up", 0, "--json", "-")
        rounds = re.findall(r"cell (\d)/6 .*?round (\d)/2", ran.stderr)
        self.assertEqual(rounds, [(str(cell), str(turn)) for turn in (1, 2) for cell in range(1, 7)])
        cells = json.loads(ran.stdout)["cells"]
        self.assertEqual(len({(cell["shards"], cell["writers"], cell["synchronous"]) for cell in cells}), 6)
        self.assertIn("1 shard, 2 writers", ran.stderr, "left out, and said so")

    def test_queries_in_every_cell(self):
        """Also in the first one, whose generator is measured by itself, without files that could be asked."""
        self.bench(*ONE_CELL, "--queries", "1,2", "--layout", "wide,compact", "--seconds", 1, "--json", "queries.json")
        result = json.loads((self.dir / "queries.json").read_text())
        self.assertEqual({(cell["queries"], cell["layout"]) for cell in result["cells"]},
                         {(queries, layout) for queries in (1, 2) for layout in ("wide", "compact")})
        for cell in result["cells"]:
            self.assertEqual(cell["queried"]["errors"], 0)
            self.assertGreater(cell["queried"]["last_by_sensor_seconds"]["count"], 0)

    def test_wrong_arguments(self):
        for arguments, says in ((("--shards", "0"), "--shards"), (("--shards", "1,x"), "'x'"), (("--writers", "65"), "64"),
                                (("--synchronous", "fast"), "off, normal or full"), (("--index", "maybe"), "--index"),
                                (("--seconds", "0"), "--seconds"), (("--rate", "-1"), "--rate"), (("--rate", "nan"), "--rate"),
                                (("--max-disk", "1M"), "200M"), (("--p99", "5"), "--find-rate"), (("--rounds", "0"), "--rounds"),
                                (("--json", "x", "--html", "x"), "--html"), (("--shards", "1", "--writers", "2"), "--shards"), (("--shardz", "1"), "--shards")):
            with self.subTest(arguments=arguments):
                ran = self.bench(*arguments, code=2)
                self.assertIn(says, ran.stderr)
                self.assertEqual(ran.stdout, "")
                self.assert_nothing_written()

    def test_existing_results_are_left_alone(self):
        for option in ("--json", "--html"):
            self.write("mine", "mine")
            ran = self.bench(*ONE_CELL, option, "mine", code=2)
            self.assertIn("already exists", ran.stderr)
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
