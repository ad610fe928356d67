"""The pages of the source: what they say in fences and tables, and a folder in which their commands can be run."""

import shlex
import sys

from fleet import *

FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
NO_PAGES = re.compile(r"^(build.*|data|node_modules|\..*)$")  # folders that are not source


def pages():
    """Every page of the source, as paths from the top."""
    found = []
    for folder, folders, files in os.walk(SOURCE):
        folders[:] = [name for name in folders if not NO_PAGES.match(name)]
        found += [(Path(folder) / name).relative_to(SOURCE).as_posix() for name in files if name.endswith(".md")]
    return sorted(found)


def text_of(page):
    return (SOURCE / page).read_text(encoding="utf-8")


def section(heading, page="README.md"):
    """The text under a heading of a page, up to the next; empty when there is no such heading."""
    found = re.search(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", text_of(page))
    return found[1] if found else ""


def fences(page, language):
    return [text for its_language, text in FENCE.findall(text_of(page)) if its_language == language]


@functools.lru_cache(maxsize=None)
def python_with_pandas():
    """The one that runs this test, or the system's, which python3-pandas is made for."""
    failures = ""
    for python in (sys.executable, "/usr/bin/python3"):
        ran = subprocess.run([python, "-c", "import pandas"], capture_output=True, text=True)
        if ran.returncode == 0:
            return python
        failures += f"{python}:\n{ran.stderr}"
    raise AssertionError(f"the pages' snippets need pandas (Debian: python3-pandas), which no Python here has\n{failures}")


class PageTest(FleetTest):
    """self.dir looks like the top of the source, as far as commands of pages read it, and fleet-sim is found."""

    def setUp(self):
        super().setUp()
        for name in ("identities", "configs", "scripts", "tests"):
            (self.dir / name).symlink_to(SOURCE / name)
        (self.dir / "bin").mkdir()
        (self.dir / "bin" / "fleet-sim").symlink_to(EXECUTABLE)
        self.env = environment(PATH=f"{self.dir / 'bin'}:{os.environ['PATH']}", HOME=str(self.dir))

    def shorten_runs(self):
        """From now on whatever simulates does so for one second: of several --duration the last counts."""
        program = self.dir / "bin" / "fleet-sim"
        program.unlink()
        program.write_text(f"""#!/bin/bash
case "${{1:-}}" in
  --help | --version) ;;
  "" | -* | run) set -- "$@" --duration 1 ;;
esac
exec {shlex.quote(EXECUTABLE)} "$@"
""")
        program.chmod(0o755)

    def run_snippet(self, command, text, timeout=120, cwd=None):
        """Gives the text to a command's standard input; what it printed, and what it complained of."""
        ran = subprocess.run(command, input=text, cwd=cwd or self.dir, env=self.env, capture_output=True, text=True,
                             timeout=timeout)
        self.assertEqual(ran.returncode, 0, f"{text}\n--- printed\n{ran.stdout}{ran.stderr}")
        return ran.stdout, ran.stderr
