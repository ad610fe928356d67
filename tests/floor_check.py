#!/usr/bin/env python3
"""Fails when an include climbs: a room of engine/ may include itself and rooms on lower floors, nothing else.

Also fails when a third-party header is included outside its homes, when a file is not in the namespace of its room, when a
room has outgrown its size, and when the model calls library functions whose last bit differs between machines. The floors are
those of engine/README.md, drawn here once more. `--self-test` proves on a temporary tree that offenders are caught.

usage: floor_check.py ENGINE_DIRECTORY | floor_check.py --self-test
"""

import re
import sys
import tempfile
import unittest
from pathlib import Path

FLOOR = {
    "base": 0,
    "types": 1, "zones": 1, "files": 1, "foreign": 1,
    "yaml": 2, "identity": 2, "batch": 2, "log": 2, "sources": 2,
    "declare": 3, "scenario": 3, "format": 3,
    "config": 4,
    "model": 5, "write": 5, "status": 5, "generate": 5, "tables": 5, "convert": 5,
    "timeline": 5, "manual": 5, "delivery": 5,
    "fleet": 6, "sqlite": 6, "manifest": 6,
    "schedule": 7, "explain": 7, "data": 7,
    "history": 8, "score": 8, "course": 8,
    "start": 9, "report": 9, "export": 9, "sql": 9,
    "preview": 10, "audit": 10,
    "run": 11,
    "benchmark": 12,
    "app": 13,
}

# Header prefix -> the beginnings of the paths (below engine/) that may include it. The longest prefix counts. A header of a
# library that has no home here may not be included at all.
HOMES = {
    "boost/asio/": ("schedule/", "run/", "status/http_server.", "line_server/http_client."),
    "boost/beast/": ("status/http_server.", "line_server/http_client."),
    "boost/lockfree/": ("batch/",),
    "boost/math/": ("report/rate.",),
    "boost/version.hpp": ("app/version.",),
    "date/": ("zones/zone_data.",),
    "yaml-cpp/": ("yaml/",),
    "nlohmann/": ("identity/identity_events.", "status/route.", "manifest/progress.", "app/version."),
    "spdlog/": ("log/",),
    "spdlog/version.h": ("app/version.",),
    "fmt/": ("",),
    "tbb/": ("",),
    "oneapi/tbb/": ("",),
    "sqlite3.h": ("tables/database.",),
    "sqlite3ext.h": ("tables/database.",),
    "histedit.h": ("sql/prompt.",),
    "libpq-fe.h": ("postgresql/",),
    "zlib.h": ("export/gzip.",),
    "CLI/": ("app/", "manual/option_table."),
}
SYSTEM = ("sys/", "netinet/", "arpa/", "linux/")

# `export` is a word of the language.
NAMESPACE = {room: f"fleet_sim::{room}" for room in FLOOR} | {"base": "fleet_sim", "export": "fleet_sim::exports"}

# More means that another room is hiding in it.
MOST_LINES = {room: 3500 for room in FLOOR} | {"app": 2500}
MOST_FILES = 36

# Where readings come from, and the functions of <cmath> that no standard rounds for all (floor, fabs and sqrt are exact).
EXACT = ("model/", "sources/", "delivery/", "fleet/", "base/random.", "base/math.", "base/normal.", "base/cadence.")
INEXACT_CALL = re.compile(r"\bstd::(a?(?:sin|cos|tan)h?|atan2|exp[2m1]*|log(?:10|2|1p)?|pow|cbrt|hypot|erfc?|[lt]gamma|"
                          r"\w+_distribution)\b")

