"""A schedule that is half-finished: what it lacks, by name, and where to add it."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minigrad import schedules
from minigrad.schedules.schedule import Schedule, schedule

ROOT = Path(__file__).parents[2]
PAGE = "book/reference/rules.md"
TABLES = runpy.run_path(str(Path(__file__).with_name("test_schedules.py")))
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "book").rglob("*.md"))
MARKED = {  # the equations that some test checks
    tag
    for path in (ROOT / "tests").rglob("*.py")
    for tag in re.findall(r'^ *@pytest\.mark\.equation\("(.+)"\)$', path.read_text(encoding="utf-8"), re.M)
}


def made(*tables: str) -> set[str]:
    """The names of the functions whose schedules are compared in these tables."""
    return {repr(row[0]).partition("(")[0] for table in tables for row in TABLES[table].values()}


COMPARED = made("FORMULAS", "PEERS")
DRAWN = TABLES["STRATEGIES"].keys()
REFUSED = {name for call, *_ in TABLES["BAD"].values() for name in call.__code__.co_names}


def factories() -> Iterator[Callable[..., Schedule]]:
    """Every public function of minigrad.schedules that makes a schedule."""
    for name, value in vars(schedules).items():
        if not name.startswith("_") and hasattr(value, "__wrapped__"):
            yield value


def missing(factory: Callable[..., Schedule]) -> Iterator[str]:
    """What a finished schedule has and this one hasn't."""
    name, text = factory.__name__, factory.__doc__ or ""
    if name not in COMPARED:
        yield "a row that makes it in FORMULAS or PEERS, tests/schedules/test_schedules.py"
    if name not in DRAWN:
        yield "a row of its name in STRATEGIES, tests/schedules/test_schedules.py"
    if name not in REFUSED:
        yield "a row that it refuses in BAD, tests/schedules/test_schedules.py"
    if f"`{name}" not in PAGES:
        yield f"`{name}` on {PAGE}"
    if not re.search(r"η_t = |·", text):
        yield "its docstring's formula"
    if "Source:" not in text:
        yield "its docstring's source"
    for argument in inspect.signature(factory).parameters:
        if not re.search(rf"^ +(\w+, )*{argument}\b[\w, ]* : ", text.partition("Parameters\n")[2], re.M):
            yield f"its docstring's entry for the argument {argument}"
    tags = set(tags_of(inspect.unwrap(factory)))
    if not tags:
        yield "a comment `# eq:NAME` at the line that computes its equation"
    for tag in sorted(tags):
        if f"(eq:{tag})" not in PAGES:
            yield f"the equation with the label (eq:{tag}) on {PAGE}"
        if tag not in MARKED:
            yield f'a test with the mark @pytest.mark.equation("{tag}"), tests/schedules/test_schedules.py'


def tags_of(function: Callable) -> list[str]:
    """The equations that a function computes, or another schedule that it is made of."""
    inner = [function.__globals__.get(name) for name in function.__code__.co_names]
    found = [tag for other in inner if hasattr(other, "__wrapped__") for tag in tags_of(inspect.unwrap(other))]
    return re.findall(r"# eq:([\w-]+)", inspect.getsource(function)) + found


def report(factory: Callable[..., Schedule]) -> str:
    return "\n  - ".join([f"{factory.__name__} is half-finished; it lacks", *missing(factory)])


@pytest.mark.parametrize("factory", list(factories()), ids=lambda factory: factory.__name__)
def test_a_schedule_is_complete(factory):
    assert not list(missing(factory)), report(factory)


def test_the_rules_that_the_book_has_are_found():
    assert {"constant", "cosine_decay", "warmup"} <= {factory.__name__ for factory in factories()}


@schedule
def sawtooth(lr, length):
    return lambda t: lr * (t % length)  # eq:sawtooth-of-nowhere


def test_the_report_on_a_half_finished_schedule_lists_all_that_it_lacks():
    assert report(sawtooth).splitlines() == [
        "sawtooth is half-finished; it lacks",
        "  - a row that makes it in FORMULAS or PEERS, tests/schedules/test_schedules.py",
        "  - a row of its name in STRATEGIES, tests/schedules/test_schedules.py",
        "  - a row that it refuses in BAD, tests/schedules/test_schedules.py",
        "  - `sawtooth` on book/reference/rules.md",
        "  - its docstring's formula",
        "  - its docstring's source",
        "  - its docstring's entry for the argument lr",
        "  - its docstring's entry for the argument length",
        "  - the equation with the label (eq:sawtooth-of-nowhere) on book/reference/rules.md",
        '  - a test with the mark @pytest.mark.equation("sawtooth-of-nowhere"), tests/schedules/test_schedules.py',
    ]
