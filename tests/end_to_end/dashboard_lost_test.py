#!/usr/bin/env python3
"""The dashboard when something is wrong: nobody answers, another run answers, a shard is sick, nobody looks."""

from dashboard import *


class DashboardLost(DashboardTest):
    def test_the_connection_is_lost_and_found(self):
        process = self.serve()
        self.open()
        first = self.answer("/status")["run"]["run_id"]
        self.until("something is seen", lambda: self.script("return samples.length") >= 2)
        process.kill()
        process.wait()
        self.until_text("#state", "Connection lost")
        self.assertRegex(self.text("#lost"), r"No answer since \d\d:\d\d:\d\d UTC. Everything below is as it was then")
        self.assertRegex(self.text("#lost-next"), r"Trying (again in \d+ s|now)\.")
        self.assertEqual(self.script("return document.title"), "Connection lost – fleet-sim")
        soft = self.script("return getComputedStyle(document.querySelector('.soft')).color")
        self.assertEqual(self.script("return getComputedStyle(document.querySelector('#tiles dd')).color"), soft)
        self.assertGreaterEqual(self.script(LEAST_CONTRAST)[0], 4.5)
        self.until("it asks less often", lambda: self.script("return wait_ms") > 2000)
        self.serve(data="other")
        second = self.answer("/status")["run"]["run_id"]
        self.until_text("#state", "Healthy")
        self.assertRegex(self.text("#another-run"), f"A different run, {second}, .* was watching {first} and now shows the new run")
        self.assertFalse(self.find("#lost").is_displayed())
        self.assertIn(second, self.text("#facts"))
        began = micros(self.answer("/status")["run"]["began_at"]) // 1000
        self.until("the charts show that run alone", lambda: (first := self.script("return samples[0]?.at")) and first > began - 1000)
        self.assertNotEqual(self.script("return getComputedStyle(document.querySelector('#tiles dd')).color"), soft)
        self.find("#another-run-seen").click()
        self.assertFalse(self.find("#another-run").is_displayed())
        # The browser itself reports what could not be reached, and nothing else is wrong.
        self.assertEqual([entry for entry in self.browser.get_log("browser") if "ERR_CONNECTION_REFUSED" not in entry["message"]
                          and "ERR_EMPTY_RESPONSE" not in entry["message"]], [])

    def test_a_hidden_page_does_not_ask(self):
        self.serve()
        self.open()
        self.until("something is seen", lambda: self.script("return samples.length") >= 2)
        hide = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))"
        self.script(hide % "true")
        self.until("it is idle", lambda: self.script("return timer === null && !polling"))
        seen = self.script("return samples.length")
        self.asked()
        time.sleep(2.5)  # nothing is to happen, which cannot be polled for
        self.assertEqual((self.asked(), self.script("return samples.length")), ([], seen))
        self.script(hide % "false")
        self.until("it asks again", lambda: self.script("return samples.length") > seen)

    def test_a_shard_that_cannot_be_written(self):
        config = self.write("config.yaml", "database: {busy_timeout_ms: 200}\n")
        self.serve("--shard-by", "none", "--config", config)
        self.open()
        (path,) = self.until("the file is there", lambda: shards(self.dir / "data"))
        self.wait_for_rows(self.dir / "data")
        collector = connect(path)
        self.addCleanup(collector.close)
        collector.execute("BEGIN IMMEDIATE")
        self.until_text("#state", "Degraded", seconds=40)
        self.assertIn(path.name, self.text("#reasons"))
        self.script("at('shards-title').scrollIntoView()")
        self.until("the table tells", lambda: self.texts("#shards-rows td:nth-child(2)") == ["degraded"])
        self.assertIn("busy", self.tile("Errors"))
        collector.execute("ROLLBACK")
        self.until_text("#state", "Healthy", seconds=40)
        self.until("the table tells", lambda: self.texts("#shards-rows td:nth-child(2)") == ["healthy"])
        self.assertFalse(self.find("#degraded").is_displayed())

    def test_a_fleet_that_is_held_up(self):
        config = self.write("config.yaml", "database: {pending_rows: 1000, busy_timeout_ms: 60000}\n")
        self.serve("--rate", "1000", "--config", config)
        sensor = sorted(demo_identities())[0]
        self.open(f"#sensor={sensor}")
        self.until_text("#temperature-range", "over")
        self.wait_for_rows(self.dir / "data")
        collector = connect(shards(self.dir / "data")[0])
        self.addCleanup(collector.close)
        collector.execute("BEGIN IMMEDIATE")
        self.until_text("#sensor-note", "blocked")
        self.assertTrue(self.find("#sensor-live").is_displayed())
        known = "return chosenReadings.map(one => one.timestamp)"
        before = self.script(known)
        self.assertGreater(len(before), 0)
        collector.execute("ROLLBACK")
        self.until("it goes on", lambda: self.script(known)[-1] > before[-1])
        self.assertEqual(self.text("#sensor-note"), "")


if __name__ == "__main__":
    main()
