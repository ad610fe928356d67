"""What the tests of the dashboard share: the real program serves it, and a real browser shows it."""

import os
import socket
import sys
import urllib.request

try:
    from selenium import webdriver
except ImportError:  # another Python than Debian's, which is the one that python3-selenium is for
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])

from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from fleet import *

# The least contrast of any text on the page against what is behind it, with the text that has it (WCAG 2, 1.4.3).
LEAST_CONTRAST = """
const parse = text => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((all, v, i) => all + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = node => { for (; node; node = node.parentElement) { const c = parse(getComputedStyle(node).backgroundColor); if (c[3] !== 0) return c; } };
let least = [99, ""], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = 0;
while (walker.nextNode()) {
  const text = walker.currentNode.data.trim(), node = walker.currentNode.parentElement;
  if (!text || !node.checkVisibility() || node.closest("button:disabled")) continue;
  const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))], ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  seen += 1;
  if (ratio < least[0]) least = [ratio, text];
}
return [...least, seen];
"""

# How many pixels of a canvas have been painted.
PAINTED = """
const pixels = arguments[0].getContext('2d').getImageData(0, 0, arguments[0].width, arguments[0].height).data;
let painted = 0;
for (let i = 3; i < pixels.length; i += 4) painted += pixels[i] > 0;
return painted;
"""

PICTURES = "return [...document.querySelectorAll(arguments[0] + ' canvas')].map(canvas => canvas.toDataURL()).join()"


class DashboardTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        try:
            socket.getaddrinfo("localhost", 80)
        except OSError:
            raise unittest.SkipTest("chromedriver needs the name localhost, which this machine does not know") from None
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        cls.browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        cls.addClassCleanup(cls.browser.quit)

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.browser.get("about:blank")
        for kind in ("performance", "browser"):
            self.browser.get_log(kind)  # what an earlier test has left

    def serve(self, *arguments, identities=IDENTITIES, data="data"):
        process = self.start("--identities", identities, "--data-dir", data, "--duration", "1h", "--seed", 7,
                             "--status-address", f"127.0.0.1:{self.port}", *arguments,
                             env={"FLEET_SIM_MONITORING_ENABLED": "true"})
        self.until("the program answers", lambda: self.answer("/readyz") is not None)
        return process

    def answer(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return json.loads(answer.read())
        except OSError:
            return None

    def open(self, fragment="", dark=False, width=1200):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False})
        self.browser.get(f"http://127.0.0.1:{self.port}/{fragment}")
        self.until_text("#state", "Healthy")

    def until(self, what, condition, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        self.fail(f"not within {seconds} s: {what}\n{self.printed()}")

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def text(self, selector):
        return self.script("return document.querySelector(arguments[0])?.innerText", selector)

    def texts(self, selector):
        return self.script("return [...document.querySelectorAll(arguments[0])].map(node => node.textContent)", selector)

    def until_text(self, selector, part, **options):
        return self.until(f"{selector} says {part}", lambda: part in (self.text(selector) or ""), **options)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def tile(self, name):
        return self.script("return [...document.querySelectorAll('#tiles div')].find(one => one.firstChild.textContent === "
                           "arguments[0]).lastChild.textContent", name)

    def list_sensors(self):
        # What lies below the screen is not asked for, and where the list begins depends on what is above it.
        self.script("at('sensor-list').scrollIntoView()")

    def painted(self, selector):
        # dygraphs lays several canvases over each other; the plot is on the one with most paint.
        canvases = self.browser.find_elements(By.CSS_SELECTOR, selector + " canvas")
        return max((self.script(PAINTED, canvas) for canvas in canvases), default=0)

    def assert_no_complaints(self):
        self.assertEqual(self.browser.get_log("browser"), [])

    def asked(self):
        """The addresses that the page has asked for since the last look."""
        messages = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]
