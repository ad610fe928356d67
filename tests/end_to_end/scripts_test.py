#!/usr/bin/env python3
"""scripts/README.md names every script, and what it says of the demo and of one process per sensor is what the scripts do."""

from collections import defaultdict

from fleet import *

SCRIPTS = SOURCE / "scripts"
PAGE = (SCRIPTS / "README.md").read_text(encoding="utf-8")


class Page(FleetTest):
    def test_names_every_script(self):
        there = {path.name for path in SCRIPTS.iterdir() if path.is_file() and os.access(path, os.X_OK)}
        self.assertEqual(set(re.findall(r"(?m)^\| `scripts/([\w.]+)", PAGE)), there)

    def test_the_demo_is_the_one_in_identities(self):
        self.fleet_sim("generate", "--preset", "demo", "--out", "demo")
        made = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((self.dir / "demo").glob("*.json"))]
        self.assertEqual({one["id"]: one for one in made}, demo_identities())

    def test_days_have_the_rates_that_the_demo_promises(self):
        """In percent of the rows. Between days they differ by 0.36 and 0.2 points (standard deviation): anomalies last for minutes."""
        promised = re.search(r"about ([\d.]+)% for firmware 1\.3 and ([\d.]+)% for 1\.4, give or take ([\d.]+) and ([\d.]+) points",
                             (SCRIPTS / "demo").read_text())
        days = 4
        totals = defaultdict(list)
        for seed in range(days):
            self.fill(f"data-{seed}", "--duration", "1d", "--seed", seed)
            for firmware, rate in query_all(self.dir / f"data-{seed}", "SELECT firmware_version, 100.0 * avg(anomaly_flag) "
                                                                       "FROM sensor_readings GROUP BY 1"):
                totals[firmware].append(rate)
        self.assertEqual(set(totals), {"1.3", "1.4"})
        for firmware, expected, deviation in zip(("1.3", "1.4"), promised.groups()[:2], promised.groups()[2:]):
            for rate in totals[firmware]:
                self.assertAlmostEqual(rate, float(expected), delta=float(deviation))
            self.assertAlmostEqual(sum(totals[firmware]) / days, float(expected), delta=float(deviation) / days ** 0.5)


class CompareProcesses(FleetTest):
    def compare(self, *arguments, code=0, executable=EXECUTABLE):
        ran = subprocess.run([SCRIPTS / "compare_processes", *arguments], cwd=self.dir, capture_output=True, text=True,
                             env=environment(FLEET_SIM=executable), timeout=100)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        return ran.stdout + ran.stderr

    def table(self, text):
        rows = [re.split(r"  +", line.strip()) for line in text.splitlines()]
        return {row[0]: [float(re.match(r"[\d.]+", cell.replace(",", ""))[0]) for cell in row[1:]] for row in rows[1:]}

    def test_side_by_side(self):
        """Two seconds of real time, in which no sensor of this seed is missing for long."""
        table = self.table(self.compare("2"))
        in_page = [line.split("|")[1].strip() for line in PAGE.splitlines() if re.match(r"\| [a-z ]+ \| [\d.,]+", line)]
        self.assertEqual(list(table), in_page)
        self.assertEqual(table["processes"], [1, 15])
        self.assertEqual(table["files"], [15, 15])
        self.assertGreaterEqual(min(table["time"]), 2)
        self.assertEqual(table["threads"][1], 15 * table["threads"][0])
        self.assertGreater(table["peak memory"][1], 2 * table["peak memory"][0])
        self.assertGreater(table["processor time"][1], table["processor time"][0])

    def test_the_same_rows(self):
        """Readings depend on seed, sensor, start and time, not on the process."""
        table = self.table(self.compare("1h", "--speed", "max", "--start", "2026-01-01"))
        self.assertEqual(table["rows"][0], table["rows"][1])
        self.assertGreater(table["rows"][0], 0.9 * 15 * 3600)

    def test_what_fails_is_reported(self):
        self.assertIn("processes failed", self.compare("never", code=1))
        self.assertIn("does not exist", self.compare("2", code=1, executable=str(self.dir / "nowhere")))


class ManyProcesses(FleetTest):
    """Processes of one sensor each, as the page says: not in one data directory, but as partitions."""

    def test_share_no_data_directory(self):
        first = self.start("--identity", IDENTITIES / "outdoor_1.json", "--duration", 0)
        self.wait_for_rows(self.dir / "data", 1, first)
        refused = self.fleet_sim("--identity", IDENTITIES / "outdoor_2.json", "--shard-by", "sensor", "--duration", 1, code=3)
        self.assertIn(f"process {first.pid} writes the same sensors there", refused.stderr)
        self.stop(first)


if __name__ == "__main__":
    main()
