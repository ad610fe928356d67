#!/usr/bin/env python3
"""The version stands in one place, the project line of CMakeLists.txt, and everything else that says one agrees."""

from fleet import *

CODE = ("engine", "bench", "scripts", "configs", "Dockerfile", "CMakePresets.json")


def project_version():
    return re.search(r"(?m)^project\(fleet-sim VERSION (\d+\.\d+\.\d+) ", (SOURCE / "CMakeLists.txt").read_text())[1]


class Version(FleetTest):
    def test_what_the_executable_says(self):
        version, build, libraries, sinks = self.fleet_sim("--version").stdout.splitlines()
        self.assertEqual(version, f"fleet-sim {project_version()}")
        self.assertRegex(build, r"^\w+ build for \w+ by \w+ \d+[\d.]*$")
        self.assertTrue(sinks.startswith("sinks: sqlite, null"), sinks)
        found = dict(one.rsplit(" ", 1) for one in libraries.split(", "))
        self.assertEqual(sorted(found), ["Boost", "CLI11", "SQLite", "fmt", "nlohmann/json", "oneTBB", "spdlog", "yaml-cpp"])
        for library, number in found.items():
            self.assertRegex(number, r"^\d+(\.\d+)+$", library)

    def test_how_it_was_built(self):
        cache = Path(EXECUTABLE).parent / "CMakeCache.txt"
        if not cache.exists():
            self.skipTest("the executable lies in no build folder")
        build_type = re.search(r"(?m)^CMAKE_BUILD_TYPE:\w+=(\w+)", cache.read_text())[1]
        compiler = re.search(r"(?m)^CMAKE_CXX_COMPILER:\w+=(.+)", cache.read_text())[1]
        number = subprocess.run([compiler, "-dumpfullversion", "-dumpversion"], capture_output=True, text=True).stdout.strip()
        line = self.fleet_sim("--version").stdout.splitlines()[1]
        self.assertTrue(line.startswith(build_type + " build "), line)
        self.assertTrue(line.endswith(" " + number), line)

    def test_the_manual_and_the_data(self):
        self.assertIn(f'"fleet\\-sim {project_version()}"', self.fleet_sim("man").stdout.splitlines()[0])
        self.fill("data", "--duration", 1)
        self.assertEqual(set(query_all(self.dir / "data", "SELECT version FROM run_info")), {(project_version(),)})

    def test_the_package(self):
        settings = Path(EXECUTABLE).parent / "CPackConfig.cmake"
        if not settings.exists():
            self.skipTest("the executable lies in no build folder")
        self.assertIn(f'set(CPACK_PACKAGE_VERSION "{project_version()}")', settings.read_text())

    def test_the_changelog_begins_with_it(self):
        headings = re.findall(r"(?m)^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$", (SOURCE / "CHANGELOG.md").read_text(encoding="utf-8"))
        self.assertEqual(headings[:1], [project_version()])

    def test_no_other_place(self):
        files = [path for name in CODE for path in [SOURCE / name, *(SOURCE / name).rglob("*")] if path.is_file()]
        self.assertGreater(len(files), 100)
        number = re.compile(rf"(?<![\d.]){re.escape(project_version())}(?![\d.])".encode())
        self.assertEqual([str(path) for path in files if path.suffix != ".png" and number.search(path.read_bytes())], [])


if __name__ == "__main__":
    main()
