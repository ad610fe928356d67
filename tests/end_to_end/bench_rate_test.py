#!/usr/bin/env python3
"""`fleet-sim bench` at a given rate: latencies count from when a reading was due."""

from benching import *


class BenchRate(BenchTest):
    def test_a_paced_fleet(self):
        result = self.json_of(*ONE_CELL, "--rate", 4000, "--seconds", 2)
        (cell,) = result["cells"]
        self.assertAlmostEqual(cell["rows_per_second"]["median"], 4000, delta=400)
        self.assertEqual(cell["rounds"][0]["rows"], 3 * 4000, "the warm-up's and those that count")
        latency = cell["latency_seconds"]
        self.assertTrue(0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p99.9"] <= latency["max"])
        self.assertLess(latency["p99"], 10)
        self.assertAlmostEqual(latency["count"], 2 * 4000, delta=800)
        self.assertEqual(cell["not_taken"], 0)

    def test_collectors_take_no_more_than_there_is(self):
        arguments = ["2" if before == "--collectors" else one for before, one in zip(("", *ONE_CELL), ONE_CELL)]
        (cell,) = self.json_of(*arguments, "--rate", 4000, "--seconds", 1, "--warm-up", 1)["cells"]
        collected = cell["collected"]
        self.assertEqual(collected["errors"], 0)
        self.assertTrue(0 < collected["collected"] <= cell["rounds"][0]["rows"])
        self.assertGreaterEqual(collected["seconds"], 2)
        self.assertLess(collected["collected"] / collected["seconds"], 4100)

    def test_the_flush_interval_shows_in_the_latency(self):
        result = self.json_of(*ONE_CELL, "--rate", 1000, "--seconds", 2, "--flush-interval", 1000)
        self.assertGreater(result["cells"][0]["latency_seconds"]["p50"], 0.3)

    def test_too_high_a_rate_shows(self):
        result = self.json_of(*ONE_CELL, "--rate", 10_000_000, "--seconds", 1, "--warm-up", 0)
        (cell,) = result["cells"]
        self.assertLess(cell["rows_per_second"]["median"], 9_000_000)
        self.assertGreater(cell["not_taken"], 0)
        self.assertGreater(cell["latency_seconds"]["p99"], 0.5, "the late ones count")


if __name__ == "__main__":
    main()
