#!/usr/bin/env python3
"""The dashboard for all who read it: by keyboard, by screen reader, in light and dark, on a narrow screen, with any names."""

from dashboard import *

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

HOSTILE = {"id": "%41<img src=x onerror=\"document.title='broken in'\">", "location": "<svg onload=\"document.title='broken in'\">",
           "manufacturer": "</script><script>document.title='broken in'</script>", "model": "<b>&amp;</b>"}

ODD_IDS = ("50%25 off", "100%", "a/b?c#d", "a&since=x", "ümläut +1", "..%2F..")


class DashboardReaders(DashboardTest):
    def test_by_keyboard_alone(self):
        self.serve()
        self.open()
        self.list_sensors()
        self.until("the list is there", lambda: len(self.texts("#sensors-rows tr")) == 15)
        focus = lambda: self.script("return document.activeElement.id || document.activeElement.textContent")

        def press(*keys):
            ActionChains(self.browser).send_keys(*keys).perform()

        def tab_to(what):
            for _ in range(12):
                press(Keys.TAB)
                if focus() == what:
                    # Where the focus is can be seen.
                    return self.assertIn("solid", self.script("return getComputedStyle(document.activeElement).outline"))
            self.fail(f"no way to {what}, but to {focus()}")

        tab_to("Sensors")
        press(Keys.ENTER)
        self.assertEqual(focus(), "sensors-title")
        tab_to("query")
        wanted = sorted(demo_identities())[3]
        press(wanted)
        self.until("it is found", lambda: self.texts("#sensors-rows th") == [wanted])
        tab_to(wanted)
        press(Keys.ENTER)
        self.until_text("#sensor-about", "written to shard")
        self.assertEqual(focus(), "sensor-title")
        self.assertEqual(self.text("#sensor-title"), wanted)

    def test_what_a_screen_reader_goes_by(self):
        self.serve()
        self.open(f"#sensor={sorted(demo_identities())[0]}")
        self.until_text("#temperature-range", "over")
        self.assertEqual(self.script("return document.documentElement.lang"), "en")
        for landmark in ("header", "nav[aria-label]", "main", "footer", "[role=search]"):
            self.assertEqual(len(self.texts(landmark)), 1, landmark)
        nameless = """return [...document.querySelectorAll(arguments[0])].filter(node => !eval(arguments[1]))
            .map(node => node.outerHTML.slice(0, 200))"""
        for selector, named in (("table", "node.caption.textContent && node.tHead"), ("thead th", "node.scope === 'col'"),
                                ("tbody th", "node.scope === 'row'"), ("section", "document.getElementById(node.getAttribute('aria-labelledby'))"),
                                ("[role=region]", "node.ariaLabel && node.tabIndex === 0"), ("input", "node.labels.length || !node.checkVisibility()"),
                                ("button, a", "node.textContent"),
                                ("[role=img]", "node.ariaLabel && document.getElementById(node.getAttribute('aria-describedby')).textContent")):
            self.assertGreater(len(self.texts(selector)), 0, selector)
            # eval is the test's own, not the page's: the page's policy does not concern scripts sent by the driver.
            self.assertEqual(self.script(nameless, selector, named), [], selector)
        levels = [int(tag[1]) for tag in self.script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => h.tagName)")]
        self.assertEqual(levels[0], 1)
        self.assertTrue(all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels)
        # Figures that change each second are not read out; changes of state are.
        live = self.script("return [...document.querySelectorAll('[aria-live=polite], [role=status]')].map(node => node.id)")
        self.assertIn("state", live)
        self.assertIn("lost-text", live)
        before = self.script("window.announced = 0; for (const node of document.querySelectorAll('[aria-live=polite], [role=status]')) "
                             "new MutationObserver(all => { announced += all.length; }).observe(node, { subtree: true, childList: true, characterData: true });"
                             "return lastAnswer")
        self.until("time passes", lambda: self.script("return lastAnswer") >= before + 3_000)
        self.assertLessEqual(self.script("return announced"), 1)  # one sensor may just have entered an anomaly

    def test_light_dark_and_narrow(self):
        self.serve()
        sensor = sorted(demo_identities())[0]
        ground = "return getComputedStyle(document.body).backgroundColor"
        seen = {}
        for dark in (False, True):
            for width in (360, 1200):
                self.browser.get("about:blank")  # so that the page is loaded anew
                self.open(f"#sensor={sensor}", dark=dark, width=width)
                self.until_text("#temperature-range", "over")
                self.until("the shards are listed", lambda: self.texts("#shards-rows th")
                           or self.script("at('shards-title').scrollIntoView()"))
                seen[dark] = self.script(ground)
                self.assertLessEqual(self.script("return document.documentElement.scrollWidth"), width)
                self.assertEqual(self.script("return [...document.querySelectorAll('main *, header *')].filter(node => "
                                             "!node.closest('.scroll') && node.getBoundingClientRect().right > innerWidth + 1).length"), 0)
                ratio, text, count = self.script(LEAST_CONTRAST)
                self.assertGreater(count, 100)
                self.assertGreaterEqual(ratio, 4.5, text)
                self.assertGreater(self.painted("#channels"), 500)
        self.assertNotEqual(seen[False], seen[True])
        # The button is stronger than the system, and is remembered.
        self.script("arguments[0].click()", self.find("#theme"))
        self.assertEqual(self.script(ground), seen[False])
        self.browser.refresh()
        self.assertEqual(self.script(ground), seen[False])
        self.script("localStorage.clear()")

    def test_names_are_text(self):
        fleet = self.write_identities([{**identity("x"), **HOSTILE}, identity("y"), *map(identity, ODD_IDS)])
        # A sensor without values would be drawn with less paint, so the moment is one at which none lacks them.
        self.serve("--shard-by", "location", "--start", "2026-11-29T20:14:00Z", identities=fleet)
        self.open()
        self.list_sensors()
        self.until("all are listed", lambda: set(self.texts("#sensors-rows th")) == {HOSTILE["id"], "y", *ODD_IDS})

        def choose(sensor):
            next(link for link in self.browser.find_elements(By.CSS_SELECTOR, "#sensors-rows a")
                 if link.text == sensor).send_keys(Keys.ENTER)
            self.until("it is shown", lambda: (self.text("#sensor-title"), self.text("#sensor-note")) == (sensor, ""))
            self.until_text("#temperature-range", "over")

        for sensor in (*ODD_IDS, HOSTILE["id"]):
            choose(sensor)
        self.until_text("#sensor-about", HOSTILE["manufacturer"])
        self.until("it is drawn", lambda: self.painted("#channels") > 500)
        self.script("at('shards-title').scrollIntoView()")
        self.until("shards are listed", lambda: len(self.texts("#shards-rows th")) == 2)
        self.script("location.hash = '#sensor=' + encodeURIComponent('<img src=x onerror=\"document.title=1\">/../y')")
        self.until_text("#sensor-note", "no sensor with that id")
        self.assertEqual(self.texts("img, main b, main svg"), [])
        self.assertEqual(len(self.texts("script")), 3)
        self.assertEqual(self.browser.title, "Healthy – fleet-sim")


if __name__ == "__main__":
    main()
