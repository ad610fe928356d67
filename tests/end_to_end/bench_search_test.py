#!/usr/bin/env python3
"""`fleet-sim bench` searches for the highest rate that holds, and says when none does."""

from benching import *


class BenchSearch(BenchTest):
    def test_the_search_for_a_rate(self):
        ran = self.bench("--find-rate", "--seconds", 0.2, "--warm-up", 0.1, "--p99", 1000, "--json", "found.json")
        result = json.loads((self.dir / "found.json").read_text())
        self.assert_nothing_written("found.json")
        steps = result["steps"]
        self.assertEqual(result["highest_rate"], max(step["rate"] for step in steps if step["held"]))
        self.assertTrue(all(step["p99_seconds"] <= 1 for step in steps if step["held"]))
        self.assertIn(f"highest rate: {result['highest_rate']:,.0f} readings/s", ran.stdout)

    def test_no_rate_holds(self):
        ran = self.bench("--find-rate", "--seconds", 0.2, "--warm-up", 0, "--p99", 1, "--flush-interval", 100, code=1)
        self.assertIn("no rate held", ran.stdout)
        self.assert_nothing_written()


if __name__ == "__main__":
    main()
