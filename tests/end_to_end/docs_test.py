#!/usr/bin/env python3
"""The pages keep their word: every command in a fence marked `sh`, and in a table under "Common tasks", of any README.md and of
CONTRIBUTING.md runs, in a folder with the shipped identities and configs, a my.yaml, a fleet.jsonl and an hour of data.

The fences of a page run one after the other, in one shell. What simulates runs for one second instead of the time it is given.
Commands that build, take long, or need more than a Debian machine are named in ELSEWHERE with the check that runs them;
`scripts/check pages` is this test with those that build.
"""

from concurrent.futures import ThreadPoolExecutor

from pages import *

# How a command begins, why it is not run here, and the check that runs it: a word of scripts/check, or a file.
ELSEWHERE = [
    (r"scripts/demo|cmake |scripts/install_packages", "installs or builds", "pages"),
    (r"scripts/test( |$)|ctest|build-test/|python3 -B tests/end_to_end/", "runs this test, or parts of what it runs", ".ci/run"),
    (r"scripts/check", "takes minutes or hours, and is itself a check", "scripts/check"),
    (r"\(cd build && cpack|cpack|apt-get|systemctl|journalctl", "changes a system", "package"),
    (r"scripts/bench|cd build-bench|build-bench/|perf |python3 bench/", "takes a quarter of an hour, on a quiet machine", "bench"),
    (r"docker|scripts/test_container", "needs a container engine", "container"),
    (r"fleet-sim .*--sink '?(postgresql|lines\+http)", "needs a server", "sinks"),
    (r"kubectl|kustomize|bacalhau|podman", "needs a cluster", "manifests"),
]

COMMAND = re.compile(r"(?m)^(\$ |(fleet-sim|scripts/\w+|cmake|ctest|docker|docker-compose|kubectl|bacalhau|systemctl|sudo|git|python3|cd) )")
IN_TABLE = re.compile(r"`((?:[A-Z_]+=(?:\"[^\"]*\"|\S+) )*(?:fleet-sim|scripts/)[^`]*|[^`]* fleet-sim|source [^`]+)`")


def commands_in(script):
    """The lines of a script, with those that go on in the next one joined."""
    return [line for line in re.sub(r"\\\n *", "", script).splitlines() if line.strip() and not line.lstrip().startswith("#")]


def elsewhere(command):
    program = re.sub(r"^(\w+=\S+ )+", "", command)
    return next((one for one in ELSEWHERE if re.match(one[0], program)), None)


def scripts_in(page):
    """What a reader would type into one shell: all fences of a page, one after the other; each task of a table."""
    table = "".join(line for line in section("Common tasks", page).splitlines(keepends=True) if line.startswith("|"))
    return ["".join(fences(page, "sh")), *IN_TABLE.findall(table)]


def all_commands():
    """Each page, and the commands of each of its scripts."""
    return [(page, commands_in(script)) for page in pages() for script in scripts_in(page)]


class Commands(PageTest):
    def setUp(self):
        super().setUp()
        (self.dir / "bin" / "python3").symlink_to(python_with_pandas())
        self.write("my.yaml", "simulation: {readings_per_second: 2}\n")
        self.write_identities([identity(f"S{n}", location=f"Site {n % 4} - Line {n}") for n in range(12)])
        self.fill("data", "--shard-by", "location", "--duration", "1h")
        self.prepared = sorted(self.dir.iterdir())

    def in_a_fresh_folder(self, script):
        """Runs it among copies of what was prepared, but for what it makes itself."""
        top = Path(tempfile.mkdtemp(dir=self.dir))
        makes_data = script.count("\n") > 1 and re.search(r"(?m)^ *(\w+=\S+ )*fleet-sim (run|-)", script)
        for path in self.prepared:
            if f"--out {path.name}" in script or (path.name == "data" and makes_data):
                continue
            if path.is_symlink() or path.name == "bin":
                (top / path.name).symlink_to(path.resolve())
            elif path.is_dir():
                shutil.copytree(path, top / path.name)
            else:
                shutil.copy(path, top)
        self.run_snippet(["bash", "-euo", "pipefail"], script, cwd=top)

    def test_every_command(self):
        self.shorten_runs()
        here = [(page, [one for one in commands if not elsewhere(one)]) for page, commands in all_commands()]
        here = [(page, "\n".join(commands) + "\n") for page, commands in here if commands]
        self.assertGreaterEqual(len(here), 15)
        with ThreadPoolExecutor(4) as pool:  # most of them wait for the clock
            running = [(page, script, pool.submit(self.in_a_fresh_folder, script)) for page, script in here]
        for page, script, ran in running:
            with self.subTest(page, script=script):
                ran.result()

    def test_commands_run_elsewhere_are_run_by_a_check(self):
        checks = set(re.search(r"(?m)^all=\((.+)\)$", text_of("scripts/check"))[1].split())
        for page, commands in all_commands():
            for command, found in ((one, elsewhere(one)) for one in commands):
                self.assertTrue(not found or found[2] in checks or (SOURCE / found[2]).is_file(),
                                f"{page}: {command}: there is no check {found and found[2]}")

    @unittest.skipUnless(AT_LENGTH, "builds: `scripts/check pages`")
    def test_commands_that_build(self):
        """In a copy of the source, in which nothing has been built."""
        top = self.dir / "source"
        shutil.copytree(SOURCE, top, ignore=lambda _, names: [name for name in names if NO_PAGES.match(name)])
        for page, commands in all_commands():
            builds = [one for one in commands if elsewhere(one) == ELSEWHERE[0]]
            if builds:
                with self.subTest(page, builds=builds):
                    self.run_snippet(["bash", "-euo", "pipefail"], "\n".join(builds) + "\n", timeout=3600, cwd=top)
        self.assertTrue((self.dir / ".local" / "bin" / "fleet-sim").exists(), "what the README installs")


