#!/usr/bin/env python3
"""What a person sees: the line of progress on a real pseudo-terminal, its width, colors, and what Ctrl-C leaves behind."""

from fleet import *
from pseudo_terminal import PseudoTerminal, screen

REDRAWN = re.compile(r"\r\x1b\[K([^\r\n\x1b]*)")
COLOR = re.compile(r"\x1b\[\d*m")


class Terminal(FleetTest):
    def on_terminal(self, *arguments, columns=80, env=None, data="data"):
        if not (self.dir / "fleet.jsonl").exists():  # others may be reading it
            self.write_identities([identity("A", pressure=1), identity("B")])  # a key that makes a warning
        env = environment(**{"TERM": "xterm", "NO_COLOR": "", **(env or {})})
        terminal = PseudoTerminal([EXECUTABLE, "--identities", "fleet.jsonl", "--data-dir", data, "--rate", "50",
                                   *map(str, arguments)], columns, cwd=self.dir, env=env)
        self.addCleanup(terminal.close)
        return terminal

    def drawn(self, text):
        return [line for line in REDRAWN.findall(text) if "rows/s" in line]

    def test_the_whole_line(self):
        terminal = self.on_terminal("--duration", "60", columns=200)
        terminal.wait_for(r"\d rows \| lag p99 [^|]+ \| \d+ waiting \| \d+ anomalies \| \d+ s left")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 4)

    def test_a_line_never_wraps(self):
        terminals = {columns: self.on_terminal("--duration", "1.7", columns=columns, data=f"data{columns}")
                     for columns in (90, 60, 40, 25, 12)}
        for columns, terminal in terminals.items():
            with self.subTest(columns=columns):
                self.assertEqual(terminal.wait(), 0)
                lines = self.drawn(terminal.text)
                self.assertGreaterEqual(len(lines), 2, terminal.text)
                self.assertLessEqual(max(map(len, lines)), columns - 1)
                if columns >= 40:
                    self.assertTrue(any("left" in line for line in lines), "time left matters more than counts")

    def test_the_rate_between_two_flushes(self):
        """Rows come once in a second, lines twice."""
        terminal = self.on_terminal("--duration", "6", columns=100)
        self.assertEqual(terminal.wait(), 0)
        rates = [int(line.split(" ")[0]) for line in self.drawn(terminal.text)]
        flowing = rates[next(i for i, rate in enumerate(rates) if rate > 0):]
        self.assertGreater(len(flowing), 5, rates)
        self.assertGreater(min(flowing), 0, rates)

    def test_resize(self):
        terminal = self.on_terminal("--duration", "60", columns=120)
        terminal.wait_for(r"anomalies")
        terminal.resize(45)
        before = len(terminal.text)
        terminal.wait_for(r"rows/s[\s\S]*rows/s[\s\S]*rows/s", after=before)
        narrow = self.drawn(terminal.text[before:])[1:]  # the first may have been under way
        self.assertLessEqual(max(map(len, narrow)), 44)
        terminal.resize(120)
        before = len(terminal.text)
        terminal.wait_for(r"anomalies", after=before)

    def test_ctrl_c_leaves_a_clean_terminal(self):
        terminal = self.on_terminal("--duration", "60", columns=100)
        terminal.wait_for(r"rows/s[^\r]*\r\x1b\[K[^\r]*rows/s")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 4)
        lines = screen(terminal.text)
        self.assertEqual(lines[-1], "", "the prompt begins on a line of its own")
        summary = [i for i, line in enumerate(lines) if line.startswith("  sensors ")]
        self.assertEqual(len(summary), 1, lines)
        self.assertEqual(sum("rows/s |" in line for line in lines), 1, "one line of progress is left standing")
        self.assertIn("rows/s |", lines[summary[0] - 1])
        values = [re.match(r"  \w+ +", line).end() for line in lines[summary[0]:-2]]
        self.assertEqual(len(set(values)), 1, "the values stand below each other")
        self.assertFalse(re.search(r"\x1b\[\?", terminal.text), "no mode of the terminal was changed")

    def test_a_second_ctrl_c(self):
        """While the drain waits for a lock that somebody holds."""
        terminal = self.on_terminal("--duration", "60", columns=100)
        terminal.wait_for(r"rows/s[^\r]*\r\x1b\[K[^\r]*rows/s")
        self.wait_for_rows(self.dir / "data")
        holder = connect(self.dir / "data" / "sensor_data.db")
        self.addCleanup(holder.close)
        holder.execute("BEGIN IMMEDIATE")
        time.sleep(0.2)  # so that something waits to be written
        terminal.type("\x03")
        terminal.wait_for("stopping")
        time.sleep(0.2)  # what comes at once is the same wish
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 130)
        self.assertEqual(screen(terminal.text)[-1], "")

    def test_color(self):
        terminal = self.on_terminal("--duration", "1")
        self.assertEqual(terminal.wait(), 0)
        self.assertRegex(terminal.text, r"\x1b\[33m[^\r\n]*pressure[^\r\n]*\x1b\[0m\r?\n")
        self.assertEqual(len(COLOR.findall(terminal.text)), 2, "nothing else is worth a color")

    def test_no_color(self):
        terminal = self.on_terminal("--duration", "60", env={"NO_COLOR": "1"})
        terminal.wait_for("rows/s")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 4)
        self.assertIn("pressure", terminal.text)
        self.assertEqual(COLOR.findall(terminal.text), [])
        self.assertTrue(self.drawn(terminal.text), "which says nothing about a line that is redrawn")

    def test_a_dumb_terminal(self):
        terminal = self.on_terminal("--duration", "1.5", env={"TERM": "dumb"})
        self.assertEqual(terminal.wait(), 0)
        self.assertIn("pressure", terminal.text)
        self.assertNotIn("\x1b", terminal.text)
        self.assertNotIn("\r", terminal.text.replace("\r\n", "\n"))

    def test_what_does_not_go_to_the_terminal_has_no_color(self):
        self.write_identities([identity("A", pressure=1)])
        ran = self.fleet_sim("--identities", "fleet.jsonl", "--data-dir", "data", "--duration", 1, env={"TERM": "xterm"})
        self.assertIn("pressure", ran.stderr)
        self.assertNotIn("\x1b", ran.stdout + ran.stderr + (self.dir / "log" / "fleet-sim.log").read_text())


class Hint(FleetTest):
    def test_a_run_whose_writer_had_no_time_to_spare(self):
        cores = len(os.sched_getaffinity(0))
        ran = self.fill("data", "--duration", "12h", "--shard-by", "model", "--rate", 2)
        busy = int(re.match(r"(\d+)% busy", ran.summary.lines["writer"])[1])
        if busy == 90:
            self.skipTest("90% may be just above or below the limit")
        hint = f"the writer was the bottleneck ({busy}% busy); --writers {max(2, min(3, cores - 1))} would use more cores"
        self.assertEqual(ran.summary.lines.get("hint"), hint if busy > 90 and cores > 1 else None)
        self.assertNotIn("hint", self.fill("two", "--duration", "1h", "--shard-by", "model",
                                           "--writers", 3).summary.lines, "there are three shards")


if __name__ == "__main__":
    main()
