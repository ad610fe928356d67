#!/usr/bin/env python3
"""`report --html` in a real browser: what it shows, that it asks for nothing outside, and what it does to files."""

from html_page import *  # before what is Selenium's: it sees to the right Python
from selenium.webdriver.support.ui import Select

HOSTILE = {"id": "</script><script>document.title='broken in'</script>",
           "location": "Factory <img src=x onerror=\"document.title='broken in'\">",
           "manufacturer": "<svg onload=\"document.title='broken in'\">", "model": "<b>&amp;</b>",
           "firmware_version": "1.3'\"><i>"}

# Of each chart of rates: its names, and whether a dot is painted where each rate is, and a mark where it is expected.
DOTS = """
const isPainted = (canvas, shade, x, y) => {
  canvas.fillStyle = shade;
  const wanted = canvas.fillStyle.match(/[0-9a-f]{2}/g).map(part => parseInt(part, 16));
  const pixel = canvas.getImageData(Math.round(x), Math.round(y), 1, 1).data;
  return pixel[3] === 255 && wanted.every((part, i) => Math.abs(part - pixel[i]) < 8);
};
return rateCharts.map(({ box, groups, plot }) => {
  const shows = (shade, share, i, above) =>
    isPainted(plot.hidden_ctx_, color(shade), plot.toDomXCoord(share), plot.toDomYCoord(groups.length - 1 - i) - above);
  return {
    names: [...box.querySelectorAll(".dygraph-axis-label-y")].map(label => label.textContent),
    dots: groups.map(({ rate }, i) => shows("accent", rate, i, 0)),
    expected: groups.map(({ expected }, i) => shows("expected", expected, i, 9)) };
});
"""
BARS = """
return [...document.querySelectorAll("#types .mix")].map(mix => {
  const width = part => part.getBoundingClientRect().width;
  const lengths = kind => [...mix.querySelectorAll(kind + " span")].map(part => width(part) / width(part.parentNode));
  return { name: mix.querySelector(".name").textContent, share: lengths(".share"), expected: lengths(".expected") };
});
"""
GROUPINGS = ("by_firmware", "by_model", "by_manufacturer", "by_location_class")


