#!/usr/bin/env python3
"""Holds CONTRIBUTING.md's recipes to what they promise: each applies to a copy of the source and touches no other files than its
section names; the copy builds with warnings as errors, its rooms stay on their floors, its unit tests pass, and the new thing
works.

  check_recipes.py [NAME ...]      of: kind, sink, metric, key; all when none is named. They share one copy, so that it is built
                                   once, in build-recipes/.
  check_recipes.py --apply         only applies each to a copy of its own and counts the files, which takes a second
"""

import sys
import tempfile
from pathlib import Path

from examples import RECIPES
from recipe import SOURCE, Program, RecipeError, check_cost, copy_source

FOLDER = SOURCE / "build-recipes"


def apply(recipe, top):
    check_cost(recipe)
    for edit in recipe.edits:
        edit.apply(top)


def only_apply(recipe):
    with tempfile.TemporaryDirectory(prefix="fleet-sim-recipe-") as folder:
        copy_source(Path(folder))
        apply(recipe, Path(folder))


def try_out(recipe, program):
    program.begin()
    try:
        program.unit_tests(f"*{recipe.unit_test}")
        recipe.see(program)
    finally:
        program.remove_folder()


def built(recipes):
    top = FOLDER / "source"
    top.mkdir(parents=True, exist_ok=True)
    copy_source(top)
    for recipe in recipes:
        apply(recipe, top)
    program = Program(top, FOLDER / "build")
    program.check_floors()
    program.compile()
    program.unit_tests("*config_page_test.cc", FLEET_SIM_WRITE_PAGES="1")
    program.unit_tests()
    return program


def passes(recipe, act):
    try:
        act(recipe)
    except RecipeError as error:
        print(f"{recipe.heading}: {error}", file=sys.stderr, flush=True)
        return False
    print(f"{recipe.heading}: {len(recipe.touched())} files", flush=True)
    return True


def main():
    names = [word for word in sys.argv[1:] if word != "--apply"]
    known = {recipe.name: recipe for recipe in RECIPES}
    if any(name not in known for name in names):
        sys.exit(__doc__)
    recipes = [known[name] for name in names or known]
    act = only_apply
    if "--apply" not in sys.argv:
        try:
            program = built(recipes)
        except RecipeError as error:
            sys.exit(str(error))
        act = lambda recipe: try_out(recipe, program)
    sys.exit(0 if all([passes(recipe, act) for recipe in recipes]) else 1)


if __name__ == "__main__":
    main()
