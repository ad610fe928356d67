"""What a recipe of CONTRIBUTING.md is made of, and how it is tried.

A recipe is a list of edits of the kind the page describes. It is applied to a copy of the source, never to the source
itself. An edit names the line at which it is made; it fails when that line is not there exactly once, so a recipe cannot
be applied to a place that has become another.
"""

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

SOURCE = Path(__file__).resolve().parents[2]
PAGE = "CONTRIBUTING.md"


class RecipeError(Exception):
    """A recipe that does not do what its page says."""


@dataclass(frozen=True)
class NewFile:
    path: str
    text: str

    def apply(self, top):
        path = top / self.path
        if path.exists():
            raise RecipeError(f"{self.path} is there already")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text.lstrip("\n"), encoding="utf-8")


@dataclass(frozen=True)
class Replace:
    path: str
    old: str
    new: str

    def apply(self, top):
        text = (top / self.path).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise RecipeError(f"{self.path}: {self.old!r} stands there {text.count(self.old)} times, not once")
        (top / self.path).write_text(text.replace(self.old, self.new), encoding="utf-8")


def insert_before(path, line, text):
    return Replace(path, line, text.lstrip("\n") + line)


def insert_after(path, line, text):
    return Replace(path, line, line + text.lstrip("\n"))


@dataclass(frozen=True)
class Recipe:
    name: str                          # a word for the command line
    heading: str                       # of its section in CONTRIBUTING.md
    edits: tuple
    most_changed: int                  # files of engine/ that are there already
    unit_test: str                     # the file among tests/*_test.cc that tests the new thing
    see: Callable[["Program"], None]   # raises when the new thing does not work
    placeholder: str = ""              # what NAME on the page stands for

    def touched(self):
        return sorted({edit.path for edit in self.edits})


def named_files(recipe):
    """The paths in the numbered steps of the recipe's section; one that ends in a slash is a folder."""
    page = (SOURCE / PAGE).read_text(encoding="utf-8")
    section = re.search(rf"(?ms)^### {re.escape(recipe.heading)}\n(.*?)(?=^##|\Z)", page)
    if section is None:
        raise RecipeError(f"{PAGE} has no section {recipe.heading!r}")
    steps = "".join(re.findall(r"(?ms)^\d+\. .*?(?=^\d+\. |^\n|\Z)", section[1]))
    paths = re.findall(r"`((?:engine|tests|configs)/[\w./]*)`", steps)
    paths += [f"tests/{name}" for name in re.findall(r"`(\w+_test\.cc)`", steps)]
    return [path.replace("NAME", recipe.placeholder) for path in paths]


def is_named(file, paths):
    return any(file == path or path.endswith("/") and file.startswith(path) for path in paths)


def check_cost(recipe):
    """The recipe touches what the page names, nothing else, and no more than was promised."""
    paths = named_files(recipe)
    strays = [file for file in recipe.touched() if not is_named(file, paths)]
    if strays:
        raise RecipeError(f"the page does not name {', '.join(strays)}")
    changed = [file for file in recipe.touched() if file.startswith("engine/") and (SOURCE / file).exists()]
    if len(changed) > recipe.most_changed:
        raise RecipeError(f"changes {len(changed)} files of engine/, {recipe.most_changed} at most: {', '.join(changed)}")


def source_files():
    """Those of the working copy, whether or not they are committed; all that is there where git is not."""
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True)
    if listed.returncode == 0:
        files = listed.stdout.splitlines()
    else:
        files = [path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*")]
    return [file for file in files if (SOURCE / file).is_file() and not file.startswith("build")]


def copy_source(top):
    """Makes `top` a copy of the source. A file that is right already keeps its time, so that the next build is short."""
    files = set(source_files())
    for path in [path for path in top.rglob("*") if path.is_file()]:
        if path.relative_to(top).as_posix() not in files:
            path.unlink()
    for file in files:
        target = top / file
        if target.exists() and target.read_bytes() == (SOURCE / file).read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SOURCE / file, target)
        shutil.copymode(SOURCE / file, target)


