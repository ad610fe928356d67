#!/usr/bin/env python3
"""The pages tell the truth: the README's rows come out, each snippet of "Using the data" runs as it stands, and each line of "What
can go wrong" is backed by a test. That all other commands are commands is docs_test's part.

The snippets run one after the other in one folder, where `identities` lies as it does in the source. What they print is
held against numbers worked out here from the same files, in another way.
"""

import statistics
from collections import Counter, defaultdict

from pages import *

RUNNERS = {"sh": ["bash", "-eu"], "sql": ["sqlite3", "-batch", "-bail"]}
USING_THE_DATA = "engine/export/README.md"
WHAT_CAN_GO_WRONG = "engine/write/README.md"


class UsingTheData(PageTest):
    def run_snippet_in(self, language, text):
        printed, complaints = self.run_snippet([python_with_pandas(), "-"] if language == "python" else RUNNERS[language], text)
        if language != "sh":
            self.assertEqual(complaints, "", text)  # no warnings
        return printed

    def test_every_snippet(self):
        expectations = [("sh", self.an_hour_of_data), ("python", self.spread_of_voltage), ("sql", self.questions),
                        ("python", self.labels), ("sh", self.exports)]
        snippets = [one for one in FENCE.findall(text_of(USING_THE_DATA)) if one[0] != "text"]
        self.assertEqual([language for language, _ in snippets], [language for language, _ in expectations],
                         "each snippet has an expectation here")
        for (language, text), (_, expect) in zip(snippets, expectations):
            printed = self.run_snippet_in(language, text)
            with self.subTest(expect.__name__, printed=printed):
                expect(printed)

    def rows(self, *files):
        return [row for file in files or ["*.db"] for path in sorted((self.dir / "data").glob(file))
                for row in query(path, "SELECT * FROM sensor_readings")]

    def an_hour_of_data(self, printed):
        self.assertEqual(Summary(printed).due, 15 * 3600)
        self.assertEqual(len(shards(self.dir / "data")), 10)
        self.assert_balanced(Summary(printed), self.dir / "data")

    def spread_of_voltage(self, printed):
        found = re.findall(r"^(1\.\d) +(0\.\d+)$", printed, re.MULTILINE)
        self.assertEqual([firmware for firmware, _ in found], ["1.3", "1.4"])
        for firmware, spread in found:
            voltages = [row[5] for row in self.rows() if row[9] == firmware and row[7] == 0]
            self.assertGreater(len(voltages), 20_000)
            self.assertAlmostEqual(float(spread), statistics.stdev(voltages), places=6)

    def questions(self, printed):
        rows = self.rows("location=Factory_A_-_Line_1.db", "location=Warehouse_B_-_Section_1.db")
        anomalous = [row for row in rows if row[7] == 1]
        by_firmware, of_firmware = Counter(row[9] for row in rows), Counter(row[9] for row in anomalous)
        by_model, of_type = Counter(row[10] for row in anomalous), Counter((row[10], row[8]) for row in anomalous)
        rates = [(firmware, count, of_firmware[firmware], 100 * of_firmware[firmware] / count)
                 for firmware, count in by_firmware.items()]
        types = [(model, kind, count, 100 * count / by_model[model]) for (model, kind), count in of_type.items()]
        taken = [(firmware, count, 0) for firmware, count in by_firmware.items()]
        self.assertEqual((len(rates), len(by_model)), (2, 2), "or the questions show nothing")
        expected = sorted(rates, key=lambda row: -row[3])
        expected += sorted(types, key=lambda row: (row[0], -row[3])) + sorted(taken)
        found = [line.split("|") for line in printed.splitlines()]
        self.assertEqual([row[:len(row) - (len(row) == 4)] for row in found],
                         [list(map(str, row[:3])) for row in expected])
        for row, (*_, percent) in zip(found, expected):
            if len(row) == 4:
                self.assertAlmostEqual(float(row[3]), percent, delta=0.00501)

    def labels(self, printed):
        events = query_all(self.dir / "data", "SELECT anomaly_type, readings_affected FROM anomaly_events")
        affected = defaultdict(int)
        for kind, count in events:
            affected[kind] += count
        missing = affected["missing_data"]
        self.assertGreater(missing, 0, "or the snippet shows nothing")
        self.assertEqual(printed, f"{sum(affected.values()) - missing} of {15 * 3600 - missing} readings anomalous, "
                                  f"{missing} missing, {len(events)} windows\n")


    def exports(self, printed):
        readings = (self.dir / "readings.csv").read_text().splitlines()
        expected = [row for row in self.rows() if row[2] == "OUTDOOR_1" and "T00:10" <= row[1][10:16] < "T00:20"]
        self.assertGreater(len(expected), 0)
        self.assertEqual(len(readings), 1 + len(expected))
        windows = json.loads((self.dir / "combined_windows.json").read_text())
        self.assertEqual(sum(map(len, windows.values())), total(self.dir / "data", "SELECT count(*) FROM anomaly_events"))
        self.assertTrue(json.loads((self.dir / "events.json").read_text()))


