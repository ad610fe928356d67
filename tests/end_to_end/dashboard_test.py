#!/usr/bin/env python3
"""The dashboard in a real browser: what it shows, and what moves."""

from dashboard import *

from selenium.webdriver.common.keys import Keys


class Dashboard(DashboardTest):
    def test_a_run_at_a_glance(self):
        self.serve("--shard-by", "location")
        self.open()
        status = self.answer("/status")
        self.assertIn("15 sensors, 15/s", self.text("#facts"))
        self.assertIn(status["run"]["run_id"], self.text("#facts"))
        self.assertIn(status["run"]["seed"], self.texts("#run-facts dd"))
        self.assertIn("of 60 min done", self.text("#time-left"))
        self.until("rows are written", lambda: int(self.tile("Written").split("/s")[1].split()[0].replace(",", "")) > 0)
        self.assertEqual(self.tile("Errors"), "0none")
        # Six charts that move: each has a window, and both its end and its picture go on.
        self.until("there are lines", lambda: self.script("return samples.length") >= 3)
        self.assertEqual(len(self.texts("#charts figure")), 6)
        for chart in ("#chart-0", "#chart-1", "#chart-2"):
            self.assertGreater(self.painted(chart), 500, chart)
        before, count = self.script(PICTURES, "#charts"), self.script("return samples.length")
        self.until("more is seen", lambda: self.script("return samples.length") >= count + 2)
        self.assertTrue(self.script(PICTURES, "#charts") != before, "the charts stand still")
        self.assert_no_complaints()
        addresses = self.asked()
        self.assertGreater(sum(url.endswith("/status") for url in addresses), 3)
        outside = [url for url in addresses if not url.startswith((f"http://127.0.0.1:{self.port}/", "data:", "about:"))]
        self.assertEqual(outside, [])

    def test_the_charts_hold_what_the_program_counts(self):
        self.serve("--speed", "60")
        self.open()
        first = self.script("return samples[0].values.anomalies")
        self.until("anomalies begin", lambda: self.script("return samples.at(-1).values.anomalies.spike") > first["spike"])
        grown, last = self.script("return [growth('anomalies', types), samples.at(-1).values.anomalies]")
        for k, kind in enumerate(("spike", "trend", "pattern", "missing_data", "noise")):
            self.assertEqual(sum(row[k + 1] for row in grown), last[kind] - first[kind])
        self.assertGreater(self.painted("#chart-4"), 200)
        self.assertIn("spike", self.text("#chart-4 figcaption"))
        self.assertIn("No error", self.text("#chart-5 figcaption"))
        # History is bounded by its age.
        later = ("return ask('/api/history').then(said => { remember({ ...said, time: said.time.map(one => one + 901), continues: true });"
                 "return samples.map(one => one.at); })")
        kept = self.script(later)
        self.assertGreater(kept[0], kept[-1] - 15 * 60_000)

    def test_search_choose_and_watch_a_sensor(self):
        self.serve("--speed", "30")
        self.open()
        identities = demo_identities()
        self.list_sensors()
        self.until("the list is there", lambda: len(self.texts("#sensors-rows tr")) == 15)
        self.find("#query").send_keys("wAREHOUSE")
        wanted = sorted(one for one, said in identities.items() if "warehouse" in json.dumps(said).lower())
        self.assertTrue(0 < len(wanted) < 15)
        self.until("the search is done", lambda: sorted(self.texts("#sensors-rows th")) == wanted)
        self.assertIn(f"1–{len(wanted)} of {len(wanted)}", self.text("#sensors-place"))
        chosen = self.find("#sensors-rows a")
        sensor = chosen.text
        self.script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", chosen)
        chosen.click()
        self.assertTrue(self.browser.current_url.endswith(f"#sensor={sensor}"))
        self.until_text("#sensor-about", identities[sensor]["manufacturer"])
        self.assertEqual(self.text("#sensor-title"), sensor)
        self.until("its channels are drawn", lambda: all(
            self.painted(f"#channels figure:nth-child({k})") > 500 for k in (1, 2, 3)))
        self.until_text("#temperature-value", "°C")
        before = self.script(PICTURES, "#channels")
        self.until("they move", lambda: self.script(PICTURES, "#channels") != before)
        # The readings of a look follow those of the looks before.
        known = "return chosenReadings.map(one => one.timestamp)"
        before = self.script(known)
        self.until("two more looks", lambda: len(set(self.script(known)) - set(before)) > 45)
        after = self.script(known)
        self.assertEqual(after, sorted(set(after)))
        self.assertLessEqual(len(after), 300)
        self.assertIn(before[-1], after)
        # What is drawn are the readings in the file.
        drawn = dict(self.script("return channelPlots && chosenRows.map((at, i) => [at, stretches.find("
                                 "one => one.from_row <= i && i <= one.until_row)?.type ?? null])"))
        (path,) = shards(self.dir / "data")
        until_ms = max(drawn)
        self.until("they are committed", lambda: query(path, "SELECT max(timestamp) FROM sensor_readings")[0][0]
                   > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(until_ms / 1000 + 2)))
        stored = {micros(at) // 1000: kind for at, kind in query(
            path, "SELECT timestamp, anomaly_type FROM sensor_readings WHERE sensor_id = ?", sensor)}
        rows = {at: kind for at, kind in drawn.items() if kind != "missing_data"}
        self.assertGreater(len(rows), 20)
        self.assertEqual(rows, {at: stored.get(at, "no such row") for at in rows})
        # The address keeps the sensor.
        self.browser.refresh()
        self.until_text("#sensor-about", identities[sensor]["manufacturer"])
        self.script("at('effective').open = true")
        self.until_text("#effective-numbers", "Anomalous share of readings")
        # Every number of the server that says what anomalies do.
        effects = self.answer(f"/api/sensors/{sensor}")["effective"]["anomalies"]
        for key in ("enabled", "basis", "probability", "types", "channels"):
            del effects[key]
        shown = dict(zip(self.texts("#effective-numbers dt"), self.texts("#effective-numbers dd")))
        self.assertGreaterEqual(len(effects), 5)
        for key, number in effects.items():
            text = shown[key.removesuffix("_seconds").replace("_", " ").capitalize()]
            for part in (number.values() if isinstance(number, dict) and "value" not in number else [number]):
                part = part["value"] if isinstance(part, dict) else part
                self.assertIn(f"{part:.4g} s" if key.endswith("_seconds") else f"{part:.4g}", text, key)
        self.assert_no_complaints()

    def test_anomalies_are_shaded_and_listed(self):
        self.serve("--speed", "100")
        self.open()
        self.until("anomalies are listed", lambda: len(self.texts("#anomalies-rows tr")) >= 10
                   or self.script("at('anomalies-title').scrollIntoView()"))
        self.assertLessEqual(set(self.texts("#anomalies-rows td:nth-child(2)")),
                             {"spike", "trend", "pattern", "missing data", "noise"})
        sensor = self.texts("#anomalies-rows th")[0]
        self.find("#anomalies-rows a").send_keys(Keys.ENTER)
        self.until_text("#sensor-title", sensor)
        self.until("an anomaly is in view", lambda: self.script("return stretches.length") > 0)
        with_shades, without = self.script("""
            const picture = () => {
              for (const plot of channelPlots) plot.repaint();
              return [...document.querySelectorAll('#channels canvas')].map(canvas => canvas.toDataURL()).join();
            };
            return [picture(), (stretches = [], picture())];""")
        self.assertTrue(with_shades != without, "the anomaly is not shaded")

    def test_only_the_channel_that_an_anomaly_touches_is_shaded_and_named(self):
        # As many of the long kinds that two or so of each are in view at any time.
        config = self.write("config.yaml", "anomalies:\n  probability: 0.6\n  types:\n    missing_data: {enabled: false}\n    spike: {weight: 0.2}\n"
                            + "".join(f"    {kind}: {{weight: 0.3, duration_seconds: 10}}\n" for kind in ("trend", "pattern", "noise")))
        self.serve("--speed", "60", "--config", config)
        self.open(f"#sensor={sorted(demo_identities())[0]}")
        self.until("all kinds are in view", lambda: set(self.script("return stretches.map(one => one.type)")) >= {"spike", "trend", "pattern", "noise"}, seconds=60)
        look = """clearTimeout(timer); connected = false;  // hold still
            const named = [], fillText = CanvasRenderingContext2D.prototype.fillText;
            CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
              named.push([this.canvas.closest('figure').querySelector('h4').textContent.toLowerCase(), text]);
              return fillText.call(this, text, ...rest);
            };
            const pictures = all => {
              stretches = all;
              for (const plot of channelPlots) plot.repaint();
              return [...document.querySelectorAll('#channels figure')].map(one => [...one.querySelectorAll('canvas')].map(canvas => canvas.toDataURL()).join());
            };
            const plain = pictures([]);
            const looks = arguments[0].map(type => {
              named.length = 0;
              const stretch = window.kept.find(one => one.type === type), shaded = pictures([stretch]);
              return { channel: stretch.channel, shaded: channels.map(([name]) => name).filter((name, i) => shaded[i] !== plain[i]), named: [...named] };
            });
            CanvasRenderingContext2D.prototype.fillText = fillText;
            return looks;"""
        self.script("window.kept = stretches")
        several = {"pattern": ["temperature", "vibration"], "noise": ["temperature", "vibration", "voltage"]}
        kinds = ["spike", "trend", *several]
        for kind, look_at in zip(kinds, self.script(look, kinds)):
            touched = several.get(kind, [look_at["channel"]])
            self.assertIsNone(look_at["channel"]) if kind in several else self.assertIn(look_at["channel"], several["noise"])
            self.assertEqual((look_at["shaded"], look_at["named"]), (touched, [[name, kind] for name in touched]), kind)

    def test_missing_readings_are_gaps(self):
        config = self.write("config.yaml", "anomalies:\n  probability: 0.5\n  types:\n    spike: {enabled: false}\n"
                            "    trend: {enabled: false}\n    pattern: {enabled: false}\n    noise: {enabled: false}\n")
        self.serve("--speed", "60", "--config", config)
        sensor = sorted(demo_identities())[0]
        self.open(f"#sensor={sensor}")
        self.until("some are missing", lambda: re.search(r"[1-9]\d* readings? missing", self.text("#temperature-range") or ""))
        gaps = self.script("return stretches.map(one => one.type)")
        self.assertEqual(set(gaps), {"missing_data"})
        self.script("at('stretches-rows').closest('details').open = true")
        self.assertIn("missing data", self.text("#stretches-rows"))

    def test_a_sensor_whose_readings_are_all_missing(self):
        # At this moment, and for 27 seconds more, this one is in an anomaly that takes its readings away.
        fleet = self.write_identities([identity("a&since=x"), identity("y")])
        self.serve("--start", "2026-11-29T20:12:32.227438Z", identities=fleet)
        self.open("#sensor=a%26since%3Dx")
        self.until("several are counted", lambda: re.fullmatch(r"no reading over \d+ s; (?:[2-9]|[12]\d) readings missing",
                                                               self.text("#temperature-range") or ""))
        self.assertEqual(self.text("#temperature-value"), "missing")
        self.open("#sensor=y")
        self.until("it has values", lambda: re.fullmatch(r"\S+ °C to \S+ °C over \d+ s; 0 readings missing",
                                                         self.text("#temperature-range") or ""))
        self.assert_no_complaints()

    def test_shards_by_pages(self):
        fleet = self.write_identities([identity(f"S{i:03}") for i in range(120)])
        self.serve("--shard-by", "sensor", identities=fleet)
        self.open()
        self.script("at('shards-title').scrollIntoView()")
        self.until_text("#shards-place", "1–50 of 120")
        self.until("all are written", lambda: set(self.texts("#shards-rows td:nth-child(2)")) == {"healthy"})
        self.until("sizes are told", lambda: all(re.match(r"[\d.]+ [kM]B", size)
                                                 for size in self.texts("#shards-rows td:nth-child(5)")))
        seen = self.texts("#shards-rows th")
        for place in ("51–100 of 120", "101–120 of 120"):
            self.script("arguments[0].click()", self.find("#shards-next"))
            self.until_text("#shards-place", place)
            seen += self.texts("#shards-rows th")
        self.assertEqual(len(set(seen)), 120)
        self.assertFalse(self.find("#shards-next").is_enabled())
        self.script("arguments[0].click()", self.find("#shards-previous"))
        self.until_text("#shards-place", "51–100 of 120")
        self.assertEqual(self.texts("#shards-rows th"), seen[50:100])


if __name__ == "__main__":
    main()
