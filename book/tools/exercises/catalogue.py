"""Find the exercises of all chapters by name."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from pathlib import Path

from minigrad_book.tools.exercises.entry import Chapter, Exercise

BOOK = Path(__file__).parents[2]


@cache
def catalogue() -> dict[str, Chapter]:
    """Return a dict from chapter name to chapter, for every folder of the book with an `exercises.py`."""
    folders = sorted(path.parent.name for path in BOOK.glob("*/exercises.py"))
    modules = [import_module(f"minigrad_book.{folder}.exercises") for folder in folders]
    return {module.chapter.name: module.chapter for module in modules}


def exercises() -> list[Exercise]:
    return [exercise for chapter in catalogue().values() for exercise in chapter.exercises]


def exercise_named(name: str) -> Exercise:
    """Return the exercise called `name`. If there is none, raise a ValueError that lists similar names."""
    if not isinstance(name, str):
        raise TypeError(f'an exercise name must be text such as "bias-correction/2", got {name!r}')
    names = {exercise.name: exercise for exercise in exercises()}
    if name in names:
        return names[name]
    chapter = catalogue().get(name.partition("/")[0])
    if chapter:
        near = f"that chapter has {chapter.name}/1 to {chapter.name}/{len(chapter.exercises)}"
    else:
        close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        near = f"did you mean {' or '.join(close)}?" if close else f"the chapters are {', '.join(catalogue())}"
    raise ValueError(f"there is no exercise {name!r}: {near}")
