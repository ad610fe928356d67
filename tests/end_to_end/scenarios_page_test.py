#!/usr/bin/env python3
"""The page of the scenarios keeps its word: its commands give the output that it shows, and its pictures are what the script draws."""

from pages import *

PAGE = "configs/scenarios/README.md"
SHOWN = {"A rollout and what it did": "rollout", "A fleet that grows": "growth", "A heat wave": "heat_wave", "Maintenance": "maintenance",
         "An outage with a backlog": "outage", "A network partition": "network"}


class ScenariosPage(PageTest):
    def test_what_it_shows(self):
        for heading, name in SHOWN.items():
            with self.subTest(name):
                text = section(heading, PAGE)
                command, query, output = [text for language, text in FENCE.findall(text)]
                ran = subprocess.run(["sh", "-e"], input=command, cwd=self.dir, env=self.env, capture_output=True, text=True)
                self.assertEqual(ran.returncode, 0, ran.stderr)
                (file,) = (self.dir / re.search(r"--data-dir (\w+)", command)[1]).glob("*.db")
                ran = subprocess.run(["sqlite3", "-box", file], input=query, capture_output=True, text=True)
                self.assertEqual(ran.stdout, output, ran.stderr)

    def test_pictures_are_those_of_the_script(self):
        drawn = subprocess.run([SOURCE / "scripts" / "plot_scenarios", "growth", "--out", self.dir], capture_output=True, text=True,
                               env=environment(FLEET_SIM=EXECUTABLE))
        self.assertEqual(drawn.returncode, 0, drawn.stderr)
        plots = SOURCE / "configs" / "scenarios" / "plots"
        self.assertEqual((self.dir / "growth.svg").read_text(), (plots / "growth.svg").read_text())
        self.assertEqual({path.stem for path in plots.glob("*.svg")}, set(SHOWN.values()))

    def test_a_rollout_in_the_report(self):
        command = FENCE.findall(section("A rollout and what it did", PAGE))[0][1]
        subprocess.run(["sh", "-e"], input=command, cwd=self.dir, env=self.env, capture_output=True, text=True, check=True)
        report = json.loads(self.fleet_sim("report", "rollout", "--json").stdout)
        self.assertEqual(report["gaps"]["count"], 0)  # sensors that restart are silent, and nothing is missing
        report = report["over_time"]
        self.assertEqual([(mark["at"][:13], mark["name"], mark["sensors"], mark["what"]) for mark in report["marks"]],
                         [("2026-03-02T00", "rollout", 1, "set: {firmware_version: 1.4}, wave 1 of 3"),
                          ("2026-03-03T00", "rollout", 2, "set: {firmware_version: 1.4}, wave 2 of 3"),
                          ("2026-03-04T12", "rollback", 3, "set: {firmware_version: 1.3}")])
        self.assertEqual(len(report["stretches"]), 4)
        readings = {}
        for stretch in report["stretches"]:
            for one in stretch["by_firmware"]:
                readings.setdefault(one["firmware"], []).append(one["readings"] / (micros(stretch["until"]) - micros(stretch["from"])))
                self.assertAlmostEqual(one["rate"], one["expected"], delta=0.6 * one["expected"])
        before, first, second, after = readings["1.4"]
        self.assertTrue(before < first < second and after < second, readings)
        # What upgraded sensors are expected to do is what those that had the firmware before are.
        expected = {one["firmware"]: one["expected"] for one in report["stretches"][2]["by_firmware"]}
        self.assertLess(expected["1.4"], 0.7 * expected["1.3"])


if __name__ == "__main__":
    main()
