"""Pages that commands write, in a real browser that reports what they ask for."""

import json
import os
import socket
import sys

try:
    from selenium import webdriver
except ImportError:  # another Python than Debian's, which is the one that python3-selenium is for
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])

from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from fleet import *

# How many pixels of a canvas have been painted.
PAINTED = """
const pixels = arguments[0].getContext('2d').getImageData(0, 0, arguments[0].width, arguments[0].height).data;
let painted = 0;
for (let i = 3; i < pixels.length; i += 4) painted += pixels[i] > 0;
return painted;
"""


class HtmlPageTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        try:
            socket.getaddrinfo("localhost", 80)
        except OSError:
            raise unittest.SkipTest("chromedriver needs the name localhost, which this machine does not know") from None
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1100,1400"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        cls.browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        cls.addClassCleanup(cls.browser.quit)

    def open(self, page, dark=False, width=1100):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 1400, "deviceScaleFactor": 1, "mobile": False})
        for kind in ("performance", "browser"):
            self.browser.get_log(kind)  # what an earlier page has left
        self.browser.get(f"file://{page}")
        self.assertEqual(self.browser.get_log("browser"), [])
        asked = [message["params"]["request"]["url"] for message in
                 (json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance"))
                 if message["method"] == "Network.requestWillBeSent"]
        self.assertEqual([url for url in asked if not url.startswith("data:")], [f"file://{page}"])

    def find(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def painted(self, selector):
        # dygraphs lays several canvases over each other; the plot is on the one with most paint.
        return max(self.browser.execute_script(PAINTED, canvas) for canvas in self.find(selector + " canvas"))