class Program:
    """The executables of a copy with recipes, and a folder to run them in."""

    def __init__(self, top, build):
        self.top, self.build = top, build
        self.fleet_sim, self.fleet_tests = build / "fleet-sim", build / "tests" / "fleet_tests"
        self.folder = top  # until it begins to run

    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="fleet-sim-recipe-"))

    def compile(self):
        options = ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O0", "-DCMAKE_UNITY_BUILD=ON",
                   "-DFLEET_SIM_TESTS=ON", "-DFLEET_SIM_WERROR=ON"]
        if shutil.which("ninja"):
            options += ["-G", "Ninja"]
        for command in (["cmake", "-S", self.top, "-B", self.build, *options],
                        ["cmake", "--build", self.build, "-j", str(os.cpu_count()), "--target", "fleet-sim", "fleet_tests"]):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise RecipeError(f"does not build:\n{(done.stdout + done.stderr)[-4000:]}")

    def environment(self, **more):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("FLEET_SIM", "SENSOR_"))}
        return {**clean, "FLEET_SIM_MONITORING_ENABLED": "false", **more}

    def run(self, *arguments, code=0, **variables):
        """What it prints, on either output."""
        done = subprocess.run([self.fleet_sim, *map(str, arguments)], cwd=self.folder, env=self.environment(**variables),
                              capture_output=True, text=True, timeout=300)
        if done.returncode != code:
            raise RecipeError(f"{' '.join(map(str, arguments))} exits with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def history(self, *arguments, data="data", **variables):
        """Writes an hour of the demo sensors, and returns what was printed."""
        return self.run("--identities", self.top / "identities", "--data-dir", data, "--speed", "max", "--seed", 7, "--start",
                        "2026-01-01", "--duration", "1h", *arguments, **variables)

    def rows(self, sql):
        """What the one shard of `data` holds."""
        (shard,) = self.folder.glob("data/*.db")
        with closing(sqlite3.connect(shard)) as connection:
            return connection.execute(sql).fetchall()

    def answers(self, *paths):
        """What a run in real time answers under these paths."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        running = subprocess.Popen([self.fleet_sim, "--identities", self.top / "identities", "--data-dir", "live", "--duration", "0",
                                    "--quiet", "--status-address", address], cwd=self.folder,
                                   env=self.environment(FLEET_SIM_MONITORING_ENABLED="true"), stdout=subprocess.DEVNULL)
        try:
            return [self.answer(f"http://{address}{path}") for path in paths]
        finally:
            running.terminate()
            running.wait(60)

    @staticmethod
    def answer(url):
        deadline = time.monotonic() + 60
        while True:
            try:
                return urllib.request.urlopen(url, timeout=10).read().decode()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def unit_tests(self, files="*", **variables):
        """Of these files; those that measure time do not run, so that other work beside this check cannot fail it."""
        command = [self.fleet_tests, f"--source-file={files}", "--source-file-exclude=*stalled_disk_test.cc,*bench_test.cc"]
        done = subprocess.run(command, cwd=self.folder, env=self.environment(**variables), capture_output=True, text=True, timeout=900)
        if done.returncode != 0 or re.search(r"test cases: +0 ", done.stdout):
            raise RecipeError(f"{files}:\n{done.stdout[-4000:]}{done.stderr}")

    def page(self, path):
        return (self.top / path).read_text(encoding="utf-8")

    def check_floors(self):
        done = subprocess.run(["python3", "-B", self.top / "tests/floor_check.py", self.top / "engine"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RecipeError(done.stdout + done.stderr)

    def remove_folder(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def expect(text, *parts):
    for part in parts:
        if part not in text:
            raise RecipeError(f"{part!r} is not in:\n{text[:4000]}")