class FirstPage(PageTest):
    def test_is_short(self):
        self.assertLessEqual(len(text_of("README.md").split()), 1200)

    def test_its_rows_come_out(self):
        """Readings of a seed stay, so that a reader who makes them sees the same."""
        self.fill("data", "--shard-by", "location", "--seed", 42, "--duration", "1m")
        (table,) = [text for text in fences("README.md", "text") if text.startswith("timestamp")]
        header, *lines = table.splitlines()
        rows = query(self.dir / "data" / "location=Factory_A_-_Line_1.db",
                     """SELECT timestamp, sensor_id, printf('%.1f', temperature), printf('%.2f', vibration), printf('%.2f', voltage),
                               anomaly_type, synced FROM sensor_readings WHERE sensor_id = 'FACTORY_1_OLD' LIMIT 6 OFFSET 16""")
        self.assertEqual([line.split() for line in lines], [[str(cell) for cell in row if cell] + ["0"] for row in rows])
        self.assertEqual(header.split(), "timestamp sensor_id temperature vibration voltage anomaly_type synced".split())


class WhatCanGoWrong(unittest.TestCase):
    """Each line of the table names files of tests that are there, and perhaps the beginnings of tests in them."""

    def names_in(self, name):
        """The names of the tests in a file, in words with _ between."""
        path = SOURCE / "tests" / name
        source, python = path.with_suffix(".cc"), path.with_suffix(".py")
        self.assertTrue(source.is_file() or python.is_file(), f"there is no test {name}")
        if python.is_file():
            return re.findall(r"^    def test_(\w+)\(", python.read_text(encoding="utf-8"), re.MULTILINE)
        found = re.findall(r'^TEST_CASE\(\s*"([^"]+)"', source.read_text(encoding="utf-8"), re.MULTILINE)
        return [self.in_words(test) for test in found]

    @staticmethod
    def in_words(text):
        return re.sub(r"\W+", "_", text.lower()).strip("_")

    def test_every_line_is_backed_by_a_test(self):
        lines = [line for line in text_of(WHAT_CAN_GO_WRONG).splitlines() if line.startswith("|")]
        lines = [line for line in lines if not re.match(r"\| (when|---) \|", line)]
        self.assertGreaterEqual(len(lines), 20)
        named = set()
        for line in lines:
            with self.subTest(line):
                *_, shown_by = (cell.strip() for cell in line.strip("| ").split("|"))
                backed = re.findall(r"`(\w+(?:/\w+)*_(?:test|faults))`(?:: ([^`;]*))?", shown_by)
                self.assertTrue(backed, "names no test")
                for name, beginnings in backed:
                    named.add(name)
                    tests = self.names_in(name)
                    for beginning in filter(None, map(self.in_words, beginnings.split("…"))):
                        self.assertTrue([test for test in tests if beginning in test], f"{name} has no test '{beginning}'")
        # The table forgets none of those that are about nothing else.
        faults = {f"end_to_end/{path.stem}" for path in (SOURCE / "tests" / "end_to_end").glob("*_test.py")
                  if re.search(r"^from (faults|cut_short) import", path.read_text(encoding="utf-8"), re.MULTILINE)}
        self.assertEqual(faults - named, set())


if __name__ == "__main__":
    main()
