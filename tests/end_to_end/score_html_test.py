#!/usr/bin/env python3
"""`score --html` in a real browser: its figures and pictures are those of `score --json` and of the files."""

import csv

from html_page import *

CONFIG = """
simulation: {interval: 30s}
anomalies:
  probability: 0.25
  severity: graded
  types: {noise: {weight: 0.3}, offset: {weight: 0.4}, missing_data: {weight: 0.1, duration_seconds: 90}}
"""
HOSTILE = "<img src=x onerror=\"document.title='broken in'\"></script>"

BARS = """
return [...document.querySelectorAll("#found .bars")].flatMap(bars => [...bars.querySelectorAll(".track")].map(track => {
  const width = part => part.getBoundingClientRect().width / track.getBoundingClientRect().width;
  const [events, readings] = [...track.children].map(width);
  return { name: track.previousSibling.textContent, figures: track.nextSibling.textContent, events, readings };
}));
"""
# Whether the cross is painted where the threshold in use is.
CROSS = """
const canvas = curvePlot.hidden_ctx_, x = curvePlot.toDomXCoord(verdict.recall), y = curvePlot.toDomYCoord(verdict.precision);
canvas.fillStyle = color("expected");
const wanted = canvas.fillStyle.match(/[0-9a-f]{2}/g).map(part => parseInt(part, 16));
const pixel = canvas.getImageData(Math.round(x) + 6, Math.round(y), 1, 1).data;
return wanted.every((part, i) => Math.abs(part - pixel[i]) < 8);
"""
HIDDEN = "return [...document.querySelectorAll('main section')].filter(one => one.hidden).map(one => one.getAttribute('aria-labelledby'))"