class ReportHtml(HtmlPageTest):
    def page(self, data="data", name="report.html"):
        self.fleet_sim("report", data, "--html", name)
        path = self.dir / name
        self.assertLess(path.stat().st_size, 3_000_000)
        return path

    def test_the_page_of_the_demo_fleet(self):
        self.fill("data", "--shard-by", "location", "--duration", "1d")
        self.open(self.page())
        report = json.loads(self.fleet_sim("report", "data", "--json").stdout)
        self.assertIn("15", self.find("#tiles dd")[0].text)
        self.assertIn(f"{report['total']['readings']:,}", self.find("#tiles dd")[1].text)
        self.assertIn(f"{100 * report['total']['rate']:.2f}%", self.find("#tiles dd")[2].text)
        self.assertEqual(len(self.find("#sensor-plots .plot")), 3)
        for plot in self.find("#sensor-plots .plot") + self.find("#daily-plot"):
            painted = max(self.browser.execute_script(PAINTED, canvas)
                          for canvas in plot.find_elements(By.TAG_NAME, "canvas"))
            self.assertGreater(painted, 2_000)
        # Every grouping has a chart and, beside it, its table.
        charts = self.browser.execute_script(DOTS)
        self.assertEqual([chart["names"] for chart in charts],
                         [[group["name"] for group in report[key]] for key in GROUPINGS])
        for chart, key in zip(charts, GROUPINGS):
            self.assertEqual(chart["dots"], [True] * len(report[key]), key)
            self.assertEqual(chart["expected"], [True] * len(report[key]), key)
        for group in report["by_firmware"]:
            row = next(row for row in self.find("#rates tbody tr") if row.find_element(By.TAG_NAME, "th")
                       .get_attribute("textContent") == group["name"])
            self.assertIn(f"{100 * group['rate']:.2f}%", row.get_attribute("textContent"))
            self.assertIn(f"{100 * group['expected']:.2f}%", row.get_attribute("textContent"))
        # Each bar of the mix is as long as its share.
        bars = self.browser.execute_script(BARS)
        self.assertEqual([bar["name"] for bar in bars], [model["name"] for model in report["by_model"]])
        for bar, model in zip(bars, report["by_model"]):
            for key in ("share", "expected"):
                self.assertEqual(len(bar[key]), len(model["types"]))
                for length, figures in zip(bar[key], model["types"].values()):
                    self.assertAlmostEqual(length, figures[key], delta=0.002)
        self.assertEqual(self.find("main svg"), [])
        # Headings, captions, names of pictures: what a screen reader goes by.
        self.assertTrue(all(table.find_elements(By.TAG_NAME, "caption") for table in self.find("table")))
        self.assertTrue(all(picture.get_attribute("aria-label") for picture in self.find("[role=img]")))
        self.assertEqual(self.browser.execute_script("return document.documentElement.lang"), "en")

    def test_anomalies_are_shaded_and_another_sensor_changes_the_plots(self):
        self.fill("data", "--shard-by", "firmware", "--duration", "6h")
        self.open(self.page())
        data = json.loads(self.find("#data")[0].get_attribute("textContent"))
        first = data["series"][0]
        self.assertGreaterEqual(len({a["type"] for a in first["anomalies"]}), 4)
        # Shading is paint: without the anomalies there is clearly less of it.
        with_shading = self.painted("#sensor-plots")
        self.browser.execute_script("shown.anomalies = []; for (const plot of plots) plot.updateOptions({});")
        self.assertGreater(with_shading, 1.2 * self.painted("#sensor-plots"))

        choice = Select(self.find("#sensor-choice")[0])
        self.assertEqual(len(choice.options), len(data["series"]))
        self.assertGreaterEqual(len(choice.options), 4)
        picture = "return document.querySelector('#sensor-plots canvas:nth-of-type(2), #sensor-plots canvas').toDataURL()"
        before, about = self.browser.execute_script(picture), self.find("#sensor-about")[0].text
        choice.select_by_index(1)
        self.assertNotEqual(self.browser.execute_script(picture), before)
        self.assertNotEqual(self.find("#sensor-about")[0].text, about)
        self.assertEqual(len(self.find("#sensor-plots .plot")), 3)
        rows = self.find("#sensor-table tbody tr")
        self.assertEqual(len(rows), len(data["series"][1]["anomalies"]))

        # The keyboard's way from anomaly to anomaly.
        self.find("#next")[0].send_keys("\n")
        self.assertIn(f"Anomaly 1 of {len(rows)}", self.find("#sensor-reading")[0].text)
        shown = self.browser.execute_script("return plots.map(plot => plot.xAxisRange())")
        self.assertEqual(shown[0], shown[1])
        self.assertLess(shown[0][1] - shown[0][0], 3_600_000)
        self.assertEqual([entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"], [])

    def test_rates_over_time_are_plotted_and_marked(self):
        config = self.write("scenario.yaml", 'scenario:\n  - {name: "<b>up</b>", at: +6h, where: {firmware_version: "1.3"}, '
                            'set: {firmware_version: "1.4"}, waves: {0h: 50%, 6h: 100%}}\n')
        self.fill("data", "--config", config, "--duration", "1d", "--interval", "10s")
        self.open(self.page())
        self.assertGreater(self.painted("#over-time-plot"), 2_000)
        self.assertEqual([one.text for one in self.find("#over-time-legend li")], ["1.3", "1.4"])
        marks = [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")] for row in self.find("#marks tbody tr")]
        self.assertEqual([(mark[0], mark[1], mark[-1]) for mark in marks],
                         [(str(1 + wave), f"2026-01-01 {6 + 6 * wave:02}:00:00 UTC", f"<b>up</b>: set: {{firmware_version: 1.4}}, wave {1 + wave} of 2")
                          for wave in range(2)])
        rows = self.browser.execute_script("return [...document.querySelectorAll('#over-time-table tbody tr')].map(row => row.children[2].textContent)")
        self.assertEqual(rows, ["1.3", "1.4", "1.3", "1.4", "1.4"])  # after the second wave, nobody has 1.3
        self.assertIn(":00", " ".join(one.text for one in self.find("#over-time-plot .dygraph-axis-label-x")))

    def test_series_are_the_readings_in_the_files(self):
        self.fill("data", "--duration", "30m")
        self.page()
        text = (self.dir / "report.html").read_text()
        data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
        (path,) = shards(self.dir / "data")
        for series in data["series"]:
            stored = query(path, "SELECT timestamp, temperature, vibration, voltage FROM sensor_readings "
                                 "WHERE sensor_id = ? ORDER BY timestamp", series["sensor_id"])
            stored = [row for row in stored if series["from_ms"] * 1000 <= micros(row[0]) < series["until_ms"] * 1000]
            points = [point for point in series["points"] if len(point) == 4]
            self.assertEqual(len(points), series["readings"])
            self.assertEqual(len(points), len(stored))
            for point, row in zip(points, stored):
                self.assertAlmostEqual(series["from_ms"] + point[0], micros(row[0]) / 1000, delta=1)
                for shown, value in zip(point[1:], row[1:]):
                    self.assertAlmostEqual(shown, value, delta=0.001)

    def test_a_plot_for_each_unit_of_any_type_of_sensor(self):
        config = self.write("types.yaml", """types:
  pump:
    sources: {run: {kind: load, duty: 0.6}, warm: {kind: lag, of: run, tau: 1h}}
    channels:
      volume:  {unit: m3, kind: counter, per: 1h, resolution: 0.01, rate: {run: 48}}
      bearing: {unit: "°C", base: 30, white: 0.1, terms: {warm: 18}}
      flow:    {unit: m3/h, base: 0, white: 0.01, terms: {run: 48}}
      oil:     {unit: "°C", base: 25, white: 0.1, terms: {warm: 9}}
      mode:    {kind: state, of: run, at: [0.5], names: [stopped, "<b>running</b>"]}
""")
        fleet = self.write_identities([identity("PUMP", type="pump", location="Outdoor"), identity("TEMP")])
        self.fill("data", "--config", config, "--duration", "12h", "--rate", 0.1, identities=fleet)
        self.open(self.page())
        choice = Select(self.find("#sensor-choice")[0])
        choice.select_by_index(next(i for i, option in enumerate(choice.options) if option.text.startswith("PUMP – pump, firmware")))
        self.assertEqual([title.text for title in self.find("#sensor-plots h3")],
                         ["volume in m3 per hour", "bearing oil in °C", "flow in m3/h", "mode"])
        for plot in self.find("#sensor-plots .plot"):
            painted = max(self.browser.execute_script(PAINTED, canvas) for canvas in plot.find_elements(By.TAG_NAME, "canvas"))
            self.assertGreater(painted, 1_000)
        # The rate of its counter is between standing still and 48 m3/h, and on average as much as the file says.
        rates = self.browser.execute_script("return plots[0].rawData_.map(row => row[1]).filter(rate => rate !== null)")
        self.assertGreater(len(rates), 1_000)
        self.assertAlmostEqual(min(rates), 0, delta=0.5)
        self.assertAlmostEqual(max(rates), 48, delta=0.5)
        (pumps,) = (self.dir / "data").glob("*.type=pump.db")
        volumes = query(pumps, "SELECT timestamp, volume FROM sensor_readings ORDER BY timestamp")
        (begin, first), (end, last) = volumes[0], volumes[-1]
        hours = (micros(end) - micros(begin)) / (3600 * SECOND)
        self.assertAlmostEqual(sum(rates) / len(rates), (last - first) / hours, delta=1)
        # A state is read by its name.
        said = self.browser.execute_script("const row = shown.rows.findIndex(row => row[5] === 1); showReading(shown.rows[row][0], row);"
                                           "return document.getElementById('sensor-reading').textContent")
        self.assertRegex(said, r"  volume [\d.]+ m3  bearing .*  mode <b>running</b>")
        # The day of each type, of a channel that is measured.
        daily = Select(self.find("#daily-choice")[0])
        self.assertEqual([option.text for option in daily.options], ["pump", "temperature_vibration"])
        self.assertEqual(self.find("#daily-title")[0].text, "Daily cycle of bearing")
        daily.select_by_index(1)
        self.assertEqual(self.find("#daily-title")[0].text, "Daily cycle of temperature")
        self.assertEqual(self.find("#rates h3")[0].text, "By sensor type")
        self.assertEqual([entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"], [])

    def test_dark_and_narrow(self):
        self.fill("data", "--duration", "2h")
        page = self.page()
        self.open(page)
        light = self.browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        self.open(page, dark=True, width=390)
        self.assertNotEqual(self.browser.execute_script("return getComputedStyle(document.body).backgroundColor"), light)
        self.assertLessEqual(self.browser.execute_script("return document.documentElement.scrollWidth"), 390)
        self.assertGreater(self.painted("#sensor-plots"), 2_000)

    def test_names_are_text(self):
        fleet = self.write_identities([{**identity("x"), **HOSTILE}, identity("y")])
        config = self.write("config.yaml", "behaviors: {location: {'Factory <img': {daily: 2}}}\n")
        self.fill("data", "--duration", "30m", "--config", config, identities=fleet)
        # What an identity file would not be allowed to hold, a tampered database may.
        (path,) = shards(self.dir / "data")
        query(path, "UPDATE sensor_readings SET model = ? || char(8232) || x'ff' WHERE sensor_id = 'y'", HOSTILE["id"])
        self.open(self.page())
        self.assertNotEqual(self.browser.title, "broken in")
        self.assertEqual(self.find("img, main i:not([aria-hidden]), main b, svg[onload]"), [])
        self.assertEqual(len(self.find("script")), 3)
        self.assertIn(HOSTILE["id"], {option.text.split(" – ")[0] for option in self.find("#sensor-choice option")})
        names = [cell.get_attribute("textContent") for cell in self.find("#rates tbody th")]
        for key in ("manufacturer", "model"):
            self.assertIn(HOSTILE[key], names)
        self.assertIn("Factory <img", names)

    def test_which_files_are_replaced(self):
        self.fill("data", "--duration", 60)
        page = self.page()
        page.write_text(page.read_text() + "<!-- older -->")
        self.page()
        self.assertNotIn("<!-- older -->", page.read_text())
        letter = self.write("letter.html", "<!doctype html>\n<p>Dear reader")
        ran = self.fleet_sim("report", "data", "--html", letter, code=2)
        self.assertIn("exists and holds something else", ran.stderr)
        self.assertEqual(letter.read_text(), "<!doctype html>\n<p>Dear reader")
        ran = self.fleet_sim("report", "data", "--html", "-")
        self.assertEqual(ran.stdout.encode(), page.read_bytes())
        self.fleet_sim("report", "data", "--html", "x.html", "--json", code=2)
        self.fleet_sim("report", "data", "--html", "nowhere/x.html", code=1)

    def test_a_directory_without_readings(self):
        self.write("data/new.db", "")
        sqlite3.connect(self.dir / "data" / "new.db").execute("PRAGMA journal_mode = WAL").connection.close()  # and no table yet
        self.open(self.page())
        self.assertIn("No readings.", self.find("#range")[0].text)


if __name__ == "__main__":
    main()
