#!/usr/bin/env python3
"""The page on scoring: its commands run as they stand, and its detector is better than a guess and than none."""

from pages import *

PAGE = "engine/score/SCORING.md"


class ScoringPage(PageTest):
    def test_every_command(self):
        (self.dir / "bin" / "python3").symlink_to(python_with_pandas())
        printed, complaints = self.run_snippet(["bash", "-euo", "pipefail"], "".join(fences(PAGE, "sh")))
        self.assertNotIn("Warning", complaints)
        told = json.loads((self.dir / "score.json").read_text())
        self.assertEqual(told["readings"], total(self.dir / "graded", "SELECT count(*) FROM sensor_readings"))
        self.assertGreater(told["roc_auc"], 0.6)
        self.assertGreater(told["vus_pr"], 2 * told["anomalous"] / told["readings"])  # what a guess gets is this share
        self.assertGreater(told["events_found"], told["events"] / 4)
        for heading in ("detections.csv against graded", "baseline moving against graded", "detectability"):
            self.assertIn(heading, printed)
        self.assertTrue(list((self.dir / "graded-tsb-ad/TSB-AD-M").iterdir()))
        self.assertTrue((self.dir / "graded-nab/labels/combined_windows.json").exists())
        self.assertTrue(list((self.dir / "graded-skab/fleet").iterdir()))


if __name__ == "__main__":
    main()
