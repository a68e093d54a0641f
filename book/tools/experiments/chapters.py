"""Every chapter's experiments, found by name."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path

from minigrad_book.tools.experiments.config import Experiment

BOOK = Path(__file__).parents[2]


@cache
def catalogue() -> dict[str, Experiment]:
    """Name → experiment, for every chapter's folder with an `experiments.py`, which lists them as `EXPERIMENTS`."""
    found: dict[str, Experiment] = {}
    for folder in sorted(path.parent.name for path in BOOK.glob("*/experiments.py")):
        for experiment in import_module(f"minigrad_book.{folder}.experiments").EXPERIMENTS:
            if (other := found.get(experiment.name)) is not None:
                raise ValueError(f"{folder} and {other.chapter} both have an experiment called {experiment.name!r}")
            found[experiment.name] = replace(experiment, chapter=folder)
    return found


def named(name: str, quick: bool = False) -> Experiment:
    """The experiment of this name, or its quick version; ValueError lists the names there are."""
    if name not in catalogue():
        raise ValueError(f"unknown experiment {name!r}; there are {', '.join(catalogue())}")
    return catalogue()[name].quick() if quick else catalogue()[name]
