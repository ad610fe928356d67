#!/usr/bin/env python3
"""Holds CONTRIBUTING.md's recipes to what they promise: each is applied to a copy of the source, touches no other files than its
section names, builds with warnings as errors, keeps the rooms on their floors, passes a test of its own, and the new thing works.

  check_recipes.py [NAME ...]      of: kind, sink, metric, key; all when none is named. Builds in build-recipes/.
  check_recipes.py --apply         only applies them to a copy and counts the files, which takes a second
"""

import sys
import tempfile
from pathlib import Path

from examples import RECIPES
from recipe import SOURCE, Program, RecipeError, check_cost, copy_source

FOLDER = SOURCE / "build-recipes"


def apply(recipe, top):
    check_cost(recipe)
    top.mkdir(parents=True, exist_ok=True)
    copy_source(top)
    for edit in recipe.edits:
        edit.apply(top)


def try_out(recipe):
    top = FOLDER / "source"
    apply(recipe, top)
    program = Program(top, FOLDER / "build")
    try:
        program.check_floors()
        program.compile()
        program.unit_test(recipe.unit_test)
        recipe.see(program)
    finally:
        program.remove_folder()


def only_apply(recipe):
    with tempfile.TemporaryDirectory(prefix="fleet-sim-recipe-") as folder:
        apply(recipe, Path(folder))


def main():
    names = [word for word in sys.argv[1:] if word != "--apply"]
    known = {recipe.name: recipe for recipe in RECIPES}
    if any(name not in known for name in names):
        sys.exit(__doc__)
    act = only_apply if "--apply" in sys.argv else try_out
    failed = False
    for name in names or known:
        try:
            act(known[name])
            print(f"{known[name].heading}: {len(known[name].touched())} files", flush=True)
        except RecipeError as error:
            print(f"{known[name].heading}: {error}", file=sys.stderr, flush=True)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
