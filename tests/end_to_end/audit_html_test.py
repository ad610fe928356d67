#!/usr/bin/env python3
"""`audit --html` in a real browser: its figures are those of `audit --json`, and its picture shows where the gaps are."""

import audited
from audited import *
from html_page import *

# The color in the middle of the cell of a location and a step of time.
CELL = """
const [row, step] = arguments, canvas = at("gaps-picture"), ratio = devicePixelRatio || 1;
const x = leftWidth() + (step + 0.5) * cellWidth(), y = (row + 0.5) * rowHeight;
return [...canvas.getContext("2d").getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data];
"""
HIDDEN = "return [...document.querySelectorAll('main section')].filter(one => one.hidden).map(one => one.getAttribute('aria-labelledby'))"
HOSTILE = "</script><b>"
PLACES = ("Area 1", "Area 2", "Area 3")


class AuditHtml(HtmlPageTest, AuditTest):
    def setUp(self):
        super().setUp()
        fleet = [identity(f"S{n}", location=PLACES[n % 3]) for n in range(6)]
        self.fill("data", "--rate", 0.05, "--duration", "5h", "--shard-by", "location", identities=self.write_identities(fleet))
        self.rows = auditing.stored_rows(self.dir / "data")

    def page(self, rows, code=0):
        told = self.audit(rows, code=code)
        self.fleet_sim("audit", "data", "--rows", "rows.csv", "--html", "audit.html", code=code)
        self.open(self.dir / "audit.html")
        self.assertEqual([entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"], [])
        return told

    def cell(self, row, step):
        return tuple(self.browser.execute_script(CELL, row, step))

    def test_where_the_gaps_are(self):
        """All of a place in one hour, half of another place in another hour."""
        def is_gone(row):
            hour, area = int(row["timestamp"][11:13]), row["location"]
            return hour == 3 and area == "Area 2" or hour == 1 and area == "Area 3" and row["sensor_id"] == "S2"
        rows = [row for row in self.rows if not is_gone(row)]
        rows[5] = {**rows[5], "temperature": "1.25"}
        rows.append({**rows[7], "sensor_id": HOSTILE})
        told = self.page(rows, code=1)
        tiles = {one.find_element(By.TAG_NAME, "dt").text: one.find_element(By.TAG_NAME, "dd").text for one in self.find("#tiles div")}
        for name, kind in (("Delivered", "delivered"), ("Missing", "missing"), ("Altered", "altered"), ("Unexpected", "unexpected")):
            self.assertTrue(tiles[name].startswith(f"{told[kind]:,}"), tiles)
        intact, all_gone, half_gone = self.cell(0, 0), self.cell(1, 3), self.cell(2, 1)
        self.assertEqual(len({intact, all_gone, half_gone}), 3)
        self.assertEqual({self.cell(row, step) for row in range(3) for step in range(5)} - {all_gone, half_gone}, {intact})
        picture = self.browser.execute_script("return picture")
        self.assertEqual([place["location"] for place in picture["places"]], list(PLACES))
        self.assertEqual(sum(sum(place["missing"]) for place in picture["places"]), told["missing"])
        self.assertEqual(sum(sum(place["expected"]) for place in picture["places"]), told["expected"])
        names = [cell.get_attribute("textContent") for cell in self.find("#unexpected tbody th")]
        self.assertEqual(names, [HOSTILE])
        self.assertEqual(self.find("main b"), [])
        self.assertIn("1.25", [cell.get_attribute("textContent") for cell in self.find("#altered tbody td")])
        self.assertTrue(all(one.get_attribute("aria-label") for one in self.find("[role=img]")))

    def test_nothing_is_wrong(self):
        self.page(self.rows)
        self.assertIn("once and unchanged", self.find("#warnings")[0].text)
        self.assertEqual(self.browser.execute_script(HIDDEN)[:2], ["altered-title", "unexpected-title"])
        self.open(self.dir / "audit.html", dark=True, width=390)
        self.assertLessEqual(self.browser.execute_script("return document.documentElement.scrollWidth"), 390)


if __name__ == "__main__":
    main()
