"""What the tests of `fleet-sim bench` share. No figure is judged, but for being possible: how fast a machine is, no test can know."""

from fleet import *

ONE_CELL = ("--shards", 4, "--writers", 1, "--batch-size", 500, "--synchronous", "normal", "--index", "on", "--collectors", 0,
            "--rounds", 1)


class BenchTest(FleetTest):
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