NAMED = re.compile(r"^namespace (fleet_sim[\w:]*) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FORWARD = re.compile(r"(\s*(class|struct|enum class) [\w :]+;)*\s*")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def offences_of_include(file, header, quoted):
    room, target = file.split("/")[0], header.split("/")[0]
    if ".." in header.split("/"):
        yield "goes through '..'; name the room instead"
    elif target in FLOOR and "/" in header:
        if target != room and FLOOR[target] >= FLOOR[room]:
            kind = "a sibling" if FLOOR[target] == FLOOR[room] else "a higher floor"
            yield f"{room} (floor {FLOOR[room]}) includes {target} (floor {FLOOR[target]}), {kind}"
    elif quoted and "/" not in header:
        yield "names no room; includes are room/file.h"
    elif not quoted:
        prefix = max((one for one in HOMES if header.startswith(one)), key=len, default=None)
        if prefix is None and "/" in header and not header.startswith(SYSTEM):
            yield "is of a library without a home; add one to HOMES"
        elif prefix is not None and not file.startswith(HOMES[prefix]):
            yield f"{prefix} belongs to {', '.join(HOMES[prefix])} only"


def offences_of_size(engine, files):
    for room in FLOOR:
        inside = [path for path in files if path.relative_to(engine).parts[0] == room]
        lines = sum(path.read_text(encoding="utf-8").count("\n") for path in inside)
        if lines > MOST_LINES[room]:
            yield f"{room}: {lines} lines, {MOST_LINES[room]} at most; another room is hiding in it"
        if len(inside) > MOST_FILES:
            yield f"{room}: {len(inside)} files, {MOST_FILES} at most; another room is hiding in it"


def offences_of_namespace(file, text):
    """What a file declares is in the namespace of its room; of other rooms it may name types without defining them."""
    own = NAMESPACE[file.split("/")[0]]
    blocks = NAMED.findall(text)
    for name, body in blocks:
        if name != own and not FORWARD.fullmatch(body):
            yield f"{file}: declares things in {name}, not in {own}"
    if own not in (name for name, _ in blocks):
        yield f"{file}: is not in the namespace {own}"


def add_sinks(engine):
    """The rooms of the sinks, which a table names, stand on the floor of the destinations."""
    table = engine / "config/sinks.def"
    for name in re.findall(r"^SINK\((\w+)", table.read_text(encoding="utf-8") if table.exists() else "", re.MULTILINE):
        FLOOR.setdefault(name, FLOOR["sqlite"])
        NAMESPACE.setdefault(name, f"fleet_sim::{name}")
        MOST_LINES.setdefault(name, MOST_LINES["sqlite"])


def offences(engine):
    """One line per offence, in the form file:line: include: why."""
    add_sinks(engine)
    files = sorted(path for path in engine.rglob("*") if path.suffix in (".h", ".cc"))
    if not files:
        yield f"{engine}: no sources found"
    yield from offences_of_size(engine, files)
    for path in files:
        file = path.relative_to(engine).as_posix()
        if file.split("/")[0] not in FLOOR:
            yield f"{file}: lies in no known room; add the room to FLOOR"
            continue
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            for why in offences_of_include(file, match[2], match[1] == '"'):
                yield f"{file}:{line}: {match[2]}: {why}"
        yield from offences_of_namespace(file, text)
        for match in INEXACT_CALL.finditer(text) if file.startswith(EXACT) else ():
            line = text.count("\n", 0, match.start()) + 1
            yield f"{file}:{line}: {match[0]}: differs in its last bit between machines; see base/math.h"


class SelfTest(unittest.TestCase):
    def check(self, **files):
        """The offences of a tree given as room__file_ext='text'. A text without a namespace gets that of its room."""
        with tempfile.TemporaryDirectory() as tree:
            for name, text in files.items():
                path = Path(tree, name.replace("__", "/").replace("_dot_", "."))
                path.parent.mkdir(parents=True, exist_ok=True)
                own = NAMESPACE.get(name.split("__")[0], "fleet_sim")
                path.write_text(text if "namespace" in text else f"{text}\nnamespace {own} {{\n}}\n", encoding="utf-8")
            return list(offences(Path(tree)))

    def test_lower_floors_and_the_own_room_are_fine(self):
        self.assertEqual(self.check(
            model__signal_dot_h='#include <cmath>\n#include "base/random.h"\n#include "model/profile.h"\n',
            app__main_dot_cc='#include <CLI/CLI.hpp>\n#include "schedule/scheduler.h"\n',
            tables__database_dot_h="#include <sqlite3.h>\n",
            status__http_server_dot_cc="#include <boost/beast/core.hpp>\n#include <boost/asio/post.hpp>\n",
            fleet__fleet_dot_h='// #include "app/main.h" would climb\n'), [])

    def test_a_higher_floor_is_caught(self):
        (found,) = self.check(base__clock_dot_h='\n#include "app/log.h"\n')
        self.assertIn("base/clock.h:2: app/log.h", found)
        self.assertIn("higher floor", found)

    def test_a_sibling_is_caught(self):
        for include in ('#include "status/route.h"', "  #  include <status/text.h>"):
            (found,) = self.check(model__signal_dot_h=include)
            self.assertIn("sibling", found)

    def test_ways_around_are_caught(self):
        self.assertIn("'..'", self.check(base__clock_dot_h='#include "../app/log.h"')[0])
        self.assertIn("no room", self.check(base__clock_dot_h='#include "random.h"')[0])
        self.assertIn("no known room", self.check(attic__box_dot_h="")[0])
        self.assertIn("no sources", self.check()[0])

    def test_inexact_functions_are_caught_where_readings_come_from(self):
        for call in ("std::sin(x)", "std::log1p(x)", "std::normal_distribution<> d", "std::exp2(x)", "std::atan2(y, x)"):
            for file in ("model__signal_dot_cc", "sources__noise_dot_cc"):
                (found,) = self.check(**{file: f"double y = {call};"})
                self.assertIn("differs in its last bit", found)
            self.assertEqual(self.check(status__text_dot_cc=f"double y = {call};"), [])
        self.assertEqual(self.check(base__math_dot_cc="std::floor(x) + std::fabs(x) + std::sqrt(x) + std::exponent"), [])

    def test_stray_third_party_headers_are_caught(self):
        for header in ("boost/asio/post.hpp", "boost/beast/http.hpp", "boost/lockfree/queue.hpp",
                       "boost/math/distributions/students_t.hpp", "yaml-cpp/yaml.h",
                       "nlohmann/json.hpp", "sqlite3.h", "CLI/CLI.hpp", "date/tz.h"):
            (found,) = self.check(model__signal_dot_cc=f"#include <{header}>")
            self.assertIn(header, found)
        self.assertEqual(len(self.check(sqlite__shard_dot_cc="#include <sqlite3.h>")), 1)
        self.assertEqual(len(self.check(status__text_dot_cc="#include <boost/asio.hpp>")), 1)
        self.assertEqual(len(self.check(run__run_info_dot_cc="#include <spdlog/version.h>")), 1)
        self.assertIn("without a home", self.check(base__text_dot_cc="#include <boost/regex.hpp>")[0])
        self.assertIn("without a home", self.check(base__text_dot_cc="#include <Eigen/Dense>")[0])
        self.assertEqual(self.check(base__new_file_dot_cc="#include <sys/stat.h>\n#include <fmt/format.h>"), [])

    def test_a_stray_namespace_is_caught(self):
        for text in ("namespace fleet_sim {\nint x;\n}\n", "namespace fleet_sim::status {\nint x;\n}\n", "namespace {\n}\n"):
            self.assertIn("fleet_sim::model", self.check(model__signal_dot_cc=text)[-1])
        self.assertEqual(self.check(export__labels_dot_cc="namespace fleet_sim::exports {\n}\n"), [])
        self.assertEqual(self.check(run__simulator_dot_h="namespace fleet_sim::sqlite {\nclass Shard;\n}\n"
                                                         "namespace fleet_sim::run {\n}\n"), [])

    def test_a_room_that_has_outgrown_its_size_is_caught(self):
        text = "namespace fleet_sim::app {\n}\n" + "\n" * 2498
        self.assertEqual(self.check(app__main_dot_cc=text), [])
        self.assertIn("2501 lines", self.check(app__main_dot_cc=text + "\n")[0])
        many = {f"run__part_{i}_dot_h": "" for i in range(37)}
        self.assertIn("37 files", self.check(**many)[0])
        many.popitem()
        self.assertEqual(self.check(**many), [])


def main():
    if sys.argv[1:] == ["--self-test"]:
        unittest.main(argv=sys.argv[:1])
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(offences(Path(sys.argv[1])))
    print("\n".join(found) if found else "every include stays on or below its floor, every file in its room")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