class ScoreHtml(HtmlPageTest):
    def setUp(self):
        super().setUp()
        self.write("my.yaml", CONFIG)
        fleet = [identity(f"S{n}", firmware_version="1.3" if n % 2 else "1.4", model="M" if n else HOSTILE) for n in range(4)]
        self.fill("data", "--config", "my.yaml", "--duration", "2h", identities=self.write_identities(fleet))
        self.rows = query_all(self.dir / "data", "SELECT sensor_id, timestamp, anomaly_type, temperature FROM sensor_readings")

    def write_csv(self, header, rows):
        with open(self.dir / "found.csv", "w", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    def page(self, *arguments):
        self.fleet_sim("score", "data", *arguments, "--html", "scores.html")
        self.open(self.dir / "scores.html")
        self.assertEqual([entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"], [])
        return json.loads(self.fleet_sim("score", "data", *arguments, "--json").stdout)

    def test_a_detector_with_scores(self):
        scores = [(sensor, at, abs(temperature - 65)) for sensor, at, _, temperature in self.rows]
        self.write_csv(("sensor_id", "timestamp", "score"), scores)
        told = self.page("--detections", "found.csv")
        tiles = {one.find_element(By.TAG_NAME, "dt").text: one.find_element(By.TAG_NAME, "dd").text for one in self.find("#tiles div")}
        for name, value in (("F1", told["f1"]), ("Precision", told["precision"]), ("Recall", told["recall"]), ("VUS-PR", told["vus_pr"]),
                            ("ROC-AUC", told["roc_auc"])):
            self.assertTrue(tiles[name].startswith(f"{value:.3f}"), (name, tiles))
        self.assertIn(f"{told['events_found']} of {told['events']}", tiles["Anomalies found"])
        # A bar is as long as its share.
        bars = self.browser.execute_script(BARS)
        groups = told["by_kind"] + told["by_severity"] + told["by_cause"]
        self.assertEqual([bar["name"] for bar in bars], [group["name"].replace("_", " ") for group in groups])
        for bar, group in zip(bars, groups):
            self.assertEqual(bar["figures"], f"{group['events_found']} of {group['events']}")
            self.assertAlmostEqual(bar["events"], group["event_recall"], delta=0.002)
            self.assertAlmostEqual(bar["readings"], group["recall"] or 0, delta=0.002)
        # The curve of precision and recall is what thresholds give.
        curve = self.browser.execute_script("return curve")
        self.assertEqual([curve[0][0] <= curve[1][0], curve[-1][0]], [True, 1])
        for recall, precision, threshold in curve[::97]:
            flagged = [bool(kind) for (*_, score), (_, _, kind, _) in zip(scores, self.rows) if score >= threshold]
            self.assertAlmostEqual(precision, sum(flagged) / len(flagged))
            self.assertAlmostEqual(recall, sum(flagged) / told["anomalous"])
        self.assertTrue(self.browser.execute_script(CROSS))
        # And that of delays ends at the share that was found.
        delays = {one["name"]: one["points"] for one in self.browser.execute_script("return delays")}
        self.assertEqual(delays["all"], sorted(delays["all"]))
        for group in ({**told, "name": "all"}, *told["by_kind"]):
            if group["events_found"]:
                self.assertAlmostEqual(delays[group["name"]][-1][1], group["event_recall"])
                half = next(delay for delay, share in delays[group["name"]] if share >= group["event_recall"] / 2 - 1e-9)
                self.assertAlmostEqual(half, group["delay_p50"], places=3)
        for plot in ("#delay-plot", "#curve-plot"):
            self.assertGreater(self.painted(plot), 2_000)
        # Every group has a row, and everything has a name.
        names = [cell.get_attribute("textContent") for cell in self.find("#tables tbody th")]
        self.assertEqual(names, ["all"] + [group["name"].replace("_", " ") if key == "by_kind" else group["name"] for key in
                                           ("by_kind", "by_severity", "by_cause", "by_firmware", "by_model") for group in told[key]])
        self.assertIn(HOSTILE, names)
        self.assertNotEqual(self.browser.title, "broken in")
        self.assertEqual(self.find("img"), [])
        self.assertTrue(all(picture.get_attribute("aria-label") for picture in self.find("[role=img]")))
        self.assertEqual(self.browser.execute_script(HIDDEN), [])

    def test_flags_alone_have_no_curve(self):
        self.write_csv(("sensor_id", "timestamp", "flag"), [(sensor, at, int(bool(kind))) for sensor, at, kind, _ in self.rows]
                       + [("S1", "2031-01-01", 1)])
        self.page("--detections", "found.csv")
        self.assertEqual(self.browser.execute_script(HIDDEN), ["curve-title"])
        self.assertIn("1 of ", self.find("#warnings")[0].text)
        self.assertIn("1.000", self.find("#tiles dd")[0].text)
        # Nothing at all is said as such.
        self.write_csv(("sensor_id", "timestamp", "flag"), [])
        self.page("--detections", "found.csv")
        self.assertEqual(self.browser.execute_script(HIDDEN), ["delay-title", "curve-title"])

    def test_dark_and_narrow(self):
        self.page("--baseline", "diff", "--threshold", "3")
        light = self.browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        self.assertIn("Flagged from a score of 3.", self.find("#about")[0].text)
        self.open(self.dir / "scores.html", dark=True, width=390)
        self.assertNotEqual(self.browser.execute_script("return getComputedStyle(document.body).backgroundColor"), light)
        self.assertLessEqual(self.browser.execute_script("return document.documentElement.scrollWidth"), 390)

    def test_which_files_are_replaced(self):
        arguments = ("score", "data", "--baseline", "abs", "--html")
        self.fleet_sim(*arguments, "scores.html")
        self.fleet_sim(*arguments, "scores.html")
        self.assertEqual(self.fleet_sim(*arguments, "-").stdout.encode(), (self.dir / "scores.html").read_bytes())
        self.fleet_sim("report", "data", "--html", "report.html")
        self.assertIn("exists and holds something else", self.fleet_sim(*arguments, "report.html", code=2).stderr)
        self.fleet_sim(*arguments, "scores.html", "--json", code=2)


if __name__ == "__main__":
    main()