class Form(unittest.TestCase):
    def test_no_command_goes_without_being_run(self):
        """Fences for shells are marked `sh`."""
        for page in pages():
            self.assertEqual(text_of(page).count("```"), 2 * len(FENCE.findall(text_of(page))), page)
            for language, text in FENCE.findall(text_of(page)):
                self.assertNotIn(language, ("bash", "shell", "console"), f"{page}:\n{text}")
                if language in ("", "text"):
                    self.assertNotRegex(text, COMMAND, f"{page}: a fence with commands is not marked `sh`")

    def test_links_lead_somewhere(self):
        for page in pages():
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(page)):
                if not target.startswith("https://"):
                    self.assertTrue((SOURCE / page).parent.joinpath(target).exists(), f"{page} links to {target}")

    def test_links_to_headings(self):
        for page in pages():
            for target, heading in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text_of(page)):
                if target.startswith("https://"):
                    continue
                path = (SOURCE / page).parent / target if target else SOURCE / page
                headings = re.findall(r"(?m)^#+ (.*)$", path.read_text(encoding="utf-8"))
                slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
                self.assertIn(heading, slugs, f"{page} links to {target}#{heading}")

    def test_every_page_is_linked_from_the_first(self):
        """Directly, or from a page that is."""
        reached, next_ones = set(), ["README.md"]
        while next_ones:
            page = next_ones.pop()
            reached.add(page)
            for target in re.findall(r"\]\(([^)#\s]+\.md)(?:#[^)]*)?\)", text_of(page)):
                path = os.path.normpath(os.path.join(os.path.dirname(page), target))
                if path not in reached and (SOURCE / path).is_file():
                    next_ones.append(path)
        self.assertEqual(set(pages()) - reached, set())

    def test_the_picture(self):
        (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text_of("README.md"))
        self.assertEqual(picture, "engine/status/dashboard.png")
        self.assertEqual((SOURCE / picture).read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    def test_files_named_in_contributing_are_there(self):
        """Every path in `code` of CONTRIBUTING.md, a star standing for whatever is there; with NAME it is yet to be added."""
        named = re.findall(r"`((?:engine|tests|configs|bench|scripts|identities)/[\w./*-]+)`", text_of("CONTRIBUTING.md"))
        self.assertGreaterEqual(len(named), 20)
        for path in named:
            if "NAME" not in path:
                self.assertTrue(list(SOURCE.glob(path.rstrip("/"))), f"CONTRIBUTING.md names {path}")

    def test_documents_named_in_comments_are_there(self):
        """By a path from the top, from engine/, from the file's own folder, or from the one above it."""
        for folder in ("engine", "tests", "bench", "scripts"):
            for path in sorted((SOURCE / folder).rglob("*")):
                if not path.is_file() or path.suffix not in (".h", ".cc", ".py", ".txt", ""):
                    continue
                for name in re.findall(r"(?<![\w/.-])\w[\w./-]*\.md\b", path.read_text(encoding="utf-8")):
                    places = (SOURCE, SOURCE / "engine", path.parent, path.parent.parent)
                    self.assertTrue(any((place / name).is_file() for place in places), f"{path} names {name}")


if __name__ == "__main__":
    main()
