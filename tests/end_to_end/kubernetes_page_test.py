#!/usr/bin/env python3
"""configs/kubernetes/README.md: its commands run, as far as they need no cluster, and its sums are right."""

from fleet import *
from local_pod import KUBERNETES


class Page(FleetTest):
    TEXT = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    BLOCKS = re.findall(r"^```(.*)\n((?:.*\n)*?)```$", TEXT, re.MULTILINE)
    ELSEWHERE = ("kubectl", "bacalhau", "systemctl")
    UNITS = {"B": 1, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15, "M": 1e6, "days": 1, "s": 1, "nodes": 1, "rows/s": 1,
             "MB/s": 1e6, "GB/s": 1e9}

    def test_every_command_that_needs_no_cluster(self):
        (self.dir / "bin").mkdir()
        (self.dir / "bin" / "fleet-sim").symlink_to(EXECUTABLE)
        scripts = [text for language, text in self.BLOCKS if language == "sh"]
        here = [text for text in scripts if not text.startswith(self.ELSEWHERE)]
        for text in scripts:
            if text not in here:
                self.assertTrue(all(line.startswith(self.ELSEWHERE) for line in text.splitlines()), text)
                for path in re.findall(r"configs/\S+", text):
                    self.assertTrue((SOURCE / path).exists(), path)
        self.assertEqual(len(here), 2)
        ran = subprocess.run(["bash", "-eu"], input="".join(here), cwd=self.dir, capture_output=True, text=True, timeout=120,
                             env=environment(PATH=f"{self.dir / 'bin'}:{os.environ['PATH']}"))
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertEqual(total(self.dir / "union", "SELECT count(DISTINCT sensor_id) FROM sensor_readings"), 1000)

    def value(self, text):
        number, _, unit = text.strip().partition(" ")
        return float(number.replace(",", "")) * self.UNITS.get(unit.split(" ")[0], 1)

    def test_sums(self):
        sums = [line for language, text in self.BLOCKS if not language for line in text.splitlines()]
        self.assertGreaterEqual(len(sums), 12)
        for line in sums:
            left, right = line.split(" = ")
            product, *divisors = left.split(" ÷ ")
            expected = functools.reduce(lambda a, b: a * self.value(b), product.split(" × "), 1)
            expected = functools.reduce(lambda a, b: a / self.value(b), divisors, expected)
            self.assertAlmostEqual(self.value(right) / expected, 1, delta=0.01, msg=line)

    def test_figures_are_those_of_the_bench_page(self):
        measured = (SOURCE / "bench" / "README.md").read_text(encoding="utf-8")
        for figure in ("1,029,000", "988,000"):
            self.assertIn(figure, self.TEXT)
            self.assertIn(figure, measured)


if __name__ == "__main__":
    main()
